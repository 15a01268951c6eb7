"""Replacements of ``socket.create_connection`` that go through a proxy, to a Unix socket, or to
addresses that the caller's own function gives.

http.client's connections open their socket by ``_create_connection``, an attribute that is
``socket.create_connection``.  Many programs replace this function: to use a SOCKS proxy, a test
server, or to forbid network access.  ``create_connection_for`` returns a replacement for a proxy,
a Unix socket, or addresses.

The replacement must return a socket, because http.client may speak HTTP/1.1 on it, or TLS by the
``ssl`` module.  A proxy that is reached in cleartext gives one: once it has opened the tunnel, only
the server is behind that socket.  A tunnel inside TLS or inside a stream has no socket of its own.
"""

from __future__ import annotations

import socket

from ..foundation.hosts import host_and_port
from ..proxies import Proxy
from ..proxy.connect import open_tunnel
from ..transport.connect import connect, connect_unix
from ..transport.deadline import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from ..transport.connect import Path, Resolve

    Address = tuple[str, int]
    #: ``socket.create_connection`` to a server at an address: (address, timeout, source_address).
    CreateConnection = Callable[[Address, Any, Optional[Address]], socket.socket]

#: The schemes of proxies whose tunnel is a socket.
SCHEMES = ("http", "socks5", "socks5h")


class UnixSocket(socket.socket):
    """A Unix socket for code that expects a TCP socket."""

    def setsockopt(self, level: int, *arguments: Any) -> None:
        """Set an option; options of TCP are ignored, because it has none."""
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *arguments)


def create_connection_for(
    unix_socket: Path | None = None,
    proxy: str | Proxy | None = None,
    resolve: Resolve | None = None,
) -> CreateConnection:
    """The replacement for ``socket.create_connection`` that goes to the one that is given.

    resolve is not asked where one of the others is given: the proxy finds the server.

    Raises ValueError if both are given, or a proxy whose tunnel is no socket; InvalidURL for a URL
    that is not a proxy's.
    """
    if proxy is None and unix_socket is None:
        return _to_resolved(resolve)
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
    return _through_proxy(chosen)


def _to_resolved(resolve: Resolve | None) -> CreateConnection:
    def create_connection(address: Address, timeout: Any, source: Address | None) -> socket.socket:
        seconds, deadline = _timeout_and_deadline(timeout)
        sock = connect(*address, deadline, source, resolve)
        sock.settimeout(seconds)
        return sock

    return create_connection


def _to_unix_socket(path: Path) -> CreateConnection:
    def create_connection(_address: Address, timeout: Any, _source: Address | None) -> UnixSocket:
        seconds, deadline = _timeout_and_deadline(timeout)
        sock = connect_unix(path, deadline)
        connected = UnixSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        connected.settimeout(seconds)
        return connected

    return create_connection


def _through_proxy(proxy: Proxy) -> CreateConnection:
    def create_connection(address: Address, timeout: Any, source: Address | None) -> socket.socket:
        seconds, deadline = _timeout_and_deadline(timeout)
        host, port = host_and_port(*address, None)
        sock = open_tunnel(proxy, host, port, deadline, source).socket
        sock.settimeout(seconds)
        return sock

    return create_connection


def _timeout_and_deadline(timeout: Any) -> tuple[float | None, Deadline]:
    """The seconds that a socket may block, and the moment until which it must be connected."""
    if timeout is socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
        timeout = socket.getdefaulttimeout()
    return timeout, Deadline(timeout)
