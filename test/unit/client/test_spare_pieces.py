"""client/response.py, protocol/stream.py: large pieces of content are filled again once they are
read, and no reader ever sees the octets of another stream in one.
"""

from __future__ import annotations

import random
import sys

import pytest

from hyper.protocol import stream as module
from test.unit.client.fake_pump import END, reply

FRAME = 16_384

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="elsewhere no piece is kept"
)


@pytest.fixture(autouse=True)
def spare_pieces(monkeypatch):
    """The spare pieces, none at the beginning; the process's own come back."""
    found = []
    monkeypatch.setattr(module, "spare_pieces", found)
    return found


def receive(response, payload):
    """A DATA frame of the response comes, in a buffer that is used for other frames afterwards."""
    stream = response._exchange.stream
    stream.receive_window.size = 2**30
    stream.receive_window.asks_on_receipt = False
    buffer = bytearray(payload)
    stream.receive_content(memoryview(buffer), len(buffer))
    buffer[:] = bytes(len(buffer))


def end(response):
    """END_STREAM comes."""
    response._exchange.pump.acts.append(END)
    response._exchange.pump.play()


def test_a_body_that_was_read_gives_its_large_pieces_to_the_next(spare_pieces):
    first, second = reply(), reply()
    for octet in b"abc":
        receive(first, bytes([octet]) * FRAME)
    receive(first, b"small")
    end(first)
    assert first.read() == b"a" * FRAME + b"b" * FRAME + b"c" * FRAME + b"small"
    kept = list(spare_pieces)
    assert [len(piece) for piece in kept] == [FRAME] * 3
    receive(second, b"d" * FRAME)
    end(second)
    assert len(spare_pieces) == 2
    (piece,) = second._exchange.stream.content
    assert any(piece is other for other in kept)
    assert second.read() == b"d" * FRAME


def test_a_piece_of_another_size_is_let_go(spare_pieces):
    spare_pieces.append(bytearray(FRAME))
    response = reply()
    receive(response, b"e" * (FRAME - 1))
    end(response)
    assert not spare_pieces
    assert response.read() == b"e" * (FRAME - 1)


def test_a_piece_that_was_cut_is_not_filled_again(spare_pieces):
    """Its rest is still to be read."""
    response, other = reply(), reply()
    receive(response, b"f" * FRAME)
    receive(response, b"g" * FRAME)
    assert response.read(FRAME + 5) == b"f" * FRAME + b"g" * 5
    assert len(spare_pieces) == 1
    receive(other, b"h" * FRAME)
    receive(other, b"i" * FRAME)
    end(response)
    assert response.read() == b"g" * (FRAME - 5)
    end(other)
    assert other.read() == b"h" * FRAME + b"i" * FRAME


def test_pieces_beyond_the_usual_size_of_frames_are_not_kept(spare_pieces):
    """SETTINGS_MAX_FRAME_SIZE may allow 16 MiB (RFC 9113, 4.2)."""
    response = reply()
    receive(response, bytes(FRAME + 1))
    end(response)
    assert response.read() == bytes(FRAME + 1)
    assert not spare_pieces


def test_no_more_pieces_are_kept_than_the_limit(spare_pieces, monkeypatch):
    monkeypatch.setattr(module, "MAX_SPARE_PIECES", 2)
    for _ in range(2):
        response = reply()
        for _ in range(3):
            receive(response, bytes(FRAME))
        end(response)
        assert response.read() == bytes(3 * FRAME)
        assert len(spare_pieces) == 2
        spare_pieces[:] = [bytearray(FRAME)]


def test_a_piece_is_taken_out_before_it_is_spare(monkeypatch):
    """An interruption, or a second thread, finds it in one place at the most."""
    response = reply()
    sizes = []

    def look(pieces):
        elsewhere = [*response._held, *response._exchange.stream.content]
        assert not any(piece is other for piece in pieces for other in elsewhere)
        sizes.append(len(pieces))

    monkeypatch.setattr("hyper.client.response.spare", look)
    for octet in b"jkl":
        receive(response, bytes([octet]) * FRAME)
    assert response.read(FRAME) == b"j" * FRAME
    end(response)
    assert response.read() == b"k" * FRAME + b"l" * FRAME
    assert sizes == [1, 2]


def take_some(response, source):
    """Read in one of the ways that there are; returns the octets, which may be none."""
    verb = source.randrange(6)
    if verb == 0:
        buffer = bytearray(source.choice((1, 100, FRAME, 3 * FRAME)))
        return bytes(buffer[: response.readinto(buffer)])
    if verb == 1:
        return response.readline(source.choice((-1, 1000, 2 * FRAME)))
    if verb == 2:
        return next(response.read_chunked(), b"")
    if verb == 3:
        ahead = response.peek()
        octets = response.read1(source.choice((1, FRAME, -1)))
        assert octets.startswith(ahead[: len(octets)])
        return octets
    return response.read(source.choice((1, 5000, FRAME, FRAME + 1, 4 * FRAME, None)))


@pytest.mark.parametrize("seed", range(25))
def test_streams_whose_frames_and_reads_mix_keep_their_own_octets(seed):
    source = random.Random(seed)
    sizes = (1, 8191, 8192, 10_000, FRAME, FRAME, FRAME, FRAME + 1)
    waiting = [reply() for _ in range(6)]
    for _ in range(3):  # the pieces of earlier rounds are filled again
        contents = {}
        for response in waiting:
            contents[response] = [source.randbytes(source.choice(sizes)) for _ in range(5)]
        frames = [(response, number) for number in range(5) for response in waiting]
        reading = []
        got = dict.fromkeys(waiting, b"")
        while frames or reading:
            if frames and source.random() < 0.6:
                response, number = frames.pop(0)
                receive(response, contents[response][number])
                if number == 4:
                    end(response)
                    reading.append(response)
            elif reading:
                response = source.choice(reading)
                octets = take_some(response, source)
                got[response] += octets
                if not octets:
                    reading.remove(response)
        assert got == {response: b"".join(pieces) for response, pieces in contents.items()}
        waiting = [reply() for _ in range(6)]
