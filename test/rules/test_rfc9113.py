"""RFC 9113 as a client keeps it: one test for each MUST that concerns one, named by its section.

Most rules are lines of three tables: what ends the connection, what ends one stream, what changes
nothing. Each line is played on a connection that has a stream in every state (`wired.busy`), with
frames built by hand, and judged by what a peer and a caller notice: the code of GOAWAY or
RST_STREAM, the exception, whether all else goes on.
"""

from __future__ import annotations

import pytest

from hyper.errors import (
    CompressionError,
    ConnectionTerminated,
    FieldSectionTooLarge,
    FlowControlError,
    FrameSizeError,
    InvalidURL,
    LocalProtocolError,
    NegotiationError,
    RemoteDisconnected,
    RemoteProtocolError,
    StreamResetError,
)
from hyper.fields import outgoing_section
from hyper.protocol import messages
from hyper.protocol.flow.managers import BaseFlowControlManager
from hyper.protocol.messages import trailer_section
from hyper.protocol.origins import Origin
from test import wire
from test.wired import (
    ANSWERED,
    AUTHORITY,
    AWAITING,
    CANCELLED,
    CONNECT,
    CONNECTED,
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
    TRAILERS,
    Wired,
    busy,
    request,
)

GARBAGE = b"\x80"  # an indexed field of index 0 (RFC 7541, 6.1)

# A code that has a class of its own; all others are RemoteProtocolError.
KINDS = {
    wire.FLOW_CONTROL_ERROR: FlowControlError,
    wire.FRAME_SIZE_ERROR: FrameSizeError,
    wire.COMPRESSION_ERROR: CompressionError,
}


def check_connection_error(wired, octets, code, section, kind=None):
    """The frames end in GOAWAY with that code, and every waiting caller learns why."""
    endpoint = wired.endpoint
    waiting = [stream for stream in endpoint.streams.values() if not stream.is_over]

    *_, goaway = wired.receive(octets)

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
    assert wired.receive(wire.ping(), b"whatever") == []
    with pytest.raises(LocalProtocolError):
        wired.open()


def check_stream_error(wired, stream_id, octets, code, section):
    """The frames end in RST_STREAM with that code, for that stream alone."""
    endpoint = wired.endpoint
    stream = endpoint.streams.get(stream_id)
    others = {s.id: s.state for s in endpoint.streams.values() if s.id != stream_id}
    was_over = stream is None or stream.is_over

    answers = wired.receive(octets)

    assert [
        (frame.stream_id, wire.error_name(frame.error_code))
        for frame in answers
        if frame.type in (wire.RST_STREAM, wire.GOAWAY)
    ] == [(stream_id, wire.error_name(code))]
    assert {s.id: s.state for s in endpoint.streams.values()} == others
    if not was_over:
        error = stream.failure.exception()
        assert type(error) is KINDS.get(code, RemoteProtocolError)
        assert (error.error_code, error.stream_id) == (code, stream_id)
        assert f"(RFC {section})" in str(error)
    # What is still under way on the stream that was reset is no error (5.1).
    assert wired.receive(wire.headers(stream_id, OK), wire.data(stream_id, b"late")) == []
    wired.check_goes_on()


# ---- 3.4: the connection preface ----


def test_3_4_the_client_begins_with_its_preface_and_settings():
    wired = Wired(
        {wire.SETTINGS_ENABLE_PUSH: 0}, connection_window=1_000_000, handshake=False
    )  # which checks the 24 octets
    settings, window_update = wired.preface
    assert settings.octets() == wire.settings({wire.SETTINGS_ENABLE_PUSH: 0})
    assert window_update.octets() == wire.window_update(0, 1_000_000 - 65_535)


def test_3_4_the_peer_s_settings_are_acknowledged():
    wired = Wired(handshake=False)
    (ack,) = wired.receive(wire.settings({wire.SETTINGS_MAX_FRAME_SIZE: 20_000}))
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
    wired = Wired(handshake=False)
    wired.open()
    check_connection_error(wired, octets, wire.PROTOCOL_ERROR, "9113, 3.4")


