"""A scripted proxy, the server behind it, and what a client says when there is no way through."""

from __future__ import annotations

import pytest

from hyper import (
    ProxyError,
)
from hyper.testing import MemoryPeer, wire

OK = [(":status", "200")]
CANCEL, CONNECT_ERROR = 0x8, 0xA
# SETTINGS_INITIAL_WINDOW_SIZE
WINDOW = 0x4


class Inside(MemoryPeer):
    """The server at the other end of a tunnel, whose octets are DATA of the proxy's stream.

    credit: whether the proxy opens its windows again by what it has passed on.
    """

    def __init__(self, proxy, credit=False):
        def source():
            octets = proxy.want_data(1)
            if credit:
                size = len(octets)
                proxy.write(wire.window_update(0, size) + wire.window_update(1, size))
            return octets

        super().__init__(source, lambda octets: proxy.write_data(1, octets))


def open_tunnel(proxy, settings=()):
    """A proxy's part over HTTP/2 until the tunnel stands; the server behind it."""
    proxy.handshake(settings)
    assert proxy.want_headers(1, end_stream=False) == [
        (":method", "CONNECT"),
        (":authority", "example.org:80"),
    ]
    proxy.write_headers(1, OK)
    return Inside(proxy)


def get(connection, path="/"):
    return connection.getresponse(connection.request("GET", path)).read()


def refused(connection, kind=ProxyError):
    """The error of a connection whose tunnel is not opened."""
    with pytest.raises(kind) as caught:
        connection.request("GET", "/")
    assert connection.sock is None
    return caught.value


def silent(peer):
    peer.want_until()
    peer.want_closed()


#: How a failure on the way to the proxy begins; it would read as the server's else.
TO_THE_PROXY = r"to the proxy \w+://[\w.]+:\d+: "
