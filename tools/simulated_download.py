"""One download by a real ``Endpoint``, on a path and a clock that are calculated.

The hardest case: the first request of a cleartext connection, for content of unknown length. No
octet leaves the process, and each run is the same.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Callable, NamedTuple

from hyper.hpack import Decoder, Encoder
from hyper.protocol.endpoint import Endpoint
from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire

MIB = 1024 * 1024
#: The path: seconds to the server and back, and octets a second.
ROUND_TRIP, RATE = 0.05, 40_000_000
#: Octets of the response, and of one frame.
SIZE, FRAME = 48 * MIB, 16_384
#: The window that each stream begins with.
FIRST_WINDOW = 128 * 1024
#: Seconds in which the reader reads nothing.
PAUSE = (1.0, 1.3)

REQUEST = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":authority", b"example.org"),
    (b":path", b"/"),
)


class Sample(NamedTuple):
    """Octets of the three parts of a share, at a moment."""

    moment: float
    window: int
    unread: int
    unclaimed: int


class Download:
    """A client's end, a server that sends all that it may, and the path between them."""

    def __init__(self) -> None:
        self.time = 0.0
        self.numbers = itertools.count()  # of events of the same moment, in their order
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.samples: list[Sample] = []
        self.room, self.left = FIRST_WINDOW, SIZE
        self.is_busy = False  # the path takes the server's next frame later
        self.endpoint = Endpoint(
            {wire.SETTINGS_INITIAL_WINDOW_SIZE: FIRST_WINDOW},
            FlowControlManager,
            2**31 - 1,
            encoder=Encoder(),
            decoder=Decoder(),
            covers=lambda *_: True,
            unread_limit=96 * MIB,
            now=lambda: self.time,
        )
        self.endpoint.receive(memoryview(wire.settings()))
        self.stream = self.endpoint.send_request(REQUEST, "GET", end_stream=True)
        self.endpoint.take_outbound()
        head = wire.headers(self.stream.id, wire.block([(":status", "200")]))
        self.after(ROUND_TRIP, lambda: self.come(wire.settings(ack=True) + head))
        self.after(ROUND_TRIP / 2, self.serve)
        for moment in PAUSE:
            self.after(moment, self.read)

    def after(self, seconds: float, step: Callable[[], None]) -> None:
        """Take a step so many seconds from now."""
        heapq.heappush(self.events, (self.time + seconds, next(self.numbers), step))

    def run(self) -> list[Sample]:
        """Take each step at its moment, until the response is whole and read."""
        while self.events:
            self.time, _, step = heapq.heappop(self.events)
            step()
        return self.samples

    def serve(self) -> None:
        """The server sends one frame, if it may, and goes on when the path has taken it."""
        size = min(FRAME, self.room, self.left)
        if self.is_busy or size <= 0:
            return
        self.is_busy = True
        self.room -= size
        self.left -= size
        frame = wire.data(self.stream.id, bytes(size), end_stream=not self.left)
        self.after(size / RATE, self.serve_next)
        self.after(size / RATE + ROUND_TRIP / 2, lambda: self.come(frame))

    def serve_next(self) -> None:
        """The path is free again."""
        self.is_busy = False
        self.serve()

    def come(self, octets: bytes) -> None:
        """Octets reach the client, which reads."""
        self.endpoint.receive(memoryview(octets))
        self.read()

    def read(self) -> None:
        """The reader takes what there is, and waits for more, unless it pauses."""
        stream = self.stream
        if not PAUSE[0] <= self.time < PAUSE[1]:
            size = sum(map(len, stream.content))
            stream.content.clear()
            if size:
                self.endpoint.consume(stream, size)
            if stream.has_head() and stream.is_exhausted:
                self.endpoint.grow_blocked_window(stream)
        for frame in wire.read(self.endpoint.take_outbound())[0]:
            self.after(ROUND_TRIP / 2, lambda frame=frame: self.answer(frame))
        unread = sum(map(len, stream.content))
        window = stream.receive_window
        parts = (window.size, unread, window.share.unclaimed)
        if not stream.is_over:
            self.samples.append(Sample(self.time, *parts))

    def answer(self, frame: wire.Frame) -> None:
        """A frame of the client's reaches the server."""
        if frame.type == wire.WINDOW_UPDATE and frame.stream_id == self.stream.id:
            self.room += wire.number(frame.payload)
            self.serve()
        elif frame.type == wire.PING:
            octets = wire.ping(frame.payload, ack=True)
            self.after(ROUND_TRIP / 2, lambda: self.come(octets))


def download() -> list[Sample]:
    """Return what the share was at each step."""
    return Download().run()
