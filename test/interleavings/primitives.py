"""The things that the pump sleeps at, and its clock, in the scheduler's hands.

The lock is hyper's own, and so are ``Waiter`` and ``Wakeup``: only the lock of the interpreter, the
socket pair, the kernel and the clock beneath them are replaced.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, Callable
from unittest.mock import patch

from hyper.pump import pump as pump_module
from hyper.pump import silence as silence_module
from hyper.pump import waiter as waiter_module
from hyper.pump.lock import InterruptibleLock
from hyper.transport import deadline as deadline_module
from hyper.transport import wakeup as wakeup_module
from hyper.transport.wakeup import Wakeup
from test.threads.fake_network import ScriptedTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from test.interleavings.scheduler import Scheduler


class SteppedLock(InterruptibleLock):
    """The pump's lock. A thread that would wait for it is not chosen before it is free."""

    def __init__(self) -> None:
        self.scheduler: Scheduler = None  # type: ignore[assignment] # the scene sets it
        self.check: Callable[[], None] = lambda: None
        self._holder = self._depth = 0

    def _is_free(self) -> bool:
        return not self._depth or self._holder == get_ident()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: ARG002 - RLock's
        if self.scheduler.is_aborted:
            return True
        me = get_ident()
        if blocking:
            self.scheduler.block(lambda: not self._depth or self._holder == me)
        else:
            self.scheduler.step()
            if not self._is_free():
                return False
        assert super().acquire(blocking=False)
        self._holder, self._depth = me, self._depth + 1
        return True

    def release(self) -> None:
        if self.scheduler.is_aborted:
            return
        if self._depth == 1:
            self.check()
        super().release()
        self._depth -= 1
        if not self._depth:
            self._holder = 0
            self.scheduler.step()

    def is_held(self) -> bool:
        return self.scheduler.is_aborted or (self._depth > 0 and self._holder == get_ident())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Latch:
    """The lock of a ``Waiter``: taken twice, the second time is its sleep."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_taken = False

    def acquire(self, timeout: float = -1) -> bool:
        if self._is_taken:
            seconds = None if timeout < 0 else timeout
            if not self._scheduler.block(lambda: not self._is_taken, seconds):
                return False
        self._is_taken = True
        return True

    def release(self) -> None:
        self._is_taken = False


class Bell:
    """Both ends of a wakeup's socket pair."""

    def __init__(self) -> None:
        self.octets = 0

    def setblocking(self, _: bool) -> None:
        """Do nothing: it never blocks."""

    def send(self, octets: bytes) -> None:
        self.octets += len(octets)

    def recv(self, _: int) -> None:
        if not self.octets:
            raise BlockingIOError
        self.octets = 0

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        """Do nothing: there is no descriptor."""


def pair_of_bells() -> tuple[Bell, Bell]:
    bell = Bell()
    return bell, bell


class SteppedTransport(ScriptedTransport):
    """The scripted transport, whose sleepers are the scheduler's."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self.change = _Unguarded()  # type: ignore[assignment]
        self.wakeup: Any = Wakeup()
        self._scheduler = scheduler

    def recv_into(self, view: memoryview) -> int | None:
        self._scheduler.arrive()
        return super().recv_into(view)

    def send(self, octets: bytes) -> bool:
        self._scheduler.arrive()
        return super().send(octets)

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        assert not self.closed, "sleeping on a closed socket"
        bell = None if self.wakeup.pair is None else self.wakeup.pair[0]

        def is_served() -> bool:
            arrived = read and (bool(self.incoming) or self.is_shut)
            return arrived or (write and (self.room > 0 or self.is_shut))

        def is_ready() -> bool:
            return is_served() or (bell is not None and bell.octets > 0)

        if timeout is not None and timeout <= 0:
            self._scheduler.arrive()
            ready = is_ready()
        else:
            sleeper = f"{threading.current_thread().name} {len(self.asleep)}"
            self.asleep[sleeper] = (read, write)
            try:
                ready = self._scheduler.block(is_ready, timeout, read=read, write=write)
            finally:
                del self.asleep[sleeper]
            if ready and not is_served():
                self._scheduler.give_way()
        if bell is not None and bell.octets:
            self.wakeup.is_rung = True
        if ready:
            self.read_would_block = False
        return ready


class _Unguarded(nullcontext):  # type: ignore[type-arg]
    """In the place of the condition: one thread runs at a time."""

    def notify_all(self) -> None:
        """Do nothing: the scheduler asks the sleepers."""


@contextmanager
def in_the_hands_of(scheduler: Scheduler) -> Iterator[None]:
    """Replace what the pump sleeps at, and its clock."""
    clock = SimpleNamespace(monotonic=lambda: scheduler.clock)
    latches = SimpleNamespace(Lock=lambda: Latch(scheduler), TIMEOUT_MAX=threading.TIMEOUT_MAX)
    with ExitStack() as stack:
        for module in (pump_module, silence_module, deadline_module):
            stack.enter_context(patch.object(module, "time", clock))
        stack.enter_context(patch.object(pump_module, "InterruptibleLock", SteppedLock))
        stack.enter_context(patch.object(waiter_module, "threading", latches))
        stack.enter_context(patch.object(wakeup_module, "_stock", SimpleNamespace(pairs=[])))
        sockets = SimpleNamespace(socketpair=pair_of_bells)
        stack.enter_context(patch.object(wakeup_module, "socket", sockets))
        yield
