"""A view of a trace: an HTTP Archive (HAR 1.2), which other programs read."""

from __future__ import annotations

import base64
import re
import time
import zlib
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

from .. import fields as words
from .chart import connection_parts
from .events import REDACTED
from .exchange_list import exchanges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .events import Event, Fields
    from .exchange_list import Exchange

#: Fields that a sanitized archive leaves out.
SECRET = frozenset(name.decode() for name in words.SECRET_NAMES)
#: Octets of decoded content that an archive holds of one response: more is for a file of its own.
MAX_TEXT = 16 * 1024 * 1024
#: The names that a browser's panel has for the urgencies of RFC 9218, 4.1, from 0 to 7.
PRIORITIES = ("VeryHigh", "VeryHigh", "High", "Medium", "Low", "VeryLow", "VeryLow", "VeryLow")
URGENCY = re.compile(r"(?:^|[,\s])u=([0-7])").search
#: Types of content, and the names that a browser's panel has for them.
RESOURCES = (
    ("text/html", "document"),
    ("text/css", "stylesheet"),
    ("javascript", "script"),
    ("image/", "image"),
    ("font", "font"),
    ("json", "fetch"),
)
#: Seconds between a connection and its first request for which it counts as made for that.
SOON = 0.05
#: How zlib is told what to take off (RFC 9110, 8.4.1).
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


def har(
    events: Iterable[Event],
    *,
    sanitized: bool = True,
    version: str = "",
    clock: float | None = None,
) -> dict[str, Any]:
    """Return a trace as an HTTP Archive 1.2: a dict for ``json.dump``.

    Content is in it if the observer asked for content. Beside the fields of HAR there are
    ``_http2_stream_id``, ``_was_pushed``, ``_priority``, ``_connectionId``, ``_resourceType``, and
    in responses ``_transferSize``, ``_trailers``, ``_informational`` and ``_error``.

    Args:
        events: a ``Recorder``, or any events in their order.
        sanitized: True leaves out cookies and credentials, of which a trace has the values only if
            the observer asked for secrets.
        version: of the program that made the trace.
        clock: what is to be added to a moment for the seconds since 1970; None means that the trace
            is of this process, whose clock has not been set meanwhile.
    """
    offset = time.time() - time.monotonic() if clock is None else clock
    seen: set[int] = set()
    found = sorted(exchanges(events), key=lambda each: each.begin)
    entries = []
    for exchange in found:
        entries.append(_entry(exchange, offset, seen, sanitized=sanitized))
        seen.add(exchange.connection.number)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "hyper", "version": version or "unknown"},
            "pages": [],
            "entries": entries,
        }
    }


def _entry(exchange: Exchange, offset: float, seen: set[int], *, sanitized: bool) -> dict[str, Any]:
    is_first = exchange.connection.number not in seen
    timings = timings_of(exchange, is_first=is_first)
    content_type = exchange.field("content-type")
    start = start_of(exchange, is_first=is_first)
    entry = {
        "startedDateTime": datetime.fromtimestamp(start + offset, timezone.utc).isoformat(
            timespec="milliseconds"
        ),
        "time": round(sum(t for key, t in timings.items() if t > 0 and key != "ssl"), 3),
        "request": _request(exchange, sanitized=sanitized),
        "response": _response(exchange, sanitized=sanitized),
        "cache": {},
        "timings": timings,
        "serverIPAddress": exchange.connection.peer[0],
        "connection": str(exchange.connection.peer[1] or exchange.connection.number),
        "_connectionId": str(exchange.connection.number),
        "_priority": _priority(exchange),
        "_resourceType": next((name for kind, name in RESOURCES if kind in content_type), "other"),
        "_initiator": {"type": "other"},
    }
    if not is_http1(exchange):
        entry |= {"_http2_stream_id": exchange.stream, "_was_pushed": int(exchange.is_pushed)}
    if exchange.is_pushed:
        entry["comment"] = f"pushed with stream {exchange.parent}"
    return entry


def start_of(exchange: Exchange, *, is_first: bool) -> float:
    """Return the moment at which an exchange starts: with its connection, if that was made for it.

    A program may connect before it makes the request.
    """
    opening, opened = exchange.connection.opening, exchange.connection.opened
    if opening is None or opened is None or not is_first or exchange.is_pushed:
        return exchange.begin
    return opening if opened <= exchange.begin <= opened + SOON else exchange.begin


