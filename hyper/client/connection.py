"""HTTP20Connection: the door through which callers come, from any number of threads.

The rules of HTTP/2 are not here (``protocol/``), nor who waits for whom (``transport/pump.py``).
Here a request is put together, sent on the connection of the moment, and found again by its
stream id; and here a connection that has ended is replaced by a new one, while responses that
are still under way on the old one are read to their end.

Stream ids never repeat in the life of an object: each new connection goes on counting where the
last one stopped, which RFC 9113, 5.1.1 allows.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from http.client import ResponseNotReady

from ..errors import ConnectionTerminated, ErrorCode, Failure, NegotiationError, TimedOut
from ..protocol import messages, priorities
from ..protocol import settings as setting
from ..protocol.flow.managers import FlowControlManager
from . import content
from . import content_codings as codings
from .exchange import Exchange, await_head, wrong_length
from .putrequest import PiecewiseRequests
from .response import HTTP20Push, HTTP20Response, reprioritize
from .route import OWN_SETTINGS, Route
from .timeouts import Deadlines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Any

    from ..fields import Fields, FieldSource
    from ..protocol.endpoint import Endpoint
    from ..protocol.flow.managers import WindowManager
    from ..protocol.messages import RequestFields
    from ..protocol.priorities import PrioritySource
    from ..protocol.stream import Stream
    from ..proxies import Proxy
    from ..pump.pump import Pump
    from ..transport.connect import Path
    from .content import Body
    from .stream import HTTP20Stream, HTTP20Tunnel

#: Fresh connections that one request may try, where the server ends each before it goes out.
MAX_CONNECTIONS_A_REQUEST = 3

#: Where stream ids begin anew on the next connection; a connection has 2^30 of them (5.1.1).
STREAM_IDS_RESTART = 2**30

#: Seconds that a request waits for 100 (Continue): a server that knows it answers in a round trip,
#: and one that does not must not be waited for long (RFC 9110, 10.1.1).
CONTINUE_TIMEOUT = 1.0


class HTTP20Connection(Deadlines, PiecewiseRequests):
    """A connection to one server that speaks HTTP/2 and nothing else (RFC 9113).

    host may carry the port (``"example.org:8443"``, ``"[::1]:443"``); the default is 443.
    window_manager: the class that decides about receive windows, FlowControlManager by default.
    unread_limit: octets of content that the server may have it hold in memory, over all streams.
    enable_push: whether the server may push.  secure: TLS or cleartext by prior knowledge; None:
    TLS unless the port is 80.  ssl_context: an ssl.SSLContext or an OpenSSL.SSL.Context, else
    ``hyper.tls.init_context()``.
    timeout: seconds that connecting and every wait may take, None for no limit; the default is
    ``socket.getdefaulttimeout()``.  source_address: (host, port) to connect from.
    unix_socket: the path of the socket behind which the server is.  proxy: the URL of a proxy to go
    through, or a ``hyper.proxies.Proxy``.
    settings: what to announce beyond hyper's own, {name or identifier: value} (6.5.2).
    codec: of HPACK, "python", "nghttp2" or "auto"; None: what the environment's HYPER_HPACK says.
    decode_content: whether content codings are offered and taken off.  continue_timeout: seconds
    that a request with ``Expect: 100-continue`` waits for leave before it sends its content all the
    same, None for no limit but timeout's.

    Every method may be called from any thread at any time.  It connects at the first request,
    and again when a connection has ended; hyper starts no thread of its own.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        window_manager: WindowManager | None = None,
        enable_push: bool = True,
        *,
        unread_limit: int | None = None,
        secure: bool | None = None,
        ssl_context: Any = None,
        timeout: Any = socket._GLOBAL_DEFAULT_TIMEOUT,  # type: ignore[attr-defined]  # noqa: SLF001
        source_address: tuple[str, int] | None = None,
        unix_socket: Path | None = None,
        proxy: str | Proxy | None = None,
        settings: Mapping[str | int, int] | None = None,
        codec: str | None = None,
        decode_content: bool = True,
        continue_timeout: float | None = CONTINUE_TIMEOUT,
    ) -> None:
        Deadlines.__init__(self, timeout)
        PiecewiseRequests.__init__(self)
        # Fixed.
        self._route = Route(
            host,
            port,
            secure=secure,
            ssl_context=ssl_context,
            source_address=source_address,
            unix_socket=unix_socket,
            proxy=proxy,
            settings=setting.announcement(
                {**OWN_SETTINGS, setting.SETTINGS_ENABLE_PUSH: int(enable_push)}, settings or {}
            ),
            window_manager=window_manager or FlowControlManager,
            unread_limit=unread_limit,
            codec=codec,
        )
        self._origin = self._route.origin
        self.host, self.port = self._route.host, self._route.port
        self.secure = self._route.secure
        self.decode_content = decode_content
        self._accept_encoding: Fields = ()
        # The caller's, at any time.
        self.continue_timeout = continue_timeout
        # Guarded by _connecting.
        #: never taken twice; but of an RLock an interrupted thread knows whether it holds it
        self._connecting = threading.RLock()
        self._pump: Pump | None = None
        #: ended for new requests, while responses are still to be read
        self._former: list[Pump] = []
        # Dicts and sets, whose single steps are atomic; ``copy`` is one, ``list`` is not on PyPy.
        #: requests whose responses nobody has taken, oldest first
        self._exchanges: dict[int, Exchange] = {}
        self._claiming = threading.Lock()
        self._newest_request = 0
        #: how often ``close`` was called
        self._closings = 0
        self._corking: set[int] = set()

    # -------------------------------------------------------------- connecting

    def connect(self) -> None:
        """Connect now, rather than at the first request; nothing happens if it is connected.

        Raises OSError for a server that cannot be reached or trusted (TimeoutError and
        ssl.SSLError among them), NegotiationError for one that does not speak HTTP/2.
        """
        former = self._pump
        for _ in range(MAX_CONNECTIONS_A_REQUEST):
            pump = self._live_pump()
            with pump.lock:
                pump.look()
                if pump.endpoint.accepts_requests:  # the server has not ended it while it was idle
                    pump.flush()  # the preface (3.4) need not wait for a request
                    return
                if pump is not former:
                    raise_refusal(pump)

    def _live_pump(self) -> Pump:
        """The connection of the moment, made if there is none on which requests can go out."""
        pump = self._pump
        if pump is not None and pump.endpoint.accepts_requests and not pump.is_closed:
            return pump
        with self._turn_to_connect():
            pump = self._pump
            if pump is not None and pump.endpoint.accepts_requests and not pump.is_closed:
                return pump
            first_stream_id = 1
            if pump is not None:
                if pump.endpoint.next_stream_id < STREAM_IDS_RESTART:
                    first_stream_id = pump.endpoint.next_stream_id
                self._former = [p for p in self._former if not p.is_closed]
                self._former.append(pump)
            self._pump = self._route.dial(self.limit(), first_stream_id)
            return self._pump

    def _collect_dropped(self) -> None:
        """Look after former connections, where nobody may wait. Lock held of no former one."""
        for pump in self._former:
            pump.collect_dropped()

    @contextlib.contextmanager
    def _turn_to_connect(self) -> Iterator[None]:
        limit = self.limit()
        timeout = -1 if limit is None else min(max(0, limit), threading.TIMEOUT_MAX)
        try:
            if not self._connecting.acquire(timeout=timeout):
                raise TimedOut("timed out: another thread is still connecting")
            yield
        finally:
            if self._connecting._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001
                self._connecting.release()

    def close(self, error_code: int | None = None) -> None:
        """Say GOAWAY and close (6.8); the next request connects again.

        error_code: why, for the peer; None is NO_ERROR.  Responses that were not whole raise
        from now on; those in memory can be read.  Nothing happens if it is closed.
        """
        code = ErrorCode.NO_ERROR if error_code is None else error_code
        with self._connecting:
            self._closings += 1
            pumps = [*self._former, *filter(None, (self._pump,))]
            self._former = []
        for pump in pumps:
            with pump.lock:
                failure = Failure(ConnectionTerminated, "the connection was closed on this side")
                pump.endpoint.close(code, failure)
                pump.flush()
                pump.close()
        with self._claiming:  # else a response might be dropped that another thread just takes
            exchanges = [each for each in self._exchanges.copy().values() if not each.is_claimed]
            for requests in (self._exchanges, self._drafts, self._sending):
                requests.clear()
        for exchange in exchanges:
            exchange.drop()

    def __enter__(self) -> HTTP20Connection:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def sock(self) -> socket.socket | None:
        """The connected socket, for looking at; None while there is none."""
        pump = self._pump
        return None if pump is None or pump.is_closed else pump.socket

    @property
    def peer_settings(self) -> dict[str, int]:
        """What the server has announced, by name (6.5.2); empty before the first connection."""
        pump = self._pump
        return {} if pump is None else pump.endpoint.peer_settings.as_dict()

    @property
    def alt_services(self) -> list[tuple[str, str]]:
        """What ALTSVC frames say: (origin, Alt-Svc value) pairs, one an origin (RFC 7838, 4)."""
        pump = self._pump
        return [] if pump is None else self._route.alt_services(pump.endpoint)

    @property
    def origin_set(self) -> tuple[str, ...] | None:
        """The origins that the server wants this connection for (RFC 8336); None until it says."""
        pump = self._pump
        return None if pump is None else self._route.origin_set(pump.endpoint)

    def ping(self, opaque_data: bytes | None = None) -> float:
        """The seconds of one round trip (6.7).

        opaque_data: eight octets of the caller's own.  It also serves as upkeep: what the server
        has sent meanwhile is taken in and answered.
        """
        opaque = os.urandom(8) if opaque_data is None else opaque_data
        pump = self._live_pump()
        endpoint = pump.endpoint
        with pump.lock:
            begin = time.monotonic()
            endpoint.send_ping(opaque)
            try:
                pump.wait(
                    lambda: endpoint.pings[opaque] or endpoint.failure is not None,
                    (0,),
                    self.limit(),
                )
            finally:
                is_answered = endpoint.pings.pop(opaque)
            seconds = time.monotonic() - begin
            if is_answered:
                endpoint.tell_round_trip(seconds)
                return seconds
            assert endpoint.failure is not None  # else the wait would go on
            raise endpoint.failure.exception()

    @contextlib.contextmanager
    def cork(self) -> Iterator[None]:
        """Let the requests that this thread makes inside leave together, in few writes."""
        thread = threading.get_ident()
        if thread in self._corking:
            yield
            return
        self._corking.add(thread)
        try:
            yield
        finally:
            self._corking.discard(thread)
            pump = self._pump
            if pump is not None:
                with pump.lock:
                    pump.drain(self.limit())

    # ---------------------------------------------------------------- requests

    def request(
        self,
        method: str,
        url: str,
        body: Body = None,
        headers: FieldSource = (),
        *,
        trailers: FieldSource | None = None,
        encode_chunked: bool = False,  # noqa: ARG002 - http.client's; HTTP/2 has no chunked coding
        priority: PrioritySource | None = None,
    ) -> int:
        """Send a request; returns its stream id (8.1).

        body: bytes-like, str (latin-1), a file, an iterable of such pieces, or None.  headers
        and trailers: a mapping or pairs, str or bytes, duplicates kept.  content-length is set
        when it is known.  priority: a Priority, or its field value (RFC 9218, 5).  Waits for its
        turn where the server allows no more streams, and for room where it reads slowly, both
        within ``timeout``; and with ``Expect: 100-continue`` for leave (``continue_timeout``).
        The response may be asked for while content is being sent: by another thread, or by a body
        that is an iterable and depends on it.

        Raises LocalProtocolError (a ValueError), InvalidURL or TypeError for what must not be
        sent, before an octet of it is; and what ``connect`` raises.  A server that resets the
        stream or answers early ends the sending silently: ``getresponse`` tells.
        """
        given = messages.request_fields(headers)
        size = content.content_length(method, body)
        announced, implied = self._implied(given, size)
        implied += priorities.fields(priority, given.fields)
        section = messages.request_section(method, url, self._origin, given, implied)
        trailing = () if trailers is None else messages.trailer_section(trailers)
        is_known = body is None or size is not None
        if is_known and announced is not None and announced != (size or 0):
            raise wrong_length(size or 0, announced)
        ends = body is None and not trailing
        exchange = self._open(section, method, announced, end_stream=ends)
        stream_id = exchange.stream.id
        self._exchanges[stream_id] = exchange
        if not ends:
            if given.expects_continue:
                exchange.continue_timeout = self.continue_timeout
            try:
                exchange.send_all(body, trailing, self.limit)
            except BaseException:
                self._exchanges.pop(stream_id, None)
                raise
        return stream_id

    def open_stream(
        self,
        method: str,
        url: str,
        headers: FieldSource = (),
        *,
        priority: PrioritySource | None = None,
    ) -> HTTP20Stream:
        """Begin a request whose content is written while its response is read (8.1).

        Gives an object like a file, with both: see HTTP20Stream.  Nothing is waited for but a
        turn among the streams, and with ``Expect: 100-continue`` for leave, by the first write;
        no content coding is offered.  headers, priority, errors: as ``request`` has them.
        """
        from .stream import HTTP20Stream

        given = messages.request_fields(headers)
        implied = priorities.fields(priority, given.fields)
        section = messages.request_section(method, url, self._origin, given, implied)
        exchange = self._begin(section, method, given.content_length)
        if given.expects_continue:
            exchange.continue_timeout = self.continue_timeout
        return HTTP20Stream(self, exchange)

    def connect_stream(
        self,
        target: str,
        headers: FieldSource = (),
        *,
        protocol: str | None = None,
        priority: PrioritySource | None = None,
    ) -> HTTP20Tunnel:
        """Make a tunnel, and give an object like a socket: see HTTP20Tunnel (8.5; RFC 8441).

        target: ``"host:port"`` that a proxy is to connect to; or, with protocol (``"websocket"``),
        a path with query or a URI, at the server itself: ``"/chat"``.  Waits for the answer.

        Raises NegotiationError where the server does not take part in RFC 8441, or refuses (its
        answer is in ``response``); InvalidURL or LocalProtocolError for what must not be sent.
        """
        from .stream import tunnel

        given = messages.request_fields(headers)
        implied = priorities.fields(priority, given.fields)
        section = messages.tunnel_section(target, protocol, self._origin, given, implied)
        return tunnel(self, self._begin(section, "CONNECT", None, protocol), target)

    def _require_connect_protocol(self, endpoint: Endpoint, protocol: str) -> None:
        """Raise NegotiationError where the server's SETTINGS do not allow extended CONNECT."""
        if not endpoint.peer_settings[setting.SETTINGS_ENABLE_CONNECT_PROTOCOL]:
            raise NegotiationError(
                f"{self.host} does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL, so that"
                f" {protocol} cannot be asked for on this connection (RFC 8441, 3); nothing was"
                " sent"
            )

    def _begin(
        self, section: Fields, method: str, announced: int | None, protocol: str | None = None
    ) -> Exchange:
        """Send a header section that content will follow."""
        exchange = self._open(section, method, announced, end_stream=False, protocol=protocol)
        with exchange.pump.lock:
            exchange.drain(self.limit())
        return exchange

    def _implied(
        self, given: RequestFields, announced: int | None, *, offers_codings: bool = True
    ) -> tuple[int | None, Fields]:
        """The content's length, if it is known, and the fields that go without saying."""
        implied: Fields = ()
        if offers_codings and not given.names_codings:
            whole = self._accept_encoding or self._offer_codings()
            implied = codings.IDENTITY_ALONE if given.asks_for_part else whole
        if given.content_length is not None:
            return given.content_length, implied
        if announced is not None:
            implied = (*implied, (b"content-length", b"%d" % announced))
        return announced, implied

    def _offer_codings(self) -> Fields:
        self._accept_encoding = codings.offer(self.decode_content)
        return self._accept_encoding

    def _open(
        self,
        section: Fields,
        method: str,
        announced: int | None,
        *,
        end_stream: bool,
        reserved_id: int = 0,
        protocol: str | None = None,
    ) -> Exchange:
        """Send a header section, on a new connection if need be. HOT: once a request.

        protocol: of extended CONNECT, which must wait for the server's SETTINGS.
        """
        closings = self._closings
        former = self._pump
        for _ in range(MAX_CONNECTIONS_A_REQUEST):
            pump = self._live_pump()
            self._collect_dropped()
            endpoint = pump.endpoint
            with pump.lock:
                pump.look()
                if protocol is not None:
                    pump.wait(endpoint.has_settings_or_never, (0,), self.limit())
                    if endpoint.failure and pump is not former:
                        raise endpoint.failure.exception()
                pump.wait_turn(
                    endpoint.may_open_stream_or_never, self.limit(), self._collect_dropped
                )
                if not endpoint.accepts_requests:
                    if closings != self._closings and endpoint.failure:
                        raise endpoint.failure.exception()  # the caller's close: no new one
                    if pump is not former:
                        raise_refusal(pump)
                    continue
                if protocol is not None:
                    self._require_connect_protocol(endpoint, protocol)
                stream = endpoint.send_request(
                    section, method, end_stream=end_stream, reserved_id=reserved_id
                )
                self._newest_request = stream.id
                exchange = Exchange(pump, stream, announced)
                if end_stream and threading.get_ident() not in self._corking:
                    exchange.drain(self.limit())
                return exchange
        raise ConnectionTerminated(
            f"{self.host} ended {MAX_CONNECTIONS_A_REQUEST} connections, one after the other,"
            " before the request could go out (RFC 9113, 6.8)",
            retryable=True,
        )

    # --------------------------------------------------------------- responses

    def getresponse(self, stream_id: int | None = None) -> HTTP20Response:
        """The response to a request, as soon as its header section is there; content streams.

        stream_id: what ``request`` returned; None: the oldest request not yet answered.  Raises
        ResponseNotReady where there is no such request; TimeoutError, after which it may be
        asked again; StreamResetError, ConnectionTerminated or RemoteDisconnected where the
        server gives no answer; RemoteProtocolError where it breaks the rules.
        """
        given_id, exchange = self._claim(stream_id)
        try:
            self._end_by_getresponse(given_id, exchange)
            response = self.response_of(exchange.pump, exchange.stream)
        except BaseException:
            exchange.is_claimed = False
            if exchange.stream.failure is not None:
                self._exchanges.pop(given_id, None)
            raise
        self._exchanges.pop(given_id, None)
        return response

    get_response = getresponse

    def _claim(self, stream_id: int | None) -> tuple[int, Exchange]:
        with self._claiming:
            for given_id in self._exchanges.copy() if stream_id is None else (stream_id,):
                exchange = self._exchanges.get(given_id)
                if exchange is not None and not exchange.is_claimed:
                    exchange.is_claimed = True
                    return given_id, exchange
        if stream_id is not None:
            raise ResponseNotReady(f"no response is awaited on stream {stream_id}")
        raise ResponseNotReady("Idle: every request has been answered, or there was none")

    def cancel(self, stream_id: int) -> None:
        """Give up a request whose response was not taken: its stream is reset (CANCEL, 5.4.2)."""
        self._drafts.pop(stream_id, None)
        self._sending.pop(stream_id, None)
        with self._claiming:
            exchange = self._exchanges.pop(stream_id, None)
            if exchange is None:
                return
            is_awaited = exchange.is_claimed
        if is_awaited:
            exchange.cancel()
        else:
            exchange.drop()

    def reprioritize(self, stream_id: int, priority: PrioritySource) -> bool:
        """Wish for another priority of a response that has not ended (RFC 9218, 6).

        stream_id: what ``request`` returned.  False where it would be in vain: the response is
        whole, or the server has said in its SETTINGS that it does not take part.
        """
        exchange = self._exchanges.get(stream_id) or self._sending.get(stream_id)
        if exchange is not None:
            return reprioritize(exchange.pump, exchange.stream, priority)
        for pump in [*self._former, self._pump]:
            stream = pump and pump.endpoint.streams.get(stream_id)
            if pump and stream:
                return reprioritize(pump, stream, priority)
        return False

    def response_of(self, pump: Pump, stream: Stream) -> HTTP20Response:
        """Wait for the header section on a stream, one of ours or a pushed one."""
        await_head(pump, stream, self.limit())
        return HTTP20Response(self, pump, stream)

    def getpushes(
        self, stream_id: int | None = None, capture_all: bool = False
    ) -> Iterator[HTTP20Push]:
        """The promises that came with a request (8.4), each of them once.

        stream_id: what ``request`` returned; None: of the oldest request not yet answered, else
        of the newest.  Without waiting, those that are there; with capture_all also those to
        come, until the response has ended, or has filled its window and must be read first.
        """
        if stream_id is None:
            stream_id = next(iter(self._exchanges.copy()), self._newest_request)
        exchange = self._exchanges.get(stream_id)
        parent_id = exchange.stream.id if exchange else stream_id
        for pump in [exchange.pump] if exchange else [*self._former, self._pump]:
            if pump is not None:
                yield from self._promises(pump, parent_id, capture_all=capture_all)

    get_pushes = getpushes

    def _promises(self, pump: Pump, parent_id: int, *, capture_all: bool) -> Iterator[HTTP20Push]:
        endpoint = pump.endpoint

        def is_known() -> bool:
            return parent_id in endpoint.promises or not endpoint.may_bring_promises(parent_id)

        while True:
            with pump.lock:
                if capture_all:
                    pump.wait(is_known, (parent_id,), self.limit())
                else:
                    pump.look()
                promised = endpoint.claim_promises(parent_id)
            for stream in promised:
                yield HTTP20Push(self, pump, stream)
            if not (capture_all and promised):
                return


def raise_refusal(pump: Pump) -> None:
    """Raise what ended a new connection, if it was TLS: the next one would end the same way.

    Under TLS 1.3 a server says what it thinks of the client's certificate after the handshake.
    """
    failure = pump.endpoint.failure
    if failure is not None and issubclass(failure.kind, ssl.SSLError):
        raise failure.exception()
