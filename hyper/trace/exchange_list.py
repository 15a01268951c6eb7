"""From events to exchanges: each request with its response, and the connection that carried it.

The views that show requests (waterfall, HAR, a table) are made of these. Moments are monotonic
seconds, and None for what has not happened.
"""

from __future__ import annotations

from ..protocol.frames import CONTINUATION, FRAME_HEADER_SIZE, HEADERS
from . import events as kinds
from .cutter import error_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from .events import Event, Fields


class Connection:
    """A connection, as far as the events tell.

    Moments: ``opening`` (it is about to be made), ``resolved``, ``connecting`` (the attempt that
    won), ``connected``, ``tunnelled``, ``secured`` (TLS is done), ``opened``, ``closed``.

    ``tls`` is the event TLSDone, or None. ``why`` says why it has ended, in words, and
    ``error_code`` with which code.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.scheme = self.host = self.address = self.proxy = ""
        self.port = 0
        #: address and port at the other end, and ours
        self.peer: tuple[str, int] = ("", 0)
        self.local: tuple[str, int] = ("", 0)
        self.opening: float | None = None
        self.resolved: float | None = None
        self.connecting: float | None = None
        self.connected: float | None = None
        self.tunnelled: float | None = None
        self.secured: float | None = None
        self.opened: float | None = None
        self.closed: float | None = None
        self.protocol = ""
        self.tls: kinds.TLSDone | None = None
        #: seconds: of the latest PING, or of the handshake
        self.round_trip: float | None = None
        self.goaway: kinds.Goaway | None = None
        self.why = ""
        self.error_code: int | None = None
        self._attempts: dict[str, float] = {}


class Exchange:
    """A request and its response, as far as the events tell.

    Moments: ``queued``, ``sent`` (of a push: promised), ``request_ended``, ``head``, ``first`` (the
    first content), ``ended``. ``content`` and ``request_content`` are None, unless the observer
    asked for content. ``error`` says in words why it was cut short.
    """

    def __init__(self, connection: Connection, stream: int) -> None:
        self.connection = connection
        self.stream = stream
        self.method = self.scheme = self.authority = self.path = ""
        self.attempt = 1
        self.request_fields: Fields = ()
        self.request_trailers: Fields = ()
        #: octets of content
        self.request_size = self.size = 0
        #: octets that were seen of the content of both, in pieces
        self.pieces: list[bytes] = []
        self.request_pieces: list[bytes] = []
        self.status = 0
        self.fields: Fields = ()
        self.trailers: Fields = ()
        #: (moment, status, fields) of interim responses
        self.informational: list[tuple[float, int, Fields]] = []
        self.queued: float | None = None
        self.sent: float | None = None
        self.request_ended: float | None = None
        self.head: float | None = None
        self.first: float | None = None
        self.ended: float | None = None
        #: octets of its frames, with their headers
        self.octets_sent = self.octets_received = 0
        #: the stream of the request with which the promise came, or None
        self.parent: int | None = None
        self.error = ""
        #: the name of an exception's class
        self.error_type = ""
        self.error_code: int | None = None
        #: True if this side has reset the stream
        self.is_cancelled = False

    @property
    def is_pushed(self) -> bool:
        """True if the server pushed it (8.4)."""
        return self.parent is not None

    @property
    def url(self) -> str:
        """The URL that was asked for."""
        if self.method == "CONNECT" and not self.path:
            return self.authority
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def content(self) -> bytes | None:
        """The content as it was on the wire; None unless the observer asked for content."""
        return None if self.size and not self.pieces else b"".join(self.pieces)

    @property
    def request_content(self) -> bytes | None:
        """The content of the request; None unless the observer asked for content."""
        is_known = self.request_pieces or not self.request_size
        return b"".join(self.request_pieces) if is_known else None

    @property
    def begin(self) -> float:
        """The moment at which it begins: it was queued, or else sent."""
        begin = self.sent if self.queued is None else self.queued
        return 0.0 if begin is None else begin

    def field(self, name: str, *, of_request: bool = False) -> str:
        """Return the values of one field, joined by commas; "" if there is none.

        Args:
            name: the field's, in lower case.
            of_request: True for a field of the request, False for one of the response.
        """
        fields = self.request_fields if of_request else self.fields
        return ", ".join(value for each, value in fields if each == name)


class Gatherer:
    """An observer that makes connections and exchanges of events, in their order.

    Events of a stream whose request was not seen are passed over.
    """

    def __init__(self) -> None:
        self.connections: dict[int, Connection] = {}
        self.exchanges: list[Exchange] = []
        self._open: dict[tuple[int, int], Exchange] = {}
        #: octets of the frames that begin a request, until its RequestSent comes
        self._begun: dict[tuple[int, int], int] = {}
        self._takers: dict[type, Callable[[Any], None]] = {
            kinds.Opening: self._take_opening,
            kinds.NameResolved: self._take_resolved,
            kinds.Connecting: self._take_connecting,
            kinds.Connected: self._take_connected,
            kinds.Tunnelled: self._take_tunnelled,
            kinds.TLSDone: self._take_tls,
            kinds.Opened: self._take_opened,
            kinds.Closed: self._take_closed,
            kinds.Goaway: self._take_goaway,
            kinds.Ping: self._take_ping,
            kinds.FrameSent: self._take_frame,
            kinds.FrameReceived: self._take_frame,
            kinds.RequestSent: self._take_request,
            kinds.RequestContent: self._take_content,
            kinds.RequestEnd: self._take_request_end,
            kinds.Push: self._take_push,
            kinds.Informational: self._take_informational,
            kinds.Head: self._take_head,
            kinds.Content: self._take_content,
            kinds.Trailers: self._take_trailers,
            kinds.End: self._take_end,
            kinds.Cancel: self._take_cancel,
        }

    def __call__(self, event: Event) -> None:
        """Take an event."""
        take = self._takers.get(type(event))
        if take is not None:
            take(event)

    # -------------------------------------------------------------- connections

    def connection(self, number: int) -> Connection:
        """Return the connection of a number."""
        found = self.connections.get(number)
        if found is None:
            found = self.connections[number] = Connection(number)
        return found

    def _take_opening(self, event: kinds.Opening) -> None:
        made = self.connection(event.connection)
        made.opening = event.moment
        made.scheme, made.host, made.port = event.scheme, event.host, event.port
        made.address, made.proxy = event.address, event.proxy

    def _take_resolved(self, event: kinds.NameResolved) -> None:
        self.connection(event.connection).resolved = event.moment

    def _take_connecting(self, event: kinds.Connecting) -> None:
        made = self.connection(event.connection)
        made.connecting = made._attempts[event.address] = event.moment  # noqa: SLF001 - made here

    def _take_connected(self, event: kinds.Connected) -> None:
        made = self.connection(event.connection)
        made.connected, made.local = event.moment, event.local
        made.peer = (event.address, event.port)
        made.connecting = made._attempts.get(event.address, made.connecting)  # noqa: SLF001 - made here

    def _take_tunnelled(self, event: kinds.Tunnelled) -> None:
        self.connection(event.connection).tunnelled = event.moment

    def _take_tls(self, event: kinds.TLSDone) -> None:
        made = self.connection(event.connection)
        made.secured, made.tls, made.round_trip = event.moment, event, event.round_trip

    def _take_opened(self, event: kinds.Opened) -> None:
        made = self.connection(event.connection)
        made.opened, made.protocol = event.moment, event.protocol

    def _take_goaway(self, event: kinds.Goaway) -> None:
        self.connection(event.connection).goaway = event

    def _take_ping(self, event: kinds.Ping) -> None:
        if event.round_trip is not None:
            self.connection(event.connection).round_trip = event.round_trip

    def _take_closed(self, event: kinds.Closed) -> None:
        made = self.connection(event.connection)
        made.closed, made.why, made.error_code = event.moment, event.why, event.error_code
        for key in [key for key in self._open if key[0] == event.connection]:
            exchange = self._open.pop(key)
            if exchange.ended is None:
                exchange.error, exchange.error_code = event.why, event.error_code
                exchange.error_type = event.kind or "ConnectionTerminated"
            self._close(key, exchange)

    # ---------------------------------------------------------------- exchanges

    def _keep(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def _close(self, key: tuple[int, int], exchange: Exchange) -> None:
        """Do nothing: a subclass may want to know which exchanges are over."""

    def _begin(self, event: Any, stream: int) -> Exchange:
        exchange = Exchange(self.connection(event.connection), stream)
        exchange.sent = event.moment
        exchange.method, exchange.scheme = event.method, event.scheme
        exchange.authority, exchange.path = event.authority, event.path
        exchange.request_fields = event.fields
        self._keep(exchange)
        self._open[event.connection, stream] = exchange
        return exchange

    def _end(self, event: Any) -> None:
        key = event.connection, event.stream
        self._close(key, self._open.pop(key))

    def _found(self, event: Any) -> Exchange | None:
        return self._open.get((event.connection, event.stream))

    def _take_frame(self, event: kinds.FrameSent | kinds.FrameReceived) -> None:
        key = event.connection, event.stream
        exchange = self._open.get(key)
        if exchange is None:
            if isinstance(event, kinds.FrameSent) and event.type in (HEADERS, CONTINUATION):
                octets = event.length + FRAME_HEADER_SIZE
                self._begun[key] = self._begun.get(key, 0) + octets
            return
        if isinstance(event, kinds.FrameSent):
            exchange.octets_sent += event.length + FRAME_HEADER_SIZE
        else:
            exchange.octets_received += event.length + FRAME_HEADER_SIZE

    def _take_request(self, event: kinds.RequestSent) -> None:
        exchange = self._begin(event, event.stream)
        exchange.queued, exchange.attempt = event.queued, event.attempt
        exchange.octets_sent = self._begun.pop((event.connection, event.stream), 0)

    def _take_push(self, event: kinds.Push) -> None:
        exchange = self._begin(event, event.promised)
        exchange.parent = event.stream
        exchange.request_ended = event.moment

    def _take_request_end(self, event: kinds.RequestEnd) -> None:
        exchange = self._found(event)
        if exchange is not None:
            exchange.request_ended, exchange.request_trailers = event.moment, event.trailers
            if exchange.ended is not None:  # the response had ended before
                self._close(
                    (event.connection, event.stream),
                    self._open.pop((event.connection, event.stream)),
                )

    def _take_content(self, event: kinds.Content | kinds.RequestContent) -> None:
        exchange = self._found(event)
        if exchange is None:
            return
        if isinstance(event, kinds.RequestContent):
            exchange.request_size += event.size
            if event.octets is not None:
                exchange.request_pieces.append(event.octets)
            return
        exchange.size += event.size
        if exchange.first is None:
            exchange.first = event.moment
        if event.octets is not None:
            exchange.pieces.append(event.octets)

    def _take_informational(self, event: kinds.Informational) -> None:
        exchange = self._found(event)
        if exchange is not None:
            exchange.informational.append((event.moment, event.status, event.fields))

    def _take_head(self, event: kinds.Head) -> None:
        exchange = self._found(event)
        if exchange is not None:
            exchange.head, exchange.status, exchange.fields = (
                event.moment,
                event.status,
                event.fields,
            )

    def _take_trailers(self, event: kinds.Trailers) -> None:
        exchange = self._found(event)
        if exchange is not None:
            exchange.trailers = event.fields

    def _take_end(self, event: kinds.End) -> None:
        exchange = self._found(event)
        if exchange is not None:
            exchange.ended = event.moment
            if exchange.request_ended is not None:
                self._close(
                    (event.connection, event.stream),
                    self._open.pop((event.connection, event.stream)),
                )

    def _take_cancel(self, event: kinds.Cancel) -> None:
        key = event.connection, event.stream
        exchange = self._open.pop(key, None)
        if exchange is None:
            return
        if exchange.ended is None:  # a whole response is not cut short by its request's end (8.1)
            exchange.error_code, exchange.is_cancelled = event.error_code, not event.by_peer
            side = "the server" if event.by_peer else "this side"
            if event.error_code is None:
                exchange.error = f"{side} gave the response up"
                exchange.error_type = "IncompleteRead"
            else:
                exchange.error = f"{side} reset the stream with {error_name(event.error_code)}"
                exchange.error_type = "StreamResetError"
        self._close(key, exchange)


def gathered(events: Iterable[Event]) -> Gatherer:
    """Return what events tell of connections and exchanges."""
    gatherer = Gatherer()
    for event in events:
        gatherer(event)
    return gatherer


def exchanges(events: Iterable[Event]) -> list[Exchange]:
    """Return the exchanges, in the order in which their requests were sent or promised.

    Args:
        events: a ``Recorder``, or any events in their order.
    """
    return gathered(events).exchanges


def connections(events: Iterable[Event]) -> list[Connection]:
    """Return the connections, in the order in which they were made.

    Args:
        events: a ``Recorder``, or any events in their order.
    """
    return [made for number, made in sorted(gathered(events).connections.items()) if number]
