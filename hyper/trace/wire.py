"""From the frames of one connection to the events of its requests (RFC 9113, 8.1).

A ``Wire`` is told of the octets that enter and leave. It knows of each stream no more than which
message comes next, and nothing of the endpoint.
"""

from __future__ import annotations

from collections import deque

from ..protocol import frames
from . import events
from .cutter import Cutter, make
from .watch import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .tracers import Begun
    from .watch import Watch

    #: of the frame with which a field block begins: type, flags, content
    Block = tuple[int, int, Mapping[str, Any]]

#: PINGs without an answer whose moments are kept.
MAX_PINGS = 64

#: The frames that have an event of their own in both directions.
TOLD = frozenset((frames.RST_STREAM, frames.GOAWAY, frames.PING))
#: The frames that a field block takes (4.3).
WITH_BLOCK = frozenset((frames.HEADERS, frames.CONTINUATION, frames.PUSH_PROMISE))

# A stream's memory is the sum of these.
REQUEST_ENDED, RESPONSE_ENDED = 1, 2
BOTH_ENDED = REQUEST_ENDED | RESPONSE_ENDED


class Wire:
    """Tells of the frames, requests and responses of one connection. The lock is held.

    watch: who is told. number: of the connection.
    """

    def __init__(self, watch: Watch, number: int) -> None:
        self.watch = watch
        self.number = number
        #: what a call has to tell, before it is told
        self._found: list[events.Event] = []
        self._tell = self._found.append
        wants = {"wants_secrets": watch.wants_secrets, "wants_content": watch.wants_content}
        sent = events.FrameSent, events.RequestContent
        self._sent = Cutter(number, sent, self._found, self._note_sent, **wants)
        received = events.FrameReceived, events.Content
        self._received = Cutter(number, received, self._found, self._note_received, **wants)
        self._has_begun = False
        self._streams: dict[int, int] = {}
        #: the frame with which a field block has begun that goes on, sent and received
        self._blocks: list[Block | None] = [None, None]
        self._pings: dict[bytes, float] = {}
        #: of requests whose HEADERS frames are about to leave, in that order: the moment at which
        #: each was queued, how often it was sent, and whether tracers know it
        self.queued: deque[tuple[float, int, Begun | None]] = deque()
        #: of both directions, sent and received
        self.octets: list[int] = [0, 0]
        self.frames: list[int] = [0, 0]
        self.resets: list[int] = [0, 0]
        self.pings: list[int] = [0, 0]

    # --------------------------------------------------------------- both ways

    def send(self, octets: bytes) -> None:
        """Take octets that leave."""
        self.octets[0] += len(octets)
        if not self._has_begun:
            self._has_begun = True
            octets = octets.removeprefix(frames.CONNECTION_PREFACE)
        try:
            self.frames[0] += self._sent.feed(octets, now())
            self.watch.tell_all(self._found)
        finally:
            self._found.clear()

    def receive(self, octets: memoryview) -> None:
        """Take octets that have come."""
        self.octets[1] += len(octets)
        try:
            self.frames[1] += self._received.feed(octets, now())
            self.watch.tell_all(self._found)
        finally:
            self._found.clear()

    def _whole(
        self, direction: int, kind: int, flags: int, content: Mapping[str, Any]
    ) -> Block | None:
        """Return a field block of one or several frames as one; None if it goes on (6.10)."""
        if not flags & frames.END_HEADERS:
            if kind != frames.CONTINUATION:
                self._blocks[direction] = (kind, flags, content)
            return None
        if kind != frames.CONTINUATION:
            return kind, flags, content
        begun, self._blocks[direction] = self._blocks[direction], None
        return None if begun is None else (begun[0], begun[1], {**begun[2], **content})

    # -------------------------------------------------------------------- sent

    def _note_sent(
        self, kind: int, flags: int, stream: int, content: Mapping[str, Any], moment: float
    ) -> None:
        if kind == frames.DATA:
            self._end_request(stream, moment, ())
        elif kind in WITH_BLOCK:
            whole = self._whole(0, kind, flags, content)
            if whole is not None:
                self._note_sent_fields(whole[1], stream, whole[2], moment)
        elif kind in TOLD:
            self._note_both(kind, flags, stream, content, moment, by_peer=False)

    def _note_sent_fields(
        self, flags: int, stream: int, content: Mapping[str, Any], moment: float
    ) -> None:
        fields = content.get("fields", ())
        if stream in self._streams:
            self._end_request(stream, moment, fields)  # trailers
            return
        self._streams[stream] = 0
        pseudo = dict(fields)
        queued, attempt, begun = self.queued.popleft() if self.queued else (None, 1, None)
        if begun is not None and self.watch.tracing is not None:
            self.watch.tracing.adopt(self.number, stream, begun)
        self._tell(
            make(
                events.RequestSent,
                (
                    moment,
                    self.number,
                    stream,
                    pseudo.get(":method", ""),
                    pseudo.get(":scheme", ""),
                    pseudo.get(":authority", ""),
                    pseudo.get(":path", ""),
                    fields,
                    queued,
                    attempt,
                ),
            )
        )
        if flags & frames.END_STREAM:
            self._end_request(stream, moment, ())

    def _end_request(self, stream: int, moment: float, trailers: events.Fields) -> None:
        self._tell(make(events.RequestEnd, (moment, self.number, stream, trailers)))
        self._step(stream, REQUEST_ENDED)

    def _step(self, stream: int, step: int) -> None:
        state = self._streams.get(stream, 0) | step
        self._streams[stream] = state
        if state & BOTH_ENDED == BOTH_ENDED:
            del self._streams[stream]

    # ---------------------------------------------------------------- received

    def _note_received(
        self, kind: int, flags: int, stream: int, content: Mapping[str, Any], moment: float
    ) -> None:
        if kind == frames.DATA:
            self._tell(make(events.End, (moment, self.number, stream)))
            self._step(stream, RESPONSE_ENDED)
        elif kind in WITH_BLOCK:
            whole = self._whole(1, kind, flags, content)
            if whole is None:
                return
            if whole[0] == frames.PUSH_PROMISE:
                self._note_promise(stream, whole[2], moment)
            else:
                self._note_received_fields(whole[1], stream, whole[2], moment)
        elif kind in TOLD:
            self._note_both(kind, flags, stream, content, moment, by_peer=True)

    def _note_received_fields(
        self, flags: int, stream: int, content: Mapping[str, Any], moment: float
    ) -> None:
        fields = content.get("fields")
        number, tell = self.number, self._tell
        if fields is not None:
            status = fields[0][1] if fields and fields[0][0] == ":status" else ""
            if not status:
                tell(events.Trailers(moment, number, stream, fields))
            elif status[:1] == "1":
                tell(events.Informational(moment, number, stream, as_number(status), fields))
            else:
                tell(make(events.Head, (moment, number, stream, as_number(status), fields)))
        if flags & frames.END_STREAM:
            tell(make(events.End, (moment, number, stream)))
            self._step(stream, RESPONSE_ENDED)

    def _note_promise(self, stream: int, content: Mapping[str, Any], moment: float) -> None:
        promised = content.get("promised")
        fields = content.get("fields")
        if promised is None or fields is None:
            return
        self._streams[promised] = REQUEST_ENDED
        pseudo = dict(fields)
        self._tell(
            events.Push(
                moment,
                self.number,
                stream,
                promised,
                pseudo.get(":method", ""),
                pseudo.get(":scheme", ""),
                pseudo.get(":authority", ""),
                pseudo.get(":path", ""),
                fields,
            )
        )

    # -------------------------------------------------------------------- both

    def _note_both(
        self,
        kind: int,
        flags: int,
        stream: int,
        content: Mapping[str, Any],
        moment: float,
        *,
        by_peer: bool,
    ) -> None:
        """Tell of a frame that means the same in both directions."""
        if not content:
            return
        number = self.number
        if kind == frames.RST_STREAM and "error_code" in content:
            self.resets[by_peer] += 1
            self._streams.pop(stream, None)
            self._tell(events.Cancel(moment, number, stream, content["error_code"], by_peer))
        elif kind == frames.GOAWAY and "debug" in content:
            self._tell(
                events.Goaway(
                    moment,
                    number,
                    content["last_stream"],
                    content["error_code"],
                    content["debug"],
                    by_peer,
                )
            )
        elif kind == frames.PING and "opaque" in content:
            self.pings[by_peer] += 1
            opaque, acknowledges = content["opaque"], bool(flags & frames.ACK)
            round_trip = None
            if not (by_peer or acknowledges) and len(self._pings) < MAX_PINGS:
                self._pings[opaque] = moment
            elif by_peer and acknowledges and opaque in self._pings:
                round_trip = moment - self._pings.pop(opaque)
            self._tell(events.Ping(moment, number, opaque, acknowledges, by_peer, round_trip))


def as_number(status: str) -> int:
    """Return a status as a number, 0 for what is not one: the endpoint ends such a stream."""
    return int(status) if status.isdecimal() and status.isascii() else 0
