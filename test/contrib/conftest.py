"""Peers of the integrations' tests: live servers over HTTP/2, one that speaks only HTTP/1.1,
and a proxy.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from test.live.conftest import hypercorn, nginx, node, server

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator

    from test.certificates import Certificates

__all__ = ["hypercorn", "nginx", "node", "server"]

# Fatal, no_application_protocol (RFC 7301, 3.2): what OpenSSL has a strict server say.
ALERT = bytes([21, 3, 3, 0, 2, 2, 120])


class OldHandler(BaseHTTPRequestHandler):
    """GET / greets; POST / gives the content back."""

    protocol_version = "HTTP/1.1"

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._answer(b"hello in HTTP/1.1\n")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def log_message(self, *_: Any) -> None:
        """Not on the test's output."""


class OldServer(ThreadingHTTPServer):
    """HTTP/1.1 over TLS, or in cleartext. A strict one ends the handshake where only h2 is
    offered; else it goes on without a protocol.
    """

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, *, strict: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), OldHandler)
        self.context = context
        self.strict = strict
        self.declined = 0

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        if self.context is None:
            return sock, address
        sock.settimeout(10)
        hello = sock.recv(4096, socket.MSG_PEEK)
        if b"\x02h2" in hello and b"\x08http/1.1" not in hello:
            self.declined += 1
            if self.strict:
                sock.recv(4096)
                sock.sendall(ALERT)
                sock.close()
                raise OSError("no application protocol")
        return self.context.wrap_socket(sock, server_side=True), address

    def handle_error(self, *_: Any) -> None:
        """Do nothing: a client may hang up."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextlib.contextmanager
def running(server: Any) -> Generator[Any, None, None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["lenient", "strict"])
def old_server(
    request: pytest.FixtureRequest, certificates: Certificates
) -> Generator[OldServer, None, None]:
    """A server over TLS that speaks HTTP/1.1 and nothing else."""
    context = certificates.server_context(alpn=("http/1.1",))
    with running(OldServer(context, strict=request.param == "strict")) as server:
        yield server


@pytest.fixture
def cleartext_server() -> Generator[OldServer, None, None]:
    """A server of plain http."""
    with running(OldServer(None)) as server:
        yield server


class ProxyHandler(BaseHTTPRequestHandler):
    """CONNECT, and octets both ways until one side ends."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        with socket.create_connection((host, int(port)), timeout=10) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._pass_on, args=(there, self.connection))
            back.start()
            self._pass_on(self.connection, there)
            back.join()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                target.sendall(octets)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Not on the test's output."""


@pytest.fixture
def proxy() -> Generator[Any, None, None]:
    """A proxy that tunnels; `asked` has what it was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), ProxyHandler)
    server.daemon_threads = True
    server.asked = []  # type: ignore[attr-defined]
    with running(server):
        yield server
