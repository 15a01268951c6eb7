"""The short help and the long one, from the table of options."""

from __future__ import annotations

from .options import ITEMS, TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .option import Option

USAGE = "hyper [OPTIONS] [METHOD] URL [ITEM ...]"
#: Columns of a line, and those before what an option does.
WIDTH, INDENT = 92, 26

ABOUT = (
    "Send HTTP requests over HTTP/2, and show what comes back. A request with data is a POST."
    " Without a scheme, a URL is https; :3000/x is a port of this machine. More URLs may follow the"
    " first one: all are asked at once, over one connection an origin."
)

EXAMPLES = (
    ("hyper example.org", "fetch a page"),
    ("hyper PUT example.org/things/1 name=pear n:=3 X-Trace:on", "send JSON, and a field"),
    ("hyper -f example.org/upload title=x photo@p.jpg", "send a form with a file"),
    ("hyper -v :8443/", "show the connection, both heads and the trailers"),
    ("hyper -d https://example.org/big.iso", "save a file, with progress"),
    ("hyper --waterfall https://example.org/ https://example.org/a.css", "see streams over time"),
)


def wrapped(text: str, width: int) -> Iterator[str]:
    """Give the lines of a text that are no longer than a width, where words allow."""
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            yield line
            line = ""
        line += f" {word}" if line else word
    if line:
        yield line


def _of_option(option: Option, *, is_long: bool) -> Iterator[str]:
    text = option.short
    if is_long and option.long:
        text += f". {option.long}"
    rows = list(wrapped(text, WIDTH - INDENT))
    title = f"  {option.title}"
    if len(title) < INDENT - 1:
        yield f"{title:<{INDENT}}{rows.pop(0)}"
    else:
        yield title
    for row in rows:
        yield " " * INDENT + row


def _lines(*, is_long: bool) -> Iterator[str]:
    yield f"Usage: {USAGE}"
    yield ""
    yield from wrapped(ABOUT, WIDTH)
    yield ""
    yield "Items:"
    for form, text in ITEMS:
        yield from _row(form, text)
    for group, options in TABLE.items():
        yield ""
        yield f"{group}:"
        for option in options:
            yield from _of_option(option, is_long=is_long)
    yield ""
    if not is_long:
        yield "hyper --manual tells more, hyper --generate man makes a man page."
        return
    yield "Exit codes:"
    for code, text in exit_rows():
        yield f"  {code:<{INDENT - 2}}{text}"
    yield ""
    yield "Examples:"
    for command, text in EXAMPLES:
        yield f"  {command}"
        yield f"      {text}"


def _row(form: str, text: str) -> Iterator[str]:
    title = f"  {form}"
    if len(title) >= INDENT - 1:
        yield title
        title = ""
    for row in wrapped(text, WIDTH - INDENT):
        yield f"{title:<{INDENT}}{row}"
        title = ""


def exit_rows() -> list[tuple[str, str]]:
    """The exit codes and their meaning, from the table in ``exit_codes.py``."""
    from . import exit_codes

    rows = (exit_codes.__doc__ or "").split("\n")
    return [
        (code, text.strip())
        for code, _, text in (row.partition(" ") for row in rows)
        if code.isdecimal()
    ]


def short_help() -> str:
    """The text that ``hyper --help`` prints."""
    return "\n".join(_lines(is_long=False))


def long_help() -> str:
    """The text that ``hyper --manual`` prints."""
    return "\n".join(_lines(is_long=True))
