"""TLS by pyOpenSSL: the second backend, with the same functions and methods as ``stdlib.py``.

A ``Connection`` without a socket keeps its ciphertext in two memory BIOs, as an ``SSLObject``
does.  Two things are ours to do: the certificate's names are compared by service_identity
(pyOpenSSL compares none), and every exception is told as the ssl module's, so that a program
that catches one backend's catches the other's.

With a context of ``make_context`` the chain and the name are judged during the handshake, so that
an alert tells the peer why we leave. A caller's own context may have a callback that judges, which
must not be replaced: there the name is compared after the handshake, before anything is sent.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from ...foundation.hosts import a_label
from ...foundation.interruptions import OSErrorsDropped, is_of_signal
from . import trust
from .filter import RECORD_SIZE, Filter, is_unexpected_eof
from .pinned import require_pinned
from .policy import CIPHERS, OP_NO_RENEGOTIATION
from .trust import PIN, pin_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .trust import Pem, Pin

#: Octets that a record adds to its content, at most; and of answers to the peer that may wait
#: beside it.
RECORD_OVERHEAD = 64
BESIDES = 4096
#: Octets of ciphertext asked for where it is not known how many there are: of a handshake.
FLIGHT_SIZE = 16 * 1024


class Context(SSL.Context):
    """A context that judges certificates during the handshake, as ``make_context`` makes it."""


def make_context(
    authorities: Pem | None,
    certificate: Pem | None,
    key: Pem | None,
    password: str | bytes | None,
    *,
    verify: bool,
    pin: Pin | None,
) -> Context:
    """A context as ``init_context`` describes it."""
    path = trust.key_log()
    context = Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | OP_NO_RENEGOTIATION)
    if verify:
        context.set_verify(SSL.VERIFY_PEER, _judge)
        with _as_ssl_errors():
            _load_authorities(context, authorities)
    if path:
        context.set_keylog_callback(_KeyLog(path))
    if certificate is not None:
        with _as_ssl_errors():
            _load_certificate(context, certificate, key, password)
    # This is last: pyOpenSSL tries the list on a connection, and a context that has connections
    # must not be changed.
    context.set_cipher_list(CIPHERS.encode())
    if pin is not None:
        setattr(context, PIN, pin)
    return context


@contextlib.contextmanager
def _as_ssl_errors() -> Any:
    """Raise the ssl module's exceptions for those of pyOpenSSL and cryptography about files."""
    try:
        yield
    except SSL.Error as error:
        raise _ssl_error(error) from error
    except ValueError as error:
        raise ssl.SSLError(int(ssl.SSL_ERROR_SSL), str(error)) from error


def _load_authorities(context: Context, authorities: Pem | None) -> None:
    """Trust these authorities; None: the system's, as far as OpenSSL can read its list."""
    store = context.get_cert_store()
    if sys.version_info >= (3, 13):
        # The ssl module does so since then: both backends judge a certificate alike.
        store.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)
    if authorities is not None:
        trust.require_authorities(authorities)
    if isinstance(authorities, bytes):
        for found in x509.load_pem_x509_certificates(authorities):
            store.add_cert(crypto.X509.from_cryptography(found))
    elif authorities is None:
        _load_system(context)
    elif os.path.isdir(authorities):  # noqa: PTH112 - as in stdlib.py
        context.load_verify_locations(None, os.fspath(authorities))
    else:
        trust.read_pem(authorities)  # a file that is not there is an OSError
        context.load_verify_locations(os.fspath(authorities))


def _load_system(context: Context) -> None:
    """Trust the authorities of the standard library, whose OpenSSL is the system's."""
    if sys.platform == "win32":
        store = context.get_cert_store()
        for octets in ssl.create_default_context().get_ca_certs(binary_form=True):
            found = x509.load_der_x509_certificate(octets)
            store.add_cert(crypto.X509.from_cryptography(found))
        return
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        context.load_verify_locations(paths.cafile, paths.capath)
    else:
        context.set_default_verify_paths()


