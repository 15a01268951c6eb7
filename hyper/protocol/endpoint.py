"""The endpoint: our side of one connection (RFC 9113), without sockets, threads or clock.

Octets go in by ``receive``, which cuts frames and calls one receiver each; the receivers change
``Stream`` objects directly and append what must be answered to ``outbound``, where the commands
(``send_request``, ``send_content``, ...) put their frames as well.  The owner of the socket
takes ``outbound`` away.  ``changed_streams`` collects the ids of streams that have news, or 0 for
the connection, so that exactly their readers are woken.

The phase of the connection *is* the tuple of receivers in use (``receivers.py``): no flag is
tested per frame.  Receivers raise ``StreamFault`` or ``ConnectionFault``; ``receive`` alone
catches them, and there scope becomes RST_STREAM or GOAWAY (5.4).  GOAWAY *from* the peer is
not a phase: no new streams may be opened, and those that the peer will not process fail.

Nothing here is thread-safe: the caller holds the connection's lock.
"""

from __future__ import annotations

import contextlib
import sys

from ..errors import (
    ConnectionFault,
    ErrorCode,
    Failure,
    LocalProtocolError,
    StreamFault,
    StreamResetError,
)
from . import frames, promises, receivers, refusals, states
from .flow import tuning
from .flow.budget import MANY_FREED, Budget
from .flow.managers import LONG_ROUND_TRIP, FlowControlManager
from .flow.windows import SendWindow, window_for_caller
from .frames import DATA, FRAME_HEADER, FRAME_HEADER_SIZE, MASK_31, SETTINGS
from .limits import MAX_CANCELLED_REMEMBERED, MAX_UNSENT_ANSWERS
from .refusals import require_connect_protocol, why_none_is_free
from .settings import (
    DEFAULTS,
    SETTINGS_ENABLE_PUSH,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
    SETTINGS_MAX_FRAME_SIZE,
    SETTINGS_NO_RFC7540_PRIORITIES,
    LocalSettings,
    PeerSettings,
)
from .states import CANCELLED, CLOSED, IDLE, LOCAL_OPEN, OPENED, OPENED_ENDED, step_stream
from .stream import NO_ROOM, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable, Mapping
    from typing import Callable, ClassVar
    from weakref import ref

    from ..fields import Fields
    from ..hpack import Decoder, Encoder
    from .flow.managers import WindowManager
    from .flow.windows import ReceiveWindow
    from .receivers import FieldBlock, Phase

#: Requests that go out before the peer's SETTINGS are known: it may allow only a few.
STREAMS_BEFORE_SETTINGS = 1
#: Octets of content that one call of send_content takes, so that uploads take turns. On PyPy twice
#: as many take an eighth more of the processor's time.
SEND_BURST = (64 if sys.implementation.name == "pypy" else 128) * 1024
LAST_STREAM_ID = 2**31 - 1


