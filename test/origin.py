"""Servers whose clients may end at any time, for threads and interruptions.

`Origin(serve)` is hyper.testing's Server with other manners: it calls `serve(peer)` for each
connection, and ends the connection when that returns. The end of a client is no error.

`Echo` is one that answers every request with what it says, so that a test can see whose answer it
has octet by octet, and counts what it has processed. It can say GOAWAY every few requests, and
refuse streams.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable

from hyper.testing import DEADLINE, ClientEnded, Server, SocketPeer, wire

if TYPE_CHECKING:
    import ssl

# The connection's window is no part of the play.
WIDE = 2**30


class Origin(Server):
    """Serves each connection in a thread of its own, and ends it when `serve` returns.

    Clients that end, and TLS handshakes that they break off, are no errors here.
    """

    def __init__(
        self,
        serve: Callable[[SocketPeer], Any],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        def script(peer: SocketPeer) -> None:
            try:
                serve(peer)
            except (ClientEnded, OSError, ValueError):
                pass
            finally:
                with contextlib.suppress(OSError):
                    peer.socket.close()

        super().__init__(script, tls=context or False, deadline=deadline)

    def stop(self, abandon: bool = False) -> None:
        """End every connection at once, and raise what a `serve` has raised."""
        super().stop(abandon=True)
        self.errors = [error for error in self.errors if not isinstance(error, OSError)]
        if self.errors and not abandon:
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

    def _answer_all(self, peer: SocketPeer) -> None:
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
        self, peer: SocketPeer, stream_id: int, section: dict[str, str], content: bytes
    ) -> None:
        method, path = section[":method"], section[":path"]
        with self._counting:
            self.processed[path] += 1
        answer = self.answer_to(method, path, section.get("authorization"), content)
        peer.write_response(stream_id, answer, [(":status", "200"), ("x-path", path)])
