"""Trust: what both backends share about certificates and keys.

A backend (``stdlib.py``, ``pyopenssl.py``) makes contexts and checks chains and names by its
library.  The exceptions for its findings are made here, so that one fault has one exception: a
certificate that is refused is an ``ssl.SSLCertVerificationError`` in both backends.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Union

    #: A path, or PEM in memory.
    Pem = Union[str, "os.PathLike[str]", bytes]
    #: Asked for a server's chain in DER, its own certificate first; false refuses it.
    Pin = Callable[[list[bytes]], object]

#: OpenSSL's numbers of what is wrong with a certificate, where hyper itself is the judge.
UNSPECIFIED = 1
REFUSED_BY_APPLICATION = 50
HOSTNAME_MISMATCH = 62
IP_ADDRESS_MISMATCH = 64

#: The context's attribute that holds the caller's pin, see ``pinned.py``.
PIN = "hyper_pin"

#: Warnings skip the frames of these packages, so that they point at the caller's code.
BETWEEN = ("hyper", "http")


class InsecureTLSWarning(UserWarning):
    """A TLS context verifies nobody: anyone on the way can read and change everything."""


def warn_of_own_context() -> None:
    """Warn of a caller's OpenSSL.SSL.Context that verifies nobody, at a line of the caller's."""
    level, frame = 1, sys._getframe()  # noqa: SLF001 - only Python 3.12 can skip files by itself
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(
        "the OpenSSL.SSL.Context verifies nobody, which is how pyOpenSSL makes it: call its"
        " set_verify(OpenSSL.SSL.VERIFY_PEER), or use hyper.tls.init_context",
        InsecureTLSWarning,
        stacklevel=level,
    )


def certificate_error(code: int, words: str) -> ssl.SSLCertVerificationError:
    """The exception for a certificate that is refused, as the ssl module makes it.

    code: OpenSSL's number of the reason.
    """
    error = ssl.SSLCertVerificationError(
        int(ssl.SSL_ERROR_SSL),
        f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words}",
    )
    error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = code, words
    return error


def encrypted_key_error() -> ssl.SSLError:
    """The exception for a private key that nobody can read."""
    return ssl.SSLError(
        int(ssl.SSL_ERROR_SSL),
        "the private key is encrypted, and no password was given (cert_password)",
    )


def renegotiation_error() -> ssl.SSLError:
    """The exception for a peer that wants another handshake under TLS 1.2 (9.2.1)."""
    return ssl.SSLError(
        int(ssl.SSL_ERROR_SSL),
        "the peer wants to renegotiate TLS, which is forbidden (RFC 9113, 9.2.1)",
    )


def pin_of(context: Any) -> Pin | None:
    """The pin of a context, or None."""
    pin: Pin | None = getattr(context, PIN, None)
    return pin


def chain_of(secure: Any) -> list[bytes]:
    """The peer's chain in DER, its own certificate first.

    It is that certificate alone before Python 3.13, and where nobody verifies: a peer may send any
    others behind its own, and only the handshake proves that it has that one's key (RFC 9110,
    4.3.4).

    secure: an ssl.SSLObject or an ssl.SSLSocket.
    """
    found = secure.getpeercert(binary_form=True)
    if found is None:
        return []
    if secure.context.verify_mode == ssl.CERT_NONE:
        return [found]
    get_chain: Any = getattr(secure, "get_verified_chain", list)
    return get_chain() or [found]


def copied(error: OSError) -> OSError:
    """Return another exception that says the same, so that this one can be kept and not raised.

    An exception that is raised refers to the frames that it went through, and so to its keeper: a
    cycle, which only the garbage collector would find.
    """
    other = type(error)(*error.args)
    other.__dict__.update(error.__dict__)
    return other


#: A label of a host's that ``*`` in a certificate's name stands for, as OpenSSL reads it.
WILDCARD_LABEL = r"\*|[0-9a-z-]+"


def certificate_covers(names: tuple[tuple[str, str], ...], host: str) -> bool:
    """True if a TLS library would accept a certificate with these names for a host (10.1).

    The TLS library itself judges the host that we connect to, during the handshake. This judges for
    whom the server may *push*, and with pyOpenSSL a second time whether a host is meant.

    Args:
        names: subjectAltName as the ssl module shows it, (kind, name) pairs.
        host: in ASCII; a dot at its end is no part of the name (RFC 6066, 3).
    """
    address = address_of(host)
    if address is not None:  # no name of the kind DNS covers it (RFC 9110, 4.3.5)
        return any(
            kind == "IP Address" and address_of(name) == address  # written in many ways
            for kind, name in names
        )
    if not host.isascii():
        return False
    host = host.lower().removesuffix(".")
    is_name = all(host.split(".")) and ":" not in host and address_of(host) is None
    if not is_name:
        return False
    return any(kind == "DNS" and _is_name_for(name.lower(), host) for kind, name in names)


def _is_name_for(name: str, host: str) -> bool:
    """True if a DNS name covers a host; ``*.`` stands for one label (RFC 6125, 6.4.3)."""
    if name == host:
        return True
    star, _, parent = name.partition(".")
    label, _, rest = host.partition(".")
    # No certificate is for all of a top-level domain: OpenSSL asks for a dot in the parent.
    may_cover = star == "*" and rest == parent and "." in parent
    return may_cover and re.fullmatch(WILDCARD_LABEL, label) is not None


def address_of(host: str) -> str | None:
    """Return the host, if it is a literal IP address, in its one short form; else None."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(host.strip()))
    except ValueError:
        return None


def key_log() -> str | None:
    """Return the file that the environment names for the keys of TLS connections, or None.

    Raises the OSError of opening it: now, and not in the middle of a connection.
    """
    path = None if sys.flags.ignore_environment else os.environ.get("SSLKEYLOGFILE")
    if not path:
        return None
    try:
        with open(path, "ab"):  # noqa: PTH123 - pathlib costs more to import than all of this
            return path
    except OSError as error:
        words = f"{error.strerror}: keys cannot be written to the file that SSLKEYLOGFILE names"
        raise type(error)(error.errno, words, path) from None


def require_authorities(source: Pem) -> None:
    """Raise ssl.SSLError for a source that names no authority, as an empty string does.

    OpenSSL takes an empty name for one that was not given, and would trust the system's.
    """
    named = source.decode("ascii", "ignore") if isinstance(source, bytes) else os.fspath(source)
    if not named.strip():
        raise ssl.SSLError(
            int(ssl.SSL_ERROR_SSL),
            "cert_path is empty, so that nobody could be trusted: give None for the system's"
            " authorities",
        )


def read_pem(source: Pem) -> bytes:
    """Return the octets of a PEM file, or those that were given."""
    if isinstance(source, bytes):
        return source
    with open(source, "rb") as file:  # noqa: PTH123 - as above
        return file.read()
