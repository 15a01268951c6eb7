"""Ways to real servers: Unix sockets, and what Node says of others (RFC 7838, RFC 8336)."""

from __future__ import annotations

import contextlib
import socket

import pytest

from hyper import HTTP20Connection
from hyper.testing import DEADLINE
from test.live.server import FILES, LARGE, pattern

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")


@needs_unix
@pytest.mark.parametrize("secure", [False, True], ids=["h2c", "tls"])
def test_nginx_behind_a_unix_socket(server, certificates, secure):
    running = server(
        "nginx", secure, directives=[f"listen unix:s {'ssl' if secure else ''} http2;"]
    )
    connection = HTTP20Connection(
        "localhost",
        443 if secure else 80,
        unix_socket=running.directory / "s",
        ssl_context=certificates.client_context() if secure else None,
        timeout=DEADLINE,
    )
    with contextlib.closing(connection):
        for _ in range(2):
            assert connection.getresponse(connection.request("GET", "/large")).read() == pattern(
                LARGE
            )
            assert connection.sock.family == socket.AF_UNIX
            connection.close()  # and anew


@needs_unix
def test_h2o_behind_a_unix_socket(server):
    running = server("h2o", False, configuration=["listen:", "  type: unix", "  port: s"])
    path = running.directory / "s"
    with HTTP20Connection("localhost", 80, unix_socket=path, timeout=DEADLINE) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == FILES["index.html"]


def test_node_names_alternatives_and_origins(node, certificates):
    context = certificates.client_context()
    with HTTP20Connection(
        "localhost", node.port, ssl_context=context, timeout=DEADLINE
    ) as connection:
        connection.request("GET", "/altsvc")
        assert connection.getresponse().read() == b"altsvc\n"
        own = f"https://localhost:{node.port}"
        assert connection.alt_services == [(own, 'h2=":8000"')]
        assert connection.origin_set == (own, "https://example.org")
