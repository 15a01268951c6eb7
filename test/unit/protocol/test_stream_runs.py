"""protocol/stream.py: DATA frames in a row are taken as one, and it makes no difference (6.1, 6.9).

Each conversation is given to two endpoints: one takes runs, and one each frame by itself.
"""

from __future__ import annotations

import random

import pytest

from hyper.protocol.flow.managers import FlowControlManager
from hyper.protocol.stream import Stream
from hyper.testing import wire
from test.memory_endpoint import OK, MemoryEndpoint

SIZES = [1, 5, 100, 1023, 1024, 8191, 8192, 16_383, 16_384]


class Counting(FlowControlManager):
    """A manager of the user's, which is asked about each frame."""

    def __init__(self, size):
        super().__init__(size)
        self.frames = []

    def increase_window_size(self, frame_size):
        self.frames.append(frame_size)
        return 0


def conversation(seed):
    """Frames of three responses, most of them DATA in rows; now and then, a rule is broken."""
    rng = random.Random(seed)
    frames = []
    for stream_id in (1, 3, 5):
        fields = [(":status", "200")]
        if rng.random() < 0.5:
            fields.append(("content-length", str(rng.choice([100, 5000, 40_000, 200_000]))))
        frames.append(wire.headers(stream_id, wire.block(fields)))
    for _ in range(rng.randrange(1, 30)):
        stream_id, size = rng.choice([1, 3, 5]), rng.choice(SIZES)
        many = rng.choice([1, 1, 2, 4, 9])
        frames.extend(wire.data(stream_id, rng.randbytes(size)) for _ in range(many))
        other = rng.random()
        if other < 0.1:
            frames.append(wire.data(stream_id, rng.randbytes(size), pad=rng.randrange(200)))
        elif other < 0.2:
            frames.append(wire.data(stream_id, rng.randbytes(rng.choice([0, size])), True))
        elif other < 0.25:
            frames.append(wire.data(stream_id, b""))
        elif other < 0.3:
            frames.append(wire.rst_stream(stream_id, wire.CANCEL))
        elif other < 0.35:
            frames.append(wire.ping())
        elif other < 0.37:
            frames.append(wire.data(rng.choice([0, 2, 7]), b"idle"))
        elif other < 0.39:
            frames.append(wire.data(stream_id, bytes(16_385)))
    return b"".join(frames)


def resets_of(frames):
    """The error codes of the RST_STREAM frames."""
    return [frame.error_code for frame in frames if frame.type == wire.RST_STREAM]


def state_after(octets, settings, connection_window, manager):
    """All that can be seen of an endpoint that has received octets."""
    client = MemoryEndpoint(settings, connection_window=connection_window, window_manager=manager)
    streams = [client.open() for _ in range(3)]
    taken = client.endpoint.receive(memoryview(octets))
    window = client.endpoint.receive_window
    return (
        taken,
        [frame.octets() for frame in client.sent()],
        client.endpoint.failure and client.endpoint.failure.arguments,
        window.size,
        window.unsettled,
        set(client.endpoint.changed_streams),
        [
            (
                b"".join(stream.content),
                [len(piece) for piece in stream.content],
                stream.content_size,
                stream.state,
                stream.phase,
                stream.receive_window.size,
                stream.failure and stream.failure.arguments,
                getattr(stream.receive_window.manager, "frames", None),
            )
            for stream in streams
        ],
    )


@pytest.mark.parametrize("seed", range(100))
def test_a_run_does_what_its_frames_do_one_by_one(seed, monkeypatch):
    rng = random.Random(-seed)
    octets = conversation(seed)
    octets = octets[: len(octets) - rng.choice([0, 0, 3, 20])]
    settings = rng.choice(
        [{}, {wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20}, {wire.SETTINGS_MAX_FRAME_SIZE: 20_000}]
    )
    choices = settings, rng.choice([65_535, 2**20]), rng.choice([FlowControlManager, Counting])
    in_runs = state_after(octets, *choices)
    monkeypatch.setattr(Stream, "receive_run", lambda *_: 0)
    assert state_after(octets, *choices) == in_runs


@pytest.mark.parametrize("beyond", [0, 1])
def test_6_9_1_a_run_ends_at_the_octet_at_which_the_window_ends(beyond):
    """The stream is reset for one octet more; what the window allowed stays."""
    client = MemoryEndpoint(connection_window=2**20)
    stream = client.open()
    client.receive(wire.headers(1, OK))
    frames = [wire.data(1, b"x" * 16_384)] * 3 + [wire.data(1, b"x" * (16_383 + beyond))]
    answers = client.receive(*frames)
    assert resets_of(answers) == [wire.FLOW_CONTROL_ERROR] * beyond
    assert (stream.failure is not None) == beyond
    assert stream.content_size == 65_535 - 16_383 * beyond


@pytest.mark.parametrize("beyond", [0, 1])
def test_6_9_1_likewise_at_the_end_of_the_connections_window(beyond):
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    client.open()
    client.receive(wire.headers(1, OK))
    client.endpoint.receive_window.size = 65_535
    answers = client.receive(*[wire.data(1, bytes(13_107 + beyond))] * 5)
    goaways = [frame.error_code for frame in answers if frame.type == wire.GOAWAY]
    assert goaways == [wire.FLOW_CONTROL_ERROR] * beyond


@pytest.mark.parametrize("beyond", [0, 1])
def test_8_1_1_a_run_ends_at_the_octet_at_which_the_content_ends(beyond):
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.headers(1, wire.block([(":status", "200"), ("content-length", "30000")])))
    answers = client.receive(*[wire.data(1, bytes(10_000))] * (3 + beyond))
    assert resets_of(answers) == [wire.PROTOCOL_ERROR] * beyond
    assert stream.content_size == 30_000


def test_a_run_of_the_size_that_a_reader_wants_is_one_piece():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.headers(1, OK))
    for wanted, pieces in [(30, [30]), (29, [10] * 3), (31, [10] * 3), (0, [10] * 3)]:
        stream.content.clear()
        stream.wanted = wanted
        client.receive(*[wire.data(1, b"ten octets")] * 3)
        assert [len(piece) for piece in stream.content] == pieces
        assert b"".join(stream.content) == b"ten octets" * 3