def timings_of(exchange: Exchange, *, is_first: bool) -> dict[str, float]:
    """Return the timings of HAR 1.2, in milliseconds.

    is_first: whether it is the first exchange of its connection, which has waited for that.
    """
    timings = {"blocked": -1.0, "dns": -1.0, "connect": -1.0, "ssl": -1.0}
    connecting = 0.0
    start = start_of(exchange, is_first=is_first)
    if is_first and exchange.queued is not None:
        made = exchange.connection
        # A request that was queued while the connection was made waited for the rest of it only.
        parts = {
            phase: max(0.0, end - max(begin, start)) for phase, begin, end in connection_parts(made)
        }
        if "DNS" in parts:
            timings["dns"] = parts["DNS"]
        if "TLS" in parts:
            timings["ssl"] = parts["TLS"]
        rest = [parts[phase] for phase in ("TCP", "proxy", "TLS") if phase in parts]
        if rest:
            timings["connect"] = sum(rest)
        connecting = sum(parts.values())
    if exchange.queued is not None and exchange.sent is not None:
        timings["blocked"] = max(0.0, exchange.sent - start - connecting)
    begin = exchange.sent or exchange.begin
    head = exchange.head or exchange.ended or begin
    sent = min(exchange.request_ended or begin, head)
    timings["send"] = max(0.0, sent - begin)
    timings["wait"] = max(0.0, head - max(sent, begin))
    timings["receive"] = max(0.0, (exchange.ended or exchange.first or head) - head)
    return {key: value if value < 0 else round(1000 * value, 3) for key, value in timings.items()}


def _version(exchange: Exchange) -> str:
    return exchange.connection.protocol if is_http1(exchange) else "HTTP/2.0"


def is_http1(exchange: Exchange) -> bool:
    """True if its response came in HTTP/1.1."""
    return exchange.connection.protocol == "HTTP/1.1"


def _priority(exchange: Exchange) -> str:
    found = URGENCY(exchange.field("priority", of_request=True))
    return PRIORITIES[int(found[1])] if found else PRIORITIES[3]  # RFC 9218, 4.1: the default


def _fields(fields: Fields, *, sanitized: bool) -> list[dict[str, str]]:
    return [
        {"name": name, "value": str(value)}
        for name, value in fields
        if not (sanitized and (name in SECRET or value == REDACTED))
    ]


def _cookies(fields: Fields, name: str, *, sanitized: bool) -> list[dict[str, str]]:
    if sanitized:
        return []
    found = []
    for each, value in fields:
        if each == name and value != REDACTED:
            # In set-cookie, attributes follow the first pair (RFC 6265, 4.1).
            pairs = value.split(";")[:1] if name == "set-cookie" else value.split(";")
            for pair in pairs:
                key, _, text = pair.strip().partition("=")
                found.append({"name": key, "value": text})
    return found


def _request(exchange: Exchange, *, sanitized: bool) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": _version(exchange),
        "cookies": _cookies(exchange.request_fields, "cookie", sanitized=sanitized),
        "headers": _fields(exchange.request_fields, sanitized=sanitized),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(exchange.path).query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": exchange.request_size,
    }
    if exchange.request_size:
        content_type = exchange.field("content-type", of_request=True)
        octets = exchange.request_content
        text = "" if octets is None else octets[:MAX_TEXT].decode("utf-8", "replace")
        request["postData"] = {"mimeType": content_type, "params": [], "text": text}
    if exchange.request_trailers:
        request["_trailers"] = _fields(exchange.request_trailers, sanitized=sanitized)
    return request


def _response(exchange: Exchange, *, sanitized: bool) -> dict[str, Any]:
    response: dict[str, Any] = {
        "status": exchange.status,
        "statusText": "",
        "httpVersion": _version(exchange),
        "cookies": _cookies(exchange.fields, "set-cookie", sanitized=sanitized),
        "headers": _fields(exchange.fields, sanitized=sanitized),
        "content": _content(exchange),
        "redirectURL": exchange.field("location"),
        "headersSize": -1,
        "bodySize": exchange.size,
        "_transferSize": exchange.octets_received or exchange.size,
        "_trailers": _fields(exchange.trailers, sanitized=sanitized),
        "_informational": [
            {"status": status, "headers": _fields(fields, sanitized=sanitized)}
            for _, status, fields in exchange.informational
        ],
    }
    if exchange.error:
        response["_error"] = exchange.error
    return response


def _content(exchange: Exchange) -> dict[str, Any]:
    """Return the content of a response, decoded where the standard library can."""
    kind = exchange.field("content-type") or "x-unknown"
    coding = exchange.field("content-encoding").strip().lower()
    content: dict[str, Any] = {"size": exchange.size, "mimeType": kind}
    octets = exchange.content
    if octets is None:
        return content
    if coding in WINDOW_BITS:
        try:
            octets = zlib.decompressobj(WINDOW_BITS[coding]).decompress(octets, MAX_TEXT)
        except zlib.error:
            content["comment"] = f"the content coding {coding} is broken"
            return content
        content["size"] = len(octets)
        content["compression"] = len(octets) - exchange.size
    elif coding and coding != "identity":
        content["comment"] = f"the octets are coded by {coding}"
    try:
        content["text"] = octets[:MAX_TEXT].decode("utf-8")
    except UnicodeDecodeError:
        content["text"] = base64.b64encode(octets[:MAX_TEXT]).decode("ascii")
        content["encoding"] = "base64"
    return content
