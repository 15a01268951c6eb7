"""Frames that a server must not send: a typed error, the right frame on the wire, and no hang.

Each case is what the server writes while a request is open on stream 1, and what comes of it.
"""

from __future__ import annotations

import random

import pytest

from hyper.errors import (
    CompressionError,
    FieldSectionTooLarge,
    FlowControlError,
    FrameSizeError,
    HTTPException,
    IncompleteRead,
    RemoteProtocolError,
    StreamResetError,
)
from hyper.testing import wire
from hyper.testing.wire import (
    COMPRESSION_ERROR,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
)
from test.scripted.steps import OnShortPath, want

OK = wire.block([(":status", "200")])
HEAD = wire.headers(1, OK)


def head(*pairs, status="200"):
    """HEADERS of a response with further fields."""
    return wire.headers(1, wire.block([(":status", status), *pairs]))


def push(promised_id, *pairs):
    request = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")]
    return wire.push_promise(1, promised_id, wire.block([*request, *pairs]))


# Octets, the class of the error, and the code on the wire.
ENDS_THE_CONNECTION = {
    # RFC 9113, 4.2
    "a frame too large": (wire.frame(wire.DATA, 0, 1, length=16385), FrameSizeError, "SIZE"),
    # 4.3; RFC 7541
    "an index beyond the tables": (wire.headers(1, b"\xff\x80\x01"), CompressionError, "COMP"),
    "index zero": (wire.headers(1, b"\x80"), CompressionError, "COMP"),
    "a block cut short": (wire.headers(1, OK[:-1]), CompressionError, "COMP"),
    "an endless integer": (wire.headers(1, b"\xff" * 20), CompressionError, "COMP"),
    "Huffman padding of zeros": (wire.headers(1, b"\x08\x81\x00"), CompressionError, "COMP"),
    "a table larger than allowed": (wire.headers(1, b"\x3f\xe1\x7f"), CompressionError, "COMP"),
    "a bad block in trailers": (HEAD + wire.headers(1, b"\x80", True), CompressionError, "COMP"),
    # 5.1
    "DATA on an idle stream": (wire.data(5), RemoteProtocolError, "PROTOCOL"),
    "HEADERS on an idle stream": (wire.headers(5, OK), RemoteProtocolError, "PROTOCOL"),
    "RST_STREAM of an idle stream": (wire.rst_stream(5), RemoteProtocolError, "PROTOCOL"),
    "WINDOW_UPDATE of an idle stream": (
        wire.window_update(5, 1),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "DATA on a stream of the server's own": (wire.data(2), RemoteProtocolError, "PROTOCOL"),
    # 6.1 to 6.10
    "DATA on stream 0": (wire.data(0, b"x"), RemoteProtocolError, "PROTOCOL"),
    "padding longer than DATA": (
        HEAD + wire.frame(wire.DATA, wire.PADDED, 1, b"\x05xxxx"),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "padding without its length": (
        HEAD + wire.frame(wire.DATA, wire.PADDED, 1),
        (FrameSizeError, RemoteProtocolError),
        None,
    ),
    "HEADERS on stream 0": (wire.headers(0, OK), RemoteProtocolError, "PROTOCOL"),
    "padding longer than HEADERS": (
        wire.frame(wire.HEADERS, wire.PADDED | wire.END_HEADERS, 1, b"\xff" + OK),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "PRIORITY on stream 0": (wire.priority(0), RemoteProtocolError, "PROTOCOL"),
    "RST_STREAM on stream 0": (wire.rst_stream(0), RemoteProtocolError, "PROTOCOL"),
    "RST_STREAM of 3 octets": (
        wire.frame(wire.RST_STREAM, 0, 1, b"\0\0\0"),
        FrameSizeError,
        "SIZE",
    ),
    "SETTINGS on a stream": (wire.frame(wire.SETTINGS, 0, 1), RemoteProtocolError, "PROTOCOL"),
    "SETTINGS of 5 octets": (wire.frame(wire.SETTINGS, 0, 0, bytes(5)), FrameSizeError, "SIZE"),
    "SETTINGS ACK with content": (
        wire.frame(wire.SETTINGS, wire.ACK, 0, bytes(6)),
        FrameSizeError,
        "SIZE",
    ),
    "ENABLE_PUSH of 2": (wire.settings([(2, 2)]), RemoteProtocolError, "PROTOCOL"),
    "ENABLE_PUSH by a server": (wire.settings([(2, 1)]), RemoteProtocolError, "PROTOCOL"),
    "a window of 2^31": (wire.settings([(4, 2**31)]), FlowControlError, "FLOW"),
    "a frame size of 16383": (wire.settings([(5, 16383)]), RemoteProtocolError, "PROTOCOL"),
    "a frame size of 2^24": (wire.settings([(5, 2**24)]), RemoteProtocolError, "PROTOCOL"),
    "an odd promise": (push(3), RemoteProtocolError, "PROTOCOL"),
    "a promise of stream 0": (push(0), RemoteProtocolError, "PROTOCOL"),
    "a promise twice": (push(4) + push(4), RemoteProtocolError, "PROTOCOL"),
    "a promise of a lower id": (push(4) + push(2), RemoteProtocolError, "PROTOCOL"),
    "a promise on stream 0": (
        wire.push_promise(0, 2, OK),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "PING on a stream": (wire.frame(wire.PING, 0, 1, bytes(8)), RemoteProtocolError, "PROTOCOL"),
    "PING of 7 octets": (wire.ping(bytes(7)), FrameSizeError, "SIZE"),
    "GOAWAY on a stream": (
        wire.frame(wire.GOAWAY, 0, 1, bytes(8)),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "GOAWAY of 7 octets": (wire.frame(wire.GOAWAY, 0, 0, bytes(7)), FrameSizeError, "SIZE"),
    "a GOAWAY that takes more than the last": (
        wire.goaway(1) + wire.goaway(3),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "WINDOW_UPDATE of 3 octets": (
        wire.frame(wire.WINDOW_UPDATE, 0, 0, bytes(3)),
        FrameSizeError,
        "SIZE",
    ),
    "WINDOW_UPDATE by 0": (wire.window_update(0, 0), RemoteProtocolError, "PROTOCOL"),
    "a window beyond 2^31 - 1": (wire.window_update(0, 2**31 - 1), FlowControlError, "FLOW"),
    "CONTINUATION of nothing": (wire.continuation(1, OK), RemoteProtocolError, "PROTOCOL"),
    "CONTINUATION of another stream": (
        wire.headers(1, OK, end_headers=False) + wire.continuation(3, b""),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "DATA within a field block": (
        wire.headers(1, OK, end_headers=False) + wire.data(1),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    "PING within a field block": (
        wire.headers(1, OK, end_headers=False) + wire.ping(),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    # RFC 9218, 7.1
    "PRIORITY_UPDATE by a server": (
        wire.priority_update(1, "u=1"),
        RemoteProtocolError,
        "PROTOCOL",
    ),
    # 10.5
    "CONTINUATION without end": (
        wire.headers(1, OK, end_headers=False) + wire.continuation(1, b"", False) * 600,
        RemoteProtocolError,
        "CALM",
    ),
}

CODES = {
    "PROTOCOL": PROTOCOL_ERROR,
    "SIZE": FRAME_SIZE_ERROR,
    "FLOW": FLOW_CONTROL_ERROR,
    "COMP": COMPRESSION_ERROR,
    "CALM": wire.ENHANCE_YOUR_CALM,
    None: None,
}


@pytest.mark.parametrize(
    ("octets", "error", "code"), ENDS_THE_CONNECTION.values(), ids=ENDS_THE_CONNECTION
)
def test_ends_the_connection(connect, octets, error, code):
    """RFC 9113, 5.4.1: GOAWAY with the code, then the end; the caller is told the section."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(octets)
        frame = peer.want_frame()
        while frame.type == wire.RST_STREAM:  # a promise may have been refused before
            frame = peer.want_frame()
        assert frame.type == wire.GOAWAY
        assert code is None or frame.error_code == CODES[code]

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(error, match="RFC ") as caught:
        connection.getresponse().read()
    assert code is None or caught.value.error_code == CODES[code]
    assert connection.sock is None


ENDS_THE_STREAM = {
    # RFC 9113, 6.9
    "WINDOW_UPDATE by 0": wire.window_update(1, 0),
    # 8.1
    "DATA before HEADERS": wire.data(1, b"x"),
    "an interim response that ends": wire.headers(
        1, wire.block([(":status", "103")]), end_stream=True
    ),
    "two responses": HEAD + HEAD,
    "trailers that do not end": HEAD + wire.headers(1, wire.block([("x", "1")])),
    "a pseudo-header field in trailers": HEAD + wire.headers(1, OK, end_stream=True),
    # 8.1.1
    "content longer than its length": head(("content-length", "1")) + wire.data(1, b"xx"),
    "two lengths": head(("content-length", "1"), ("content-length", "2")),
    "a length that is no number": head(("content-length", "+1")),
    "content of a 204": head(status="204") + wire.data(1, b"x"),
    # 8.2.1
    "an upper-case name": head(("X-A", "1")),
    "a name with a space": head(("x a", "1")),
    "a name with a colon": head(("x:a", "1")),
    "an empty name": head(("", "1")),
    "LF in a value": head(("x-a", "1\n2")),
    "CR in a value": head(("x-a", "1\r2")),
    "NUL in a value": head(("x-a", "1\x002")),
    "a value that begins with a space": head(("x-a", " 1")),
    # 8.2.2
    "connection": head(("connection", "close")),
    "transfer-encoding": head(("transfer-encoding", "chunked")),
    "upgrade": head(("upgrade", "h2c")),
    # 8.3
    "no :status": wire.headers(1, wire.block([("x-a", "1")])),
    "two :status": wire.headers(1, OK + OK),
    ":status late": wire.headers(1, wire.block([("x-a", "1"), (":status", "200")])),
    ":path in a response": wire.headers(1, wire.block([(":status", "200"), (":path", "/")])),
    ":status of two digits": head(status="20"),
    ":status of letters": head(status="abc"),
    "status 101": head(status="101"),
}

# RFC 9113, 10.5: what breaks no rule, and is more than we bear.
FLOODS = {
    "empty DATA": (HEAD + wire.data(1) * 1100, (StreamResetError, IncompleteRead)),
    "interim responses": (
        wire.headers(1, wire.block([(":status", "103")])) * 1600,
        StreamResetError,
    ),
    "a header section too large": (
        wire.headers(1, OK, end_headers=False)
        + b"".join(
            wire.continuation(1, wire.block([(f"x-{n}", "v" * 16000)]), n == 5) for n in range(6)
        ),
        FieldSectionTooLarge,
    ),
}


@pytest.mark.parametrize(("octets", "error"), FLOODS.values(), ids=FLOODS)
def test_ends_the_stream_and_blames_nobody(connect, octets, error):
    """RFC 9113, 10.5: RST_STREAM with ENHANCE_YOUR_CALM, and the connection lives on."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(octets)
        assert peer.want_rst(1) == wire.ENHANCE_YOUR_CALM
        want(peer)
        peer.write_response(3, b"alive")

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(error) as caught:
        connection.getresponse().read()
    assert "broke HTTP/2" not in str(caught.value)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"alive"


@pytest.mark.parametrize("octets", ENDS_THE_STREAM.values(), ids=ENDS_THE_STREAM)
def test_ends_the_stream(connect, octets):
    """RFC 9113, 5.4.2: RST_STREAM, and the connection lives on."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(octets)
        assert peer.want_rst(1) in (PROTOCOL_ERROR, wire.ENHANCE_YOUR_CALM)
        want(peer)
        peer.write_response(3, b"alive")

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(RemoteProtocolError, match=r"RFC 9113") as caught:
        connection.getresponse().read()
    assert caught.value.stream_id == 1
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"alive"


@pytest.mark.parametrize(
    ("window", "frames"),
    [(2000, 2), (0, 1)],
)
def test_more_than_the_stream_window(connect, window, frames):
    """RFC 9113, 6.9.1."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(HEAD + wire.data(1, bytes(1500)) * frames)
        peer.want_rst(1, FLOW_CONTROL_ERROR)

    settings = {"SETTINGS_INITIAL_WINDOW_SIZE": window}
    connection = connect(script, window_manager=OnShortPath, settings=settings)
    connection.request("GET", "/")
    with pytest.raises(FlowControlError, match=r"6\.9\.1"):
        connection.getresponse().read(100_000)


@pytest.mark.parametrize(
    "first",
    [
        wire.headers(1, OK),
        wire.settings(ack=True),
        wire.ping(),
        wire.goaway(0),
        b"\x00" * 9,
    ],
    ids=["HEADERS", "SETTINGS ACK", "PING", "GOAWAY", "DATA"],
)
def test_before_settings(connect, first):
    """RFC 9113, 3.4: SETTINGS come first."""

    def script(peer):
        peer.want_preface()
        peer.want_settings()
        want(peer)
        peer.write(first)
        peer.want_goaway(PROTOCOL_ERROR)

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(RemoteProtocolError, match=r"RFC 9113, 3\.4"):
        connection.getresponse()


@pytest.mark.parametrize("seed", range(20))
def test_noise(connect, seed):
    """Whatever comes, there is an answer or a typed error, within the deadline."""
    chance = random.Random(seed)
    octets = b"".join(
        wire.frame(
            chance.choice(range(17)),
            chance.getrandbits(8),
            chance.choice((0, 1, 1, 1, 2, 3)),
            chance.getrandbits(8 * 24).to_bytes(24, "big")[: chance.choice((0, 4, 5, 6, 8, 24))],
        )
        for _ in range(100)
    )

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        try:
            peer.write(octets)
            peer.close()
        except OSError:
            pass  # the client has had enough

    connection = connect(script)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (HTTPException, ConnectionError):
        pass


@pytest.mark.parametrize("at", [0, 1, 8, 9, 12, 20])
def test_the_end_in_the_middle_of_a_frame(connect, at):
    octets = HEAD + wire.data(1, b"content", end_stream=True)

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(octets[:at])
        peer.close()

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises((HTTPException, ConnectionError)):
        connection.getresponse().read()
