"""protocol/flow/tuning.py: measurements, guesses, and requests that wait for the budget."""

from __future__ import annotations

from collections import deque

import pytest

from hyper.protocol.flow.managers import (
    SUPPOSED_RATE,
)
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, MemoryEndpoint, request


def test_6_5_2_a_request_waits_where_the_budget_has_no_window_left():
    client = MemoryEndpoint(unread_limit=3 * 65_535)
    first, second, third = (client.open() for _ in range(3))
    assert not client.endpoint.may_open_stream()
    client.answer(first, bytes(100))
    assert not client.endpoint.may_open_stream()
    client.endpoint.consume(first, len(first.content.popleft()))
    assert client.endpoint.may_open_stream()
    client.open()
    assert not client.endpoint.may_open_stream()
    client.endpoint.cancel(second)
    assert client.endpoint.may_open_stream()
    client.answer(third, bytes(100))
    client.endpoint.drop(third)
    assert third.content_size == 100
    assert client.endpoint.budget.in_use == 65_535


def test_a_request_that_waited_in_vain_for_a_stream_is_told_why():
    client = MemoryEndpoint(
        unread_limit=65_535, peer_settings={wire.SETTINGS_MAX_CONCURRENT_STREAMS: 7}
    )
    assert "allows 7 streams at once" in client.endpoint.why_none_is_free()
    client.open()
    assert "all of unread_limit, 65535 octets" in client.endpoint.why_none_is_free()


def test_8_1_no_error_after_all_that_content_length_announced_is_an_end():
    client = MemoryEndpoint()
    block = wire.block([(":status", "200"), ("content-length", "5")])
    whole, short = client.open(), client.open()
    client.receive(wire.headers(whole.id, block), wire.data(whole.id, b"12345"))
    client.receive(wire.headers(short.id, block), wire.data(short.id, b"1234"))
    client.receive(wire.rst_stream(whole.id, 0), wire.rst_stream(short.id, 0))
    assert whole.is_over
    assert whole.failure is None
    assert short.failure is not None


class Contested(deque):
    """Another thread takes the last piece."""

    def pop(self):
        if len(self) == 1:
            self.clear()
        return super().pop()


def test_two_threads_may_drop_content():
    stream = MemoryEndpoint().open()
    stream.content = Contested([b"mine", b"taken by another"][::-1])
    assert stream.drop_content() == 4


def test_a_promise_is_refused_where_the_budget_has_no_window_left():
    client = MemoryEndpoint(unread_limit=65_535)
    stream = client.open()
    answers = client.receive(wire.headers(stream.id, OK), wire.push_promise(stream.id, 2, PROMISE))
    assert [(f.type, f.stream_id, f.error_code) for f in answers] == [
        (wire.RST_STREAM, 2, wire.REFUSED_STREAM)
    ]


def test_on_a_long_path_room_is_given_right_behind_the_request():
    client = MemoryEndpoint()
    client.endpoint.round_trip = 0.05
    section = request()
    client.endpoint.send_request(section, "GET", end_stream=True)
    headers, update = client.sent()
    assert (headers.type, update.type) == (wire.HEADERS, wire.WINDOW_UPDATE)
    assert update.increment == SUPPOSED_RATE // 20 - 65_535
    client.endpoint.send_request(section, "HEAD", end_stream=True)
    assert [frame.type for frame in client.sent()] == [wire.HEADERS]


def test_the_acknowledgement_of_settings_tells_the_round_trip():
    client = MemoryEndpoint(handshake=False)
    client.time = 0.03
    client.receive(wire.settings())
    assert client.endpoint.round_trip == 0
    client.receive(wire.settings(ack=True))
    assert client.endpoint.round_trip == 0.03


def test_a_program_that_looked_away_does_not_make_a_path_of_an_hour():
    client = MemoryEndpoint(handshake=False)
    client.time = 3600.0
    client.receive(wire.settings(), wire.settings(ack=True))
    assert client.endpoint.round_trip == 0.25


def test_an_answer_that_comes_sooner_corrects_a_round_trip_that_was_guessed_too_long():
    """The guess may contain the time that a busy peer took; no request pays for it for ever."""
    client = MemoryEndpoint()
    client.endpoint.round_trip = 0.05
    stream = client.endpoint.send_request(request(), "GET", end_stream=True)
    assert [frame.type for frame in client.sent()] == [wire.HEADERS, wire.WINDOW_UPDATE]
    client.time += 0.003
    client.answer(stream)
    client.endpoint.send_request(request(), "GET", end_stream=True)
    assert [frame.type for frame in client.sent()] == [wire.HEADERS]
    assert client.endpoint.round_trip == pytest.approx(0.003)


def test_requests_that_nobody_has_answered_say_nothing_of_the_round_trip():
    client = MemoryEndpoint()
    client.endpoint.round_trip = 0.05
    client.endpoint.cancel(client.open())
    client.open()
    assert client.endpoint.round_trip == 0.05


def test_6_7_one_measurement_at_a_time_and_an_answer_to_none_is_ignored():
    client = MemoryEndpoint()
    client.receive(wire.ping(b"measures", ack=True))
    streams = [client.open(), client.open()]
    sent = []
    for stream in streams:
        client.receive(wire.headers(stream.id, OK))
        for _ in range(70):
            client.receive(wire.data(stream.id, bytes(16_384)))
            client.endpoint.consume(stream, 16_384)
            sent += client.sent()
    assert [frame.type for frame in sent].count(wire.PING) == 1
    client.time = 0.5
    client.answer(streams[0], b"the end")
    client.receive(wire.ping(b"measures", ack=True))
    assert client.endpoint.round_trip == 0.5


def test_10_5_many_small_frames_cost_their_octets_and_no_more():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 200_000})
    stream = client.open()
    client.receive(wire.headers(stream.id, OK))
    for _ in range(50):
        client.receive(wire.data(stream.id, b"x") * 1000)
    assert len(stream.content) < 1100
    assert sum(map(len, stream.content)) == stream.content_size == 50_000
