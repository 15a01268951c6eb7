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
    try:
        sock = connect(host, port, deadline, source_address)
    except socket.timeout:
        raise TimedOut(f"no connection to {host}, port {port}, within {timeout} s") from None
    try:
        plain = PlainTransport(sock)
        if context is None:
            return plain
        return _shake_hands(plain, context, host, deadline)
    except BaseException:
        sock.close()
        raise


def connect(
    host: str, port: int, deadline: float | None, source_address: tuple[str, int] | None
) -> socket.socket:
    """A connected TCP socket with small writes sent at once; addresses are tried in order."""
    failure: OSError = socket.gaierror(socket.EAI_NONAME, f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            if deadline is not None:
                # Never 0, which would mean not to wait at all, and another exception.
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
            if source_address:
                sock.bind(source_address)
            sock.connect(address)
            # Frames are small and complete; Nagle's algorithm would have them wait for an ACK.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _shake_hands(
    plain: PlainTransport, context: ssl.SSLContext, host: str, deadline: float | None
) -> TLSTransport:
    from . import tls

    context.set_alpn_protocols([tls.H2])
    transport = tls.TLSTransport(plain, context, host)
    transport.handshake(deadline)
    tls.require_h2(transport.filter, host)
    return transport
