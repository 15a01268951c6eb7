"""xmlrpc.client over HTTP/2: a transport for its proxies.

::

    server = xmlrpc.client.ServerProxy("https://example.org/RPC2", transport=HTTP2Transport())

The connection is kept from call to call, as xmlrpc.client's own transport does.
"""

from __future__ import annotations

import xmlrpc.client

from .. import HTTPSConnection
from ..dropin.connection import SESSION_OPTIONS
from ._required import HTTP2Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HTTP2Transport"]


class HTTP2Transport(xmlrpc.client.SafeTransport):
    """Calls over https, by HTTP/2 where the server takes it; ``SafeTransport``'s arguments.

    Args:
        context: an ``ssl.SSLContext``; its ALPN protocols are set to h2 and http/1.1.  Give it
            here: a ServerProxy ignores its own context if it is given a transport.
        replay: whether calls that the server has not processed go out again (RFC 9113, 8.7).
        require_http2: True makes it a NegotiationError that the server needs HTTP/1.1.
        options: window_manager, unread_limit, settings, codec and trace of ``HTTP20Connection``.
    """

    context: Any  # SafeTransport's

    def __init__(
        self,
        *arguments: Any,
        replay: bool = True,
        require_http2: bool = False,
        **options: Any,
    ) -> None:
        own = {name: options.pop(name) for name in SESSION_OPTIONS if name in options}
        super().__init__(*arguments, **options)
        self._connection_options = {"replay": replay, **own}
        self._requires_http2 = require_http2

    def make_connection(self, host: Any) -> HTTPSConnection:
        """The connection to a host: that of the last call, if it was to the same host."""
        kept, connection = self._connection
        if kept != host or not isinstance(connection, HTTPSConnection):
            self.close()
            # A host may be a pair: its name, and arguments for the connection.
            name, self._extra_headers, more = self.get_host_info(host)
            connection_class = HTTP2Connection if self._requires_http2 else HTTPSConnection
            connection = connection_class(
                name,
                context=self.context,
                **self._connection_options,
                **(more or {}),
            )
            self._connection = host, connection
        return connection
