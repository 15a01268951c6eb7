"""A transport over a plain, non-blocking socket.

A transport moves octets and knows nothing of HTTP.  Its verbs never block, but for ``wait``:

* ``recv_into(view)``: octets received; 0 where the peer has closed; None: none are there yet;
* ``send(octets)``: takes all of them, hands the kernel what it accepts, keeps the rest; says
  whether nothing is left.  ``send(b"")`` tries again;
* ``wait(read, write, timeout)``: until the socket is ready, in the kernel;
* ``hang_bell()``, ``ring()``, ``silence_bell()``: from the first on, another thread can end waits,
  those that begin included until the bell is silenced;
* ``shutdown()`` ends the connection and wakes whoever waits; ``close()`` gives the socket back.

``read_would_block`` spares a system call: after a read that did not fill its view the kernel has no
more, so that one had better wait than try.  ``round_trip`` is a first estimate of the time to the
server and back, in seconds: from the TLS handshake, or from a proxy's answer.  It is None where TCP
alone was connected, for that may end at the next box on the way.
"""

from __future__ import annotations

import contextlib
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Transport(Protocol):
        """What floor 3 offers to floor 4."""

        round_trip: float | None

        @property
        def socket(self) -> socket.socket: ...  # noqa: D102
        @property
        def read_would_block(self) -> bool: ...  # noqa: D102
        def recv_into(self, view: memoryview) -> int | None: ...  # noqa: D102
        def send(self, octets: bytes) -> bool: ...  # noqa: D102
        def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool: ...  # noqa: D102
        def hang_bell(self) -> None: ...  # noqa: D102
        def ring(self) -> None: ...  # noqa: D102
        def silence_bell(self) -> None: ...  # noqa: D102
        def fileno(self) -> int: ...  # noqa: D102
        def shutdown(self) -> None: ...  # noqa: D102
        def close(self) -> None: ...  # noqa: D102


#: More rings than anyone has been seen to give.
BUFFER_OF_RINGS = 4096

#: Milliseconds that poll can count, almost 25 days; who waits longer asks again.
MAX_POLL = 2**31 - 1


def milliseconds_of(timeout: float | None) -> int | None:
    """Seconds as poll counts them, rounded up, for a wait must not end before its time and turn
    into a busy loop; as many as it can count, at most.
    """
    if timeout is None:
        return None
    return -int(-timeout * 1000 // 1) if timeout < MAX_POLL / 1000 else MAX_POLL


class PlainTransport:
    """A connected socket, made non-blocking; lock held for all but ``wait``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.round_trip: float | None = None
        self.read_would_block = False
        self._unsent = memoryview(b"")
        #: two ends: what is written to the one is seen by who waits for the other
        self._bell: tuple[socket.socket, socket.socket] | None = None

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet. HOT."""
        try:
            size = self.socket.recv_into(view)
        except (BlockingIOError, InterruptedError):
            self.read_would_block = True
            return None
        self.read_would_block = size < len(view)
        return size

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of them are with the kernel now. HOT."""
        if self._unsent:
            octets = b"".join((self._unsent, octets)) if octets else self._unsent  # type: ignore[assignment]
        sent = self._send(octets)
        if sent == len(octets):
            if self._unsent:
                self._unsent = memoryview(b"")
            return True
        self._unsent = memoryview(octets)[sent:]
        return False

    def _send(self, octets: bytes) -> int:
        """Offer octets to the socket; how many it took."""
        try:
            return self.socket.send(octets)
        except (BlockingIOError, InterruptedError):
            return 0

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the socket is ready; False if timeout seconds passed.

        Several threads may wait at once.
        """
        bell = self._bell[0] if self._bell else None
        ready = _wait(self.socket, bell, read=read, write=write, timeout=timeout)
        if ready:
            self.read_would_block = False
        return ready

    def hang_bell(self) -> None:
        """Make waits endable by ``ring``: two file descriptors, until the transport is closed."""
        if self._bell is None:
            self._bell = socket.socketpair()
            for end in self._bell:
                end.setblocking(False)

    def ring(self) -> None:
        """End the waits that began after ``hang_bell``."""
        if self._bell is not None:
            with contextlib.suppress(OSError):  # it has been rung often enough, or is gone
                self._bell[1].send(b"!")

    def silence_bell(self) -> None:
        """Let new waits wait."""
        if self._bell is not None:
            with contextlib.suppress(BlockingIOError):  # nobody rang
                self._bell[0].recv(BUFFER_OF_RINGS)

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self.socket.fileno()

    def shutdown(self) -> None:
        """End the connection both ways: whoever waits for it sees its end."""
        with contextlib.suppress(OSError):  # the peer may have ended it before
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back to the system; nobody may be waiting."""
        self.socket.close()
        for end in self._bell or ():
            end.close()


if hasattr(select, "poll"):

    def _wait(
        sock: socket.socket,
        bell: socket.socket | None,
        *,
        read: bool,
        write: bool,
        timeout: float | None,
    ) -> bool:
        # A poll object serves one thread at a time: a new one costs less than a lock.
        poll = select.poll()
        poll.register(sock, read * select.POLLIN | write * select.POLLOUT)
        if bell is not None:
            poll.register(bell, select.POLLIN)
        return bool(poll.poll(milliseconds_of(timeout)))

else:  # Windows, where select takes sockets beyond its 512th file as well

    def _wait(
        sock: socket.socket,
        bell: socket.socket | None,
        *,
        read: bool,
        write: bool,
        timeout: float | None,
    ) -> bool:
        readable = [sock] * read + ([bell] if bell is not None else [])
        limit = None if timeout is None else min(timeout, MAX_POLL / 1000)
        return any(select.select(readable, [sock] * write, [sock], limit))
