"""An Endpoint between the test and its wire: frames go in as hand-built octets, and what it answers
comes out as frames read by hand. No IO, no thread, nothing but pytest's Python is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyper.hpack import Decoder, Encoder
from hyper.protocol import states
from hyper.protocol.endpoint import Endpoint
from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from weakref import ref

    from hyper.protocol.flow.budget import Budget
    from hyper.protocol.stream import Stream
    from hyper.testing.wire import Frame

AUTHORITY = "example.org"

OK = wire.block([(":status", "200")])
TRAILERS = wire.block([("checksum", "1")])


def request(path: str = "/", method: str = "GET") -> tuple[tuple[bytes, bytes], ...]:
    """The field section of a request, which a promise carries too."""
    return (
        (b":method", method.encode()),
        (b":scheme", b"https"),
        (b":authority", AUTHORITY.encode()),
        (b":path", path.encode()),
    )


CONNECT = ((b":method", b"CONNECT"), (b":authority", b"far.example:443"))
PROMISE = wire.block(request("/promised"))


class MemoryEndpoint:
    """An endpoint after its handshake (without: before the peer's SETTINGS), pushes allowed."""

    def __init__(
        self,
        settings: Mapping[int, int] | None = None,
        *,
        peer_settings: Mapping[int, int] | None = None,
        connection_window: int = 65_535,
        window_manager: type = FlowControlManager,
        handshake: bool = True,
        list_size: int = 65_536,
        first_stream_id: int = 1,
        unread_limit: int = 2**26,
        former: Iterable[ref[Budget]] = (),
        is_taken: bool = True,
    ) -> None:
        self.time = 0.0  # the endpoint's clock
        self.endpoint = Endpoint(
            settings or {},
            window_manager,
            connection_window,
            encoder=Encoder(),
            decoder=Decoder(max_list_size=list_size),
            covers=lambda scheme, authority: (scheme, authority) == ("https", AUTHORITY),
            unread_limit=unread_limit,
            now=lambda: self.time,
            former=former,
        )
        self.endpoint.next_stream_id = first_stream_id
        self.decoder = Decoder()  # of what the endpoint sends
        if not is_taken:  # the preface is left for the test
            return
        octets = self.endpoint.take_outbound()
        assert octets.startswith(wire.PREFACE)
        self.preface, _ = wire.read(octets[len(wire.PREFACE) :])
        if handshake:
            self.receive(wire.settings(peer_settings or {}) + wire.settings(ack=True))

    def receive(self, *octets: bytes) -> list[Frame]:
        """Let whole frames come, and say what they were answered with."""
        joined = b"".join(octets)
        taken = self.endpoint.receive(memoryview(joined))
        assert taken == len(joined)
        return self.sent()

    def sent(self) -> list[Frame]:
        """The frames queued since the last look."""
        frames, rest = wire.read(self.endpoint.take_outbound())
        assert rest == b""
        return frames

    def open(self, method: str = "GET", path: str = "/", *, end_stream: bool = True) -> Stream:
        """Send a request; its frames are dropped."""
        section = request(path, method)
        stream = self.endpoint.send_request(section, method, end_stream=end_stream)
        self.sent()
        return stream

    def answer(self, stream: Stream, content: bytes = b"", *, end_stream: bool = True) -> None:
        """Let a response come, or with end_stream=False its beginning."""
        self.receive(wire.headers(stream.id, OK), wire.data(stream.id, content, end_stream))

    def check_goes_on(self) -> None:
        """The connection is as good as ever: one more request is answered."""
        stream = self.open()
        self.answer(stream, b"still here")
        assert b"".join(stream.content) == b"still here"
        assert stream.is_over
        assert stream.failure is None


# The streams of the busy connection, one in each state that 5.1 knows.
RESPONDING = 1  # half-closed (local); its response has begun
AWAITING = 3  # half-closed (local); no response yet
ENDED = 5  # closed, by END_STREAM of both sides
CANCELLED = 7  # closed, by our RST_STREAM
OPEN = 9  # open: the request goes on, no response yet
ANSWERED = 11  # half-closed (remote): a whole response, while the request goes on
CONNECTED = 13  # open: a tunnel, made by CONNECT
REFUSED = 15  # closed, by the peer's RST_STREAM
IDLE = 17
PROMISED = 2  # reserved (remote)
PUSHED = 4  # half-closed (local); the promised response has begun
IDLE_PROMISE = 6


def busy(**settings) -> MemoryEndpoint:
    """A connection with a stream in each state."""
    client = MemoryEndpoint(**settings)
    endpoint = client.endpoint
    client.open(path="/responding")
    client.open(path="/awaiting")
    client.answer(client.open(path="/ended"))
    endpoint.cancel(client.open(path="/cancelled"))
    client.open("POST", end_stream=False)
    client.answer(client.open("POST", end_stream=False))
    connect = endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    client.answer(connect, end_stream=False)
    refused = client.open(path="/refused")
    client.receive(wire.rst_stream(refused.id, wire.REFUSED_STREAM))
    client.receive(
        wire.headers(RESPONDING, OK),
        wire.push_promise(RESPONDING, PROMISED, PROMISE),
        wire.push_promise(RESPONDING, PUSHED, PROMISE),
        wire.headers(PUSHED, OK),
    )
    assert [
        states.STATE_NAMES[endpoint.state_of(stream_id)]
        for stream_id in (*range(RESPONDING, IDLE + 2, 2), PROMISED, PUSHED, IDLE_PROMISE)
    ] == [
        *("half-closed (local)", "half-closed (local)", "closed", "cancelled"),
        *("open", "half-closed (remote)", "open", "closed", "idle"),
        *("reserved (remote)", "half-closed (local)", "idle"),
    ]
    return client
