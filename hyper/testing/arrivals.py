"""The frames that a client sent: cut, decoded, and kept until the script wants them.

* A wanted frame must be the next one. Where a stream identifier is given, it must be the next *of
  that stream*: frames of other streams stay where they are, because the client chooses the order
  between streams.
* SETTINGS ACK, PING and WINDOW_UPDATE may come at any time. They are passed over unless they are
  asked for, and then found wherever they are, before or behind others.

A want that is not met before its deadline, or is met by another frame, raises `PeerError`.
"""

from __future__ import annotations

import abc
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from . import wire

if TYPE_CHECKING:
    from .wire import Frame

Fields = list[tuple[str, str]]

# Seconds that any one want waits: far above what a loaded machine needs, far below a person's
# patience.
DEADLINE = 10.0

# Lines of the log that a message shows: the latest. `log` has all of them.
SHOWN_LINES = 60

# The peer does not guard itself: a test may send it large field sections.
FIELD_SECTION_SIZE = 1 << 24

SIDE_TYPES = (wire.PING, wire.WINDOW_UPDATE)


class PeerError(AssertionError):
    """The client under test did not do what the script wants. The message has all frames seen."""


class ClientEnded(PeerError, ConnectionError):
    """The client ended the connection, and the script wanted more, or had more to write."""


class Arrival(NamedTuple):
    """A frame that waits to be wanted; `fields` where it begins a field block."""

    frame: Frame
    fields: Fields | None
    never_indexed: tuple[str, ...] = ()


def comes_beside(frame: Frame) -> bool:
    """True if a frame may come at any time, so that wants for others pass over it."""
    return frame.type in SIDE_TYPES or (frame.type == wire.SETTINGS and frame.ack)


def load_hpack() -> Any:
    """PyPI's hpack, which codes and decodes field sections: hyper is not judged by itself.

    Raises:
        ModuleNotFoundError: it is not installed. The message has the line that installs it.
    """
    try:
        import hpack
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "hyper.testing needs the package hpack: python -m pip install hpack trustme",
            name="hpack",
        ) from None
    return hpack


def words_for(type: int, stream_id: int | None, code: int | None) -> str:
    """How a message names a wanted frame."""
    words = wire.TYPE_NAMES[type]
    if stream_id is not None:
        words += f" on stream {stream_id}"
    return words if code is None else f"{words} with {wire.error_name(code)}"


class Arrivals(abc.ABC):
    """The frames of one connection as they arrive, and the queue in which they wait to be wanted.

    A subclass gives `write` and `_more`.
    """

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self.log: list[str] = []
        self._acknowledges: bool = False
        self._begin()

    def _begin(self) -> None:
        """Forget a connection and be ready for the next one. `log` is kept."""
        self.frames: list[Frame] = []  # all that arrived, in order
        self.last: Frame | None = None  # what the latest want found
        self.never_indexed: tuple[str, ...] = ()  # names so coded in the latest want_headers
        self.has_ended: bool = False  # no more octets come
        self.client_settings: dict[int, int] = {}
        self._octets = b""  # not yet cut
        self._arrived: list[Arrival] = []
        self._open: list[Frame] = []  # a field block still without END_HEADERS
        self._table_sizes: list[int | None] = []  # announced by us, not yet acknowledged
        self._credit: Counter[int] = Counter()  # octets of WINDOW_UPDATE, by stream
        self._sent: Counter[int] = Counter()  # octets of DATA that we wrote, by stream
        hpack = load_hpack()
        self._hpack_error = hpack.HPACKError
        self._never_indexed_kind = hpack.NeverIndexedHeaderTuple
        self.decoder: Any = hpack.Decoder(FIELD_SECTION_SIZE)
        self.encoder: Any = hpack.Encoder()

    @property
    def acknowledges(self) -> bool:
        """Whether PING and SETTINGS are acknowledged as they come, and those that wait already."""
        return self._acknowledges

    @acknowledges.setter
    def acknowledges(self, acknowledges: bool) -> None:
        waiting = self._arrived if acknowledges and not self._acknowledges else ()
        self._acknowledges = acknowledges
        for arrival in waiting:
            self._acknowledge(arrival.frame)

    # ---- what a subclass gives ----

    @abc.abstractmethod
    def write(self, octets: bytes) -> None:
        """Send these octets as they are.

        Args:
            octets: frames, or anything else.
        """

    @abc.abstractmethod
    def _more(self, deadline: float) -> bytes:
        """Octets from the client, or b"" at the end. At the deadline it raises socket.timeout."""

    # ---- reading ----

    def _failure(self, words: str, kind: type[PeerError] = PeerError) -> PeerError:
        before = max(len(self.log) - SHOWN_LINES, 0)
        seen = f"\n  ... {before} lines before" if before else ""
        seen += "".join(f"\n  {line}" for line in self.log[before:]) or " none"
        left = f"\nand {len(self._octets)} octets: {self._octets[:64]!r}" if self._octets else ""
        return kind(f"{words}\nframes seen:{seen}{left}")

    def _take_octets(self, wanted: str, deadline: float) -> None:
        try:
            octets = self._more(deadline)
        except socket.timeout:
            raise self._failure(f"wanted {wanted}; nothing came in {self.deadline} s") from None
        if not octets:
            self.has_ended = True
            raise self._failure(f"wanted {wanted}; the client had ended", ClientEnded)
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
        elif frame.type == wire.WINDOW_UPDATE:
            self._credit[frame.stream_id] += frame.increment
        if self._acknowledges:
            self._acknowledge(frame)
        self._arrived.append(Arrival(frame, None))

    def _acknowledge(self, frame: Frame) -> None:
        if frame.type in (wire.PING, wire.SETTINGS) and not frame.ack:
            payload = frame.payload if frame.type == wire.PING else b""
            self.write(wire.frame(frame.type, wire.ACK, 0, payload))

    def _decoded(self) -> Arrival:
        first = self._open[0]
        block = b"".join(part.block for part in self._open)
        self._open = []
        try:
            decoded = list(self.decoder.decode(block, raw=True))
        except self._hpack_error as error:
            raise self._failure(f"the field block of {first!r} does not decode: {error}") from error
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in decoded]
        never = tuple(
            name
            for (name, _), field in zip(fields, decoded)
            if isinstance(field, self._never_indexed_kind)
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
                and not comes_beside(frame)
                and stream_id in (None, frame.stream_id)
                and (code is None or frame.error_code == code)
            )

        def passes(frame: Frame) -> bool:
            other = stream_id and frame.stream_id and stream_id != frame.stream_id
            return bool(other) or comes_beside(frame)

        return self._take(self._find(words_for(type, stream_id, code), accepts, passes))

    def _want_beside(self, wanted: str, accepts: Callable[[Frame], bool]) -> Frame:
        """A frame of those that may come at any time, wherever it is in the queue."""
        return self._take(
            self._find(wanted, accepts, lambda frame: frame.type != wire.GOAWAY)
        ).frame
