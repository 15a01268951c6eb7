"""urllib.request over HTTP/2: a handler for its openers.

::

    opener = urllib.request.build_opener(HTTP2Handler())
    urllib.request.install_opener(opener)  # then urlopen() too

It takes the place of ``HTTPSHandler`` and changes one thing, the class of the connection.
Redirects, cookies, authentication and proxies are urllib.request's, which opens a new connection
for each request.
"""

from __future__ import annotations

import urllib.request
from urllib.error import URLError

from .. import HTTPSConnection, NegotiationError
from ..dropin import bases
from ..dropin.session import session_options
from ._required import REPLACED, HTTP2Connection, required

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HTTP2Handler"]


class HTTP2Handler(urllib.request.HTTPSHandler):
    """Opens https URLs, over HTTP/2 where the server takes it; ``HTTPSHandler``'s arguments.

    Args:
        context: an ``ssl.SSLContext``; its ALPN protocols are set to h2 and http/1.1.
        check_hostname: True if the certificate's name is to be compared with the host's.
        replay: whether requests that the server has not processed go out again (RFC 9113, 8.7).
        require_http2: True makes it a ``urllib.error.URLError``, whose ``reason`` is a
            NegotiationError, that a server needs HTTP/1.1.
        options: window_manager, unread_limit, settings, codec, keepalive and trace of
            ``HTTP20Connection``.
    """

    def __init__(
        self,
        *arguments: Any,
        replay: bool = True,
        require_http2: bool = False,
        **options: Any,
    ) -> None:
        own = session_options(options)
        super().__init__(*arguments, **options)
        self._connection_options = {"replay": replay, **own}
        self._requires_http2 = require_http2
        #: hosts that have asked for HTTP/1.1 (RFC 9113, 7)
        self._http1_hosts: set[str] = set()

    def do_open(self, http_class: Any, req: Any, **http_conn_args: Any) -> Any:
        """Send a request on a connection of hyper's (http_class: HTTPSHandler's choice)."""
        if http_class not in (bases.HTTPSConnection, HTTPSConnection):
            if self._requires_http2:
                raise URLError(required(req.host, REPLACED))
            return super().do_open(http_class, req, **http_conn_args)
        made: list[HTTPSConnection] = []
        connection_class = HTTP2Connection if self._requires_http2 else HTTPSConnection

        def make_connection(host: str, **options: Any) -> HTTPSConnection:
            connection = connection_class(host, **self._connection_options, **options)
            connection.is_http1_required = host in self._http1_hosts
            made.append(connection)
            return connection

        try:
            return super().do_open(make_connection, req, **http_conn_args)
        except NegotiationError as error:
            if self._requires_http2:
                raise URLError(error) from error
            raise
        finally:
            if any(connection.is_http1_required for connection in made):
                self._http1_hosts.add(req.host)
