"""A server of many connections at once, for threads: each connection has a thread and a Peer.

`Origin(serve)` listens on the loopback and calls `serve(peer)` for each connection, with all the
verbs of test/peer.py; `peer.number` counts the connections from 1. The exception of a `serve` is
kept in `errors` and raised by `stop`, except the end of a connection.

`Echo` is one that answers every request with what it says, so that a test can see whose answer it
has octet by octet, and counts what it has processed. It can say GOAWAY every few requests, and
refuse streams.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable

from test import wire
from test.peer import DEADLINE, Peer, PeerError

if TYPE_CHECKING:
    import ssl

# The connection's window is no part of the play.
WIDE = 2**30


class Ended(Exception):
    """The client has ended this connection."""


class Accepted(Peer):
    """One connection of an origin."""

    def __init__(self, accepted: socket.socket, number: int, deadline: float) -> None:
        super().__init__(deadline)
        self.socket = accepted
        self.number = number

    def write(self, octets: bytes) -> None:
        try:
            self.socket.settimeout(self.deadline)
            self.socket.sendall(octets)
        except (OSError, ValueError) as error:
            raise Ended from error

    def _more(self, deadline: float) -> bytes:
        try:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            return self.socket.recv(65536)
        except socket.timeout:
            raise
        except (OSError, ValueError):
            return b""

    def arrivals(self) -> Any:
        """Every frame as it comes, with the fields of those that have a field block."""
        while True:
            while self._arrived:
                yield self._arrived.pop(0)
            if not self._cut():
                try:
                    octets = self._more(time.monotonic() + self.deadline)
                except socket.timeout:
                    return
                if not octets:
                    return
                self._octets += octets

    def end(self) -> None:
        """FIN, then read what still comes, so that the kernel resets nothing."""
        with contextlib.suppress(OSError, ValueError):
            self.socket.shutdown(socket.SHUT_WR)
            for _ in self.arrivals():
                pass
        with contextlib.suppress(OSError):
            self.socket.close()


class Origin:
    """Accepts connections until `stop`, and serves each in a thread of its own."""

    def __init__(
        self,
        serve: Callable[[Accepted], Any],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._serve = serve
        self._context = context
        self._deadline = deadline
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.errors: list[BaseException] = []
        self.connections = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            arguments = (accepted, self.connections)
            thread = threading.Thread(target=self._run, args=arguments, daemon=True)
            self._sockets.append(accepted)
            self._threads.append(thread)
            thread.start()

    def _run(self, accepted: socket.socket, number: int) -> None:
        try:
            accepted.settimeout(self._deadline)
            if self._context is not None:
                accepted = self._context.wrap_socket(accepted, server_side=True)
                self._sockets.append(accepted)
            self._serve(Accepted(accepted, number, self._deadline))
        except (Ended, OSError):
            pass
        except PeerError as error:
            if "the client had ended" not in str(error):
                self.errors.append(error)
        except BaseException as error:  # noqa: BLE001  stop() raises it
            self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                accepted.close()

    def __enter__(self) -> Any:
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self.stop(quiet=kind is not None)

    def stop(self, quiet: bool = False) -> None:
        """End every connection, and raise what a `serve` has raised."""
        for opened in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(self._deadline)
        self._listener.close()
        for thread in self._threads:
            thread.join(self._deadline)
        if self.errors and not quiet:
            raise self.errors[0]


class Echo(Origin):
    """Answers with method, path, authorization and content; `processed` counts the paths.

    goaway_every: requests after which a connection says GOAWAY (NO_ERROR), with the last one's
    stream id; what comes later there is not processed, and not counted. hidden_limit: streams at
    once beyond which it says REFUSED_STREAM without having announced a limit. die_every: requests
    after which a connection ends by FIN, without GOAWAY. A path that begins with /last is answered
    and followed by GOAWAY.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        *,
        goaway_every: int = 0,
        hidden_limit: int = 0,
        settings: Any = (),
        die_every: int = 0,
        deadline: float = DEADLINE,
    ) -> None:
        super().__init__(self._answer_all, context, deadline)
        self._goaway_every = goaway_every
        self._hidden_limit = hidden_limit
        self._settings = settings
        self._die_every = die_every
        self._counting = threading.Lock()
        self.processed: Counter[str] = Counter()
        self.refused = 0

    @staticmethod
    def answer_to(
        method: str, path: str, authorization: str | None = None, content: bytes = b""
    ) -> bytes:
        """The content with which a request is answered: that of nobody else."""
        head = f"{method} {path} {authorization or '-'} {len(content)}\n"
        return head.encode("latin-1") + content

    def _answer_all(self, peer: Accepted) -> None:
        peer.handshake(self._settings)
        peer.write(wire.window_update(0, WIDE))
        requests: dict[int, tuple[dict[str, str], list[bytes]]] = {}
        answered, last = 0, 0
        for frame, fields, _ in peer.arrivals():
            stream_id = frame.stream_id
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            elif frame.type == wire.SETTINGS and not frame.ack:
                peer.write_settings(ack=True)
            elif frame.type == wire.GOAWAY:
                break
            elif frame.type == wire.RST_STREAM:
                requests.pop(stream_id, None)
            elif frame.type == wire.HEADERS and stream_id not in requests:
                if self._hidden_limit and len(requests) >= self._hidden_limit:
                    self.refused += 1
                    peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
                    continue
                requests[stream_id] = (dict(fields or ()), [])
            elif frame.type == wire.DATA and stream_id in requests:
                requests[stream_id][1].append(frame.content)
                if frame.payload and not frame.end_stream:
                    peer.write(wire.window_update(stream_id, len(frame.payload)))
            if frame.type not in (wire.HEADERS, wire.DATA) or not frame.end_stream:
                continue
            if stream_id not in requests:
                continue
            section, pieces = requests.pop(stream_id)
            answered, last = answered + 1, max(last, stream_id)
            is_last = bool(self._goaway_every) and answered >= self._goaway_every
            is_last = is_last or section[":path"].startswith("/last")
            self._answer(peer, stream_id, section, b"".join(pieces))
            if is_last or (self._die_every and answered >= self._die_every):
                if is_last:
                    # Those that are open above it were not processed (RFC 9113, 6.8); so are those
                    # below it of which only a part has come, and which are refused one by one.
                    for open_id in requests:
                        if open_id < last:
                            peer.write(wire.rst_stream(open_id, wire.REFUSED_STREAM))
                    peer.write(wire.goaway(last, wire.NO_ERROR))
                    peer.end()
                return

    def _answer(
        self, peer: Accepted, stream_id: int, section: dict[str, str], content: bytes
    ) -> None:
        method, path = section[":method"], section[":path"]
        with self._counting:
            self.processed[path] += 1
        answer = self.answer_to(method, path, section.get("authorization"), content)
        peer.write_response(stream_id, answer, [(":status", "200"), ("x-path", path)])
