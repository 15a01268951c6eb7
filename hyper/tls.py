"""The TLS context that HTTP/2 wants, for those who make their own (RFC 9113, 9.2)."""

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
