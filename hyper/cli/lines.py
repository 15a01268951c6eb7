"""Content line by line, as it comes: events (text/event-stream), JSON lines, any text."""

from __future__ import annotations

from .media import EVENTS, LINES
from .screen import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .screen import Screen

#: Octets of a line that are waited for before its beginning is shown.
MAX_LINE = 1024 * 1024


def lines_of(content: Iterable[bytes]) -> Iterator[bytes]:
    """Give lines without their ends, each as soon as it is whole."""
    rest = b""
    for piece in content:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
        if len(rest) > MAX_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest.removesuffix(b"\r")


def show_lines(
    screen: Screen, content: Iterable[bytes], encoding: str, kind: str, *, formats: bool
) -> None:
    """Write lines, each flushed: the fields of events in colours, JSON in one line each."""
    for octets in lines_of(content):
        text = harmless(octets.decode(encoding, "backslashreplace")).replace("\n", " ")
        if kind == EVENTS:
            show_event_line(screen, text)
        elif kind in LINES and formats and text.strip():
            screen.json(compact(text.lstrip("\x1e")))
            screen.write("\n")
        else:
            screen.put(text + "\n")
        screen.flush()


def show_event_line(screen: Screen, text: str) -> None:
    """Write one line of an event stream: a field, a comment, or the end of an event."""
    name, mark, value = text.partition(":")
    if not mark:
        screen.line((text, "event"))
    elif not name:
        screen.line((text, "note"))
    else:
        screen.write((name, "event"), ":")
        screen.json(value) if value.strip()[:1] in ("{", "[") else screen.write(value)
        screen.write("\n")


def compact(text: str) -> str:
    """JSON in one line, as it is read; what is no JSON stays."""
    import json

    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
