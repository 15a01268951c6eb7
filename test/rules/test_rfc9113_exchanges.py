"""RFC 9113: whole exchanges, flow control of what comes, and the end of a connection."""

from __future__ import annotations

import pytest

from hyper.errors import (
    ConnectionTerminated,
    LocalProtocolError,
    RemoteDisconnected,
)
from hyper.protocol.flow.budget import MANY_FREED
from hyper.protocol.flow.managers import BaseFlowControlManager
from hyper.testing import wire
from test.memory_endpoint import (
    ANSWERED,
    AUTHORITY,
    AWAITING,
    CONNECT,
    ENDED,
    OK,
    OPEN,
    PROMISE,
    PUSHED,
    TRAILERS,
    MemoryEndpoint,
    busy,
    request,
)

STATUS = (":status", "200")


# ---- exchanges ----


def test_8_1_a_response_with_interim_ones_before_and_trailers_behind():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(
        wire.headers(stream.id, wire.block([(":status", "100")])),
        wire.headers(stream.id, wire.block([(":status", "103"), ("link", "</a>")])),
        wire.headers(stream.id, OK),
        wire.data(stream.id, b"con", pad=3),
        wire.data(stream.id, b"tent"),
        wire.headers(stream.id, TRAILERS, end_stream=True),
    )
    assert [head.status for head in stream.informational] == [100, 103]
    assert stream.head.status == 200
    assert list(stream.content) == [b"con", b"tent"]
    assert stream.trailers == ((b"checksum", b"1"),)
    assert stream.is_over
    assert stream.failure is None


def test_8_1_a_response_that_is_whole_survives_rst_stream_with_no_error():
    client = busy()
    stream = client.endpoint.streams[ANSWERED]
    client.receive(wire.rst_stream(ANSWERED, wire.NO_ERROR))
    assert stream.is_over
    assert stream.failure is None
    assert client.endpoint.may_send(stream)  # that is: whoever waits to send learns that it is over
    client.check_goes_on()


@pytest.mark.parametrize("status", ["204", "304"])
def test_8_1_1_content_length_of_a_response_without_content_is_not_its_own(status):
    client = MemoryEndpoint()
    stream = client.open()
    section = wire.block([(":status", status), ("content-length", "1000")])
    assert client.receive(wire.headers(stream.id, section, end_stream=True)) == []
    assert stream.failure is None


def test_8_1_1_content_length_of_a_response_to_head_is_not_its_own():
    client = MemoryEndpoint()
    stream = client.open("HEAD")
    section = wire.block([STATUS, ("content-length", "1000")])
    assert client.receive(wire.headers(stream.id, section, end_stream=True)) == []
    assert stream.failure is None


def test_8_1_1_content_length_twice_the_same_is_right():
    client = MemoryEndpoint()
    stream = client.open()
    section = wire.block([STATUS, ("content-length", "2, 2"), ("content-length", "2")])
    client.receive(wire.headers(stream.id, section), wire.data(stream.id, b"ok", end_stream=True))
    assert stream.failure is None


def test_8_4_a_promise_and_its_response():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(
        wire.push_promise(stream.id, 2, PROMISE[:9], end_headers=False, pad=2),
        wire.continuation(stream.id, PROMISE[9:20], end_headers=False),
        wire.continuation(stream.id, PROMISE[20:]),
        wire.headers(2, OK),
        wire.data(2, b"pushed", end_stream=True),
    )
    (promised,) = client.endpoint.claim_promises(stream.id)
    request = promised.promised_request
    assert (request.method, request.scheme, request.authority, request.path) == (
        *("GET", "https"),
        *(AUTHORITY, "/promised"),
    )
    assert list(promised.content) == [b"pushed"]
    assert promised.is_over
    assert client.endpoint.claim_promises(stream.id) == []


def test_8_5_a_tunnel_has_no_content_length():
    client = MemoryEndpoint()
    stream = client.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    client.receive(
        wire.headers(stream.id, wire.block([STATUS, ("content-length", "2")])),
        wire.data(stream.id, b"octets of any number", end_stream=True),
    )
    assert stream.failure is None
    assert stream.is_over


# ---- flow control of what comes ----


def test_6_9_padding_and_the_pad_length_count_and_are_credited_at_once():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 500})
    stream = client.open()
    answers = client.receive(wire.headers(stream.id, OK), wire.data(stream.id, b"x" * 10, pad=255))
    assert [(f.stream_id, f.increment) for f in answers] == [(stream.id, 256)]
    assert stream.receive_window.size == 490


def test_6_9_content_is_credited_when_it_is_read():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 500}, unread_limit=500)
    stream = client.open()
    assert client.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(500))) == []
    client.endpoint.consume(stream, 124)
    assert client.sent() == []
    client.endpoint.consume(stream, 1)
    frame = client.sent()[0]
    assert (frame.stream_id, frame.increment) == (stream.id, 125)


