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
``cutter.py``    the octets of one direction, cut into frames once more (RFC 9113, 4.1)
``wire.py``      from frames to the events of requests
================ =================================================================================
"""

from __future__ import annotations

from .watch import install, uninstall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    from .recorder import Recorder

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
_LAZY["Recorder"] = "recorder"

__all__ = [
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
    "Recorder",
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
    "install",
    "redacted",
    "uninstall",
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
