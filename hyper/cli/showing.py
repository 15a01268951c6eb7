"""The content of a response on a terminal, or untouched into a pipe or a file."""

from __future__ import annotations

import codecs
import itertools

from .lines import show_lines
from .media import EVENTS, IS_JSON, LINES, charset, is_binary, media_type
from .screen import harmless, writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from .screen import Screen

#: Octets of JSON up to which it is formatted; more goes by as it comes.
MAX_FORMATTED = 8 * 1024 * 1024
#: Octets that are taken from a response at a time.
READ_SIZE = 64 * 1024
#: Octets of binary content that are read for their number, and for trailers behind them.
MAX_UNSHOWN = 1024 * 1024
#: Octets at the beginning by which content is judged.
JUDGED = 8192


def pieces(response: Any) -> Iterator[bytes]:
    """Give the content as it comes."""
    while True:
        piece = response.read1(READ_SIZE)
        if not piece:
            return
        yield piece


def pour(content: Iterator[bytes], out: BinaryIO, *, flushes: bool) -> bytes:
    """Write content as it is, and return its last octet; flushes: each piece leaves at once."""
    last = b""
    for piece in content:
        last = piece[-1:]
        with writing():
            out.write(piece)
            if flushes:
                out.flush()
    with writing():
        out.flush()
    return last


def show(
    screen: Screen, response: Any, content: Iterator[bytes], *, formats: bool, by_line: bool
) -> None:
    """Show content on a screen: JSON formatted, text as it comes, nothing that is binary.

    Args:
        content: the octets, as they come.
        formats: whether JSON is formatted.
        by_line: whether lines are shown as soon as they are there.
    """
    kind, encoding = media_type(response), charset(response)
    if kind == EVENTS or kind in LINES or by_line:
        show_lines(screen, content, encoding, kind, formats=formats)
        return
    head = b""
    for piece in content:
        head += piece
        if len(head) >= JUDGED:
            break
    if not head:
        return
    if is_binary(head[:JUDGED], encoding):
        size = len(head)
        for piece in content:
            size += len(piece)
            if size > MAX_UNSHOWN:
                break
        more = "more than " if size > MAX_UNSHOWN else ""
        words = f"{more}{size:,} octets of {harmless(kind) or 'binary content'}"
        advice = "are not shown: -o FILE saves them, a pipe takes them"
        screen.line((f"[{words} {advice}]", "note"))
        return
    if (IS_JSON(kind) or head.lstrip()[:1] in (b"{", b"[")) and formats:
        while len(head) <= MAX_FORMATTED:
            piece = next(content, b"")
            if not piece:
                show_json(screen, head.decode(encoding, "backslashreplace"))
                return
            head += piece
    show_text(screen, head, content, encoding)


def show_text(screen: Screen, head: bytes, content: Iterator[bytes], encoding: str) -> None:
    """Write text as it comes."""
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    last = ""
    for piece in itertools.chain((head,), content):
        text = decoder.decode(piece).replace("\r\n", "\n")
        screen.put(harmless(text))
        screen.flush()
        last = text or last
    rest = decoder.decode(b"", final=True)
    screen.put(harmless(rest))
    if not (rest or last).endswith("\n"):
        screen.put("\n")


def show_json(screen: Screen, text: str) -> None:
    """Write JSON, formatted if it is JSON."""
    import json

    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        screen.line(harmless(text.rstrip("\n")))
        return
    screen.json(harmless(json.dumps(whole, indent=4, ensure_ascii=False)))
    screen.write("\n")
