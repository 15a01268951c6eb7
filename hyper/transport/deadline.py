"""Time: a deadline for several waits, and seconds as the kernel counts them."""

from __future__ import annotations

import time
from socket import SHUT_RDWR

from ..errors import TimedOut
from ..foundation.interruptions import OSErrorsDropped

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

#: Milliseconds that poll can count, almost 25 days; a longer wait ends then, and begins again.
MAX_POLL = 2**31 - 1


class Deadline:
    """A moment until which something has to be done, in however many waits. Fixed once made.

    timeout: seconds from now, or None for no limit.
    begin: the moment from which they count instead.

    moment: what the monotonic clock will show then, or None for no limit.
    """

    __slots__ = ("moment",)

    def __init__(self, timeout: float | None = None, begin: float | None = None) -> None:
        self.moment: float | None = None
        if timeout is not None:
            self.moment = (time.monotonic() if begin is None else begin) + timeout

    @property
    def is_over(self) -> bool:
        """True if the moment has passed."""
        return self.moment is not None and time.monotonic() >= self.moment

    def remaining(self, words: str) -> float | None:
        """Return the seconds that are left, more than 0, or None for no limit.

        words: the message of the TimedOut that is raised when no time is left.
        """
        if self.moment is None:
            return None
        seconds = self.moment - time.monotonic()
        if seconds <= 0:
            raise TimedOut(words)
        return seconds

    def left(self) -> float | None:
        """Return the seconds that are left, not below 0, or None for no limit."""
        return None if self.moment is None else max(0.0, self.moment - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Sleep so many seconds, or until the moment if that is earlier."""
        left = self.left()
        time.sleep(seconds if left is None else min(seconds, left))

    def at_most(self, timeout: float) -> Deadline:
        """Return a deadline timeout seconds from now, or this one if it is earlier."""
        other = Deadline(timeout)
        if self.moment is None or other.moment is None or other.moment <= self.moment:
            return other
        return self

    def watch(self, sock: socket.socket) -> None:
        """Do nothing: only a deadline that can be cancelled has to know what waits for it."""

    def __repr__(self) -> str:
        return f"<Deadline {self.moment}>"


class CancellableDeadline(Deadline):
    """A deadline that another thread can bring about at once. Any thread."""

    __slots__ = ("_is_cancelled", "_watched")

    def __init__(self, timeout: float | None = None) -> None:
        super().__init__(timeout)
        self._is_cancelled = False
        # Single steps of a list are atomic.
        self._watched: list[socket.socket] = []

    def watch(self, sock: socket.socket) -> None:
        """Have ``cancel`` end what waits for a socket that is being connected."""
        self._watched.append(sock)
        if self._is_cancelled:  # perhaps only since then
            _shut_down(sock)

    def cancel(self) -> None:
        """Let the moment pass now, and end the waits for watched sockets."""
        self.moment: float | None = 0.0  # the monotonic clock is beyond that
        self._is_cancelled = True
        for sock in self._watched[:]:
            _shut_down(sock)


def _shut_down(sock: socket.socket) -> None:
    with OSErrorsDropped():  # it is closed, or was never connected
        sock.shutdown(SHUT_RDWR)


#: For waits without a limit: one object serves them all.
NEVER = Deadline()


def milliseconds_of(timeout: float | None) -> int | None:
    """Return seconds as poll counts them, at most as many as it can count; None for no limit.

    They are rounded up: a wait that ended before its time would turn into a busy loop.
    """
    if timeout is None:
        return None
    return -int(-timeout * 1000 // 1) if timeout < MAX_POLL / 1000 else MAX_POLL
