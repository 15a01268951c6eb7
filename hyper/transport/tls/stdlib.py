"""TLS by the standard library's ``ssl``: an ``SSLObject`` over two memory BIOs, and contexts."""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import threading

from ...foundation.hosts import plain_name
from . import trust
from .filter import Filter, is_unexpected_eof
from .policy import CIPHERS, OP_NO_RENEGOTIATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .trust import Pem, Pin

#: Held between ``set_alpn_protocols`` and the creation of the TLS object, which copies the list;
#: otherwise two connections that share a context could swap their ALPN lists.
ALPN_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    _reinit = ALPN_LOCK._at_fork_reinit  # type: ignore[attr-defined]  # noqa: SLF001 - as threading
    os.register_at_fork(after_in_child=_reinit)

#: True on PyPy, whose ssl does not empty OpenSSL's queue of the thread's errors when it raises, as
#: CPython's does. OpenSSL takes an error that is left there for the next connection's own: its read
#: fails with the words of another connection, where there is only nothing to read yet.
LEAVES_ERRORS = sys.implementation.name == "pypy"

#: It refuses to take octets, and to refuse is what empties the queue on PyPy.
_REFUSING = ssl.MemoryBIO()
_REFUSING.write_eof()

#: The directory in which Linux shows each open file under a path, those in memory included.
OPEN_FILES = "/proc/self/fd"


def make_context(
    authorities: Pem | None,
    certificate: Pem | None,
    key: Pem | None,
    password: str | bytes | None,
    *,
    verify: bool,
    pin: Pin | None,
) -> ssl.SSLContext:
    """A context as ``init_context`` describes it."""
    # Before ssl opens the file itself, with a message that does not name it.
    path = trust.key_log() if hasattr(ssl.SSLContext, "keylog_filename") else None
    if not verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities is None:
        context = _system_context()
    else:
        context = _context_of(authorities)
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:  # not on PyPy
        # A common name is no host's name: RFC 9525, 2. pyOpenSSL's backend never reads it.
        context.hostname_checks_common_name = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | OP_NO_RENEGOTIATION
    if path and not context.keylog_filename:
        context.keylog_filename = path
    if certificate is not None:
        for source in (certificate, key):
            if source is not None:
                trust.read_pem(source)  # as for authorities: the message names the file
        with _as_file(certificate) as chain_path, _as_file(key) as key_path:
            # Without a password OpenSSL would ask for one at the terminal, and wait.
            context.load_cert_chain(chain_path, key_path, password or _refuse_to_ask)
    if pin is not None:
        from .pinned import bind_pin  # not before: most contexts have none

        bind_pin(context, pin)
    return context


def _context_of(authorities: Pem) -> ssl.SSLContext:
    """Return a context that trusts these authorities alone."""
    trust.require_authorities(authorities)
    if isinstance(authorities, bytes):
        # Between the certificates there may be words in any language.
        return ssl.create_default_context(cadata=authorities.decode("ascii", "ignore"))
    if os.path.isdir(authorities):  # noqa: PTH112 - pathlib is costly to import
        return ssl.create_default_context(capath=authorities)
    trust.read_pem(authorities)  # an OSError names the file, ssl's does not
    return ssl.create_default_context(cafile=authorities)


def _system_context() -> ssl.SSLContext:
    """Return a context with the system's authorities; it takes 10 ms to read a file of them."""
    if sys.platform in ("darwin", "win32"):
        # Their own verifiers know more than the lists that OpenSSL can read: certificates that an
        # administrator added on macOS, and those that Windows fetches when they are first needed.
        with contextlib.suppress(ImportError):
            import truststore

            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if not judges_while_wrapping(context):
                return context
    return ssl.create_default_context()


def judges_while_wrapping(context: Any) -> bool:
    """True if ``wrap_socket`` of a context verifies the peer, and a later handshake does not.

    truststore before 0.10.5 is like that.
    """
    inner = getattr(context, "_ctx", None)
    return getattr(inner, "sslsocket_class", None) is ssl.SSLSocket


def _refuse_to_ask() -> str:
    raise trust.encrypted_key_error()


@contextlib.contextmanager
def _as_file(pem: Pem | None) -> Iterator[Any]:
    """Give a path under which OpenSSL can open PEM: in memory, if the system can do that."""
    if not isinstance(pem, bytes):
        yield pem and os.fspath(pem)
        return
    if hasattr(os, "memfd_create") and os.path.isdir(OPEN_FILES):  # noqa: PTH112 - as above
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
            os.unlink(path)  # noqa: PTH108 - as above


def forget_errors() -> None:
    """Empty OpenSSL's queue of this thread's errors; needed where ``LEAVES_ERRORS``."""
    with contextlib.suppress(ssl.SSLError):
        _REFUSING.write(b"!")


def _reading_alone(read: Callable[[int, memoryview], int]) -> Callable[[int, memoryview], int]:
    """Return a read that no other connection's error disturbs, whoever left it."""

    def read_alone(size: int, view: memoryview) -> int:
        forget_errors()
        try:
            return read(size, view)
        finally:
            forget_errors()

    return read_alone


