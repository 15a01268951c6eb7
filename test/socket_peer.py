"""A scripted peer (test/peer.py) on a port of the loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from typing import Any, Callable

from test.peer import DEADLINE, Peer


class SocketPeer(Peer):
    """A peer on a free port of the loopback; its script runs in a thread between `start` and
    `stop`.

    `context`: a server's SSLContext (certificates.server_context), else cleartext. The first verb
    of the script accepts the first connection; `accept` takes the next one. An exception in the
    script closes the connection at once, so that the client does not wait, and is raised by `stop`.
    After a script that returned, the connection stays open until `stop`.
    """

    def __init__(
        self,
        script: Callable[[SocketPeer], Any],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(deadline)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.error: BaseException | None = None
        self.socket: socket.socket | None = None  # the connection, once accepted
        self._sockets: list[socket.socket] = []
        self._context = context
        self._script = script
        self._thread = threading.Thread(target=self._run, name="scripted peer", daemon=True)
        self._abandoned = False

    def _run(self) -> None:
        try:
            self._script(self)
        except BaseException as error:  # noqa: BLE001  the test's thread raises it, in stop()
            self.error = error
            self._close_all()

    def start(self) -> SocketPeer:
        """Start the thread of the script."""
        self._thread.start()
        return self

    def join(self) -> None:
        """Wait for the script to end, at most as long as it may take for three wants."""
        self._thread.join(3 * self.deadline)

    def stop(self, abandon: bool = False) -> None:
        """Wait for the script to end, close, and raise what it raised.

        With `abandon` (the test has failed already) the connection is cut first, and nothing that
        the script raised is raised here: it is in `error`.
        """
        if abandon:
            self._abandoned = True
            self._close_all()
        self.join()
        alive = self._thread.is_alive()
        self._close_all()
        if alive:
            raise self._failure("the script did not end")
        if self.error is not None and not self._abandoned:
            raise self.error

    def __enter__(self) -> SocketPeer:  # noqa: PYI034  Self is not in 3.9
        return self.start()

    def __exit__(self, kind: object, *rest: object) -> None:
        self.stop(abandon=kind is not None)

    def _close_all(self) -> None:
        for opened in [self._listener, *self._sockets]:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in it
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            for opened in [self._listener, *self._sockets]:
                opened.close()

    # ---- the connection ----

    def accept(self) -> None:
        """Accept the next connection, with TLS where there is a context, and begin anew."""
        if self.socket is not None:
            self._begin()
            self.log.append("---- next connection")
        self._listener.settimeout(self.deadline)
        try:
            accepted, _ = self._listener.accept()
        except socket.timeout:
            raise self._failure(f"wanted a connection; none in {self.deadline} s") from None
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.settimeout(self.deadline)
        self._sockets.append(accepted)
        self.socket = accepted
        if self._context is not None:
            self.start_tls(self._context)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Be the server of a TLS handshake from here on: after CONNECT, say."""
        plain = self._connection()
        # In two steps, so that stop() knows the socket while the handshake waits.
        secure = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._sockets[self._sockets.index(plain)] = self.socket = secure
        secure.do_handshake()

    def want_refusal(self) -> OSError:
        """A connection whose TLS handshake the client breaks off; the error that it gave here."""
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
        """The protocol that ALPN chose, None in cleartext."""
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
        connection = self._connection()
        connection.settimeout(self.deadline)
        try:
            connection.sendall(octets)
        except socket.timeout:
            raise self._failure(f"the client took no octets for {self.deadline} s") from None

    def _more(self, deadline: float) -> bytes:
        connection = self._connection()
        # 0 would mean non-blocking, whose exception is another.
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            return connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            return b""

    def close(self) -> None:
        """End our side in order: close_notify under TLS, then FIN.

        Octets that the client still sends can be wanted, save under TLS, which is over after that.
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

    def cut(self) -> None:
        """End the TCP connection without close_notify: under TLS a truncation."""
        self._connection().shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Answer whatever comes with a TCP reset."""
        connection = self._connection()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