def test_3_3_a_peer_that_answers_in_http_1_is_named_as_such():
    wired = Wired(handshake=False)
    wired.open()
    octets = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    check_connection_error(wired, octets, wire.PROTOCOL_ERROR, "9113, 3.3", NegotiationError)


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
        "10.5 PING without end": ("9113, 10.5", wire.ping() * 1001),
        "10.5 SETTINGS without end": ("9113, 10.5", wire.settings() * 1001),
        "10.5 promises without end, each refused": (
            "9113, 10.5",
            b"".join(
                wire.push_promise(AWAITING, promised_id, wire.block([(":method", "POST")]))
                for promised_id in range(1000, 1000 + 2 * 1001, 2)
            ),
        ),
        "10.5 DATA without content, without end": ("9113, 10.5", wire.data(RESPONDING) * 101),
        "10.5 DATA of padding alone, without end": (
            "9113, 10.5",
            wire.data(RESPONDING, pad=7) * 101,
        ),
        "10.5.1 CONTINUATION without content, without end": (
            "9113, 10.5.1",
            wire.headers(AWAITING, OK, end_headers=False)
            + wire.continuation(AWAITING, b"", end_headers=False) * 64,
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
    wired = busy(settings=settings, window_manager=Stingy)
    assert wired.receive(wire.data(stream_id, bytes(32_768))) == []
    octets = wire.data(stream_id, bytes(32_768))  # 65,535 was the window
    check_connection_error(wired, octets, wire.FLOW_CONTROL_ERROR, "9113, 6.9.1")


def test_10_5_1_a_field_section_beyond_our_limit_ends_the_connection():
    wired = Wired(list_size=1000)
    stream = wired.open()
    octets = wire.headers(stream.id, wire.block([(":status", "200"), ("x", "y" * 1000)]))
    check_connection_error(
        wired, octets, wire.ENHANCE_YOUR_CALM, "9113, 6.5.2", FieldSectionTooLarge
    )


def test_4_3_1_a_smaller_table_that_was_acknowledged_must_be_confirmed_in_the_next_block():
    wired = Wired({wire.SETTINGS_HEADER_TABLE_SIZE: 100})
    stream = wired.open()
    octets = wire.headers(stream.id, OK)
    check_connection_error(wired, octets, wire.COMPRESSION_ERROR, "9113, 4.3.1")


def test_4_3_1_a_block_that_begins_with_the_size_update_is_right():
    wired = Wired({wire.SETTINGS_HEADER_TABLE_SIZE: 100})
    stream = wired.open()
    wired.receive(wire.headers(stream.id, wire.integer(100, 5, 0x20) + OK, end_stream=True))
    assert stream.head.status == 200


def test_6_6_a_promise_after_push_was_switched_off_ends_the_connection():
    wired = Wired({wire.SETTINGS_ENABLE_PUSH: 0})
    stream = wired.open()
    octets = wire.push_promise(stream.id, 2, PROMISE)
    check_connection_error(wired, octets, wire.PROTOCOL_ERROR, "9113, 8.4")


# ---- what ends one stream ----

STATUS = (":status", "200")


def head(*fields, end_stream=False):
    """A response on AWAITING."""
    return wire.headers(AWAITING, wire.block(fields), end_stream=end_stream)


def trailers(*fields, end_stream=True):
    """Trailers on RESPONDING."""
    return wire.headers(RESPONDING, wire.block(fields), end_stream=end_stream)


def promise(*changes, drop=()):
    """A promise with other fields than it should have, on RESPONDING."""
    changed = dict(changes)
    fields = [(n, changed.pop(n, v)) for n, v in request("/promised") if n not in drop]
    return wire.push_promise(RESPONDING, IDLE_PROMISE, wire.block([*fields, *changed.items()]))


STREAM_ERRORS = {
    wire.STREAM_CLOSED: {
        "5.1 HEADERS after the response's end": (ANSWERED, "9113, 5.1", wire.headers(ANSWERED, OK)),
        "5.1 DATA after the response's end": (ANSWERED, "9113, 5.1", wire.data(ANSWERED, b"x")),
        "8.1 trailers after the response's end": (
            ANSWERED,
            "9113, 5.1",
            wire.headers(ANSWERED, TRAILERS, end_stream=True),
        ),
    },
    wire.FRAME_SIZE_ERROR: {
        "6.3 PRIORITY of 4 octets": (
            AWAITING,
            "9113, 6.3",
            wire.frame(wire.PRIORITY, 0, AWAITING, bytes(4)),
        ),
        "6.3 PRIORITY of 6 octets on a reserved stream": (
            PROMISED,
            "9113, 6.3",
            wire.frame(wire.PRIORITY, 0, PROMISED, bytes(6)),
        ),
        "5.4 only the first error of a stream is reported": (
            ENDED,
            "9113, 6.3",
            wire.frame(wire.PRIORITY, 0, ENDED, bytes(4)) * 3,
        ),
    },
    wire.FLOW_CONTROL_ERROR: {
        "6.9.1 a window opened beyond 2^31-1": (
            OPEN,
            "9113, 6.9.1",
            wire.window_update(OPEN, 2**31 - 65_535),
        ),
        "6.9.1 DATA beyond the stream's window": (
            RESPONDING,
            "9113, 6.9.1",
            wire.data(RESPONDING, bytes(16_000)) * 5,
        ),
        "6.9.1 padding beyond the stream's window": (
            RESPONDING,
            "9113, 6.9.1",
            wire.data(RESPONDING, bytes(16_284)) * 4 + wire.data(RESPONDING, b"", pad=255) * 2,
        ),
    },
    wire.ENHANCE_YOUR_CALM: {
        "10.5 interim responses without end": (
            AWAITING,
            "9113, 10.5",
            head((":status", "102")) * 33,
        ),
    },
    wire.PROTOCOL_ERROR: {
        "6.9 WINDOW_UPDATE by 0": (OPEN, "9113, 6.9", wire.window_update(OPEN, 0)),
        "6.9 WINDOW_UPDATE by 0 after the request's end": (
            AWAITING,
            "9113, 6.9",
            wire.window_update(AWAITING, 0),
        ),
        # 8.1: the shape of a message
        "8.1 DATA before HEADERS": (AWAITING, "9113, 8.1", wire.data(AWAITING, b"x")),
        "8.1 an end before HEADERS": (AWAITING, "9113, 8.1", wire.data(AWAITING, end_stream=True)),
        "8.1 an interim response with END_STREAM": (
            AWAITING,
            "9113, 8.1",
            head((":status", "103"), end_stream=True),
        ),
        "8.1 DATA after an interim response": (
            AWAITING,
            "9113, 8.1",
            head((":status", "103")) + wire.data(AWAITING, b"x"),
        ),
        "8.1 an interim response after the final one": (
            RESPONDING,
            "9113, 8.1",
            trailers((":status", "103"), end_stream=False),
        ),
        "8.1 a second final response": (
            RESPONDING,
            "9113, 8.1",
            trailers(STATUS, end_stream=False),
        ),
        "8.1 trailers without END_STREAM": (
            RESPONDING,
            "9113, 8.1",
            trailers(("checksum", "1"), end_stream=False),
        ),
        "8.1 trailers with a pseudo-header field": (RESPONDING, "9113, 8.1", trailers(STATUS)),
        "8.1 a second final response to a promise": (
            PUSHED,
            "9113, 8.1",
            wire.headers(PUSHED, OK),
        ),
        # 8.1.1: content-length
        "8.1.1 less content than announced": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "5")) + wire.data(AWAITING, b"four", end_stream=True),
        ),
        "8.1.1 more content than announced": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "3")) + wire.data(AWAITING, b"four"),
        ),
        "8.1.1 no content where some was announced": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "5"), end_stream=True),
        ),
        "8.1.1 less content than announced, and trailers": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "5"))
            + wire.headers(AWAITING, TRAILERS, end_stream=True),
        ),
        "8.1.1 two announcements": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "5"), ("content-length", "6")),
        ),
        "8.1.1 an announcement that is no number": (
            AWAITING,
            "9113, 8.1.1",
            head(STATUS, ("content-length", "+5")),
        ),
        "8.1.1 content with status 204": (
            AWAITING,
            "9113, 8.1.1",
            head((":status", "204")) + wire.data(AWAITING, b"x"),
        ),
        # 8.2.1: names and values
        **{
            f"8.2.1 a name with {octet:#04x}": (
                AWAITING,
                "9113, 8.2.1",
                head(STATUS, (b"x" + bytes((octet,)), "y")),
            )
            for octet in (0x00, 0x0A, 0x0D, 0x20, 0x3A, 0x41, 0x5A, 0x7F, 0x80, 0xFF)
        },
        "8.2.1 an empty name": (AWAITING, "9113, 8.2.1", head(STATUS, ("", "y"))),
        **{
            f"8.2.1 the value {value!r}": (AWAITING, "9113, 8.2.1", head(STATUS, ("x", value)))
            for value in ("a\0", "a\nb", "a\rb", " a", "a ", "\ta", "a\t", "a\n")
        },
        "8.2.1 a malformed field in trailers": (RESPONDING, "9113, 8.2.1", trailers(("X", "y"))),
        # 8.2.2: fields of one HTTP/1.1 connection
        **{
            f"8.2.2 {name}": (AWAITING, "9113, 8.2.2", head(STATUS, (name, "x")))
            for name in (
                *("connection", "proxy-connection", "keep-alive"),
                *("transfer-encoding", "upgrade"),
            )
        },
        # 8.3: pseudo-header fields
        "8.3 a pseudo-header field after a regular one": (
            AWAITING,
            "9113, 8.3",
            head(("x", "y"), STATUS),
        ),
        "8.3 a pseudo-header field twice": (AWAITING, "9113, 8.3", head(STATUS, STATUS)),
        "8.3 an unknown pseudo-header field": (
            AWAITING,
            "9113, 8.3.2",
            head(STATUS, (":weather", "fine")),
        ),
        "8.3 a pseudo-header field of requests": (
            AWAITING,
            "9113, 8.3.2",
            head(STATUS, (":path", "/")),
        ),
        "8.3.2 no status": (AWAITING, "9113, 8.3.2", head(("x", "y"))),
        **{
            f"8.3.2 the status {status!r}": (AWAITING, "9113, 8.3.2", head((":status", status)))
            for status in ("", "20", "2000", "099", "2x0", "+20", b"2\xb20")
        },
        # 8.4: promises
        "8.4 a promise of POST": (
            IDLE_PROMISE,
            "9113, 8.4",
            promise((b":method", b"POST")),
        ),
        "8.4 a promise with content": (
            IDLE_PROMISE,
            "9113, 8.4",
            promise((b"content-length", b"1")),
        ),
        "8.4.1 a promise without path": (IDLE_PROMISE, "9113, 8.4.1", promise(drop=[b":path"])),
        "8.4.1 a promise with a field of HTTP/1.1": (
            IDLE_PROMISE,
            "9113, 8.2.2",
            promise((b"connection", b"close")),
        ),
        "8.4 a promise for an origin of another's": (
            IDLE_PROMISE,
            "9113, 8.4.2",
            promise((b":authority", b"elsewhere.example")),
        ),
        # 8.5, 8.6
        "8.5 trailers in a tunnel": (
            CONNECTED,
            "9113, 8.5",
            wire.headers(CONNECTED, TRAILERS, end_stream=True),
        ),
        "8.5 HEADERS in a tunnel": (CONNECTED, "9113, 8.5", wire.headers(CONNECTED, OK)),
        "8.6 status 101": (AWAITING, "9113, 8.6", head((":status", "101"))),
    },
}


