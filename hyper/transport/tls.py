"""TLS as a filter over a plain transport (RFC 9113, 9.2).

``TLSTransport`` has a transport's verbs; between its octets and the socket's stands a *filter*
(``tls_stdlib.py``) that encrypts and decrypts in memory.  ``init_context`` makes the context
that HTTP/2 wants; a context of the caller's is taken as it is, but for the ALPN protocols.
"""

from __future__ import annotations

import contextlib
import ssl
import time

from ..errors import NegotiationError, TimedOut
from .tls_stdlib import StdlibFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from .plain import PlainTransport

    #: A file with certificate and key, or a pair of files.
    CertificateSource = Union[str, tuple[str, str]]

#: The name of HTTP/2 over TLS in ALPN (3.2).
H2 = "h2"

#: Under TLS 1.2, only ephemeral key exchange with an AEAD cipher: what is left when the list of
#: appendix A is taken away. TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

#: How OpenSSL words the alert of a server that shares no protocol with us, as nginx sends it;
#: ``SSLError.reason`` does not name this one in every Python.
ALPN_REFUSED = "alert no application protocol"

#: Ciphertext of sixteen records a system call: measured 10 to 20 % below one record a call.
CIPHERTEXT_SIZE = 256 * 1024


def init_context(
    cert_path: str | None = None,
    cert: CertificateSource | None = None,
    cert_password: str | None = None,
) -> ssl.SSLContext:
    """The TLS context that RFC 9113, 9.2 asks for: 1.2 at least, peer verified.

    cert_path: a file or directory of trusted authorities in PEM; None: the system's.
    cert: the client's certificate and key, in one PEM file or a pair (certificate, key).
    cert_password: of the key.  Raises ssl.SSLError or OSError for files that do not fit.
    """
    if cert_path is None:
        context = ssl.create_default_context()  # takes 10 ms: it loads the system's authorities
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load_authorities(context, cert_path)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | getattr(ssl, "OP_NO_RENEGOTIATION", 0)
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        context.load_cert_chain(certificate, key, cert_password)
    return context


def load_authorities(context: ssl.SSLContext, path: str) -> None:
    """Trust the authorities in a PEM file, or in a directory of them."""
    import os

    if os.path.isdir(path):  # noqa: PTH112 - pathlib costs more to import than the rest of hyper
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


class TLSTransport:
    """A transport whose octets are encrypted. Lock held for all but ``wait``."""

    def __init__(
        self, plain: PlainTransport, context: ssl.SSLContext, server_hostname: str | None
    ) -> None:
        self._plain = plain
        self.filter = StdlibFilter(context, server_hostname)
        self._ciphertext = memoryview(bytearray(CIPHERTEXT_SIZE))
        self.socket = plain.socket
        #: seconds from the first octets of the handshake to the peer's answer, 0 before
        self.round_trip = 0.0

    @property
    def drained(self) -> bool:
        """Whether one had better wait than try to read."""
        return self._plain.drained and not self.filter.has_more

    def handshake(self, deadline: float | None) -> None:
        """Agree with the peer, waiting until the monotonic moment deadline at the most.

        Raises ssl.SSLError (its subclass for a certificate that does not convince), TimedOut,
        NegotiationError, or ConnectionResetError where the peer hangs up.
        """
        done = False
        begin = time.monotonic()
        while not done:
            try:
                done = self.filter.handshake()
            except ssl.SSLError as error:
                with contextlib.suppress(OSError):  # the alert that tells the peer why
                    self._plain.send(self.filter.take_ciphertext())
                if ALPN_REFUSED in str(error):
                    raise NegotiationError(
                        "the peer will not speak HTTP/2: 'h2' was offered by ALPN and the peer"
                        f" answered {ALPN_REFUSED!r} (RFC 7301, 3.2); an HTTP/1.1 client may"
                        " reach it"
                    ) from error
                raise
            sent = self._plain.send(self.filter.take_ciphertext())
            if done:
                return
            timeout = None if deadline is None else deadline - time.monotonic()
            if timeout is not None and timeout <= 0:
                raise TimedOut("the TLS handshake did not end in time: the peer is silent")
            if not self._plain.wait(read=True, write=not sent, timeout=timeout):
                continue
            received = self._plain.recv_into(self._ciphertext)
            self.round_trip = self.round_trip or time.monotonic() - begin
            if received == 0:
                self.filter.feed_eof()
            elif received:
                self.filter.feed(self._ciphertext[:received])

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet. HOT."""
        filter_ = self.filter
        filled = filter_.decrypt_into(view) if filter_.has_more else None
        while filled is None:
            received = self._plain.recv_into(self._ciphertext)
            if received is None:
                return None
            if received:
                filter_.feed(self._ciphertext[:received])
            else:
                filter_.feed_eof()
            filled = filter_.decrypt_into(view)
        return filled

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of their ciphertext is with the kernel now. HOT."""
        if octets:
            self.filter.write(octets)
        return self._plain.send(self.filter.take_ciphertext())

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the socket is ready; False if timeout seconds passed."""
        return self._plain.wait(read=read, write=write, timeout=timeout)

    def hang_bell(self) -> None:
        """Make waits endable by ``ring``."""
        self._plain.hang_bell()

    def ring(self) -> None:
        """End the waits that began after ``hang_bell``."""
        self._plain.ring()

    def silence_bell(self) -> None:
        """Let new waits wait."""
        self._plain.silence_bell()

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self.socket.fileno()

    def shutdown(self) -> None:
        """Say close_notify as far as there is room, and end the connection both ways."""
        self.filter.end()
        with contextlib.suppress(OSError):  # the peer has hung up: nobody is left to be told
            self._plain.send(self.filter.take_ciphertext())
        self._plain.shutdown()

    def close(self) -> None:
        """Give the socket back to the system; nobody may be waiting."""
        self._plain.close()


def require_h2(filter_: StdlibFilter, host: str) -> None:
    """Raise NegotiationError unless ALPN chose HTTP/2 (3.2)."""
    chosen = filter_.alpn_protocol()
    if chosen != H2:
        answer = f"chose {chosen!r}" if chosen else "chose nothing"
        raise NegotiationError(
            f"{host} will not speak HTTP/2: 'h2' was offered by ALPN and the peer {answer}"
            " (RFC 9113, 3.2); an HTTP/1.1 client may reach it"
        )


def certificate_covers(names: tuple[tuple[str, str], ...], host: str) -> bool:
    """Whether a verified certificate's names cover a host, for promises of it (10.1).

    A name that begins with ``*.`` covers one label more (RFC 6125, 6.4.3).  This only judges
    who may *push*; whom we talk to was judged by OpenSSL during the handshake.
    """
    host = host.lower().rstrip(".")
    _, _, parent = host.partition(".")
    return any(
        name.lower() == host or (kind == "DNS" and parent and name.lower() == f"*.{parent}")
        for kind, name in names
        if kind in ("DNS", "IP Address")
    )
