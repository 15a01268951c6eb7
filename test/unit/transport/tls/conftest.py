"""pyOpenSSL where it is installed, and handshakes in memory."""

from __future__ import annotations

import ssl
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hyper.transport.tls.transport import make_filter

DEADLINE = 10.0
PYPY = sys.implementation.name == "pypy"
TLS_1_2 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)


@pytest.fixture
def openssl():
    pytest.importorskip("service_identity")
    return pytest.importorskip("OpenSSL.SSL")


def shake_hands(server_context, client_context, name="localhost"):
    """In memory; what the server saw of the client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(incoming, outgoing, server_side=True)
    client = make_filter(client_context, name, ["h2"])
    is_done = False
    for _ in range(5):
        is_done = is_done or client.handshake()
        incoming.write(client.take_ciphertext())
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        client.feed(memoryview(outgoing.read()))
    assert is_done
    return server, client


def read(path):
    return Path(path).read_bytes()
