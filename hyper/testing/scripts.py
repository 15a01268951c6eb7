"""Scripts by name: a server that serves, and servers that misbehave.

Each function returns a script for `Server`. A script counts over all of its connections, except
where its docstring says otherwise: a client's second try on another connection is the second.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Callable

from . import wire
from .peer import Request
from .socket_peer import SocketPeer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .arrivals import Fields

Answer = Callable[[SocketPeer, Request], Any]

# The content of the scripts that stop in the middle: long enough to have one.
CONTENT = b"0123456789abcdef" * 64


def ok(peer: SocketPeer, request: Request) -> None:
    """Answer 200 with the request's content, or with its method and path if it has none.

    Args:
        peer: the connection's `SocketPeer`.
        request: the `Request` that it has read.
    """
    content = request.content or f"{request.method} {request.path}\n".encode("latin-1")
    peer.write_headers(request.stream_id, [(":status", "200")])
    peer.write_content(request.stream_id, content)


def requests(peer: SocketPeer, stalled: tuple[int, ...] = ()) -> Iterator[Request]:
    """The requests of a connection as they get whole, until the client ends it.

    PING and SETTINGS are acknowledged, and windows are opened again by what arrives, except those
    of `stalled` streams. Requests that the client resets before they are whole are passed over.

    Args:
        peer: the connection's `SocketPeer`.
        stalled: identifiers of the streams whose windows stay as they are.
    """
    peer.acknowledges = True
    heads: dict[int, Fields] = {}
    trailers: dict[int, Fields] = {}
    contents: defaultdict[int, list[bytes]] = defaultdict(list)
    while not peer.has_ended:
        for frame, fields, _ in peer.arrivals():
            stream_id = frame.stream_id
            if frame.type == wire.RST_STREAM:
                heads.pop(stream_id, None)
            elif frame.type == wire.HEADERS and stream_id not in heads:
                heads[stream_id] = fields or []
            elif frame.type == wire.HEADERS:
                trailers[stream_id] = fields or []
            elif frame.type == wire.DATA and stream_id in heads:
                contents[stream_id].append(frame.content)
                if frame.payload and stream_id not in stalled:
                    peer.write_window_update(0, len(frame.payload))
                    if not frame.end_stream:
                        peer.write_window_update(stream_id, len(frame.payload))
            if not frame.end_stream or stream_id not in heads:
                continue
            content = b"".join(contents.pop(stream_id, ()))
            request = Request(stream_id, heads.pop(stream_id), content)
            request.trailers = trailers.pop(stream_id, [])
            request.connection = peer.number
            peer.requests.append(request)
            yield request


def serve(answer: Answer = ok) -> Callable[[SocketPeer], None]:
    """A server that behaves: every request is answered, one after another on a connection.

    Args:
        answer: called with the peer and the `Request`. It writes the response.
    """

    def script(peer: SocketPeer) -> None:
        peer.handshake()
        for request in requests(peer):
            answer(peer, request)

    return script


def goaway_after(
    count: int, answer: Answer = ok, code: int = wire.NO_ERROR
) -> Callable[[SocketPeer], None]:
    """A server that ends each connection after `count` requests, as nginx does (6.8).

    GOAWAY names the last request that was answered. Those above it are not processed, and not
    answered: a client may send them again on another connection.

    Args:
        count: requests of each connection that are answered.
        answer: called with the peer and the `Request` to write each response that is whole.
        code: GOAWAY's error code.
    """

    def script(peer: SocketPeer) -> None:
        peer.handshake()
        for number, request in enumerate(requests(peer), 1):
            answer(peer, request)
            if number == count:
                peer.write_goaway(request.stream_id, code)
                peer.end()
                return

    return script


def refuse(
    count: int, answer: Answer = ok, code: int = wire.REFUSED_STREAM
) -> Callable[[SocketPeer], None]:
    """A server that refuses the first `count` requests by RST_STREAM, and answers the others.

    REFUSED_STREAM guarantees that the request was not processed (8.7). With another `code`, such as
    ``wire.INTERNAL_ERROR``, a client does not know.

    Args:
        count: how many are refused, over all connections.
        answer: called with the peer and the `Request` to write each response that is whole.
        code: RST_STREAM's error code.
    """
    first = _First(count)

    def misbehaving(peer: SocketPeer, request: Request) -> None:
        if first():
            peer.write_rst(request.stream_id, code)
        else:
            answer(peer, request)

    return serve(misbehaving)


def unavailable(
    count: int, answer: Answer = ok, status: int = 503, headers: wire.Pairs = ()
) -> Callable[[SocketPeer], None]:
    """A server that answers the first `count` requests with `status`, 503 say, then as it should.

    `headers` are added: ``[("retry-after", "1")]``.

    Args:
        count: how many are answered so, over all connections.
        answer: called with the peer and the `Request` to write each response that is whole.
        status: the status of those.
        headers: further fields of those, as (name, value).
    """
    first = _First(count)
    fields = [(":status", str(status)), *headers]

    def misbehaving(peer: SocketPeer, request: Request) -> None:
        if first():
            peer.write_response(request.stream_id, b"", fields)
        else:
            answer(peer, request)

    return serve(misbehaving)


def stall(stream: int = 1, answer: Answer = ok) -> Callable[[SocketPeer], None]:
    """A server that falls silent on one stream of each connection, and serves the others.

    The stream's response stops in the middle of its content, and its window is never opened again,
    so that an upload of more than 65,535 octets stops as well.

    Args:
        stream: the identifier: 1 is a connection's first request, 3 its second.
        answer: how the others are answered.
    """

    def script(peer: SocketPeer) -> None:
        peer.handshake()
        for request in requests(peer, (stream,)):
            if request.stream_id == stream:
                _half_an_answer(peer, request)
            else:
                answer(peer, request)

    return script


def die_in_the_middle(count: int = 1, answer: Answer = ok) -> Callable[[SocketPeer], None]:
    """A server that dies in the middle of the first `count` responses, and then serves.

    Half of the content is sent. Then the TCP connection ends, without GOAWAY or END_STREAM.

    Args:
        count: how many die, over all connections.
        answer: called with the peer and the `Request` to write each response that is whole.
    """
    first = _First(count)

    def script(peer: SocketPeer) -> None:
        peer.handshake()
        for request in requests(peer):
            if first():
                _half_an_answer(peer, request)
                peer.cut()
                return
            answer(peer, request)

    return script


def slow(octets: int, seconds: float, content: bytes = CONTENT) -> Callable[[SocketPeer], None]:
    """A server whose content comes `octets` at a time, with a pause of `seconds` before each.

    Args:
        octets: how many come at a time.
        seconds: the pause before each of them.
        content: what is sent in all.
    """

    def misbehaving(peer: SocketPeer, request: Request) -> None:
        fields = [(":status", "200"), ("content-length", str(len(content)))]
        peer.write_headers(request.stream_id, fields, end_stream=not content)
        for at in range(0, len(content), octets):
            time.sleep(seconds)
            ends = at + octets >= len(content)
            if not peer.write_content(request.stream_id, content[at : at + octets], ends):
                return

    return serve(misbehaving)


def _half_an_answer(peer: SocketPeer, request: Request) -> None:
    """Promise all of CONTENT, and send a half."""
    fields = [(":status", "200"), ("content-length", str(len(CONTENT)))]
    peer.write_headers(request.stream_id, fields)
    peer.write_data(request.stream_id, CONTENT[: len(CONTENT) // 2])


class _First:
    """Called, it is True `count` times, whichever thread asks."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0
