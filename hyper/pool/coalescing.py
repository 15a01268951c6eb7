"""One connection for several origins, where the server and TLS allow it (RFC 9113, 9.1.1)."""

from __future__ import annotations

import socket

from ..foundation.interruptions import is_of_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pool import Pool
    from .shared import SharedConnection
    from .site import Site


def another_connection(pool: Pool, site: Site) -> SharedConnection | None:
    """Find another origin's connection on which requests for this one may travel, or None.

    Its verified certificate names this origin's host, its port is the same, and it is not through a
    proxy. The server has named the origin in an ORIGIN frame (RFC 8336, 2.4), or it has sent none,
    and DNS gives the address to which the connection is.
    """
    is_direct = pool.options.get("proxy") is None and pool.options.get("unix_socket") is None
    if not (pool.coalesce and is_direct and site.secure) or site.is_alone or site.connections:
        return None
    with pool.lock:
        candidates = [
            connection
            for other in pool.sites()
            if other.secure and other.port == site.port and other is not site
            for connection in other.connections
        ]
    for connection in candidates:
        if not (connection.has_room() and connection.covers(site.authority)):
            continue
        origin_set = connection.origin_set
        if site.name in origin_set if origin_set is not None else _leads_to(site, connection):
            return connection
    return None


def _leads_to(site: Site, connection: SharedConnection) -> bool:
    """True if DNS gives the address of a connection's peer for an origin."""
    sock = connection.sock
    if sock is None:
        return False
    try:
        found = socket.getaddrinfo(site.host, site.port, type=socket.SOCK_STREAM)
        return sock.getpeername()[0] in [address[4][0] for address in found]
    except OSError as error:
        if is_of_signal(error):
            raise
        return False
