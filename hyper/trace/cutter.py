"""Cutting the octets of one direction into frames (RFC 9113, 4.1), for a trace.

The connection's own cutter stays as it is, because it must not pay for this one. This one sees the
octets where they enter and leave, and has an HPACK decoder of its own.
"""

from __future__ import annotations

from struct import Struct

from ..errors import ConnectionFault, ErrorCode, HTTP20Error
from ..fields import SECRET_NAMES, NeverIndexed
from ..foundation.memo import Memo
from ..hpack import Decoder
from ..protocol import frames
from ..protocol.settings import RULES
from .events import REDACTED, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable

    from .events import Event, Fields

    #: called with type, flags, stream, the parsed content, and the moment
    Note = Callable[[int, int, int, Mapping[str, Any], float], None]

#: Octets of the largest table that a peer may use: what SETTINGS allow is the endpoint's to check.
LARGEST_TABLE = 2**32 - 1
#: Octets of the largest field section that is shown.
LARGEST_SECTION = 2**24
#: A whole WINDOW_UPDATE (RFC 9113, 6.9): a frame header, and the increment.
UPDATE = Struct(">LBLL")
#: Length and type of one, as a frame header begins.
UPDATE_WORD = 4 << 8 | frames.WINDOW_UPDATE
#: Sections whose text is kept: a client's requests, and their responses, are often the same.
KEPT_SECTIONS = 64
#: The content of frames that have nothing to tell.
NOTHING: Mapping[str, Any] = {}

#: Makes a named tuple of a tuple, without a Python function in between.
make: Any = tuple.__new__

unpack_update = UPDATE.unpack_from
DATA, WINDOW_UPDATE = frames.DATA, frames.WINDOW_UPDATE


class Cutter:
    """Cuts one direction of a connection into frames, and parses them. The lock is held.

    number: of the connection. kinds: the events of a frame and of its content. found: the list to
    which they are appended. note: called after that with frames that say more than this: any but
    WINDOW_UPDATE, and DATA without END_STREAM. wants_secrets, wants_content: as an observer says.
    """

    __slots__ = (
        "_block",
        "_decoder",
        "_found",
        "_kinds",
        "_needed",
        "_note",
        "_number",
        "_passing",
        "_rest",
        "_skip",
        "_texts",
        "_wants_content",
        "_wants_secrets",
    )

    def __init__(
        self,
        number: int,
        kinds: tuple[Any, Any],
        found: list[Event],
        note: Note,
        *,
        wants_secrets: bool,
        wants_content: bool,
    ) -> None:
        self._number = number
        self._kinds = kinds
        self._found = found
        self._note = note
        self._wants_secrets = wants_secrets
        self._wants_content = wants_content
        #: the beginning of a frame that is not whole, and how many octets it will have
        self._rest = bytearray()
        self._needed = 0
        #: octets of a DATA frame that are still to pass, and its flags, stream, length
        self._skip = 0
        self._passing = (0, 0, 0)
        #: the field block that goes on in CONTINUATION, without its last fragment
        self._block = b""
        # None once a block was broken: the tables differ from then on.
        self._decoder: Decoder | None = Decoder(max_list_size=LARGEST_SECTION, codec="python")
        self._decoder.header_table_size = LARGEST_TABLE
        self._texts: Memo[Any, Fields] = Memo(KEPT_SECTIONS)

    def feed(self, octets: bytes | memoryview, moment: float) -> int:
        """Take octets in their order, and return how many frames end in them.

        Nothing of a view is kept. HOT while a trace is on: once a read, and nothing is called for
        most frames (test/test_trace_counts.py).
        """
        start, end, count = 0, len(octets), 0
        if self._skip:
            start = min(self._skip, end)
            self._skip -= start
            if self._skip:
                return 0
            self._append_content(*self._passing, None, NOTHING, moment)
            count = 1
        if self._rest:
            self._rest += octets[start:]
            if len(self._rest) < self._needed:
                return count
            octets, self._rest = bytes(self._rest), bytearray()
            start, end = 0, len(octets)
        found, number, kind_of_event = self._found.append, self._number, self._kinds[0]
        mask, header_size, update_size = frames.MASK_31, frames.FRAME_HEADER_SIZE, UPDATE.size
        while end - start >= header_size:
            if end - start >= update_size:
                word, flags, stream, increment = unpack_update(octets, start)
                if word == UPDATE_WORD:  # there are many
                    start, count = start + update_size, count + 1
                    content = {"increment": increment & mask}
                    event = (moment, number, stream & mask, WINDOW_UPDATE, flags, 4, content)
                    found(make(kind_of_event, event))
                    continue
            else:
                word, flags, stream = frames.FRAME_HEADER.unpack_from(octets, start)
            kind, length, stream = word & 0xFF, word >> 8, stream & mask
            begin = start + header_size
            is_passing = kind == DATA and not (self._wants_content or flags & frames.PADDED)
            if begin + length > end:
                if is_passing:
                    self._skip, self._passing = begin + length - end, (flags, stream, length)
                    return count
                break
            start, count = begin + length, count + 1
            if is_passing:
                self._append_content(flags, stream, length, None, NOTHING, moment)
            else:
                self._parse(kind, flags, stream, bytes(octets[begin:start]), moment)
        if start < end:
            self._rest += octets[start:]
            self._needed = header_size
            if end - start >= header_size:
                self._needed += frames.FRAME_HEADER.unpack_from(self._rest)[0] >> 8
        return count

    def _append_content(
        self,
        flags: int,
        stream: int,
        length: int,
        octets: bytes | None,
        content: Mapping[str, Any],
        moment: float,
    ) -> None:
        """Tell of a DATA frame; octets: of its content, or None."""
        found, number = self._found.append, self._number
        kind_of_frame, kind_of_content = self._kinds
        found(make(kind_of_frame, (moment, number, stream, DATA, flags, length, content)))
        size = length if content is NOTHING else length - content.get("padding", length)
        if size:
            found(make(kind_of_content, (moment, number, stream, size, octets)))
        if flags & frames.END_STREAM:
            self._note(DATA, flags, stream, content, moment)

    def _parse(self, kind: int, flags: int, stream: int, payload: bytes, moment: float) -> None:
        content: Mapping[str, Any] = NOTHING
        octets = b""
        try:
            view = memoryview(payload)
            if kind == DATA:
                octets = bytes(frames.unpadded(flags, view))
                if flags & frames.PADDED:
                    content = {"padding": len(payload) - len(octets)}
            elif kind == frames.HEADERS:
                content = self._section(bytes(frames.parse_headers(flags, view)), flags)
            elif kind == frames.CONTINUATION:
                content = self._section(self._block + payload, flags)
            elif kind == frames.PUSH_PROMISE:
                promised, block = frames.parse_push_promise(flags, view)
                content = {"promised": promised, **self._section(bytes(block), flags)}
            else:
                content = parsed(kind, flags, view)
        except (HTTP20Error, ConnectionFault) as error:
            content = {"error": str(error)}
        if kind == DATA:
            wanted = octets if self._wants_content else None
            self._append_content(flags, stream, len(payload), wanted, content, moment)
            return
        event = (moment, self._number, stream, kind, flags, len(payload), content)
        self._found.append(make(self._kinds[0], event))
        self._note(kind, flags, stream, content, moment)

    def _section(self, block: bytes, flags: int) -> Mapping[str, Any]:
        """Return the fields of a block, if this is its end."""
        if not flags & frames.END_HEADERS:
            self._block = block
            return NOTHING
        self._block = b""
        if self._decoder is None:
            return {"error": "a field block before this one was broken (RFC 9113, 4.3)"}
        try:
            section = self._decoder.decode_section(block)
        except HTTP20Error:
            self._decoder = None
            raise
        return {"fields": self._text(section, is_marked=self._decoder.is_marked)}

    def _text(self, section: tuple[Any, ...], *, is_marked: bool) -> Fields:
        known = None if is_marked else self._texts.get(section)
        if known is None:
            known = tuple(map(self._field, section))
            if not is_marked:  # else an equal section may have no secret
                self._texts.keep(section, known)
        return known

    def _field(self, field: tuple[bytes, bytes]) -> tuple[str, str]:
        name, value = field
        if name in SECRET_NAMES or type(field) is NeverIndexed:
            return name.decode("latin-1"), (
                Secret(value.decode("latin-1")) if self._wants_secrets else REDACTED
            )
        return name.decode("latin-1"), value.decode("latin-1")


