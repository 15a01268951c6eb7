"""How long the callers of a connection wait: so long each time, or until one moment altogether.

``timeout`` belongs to the connection and is for every wait anew: a server that says a word now and
then is waited for as long as it does.  A deadline belongs to one thread, for what it does inside
``within``, however many waits that is made of.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Deadlines:
    """What an HTTP20Connection knows about its callers' time. Any thread."""

    def __init__(self, timeout: Any) -> None:
        # The caller's, at any time.
        self.timeout = timeout
        # A dict, whose single steps are atomic.
        #: the monotonic moments of the threads that are inside ``within``
        self._deadlines: dict[int, float] = {}

    def limit(self) -> float | None:
        """The seconds that a wait of this thread may take now, None for no limit."""
        if self._deadlines:
            deadline = self._deadlines.get(threading.get_ident())
            if deadline is not None:
                return max(0.0, deadline - time.monotonic())
        timeout = self.timeout
        if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]  # noqa: SLF001
            return socket.getdefaulttimeout()
        return timeout  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Let all waits of this thread inside be over seconds from now (TimeoutError).

        That counts instead of ``timeout``, for connecting, for a turn among the streams, for room
        and for what comes.  None: nothing changes.  Inside another one the earlier moment counts.
        A stream or response that was given a ``timeout`` of its own keeps to that.
        """
        thread = threading.get_ident()
        outer = self._deadlines.get(thread)
        if seconds is None:
            yield
            return
        deadline = time.monotonic() + seconds
        self._deadlines[thread] = deadline if outer is None else min(deadline, outer)
        try:
            yield
        finally:
            if outer is None:
                self._deadlines.pop(thread, None)
            else:
                self._deadlines[thread] = outer
