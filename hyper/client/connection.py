"""HTTP20Connection: what callers hold of a server, from any number of threads.

The rules of HTTP/2 are in ``protocol/``; which thread waits for which is in ``pump/``. Here a
request is put together (``request_head.py``), sent on the connection of the moment (``pumps.py``),
and found again by its id (``registry.py``).
"""

from __future__ import annotations

import os
import time

from ..errors import HTTP20Error
from ..protocol import messages
from ..protocol.flow.managers import FlowControlManager
from ..protocol.settings import SETTINGS_ENABLE_PUSH, announcement
from .exchange import reprioritize
from .former_names import FormerNames, proxy_of
from .movers import movers, watch_of
from .registry import CLAIMED, TAKEN, Registry
from .replay import Source
from .request_head import RequestHeads
from .response import HTTP20Response
from .route import OWN_SETTINGS, Route
from .sender import discard
from .timeouts import NOT_GIVEN, Timeouts, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    import contextlib
    import socket
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..fields import FieldSource, Text
    from ..protocol.flow.managers import WindowManager
    from ..protocol.priorities import PrioritySource
    from ..proxies import Proxy
    from ..trace.watch import Watching
    from ..transport.connect import Path, Resolve
    from ..transport.tls.context import TLSContext
    from .content import Body
    from .former_names import Former, Unpack
    from .pumps import Dial
    from .push import HTTP20Push
    from .putrequest import Draft
    from .registry import Entry
    from .stream import HTTP20Stream
    from .tunnel import HTTP20Tunnel

#: Seconds that a request waits for 100 (Continue): a server that knows it answers in a round trip,
#: and one that does not must not be waited for long (RFC 9110, 10.1.1).
CONTINUE_TIMEOUT = 1.0


