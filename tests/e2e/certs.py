"""Certificates made by openssl for one test run."""

import datetime
import ssl
import subprocess
import time

CONFIG = """
[ca]
default_ca = own
[own]
dir = {folder}
database = $dir/{ca}.index
new_certs_dir = $dir
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


class Authority:
    """A CA in a folder; make() returns a file with certificate and key."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        self.config = folder / f"{name}.conf"
        self.config.write_text(CONFIG.format(folder=folder, ca=name))
        (folder / f"{name}.index").touch()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-days", 3650, "-keyout", self.key, "-out", self.file)

    def make(self, name, alt="DNS:localhost,DNS:api.example,IP:127.0.0.1",
             days=90, begin=-2):
        """A certificate from @begin to @days days from now."""
        now = datetime.datetime.now(datetime.timezone.utc)

        def day(count):
            time = now + datetime.timedelta(days=count, minutes=5)
            return time.strftime("%Y%m%d%H%M%SZ")

        path = self.folder / f"{self.name}-{name}"
        key, request = path.with_suffix(".key"), path.with_suffix(".csr")
        cert, both = path.with_suffix(".crt"), path.with_suffix(".both")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={alt}", "-keyout", key,
                "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert",
                self.file, "-keyfile", self.key, "-startdate", day(begin),
                "-enddate", day(days), "-in", request, "-out", cert)
        both.write_bytes(cert.read_bytes() + key.read_bytes())
        return both


def wrapper(cert, clients=None, version=None):
    """For peers.Server: TLS with @cert; wants certificates of @clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    if version:
        context.maximum_version = version
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)

    def wrap(conn):
        conn = context.wrap_socket(conn, server_side=True,
                                   do_handshake_on_connect=False)
        try:
            conn.do_handshake()
            return conn
        except ssl.SSLError:
            time.sleep(0.1)  # the alert is not overtaken by a reset
            raise

    return wrap