class StdlibFilter(Filter):
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
        super().__init__()
        #: True if OpenSSL may hold a part of a record for which there was no room
        self._holds_part = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        name: Any = server_hostname
        if server_hostname is not None:
            name = plain_name(server_hostname, getattr(context.wrap_bio, "__func__", None), ssl)
        with ALPN_LOCK:
            context.set_alpn_protocols(list(protocols))
            self.object: ssl.SSLObject = context.wrap_bio(
                self._incoming, self._outgoing, server_hostname=name, session=session
            )
        # The inner object's is C code; the outer one's would be a Python call for each record.
        inner: Any = self.object
        if type(inner) is ssl.SSLObject:
            inner = getattr(inner, "_sslobj", inner)
        self._read = _reading_alone(inner.read) if LEAVES_ERRORS else inner.read
        #: encrypt octets
        self.write: Callable[[bytes], object] = inner.write
        #: return the ciphertext that must be sent to the peer; b"" for nothing
        self.take_ciphertext: Callable[[], bytes] = self._outgoing.read

    def handshake(self) -> bool:
        """Do one step of the handshake; True when it is done. Raises ssl.SSLError."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError as error:  # so Python before 3.10 calls it
            raise ssl.SSLEOFError(
                int(ssl.SSL_ERROR_EOF), "EOF occurred in violation of protocol"
            ) from error
        finally:
            if LEAVES_ERRORS:
                forget_errors()
        return True

    def feed(self, ciphertext: memoryview) -> None:
        """Take ciphertext from the peer; the view is not kept."""
        self._incoming.write(ciphertext)
        self.has_more = True

    def feed_eof(self) -> None:
        """Note that the peer's socket is closed."""
        self._incoming.write_eof()
        self.has_more = True

    def decrypt_into(self, view: memoryview) -> int | None:
        """Fill view with what can be decrypted; 0 at the peer's end, None for none yet.

        HOT: once a read (bench/receive.py). OpenSSL gives one record a call, and an exception where
        it has none: asking only while ciphertext is there keeps exceptions out of the common case.
        """
        if self._failure is not None:
            raise trust.copied(self._failure)
        size = len(view)
        incoming, read = self._incoming, self._read
        try:
            may_give = incoming.pending or self._holds_part
            self._holds_part = False
            while may_give and view:
                received: int = read(size, view)  # it reads no more than the view takes
                if not received:
                    self._has_ended = True
                    break
                view = view[received:]
                may_give = incoming.pending
            # A record larger than the room left stays, in part, inside OpenSSL.
            self._holds_part = not view
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # An end without close_notify is no attack on HTTP/2: its frames and messages carry
            # their own lengths, so content that is cut short is noticed.
            return size - len(view)
        except ssl.SSLError as error:
            if is_unexpected_eof(error):
                return size - len(view)
            self._failure = error.with_traceback(None)
        # The last question, because octets that were decrypted before it count in any case.
        if self._outgoing.pending and self._failure is None:
            self._failure = self._why_answered()
        has_ended = self._has_ended or incoming.eof
        self.left: int = incoming.pending
        self.has_more: bool = bool(
            self._holds_part or self.left or has_ended or self._failure is not None
        )
        return size - len(view) or self._conclude(has_ended)

    def _why_answered(self) -> ssl.SSLError | None:
        """Return the failure, if a read that made OpenSSL answer something is one.

        Under TLS 1.3 OpenSSL may answer a read, with a key update for example. Under TLS 1.2 the
        answer belongs to another handshake, which HTTP/2 forbids (9.2.1): an alert that declines
        it, or its first message where a context of the caller's allows it.
        """
        # In the middle of a handshake there is no version.
        return None if self.object.version() == "TLSv1.3" else trust.renegotiation_error()

    def end(self) -> None:
        """Send close_notify, and do not wait for the peer's."""
        with contextlib.suppress(ssl.SSLError):  # want-read: the usual case
            self.object.unwrap()
        if LEAVES_ERRORS:
            forget_errors()

    def was_resumed(self) -> bool | None:
        """Return whether the handshake resumed a former session (RFC 8446, 2.2)."""
        return self.object.session_reused

    def session(self) -> ssl.SSLSession | None:
        """Return the session that a later connection to the server may resume (RFC 8446, 2.2).

        None if there is none, or the server's certificate makes it longer than ssl can copy.
        """
        try:
            return self.object.session
        except ValueError:
            return None

    # ------------------------------------------------- what the handshake agreed on

    def alpn_protocol(self) -> str | None:
        """Return the protocol that ALPN has chosen (RFC 7301), or None."""
        return self.object.selected_alpn_protocol()

    def version(self) -> str | None:
        """Return the version of TLS, for example ``"TLSv1.3"``."""
        return self.object.version()

    def cipher(self) -> tuple[str, str, int] | None:
        """Return OpenSSL's name of the cipher, its version of TLS, and its secret bits."""
        return self.object.cipher()

    def compression(self) -> str | None:
        """Return the compression within TLS; None, as it should be (9.2)."""
        return self.object.compression()

    def certificate(self) -> dict[str, Any]:
        """Return the peer's *verified* certificate as the ssl module shows it; {} for any other."""
        return self.object.getpeercert() or {}

    def chain(self) -> list[bytes]:
        """Return the peer's chain in DER; before Python 3.13, its own certificate alone."""
        return trust.chain_of(self.object)
