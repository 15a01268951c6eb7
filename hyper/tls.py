"""TLS contexts for HTTP/2 (RFC 9113, 9.2), and the names that come with them."""

from __future__ import annotations

from .transport.tls.context import init_context
from .transport.tls.policy import ALPN_REFUSED, OP_NO_RENEGOTIATION
from .transport.tls.policy import PROTOCOLS as ALPN_PROTOCOLS
from .transport.tls.trust import InsecureTLSWarning

__all__ = [
    "ALPN_PROTOCOLS",
    "ALPN_REFUSED",
    "OP_NO_RENEGOTIATION",
    "InsecureTLSWarning",
    "init_context",
]
