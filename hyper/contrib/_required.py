"""http.client's connection over HTTP/2 alone, for urllib.request and xmlrpc.client."""

from __future__ import annotations

import http.client

from .. import HTTPSConnection, NegotiationError
from ..dropin import bases

#: The reason where a recorder or a mock would take the request.
REPLACED = "another library has replaced http.client's HTTPSConnection"


class HTTP2Connection(HTTPSConnection):
    """hyper's HTTPSConnection, which never speaks HTTP/1.1.

    ``connect``, and so each call that connects, raises NegotiationError instead.
    """

    def connect(self) -> None:
        """Open the connection, and agree with the server on HTTP/2 (RFC 9113, 3.2)."""
        found = http.client.HTTPSConnection
        if not (isinstance(found, type) and issubclass(found, bases.HTTPSConnection)):
            raise required(self.host, REPLACED)
        if self.is_http1_required:
            raise required(self.host, "it has asked for HTTP/1.1 (RFC 9113, 7)")
        super().connect()
        if getattr(self.sock, "selected_alpn_protocol", str)() != "h2":
            self.close()
            raise required(self.host, "it has not chosen h2 by ALPN (RFC 9113, 3.2)")


def required(host: str, why: str) -> NegotiationError:
    """Return the error about a server with which HTTP/2 is required."""
    return NegotiationError(f"HTTP/2 is required (require_http2), with {host} there is none: {why}")
