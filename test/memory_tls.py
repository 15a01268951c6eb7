"""A TLS handshake in memory: hyper's filter against a server of the ssl module."""

from __future__ import annotations

import ssl
from contextlib import suppress

from hyper.transport.tls.context import make_filter


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
