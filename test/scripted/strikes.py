"""A signal handler that raises at the n-th line of hyper which a call comes by.

Repeat a call with n = 1, 2, 3, ... and every line of it is struck once. HYPER_LONG=1 does that;
else the suite strikes some lines, each time the same.
"""

from __future__ import annotations

import gc
import linecache
import os
import signal
import sys


def stride(usual):
    """Lines from one that is struck to the next. Take a prime: loops are met at all their lines."""
    return 1 if os.environ.get("HYPER_LONG") == "1" else usual


def collected():
    """Have what was struck while it was made collected now: PyPy would do so in another test."""
    yield
    for _ in range(3):
        gc.collect()


# Python prints what a finalizer raises, or drops it, and goes on. `closed` is asked for by that of
# each io object, in C: no frame shows it.
FINALIZERS = {"__del__", "closed"}


class Alarm(Exception):
    """A program's own."""


class AlarmTimeout(TimeoutError):
    """An exception that a handler of SIGALRM likes to raise."""


def is_beyond_signals(line):
    """True if a trace function may strike a line and a signal cannot: no call ends there.

    At `try`, or between a block and the exit of its `with`, a lock would stay taken. At `return
    name` and `yield name` the octets are the caller's already.
    """
    first = line.split()[:1]
    return first in (["with"], ["try:"]) or (first in (["return"], ["yield"]) and "(" not in line)


class Strike:
    """Runs a call, and a handler of SIGUSR1 at its line number `at` in hyper, which raises."""

    def __init__(self, kind, at):
        self._left = at
        self.error = None
        self._kind = kind
        self._is_printed = False
        self._hook = sys.unraisablehook
        self.where = ""

    def handle(self, *_):
        self.error = self._kind("of the program")
        raise self.error

    def _line(self, frame, event, _):
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and not is_beyond_signals(source):
            self._left -= 1
            if self._left == 0:
                sys.settrace(None)
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                self.handle()
        return self._line

    def _call(self, frame, _event, _argument):
        code = frame.f_code
        if "/hyper/" not in code.co_filename:
            return None
        outer = frame
        while outer is not None:
            if outer.f_code.co_name in FINALIZERS:
                return None
            outer = outer.f_back
        return self._line

    def _unraisable(self, told):
        """Note that a finalizer was struck; what others raise goes to pytest."""
        if told.exc_value is self.error:
            self._is_printed = True
        else:
            self._hook(told)

    def run(self, act):
        """Return the exception that comes out of act, or that Python printed instead, or None."""
        former = signal.signal(signal.SIGUSR1, self.handle)
        outer, self._hook = sys.gettrace(), sys.unraisablehook
        sys.unraisablehook = self._unraisable
        try:
            sys.settrace(self._call)
            act()
        except BaseException as error:  # noqa: BLE001  looked at below
            return error
        finally:
            sys.settrace(outer)
            sys.unraisablehook = self._hook
            signal.signal(signal.SIGUSR1, former)
        return self.error if self._is_printed else None
