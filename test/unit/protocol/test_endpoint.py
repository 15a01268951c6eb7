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
    wired = MemoryEndpoint()
    octets = wire.ping() + wire.settings()
    for cut in range(len(octets)):
        taken = wired.endpoint.receive(memoryview(octets[:cut]))
        assert taken == (17 if cut >= 17 else 0)
        assert len(wired.sent()) == (1 if taken else 0)


def test_receive_keeps_nothing_of_the_view():
    wired = MemoryEndpoint()
    stream = wired.open()
    buffer = bytearray(wire.headers(stream.id, OK) + wire.data(stream.id, b"content"))
    wired.endpoint.receive(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert stream.head.status == 200
    assert list(stream.content) == [b"content"]


def test_frames_after_a_stream_error_are_read_on():
    wired = busy()
    answers = wired.receive(wire.data(OPEN, b"x"), wire.ping(b"8 octets"))
    assert [frame.type for frame in answers] == [wire.RST_STREAM, wire.PING]


def test_4_2_a_larger_frame_is_taken_where_it_was_announced():
    wired = MemoryEndpoint({wire.SETTINGS_MAX_FRAME_SIZE: 20_000})
    stream = wired.open()
    wired.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(20_000), True))
    assert stream.is_over
    assert stream.failure is None


def test_streams_with_news_are_noted():
    wired = MemoryEndpoint()
    first, second = wired.open(), wired.open()
    wired.endpoint.changed_streams.clear()
    wired.receive(wire.headers(second.id, OK), wire.window_update(first.id, 1), wire.settings())
    assert set(wired.endpoint.changed_streams) == {0, first.id, second.id}


# ---- commands ----


def test_3_4_one_request_may_go_out_before_the_peer_s_settings_are_known():
    wired = MemoryEndpoint(handshake=False)
    wired.open()
    assert not wired.endpoint.may_open_stream()
    wired.receive(wire.settings())
    assert wired.endpoint.may_open_stream()


def test_5_1_1_a_skipped_id_is_closed():
    wired = MemoryEndpoint()
    assert wired.endpoint.state_of(99) == states.IDLE
    assert wired.endpoint.send_request(request(), "GET", end_stream=True, stream_id=101).id == 101
    assert wired.endpoint.state_of(99) == states.CLOSED


def test_rfc7541_7_1_3_never_indexed_fields_are_so_on_the_wire():
    """Also after equal ones that were not, in header sections and in trailers."""
    wired = MemoryEndpoint()

    def kinds(field):
        section = (*request(method="POST"), field)
        stream = wired.endpoint.send_request(section, "POST", end_stream=False)
        wired.endpoint.send_trailers(stream, (field,))
        frames = [wired.decoder.decode(frame.block) for frame in wired.sent()]
        assert [decoded[-1] for decoded in frames] == [field] * 2
        return [type(decoded[-1]) for decoded in frames]

    plain, never_indexed = (b"x-token", b"t0ken"), NeverIndexed(b"x-token", b"t0ken")
    for field in (plain, plain, never_indexed, never_indexed, plain):
        assert kinds(field) == [type(field)] * 2


def test_a_request_that_was_upgraded_is_stream_1():
    """RFC 7540, 3.2: half-closed by us, and the next request takes the next stream."""
    wired = MemoryEndpoint()
    upgraded = wired.endpoint.adopt_upgraded("GET")
    assert (upgraded.id, upgraded.state) == (1, states.HALF_CLOSED_LOCAL)
    with pytest.raises(LocalProtocolError):
        wired.endpoint.send_content(upgraded, memoryview(b"more"), end_stream=True)
    assert wired.open().id == 3
    wired.answer(upgraded, b"upgraded")
    assert list(upgraded.content) == [b"upgraded"]
    assert upgraded.is_over


