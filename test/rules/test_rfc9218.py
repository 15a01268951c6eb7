"""RFC 9218, priorities: the client's side. And requests that are cut off by an early answer."""

from __future__ import annotations

import contextlib

import pytest

from hyper.protocol import frames, priorities
from hyper.protocol.priorities import Priority
from hyper.testing import wire
from test import libnghttp2
from test.memory_endpoint import ANSWERED, OK, OPEN, RESPONDING, MemoryEndpoint, busy, request

READY = {wire.SETTINGS_NO_RFC7540_PRIORITIES: 1}


def test_7_1_priority_update_goes_out_on_stream_0():
    client = MemoryEndpoint(peer_settings=READY)
    stream = client.open()
    assert client.endpoint.reprioritize(stream, b"u=1, i") is True
    (frame,) = client.sent()
    assert frame.octets() == wire.priority_update(stream.id, "u=1, i")
    assert frames.pack_priority_update(1, b"i") == wire.priority_update(1, "i")


def test_7_1_it_is_not_sent_for_a_response_that_is_whole():
    client = MemoryEndpoint(peer_settings=READY)
    stream = client.open("POST", end_stream=False)
    client.answer(stream)
    assert client.endpoint.reprioritize(stream, b"u=1") is False
    assert client.sent() == []


def test_2_1_1_it_is_not_sent_to_a_peer_that_takes_no_part():
    """Before the peer's SETTINGS nobody knows, and it is sent."""
    client = MemoryEndpoint(handshake=False)
    stream = client.open()
    assert client.endpoint.reprioritize(stream, b"u=1") is True
    client.receive(wire.settings())
    client.sent()
    assert client.endpoint.reprioritize(stream, b"u=1") is False
    assert client.sent() == []


@pytest.mark.skipif(bool(libnghttp2.why_missing()), reason=str(libnghttp2.why_missing()))
class TestLibnghttp2:
    """A server of others, which keeps to priorities strictly, with all else equal."""

    SIZE = 100_000

    @pytest.fixture
    def server(self):
        with contextlib.closing(libnghttp2.Server(READY, self.SIZE)) as server:
            yield server

    def run(self, server, *, priority="u=3", updates=()):
        """Four responses, by the ids of their streams in the order in which they ended, and the
        octets that had come of the others when the first of them did.

        priority: what each begins with; updates: what changes after the first DATA frame.
        """
        window = {wire.SETTINGS_INITIAL_WINDOW_SIZE: 2 * self.SIZE}
        client = MemoryEndpoint(window, connection_window=2**31 - 1, handshake=False)
        endpoint = client.endpoint
        server.receive(wire.PREFACE + b"".join(frame.octets() for frame in client.preface))
        client.receive(server.send())
        streams = []
        for _ in range(4):
            section = (*request(), *priorities.fields(priority, ()))
            streams.append(endpoint.send_request(section, "GET", end_stream=True))
        server.receive(endpoint.take_outbound())
        ended, beside = [], 0
        while len(ended) < len(streams):
            octets = server.send()
            assert octets, "the server waits"
            endpoint.receive(memoryview(octets))
            if octets[3] == wire.DATA:
                for stream_id, wish in dict(updates).items():
                    value = priorities.field_value(wish)
                    assert endpoint.reprioritize(endpoint.streams[stream_id], value)
                updates = ()
            server.receive(endpoint.take_outbound())
            for stream in streams:
                if stream.is_over and stream.id not in ended:
                    if not ended:
                        beside = sum(s.content_size for s in streams) - self.SIZE
                    ended.append(stream.id)
        assert {stream.content_size for stream in streams} == {self.SIZE}
        return ended, beside

    def test_4_1_of_the_same_urgency_one_comes_after_the_other(self, server):
        assert self.run(server) == ([1, 3, 5, 7], 0)

    def test_4_2_incremental_ones_share(self, server):
        _, beside = self.run(server, priority="u=3, i")
        assert beside > 2 * self.SIZE

    def test_7_1_an_update_overtakes(self, server):
        ended, _ = self.run(server, updates={1: "u=7", 7: Priority(0), 5: "u=1"})
        assert ended == [7, 5, 3, 1]

    def test_7_1_an_update_lets_them_share(self, server):
        updates = dict.fromkeys((1, 3, 5, 7), Priority(3, incremental=True))
        assert self.run(server, updates=updates)[1] > 2 * self.SIZE


def test_rfc9113_8_1_content_that_is_withheld_ends_in_a_reset_after_the_response():
    client = busy()
    stream = client.endpoint.streams[OPEN]
    client.endpoint.withhold(stream)
    assert not stream.request_is_open
    assert client.receive(wire.headers(OPEN, OK), wire.data(OPEN, b"answer")) == []
    (reset,) = client.receive(wire.data(OPEN, b"", True))
    assert (reset.type, reset.error_code) == (wire.RST_STREAM, wire.CANCEL)
    assert list(stream.content) == [b"answer"]
    assert stream.is_over
    assert stream.failure is None
    client.check_goes_on()


def test_rfc9113_8_1_after_a_whole_response_at_once():
    client = busy()
    stream = client.endpoint.streams[ANSWERED]
    client.endpoint.withhold(stream)
    (reset,) = client.sent()
    assert (reset.type, reset.stream_id, reset.error_code) == (
        wire.RST_STREAM,
        ANSWERED,
        wire.CANCEL,
    )
    client.endpoint.withhold(stream)
    assert client.sent() == []
    assert stream.failure is None
    client.check_goes_on()


@pytest.mark.parametrize("stream_id", [RESPONDING, ANSWERED])
def test_7_1_a_server_must_not_send_it(stream_id):
    client = busy()
    (goaway,) = client.receive(wire.priority_update(stream_id, "u=1"))
    assert (goaway.type, goaway.error_code) == (wire.GOAWAY, wire.PROTOCOL_ERROR)
