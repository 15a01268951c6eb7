"""Steps that many scripts share, and a window manager that makes their arithmetic exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyper import FlowControlManager
from test import wire

if TYPE_CHECKING:
    from test.peer import Fields, Peer


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
