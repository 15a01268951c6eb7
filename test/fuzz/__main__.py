"""``python -m test.fuzz --time 60``: random input for so many seconds, and what it has found.

Each input has a number, and ``--target NAME --first NUMBER --inputs 1`` plays it again.  Ends with
1 if there is a finding.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import Random
from typing import Any

from test.fuzz.mutations import mutated
from test.fuzz.targets import TARGETS

# Seconds of one turn of a target, and of one input: none takes a tenth of that.
TURN, MOST_SECONDS = 1.0, 5.0
MOST_FINDINGS = 5  # of one target


class Turns:
    """One target, and how far it has come."""

    def __init__(self, name: str, first: int) -> None:
        self.name, self.number = name, first
        self._play, seeds = TARGETS[name]
        self._seeds = seeds()
        self.findings: list[tuple[int, bytes, str]] = []

    def play_one(self) -> None:
        """Play the next input."""
        chance = Random(f"{self.name} {self.number}")
        octets = mutated(chance, self._seeds)
        begin = time.process_time()
        try:
            self._play(octets, chance)
            assert time.process_time() - begin < MOST_SECONDS
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            self.findings.append((self.number, octets, traceback.format_exc(limit=-4)))
        self.number += 1

    def play_for(self, seconds: float) -> None:
        """Play inputs for some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.findings) < MOST_FINDINGS:
            self.play_one()


def options(arguments: list[str]) -> Any:
    parser = argparse.ArgumentParser("python -m test.fuzz", description=__doc__)
    parser.add_argument("--time", type=float, default=60.0, help="seconds of all targets together")
    parser.add_argument("--inputs", type=int, help="inputs of each target, instead of a time")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    given = options(arguments)
    targets = [Turns(name, given.first) for name in given.target or TARGETS]
    begin = time.monotonic()
    if given.inputs is not None:
        for target in targets:
            for _ in range(given.inputs):
                target.play_one()
    while given.inputs is None and time.monotonic() < begin + given.time:
        for target in targets:
            target.play_for(TURN)
    for target in targets:
        print(f"{target.name:<14}{target.number - given.first:>10,} inputs")
        for number, octets, words in target.findings:
            print(f"\n{target.name}, input {number}: {octets[:200]!r}\n{words}")
    findings = sum(len(target.findings) for target in targets)
    print(f"{time.monotonic() - begin:.0f} seconds, {findings} findings")
    return min(findings, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
