"""A scripted HTTP/2 server, for tests of any client: what it wants to see, and what it writes.

::

    from hyper.testing import Server

    def script(peer):
        peer.handshake()
        request = peer.want_request()
        peer.write_headers(request.stream_id, [(":status", "200")])
        peer.write_data(request.stream_id, b"hello", end_stream=True)

    with Server(script) as server:
        ...  # any client, at server.url

``server.py`` has `Server`. ``scripts.py`` has scripts by name, which misbehave or do not.
``peer.py`` has the verbs, ``socket_peer.py`` those of a socket, and ``memory.py`` a peer without
one. ``arrivals.py`` keeps what the client sent. ``wire.py`` builds and reads frames by hand.
``authority.py`` makes certificates. ``pytest_plugin.py`` has a fixture for pytest.

Nothing of hyper is used here: a client is judged by PyPI's hpack and by frames that are read by
hand. TLS needs PyPI's trustme. Both come with the extra ``testing``.
"""

from __future__ import annotations

from . import wire
from .arrivals import DEADLINE, ClientEnded, PeerError
from .authority import Authority
from .memory import MemoryPeer
from .peer import Peer, Request
from .scripts import (
    die_in_the_middle,
    goaway_after,
    ok,
    refuse,
    requests,
    serve,
    slow,
    stall,
    unavailable,
)
from .server import Server
from .socket_peer import SocketPeer

__all__ = [
    "DEADLINE",
    "Authority",
    "ClientEnded",
    "MemoryPeer",
    "Peer",
    "PeerError",
    "Request",
    "Server",
    "SocketPeer",
    "die_in_the_middle",
    "goaway_after",
    "ok",
    "refuse",
    "requests",
    "serve",
    "slow",
    "stall",
    "unavailable",
    "wire",
]
