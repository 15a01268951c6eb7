"""A scripted peer on an accepted socket, in cleartext or under TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from typing import Callable

from .arrivals import DEADLINE, ClientEnded
from .peer import Peer

# The errors of a read or write that mean that the client is gone.
GONE = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class SocketPeer(Peer):
    """One connection of a `Server`, as its script gets it.

    Args:
        take: gives the next accepted socket. The first verb of a script calls it, and `accept`.
        context: a server's context if TLS begins at once.
        deadline: seconds that each want waits.

    Attributes:
        host, port: where the server listens.
        socket: the connection's socket, or None before the first verb of a script that is run once.
    """

    def __init__(
        self,
        take: Callable[[float], socket.socket],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        super().__init__(deadline)
        self.socket: socket.socket | None = None
        self.number: int = 0
        self.host = ""
        self.port = 0
        self.sockets: list[socket.socket] = []  # all that were accepted: the server ends them
        #: Refuse further connections from now on. The server gives it.
        self.stop_listening: Callable[[], None] = lambda: None
        self._take_socket = take
        self._context = context

    # ---- the connection ----

    def accept(self) -> None:
        """Go on with the next connection, under TLS if the server has a context, and begin anew.

        It is for the script of a ``Server(script, once=True)``.

        Raises:
            PeerError: no client connected before the deadline.
        """
        if self.socket is not None:
            self._begin()
            self.log.append("---- next connection")
        try:
            accepted = self._take_socket(self.deadline)
        except socket.timeout:
            raise self._failure(f"wanted a connection; none in {self.deadline} s") from None
        if accepted.family in (socket.AF_INET, socket.AF_INET6):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.settimeout(self.deadline)
        self.sockets.append(accepted)
        self.socket = accepted
        self.number += 1
        if self._context is not None:
            self.start_tls(self._context)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Be the server of a TLS handshake from here on: after CONNECT, say.

        Args:
            context: a server's.
        """
        plain = self._connection()
        # In two steps, so that stop() knows the socket while the handshake waits.
        secure = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.sockets[self.sockets.index(plain)] = self.socket = secure
        secure.do_handshake()

    def want_refusal(self) -> OSError:
        """A connection whose TLS handshake the client breaks off; the error that it gave here.

        Raises:
            PeerError: the handshake succeeded.
        """
        try:
            self.accept()
            # In TLS 1.3 the client's refusal comes after our side of the handshake is done.
            assert self.socket is not None
            octets = self.socket.recv(1)
        except (ssl.SSLError, ConnectionError) as error:
            return error
        if octets:
            raise self._failure("wanted the client to refuse TLS, but it went on")
        return ConnectionError("the client closed the connection")

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that ALPN chose, or None in cleartext."""
        connection = self._connection()
        if isinstance(connection, ssl.SSLSocket):
            return connection.selected_alpn_protocol()
        return None

    def _connection(self) -> socket.socket:
        if self.socket is None:
            self.accept()
        assert self.socket is not None
        return self.socket

    def write(self, octets: bytes) -> None:
        """Send these octets as they are: frames by hand, HTTP/1.1, or garbage.

        Raises:
            ClientEnded: the client has closed the connection.
            PeerError: the client takes no octets.
        """
        connection = self._connection()
        connection.settimeout(self.deadline)
        try:
            connection.sendall(octets)
        except socket.timeout:
            raise self._failure(f"the client took no octets for {self.deadline} s") from None
        except GONE as error:
            raise self._failure(
                "the client had ended before this was written", ClientEnded
            ) from error

    def _more(self, deadline: float) -> bytes:
        connection = self._connection()
        # 0 would mean non-blocking, whose exception is another.
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            return connection.recv(65536)
        except GONE:
            return b""

    def close(self) -> None:
        """End our side in order: close_notify under TLS, then FIN.

        In cleartext the client's further frames can be wanted. TLS is over after that.
        """
        connection = self._connection()
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(
                0
            )  # so that unwrap sends our close_notify and does not wait for theirs
            with contextlib.suppress(ssl.SSLError, OSError):
                connection.unwrap()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """End our side in order, and read on until the client has ended its own.

        So the kernel sends no TCP reset, which could destroy what the client has not read yet.
        """
        connection = self._connection()
        self.close()
        with contextlib.suppress(OSError, ValueError):
            while self._more(time.monotonic() + self.deadline):
                pass
        with contextlib.suppress(OSError):
            connection.close()

    def cut(self) -> None:
        """End the TCP connection without close_notify: under TLS a truncation."""
        self._connection().shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Answer whatever comes with a TCP reset."""
        connection = self._connection()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
