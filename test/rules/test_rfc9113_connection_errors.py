"""RFC 9113: what ends the connection, one test for each MUST, named by its section.

Most rules are lines of a table. Each line is played on a connection that has a stream in every
state (`memory_endpoint.busy`), with frames built by hand, and judged by what a peer and a caller
notice: the code of GOAWAY, the exception, the end of all waiting.
"""

from __future__ import annotations

import pytest

from hyper.errors import (
    CompressionError,
    FlowControlError,
    FrameSizeError,
    LocalProtocolError,
    NegotiationError,
    RemoteProtocolError,
)
from hyper.protocol.flow.managers import BaseFlowControlManager
from hyper.testing import wire
from test.memory_endpoint import (
    ANSWERED,
    AWAITING,
    CANCELLED,
    ENDED,
    IDLE,
    IDLE_PROMISE,
    OK,
    OPEN,
    PROMISE,
    PROMISED,
    PUSHED,
    REFUSED,
    RESPONDING,
    MemoryEndpoint,
    busy,
)

GARBAGE = b"\x80"  # an indexed field of index 0 (RFC 7541, 6.1)

# A code that has a class of its own; all others are RemoteProtocolError.
KINDS = {
    wire.FLOW_CONTROL_ERROR: FlowControlError,
    wire.FRAME_SIZE_ERROR: FrameSizeError,
    wire.COMPRESSION_ERROR: CompressionError,
}


def check_connection_error(client, octets, code, section, kind=None):
    """The frames end in GOAWAY with that code, and every waiting caller learns why."""
    endpoint = client.endpoint
    waiting = [stream for stream in endpoint.streams.values() if not stream.is_over]

    *_, goaway = client.receive(octets)

    assert (goaway.type, wire.error_name(goaway.error_code)) == (
        wire.GOAWAY,
        wire.error_name(code),
    )
    assert goaway.last_stream_id == endpoint.highest_promised
    for failure in (endpoint.failure, *(stream.failure for stream in waiting)):
        error = failure.exception()
        assert type(error) is (kind or KINDS.get(code, RemoteProtocolError))
        assert error.error_code == code
        assert f"(RFC {section})" in str(error)
    assert goaway.debug.decode()[:200] in str(error)
    assert not endpoint.streams
    assert client.receive(wire.ping(), b"whatever") == []
    with pytest.raises(LocalProtocolError):
        client.open()


# ---- 3.4: the connection preface ----


def test_3_4_the_client_begins_with_its_preface_and_settings():
    client = MemoryEndpoint(
        {wire.SETTINGS_ENABLE_PUSH: 0}, connection_window=1_000_000, handshake=False
    )  # which checks the 24 octets
    settings, window_update = client.preface
    assert settings.octets() == wire.settings({wire.SETTINGS_ENABLE_PUSH: 0})
    assert window_update.octets() == wire.window_update(0, 1_000_000 - 65_535)


def test_3_4_the_peer_s_settings_are_acknowledged():
    client = MemoryEndpoint(handshake=False)
    (ack,) = client.receive(wire.settings({wire.SETTINGS_MAX_FRAME_SIZE: 20_000}))
    assert ack.octets() == wire.settings(ack=True)


@pytest.mark.parametrize(
    "octets",
    [
        wire.ping(),
        wire.settings(ack=True),
        wire.headers(1, OK),
        wire.goaway(0),
        wire.frame(0xBB, 0, 0),
    ],
)
def test_3_4_another_first_frame_than_settings_is_an_invalid_preface(octets):
    client = MemoryEndpoint(handshake=False)
    client.open()
    check_connection_error(client, octets, wire.PROTOCOL_ERROR, "9113, 3.4")


def test_3_3_a_peer_that_answers_in_http_1_is_named_as_such():
    client = MemoryEndpoint(handshake=False)
    client.open()
    octets = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    check_connection_error(client, octets, wire.PROTOCOL_ERROR, "9113, 3.3, 3.4", NegotiationError)
    assert "broke HTTP/2" not in str(client.endpoint.failure.exception())


# ---- what ends the connection ----

