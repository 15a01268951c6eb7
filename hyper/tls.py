"""The TLS context that HTTP/2 wants, for those who make their own (RFC 9113, 9.2)."""

from __future__ import annotations

from .transport.tls.transport import ALPN_REFUSED, init_context
from .transport.tls.transport import PROTOCOLS as ALPN_PROTOCOLS
from .transport.tls.trust import OP_NO_RENEGOTIATION, InsecureTLSWarning

__all__ = [
    "ALPN_PROTOCOLS",
    "ALPN_REFUSED",
    "OP_NO_RENEGOTIATION",
    "InsecureTLSWarning",
    "init_context",
]