def _load_certificate(
    context: Context, certificate: Pem, key: Pem | None, password: str | bytes | None
) -> None:
    """Have the client send a certificate, with the chain that comes with it."""
    pem = trust.read_pem(certificate)
    first, *others = x509.load_pem_x509_certificates(pem)
    context.use_certificate(first)
    for other in others:
        context.add_extra_chain_cert(other)
    secret = pem if key is None else trust.read_pem(key)
    octets = password.encode() if isinstance(password, str) else password
    try:
        found = serialization.load_pem_private_key(secret, octets or None)
    except TypeError as error:
        if not password:
            raise trust.encrypted_key_error() from error
        found = serialization.load_pem_private_key(secret, None)  # it is not encrypted at all
    context.use_privatekey(found)
    context.check_privatekey()


class _KeyLog:
    """Writes keys, line by line, in the format of NSS, which Wireshark reads."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: PTH123, SIM115 - as long as the context

    def __call__(self, _connection: Any, line: bytes) -> None:
        with OSErrorsDropped():  # a disk that is full is no fault of the connection's
            self._file.write(line + b"\n")

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


class _Judgement:
    """The verdict on a peer's certificate, which grows while the handshake goes on.

    name: the certificate must be for it; an A-label or a literal IP address.
    """

    __slots__ = ("address", "fault", "is_convinced", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = trust.address_of(name)
        #: OpenSSL's number of what is wrong, and words for it
        self.fault: tuple[int, str] | None = None
        self.is_convinced = False

    def examine(self, certificate: Any) -> bool:
        """True if a certificate, whose chain is good, is for the name."""
        try:
            names = _alternative_names(certificate)
            if self.address is not None:
                verify_certificate_ip_address(certificate, self.address)
            elif "." in self.name or not any("*" in name for _, name in names):
                # Its 24.2 fails at a name without a dot beside a wildcard in the certificate.
                verify_certificate_hostname(certificate, self.name)
            # service_identity forgives white space around a name, which OpenSSL does not.
            self.is_convinced = trust.certificate_covers(names, self.name)
        except Exception as error:  # a certificate that cannot be read convinces nobody
            self.is_convinced = False
            if is_of_signal(error):
                raise  # out of the handshake
        if not self.is_convinced:
            kind, code = "Hostname", trust.HOSTNAME_MISMATCH
            if self.address is not None:
                kind, code = "IP address", trust.IP_ADDRESS_MISMATCH
            words = f"{kind} mismatch, the certificate is not for {self.name!r}"
            self.fault = self.fault or (code, words)
        return self.is_convinced


def _judge(connection: Any, certificate: Any, code: int, depth: int, is_good: int) -> bool:
    """Answer OpenSSL: may the handshake go on? Asked for each certificate, the peer's own last."""
    judgement = connection.get_app_data()
    if judgement is None:  # not a connection of hyper's
        return bool(is_good)
    if not is_good:
        judgement.fault = judgement.fault or (code, _words_of(code))
        return False
    return depth > 0 or judgement.examine(certificate.to_cryptography())


def _words_of(code: int) -> str:
    """Return the words for OpenSSL's number of what is wrong with a certificate."""
    for name, value in vars(SSL.X509VerificationCodes).items():
        if value == code and name.startswith("ERR_"):
            words: str = name[4:].lower().replace("_", " ")
            return words.replace("cert ", "certificate ").replace("self signed", "self-signed")
    return f"OpenSSL's X509_V_ERR {code}"


def _ssl_error(error: SSL.Error) -> OSError:
    """Return the exception that the ssl module would raise."""
    if isinstance(error, SSL.ZeroReturnError):
        return ssl.SSLZeroReturnError(
            int(ssl.SSL_ERROR_ZERO_RETURN), "TLS/SSL connection has been closed (EOF)"
        )
    if isinstance(error, SSL.SysCallError):
        return ssl.SSLEOFError(int(ssl.SSL_ERROR_EOF), "EOF occurred in violation of protocol")
    reasons = [entry[2] for entry in error.args[0]] if error.args else []
    words = reasons[-1] if reasons else "TLS failed, and OpenSSL does not say why"
    if "certificate verify failed" in reasons:
        return trust.certificate_error(
            trust.UNSPECIFIED, "refused by the context's own callback or store"
        )
    name = words.upper().replace(" ", "_")
    translated = ssl.SSLError(int(ssl.SSL_ERROR_SSL), f"[SSL: {name}] {words}")
    translated.library, translated.reason = "SSL", name
    return translated


