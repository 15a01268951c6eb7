"""Frames on the wire (RFC 9113, 4 and 6): nothing but octets <-> numbers.

Every frame begins with nine octets::

    length (24 bits) | type (8) | flags (8) | reserved (1) | stream identifier (31)

``FRAME_HEADER`` reads them as three numbers, ``length << 8 | type``, ``flags`` and the stream
identifier, in one call.  The ``pack_*`` functions give octets ready to send; the ``parse_*``
functions take the payload of one frame (a view, not kept) and raise ConnectionFault where its
size or padding is wrong.  No function here knows a stream or a state: ``receivers.py`` decides by
the tables of ``states.py`` whether a frame may come *now*.
"""

from __future__ import annotations

from struct import Struct

from ..errors import ConnectionFault, ErrorCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

# Frame types: RFC 9113, 6; RFC 7838, 4; RFC 8336, 2; RFC 9218, 7.1.
DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9
ALTSVC = 0xA
ORIGIN = 0xC
PRIORITY_UPDATE = 0x10

TYPE_NAMES = {
    DATA: "DATA",
    HEADERS: "HEADERS",
    PRIORITY: "PRIORITY",
    RST_STREAM: "RST_STREAM",
    SETTINGS: "SETTINGS",
    PUSH_PROMISE: "PUSH_PROMISE",
    PING: "PING",
    GOAWAY: "GOAWAY",
    WINDOW_UPDATE: "WINDOW_UPDATE",
    CONTINUATION: "CONTINUATION",
    ALTSVC: "ALTSVC",
    ORIGIN: "ORIGIN",
    PRIORITY_UPDATE: "PRIORITY_UPDATE",
}

# Flags: one bit, one meaning, whatever the type (6).
END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20
PADDED_OR_PRIORITY = PADDED | PRIORITY_FLAG

#: The octets that a client sends first, before its SETTINGS frame (3.4).
CONNECTION_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

FRAME_HEADER_SIZE = 9
FRAME_HEADER = Struct(">LBL")

#: The high bit of a 32 bit field is reserved, and ignored when read (4.1, 6.9).
MASK_31 = 0x7FFFFFFF

_UINT16 = Struct(">H")
_UINT32 = Struct(">L")
_TWO_UINT32 = Struct(">LL")
_SETTING = Struct(">HL")

pack_header: Callable[..., bytes] = FRAME_HEADER.pack


def pack(frame_type: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One whole frame (4.1)."""
    return pack_header(len(payload) << 8 | frame_type, flags, stream_id) + payload


def pack_data_header(size: int, stream_id: int, *, end_stream: bool) -> bytes:
    """The nine octets before size octets of content; the content follows as it is (6.1)."""
    return pack_header(size << 8 | DATA, END_STREAM if end_stream else 0, stream_id)


def pack_field_block(
    stream_id: int, block: bytes, max_frame_size: int, *, end_stream: bool
) -> bytes:
    """HEADERS, and as many CONTINUATION frames as the block needs, in one piece (4.3, 6.2)."""
    flags = END_STREAM if end_stream else 0
    if len(block) <= max_frame_size:
        return pack_header(len(block) << 8 | HEADERS, flags | END_HEADERS, stream_id) + block
    frames = [pack(HEADERS, flags, stream_id, block[:max_frame_size])]
    for start in range(max_frame_size, len(block), max_frame_size):
        fragment = block[start : start + max_frame_size]
        last = start + max_frame_size >= len(block)
        frames.append(pack(CONTINUATION, END_HEADERS if last else 0, stream_id, fragment))
    return b"".join(frames)


def pack_rst_stream(stream_id: int, error_code: int) -> bytes:
    """End one stream at once (6.4)."""
    return pack(RST_STREAM, 0, stream_id, _UINT32.pack(error_code))


def pack_settings(settings: Iterable[tuple[int, int]]) -> bytes:
    """Announce settings, in the order given (6.5)."""
    return pack(SETTINGS, 0, 0, b"".join([_SETTING.pack(*setting) for setting in settings]))


#: "I have applied your settings" (6.5.3).
SETTINGS_ACK = pack(SETTINGS, ACK, 0)


def pack_ping(opaque: bytes, *, ack: bool = False) -> bytes:
    """Eight octets that the peer sends back (6.7)."""
    return pack(PING, ACK if ack else 0, 0, opaque)


def pack_goaway(last_stream_id: int, error_code: int, debug: bytes = b"") -> bytes:
    """End the connection; the peer learns which of its streams were processed (6.8)."""
    return pack(GOAWAY, 0, 0, _TWO_UINT32.pack(last_stream_id, error_code) + debug)


def pack_window_update(stream_id: int, increment: int) -> bytes:
    """Give the peer room for increment more octets (6.9)."""
    return pack(WINDOW_UPDATE, 0, stream_id, _UINT32.pack(increment))


def pack_priority_update(stream_id: int, field_value: bytes) -> bytes:
    """Change the priority of a response; it goes out on stream 0 (RFC 9218, 7.1)."""
    return pack(PRIORITY_UPDATE, 0, 0, _UINT32.pack(stream_id) + field_value)


def _require_size(name: str, payload: memoryview, size: int, section: str) -> None:
    if len(payload) != size:
        raise ConnectionFault(
            ErrorCode.FRAME_SIZE_ERROR,
            f"{name} of {len(payload)} octets, not {size} (RFC 9113, {section})",
        )


def _too_short(name: str, section: str) -> ConnectionFault:
    return ConnectionFault(
        ErrorCode.FRAME_SIZE_ERROR, f"{name} ends within its fixed fields (RFC 9113, {section})"
    )


def unpadded(flags: int, payload: memoryview) -> memoryview:
    """The payload without its Pad Length octet and padding (6.1)."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise _too_short("a padded frame", "6.1")
    end = len(payload) - payload[0]
    if end < 1:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"{payload[0]} octets of padding in a payload of {len(payload)} (RFC 9113, 6.1)",
        )
    return payload[1:end]


