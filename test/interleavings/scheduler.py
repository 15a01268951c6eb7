"""Scheduler: real threads of which one runs at a time, and each switch is a choice.

A thread stops before each line of hyper's pump, wherever it would sleep, and after each release of
the lock. There the scheduler chooses who goes on. The choices of a run are a list of numbers, so
that a run can be played again, and ``explore.py`` can try all of them.

Some choices are not threads: a timeout passes, octets come from the peer, the socket gets room,
Ctrl-C strikes.
"""

from __future__ import annotations

import sys
import threading
from _thread import allocate_lock
from contextlib import suppress
from typing import Any, Callable, NamedTuple

# Steps of one run after which it is called endless: several times what the longest takes.
MOST_STEPS = 5_000

# Seconds until a run that does not come back is given up: a fault of the scheduler's own.
DEADLINE = 60.0


class Abort(BaseException):
    """A run has failed: all its threads end."""


class Event(NamedTuple):
    """Something that comes from the outside, once. may: True if it can come now.

    is_room: it gives the socket room; else it gives it something to read.
    """

    words: str
    do: Callable[[], None]
    may: Callable[[], bool] = lambda: True
    is_room: bool = False


class Wait:
    """Why a thread sleeps. moment: when it ends anyhow; read, write: for what in the kernel."""

    __slots__ = ("is_ready", "moment", "read", "write")

    def __init__(
        self, is_ready: Callable[[], bool], moment: float | None, *, read: bool, write: bool
    ) -> None:
        self.is_ready = is_ready
        self.moment = moment
        self.read = read
        self.write = write


class Actor:
    """One thread's part in a run. waits: what it sleeps for; a signal handler may add one."""

    def __init__(self, name: str, act: Callable[[], Any], *, is_victim: bool = False) -> None:
        self.name = name
        self.act = act
        self.is_victim = is_victim
        self.waits: list[Wait] = []
        self.has_ended = False
        #: it has been called out of the kernel for another's sake: that one goes first
        self.yields = False
        self.interruption = ""
        self.error: BaseException | None = None
        self.turn = allocate_lock()


class Option(NamedTuple):
    """One way to go on. price: 1 if a thread is stopped that could go on, or struck."""

    price: int
    actor: Actor
    what: str = ""
    event: Event | None = None


