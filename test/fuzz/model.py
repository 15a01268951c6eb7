"""A server and a caller that do anything, by chance, and two endpoints that must agree.

One endpoint gets each frame as a whole, the other one cut anywhere. After each step both are asked
for contradictions (`Watched.check`: windows, states, the budget, what may be sent), and both must
have sent the same octets and hold the same content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyper.protocol.flow.windows import MAX_WINDOW_SIZE
from hyper.testing import wire
from test.fuzz.mutations import mutated, pieces
from test.memory_endpoint import OK, PROMISE, TRAILERS
from test.property.test_endpoint import Watched

if TYPE_CHECKING:
    from random import Random

SIZES = (0, 0, 1, 9, 100, 1023, 5_000, 16_384, 16_385)
NUMBERS = (0, 1, 2, 5, 100, 16_384, 65_535, 100_000, 2**24 - 1, 2**31 - 1, 2**31, 2**32 - 1)
PADS = (None, None, None, 0, 1, 255)
BLOCKS = (
    *(OK, OK, OK, TRAILERS, TRAILERS, PROMISE, b"", b"\x80", b"\x20", b"\x3f\xe1\x1f", b"\xbe"),
    wire.block([(":status", "103"), ("link", "</a>; rel=preload")]),
    wire.block([(":status", "100")]),
    wire.block([(":status", "200"), ("content-length", "100")]),
    wire.block([(":status", "204"), ("content-length", "1")]),
    wire.block([(":status", "200"), ("x-long", "a" * 20_000)]),
    wire.block([(":status", "200"), ("Upper", "case")]),
    b"\x88\x40" + wire.string("indexed") + wire.string("field"),
)
COMMANDS = ("open", "upload", "send", "trailers", "cancel", "read", "read", "ping")
STEPS = 60


class Twin(Watched):
    """A busy connection whose octets come in pieces of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = b""

    def receive(self, octets: bytes) -> None:
        self.rest += octets
        taken = self.endpoint.receive(memoryview(self.rest))
        assert 0 <= taken <= len(self.rest)
        self.rest = self.rest[taken:]

    def check(self) -> list[wire.Frame]:
        """Check as a Watched does, and return what was sent."""
        sent: list[wire.Frame] = []
        look = self.client.sent

        def sent_now() -> list[wire.Frame]:
            sent.extend(look())
            return sent

        self.client.sent = sent_now  # type: ignore[method-assign]
        try:
            super().check()
        finally:
            del self.client.sent  # type: ignore[attr-defined]
        return sent


class Game:
    """One run of steps; chance decides all of them."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.whole, self.cut = Twin(), Twin()
        self.opaque = 0
        self.promised = 6

    def run(self) -> None:
        for _ in range(self.chance.randint(1, STEPS)):
            if self.chance.random() < 0.35:
                self.command()
            else:
                octets = self.frame()
                self.whole.receive(octets)
                for piece in pieces(self.chance, octets):
                    self.cut.receive(piece)
            self.compare()
        for twin in (self.whole, self.cut):
            twin.endpoint.receive_eof()
        self.compare()

    def command(self) -> None:
        """Both callers do the same."""
        name, number = self.chance.choice(COMMANDS), self.chance.randrange(30)
        for twin in (self.whole, self.cut):
            twin.client.time += 0.01
            if name == "ping":
                if not twin.endpoint.failure:
                    twin.endpoint.send_ping(self.opaque.to_bytes(8, "big"))
            else:
                twin.command(name, number)
        self.opaque += 1

    def compare(self) -> None:
        ours = [self.content(twin) for twin in (self.whole, self.cut)]
        assert ours[0] == ours[1]
        sent = [self.sent(twin) for twin in (self.whole, self.cut)]
        assert sent[0] == sent[1]

    @staticmethod
    def sent(twin: Twin) -> tuple[list[bytes], int]:
        """Check a twin; what it has sent, and by how much it has opened the connection's window.

        That is done once a read, so that the cutting decides in how many steps, and whether it is
        done before the connection fails.
        """
        frames, increment = [], 0
        for frame in twin.check():
            if frame.type == wire.WINDOW_UPDATE and frame.stream_id == 0:
                increment += frame.increment
            else:
                frames.append(frame.octets())
        return frames, 0 if twin.endpoint.failure else increment

    @staticmethod
    def content(twin: Twin) -> list[tuple[object, ...]]:
        twin.note()
        return [
            (
                *(stream.id, stream.state, stream.phase, b"".join(stream.content)),
                *(stream.head and stream.head.fields, stream.trailers),
                str(stream.failure and stream.failure.exception()),
            )
            for stream in twin.known.values()
        ]

    def frame(self) -> bytes:
        """Octets of the server's: a fair frame, any frame, or a frame with changes."""
        kind = self.chance.random()
        if kind < 0.7:
            return self.fair()
        if kind < 0.95:
            return self.any()
        return mutated(self.chance, [self.fair(), self.any()])

    def fair(self) -> bytes:
        """A frame of a server that keeps most of the rules."""
        choice, endpoint = self.chance.choice, self.whole.endpoint
        streams = list(endpoint.streams.values())
        if not streams:
            return wire.ping(bytes(8))
        stream = choice(streams)
        kind = self.chance.randrange(8)
        if kind < 2 and stream.head is None:
            return wire.headers(stream.id, choice(BLOCKS[:3]), self.chance.random() < 0.2)
        if kind < 5 and stream.head is not None:
            size = min(choice(SIZES), max(stream.window_size, 0))
            return wire.data(stream.id, bytes(size), self.chance.random() < 0.2)
        if kind == 5:
            most = MAX_WINDOW_SIZE - endpoint.send_window.size
            return wire.window_update(0, max(1, min(choice(SIZES), most)))
        if kind == 6 and stream.id % 2:
            self.promised += 2
            return wire.push_promise(stream.id, self.promised, PROMISE)
        values = {choice((1, 3, 4, 5, 6)): choice((0, 1, 100, 16_384, 65_535))}
        values = {key: max(value, 16_384) if key == 5 else value for key, value in values.items()}
        return wire.settings(values)

    def any(self) -> bytes:
        """A frame of any type, with any flags, on any stream."""
        chance, choice = self.chance, self.chance.choice
        number, is_last, pad = chance.randrange(21), chance.random() < 0.5, choice(PADS)
        makers = (
            lambda: wire.data(number, bytes(choice(SIZES)), is_last, pad),
            lambda: wire.headers(number, choice(BLOCKS), is_last, chance.random() < 0.7, pad),
            lambda: wire.continuation(number, choice(BLOCKS), is_last),
            lambda: wire.push_promise(number, chance.randrange(21), PROMISE, is_last, pad),
            lambda: wire.priority(number),
            lambda: wire.rst_stream(number, chance.randrange(20)),
            lambda: wire.settings([(chance.randrange(11), choice(NUMBERS))], is_last),
            lambda: wire.ping(bytes(8), is_last),
            lambda: wire.goaway(number, choice(NUMBERS), b"debug"),
            lambda: wire.window_update(number, choice(NUMBERS)),
            lambda: wire.altsvc(number, choice(("", "https://a")), "clear"),
            lambda: wire.origin([choice(("https://a", "https://b", "x"))]),
            lambda: wire.frame(
                chance.randrange(18),
                chance.randrange(256),
                number,
                bytes(chance.randrange(256) for _ in range(chance.randrange(13))),
            ),
        )
        return choice(makers)()
