"""client/exchange.py: whatever the sizes of frames and of reads are, the content is whole.

The octets come by ``pull`` and by waits, through a buffer as small as the real one.
"""

from __future__ import annotations

import random

import pytest

from hyper.client.exchange import Exchange
from hyper.client.response import HTTP20Response
from hyper.client.timeouts import Timeouts
from hyper.pump.lock import InterruptibleLock
from hyper.testing import wire
from hyper.transport.buffered import BUFFER_SIZE, BufferedSocket
from test.memory_endpoint import OK, MemoryEndpoint

FRAME = 16_384
WINDOW = {wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20}


class Source:
    """A socket that has so many octets at once."""

    def __init__(self, octets, rng):
        self.octets = memoryview(octets)
        self.rng = rng

    def recv_into(self, view):
        size = min(len(view), len(self.octets), self.rng.choice([1, 300, 20_000, 2**20, 2**20]))
        view[:size] = self.octets[:size]
        self.octets = self.octets[size:]
        return size


class ReceivingPump:
    """A pump without waits: there are octets until the end."""

    def __init__(self, endpoint, source):
        self.endpoint = endpoint
        self.lock = InterruptibleLock()
        self.buffered = BufferedSocket(source, BUFFER_SIZE + 72)
        self.released = 0

    def pull(self, most=None):
        assert self.buffered.fill(self.endpoint.receive, most)

    def wait(self, ready, _ids, _timeout):
        while not ready():
            self.pull()

    def wait_open(self, _stream, ready, timeout):
        self.wait(ready, (), timeout)

    wait_idle = wait_open

    def flush(self):
        self.endpoint.take_outbound()

    def release(self, size):
        self.released += size


def reading(frames, rng):
    """A response that these frames bring."""
    client = MemoryEndpoint(WINDOW, connection_window=2**30)
    stream, other = client.open(), client.open()
    client.receive(wire.headers(1, OK), wire.headers(3, OK))
    pump = ReceivingPump(client.endpoint, Source(b"".join(frames), rng))
    response = HTTP20Response(Exchange(pump, stream, Timeouts(None)))
    response._exchange.is_done = True  # nothing is left to a finalizer
    return response, stream, other


@pytest.mark.parametrize("seed", range(60))
def test_a_reader_gets_the_octets_in_their_order(seed):
    rng = random.Random(seed)
    content = rng.randbytes(rng.choice([10, 70_000, 300_000]))
    sizes = rng.choice([[FRAME], [FRAME, FRAME, FRAME, 9], [1000, 8192, FRAME], [1, 100]])
    frames, begin = [], 0
    while begin < len(content):
        size = rng.choice(sizes)
        frames.append(wire.data(1, content[begin : begin + size]))
        begin += size
        if rng.random() < 0.1:
            frames.append(rng.choice([wire.ping(), wire.data(3, b"of another")]))
    frames.append(wire.data(1, b"", end_stream=True))
    response, _, _ = reading(frames, rng)
    amounts = rng.choice([[4 * FRAME], [FRAME, 3 * FRAME], [1, 5000, 100_000], [2 * FRAME, 10]])
    pieces = []
    while True:
        amount = rng.choice(amounts)
        pieces.append(response.read(amount))
        if len(pieces[-1]) < amount:
            break
    assert b"".join(pieces) == content


def test_a_read_of_whole_frames_takes_no_more_than_it_wants():
    """The next one then begins with a frame, too, and each is one copy."""
    frames = [wire.data(1, bytes([number]) * FRAME) for number in range(13)]
    response, stream, _ = reading(frames, random.Random(0))
    response._exchange.pump.buffered.source.rng.choice = max
    assert response.read(FRAME) == bytes(FRAME)
    for first in (1, 5, 9):
        octets = response.read(4 * FRAME)
        assert octets == b"".join(bytes([first + number]) * FRAME for number in range(4))
        assert not stream.content
        assert response._held_size == 0
