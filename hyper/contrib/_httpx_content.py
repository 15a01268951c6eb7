"""The content of a request of httpx: it goes as octets, and as a whole."""

from __future__ import annotations

import contextlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def require_whole(library: Any, stream: Any) -> None:
    """Have content stand at its beginning; raise StreamConsumed if a part of it is gone.

    It is sent again after a 307 or an authentication. The library itself looks after generators
    alone, and sends what is left of other iterators, and of files. stream: a request's content.
    """
    is_begun = getattr(stream, "_is_stream_consumed", None)
    if is_begun is None:  # octets, or a multipart form
        return
    given = stream._stream  # noqa: SLF001 - the library has no other name for it
    if not is_begun:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.beginning = given.tell()
    elif hasattr(given, "read"):
        try:
            given.seek(stream.beginning)
        except (AttributeError, OSError, ValueError):
            raise library.StreamConsumed from None
    elif iter(given) is given:
        raise library.StreamConsumed


def octets(piece: Any) -> Any:
    """Return a piece of content; raise TypeError for text, as the library does over HTTP/1.1."""
    if isinstance(piece, str):
        raise TypeError("a file or an iterable gave text as content, which is octets: encode it")
    return piece
