"""TLS by the standard library's ``ssl``: a filter between ciphertext and octets.

An ``SSLObject`` over two memory BIOs never touches a socket: ciphertext is fed in and taken
out, so that the only thing that ever waits is a plain socket, under hyper's own lock.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import threading

from . import trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from .trust import Pem

#: Held from telling a context the protocols to offer until a TLS object is made of it, which takes
#: them along: two connections that share a context and want to offer different ones.
OFFERING = threading.Lock()

#: The bit that PyPy's ssl does not name.
OP_NO_RENEGOTIATION = getattr(ssl, "OP_NO_RENEGOTIATION", 0x40000000)

#: Where one file serves programs that know only paths, without ever being on a disk.
OPEN_FILES = "/proc/self/fd"


def make_context(
    authorities: Pem | None,
    certificate: Pem | None,
    key: Pem | None,
    password: str | None,
    *,
    verify: bool,
) -> ssl.SSLContext:
    """A context as ``tls.init_context`` describes it."""
    if not verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities is None:
        context = _system_context()
    elif isinstance(authorities, bytes):
        # Between the certificates there may be words in any language.
        context = ssl.create_default_context(cadata=authorities.decode("ascii", "ignore"))
    elif os.path.isdir(authorities):  # noqa: PTH112 - pathlib is costly to import
        context = ssl.create_default_context(capath=authorities)
    else:
        context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(trust.CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    path = trust.key_log()
    if path and hasattr(context, "keylog_filename") and not context.keylog_filename:
        context.keylog_filename = path
    if certificate is not None:
        with _as_file(certificate) as chain_path, _as_file(key) as key_path:
            # Without a password OpenSSL would ask for one at the terminal, and wait.
            context.load_cert_chain(chain_path, key_path, password or _refuse_to_ask)
    return context


def _system_context() -> ssl.SSLContext:
    """A context that trusts whom the system trusts; takes 10 ms where it reads a file of them."""
    if sys.platform in ("darwin", "win32"):
        # Their own verifiers know more than the lists that OpenSSL can read: certificates that an
        # administrator added on macOS, and those that Windows fetches when they are first needed.
        with contextlib.suppress(ImportError):
            import truststore

            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return context
    return ssl.create_default_context()


def _refuse_to_ask() -> str:
    raise trust.encrypted()


@contextlib.contextmanager
def _as_file(pem: Pem | None) -> Iterator[Any]:
    """A path to PEM that OpenSSL can open; in memory where the system has such files."""
    if not isinstance(pem, bytes):
        yield pem and os.fspath(pem)
        return
    if hasattr(os, "memfd_create") and os.path.isdir(OPEN_FILES):  # noqa: PTH112
        descriptor = os.memfd_create("hyper")
        path = f"{OPEN_FILES}/{descriptor}"
    else:
        import tempfile

        descriptor, path = tempfile.mkstemp()  # which only this user may read
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(pem)
        yield path
    finally:
        os.close(descriptor)
        if not path.startswith(OPEN_FILES):
            os.unlink(path)  # noqa: PTH108


class StdlibFilter:
    """One TLS connection, client side, over memory. Lock held for every call.

    protocols: to offer by ALPN.  session: of an earlier connection to the same server, by the
    same context.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        server_hostname: str | None,
        protocols: Sequence[str],
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        with OFFERING:
            context.set_alpn_protocols(list(protocols))
            self.object = context.wrap_bio(
                self._incoming, self._outgoing, server_hostname=server_hostname, session=session
            )
        self._has_more = False
        #: the peer said close_notify; its socket may stay open
        self._has_ended = False
        self._may_renegotiate = not context.options & OP_NO_RENEGOTIATION

    def handshake(self) -> bool:
        """One step; True when it is done. Raises ssl.SSLError where the two sides disagree."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, ciphertext: memoryview) -> None:
        """Ciphertext from the peer; not kept."""
        self._incoming.write(ciphertext)

    def feed_eof(self) -> None:
        """The peer's socket is closed."""
        self._incoming.write_eof()

    def take_ciphertext(self) -> bytes:
        """What must be sent to the peer; b"" for nothing."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def write(self, octets: bytes) -> None:
        """Encrypt octets; they come out of ``take_ciphertext``."""
        self.object.write(octets)

    def decrypt_into(self, view: memoryview) -> int | None:
        """Fill view with what can be decrypted; 0 at the peer's end, None for none yet. HOT.

        OpenSSL gives one record a call, and an exception where it has none: asking only while
        ciphertext is there keeps exceptions out of the common case.
        """
        filled, size = 0, len(view)
        incoming = self._incoming
        read: Any = self.object.read  # its types in typeshed have changed
        try:
            while filled < size and (incoming.pending or self._has_more):
                received: int = read(size - filled, view[filled:] if filled else view)
                if not received:
                    self._has_ended = True
                    break
                filled += received
                # A record larger than the room left stays, in part, inside OpenSSL.
                self._has_more = filled == size
        except ssl.SSLWantReadError:
            self._has_more = False
            if self._may_renegotiate:
                self._refuse_to_renegotiate()
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # An end without close_notify is no attack on HTTP/2, whose frames and messages
            # carry their own lengths: what is cut short is noticed as such.
            return filled
        if not filled and (self._has_ended or incoming.eof):
            return 0
        return filled or None

    def _refuse_to_renegotiate(self) -> None:
        """Raise ssl.SSLError if a read has made OpenSSL answer something.

        Under TLS 1.2 that is the beginning of another handshake, which HTTP/2 forbids (9.2.1), and
        which a context of the caller's has not been told to refuse.
        """
        # In the middle of a handshake there is no version.
        if self._outgoing.pending and self.object.version() != "TLSv1.3":
            raise ssl.SSLError(
                int(ssl.SSL_ERROR_SSL),
                "the peer wants to renegotiate TLS, which is forbidden (RFC 9113, 9.2.1)",
            )

    @property
    def has_more(self) -> bool:
        """Whether ``decrypt_into`` may give octets without more ciphertext."""
        return self._has_more or self._has_ended or bool(self._incoming.pending)

    def end(self) -> None:
        """Say close_notify; the peer's is not waited for."""
        with contextlib.suppress(ssl.SSLError):  # want-read: the usual case
            self.object.unwrap()

    def session(self) -> ssl.SSLSession | None:
        """What a later connection to the server may resume (RFC 8446, 2.2)."""
        return self.object.session

    # ------------------------------------------------- what the handshake agreed on

    def alpn_protocol(self) -> str | None:
        """What was agreed on by ALPN (RFC 7301), or None."""
        return self.object.selected_alpn_protocol()

    def version(self) -> str | None:
        """``"TLSv1.3"``, say."""
        return self.object.version()

    def cipher(self) -> tuple[str, str, int] | None:
        """OpenSSL's name of the cipher, the protocol that it is of, and its secret bits."""
        return self.object.cipher()

    def compression(self) -> str | None:
        """The compression within TLS, or None, as it should be (9.2)."""
        return self.object.compression()

    def certificate(self) -> dict[str, Any]:
        """The peer's *verified* certificate as the ssl module shows it; {} for any other."""
        return self.object.getpeercert() or {}

    def chain(self) -> list[bytes]:
        """The peer's chain in DER, its own certificate first; that one alone before Python 3.13."""
        found = self.object.getpeercert(binary_form=True)
        if found is None:
            return []
        get_chain: Any = getattr(self.object, "get_verified_chain", list)
        return get_chain() or [found]