CONNECTION_ERRORS = {
    wire.PROTOCOL_ERROR: {
        # 4.3: a field block is contiguous
        "4.3 DATA within a field block": (
            "9113, 6.10",
            wire.headers(AWAITING, OK, end_headers=False) + wire.data(RESPONDING, b"x"),
        ),
        "4.3 HEADERS within a field block of the same stream": (
            "9113, 6.10",
            wire.headers(AWAITING, OK, end_headers=False) + wire.headers(AWAITING, OK),
        ),
        "4.3 PING within a field block": (
            "9113, 6.10",
            wire.headers(AWAITING, OK, end_headers=False) + wire.ping(),
        ),
        "5.5 an extension's frame within a field block": (
            "9113, 6.10",
            wire.headers(AWAITING, OK, end_headers=False) + wire.frame(0xBB, 0, 0),
        ),
        "6.6 another frame after PUSH_PROMISE without END_HEADERS": (
            "9113, 6.10",
            wire.push_promise(RESPONDING, IDLE_PROMISE, PROMISE, end_headers=False)
            + wire.data(RESPONDING, b"x"),
        ),
        "6.10 CONTINUATION of another stream": (
            "9113, 6.10",
            wire.headers(AWAITING, OK, end_headers=False) + wire.continuation(OPEN, b""),
        ),
        "6.10 CONTINUATION that continues nothing": (
            "9113, 6.10",
            wire.continuation(AWAITING, OK),
        ),
        "6.10 CONTINUATION after END_HEADERS": (
            "9113, 6.10",
            wire.headers(AWAITING, OK) + wire.continuation(AWAITING, b""),
        ),
        "6.10 CONTINUATION on stream 0": ("9113, 6.10", wire.continuation(0, OK)),
        # 5.1: states
        "5.1 DATA on an idle stream": ("9113, 5.1", wire.data(IDLE, b"x")),
        "5.1 RST_STREAM on an idle stream (6.4)": ("9113, 5.1", wire.rst_stream(IDLE)),
        "5.1 WINDOW_UPDATE on an idle stream": ("9113, 5.1", wire.window_update(IDLE, 1)),
        "5.1 PUSH_PROMISE on an idle stream": (
            "9113, 6.6",
            wire.push_promise(IDLE, IDLE_PROMISE, PROMISE),
        ),
        "5.1 DATA on a reserved stream": ("9113, 5.1", wire.data(PROMISED, b"x")),
        "5.1 WINDOW_UPDATE on a reserved stream": ("9113, 5.1", wire.window_update(PROMISED, 1)),
        "5.1.1 HEADERS on an idle stream of the client's": ("9113, 5.1", wire.headers(IDLE, OK)),
        "5.1.1 HEADERS on a stream that was not promised": (
            "9113, 5.1",
            wire.headers(IDLE_PROMISE, OK),
        ),
        "5.1.1 a promise of an odd stream": (
            "9113, 5.1.1",
            wire.push_promise(RESPONDING, IDLE, PROMISE),
        ),
        "5.1.1 a promise of stream 0": ("9113, 5.1.1", wire.push_promise(RESPONDING, 0, PROMISE)),
        "5.1.1 the same promise again": (
            "9113, 5.1.1",
            wire.push_promise(RESPONDING, PUSHED, PROMISE),
        ),
        # 6.1 to 6.3: DATA, HEADERS, PRIORITY
        "6.1 DATA on stream 0": ("9113, 5.1", wire.data(0, b"x")),
        "6.1 DATA of nothing but too long padding": (
            "9113, 6.1",
            wire.frame(wire.DATA, wire.PADDED, RESPONDING, b"\x04pad"),
        ),
        "6.1 too long padding even on a stream that we reset": (
            "9113, 6.1",
            wire.frame(wire.DATA, wire.PADDED, CANCELLED, b"\x04pad"),
        ),
        "6.2 HEADERS on stream 0": ("9113, 5.1", wire.headers(0, OK)),
        "6.2 HEADERS with too long padding": (
            "9113, 6.1",
            wire.frame(wire.HEADERS, wire.PADDED | wire.END_HEADERS, AWAITING, b"\xff" + OK),
        ),
        "6.3 PRIORITY on stream 0": ("9113, 6.3", wire.priority(0)),
        "6.4 RST_STREAM on stream 0": ("9113, 5.1", wire.rst_stream(0)),
        # 6.5: SETTINGS
        "6.5 SETTINGS on a stream": ("9113, 6.5", wire.frame(wire.SETTINGS, 0, RESPONDING)),
        "6.5.2 SETTINGS_ENABLE_PUSH of 2": (
            "9113, 6.5.2",
            wire.settings({wire.SETTINGS_ENABLE_PUSH: 2}),
        ),
        "6.5.2 SETTINGS_ENABLE_PUSH of 1 from a server": (
            "9113, 6.5.2",
            wire.settings({wire.SETTINGS_ENABLE_PUSH: 1}),
        ),
        "6.5.2 SETTINGS_MAX_FRAME_SIZE of 16,383": (
            "9113, 6.5.2",
            wire.settings({wire.SETTINGS_MAX_FRAME_SIZE: 16_383}),
        ),
        "6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^24": (
            "9113, 6.5.2",
            wire.settings({wire.SETTINGS_MAX_FRAME_SIZE: 2**24}),
        ),
        "6.5.3 an acknowledgement of nothing": ("9113, 6.5.3", wire.settings(ack=True)),
        "RFC 8441, 3 SETTINGS_ENABLE_CONNECT_PROTOCOL of 2": (
            "8441, 3",
            wire.settings({wire.SETTINGS_ENABLE_CONNECT_PROTOCOL: 2}),
        ),
        "RFC 8441, 3 SETTINGS_ENABLE_CONNECT_PROTOCOL taken back": (
            "8441, 3",
            wire.settings([(wire.SETTINGS_ENABLE_CONNECT_PROTOCOL, on) for on in (1, 0)]),
        ),
        "RFC 9218, 2.1 SETTINGS_NO_RFC7540_PRIORITIES of 2": (
            "9218, 2.1",
            wire.settings({wire.SETTINGS_NO_RFC7540_PRIORITIES: 2}),
        ),
        "RFC 9218, 2.1 SETTINGS_NO_RFC7540_PRIORITIES changed": (
            "9218, 2.1",
            wire.settings({wire.SETTINGS_NO_RFC7540_PRIORITIES: 1}),
        ),
        # 6.6: PUSH_PROMISE
        "6.6 PUSH_PROMISE on stream 0": (
            "9113, 6.6",
            wire.push_promise(0, IDLE_PROMISE, PROMISE),
        ),
        "6.6 PUSH_PROMISE on a stream that the server opened": (
            "9113, 6.6",
            wire.push_promise(PUSHED, IDLE_PROMISE, PROMISE),
        ),
        "6.6 PUSH_PROMISE on a half-closed (remote) stream": (
            "9113, 6.6",
            wire.push_promise(ANSWERED, IDLE_PROMISE, PROMISE),
        ),
        "6.6 PUSH_PROMISE on a stream that the peer ended": (
            "9113, 6.6",
            wire.push_promise(ENDED, IDLE_PROMISE, PROMISE),
        ),
        "6.6 PUSH_PROMISE with too long padding": (
            "9113, 6.1",
            wire.frame(wire.PUSH_PROMISE, wire.PADDED, RESPONDING, b"\x09" + bytes(8)),
        ),
        # 6.7 to 6.9: PING, GOAWAY, WINDOW_UPDATE
        "6.7 PING on a stream": ("9113, 6.7", wire.frame(wire.PING, 0, RESPONDING, bytes(8))),
        "6.8 GOAWAY on a stream": (
            "9113, 6.8",
            wire.frame(wire.GOAWAY, 0, RESPONDING, bytes(8)),
        ),
        "6.8 GOAWAY that takes back another": (
            "9113, 6.8",
            wire.goaway(IDLE) + wire.goaway(IDLE + 2),
        ),
        "6.9 WINDOW_UPDATE of the connection by 0": ("9113, 6.9", wire.window_update(0, 0)),
        # extensions
        "RFC 9218, 7.1 PRIORITY_UPDATE from a server": (
            "9218, 7.1",
            wire.priority_update(RESPONDING, "u=1"),
        ),
    },
    wire.FRAME_SIZE_ERROR: {
        "4.2 DATA beyond SETTINGS_MAX_FRAME_SIZE": (
            "9113, 4.2",
            wire.data(RESPONDING, bytes(16_385)),
        ),
        "4.2 HEADERS beyond SETTINGS_MAX_FRAME_SIZE": (
            "9113, 4.2",
            wire.headers(AWAITING, bytes(16_385)),
        ),
        "4.2 an unknown frame beyond SETTINGS_MAX_FRAME_SIZE": (
            "9113, 4.2",
            wire.frame(0xBB, 0, 0, bytes(16_385)),
        ),
        "6.1 DATA without its Pad Length": (
            "9113, 6.1",
            wire.frame(wire.DATA, wire.PADDED, RESPONDING),
        ),
        "6.2 HEADERS that end within their priority": (
            "9113, 6.2",
            wire.frame(wire.HEADERS, wire.PRIORITY_FLAG | wire.END_HEADERS, AWAITING, bytes(4)),
        ),
        "6.3 PRIORITY of 4 octets on an idle stream, which cannot be reset": (
            "9113, 6.3",
            wire.frame(wire.PRIORITY, 0, IDLE, bytes(4)),
        ),
        "6.4 RST_STREAM of 3 octets": (
            "9113, 6.4",
            wire.frame(wire.RST_STREAM, 0, RESPONDING, bytes(3)),
        ),
        "6.4 RST_STREAM of 5 octets": (
            "9113, 6.4",
            wire.frame(wire.RST_STREAM, 0, RESPONDING, bytes(5)),
        ),
        "6.5 SETTINGS of 5 octets": ("9113, 6.5", wire.frame(wire.SETTINGS, 0, 0, bytes(5))),
        "6.5 an acknowledgement with settings": (
            "9113, 6.5",
            wire.frame(wire.SETTINGS, wire.ACK, 0, bytes(6)),
        ),
        "6.6 PUSH_PROMISE that ends within its stream id": (
            "9113, 6.6",
            wire.frame(wire.PUSH_PROMISE, wire.END_HEADERS, RESPONDING, bytes(3)),
        ),
        "6.7 PING of 7 octets": ("9113, 6.7", wire.ping(bytes(7))),
        "6.7 PING of 9 octets": ("9113, 6.7", wire.ping(bytes(9))),
        "6.8 GOAWAY of 7 octets": ("9113, 6.8", wire.frame(wire.GOAWAY, 0, 0, bytes(7))),
        "6.9 WINDOW_UPDATE of 3 octets": (
            "9113, 6.9",
            wire.frame(wire.WINDOW_UPDATE, 0, RESPONDING, bytes(3)),
        ),
        "6.9 WINDOW_UPDATE of 5 octets": (
            "9113, 6.9",
            wire.frame(wire.WINDOW_UPDATE, 0, 0, bytes(5)),
        ),
        "RFC 9218, 7.1 PRIORITY_UPDATE of 3 octets": (
            "9218, 7.1",
            wire.frame(wire.PRIORITY_UPDATE, 0, 0, bytes(3)),
        ),
    },
    wire.COMPRESSION_ERROR: {
        "4.3 HEADERS that cannot be decoded": ("7541, 6.1", wire.headers(AWAITING, GARBAGE)),
        "4.3 a block in two pieces that cannot be decoded": (
            "7541, 6.1",
            wire.headers(AWAITING, OK, end_headers=False) + wire.continuation(AWAITING, GARBAGE),
        ),
        "4.3 PUSH_PROMISE that cannot be decoded": (
            "7541, 6.1",
            wire.push_promise(RESPONDING, IDLE_PROMISE, GARBAGE),
        ),
        "5.1 HEADERS on a stream that we reset are decoded all the same": (
            "7541, 6.1",
            wire.headers(CANCELLED, GARBAGE),
        ),
        "6.8 PUSH_PROMISE after GOAWAY is decoded all the same": (
            "7541, 6.1",
            wire.goaway(IDLE) + wire.push_promise(RESPONDING, IDLE_PROMISE, GARBAGE),
        ),
    },
    wire.STREAM_CLOSED: {
        "5.1 HEADERS on a stream that the peer ended": ("9113, 5.1", wire.headers(ENDED, OK)),
        "5.1 DATA on a stream that the peer ended": ("9113, 5.1", wire.data(ENDED, b"x")),
        "5.1 HEADERS on a stream that the peer reset": ("9113, 5.1", wire.headers(REFUSED, OK)),
        "5.1 DATA on a stream that the peer reset": ("9113, 5.1", wire.data(REFUSED, b"x")),
    },
    wire.FLOW_CONTROL_ERROR: {
        "6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 2^31": (
            "9113, 6.5.2",
            wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**31}),
        ),
        "6.9.1 the connection's window opened beyond 2^31-1": (
            "9113, 6.9.1",
            wire.window_update(0, 2**31 - 65_535),
        ),
        "6.9.2 a setting that opens a stream's window beyond 2^31-1": (
            "9113, 6.9.2",
            wire.window_update(OPEN, 1)
            + wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**31 - 1}),
        ),
    },
    wire.ENHANCE_YOUR_CALM: {
        "10.5.1 CONTINUATION without content, without end": (
            "9113, 10.5.1",
            wire.headers(AWAITING, OK, end_headers=False)
            + wire.continuation(AWAITING, b"", end_headers=False) * 512,
        ),
        "10.5.1 CONTINUATION with content, without end": (
            "9113, 10.5.1",
            wire.headers(AWAITING, bytes(16_384), end_headers=False)
            + wire.continuation(AWAITING, bytes(16_384), end_headers=False) * 8,
        ),
    },
}


