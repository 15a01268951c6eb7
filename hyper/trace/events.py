"""The events of a trace: what happened on a connection, and when.

Each event is a named tuple: small, and never changed. It begins with ``moment``, the monotonic
seconds (``time.monotonic()``) at which it happened, and ``connection``, the number of the
connection in this process. A request waits for a connection before it has one, and its number is
0 there. ``stream`` is a stream's identifier (RFC 9113, 5.1.1).

``fields`` are pairs of str, pseudo-header fields included, in the order of the wire. The value of a
field that carries a secret is ``REDACTED``, unless the observer asked for secrets.

They come in this order, as far as they happen::

    Opening, NameResolved, Connecting, Connected, Tunnelled, TLSDone, Opened     a connection
    RequestQueued, RequestSent, RequestContent, RequestEnd                       a request
    Informational, Push, Head, Content, Trailers, End                            its response

FrameSent and FrameReceived come before the events that are made of the same frame. In HTTP/1.1
there are no frames, and ``stream`` is 0: a connection has one request at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from ..protocol.frames import TYPE_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Pairs of name and value.
Fields = tuple[tuple[str, str], ...]

#: The value of a field that carries a secret, for observers that did not ask for it.
REDACTED = "[redacted]"


class Secret(str):
    """The value of a field that carries a secret; its ``repr`` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(REDACTED)


class Opening(NamedTuple):
    """A connection is about to be made.

    address: "host:port", or the path of a Unix socket. proxy: the proxy's URL without a password,
    or "".
    """

    moment: float
    connection: int
    scheme: str
    host: str
    port: int
    address: str
    proxy: str


class NameResolved(NamedTuple):
    """The resolver has answered. addresses: in its order."""

    moment: float
    connection: int
    host: str
    addresses: tuple[str, ...]


class Connecting(NamedTuple):
    """An attempt to connect to one address begins; several may be under way (RFC 8305)."""

    moment: float
    connection: int
    address: str
    port: int


class Connected(NamedTuple):
    """The transport is connected. local: our own address and port, or ("", 0)."""

    moment: float
    connection: int
    address: str
    port: int
    local: tuple[str, int]


class Tunnelled(NamedTuple):
    """A proxy has opened a tunnel to the server. proxy: its URL without a password."""

    moment: float
    connection: int
    proxy: str


class TLSDone(NamedTuple):
    """The TLS handshake is done.

    version: "TLSv1.3". cipher: OpenSSL's name. alpn: the protocol that ALPN chose, or "".
    resumed: whether it resumed a former session, None where the backend does not tell. round_trip:
    seconds of the first, or None.
    """

    moment: float
    connection: int
    version: str
    cipher: str
    alpn: str
    resumed: bool | None
    round_trip: float | None


class Opened(NamedTuple):
    """The connection is ready for requests. protocol: "HTTP/2" or "HTTP/1.1"."""

    moment: float
    connection: int
    protocol: str


class FrameSent(NamedTuple):
    """A frame was given to the transport (4.1).

    type, flags, length: of its header, so length is that of its payload. content: the parsed
    payload, by the keys of its type:

    ======================= ========================================================
    DATA                    padding, if it has some
    HEADERS, CONTINUATION   fields, if the field block ends here; error, if it is broken
    PUSH_PROMISE            promised (stream); fields or error likewise
    SETTINGS                settings: (name or identifier, value) pairs
    RST_STREAM              error_code
    GOAWAY                  last_stream, error_code, debug (bytes)
    WINDOW_UPDATE           increment
    PING                    opaque (bytes)
    PRIORITY                depends_on, weight, exclusive
    PRIORITY_UPDATE         prioritized (stream), priority
    ALTSVC                  origin, alt_svc
    ORIGIN                  origins
    ======================= ========================================================
    """

    moment: float
    connection: int
    stream: int
    type: int
    flags: int
    length: int
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its type, such as "DATA"."""
        return TYPE_NAMES.get(self.type, f"type {self.type:#x}")


class FrameReceived(NamedTuple):
    """A whole frame has come; the attributes are those of ``FrameSent``."""

    moment: float
    connection: int
    stream: int
    type: int
    flags: int
    length: int
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its type, such as "DATA"."""
        return TYPE_NAMES.get(self.type, f"type {self.type:#x}")


class RequestQueued(NamedTuple):
    """A request was made; it waits for a connection and for a stream."""

    moment: float
    connection: int
    method: str
    scheme: str
    authority: str
    path: str


