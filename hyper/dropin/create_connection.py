"""Ways to a server that http.client does not know: through a proxy, and to a Unix socket.

http.client's connections ask a function for their socket, ``_create_connection``, which is
``socket.create_connection`` and called like it.  hyper's leave it at that: much is built on putting
another function in that one's place, be it a SOCKS proxy, a server for tests or the word that
nothing shall leave this machine.  Who asks for one of the ways below gets a function that goes it.

What http.client is given must be a socket, for it may speak HTTP/1.1 on it, and TLS by the ``ssl``
module.  A proxy that is spoken to in cleartext and has agreed leaves one, with nothing but the
server behind it; a tunnel inside TLS or inside a stream is none.
"""

from __future__ import annotations

import socket

from ..protocol.origins import host_and_port
from ..proxies import Proxy
from ..proxy.connect import open_tunnel
from ..transport.connect import connect_unix
from ..transport.deadline import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from ..transport.connect import Path

    Address = tuple[str, int]
    #: ``socket.create_connection`` to a server at an address: (address, timeout, source_address).
    CreateConnection = Callable[[Address, Any, Optional[Address]], socket.socket]

#: The proxies that leave a socket when they have opened the way.
SCHEMES = ("http", "socks5", "socks5h")


class UnixSocket(socket.socket):
    """A Unix socket for code that expects one of TCP."""

    def setsockopt(self, level: int, *arguments: Any) -> None:
        """Set an option; those of TCP, which it does not have, are passed over."""
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *arguments)


def create_connection_for(unix_socket: Path | None, proxy: str | Proxy | None) -> CreateConnection:
    """What goes in the place of ``socket.create_connection``, for one of the two.

    Raises ValueError for both, and for a proxy that leaves no socket; InvalidURL for one that is
    none.
    """
    if proxy is None:
        assert unix_socket is not None
        return _to_unix_socket(unix_socket)
    if unix_socket is not None:
        raise ValueError("there is no way through a proxy to a Unix socket: give one of them")
    chosen = Proxy(proxy) if isinstance(proxy, str) else proxy
    if chosen.scheme not in SCHEMES:
        raise ValueError(
            f"http.client's connections need a socket, which the tunnel of the proxy {chosen} is"
            " not: go through it by HTTP20Connection(..., proxy=...), or through one whose URL"
            f" begins with {', '.join(SCHEMES)}"
        )
    return _through(chosen)


def _to_unix_socket(path: Path) -> CreateConnection:
    def create_connection(_address: Address, timeout: Any, _source: Address | None) -> UnixSocket:
        limit, deadline = _limit(timeout)
        sock = connect_unix(path, deadline)
        connected = UnixSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        connected.settimeout(limit)
        return connected

    return create_connection


def _through(proxy: Proxy) -> CreateConnection:
    def create_connection(address: Address, timeout: Any, source: Address | None) -> socket.socket:
        limit, deadline = _limit(timeout)
        host, port = host_and_port(*address, None)
        sock = open_tunnel(proxy, host, port, deadline, source).socket
        sock.settimeout(limit)
        return sock

    return create_connection


def _limit(timeout: Any) -> tuple[float | None, Deadline]:
    """The seconds that a socket may block, and the moment until which it is to be connected."""
    if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]  # noqa: SLF001
        timeout = socket.getdefaulttimeout()
    return timeout, Deadline(timeout)
