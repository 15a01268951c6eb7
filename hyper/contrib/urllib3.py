"""urllib3's pools over HTTP/2: a connection class to set on them (urllib3 2.x).

::

    pool = urllib3.HTTPSConnectionPool("example.org")
    pool.ConnectionCls = HTTP20SecureConnection              # this pool
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = POOL_CLASSES            # all pools of this manager

urllib3's own connection stands upon http.client's; here it stands upon hyper's drop-in for that.
So requests, TLS with all that a pool demands of it, tunnels, retries, redirects and errors are
urllib3's own, and what the server chooses by ALPN is spoken (RFC 9113, 3.2).  A pool gives a
connection to one request at a time: HTTP/2 brings here its header compression, its streams that
are cancelled alone, and servers that speak nothing else, but no multiplexing.
"""

from __future__ import annotations

import urllib3
import urllib3.connection
from urllib3.util import create_urllib3_context, resolve_cert_reqs, resolve_ssl_version

from .. import HTTPConnection, LocalProtocolError
from ..tls import ALPN_PROTOCOLS, OP_NO_RENEGOTIATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["POOL_CLASSES", "HTTP20ConnectionPool", "HTTP20SecureConnection"]


class _Offering:
    """A TLS context that offers HTTP/2 as well, whatever protocols it is told; else as it was.

    urllib3 tells every context to offer HTTP/1.1 alone, by one list for the whole process.  With
    the offer it is told not to renegotiate, which HTTP/2 forbids (RFC 9113, 9.2.1).
    """

    def __init__(self, context: Any) -> None:
        self.__dict__["_context"] = context

    def set_alpn_protocols(self, alpn_protocols: list[str]) -> None:  # noqa: ARG002 - not those
        self._context.set_alpn_protocols(list(ALPN_PROTOCOLS))
        self._context.options |= OP_NO_RENEGOTIATION

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_context"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._context, name, value)


class HTTP20SecureConnection(urllib3.connection.HTTPSConnection, HTTPConnection):
    """urllib3's HTTPSConnection, which speaks HTTP/2 where the server takes it.

    Its arguments, methods and errors are urllib3's; ``version`` of a response is 20 or 11.
    Through a CONNECT proxy HTTP/2 is spoken inside the tunnel, unless the proxy is itself reached
    by TLS; a proxy that forwards is spoken to in HTTP/1.1.
    """

    ssl_context: Any

    def connect(self) -> None:
        """Open the connection, and agree with the server on a protocol."""
        if self.proxy is not None and (self.proxy_is_forwarding or self.proxy.scheme == "https"):
            super().connect()
            return
        given = self.ssl_context
        self.ssl_context = _Offering(self._context_of_pool() if given is None else given)
        try:
            super().connect()
        finally:
            self.ssl_context = given

    def _context_of_pool(self) -> Any:
        """What urllib3 makes where it is given no context."""
        context = create_urllib3_context(
            ssl_version=resolve_ssl_version(self.ssl_version),
            ssl_minimum_version=self.ssl_minimum_version,
            ssl_maximum_version=self.ssl_maximum_version,
            cert_reqs=resolve_cert_reqs(self.cert_reqs),
        )
        if not (self.ca_certs or self.ca_cert_dir or self.ca_cert_data):
            context.load_default_certs()
        return context

    @property
    def is_connected(self) -> bool:
        """Whether the next request can go out here."""
        # An HTTP/1.1 connection with something to read is a dead one; on HTTP/2 it may be a PING.
        if self._session is not None and self.sock is not None:
            return self._session.is_open
        return super().is_connected  # type: ignore[no-any-return]

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        """Send a request; arguments are urllib3's."""
        try:
            super().request(method, url, *arguments, **options)
        except LocalProtocolError as error:
            # A pool would take it for a misfortune of the connection, and try again.
            raise ValueError(str(error)) from error

    def getresponse(self) -> Any:
        """The response, as urllib3 shows it."""
        response = super().getresponse()
        if response.version == 20:
            response.version_string = "HTTP/2"
        return response


class HTTP20ConnectionPool(urllib3.HTTPSConnectionPool):
    """urllib3's HTTPSConnectionPool of such connections."""

    ConnectionCls = HTTP20SecureConnection


#: For a PoolManager's ``pool_classes_by_scheme``.
POOL_CLASSES = {"http": urllib3.HTTPConnectionPool, "https": HTTP20ConnectionPool}
