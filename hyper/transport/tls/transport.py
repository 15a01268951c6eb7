"""TLS as a filter over a plain transport (RFC 9113, 9.2).

``TLSTransport`` has a transport's verbs; between its octets and the socket's stands a *filter*
(``tls_stdlib.py``, ``tls_pyopenssl.py``) that encrypts and decrypts in memory.  Which of the two
it is, the context decides.  ``init_context`` makes the one that HTTP/2 wants; a context of the
caller's is taken as it is, but for the ALPN protocols, and what it agrees on is examined here.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import time
import warnings

from ...errors import ErrorCode, NegotiationError, TimedOut
from . import trust
from .stdlib import StdlibFilter, make_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from typing import Any, Union

    from ..tcp import Transport
    from .pyopenssl import PyOpenSSLFilter
    from .trust import Pem, Pin

    #: Certificate and key in one PEM, or a pair of them.
    CertificateSource = Union[Pem, tuple[Pem, Pem]]
    Filter = Union[StdlibFilter, PyOpenSSLFilter]

#: The names of HTTP/2 over TLS (3.2) and of HTTP/1.1 in ALPN.
H2, HTTP_1_1 = "h2", "http/1.1"

#: What is offered where either will do, in the order of our liking: some servers take the first.
PROTOCOLS = (H2, HTTP_1_1)

#: The backends, as HYPER_TLS and ``init_context`` name them.
BACKENDS = ("ssl", "pyopenssl")

#: How OpenSSL words the alert of a server that shares no protocol with us, as nginx sends it;
#: ``SSLError.reason`` does not name this one in every Python.
ALPN_REFUSED = "alert no application protocol"

#: Ciphertext of sixteen records a system call: measured 10 to 20 % below one record a call.
CIPHERTEXT_SIZE = 256 * 1024

#: The modes of encryption that are AEAD, as OpenSSL names them under TLS 1.2 (9.2.2).
AEAD = ("GCM", "CCM", "CHACHA20")


def init_context(
    cert_path: Pem | None = None,
    cert: CertificateSource | None = None,
    cert_password: str | bytes | None = None,
    *,
    verify: bool = True,
    pin: Pin | None = None,
    backend: str | None = None,
) -> Any:
    """The TLS context that RFC 9113, 9.2 asks for: 1.2 at least, peer verified.

    cert_path: trusted authorities: a PEM file, a directory of them, or PEM in memory (bytes);
    None: the system's.  cert: the client's certificate, its chain and its key: one PEM file, a
    pair (certificate, key), or either in memory (bytes).  cert_password: of the key.  An empty
    cert_path is refused.

    verify: False trusts whoever answers, which is warned of (InsecureTLSWarning) unless there is
    a pin.  pin: asked after each handshake that is made with the context, whoever makes it, for the
    server's chain, a list of certificates in DER of which the first is the server's own; false
    refuses the server.

    backend: "ssl" for an ssl.SSLContext, "pyopenssl" for an OpenSSL.SSL.Context; None: what the
    environment says by HYPER_TLS, else "ssl".  SSLKEYLOGFILE is honoured by both.

    Raises ssl.SSLError or OSError for files that do not fit, that of SSLKEYLOGFILE among them;
    ImportError for a backend that is not installed.
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
    """Whether the second backend is to be used; None: as the environment says by HYPER_TLS."""
    named, chosen = "backend", backend
    if backend is None:
        named, chosen = "HYPER_TLS", os.environ.get("HYPER_TLS") or BACKENDS[0]
    if chosen not in BACKENDS:
        raise ValueError(f"the TLS backend is 'ssl' or 'pyopenssl', not {chosen!r} ({named})")
    return chosen == "pyopenssl"


def _pyopenssl() -> Any:
    """The module of the second backend."""
    try:
        from . import pyopenssl as tls_pyopenssl
    except ImportError as error:
        raise ImportError(
            "TLS by pyOpenSSL needs pyOpenSSL and service_identity: pip install 'hyper[pyopenssl]'"
        ) from error
    return tls_pyopenssl