@pytest.mark.parametrize(
    ("stream_id", "code", "section", "octets"),
    [
        pytest.param(stream_id, code, section, octets, id=name)
        for code, rules in STREAM_ERRORS.items()
        for name, (stream_id, section, octets) in rules.items()
    ],
)
def test_stream_error(stream_id, code, section, octets):
    wired = busy(connection_window=1_000_000)
    check_stream_error(wired, stream_id, octets, code, section)


def test_8_1_1_content_in_a_response_to_head_ends_the_stream():
    wired = Wired()
    stream = wired.open("HEAD")
    fields = wire.block([STATUS, ("content-length", "1")])
    octets = wire.headers(stream.id, fields) + wire.data(stream.id, b"x")
    check_stream_error(wired, stream.id, octets, wire.PROTOCOL_ERROR, "9113, 8.1.1")


def test_6_6_a_promise_before_our_refusal_of_push_was_acknowledged_is_cancelled():
    wired = Wired({wire.SETTINGS_ENABLE_PUSH: 0}, handshake=False)
    wired.receive(wire.settings())
    stream = wired.open()
    octets = wire.push_promise(stream.id, 2, PROMISE)
    check_stream_error(wired, 2, octets, wire.CANCEL, "9113, 6.6")


def test_5_1_2_a_promise_beyond_our_limit_is_refused():
    wired = Wired({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    stream = wired.open()
    wired.receive(wire.push_promise(stream.id, 2, PROMISE))
    octets = wire.push_promise(stream.id, 4, PROMISE)
    check_stream_error(wired, 4, octets, wire.REFUSED_STREAM, "9113, 5.1.2")


def test_10_5_a_promise_is_refused_when_too_many_are_unclaimed():
    wired = Wired()
    stream = wired.open()
    for promised_id in range(2, 202, 2):
        wired.receive(
            wire.push_promise(stream.id, promised_id, PROMISE),
            wire.headers(promised_id, OK, end_stream=True),
        )
    octets = wire.push_promise(stream.id, 202, PROMISE)
    check_stream_error(wired, 202, octets, wire.REFUSED_STREAM, "9113, 10.5")
    assert len(wired.endpoint.claim_promises(stream.id)) == 100
    assert wired.receive(wire.push_promise(stream.id, 204, PROMISE)) == []


def test_6_6_a_promise_on_a_stream_that_we_reset_is_cancelled():
    check_stream_error(
        busy(),
        IDLE_PROMISE,
        wire.push_promise(CANCELLED, IDLE_PROMISE, PROMISE),
        wire.CANCEL,
        "9113, 6.6",
    )


# ---- what changes nothing ----

CHANGES_NOTHING = {
    "4.1 a frame of unknown type": wire.frame(0xBB, 0xFF, RESPONDING, b"whatever"),
    "5.5 a frame of unknown type on an idle stream": wire.frame(0xBB, 0xFF, IDLE, b"whatever"),
    "5.1 PRIORITY in any state": b"".join(
        wire.priority(stream_id)
        for stream_id in (
            *(RESPONDING, AWAITING, ENDED, CANCELLED, OPEN, ANSWERED, IDLE),
            *(PROMISED, IDLE_PROMISE),
        )
    ),
    "5.1 WINDOW_UPDATE on closed streams (6.9)": wire.window_update(ENDED, 1)
    + wire.window_update(REFUSED, 1)
    + wire.window_update(CANCELLED, 1),
    "5.1 RST_STREAM on closed streams (5.4.2)": wire.rst_stream(ENDED)
    + wire.rst_stream(REFUSED)
    + wire.rst_stream(CANCELLED),
    "5.1 HEADERS and DATA on a stream that we reset": wire.headers(CANCELLED, OK)
    + wire.data(CANCELLED, b"x" * 1000, end_stream=True),
    "6.7 an acknowledgement of no PING of ours": wire.ping(b"surprise", ack=True),
    "RFC 7838, 4 ALTSVC that ends within its origin": wire.frame(wire.ALTSVC, 0, 0, b"\0\5four"),
    "RFC 7838, 4 ALTSVC of one octet": wire.frame(wire.ALTSVC, 0, 0, b"\0"),
    "RFC 7838, 4 ALTSVC on stream 0 without origin": wire.altsvc(0, "", 'h3=":443"'),
    "RFC 7838, 4 ALTSVC on a stream with origin": wire.altsvc(1, "https://a", 'h3=":443"'),
    "RFC 8336, 2.1 ORIGIN on a stream": wire.frame(wire.ORIGIN, 0, RESPONDING, b"\0\1a"),
    "RFC 8336, 2.1 ORIGIN with a flag of the first four": wire.frame(wire.ORIGIN, 0x4, 0, b"\0\1a"),
}


@pytest.mark.parametrize("octets", CHANGES_NOTHING.values(), ids=CHANGES_NOTHING.keys())
def test_ignored(octets):
    wired = busy()
    endpoint = wired.endpoint

    def seen():
        return (
            {
                s.id: (s.state, s.phase, s.failure, len(s.content))
                for s in endpoint.streams.values()
            },
            endpoint.alt_services,
            endpoint.origin_set,
            endpoint.send_window.size,
        )

    before = seen()
    assert wired.receive(octets) == []
    assert seen() == before
    wired.check_goes_on()


def test_4_1_unused_flags_and_the_reserved_bit_are_ignored():
    wired = Wired()
    stream = wired.open()
    reserved = 1 << 31
    wired.receive(
        wire.frame(wire.HEADERS, wire.END_HEADERS | 0xD2, stream.id | reserved, OK),
        wire.frame(wire.DATA, wire.END_STREAM | 0xF6, stream.id | reserved, b"content"),
        wire.frame(wire.PING, 0xFE, reserved, bytes(8)),
        wire.frame(wire.WINDOW_UPDATE, 0xFF, 0, (5 | reserved).to_bytes(4, "big")),
    )
    assert (stream.head.status, b"".join(stream.content)) == (200, b"content")
    assert wired.endpoint.send_window.size == 65_540


def test_6_5_2_unknown_settings_are_ignored_and_acknowledged():
    wired = Wired()
    before = wired.endpoint.peer_settings.as_dict()
    (ack,) = wired.receive(wire.settings({0xF00D: 2**32 - 1, 0: 0}))
    assert ack.ack
    assert wired.endpoint.peer_settings.as_dict() == before


def test_7_unknown_error_codes_have_no_special_meaning():
    wired = Wired()
    stream = wired.open()
    wired.receive(wire.rst_stream(stream.id, 0xBEEF))
    error = stream.failure.exception()
    assert type(error) is StreamResetError
    assert error.error_code == 0xBEEF
    assert not error.retryable
    wired.check_goes_on()


# ---- what the client sends ----


def test_4_2_no_frame_is_larger_than_the_peer_allows():
    wired = Wired(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    stream = wired.endpoint.send_request(
        (*request("/" + "x" * 40_000, "POST"),), "POST", end_stream=False
    )
    wired.endpoint.send_content(stream, memoryview(bytes(50_000)), end_stream=True)
    frames = wired.sent()
    assert max(len(frame.payload) for frame in frames) == 16_384
    assert [frame.end_stream for frame in frames][-2:] == [False, True]


def test_4_3_a_field_block_leaves_in_one_piece():
    wired = Wired()
    section = request("/" + "x" * 40_000)
    wired.endpoint.send_request(section, "GET", end_stream=True)
    first, *rest = wired.sent()
    assert (first.type, first.end_stream, first.end_headers) == (wire.HEADERS, True, False)
    assert {(frame.type, frame.stream_id) for frame in rest} == {(wire.CONTINUATION, 1)}
    assert [frame.end_headers for frame in rest] == [False] * (len(rest) - 1) + [True]
    block = b"".join(frame.block for frame in (first, *rest))
    assert tuple(wired.decoder.decode(block)) == section


def test_4_3_1_a_smaller_table_is_confirmed_at_the_start_of_the_next_block():
    wired = Wired()
    wired.receive(wire.settings({wire.SETTINGS_HEADER_TABLE_SIZE: 0}))
    wired.endpoint.send_request(request(), "GET", end_stream=True)
    (frame,) = wired.sent()
    assert frame.block[0] == 0x20


def test_5_1_1_stream_ids_are_odd_and_rise():
    wired = Wired()
    assert [wired.open().id for _ in range(3)] == [1, 3, 5]


def test_5_1_1_a_reserved_id_that_was_overtaken_is_not_used():
    wired = Wired()
    endpoint = wired.endpoint
    first, second = endpoint.reserve_stream_id(), endpoint.reserve_stream_id()
    taken = endpoint.send_request(request(), "GET", end_stream=True, reserved_id=second)
    late = endpoint.send_request(request(), "GET", end_stream=True, reserved_id=first)
    assert (taken.id, late.id) == (3, 5)


def test_5_1_1_no_stream_beyond_2_to_the_31_minus_1():
    wired = Wired(first_stream_id=2**31 - 1)
    assert wired.open().id == 2**31 - 1
    assert not wired.endpoint.accepts_requests
    with pytest.raises(LocalProtocolError, match=r"5\.1\.2, 6\.8"):
        wired.open()


def test_5_1_2_no_more_streams_than_the_peer_allows():
    wired = Wired(peer_settings={wire.SETTINGS_MAX_CONCURRENT_STREAMS: 2})
    first, _ = wired.open(), wired.open()
    with pytest.raises(LocalProtocolError, match=r"5\.1\.2"):
        wired.open()
    # "reserved" streams do not count, and a promised stream counts towards our own limit.
    wired.receive(wire.push_promise(first.id, 2, PROMISE))
    wired.answer(first)
    assert wired.endpoint.may_open_stream()
    wired.open()


def test_6_9_content_waits_for_the_windows():
    wired = Wired(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    endpoint = wired.endpoint
    stream = wired.open("POST", end_stream=False)
    assert endpoint.send_content(stream, memoryview(bytes(15)), end_stream=True) == 10
    assert not endpoint.may_send(stream)
    assert endpoint.send_content(stream, memoryview(bytes(5)), end_stream=True) == 0
    (frame,) = wired.sent()
    assert (len(frame.content), frame.end_stream) == (10, False)
    wired.receive(wire.window_update(stream.id, 100))
    assert endpoint.may_send(stream)
    assert endpoint.send_content(stream, memoryview(bytes(5)), end_stream=True) == 5
    (frame,) = wired.sent()
    assert (len(frame.content), frame.end_stream) == (5, True)


def test_6_9_1_content_waits_for_the_connection_s_window():
    wired = Wired(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**31 - 1})
    endpoint = wired.endpoint
    first, second = (wired.open("POST", end_stream=False) for _ in range(2))
    assert endpoint.send_content(first, memoryview(bytes(65_535)), end_stream=True) == 65_535
    assert endpoint.send_content(second, memoryview(b"x"), end_stream=True) == 0
    assert not endpoint.may_send(second)
    # "an empty DATA frame with END_STREAM" needs no window.
    assert endpoint.send_content(second, memoryview(b""), end_stream=True) == 0
    assert wired.sent()[-1].octets() == wire.data(second.id, end_stream=True)


def test_6_9_2_a_lowered_setting_makes_a_window_negative_and_nothing_is_sent_until_it_is_not():
    wired = Wired()
    endpoint = wired.endpoint
    stream = wired.open("POST", end_stream=False)
    endpoint.send_content(stream, memoryview(bytes(60_000)), end_stream=False)
    wired.receive(wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 16_384}))
    assert stream.send_window.size == 16_384 - 60_000
    assert endpoint.send_content(stream, memoryview(b"x"), end_stream=True) == 0
    wired.receive(wire.window_update(stream.id, 60_000 - 16_384))
    assert not endpoint.may_send(stream)
    wired.receive(wire.window_update(stream.id, 1))
    assert endpoint.send_content(stream, memoryview(b"x"), end_stream=True) == 1


def test_6_9_2_settings_do_not_change_the_connection_s_window():
    wired = Wired()
    wired.receive(wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 1}))
    assert wired.endpoint.send_window.size == 65_535


