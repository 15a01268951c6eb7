"""Telling a trace how http.client opens a connection, and tracers of its requests in HTTP/1.1.

http.client connects in one call. Its function that opens the socket is wrapped meanwhile, so that
the moments before TLS are known. In HTTP/1.1 a request has ended for tracers when the header
section of its response is there: the rest is http.client's.
"""

from __future__ import annotations

import contextlib

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
    if hasattr(connection.sock, "cipher"):
        resumed = getattr(connection.sock, "session_reused", None)
        watcher.secured(connection.sock, resumed=resumed, round_trip=None)
        chosen = connection.sock.selected_alpn_protocol()
    if chosen != H2 and getattr(connection, "_http2", None) != "prior":
        if hasattr(connection.sock, "cipher"):
            why = f"ALPN chose {chosen or 'nothing'} (RFC 9113, 3.2)"
            if connection.is_http1_required:
                why = "the server asks for it by HTTP_1_1_REQUIRED (RFC 9113, 7)"
            watcher.fell_back(host, why)
        watcher.opened("HTTP/1.1")


def told_lines(options: dict[str, Any], lines: list[bytes]) -> list[bytes]:
    """Tell tracers of a request in HTTP/1.1; return its lines, with the fields that they add.

    options: those of the connection's session. lines: the request line and the field lines.
    """
    watcher: Dialling | None = options.get("watcher")
    if watcher is None or watcher.watch.tracing is None or watcher.opening is None:
        return lines
    from ..trace.tracers import Request

    method, target, *_ = lines[0].decode("latin-1").split(" ")
    pairs = [line.decode("latin-1").partition(":") for line in lines[1:]]
    fields = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    opening = watcher.opening
    authority = dict(fields).get("host", authority_of(opening.host, opening.port, opening.scheme))
    request = Request(method, opening.scheme, authority, target, fields)
    watcher.begun, watcher.sent = watcher.watch.tracing.begin(request), now()
    added = [outgoing(name, value) for name, value in request.added]
    names = {name for name, _ in added}
    kept = [line for line in lines[1:] if line.partition(b":")[0].lower() not in names]
    return [lines[0], *kept, *(b"%s: %s" % field for field in added)]


def told_response(options: dict[str, Any], getresponse: Callable[[], Any]) -> Any:
    """Return http.client's response, and tell tracers of it."""
    watcher: Dialling | None = options.get("watcher")
    begun = None if watcher is None else watcher.begun
    if watcher is None or begun is None:
        return getresponse()
    watcher.begun = None
    try:
        response = getresponse()
    except BaseException as error:  # it is raised again
        begun.fail(error)
        raise
    from ..trace.exchange_list import Connection, Exchange

    connection = Connection(watcher.number)
    connection.protocol = "HTTP/1.1"
    if watcher.opening is not None:
        connection.host, connection.port = watcher.opening.host, watcher.opening.port
    exchange = Exchange(connection, 0)
    request = begun.request
    exchange.method, exchange.scheme = request.method, request.scheme
    exchange.authority, exchange.path = request.authority, request.path
    exchange.queued = exchange.sent = watcher.sent
    exchange.status, exchange.head = response.status, now()
    exchange.ended = exchange.head
    begun.finish(exchange)
    return response
