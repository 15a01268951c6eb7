"""Tries all runs of a case: depth first, up to a number of preemptions."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import hyper.pump
from hyper.transport import wakeup
from test.interleavings.primitives import in_the_hands_of
from test.interleavings.scenes import Case, Scene
from test.interleavings.scheduler import Scheduler, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# The code whose lines are steps: the pump's, and the wakeup's, which finalizers call.
FILES = frozenset((*map(str, Path(hyper.pump.__file__).parent.glob("*.py")), wakeup.__file__))


class Verdict(NamedTuple):
    """The figures. error: what was wrong in the run of these choices, or empty."""

    runs: int
    steps: int
    longest: int
    seconds: float
    is_whole: bool
    error: str
    choices: tuple[int, ...]


class Threads:
    """Workers for the actors of one run after another; those of a failed run are not used again."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []

    def take(self, number: int) -> list[Worker]:
        while len(self.workers) < number:
            self.workers.append(Worker(FILES))
        return self.workers[:number]

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()


@contextmanager
def threads() -> Iterator[Threads]:
    """Threads for many runs, and no collector of garbage that would run finalizers amid them."""
    collects = gc.isenabled()
    gc.disable()
    crew = Threads()
    try:
        yield crew
    finally:
        crew.stop()
        if collects:
            gc.enable()


def play(
    case: Case,
    choices: list[int],
    preemptions: int,
    crew: Threads,
    *,
    log: list[str] | None = None,
    has_lines: bool = True,
) -> tuple[Scheduler, str]:
    """Play one run; what was wrong in it, or nothing."""
    scheduler = Scheduler(choices, preemptions, has_lines=has_lines)
    scheduler.log = log
    with in_the_hands_of(scheduler):
        scene = Scene(scheduler, case.keepalive)
        case.build(scene)
        scheduler.play(crew.take(len(scene.actors)), scene.actors)
    error = scheduler.failure or scene.conclude()
    return scheduler, error


def explore(
    case: Case, preemptions: int, *, most_seconds: float = 1e9, has_lines: bool = True
) -> Verdict:
    """Try all runs with so many preemptions at most, or those until the first error."""
    begin = time.monotonic()
    runs = steps = longest = 0
    choices: list[int] = []
    with threads() as crew:
        while True:
            scheduler, error = play(case, choices, preemptions, crew, has_lines=has_lines)
            runs += 1
            steps += scheduler.steps
            longest = max(longest, scheduler.steps)
            path = scheduler.taken
            taken = tuple(chosen for chosen, _ in path)
            seconds = time.monotonic() - begin
            while path and path[-1][0] + 1 == path[-1][1]:
                path.pop()
            if error or not path or seconds > most_seconds:
                return Verdict(runs, steps, longest, seconds, not path, error, taken)
            choices = [chosen for chosen, _ in path]
            choices[-1] += 1


def tell(
    case: Case, choices: tuple[int, ...], preemptions: int, *, has_lines: bool = True
) -> list[str]:
    """Return the steps of one run, in words."""
    log: list[str] = []
    with threads() as crew:
        play(case, list(choices), preemptions, crew, log=log, has_lines=has_lines)
    return log