def test_6_5_3_settings_are_applied_in_order_and_acknowledged_at_once():
    wired = Wired()
    (ack,) = wired.receive(
        wire.settings([(wire.SETTINGS_INITIAL_WINDOW_SIZE, size) for size in (7, 9)])
    )
    assert ack.octets() == wire.settings(ack=True)
    assert wired.open("POST", end_stream=False).send_window.size == 9


def test_6_7_ping_is_answered_with_the_same_octets():
    wired = Wired()
    (answer,) = wired.receive(wire.ping(b"8 octets"))
    assert answer.octets() == wire.ping(b"8 octets", ack=True)


def test_5_1_after_reset_nothing_but_priority_is_sent_on_the_stream():
    wired = busy()
    endpoint = wired.endpoint
    stream = endpoint.streams[OPEN]
    wired.receive(wire.rst_stream(OPEN, wire.CANCEL))
    with pytest.raises(LocalProtocolError):
        endpoint.send_content(stream, memoryview(b"x"), end_stream=True)
    with pytest.raises(LocalProtocolError):
        endpoint.send_trailers(stream, ())
    endpoint.cancel(stream)
    endpoint.consume(stream, 100_000)
    assert wired.sent() == []


def test_5_4_2_rst_stream_is_never_answered_by_rst_stream():
    wired = busy()
    octets = b"".join(wire.rst_stream(s, 0xBAD) for s in wired.endpoint.streams)
    assert wired.receive(octets) == []


