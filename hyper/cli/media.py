"""The media type of a response, its charset, and whether content is text at all."""

from __future__ import annotations

import codecs
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IS_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json|text/json", re.IGNORECASE).match
LINES = frozenset(
    (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-seq",
    )
)
EVENTS = "text/event-stream"


def media_type(response: Any) -> str:
    """The media type of a response, in lower case, without parameters."""
    return (response.getheader("content-type") or "").partition(";")[0].strip().lower()


def charset(response: Any) -> str:
    """The charset that the media type names; UTF-8 if it names none that is known."""
    found = re.search(
        r"charset=\"?([\w.:-]+)", response.getheader("content-type") or "", re.IGNORECASE
    )
    try:
        return codecs.lookup(found[1]).name if found else "utf-8"
    except LookupError:
        return "utf-8"


def is_binary(octets: bytes, encoding: str) -> bool:
    """True if octets are no text in the encoding."""
    if b"\0" in octets and not encoding.startswith(("utf-16", "utf-32")):
        return True
    try:
        codecs.getincrementaldecoder(encoding)().decode(octets)
    except UnicodeDecodeError:
        return True
    return False