class RequestSent(NamedTuple):
    """The header section of a request has left.

    queued: the moment of its RequestQueued, or None. attempt: 1, or more if it was sent before.
    """

    moment: float
    connection: int
    stream: int
    method: str
    scheme: str
    authority: str
    path: str
    fields: Fields
    queued: float | None
    attempt: int


class RequestContent(NamedTuple):
    """Content of a request was sent. octets: only for observers that asked for content."""

    moment: float
    connection: int
    stream: int
    size: int
    octets: bytes | None


class RequestEnd(NamedTuple):
    """The end of a request was sent. trailers: often empty."""

    moment: float
    connection: int
    stream: int
    trailers: Fields


class Informational(NamedTuple):
    """An interim response has come, such as 100 or 103 (RFC 9110, 15.2)."""

    moment: float
    connection: int
    stream: int
    status: int
    fields: Fields


class Head(NamedTuple):
    """The header section of a response has come."""

    moment: float
    connection: int
    stream: int
    status: int
    fields: Fields


class Content(NamedTuple):
    """Content of a response has come, as it is on the wire (content codings are not taken off).

    octets: only for observers that asked for content.
    """

    moment: float
    connection: int
    stream: int
    size: int
    octets: bytes | None


class Trailers(NamedTuple):
    """The trailer section of a response has come."""

    moment: float
    connection: int
    stream: int
    fields: Fields


class End(NamedTuple):
    """The response is whole."""

    moment: float
    connection: int
    stream: int


class Push(NamedTuple):
    """The server promises a response (8.4). stream: of the request with which it comes."""

    moment: float
    connection: int
    stream: int
    promised: int
    method: str
    scheme: str
    authority: str
    path: str
    fields: Fields


class Cancel(NamedTuple):
    """A stream was reset (6.4). by_peer: whether the server did it.

    In HTTP/1.1: this side reads a response no further. error_code is None then.
    """

    moment: float
    connection: int
    stream: int
    error_code: int | None
    by_peer: bool


class Ping(NamedTuple):
    """A PING or its acknowledgement (6.7).

    acknowledges: whether it is an answer. by_peer: whether the server sent it. round_trip: seconds,
    with the answer to a PING of ours.
    """

    moment: float
    connection: int
    opaque: bytes
    acknowledges: bool
    by_peer: bool
    round_trip: float | None


class Goaway(NamedTuple):
    """One side ends the connection for new requests (6.8)."""

    moment: float
    connection: int
    last_stream: int
    error_code: int
    debug: bytes
    by_peer: bool


class Retry(NamedTuple):
    """A request goes out again (8.7). attempt: 2 for the second. why: the error in words."""

    moment: float
    connection: int
    method: str
    path: str
    attempt: int
    why: str


class Fallback(NamedTuple):
    """A request goes over HTTP/1.1. why: in words."""

    moment: float
    connection: int
    host: str
    why: str


class Timeout(NamedTuple):
    """A wait ended in vain. seconds: of its limit. why: the error in words."""

    moment: float
    connection: int
    seconds: float | None
    why: str


class Closed(NamedTuple):
    """The connection has ended, or could not be made.

    why: in words. error_code: if known. kind: the name of the exception's class.
    """

    moment: float
    connection: int
    why: str
    error_code: int | None
    kind: str = ""


Event = Union[
    Opening,
    NameResolved,
    Connecting,
    Connected,
    Tunnelled,
    TLSDone,
    Opened,
    FrameSent,
    FrameReceived,
    RequestQueued,
    RequestSent,
    RequestContent,
    RequestEnd,
    Informational,
    Head,
    Content,
    Trailers,
    End,
    Push,
    Cancel,
    Ping,
    Goaway,
    Retry,
    Fallback,
    Timeout,
    Closed,
]


def redacted(event: Event) -> Event:
    """Return the event without secrets: the values of fields that carry one are REDACTED.

    Args:
        event: any event of hyper.trace.
    """
    if isinstance(event, (FrameSent, FrameReceived)):
        fields = event.content.get("fields")
        hidden = None if fields is None else hide(fields)
        if hidden is fields:
            return event
        return event._replace(content={**event.content, "fields": hidden})
    if isinstance(event, RequestEnd):
        return event._replace(trailers=hide(event.trailers))
    if isinstance(event, (RequestSent, Informational, Head, Trailers, Push)):
        return event._replace(fields=hide(event.fields))
    return event


def hide(fields: Fields) -> Fields:
    """Return fields with REDACTED in the place of secrets; the same object if it has none."""
    if not any(isinstance(value, Secret) for _, value in fields):
        return fields
    return tuple(
        (name, REDACTED) if isinstance(value, Secret) else (name, value) for name, value in fields
    )