def make_filter(
    context: Any, server_hostname: str | None, protocols: Sequence[str], session: Any = None
) -> Filter:
    """The filter of the context's kind: see there. Raises TypeError for what is no context."""
    if hasattr(context, "wrap_bio"):
        return StdlibFilter(context, server_hostname, protocols, session)
    # Without pyOpenSSL nobody can have a context of its.
    if not hasattr(context, "set_tlsext_servername_callback"):
        raise TypeError(
            f"a TLS context is an ssl.SSLContext or an OpenSSL.SSL.Context, not {context!r}"
        )
    filter_: PyOpenSSLFilter = _pyopenssl().PyOpenSSLFilter(
        context, server_hostname, protocols, session
    )
    return filter_


class Resumption:
    """A server's TLS session, kept from one connection for the next (RFC 8446, 2.2).

    Of one server and one context. A ticket is used once, as RFC 8446, C.4 wants it, for whoever
    sees it twice knows that both connections are of one client.
    """

    __slots__ = ("_session",)

    def __init__(self) -> None:
        self._session: Any = None

    def take(self) -> Any:
        """The session, or None; it is given away."""
        session, self._session = self._session, None
        return session

    def keep(self, session: Any) -> None:
        """The session of a connection that comes to its end."""
        self._session = session


class HandshakeResult:
    """What a handshake agreed on, in the words of ``ssl.SSLSocket``.

    Noted once, for OpenSSL's objects must not be asked by one thread while another one reads.
    """

    _certificate: dict[str, Any] = {}  # noqa: RUF012 - replaced, never written
    _encoded: bytes | None = None
    _version: str | None = None
    _cipher: tuple[str, str, int] | None = None
    _compression: str | None = None
    _protocol: str | None = None

    def note(self, filter_: Filter) -> None:
        """The filter's handshake is done."""
        self._certificate = filter_.certificate()
        self._encoded = next(iter(filter_.chain()), None)
        self._version, self._cipher = filter_.version(), filter_.cipher()
        self._compression = filter_.compression()
        self._protocol = filter_.alpn_protocol()

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The peer's certificate: in DER, or as a dict, which is empty if it was not verified."""
        return self._encoded if binary_form else self._certificate

    def version(self) -> str | None:
        """``"TLSv1.3"``, say."""
        return self._version

    def cipher(self) -> tuple[str, str, int] | None:
        """OpenSSL's name of the cipher, the protocol that it is of, and its secret bits."""
        return self._cipher

    def compression(self) -> str | None:
        """The compression within TLS, or None."""
        return self._compression

    def selected_alpn_protocol(self) -> str | None:
        """What was agreed on by ALPN, or None."""
        return self._protocol


class TLSSocketView(HandshakeResult):
    """A connected socket for looking at, and its TLS; all else is the socket's."""

    def __init__(self, sock: socket.socket, filter_: Filter) -> None:
        self._sock = sock
        self.note(filter_)

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._sock.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __repr__(self) -> str:
        return f"<{self._version} on {self._sock!r}>"


