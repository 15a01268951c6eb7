"""A scripted peer: the server's side of one connection, written down like a transcript.

A script says what the peer wants to see and what it writes, in order::

    def script(peer):
        peer.handshake()
        stream_id, fields, body = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"hello", end_stream=True)

The same verbs work in two worlds. `MemoryPeer` is given octets and gives octets, for an endpoint
without IO. `SocketPeer` listens on a port of the loopback and runs its script in a thread of its
own, joined by `stop`.

Octets that arrive are cut into frames by `wire.read` and kept in `frames`; field blocks are decoded
as they arrive (HPACK's state depends on the order of the wire) by PyPI's hpack. Then the frames
wait in a queue to be wanted:

* A wanted frame must be the next one. Where a stream identifier is given, it must be the next *of
  that stream*: frames of other streams are left where they are, for the order between streams is
  the client's to choose.
* SETTINGS ACK, PING and WINDOW_UPDATE may come at any time. They are passed over unless they are
  asked for, and then found wherever they are, before or behind others.

A want that is not met before its deadline, or is met by another frame, raises `PeerError` showing
what was seen.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import hpack

from test import wire

if TYPE_CHECKING:
    from test.wire import Frame

Fields = list[tuple[str, str]]

# Seconds that any one want waits: far above what a loaded machine needs, far below a person's
# set_timeout.
DEADLINE = 10.0

# SETTINGS_MAX_FRAME_SIZE at the start (RFC 9113, 6.5.2); larger contents and blocks are cut to it.
FRAME_SIZE = 16384

# The peer does not guard itself: a test may send it large field sections.
FIELD_SECTION_SIZE = 1 << 24

# The opaque octets of the client's measurements of the path.
MEASURING = b"measures"

SIDE_TYPES = (wire.PING, wire.WINDOW_UPDATE)


class PeerError(AssertionError):
    """The client under test did not do what the script wants."""


class Arrival(NamedTuple):
    """A frame that waits to be wanted; `fields` where it begins a field block."""

    frame: Frame
    fields: Fields | None
    never_indexed: tuple[str, ...] = ()


def _beside(frame: Frame) -> bool:
    """Whether a frame may come at any time, so that wants for others pass over it."""
    return frame.type in SIDE_TYPES or (frame.type == wire.SETTINGS and frame.ack)


class Peer:
    """The verbs, over a source of octets that a subclass gives: `write` and `_more`."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self.log: list[str] = []
        self._begin()

    def _begin(self) -> None:
        """Forget a connection and be ready for the next one. `log` is kept."""
        self.frames: list[Frame] = []  # all that arrived, in order
        self.last: Frame | None = None  # what the latest want found
        self.never_indexed: tuple[str, ...] = ()  # names so coded in the latest want_headers
        self.client_settings: dict[int, int] = {}
        self._octets = b""  # not yet cut
        self._arrived: list[Arrival] = []
        self._open: list[Frame] = []  # a field block still without END_HEADERS
        self._table_sizes: list[int | None] = []  # announced by us, not yet acknowledged
        self.decoder = hpack.Decoder(FIELD_SECTION_SIZE)
        self.encoder = hpack.Encoder()

    # ---- what a subclass gives ----

    def write(self, octets: bytes) -> None:
        """Send these octets as they are."""
        raise NotImplementedError

    def _more(self, deadline: float) -> bytes:
        """Return octets from the client, b"" at the end; raise socket.timeout at the deadline."""
        raise NotImplementedError

    # ---- reading ----

    def _failure(self, words: str) -> PeerError:
        seen = "".join(f"\n  {line}" for line in self.log) or " none"
        left = f"\nand {len(self._octets)} octets: {self._octets[:64]!r}" if self._octets else ""
        return PeerError(f"{words}\nframes seen:{seen}{left}")

    def _take_octets(self, wanted: str, deadline: float) -> None:
        try:
            octets = self._more(deadline)
        except socket.timeout:
            raise self._failure(f"wanted {wanted}; nothing came in {self.deadline} s") from None
        if not octets:
            raise self._failure(f"wanted {wanted}; the client had ended")
        self._octets += octets

    def _cut(self) -> bool:
        """Move whole frames to the queue; tell whether there were any."""
        frames, self._octets = wire.read(self._octets)
        for frame in frames:
            self.frames.append(frame)
            self.log.append(repr(frame))
            self._arrive(frame)
        return bool(frames)

    def _arrive(self, frame: Frame) -> None:
        if self._open:
            first = self._open[0]
            if frame.type != wire.CONTINUATION or frame.stream_id != first.stream_id:
                raise self._failure(f"{frame!r} in the middle of the field block of {first!r}")
        elif frame.type == wire.CONTINUATION:
            raise self._failure(f"{frame!r} continues nothing")
        if frame.type in (wire.HEADERS, wire.CONTINUATION):
            self._open.append(frame)
            if frame.end_headers:
                self._arrived.append(self._decoded())
            return
        if frame.type == wire.SETTINGS and frame.ack and self._table_sizes:
            size = self._table_sizes.pop(0)
            if size is not None:
                self.decoder.max_allowed_table_size = size
        elif frame.type == wire.SETTINGS:
            self.client_settings.update(frame.settings)
        self._arrived.append(Arrival(frame, None))

    def _decoded(self) -> Arrival:
        first = self._open[0]
        block = b"".join(part.block for part in self._open)
        self._open = []
        try:
            decoded = list(self.decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            raise self._failure(f"the field block of {first!r} does not decode: {error}") from error
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in decoded]
        never = tuple(
            name
            for (name, _), field in zip(fields, decoded)
            if isinstance(field, hpack.NeverIndexedHeaderTuple)
        )
        self.log.extend(f"    {name}: {value}" for name, value in fields)
        return Arrival(first, fields, never)

    def _find(
        self, wanted: str, accepts: Callable[[Frame], bool], passes: Callable[[Frame], bool]
    ) -> int:
        """The place in the queue of the first frame accepted, with only passed ones before it."""
        deadline = time.monotonic() + self.deadline
        at = 0
        while True:
            while at < len(self._arrived):
                frame = self._arrived[at].frame
                if accepts(frame):
                    return at
                if not passes(frame):
                    raise self._failure(f"wanted {wanted}, got {frame!r}")
                at += 1
            if not self._cut():
                self._take_octets(wanted, deadline)

    def _take(self, at: int) -> Arrival:
        arrival = self._arrived.pop(at)
        self.last = arrival.frame
        return arrival

    def _want(self, type: int, stream_id: int | None, code: int | None = None) -> Arrival:
        """The next frame, or the next of the stream, which must be of that type."""

        def accepts(frame: Frame) -> bool:
            return (
                frame.type == type
                and not _beside(frame)
                and stream_id in (None, frame.stream_id)
                and (code is None or frame.error_code == code)
            )

        def passes(frame: Frame) -> bool:
            other = stream_id and frame.stream_id and stream_id != frame.stream_id
            return bool(other) or _beside(frame)

        return self._take(self._find(_words(type, stream_id, code), accepts, passes))

    def _want_beside(self, wanted: str, accepts: Callable[[Frame], bool]) -> Frame:
        """A frame of those that may come at any time, wherever it is in the queue."""
        return self._take(
            self._find(wanted, accepts, lambda frame: frame.type != wire.GOAWAY)
        ).frame

    # ---- what the script wants ----

    def want_octets(self, count: int) -> bytes:
        """So many octets as they come, not as frames."""
        deadline = time.monotonic() + self.deadline
        while len(self._octets) < count:
            self._take_octets(f"{count} octets", deadline)
        octets, self._octets = self._octets[:count], self._octets[count:]
        return octets

    def want_until(self, delimiter: bytes = b"\r\n\r\n") -> bytes:
        """Octets up to and with the delimiter: HTTP/1.1 to a proxy, or an Upgrade."""
        deadline = time.monotonic() + self.deadline
        while delimiter not in self._octets:
            self._take_octets(f"octets up to {delimiter!r}", deadline)
        end = self._octets.index(delimiter) + len(delimiter)
        return self.want_octets(end)

    def want_preface(self) -> None:
        """The 24 octets that open a connection (RFC 9113, 3.4)."""
        octets = self.want_octets(len(wire.PREFACE))
        if octets != wire.PREFACE:
            raise self._failure(f"wanted the preface, got {octets!r}")
        self.log.append("the preface")

    def want_settings(self, ack: bool = False) -> dict[int, int]:
        """SETTINGS, as identifiers and values; or the ACK of ours."""
        if ack:
            self._want_beside(
                "SETTINGS ACK", lambda frame: frame.type == wire.SETTINGS and frame.ack
            )
            return {}
        return dict(self._want(wire.SETTINGS, None).frame.settings)

    def want_headers(self, stream_id: int | None = None, end_stream: bool | None = None) -> Fields:
        """A field section, whole, as (name, value) in str by ISO 8859-1.

        `last.stream_id` has its stream, `never_indexed` the names that were so coded (RFC 7541,
        6.2.3).
        """
        arrival = self._want(wire.HEADERS, stream_id)
        self._check_end(arrival.frame, end_stream)
        self.never_indexed = arrival.never_indexed
        return arrival.fields or []

    def want_data(
        self,
        stream_id: int | None = None,
        content: bytes | None = None,
        end_stream: bool | None = None,
    ) -> bytes:
        """One DATA frame; its content, without padding."""
        frame = self._want(wire.DATA, stream_id).frame
        self._check_end(frame, end_stream)
        if content is not None and frame.content != content:
            raise self._failure(f"wanted DATA with {content!r}, got {frame!r}")
        return frame.content

    def _check_end(self, frame: Frame, end_stream: bool | None) -> None:
        if end_stream is not None and frame.end_stream != end_stream:
            raise self._failure(f"wanted END_STREAM to be {end_stream} in {frame!r}")

    def want_body(self, stream_id: int, credit: bool = False) -> bytes:
        """DATA frames up to END_STREAM or to a trailer section, which is left to want_headers.

        With `credit` each frame is answered by WINDOW_UPDATE for the stream and the connection.
        """

        def accepts(frame: Frame) -> bool:
            return frame.stream_id == stream_id and frame.type in (wire.DATA, wire.HEADERS)

        def passes(frame: Frame) -> bool:
            return _beside(frame) or frame.stream_id not in (0, stream_id)

        pieces = []
        while True:
            at = self._find(f"the body of stream {stream_id}", accepts, passes)
            if self._arrived[at].frame.type == wire.HEADERS:
                break
            frame = self._take(at).frame
            pieces.append(frame.content)
            if frame.end_stream:
                break
            if credit and frame.payload:
                size = len(frame.payload)
                self.write(wire.window_update(0, size) + wire.window_update(stream_id, size))
        return b"".join(pieces)

    def want_request(
        self, stream_id: int | None = None, credit: bool = False
    ) -> tuple[int, Fields, bytes]:
        """A whole request but for its trailer section: stream, field section, body."""
        fields = self.want_headers(stream_id)
        assert self.last is not None
        frame = self.last
        body = b"" if frame.end_stream else self.want_body(frame.stream_id, credit)
        return frame.stream_id, fields, body

    def want_rst(self, stream_id: int | None = None, code: int | None = None) -> int:
        """RST_STREAM; its error code."""
        return self._want(wire.RST_STREAM, stream_id, code).frame.error_code

    def want_goaway(self, code: int | None = None) -> Frame:
        """GOAWAY."""
        return self._want(wire.GOAWAY, None, code).frame

    def want_priority(self, stream_id: int | None = None) -> Frame:
        """PRIORITY, deprecated as it is."""
        return self._want(wire.PRIORITY, stream_id).frame

    def want_window_update(self, stream_id: int | None = None) -> int:
        """WINDOW_UPDATE of the stream (0: of the connection; None: any); its increment."""

        def accepts(frame: Frame) -> bool:
            return frame.type == wire.WINDOW_UPDATE and stream_id in (None, frame.stream_id)

        return self._want_beside(_words(wire.WINDOW_UPDATE, stream_id, None), accepts).increment

    def want_ping(self, ack: bool = False, opaque: bytes | None = None) -> bytes:
        """PING, or the ACK of ours; its opaque octets. The answer is the script's to write.

        Those by which the client measures the path are passed over, unless asked for by name.
        """

        def accepts(frame: Frame) -> bool:
            matches = frame.payload != MEASURING if opaque is None else frame.payload == opaque
            return frame.type == wire.PING and frame.ack == ack and matches

        words = f"PING{' ACK' if ack else ''}{'' if opaque is None else f' {opaque!r}'}"
        return self._want_beside(words, accepts).payload

    def want_frame(self) -> Frame:
        """The next frame, whatever it is, save those that may come at any time."""
        found = self._find("a frame", lambda frame: not _beside(frame), _beside)
        return self._take(found).frame

    def want_nothing(self, quiet: float = 0.0) -> None:
        """No frame waits, save those that may come at any time, nor comes in `quiet` seconds.

        To know what the client wrote before it read up to here, call `fence` first.
        """
        deadline = time.monotonic() + quiet
        while not self._ended():
            try:
                octets = self._more(deadline)
            except socket.timeout:
                break
            if not octets:
                break
            self._octets += octets
        self._cut()
        for arrival in self._arrived:
            if not _beside(arrival.frame):
                raise self._failure(f"wanted nothing, got {arrival.frame!r}")
        if self._octets or self._open:
            raise self._failure("wanted nothing, got the beginning of something")

    def want_closed(self) -> None:
        """The end of the connection, with no frame before save those that may come at any time."""
        deadline = time.monotonic() + self.deadline
        while True:
            try:
                octets = self._more(deadline)
            except socket.timeout:
                raise self._failure(
                    f"wanted the end; it is not there in {self.deadline} s"
                ) from None
            if not octets:
                break
            self._octets += octets
        self.want_nothing()

    def _ended(self) -> bool:
        return False

    def fence(self) -> None:
        """Wait for an answer to PING: what the client wrote before it read the PING has arrived.

        The client must be reading meanwhile.
        """
        opaque = b"fence%03d" % (len(self.log) % 1000)
        self.write(wire.ping(opaque))
        self.want_ping(ack=True, opaque=opaque)

    # ---- what the script writes ----

    def handshake(
        self, values: Mapping[int, int] | Iterable[tuple[int, int]] = ()
    ) -> dict[int, int]:
        """Preface, SETTINGS of both sides and our ACK (RFC 9113, 3.4); the client's settings."""
        self.want_preface()
        settings = self.want_settings()
        self.write_settings(values)
        self.write_settings(ack=True)
        return settings

    def write_settings(
        self, values: Mapping[int, int] | Iterable[tuple[int, int]] = (), ack: bool = False
    ) -> None:
        """SETTINGS. HPACK follows: our decoder at the client's ACK, our encoder at ours (6.5.3)."""
        pairs = list(values.items() if isinstance(values, Mapping) else values)
        if ack and wire.SETTINGS_HEADER_TABLE_SIZE in self.client_settings:
            size = self.client_settings[wire.SETTINGS_HEADER_TABLE_SIZE]
            # An encoder need not use all that it is offered; 4096 is what it starts with.
            self.encoder.header_table_size = min(size, 4096)
        elif not ack:
            self._table_sizes.append(dict(pairs).get(wire.SETTINGS_HEADER_TABLE_SIZE))
        self.write(wire.settings(pairs, ack))

    def _block(self, pairs: wire.Pairs, stateless: bool) -> list[bytes]:
        if stateless:
            block = wire.block(pairs)
        else:
            octets = [(_octets(name), _octets(value)) for name, value in pairs]
            block = self.encoder.encode(octets)
        return [block[at : at + FRAME_SIZE] for at in range(0, len(block), FRAME_SIZE)] or [b""]

    def _write_block(self, first: bytes, stream_id: int, rest: list[bytes]) -> None:
        last = len(rest) - 1
        more = [wire.continuation(stream_id, part, at == last) for at, part in enumerate(rest)]
        self.write(first + b"".join(more))

    def write_headers(
        self, stream_id: int, pairs: wire.Pairs, end_stream: bool = False, stateless: bool = False
    ) -> None:
        """HEADERS, by PyPI's hpack or stateless by wire.block; CONTINUATION where it is long."""
        part, *rest = self._block(pairs, stateless)
        self._write_block(wire.headers(stream_id, part, end_stream, not rest), stream_id, rest)

    def write_push(
        self, stream_id: int, promised_id: int, pairs: wire.Pairs, stateless: bool = False
    ) -> None:
        """PUSH_PROMISE on the client's stream; CONTINUATION where the field section is long."""
        part, *rest = self._block(pairs, stateless)
        first = wire.push_promise(stream_id, promised_id, part, end_headers=not rest)
        self._write_block(first, stream_id, rest)

    def write_data(self, stream_id: int, content: bytes = b"", end_stream: bool = False) -> None:
        """DATA, in frames of 16,384 octets at most. The windows are the script's affair."""
        starts = range(0, len(content), FRAME_SIZE) or range(1)
        for at in starts:
            ends = end_stream and at + FRAME_SIZE >= len(content)
            self.write(wire.data(stream_id, content[at : at + FRAME_SIZE], ends))

    def write_response(
        self,
        stream_id: int,
        content: bytes = b"",
        pairs: wire.Pairs = ((":status", "200"),),
        stateless: bool = False,
    ) -> None:
        """A whole response without trailer section."""
        self.write_headers(stream_id, pairs, end_stream=not content, stateless=stateless)
        if content:
            self.write_data(stream_id, content, end_stream=True)