def parsed(kind: int, flags: int, view: memoryview) -> Mapping[str, Any]:
    """Return what a frame without a field block carries. Raises ConnectionFault."""
    if kind == frames.SETTINGS:
        pairs = frames.parse_settings(flags, view)
        names = [
            (RULES[number][0] if number in RULES else number, value) for number, value in pairs
        ]
        return {"settings": tuple(names)} if names else NOTHING
    if kind == frames.WINDOW_UPDATE:
        return {"increment": frames.parse_window_update(view)}
    if kind == frames.RST_STREAM:
        return {"error_code": frames.parse_rst_stream(view)}
    if kind == frames.GOAWAY:
        last, code, debug = frames.parse_goaway(view)
        return {"last_stream": last, "error_code": code, "debug": debug}
    if kind == frames.PING:
        return {"opaque": frames.parse_ping(view)}
    if kind == frames.PRIORITY_UPDATE:
        prioritized, priority = frames.parse_priority_update(view)
        return {"prioritized": prioritized, "priority": priority.decode("latin-1")}
    if kind == frames.PRIORITY and len(view) == 5:  # the size that 6.3 gives
        word = int.from_bytes(view[:4], "big")
        return {
            "depends_on": word & frames.MASK_31,
            "exclusive": word > frames.MASK_31,
            "weight": view[4] + 1,
        }
    if kind == frames.ALTSVC:
        origin, service = frames.parse_altsvc(view) or (b"", b"")
        return {"origin": origin.decode("latin-1"), "alt_svc": service.decode("latin-1")}
    if kind == frames.ORIGIN:
        return {"origins": tuple(each.decode("latin-1") for each in frames.parse_origin(view))}
    return NOTHING


def error_name(code: int) -> str:
    """Return the name of an error code (7), or its number."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"{code:#x}"
