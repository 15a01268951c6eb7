"""The parts of a connection that tell a trace; they stand in the place of others while one is on.

A trace costs nothing while it is off, because nobody asks then whether it is on. So it is decided
once, when an ``HTTP20Connection`` is made. If there are observers, ``TracedPumps`` and
``TracedSender`` take the places of ``Pumps`` and ``Sender``, and each connection that is dialled
gets a ``TracedPump`` and a ``TracedTransport``, which sees the octets that enter and leave.
"""

from __future__ import annotations

import contextlib
import threading
from _thread import get_ident

from ..errors import TimedOut
from ..fields import outgoing
from ..foundation.interruptions import is_of_signal
from ..pump.pump import CLOSED, Pump
from ..trace import events
from ..trace.faults import log_error
from ..trace.tracers import Request, handover
from ..trace.watch import next_connection, now
from ..trace.wire import Wire
from ..transport.buffered import BufferedSocket
from .pumps import Pumps
from .request_head import RequestHead
from .sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Callable

    from ..errors import Failure, HTTP20Error
    from ..fields import Fields
    from ..protocol.endpoint import Endpoint
    from ..proxies import Proxy
    from ..pump.waiter import Condition
    from ..trace.http1_wire import HTTP1Wire
    from ..trace.watch import Watch
    from ..transport import Transport
    from ..transport.wakeup import Wakeup
    from .exchange import Exchange
    from .pumps import NumberSource
    from .registry import Entry


class Dialling:
    """Tells how a connection is made. One thread.

    watch: who is told.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.number: int = next_connection()
        #: sees the octets of a connection in HTTP/1.1
        self.http1: HTTP1Wire | None = None
        #: True if the next request in HTTP/1.1 may go out again on another connection
        self.may_repeat: bool = False

    def begin(self, scheme: str, host: str, port: int, address: str, proxy: Proxy | None) -> None:
        """Tell that a connection is about to be made."""
        name = "" if proxy is None else str(proxy)
        self.watch.tell(events.Opening(now(), self.number, scheme, host, port, address, name))

    def resolved(self, host: str, addresses: list[Any]) -> None:
        """Tell what the resolver has answered; addresses: getaddrinfo's."""
        names = tuple(dict.fromkeys(str(address[4][0]) for address in addresses))
        self.watch.tell(events.NameResolved(now(), self.number, host, names))

    def connecting(self, address: Any) -> None:
        """Tell that an attempt begins; address: a socket's."""
        self.watch.tell(events.Connecting(now(), self.number, *named(address)))

    def connected(self, sock: socket.socket) -> None:
        """Tell that a socket is connected."""
        peer, local = "", ("", 0)
        with contextlib.suppress(OSError):  # it may have ended already
            peer, local = sock.getpeername(), named(sock.getsockname())
        self.watch.tell(events.Connected(now(), self.number, *named(peer), local))

    def tunnelled(self, proxy: Proxy) -> None:
        """Tell that a proxy has opened a tunnel."""
        self.watch.tell(events.Tunnelled(now(), self.number, str(proxy)))

    def secured(self, view: Any, *, resumed: bool | None, round_trip: float | None) -> None:
        """Tell that TLS is agreed on; view: a socket with the methods of ``ssl.SSLSocket``."""
        cipher = view.cipher()
        self.watch.tell(
            events.TLSDone(
                now(),
                self.number,
                view.version() or "",
                cipher[0] if cipher else "",
                view.selected_alpn_protocol() or "",
                resumed,
                round_trip,
            )
        )

    def failed(self, error: BaseException) -> None:
        """Tell that the connection could not be made."""
        code = getattr(error, "error_code", None)
        words = str(error) or repr(error)
        self.watch.tell(events.Closed(now(), self.number, words, code, type(error).__name__))

    def fell_back(self, host: str, why: str) -> None:
        """Tell that HTTP/1.1 will be spoken."""
        self.watch.tell(events.Fallback(now(), self.number, host, why))

    def opened(self, protocol: str = "HTTP/2") -> None:
        """Tell that requests can go out."""
        self.watch.tell(events.Opened(now(), self.number, protocol))


def named(address: Any) -> tuple[str, int]:
    """Return a socket's address as host and port; of a Unix socket its path, and 0."""
    if isinstance(address, tuple):
        return str(address[0]), int(address[1])
    return (address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)), 0