@pytest.mark.parametrize("limit", [66_500, 2**24])
def test_6_9_what_was_read_of_streams_that_have_ended_leaves_room_for_others(limit):
    client = MemoryEndpoint(unread_limit=limit)
    budget = client.endpoint.budget
    for _ in range(300):
        assert client.endpoint.may_open_stream()
        stream = client.open()
        client.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(500), True))
        budget.freed.append(stream.drop_content())  # as a reader does, without the lock
        assert len(budget.freed) <= MANY_FREED  # of small responses there may be any number
    assert budget.total() == 0


def test_6_9_the_connection_is_credited_on_receipt_even_for_streams_that_we_reset():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    stream = client.open()
    client.endpoint.cancel(stream)
    client.sent()
    window = client.endpoint.receive_window
    client.receive(wire.headers(stream.id, OK))
    for _ in range(100):
        before = window.size
        answers = client.receive(wire.data(stream.id, bytes(16_384)) * 3)
        assert all((f.type, f.stream_id) == (wire.WINDOW_UPDATE, 0) for f in answers)
        # The peer may send as much as it has been told, and no more.
        assert window.size == before - 3 * 16_384 + sum(f.increment for f in answers)
        assert window.size >= 3 * 16_384
    client.check_goes_on()


class Stingy(BaseFlowControlManager):
    """Gives no room back, ever."""

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0


def test_6_9_other_frames_than_data_are_taken_while_there_is_no_room():
    client = MemoryEndpoint(window_manager=Stingy)
    stream, other = client.open(), client.open()
    client.receive(wire.headers(stream.id, OK), *[wire.data(stream.id, bytes(13_107))] * 5)
    assert client.endpoint.receive_window.size <= 65_535
    assert stream.receive_window.size == 0
    (answer,) = client.receive(wire.ping(b"8 octets"))
    assert answer.octets() == wire.ping(b"8 octets", ack=True)
    client.receive(wire.headers(other.id, wire.block([STATUS, ("x", "y" * 9000)]), end_stream=True))
    assert other.is_over
    assert other.failure is None


def test_8_3_1_the_authority_of_a_promise_is_not_its_host_field():
    """ "MUST NOT use the Host header field to determine the target URI"; we are its recipient."""
    client = busy()
    promise = wire.push_promise(1, 6, wire.block([*request("/promised"), ("host", "evil.example")]))
    client.receive(promise, wire.headers(6, OK, end_stream=True))
    (pushed,) = [stream for stream in client.endpoint.claim_promises(1) if stream.id == 6]
    assert pushed.promised_request.authority == AUTHORITY


# ---- 6.8, 8.7: the end of a connection, and what may be sent again ----


def test_6_8_goaway_fails_the_streams_that_were_not_processed_and_no_others():
    client = busy()
    endpoint = client.endpoint
    covered, failed = endpoint.streams[AWAITING], endpoint.streams[OPEN]
    client.receive(wire.goaway(ENDED, wire.ENHANCE_YOUR_CALM, b"be calm"))
    error = failed.failure.exception()
    assert type(error) is ConnectionTerminated
    assert error.retryable
    assert (error.error_code, error.last_stream_id, error.stream_id, error.debug_data) == (
        *(wire.ENHANCE_YOUR_CALM, ENDED),
        *(OPEN, b"be calm"),
    )
    assert repr(failed) == f"<Stream {OPEN}, closed>"
    # "MUST NOT open additional streams"; those that are covered, and pushes, go on.
    assert endpoint.may_open_stream_or_never()
    with pytest.raises(LocalProtocolError, match=r"6\.8"):
        client.open()
    client.answer(covered, b"content")
    assert covered.failure is None
    assert covered.is_over
    assert PUSHED in endpoint.streams


def test_6_8_a_second_goaway_may_lower_the_last_stream():
    client = MemoryEndpoint()
    first, second = client.open(), client.open()
    client.receive(wire.goaway(2**31 - 1))
    assert second.failure is None
    client.receive(wire.goaway(first.id))
    assert second.failure.exception().retryable
    assert first.failure is None


def test_6_8_the_end_after_goaway_is_told_with_its_reason():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.goaway(stream.id, wire.INTERNAL_ERROR, b"out of memory"))
    client.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is ConnectionTerminated
    assert not error.retryable
    assert "INTERNAL_ERROR" in str(error)
    assert "out of memory" in str(error)


def test_8_7_a_stream_that_was_refused_may_be_sent_again():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.rst_stream(stream.id, wire.REFUSED_STREAM))
    assert stream.failure.exception().retryable


def test_8_7_a_connection_that_just_ends_guarantees_nothing():
    client = MemoryEndpoint()
    stream = client.open()
    client.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is RemoteDisconnected
    assert not getattr(error, "retryable", False)


def test_4_2_a_frame_of_16384_octets_is_received():
    """ "All implementations MUST be capable of receiving" it."""
    wired = MemoryEndpoint()
    stream = wired.open()
    wired.answer(stream, bytes(16_384))
    assert len(b"".join(stream.content)) == 16_384
    assert stream.is_over
    assert stream.failure is None
