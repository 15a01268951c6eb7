"""Saving content: the name of the file, what is there already, and going on from there."""

from __future__ import annotations

import os
import re
from email.message import Message
from urllib.parse import unquote

from . import exit_codes
from .faults import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO, Callable

#: Characters of the longest name: file systems take 255 octets.
MAX_NAME = 120
#: Names that Windows gives to devices.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE).match
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:*?\"<>|\u202a-\u202e\u2066-\u2069]")
PARTIAL_CONTENT = 206
#: A Content-Range that says where its part begins (RFC 9110, 14.4).
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)").match


def safe_name(text: str) -> str:
    """The name of a file that stays in its directory, whatever a server says; "" for no name."""
    name = UNSAFE.sub("_", text.replace("\\", "/").rpartition("/")[2]).strip(" .")
    if DEVICES(name):
        name = f"_{name}"
    if len(name) > MAX_NAME:
        stem, dot, suffix = name.rpartition(".")
        keep = len(suffix) + 1 if dot and len(suffix) < 16 else 0
        name = (stem if keep else name)[: MAX_NAME - keep] + (dot + suffix if keep else "")
    return name


def name_for(response: Any, path: str) -> str:
    """The name that Content-Disposition gives (RFC 6266), or the URL, or "index"."""
    given = response.getheader("content-disposition")
    if given:
        message = Message()
        message["content-disposition"] = given
        named = safe_name(message.get_filename() or "")
        if named:
            return named
    return name_of_path(path, response.getheader("content-type") or "")


def name_of_path(path: str, content_type: str = "") -> str:
    """The name that the path of a URL gives; "index" with a suffix by the type, if it has none."""
    named = safe_name(unquote(path.partition("?")[0].rpartition("/")[2]))
    if named:
        return named
    import mimetypes

    suffix = mimetypes.guess_extension(content_type.partition(";")[0].strip()) or ""
    return f"index{suffix}"


def free_name(name: str) -> str:
    """The same name, with a number if there is such a file: data.csv, data-1.csv."""
    stem, suffix = os.path.splitext(name)
    found, number = name, 0
    while os.path.lexists(found):
        number += 1
        found = f"{stem}-{number}{suffix}"
    return found


def opened_new(name: str) -> tuple[BinaryIO, str]:
    """Make the file of a name that is still free; nobody's file is overwritten."""
    while True:
        found = free_name(name)
        try:
            return open(found, "xb"), found
        except FileExistsError:  # somebody was quicker
            continue
        except OSError as error:
            raise cannot_write(found, error) from error


def cannot_write(path: str, error: OSError) -> Failed:
    """The failure that a file cannot be written."""
    return Failed(
        exit_codes.WRITE,
        f"the file {path!r} cannot be written: {error.strerror}; -o FILE names another one",
    )


def opened(path: str, response: Any, offset: int) -> BinaryIO:
    """Open the file of -o: anew, or at its end where the server goes on from there (-c).

    Raises:
        Failed: it cannot be written, or the server goes on from somewhere else.
    """
    mode = "wb"
    if offset and response.status == PARTIAL_CONTENT:
        place = RANGE(response.getheader("content-range") or "")
        if place is None or int(place[1]) != offset:
            raise Failed(
                exit_codes.PROTOCOL,
                f"the server was asked for the content from octet {offset}, and sends another part;"
                " without -c it is fetched from the beginning",
            )
        mode = "ab"
    try:
        return open(path, mode)  # type: ignore[return-value] # binary, whichever of them it is
    except OSError as error:
        raise cannot_write(path, error) from error


def save(content: Iterator[bytes], file: BinaryIO, path: str, tell: Callable[[int], None]) -> None:
    """Write content to a file and close it; tell: told of the octets of each piece."""
    try:
        with file:
            for piece in content:
                file.write(piece)
                tell(len(piece))
    except OSError as error:
        if error.errno is None or not error.strerror or error.filename is None:
            import errno

            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise
        raise cannot_write(path, error) from error