class TracedTransport:
    """A transport that shows a wire what passes. The methods are the transport's."""

    wakeup: Wakeup

    def __init__(self, transport: Transport, wire: Wire) -> None:
        self.wakeup = transport.wakeup
        self.round_trip: float | None = transport.round_trip
        self.wait: Callable[..., bool] = transport.wait
        self.fileno: Callable[[], int] = transport.fileno
        self.shutdown: Callable[[], None] = transport.shutdown
        self.close: Callable[[], None] = transport.close
        self._transport = transport
        self._wire = wire
        self._is_broken = False

    @property
    def socket(self) -> socket.socket:
        """The connected socket, to look at."""
        return self._transport.socket

    @property
    def read_would_block(self) -> bool:
        """True if waiting is better than trying to read."""
        return self._transport.read_would_block

    def recv_into(self, view: memoryview) -> int | None:
        """Receive into the view, and show what has come."""
        size = self._transport.recv_into(view)
        if size and not self._is_broken:
            try:
                self._wire.receive(view[:size])
            except Exception as error:  # a trace must not harm the connection
                if is_of_signal(error):
                    raise
                self._give_up(error)
        return size

    def send(self, octets: bytes) -> bool:
        """Show the octets, and take them."""
        if octets and not self._is_broken:
            try:
                self._wire.send(octets)
            except Exception as error:  # a trace must not harm the connection
                if is_of_signal(error):
                    raise
                self._give_up(error)
        return self._transport.send(octets)

    def _give_up(self, error: Exception) -> None:
        """Show nothing more, and say so."""
        self._is_broken = True
        log_error(f"the trace of connection {self._wire.number} ends: {error!r}", error)


class TracedPump(Pump):
    """A pump that tells of waits in vain, and of its end.

    The arguments are ``Pump``'s, and the wire that sees the octets.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        buffered: BufferedSocket,
        transport: Transport,
        keepalive: float | None,
        wire: Wire,
    ) -> None:
        super().__init__(endpoint, buffered, transport, keepalive)
        self.wire = wire
        #: the threads that are inside a wait of which one is told once
        self._telling: set[int] = set()

    def _tell_if_in_vain(
        self, wait: Callable[..., None], *arguments: Any, timeout: float | None
    ) -> None:
        """Call a method that waits; the outermost one of a thread tells of its timeout."""
        thread = get_ident()
        if thread in self._telling:
            wait(self, *arguments)
            return
        self._telling.add(thread)
        try:
            wait(self, *arguments)
        except TimedOut as error:
            self.wire.watch.tell(events.Timeout(now(), self.wire.number, timeout, str(error)))
            raise
        finally:
            self._telling.discard(thread)

    def wait(self, ready: Condition, ids: tuple[int, ...], timeout: float | None) -> None:
        """Wait, and tell of a timeout."""
        self._tell_if_in_vain(Pump.wait, ready, ids, timeout, timeout=timeout)

    def wait_open(self, stream: Any, ready: Condition, timeout: float | None) -> None:
        """Wait, and tell of a timeout."""
        self._tell_if_in_vain(Pump.wait_open, stream, ready, timeout, timeout=timeout)

    def wait_idle(self, stream: Any, ready: Condition, timeout: float | None) -> None:
        """Wait, and tell of a timeout."""
        self._tell_if_in_vain(Pump.wait_idle, stream, ready, timeout, timeout=timeout)

    def drain(self, timeout: float | None) -> None:
        """Wait, and tell of a timeout."""
        self._tell_if_in_vain(Pump.drain, timeout, timeout=timeout)

    def wait_turn(
        self,
        is_free: Condition,
        timeout: float | None,
        collect_dropped: Callable[[], None] | None = None,
    ) -> None:
        """Wait, and tell of a timeout."""
        self._tell_if_in_vain(Pump.wait_turn, is_free, timeout, collect_dropped, timeout=timeout)

    def put(self, octets: bytes) -> None:
        """Show octets of the peer's that somebody else received, and take them."""
        if octets:
            self.wire.receive(memoryview(octets))
        super().put(octets)

    def close(self) -> None:
        """End the transport, and tell why."""
        is_first = self._state != CLOSED
        super().close()
        if is_first:
            failure = self.endpoint.failure
            why = "" if failure is None else words_of(failure)
            code = None if failure is None else failure.attributes.get("error_code")
            self.wire.watch.tell(
                events.Closed(
                    now(),
                    self.wire.number,
                    why,
                    code if isinstance(code, int) else None,
                    "" if failure is None else failure.kind.__name__,
                )
            )


def words_of(failure: Failure) -> str:
    """Return a failure in words."""
    return str(failure.exception())


def traced_pump(
    endpoint: Endpoint,
    transport: Transport,
    size: int,
    keepalive: float | None,
    watcher: Dialling,
) -> TracedPump:
    """Return a pump on a transport; size: octets of its buffer."""
    watcher.opened()
    wire = Wire(watcher.watch, watcher.number)
    seen = TracedTransport(transport, wire)
    return TracedPump(endpoint, BufferedSocket(seen, size), seen, keepalive, wire)