def test_a_large_upload_takes_turns():
    wired = MemoryEndpoint(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    wired.receive(wire.window_update(0, 2**20))
    stream = wired.open("POST", end_stream=False)
    sent = wired.endpoint.send_content(stream, memoryview(bytes(200_000)), end_stream=True)
    assert sent == module.SEND_BURST
    assert not any(frame.end_stream for frame in wired.sent())


def test_content_leaves_without_being_copied():
    wired = MemoryEndpoint()
    stream = wired.open("POST", end_stream=False)
    content = bytearray(b"content")
    wired.endpoint.send_content(stream, memoryview(content), end_stream=True)
    assert wired.endpoint.outbound[1].obj is content
    (frame,) = wired.sent()
    assert (frame.content, frame.end_stream) == (b"content", True)


def test_5_1_the_stream_is_closed_when_the_request_ends_after_the_response():
    wired = MemoryEndpoint()
    stream = wired.open("POST", end_stream=False)
    wired.answer(stream)
    assert wired.endpoint.state_of(stream.id) == states.HALF_CLOSED_REMOTE
    wired.endpoint.send_content(stream, memoryview(b"end"), end_stream=True)
    assert wired.endpoint.state_of(stream.id) == states.CLOSED
    assert not wired.endpoint.streams
    assert not stream.request_is_open


def test_5_4_2_cancelling_resets_the_stream_and_drops_what_was_not_read():
    wired = busy()
    stream = wired.endpoint.streams[RESPONDING]
    wired.receive(wire.data(RESPONDING, b"unread"))
    wired.endpoint.cancel(stream, wire.REFUSED_STREAM)
    (frame,) = wired.sent()
    assert (frame.type, frame.stream_id, frame.error_code) == (
        *(wire.RST_STREAM, RESPONDING),
        wire.REFUSED_STREAM,
    )
    assert not stream.content
    assert type(stream.failure.exception()) is StreamResetError
    wired.endpoint.cancel(stream)
    assert wired.sent() == []


def test_5_4_2_cancelling_after_the_response_s_end_is_no_failure_of_the_response():
    wired = MemoryEndpoint()
    stream = wired.open("POST", end_stream=False)
    wired.answer(stream, b"whole")
    wired.endpoint.cancel(stream)
    assert [frame.type for frame in wired.sent()] == [wire.RST_STREAM]
    assert stream.failure is None


def test_5_1_a_stream_that_was_reset_is_remembered_for_ever():
    wired = MemoryEndpoint()
    for _ in range(module.MAX_CANCELLED_REMEMBERED + 1):
        wired.endpoint.cancel(wired.open())
    assert wired.endpoint.state_of(1) == states.CANCELLED
    assert wired.endpoint.state_of(3) == states.CANCELLED


def test_nothing_is_credited_when_the_response_is_whole():
    wired = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100})
    stream = wired.open("POST", end_stream=False)
    wired.answer(stream, bytes(100))
    wired.endpoint.consume(stream, 100)
    assert wired.sent() == []


def test_6_7_ping():
    wired = MemoryEndpoint()
    endpoint = wired.endpoint
    endpoint.send_ping(b"8 octets")
    (frame,) = wired.sent()
    assert frame.octets() == wire.ping(b"8 octets")
    assert endpoint.pings == {b"8 octets": False}
    with pytest.raises(LocalProtocolError, match="under way"):
        endpoint.send_ping(b"8 octets")
    with pytest.raises(LocalProtocolError, match="exactly 8"):
        endpoint.send_ping(b"7octets")
    wired.receive(wire.ping(b"8 octets", ack=True))
    assert endpoint.pings == {b"8 octets": True}


def test_window_managers_are_told_of_sizes_round_trips_and_ends():
    wired = MemoryEndpoint(window_manager=Noting)
    endpoint = wired.endpoint
    begun, awaiting = wired.open(), wired.open()
    section = wire.block([(":status", "200"), ("content-length", "2")])
    wired.receive(wire.headers(begun.id, section))
    endpoint.tell_round_trip(0.25)
    manager = begun.receive_window.manager
    assert (manager.document_size, manager.initial_window_size) == (2, 65_535)
    assert manager.times == endpoint.receive_window.manager.times == [0.25]
    assert not manager.is_ended
    wired.receive(wire.data(begun.id, b"ok", end_stream=True))
    assert manager.is_ended
    wired.answer(awaiting)
    assert awaiting.receive_window.manager.times == [0.25]