class Endpoint:
    """The client's end of an HTTP/2 connection. Lock held for every call.

    settings: what we announce, {identifier: value}.
    window_manager: class of the receive windows' managers; connection_window: octets.
    unread_limit: octets of content that the peer may have us hold, what it may still send included;
    former: references to the budgets of connections before this one, which count in it.
    now(): a moment in seconds; asked only while the path is measured.
    covers(scheme, authority): whether the peer may push for that origin (10.1).
    by_alpn: True if TLS settled that HTTP/2 is spoken (3.2), for messages.
    """

    # Without slots, an object of more than thirty attributes is slow.
    __slots__ = (
        "_cancelled",
        "_forgotten",
        "_unsent_answers",
        "accepts_requests",
        "alt_services",
        "block",
        "budget",
        "by_alpn",
        "changed_streams",
        "covers",
        "decoder",
        "encoder",
        "failure",
        "goaway",
        "highest_promised",
        "initial_receive_window",
        "local_settings",
        "max_frame_size",
        "max_pushes",
        "measurement",
        "next_stream_id",
        "now",
        "origin_set",
        "outbound",
        "peer_settings",
        "pings",
        "promises",
        "pushes_open",
        "receive_window",
        "receivers",
        "round_trip",
        "send_window",
        "settings_sent",
        "stream_window",
        "streams",
        "timed",
        "window_manager",
    )

    def __init__(
        self,
        settings: Mapping[int, int],
        window_manager: WindowManager,
        connection_window: int,
        *,
        encoder: Encoder,
        decoder: Decoder,
        covers: Callable[[str, str], bool],
        unread_limit: int,
        now: Callable[[], float],
        former: Iterable[ref[Budget]] = (),
        by_alpn: bool = False,
    ) -> None:
        self.by_alpn: bool = by_alpn
        self.budget: Budget = Budget(unread_limit, former)
        self.now: Callable[[], float] = now
        self.round_trip: float = 0.0  # seconds of the shortest that is known, or 0
        #: the stream that is measured, its octets of content before, and when that began
        self.measurement: tuple[Stream, int, float] | None = None
        #: a stream on a path that seems long, and when its request went out
        self.timed: tuple[Stream, float] | None = None
        self.settings_sent: float = now()
        self.encoder: Encoder = encoder
        self.decoder: Decoder = decoder
        self.covers: Callable[[str, str], bool] = covers
        self.window_manager: WindowManager = window_manager
        self.outbound: list[bytes | memoryview] = []
        self._unsent_answers = 0
        self.local_settings: LocalSettings = LocalSettings()
        self.peer_settings: PeerSettings = PeerSettings()
        self.receivers: Phase = receivers.PREFACE
        self.failure: Failure | None = None
        #: True if new requests may go out: no failure, no GOAWAY, stream ids left (5.1.1, 6.8)
        self.accepts_requests: bool = True
        #: the peer's GOAWAY: (last stream id, error code, debug data)
        self.goaway: tuple[int, int, bytes] | None = None
        self.send_window: SendWindow = SendWindow(DEFAULTS[SETTINGS_INITIAL_WINDOW_SIZE])
        self.receive_window: ReceiveWindow = window_for_caller(
            connection_window, window_manager, 0, None
        )
        self.alt_services: list[tuple[bytes, bytes]] = []  # the peer's: (origin, Alt-Svc value)
        #: {origin: ORIGIN has named it, no 421 has taken it away}; None until an ORIGIN frame came
        self.origin_set: dict[bytes, bool] | None = None
        #: pings of ours, {opaque octets: whether the acknowledgement has come}
        self.pings: dict[bytes, bool] = {}
        self.streams: dict[int, Stream] = {}
        self.next_stream_id: int = 1
        #: promises that nobody has claimed, by the id of the request they came with
        self.promises: dict[int, deque[Stream]] = {}
        self.highest_promised: int = 0
        self.pushes_open: int = 0  # counted: a pool asks without the lock, and may iterate nothing
        self._cancelled: dict[int, None] = {}
        #: the youngest identifier, even and odd, that was remembered there and is not any more
        self._forgotten = [0, 0]
        #: ids of streams with news since the last look; 0 for the connection
        self.changed_streams: list[int] = []
        self.block: FieldBlock | None = None  # what the frame under way has begun
        self._send_preface(settings, connection_window)

    def _send_preface(self, settings: Mapping[int, int], connection_window: int) -> None:
        """The client connection preface, our limits, and the connection's window (3.4, 6.9.2)."""
        self.local_settings.announce(settings)
        self.outbound.append(frames.CONNECTION_PREFACE + frames.pack_settings(settings.items()))
        announced = {**DEFAULTS, **settings}
        self.max_frame_size: int = announced[SETTINGS_MAX_FRAME_SIZE]
        self.stream_window: int = announced[SETTINGS_INITIAL_WINDOW_SIZE]
        #: what a new stream begins with: until the peer has acknowledged ours, it may still use
        #: the old window if that is larger (6.9.3)
        default = DEFAULTS[SETTINGS_INITIAL_WINDOW_SIZE]
        self.initial_receive_window: int = max(self.stream_window, default)
        pushes = announced[SETTINGS_MAX_CONCURRENT_STREAMS]
        self.max_pushes: int = pushes if announced[SETTINGS_ENABLE_PUSH] else 0
        if connection_window > default:
            tuning.send_window_update(self, 0, connection_window - default)

    # Our windows, see flow/tuning.py.
    consume: ClassVar[Callable[[Endpoint, Stream, int], None]] = tuning.consume
    grow_blocked_window: ClassVar[Callable[[Endpoint, Stream], bool]] = tuning.grow_blocked_window
    grow_idle_window: ClassVar[Callable[[Endpoint, Stream], None]] = tuning.grow_idle_window
    tell_round_trip: ClassVar[Callable[[Endpoint, float], None]] = tuning.tell_round_trip

    # --------------------------------------------------------------- octets in

    def receive(self, octets: memoryview) -> int:
        """Take the whole frames at the beginning of octets; returns how many octets that was.

        The view is not kept. HOT: once a read, its loop once a frame (bench/receive.py).
        """
        if self.failure:
            return len(octets)
        # Those that one read brings are answered together, so what is left of earlier ones counts.
        if self._unsent_answers > MAX_UNSENT_ANSWERS:
            self._send_goaway_for(refusals.fault_of_answers(self._unsent_answers))
            return len(octets)
        unpack, largest, window = FRAME_HEADER.unpack_from, self.max_frame_size, self.receive_window
        start, end = 0, len(octets)
        if self.receivers is receivers.PREFACE and end >= 4 and octets[3] != SETTINGS:
            fault = refusals.fault_of_preface(self, octets)
            if fault is not None:
                self._send_goaway_for(fault)
            return end if fault else 0
        while end - start >= FRAME_HEADER_SIZE:
            header = word, flags, stream_id = unpack(octets, start)
            size, kind, begin = word >> 8, word & 0xFF, start + FRAME_HEADER_SIZE
            stop = begin + size
            try:
                if size > largest:
                    raise receivers.oversized(size)
                if stop > end:
                    break
                if kind == DATA and not flags and self.receivers is receivers.RUNNING:
                    stream = self.streams.get(stream_id)
                    if stream is not None:
                        run = stream.receive_run(octets, begin, header, window)
                        if run:
                            self.changed_streams.append(stream_id)
                            start = run
                            continue
                self.receivers[kind](self, flags, stream_id & MASK_31, octets[begin:stop])
            except StreamFault as fault:
                fault.stream_id = fault.stream_id or stream_id & MASK_31
                self.send_reset_for(fault)
            except ConnectionFault as fault:
                self._send_goaway_for(fault)
                return end
            start = stop
        if window.unsettled > window.most_unsettled:
            tuning.settle(self)
        return start

    def receive_eof(self) -> None:
        """The peer closed its side: fail all that is not complete."""
        if self.failure:
            return
        self.fail(refusals.failure_at_eof(self))

    # ----------------------------------------------------- the life of streams

    def state_of(self, stream_id: int) -> int:
        """The state of any stream id, of those that have ended too (5.1)."""
        stream = self.streams.get(stream_id)
        if stream is not None:
            return stream.state
        if stream_id in self._cancelled or 0 < stream_id <= self._forgotten[stream_id % 2]:
            return CANCELLED
        opened = stream_id <= self.highest_promised
        if stream_id % 2:
            opened = stream_id < self.next_stream_id
        return CLOSED if opened and stream_id else IDLE

    def close_stream(self, stream: Stream) -> None:
        """Forget a closed stream; what was received of it stays with those who hold it."""
        if stream.room != NO_ROOM or stream.window is not None:  # else END_STREAM has ended it
            with contextlib.suppress(StreamFault):  # the stream has ended already
                stream.end_window()
        del self.streams[stream.id]
        if stream.id % 2 == 0:
            self.pushes_open -= 1
        self.changed_streams.append(stream.id)
        self.changed_streams.append(0)

    def send_reset_for(self, fault: StreamFault) -> None:
        """Reset the stream that a fault concerns, and tell its caller (5.4.2)."""
        stream = self.streams.get(fault.stream_id)
        if stream is None:
            # "The first stream error reported for a given stream prevents any other" (5.4).
            if self.state_of(fault.stream_id) != CANCELLED:
                self.send_rst_stream(fault.stream_id, fault.code)
            return
        if stream.failure is None:
            stream.failure = fault.failure
        self._cancel(stream, fault.code)

    def _cancel(self, stream: Stream, code: ErrorCode) -> None:
        stream.state = step_stream(stream.state, states.SEND_RST, stream.id)
        self.close_cancelled(stream, code)

    def close_cancelled(self, stream: Stream, code: ErrorCode) -> None:
        """Send the RST_STREAM that a step to CANCELLED obliges us to (states.py)."""
        self.send_rst_stream(stream.id, code)
        self.close_stream(stream)

    def send_rst_stream(self, stream_id: int, code: ErrorCode) -> None:
        """Reset a stream, and remember that we did (6.4)."""
        self._cancelled[stream_id] = None
        if len(self._cancelled) > MAX_CANCELLED_REMEMBERED:
            oldest = next(iter(self._cancelled))
            del self._cancelled[oldest]
            self._forgotten[oldest % 2] = max(self._forgotten[oldest % 2], oldest)
        self._unsent_answers += 1
        self.outbound.append(frames.pack_rst_stream(stream_id, code))

    def _send_goaway_for(self, fault: ConnectionFault) -> None:
        why = str(fault)
        self.outbound.append(
            frames.pack_goaway(self.highest_promised, fault.code, why.encode()[:256])
        )
        self.fail(fault.failure or Failure.of_peer(fault.code, why))

    def fail(self, failure: Failure) -> None:
        """End the connection and its streams; octets that still come are dropped."""
        if self.failure:
            return
        self.failure = failure
        self.accepts_requests = False
        for stream in list(self.streams.values()):
            stream.fail(failure)
            self.close_stream(stream)

    # -------------------------------------------------------------- octets out

    def send_ack(self, frame: bytes) -> None:
        """Answer PING or SETTINGS (6.5.3, 6.7)."""
        self._unsent_answers += 1
        self.outbound.append(frame)

    def take_outbound(self) -> bytes:
        """All octets to send, in order, in one piece; they are the caller's now."""
        pieces, self.outbound = self.outbound, []
        octets = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._unsent_answers = 0
        return bytes(octets)

    def may_open_stream(self) -> bool:
        """True if one more request is within the peer's limit and our budget (5.1.2)."""
        peer = self.peer_settings
        limit = peer.values[SETTINGS_MAX_CONCURRENT_STREAMS]
        if not peer.received:
            limit = STREAMS_BEFORE_SETTINGS
        if len(self.streams) - self.pushes_open >= limit:
            return False
        budget, window = self.budget, self.initial_receive_window
        # Notes of what was read make its sum smaller. Mostly it fits without them, and no call.
        if (
            budget.in_use + window > budget.limit
            or len(budget.freed) >= MANY_FREED
            or budget.former
        ):
            return budget.has_room(window)
        return True

    def may_open_stream_or_never(self) -> bool:
        """True if a stream can be opened now, or never can be: the wait is over either way."""
        return self.may_open_stream() or not self.accepts_requests

    def has_settings_or_never(self) -> bool:
        """True if the peer's SETTINGS have come, or never will."""
        return self.peer_settings.received or not self.accepts_requests

    why_none_is_free = why_none_is_free  # see refusals.py
    require_connect_protocol = require_connect_protocol

    def adopt_upgraded(self, method: str, section: Fields = ()) -> Stream:
        """Stream 1, whose request went out in HTTP/1.1 before the protocol was changed.

        "[...] stream 1 is implicitly 'half-closed' from the client toward the server" (RFC 7540,
        3.2; kept by 5.1.1 as a possibility).
        """
        stream = Stream(self.next_stream_id, states.HALF_CLOSED_LOCAL, method, section)
        self.next_stream_id += 2
        size = self.initial_receive_window
        if self.window_manager is FlowControlManager:
            stream.reserve(size, self.budget)
        else:
            stream.window = window_for_caller(size, self.window_manager, stream.id, self.budget)
        self.streams[stream.id] = stream
        return stream

    def send_request(
        self, section: Fields, method: str, *, end_stream: bool, stream_id: int = 0
    ) -> Stream:
        """Do as ``open_stream``, or raise LocalProtocolError if none may be opened (5.1.2)."""
        if not (self.may_open_stream() and self.accepts_requests):
            raise LocalProtocolError("no further stream may be opened now (RFC 9113, 5.1.2, 6.8)")
        return self.open_stream(section, method, end_stream, stream_id)

    def open_stream(
        self, section: Fields, method: str, end_stream: bool, stream_id: int = 0
    ) -> Stream:
        """Open a stream with a checked field section (8.1); the caller knows that it may.

        stream_id: the identifier that is wanted, or a greater one if it is not free (5.1.1).  The
        identifier, compression and the place in ``outbound`` are one act: the peer decodes blocks
        in the order in which they were coded (4.3). HOT: once a request (bench/clients.py, small).
        """
        if method == "CONNECT":
            protocol = dict(section).get(b":protocol")
            if protocol is not None:
                self.require_connect_protocol(protocol.decode())
        stream_id = max(stream_id, self.next_stream_id)
        size, budget, window = self.initial_receive_window, self.budget, None
        if self.window_manager is not FlowControlManager:  # a user's may raise: here it may
            window = window_for_caller(size, self.window_manager, stream_id, budget)
        block = self.encoder.encode_section(section)
        self.next_stream_id = stream_id + 2
        if stream_id >= LAST_STREAM_ID:
            self.accepts_requests = False
        stream = Stream(stream_id, OPENED_ENDED if end_stream else OPENED, method, section)
        if window is not None:
            stream.window = window
        else:  # as Stream.reserve has it
            stream.room = stream.reserved = size
            stream.budget = budget
            budget.in_use += size
            budget.shares += 1
        self.outbound.append(
            frames.pack_field_block(
                stream_id,
                block,
                self.peer_settings.values[SETTINGS_MAX_FRAME_SIZE],
                end_stream=end_stream,
            )
        )
        self.streams[stream_id] = stream
        if not end_stream:
            size = self.peer_settings.values[SETTINGS_INITIAL_WINDOW_SIZE]
            stream.send_window = SendWindow(size, stream_id)
        if self.round_trip >= LONG_ROUND_TRIP:
            # The answer to a request with content is rarely long, and may take its time.
            tuning.prepare_long_path(self, stream, is_get=end_stream and method != "HEAD")
        return stream

    def may_send(self, stream: Stream) -> bool:
        """True if content may go out on the stream now, or never will again (6.9)."""
        window = stream.send_window
        has_room = window is not None and window.size > 0 and self.send_window.size > 0
        return has_room or stream.state not in LOCAL_OPEN

    def send_content(self, stream: Stream, content: memoryview, *, end_stream: bool) -> int:
        """DATA frames of as much content as windows allow; returns how many octets (6.1, 6.9).

        The view is kept until ``outbound`` is taken.  END_STREAM goes with the last octet; with
        no content at all, alone.  0 means: wait for ``may_send``.  HOT: once a burst, its loop once
        a frame (bench/clients.py, upload).
        """
        if stream.state not in LOCAL_OPEN:
            self._require_open_request(stream)  # it raises
        window = stream.send_window
        assert window is not None  # there is one while the request is open
        size = max(0, min(len(content), window.size, self.send_window.size, SEND_BURST))
        ends = end_stream and size == len(content)
        largest = min(self.peer_settings.values[SETTINGS_MAX_FRAME_SIZE], SEND_BURST)
        outbound, start = self.outbound, 0
        if size > largest:
            header = frames.pack_data_header(largest, stream.id, end_stream=False)
            for start in range(0, size - largest, largest):
                outbound += header, content[start : start + largest]
            start += largest
        if size or ends:
            header = frames.pack_data_header(size - start, stream.id, end_stream=ends)
            outbound += header, content[start:size]
        window.size -= size
        self.send_window.size -= size
        if ends:
            self._send_end(stream)
        return size

    def send_trailers(self, stream: Stream, section: Fields) -> None:
        """A trailer section, which ends the request (8.1)."""
        self._require_open_request(stream)
        if stream.is_tunnel:
            raise LocalProtocolError(
                f"trailers on stream {stream.id}, which is a tunnel (RFC 9113, 8.5)",
                stream_id=stream.id,
            )
        stream.state = step_stream(stream.state, states.SEND_HEADERS, stream.id)
        block = self.encoder.encode_section(section)
        largest = self.peer_settings.values[SETTINGS_MAX_FRAME_SIZE]
        self.outbound.append(frames.pack_field_block(stream.id, block, largest, end_stream=True))
        self._send_end(stream)

    def _require_open_request(self, stream: Stream) -> None:
        if not stream.request_is_open:
            raise LocalProtocolError(
                f"the request on stream {stream.id} has already ended (RFC 9113, 8.1)",
                stream_id=stream.id,
            )

    def _send_end(self, stream: Stream) -> None:
        stream.state = step_stream(stream.state, states.SEND_END, stream.id)
        if stream.state == CLOSED:
            self.close_stream(stream)

    def withhold(self, stream: Stream) -> None:
        """Send no more of the request's content, as the peer's answer needs none (8.1).

        A response that is under way comes to its end; then the stream is reset.
        """
        state = step_stream(stream.state, states.WITHHOLD, stream.id)
        if state == states.IGNORE:  # the stream has ended
            return
        stream.state = state
        if state == CANCELLED:
            self.close_cancelled(stream, ErrorCode.CANCEL)

    def reprioritize(self, stream: Stream, field_value: bytes) -> bool:
        """Send PRIORITY_UPDATE; False if it would have no effect (RFC 9218, 7.1).

        That is when the response is whole, or the peer has let its first SETTINGS pass without
        saying that it takes part: then "it SHOULD stop sending PRIORITY_UPDATE" (2.1.1).
        """
        peer = self.peer_settings
        if stream.is_over or (peer.received and not peer[SETTINGS_NO_RFC7540_PRIORITIES]):
            return False
        self.outbound.append(frames.pack_priority_update(stream.id, field_value))
        return True

    def cancel(self, stream: Stream, code: ErrorCode = ErrorCode.CANCEL) -> None:
        """Reset a stream that no thread waits for any more, unless it has ended (5.4.2).

        A response that is complete can still be read. One that lacks END_STREAM alone is not reset,
        because servers count resets as attacks: its stream waits for its end, without room.
        """
        if not stream.is_over:
            self.budget.in_use -= stream.drop_content()
            stream.failure = Failure(
                StreamResetError,
                f"stream {stream.id} was cancelled on this side (RFC 9113, 5.4.2)",
                error_code=code,
                stream_id=stream.id,
            )
        if stream.id not in self.streams:
            return
        if code == ErrorCode.CANCEL and _lacks_only_its_end(stream):
            stream.read_shut = True
            with contextlib.suppress(StreamFault):  # of a user's window manager
                stream.end_window()
        else:
            self._cancel(stream, code)

    def drop(self, stream: Stream) -> None:
        """Cancel a stream that nobody will read; what is unread of it leaves the budget."""
        self.cancel(stream)
        self.budget.in_use -= stream.drop_content()
        self.changed_streams.append(0)

    # Promises, see promises.py.
    may_bring_promises: ClassVar[Callable[[Endpoint, int], bool]] = promises.may_bring_promises
    claim_promises: ClassVar[Callable[[Endpoint, int], list[Stream]]] = promises.claim_promises
    refuse_promises: ClassVar[Callable[[Endpoint], None]] = promises.refuse_promises

    def send_ping(self, opaque: bytes) -> None:
        """Ask for an acknowledgement, to be seen in ``pings`` (6.7)."""
        if len(opaque) != 8:  # the size that 6.7 gives
            raise LocalProtocolError("PING carries exactly 8 octets (RFC 9113, 6.7)")
        if opaque in self.pings:
            raise LocalProtocolError("a PING with these octets is under way (RFC 9113, 6.7)")
        self.outbound.append(frames.pack_ping(opaque))
        self.pings[opaque] = False  # behind what raises TypeError: a text would stay here

    def close(self, code: int, failure: Failure) -> None:
        """Send GOAWAY and end the connection (5.4.1, 6.8)."""
        if not self.failure:
            self.outbound.append(frames.pack_goaway(self.highest_promised, code))
            self.fail(failure)


def _lacks_only_its_end(stream: Stream) -> bool:
    """True if of an open stream all that content-length announces has come (8.1)."""
    return (
        stream.head is not None
        and not stream.request_is_open
        and not stream.is_tunnel
        and stream.content_size == stream.content_length
    )
