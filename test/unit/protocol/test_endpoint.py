"""protocol/endpoint.py: the commands, octets cut into frames, and how a connection ends."""

from __future__ import annotations

import pytest

from hyper.errors import (
    ConnectionTerminated,
    Failure,
    LocalProtocolError,
    RemoteDisconnected,
    StreamResetError,
)
from hyper.fields import NeverIndexed
from hyper.protocol import endpoint as module
from hyper.protocol import states
from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire
from test.memory_endpoint import (
    ENDED,
    OK,
    OPEN,
    PROMISE,
    PUSHED,
    RESPONDING,
    MemoryEndpoint,
    busy,
    request,
)


class Noting(FlowControlManager):
    """Notes what its hooks are told."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.times = []
        self.is_ended = False

    def round_trip(self, seconds):
        self.times.append(seconds)

    def ended(self):
        self.is_ended = True


# ---- octets in ----


def test_receive_takes_whole_frames_and_says_how_much_that_was():
    client = MemoryEndpoint()
    octets = wire.ping() + wire.settings()
    for cut in range(len(octets)):
        taken = client.endpoint.receive(memoryview(octets[:cut]))
        assert taken == (17 if cut >= 17 else 0)
        assert len(client.sent()) == (1 if taken else 0)


def test_receive_keeps_nothing_of_the_view():
    client = MemoryEndpoint()
    stream = client.open()
    buffer = bytearray(wire.headers(stream.id, OK) + wire.data(stream.id, b"content"))
    client.endpoint.receive(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert stream.head.status == 200
    assert list(stream.content) == [b"content"]


def test_frames_after_a_stream_error_are_read_on():
    client = busy()
    answers = client.receive(wire.data(OPEN, b"x"), wire.ping(b"8 octets"))
    assert [frame.type for frame in answers] == [wire.RST_STREAM, wire.PING]


def test_4_2_a_larger_frame_is_taken_where_it_was_announced():
    client = MemoryEndpoint({wire.SETTINGS_MAX_FRAME_SIZE: 20_000})
    stream = client.open()
    client.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(20_000), True))
    assert stream.is_over
    assert stream.failure is None


def test_streams_with_news_are_noted():
    client = MemoryEndpoint()
    first, second = client.open(), client.open()
    client.endpoint.changed_streams.clear()
    client.receive(wire.headers(second.id, OK), wire.window_update(first.id, 1), wire.settings())
    assert set(client.endpoint.changed_streams) == {0, first.id, second.id}


# ---- commands ----


def test_3_4_one_request_may_go_out_before_the_peer_s_settings_are_known():
    client = MemoryEndpoint(handshake=False)
    client.open()
    assert not client.endpoint.may_open_stream()
    client.receive(wire.settings())
    assert client.endpoint.may_open_stream()


def test_5_1_1_a_skipped_id_is_closed():
    client = MemoryEndpoint()
    assert client.endpoint.state_of(99) == states.IDLE
    assert client.endpoint.send_request(request(), "GET", end_stream=True, stream_id=101).id == 101
    assert client.endpoint.state_of(99) == states.CLOSED


def test_rfc7541_7_1_3_never_indexed_fields_are_so_on_the_wire():
    """Also after equal ones that were not, in header sections and in trailers."""
    client = MemoryEndpoint()

    def kinds(field):
        section = (*request(method="POST"), field)
        stream = client.endpoint.send_request(section, "POST", end_stream=False)
        client.endpoint.send_trailers(stream, (field,))
        frames = [client.decoder.decode(frame.block) for frame in client.sent()]
        assert [decoded[-1] for decoded in frames] == [field] * 2
        return [type(decoded[-1]) for decoded in frames]

    plain, never_indexed = (b"x-token", b"t0ken"), NeverIndexed(b"x-token", b"t0ken")
    for field in (plain, plain, never_indexed, never_indexed, plain):
        assert kinds(field) == [type(field)] * 2


def test_a_request_that_was_upgraded_is_stream_1():
    """RFC 7540, 3.2: half-closed by us, and the next request takes the next stream."""
    client = MemoryEndpoint()
    upgraded = client.endpoint.adopt_upgraded("GET")
    assert (upgraded.id, upgraded.state) == (1, states.HALF_CLOSED_LOCAL)
    with pytest.raises(LocalProtocolError):
        client.endpoint.send_content(upgraded, memoryview(b"more"), end_stream=True)
    assert client.open().id == 3
    client.answer(upgraded, b"upgraded")
    assert list(upgraded.content) == [b"upgraded"]
    assert upgraded.is_over


def test_a_request_that_was_upgraded_has_a_window_of_the_user_s_manager():
    class Manager(FlowControlManager):
        pass

    client = MemoryEndpoint(window_manager=Manager)
    upgraded = client.endpoint.adopt_upgraded("GET")
    assert type(upgraded.receive_window.manager) is Manager


def test_a_stream_that_lacks_its_end_alone_gives_its_room_back_once():
    """RFC 9113, 5.2.2: the budget counts it no more when it is cancelled, and not less later."""
    client = MemoryEndpoint()
    stream = client.open()
    fields = [(":status", "200"), ("content-length", "3")]
    client.receive(wire.headers(stream.id, wire.block(fields)))
    client.receive(wire.data(stream.id, b"abc"))
    client.endpoint.cancel(stream)
    client.endpoint.cancel(stream)
    budget = client.endpoint.budget
    assert (budget.total(), budget.shares) == (0, 0)
    client.receive(wire.data(stream.id, b"", True))
    assert not client.endpoint.streams
    assert (budget.total(), budget.shares) == (0, 0)


def test_a_large_upload_takes_turns():
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    client.receive(wire.window_update(0, 2**20))
    stream = client.open("POST", end_stream=False)
    sent = client.endpoint.send_content(stream, memoryview(bytes(200_000)), end_stream=True)
    assert sent == module.SEND_BURST
    assert not any(frame.end_stream for frame in client.sent())


def test_content_leaves_without_being_copied():
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    content = bytearray(b"content")
    client.endpoint.send_content(stream, memoryview(content), end_stream=True)
    assert client.endpoint.outbound[1].obj is content
    (frame,) = client.sent()
    assert (frame.content, frame.end_stream) == (b"content", True)


def test_5_1_the_stream_is_closed_when_the_request_ends_after_the_response():
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    client.answer(stream)
    assert client.endpoint.state_of(stream.id) == states.HALF_CLOSED_REMOTE
    client.endpoint.send_content(stream, memoryview(b"end"), end_stream=True)
    assert client.endpoint.state_of(stream.id) == states.CLOSED
    assert not client.endpoint.streams
    assert not stream.request_is_open


def test_5_4_2_cancelling_resets_the_stream_and_drops_what_was_not_read():
    client = busy()
    stream = client.endpoint.streams[RESPONDING]
    client.receive(wire.data(RESPONDING, b"unread"))
    client.endpoint.cancel(stream, wire.REFUSED_STREAM)
    (frame,) = client.sent()
    assert (frame.type, frame.stream_id, frame.error_code) == (
        *(wire.RST_STREAM, RESPONDING),
        wire.REFUSED_STREAM,
    )
    assert not stream.content
    assert type(stream.failure.exception()) is StreamResetError
    client.endpoint.cancel(stream)
    assert client.sent() == []


def test_5_4_2_cancelling_after_the_response_s_end_is_no_failure_of_the_response():
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    client.answer(stream, b"whole")
    client.endpoint.cancel(stream)
    assert [frame.type for frame in client.sent()] == [wire.RST_STREAM]
    assert stream.failure is None


def test_5_1_a_stream_that_was_reset_is_remembered_for_ever():
    client = MemoryEndpoint()
    for _ in range(module.MAX_CANCELLED_REMEMBERED + 1):
        client.endpoint.cancel(client.open())
    assert client.endpoint.state_of(1) == states.CANCELLED
    assert client.endpoint.state_of(3) == states.CANCELLED


def test_nothing_is_credited_when_the_response_is_whole():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100})
    stream = client.open("POST", end_stream=False)
    client.answer(stream, bytes(100))
    client.endpoint.consume(stream, 100)
    assert client.sent() == []


def test_6_7_ping():
    client = MemoryEndpoint()
    endpoint = client.endpoint
    endpoint.send_ping(b"8 octets")
    (frame,) = client.sent()
    assert frame.octets() == wire.ping(b"8 octets")
    assert endpoint.pings == {b"8 octets": False}
    with pytest.raises(LocalProtocolError, match="under way"):
        endpoint.send_ping(b"8 octets")
    with pytest.raises(LocalProtocolError, match="exactly 8"):
        endpoint.send_ping(b"7octets")
    with pytest.raises(TypeError):
        endpoint.send_ping("8 octets")
    assert endpoint.pings == {b"8 octets": False}
    client.receive(wire.ping(b"8 octets", ack=True))
    assert endpoint.pings == {b"8 octets": True}


def test_window_managers_are_told_of_sizes_round_trips_and_ends():
    client = MemoryEndpoint(window_manager=Noting)
    endpoint = client.endpoint
    begun, awaiting = client.open(), client.open()
    section = wire.block([(":status", "200"), ("content-length", "2")])
    client.receive(wire.headers(begun.id, section))
    endpoint.tell_round_trip(0.25)
    manager = begun.receive_window.manager
    assert (manager.document_size, manager.initial_window_size) == (2, 65_535)
    assert manager.times == endpoint.receive_window.manager.times == [0.25]
    assert not manager.is_ended
    client.receive(wire.data(begun.id, b"ok", end_stream=True))
    assert manager.is_ended
    client.answer(awaiting)
    assert awaiting.receive_window.manager.times == [0.25]


def test_8_4_promises_may_come_until_the_response_has_ended_or_its_window_is_full():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    endpoint = client.endpoint
    stream = client.open()
    assert endpoint.may_bring_promises(stream.id)
    client.receive(wire.headers(stream.id, OK))
    assert endpoint.may_bring_promises(stream.id)
    client.receive(wire.data(stream.id, bytes(10)))
    assert not endpoint.may_bring_promises(stream.id)
    client.receive(wire.data(stream.id, b"", end_stream=True))
    assert not endpoint.may_bring_promises(stream.id)
    assert not endpoint.may_bring_promises(ENDED)


# ---- the end ----


def test_the_peer_s_end_is_the_end_of_what_was_not_whole():
    client = busy()
    streams = dict(client.endpoint.streams)
    client.endpoint.receive_eof()
    for stream in streams.values():
        assert not stream.request_is_open
        assert stream.state == states.CLOSED
        if stream.phase == states.DONE:
            assert stream.failure is None
        else:
            assert type(stream.failure.exception()) is RemoteDisconnected
    assert client.endpoint.may_open_stream_or_never()
    assert not client.endpoint.accepts_requests
    assert set(streams) <= set(client.endpoint.changed_streams)


@pytest.mark.parametrize("debug", [b"", b"caf\xe9"])
def test_6_8_the_end_after_goaway_tells_what_goaway_said(debug):
    client = busy()
    stream = client.endpoint.streams[RESPONDING]
    client.receive(wire.goaway(RESPONDING, 0xBEEF, debug))
    client.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is ConnectionTerminated
    assert (error.error_code, error.last_stream_id, error.debug_data) == (0xBEEF, 1, debug)


def test_6_8_the_end_after_goaway_with_nothing_under_way_is_just_the_end():
    client = MemoryEndpoint()
    client.receive(wire.goaway(0))
    client.endpoint.receive_eof()
    assert type(client.endpoint.failure.exception()) is RemoteDisconnected


def test_the_first_failure_is_the_one_that_counts():
    client = MemoryEndpoint()
    first = Failure(OSError, "first")
    client.endpoint.fail(first)
    client.endpoint.fail(Failure(OSError, "second"))
    client.endpoint.receive_eof()
    client.endpoint.close(0, Failure(OSError, "third"))
    assert client.endpoint.failure is first
    assert client.sent() == []


def test_6_8_closing_says_goaway_with_the_last_promise_and_ends_everything():
    client = busy()
    stream = client.endpoint.streams[RESPONDING]
    client.endpoint.close(wire.CANCEL, Failure(ConnectionTerminated, "closed here"))
    (frame,) = client.sent()
    assert frame.octets() == wire.goaway(PUSHED, wire.CANCEL)
    assert str(stream.failure.exception()) == "closed here"
    assert client.receive(wire.ping()) == []


def test_5_1_2_a_promise_gives_its_place_back_when_it_is_over():
    client = MemoryEndpoint({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    stream = client.open()
    for promised_id in (2, 4, 6):
        answers = client.receive(
            wire.push_promise(stream.id, promised_id, PROMISE),
            wire.headers(promised_id, OK, end_stream=True),
        )
        assert answers == []
    assert client.endpoint.pushes_open == 0


def test_a_wanted_id_is_taken_while_it_is_free():
    client = MemoryEndpoint()
    endpoint = client.endpoint
    assert endpoint.send_request(request(), "GET", end_stream=True, stream_id=5).id == 5
    assert client.open().id == 7