def test_8_4_promises_may_come_until_the_response_has_ended_or_its_window_is_full():
    wired = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    endpoint = wired.endpoint
    stream = wired.open()
    assert endpoint.may_bring_promises(stream.id)
    wired.receive(wire.headers(stream.id, OK))
    assert endpoint.may_bring_promises(stream.id)
    wired.receive(wire.data(stream.id, bytes(10)))
    assert not endpoint.may_bring_promises(stream.id)
    wired.receive(wire.data(stream.id, b"", end_stream=True))
    assert not endpoint.may_bring_promises(stream.id)
    assert not endpoint.may_bring_promises(ENDED)


# ---- the end ----


def test_the_peer_s_end_is_the_end_of_what_was_not_whole():
    wired = busy()
    streams = dict(wired.endpoint.streams)
    wired.endpoint.receive_eof()
    for stream in streams.values():
        assert not stream.request_is_open
        assert stream.state == states.CLOSED
        if stream.phase == states.DONE:
            assert stream.failure is None
        else:
            assert type(stream.failure.exception()) is RemoteDisconnected
    assert wired.endpoint.may_open_stream_or_never()
    assert not wired.endpoint.accepts_requests
    assert set(streams) <= set(wired.endpoint.changed_streams)


@pytest.mark.parametrize("debug", [b"", b"caf\xe9"])
def test_6_8_the_end_after_goaway_tells_what_goaway_said(debug):
    wired = busy()
    stream = wired.endpoint.streams[RESPONDING]
    wired.receive(wire.goaway(RESPONDING, 0xBEEF, debug))
    wired.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is ConnectionTerminated
    assert (error.error_code, error.last_stream_id, error.debug_data) == (0xBEEF, 1, debug)


def test_6_8_the_end_after_goaway_with_nothing_under_way_is_just_the_end():
    wired = MemoryEndpoint()
    wired.receive(wire.goaway(0))
    wired.endpoint.receive_eof()
    assert type(wired.endpoint.failure.exception()) is RemoteDisconnected


def test_the_first_failure_is_the_one_that_counts():
    wired = MemoryEndpoint()
    first = Failure(OSError, "first")
    wired.endpoint.fail(first)
    wired.endpoint.fail(Failure(OSError, "second"))
    wired.endpoint.receive_eof()
    wired.endpoint.close(0, Failure(OSError, "third"))
    assert wired.endpoint.failure is first
    assert wired.sent() == []


def test_6_8_closing_says_goaway_with_the_last_promise_and_ends_everything():
    wired = busy()
    stream = wired.endpoint.streams[RESPONDING]
    wired.endpoint.close(wire.CANCEL, Failure(ConnectionTerminated, "closed here"))
    (frame,) = wired.sent()
    assert frame.octets() == wire.goaway(PUSHED, wire.CANCEL)
    assert str(stream.failure.exception()) == "closed here"
    assert wired.receive(wire.ping()) == []


def test_5_1_2_a_promise_gives_its_place_back_when_it_is_over():
    wired = MemoryEndpoint({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    stream = wired.open()
    for promised_id in (2, 4, 6):
        answers = wired.receive(
            wire.push_promise(stream.id, promised_id, PROMISE),
            wire.headers(promised_id, OK, end_stream=True),
        )
        assert answers == []
    assert wired.endpoint.pushes_open == 0


def test_a_wanted_id_is_taken_while_it_is_free():
    wired = MemoryEndpoint()
    endpoint = wired.endpoint
    assert endpoint.send_request(request(), "GET", end_stream=True, stream_id=5).id == 5
    assert wired.open().id == 7
