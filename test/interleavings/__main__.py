"""``python -m test.interleavings``: every order in which threads can step through the pump.

Each case is played with lines of code as steps, and with the uses of locks and of the network as
steps, which allows for more preemptions. Then rules are taken away, and each must be missed. Ends
with 1 if the pump as it is has an error, or if it has none without one of its rules.
"""

from __future__ import annotations

import argparse
import sys

from test.interleavings.explore import explore, tell
from test.interleavings.mutants import MUTANTS, find
from test.interleavings.scenes import CASES, Case

# Steps of a run that has failed that are shown.
MOST_SHOWN = 80


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m test.interleavings", description=__doc__)
    parser.add_argument("--only", default="", help="only cases whose title has these words")
    parser.add_argument("--lines", type=int, default=0, help="preemptions, where lines are steps")
    parser.add_argument("--locks", type=int, default=2, help="preemptions, where locks are steps")
    parser.add_argument("--seconds", type=float, default=1e9, help="of one case; then it is cut")
    return parser.parse_args(arguments)


def play(case: Case, preemptions: int, seconds: float, *, has_lines: bool) -> bool:
    """Try all runs of a case, and print the figures; False if one has failed."""
    verdict = explore(case, preemptions, most_seconds=seconds, has_lines=has_lines)
    kind = "lines" if has_lines else "locks"
    print(
        f"{verdict.runs:>10,}{verdict.steps:>14,}{verdict.longest:>9}{preemptions:>5} {kind}"
        f"{verdict.seconds:>9.1f}  {verdict.error or ('none' if verdict.is_whole else 'cut')}",
        flush=True,
    )
    if verdict.error:
        for line in tell(case, verdict.choices, preemptions)[-MOST_SHOWN:]:
            print(f"    {line}")
    return not verdict.error


def main(arguments: list[str]) -> int:
    given = options(arguments)
    faults = 0
    print(f"{'runs':>10}{'steps':>14}{'longest':>9}{'preemptions':>12}{'seconds':>8}  error")
    for case in CASES:
        if given.only in case.title:
            print(f"\n{case.title}")
            faults += not play(case, given.lines, given.seconds, has_lines=True)
            faults += not play(case, given.locks, given.seconds, has_lines=False)
    for mutant in MUTANTS:
        if given.only in mutant.title:
            verdict = find(mutant)
            faults += not verdict.error
            print(f"\n{mutant.rule}: {mutant.title} (a rule is missing)")
            print(f"{verdict.runs:>10,} runs: {verdict.error or 'NOTHING WAS FOUND'}")
    print(f"\n{faults} cases are not as they should be")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