class TracedPumps(Pumps):
    """Pumps that tell of requests which wait for a connection and for a stream."""

    def __init__(self, watch: Watch, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._watch = watch
        #: of each thread: the pump that it was given last, and whether its request may go again
        self._own = threading.local()

    def live(self) -> Pump:
        """Return a connection on which requests can go out."""
        pump = self._own.pump = super().live()
        return pump

    def open(self, head: RequestHead, id_for: NumberSource, *, leaves: bool) -> Exchange:
        """Send a header section, and tell that it is queued."""
        queued = now()
        pseudo = {name: value.decode("latin-1") for name, value in head.section if name[:1] == b":"}
        scheme, authority = pseudo.get(b":scheme", ""), pseudo.get(b":authority", "")
        parts = scheme, authority, pseudo.get(b":path", "")
        pump = self.current
        number = pump.wire.number if isinstance(pump, TracedPump) else 0
        self._watch.tell(events.RequestQueued(queued, number, head.method, *parts))
        own = self._own
        attempt, begun = handover.take()
        if begun is None and self._watch.tracing is not None:
            begun = self._watch.tracing.begin(Request(head.method, *parts, as_text(head.section)))
            begun.is_retriable = getattr(own, "is_retriable", False)
        if begun is not None and begun.request.added:
            head = with_fields(head, begun.request.added)

        def note(next_stream_id: int) -> int:  # the lock is held, and HEADERS is next
            if isinstance(own.pump, TracedPump):
                own.pump.wire.queued.append((queued, attempt, begun))
            return id_for(next_stream_id)

        try:
            return super().open(head, note, leaves=leaves)
        except BaseException as error:  # it is raised again
            if hasattr(error, "handover"):  # it goes out on another connection, perhaps
                error.handover = attempt, begun
            # The one who sends again tells of a request that was sent before.
            elif begun is not None and attempt == 1:
                begun.fail(error)
            raise

    def close(self, error_code: int | None) -> None:
        """Close all, and tell tracers of requests that have failed: they go out no more."""
        super().close(error_code)
        # Where nothing is dialled, the drop-in does it: it has other connections for them.
        if self.made and self._watch.tracing is not None:
            self._watch.tracing.give_up_all()

    def expect(self, *, is_retriable: bool) -> None:
        """Note whether the next request of this thread may go out again."""
        self._own.is_retriable = is_retriable


def as_text(section: Fields) -> events.Fields:
    """Return a header section as pairs of str, without pseudo-header fields."""
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in section
        if name[:1] != b":"
    )


def with_fields(head: RequestHead, added: list[tuple[str, str]]) -> RequestHead:
    """Return a head with fields in the place of those of their names; raises for bad ones."""
    fields = [outgoing(name, value) for name, value in added]
    names = {name for name, _ in fields}
    section = tuple(field for field in head.section if field[0] not in names)
    return RequestHead(
        head.method,
        (*section, *fields),
        head.content_length,
        head.is_whole,
        head.expects_continue,
        head.foreign,
        head.protocol,
    )


class TracedSender(Sender):
    """A sender that tells of requests that go out again (8.7)."""

    def __init__(self, watch: Watch, pumps: Pumps, *arguments: Any, **options: Any) -> None:
        super().__init__(pumps, *arguments, **options)
        self._watch = watch

    def open(
        self, head: RequestHead, known: Entry | None = None, *, leaves: bool = False
    ) -> Exchange:
        """Send a header section, and let tracers know whether it may go out again."""
        assert isinstance(self._pumps, TracedPumps)  # they are made together
        self._pumps.expect(is_retriable=self._replays and not leaves)
        return super().open(head, known, leaves=leaves)

    def answer_again(self, entry: Entry, error: HTTP20Error, begin: float) -> Exchange:
        """Send a request again until it is answered, and tell tracers if it is not."""
        try:
            return super().answer_again(entry, error, begin)
        except BaseException as final:  # it is raised again
            tracing, exchange = self._watch.tracing, entry.exchange
            if tracing is not None and exchange is not None:
                tracing.give_up(number_of(exchange), exchange.stream.id, final)
            raise

    def _send_again(self, entry: Entry) -> Exchange:
        exchange, head = entry.exchange, entry.head
        assert exchange is not None  # it was sent before
        assert head is not None
        failure = exchange.stream.failure
        count = entry.attempts.sent
        path = dict(head.section).get(b":path", b"").decode("latin-1")
        number = number_of(exchange)
        why = "" if failure is None else words_of(failure)
        self._watch.tell(events.Retry(now(), number, head.method, path, count, why))
        tracing = self._watch.tracing
        begun = None if tracing is None else tracing.take_held(number, exchange.stream.id)
        handover.give(count, begun)
        try:
            return super()._send_again(entry)
        except BaseException:  # it is raised again
            handover.take()
            if tracing is not None and begun is not None and entry.exchange is exchange:
                tracing.hold(number, exchange.stream.id, begun)  # it was not sent
            raise


def number_of(exchange: Exchange) -> int:
    """Return the number of an exchange's connection."""
    pump = exchange.pump
    return pump.wire.number if isinstance(pump, TracedPump) else 0
