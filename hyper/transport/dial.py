"""Dialling: from a host and a port to a transport on which HTTP/2 may be spoken.

Cleartext needs prior knowledge (RFC 9113, 3.3); TLS must agree on ``h2`` by ALPN (3.2).  One
deadline covers it all: resolving, connecting, shaking hands.
"""

from __future__ import annotations

import socket
import time

from ..errors import TimedOut
from .plain import PlainTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from .tls import TLSTransport


def dial(
    host: str,
    port: int,
    *,
    timeout: float | None = None,
    source_address: tuple[str, int] | None = None,
    context: ssl.SSLContext | None = None,
) -> PlainTransport | TLSTransport:
    """Connect, over TLS where a context is given; timeout: seconds for all of it, or None.

    Raises OSError for a peer that cannot be reached (TimedOut among them), ssl.SSLError for one
    that cannot be trusted, NegotiationError for one that does not speak HTTP/2.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    sock = connect(host, port, timeout, source_address)
    try:
        plain = PlainTransport(sock)
        if context is None:
            return plain
        return _shake_hands(plain, context, host, deadline)
    except BaseException:
        sock.close()
        raise


def connect(
    host: str, port: int, timeout: float | None, source_address: tuple[str, int] | None
) -> socket.socket:
    """A connected TCP socket with small writes sent at once."""
    try:
        sock = socket.create_connection((host, port), timeout, source_address)
    except socket.timeout:
        raise TimedOut(f"no connection to {host}, port {port}, within {timeout} s") from None
    # Frames are small and complete; Nagle's algorithm would keep them waiting for an ACK.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _shake_hands(
    plain: PlainTransport, context: ssl.SSLContext, host: str, deadline: float | None
) -> TLSTransport:
    from . import tls

    context.set_alpn_protocols([tls.H2])
    transport = tls.TLSTransport(plain, context, host)
    transport.handshake(deadline)
    tls.require_h2(transport.filter, host)
    return transport
