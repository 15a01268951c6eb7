"""Runs spin over ``pump.pml``: generates the checker in C, compiles it and lets it try all runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).with_name("pump.pml")

#: Steps that the longest run may have, and 2 ** HASH_BITS slots of the first table of states.
MOST_STEPS, HASH_BITS = 100_000, 22

#: MiB for the states. The largest run of the command takes a third.
MOST_MEMORY = 3000


class Case(NamedTuple):
    """A set of runs. switches: names in pump.pml of what may happen in them."""

    title: str
    switches: tuple[str, ...] = ()
    threads: int = 2
    mutant: int = 0

    @property
    def definitions(self) -> list[str]:
        """The arguments for spin."""
        values = [*self.switches, f"T={self.threads}", f"MUTANT={self.mutant}"]
        return [f"-D{value}" for value in values]


class Verdict(NamedTuple):
    """The checker's figures. error: its words for the first one, or empty."""

    states: int
    depth: int
    seconds: float
    error: str


#: The pump as it is. The last two take a minute each.
RIGHT = [
    Case("timeouts, and a peer that writes first"),
    Case("a finalizer that drops a response", ("NOTES",)),
    Case("Ctrl-C anywhere, and a close", ("STRIKES", "CLOSES")),
    Case("a cancel, a close and the peer's end", ("CANCELS", "CLOSES", "ENDS")),
    Case("a signal handler that waits", ("SIGNAL",)),
    Case("three threads, timeouts, and a peer that writes first", threads=3),
    Case("three threads that one read may serve together", ("TOGETHER",), threads=3),
]

#: The pump without one of its rules.
WRONG = [
    Case("2: nobody wakes the threads that were served", mutant=2),
    Case("4: nobody is promoted", mutant=4),
    Case("4: a promoted thread does not take note of it", threads=3, mutant=15),
    Case("5: a leader does not wait for room", mutant=5),
    Case("6: no look after sending", mutant=6),
    Case("10: sleepers in the kernel are not notified", mutant=10),
    Case("10: the first sleeper takes the others' notification", ("CANCELS",), mutant=18),
    Case("11: the wakeup is armed after the look for notes", ("NOTES",), mutant=11),
    Case("14: the wait beneath a signal handler stays", ("SIGNAL",), mutant=14),
    Case("16: nobody sends what was left to the one who arrives", ("CANCELS",), mutant=16),
    Case("17: nobody wakes the others that one read serves", ("TOGETHER",), threads=3, mutant=19),
    Case("close gives the socket back while a thread sleeps", ("CLOSES",), mutant=17),
]


def missing_tools() -> list[str]:
    """Return which of the programs are not here."""
    return [program for program in ("spin", "cc") if shutil.which(program) is None]


def check(case: Case, optimize: str = "-O1") -> Verdict:
    """Try all runs of a case, or those until the first error.

    Raises:
        RuntimeError: a program has failed, or the runs do not fit into MOST_STEPS or MOST_MEMORY.
    """
    with tempfile.TemporaryDirectory() as folder:
        _run(["spin", *case.definitions, "-a", str(MODEL)], folder)
        options = ["-w", "-DSAFETY", "-DNOFAIR", "-DCOLLAPSE", f"-DMEMLIM={MOST_MEMORY}"]
        _run(["cc", optimize, *options, "-o", "pan", "pan.c"], folder)
        said = _run(["./pan", f"-m{MOST_STEPS}", f"-w{HASH_BITS}"], folder)
    figures = re.search(
        r"depth reached (\d+), errors: (\d+)\s+([\d.e+]+) states, stored.*?elapsed time ([\d.]+)",
        said,
        re.DOTALL,
    )
    error = re.search(r"^pan:1: (.*?)(?: \(at depth \d+\))?$", said, re.MULTILINE)
    is_whole = error is not None or "Search not completed" not in said
    if figures is None or "max search depth too small" in said or not is_whole:
        raise RuntimeError(f"spin has not tried all runs of {case}:\n{said}")
    depth, _, states, seconds = figures.groups()
    return Verdict(int(float(states)), int(depth), float(seconds), error[1] if error else "")


def _run(command: list[str], folder: str) -> str:
    """Return what a program has said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout
