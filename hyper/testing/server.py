"""A scripted HTTP/2 server on a port of the loopback, in threads of the test's process."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from .arrivals import DEADLINE, ClientEnded, PeerError
from .authority import Authority
from .scripts import serve
from .socket_peer import GONE, SocketPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .peer import Request

Script = Callable[[SocketPeer], Any]

# Connections that may wait to be accepted: a test opens dozens at once.
BACKLOG = 128

# Seconds for the connection that wakes the thread that accepts. The loopback answers at once.
WAKE_TIMEOUT = 1.0

# A script's end is waited for as long as three wants may take.
WANTS = 3


class Server:
    """A server that does what a script says: ``with Server(script) as server:``.

    The script is called for each connection, in a thread of its own, with the connection's
    `SocketPeer`. If it raises, its connection is cut at once, so that the client does not wait, and
    the end of the ``with`` block raises the exception. After a script that returned, the connection
    stays open until the server stops.

    Args:
        script: a function of a `SocketPeer`. The default answers every request.
        tls: True for TLS with a certificate made for this server, False for cleartext (prior
            knowledge), or a server's ``ssl.SSLContext``.
        once: True if the script is called once, for all connections. It begins with the first one,
            and goes on with the next one by ``peer.accept()``.
        alpn: the protocols that a server with ``tls=True`` takes, in its order.
        deadline: seconds that each want of a script waits. Far above what a loaded machine needs.
        host: the address of the loopback to listen on.
        listener: a listening socket to accept from, instead of a new one at `host`.

    Attributes:
        host, port: where it listens.
        authority: the `Authority` of its certificate, or None.
        requests: each whole request that a script has read, in order (`Request`).
        errors: what scripts have raised.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: bool | ssl.SSLContext = True,
        once: bool = False,
        alpn: Sequence[str] = ("h2",),
        deadline: float = DEADLINE,
        host: str = "127.0.0.1",
        listener: socket.socket | None = None,
    ) -> None:
        self.authority: Authority | None = Authority() if tls is True else None
        self._context: ssl.SSLContext | None = None
        if self.authority is not None:
            self._context = self.authority.server_context(alpn)
        elif isinstance(tls, ssl.SSLContext):
            self._context = tls
        self._script = serve() if script is None else script
        self.deadline = deadline
        if listener is None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, 0), family=family, backlog=BACKLOG)
        self.listener = listener
        self.host = host
        self.port: int = listener.getsockname()[1] if listener.family != _unix() else 0
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []
        self.connections: int = 0
        self.peers: list[SocketPeer] = []
        self._threads: list[threading.Thread] = []
        self._is_stopping = False
        self._is_abandoned = False
        self._once = once
        target = self._run_once if once else self._accept
        self._thread = threading.Thread(target=target, name="scripted server", daemon=True)

    # ---- what a test asks ----

    @property
    def url(self) -> str:
        """``https://127.0.0.1:port``, or http in cleartext, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._context else 'http'}://{host}:{self.port}"

    @property
    def ca_file(self) -> str:
        """The path of the PEM file that a client has to trust. It is there until `stop`.

        Raises:
            ValueError: the server has no certificate of its own making.
        """
        return self._own_authority().path

    def client_context(self, alpn: Sequence[str] = ()) -> ssl.SSLContext:
        """A client's context that trusts this server and nobody else.

        Args:
            alpn: the protocols to offer; hyper and httpx offer theirs by themselves.

        Raises:
            ValueError: the server has no certificate of its own making.
        """
        return self._own_authority().client_context(alpn)

    def _own_authority(self) -> Authority:
        if self.authority is None:
            raise ValueError("only a Server with tls=True has a certificate of its own making")
        return self.authority

    @property
    def log(self) -> list[str]:
        """A line for each frame and field that arrived, connection by connection."""
        if self._once:
            return [line for peer in self.peers for line in peer.log]
        return [line for peer in self.peers for line in (f"connection {peer.number}:", *peer.log)]

    # ---- life ----

    def start(self) -> Server:
        """Begin to accept.

        Returns:
            The server itself.
        """
        self._thread.start()
        return self

    def join(self) -> None:
        """Wait for the scripts that are running to end, as long as three wants may take."""
        for thread in [self._thread, *self._threads] if self._once else list(self._threads):
            thread.join(WANTS * self.deadline)

    def stop(self, abandon: bool = False) -> None:
        """Wait for the scripts to end, close all, and raise what the first of them raised.

        A script that wants more of a client gets the end of the connection, and fails. One that
        serves until the end, as the ready-made ones do, returns.

        Args:
            abandon: cut every connection first, and raise nothing. `errors` has what was raised.

        Raises:
            PeerError: a client did something else than its script wanted; any exception of a
                script's comes as it is.
        """
        self._is_abandoned = self._is_abandoned or abandon
        if abandon:
            self._is_stopping = True
            self._shut(socket.SHUT_RDWR)
        elif not self._once:
            self._is_stopping = True
            self._shut(socket.SHUT_RD)
        self.join()
        running = [each for each in [self._thread, *self._threads] if each.is_alive()]
        self._shut(socket.SHUT_RDWR)
        if running:
            for thread in running:
                thread.join(self.deadline)
        self._close()
        if self._is_abandoned:
            return
        if self.errors:
            raise self.errors[0]
        if self._once and running:
            raise PeerError("\n".join(["the script did not end\nframes seen:", *self.log]))

    def __enter__(self) -> Server:  # noqa: PYI034  as above
        return self.start()

    def __exit__(self, kind: object, *rest: object) -> None:
        self.stop(abandon=kind is not None)

    def _sockets(self) -> list[socket.socket]:
        return [opened for peer in list(self.peers) for opened in peer.sockets]

    def _shut(self, how: int) -> None:
        """Wake the threads that wait in a socket. The listener is shut whatever `how` says."""
        self._stop_listening()
        for opened in self._sockets():
            with suppress(OSError):
                # SSLSocket.shutdown would forget TLS while another thread reads.
                socket.socket.shutdown(opened, how)

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, on Linux
        if self.port:
            with suppress(OSError):
                # Elsewhere a last connection wakes it.
                socket.create_connection((self.host, self.port), WAKE_TIMEOUT).close()
        self.listener.close()

    def _close(self) -> None:
        for opened in [self.listener, *self._sockets()]:
            with suppress(OSError):
                opened.close()
        if self.authority is not None:
            self.authority.close()

    # ---- threads ----

    def _take(self, deadline: float) -> socket.socket:
        self.listener.settimeout(deadline)
        accepted, _ = self.listener.accept()
        self.connections += 1
        return accepted

    def _run_once(self) -> None:
        peer = SocketPeer(self._take, self._context, self.deadline)
        self._run(peer)

    def _accept(self) -> None:
        while not self._is_stopping:
            try:
                self.listener.settimeout(None)
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            peer = SocketPeer(_giving(accepted), self._context, self.deadline)
            peer.number = self.connections - 1
            thread = threading.Thread(target=self._run, args=(peer,), daemon=True)
            thread.start()
            # Not before: `join` wants threads that were started. One that has ended keeps its stack
            # on 3.13 for as long as it is kept.
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def _run(self, peer: SocketPeer) -> None:
        peer.requests = self.requests
        peer.host, peer.port = self.host, self.port
        peer.stop_listening = self._stop_listening
        self.peers.append(peer)
        try:
            if not self._once:
                peer.accept()
            self._script(peer)
        except BaseException as error:  # noqa: BLE001 - stop() raises it
            if not self._is_idle(peer, error):
                self.errors.append(error)
            for opened in peer.sockets:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
                opened.close()

    def _is_idle(self, peer: SocketPeer, error: BaseException) -> bool:
        """True if a client has opened a connection and closed it without a word."""
        return not self._once and isinstance(error, (ClientEnded, *GONE)) and not peer.log


def _giving(accepted: socket.socket) -> Callable[[float], socket.socket]:
    return lambda _: accepted


def _unix() -> object:
    return getattr(socket, "AF_UNIX", None)
