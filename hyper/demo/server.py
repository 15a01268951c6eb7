"""The café's server: PyPI's h2 for the protocol, a thread and an ``SSLSocket`` for the octets.

``Session`` is one connection without IO: octets and the time go in, octets come out.  ``Server``
moves them.  It serves one connection, because the story needs no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import socket
import ssl
import threading
import time

import trustme
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from . import cafe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    Fields = list[tuple[str, str]]

#: Seconds without any octet after which the server closes the connection.
IDLE_TIMEOUT = 30.0


def as_text(headers: Iterable[tuple[str | bytes, str | bytes]]) -> Fields:
    """The fields of an event as text, as h2 was configured; its types allow octets too."""
    return [(str(name), str(value)) for name, value in headers]


class Exchange:
    """A request as far as it was received, then the rest of its response."""

    __slots__ = ("content", "fields", "method", "path", "received", "sha256", "trailers")

    def __init__(self, method: str, path: str) -> None:
        self.method: str = method
        self.path: str = path
        self.received: int = 0
        self.sha256: hashlib._Hash = hashlib.sha256()
        self.trailers: Fields = []  # the request's, until the answer's take their place
        self.fields: Fields = []
        self.content: memoryview = memoryview(b"")


class Session:
    """One connection from the server's side: ``receive``, then send what ``advance`` gives."""

    def __init__(self) -> None:
        self.engine: H2Connection = H2Connection(
            H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self.engine.initiate_connection()
        self.menu: dict[str, cafe.Dish] = cafe.menu()
        self.exchanges: dict[int, Exchange] = {}
        self.kitchen: list[tuple[float, int]] = []  # (moment, stream id): answers in the making
        self.table: list[int] = []  # streams whose content is on its way

    def receive(self, octets: bytes) -> None:
        """Take received octets; raises h2's ProtocolError if the client breaks the rules."""
        for event in self.engine.receive_data(octets):
            if isinstance(event, events.RequestReceived):
                self.open(event.stream_id, dict(as_text(event.headers)))
            elif isinstance(event, events.DataReceived):
                exchange = self.exchanges[event.stream_id]
                exchange.sha256.update(event.data)
                exchange.received += len(event.data)
                self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, events.TrailersReceived):
                self.exchanges[event.stream_id].trailers = as_text(event.headers)
            elif isinstance(event, events.StreamEnded):
                self.cook(event.stream_id)
            elif isinstance(event, events.StreamReset):
                self.exchanges.pop(event.stream_id, None)

    def open(self, stream_id: int, request: dict[str, str]) -> None:
        """Note the request; hint at and promise what belongs to it (RFC 8297; RFC 9113, 8.4)."""
        path = request[":path"]
        self.exchanges[stream_id] = Exchange(request[":method"], path)
        promises = cafe.PROMISES.get(path, [])
        if promises:
            self.engine.send_headers(stream_id, [(":status", "103"), ("link", cafe.HINT)])
        if not self.engine.remote_settings.enable_push:
            return
        for promised in promises:
            promised_id = self.engine.get_next_available_stream_id()
            fields = {**request, ":method": "GET", ":path": promised}
            self.engine.push_stream(stream_id, promised_id, list(fields.items()))
            self.exchanges[promised_id] = Exchange("GET", promised)
            self.cook(promised_id)

    def cook(self, stream_id: int) -> None:
        """Make the response of a whole request, and note when it will be ready."""
        exchange = self.exchanges[stream_id]
        if exchange.method == "POST":
            digest = cafe.spelled(exchange.sha256)
            agrees = ("content-digest", digest) in exchange.trailers
            dish = cafe.Dish(b"The trailer agrees.\n" if agrees else b"The trailer does not.\n")
            more = [("received-digest", digest), ("received", str(exchange.received))]
        else:
            found = self.menu.get(exchange.path)
            dish = found or cafe.Dish(b"Not on the menu.\n")
            more = []
        status = "200" if exchange.method == "POST" or found else "404"
        exchange.fields = [(":status", status), ("content-type", dish.media_type), *more]
        exchange.content = memoryview(dish.content)
        exchange.trailers = [("content-digest", cafe.digest(dish.content))]
        heapq.heappush(self.kitchen, (time.monotonic() + dish.delay, stream_id))

    def advance(self) -> bytes:
        """Begin the responses that are ready, continue the others; returns the octets to send."""
        while self.kitchen and self.kitchen[0][0] <= time.monotonic():
            _, stream_id = heapq.heappop(self.kitchen)
            if stream_id in self.exchanges:
                self.engine.send_headers(stream_id, self.exchanges[stream_id].fields)
                self.table.append(stream_id)
        self.table = [stream_id for stream_id in self.table if not self.serve(stream_id)]
        return self.engine.data_to_send()

    def serve(self, stream_id: int) -> bool:
        """Send as much content as the windows allow; returns True at the stream's end."""
        exchange = self.exchanges.get(stream_id)
        if exchange is None:
            return True
        while exchange.content:
            room = self.engine.local_flow_control_window(stream_id)
            size = min(room, self.engine.max_outbound_frame_size)
            if size <= 0:
                return False
            self.engine.send_data(stream_id, bytes(exchange.content[:size]))
            exchange.content = exchange.content[size:]
        self.engine.send_headers(stream_id, exchange.trailers, end_stream=True)
        del self.exchanges[stream_id]
        return True


class Server:
    """The café's server socket: a loopback port, a certificate, and a thread that accepts."""

    def __init__(self) -> None:
        self.authority: trustme.CA = trustme.CA()
        self.context: ssl.SSLContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["h2"])
        self.authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self.listener: socket.socket = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(IDLE_TIMEOUT)
        self.port: int = self.listener.getsockname()[1]
        self.session: Session = Session()
        self.complaint: str = ""  # the client's fault, as h2 words it
        self.thread: threading.Thread = threading.Thread(
            target=self.run, name="demo server", daemon=True
        )

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        self.thread.join(timeout=1.0)

    def run(self) -> None:
        """Accept one connection, and serve it until the client closes it."""
        try:
            with contextlib.suppress(OSError):  # the client has closed, with or without GOAWAY
                plain, _ = self.listener.accept()
                # An answer to PING would wait 40 ms for the client's delayed acknowledgement.
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.context.wrap_socket(plain, server_side=True) as sock:
                    self.attend(sock, self.session)
        except ProtocolError as error:
            self.complaint = f"{type(error).__name__}: {error}"

    def attend(self, sock: ssl.SSLSocket, session: Session) -> None:
        """Move octets between the socket and the session."""
        while True:
            sock.settimeout(IDLE_TIMEOUT)
            sock.sendall(session.advance())
            if session.kitchen:
                sock.settimeout(max(0.001, session.kitchen[0][0] - time.monotonic()))
            try:
                octets = sock.recv(65536)
            except socket.timeout:
                if not session.kitchen:
                    raise
                continue
            if not octets:
                return
            try:
                session.receive(octets)
            except ProtocolError:
                sock.sendall(session.engine.data_to_send())  # its GOAWAY
                raise
