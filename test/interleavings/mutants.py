"""Pumps that lack a rule: a run of the case must show it, or the scheduler sees nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, NamedTuple
from unittest.mock import patch

from hyper.pump import pump as pump_module
from hyper.pump.lock import Unlocked
from hyper.pump.pump import CLOSED, Pump
from hyper.transport.deadline import NEVER, Deadline
from hyper.transport.wakeup import Wakeup
from test.interleavings import scenes
from test.interleavings.explore import Verdict, explore
from test.interleavings.primitives import SteppedTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL_SLEEP = Pump._sleep
USUAL_WAIT = SteppedTransport.wait
USUAL_ARM = Wakeup.arm
USUAL_PROMOTE = Pump._promote


class Mutant(NamedTuple):
    """A rule that is missing. changes: (object, name, what stands there instead)."""

    rule: int
    title: str
    build: Callable[[scenes.Scene], None]
    changes: tuple[tuple[Any, str, Any], ...]

    @property
    def case(self) -> scenes.Case:
        return scenes.Case(self.title, self.build)


@contextmanager
def in_place(mutant: Mutant) -> Iterator[None]:
    """The pump lacks the rule meanwhile."""
    patches = [patch.object(*change) for change in mutant.changes]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in reversed(patches):
            each.stop()


def do_nothing(*_: Any) -> None:
    """Do nothing: that is what is wrong."""


def keep_the_lock(_: Unlocked) -> None:
    """Sleep with the lock held."""


def wake_nobody(pump: Pump) -> None:
    pump.endpoint.changed_streams.clear()


def wake_only(_: Pump, waiter: Any) -> None:
    """Leave the waiter on the list."""
    waiter.wake()


def sleep_without_room(pump: Pump, *arguments: Any, read: bool, write: bool) -> None:
    USUAL_SLEEP(pump, *arguments, read=read, write=write and not read)


def wait_without_a_look(pump: Pump, ready: Any, ids: Any, timeout: float | None) -> None:
    """Do what ``Pump.wait`` does, but for the look after sending."""
    deadline = NEVER if timeout is None else Deadline(timeout)
    try:
        while not ready():
            if not pump._has_leader:
                pump._lead(ready, deadline)
                return
            if not pump.flush():
                pump._wait_for_room(ready, deadline)
            else:
                pump._follow(ids, ready, deadline)
    finally:
        pump._promote()


def leave_octets(pump: Pump) -> None:
    """Promote, and send nothing of what others have left."""
    with patch.object(pump, "flush", lambda: True):
        USUAL_PROMOTE(pump)


def close_under_sleepers(pump: Pump) -> None:
    if pump._state != CLOSED:
        pump._state = CLOSED
        pump._transport.shutdown()
        pump._transport.close()


def only_note(pump: Pump, stream: Any) -> None:
    pump.notes.append(stream)


def arm_late(transport: Any, **arguments: Any) -> bool:
    USUAL_ARM(transport.wakeup)
    return USUAL_WAIT(transport, **arguments)


def take_the_lock_once(unlocked: Unlocked, *_: object) -> None:
    unlocked._lock.acquire()


MUTANTS = [
    Mutant(
        1,
        "the lock is held in the kernel",
        scenes.cancelled,
        (
            (Unlocked, "__enter__", keep_the_lock),
            (Unlocked, "__exit__", do_nothing),
        ),
    ),
    Mutant(
        2,
        "nobody wakes the threads that were served",
        scenes.two_wait,
        ((Pump, "wake", wake_nobody),),
    ),
    Mutant(
        3,
        "a waiter that is woken stays on the list",
        scenes.two_wait,
        ((Pump, "_wake_follower", wake_only),),
    ),
    Mutant(4, "nobody is promoted", scenes.two_wait, ((Pump, "_promote", do_nothing),)),
    Mutant(
        5,
        "a leader does not wait for room",
        scenes.no_room_alone,
        ((Pump, "_sleep", sleep_without_room),),
    ),
    Mutant(
        6,
        "no look after sending",
        scenes.abandoned_before_a_turn,
        ((Pump, "wait", wait_without_a_look),),
    ),
    Mutant(
        10,
        "sleepers in the kernel are not notified",
        scenes.cancelled,
        ((Pump, "_notify_sleepers", do_nothing),),
    ),
    Mutant(
        11,
        "a finalizer's note waits for the next call",
        scenes.abandoned,
        ((Pump, "drop_from_finalizer", only_note),),
    ),
    Mutant(
        11,
        "the wakeup is armed after the look for notes",
        scenes.abandoned,
        (
            (Wakeup, "arm", do_nothing),
            (SteppedTransport, "wait", arm_late),
        ),
    ),
    Mutant(
        14,
        "the wait beneath a signal handler stays on the list",
        scenes.handled,
        ((Pump, "_wake_outer", do_nothing),),
    ),
    Mutant(
        14,
        "a sleeper beneath a signal handler keeps calling",
        scenes.handled,
        ((pump_module, "is_covered", lambda: True),),
    ),
    Mutant(
        16,
        "a thread that arrives sends only what is its own",
        scenes.asked_while_another_arrives,
        ((Pump, "_promote", leave_octets),),
    ),
    Mutant(
        17,
        "nobody wakes the others that one read serves",
        scenes.three_are_served_together,
        ((Pump, "_wake_served", do_nothing),),
    ),
    Mutant(
        10,
        "close gives the socket back while a thread sleeps",
        scenes.closed,
        ((Pump, "close", close_under_sleepers),),
    ),
    Mutant(
        4,
        "Ctrl-C while the lock is taken again leaves it free",
        scenes.struck,
        ((Unlocked, "__exit__", take_the_lock_once),),
    ),
]


def find(mutant: Mutant) -> Verdict:
    """Look for what the missing rule does, with one preemption at most."""
    for preemptions in (0, 1):
        with in_place(mutant):
            verdict = explore(mutant.case, preemptions, has_lines=False)
        if verdict.error:
            break
    return verdict
