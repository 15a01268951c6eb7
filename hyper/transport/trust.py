"""Whom a TLS connection trusts: the words that both backends share (RFC 9113, 9.2).

A backend (``tls_stdlib.py``, ``tls_pyopenssl.py``) makes contexts and checks chains and names by
its library.  What they say about it is said here, so that one fault has one exception: a
certificate that does not convince is an ``ssl.SSLCertVerificationError``, whoever found it out.
"""

from __future__ import annotations

import os
import ssl
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Union

    #: A path, or PEM in memory.
    Pem = Union[str, "os.PathLike[str]", bytes]
    #: Asked for a server's chain in DER, its own certificate first; false refuses it.
    Pin = Callable[[list[bytes]], object]

#: Under TLS 1.2, only ephemeral key exchange with an AEAD cipher: what is left when the list of
#: appendix A is taken away. TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

#: OpenSSL's numbers of what is wrong with a certificate, where hyper itself is the judge.
UNSPECIFIED = 1
REFUSED_BY_APPLICATION = 50
HOSTNAME_MISMATCH = 62
IP_ADDRESS_MISMATCH = 64

#: The context's attribute that holds the caller's pin.
PIN = "hyper_pin"


class InsecureTLSWarning(UserWarning):
    """A TLS context verifies nobody: whoever is on the way can read and change everything."""


def distrust(code: int, words: str) -> ssl.SSLCertVerificationError:
    """The exception for a certificate that does not convince, as the ssl module makes it.

    code: OpenSSL's number of the reason.
    """
    error = ssl.SSLCertVerificationError(
        int(ssl.SSL_ERROR_SSL),
        f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words}",
    )
    error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = code, words
    return error


def encrypted() -> ssl.SSLError:
    """The exception for a private key that nobody can read."""
    return ssl.SSLError(
        int(ssl.SSL_ERROR_SSL),
        "the private key is encrypted, and no password was given (cert_password)",
    )


def require_pinned(pin: Pin, chain: list[bytes], host: str) -> None:
    """Raise ssl.SSLCertVerificationError unless the caller's pin accepts the chain."""
    if not pin(chain):
        raise distrust(
            REFUSED_BY_APPLICATION,
            f"the certificate of {host} was refused by the pin that this program has set; either"
            " the server has a new one, or somebody else answers in its place",
        )


def certificate_covers(names: tuple[tuple[str, str], ...], host: str) -> bool:
    """Whether a verified certificate's names cover a host, for promises of it (10.1).

    A name that begins with ``*.`` covers one label more (RFC 6125, 6.4.3).  This only judges
    who may *push*; whom we talk to was judged by the TLS library during the handshake.
    """
    host = host.lower().rstrip(".")
    if ":" in host:  # the same IPv6 address is written in many ways
        return any(
            kind == "IP Address" and _address(name) == _address(host) for kind, name in names
        )
    _, _, parent = host.partition(".")
    return any(
        name.lower() == host or (kind == "DNS" and parent and name.lower() == f"*.{parent}")
        for kind, name in names
        if kind in ("DNS", "IP Address")
    )


def _address(text: str) -> object:
    import ipaddress

    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return text


def address_of(host: str) -> str | None:
    """The host, if it is a literal IP address, as certificates name it; else None."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def key_log() -> str | None:
    """The file to which the user's environment wants the keys of TLS connections written."""
    return None if sys.flags.ignore_environment else os.environ.get("SSLKEYLOGFILE") or None


def read_pem(source: Pem) -> bytes:
    """The octets of a PEM file, or those that were given."""
    if isinstance(source, bytes):
        return source
    with open(source, "rb") as file:  # noqa: PTH123 - pathlib costs more to import than all of this
        return file.read()
