"""Connecting through a proxy: ``open_tunnel`` (RFC 9110, 9.3.6)."""

from __future__ import annotations

from ..errors import NegotiationError, ProxyError
from ..foundation.hosts import bracketed, without_zone
from ..proxies import SOCKS
from ..transport.connect import connect, resolve
from ..transport.tcp import PlainTransport
from ..transport.tls.context import init_context
from ..transport.tls.policy import H2, PROTOCOLS
from ..transport.tls.transport import shake_hands
from .http1 import connect_by_http1
from .http2 import connect_by_http2
from .socks import connect_by_socks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..proxies import Proxy
    from ..transport import Transport, Watcher
    from ..transport.deadline import Deadline


def open_tunnel(
    proxy: Proxy,
    host: str,
    port: int,
    deadline: Deadline,
    source_address: tuple[str, int] | None,
    codec: str | None = None,
    watcher: Watcher | None = None,
) -> Transport:
    """Return a transport to host and port through a proxy (RFC 9110, 9.3.6).

    codec: of HPACK, where the proxy speaks HTTP/2. watcher: told of connecting to the proxy.

    Raises OSError for a proxy that cannot be reached (TimedOut among them), ssl.SSLError for one
    that cannot be trusted, ProxyError for one that refuses.  Their messages name the proxy.
    """
    if proxy.scheme == "socks5":
        # An IPv4 address if there is one: a proxy is more likely to reach it.
        addresses = resolve(host, port)
        host = min(addresses, key=lambda address: address[0])[4][0]
    try:
        return _open(proxy, host, port, deadline, source_address, codec, watcher)
    except ProxyError:
        raise
    except (OSError, NegotiationError) as error:
        _name_proxy(error, proxy)
        raise


def _name_proxy(error: Exception, proxy: Proxy) -> None:
    """Prefix the message with the proxy; otherwise it would seem to be about the server."""
    if isinstance(error, OSError) and error.strerror is not None:
        error.strerror = f"to the proxy {proxy}: {error.strerror}"
        error.args = (error.errno, error.strerror)
    else:
        error.args = (f"to the proxy {proxy}: {error}",)


def _open(
    proxy: Proxy,
    host: str,
    port: int,
    deadline: Deadline,
    source_address: tuple[str, int] | None,
    codec: str | None,
    watcher: Watcher | None,
) -> Transport:
    transport: Transport
    sock = connect(proxy.host, proxy.port, deadline, source_address, watcher=watcher)
    transport = PlainTransport(sock)
    try:
        if proxy.scheme in SOCKS:
            return connect_by_socks(transport, proxy, without_zone(host), port, deadline)
        is_http2 = proxy.scheme == "h2c"
        if proxy.scheme == "https":
            # The default context is made anew for each connection, as loading authorities costs
            # less than a handshake. A program that opens many tunnels gives one.
            context = proxy.ssl_context or init_context()
            secured = shake_hands(transport, context, proxy.host, deadline, PROTOCOLS)
            transport, is_http2 = secured, secured.filter.alpn_protocol() == H2
        target = f"{bracketed(host)}:{port}"
        if is_http2:
            return connect_by_http2(transport, proxy, target, deadline, codec)
        return connect_by_http1(transport, proxy, target, deadline)
    except BaseException:  # the socket is nobody's yet
        transport.close()
        raise
