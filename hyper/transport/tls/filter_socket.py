"""A TCP socket whose octets are encrypted by a filter, with the methods of ``ssl.SSLSocket``."""

from __future__ import annotations

import socket
import ssl

from ...foundation.interruptions import OSErrorsDropped
from .filter import CIPHERTEXT_SIZE
from .view import HandshakeResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .filter import Filter

#: Octets that are encrypted at a time: what of them the socket refuses is kept.
PIECE = 64 * 1024


class FilterSocket(HandshakeResult, socket.socket):
    """A TCP socket whose octets are encrypted by a filter. One thread at a time.

    It takes over the socket that it is given, as ``ssl.SSLSocket`` does, with its timeout. A socket
    that does not block raises ssl.SSLWantReadError and ssl.SSLWantWriteError.
    """

    def __init__(self, sock: socket.socket, filter_: Filter) -> None:
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.settimeout(timeout)
        self.filter = filter_
        self._ciphertext = memoryview(bytearray(CIPHERTEXT_SIZE))
        self._unsent = memoryview(b"")
        #: how many octets are encrypted that ``send`` has not yet returned as sent
        self._taken = 0
        self._has_told_end = False

    def do_handshake(self) -> None:
        """Agree with the peer. Raises ssl.SSLError; TimeoutError by the socket's timeout."""
        done = False
        while not done:
            try:
                done = self.filter.handshake()
            except ssl.SSLError:
                self._send_alert()
                raise
            self._flush()
            if not done:
                self._receive()
        self.note(self.filter)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Fill the buffer with what is there, waiting for some of it; 0 at the end."""
        self._take_no(flags)
        view = memoryview(buffer)
        if view.format != "B":  # of a view that was cast, PyPy's ssl fills a copy
            view = view.cast("B")
        view = view[: nbytes or len(view)]
        filled = None if view else 0
        while filled is None:
            if self.filter.has_more:
                filled = self._decrypt_into(view)
            if filled is None:
                self._receive()
        self._has_told_end = not filled and len(view) > 0
        return filled

    def _decrypt_into(self, view: memoryview) -> int | None:
        try:
            return self.filter.decrypt_into(view)
        except ssl.SSLError:
            self._send_alert()
            raise

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return octets that are there, at most bufsize; b"" at the end."""
        buffer = bytearray(bufsize)
        return bytes(memoryview(buffer)[: self.recv_into(buffer, bufsize, flags)])

    def send(self, data: Any, flags: int = 0) -> int:
        """Send some of the octets; return how many.

        After ssl.SSLWantWriteError the same octets must be offered again, as OpenSSL demands.
        """
        self._take_no(flags)
        if not self._taken:
            piece = memoryview(data).cast("B")[:PIECE]
            if piece:
                self.filter.write(bytes(piece))
            self._taken = len(piece)
        self._flush()
        taken, self._taken = self._taken, 0
        return taken

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of the octets."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view, flags) :]

    def pending(self) -> int:
        """Return 1 if octets, or their end, can be read without the socket, else 0."""
        return int(self.filter.has_more and not self._has_told_end)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file's octets by ``send``: the kernel would not encrypt them."""
        return self._sendfile_use_send(file, offset, count)  # type: ignore[attr-defined, no-any-return]

    def _refuse(self, *_arguments: Any, **_options: Any) -> NoReturn:
        """Raise, as ``ssl.SSLSocket`` does: cleartext must not get past the filter."""
        raise NotImplementedError("a TLS socket sends by send and sendall, and receives by recv")

    def _refuse_address(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise ValueError("a TLS socket has one peer: it sends by send, and receives by recv")

    dup = sendmsg = recvmsg = recvmsg_into = _refuse
    sendto = recvfrom = recvfrom_into = _refuse_address

    def unwrap(self) -> FilterSocket:
        """Send close_notify, and do not wait for the peer's."""
        self.filter.end()
        self._flush()
        return self

    def _receive(self) -> None:
        try:
            received = super().recv_into(self._ciphertext)
        except (BlockingIOError, InterruptedError):
            raise ssl.SSLWantReadError(int(ssl.SSL_ERROR_WANT_READ), "nothing is there") from None
        if received:
            self.filter.feed(self._ciphertext[:received])
        else:
            self.filter.feed_eof()

    def _send_alert(self) -> None:
        """Send the alert that tells the peer why we close (RFC 8446, 6.2), if it still reads."""
        with OSErrorsDropped():  # it has hung up
            self._flush()

    def _flush(self) -> None:
        """Send what is encrypted."""
        if not self._unsent:
            self._unsent = memoryview(self.filter.take_ciphertext())
        while self._unsent:
            try:
                sent = super().send(self._unsent)
            except (BlockingIOError, InterruptedError):
                raise ssl.SSLWantWriteError(int(ssl.SSL_ERROR_WANT_WRITE), "no room") from None
            self._unsent = self._unsent[sent:] or memoryview(self.filter.take_ciphertext())

    def _take_no(self, flags: int) -> None:
        if flags:
            raise ValueError(f"flags of a TLS socket are 0, not {flags}")
