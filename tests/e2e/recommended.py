"""docs/haproxy.cfg, as it is but for paths, addresses and the user."""

import os
import pathlib
import re

TEXT = (pathlib.Path(os.environ["top_srcdir"]) / "docs/haproxy.cfg")
MASTER = 'master_socket = "{master}"; '


def template(agent_port=None, more=""):
    """A template for world.HAProxy.  Without @agent_port the agent checks are
    left out.  @more goes into the frontend."""
    def write(haproxy):
        text = TEXT.read_text()
        changes = [
            (r"(?m)^    (log /dev/log|user|group) .*\n", ""),
            (r"/run/haproxy/admin.sock mode 660", haproxy.socket),
            (r"bind :80\n", f"bind 127.0.0.1:{haproxy.port}\n{more}"),
            (r"(?m)^    server (\S+) \S+", lambda m:
             f"    server {m[1]} 127.0.0.1:{haproxy.servers[m[1]]}"),
        ]
        if agent_port is None:
            changes += [(r" agent-check .*", ""), (r" agent-send .*", "")]
        else:
            changes += [(r"agent-port \d+", f"agent-port {agent_port}")]
        for old, new in changes:
            text, count = re.subn(old, new, text)
            assert count > 0, old
        return text
    return write
