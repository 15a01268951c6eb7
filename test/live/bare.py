"""hyper with no package beside it, against a real server: a fresh container, the moment after.

    python -m test.live.bare

Needs nghttpd and the openssl command, and nothing from PyPI, not even pytest.  tox's `bare` runs it
where there is nothing else; it fails where a package that hyper could use is there after all.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import hyper
from hyper.tls import init_context
from test.live import servers

if TYPE_CHECKING:
    from test.live.server import Server

#: Packages that hyper, or its tests, can use; none of them may be needed.
PACKAGES = ("brotli", "cffi", "cryptography", "h2", "hpack", "OpenSSL", "python_socks", "trustme")

CERTIFICATE = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
NAMES = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


def make_pair(directory: Path) -> SimpleNamespace:
    """A certificate for localhost, signed by itself, and its key."""
    pair = SimpleNamespace(
        certificate=str(directory / "certificate.pem"), key=str(directory / "key.pem")
    )
    command = [*CERTIFICATE, *NAMES, "-keyout", pair.key, "-out", pair.certificate]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pair


def try_connection(server: Server, context: object) -> None:
    """Requests, pushes and trailers on HTTP20Connection."""
    with hyper.HTTP20Connection(server.host, server.port, ssl_context=context, timeout=10) as conn:
        stream_ids = [conn.request("GET", "/index.html") for _ in range(10)]
        bodies = {conn.getresponse(stream_id).read() for stream_id in reversed(stream_ids[1:])}
        assert len(bodies) == 1, bodies
        pushes = list(conn.getpushes(stream_ids[0], capture_all=True))
        assert [push.path for push in pushes] == ["/style.css"], pushes
        assert pushes[0].getresponse().status == 200
        response = conn.getresponse(stream_ids[0])
        assert response.gettrailer("x-trailer") == "yes", response.gettrailers()
        sent = os.urandom(300_000)
        assert conn.getresponse(conn.request("POST", "/index.html", sent)).read() == sent


def try_dropin(server: Server, context: object) -> None:
    """The same server in http.client's manner."""
    conn = hyper.HTTPSConnection(server.host, server.port, context=context, timeout=10)
    conn.request("GET", "/index.html")
    response = conn.getresponse()
    assert (response.status, response.version) == (200, 20)
    assert response.read()
    conn.close()


def try_what_is_missing() -> None:
    """An error says what to install for what is not there."""
    words = "a TLS backend came out of nothing"
    try:
        init_context(backend="pyopenssl")
    except ImportError as error:
        words = str(error)
    assert "hyper[pyopenssl]" in words, words


def main() -> str | None:
    """Try it all; what stands in the way, or None."""
    there = [name for name in PACKAGES if importlib.util.find_spec(name)]
    if there:
        return f"not bare: {', '.join(there)} is installed here"
    missing = servers.Nghttpd.missing() or (
        None if shutil.which("openssl") else "the openssl command is not here"
    )
    if missing:
        is_required = os.environ.get("HYPER_REQUIRE_LIVE") == "1"
        return missing if is_required else print(f"skipped: {missing}")
    with tempfile.TemporaryDirectory() as directory:
        pair = make_pair(Path(directory))
        options = {"push": {"/index.html": ["/style.css"]}, "trailers": ["x-trailer: yes"]}
        with servers.Nghttpd(None, pair, arguments=["--echo-upload"], **options) as server:
            context = init_context(cert_path=pair.certificate)
            try_connection(server, context)
            try_dropin(server, context)
    try_what_is_missing()
    print(f"bare Python {sys.version.split()[0]}, HPACK in {hyper.hpack.implementation}: all well")
    return None


if __name__ == "__main__":
    sys.exit(main())
