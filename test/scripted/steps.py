"""Steps that many scripts share, and a window manager that makes their arithmetic exact."""

from __future__ import annotations

import contextlib
import select
from typing import TYPE_CHECKING

from hyper import FlowControlManager
from hyper.testing import wire

if TYPE_CHECKING:
    from hyper.testing import Peer
    from hyper.testing.arrivals import Fields


# Seconds that a wait may last in a test where it is meant to end so.
SHORT = 0.05


class OnShortPath(FlowControlManager):
    """The default manager on a short path, however long this machine takes over a handshake.

    On one that seems long, the window is wider than the setting says before content comes.
    """

    def round_trip(self, seconds: float) -> None:
        """None to speak of."""


def want(peer: Peer, *fields: tuple[str, str]) -> tuple[int, Fields, bytes]:
    """The next request: its stream, field section and content. It has these fields somewhere."""
    stream_id, section, content = peer.want_request()
    for field in fields:
        assert field in section, f"{field} is not in {section}"
    return stream_id, section, content


def pong(peer: Peer) -> None:
    """Answer the next `connection.ping()` of the test.

    Then what the client wrote before has arrived, and what the peer wrote before was taken in.
    """
    peer.write(wire.ping(peer.want_ping(), ack=True))


def await_news(connection):
    """Return when something has come that nobody has read, and the next request will look."""
    connection._pumps.current.look_due = 0.0  # a moment ago would be too soon for another look
    if connection.sock is not None:
        assert select.select([connection.sock], [], [], 10)[0]


@contextlib.contextmanager
def set_timeout(connection, seconds):
    """Let the waits inside last so long."""
    before, connection.timeout = connection.timeout, seconds
    try:
        yield
    finally:
        connection.timeout = before


def echo(peer, stream_id=1, count=3):
    """Send DATA back as it comes, `count` frames of it, then what ends the stream."""
    peer.want_headers(stream_id, end_stream=False)
    peer.write_headers(stream_id, [(":status", "200")])
    for _ in range(count):
        peer.write_data(stream_id, peer.want_data(stream_id, end_stream=False))
    assert peer.want_data(stream_id, end_stream=True) == b""
    peer.write_headers(stream_id, [("x-end", "yes")], end_stream=True)


def echoing(peer):
    peer.handshake()
    echo(peer)


def pieces(*given):
    yield from given


def answered(script):
    """The script, and a plain answer on the stream that it returns."""

    def whole(peer):
        peer.handshake()
        peer.write_response(script(peer))

    return whole
