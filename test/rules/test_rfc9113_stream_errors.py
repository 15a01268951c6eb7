"""RFC 9113: what ends one stream, and what changes nothing, named by section.

Most rules are lines of two tables. Each line is played on a connection that has a stream in every
state (`memory_endpoint.busy`), with frames built by hand, and judged by what a peer and a caller
notice: the code of RST_STREAM, the exception, whether all else goes on.
"""

from __future__ import annotations

import pytest

from hyper.errors import (
    CompressionError,
    FlowControlError,
    FrameSizeError,
    RemoteProtocolError,
    StreamResetError,
)
from hyper.testing import wire
from test.memory_endpoint import (
    ANSWERED,
    AWAITING,
    CANCELLED,
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
    MemoryEndpoint,
    busy,
    request,
)

# A code that has a class of its own; all others are RemoteProtocolError.
KINDS = {
    wire.FLOW_CONTROL_ERROR: FlowControlError,
    wire.FRAME_SIZE_ERROR: FrameSizeError,
    wire.COMPRESSION_ERROR: CompressionError,
    wire.ENHANCE_YOUR_CALM: StreamResetError,
}


def check_stream_error(client, stream_id, octets, code, section):
    """The frames end in RST_STREAM with that code, for that stream alone."""
    endpoint = client.endpoint
    stream = endpoint.streams.get(stream_id)
    others = {s.id: s.state for s in endpoint.streams.values() if s.id != stream_id}
    was_over = stream is None or stream.is_over

    answers = client.receive(octets)

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
    # Frames that are still under way on a stream that was reset are no error (5.1).
    assert client.receive(wire.headers(stream_id, OK), wire.data(stream_id, b"late")) == []
    client.check_goes_on()


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
            "9110, 15.2; RFC 9113, 10.5",
            head((":status", "102")) * 1600,
        ),
        "10.5 DATA without content, without end": (
            RESPONDING,
            "9113, 10.5",
            wire.data(RESPONDING) * 1001,
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
    client = busy(connection_window=1_000_000)
    check_stream_error(client, stream_id, octets, code, section)


def test_8_1_1_content_in_a_response_to_head_ends_the_stream():
    client = MemoryEndpoint()
    stream = client.open("HEAD")
    fields = wire.block([STATUS, ("content-length", "1")])
    octets = wire.headers(stream.id, fields) + wire.data(stream.id, b"x")
    check_stream_error(client, stream.id, octets, wire.PROTOCOL_ERROR, "9113, 8.1.1")


def test_6_6_a_promise_before_our_refusal_of_push_was_acknowledged_is_cancelled():
    client = MemoryEndpoint({wire.SETTINGS_ENABLE_PUSH: 0}, handshake=False)
    client.receive(wire.settings())
    stream = client.open()
    octets = wire.push_promise(stream.id, 2, PROMISE)
    check_stream_error(client, 2, octets, wire.CANCEL, "9113, 6.6")


def test_5_1_2_a_promise_beyond_our_limit_is_refused():
    client = MemoryEndpoint({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    stream = client.open()
    client.receive(wire.push_promise(stream.id, 2, PROMISE))
    octets = wire.push_promise(stream.id, 4, PROMISE)
    check_stream_error(client, 4, octets, wire.REFUSED_STREAM, "9113, 5.1.2")


def test_10_5_a_promise_is_refused_when_too_many_are_unclaimed():
    client = MemoryEndpoint()
    stream = client.open()
    for promised_id in range(2, 202, 2):
        client.receive(
            wire.push_promise(stream.id, promised_id, PROMISE),
            wire.headers(promised_id, OK, end_stream=True),
        )
    octets = wire.push_promise(stream.id, 202, PROMISE)
    check_stream_error(client, 202, octets, wire.REFUSED_STREAM, "9113, 10.5")
    assert len(client.endpoint.claim_promises(stream.id)) == 100
    assert client.receive(wire.push_promise(stream.id, 204, PROMISE)) == []


def test_6_6_a_promise_on_a_stream_that_we_reset_is_cancelled():
    check_stream_error(
        busy(),
        IDLE_PROMISE,
        wire.push_promise(CANCELLED, IDLE_PROMISE, PROMISE),
        wire.CANCEL,
        "9113, 6.6",
    )


def test_6_9_3_the_old_window_is_allowed_until_the_new_one_is_acknowledged():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100}, handshake=False)
    first, second = client.open(), None
    client.receive(wire.settings())
    second = client.open()
    assert client.receive(wire.headers(first.id, OK), wire.data(first.id, bytes(1000))) == []
    client.receive(wire.settings(ack=True))
    assert first.receive_window.size == 100 - 1000
    assert first.failure is None
    octets = wire.headers(second.id, OK) + wire.data(second.id, bytes(101))
    check_stream_error(client, second.id, octets, wire.FLOW_CONTROL_ERROR, "9113, 6.9.1")


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
    client = busy()
    endpoint = client.endpoint

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
    assert client.receive(octets) == []
    assert seen() == before
    client.check_goes_on()


def test_4_1_unused_flags_of_all_other_types_are_ignored():
    client = busy()
    endpoint = client.endpoint
    reset = endpoint.streams[OPEN]
    promise = IDLE_PROMISE.to_bytes(4, "big") + PROMISE
    (ack,) = client.receive(
        wire.frame(wire.PRIORITY, 0xFF, RESPONDING, bytes(5)),
        wire.frame(wire.SETTINGS, 0xFE, 0),
        wire.frame(wire.RST_STREAM, 0xFF, OPEN, bytes(4)),
        wire.frame(wire.PUSH_PROMISE, wire.END_HEADERS | 0xF3, RESPONDING, promise),
        wire.frame(wire.HEADERS, 0xD2, AWAITING, OK[:1]),
        wire.frame(wire.CONTINUATION, wire.END_HEADERS | 0xFB, AWAITING, OK[1:]),
        wire.frame(wire.GOAWAY, 0xFF, 0, OPEN.to_bytes(4, "big") + bytes(4)),
    )
    assert ack.octets() == wire.settings(ack=True)
    assert reset.is_over
    assert IDLE_PROMISE in endpoint.streams
    assert endpoint.streams[AWAITING].head.status == 200
    assert endpoint.goaway == (OPEN, 0, b"")
    assert endpoint.failure is None


def test_4_1_unused_flags_and_the_reserved_bit_are_ignored():
    client = MemoryEndpoint()
    stream = client.open()
    reserved = 1 << 31
    client.receive(
        wire.frame(wire.HEADERS, wire.END_HEADERS | 0xD2, stream.id | reserved, OK),
        wire.frame(wire.DATA, wire.END_STREAM | 0xF6, stream.id | reserved, b"content"),
        wire.frame(wire.PING, 0xFE, reserved, bytes(8)),
        wire.frame(wire.WINDOW_UPDATE, 0xFF, 0, (5 | reserved).to_bytes(4, "big")),
    )
    assert (stream.head.status, b"".join(stream.content)) == (200, b"content")
    assert client.endpoint.send_window.size == 65_540


def test_6_5_2_unknown_settings_are_ignored_and_acknowledged():
    client = MemoryEndpoint()
    before = client.endpoint.peer_settings.as_dict()
    (ack,) = client.receive(wire.settings({0xF00D: 2**32 - 1, 0: 0}))
    assert ack.ack
    assert client.endpoint.peer_settings.as_dict() == before


def test_7_unknown_error_codes_have_no_special_meaning():
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.rst_stream(stream.id, 0xBEEF))
    error = stream.failure.exception()
    assert type(error) is StreamResetError
    assert error.error_code == 0xBEEF
    assert not error.retryable
    client.check_goes_on()
