"""TLS over another transport: a *filter* encrypts and decrypts in memory.

``TLSTransport`` has a transport's methods (``transport/__init__.py`` lists them). Between its
octets and the transport below it stands a filter (``filter.py``), which never touches a socket.
"""

from __future__ import annotations

import ssl
import time

from ...errors import NegotiationError
from ...foundation.fork import renew_after_fork
from ...foundation.hosts import tls_name
from ...foundation.interruptions import OSErrorsDropped, is_of_system
from ..buffered import BUFFER_SIZE
from .context import make_filter
from .filter import CIPHERTEXT_SIZE, MAX_SPARE_BUFFERS, spare_buffers
from .policy import ALPN_REFUSED, H2, HTTP_1_1, advise
from .trust import pin_of
from .view import TLSSocketView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .. import Transport
    from ..deadline import Deadline
    from ..wakeup import Wakeup
    from .filter import Filter


class Resumption:
    """A server's TLS session, kept from one connection for the next (RFC 8446, 2.2).

    It belongs to one server and one context. A ticket is used once (RFC 8446, C.4): an observer
    who sees it twice knows that both connections are of one client.
    """

    __slots__ = ("__weakref__", "_session")

    def __init__(self) -> None:
        self._session: Any = None
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Forget the session: the parent will use it."""
        self._session = None

    def take(self) -> Any:
        """Return the session, or None, and forget it."""
        session, self._session = self._session, None
        return session

    def keep(self, session: Any) -> None:
        """Keep the session of a connection that comes to its end."""
        self._session = session


class TLSTransport:
    """A transport whose octets are encrypted. Lock held for every call but ``wait``.

    protocols: to offer by ALPN.  resumption: holds the session of a former connection, and gets
    this one's.
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
        # With a resumed session the peer shows less of its chain, or none. A pin needs all of it.
        self._resumption = resumption if pin_of(context) is None else None
        session = self._resumption.take() if self._resumption else None
        self.filter: Filter = make_filter(context, server_hostname, protocols, session)
        self.socket: Any = plain.socket
        self.wakeup: Wakeup = plain.wakeup
        self.round_trip = plain.round_trip
        self._has_agreed = False
        #: why the socket gives no more, while there are octets that came before
        self._fault: OSError | None = None

    @property
    def read_would_block(self) -> bool:
        """True if waiting is better than trying to read."""
        return self._plain.read_would_block and not self.filter.has_more

    def handshake(self, deadline: Deadline) -> None:
        """Agree with the peer, until the deadline at the latest.

        Raises ssl.SSLError (its subclasses for a certificate that does not convince, and for a
        peer that hangs up in the middle), TimedOut, NegotiationError; ConnectionResetError where
        the peer breaks off.
        """
        self._shake_hands(deadline)
        self.socket = TLSSocketView(self.socket, self.filter)
        self._has_agreed = True

    def _shake_hands(self, deadline: Deadline) -> None:
        ciphertext = memoryview(bytearray(BUFFER_SIZE))
        done = False
        begin: float | None = time.monotonic()
        while not done:
            try:
                done = self.filter.handshake()
            except ssl.SSLError as error:
                self._send_alert()
                if ALPN_REFUSED in str(error):
                    raise self._alpn_error() from error
                advise(error)
                raise
            sent = self._plain.send(self.filter.take_ciphertext())
            if done:
                return
            fault = "is silent" if begin is not None else "began its part, and has not ended it"
            timeout = deadline.remaining(f"the TLS handshake did not end in time: the peer {fault}")
            if not self._plain.wait(read=True, write=not sent, timeout=timeout):
                continue
            received = self._plain.recv_into(ciphertext)
            if received and begin is not None:
                self.round_trip, begin = time.monotonic() - begin, None
            if received == 0:
                self.filter.feed_eof()
            elif received:
                self.filter.feed(ciphertext[:received])

    def _alpn_error(self) -> NegotiationError:
        """The exception for a peer that speaks none of the protocols offered (RFC 7301, 3.2)."""
        offered = ", ".join(map(repr, self._protocols))
        may = "" if HTTP_1_1 in self._protocols else "; an HTTP/1.1 client may reach it"
        return NegotiationError(
            f"the peer will speak nothing of what ALPN offered, {offered}: it answered"
            f" {ALPN_REFUSED!r} (RFC 7301, 3.2){may}"
        )

    def _send_alert(self) -> None:
        """Send the alert that tells the peer why we close (RFC 8446, 6.2), if it still reads."""
        with OSErrorsDropped():  # it has hung up
            self._plain.send(self.filter.take_ciphertext())

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet.

        HOT: once a read (bench/receive.py).
        """
        filter_, plain = self.filter, self._plain
        try:
            ciphertext = spare_buffers.pop()
        except IndexError:
            ciphertext = memoryview(bytearray(CIPHERTEXT_SIZE))
        filled = None
        try:
            if filter_.has_more:
                if filter_.left < len(view) and not plain.read_would_block:
                    self._receive_ahead(ciphertext)
                filled = filter_.decrypt_into(view)
            while filled is None:
                if self._fault is not None:
                    raise self._fault
                received = plain.recv_into(ciphertext)
                if received is None:
                    return None
                if received:
                    filter_.feed(ciphertext[:received])
                else:
                    filter_.feed_eof()
                filled = filter_.decrypt_into(view)
        except ssl.SSLError:
            self._send_alert()
            raise
        finally:
            if len(spare_buffers) < MAX_SPARE_BUFFERS:
                spare_buffers.append(ciphertext)
        return filled

    def _receive_ahead(self, ciphertext: memoryview) -> None:
        """Receive before all is decrypted, so that the view is filled to its end.

        Four frames of a large response fill it. If it was filled in part, the next read of 64 KiB
        would lack a frame, and take more than it wants: octets that are moved and joined later.
        """
        if self._fault is not None:
            return
        try:
            received = self._plain.recv_into(ciphertext)
        except OSError as error:
            if not is_of_system(error):  # a signal handler's: it is not about the socket
                raise
            self._fault = error  # what came before it counts
            return
        if received:
            self.filter.feed(ciphertext[:received])
        elif received == 0:
            self.filter.feed_eof()

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of their ciphertext is with the kernel now.

        HOT: once a request (bench/clients.py).
        """
        if octets:
            self.filter.write(octets)
            del octets  # its memory is free, and in the processor's cache: ciphertext is next
        return self._plain.send(self.filter.take_ciphertext())

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the socket is ready; False if timeout seconds passed."""
        if read and self.filter.has_more:  # the socket need not be asked
            return True
        return self._plain.wait(read=read, write=write, timeout=timeout)

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return the alternative names of the peer's *verified* certificate, as (kind, name)."""
        return self.socket.getpeercert().get("subjectAltName", ())  # type: ignore[no-any-return]

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._plain.fileno()

    def shutdown(self) -> None:
        """Send close_notify as far as there is room, and end the connection both ways."""
        self.filter.end()
        if self._resumption is not None and self._has_agreed:
            # Not earlier: under TLS 1.3 the ticket comes after the handshake (RFC 8446, 4.6.1).
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
    deadline: Deadline,
    protocols: Sequence[str],
    resumption: Resumption | None = None,
) -> TLSTransport:
    """Return TLS over a transport, which is closed if that fails; protocols: to offer by ALPN."""
    try:
        secured = TLSTransport(transport, context, tls_name(host), protocols, resumption)
        secured.handshake(deadline)
    except BaseException:  # the socket is nobody's yet
        transport.close()
        raise
    return secured
