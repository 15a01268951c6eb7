"""BufferedSocket: 64 KiB between the kernel and whoever cuts messages out of a stream.

One system call brings as much as there is, into one buffer that is never replaced; the reader
looks at it through ``view`` and says by ``advance`` what it has used up::

    buffered = BufferedSocket(sock)
    while buffered.fill():
        buffered.advance(cut_messages(buffered.view))

It stands alone: its source is anything with the ``recv_into`` of a socket, blocking or not, a
TLS socket included; nothing here knows of HTTP.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """A socket, an ``ssl.SSLSocket``, or a transport of hyper's."""

        def recv_into(self, view: memoryview, /) -> int | None: ...  # noqa: D102


#: Four TLS records or HTTP/2 frames of full size: large enough that a system call is nothing
#: beside what it brings, small enough for the processor's cache.
BUFFER_SIZE = 64 * 1024


class BufferedSocket:
    """Received octets in one fixed buffer (one reader at a time).

    source: gives octets by ``recv_into``.  size: octets of the buffer; the largest piece that a
    reader must see whole has to fit.
    """

    __slots__ = ("_buffer", "_end", "_start", "source")

    def __init__(self, source: Source, size: int = BUFFER_SIZE) -> None:
        self.source = source
        self._buffer = memoryview(bytearray(size))
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def view(self) -> memoryview:
        """The octets that are there; valid until the next ``fill``."""
        return self._buffer[self._start : self._end]

    def advance(self, size: int) -> None:
        """The first size octets of ``view`` are used up."""
        if size > self._end - self._start:
            raise ValueError(f"{size} octets used up of {len(self)} that are there")
        self._start += size

    def fill(self) -> int | None:
        """Receive once, into the room behind what is there. HOT: once a read.

        Returns the number of octets; 0 where the peer has closed; None where a non-blocking
        source has none.  Raises BufferError if there is no room, for the reader then waits for
        a piece that will never be whole; and what the source raises.
        """
        buffer = self._buffer
        start, end = self._start, self._end
        if start:
            # What is left is part of one frame: moving it is cheaper than one more system call.
            end -= start
            if end:
                buffer[:end] = buffer[start : self._end]
            self._start, self._end = 0, end
        if end == len(buffer):
            raise BufferError(f"no room: {end} octets wait to be used up")
        received = self.source.recv_into(buffer[end:] if end else buffer)
        if received:
            self._end = end + received
        return received

    def put(self, octets: bytes) -> None:
        """Octets that somebody else has received before: they come first."""
        if len(octets) > len(self._buffer) - self._end:
            raise BufferError(f"no room for {len(octets)} octets")
        self._buffer[self._end : self._end + len(octets)] = octets
        self._end += len(octets)

    def read(self, size: int) -> bytes:
        """At most size octets, received if none are there; b"" at the end. Blocking sources."""
        if self._start == self._end:
            self.fill()
        octets = bytes(self._buffer[self._start : min(self._start + size, self._end)])
        self._start += len(octets)
        return octets

    def readline(self) -> bytes:
        """Octets up to and with the next line feed, or to the end. Blocking sources.

        Raises BufferError for a line that does not fit into the buffer.
        """
        searched = 0
        while True:
            octets = bytes(self.view[searched:])
            found = octets.find(b"\n")
            if found >= 0:
                return self.read(searched + found + 1)
            searched += len(octets)
            if not self.fill():
                return self.read(searched) if searched else b""
