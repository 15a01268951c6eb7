"""protocol/frames.py and hyper.testing.wire: each writes the octets that the other reads."""

from __future__ import annotations

import pytest

from hyper.errors import ConnectionFault
from hyper.protocol import frames
from hyper.testing import wire


def test_types_and_flags_are_the_rfcs():
    assert frames.TYPE_NAMES == wire.TYPE_NAMES
    for name in ("END_STREAM", "ACK", "END_HEADERS", "PADDED", "PRIORITY_FLAG"):
        assert getattr(frames, name) == getattr(wire, name)
    assert frames.CONNECTION_PREFACE == wire.PREFACE


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (frames.pack(0xBB, 0xFF, 2**31 - 1, b"xyz"), wire.frame(0xBB, 0xFF, 2**31 - 1, b"xyz")),
        (frames.pack_data_header(3, 5, end_stream=True) + b"abc", wire.data(5, b"abc", True)),
        (frames.pack_data_header(0, 5, end_stream=False), wire.data(5)),
        (frames.pack_rst_stream(3, 0x8), wire.rst_stream(3, 0x8)),
        (frames.pack_settings([(4, 70_000), (2, 0)]), wire.settings([(4, 70_000), (2, 0)])),
        (frames.SETTINGS_ACK, wire.settings(ack=True)),
        (frames.pack_ping(b"8 octets"), wire.ping(b"8 octets")),
        (frames.pack_ping(b"8 octets", ack=True), wire.ping(b"8 octets", ack=True)),
        (frames.pack_goaway(7, 0xB, b"why"), wire.goaway(7, 0xB, b"why")),
        (frames.pack_window_update(0, 2**31 - 1), wire.window_update(0, 2**31 - 1)),
    ],
)
def test_what_we_pack(packed, expected):
    assert packed == expected


@pytest.mark.parametrize(
    ("size", "pieces"), [(0, [0]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (9, [4, 4, 1])]
)
@pytest.mark.parametrize("end_stream", [True, False])
def test_4_3_a_block_is_cut_to_the_frame_size(size, pieces, end_stream):
    block = bytes(range(size))
    packed, rest = wire.read(frames.pack_field_block(3, block, 4, end_stream=end_stream))
    assert rest == b""
    assert [len(frame.payload) for frame in packed] == pieces
    assert b"".join(frame.block for frame in packed) == block
    assert packed[0].type == wire.HEADERS
    assert packed[0].end_stream == end_stream
    assert [frame.end_headers for frame in packed] == [False] * (len(pieces) - 1) + [True]
    assert {frame.type for frame in packed[1:]} <= {wire.CONTINUATION}
    assert {frame.flags for frame in packed[1:-1]} <= {0}


def payload(octets):
    """The payload of one frame built by hand, and its flags."""
    ((_, flags, _, payload),), rest = wire.read(octets)
    assert rest == b""
    return flags, memoryview(payload)


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (wire.data(1, b"abc"), b"abc"),
        (wire.data(1, b"abc", pad=0), b"abc"),
        (wire.data(1, b"abc", pad=255), b"abc"),
        (wire.data(1, b"", pad=7), b""),
    ],
)
def test_6_1_padding_is_taken_off(octets, content):
    assert frames.unpadded(*payload(octets)) == content


@pytest.mark.parametrize(
    ("octets", "block"),
    [
        (wire.headers(1, b"block"), b"block"),
        (wire.headers(1, b"block", pad=3), b"block"),
        (wire.headers(1, b"block", priority=(True, 3, 200)), b"block"),
        (wire.headers(1, b"block", pad=3, priority=(False, 0, 0)), b"block"),
        (wire.headers(1, b"", priority=(False, 0, 0)), b""),
    ],
)
def test_6_2_headers_without_padding_and_priority(octets, block):
    assert frames.parse_headers(*payload(octets)) == block


@pytest.mark.parametrize("pad", [None, 0, 9])
def test_6_6_push_promise(pad):
    octets = wire.push_promise(1, 2**31 | 4, b"block", pad=pad)
    assert frames.parse_push_promise(*payload(octets)) == (4, b"block")


def test_6_5_settings_in_order_with_duplicates():
    pairs = [(4, 1), (0xF00D, 2**32 - 1), (4, 2)]
    assert frames.parse_settings(*payload(wire.settings(pairs))) == pairs
    assert frames.parse_settings(*payload(wire.settings(ack=True))) == []


@pytest.mark.parametrize(
    ("parse", "octets", "expected"),
    [
        (frames.parse_rst_stream, wire.rst_stream(1, 2**32 - 1), 2**32 - 1),
        (frames.parse_ping, wire.ping(b"8 octets"), b"8 octets"),
        (frames.parse_goaway, wire.goaway(2**31 | 5, 0xFF, b"why"), (5, 0xFF, b"why")),
        (frames.parse_window_update, wire.window_update(1, 2**31 | 9), 9),
        (frames.parse_altsvc, wire.altsvc(0, "https://a", "h2"), (b"https://a", b"h2")),
        (frames.parse_altsvc, wire.altsvc(1, "", ""), (b"", b"")),
        (frames.parse_altsvc, wire.frame(wire.ALTSVC, 0, 0, b"\0"), None),
        (frames.parse_altsvc, wire.frame(wire.ALTSVC, 0, 0, b"\0\2a"), None),
        (frames.parse_origin, wire.origin(["a", "", "bc"]), [b"a", b"", b"bc"]),
        (frames.parse_origin, wire.frame(wire.ORIGIN, 0, 0, b"\0\1a\0\2b"), [b"a"]),
        (frames.parse_origin, wire.frame(wire.ORIGIN, 0, 0, b"\0\1a\0"), [b"a"]),
        (frames.parse_origin, wire.origin(), []),
        (frames.parse_priority_update, wire.priority_update(2**31 | 3, "u=0"), (3, b"u=0")),
    ],
)
def test_what_we_parse(parse, octets, expected):
    _, view = payload(octets)
    assert parse(view) == expected


@pytest.mark.parametrize(
    ("parse", "sizes"),
    [
        (frames.parse_rst_stream, [0, 3, 5]),
        (frames.parse_ping, [0, 7, 9]),
        (frames.parse_goaway, [0, 7]),
        (frames.parse_window_update, [0, 3, 5]),
        (frames.parse_priority_update, [0, 3]),
        (lambda view: frames.parse_settings(0, view), [1, 5, 7]),
        (lambda view: frames.parse_settings(wire.ACK, view), [1, 6]),
        (lambda view: frames.parse_push_promise(0, view), [0, 3]),
        (lambda view: frames.parse_headers(wire.PRIORITY_FLAG, view), [0, 4]),
        (lambda view: frames.unpadded(wire.PADDED, view), [0]),
    ],
)
def test_4_2_a_frame_of_the_wrong_size_is_a_frame_size_error(parse, sizes):
    for size in sizes:
        with pytest.raises(ConnectionFault, match=r"\(RFC \d+, [\d.]+\)$") as caught:
            parse(memoryview(bytes(size)))
        assert caught.value.code == wire.FRAME_SIZE_ERROR


@pytest.mark.parametrize("octets", [b"\x01", b"\x03ab", b"\xff" + bytes(254)])
def test_6_1_padding_that_leaves_no_room_for_itself_is_a_protocol_error(octets):
    with pytest.raises(ConnectionFault, match=r"6\.1") as caught:
        frames.unpadded(wire.PADDED, memoryview(octets))
    assert caught.value.code == wire.PROTOCOL_ERROR
