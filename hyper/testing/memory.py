"""A scripted peer over memory."""

from __future__ import annotations

from typing import Any, Callable

from .peer import Peer


class MemoryPeer(Peer):
    """A peer over memory, for an endpoint that does no IO.

    Nothing waits: a want that cannot be met fails at once.

    Args:
        source: called when a want needs octets. It gives those that the client wrote since, or b"".
            Without it the test gives them by `feed`.
        sink: called with each write. Without it the octets wait in `outgoing` for `take`.
    """

    def __init__(
        self,
        source: Callable[[], bytes] | None = None,
        sink: Callable[[bytes], Any] | None = None,
    ) -> None:
        super().__init__()
        self.outgoing: bytearray = bytearray()
        self._fed = bytearray()
        self._source = source
        self._sink = sink

    def feed(self, octets: bytes) -> None:
        """Give the peer octets that the client wrote.

        Args:
            octets: any number, cut anywhere.
        """
        self._fed += octets

    def take(self) -> bytes:
        """Take the octets that the peer wrote since the last take.

        Returns:
            The octets; none if it wrote nothing, or has a `sink`.
        """
        octets = bytes(self.outgoing)
        self.outgoing.clear()
        return octets

    def write(self, octets: bytes) -> None:
        """Give these octets to `sink`, or keep them for `take`."""
        if self._sink is None:
            self.outgoing += octets
        else:
            self._sink(octets)

    def _more(self, deadline: float) -> bytes:  # noqa: ARG002  nothing waits in memory
        octets = bytes(self._fed)
        self._fed.clear()
        return octets + self._source() if self._source else octets
