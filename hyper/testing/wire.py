"""HTTP/2 frames, built and read by hand: a second opinion on hyper's own frame code, of which
nothing is imported.

Every frame is nine octets of header (length 24 bits, type 8, flags 8, a reserved bit and the stream
identifier 31) and a payload (RFC 9113, 4.1). The builders return the octets of one frame and check
nothing: a test that needs a wrong frame (a false length, a stream identifier where none belongs,
padding longer than the payload) builds it with the same words as a right one. `read` takes octets
apart again into `Frame`s. Field sections are coded by `block`, which keeps no state: every field is
a literal without indexing and without Huffman code (RFC 7541, 6.2.2), so that any decoder, in any
state of its dynamic table, reads the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Union

Text = Union[str, bytes]
Pairs = Iterable[tuple[Text, Text]]

# RFC 9113, 3.4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Frame types (RFC 9113, 6; RFC 7838, 4; RFC 8336, 2; RFC 9218, 7.1)
DATA = 0x00
HEADERS = 0x01
PRIORITY = 0x02
RST_STREAM = 0x03
SETTINGS = 0x04
PUSH_PROMISE = 0x05
PING = 0x06
GOAWAY = 0x07
WINDOW_UPDATE = 0x08
CONTINUATION = 0x09
ALTSVC = 0x0A
ORIGIN = 0x0C
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

# Flags (RFC 9113, 6.1 to 6.10)
ACK = 0x01
END_STREAM = 0x01
END_HEADERS = 0x04
PADDED = 0x08
# The PRIORITY flag of HEADERS; PRIORITY alone is the frame type.
PRIORITY_FLAG = 0x20

# Settings (RFC 9113, 6.5.2; RFC 8441, 3; RFC 9218, 2.1)
SETTINGS_HEADER_TABLE_SIZE = 0x01
SETTINGS_ENABLE_PUSH = 0x02
SETTINGS_MAX_CONCURRENT_STREAMS = 0x03
SETTINGS_INITIAL_WINDOW_SIZE = 0x04
SETTINGS_MAX_FRAME_SIZE = 0x05
SETTINGS_MAX_HEADER_LIST_SIZE = 0x06
SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x08
SETTINGS_NO_RFC7540_PRIORITIES = 0x09

SETTING_NAMES = {
    SETTINGS_HEADER_TABLE_SIZE: "HEADER_TABLE_SIZE",
    SETTINGS_ENABLE_PUSH: "ENABLE_PUSH",
    SETTINGS_MAX_CONCURRENT_STREAMS: "MAX_CONCURRENT_STREAMS",
    SETTINGS_INITIAL_WINDOW_SIZE: "INITIAL_WINDOW_SIZE",
    SETTINGS_MAX_FRAME_SIZE: "MAX_FRAME_SIZE",
    SETTINGS_MAX_HEADER_LIST_SIZE: "MAX_HEADER_LIST_SIZE",
    SETTINGS_ENABLE_CONNECT_PROTOCOL: "ENABLE_CONNECT_PROTOCOL",
    SETTINGS_NO_RFC7540_PRIORITIES: "NO_RFC7540_PRIORITIES",
}

# Error codes (RFC 9113, 7)
NO_ERROR = 0x00
PROTOCOL_ERROR = 0x01
INTERNAL_ERROR = 0x02
FLOW_CONTROL_ERROR = 0x03
SETTINGS_TIMEOUT = 0x04
STREAM_CLOSED = 0x05
FRAME_SIZE_ERROR = 0x06
REFUSED_STREAM = 0x07
CANCEL = 0x08
COMPRESSION_ERROR = 0x09
CONNECT_ERROR = 0x0A
ENHANCE_YOUR_CALM = 0x0B
INADEQUATE_SECURITY = 0x0C
HTTP_1_1_REQUIRED = 0x0D

ERROR_NAMES = {
    NO_ERROR: "NO_ERROR",
    PROTOCOL_ERROR: "PROTOCOL_ERROR",
    INTERNAL_ERROR: "INTERNAL_ERROR",
    FLOW_CONTROL_ERROR: "FLOW_CONTROL_ERROR",
    SETTINGS_TIMEOUT: "SETTINGS_TIMEOUT",
    STREAM_CLOSED: "STREAM_CLOSED",
    FRAME_SIZE_ERROR: "FRAME_SIZE_ERROR",
    REFUSED_STREAM: "REFUSED_STREAM",
    CANCEL: "CANCEL",
    COMPRESSION_ERROR: "COMPRESSION_ERROR",
    CONNECT_ERROR: "CONNECT_ERROR",
    ENHANCE_YOUR_CALM: "ENHANCE_YOUR_CALM",
    INADEQUATE_SECURITY: "INADEQUATE_SECURITY",
    HTTP_1_1_REQUIRED: "HTTP_1_1_REQUIRED",
}

# Which flags mean what, frame by frame; all others are unused (RFC 9113, 4.1).
FLAG_NAMES: dict[int, tuple[tuple[int, str], ...]] = {
    DATA: ((END_STREAM, "END_STREAM"), (PADDED, "PADDED")),
    HEADERS: (
        (END_STREAM, "END_STREAM"),
        (END_HEADERS, "END_HEADERS"),
        (PADDED, "PADDED"),
        (PRIORITY_FLAG, "PRIORITY"),
    ),
    SETTINGS: ((ACK, "ACK"),),
    PUSH_PROMISE: ((END_HEADERS, "END_HEADERS"), (PADDED, "PADDED")),
    PING: ((ACK, "ACK"),),
    CONTINUATION: ((END_HEADERS, "END_HEADERS"),),
}

# As much of a payload as a repr shows: a line of a terminal.
REPR_OCTETS = 24


class Frame(NamedTuple):
    """One frame as it was on the wire (4.1), and readings of its payload.

    A reading raises IndexError or ValueError where the payload is too short for it.
    """

    type: int
    flags: int
    stream_id: int
    payload: bytes

    def octets(self) -> bytes:
        """The frame as it goes on the wire."""
        return frame(self.type, self.flags, self.stream_id, self.payload)

    @property
    def end_stream(self) -> bool:
        """Whether this is DATA or HEADERS with END_STREAM."""
        return self.type in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    @property
    def end_headers(self) -> bool:
        """Whether a field block ends here."""
        return self.type in (HEADERS, PUSH_PROMISE, CONTINUATION) and bool(self.flags & END_HEADERS)

    @property
    def ack(self) -> bool:
        """Whether this is SETTINGS or PING with ACK."""
        return self.type in (SETTINGS, PING) and bool(self.flags & ACK)

    @property
    def padding(self) -> int | None:
        """The Pad Length (6.1), or None where the frame has no such field."""
        if self.type in (DATA, HEADERS, PUSH_PROMISE) and self.flags & PADDED:
            return self.payload[0]
        return None

    @property
    def content(self) -> bytes:
        """The payload without its Pad Length and padding (6.1)."""
        if self.padding is None:
            return self.payload
        end = len(self.payload) - self.padding
        if end < 1:
            raise ValueError(f"{self.padding} octets of padding in {len(self.payload)} of payload")
        return self.payload[1:end]

    @property
    def priority(self) -> tuple[bool, int, int] | None:
        """Exclusive, stream dependency and weight octet of HEADERS (6.2) or PRIORITY (6.3)."""
        if self.type == HEADERS and not self.flags & PRIORITY_FLAG:
            return None
        dependency = number(self.content[:4])
        return bool(dependency >> 31), dependency & 0x7FFFFFFF, self.content[4]

    @property
    def block(self) -> bytes:
        """The field block, or its fragment, of HEADERS, PUSH_PROMISE or CONTINUATION."""
        if self.type == HEADERS and self.flags & PRIORITY_FLAG:
            return self.content[5:]
        return self.content[4:] if self.type == PUSH_PROMISE else self.content

    @property
    def promised_id(self) -> int:
        """The stream that a PUSH_PROMISE reserves (6.6)."""
        return number(self.content[:4]) & 0x7FFFFFFF

    @property
    def settings(self) -> list[tuple[int, int]]:
        """Identifier and value of each setting, in order (6.5.1)."""
        if len(self.payload) % 6:
            raise ValueError(f"{len(self.payload)} octets are no number of whole settings")
        return [
            (number(self.payload[at : at + 2]), number(self.payload[at + 2 : at + 6]))
            for at in range(0, len(self.payload), 6)
        ]

    @property
    def increment(self) -> int:
        """The Window Size Increment of WINDOW_UPDATE (6.9)."""
        return number(self.payload) & 0x7FFFFFFF

    @property
    def last_stream_id(self) -> int:
        """The last stream that the sender of a GOAWAY may have acted on (6.8)."""
        return number(self.payload[:4]) & 0x7FFFFFFF

    @property
    def error_code(self) -> int:
        """The code of RST_STREAM (6.4) or GOAWAY (6.8)."""
        return number(self.payload[4:8] if self.type == GOAWAY else self.payload)

    @property
    def debug(self) -> bytes:
        """The Additional Debug Data of GOAWAY (6.8)."""
        return self.payload[8:]

    def __repr__(self) -> str:
        name = TYPE_NAMES.get(self.type, f"type {self.type:#04x}")
        words = [name, f"stream={self.stream_id}"]
        left = self.flags
        for flag, flag_name in FLAG_NAMES.get(self.type, ()):
            if self.flags & flag:
                words.append(flag_name)
                left &= ~flag
        if left:
            words.append(f"flags={left:#04x}")
        try:
            words.append(self._reading())
        except (IndexError, ValueError):
            words.append(f"malformed {_shortened(self.payload)}")
        return f"<{' '.join(word for word in words if word)}>"

    def _reading(self) -> str:
        if self.type in (DATA, HEADERS, PUSH_PROMISE, CONTINUATION):
            padding = "" if self.padding is None else f"padding={self.padding} "
            promised = f"promised={self.promised_id} " if self.type == PUSH_PROMISE else ""
            octets = self.content if self.type == DATA else self.block
            return f"{promised}{padding}{_shortened(octets)}"
        if self.type == SETTINGS:
            return " ".join(
                f"{SETTING_NAMES.get(name, format(name, '#06x'))}={value}"
                for name, value in self.settings
            )
        if self.type == RST_STREAM and len(self.payload) == 4:
            return error_name(self.error_code)
        if self.type == GOAWAY and len(self.payload) >= 8:
            debug = _shortened(self.debug) if self.debug else ""
            return f"last={self.last_stream_id} {error_name(self.error_code)} {debug}".rstrip()
        if self.type == WINDOW_UPDATE and len(self.payload) == 4:
            return f"+{self.increment}"
        return _shortened(self.payload)


def _shortened(octets: bytes) -> str:
    if len(octets) <= REPR_OCTETS:
        return repr(octets)
    return f"{octets[:REPR_OCTETS]!r}... ({len(octets)} octets)"


def error_name(code: int) -> str:
    """The name of an error code as RFC 9113, 7 prints it, else its number."""
    return ERROR_NAMES.get(code, f"error {code:#x}")


def number(octets: bytes) -> int:
    """Octets in network byte order as an unsigned integer."""
    return int.from_bytes(octets, "big")


# ---- building frames ----


def frame(
    type: int, flags: int, stream_id: int, payload: bytes = b"", length: int | None = None
) -> bytes:
    """One frame (4.1). `stream_id` may carry the reserved bit, and `length` may lie."""
    size = len(payload) if length is None else length
    return b"".join(
        (
            size.to_bytes(3, "big"),
            type.to_bytes(1, "big"),
            flags.to_bytes(1, "big"),
            stream_id.to_bytes(4, "big"),
            payload,
        )
    )


def _padded(flags: int, payload: bytes, pad: int | None) -> tuple[int, bytes]:
    if pad is None:
        return flags, payload
    return flags | PADDED, bytes((pad,)) + payload + bytes(pad)


def _priority_fields(priority: tuple[bool, int, int]) -> bytes:
    exclusive, dependency, weight = priority
    return (exclusive << 31 | dependency).to_bytes(4, "big") + weight.to_bytes(1, "big")


def data(
    stream_id: int, content: bytes = b"", end_stream: bool = False, pad: int | None = None
) -> bytes:
    """DATA (6.1). `pad`: octets of padding; None leaves out the Pad Length too, 0 does not."""
    flags, payload = _padded(END_STREAM if end_stream else 0, content, pad)
    return frame(DATA, flags, stream_id, payload)


def headers(
    stream_id: int,
    block: bytes,
    end_stream: bool = False,
    end_headers: bool = True,
    pad: int | None = None,
    priority: tuple[bool, int, int] | None = None,
) -> bytes:
    """HEADERS (6.2). `priority`: exclusive, dependency, weight octet (the weight less one)."""
    flags = (END_STREAM if end_stream else 0) | (END_HEADERS if end_headers else 0)
    if priority is not None:
        flags |= PRIORITY_FLAG
        block = _priority_fields(priority) + block
    flags, payload = _padded(flags, block, pad)
    return frame(HEADERS, flags, stream_id, payload)


def priority(
    stream_id: int, dependency: int = 0, weight: int = 15, exclusive: bool = False
) -> bytes:
    """PRIORITY (6.3), which is deprecated. `weight`: the octet, the weight less one."""
    return frame(PRIORITY, 0, stream_id, _priority_fields((exclusive, dependency, weight)))


def rst_stream(stream_id: int, code: int = NO_ERROR) -> bytes:
    """RST_STREAM (6.4)."""
    return frame(RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def settings(
    values: Mapping[int, int] | Iterable[tuple[int, int]] = (), ack: bool = False
) -> bytes:
    """SETTINGS (6.5): a mapping, or pairs where an identifier comes twice or order matters."""
    pairs = values.items() if isinstance(values, Mapping) else values
    payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs)
    return frame(SETTINGS, ACK if ack else 0, 0, payload)


def push_promise(
    stream_id: int,
    promised_id: int,
    block: bytes,
    end_headers: bool = True,
    pad: int | None = None,
) -> bytes:
    """PUSH_PROMISE (6.6): `stream_id` is the client's, `promised_id` the stream to come."""
    flags = END_HEADERS if end_headers else 0
    flags, payload = _padded(flags, promised_id.to_bytes(4, "big") + block, pad)
    return frame(PUSH_PROMISE, flags, stream_id, payload)