def parse_headers(flags: int, payload: memoryview) -> memoryview:
    """The fragment of the field block in HEADERS; priority signals are dropped (6.2, 5.3.2)."""
    fragment = unpadded(flags, payload)
    if not flags & PRIORITY_FLAG:
        return fragment
    if len(fragment) < 5:
        raise _too_short("HEADERS with priority", "6.2")
    return fragment[5:]


def parse_push_promise(flags: int, payload: memoryview) -> tuple[int, memoryview]:
    """(promised stream id, fragment of the field block) (6.6)."""
    fragment = unpadded(flags, payload)
    if len(fragment) < 4:
        raise _too_short("PUSH_PROMISE", "6.6")
    return _UINT32.unpack_from(fragment)[0] & MASK_31, fragment[4:]


def parse_rst_stream(payload: memoryview) -> int:
    """The error code (6.4)."""
    _require_size("RST_STREAM", payload, 4, "6.4")
    code: int = _UINT32.unpack(payload)[0]
    return code


def parse_settings(flags: int, payload: memoryview) -> list[tuple[int, int]]:
    """(identifier, value) pairs, in order; none in an acknowledgement (6.5)."""
    if flags & ACK:
        _require_size("a SETTINGS acknowledgement", payload, 0, "6.5")
    if len(payload) % 6:
        raise ConnectionFault(
            ErrorCode.FRAME_SIZE_ERROR,
            f"SETTINGS of {len(payload)} octets, not a multiple of 6 (RFC 9113, 6.5)",
        )
    return list(_SETTING.iter_unpack(payload))


def parse_ping(payload: memoryview) -> bytes:
    """The eight opaque octets (6.7)."""
    _require_size("PING", payload, 8, "6.7")
    return bytes(payload)


def parse_goaway(payload: memoryview) -> tuple[int, int, bytes]:
    """(last stream id, error code, debug data) (6.8)."""
    if len(payload) < 8:
        raise _too_short("GOAWAY", "6.8")
    last_stream_id, error_code = _TWO_UINT32.unpack_from(payload)
    return last_stream_id & MASK_31, error_code, bytes(payload[8:])


def parse_window_update(payload: memoryview) -> int:
    """The increment. The caller judges zero, because the scope of that fault differs (6.9)."""
    if len(payload) != 4:  # asked in place: an upload gets many
        _require_size("WINDOW_UPDATE", payload, 4, "6.9")
    increment: int = _UINT32.unpack(payload)[0] & MASK_31
    return increment


def parse_altsvc(payload: memoryview) -> tuple[bytes, bytes] | None:
    """(origin, Alt-Svc value); None for a malformed frame, to be ignored (RFC 7838, 4)."""
    if len(payload) < 2:
        return None
    end = 2 + _UINT16.unpack_from(payload)[0]
    if end > len(payload):
        return None
    return bytes(payload[2:end]), bytes(payload[end:])


def parse_origin(payload: memoryview) -> list[bytes]:
    """The origins named, as ASCII octets; a truncated last entry is dropped (RFC 8336, 2.1)."""
    origins = []
    start = 0
    while start + 2 <= len(payload):
        end = start + 2 + _UINT16.unpack_from(payload, start)[0]
        if end > len(payload):
            break
        origins.append(bytes(payload[start + 2 : end]))
        start = end
    return origins


def parse_priority_update(payload: memoryview) -> tuple[int, bytes]:
    """(prioritized stream id, Priority Field Value) (RFC 9218, 7.1)."""
    if len(payload) < 4:
        raise ConnectionFault(
            ErrorCode.FRAME_SIZE_ERROR, "PRIORITY_UPDATE ends within its stream id (RFC 9218, 7.1)"
        )
    return _UINT32.unpack_from(payload)[0] & MASK_31, bytes(payload[4:])
