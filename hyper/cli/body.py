"""The body of a request: octets in memory, or pieces that are made anew each time it is sent."""

from __future__ import annotations

import os
import stat

from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Callable

    from .items import FilePart

    #: Told how many octets have just gone out.
    Tell = Callable[[int], None]

#: Octets that are read from a file at a time.
READ_SIZE = 64 * 1024


class Content:
    """The content of a request.

    Args:
        octets: all of it, if it is in memory.
        size: how many octets there are, None where only the end tells.
        media_type: for Content-Type; "" for none.
        pieces: gives an iterator over it, anew each time.
        is_once: True if it can be read but once.
        words: what it is, for a curl command: ``@path``; "" where it is the octets.
    """

    def __init__(
        self,
        octets: bytes | None = None,
        *,
        size: int | None = None,
        media_type: str = "",
        pieces: Callable[[], Iterator[bytes]] | None = None,
        is_once: bool = False,
        words: str = "",
    ) -> None:
        self.octets = octets
        self.size: int | None = len(octets) if octets is not None else size
        self.media_type = media_type
        self._pieces = pieces
        self.is_once = is_once
        self.words = words
        #: the fields and files of multipart/form-data, for a curl command
        self.parts: list[tuple[str, str]] = []
        self._was_read = False

    def body(self, tell: Tell | None = None) -> Any:
        """Give what ``request`` takes as body: octets, or a callable that gives pieces.

        Args:
            tell: told of each piece as it goes out.
        """
        if self.octets is not None and (tell is None or len(self.octets) < READ_SIZE):
            return self.octets
        return lambda: self._counted(tell)

    def can_be_sent(self) -> bool:
        """True unless it was read before, and can be read but once."""
        return not (self.is_once and self._was_read)

    def _counted(self, tell: Tell | None) -> Iterator[bytes]:
        self._was_read = True
        for piece in self._pieces() if self._pieces else self._slices():
            yield piece
            if tell is not None:
                tell(len(piece))

    def _slices(self) -> Iterator[bytes]:
        octets = self.octets or b""
        for at in range(0, len(octets), READ_SIZE):
            yield octets[at : at + READ_SIZE]


def size_of(path: str) -> int | None:
    """Count the octets of a file; None for what is not a regular one.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
    except OSError as error:
        raise UsageError(f"the file {path!r} cannot be read: {error.strerror}") from error
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def guessed_type(path: str) -> str:
    """The media type of a file, by its name."""
    import mimetypes

    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def pieces_of(path: str) -> Iterator[bytes]:
    """Give a file's octets, piece by piece."""
    with open(path, "rb") as file:
        yield from read_pieces(file)


def read_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Give what an open file has, as soon as it is there."""
    read = getattr(file, "read1", file.read)  # what is there goes out at once
    while True:
        piece = read(READ_SIZE)
        if not piece:
            return
        yield piece


def file_name(part: FilePart) -> str:
    """The name under which a file of a form is sent."""
    return os.path.basename(part.path)
