"""Promises: what a server announces to send unasked, and how much of it is held (RFC 9113, 8.4).

A promise waits in ``Endpoint.promises`` until the caller claims it.  Where there is no room for one
more, the oldest that nobody has claimed gives way, unless it came with the same request: a page
whose pushes nobody asks for must not end those of the pages after it.

The functions take the endpoint, as those in ``receivers.py`` do.  Lock held for every call.
"""

from __future__ import annotations

from collections import deque

from ..errors import ConnectionFault, ErrorCode
from . import messages, states
from .flow.windows import ReceiveWindow
from .limits import MAX_FIELDS_HELD, MAX_PROMISES_HELD
from .states import CANCELLED, HALF_CLOSED_LOCAL, OPEN, RESERVED_REMOTE, WITHHELD
from .stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fields import Fields
    from .endpoint import Endpoint


def require_parent(endpoint: Endpoint, stream_id: int) -> None:
    """Raise ConnectionFault if no promise may come on this stream now (6.6)."""
    state = endpoint.state_of(stream_id)
    if state not in (OPEN, HALF_CLOSED_LOCAL, WITHHELD, CANCELLED):
        raise ConnectionFault(
            ErrorCode.PROTOCOL_ERROR,
            f"PUSH_PROMISE on stream {stream_id}, which is {states.STATE_NAMES[state]}"
            " (RFC 9113, 6.6)",
        )


def receive_promise(endpoint: Endpoint, stream_id: int, promised_id: int, section: Fields) -> None:
    """A promise came with the request on stream_id: hold it for the caller, or refuse it (8.4)."""
    if not endpoint.max_pushes or endpoint.state_of(stream_id) == CANCELLED:
        endpoint.send_rst_stream(promised_id, ErrorCode.CANCEL)
        return
    request = messages.promised_request(section, promised_id, endpoint.covers)
    size = messages.section_size(section)
    if not _make_room(endpoint, stream_id, size):
        endpoint.send_rst_stream(promised_id, ErrorCode.REFUSED_STREAM)
        return
    stream = Stream(promised_id, RESERVED_REMOTE, request.method, section)
    stream.window = ReceiveWindow.create(
        endpoint.initial_receive_window, endpoint.window_manager, promised_id, endpoint.budget
    )
    stream.promised_request = request
    stream.fields_held = size
    endpoint.streams[promised_id] = stream
    endpoint.pushes_open += 1
    endpoint.promises.setdefault(stream_id, deque()).append(stream)
    endpoint.changed_streams.append(stream_id)


def count_section(endpoint: Endpoint, stream: Stream, section: Fields) -> None:
    """A section of a promised response came: what nobody has claimed may give way for it."""
    stream.fields_held += messages.section_size(section)
    while fields_held(endpoint) > MAX_FIELDS_HELD:
        if not _drop_oldest(endpoint, but_of=0, must_be_open=False):
            return


def fields_held(endpoint: Endpoint) -> int:
    """Octets of sections that are held on the peer's account alone, as 6.5.2 counts them."""
    streams = endpoint.streams
    held = sum([stream.fields_held for stream in streams.values()])
    for queue in endpoint.promises.values():
        held += sum([stream.fields_held for stream in queue if stream.id not in streams])
    return held


def _make_room(endpoint: Endpoint, stream_id: int, size: int) -> bool:
    """True if there is room for one more promise, perhaps after the oldest ones were dropped."""
    while True:
        is_full = endpoint.pushes_open >= endpoint.max_pushes
        if not (
            is_full
            or sum(map(len, endpoint.promises.values())) >= MAX_PROMISES_HELD
            or fields_held(endpoint) + size > MAX_FIELDS_HELD
        ):
            return endpoint.budget.has_room(endpoint.initial_receive_window)
        if not _drop_oldest(endpoint, but_of=stream_id, must_be_open=is_full):
            return False


def _drop_oldest(endpoint: Endpoint, *, but_of: int, must_be_open: bool) -> bool:
    """Drop the oldest promise that nobody has claimed; False if there is no such promise."""
    for parent_id, queue in endpoint.promises.items():
        for stream in queue if parent_id != but_of else ():
            if not must_be_open or stream.id in endpoint.streams:
                queue.remove(stream)
                if not queue:
                    del endpoint.promises[parent_id]
                endpoint.drop(stream)
                return True
    return False


# Functions that Endpoint takes as its methods.


def may_bring_promises(endpoint: Endpoint, stream_id: int) -> bool:
    """True if promises may still come with a request before its content is read."""
    stream = endpoint.streams.get(stream_id)
    if stream is None or stream.is_over:
        return False
    return stream.head is None or stream.window_size > 0


def claim_promises(endpoint: Endpoint, stream_id: int) -> list[Stream]:
    """The promises that came with a request so far; each is given out once (8.4)."""
    return list(endpoint.promises.pop(stream_id, ()))


def refuse_promises(endpoint: Endpoint) -> None:
    """Reset all promises that nobody has claimed, and free what came of them (8.4)."""
    while _drop_oldest(endpoint, but_of=0, must_be_open=False):
        pass
