"""The command line, read: options by the table, METHOD, URLs and items by their looks."""

from __future__ import annotations

import argparse
import re

from .faults import UsageError
from .option import FLAG, MANY, Option
from .options import OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

#: Methods that are known in lower case, too, as HTTPie's users write them.
METHODS = frozenset(("get", "head", "post", "put", "patch", "delete", "options", "trace", "query"))

#: A positional argument that can only be a URL: it has a scheme, or a port of this machine.
IS_URL = re.compile(r"https?://|:(\d|/|$)", re.IGNORECASE).match
IS_METHOD = re.compile(r"[A-Z][A-Z0-9_-]*").fullmatch


class _Formatter(argparse.HelpFormatter):
    """argparse makes one for each option, though the command has a help of its own.

    The width is given, because argparse would import shutil and all archives to ask for it.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}: see hyper --help")


class Arguments:
    """The content of a command line: each option of the table by its name, and the rest.

    Attributes:
        method: in capitals; "" where the content decides.
        urls: one or more, as they were written.
        items: the texts after them.
    """

    def __init__(self, **values: Any) -> None:
        self.method = ""
        self.urls: list[str] = []
        self.items: list[str] = []
        self.__dict__.update(values)

    if TYPE_CHECKING:  # the options are attributes that __init__ has set

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    if option.kind == FLAG:
        parser.add_argument(*option.flags, dest=option.name, action="store_true")
    else:
        parser.add_argument(
            *option.flags,
            dest=option.name,
            action="append" if option.kind == MANY else "store",
            default=[] if option.kind == MANY else None,
            choices=option.choices or None,
            metavar=option.metavar,
        )


def parse(words: Sequence[str]) -> Arguments:
    """Read a command line.

    Raises:
        UsageError: an option is unknown, lacks its value, or has one that it cannot have.
    """
    parser = _Parser("hyper", add_help=False, allow_abbrev=False, formatter_class=_Formatter)
    for option in OPTIONS:
        _add(parser, option)
    words = list(words)
    end = words.index("--") if "--" in words else len(words)
    # Positional arguments are known to none of argparse's actions: they may stand between options.
    found, positionals = parser.parse_known_args(words[:end])
    for word in positionals:
        if word.startswith("-") and word != "-":
            raise UsageError(f"there is no option {word.partition('=')[0]}: see hyper --help")
    positionals += words[end + 1 :]
    values = vars(found)
    for option in OPTIONS:
        if option.takes_value:
            values[option.name] = _converted(option, values[option.name])
    arguments = Arguments(**values)
    _place(arguments, positionals)
    return arguments


def _converted(option: Option, value: Any) -> Any:
    if value is None or option.kind == MANY:
        return value
    try:
        return option.convert(value)
    except ValueError:
        words = option.convert.__name__
        raise UsageError(
            f"{option.flags[-1]} takes a number of {words}, not {value!r}"
            if words == "seconds"
            else f"{option.flags[-1]} takes a whole number above 0, not {value!r}"
        ) from None


def _place(arguments: Arguments, positionals: list[str]) -> None:
    """Tell METHOD, URLs and items apart."""
    words = list(positionals)
    if len(words) > 1 and (IS_METHOD(words[0]) or words[0] in METHODS) and words[0] != "localhost":
        arguments.method = words.pop(0).upper()
    if words:
        arguments.urls.append(words.pop(0))
    for word in words:
        (arguments.urls if IS_URL(word) else arguments.items).append(word)


def has_views(arguments: Arguments) -> bool:
    """True if an option asks for a view."""
    saved = (arguments.waterfall_svg, arguments.har, arguments.qlog)
    return bool(arguments.frames or arguments.waterfall or any(saved))
