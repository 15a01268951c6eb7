"""A thread that stops before one of its lines, so that each interleaving of two can be tried.

`Paused(act, at)` runs act in a thread, counts the lines that it runs in hyper's rooms, and stops
before the one that `at` counts. Then the test does what another thread would do in that
moment, and lets it go on. Nothing here knows which lines those are: a test that tries all of them
outlives a change of the code.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import hyper
from hyper.transport.tcp import PlainTransport

# Seconds until a hang is called a hang.
DEADLINE = 20.0

# Seconds for what another thread does meanwhile: it may need a lock that the stopped one holds.
PATIENCE = 0.05

ROOT = str(Path(hyper.__file__).parent)


class Paused:
    """One thread, stopped before its line number `at`; `result` or `error` when it has ended."""

    def __init__(
        self, act: Callable[[], Any], at: int, rooms: tuple[str, ...] = ("client", "dropin")
    ) -> None:
        self._act = act
        self._at = at
        self._rooms = tuple(f"{ROOT}/{room}/" for room in rooms)
        self._count = 0
        self._changed = threading.Condition()
        self._is_stopped = self._may_go = self._has_ended = False
        self.where = ""
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sys.settrace(self._trace)
        try:
            self.result = self._act()
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        finally:
            sys.settrace(None)
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._rooms):
            return None
        if event == "line":
            self._count += 1
            if self._count == self._at:
                self.where = f"{frame.f_code.co_filename[len(ROOT) :]}:{frame.f_lineno}"
                with self._changed:
                    self._is_stopped = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._may_go, DEADLINE)
                sys.settrace(None)
                return None
        return self._trace

    def wait_until_stopped(self, timeout: float = DEADLINE) -> bool:
        """Wait until it is there; False if it ended before, or sleeps in the kernel."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._is_stopped or self._has_ended, timeout)
        assert came or timeout < DEADLINE, "the thread came neither to its line nor to its end"
        return self._is_stopped

    def go_on(self) -> None:
        """Let it go on to its end."""
        with self._changed:
            self._may_go = True
            self._changed.notify_all()

    def end(self) -> Any:
        """Its result, or its exception raised here."""
        self.go_on()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), f"a thread hangs that was stopped at {self.where}"
        if self.error is not None:
            raise self.error
        return self.result


def interleaved(
    act: Callable[[], Any],
    other: Callable[[], Any],
    at: int,
    rooms: tuple[str, ...] = ("client", "dropin"),
    timeout: float = DEADLINE,
) -> tuple[Paused, Paused] | None:
    """Do `other` while act is stopped before its line `at`; both ended. None: it has no such line.

    Where `other` needs what act holds, act goes on meanwhile. timeout: seconds after which an act
    that is not there is taken to sleep in the kernel.
    """
    one = Paused(act, at, rooms)
    if not one.wait_until_stopped(timeout):
        one.go_on()
        return None
    two = Paused(other, 0)
    two._thread.join(PATIENCE)
    one.go_on()
    for each in (one, two):
        each._thread.join(DEADLINE)
        assert not each._thread.is_alive(), f"a thread hangs: one was stopped at {one.where}"
    return one, two


def await_main_thread_asleep(deadline: float = 10.0) -> None:
    """Return when the main thread waits for the network, outside of any step.

    A signal that comes before that may find it in the middle of one, where a handler cannot wait.
    """
    end = time.monotonic() + deadline
    main = threading.main_thread().ident
    asleep = PlainTransport.wait.__code__
    while sys._current_frames()[main].f_code is not asleep:
        assert time.monotonic() < end, "the main thread does not wait"
        threading.Event().wait(0.001)