def test_8_1_nothing_is_sent_after_the_request_s_end():
    wired = Wired()
    stream = wired.open()
    with pytest.raises(LocalProtocolError, match=r"RFC 9113, 8\.1"):
        wired.endpoint.send_content(stream, memoryview(b"x"), end_stream=True)
    with pytest.raises(LocalProtocolError, match=r"RFC 9113, 8\.1"):
        wired.endpoint.send_trailers(stream, ())
    assert wired.sent() == []


def test_8_1_trailers_end_the_request():
    wired = Wired()
    stream = wired.open("POST", end_stream=False)
    wired.endpoint.send_trailers(stream, trailer_section([("Checksum", "1")]))
    (frame,) = wired.sent()
    assert (frame.type, frame.end_stream, frame.end_headers) == (wire.HEADERS, True, True)


@pytest.mark.parametrize("name", [":status", ":path", "na me", "", "x:y"])
def test_8_1_trailers_without_pseudo_header_fields(name):
    with pytest.raises(LocalProtocolError):
        trailer_section([(name, "x")])


def test_8_2_names_are_sent_in_lower_case():
    assert outgoing_section([("X-Mixed-CASE", "Value")]) == [(b"x-mixed-case", b"Value")]


@pytest.mark.parametrize("value", ["a\0b", "a\rb", "a\nb", "a\r\nx: y"])
def test_8_2_1_values_that_would_be_malformed_are_not_sent(value):
    with pytest.raises(LocalProtocolError, match=r"8\.2\.1"):
        outgoing_section([("x", value)])


