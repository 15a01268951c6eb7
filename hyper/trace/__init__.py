"""Seeing what happens: a trace of events, and views of it (docs/seeing.rst).

An *observer* is a callable that is given each event::

    recorder = hyper.trace.Recorder()
    with hyper.HTTP20Connection("example.org", trace=recorder) as conn:
        conn.request("GET", "/")
        conn.getresponse().read()
    print(hyper.trace.waterfall(recorder))

``install`` has an observer told of all connections of the process. An observer may have two
attributes: ``wants_secrets`` (fields that carry secrets keep their values) and ``wants_content``
(events of content have the octets). It is called while a connection works: it must be quick, and
must not use that connection.

================ =================================================================================
``events.py``    the events, each a small named tuple
``recorder.py``  ``Recorder``: an observer that keeps them
``watch.py``     who watches, and how an observer is told
``tracers.py``   observers that see each request before it is sent, and when it has ended
``log.py``       the logger ``hyper``
``faults.py``    an observer that raises is logged, and harms nobody
``cutter.py``    the octets of one direction, cut into frames once more (RFC 9113, 4.1)
``wire.py``      from frames to the events of requests; ``http1_wire.py``: from octets of HTTP/1.1
================ =================================================================================

The views are functions of events:

==================== =============================================================================
``frame_list.py``    ``frame_lines``, ``FrameLines``: frames, in lines
``exchange_list.py`` ``exchanges``, ``connections``: requests with their responses, as objects
``chart.py``         ``waterfall``, ``waterfall_svg``: bars over time
``archive.py``       ``har``: an HTTP Archive
``qlog_text.py``     ``qlog``: for tools of protocols
==================== =============================================================================
"""

from __future__ import annotations

from .watch import install, uninstall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .archive import har
    from .chart import waterfall, waterfall_svg
    from .events import (
        REDACTED,
        Cancel,
        Closed,
        Connected,
        Connecting,
        Content,
        End,
        Event,
        Fallback,
        FrameReceived,
        FrameSent,
        Goaway,
        Head,
        Informational,
        NameResolved,
        Opened,
        Opening,
        Ping,
        Push,
        RequestContent,
        RequestEnd,
        RequestQueued,
        RequestSent,
        Retry,
        Secret,
        Timeout,
        TLSDone,
        Trailers,
        Tunnelled,
        redacted,
    )
    from .exchange_list import Connection, Exchange, connections, exchanges
    from .frame_list import FrameLines, frame_lines
    from .qlog_text import qlog
    from .recorder import Recorder
    from .tracers import Request

#: The module of each name that is loaded when first asked for.
_LAZY = dict.fromkeys(
    [
        "REDACTED",
        "Cancel",
        "Closed",
        "Connected",
        "Connecting",
        "Content",
        "End",
        "Event",
        "Fallback",
        "FrameReceived",
        "FrameSent",
        "Goaway",
        "Head",
        "Informational",
        "NameResolved",
        "Opened",
        "Opening",
        "Ping",
        "Push",
        "RequestContent",
        "RequestEnd",
        "RequestQueued",
        "RequestSent",
        "Retry",
        "Secret",
        "TLSDone",
        "Timeout",
        "Trailers",
        "Tunnelled",
        "redacted",
    ],
    "events",
)
_LAZY |= {
    "Connection": "exchange_list",
    "Exchange": "exchange_list",
    "FrameLines": "frame_list",
    "Recorder": "recorder",
    "Request": "tracers",
    "connections": "exchange_list",
    "exchanges": "exchange_list",
    "frame_lines": "frame_list",
    "har": "archive",
    "qlog": "qlog_text",
    "waterfall": "chart",
    "waterfall_svg": "chart",
}

__all__ = [
    "REDACTED",
    "Cancel",
    "Closed",
    "Connected",
    "Connecting",
    "Connection",
    "Content",
    "End",
    "Event",
    "Exchange",
    "Fallback",
    "FrameLines",
    "FrameReceived",
    "FrameSent",
    "Goaway",
    "Head",
    "Informational",
    "NameResolved",
    "Opened",
    "Opening",
    "Ping",
    "Push",
    "Recorder",
    "Request",
    "RequestContent",
    "RequestEnd",
    "RequestQueued",
    "RequestSent",
    "Retry",
    "Secret",
    "TLSDone",
    "Timeout",
    "Trailers",
    "Tunnelled",
    "connections",
    "exchanges",
    "frame_lines",
    "har",
    "install",
    "qlog",
    "redacted",
    "uninstall",
    "waterfall",
    "waterfall_svg",
]


def __getattr__(name: str) -> Any:
    """Give a name of another module, which is loaded now."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    source = __import__(f"{__name__}.{_LAZY[name]}", fromlist=[name])
    return globals().setdefault(name, getattr(source, name))


def __dir__() -> list[str]:
    """Return all names, those not loaded yet included."""
    return sorted({*globals(), *_LAZY})
