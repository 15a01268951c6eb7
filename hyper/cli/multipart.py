"""multipart/form-data (RFC 7578): fields and files, each behind a boundary."""

from __future__ import annotations

import os

from .body import Content, file_name, guessed_type, pieces_of, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .items import FilePart


def multipart(fields: Sequence[tuple[str, str]], files: Sequence[FilePart]) -> Content:
    """Make the content of a form with files; the files are read while they are sent.

    Raises:
        UsageError: a file cannot be read.
    """
    boundary = os.urandom(16).hex()
    size: int | None = 0
    plan: list[bytes | str] = []  # octets, and paths of files
    for name, value in fields:
        head = _head(boundary, f'name="{quoted(name)}"')
        plan.append(head + value.encode("utf-8", "surrogateescape") + b"\r\n")
    for part in files:
        file_size = size_of(part.path)
        size = None if size is None or file_size is None else size + file_size
        words = f'name="{quoted(part.name)}"; filename="{quoted(file_name(part))}"'
        media_type = part.type or guessed_type(part.path)
        plan += [_head(boundary, words, media_type), part.path, b"\r\n"]
    plan.append(b"--%s--\r\n" % boundary.encode())
    if size is not None:
        size += sum(len(piece) for piece in plan if isinstance(piece, bytes))

    def pieces() -> Iterator[bytes]:
        for piece in plan:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from pieces_of(piece)

    content = Content(
        size=size, media_type=f"multipart/form-data; boundary={boundary}", pieces=pieces
    )
    content.parts = [*fields, *((part.name, _curl_words(part)) for part in files)]
    return content


def _curl_words(part: FilePart) -> str:
    return f"@{part.path}" + (f";type={part.type}" if part.type else "")


def _head(boundary: str, words: str, media_type: str = "") -> bytes:
    lines = [f"--{boundary}", f"Content-Disposition: form-data; {words}"]
    if media_type:
        lines.append(f"Content-Type: {media_type}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """Escape a name as browsers do (HTML, 4.10.21.8)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
