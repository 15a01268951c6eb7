"""Timeouts: how many seconds a wait may take (http.client's ``timeout``, and ``within``).

A ``timeout`` limits one wait: each octet that is received restarts it, so that a server that
dribbles is waited for indefinitely. ``within`` limits a thread: all its waits together, however
many there are, end at one moment.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from ..transport.deadline import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


#: The token for "not given": socket's own, which http.client has in its signatures. It is an object
#: without a public type, so type checkers are told of the others: seconds, or None.
NOT_GIVEN: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name


def checked(name: str, seconds: float | None) -> float | None:
    """Return a number of seconds, None or NOT_GIVEN; raises ValueError if it is below 0, or NaN."""
    if seconds is not None and seconds is not NOT_GIVEN and not seconds >= 0:
        raise ValueError(
            f"{name} is a number of seconds that is not negative, or None: {seconds!r}"
        )
    return seconds


def checked_keepalive(seconds: float | None) -> float | None:
    """Return the seconds between two PINGs, or None; raises ValueError if it is not above 0."""
    if seconds is not None and not seconds > 0:
        raise ValueError(f"keepalive is a number of seconds above 0, or None, not {seconds}")
    return seconds


class Timeouts:
    """The limits of waits on one connection, or on one of its streams. Any thread.

    timeout: seconds that each wait may take, None for no limit, NOT_GIVEN for
    ``socket.getdefaulttimeout()``.
    """

    __slots__ = ("_seconds", "deadlines")

    def __init__(self, timeout: float | None = NOT_GIVEN) -> None:
        # The caller's, at any time.
        self._seconds = checked("timeout", timeout)
        # Single steps of a dict are atomic, with a GIL and without.
        #: of the threads that are inside ``within``
        self.deadlines: dict[int, Deadline] = {}

    def after_fork_in_child(self) -> None:
        """Forget the threads that the child does not have: one of its own may be numbered alike."""
        thread = threading.get_ident()
        self.deadlines = {t: until for t, until in self.deadlines.items() if t == thread}

    def remaining(self) -> float | None:
        """Return the seconds that a wait which begins now may take, None for no limit. HOT.

        One call for each wait (bench/clients.py).
        """
        if self.deadlines:
            deadline = self.deadlines.get(threading.get_ident())
            if deadline is not None:
                return deadline.left()
        timeout = self._seconds
        return socket.getdefaulttimeout() if timeout is NOT_GIVEN else timeout

    @property
    def timeout(self) -> float | None:
        """Seconds that each wait may take, None for no limit, or NOT_GIVEN; may be set."""
        return self._seconds

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._seconds = checked("timeout", timeout)

    def deadline_of_call(self, begin: float) -> Deadline:
        """Return the deadline of a call of this thread that began at a moment."""
        deadline = self.deadlines.get(threading.get_ident())
        return Deadline(self.remaining(), begin) if deadline is None else deadline

    def is_overdue(self) -> bool:
        """True if this thread is inside ``within`` and its moment has passed."""
        deadline = self.deadlines.get(threading.get_ident())
        return deadline is not None and deadline.is_over

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Limit all waits of this thread inside; the earlier moment counts where it is nested."""
        checked("within", seconds)
        thread = threading.get_ident()
        outer = self.deadlines.get(thread)
        if seconds is None:
            yield
            return
        self.deadlines[thread] = Deadline(seconds) if outer is None else outer.at_most(seconds)
        try:
            yield
        finally:
            if outer is None:
                self.deadlines.pop(thread, None)
            else:
                self.deadlines[thread] = outer
