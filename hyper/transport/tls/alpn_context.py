"""Contexts in http.client's hands: they offer the protocols that hyper wants.

``ALPNContext`` gives http.client an ``ssl.SSLSocket``. For a context of pyOpenSSL's it gives a
``FilterSocket``, because pyOpenSSL's own connections lack most of a socket's methods.
"""

from __future__ import annotations

import ssl

from ...foundation.hosts import tls_name
from .context import make_filter
from .filter_socket import FilterSocket
from .policy import OP_NO_RENEGOTIATION
from .stdlib import ALPN_LOCK, LEAVES_ERRORS, forget_errors, judges_while_wrapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from typing import Any


class ALPNContext:
    """A TLS context that offers these protocols by ALPN, whatever else it is used for.

    context: an ssl.SSLContext, whose list is set only until a socket has copied it, and so is
    the option against a second handshake (RFC 9113, 9.2.1); or an OpenSSL.SSL.Context,
    which is not changed.  All other attributes are the context's.
    """

    def __init__(self, context: Any, protocols: Sequence[str]) -> None:
        self._context = context
        self._protocols = protocols

    def wrap_socket(self, sock: socket.socket, server_hostname: str | None = None) -> Any:
        """Return the socket with TLS on it, its handshake done; it is closed if that fails."""
        secure: Any
        context = self._context
        name = server_hostname and tls_name(server_hostname)
        if hasattr(context, "wrap_socket"):
            with ALPN_LOCK:
                context.set_alpn_protocols(list(self._protocols))
                options = context.options
                context.options = options | OP_NO_RENEGOTIATION
                try:
                    secure = context.wrap_socket(
                        sock,
                        server_hostname=name,
                        do_handshake_on_connect=judges_while_wrapping(context),
                    )
                finally:
                    context.options = options
        else:
            secure = FilterSocket(sock, make_filter(self._context, name, self._protocols))
        try:
            secure.do_handshake()
        except BaseException:  # the socket is nobody's yet
            secure.close()
            if LEAVES_ERRORS:
                forget_errors()
            raise
        return secure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class PyOpenSSLALPNContext(ALPNContext):
    """The same, with the attributes that http.client asks a context for. They change nothing."""

    verify_mode = ssl.CERT_REQUIRED
    check_hostname = True
    post_handshake_auth = False
