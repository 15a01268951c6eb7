"""Waiter: where one follower sleeps (rule 3)."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Condition = Callable[[], bool]

#: Seconds between two requests to a window manager that gave no room. It must be polled: a manager
#: may depend on time, and reads on an earlier connection do not notify this one.
ASKING_INTERVAL = 0.02

#: Why a wait has ended without what was waited for.
LATE = (
    "timed out: the peer did not do its part in the time given; the connection is still usable, and"
    " so is a response that is waited for"
)


def is_covered() -> bool:
    """True if a sleeper beneath a signal handler may go: never, while the handler waits."""
    return False


def is_called() -> bool:
    """True if it may go when the handler's wait has ended: always, as it has to look anew."""
    return True


class Waiter:
    """One thread's sleep, until its condition may have become true.

    thread: whose. ids: the streams whose news concern the thread; 0 is the connection.  ready: what
    it waits for.

    It is a lock that is taken twice, as in ``threading.Condition``: the second time waits until
    another thread releases it.
    """

    __slots__ = ("_latch", "ids", "is_woken", "ready", "thread")

    def __init__(self, thread: int, ids: tuple[int, ...], ready: Condition) -> None:
        self.thread: int = thread
        self.ids: tuple[int, ...] = ids
        self.ready: Condition = ready
        self.is_woken: bool = False
        latch = self._latch = threading.Lock()
        latch.acquire()

    def wake(self) -> None:
        """Let the thread go on; the second time does nothing. The pump's lock is held."""
        if not self.is_woken:
            self.is_woken = True
            self._latch.release()

    def leave(self, waiters: dict[int, list[Waiter]]) -> None:
        """Go off the lists of waiters, as far as it is there. The pump's lock is held."""
        for stream_id in self.ids:
            others = waiters.get(stream_id)
            if others is not None and self in others:
                if len(others) == 1:
                    del waiters[stream_id]
                else:
                    others.remove(self)

    def sleep(self, timeout: float | None) -> None:
        """Sleep until ``wake``, or for timeout seconds. Without the pump's lock."""
        if timeout is None:
            self._latch.acquire()
        else:
            self._latch.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))
