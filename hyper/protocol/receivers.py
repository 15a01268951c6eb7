"""Receivers: one function a frame type, for what the peer sends (RFC 9113, 6).

Each is called by ``Endpoint.receive`` with the frame's flags, stream identifier and payload (a
view, not kept).  It asks the state tables whether the frame may come now, changes the stream
that it concerns, and queues what must be answered.  A fault is raised, as StreamFault or
ConnectionFault, and judged in ``Endpoint.receive``.

At the end of the module stand the phases of a connection: tuples of receivers, indexed by frame
type.  A connection that has failed receives nothing (``Endpoint.receive``).

=========== ============================================ =====================================
PREFACE     SETTINGS alone                               until the peer's first SETTINGS (3.4)
RUNNING     one receiver a type; unknown ones ignored    until a block goes on, or failure
FIELD_BLOCK CONTINUATION alone                           until END_HEADERS (6.10)
=========== ============================================ =====================================
"""

from __future__ import annotations

from ..errors import (
    CompressionError,
    ConnectionFault,
    ConnectionTerminated,
    ErrorCode,
    Failure,
    FieldSectionTooLarge,
    StreamFault,
    StreamResetError,
    code_name,
    shown,
)
from . import frames, messages, promises, states
from .flow import tuning
from .flow.tuning import MEASURING, send_window_update
from .flow.windows import SendWindow
from .frames import ACK, END_HEADERS, END_STREAM, PADDED, PADDED_OR_PRIORITY
from .limits import (
    EMPTY_DATA_BURST,
    EMPTY_DATA_RATE,
    FRAGMENT_COST,
    INTERIM_BURST,
    INTERIM_RATE,
    LEAST_BLOCK_LIMIT,
    MAX_FIELDS_HELD,
    STATUS_SIZE,
    Rate,
)
from .messages import response_head
from .origins import MISDIRECTED_REQUEST, receive_altsvc, receive_misdirected, receive_origin
from .settings import SETTINGS_ENABLE_PUSH, SETTINGS_HEADER_TABLE_SIZE, SETTINGS_INITIAL_WINDOW_SIZE
from .states import (
    AWAITING,
    CANCELLED,
    CLOSED,
    IGNORE,
    RECV_DATA,
    RECV_HEADERS,
    STREAM,
    step_stream,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Callable

    from ..fields import Fields
    from .endpoint import Endpoint
    from .messages import ResponseHead
    from .stream import Stream

    Receiver = Callable[[Endpoint, int, int, memoryview], None]
    Phase = tuple[Receiver, ...]


class FieldBlock:
    """A field block that goes on in CONTINUATION frames (4.3)."""

    __slots__ = ("ends", "fragments", "promised_id", "size", "stream_id")

    def __init__(self, stream_id: int, fragment: bytes, *, ends: bool, promised_id: int) -> None:
        self.stream_id: int = stream_id
        self.fragments: list[bytes] = [fragment]
        #: octets, as the limit counts them
        self.size: int = len(fragment) + FRAGMENT_COST
        #: END_STREAM stood on the HEADERS frame
        self.ends: bool = ends
        #: the promised stream, or 0 where the block began with HEADERS
        self.promised_id: int = promised_id


def receive_data(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """DATA (6.1). HOT: once a frame (bench/receive.py, bulk; bench/counts.py, download)."""
    size = len(payload)
    # The connection's window, of which hyper's own manager is told once in many reads.
    window = endpoint.receive_window
    left = window.size - size
    if left < 0 or window.asks_on_receipt:
        increment = window.take(size)  # or it raises
        if increment:
            send_window_update(endpoint, 0, increment)
        tuning.open_connection_window(endpoint, size)
    else:
        window.size = left
        window.unsettled += size
    if flags & PADDED:
        payload = frames.unpadded(flags, payload)
    stream = endpoint.streams.get(stream_id)
    if stream is None:
        _on_absent(endpoint, stream_id, states.RECV_DATA)
        return
    if STREAM[stream.state][RECV_DATA] < IGNORE:  # else the state stays as it is
        step_stream(stream.state, RECV_DATA, stream_id)  # it raises
    increment = stream.receive_content(payload, size)
    if flags or not size:  # most frames have content and no flag
        if flags & PADDED:
            increment += stream.receive_window.pad(size - len(payload))
        if flags & END_STREAM:
            _receive_end(endpoint, stream)
            increment = 0
        elif not payload:
            _count_empty_data(endpoint, stream)
    if increment:
        send_window_update(endpoint, stream_id, increment)
    endpoint.changed_streams.append(stream_id)


def _count_empty_data(endpoint: Endpoint, stream: Stream) -> None:
    """A DATA frame came that uses no window: one a second is a heartbeat, a flood is not."""
    now = endpoint.now()
    if stream.empty_data is None:
        stream.empty_data = Rate(EMPTY_DATA_BURST, EMPTY_DATA_RATE, now)
    if not stream.empty_data.take(1, now):
        raise _flood(
            stream.id,
            f"more than {EMPTY_DATA_RATE} DATA frames a second came without content",
            "RFC 9113, 10.5",
        )


def _flood(stream_id: int, what: str, reference: str) -> StreamFault:
    """The fault of a peer that breaks no rule, and does more of something than we bear."""
    code = ErrorCode.ENHANCE_YOUR_CALM
    why = f"stream {stream_id} was reset on this side: {what} ({reference})"
    failure = Failure(StreamResetError, why, error_code=code, stream_id=stream_id)
    return StreamFault(stream_id, code, why, failure)


def receive_headers(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """HEADERS (6.2): a response, an interim one, or trailers.

    HOT: once a response (bench/receive.py, small).
    """
    if flags & PADDED_OR_PRIORITY:
        payload = frames.parse_headers(flags, payload)
    go_on = _receive_section if flags & END_HEADERS else _begin_block
    go_on(endpoint, stream_id, bytes(payload), ends=flags & END_STREAM != 0)


def _receive_section(endpoint: Endpoint, stream_id: int, block: bytes, *, ends: bool) -> None:
    # Decoded before anything else: the compression state is the connection's (4.3).
    try:
        section = endpoint.decoder.decode_section(block)
    except CompressionError as error:
        fault = _fault_of_block(endpoint, stream_id, error)
        if isinstance(fault, StreamFault) and stream_id not in endpoint.streams:
            _on_absent(endpoint, stream_id, states.RECV_HEADERS)
        raise fault from fault.__cause__
    stream = endpoint.streams.get(stream_id)
    if stream is None:
        _on_absent(endpoint, stream_id, states.RECV_HEADERS)
        return
    state = STREAM[stream.state][RECV_HEADERS]
    if state < IGNORE:
        step_stream(stream.state, RECV_HEADERS, stream_id)  # it raises
    stream.state = state
    if stream.phase == AWAITING:
        head = response_head(section, stream_id, is_marked=endpoint.decoder.is_marked)
        if head.status >= 200:  # RFC 9110, 15: the final classes begin here
            _receive_head(endpoint, stream, head)
        else:
            stream.receive_interim(head)
            _count_interim(endpoint, stream, section)
    else:
        if stream.is_tunnel:
            raise StreamFault(
                stream_id, ErrorCode.PROTOCOL_ERROR, "HEADERS within a tunnel (RFC 9113, 8.5)"
            )
        stream.receive_trailers(messages.trailers(section, stream_id), ends=ends)
    if stream.promised_request is not None:
        promises.count_section(endpoint, stream, section)
    if ends:
        _receive_end(endpoint, stream)
    endpoint.changed_streams.append(stream_id)


def _receive_head(endpoint: Endpoint, stream: Stream, head: ResponseHead) -> None:
    stream.receive_head(head)
    if head.status == MISDIRECTED_REQUEST:
        receive_misdirected(endpoint, stream)
    window, size = stream.window, stream.content_length
    if window is not None:
        window.is_begun, window.document_size = True, size
    if size is not None and size > (stream.room if window is None else window.size):
        tuning.grow_expected_window(endpoint, stream)


def _count_interim(endpoint: Endpoint, stream: Stream, section: Fields) -> None:
    """An interim response came: many are right (RFC 9110, 15.2), and the latest are kept."""
    now = endpoint.now()
    size = messages.section_size(section)
    if stream.interim is None:
        # One section that is as large as this side has announced is welcome.
        burst = max(INTERIM_BURST, endpoint.decoder.max_list_size)
        stream.interim = Rate(burst, INTERIM_RATE, now)
    burst = stream.interim.burst
    if not stream.interim.take(size, now):
        raise _flood(
            stream.id,
            f"its interim responses took more than {burst} octets, and {INTERIM_RATE} a second",
            "RFC 9110, 15.2; RFC 9113, 10.5",
        )
    kept = stream.informational
    stream.fields_held += size
    while len(kept) > 1 and (
        stream.fields_held > burst or promises.fields_held(endpoint) > MAX_FIELDS_HELD
    ):
        stream.fields_held -= messages.section_size(kept.pop(0).fields) + STATUS_SIZE


def _receive_end(endpoint: Endpoint, stream: Stream) -> None:
    """END_STREAM, after the frame that carries it (8.1)."""
    stream.end_window()
    stream.end()
    if stream.state == CLOSED:
        endpoint.close_stream(stream)
    elif stream.state == CANCELLED:  # the rest of the request was withheld
        endpoint.close_cancelled(stream, ErrorCode.CANCEL)


def receive_priority(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """PRIORITY (6.3): deprecated; only its form is checked."""
    if stream_id == 0:
        raise _not_on_stream_0("PRIORITY", "6.3")
    if len(payload) != 5:
        why = f"PRIORITY of {len(payload)} octets, not 5 (RFC 9113, 6.3)"
        # A stream error, but an idle stream cannot be reset (6.4).
        if endpoint.state_of(stream_id) == states.IDLE:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, why)
        raise StreamFault(stream_id, ErrorCode.FRAME_SIZE_ERROR, why)


def receive_rst_stream(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """RST_STREAM (6.4)."""
    code = frames.parse_rst_stream(payload)
    stream = endpoint.streams.get(stream_id)
    if stream is None:
        _on_absent(endpoint, stream_id, states.RECV_RST)
        return
    if not stream.receive_reset(code):
        stream.failure = Failure(
            StreamResetError,
            f"the peer reset stream {stream_id} with {code_name(code)} (RFC 9113, 6.4)",
            error_code=code,
            stream_id=stream_id,
        )
    endpoint.close_stream(stream)


def receive_settings(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """SETTINGS (6.5), or the acknowledgement of ours."""
    if stream_id:
        raise _only_on_stream_0("SETTINGS", stream_id, "6.5")
    settings = frames.parse_settings(flags, payload)
    if flags & ACK:
        _receive_settings_ack(endpoint)
        return
    changed = endpoint.peer_settings.apply(settings)
    # In the order in which they stood (6.5.3). Between the first and the last
    # size, only the smallest table and the largest window make a difference.
    if SETTINGS_HEADER_TABLE_SIZE in changed:
        _, *sizes = changed[SETTINGS_HEADER_TABLE_SIZE]
        for size in dict.fromkeys((min(sizes), sizes[-1])):
            endpoint.encoder.header_table_size = size  # the next block tells both (RFC 7541, 4.2)
    if SETTINGS_INITIAL_WINDOW_SIZE in changed:
        before, *sizes = changed[SETTINGS_INITIAL_WINDOW_SIZE]
        now, largest = sizes[-1], max(sizes)
        for stream in endpoint.streams.values():
            if stream.send_window:
                stream.send_window.shift(largest - before)  # which may be beyond 2^31-1
                stream.send_window.shift(now - largest)
        endpoint.changed_streams.extend(endpoint.streams)
    endpoint.send_ack(frames.SETTINGS_ACK)
    endpoint.changed_streams.append(0)


def _receive_settings_ack(endpoint: Endpoint) -> None:
    """Put our settings in force: from now on the peer must keep to the smaller ones (6.5.3)."""
    before, endpoint.initial_receive_window = (
        endpoint.initial_receive_window,
        endpoint.stream_window,
    )
    changes = endpoint.local_settings.acknowledge()
    tuning.guess_round_trip(endpoint)
    endpoint.changed_streams.append(0)
    if endpoint.stream_window < before:
        for stream in list(endpoint.streams.values()):
            tuning.attempt(endpoint, stream.receive_window.shift, endpoint.stream_window - before)
    if SETTINGS_HEADER_TABLE_SIZE in changes:
        endpoint.decoder.header_table_size = changes[SETTINGS_HEADER_TABLE_SIZE]


def receive_first_settings(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """The server connection preface (3.4)."""
    if flags & ACK:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            "the peer's first frame acknowledges SETTINGS instead of bringing its own"
            " (RFC 9113, 3.4)",
        )
    endpoint.receivers = RUNNING
    receive_settings(endpoint, flags, stream_id, payload)


def receive_push_promise(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """PUSH_PROMISE (6.6, 8.4)."""
    if not endpoint.local_settings[SETTINGS_ENABLE_PUSH]:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE though push is off (RFC 9113, 8.4)"
        )
    if stream_id % 2 == 0:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"PUSH_PROMISE on stream {stream_id}, which is not a request of ours (RFC 9113, 6.6)",
        )
    promised_id, fragment = frames.parse_push_promise(flags, payload)
    if promised_id % 2 or promised_id <= endpoint.highest_promised:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"stream {promised_id} promised after {endpoint.highest_promised} (RFC 9113, 5.1.1)",
        )
    endpoint.highest_promised = promised_id
    if flags & END_HEADERS:
        _receive_promise(endpoint, stream_id, bytes(fragment), promised_id)
    else:
        _begin_block(endpoint, stream_id, bytes(fragment), promised_id=promised_id)


def _receive_promise(endpoint: Endpoint, stream_id: int, block: bytes, promised_id: int) -> None:
    try:
        section = endpoint.decoder.decode_section(block)
    except CompressionError as error:
        fault = _fault_of_block(endpoint, promised_id, error)
        if isinstance(fault, StreamFault):
            promises.require_parent(endpoint, stream_id)
        raise fault from fault.__cause__
    promises.require_parent(endpoint, stream_id)
    promises.receive_promise(endpoint, stream_id, promised_id, section)


def receive_ping(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """PING (6.7): answered at once."""
    if stream_id:
        raise _only_on_stream_0("PING", stream_id, "6.7")
    opaque = frames.parse_ping(payload)
    if not flags & ACK:
        endpoint.send_ack(frames.pack_ping(opaque, ack=True))
    elif opaque in endpoint.pings:
        endpoint.pings[opaque] = True
        endpoint.changed_streams.append(0)
    elif opaque == MEASURING:
        tuning.end_measurement(endpoint)


def receive_goaway(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """GOAWAY (6.8): the streams that it covers go on; the peer did not process the others."""
    if stream_id:
        raise _only_on_stream_0("GOAWAY", stream_id, "6.8")
    last, code, debug = frames.parse_goaway(payload)
    if endpoint.goaway and last > endpoint.goaway[0]:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"GOAWAY raises the last stream from {endpoint.goaway[0]} to {last} (RFC 9113, 6.8)",
        )
    endpoint.goaway = (last, code, debug)
    endpoint.accepts_requests = False
    words = f" ({shown(debug)})" if debug else ""
    for stream in list(endpoint.streams.values()):
        if stream.id > last and stream.id % 2 and not stream.is_over:
            failure = Failure(
                ConnectionTerminated,
                f"the peer said GOAWAY with {code_name(code)}{words} before it processed stream"
                f" {stream.id}: the request may be sent again (RFC 9113, 6.8)",
                error_code=code,
                stream_id=stream.id,
                last_stream_id=last,
                debug_data=debug,
                retryable=True,
            )
            stream.fail(failure)
            endpoint.close_stream(stream)
    endpoint.changed_streams.append(0)


def receive_window_update(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """WINDOW_UPDATE (6.9)."""
    increment = frames.parse_window_update(payload)
    if stream_id == 0:
        endpoint.send_window.grow(increment)
    else:
        stream = endpoint.streams.get(stream_id)
        if stream is None:
            _on_absent(endpoint, stream_id, states.RECV_WINDOW_UPDATE)
            return
        if STREAM[stream.state][states.RECV_WINDOW_UPDATE] < IGNORE:  # else the state stays
            step_stream(stream.state, states.RECV_WINDOW_UPDATE, stream_id)  # it raises
        # A request without content has no window; the frame is checked all the same.
        window = stream.send_window or SendWindow(0, stream_id)
        window.grow(increment)
    endpoint.changed_streams.append(stream_id)


def receive_continuation(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """CONTINUATION of the block under way (6.10)."""
    block = endpoint.block
    if block is None or stream_id != block.stream_id:
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"CONTINUATION on stream {stream_id} within another field block (RFC 9113, 6.10)",
        )
    block.fragments.append(bytes(payload))
    block.size += len(payload) + FRAGMENT_COST
    if block.size > max(LEAST_BLOCK_LIMIT, 2 * endpoint.decoder.max_list_size):
        size = sum(map(len, block.fragments))
        raise ConnectionFault(
            ErrorCode.ENHANCE_YOUR_CALM,
            f"a field block on stream {stream_id} of {len(block.fragments)} frames and {size}"
            " octets, and no end: our SETTINGS_MAX_HEADER_LIST_SIZE is"
            f" {endpoint.decoder.max_list_size} (RFC 9113, 10.5.1)",
        )
    if flags & END_HEADERS:
        endpoint.block = None
        endpoint.receivers = RUNNING
        octets = b"".join(block.fragments)
        if block.promised_id:
            _receive_promise(endpoint, stream_id, octets, block.promised_id)
        else:
            _receive_section(endpoint, stream_id, octets, ends=block.ends)


def _begin_block(
    endpoint: Endpoint, stream_id: int, fragment: bytes, *, ends: bool = False, promised_id: int = 0
) -> None:
    endpoint.block = FieldBlock(stream_id, fragment, ends=ends, promised_id=promised_id)
    endpoint.receivers = FIELD_BLOCK


def receive_priority_update(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """PRIORITY_UPDATE: refused, because only a client may send it (RFC 9218, 7.1)."""
    prioritized, _ = frames.parse_priority_update(payload)
    raise ConnectionFault(
        ErrorCode.PROTOCOL_ERROR,
        f"a server sent PRIORITY_UPDATE, for stream {prioritized} (RFC 9218, 7.1)",
    )


def receive_unknown(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """Do nothing: frames of unknown types are ignored (4.1, 5.5)."""


def receive_within_block(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """Refuse any other frame than CONTINUATION within a field block (6.10)."""
    raise ConnectionFault(
        ErrorCode.PROTOCOL_ERROR,
        f"a frame on stream {stream_id} within a field block (RFC 9113, 6.10)",
    )


def receive_stray_continuation(
    endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview
) -> None:
    """Refuse CONTINUATION if no block is under way (6.10)."""
    raise ConnectionFault(
        ErrorCode.PROTOCOL_ERROR,
        f"CONTINUATION on stream {stream_id} that continues nothing (RFC 9113, 6.10)",
    )


def _fault_of_block(
    endpoint: Endpoint, stream_id: int, error: CompressionError
) -> StreamFault | ConnectionFault:
    """The fault of a field block; a section that is too large ends its stream alone (10.5.1)."""
    if not isinstance(error, FieldSectionTooLarge):
        broken = ConnectionFault(ErrorCode.COMPRESSION_ERROR, str(error))
        broken.__cause__ = error
        return broken
    code = ErrorCode.ENHANCE_YOUR_CALM
    why = (
        f"the field section that the server sent on stream {stream_id} takes more than"
        f" SETTINGS_MAX_HEADER_LIST_SIZE, {endpoint.decoder.max_list_size} octets, which this"
        " side announced: announce more by settings= (RFC 9113, 6.5.2, 10.5.1)"
    )
    failure = Failure(
        FieldSectionTooLarge, why, cuts_content=False, error_code=code, stream_id=stream_id
    )
    return StreamFault(stream_id, code, why, failure)


def _on_absent(endpoint: Endpoint, stream_id: int, event: int) -> None:
    """Judge a frame on a stream that has ended or never was: raise its fault, or drop it (5.1)."""
    step_stream(endpoint.state_of(stream_id), event, stream_id)


def oversized(size: int) -> ConnectionFault:
    """The fault of a frame header that announces more octets than we allow (4.2)."""
    return ConnectionFault(
        ErrorCode.FRAME_SIZE_ERROR,
        f"a frame of {size} octets, beyond our SETTINGS_MAX_FRAME_SIZE (RFC 9113, 4.2)",
    )


def _not_on_stream_0(name: str, section: str) -> ConnectionFault:
    return ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{name} on stream 0 (RFC 9113, {section})")


def _only_on_stream_0(name: str, stream_id: int, section: str) -> ConnectionFault:
    return ConnectionFault(
        ErrorCode.PROTOCOL_ERROR,
        f"{name} on stream {stream_id}, not on the connection's 0 (RFC 9113, {section})",
    )


# ------------------------------------------------------------------------ phases


def _phase(rest: Receiver, receivers: Mapping[int, Receiver]) -> Phase:
    """A receiver for each of the 256 frame types."""
    phase = [rest] * 256  # an entry for each type of 8 bits
    for frame_type, receiver in receivers.items():
        phase[frame_type] = receiver
    return tuple(phase)


# Endpoint.receive judges the type before the length, so that no other frame comes this far.
PREFACE = _phase(receive_first_settings, {})
# fmt: off
RUNNING = _phase(
    receive_unknown,
    {
        frames.DATA:            receive_data,
        frames.HEADERS:         receive_headers,
        frames.PRIORITY:        receive_priority,
        frames.RST_STREAM:      receive_rst_stream,
        frames.SETTINGS:        receive_settings,
        frames.PUSH_PROMISE:    receive_push_promise,
        frames.PING:            receive_ping,
        frames.GOAWAY:          receive_goaway,
        frames.WINDOW_UPDATE:   receive_window_update,
        frames.CONTINUATION:    receive_stray_continuation,
        frames.ALTSVC:          receive_altsvc,
        frames.ORIGIN:          receive_origin,
        frames.PRIORITY_UPDATE: receive_priority_update,
    },
)
# fmt: on
FIELD_BLOCK = _phase(
    receive_within_block,
    {frames.CONTINUATION: receive_continuation},
)
