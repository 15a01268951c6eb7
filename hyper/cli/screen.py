"""A screen: where text is shown, with colours by rich where they are wanted, plain otherwise.

Text comes in pieces, each a str or a pair of str and style; a style is a word of ``STYLES``. The
words of a server go through ``harmless`` before: a terminal obeys control characters.
"""

from __future__ import annotations

import contextlib
import os
import re

from . import exit_codes
from .faults import Failed, OutputClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO, Union

    Piece = Union[str, tuple[str, str]]

#: Styles, in rich's words.
STYLES = {
    "2xx": "bold green",
    "3xx": "bold cyan",
    "4xx": "bold yellow",
    "5xx": "bold red",
    "1xx": "bold blue",
    "name": "cyan",
    "pseudo": "magenta",
    "protocol": "blue",
    "value": "",
    "note": "bright_black",
    "push": "magenta",
    "error": "bold red",
    "figure": "green",
    "title": "bold",
    "event": "yellow",
}

#: Control characters but tab and line feed.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Escape the characters that a terminal would obey; tabs and ends of lines stay."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def wants_colours(stream: TextIO, when: str | None) -> bool:
    """True if colours are wanted: --color, then NO_COLOR, then FORCE_COLOR, then a terminal."""
    if when in ("always", "never"):
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Tell apart what goes wrong with the output from what goes wrong with a connection.

    Raises:
        OutputClosed: its reader has gone.
        Failed: it cannot be written.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise OutputClosed from error
    except OSError as error:
        raise Failed(exit_codes.WRITE, f"the output cannot be written: {error.strerror}") from error


class Screen:
    """A text stream, on which pieces are written.

    Args:
        stream: a text stream, such as ``sys.stderr``.
        colours: whether colours are wanted; they are there if rich is.
    """

    def __init__(self, stream: TextIO, *, colours: bool = False) -> None:
        self.stream = stream
        self.is_terminal: bool = stream.isatty()
        self.console: Any = None
        if colours:
            self.console = _console(stream)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def write(self, *pieces: Piece) -> None:
        """Write pieces; nothing is added."""
        if self.console is None:
            self.put("".join(p if isinstance(p, str) else p[0] for p in pieces))
            return
        from rich.text import Text

        text = Text()
        for piece in pieces:
            if isinstance(piece, str):
                text.append(piece)
            else:
                text.append(piece[0], STYLES[piece[1]])
        self._print(text)

    def line(self, *pieces: Piece) -> None:
        """Write pieces and the end of the line."""
        self.write(*pieces, "\n")

    def json(self, text: str) -> None:
        """Write JSON, in colours if there are some."""
        if self.console is None:
            self.put(text)
            return
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        shown = Text(text)
        JSONHighlighter().highlight(shown)
        self._print(shown)

    def put(self, text: str) -> None:
        """Write a text without colours."""
        with writing():
            self.stream.write(text)

    def _print(self, text: Any) -> None:
        with writing():
            self.console.print(text, end="", soft_wrap=True, highlight=False)

    def flush(self) -> None:
        """Have all of it leave."""
        with writing():
            self.stream.flush()


def _console(stream: TextIO) -> Any:
    """Make a console of rich's; None where rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    # Whether there are colours was decided before; rich is told nothing of the environment's.
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return Console(file=stream, force_terminal=True, no_color=False, _environ=environment)