def _octets(text: wire.Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _words(type: int, stream_id: int | None, code: int | None) -> str:
    words = wire.TYPE_NAMES[type]
    if stream_id is not None:
        words += f" on stream {stream_id}"
    return words if code is None else f"{words} with {wire.error_name(code)}"


class MemoryPeer(Peer):
    """A peer over memory, for an endpoint that does no IO.

    `source`, if given, is called when a want needs octets and gives those that the client wrote
    since, b"" for none. Without it, the test gives them by `feed`. `sink`, if given, is called with
    each write. Without it, the octets wait in `outgoing` for `take`. Nothing waits: a want that
    cannot be met fails at once.
    """

    def __init__(
        self,
        source: Callable[[], bytes] | None = None,
        sink: Callable[[bytes], Any] | None = None,
    ) -> None:
        super().__init__()
        self.outgoing = bytearray()
        self._fed = bytearray()
        self._source = source
        self._sink = sink

    def feed(self, octets: bytes) -> None:
        """Give the peer octets that the client wrote."""
        self._fed += octets

    def take(self) -> bytes:
        """Return what the peer wrote since the last take."""
        octets = bytes(self.outgoing)
        self.outgoing.clear()
        return octets

    def write(self, octets: bytes) -> None:
        if self._sink is None:
            self.outgoing += octets
        else:
            self._sink(octets)

    def _more(self, deadline: float) -> bytes:  # noqa: ARG002  nothing waits in memory
        octets = bytes(self._fed)
        self._fed.clear()
        return octets + self._source() if self._source else octets
