"""Dialling: from a host and a port to a transport on which HTTP/2 may be spoken.

Cleartext needs prior knowledge (RFC 9113, 3.3); TLS must agree on ``h2`` by ALPN (3.2).  One
deadline covers it all: connecting, a proxy's tunnel if there is one, shaking hands.
"""

from __future__ import annotations

import http.client

from ..transport.connect import connect, connect_unix
from ..transport.deadline import NEVER
from ..transport.tcp import PlainTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from ..transport import Transport
    from ..transport.connect import Path, Resolve
    from ..transport.deadline import Deadline
    from ..transport.tls.transport import Resumption
    from .traced import Dialling

    #: Returns a transport whose other end is the server, until the deadline at the latest; the
    #: second argument is told of each step, where somebody watches.
    Connector = Callable[[Deadline, Optional[Dialling]], Transport]


def dial(
    host: str,
    port: int,
    *,
    deadline: Deadline = NEVER,
    source_address: tuple[str, int] | None = None,
    unix_socket: Path | None = None,
    through: Connector | None = None,
    context: Any = None,
    resumption: Resumption | None = None,
    resolve: Resolve | None = None,
    watcher: Dialling | None = None,
) -> Transport:
    """Connect, over TLS if a context is given, and return the transport.

    deadline: of all of it.  unix_socket: the path of the socket behind which the
    server is.  through: connects to the server through a proxy.  resumption: of the server's TLS
    sessions.  resolve: gives the server's addresses; None means the system.  watcher: told of each
    step, where somebody watches.

    Raises OSError for a peer that cannot be reached (TimedOut among them), ssl.SSLError for one
    that cannot be trusted, NegotiationError for one that does not speak HTTP/2.
    """
    transport: Transport
    if through is not None:
        transport = through(deadline, watcher)
    elif unix_socket is not None:
        transport = PlainTransport(connect_unix(unix_socket, deadline))
        if watcher is not None:
            watcher.connected(transport.socket)
    else:
        sock = connect(host, port, deadline, source_address, resolve, watcher)
        transport = PlainTransport(sock)
    if context is None:
        return transport
    from ..transport.tls.policy import H2, require_h2
    from ..transport.tls.transport import shake_hands

    secured = shake_hands(transport, context, host, deadline, [H2], resumption)
    try:
        if watcher is not None:
            watcher.secured(
                secured.socket,
                resumed=secured.filter.was_resumed(),
                round_trip=secured.round_trip,
            )
        require_h2(secured.filter, host)
    except BaseException:  # the socket is nobody's yet
        secured.close()
        raise
    return secured


def warn_if_recorded(host: str) -> None:
    """Warn by the logger ``hyper`` if a recorder, or a mock, is at work that knows no HTTP/2.

    These put a class of their own, no subclass, in the place of http.client's. They see nothing of
    this connection: the real server is asked, and nothing is recorded.
    """
    found: Any = http.client.HTTPSConnection
    if any(base.__module__ == "http.client" for base in getattr(found, "__mro__", ())):
        return
    import logging  # not before: most programs need none

    logging.getLogger("hyper").warning(
        "%s stands in the place of http.client.HTTPSConnection; it does not see what"
        " HTTP20Connection and Pool send, and %s itself is asked",
        found,
        host,
    )
