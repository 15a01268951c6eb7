"""Telling a trace how http.client opens a connection.

http.client connects in one call. Its function that opens the socket is wrapped meanwhile, so that
the moments before TLS are known.
"""

from __future__ import annotations

import contextlib

from ..trace.watch import watch_of
from ..transport.tls.policy import H2
from .arguments import dns_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


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
            watcher.fell_back(host, f"ALPN chose {chosen or 'nothing'} (RFC 9113, 3.2)")
        watcher.opened("HTTP/1.1")
