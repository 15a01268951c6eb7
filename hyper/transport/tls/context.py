"""TLS contexts: ``init_context`` makes the one that HTTP/2 wants (RFC 9113, 9.2).

Two backends make contexts and filters: ``stdlib.py`` (the ``ssl`` module) and ``pyopenssl.py``. The
kind of a context decides which backend's filter encrypts a connection.
"""

from __future__ import annotations

import os
import warnings

from . import trust
from .stdlib import StdlibFilter, make_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from typing import Any, Protocol, Union

    from .filter import Filter
    from .pyopenssl import PyOpenSSLFilter
    from .trust import Pem, Pin

    #: Certificate and key in one PEM, or a pair of them.
    CertificateSource = Union[Pem, tuple[Pem, Pem]]

    class PyOpenSSLContext(Protocol):
        """An OpenSSL.SSL.Context, by a method that no other has: pyOpenSSL may not be installed."""

        def set_alpn_protos(self, protos: list[bytes], /) -> None:
            """Set the protocols that are offered by ALPN (RFC 7301)."""

    TLSContext = Union[ssl.SSLContext, PyOpenSSLContext]

#: The backends, as HYPER_TLS and ``init_context`` name them.
BACKENDS = ("ssl", "pyopenssl")


def init_context(
    cert_path: Pem | None = None,
    cert: CertificateSource | None = None,
    cert_password: str | bytes | None = None,
    *,
    verify: bool = True,
    pin: Pin | None = None,
    backend: str | None = None,
) -> ssl.SSLContext | Any:
    """Return a TLS context for HTTP/2 (RFC 9113, 9.2): TLS 1.2 or later, the peer verified.

    Args:
        cert_path: the authorities that are trusted: a PEM file, a directory of such files, or PEM
            in memory (bytes). None: the system's. An empty one is refused.
        cert: the client's certificate, its chain and its key: one PEM file, a pair (certificate,
            key), or either in memory (bytes). None: the client has none.
        cert_password: the password of the key.
        verify: False trusts any server. It warns (InsecureTLSWarning) unless there is a pin.
        pin: a function that is called after each handshake made with the context, by whatever
            library, with the server's chain: a list of certificates in DER, the server's own first.
            With verify=False it is that one alone: nothing proves the others. A false answer
            refuses the server.
        backend: "ssl" for an ssl.SSLContext, "pyopenssl" for an OpenSSL.SSL.Context. None: the
            environment variable HYPER_TLS says it, else "ssl".

    Returns:
        The context. Both kinds write keys to the file that SSLKEYLOGFILE names.

    Raises:
        ssl.SSLError: a certificate, a key or an authority cannot be used.
        OSError: a file cannot be read, or that of SSLKEYLOGFILE not be written.
        ImportError: the backend is not installed.
        ValueError: there is no such backend.
    """
    certificate, key = cert if isinstance(cert, tuple) else (cert, None)
    make: Any = make_context
    if is_pyopenssl(backend):
        make = _pyopenssl().make_context
    context = make(cert_path, certificate, key, cert_password, verify=verify, pin=pin)
    if pin is None and not verify:
        warnings.warn(
            "verify=False: whoever is on the way to the server can read and change everything; give"
            " the server's own authority as cert_path, or a pin, instead",
            trust.InsecureTLSWarning,
            stacklevel=2,
        )
    return context


def is_pyopenssl(backend: str | None = None) -> bool:
    """True if the second backend is to be used; None: as the environment says by HYPER_TLS."""
    named, chosen = "backend", backend
    if backend is None:
        named, chosen = "HYPER_TLS", os.environ.get("HYPER_TLS") or BACKENDS[0]
    if chosen not in BACKENDS:
        raise ValueError(f"the TLS backend is 'ssl' or 'pyopenssl', not {chosen!r} ({named})")
    return chosen == "pyopenssl"


def _pyopenssl() -> Any:
    """Return the module of the second backend."""
    try:
        from . import pyopenssl
    except ImportError as error:
        raise ImportError(
            "TLS by pyOpenSSL needs pyOpenSSL and service_identity: pip install 'hyper[pyopenssl]'"
        ) from error
    return pyopenssl


def make_filter(
    context: Any, server_hostname: str | None, protocols: Sequence[str], session: Any = None
) -> Filter:
    """Return a filter of the context's kind; the parameters are the filter's.

    Raises TypeError for an object of another kind.
    """
    if hasattr(context, "wrap_bio"):
        return StdlibFilter(context, server_hostname, protocols, session)
    # Without pyOpenSSL no program can have such a context.
    if not hasattr(context, "set_tlsext_servername_callback"):
        raise TypeError(
            f"a TLS context is an ssl.SSLContext or an OpenSSL.SSL.Context, not {context!r}"
        )
    filter_: PyOpenSSLFilter = _pyopenssl().PyOpenSSLFilter(
        context, server_hostname, protocols, session
    )
    return filter_
