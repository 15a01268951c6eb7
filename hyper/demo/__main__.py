"""``python -m hyper.demo``.

The exit code is 0 where all came as expected, 1 where it did not or nobody read on to the end,
and 2 where the packages that the server needs are missing.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Tell the story, if the peer's packages are there."""
    try:
        import h2  # noqa: F401 - asked for, not used: the server needs it
        import trustme  # noqa: F401 - as above
    except ImportError as missing:
        print(
            f"hyper.demo brings its own server, which needs two packages ({missing.name} is"
            f" missing): {sys.executable} -m pip install h2 trustme",
            file=sys.stderr,
        )
        return 2
    from .story import tell

    try:
        code = tell(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe (``| head``). Output that is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