def fields_sent(*headers, method="GET", url="/"):
    origin = Origin("https", AUTHORITY)
    return messages.request_section(method, url, origin, messages.request_fields(headers), ())


def test_8_2_2_fields_of_one_http_1_connection_are_not_sent():
    sent = fields_sent(
        ("Connection", "keep-alive"),
        ("Keep-Alive", "5"),
        ("Proxy-Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("TE", "gzip"),
        ("kept", "1"),
    )
    assert sent[4:] == ((b"kept", b"1"),)
    assert trailer_section([("connection", "x"), ("kept", "1")]) == ((b"kept", b"1"),)


def test_8_2_2_te_may_say_trailers():
    assert fields_sent(("TE", "trailers"))[4:] == ((b"te", b"trailers"),)


def test_8_3_pseudo_header_fields_come_first_and_are_never_the_caller_s():
    names = [name for name, _ in fields_sent(("accept", "*/*"))]
    assert names == [b":method", b":scheme", b":authority", b":path", b"accept"]
    with pytest.raises(LocalProtocolError):
        fields_sent((":path", "/elsewhere"))


@pytest.mark.parametrize(
    ("url", "scheme", "authority", "path"),
    [
        ("/a?b=c", b"https", b"example.org", b"/a?b=c"),
        ("", b"https", b"example.org", b"/"),
        ("?b=c", b"https", b"example.org", b"/?b=c"),
        ("/a#fragment", b"https", b"example.org", b"/a"),
        ("*", b"https", b"example.org", b"*"),
        ("http://other.example:8080", b"http", b"other.example:8080", b"/"),
        ("http://user:secret@other.example/x", b"http", b"other.example", b"/x"),
        ("http://other.example?q", b"http", b"other.example", b"/?q"),
    ],
)
def test_8_3_1_scheme_authority_and_path(url, scheme, authority, path):
    assert fields_sent(url=url)[1:] == (
        (b":scheme", scheme),
        (b":authority", authority),
        (b":path", path),
    )


def test_8_3_1_host_does_not_differ_from_the_authority():
    assert fields_sent(("Host", "virtual.example")) == (
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"virtual.example"),
        (b":path", b"/"),
    )


@pytest.mark.parametrize("url", ["/a b", "/a\r\n", "/\0", "/é", "http://a b/", "a/b"])
def test_8_3_1_a_target_that_would_be_malformed_is_not_sent(url):
    with pytest.raises(InvalidURL):
        fields_sent(url=url)


