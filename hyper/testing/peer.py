"""The verbs of a scripted peer: the server's side of one connection, written like a transcript."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from . import wire
from .arrivals import DEADLINE, Arrival, Arrivals, Fields, comes_beside, words_for

if TYPE_CHECKING:
    from .wire import Frame

# SETTINGS_MAX_FRAME_SIZE at the start (RFC 9113, 6.5.2); larger contents and blocks are cut to it.
FRAME_SIZE = 16384

# The size of a window at the start (RFC 9113, 6.9.2).
WINDOW_SIZE = 65535

# The opaque octets of hyper's measurements of the path.
MEASURING = b"measures"


def _octets(text: wire.Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


class _Whole(NamedTuple):
    stream_id: int
    fields: Fields
    content: bytes


class Request(_Whole):
    """A request that arrived whole. It can be unpacked: ``stream_id, fields, content = request``.

    Attributes:
        stream_id: the stream's identifier.
        fields: the field section, pseudo-fields first, as (name, value) in str by ISO 8859-1.
        content: the content, as sent. No content coding is removed.
        trailers: the trailer section, if it was read: a list like `fields`.
        connection: the number of the server's connection, counted from 1.
    """

    trailers: Fields = []  # noqa: RUF012 - it is replaced, never changed
    connection: int = 1

    def header(self, name: str) -> str | None:
        """The value of a field, values of one name joined by commas (RFC 9110, 5.3), or None.

        Args:
            name: the field's, in any case.
        """
        found = [value for each, value in self.fields if each == name.lower()]
        return ", ".join(found) if found else None

    @property
    def method(self) -> str:
        """The value of :method (8.3.1)."""
        return self.header(":method") or ""

    @property
    def path(self) -> str:
        """The value of :path, with its query."""
        return self.header(":path") or ""

    @property
    def authority(self) -> str:
        """The value of :authority, or of host."""
        return self.header(":authority") or self.header("host") or ""


class Peer(Arrivals):
    """The server's side of one connection: ``want_`` reads what must come, ``write_`` writes.

    Every want waits ``deadline`` seconds at most, and raises `PeerError` if what comes is not what
    it wants. Nothing else is checked: a script may break every rule.

    Args:
        deadline: seconds that each want waits.

    Attributes:
        log: a line for each frame that arrived, and one for each field.
        frames: the frames of this connection that arrived.
        last: the frame that the latest want found.
        requests: the requests that `want_request` has read.
        client_settings: the client's settings, by identifier.
        number: the number of the server's connection, counted from 1.
        acknowledges: whether PING and SETTINGS are acknowledged as they come.
    """

    number = 1

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.requests: list[Request] = []
        super().__init__(deadline)

    # ---- what the script wants ----

    def want_octets(self, count: int) -> bytes:
        """The next octets, exactly so many, as they come and not as frames.

        Args:
            count: how many.
        """
        deadline = time.monotonic() + self.deadline
        while len(self._octets) < count:
            self._take_octets(f"{count} octets", deadline)
        octets, self._octets = self._octets[:count], self._octets[count:]
        return octets

    def want_until(self, delimiter: bytes = b"\r\n\r\n") -> bytes:
        """The octets up to and with the delimiter: HTTP/1.1 to a proxy, or an Upgrade.

        Args:
            delimiter: where to stop.
        """
        deadline = time.monotonic() + self.deadline
        while delimiter not in self._octets:
            self._take_octets(f"octets up to {delimiter!r}", deadline)
        end = self._octets.index(delimiter) + len(delimiter)
        return self.want_octets(end)

    def want_preface(self) -> None:
        """The 24 octets that open a connection (RFC 9113, 3.4).

        Raises:
            PeerError: other octets came.
        """
        octets = self.want_octets(len(wire.PREFACE))
        if octets != wire.PREFACE:
            raise self._failure(f"wanted the preface, got {octets!r}")
        self.log.append("the preface")

    def want_settings(self, ack: bool = False) -> dict[int, int]:
        """The values of SETTINGS, by identifier (6.5); an empty dict for the ACK of ours.

        Args:
            ack: True waits for the acknowledgement of ours.
        """
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

        Args:
            stream_id: the stream on which it must come; None means any.
            end_stream: whether it must have END_STREAM; None means either.
        """
        arrival = self._want(wire.HEADERS, stream_id)
        self._check_end(arrival.frame, end_stream)
        self.never_indexed: tuple[str, ...] = arrival.never_indexed
        return arrival.fields or []

    def want_data(
        self,
        stream_id: int | None = None,
        content: bytes | None = None,
        end_stream: bool | None = None,
    ) -> bytes:
        """The content of one DATA frame, without padding (6.1).

        Args:
            stream_id: the stream on which it must come; None means any.
            content: the octets that it must have; None means any.
            end_stream: whether it must have END_STREAM; None means either.

        Raises:
            PeerError: another frame came, or other content.
        """
        frame = self._want(wire.DATA, stream_id).frame
        self._check_end(frame, end_stream)
        if content is not None and frame.content != content:
            raise self._failure(f"wanted DATA with {content!r}, got {frame!r}")
        return frame.content

    def _check_end(self, frame: Frame, end_stream: bool | None) -> None:
        if end_stream is not None and frame.end_stream != end_stream:
            raise self._failure(f"wanted END_STREAM to be {end_stream} in {frame!r}")

    def want_body(self, stream_id: int, credit: bool = False) -> bytes:
        """The content of DATA frames up to END_STREAM or to a trailer section.

        The trailer section is left to `want_headers`. With `credit` each frame is answered by
        WINDOW_UPDATE for the stream and the connection.

        Args:
            stream_id: the stream's identifier.
            credit: whether to open the windows again by what arrives.
        """

        def accepts(frame: Frame) -> bool:
            return frame.stream_id == stream_id and frame.type in (wire.DATA, wire.HEADERS)

        def passes(frame: Frame) -> bool:
            return comes_beside(frame) or frame.stream_id not in (0, stream_id)

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

    def want_request(self, stream_id: int | None = None, credit: bool = False) -> Request:
        """A whole request but for its trailer section, which `want_headers` reads next.

        With `credit` each DATA frame is answered by WINDOW_UPDATE for the stream and the
        connection. Without it a client may send 65,535 octets.

        Args:
            stream_id: the stream on which it must come; None means any.
            credit: whether to open the windows again by what arrives.
        """
        fields = self.want_headers(stream_id)
        assert self.last is not None
        frame = self.last
        body = b"" if frame.end_stream else self.want_body(frame.stream_id, credit)
        request = Request(frame.stream_id, fields, body)
        request.connection = self.number
        self.requests.append(request)
        return request

    def want_rst(self, stream_id: int | None = None, code: int | None = None) -> int:
        """The error code of RST_STREAM (6.4).

        Args:
            stream_id: the stream on which it must come; None means any.
            code: the error code that it must have; None means any.
        """
        return self._want(wire.RST_STREAM, stream_id, code).frame.error_code

    def want_goaway(self, code: int | None = None) -> Frame:
        """GOAWAY (6.8).

        Args:
            code: the error code that it must have; None means any.

        Returns:
            The frame, with ``last_stream_id``, ``error_code`` and ``debug_data``.
        """
        return self._want(wire.GOAWAY, None, code).frame

    def want_priority(self, stream_id: int | None = None) -> Frame:
        """The frame PRIORITY, deprecated as it is (6.3).

        Args:
            stream_id: the stream on which it must come; None means any.
        """
        return self._want(wire.PRIORITY, stream_id).frame

    def want_window_update(self, stream_id: int | None = None) -> int:
        """The increment of WINDOW_UPDATE (6.9).

        Args:
            stream_id: a stream's identifier, 0 for the connection, None for any.
        """

        def accepts(frame: Frame) -> bool:
            return frame.type == wire.WINDOW_UPDATE and stream_id in (None, frame.stream_id)

        return self._want_beside(words_for(wire.WINDOW_UPDATE, stream_id, None), accepts).increment

    def want_ping(self, ack: bool = False, opaque: bytes | None = None) -> bytes:
        """The opaque octets of PING, or of the ACK of ours (6.7).

        The answer is the script's to write. PINGs by which the client measures the path are passed
        over, unless they are asked for by their octets.

        Args:
            ack: True waits for the answer to one of ours.
            opaque: the eight octets that it must have; None means any.
        """

        def accepts(frame: Frame) -> bool:
            matches = frame.payload != MEASURING if opaque is None else frame.payload == opaque
            return frame.type == wire.PING and frame.ack == ack and matches

        words = f"PING{' ACK' if ack else ''}{'' if opaque is None else f' {opaque!r}'}"
        return self._want_beside(words, accepts).payload

    def want_frame(self) -> Frame:
        """The next frame, whatever it is, save those that may come at any time."""
        found = self._find("a frame", lambda frame: not comes_beside(frame), comes_beside)
        return self._take(found).frame

    def want_nothing(self, quiet: float = 0.0) -> None:
        """No frame waits, save those that may come at any time, nor comes in `quiet` seconds.

        To know what the client wrote before it read up to here, call `fence` first.

        Args:
            quiet: seconds in which nothing may come.

        Raises:
            PeerError: something came.
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
            if not comes_beside(arrival.frame):
                raise self._failure(f"wanted nothing, got {arrival.frame!r}")
        if self._octets or self._open:
            raise self._failure("wanted nothing, got the beginning of something")

    def want_closed(self) -> None:
        """The end of the connection, with no frame before save those that may come at any time.

        Raises:
            PeerError: the end did not come before the deadline, or a frame came first.
        """
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

    def arrivals(self) -> Iterator[Arrival]:
        """Every frame as it comes, with the fields of those that have a field block.

        The end is that of the connection, or a silence of ``deadline`` seconds.
        """
        while True:
            while self._arrived:
                yield self._arrived.pop(0)
            if not self._cut():
                try:
                    octets = self._more(time.monotonic() + self.deadline)
                except socket.timeout:
                    return
                if not octets:
                    self.has_ended = True
                    return
                self._octets += octets

    def window(self, stream_id: int) -> int:
        """The octets of DATA that the client's windows allow on this stream now (6.9).

        Args:
            stream_id: the stream's identifier.
        """
        initial = self.client_settings.get(wire.SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_SIZE)
        stream = initial + self._credit[stream_id] - self._sent[stream_id]
        return min(stream, WINDOW_SIZE + self._credit[0] - self._sent[0])

    # ---- what the script writes ----

    def handshake(
        self, values: Mapping[int, int] | Iterable[tuple[int, int]] = ()
    ) -> dict[int, int]:
        """The client's settings, after preface, SETTINGS of both sides and our ACK (RFC 9113, 3.4).

        Args:
            values: our settings, by identifier.
        """
        self.want_preface()
        settings = self.want_settings()
        self.write_settings(values)
        self.write_settings(ack=True)
        return settings

    def write_settings(
        self, values: Mapping[int, int] | Iterable[tuple[int, int]] = (), ack: bool = False
    ) -> None:
        """SETTINGS. HPACK follows: our decoder at the client's ACK, our encoder at ours (6.5.3).

        Args:
            values: settings, by identifier; pairs may repeat one.
            ack: True writes the acknowledgement of the client's.
        """
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
        """HEADERS, by PyPI's hpack or stateless by wire.block; CONTINUATION where it is long.

        Args:
            stream_id: the stream's identifier.
            pairs: the fields as (name, value), pseudo-header fields first; str or bytes.
            end_stream: whether the frame has END_STREAM.
            stateless: True codes the fields without a table, by ``wire.block``.
        """
        part, *rest = self._block(pairs, stateless)
        self._write_block(wire.headers(stream_id, part, end_stream, not rest), stream_id, rest)

    def write_push(
        self, stream_id: int, promised_id: int, pairs: wire.Pairs, stateless: bool = False
    ) -> None:
        """PUSH_PROMISE on the client's stream; CONTINUATION where the field section is long.

        Args:
            stream_id: the client's stream, with which the promise is made.
            promised_id: the even identifier of the promised stream.
            pairs: the fields as (name, value), pseudo-header fields first; str or bytes.
            stateless: True codes the fields without a table, by ``wire.block``.
        """
        part, *rest = self._block(pairs, stateless)
        first = wire.push_promise(stream_id, promised_id, part, end_headers=not rest)
        self._write_block(first, stream_id, rest)

    def write_data(self, stream_id: int, content: bytes = b"", end_stream: bool = False) -> None:
        """DATA, in frames of 16,384 octets at most, whatever the client's windows are.

        Args:
            stream_id: the stream's identifier.
            content: octets; none make one empty frame.
            end_stream: whether the last frame has END_STREAM.
        """
        for at in (0, stream_id):
            self._sent[at] += len(content)
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
        """A whole response without trailer section, whatever the client's windows are.

        Args:
            stream_id: the stream's identifier.
            content: octets; without any, the header section ends the stream.
            pairs: the fields as (name, value), pseudo-header fields first; str or bytes.
            stateless: True codes the fields without a table, by ``wire.block``.
        """
        self.write_headers(stream_id, pairs, end_stream=not content, stateless=stateless)
        if content:
            self.write_data(stream_id, content, end_stream=True)

    def write_content(self, stream_id: int, content: bytes, end_stream: bool = True) -> bool:
        """DATA as the client's windows allow; WINDOW_UPDATE is waited for (6.9).

        Args:
            stream_id: the stream's identifier.
            content: octets of any number.
            end_stream: whether the last frame has END_STREAM.

        Returns:
            True, or False if the client has reset the stream.
        """
        rest = memoryview(content)
        while rest or end_stream:
            self._cut()
            if any(
                frame.type == wire.RST_STREAM and frame.stream_id == stream_id
                for frame, *_ in self._arrived
            ):
                return False
            room = self.window(stream_id)
            if rest and room <= 0:
                self._take_octets("WINDOW_UPDATE", time.monotonic() + self.deadline)
                continue
            piece, rest = rest[: min(room, FRAME_SIZE)], rest[min(room, FRAME_SIZE) :]
            self.write_data(stream_id, bytes(piece), end_stream and not rest)
            if not rest:
                break
        return True

    def write_trailers(self, stream_id: int, pairs: wire.Pairs) -> None:
        """A trailer section, which ends the stream (8.1).

        Args:
            stream_id: the stream's identifier.
            pairs: the fields as (name, value).
        """
        self.write_headers(stream_id, pairs, end_stream=True)

    def write_interim(self, stream_id: int, status: int = 103, pairs: wire.Pairs = ()) -> None:
        """An interim response: 100, 102, 103 or another 1xx (RFC 9110, 15.2).

        Args:
            stream_id: the stream's identifier.
            status: 100 to 199.
            pairs: further fields as (name, value).
        """
        self.write_headers(stream_id, [(":status", str(status)), *pairs])

    def write_rst(self, stream_id: int, code: int = wire.CANCEL) -> None:
        """RST_STREAM (6.4).

        Args:
            stream_id: the stream's identifier.
            code: the error code.
        """
        self.write(wire.rst_stream(stream_id, code))

    def write_goaway(
        self, last_stream_id: int, code: int = wire.NO_ERROR, debug: bytes = b""
    ) -> None:
        """GOAWAY (6.8): requests on streams above `last_stream_id` were not processed.

        Args:
            last_stream_id: the last stream that was processed, or may have been.
            code: the error code.
            debug: opaque octets for the client's log.
        """
        self.write(wire.goaway(last_stream_id, code, debug))

    def write_ping(self, opaque: bytes = bytes(8), ack: bool = False) -> None:
        """PING, or the answer to one (6.7).

        Args:
            opaque: eight octets.
            ack: True answers a PING of the client's, with its octets.
        """
        self.write(wire.ping(opaque, ack))

    def write_window_update(self, stream_id: int, increment: int) -> None:
        """WINDOW_UPDATE for a stream, or for the connection where `stream_id` is 0 (6.9).

        Args:
            stream_id: a stream's identifier, or 0.
            increment: octets of room.
        """
        self.write(wire.window_update(stream_id, increment))
