"""Request content: octets, text, files and iterables, as views to be sent (RFC 9110, 6.4).

The rules are http.client's: text is latin-1, a file is read in blocks, an iterable gives a piece at
a time.  Content whose length is not known beforehand gets no content-length: HTTP/2 needs none,
because END_STREAM tells the end (RFC 9113, 8.1).
"""

from __future__ import annotations

import io
import os
import stat

from ..errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable, Protocol, Union

    class Readable(Protocol):
        """A file, or what reads like one."""

        def read(self, size: int = ..., /) -> Any: ...  # noqa: D102 - io's

    Octets = Union[bytes, bytearray, memoryview]
    #: The forms in which callers may give a body.
    Body = Union[Octets, str, Readable, Iterable[Union[Octets, str]], Callable[[], Any], None]

#: Octets that are read from a file at a time: four DATA frames.
READ_SIZE = 64 * 1024

#: Methods that expect content: a request without it says content-length: 0 (RFC 9110, 8.6).
EXPECTING_CONTENT = frozenset(("PATCH", "POST", "PUT"))

#: The buffered files of io that read a file as it is.
BUFFERED = (io.BufferedReader, io.BufferedRandom)

#: The files of io that can say that nothing is left, and go back.
PEEKABLE = (*BUFFERED, io.FileIO, io.BytesIO, io.StringIO)


def view(piece: Octets | str) -> memoryview:
    """Give the octets of one piece, text as latin-1, without a copy where there can be.

    Raises:
        LocalProtocolError: text has characters beyond latin-1.
        TypeError: the piece is neither text nor octets.
    """
    if isinstance(piece, str):
        try:
            return memoryview(piece.encode("latin-1"))
        except UnicodeEncodeError as error:
            raise LocalProtocolError(
                f"the text of the body, {piece[error.start : error.end]!r}, is beyond latin-1:"
                " encode it to bytes first, body.encode('utf-8') perhaps; nothing more was sent"
            ) from None
    try:
        return contiguous(piece)
    except TypeError:
        raise _no_body(piece) from None


def contiguous(given: Octets) -> memoryview:
    """Give octets without gaps between them; they are copied only if there are some.

    Raises:
        TypeError: the object has no octets.
    """
    octets = memoryview(given)
    if not octets.c_contiguous:  # memoryview(b"a-b")[::2] for example
        return memoryview(octets.tobytes())
    return octets if octets.format == "B" and octets.ndim == 1 else octets.cast("B")


def _no_body(given: object) -> TypeError:
    return TypeError(
        "a body is bytes-like, str, a file, or an iterable of bytes-like or str, not"
        f" {type(given).__name__}"
    )


def _require_source(given: object) -> None:
    # A mapping can be iterated, too, but its keys alone would go out.
    is_iterable = hasattr(given, "__iter__") and not hasattr(given, "keys")
    if not hasattr(given, "read") and not is_iterable:
        raise _no_body(given)


def content_length(method: str, body: Body) -> int | None:
    """Count the octets that the body will give (RFC 9110, 8.6); nothing is taken from it.

    Returns:
        None where only the end of the body will tell.

    Raises:
        LocalProtocolError: text has characters beyond latin-1.
        TypeError: the object cannot be a body.
    """
    if body is None:
        return 0 if method.upper() in EXPECTING_CONTENT else None
    if is_whole(body):
        return view(body).nbytes  # type: ignore[arg-type]
    if is_callable(body):
        return None
    _require_source(body)
    return _file_size(body)


def is_empty(body: Body) -> bool:
    """True if it is certain that the body gives no octets; nothing is taken from it.

    A file of ``io`` is asked for one octet, and stands where it stood. Other objects are not asked.

    Raises:
        LocalProtocolError: text has characters beyond latin-1.
        TypeError: the object cannot be a body.
    """
    if body is None or isinstance(body, (list, tuple)):
        return not body
    if is_whole(body):
        return not view(body).nbytes  # type: ignore[arg-type]
    if not is_callable(body):
        _require_source(body)
    if type(body).__module__ == "tempfile":
        body = getattr(body, "file", None) or getattr(body, "_file", None)
    file: Any = body
    if type(file) not in PEEKABLE:
        return False
    try:
        position = file.tell()
        is_at_end = not file.read(1)
        file.seek(position)
    except OSError:  # a pipe
        return False
    return is_at_end


def is_callable(body: object) -> bool:
    """True if the body is called, once a sending, for a body of another kind."""
    return callable(body) and not hasattr(body, "read") and not hasattr(body, "__iter__")


def is_whole(body: Body) -> bool:
    """True if the body is one piece that is in memory already."""
    if isinstance(body, (bytes, str, bytearray)):
        return True
    try:
        memoryview(body)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _file_size(body: Any) -> int | None:
    """Count what is left of a regular, binary file from where it stands.

    Only files of ``io`` itself are counted, because others have the descriptor of the octets
    behind them: what ``gzip.open`` gives reads more octets than its file has.
    """
    if type(body).__module__ == "tempfile":
        body = getattr(body, "file", None)  # NamedTemporaryFile's wrapper gives what its file gives
    raw = body.raw if type(body) in BUFFERED else body
    if type(raw) is not io.FileIO:
        return None
    try:
        status = os.fstat(body.fileno())
        position: int = body.tell()
    except OSError:  # a pipe
        return None
    size = status.st_size - position
    # Where the system makes up a file as it is read (/proc), it says 0.
    return size if stat.S_ISREG(status.st_mode) and size > 0 else None


def pieces(body: Body) -> Iterator[memoryview]:
    """Give the content piece by piece, each taken from the body when it is asked for.

    Raises:
        LocalProtocolError: text has characters beyond latin-1; the pieces before are given.
        TypeError: the object, or a piece, is nothing that can be sent.
    """
    if body is None:
        return
    if is_whole(body):
        yield view(body)  # type: ignore[arg-type]
        return
    _require_source(body)
    read = getattr(body, "read", None)
    if read is None:
        for piece in body:  # type: ignore[union-attr]
            yield view(piece)  # type: ignore[arg-type]
        return
    while True:
        piece = read(READ_SIZE)
        if not piece:
            return
        yield view(piece)
