"""``python -m test.fuzz.guided TARGET [OPTION OF LIBFUZZER ...]``: input that coverage guides.

It needs the package ``atheris`` (``pip install atheris``; wheels for CPython 3.9 to 3.13 on Linux).
Input that reaches a line for the first time is kept, and changed further. Options are libFuzzer's:
``-max_total_time=60``, ``-runs=100000``, and folders with more seeds. A finding is written to a
file, whose name as an argument plays it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random


def main(arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["hyper"]):
        from test.fuzz.targets import TARGETS
    name, *options = arguments
    play, seeds = TARGETS[name]

    def play_one(octets: bytes) -> None:
        play(octets, Random(octets))

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, folder], play_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