class PyOpenSSLFilter(Filter):
    """One TLS connection, client side, over memory. Lock held for every call.

    protocols: to offer by ALPN.  session: of an earlier connection to the same server, by the
    same context.  The context is left as it is.
    """

    def __init__(
        self,
        context: SSL.Context,
        server_hostname: str | None,
        protocols: Sequence[str],
        session: Any = None,
    ) -> None:
        super().__init__()
        connection = self._connection = SSL.Connection(context, None)
        connection.set_connect_state()
        connection.set_alpn_protos([protocol.encode() for protocol in protocols])
        if hasattr(connection, "set_options"):
            connection.set_options(OP_NO_RENEGOTIATION)
        self._verifies = bool(connection.get_verify_mode() & SSL.VERIFY_PEER)
        name = a_label(server_hostname or "")
        if self._verifies and not name:
            raise ValueError("a certificate cannot be verified without a host's name")
        if not self._verifies and not isinstance(context, Context):
            trust.warn_of_own_context()
        self._pin = pin_of(context)
        self._judgement = _Judgement(name)
        connection.set_app_data(self._judgement)
        if name and self._judgement.address is None:
            connection.set_tlsext_host_name(name.encode("ascii"))
        if session is not None:
            connection.set_session(session)
        #: whether the version agreed on is one below 1.3
        self._may_renegotiate = False
        #: what a read has made OpenSSL answer
        self._answer = b""
        #: whether a read may find something in OpenSSL
        self._is_fed = False
        #: octets of ciphertext that may wait to be taken, at most
        self._expected = FLIGHT_SIZE

    def handshake(self) -> bool:
        """Do one step of the handshake; True when it is done. Raises ssl.SSLError."""
        self._expected = FLIGHT_SIZE
        judgement = self._judgement
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            if judgement.fault is not None:
                raise trust.certificate_error(*judgement.fault) from error
            raise _ssl_error(error) from error
        if self._verifies and not judgement.is_convinced:
            # The context's own callback was asked; or a session is resumed, and nobody was.
            certificate = self._connection.get_peer_certificate(as_cryptography=True)
            if not judgement.examine(certificate):
                assert judgement.fault is not None  # it says why not
                raise trust.certificate_error(*judgement.fault)
        if self._pin is not None:
            require_pinned(self._pin, self.chain(), judgement.name)
        self._may_renegotiate = self.version() != "TLSv1.3"
        return True

    def feed(self, ciphertext: memoryview) -> None:
        """Take ciphertext from the peer; the view is not kept."""
        if ciphertext:  # pyOpenSSL takes nothing for a fault
            self._connection.bio_write(ciphertext)
            self._is_fed = self.has_more = True

    def feed_eof(self) -> None:
        """Note that the peer's socket is closed."""
        self._connection.bio_shutdown()
        self._is_fed = self.has_more = True

    def take_ciphertext(self) -> bytes:
        """Return the ciphertext that must be sent to the peer; b"" for nothing."""
        size, self._expected = self._expected or FLIGHT_SIZE, 0
        answer, self._answer = self._answer, b""
        pieces: list[bytes] = []
        try:
            while not pieces or len(pieces[-1]) == size:
                pieces.append(self._connection.bio_read(size))
        except SSL.WantReadError:
            pass
        octets = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return answer + octets if answer else octets

    def write(self, octets: bytes) -> None:
        """Encrypt octets; ``take_ciphertext`` returns them."""
        try:
            self._connection.sendall(octets)
        except SSL.Error as error:
            raise _ssl_error(error) from error
        size = len(octets)
        self._expected += size + (size // RECORD_SIZE + 1) * RECORD_OVERHEAD + BESIDES

    def decrypt_into(self, view: memoryview) -> int | None:
        """Fill view with what can be decrypted; 0 at the peer's end, None for none yet.

        HOT: once a read (bench/receive.py). pyOpenSSL copies each record from a buffer of the
        size that is asked for; the size of a record is the largest that can be of use.
        """
        if self._failure is not None:
            raise trust.copied(self._failure)
        filled, size = 0, len(view)
        read = self._connection.recv_into
        try:
            while filled < size and self._is_fed:
                filled += read(view[filled:] if filled else view, RECORD_SIZE)
        except SSL.WantReadError:
            self._is_fed = False
        except (SSL.ZeroReturnError, SSL.SysCallError):
            # An end without close_notify: see stdlib.py.
            self._has_ended, self._is_fed = True, False
        except SSL.Error as error:
            self._failure = _ssl_error(error)
            if is_unexpected_eof(self._failure):
                self._failure, self._has_ended, self._is_fed = None, True, False
        # The last question, because octets that were decrypted before it count in any case.
        if self._may_renegotiate and self._failure is None:
            # A read may have made OpenSSL answer: see stdlib.py.
            self._answer = self.take_ciphertext()
            if self._answer:
                self._failure = trust.renegotiation_error()
        self.has_more: bool = self._is_fed or self._has_ended or self._failure is not None
        return filled or self._conclude(self._has_ended)

    def end(self) -> None:
        """Send close_notify, and do not wait for the peer's."""
        self._expected += BESIDES
        with contextlib.suppress(SSL.Error):  # before the handshake is done, there is no end
            self._connection.shutdown()

    def was_resumed(self) -> bool | None:
        """Return None: pyOpenSSL does not tell whether a session was resumed."""
        return None

    def session(self) -> Any:
        """Return the session that a later connection to the server may resume (RFC 8446, 2.2)."""
        return self._connection.get_session()

    # ------------------------------------------------- what the handshake agreed on

    def alpn_protocol(self) -> str | None:
        """Return the protocol that ALPN has chosen (RFC 7301), or None."""
        return self._connection.get_alpn_proto_negotiated().decode("latin-1") or None

    def version(self) -> str | None:
        """Return the version of TLS, for example ``"TLSv1.3"``."""
        name: str = self._connection.get_protocol_version_name()
        return name

    def cipher(self) -> tuple[str, str, int] | None:
        """Return OpenSSL's name of the cipher, its version of TLS, and its secret bits."""
        connection = self._connection
        name = connection.get_cipher_name()
        if name is None:
            return None
        return name, connection.get_cipher_version() or "", connection.get_cipher_bits() or 0

    def compression(self) -> str | None:
        """Return None: cryptography's OpenSSL is built without compression (9.2)."""
        return None

    def certificate(self) -> dict[str, Any]:
        """Return the peer's *verified* certificate as the ssl module shows it; {} for any other."""
        found = self._connection.get_peer_certificate(as_cryptography=True)
        if found is None or not self._verifies:
            return {}
        return {
            "subject": _relative_names(found.subject),
            "issuer": _relative_names(found.issuer),
            "version": found.version.value + 1,
            "serialNumber": _in_octets(f"{found.serial_number:X}"),
            "notBefore": _moment(found.not_valid_before_utc),
            "notAfter": _moment(found.not_valid_after_utc),
            "subjectAltName": _alternative_names(found),
        }

    def chain(self) -> list[bytes]:
        """Return the peer's chain in DER: its own certificate alone, where nobody verifies.

        See ``trust.chain_of``.
        """
        connection = self._connection
        found = self._verifies and connection.get_verified_chain(as_cryptography=True)
        if not found:  # of a resumed session there is no chain either
            alone = connection.get_peer_certificate(as_cryptography=True)
            found = [] if alone is None else [alone]
        return [each.public_bytes(serialization.Encoding.DER) for each in found]


def _relative_names(name: x509.Name) -> tuple[tuple[tuple[str, str], ...], ...]:
    """A distinguished name as ``ssl.SSLSocket.getpeercert`` shows it."""
    return tuple(
        tuple((_long_name(part), str(part.value)) for part in parts) for parts in name.rdns
    )


def _long_name(part: x509.NameAttribute[Any]) -> str:
    name: str = part.oid._name  # noqa: SLF001 - "commonName"; nothing public tells it
    return name


def _in_octets(digits: str) -> str:
    return "0" * (len(digits) % 2) + digits


def _moment(moment: Any) -> str:
    # Not by %b, which speaks the user's language.
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * moment.month - 3 : 3 * moment.month]
    return f"{month} {moment.day:2} {moment:%H:%M:%S %Y} GMT"


def _alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    """The names of the kinds that hyper compares."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (
        *(("DNS", name) for name in names.get_values_for_type(x509.DNSName)),
        *(
            ("IP Address", _written_out(address))
            for address in names.get_values_for_type(x509.IPAddress)
        ),
    )


def _written_out(address: Any) -> str:
    """An address as the ssl module shows it: "0:0:0:0:0:0:0:1"."""
    if address.version == 4:
        return str(address)
    packed = address.packed
    return ":".join(f"{high << 8 | low:X}" for high, low in zip(packed[::2], packed[1::2]))