@pytest.mark.parametrize(
    ("code", "section", "octets"),
    [
        pytest.param(code, section, octets, id=name)
        for code, rules in CONNECTION_ERRORS.items()
        for name, (section, octets) in rules.items()
    ],
)
def test_connection_error(code, section, octets):
    check_connection_error(busy(), octets, code, section)


class Stingy(BaseFlowControlManager):
    """Gives no room back, ever."""

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0


@pytest.mark.parametrize("stream_id", [RESPONDING, CANCELLED])
def test_6_9_1_data_beyond_the_connection_s_window_even_on_a_stream_that_we_reset(stream_id):
    settings = {wire.SETTINGS_INITIAL_WINDOW_SIZE: 100_000, wire.SETTINGS_MAX_FRAME_SIZE: 100_000}
    client = busy(settings=settings, window_manager=Stingy)
    assert client.receive(wire.data(stream_id, bytes(32_768))) == []
    octets = wire.data(stream_id, bytes(32_768))  # 65,535 was the window
    check_connection_error(client, octets, wire.FLOW_CONTROL_ERROR, "9113, 6.9.1")


QUESTIONS = {
    "PING": wire.ping() * 1001,
    "SETTINGS": wire.settings() * 1001,
    "promises, each refused": b"".join(
        wire.push_promise(AWAITING, promised_id, wire.block([(":method", "POST")]))
        for promised_id in range(1000, 1000 + 2 * 1001, 2)
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_10_5_questions_without_end_whose_answers_nobody_reads(question):
    client = busy()
    octets = QUESTIONS[question]
    assert client.endpoint.receive(memoryview(octets)) == len(octets)
    assert client.endpoint.failure is None  # the answers may be read yet
    assert client.endpoint.receive(memoryview(wire.ping())) > 0
    goaway = client.sent()[-1]
    assert goaway.type == wire.GOAWAY
    assert goaway.error_code == wire.ENHANCE_YOUR_CALM
    assert "RFC 9113, 10.5" in str(client.endpoint.failure.exception())


def test_4_3_1_a_smaller_table_that_was_acknowledged_must_be_confirmed_in_the_next_block():
    client = MemoryEndpoint({wire.SETTINGS_HEADER_TABLE_SIZE: 100})
    stream = client.open()
    octets = wire.headers(stream.id, OK)
    check_connection_error(client, octets, wire.COMPRESSION_ERROR, "9113, 4.3.1")


def test_4_3_1_a_block_that_begins_with_the_size_update_is_right():
    client = MemoryEndpoint({wire.SETTINGS_HEADER_TABLE_SIZE: 100})
    stream = client.open()
    client.receive(wire.headers(stream.id, wire.integer(100, 5, 0x20) + OK, end_stream=True))
    assert stream.head.status == 200


def test_6_6_a_promise_after_push_was_switched_off_ends_the_connection():
    client = MemoryEndpoint({wire.SETTINGS_ENABLE_PUSH: 0})
    stream = client.open()
    octets = wire.push_promise(stream.id, 2, PROMISE)
    check_connection_error(client, octets, wire.PROTOCOL_ERROR, "9113, 8.4")