def ping(opaque: bytes = bytes(8), ack: bool = False) -> bytes:
    """PING (6.7). `opaque` should be eight octets."""
    return frame(PING, ACK if ack else 0, 0, opaque)


def goaway(last_stream_id: int, code: int = NO_ERROR, debug: bytes = b"") -> bytes:
    """GOAWAY (6.8)."""
    return frame(GOAWAY, 0, 0, last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big") + debug)


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE (6.9): of the connection where `stream_id` is 0."""
    return frame(WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def continuation(stream_id: int, block: bytes, end_headers: bool = True) -> bytes:
    """CONTINUATION (6.10)."""
    return frame(CONTINUATION, END_HEADERS if end_headers else 0, stream_id, block)


def altsvc(stream_id: int, origin: Text, value: Text) -> bytes:
    """ALTSVC (RFC 7838, 4): `origin` is empty where `stream_id` is not 0."""
    name = _octets(origin)
    return frame(ALTSVC, 0, stream_id, len(name).to_bytes(2, "big") + name + _octets(value))


def origin(origins: Iterable[Text] = ()) -> bytes:
    """ORIGIN (RFC 8336, 2)."""
    entries = [_octets(entry) for entry in origins]
    payload = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
    return frame(ORIGIN, 0, 0, payload)


def priority_update(prioritized_id: int, value: Text) -> bytes:
    """PRIORITY_UPDATE (RFC 9218, 7.1): `value` is the Priority field value, such as "u=1, i"."""
    return frame(PRIORITY_UPDATE, 0, 0, prioritized_id.to_bytes(4, "big") + _octets(value))


# ---- field blocks ----


def _octets(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def integer(value: int, prefix: int, pattern: int = 0) -> bytes:
    """An integer with a prefix of `prefix` bits, below the bits of `pattern` (RFC 7541, 5.1)."""
    largest = (1 << prefix) - 1
    if value < largest:
        return bytes((pattern | value,))
    octets = [pattern | largest]
    value -= largest
    while value >= 128:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def string(text: Text) -> bytes:
    """A string literal without Huffman code (RFC 7541, 5.2); str is coded as ISO 8859-1."""
    octets = _octets(text)
    return integer(len(octets), 7) + octets


def block(pairs: Pairs, never_indexed: bool = False) -> bytes:
    """A field block of literals without indexing, no Huffman code, no state (RFC 7541, 6.2.2).

    With `never_indexed` the literals are those of 6.2.3.
    """
    pattern = b"\x10" if never_indexed else b"\x00"
    return b"".join(pattern + string(name) + string(value) for name, value in pairs)


# ---- reading ----


def read(octets: bytes) -> tuple[list[Frame], bytes]:
    """The whole frames in `octets`, and what is left: the beginning of the next one.

    The reserved bit of the stream identifier is dropped (4.1). A preface is not a frame.
    """
    octets = bytes(octets)
    frames = []
    start = 0
    while len(octets) - start >= 9:
        stop = start + 9 + number(octets[start : start + 3])
        if stop > len(octets):
            break
        stream_id = number(octets[start + 5 : start + 9]) & 0x7FFFFFFF
        payload = octets[start + 9 : stop]
        frames.append(Frame(octets[start + 3], octets[start + 4], stream_id, payload))
        start = stop
    return frames, octets[start:]
