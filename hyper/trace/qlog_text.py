"""A view of a trace: qlog, in the form of JSON text sequences (RFC 7464), for protocol tools.

No schema of qlog has events of HTTP/2. Those here mirror the events of HTTP/3's schema and have
its names. Their own schema is named by a URI, as qlog wants it of a private one.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

from ..protocol import frames
from . import events as kinds
from .cutter import error_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .events import Event

#: The name of the schema of these events. Nothing is behind it.
SCHEMA = "https://hyper.invalid/qlog/http2-112026"
#: Before each record (RFC 7464, 2.2).
SEPARATOR = "\x1e"


def qlog(events: Iterable[Event], *, title: str = "", clock: float | None = None) -> Iterator[str]:
    """Give a trace as qlog, one record at a time, for a file of UTF-8.

    Args:
        events: a ``Recorder``, or any events in their order.
        title: of the trace.
        clock: what is to be added to a moment for the seconds since 1970, as ``har`` has it.

    Returns:
        An iterator of records (RFC 7464): a separator, one line of JSON, a line feed.
    """
    start: float | None = None
    for event in events:
        if start is None:
            start = event.moment
            yield _record(_header(start, title, clock))
        for name, content in _records(event):
            yield _record(
                {
                    "time": round(1000 * (event.moment - start), 3),
                    "name": f"http2:{name}",
                    "group_id": str(event.connection),
                    "data": content,
                }
            )
    if start is None:
        yield _record(_header(time.monotonic(), title, clock))


def _record(content: dict[str, Any]) -> str:
    return f"{SEPARATOR}{json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n"


def _header(start: float, title: str, clock: float | None) -> dict[str, Any]:
    offset = time.time() - time.monotonic() if clock is None else clock
    wall = datetime.fromtimestamp(start + offset, timezone.utc)
    return {
        "file_schema": "urn:ietf:params:qlog:file:sequential",
        "serialization_format": "application/qlog+json-seq",
        "title": title or "hyper",
        "trace": {
            "event_schemas": [SCHEMA],
            "vantage_point": {"name": "hyper", "type": "client"},
            "common_fields": {
                "time_format": "relative_to_epoch",
                "reference_time": {
                    "clock_type": "monotonic",
                    "epoch": "unknown",
                    "wall_clock_time": wall.isoformat(timespec="milliseconds"),
                },
            },
        },
    }


def _records(event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the records of an event: name and data."""
    if isinstance(event, kinds.FrameSent):
        yield from _frame_records(event, "frame_created", "local")
    elif isinstance(event, kinds.FrameReceived):
        yield from _frame_records(event, "frame_parsed", "remote")
    elif isinstance(event, kinds.RequestSent) and event.stream:
        yield (
            "stream_type_set",
            {"owner": "local", "stream_id": event.stream, "stream_type": "request"},
        )
    elif isinstance(event, kinds.Push):
        yield (
            "stream_type_set",
            {"owner": "remote", "stream_id": event.promised, "stream_type": "push"},
        )
    elif isinstance(event, kinds.End) and is_push(event.stream):
        yield "push_resolved", {"push_id": event.stream, "decision": "claimed"}
    elif isinstance(event, kinds.Cancel) and is_push(event.stream):
        yield "push_resolved", {"push_id": event.stream, "decision": "abandoned"}
    elif isinstance(event, kinds.Opening):
        yield (
            "connection_started",
            {"scheme": event.scheme, "host": event.host, "port": event.port, "proxy": event.proxy},
        )
    elif isinstance(event, kinds.TLSDone):
        yield (
            "tls_done",
            {"version": event.version, "cipher": event.cipher, "alpn": event.alpn},
        )
    elif isinstance(event, kinds.Closed):
        yield "connection_closed", {"reason": event.why, "code": event.error_code}


def is_push(stream: int) -> bool:
    """True if a stream is the server's (5.1.1); 0 stands for HTTP/1.1, which has none."""
    return stream > 0 and stream % 2 == 0


def _frame_records(event: Any, name: str, initiator: str) -> Iterator[tuple[str, dict[str, Any]]]:
    frame: dict[str, Any] = {"frame_type": event.name.lower(), "flags": event.flags}
    for key, value in event.content.items():
        if key == "fields":
            frame["headers"] = [{"name": each, "value": str(text)} for each, text in value]
        elif key == "settings":
            frame["settings"] = [{"name": str(each), "value": number} for each, number in value]
        elif key == "error_code":
            frame[key] = error_name(value)
        elif isinstance(value, bytes):
            frame[key] = value.hex()
        else:
            frame[key] = value
    yield name, {"stream_id": event.stream, "length": event.length, "frame": frame}
    if event.type == frames.SETTINGS and "settings" in event.content:
        values = {str(each).lower(): number for each, number in event.content["settings"]}
        yield "parameters_set", {"initiator": initiator, **values}
    elif event.type == frames.PRIORITY_UPDATE and "prioritized" in event.content:
        yield (
            "priority_updated",
            {
                "stream_type": "request",
                "stream_id": event.content["prioritized"],
                "new": event.content["priority"],
            },
        )
