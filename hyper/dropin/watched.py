"""Telling a trace what a connection of http.client's does, and tracers of its requests.

http.client connects in one call. Its function that opens the socket is wrapped meanwhile, so that
the moments before TLS are known. In HTTP/1.1 its socket is watched (``watched_socket.py``). A
request that goes out again is the same request for tracers: what they know of it is passed on.
"""

from __future__ import annotations

import contextlib
import sys

from ..fields import outgoing
from ..foundation.hosts import authority_of
from ..trace.watch import now, watch_of
from ..transport.tls.policy import H2
from .arguments import dns_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

    from ..client.traced import Dialling
    from ..trace.tracers import Begun
    from .session import PendingRequest, SessionEnded


@contextlib.contextmanager
def connecting(connection: Any, options: dict[str, Any]) -> Iterator[None]:
    """Tell of what http.client does inside, if somebody watches.

    connection: one of the drop-in's. options: those of its session, which gets what it needs to go
    on telling.
    """
    watch = watch_of(options.get("trace"))
    if watch is None:
        with dns_names(connection.host):
            yield
        return
    from ..client.traced import Dialling

    watcher = options["watcher"] = Dialling(watch)
    host, port = connection.host, connection.port
    scheme = "https" if hasattr(connection, "_context") else "http"
    watcher.begin(scheme, host, port, f"{host}:{port}", None)
    open_socket = connection._create_connection  # noqa: SLF001 - http.client's, which it calls

    def create_connection(*arguments: Any, **named: Any) -> Any:
        sock = open_socket(*arguments, **named)
        watcher.connected(sock)
        return sock

    connection._create_connection = create_connection  # noqa: SLF001 - see above
    try:
        with dns_names(host):
            yield
    except BaseException as error:  # it is raised again
        watcher.failed(error)
        raise
    finally:
        connection._create_connection = open_socket  # noqa: SLF001 - see above
    chosen = ""
    is_tls = hasattr(connection.sock, "cipher")
    if is_tls:
        resumed = getattr(connection.sock, "session_reused", None)
        watcher.secured(connection.sock, resumed=resumed, round_trip=None)
        chosen = connection.sock.selected_alpn_protocol()
    is_prior = connection._http2 == "prior" and not connection.is_http1_required  # noqa: SLF001 - the drop-in's
    if chosen != H2 and not is_prior:
        if is_tls:
            why = f"ALPN chose {chosen or 'nothing'} (RFC 9113, 3.2)"
            if connection.is_http1_required:
                why = "the server asks for it by HTTP_1_1_REQUIRED (RFC 9113, 7)"
            watcher.fell_back(host, why)
        watcher.opened("HTTP/1.1")
        _watch_http1(connection, watcher, scheme)


def _watch_http1(connection: Any, watcher: Dialling, scheme: str) -> None:
    from ..trace.http1_wire import HTTP1Wire
    from .watched_socket import WatchedSocket

    tunnel = getattr(connection, "_tunnel_host", None)
    host, port = connection.host, connection.port
    if tunnel:
        host, port = tunnel, connection._tunnel_port or connection.default_port  # noqa: SLF001 - http.client's
    authority = authority_of(host, port, scheme)
    wire = watcher.http1 = HTTP1Wire(watcher.watch, watcher.number, scheme, authority)
    connection.sock = WatchedSocket(connection.sock, wire)


def told_lines(options: dict[str, Any], lines: list[bytes]) -> list[bytes]:
    """Tell of a request in HTTP/1.1; return its lines, with the fields that tracers add.

    options: those of the connection's session. lines: the request line and the field lines.
    """
    watcher: Dialling | None = options.get("watcher")
    wire = None if watcher is None else watcher.http1
    if watcher is None or wire is None:
        return lines
    from ..trace.events import RequestQueued
    from ..trace.tracers import Request, handover

    method, target, *_ = lines[0].decode("latin-1").split(" ")
    pairs = [line.decode("latin-1").partition(":") for line in lines[1:]]
    fields = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    parts = method, wire.scheme, dict(fields).get("host", wire.authority), target
    queued = now()
    watcher.watch.tell(RequestQueued(queued, watcher.number, *parts))
    attempt, begun = handover.take()
    if begun is None and watcher.watch.tracing is not None:
        begun = watcher.watch.tracing.begin(Request(*parts, fields))
    wire.expect(queued, attempt, begun)
    if begun is None:
        return lines
    begun.is_retriable, watcher.may_repeat = watcher.may_repeat, False
    added = [outgoing(name, value) for name, value in begun.request.added]
    names = {name for name, _ in added}
    kept = [line for line in lines[1:] if line.partition(b":")[0].lower() not in names]
    return [lines[0], *kept, *(b"%s: %s" % field for field in added)]


