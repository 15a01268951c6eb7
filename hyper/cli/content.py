"""The content of a request: JSON, a form, a form with files, a file, the input.

Each becomes a ``Content``. Only the input can be read but once.
"""

from __future__ import annotations

import os
import stat
import sys

from .body import Content, guessed_type, pieces_of, read_pieces, size_of
from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .arguments import Arguments
    from .items import Items

#: Methods for which input from a pipe or a file is the content, without ``@-``.
READING = frozenset(("POST", "PUT", "PATCH"))


def content_of(arguments: Arguments, items: Items) -> Content | None:
    """Make the content of a command line; None for a request without any.

    Raises:
        UsageError: there are two, or a file cannot be read.
    """
    given = [items.content is not None, arguments.raw is not None]
    has_fields = bool(items.members or items.files)
    if sum(given) + has_fields > 1:
        raise UsageError("content is given twice: by --raw, by @file, or by items, but by one only")
    if items.files and not (arguments.form or arguments.multipart):
        raise UsageError(
            f"the item {items.files[0].name}@{items.files[0].path} is a file of a form: add --form;"
            " or write @file for a file that is the content"
        )
    media_type = _default_type(arguments)
    if arguments.raw is not None:
        text = arguments.raw
        if text.startswith("@"):
            return _of_path(text[1:], media_type)
        return Content(text.encode("utf-8", "surrogateescape"), media_type=media_type)
    if items.content is not None:
        return _of_path(items.content, media_type)
    if has_fields:
        return _of_items(arguments, items)
    if arguments.method in READING and _is_fed(sys.stdin):
        return _of_input(media_type)
    return None


def _default_type(arguments: Arguments) -> str:
    if arguments.json:
        return "application/json"
    return "application/x-www-form-urlencoded" if arguments.form else ""


def _of_items(arguments: Arguments, items: Items) -> Content:
    if arguments.multipart or items.files:
        from .multipart import multipart

        return multipart(items.fields, items.files)
    if arguments.form:
        from urllib.parse import urlencode

        return Content(
            urlencode(items.fields).encode(), media_type="application/x-www-form-urlencoded"
        )
    import json

    from .items import json_object

    whole = json_object(items.members)
    return Content(
        json.dumps(whole, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        media_type="application/json",
    )


def _is_fed(stream: Any) -> bool:
    """True if the input is a pipe or a file, and not a terminal or /dev/null."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _of_path(path: str, media_type: str) -> Content:
    if path == "-":
        return _of_input(media_type)
    size = size_of(path)
    return Content(
        size=size,
        media_type=media_type or guessed_type(path),
        pieces=lambda: pieces_of(path),
        words=f"@{path}",
    )


def _of_input(media_type: str) -> Content:
    def pieces() -> Iterator[bytes]:
        return read_pieces(sys.stdin.buffer)

    return Content(
        media_type=media_type or "application/octet-stream",
        pieces=pieces,
        is_once=True,
        words="@-",
    )