class HTTP20Connection(FormerNames):
    """A connection to one server that speaks HTTP/2 and nothing else (RFC 9113).

    It connects at the first request, and again when a connection has ended. Every method may be
    called from any thread at any time; hyper starts no thread of its own.

    Args:
        host: the server's name or address; it may carry the port (``"example.org:8443"``,
            ``"[::1]:443"``).
        port: a number, or its digits; the default is 443.
        window_manager: the class that decides about receive windows (5.2.2).
        enable_push: whether the server may push (8.4).
        unread_limit: octets of content that the server may have hyper hold in memory, over all
            streams; the default is 96 MiB.
        secure: True for TLS, False for cleartext by prior knowledge (3.3); None means TLS unless
            the port is 80.
        ssl_context: an ``ssl.SSLContext`` or an ``OpenSSL.SSL.Context``; the default is
            ``hyper.tls.init_context()``.
        timeout: seconds that connecting and every wait may take, None for no limit; the default
            is ``socket.getdefaulttimeout()``.
        source_address: (host, port) to connect from.
        unix_socket: the path of the Unix socket behind which the server is.
        resolve: called with host and port, for addresses as ``socket.getaddrinfo`` gives them.
        proxy: the URL of a proxy to go through, or a ``hyper.proxies.Proxy``.
        settings: what to announce beyond hyper's own, {name or identifier: value} (6.5.2).
        codec: of HPACK, "python", "nghttp2" or "auto"; None means the environment's HYPER_HPACK.
        decode_content: whether content codings are offered and taken off (RFC 9110, 8.4).
        continue_timeout: seconds that a request with ``Expect: 100-continue`` waits for 100
            (Continue) before it sends its content all the same; None for no limit but timeout's.
        keepalive: seconds without an octet from the server after which a thread that waits sends
            PING (6.7); if nothing comes for as long again, the connection ends. None for no PING.
            While nobody waits, none is sent.
        replay: whether a request that the server guarantees not to have processed is sent again
            by itself, if its content can be had again (8.7).
        trace: an observer that is told of each event, or a tracer, see ``hyper.trace``.
        former: force_proto, proxy_host and proxy_port, the names of hyper 0.x.

    Raises:
        InvalidURL: the host or the port is not one.
        LocalProtocolError: a setting has a value that 6.5.2 forbids.
        ValueError: options exclude each other.
    """

    # A pool's connections, which many requests share, have others.
    timeouts_class = Timeouts
    registry_class = Registry

    def __init__(
        self,
        host: str,
        port: int | str | None = None,
        window_manager: WindowManager | None = None,
        enable_push: bool = True,
        *,
        unread_limit: int | None = None,
        secure: bool | None = None,
        ssl_context: TLSContext | None = None,
        timeout: float | None = NOT_GIVEN,
        source_address: tuple[str, int] | None = None,
        unix_socket: Path | None = None,
        proxy: str | Proxy | None = None,
        settings: Mapping[str | int, int] | None = None,
        codec: str | None = None,
        decode_content: bool = True,
        continue_timeout: float | None = CONTINUE_TIMEOUT,
        keepalive: float | None = None,
        replay: bool = True,
        resolve: Resolve | None = None,
        trace: Watching | None = None,
        **former: Unpack[Former],
    ) -> None:
        watch = self._watch = watch_of(trace)
        self._route = Route(
            host,
            port,
            secure=secure,
            ssl_context=ssl_context,
            source_address=source_address,
            unix_socket=unix_socket,
            proxy=proxy_of(proxy, former) if former else proxy,
            settings=announcement(
                {**OWN_SETTINGS, SETTINGS_ENABLE_PUSH: int(enable_push)}, settings or {}
            ),
            window_manager=window_manager or FlowControlManager,
            unread_limit=unread_limit,
            codec=codec,
            keepalive=keepalive,
            resolve=resolve,
            watch=watch,
        )
        self.decode_content = decode_content  #: whether content codings are taken off
        self._timeouts = self.timeouts_class(timeout)
        self._heads = RequestHeads(self._route.origin, decodes=decode_content)
        self._registry = self.registry_class()
        limit = checked("continue_timeout", continue_timeout)
        self._pumps, self._sender = movers(
            watch, self._dial(), self._timeouts, self.host, self._registry, replay, limit
        )

    def _dial(self) -> Dial:
        """Return what makes connections; it must not refer to this object, which owns it."""
        return self._route.dial

    # ------------------------------------------------------------- the connection

    @property
    def host(self) -> str:
        """The server's name or address."""
        return self._route.host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._route.port

    @property
    def secure(self) -> bool:
        """True if the connection is over TLS."""
        return self._route.secure

    @property
    def timeout(self) -> float | None:
        """Seconds that connecting and every wait may take, None for no limit; may be set."""
        return self._timeouts.timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._timeouts.timeout = timeout

    @property
    def continue_timeout(self) -> float | None:
        """Seconds that content waits for 100 (Continue), None for no limit but timeout's."""
        return self._sender.continue_timeout

    @continue_timeout.setter
    def continue_timeout(self, timeout: float | None) -> None:
        self._sender.continue_timeout = checked("continue_timeout", timeout)

    def within(self, seconds: float | None) -> contextlib.AbstractContextManager[None]:
        """Limit all waits of this thread inside ``with``: they end seconds from now.

        That counts instead of ``timeout``, for connecting, for a turn among the streams, for room
        and for what comes. Inside another one the earlier moment counts. A stream or a response
        that was given a ``timeout`` of its own keeps to that.

        Args:
            seconds: None changes nothing.

        Raises:
            TimeoutError: out of the call that reached the moment; the connection stays usable.
        """
        return self._timeouts.within(seconds)

    def connect(self) -> None:
        """Connect now, rather than at the first request; nothing happens if it is connected.

        Raises:
            OSError: the server cannot be reached or trusted (TimeoutError and ssl.SSLError
                among them).
            NegotiationError: it does not speak HTTP/2 (3.2), or a proxy says no.
        """
        self._pumps.connect()

    def close(self, error_code: int | None = None) -> None:
        """Say GOAWAY and close (6.8); the next request connects again.

        Responses that were not whole raise from now on; those in memory can be read. Nothing
        happens if it is closed.

        Args:
            error_code: why, for the peer; None means NO_ERROR.
        """
        self._pumps.close(error_code)
        discard(self._registry.forget_all())

    def __enter__(self) -> HTTP20Connection:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def sock(self) -> socket.socket | None:
        """The connected socket, for looking at; None while there is none."""
        pump = self._pumps.current
        return None if pump is None or pump.is_closed else pump.socket

    @property
    def peer_settings(self) -> dict[str, int]:
        """The server's settings, by name (6.5.2); empty before the first connection."""
        pump = self._pumps.current
        return {} if pump is None else pump.endpoint.peer_settings.as_dict()

    @property
    def alt_services(self) -> list[tuple[str, str]]:
        """The (origin, Alt-Svc value) pairs of ALTSVC frames, one an origin (RFC 7838, 4)."""
        pump = self._pumps.current
        return [] if pump is None else self._route.alt_services(pump.endpoint)

    @property
    def origin_set(self) -> tuple[str, ...] | None:
        """The origins that the server wants this connection for (RFC 8336); None until it says."""
        pump = self._pumps.current
        return None if pump is None else self._route.origin_set(pump.endpoint)

    def stats(self) -> dict[str, Any]:
        """Return figures of the connection of the moment, by name; :doc:`seeing` explains them."""
        from .stats import stats_of

        return stats_of(self._pumps)

    def ping(self, opaque_data: bytes | str | None = None) -> float:
        """Send PING and wait for its acknowledgement (6.7).

        It also serves as upkeep: what the server has sent meanwhile is taken in and answered.

        Args:
            opaque_data: eight octets of the caller's own; a text is coded in latin-1.

        Returns:
            The seconds of one round trip.

        Raises:
            LocalProtocolError: opaque_data has another size, or is under way already.
            TimeoutError: no answer came within ``timeout``.
            ConnectionTerminated: the connection ended, not by a GOAWAY with NO_ERROR: then the next
                one is asked. And what ``connect`` raises.
        """
        return self._pumps.ping(os.urandom(8) if opaque_data is None else opaque_data)

    def cork(self) -> contextlib.AbstractContextManager[None]:
        """Let the requests that this thread makes inside ``with`` leave together, in few writes.

        Raises:
            TimeoutError: at the end, if the server does not take the octets in time.
        """
        return self._sender.cork()

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
        skip_accept_encoding: bool = False,
    ) -> int:
        """Send a request (8.1).

        It waits for its turn where the server allows no more streams, and for room where it reads
        slowly, both within ``timeout``; with ``Expect: 100-continue`` also for 100 (Continue). The
        response may be asked for while content is being sent: by another thread, or by a body
        that is an iterable and depends on it. A server that resets the stream or answers early
        ends the sending silently: ``getresponse`` tells.

        Args:
            method: a token, such as ``"GET"`` (RFC 9110, 9.1).
            url: a path with query, ``"*"``, or an absolute URI.
            body: bytes-like, str (latin-1), a file, an iterable of such pieces, a callable that
                gives any of these, or None; content-length is set when it is known.
            headers: a mapping or pairs, str or bytes; duplicates are kept.
            trailers: the same, sent after the content.
            encode_chunked: http.client's; without a meaning in HTTP/2.
            priority: a ``Priority``, or its field value (RFC 9218, 5).
            skip_accept_encoding: whether no content coding is offered, not even identity.

        Returns:
            The id of the request, for the other methods: its stream's identifier (5.1.1).

        Raises:
            LocalProtocolError, InvalidURL, TypeError: what must not be sent; nothing was sent.
            TimeoutError: it could not be sent in time.
            OSError, NegotiationError: what ``connect`` raises.
        """
        trailing = () if trailers is None else messages.trailer_section(trailers)
        head = self._heads.of_request(
            method, url, body, headers, trailing, priority, offers_codings=not skip_accept_encoding
        )
        source = None if body is None else Source(body)
        exchange = self._sender.open(head)
        try:
            own_id = self._registry.await_(exchange, head, source, trailing)
            if not head.is_whole:
                exchange.send_all(None if source is None else source.take(), trailing)
                self._registry.forget_if_done(own_id)
        except BaseException:  # nobody will learn the request's id
            self._registry.forget(exchange.id)
            raise
        return own_id

    def open_stream(
        self,
        method: str,
        url: str,
        headers: FieldSource = (),
        *,
        priority: PrioritySource | None = None,
    ) -> HTTP20Stream:
        """Begin a request whose content is written while its response is read (8.1).

        It waits for its turn alone; the first write waits for 100 (Continue) if the request expects
        that. No content coding is offered.

        Args:
            method, url, headers, priority: as ``request`` has them.

        Returns:
            An object like a file, for both directions.

        Raises:
            The same as ``request``.
        """
        from .stream import HTTP20Stream

        head = self._heads.of_stream(method, url, headers, priority)
        return HTTP20Stream(self._sender.open(head, leaves=True))

    def connect_stream(
        self,
        target: str,
        headers: FieldSource = (),
        *,
        protocol: str | None = None,
        priority: PrioritySource | None = None,
    ) -> HTTP20Tunnel:
        """Make a tunnel, and wait for the server's answer (8.5; RFC 8441).

        Args:
            target: ``"host:port"`` for a proxy; with protocol, the server's own ``"/chat"``.
            headers, priority: as ``request`` has them.
            protocol: of extended CONNECT, such as ``"websocket"`` (RFC 8441, 4).

        Returns:
            An object like a socket.

        Raises:
            NegotiationError: the server has no RFC 8441, or refuses (see its ``response``).
            InvalidURL, LocalProtocolError: what must not be sent; and the same as ``request``.
        """
        from .tunnel import tunnel

        head = self._heads.of_tunnel(target, protocol, headers, priority)
        return tunnel(
            self._sender.open(head, leaves=True), target, decode_content=self.decode_content
        )

    # -------------------------------------------------------- requests in pieces

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: ARG002 - the authority is no field; Host replaces it
        skip_accept_encoding: bool = False,
    ) -> int:
        """Begin a request that is put together piece by piece.

        Args:
            method, url: as ``request`` has them.
            skip_host: http.client's; a Host field takes the authority's place in any case.
            skip_accept_encoding: whether no content coding is offered.

        Returns:
            The id of the request. Its stream gets another if a younger request is sent before it.

        Raises:
            LocalProtocolError, InvalidURL: what must not be sent.
        """
        from .putrequest import Draft

        self._heads.check(method, url)  # now, where the mistake is, and not in endheaders
        return self._registry.begin(Draft(method, url, offers_codings=not skip_accept_encoding))

    def putheader(self, name: Text, *values: Text | int, stream_id: int | None = None) -> None:
        """Add a field; several values are joined by commas (RFC 9110, 5.3).

        Args:
            name, values: str (latin-1) or bytes; a value may be an int.
            stream_id: what ``putrequest`` returned; None means the newest request.

        Raises:
            CannotSendHeader: there is no such request, or its header section was sent.
            LocalProtocolError: what a field must not have (8.2.1).
        """
        self._draft(stream_id)[1].put(name, values)

    def _draft(self, own_id: int | None) -> tuple[Entry, Draft]:
        entry = self._registry.draft(own_id)
        assert entry.draft is not None  # it is in that state
        return entry, entry.draft

    def endheaders(
        self, message_body: Body = None, final: bool | None = None, *, stream_id: int | None = None
    ) -> None:
        """Send the header section, and message_body if there is one.

        Args:
            message_body: a part of the content, as ``send`` takes it.
            final: True ends the request here. With None ``getresponse`` ends it, if nothing has
                before. With False the caller will, and may read the response meanwhile.
            stream_id: what ``putrequest`` returned; None means the newest request.

        Raises:
            CannotSendHeader: as for ``putheader``; and the same as ``request``.
        """
        entry, draft = self._draft(stream_id)
        head = self._heads.of_draft(draft, is_whole=bool(final) and message_body is None)
        entry.ends_itself = final is not False
        try:
            exchange = self._sender.open(head, entry)
        except BaseException:  # the request has not gone out
            self._registry.forget(entry.id)
            raise
        self._registry.send_draft(entry, exchange, head)
        if exchange.is_final:
            return
        if message_body is not None:
            self.send(message_body, bool(final), entry.id)
        else:
            with exchange.pump.lock:
                exchange.pump.drain(self._timeouts.remaining())

    def send(self, data: Body, final: bool = False, stream_id: int | None = None) -> None:
        """Send a part of the content.

        With ``Expect: 100-continue`` the first part waits for 100 (Continue). A server that wants
        no more (it has answered, or reset the stream) gets no more, and ``getresponse`` tells.

        Args:
            data: bytes-like, str (latin-1), a file, or an iterable of such pieces.
            final: True means that it is the last part.
            stream_id: what ``putrequest`` returned; None means the newest request.

        Raises:
            LocalProtocolError: no such request is open, or content exceeds its content-length.
            TimeoutError: there was no room in time; the stream is reset.
        """
        self._sender.add(self._registry.sending(stream_id), data, final=final)

    def send_trailers(self, trailers: FieldSource, stream_id: int | None = None) -> None:
        """Send a trailer section, which ends the request (8.1).

        Args:
            trailers: a mapping or pairs, str or bytes; duplicates are kept.
            stream_id: what ``putrequest`` returned; None means the newest request.

        Raises:
            LocalProtocolError: no such request is open, or a field must not be sent.
        """
        entry = self._registry.sending(stream_id)
        self._sender.end(entry, messages.trailer_section(trailers))

    # --------------------------------------------------------------- responses

    def getresponse(self, stream_id: int | None = None) -> HTTP20Response:
        """Return a response as soon as its header section is there; its content streams.

        Args:
            stream_id: what ``request`` returned; None means the oldest request not yet answered.

        Raises:
            ResponseNotReady: there is no such request.
            TimeoutError: nothing is lost; it may be asked again. Asked without an id, the next
                request leaves it behind, and its stream is reset.
            StreamResetError, ConnectionTerminated, RemoteDisconnected: the server gives no answer.
            RemoteProtocolError: it breaks the rules.
        """
        begin = time.monotonic()
        entry = self._registry.claim(stream_id)
        exchange = entry.exchange
        assert exchange is not None  # it was sent, and nobody has its response
        try:
            if not exchange.is_final and entry.ends_itself:
                exchange.end(())
            try:
                exchange.await_head()
            except HTTP20Error as error:
                exchange = self._sender.answer_again(entry, error, begin)
            response = HTTP20Response(exchange, decode_content=self.decode_content)
        except BaseException as error:  # it is raised again
            self._registry.unclaim(entry, error, is_late=stream_id is None)
            raise
        self._registry.take(entry)
        return response

    def cancel(self, stream_id: int) -> None:
        """Give up a request whose response was not taken: its stream is reset (CANCEL, 5.4.2).

        Args:
            stream_id: what ``request`` returned; an unknown one is ignored.
        """
        entry = self._registry.forget(stream_id)
        if entry is None or entry.exchange is None:
            return
        if entry.state in (CLAIMED, TAKEN):  # a thread waits for it, or reads, and is told
            entry.exchange.cancel()
        else:
            entry.exchange.discard()

    def reprioritize(self, stream_id: int, priority: PrioritySource) -> bool:
        """Ask for another priority of a response that has not ended (RFC 9218, 6).

        Args:
            stream_id: what ``request`` returned, or the ``stream_id`` of a response or a push.
            priority: a ``Priority``, or its field value.

        Returns:
            False if it is in vain: the response is whole, or the server's SETTINGS decline.
        """
        exchange = self._registry.exchange(stream_id)
        if exchange is not None:
            return exchange.reprioritize(priority)
        for pump in self._pumps:
            stream = pump.endpoint.streams.get(self._registry.stream_id_of(stream_id))
            if stream is not None:
                return reprioritize(pump, stream, priority)
        return False

    def getpushes(
        self, stream_id: int | None = None, capture_all: bool = False
    ) -> Iterator[HTTP20Push]:
        """Iterate the promises that came with a request (8.4), each of them once.

        Args:
            stream_id: what ``request`` returned; None means the oldest not yet answered.
            capture_all: False gives those that are there, without waiting; True also those to
                come, until the response has ended or has filled its window.

        Raises:
            TimeoutError: with capture_all, if nothing came in time.
        """
        from .push import HTTP20Push, promised

        own_id = self._registry.oldest() if stream_id is None else stream_id
        exchange = self._registry.exchange(own_id)
        parent_id = self._registry.stream_id_of(own_id)
        for pump in self._pumps if exchange is None else [exchange.pump]:
            for push in promised(pump, parent_id, self._timeouts, capture_all=capture_all):
                yield HTTP20Push(push, decode_content=self.decode_content)