def told_response(options: dict[str, Any], sock: Any, getresponse: Callable[[], Any]) -> Any:
    """Return http.client's response, and tell of its error if there is none."""
    watcher: Dialling | None = options.get("watcher")
    if watcher is None or watcher.http1 is None:
        return getresponse()
    seconds = None if sock is None else sock.gettimeout()
    try:
        return getresponse()
    except BaseException as error:  # it is raised again
        watcher.http1.fail(error, seconds)
        raise


def unwatched(sock: Any) -> Any:
    """Return a socket as it was before it was watched."""
    return getattr(sock, "watched", sock)


# ------------------------------------------------------------ requests that go out again


def _wire_of(request: PendingRequest) -> tuple[Any, int]:
    """Return the wire that has seen a request over HTTP/2, or None, and its stream."""
    exchange = request.exchange
    if exchange is None:
        return None, 0
    return getattr(exchange.pump, "wire", None), exchange.stream.id


def give_up(request: PendingRequest, error: BaseException | None) -> None:
    """Tell tracers of a request that has failed and goes out no more.

    error: what its caller gets, or None if nobody asks for its response.
    """
    wire, stream = _wire_of(request)
    if wire is not None and wire.watch.tracing is not None:
        wire.watch.tracing.give_up(wire.number, stream, error)


@contextlib.contextmanager
def with_its_end(request: PendingRequest) -> Iterator[None]:
    """Tell tracers of a request that has failed, if the block does not send it again."""
    try:
        yield
    except BaseException as error:  # it is raised again
        give_up(request, error)
        raise


@contextlib.contextmanager
def going_again(request: PendingRequest, why: BaseException) -> Iterator[None]:
    """Tell that a request goes out again inside; for tracers it is the same request.

    why: what its sending before has ended with.
    """
    wire, stream = _wire_of(request)
    if wire is None:
        yield
        return
    from ..trace.events import Retry
    from ..trace.tracers import handover

    tracing = wire.watch.tracing
    attempt = 2 if request.attempts is None else request.attempts.sent
    lines = request.read_lines()
    wire.watch.tell(Retry(now(), wire.number, lines.method, lines.url, attempt, str(why)))
    begun: Begun | None = None if tracing is None else tracing.take_held(wire.number, stream)
    handover.give(attempt, begun)
    try:
        yield
        not_sent(why)  # it has left where no trace has seen it
    except BaseException as error:  # it is raised again
        not_sent(error)
        if begun is not None:
            begun.fail(error)
        raise


@contextlib.contextmanager
def not_sent_yet(ended: SessionEnded) -> Iterator[None]:
    """Have the next request of this thread be the one that could not be sent, if tracers know it.

    ended: why it could not. If the block raises, that is its end.
    """
    begun: Begun | None = ended.handover[1]
    try:
        yield
    except BaseException as error:  # it is raised again
        if begun is not None:
            begun.fail(error)
        raise
    if ended.handover != (1, None):
        from ..trace.tracers import handover

        handover.give(*ended.handover)


def not_sent(error: BaseException) -> None:
    """Tell tracers of a request that was to go out again, if this thread has one."""
    tracers = sys.modules.get("hyper.trace.tracers")
    if tracers is not None:
        begun: Begun | None = tracers.handover.take()[1]
        if begun is not None:
            begun.fail(error)


def expect_repeating(connection: Any, *, is_safe: bool) -> None:
    """Note whether the next request on a connection in HTTP/1.1 may go out again on another."""
    watcher: Dialling | None = connection._session_options.get("watcher")  # noqa: SLF001 - the drop-in's
    if watcher is not None:
        watcher.may_repeat = is_safe


@contextlib.contextmanager
def repeating(connection: Any, why: BaseException) -> Iterator[None]:
    """Have the next request of this thread be the one that has just failed in HTTP/1.1.

    why: the error. If the block raises, the request does not go out again.
    """
    watcher: Dialling | None = connection._session_options.get("watcher")  # noqa: SLF001 - the drop-in's
    wire = None if watcher is None else watcher.http1
    if wire is None:
        yield
        return
    tracing, key = wire.watch.tracing, (wire.number, wire.stream)
    try:
        yield
    except BaseException as error:  # it is raised again
        if tracing is not None:
            tracing.give_up(*key, error)
        raise
    from ..trace.events import Retry
    from ..trace.tracers import handover

    wire.watch.tell(Retry(now(), wire.number, wire.method, wire.path, 2, str(why)))
    handover.give(2, None if tracing is None else tracing.take_held(*key))