class Scheduler:
    """One run.

    choices: the index of the option at each point with more than one; then 0.
    preemptions: how many times a thread may be stopped that could go on.
    """

    def __init__(self, choices: list[int], preemptions: int, *, has_lines: bool = True) -> None:
        self.clock = 1000.0
        self.actors: list[Actor] = []
        self.events: list[Event] = []
        self.strikes = 0
        self.handlers: list[Callable[[], None]] = []
        self.drops: list[Callable[[], None]] = []
        self.has_lines = has_lines
        #: (chosen, how many) at each point
        self.taken: list[tuple[int, int]] = []
        self.log: list[str] | None = None
        self.steps = 0
        self.failure = ""
        self.is_aborted = False
        self._choices = choices
        self._left = preemptions
        self._ended = threading.Event()
        self._count = allocate_lock()
        self._running: Actor | None = None

    # ------------------------------------------------------------------ a run

    def play(self, workers: list[Worker], actors: list[Actor]) -> None:
        """Have each actor run in a thread, until all have ended; ``failure`` tells of a fault."""
        self.actors = actors
        for actor in actors:
            actor.turn.acquire()
        for worker, actor in zip(workers, actors):
            worker.begin(self, actor)
        self._hand_over(None)
        if not self._ended.wait(DEADLINE):
            raise RuntimeError("the run did not come back")

    def fail(self, words: str) -> None:
        """End the run, which has shown a fault; raises in each thread."""
        if not self.is_aborted:
            self.failure = words
            self.is_aborted = True
            for actor in self.actors:
                if actor is not self._running and not actor.has_ended:
                    actor.turn.release()

    def end(self, actor: Actor) -> None:
        """Note that an actor has ended, in its thread; another one goes on."""
        with self._count:
            actor.has_ended = True
            is_last = all(each.has_ended for each in self.actors)
        if is_last:
            self._ended.set()
        elif not self.is_aborted:
            self._hand_over(None)

    # ------------------------------------------------------------------ points

    def step(self) -> None:
        """Another thread may go on here instead of this one."""
        if self.is_aborted:
            raise Abort
        self._hand_over(self._running)

    def line(self, place: str) -> None:
        """A step before a line of code, and a finalizer may run here."""
        if self.is_aborted:
            raise Abort
        me = self._running
        assert me is not None
        if self.log is not None:
            self.log.append(f"{me.name}: {place}")
        if self.drops and self._left and self._choose([Option(0, me), Option(1, me, "drop")]):
            self._left -= 1
            self.drops.pop()()
        self._hand_over(me)

    def chance(self) -> None:
        """Ctrl-C may strike here: a function begins."""
        me = self._running
        if me is None or not (self.strikes and me.is_victim and self._left):
            return
        if self._choose([Option(0, me), Option(1, me, "Ctrl-C")]):
            self._left -= 1
            self.strikes -= 1
            raise KeyboardInterrupt

    def block(
        self,
        is_ready: Callable[[], bool],
        timeout: float | None = None,
        *,
        read: bool = False,
        write: bool = False,
    ) -> bool:
        """Sleep until is_ready() is true, and return True; or False after timeout seconds."""
        if self.is_aborted:
            raise Abort
        me = self._running
        assert me is not None
        moment = None if timeout is None else self.clock + timeout
        me.waits.append(Wait(is_ready, moment, read=read, write=write))
        try:
            while True:
                self._hand_over(me)
                what, me.interruption = me.interruption, ""
                if what == "Ctrl-C":
                    raise KeyboardInterrupt
                if what == "signal":
                    me.waits.append(Wait(lambda: True, None, read=False, write=False))  # it runs
                    self.handlers.pop()()
                    me.waits.pop()
                    continue
                if is_ready():
                    return True
                if moment is not None and moment <= self.clock:
                    return False
        finally:
            me.waits.pop()

    def arrive(self) -> None:
        """Let come from the outside what may have come by now."""
        if self.is_aborted:
            raise Abort
        me = self._running
        assert me is not None
        while True:
            events = [event for event in self.events if event.may()]
            options = [Option(0, me), *(Option(0, me, event.words, event) for event in events)]
            chosen = self._choose(options) if events else 0
            if not chosen:
                return
            self._let_come(events[chosen - 1])

    def give_way(self) -> None:
        """Have another thread go first, if one may: this one was woken for its sake.

        A machine runs all threads some time. Without this, one could spin for ever.
        """
        if self._running is not None:
            self._running.yields = True

    # ------------------------------------------------------------------ choices

    def _let_come(self, event: Event) -> None:
        self.events.remove(event)
        event.do()

    def _choose(self, options: list[Option]) -> int:
        """Return the index of the option that this run takes."""
        position = len(self.taken)
        chosen = self._choices[position] if position < len(self._choices) else 0
        if chosen >= len(options):
            raise RuntimeError("a run went another way than before with the same choices")
        self.taken.append((chosen, len(options)))
        if self.log is not None and (option := options[chosen]).what:
            self.log.append(f"    {option.what} ({option.actor.name})")
        return chosen

    def _may_go(self, actor: Actor) -> bool:
        if actor.has_ended:
            return False
        if not actor.waits:
            return True
        wait = actor.waits[-1]
        return wait.is_ready() or (wait.moment is not None and wait.moment <= self.clock)

    def _options(self, me: Actor | None) -> list[Option]:
        """Return what may happen next; me: the actor that has run until now, unless it ended."""
        options = []
        price = 0
        if me is not None and me.yields:
            me.yields = False
            if any(actor is not me and self._may_go(actor) for actor in self.actors):
                return [
                    Option(0, actor)
                    for actor in self.actors
                    if actor is not me and self._may_go(actor)
                ]
        if me is not None and self._may_go(me):
            options.append(Option(0, me))
            price = 1
        if price > self._left:
            return options
        for actor in self.actors:
            if self._may_go(actor):
                if actor is not me:
                    options.append(Option(price, actor))
            elif actor.has_ended:
                continue
            else:
                wait = actor.waits[-1]
                if wait.moment is not None:
                    options.append(Option(price, actor, "its time has passed"))
                if wait.read or wait.write:
                    options += [
                        Option(price, actor, event.words, event)
                        for event in self.events
                        if (wait.write if event.is_room else wait.read) and event.may()
                    ]
            if actor.is_victim and actor.waits and (actor is not me or not price):
                if self.strikes:
                    options.append(Option(price, actor, "Ctrl-C"))
                if self.handlers:
                    options.append(Option(price, actor, "signal"))
        return options

    def _hand_over(self, me: Actor | None) -> None:
        """Choose who goes on; return when it is me."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            self._running = me
            self.fail("the run does not end: threads go on, and nothing comes of it")
            raise Abort
        options = self._options(me)
        if not options:
            self._running = me
            self.fail("deadlock: " + "; ".join(map(_asleep, self.actors)))
            if me is not None:
                raise Abort
            return
        option = options[self._choose(options) if len(options) > 1 else 0]
        self._left -= option.price
        actor = option.actor
        if option.event is not None:
            self._let_come(option.event)
        elif option.what in ("Ctrl-C", "signal"):
            actor.interruption = option.what
            if option.what == "Ctrl-C":
                self.strikes -= 1
        elif option.what:
            self.clock = max(self.clock, actor.waits[-1].moment or 0.0)
        if actor is me:
            return
        self._running = actor
        actor.turn.release()
        if me is not None:
            me.turn.acquire()
            if self.is_aborted:
                raise Abort


def _asleep(actor: Actor) -> str:
    if actor.has_ended:
        return f"{actor.name} has ended"
    wait = actor.waits[-1]
    return f"{actor.name} sleeps{' in the kernel' if wait.read or wait.write else ''}"


class Worker(threading.Thread):
    """A thread for one actor of each run: threads are dear.

    files: paths of the code whose lines are steps.
    """

    def __init__(self, files: frozenset[str]) -> None:
        super().__init__(daemon=True)
        self._files = files
        self._scheduler: Scheduler | None = None
        self._actor: Actor | None = None
        self._begun = allocate_lock()
        self._begun.acquire()
        self.start()

    def begin(self, scheduler: Scheduler, actor: Actor) -> None:
        """Have the thread play an actor, when it is the actor's turn."""
        self._scheduler, self._actor = scheduler, actor
        self._begun.release()

    def stop(self) -> None:
        """End the thread, which plays nothing."""
        self._actor = None
        self._begun.release()
        self.join(DEADLINE)

    def run(self) -> None:
        while True:
            self._begun.acquire()
            actor, scheduler = self._actor, self._scheduler
            if actor is None or scheduler is None:
                return
            actor.turn.acquire()
            sys.settrace(self._trace if scheduler.has_lines or scheduler.strikes else None)
            try:
                if not scheduler.is_aborted:
                    actor.act()
            except BaseException as error:  # noqa: BLE001 - the scene looks at it
                actor.error = error
            finally:
                sys.settrace(None)
            with suppress(Abort):
                scheduler.end(actor)

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        code = frame.f_code
        if code.co_filename not in self._files:
            return None
        scheduler = self._scheduler
        assert scheduler is not None
        if event == "line":
            scheduler.line(f"{code.co_name}:{frame.f_lineno}")
        elif event == "call":
            if not scheduler.is_aborted:
                scheduler.chance()
            return self._trace if scheduler.has_lines else None
        return self._trace
