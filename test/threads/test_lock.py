"""hyper.pump.lock: a thread knows whether it holds the lock, whatever has struck it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from hyper.pump.lock import InterruptibleLock, Unlocked


@pytest.fixture
def held():
    lock = InterruptibleLock()
    with lock:
        yield lock
        assert lock.is_held()
    assert not lock.is_held()


def test_only_its_own_thread_holds_it(held):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(held.is_held()))
    thread.start()
    thread.join()
    assert answers == [False]
    assert held.is_held()


def test_it_is_not_held_meanwhile_and_held_again_afterwards(held):
    with Unlocked(held):
        assert not held.is_held()
    assert held.is_held()


def test_an_exception_inside_finds_it_held_again(held):
    with pytest.raises(ZeroDivisionError), Unlocked(held):
        raise ZeroDivisionError
    assert held.is_held()


@pytest.mark.skipif(not hasattr(sys, "setprofile"), reason="the interpreter has no profile hook")
@pytest.mark.parametrize("step", ["release", "acquire"])
@pytest.mark.parametrize("event", ["c_call", "c_return"])
def test_ctrl_c_around_its_steps_finds_it_held_again(held, step, event):
    """CPython looks for signals where a call of C ends: the lock is taken again all the same."""

    def strike(_frame, happened, function):
        if happened == event and getattr(function, "__name__", "") == step:
            sys.setprofile(None)
            raise KeyboardInterrupt

    def act():
        with Unlocked(held):
            pass

    sys.setprofile(strike)
    try:
        with pytest.raises(KeyboardInterrupt):
            act()
    finally:
        sys.setprofile(None)
    assert held.is_held()


def test_the_owner_is_the_thread_that_threading_says():
    """gevent: its greenlets count as threads, and share one of the system's."""
    program = (
        "import threading; threading.RLock = threading._PyRLock\n"
        "from hyper.pump.lock import InterruptibleLock\n"
        "assert issubclass(InterruptibleLock, threading._PyRLock)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
