"""The TLS that HTTP/2 demands (RFC 9113, 3.2, 9.2, appendix A); names of ALPN (RFC 7301).

A context of ``init_context`` cannot agree on anything that is forbidden. A context of the caller's
can, so what a handshake has agreed on is examined here before HTTP/2 is spoken.
"""

from __future__ import annotations

from ...errors import ErrorCode, NegotiationError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from .filter import Filter

#: The names of HTTP/2 over TLS (3.2) and of HTTP/1.1 in ALPN.
H2, HTTP_1_1 = "h2", "http/1.1"

#: Offered where either will do, in the order of preference: some servers take the first.
PROTOCOLS = (H2, HTTP_1_1)

#: How OpenSSL words the alert of a server that shares no protocol with us, as nginx sends it;
#: ``SSLError.reason`` does not name this one in every Python.
ALPN_REFUSED = "alert no application protocol"

#: Under TLS 1.2, only ephemeral key exchange with an AEAD cipher: what is left when the list of
#: appendix A is taken away. TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

#: The modes of encryption that are AEAD, as OpenSSL names them under TLS 1.2 (9.2.2).
AEAD = ("GCM", "CCM", "CHACHA20")

#: OpenSSL's bit for a context that shakes hands once a connection (RFC 9113, 9.2.1), without a
#: name in PyPy's ssl and in some versions of pyOpenSSL.
OP_NO_RENEGOTIATION = 0x40000000


def require_h2(filter_: Filter, host: str) -> None:
    """Raise NegotiationError unless ALPN chose HTTP/2 (3.2) on terms that it allows (9.2)."""
    chosen = filter_.alpn_protocol()
    if chosen != H2:
        answer = f"chose '{shown(chosen)}'" if chosen else "chose nothing"
        raise NegotiationError(
            f"{host} will not speak HTTP/2: 'h2' was offered by ALPN and the peer {answer}"
            " (RFC 9113, 3.2); an HTTP/1.1 client may reach it (hyper.Pool speaks both)"
        )
    require_adequate(filter_, host)


def require_adequate(agreed: Any, host: str) -> None:
    """Raise NegotiationError (INADEQUATE_SECURITY) for TLS that HTTP/2 must not go over (9.2).

    agreed: an object with version(), cipher() and compression(): a filter, or an ssl.SSLSocket.
    """
    version = agreed.version()
    if version == "TLSv1.3":  # it has nothing that would be forbidden (9.2.3)
        return
    fault = None
    name = (agreed.cipher() or ("",))[0]
    if version != "TLSv1.2":
        fault = f"{version}, and TLS 1.2 is the least (RFC 9113, 9.2)"
    elif not is_allowed(name):
        fault = f"the cipher {name}, which is prohibited (RFC 9113, 9.2.2 and appendix A)"
    elif agreed.compression():
        fault = "compression within TLS (RFC 9113, 9.2.1)"
    if fault:
        raise NegotiationError(
            f"inadequate security: {host} and the TLS context agreed on {fault}; a context of"
            " hyper.tls.init_context agrees on nothing of the kind",
            error_code=ErrorCode.INADEQUATE_SECURITY,
        )


def is_allowed(cipher: str) -> bool:
    """True if appendix A allows a cipher of TLS 1.2, given by OpenSSL's name.

    Appendix A prohibits every cipher that is not both ephemeral and AEAD.
    """
    return cipher.startswith(("ECDHE-", "DHE-")) and any(mode in cipher for mode in AEAD)


_NOT_TLS = "the answer is not TLS: is it this port? secure=False is cleartext"
#: Words of OpenSSL's, in lower case, and what a program can do.
_ADVICE = (
    ("wrong version number", _NOT_TLS),
    ("record layer failure", _NOT_TLS),  # OpenSSL 3.2 and later
    ("eof occurred", "the peer ended TCP in the handshake: does it speak TLS on this port?"),
    ("issuer certificate", 'trust its authority by hyper.tls.init_context("ca.pem")'),
    ("self-signed", 'trust it by hyper.tls.init_context("ca.pem")'),
    ("self signed", 'trust it by hyper.tls.init_context("ca.pem")'),
)


def advise(error: ssl.SSLError) -> None:
    """Add to the message of a handshake's error what to do, if that is known."""
    words = str(error).lower()
    for found, advice in _ADVICE:
        if found in words:
            error.strerror = f"{error.strerror}: {advice}"
            return
