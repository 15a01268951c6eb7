"""The command: its arguments in, its exit code out. It starts what the options name."""

from __future__ import annotations

import contextlib
import os
import sys

from . import exit_codes
from .arguments import Arguments, has_views, parse
from .faults import Failed, OutputClosed, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exchange import Request


def main(words: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        words: the arguments; None means those of the process.

    Returns:
        The exit code (``exit_codes.py`` lists them).
    """
    try:
        code = _run(sys.argv[1:] if words is None else words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = exit_codes.INTERRUPTED
    except (OutputClosed, BrokenPipeError):
        to_nowhere()
        code = exit_codes.WRITE
    except (UsageError, Failed) as error:
        code = exit_codes.code_of(error)
        if code == exit_codes.WRITE:
            to_nowhere()
        _complain(error)
    except (OSError, ValueError) as error:
        from hyper.errors import HTTPException

        code = exit_codes.code_of(error)
        if not isinstance(error, (OSError, HTTPException)) and code != exit_codes.USAGE:
            raise
        _complain(error)
    return code


def to_nowhere() -> None:
    """Have what is still buffered for the output go nowhere: its reader has gone."""
    with open(os.devnull, "w") as devnull, contextlib.suppress(OSError, ValueError):
        os.dup2(devnull.fileno(), sys.stdout.fileno())


def _complain(error: BaseException) -> None:
    """Write one line about an error."""
    from .screen import harmless

    print(f"hyper: {harmless(exit_codes.words_of(error))}", file=sys.stderr)


def _run(words: Sequence[str]) -> int:
    arguments = parse(words)
    if arguments.headers and not arguments.urls:
        arguments.help = True
    if told(arguments):
        return 0
    if arguments.from_curl:
        from .from_curl import read_curl

        read_curl(arguments)
    from .building import requests_of

    requests = requests_of(arguments)
    if arguments.curl:
        from .curl import curl_command

        for request in requests:
            print(curl_command(request, arguments))
        return 0
    if not has_views(arguments):
        return work(arguments, requests)
    from .views import Views

    with Views(arguments):
        return work(arguments, requests)


def work(arguments: Arguments, requests: Sequence[Request]) -> int:
    """Do what the requests are for: measuring, showing, or fetching; returns the exit code."""
    if arguments.ping:
        from .measuring import ping

        return ping(arguments, requests)
    if arguments.bench:
        from .measuring import bench

        return bench(arguments, requests)
    from .run import Run

    run = Run(arguments)
    try:
        if arguments.offline:
            from .offline import show_offline

            return show_offline(run, requests)
        return run.work(requests)
    finally:
        run.close()


def told(arguments: Arguments) -> bool:
    """True if the command tells of itself: its version, its help, a manual."""
    if arguments.version:
        import hyper

        print(f"hyper {hyper.__version__}")
    elif arguments.help or arguments.manual:
        from .help import long_help, short_help

        print(long_help() if arguments.manual else short_help())
    elif arguments.generate:
        from .generating import generated

        print(generated(arguments.generate), end="")
    else:
        return False
    return True
