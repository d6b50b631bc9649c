"""https and tls checks: names, authorities, days, client certificates."""

import ssl
import time

import pytest

from certs import Authority, wrapper
from peers import (FOR_EVER, NO_CERT, OK, SOON, Server, answering, black_hole, check, checks,
                   refused)

KINDS = ["https", "tls"]
GOOD = {"https": "L7OK", "tls": "L6OK"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture(scope="module")
def good(authority):
    return authority.make("good")


def serve(cert, clients=None, version=None, talk=None):
    return Server(talk or answering(OK), wrap=wrapper(cert, clients, version))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_good_certificate_passes_and_its_days_are_told(kind, host, authority,
                                                         good):
    with serve(good) as server:
        result = check(kind, host, server.port, f"ca_file={authority.file}")
    assert result.code == GOOD[kind], result
    assert result.days == 90


@pytest.mark.parametrize("kind", KINDS)
def test_an_ipv6_address_is_reached_and_verified(kind, authority):
    cert = authority.make("six", alt="IP:::1")
    with Server(answering(OK), host="::1", wrap=wrapper(cert)) as server:
        result = check(kind, "::1", server.port, f"ca_file={authority.file}")
    assert result.code == GOOD[kind], result


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_verified_can_be_given(kind, authority, good):
    ca = f"ca_file={authority.file}"
    with serve(good) as server:
        assert check(kind, "127.0.0.1", server.port, ca,
                     "server_name=api.example").code == GOOD[kind]
        assert check(kind, "127.0.0.1", server.port, ca,
                     "host=api.example:8443").code == GOOD[kind]


def test_the_host_header_is_the_targets_own(authority, good):
    with serve(good) as server:
        check("https", "127.0.0.1", server.port, f"ca_file={authority.file}",
              "server_name=api.example")
        check("https", "127.0.0.1", server.port, f"ca_file={authority.file}",
              "host=api.example", "header=X-Probe: 1", "method=HEAD")
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % server.port in server.requests[0]
    assert b"\r\nHost: api.example\r\n" in server.requests[1]
    assert b"\r\nX-Probe: 1\r\n" in server.requests[1]
    assert server.requests[1].startswith(b"HEAD / HTTP/1.1\r\n")


def test_the_server_hears_which_name_is_wanted(authority, good):
    heard = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(good)
    context.sni_callback = lambda _sock, name, _ctx: heard.append(name)

    def wrap(conn):
        return context.wrap_socket(conn, server_side=True)

    with Server(answering(OK), wrap=wrap) as server:
        for kind in KINDS:
            for name in ["server_name=api.example", "verify=no"]:
                check(kind, "127.0.0.1", server.port,
                      f"ca_file={authority.file}", name)
    assert heard == ["api.example", None] * 2


BAD = {
    "expired": ({"days": -1, "begin": -9}, "expired"),
    "not yet valid": ({"begin": 5}, "not yet valid"),
    "wrong name": ({"alt": "DNS:db.example"}, "match"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", BAD)
def test_a_bad_certificate_fails_and_says_why(kind, what, authority):
    options, why = BAD[what]
    ca = f"ca_file={authority.file}"
    cert = authority.make(what.replace(" ", "-"), **options)
    with serve(cert) as server:
        result = check(kind, "127.0.0.1", server.port, ca)
        lenient = check(kind, "127.0.0.1", server.port, "verify=no",
                        "expires_within_days=3")
    assert result.code == "L6RSP"
    assert why in result.text
    if what == "expired":
        assert lenient.code == "L7OKC"
        assert lenient.days == -1
        assert lenient.text == "the certificate has expired"
    else:
        assert lenient.code == GOOD[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_another_authority_is_not_believed(kind, other, good):
    with serve(good) as server:
        for ca in [[f"ca_file={other.file}"], []]:
            result = check(kind, "127.0.0.1", server.port, *ca)
            assert result.code == "L6RSP"
            assert "issuer" in result.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_near_its_end_is_a_warning(kind, authority):
    ca = f"ca_file={authority.file}"
    with serve(authority.make("short", days=20)) as server:
        near = check(kind, "127.0.0.1", server.port, ca,
                     "expires_within_days=21")
        far = check(kind, "127.0.0.1", server.port, ca,
                    "expires_within_days=19")
    assert near.code == "L7OKC"
    assert near.text == "the certificate expires in 20 days"
    assert far.code == GOOD[kind]
    assert far.days == near.days == 20


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_shown(version, authority, other, good):
    ca = f"ca_file={authority.file}"
    mine = other.make("client")
    with serve(good, other, version) as server:
        result = check("https", "127.0.0.1", server.port, ca,
                       f"cert_file={mine}")
        assert result.code == "L7OK", result
        result = check("https", "127.0.0.1", server.port, ca)
        assert result.code == "L6RSP", result
        assert "alert" in result.text
        result = check("tls", "127.0.0.1", server.port, ca,
                       f"cert_file={mine}", f"key_file={mine}")
        assert result.code == "L6OK", result


def test_https_holds_its_connection_and_knows_the_days_on_it(authority, good):
    with serve(good) as server:
        results = checks("https", "127.0.0.1", server.port, "fresh_every=3",
                         f"ca_file={authority.file}", times=6)
    assert [r.code for r in results] == ["L7OK"] * 6
    assert [r.days for r in results] == [90] * 6
    assert server.connections == 2


def test_targets_that_share_a_certificate_share_no_connection(authority, good):
    with serve(good) as one, Server(answering(OK), host="127.0.0.2",
                                    port=one.port,
                                    wrap=wrapper(good)) as two:
        results = checks("https", "127.0.0.1,127.0.0.2", one.port,
                         f"ca_file={authority.file}",
                         "server_name=api.example", times=6)
    assert [r.code for r in results] == ["L7OK"] * 6
    for server in one, two:
        assert server.connections == 1
        assert len(server.requests) == 3


def test_https_survives_a_server_that_drops_idle_connections(authority, good):
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(OK)

    with serve(good, talk=talk) as server:
        results = checks("https", "127.0.0.1", server.port,
                         f"ca_file={authority.file}", times=3)
    assert [r.code for r in results] == ["L7OK"] * 3


def test_https_judges_status_and_body(authority, good):
    ca = f"ca_file={authority.file}"
    with serve(good) as server:
        port = server.port
        assert check("https", "127.0.0.1", port, ca,
                     "status=204").text == "wanted status 204"
        assert check("https", "127.0.0.1", port, ca,
                     "body=sick").text == "body lacks: sick"
        assert check("https", "127.0.0.1", port, ca,
                     "body_regex=h[aeiou]+lthy").code == "L7OK"


def test_a_body_without_end_fails(authority, good):
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"z" * 65536)

    with serve(good, talk=talk) as server:
        result = check("https", "127.0.0.1", server.port,
                       f"ca_file={authority.file}", timeout=20000)
    assert result.code == "L7RSP"
    assert result.text == "a body of more than 1 MiB"


@pytest.mark.parametrize("kind", KINDS)
def test_refused_and_silent_are_told_apart(kind):
    with refused() as port:
        assert check(kind, "127.0.0.1", port).code == "L4CON"
    with black_hole() as port:
        result = check(kind, "127.0.0.1", port, timeout=200)
    assert result.code == "L4TOUT"
    assert 200 <= result.ms < SOON
    assert result.days == NO_CERT


@pytest.mark.parametrize("kind", KINDS)
def test_silence_in_the_handshake_is_layer_6(kind):
    def talk(_server, _conn, _number):
        time.sleep(FOR_EVER)

    with Server(talk) as server:
        result = check(kind, "127.0.0.1", server.port, timeout=200)
    assert result.code == "L6TOUT"
    assert 200 <= result.ms < SOON


@pytest.mark.parametrize("kind", KINDS)
def test_what_speaks_no_tls_is_layer_6(kind):
    def talk(_server, conn, _number):
        conn.recv(100)
        conn.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with Server(talk) as server:
        result = check(kind, "127.0.0.1", server.port)
    assert result.code == "L6RSP"
    assert result.text


def test_silence_after_the_handshake_is_layer_7(authority, good):
    def talk(server, conn, number):
        server.read(conn)
        if number == 1:
            conn.sendall(OK)
            server.read(conn)
        time.sleep(FOR_EVER)

    with serve(good, talk=talk) as server:
        results = checks("https", "127.0.0.1", server.port,
                         f"ca_file={authority.file}", times=3, timeout=3000)
    assert [r.code for r in results] == ["L7OK", "L7TOUT", "L7TOUT"]
    assert server.connections == 2