class TLSTransport:
    """A transport whose octets are encrypted. Lock held for all but ``wait``.

    protocols: to offer by ALPN.  resumption: where the session of a former connection is, and
    where this one's shall be.
    """

    def __init__(
        self,
        plain: Transport,
        context: Any,
        server_hostname: str | None,
        protocols: Sequence[str] = (H2,),
        resumption: Resumption | None = None,
    ) -> None:
        self._plain = plain
        self._protocols = protocols
        # A resumed session shows less of the chain, or none: a pin is asked about whole ones.
        self._resumption = resumption if getattr(context, trust.PIN, None) is None else None
        session = self._resumption.take() if self._resumption else None
        self.filter = make_filter(context, server_hostname, protocols, session)
        self._ciphertext = memoryview(bytearray(CIPHERTEXT_SIZE))
        self.socket: Any = plain.socket
        self.round_trip = plain.round_trip
        self._has_agreed = False

    @property
    def read_would_block(self) -> bool:
        """Whether one had better wait than try to read."""
        return self._plain.read_would_block and not self.filter.has_more

    def handshake(self, deadline: float | None) -> None:
        """Agree with the peer, waiting until the monotonic moment deadline at the most.

        Raises ssl.SSLError (its subclasses for a certificate that does not convince, and for a
        peer that hangs up in the middle), TimedOut, NegotiationError; ConnectionResetError where
        the peer breaks off.
        """
        self._shake_hands(deadline)
        self.socket = TLSSocketView(self.socket, self.filter)
        self._has_agreed = True

    def _shake_hands(self, deadline: float | None) -> None:
        done = False
        begin: float | None = time.monotonic()
        while not done:
            try:
                done = self.filter.handshake()
            except ssl.SSLError as error:
                self._send_alert()
                if ALPN_REFUSED in str(error):
                    raise self._refused() from error
                raise
            sent = self._plain.send(self.filter.take_ciphertext())
            if done:
                return
            timeout = None if deadline is None else deadline - time.monotonic()
            if timeout is not None and timeout <= 0:
                fault = "is silent" if begin is not None else "began its part, and has not ended it"
                raise TimedOut(f"the TLS handshake did not end in time: the peer {fault}")
            if not self._plain.wait(read=True, write=not sent, timeout=timeout):
                continue
            received = self._plain.recv_into(self._ciphertext)
            if received and begin is not None:
                self.round_trip, begin = time.monotonic() - begin, None
            if received == 0:
                self.filter.feed_eof()
            elif received:
                self.filter.feed(self._ciphertext[:received])

    def _refused(self) -> NegotiationError:
        offered = ", ".join(map(repr, self._protocols))
        may = "" if HTTP_1_1 in self._protocols else "; an HTTP/1.1 client may reach it"
        return NegotiationError(
            f"the peer will speak nothing of what ALPN offered, {offered}: it answered"
            f" {ALPN_REFUSED!r} (RFC 7301, 3.2){may}"
        )

    def _send_alert(self) -> None:
        """Tell the peer why we leave (RFC 8446, 6.2), if it still listens."""
        with contextlib.suppress(OSError):
            self._plain.send(self.filter.take_ciphertext())

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet. HOT."""
        filter_ = self.filter
        try:
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
        except ssl.SSLError:
            self._send_alert()
            raise
        return filled

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of their ciphertext is with the kernel now. HOT."""
        if octets:
            self.filter.write(octets)
        return self._plain.send(self.filter.take_ciphertext())

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the socket is ready; False if timeout seconds passed."""
        if read and self.filter.has_more:  # ready, whatever the socket is
            return True
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

    def names(self) -> tuple[tuple[str, str], ...]:
        """Of the peer's *verified* certificate: its alternative names, as (kind, name)."""
        return self.socket.getpeercert().get("subjectAltName", ())  # type: ignore[no-any-return]

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._plain.fileno()

    def shutdown(self) -> None:
        """Say close_notify as far as there is room, and end the connection both ways."""
        self.filter.end()
        if self._resumption is not None and self._has_agreed:
            # Not before: under TLS 1.3 the ticket comes after the handshake (RFC 8446, 4.6.1).
            self._resumption.keep(self.filter.session())
        self._send_alert()  # close_notify is one (RFC 8446, 6.1)
        self._plain.shutdown()

    def close(self) -> None:
        """Give the socket back to the system; nobody may be waiting."""
        self._plain.close()


def shake_hands(
    transport: Transport,
    context: Any,
    host: str,
    deadline: float | None,
    protocols: Sequence[str],
    resumption: Resumption | None = None,
) -> TLSTransport:
    """TLS over a transport, which is closed if that fails; protocols: what ALPN offers."""
    try:
        # A zone is this machine's word for a link (RFC 4007, 11), and no part of a server's name.
        name = host.partition("%")[0] if ":" in host else host
        secured = TLSTransport(transport, context, name, protocols, resumption)
        secured.handshake(deadline)
    except BaseException:
        transport.close()
        raise
    return secured


def require_h2(filter_: Filter, host: str) -> None:
    """Raise NegotiationError unless ALPN chose HTTP/2 (3.2) on terms that it allows (9.2)."""
    chosen = filter_.alpn_protocol()
    if chosen != H2:
        answer = f"chose {chosen!r}" if chosen else "chose nothing"
        raise NegotiationError(
            f"{host} will not speak HTTP/2: 'h2' was offered by ALPN and the peer {answer}"
            " (RFC 9113, 3.2); an HTTP/1.1 client may reach it"
        )
    require_adequate(filter_, host)


def require_adequate(agreed: Any, host: str) -> None:
    """Raise NegotiationError (INADEQUATE_SECURITY) for TLS that HTTP/2 must not go over (9.2).

    agreed: what tells version(), cipher() and compression(): a filter, or an ssl.SSLSocket.
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
    """Whether a cipher of TLS 1.2, by OpenSSL's name, is none of appendix A's.

    These are all that are not both ephemeral and AEAD.
    """
    return cipher.startswith(("ECDHE-", "DHE-")) and any(mode in cipher for mode in AEAD)
