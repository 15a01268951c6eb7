"""The events of one page: a connection, a request, a push, a request that failed, and the end."""

from __future__ import annotations

from hyper import trace

FIELDS = (
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "a.test"),
    (":path", "/page?q=1&r=%20x"),
    ("cookie", trace.Secret("sid=1; b=2")),
    ("priority", "u=1, i"),
)
PUSHED = (
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "a.test"),
    (":path", "/style.css"),
)
OK = (
    (":status", "200"),
    ("content-type", "text/html; charset=utf-8"),
    ("set-cookie", trace.Secret("sid=2; HttpOnly")),
)
CSS = ((":status", "200"), ("content-type", "text/css"))
BAD = ((":status", "404"), ("content-type", "text/plain"))
HINT = ((":status", "103"), ("link", "</style.css>"))


def frame(moment, stream, kind=0, length=0, content=None, sent=False, flags=0):
    made = trace.FrameSent if sent else trace.FrameReceived
    return made(moment, 1, stream, kind, flags, length, content or {})


EVENTS = [
    trace.RequestQueued(10.0, 0, "GET", "https", "a.test", "/page?q=1&r=%20x"),
    trace.Opening(10.0, 1, "https", "a.test", 443, "a.test:443", ""),
    trace.NameResolved(10.010, 1, "a.test", ("192.0.2.1",)),
    trace.Connecting(10.010, 1, "192.0.2.1", 443),
    trace.Connected(10.030, 1, "192.0.2.1", 443, ("192.0.2.9", 40000)),
    trace.TLSDone(10.060, 1, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "h2", False, 0.02),
    trace.Opened(10.060, 1, "HTTP/2"),
    frame(10.060, 0, 4, 6, {"settings": (("SETTINGS_ENABLE_PUSH", 1),)}, sent=True),
    frame(10.060, 1, 1, 40, {"fields": FIELDS}, sent=True, flags=5),
    trace.RequestSent(10.060, 1, 1, "GET", "https", "a.test", "/page?q=1&r=%20x", FIELDS, 10.0, 1),
    trace.RequestEnd(10.061, 1, 1, ()),
    frame(10.080, 1, 1, 20, {"fields": HINT}, flags=4),
    trace.Informational(10.080, 1, 1, 103, HINT),
    frame(10.081, 1, 5, 30, {"promised": 2, "fields": PUSHED}, flags=4),
    trace.Push(10.081, 1, 1, 2, "GET", "https", "a.test", "/style.css", PUSHED),
    frame(10.100, 1, 1, 25, {"fields": OK}, flags=4),
    trace.Head(10.100, 1, 1, 200, OK),
    frame(10.110, 1, 0, 5),
    trace.Content(10.110, 1, 1, 5, b"<p>hi"),
    trace.Trailers(10.120, 1, 1, (("digest", "d"),)),
    trace.End(10.120, 1, 1),
    trace.Head(10.121, 1, 2, 200, CSS),
    frame(10.130, 2, 0, 3, flags=1),
    trace.Content(10.130, 1, 2, 3, b"p{}"),
    trace.End(10.130, 1, 2),
    trace.RequestSent(10.131, 1, 3, "POST", "https", "a.test", "/form", PUSHED, 10.131, 1),
    frame(10.131, 3, 0, 4, sent=True, flags=1),
    trace.RequestContent(10.131, 1, 3, 4, b"a=\xe4"),
    trace.RequestEnd(10.131, 1, 3, ()),
    trace.Head(10.140, 1, 3, 404, BAD),
    frame(10.150, 3, 3, 4, {"error_code": 8}),
    trace.Cancel(10.150, 1, 3, 8, True),
    frame(10.151, 0, 7, 8, {"last_stream": 3, "error_code": 0, "debug": b"bye\x1b[31m"}),
    trace.Goaway(10.151, 1, 3, 0, b"bye", True),
    trace.Closed(10.160, 1, "the peer said GOAWAY", 0),
]
