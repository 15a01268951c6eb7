"""BufferedSocket: 64 KiB between the kernel and code that cuts messages out of a stream of octets.

One system call brings as much as there is, into one buffer that is never replaced. The reader looks
at the octets through ``view``, without a copy, and says by ``advance`` how many it has used.

It stands alone: its source is anything with the ``recv_into`` of a socket, blocking or not, an
``ssl.SSLSocket`` included. Nothing here knows of HTTP.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    class Source(Protocol):
        """A socket, an ``ssl.SSLSocket``, or a transport of hyper's."""

        def recv_into(self, view: memoryview, /) -> int | None:
            """Receive octets; return their number, 0 at the end, None for none yet."""


#: Four TLS records or HTTP/2 frames of full size: large enough that a system call costs little
#: beside what it brings, small enough for the processor's cache.
BUFFER_SIZE = 64 * 1024


class BufferedSocket:
    """Received octets in one fixed buffer. One thread at a time reads.

    Messages that have a length before them, for example::

        buffered = BufferedSocket(sock)
        while buffered.fill():
            while len(buffered) >= 2:
                end = 2 + int.from_bytes(buffered.view[:2], "big")
                if len(buffered) < end:
                    break
                receive(bytes(buffered.view[2:end]))
                buffered.advance(end)

    For lines, and for content of a known size, there are ``readline`` and ``read``.

    Args:
        source: gives octets by ``recv_into``: a socket, an ``ssl.SSLSocket``.
        size: octets of the buffer. The largest message that must be seen whole has to fit.
    """

    __slots__ = ("_buffer", "_end", "_start", "source")

    def __init__(self, source: Source, size: int = BUFFER_SIZE) -> None:
        self.source: Source = source
        self._buffer = memoryview(bytearray(size))
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        """The number of octets that are there."""
        return self._end - self._start

    @property
    def view(self) -> memoryview:
        """The octets that are there, without a copy. Valid until the next ``fill`` or ``put``."""
        return self._buffer[self._start : self._end]

    def advance(self, size: int) -> None:
        """Forget the first octets of ``view``: they are used.

        Args:
            size: how many.

        Raises:
            ValueError: fewer are there, or size is negative.
        """
        if not 0 <= size <= self._end - self._start:
            raise ValueError(f"{size} octets cannot be used: {len(self)} are there")
        self._start += size

    def fill(
        self, take: Callable[[memoryview], int] | None = None, most: int | None = None
    ) -> int | None:
        """Receive once, behind the octets that are there.

        Args:
            take: shown all that is there if octets came, as by ``give``.
            most: octets that are to be there afterwards, if that is more than now; None for as many
                as there is room for.

        Returns:
            The number of octets received, 0 if the peer has closed, or None if a non-blocking
            source has none yet.

        Raises:
            BufferError: there is no room. The reader waits for a message that can never be whole.
            OSError: what the source raises.
        """
        # HOT: once a read (bench/receive.py).
        buffer = self._buffer
        start, end = self._start, self._end
        if start:
            # The rest is part of one message: moving it costs less than one more system call.
            end -= start
            if end:
                buffer[:end] = buffer[start : self._end]
            self._start, self._end = 0, end
        if end == len(buffer):
            raise BufferError(f"no room: {end} octets are there, and none of them was used")
        if most is not None and most <= end:
            most = None
        received = self.source.recv_into(buffer[end:most])
        if received:
            self._end = end = end + received
            if take is not None:
                self._start = take(buffer[:end])
        return received

    def give(self, take: Callable[[memoryview], int]) -> None:
        """Show the octets that are there to a function, and forget those that it has used.

        Args:
            take: called once with ``view``; it returns how many octets it has used.
        """
        # HOT: once a read (bench/receive.py).
        self._start += take(self._buffer[self._start : self._end])

    def put(self, octets: bytes) -> None:
        """Append octets of the stream that other code has received before.

        Args:
            octets: they are copied.

        Raises:
            BufferError: there is no room for them.
        """
        if len(octets) > len(self._buffer) - self._end:
            raise BufferError(f"no room for {len(octets)} octets")
        self._buffer[self._end : self._end + len(octets)] = octets
        self._end += len(octets)

    def read(self, size: int) -> bytes:
        """Return some octets, receiving once if none are there. For blocking sources.

        Args:
            size: octets at most.

        Returns:
            At least one octet; ``b""`` at the end.

        Raises:
            OSError: what the source raises.
        """
        if self._start == self._end:
            self.fill()
        octets = bytes(self._buffer[self._start : min(self._start + size, self._end)])
        self._start += len(octets)
        return octets

    def readline(self) -> bytes:
        """Return the octets up to and with the next line feed. For blocking sources.

        Returns:
            The line with its line feed, or without one if the stream ends before, or ``b""`` at
            the end.

        Raises:
            BufferError: the line does not fit into the buffer.
            OSError: what the source raises.
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