@pytest.mark.parametrize("method", ["", "GET ", "G\r\nT", "GÉT"])
def test_8_3_1_a_method_that_is_no_token_is_not_sent(method):
    with pytest.raises(LocalProtocolError):
        fields_sent(method=method)


def test_8_5_connect_has_neither_scheme_nor_path():
    assert fields_sent(method="CONNECT", url="far.example:443") == (
        (b":method", b"CONNECT"),
        (b":authority", b"far.example:443"),
    )


def test_8_5_connect_s_target_is_checked_too():
    with pytest.raises(InvalidURL):
        fields_sent(method="CONNECT", url="far example:443")


# ---- exchanges ----


def test_8_1_a_response_with_interim_ones_before_and_trailers_behind():
    wired = Wired()
    stream = wired.open()
    wired.receive(
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
    wired = busy()
    stream = wired.endpoint.streams[ANSWERED]
    wired.receive(wire.rst_stream(ANSWERED, wire.NO_ERROR))
    assert stream.is_over
    assert stream.failure is None
    assert wired.endpoint.may_send(stream)  # that is: whoever waits to send learns that it is over
    wired.check_goes_on()


@pytest.mark.parametrize("status", ["204", "304"])
def test_8_1_1_content_length_of_a_response_without_content_is_not_its_own(status):
    wired = Wired()
    stream = wired.open()
    section = wire.block([(":status", status), ("content-length", "1000")])
    assert wired.receive(wire.headers(stream.id, section, end_stream=True)) == []
    assert stream.failure is None


def test_8_1_1_content_length_of_a_response_to_head_is_not_its_own():
    wired = Wired()
    stream = wired.open("HEAD")
    section = wire.block([STATUS, ("content-length", "1000")])
    assert wired.receive(wire.headers(stream.id, section, end_stream=True)) == []
    assert stream.failure is None


def test_8_1_1_content_length_twice_the_same_is_right():
    wired = Wired()
    stream = wired.open()
    section = wire.block([STATUS, ("content-length", "2, 2"), ("content-length", "2")])
    wired.receive(wire.headers(stream.id, section), wire.data(stream.id, b"ok", end_stream=True))
    assert stream.failure is None


def test_8_4_a_promise_and_its_response():
    wired = Wired()
    stream = wired.open()
    wired.receive(
        wire.push_promise(stream.id, 2, PROMISE[:9], end_headers=False, pad=2),
        wire.continuation(stream.id, PROMISE[9:20], end_headers=False),
        wire.continuation(stream.id, PROMISE[20:]),
        wire.headers(2, OK),
        wire.data(2, b"pushed", end_stream=True),
    )
    (promised,) = wired.endpoint.claim_promises(stream.id)
    request = promised.promised_request
    assert (request.method, request.scheme, request.authority, request.path) == (
        *("GET", "https"),
        *(AUTHORITY, "/promised"),
    )
    assert list(promised.content) == [b"pushed"]
    assert promised.is_over
    assert wired.endpoint.claim_promises(stream.id) == []


def test_8_5_a_tunnel_has_no_content_length():
    wired = Wired()
    stream = wired.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    wired.receive(
        wire.headers(stream.id, wire.block([STATUS, ("content-length", "2")])),
        wire.data(stream.id, b"octets of any number", end_stream=True),
    )
    assert stream.failure is None
    assert stream.is_over


# ---- flow control of what comes ----


def test_6_9_padding_and_the_pad_length_count_and_are_credited_at_once():
    wired = Wired({wire.SETTINGS_INITIAL_WINDOW_SIZE: 500})
    stream = wired.open()
    answers = wired.receive(wire.headers(stream.id, OK), wire.data(stream.id, b"x" * 10, pad=255))
    assert [(f.stream_id, f.increment) for f in answers] == [(stream.id, 256)]
    assert stream.receive_window.size == 490


def test_6_9_content_is_credited_when_it_is_read():
    wired = Wired({wire.SETTINGS_INITIAL_WINDOW_SIZE: 500}, unread_limit=500)
    stream = wired.open()
    assert wired.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(500))) == []
    wired.endpoint.consume(stream, 124)
    assert wired.sent() == []
    wired.endpoint.consume(stream, 1)
    frame = wired.sent()[0]
    assert (frame.stream_id, frame.increment) == (stream.id, 125)


def test_6_9_the_connection_is_credited_on_receipt_even_for_streams_that_we_reset():
    wired = Wired({wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    stream = wired.open()
    wired.endpoint.cancel(stream)
    wired.sent()
    answers = wired.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(16_384)) * 6)
    assert {f.stream_id for f in answers} == {0}
    assert sum(f.increment for f in answers) >= 6 * 16_384


def test_6_9_3_the_old_window_is_allowed_until_the_new_one_is_acknowledged():
    wired = Wired({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100}, handshake=False)
    first, second = wired.open(), None
    wired.receive(wire.settings())
    second = wired.open()
    assert wired.receive(wire.headers(first.id, OK), wire.data(first.id, bytes(1000))) == []
    wired.receive(wire.settings(ack=True))
    assert first.receive_window.size == 100 - 1000
    assert first.failure is None
    octets = wire.headers(second.id, OK) + wire.data(second.id, bytes(101))
    check_stream_error(wired, second.id, octets, wire.FLOW_CONTROL_ERROR, "9113, 6.9.1")


# ---- 6.8, 8.7: the end of a connection, and what may be sent again ----


def test_6_8_goaway_fails_the_streams_that_were_not_processed_and_no_others():
    wired = busy()
    endpoint = wired.endpoint
    covered, failed = endpoint.streams[AWAITING], endpoint.streams[OPEN]
    wired.receive(wire.goaway(ENDED, wire.ENHANCE_YOUR_CALM, b"be calm"))
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
        wired.open()
    wired.answer(covered, b"content")
    assert covered.failure is None
    assert covered.is_over
    assert PUSHED in endpoint.streams


