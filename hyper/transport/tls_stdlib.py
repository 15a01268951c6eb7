"""TLS by the standard library's ``ssl``: a filter between ciphertext and octets.

An ``SSLObject`` over two memory BIOs never touches a socket: ciphertext is fed in and taken
out, so that the only thing that ever waits is a plain socket, under hyper's own lock.
"""

from __future__ import annotations

import contextlib
import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class StdlibFilter:
    """One TLS connection, client side, over memory. Lock held for every call."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        self._has_more = False
        #: the peer said close_notify; its socket may stay open
        self._has_ended = False

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
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # An end without close_notify is no attack on HTTP/2, whose frames and messages
            # carry their own lengths: what is cut short is noticed as such.
            return filled
        if not filled and (self._has_ended or incoming.eof):
            return 0
        return filled or None

    @property
    def has_more(self) -> bool:
        """Whether ``decrypt_into`` may give octets without more ciphertext."""
        return self._has_more or self._has_ended or bool(self._incoming.pending)

    def end(self) -> None:
        """Say close_notify; the peer's is not waited for."""
        with contextlib.suppress(ssl.SSLError):  # want-read: the usual case
            self.object.unwrap()

    def alpn_protocol(self) -> str | None:
        """What was agreed on by ALPN (RFC 7301), or None."""
        return self.object.selected_alpn_protocol()

    def names(self) -> tuple[tuple[str, str], ...]:
        """The subject alternative names of the peer's *verified* certificate, as (kind, name)."""
        certificate = self.object.getpeercert() or {}
        return certificate.get("subjectAltName", ())  # type: ignore[return-value]
