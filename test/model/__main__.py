"""``python -m test.model``: check the model of the pump, and that each rule is needed in it.

Ends with 1 if the pump as it is has an error, or if it has none without one of its rules.
"""

from __future__ import annotations

import argparse
import sys

from test.model.check import RIGHT, WRONG, check, missing_tools


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m test.model", description=__doc__)
    parser.add_argument("--only", default="", help="only cases whose title has these words")
    given = parser.parse_args(arguments)
    missing = missing_tools()
    if missing:
        print(f"not here: {' and '.join(missing)} (Debian: apt-get install spin gcc)")
        return 2
    faults = 0
    print(f"{'states':>12}{'depth':>8}{'seconds':>9}  error")
    for case in [*RIGHT, *WRONG]:
        if given.only not in case.title:
            continue
        verdict = check(case)
        print(f"\n{case.title}{' (a rule is missing)' if case.mutant else ''}")
        figures = f"{verdict.states:>12,}{verdict.depth:>8}{verdict.seconds:>9.1f}"
        print(f"{figures}  {verdict.error or 'none'}", flush=True)
        faults += bool(verdict.error) != bool(case.mutant)
    print(f"\n{faults} cases are not as they should be")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