def test_6_8_a_second_goaway_may_lower_the_last_stream():
    wired = Wired()
    first, second = wired.open(), wired.open()
    wired.receive(wire.goaway(2**31 - 1))
    assert second.failure is None
    wired.receive(wire.goaway(first.id))
    assert second.failure.exception().retryable
    assert first.failure is None


def test_6_8_the_end_after_goaway_is_told_with_its_reason():
    wired = Wired()
    stream = wired.open()
    wired.receive(wire.goaway(stream.id, wire.INTERNAL_ERROR, b"out of memory"))
    wired.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is ConnectionTerminated
    assert not error.retryable
    assert "INTERNAL_ERROR" in str(error)
    assert "out of memory" in str(error)


def test_8_7_a_stream_that_was_refused_may_be_sent_again():
    wired = Wired()
    stream = wired.open()
    wired.receive(wire.rst_stream(stream.id, wire.REFUSED_STREAM))
    assert stream.failure.exception().retryable


def test_8_7_a_connection_that_just_ends_guarantees_nothing():
    wired = Wired()
    stream = wired.open()
    wired.endpoint.receive_eof()
    error = stream.failure.exception()
    assert type(error) is RemoteDisconnected
    assert not getattr(error, "retryable", False)


# ---- extensions ----


def test_rfc7838_alternative_services_are_kept():
    """The latest of each origin; a stream's is that of its request, and gone with the stream."""
    wired = Wired()
    stream = wired.open()
    tunnel = wired.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    wired.receive(
        wire.altsvc(0, "https://a.example", 'h3=":1"'),
        wire.altsvc(0, "https://example.org", 'h3=":2"'),
        wire.altsvc(0, "https://a.example", 'h3=":3"'),
        wire.altsvc(tunnel.id, "", 'h3=":4"'),  # of no scheme, and so of no origin
    )
    assert wired.endpoint.alt_services == [
        (b"https://example.org", b'h3=":2"'),
        (b"https://a.example", b'h3=":3"'),
    ]
    wired.receive(wire.altsvc(stream.id, "", "clear"))
    assert wired.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]
    wired.answer(stream)
    wired.receive(wire.altsvc(stream.id, "", 'h3=":5"'))
    assert wired.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]


def test_rfc7838_a_pushed_stream_has_the_origin_of_its_promise():
    wired = Wired()
    wired.receive(wire.push_promise(wired.open().id, 2, PROMISE), wire.altsvc(2, "", "clear"))
    assert wired.endpoint.alt_services == [(b"https://example.org", b"clear")]


def test_rfc7838_the_origin_of_a_request_that_was_upgraded():
    wired = Wired()
    section = ((b":scheme", b"http"), (b":authority", b"example.org"))
    wired.endpoint.adopt_upgraded("GET", section)
    wired.receive(wire.altsvc(1, "", "clear"))
    assert wired.endpoint.alt_services == [(b"http://example.org", b"clear")]


def test_rfc8336_origins_are_kept_once_each():
    wired = Wired()
    wired.receive(wire.origin(["https://a", "https://b"]), wire.origin(["https://a", "https://c"]))
    wired.receive(wire.frame(wire.ORIGIN, 0xF0, 0, b"\0\x09https://d\0\x09http"))
    assert list(wired.endpoint.origin_set) == [
        b"https://b",
        b"https://a",
        b"https://c",
        b"https://d",
    ]
    assert all(wired.endpoint.origin_set.values())


MISDIRECTED = wire.block([(":status", "421")])


def test_rfc8336_421_takes_the_request_s_origin_away():
    """2.3; the latest word counts, and before ORIGIN there is no set to be taken from."""
    wired = Wired()
    origin = b"https://example.org"
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    assert wired.endpoint.origin_set is None
    wired.receive(wire.origin(["https://example.org", "https://a"]))
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    assert list(wired.endpoint.origin_set.items()) == [(b"https://a", True), (origin, False)]
    wired.receive(wire.origin(["https://example.org"]))
    assert wired.endpoint.origin_set[origin]


def test_rfc8336_a_tunnel_has_no_origin_to_be_taken_away():
    wired = Wired()
    tunnel = wired.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    wired.receive(wire.origin(["https://a"]), wire.headers(tunnel.id, MISDIRECTED))
    assert wired.endpoint.origin_set == {b"https://a": True}


def test_rfc8336_a_pushed_421_is_one_of_the_promised_origin():
    wired = Wired()
    wired.receive(
        wire.origin(["https://example.org"]),
        wire.push_promise(wired.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert wired.endpoint.origin_set == {b"https://example.org": False}


def test_10_5_what_a_peer_advertises_is_bounded():
    wired = Wired()
    wired.receive(
        *(wire.origin([f"https://{number}"]) for number in range(150)),
        *(wire.altsvc(0, f"https://{number}", "clear") for number in range(150)),
    )
    assert len(wired.endpoint.origin_set) == len(wired.endpoint.alt_services) == 100
    wired.receive(
        wire.push_promise(wired.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert len(wired.endpoint.origin_set) == 100  # a peer may push as much as it likes
    # What a 421 takes away is known all the same, for the set would say too much without.
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    wired.receive(wire.origin(["https://151", "https://0"]))
    assert wired.endpoint.origin_set[b"https://example.org"] is False
    assert list(wired.endpoint.origin_set)[-1] == b"https://0"
    assert len(wired.endpoint.origin_set) == 101
