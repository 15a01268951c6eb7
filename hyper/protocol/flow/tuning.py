"""When an endpoint opens its windows to the peer (RFC 9113, 6.9).

``managers.py`` decides how much room to give; this module decides when to ask it.  A stream's
window is opened as its content is read, and beyond that at four moments: with the request, with the
response's head, when a measurement ends, and when a thread waits at a window that is used up.

A measurement is a PING beside a WINDOW_UPDATE: its acknowledgement comes a round trip later, and
what came meanwhile is what the path, the peer and the reader let through.  One is under way at a
time.  The protocol has no clock of its own: ``Endpoint.now`` is given to it, and read only when a
measurement begins and ends.

These are functions of an endpoint, as those in ``receivers.py`` are; ``Endpoint`` takes those that
others call as its methods.  Lock held for every call.
"""

from __future__ import annotations

import contextlib

from ...errors import StreamFault
from .. import frames
from .managers import LONG_ROUND_TRIP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..endpoint import Endpoint
    from ..stream import Stream

#: The octets of a PING that measures (6.7).
MEASURING = b"measures"
#: Seconds: a shorter time means that the clock did not tick during the measurement.
SHORTEST_ROUND_TRIP = 1e-6
#: Upper bound, in seconds, of a round trip that is measured by the SETTINGS acknowledgement: the
#: program may have been busy elsewhere.
LONGEST_GUESS = 0.25


def send_window_update(endpoint: Endpoint, stream_id: int, increment: int) -> None:
    """Let the peer send increment octets more (6.9)."""
    endpoint.outbound.append(frames.pack_window_update(stream_id, increment))


def open_connection_window(endpoint: Endpoint, size: int) -> None:
    """Give the peer room on the connection for size octets that were received (6.9)."""
    window = endpoint.receive_window
    increment = window.credit(size)
    if window.size < window.least:
        increment += window.refill()
    if increment:
        send_window_update(endpoint, 0, increment)


def settle(endpoint: Endpoint) -> None:
    """Tell the connection's manager of what was received since it was told last."""
    window = endpoint.receive_window
    size, window.unsettled = window.unsettled, 0
    open_connection_window(endpoint, size)


def consume(endpoint: Endpoint, stream: Stream, size: int) -> None:
    """Size octets of the stream were read: give the peer room again (6.9).

    HOT: once a read (bench/clients.py, download).
    """
    window = stream.receive_window
    if window.is_ended:
        endpoint.budget.in_use -= size
        return
    try:
        increment = window.credit(size)
        if increment:
            send_window_update(endpoint, stream.id, increment)
            if endpoint.measurement is None and window.wants_measure():
                endpoint.measurement = (stream, stream.content_size, endpoint.now())
                endpoint.outbound.append(frames.pack_ping(MEASURING))
    except StreamFault as fault:
        endpoint.send_reset_for(fault)


def end_measurement(endpoint: Endpoint) -> None:
    """The PING that measures was acknowledged (6.7)."""
    if endpoint.measurement is None:
        return
    stream, size, begin = endpoint.measurement
    endpoint.measurement = None
    seconds = max(endpoint.now() - begin, SHORTEST_ROUND_TRIP)
    tell_round_trip(endpoint, seconds)
    measured = stream.receive_window.measured
    _grow_window(endpoint, stream, lambda: measured(seconds, stream.content_size - size))


def guess_round_trip(endpoint: Endpoint) -> None:
    """Our SETTINGS are acknowledged: that took a round trip, or longer if the program was busy."""
    seconds = endpoint.now() - endpoint.settings_sent
    endpoint.round_trip = min(seconds, endpoint.round_trip or LONGEST_GUESS)


def prepare_long_path(endpoint: Endpoint, stream: Stream, *, is_get: bool) -> None:
    """A request goes out on a path that seems long: tell its manager, and have it give room.

    It may be too long a guess: the peer or the program was busy when it was made. An answer that
    came sooner shows that, as it takes a round trip at least. Without this, every request of the
    connection would come here.
    """
    now = endpoint.now()
    if endpoint.timed is None:
        endpoint.timed = (stream, now)
    elif endpoint.timed[0].head is not None:
        seconds = max(now - endpoint.timed[1], SHORTEST_ROUND_TRIP)
        endpoint.timed = (stream, now)
        if seconds < endpoint.round_trip:
            tell_round_trip(endpoint, seconds)
    if endpoint.round_trip < LONG_ROUND_TRIP:
        endpoint.timed = None
        return
    attempt(endpoint, stream.receive_window.tell_round_trip, endpoint.round_trip)
    if is_get:
        grow_expected_window(endpoint, stream)


def grow_expected_window(endpoint: Endpoint, stream: Stream) -> None:
    """Ask a stream's manager for room before content comes."""
    _grow_window(endpoint, stream, stream.receive_window.expected)


def grow_blocked_window(endpoint: Endpoint, stream: Stream) -> bool:
    """Ask a stream's manager for room because its window is used up and a thread waits.

    False if it gave none, and may be asked again.
    """
    return _grow_window(endpoint, stream, stream.receive_window.blocked)


def grow_idle_window(endpoint: Endpoint, stream: Stream) -> None:
    """Ask a stream's manager for room because the peer is silent though it may send."""
    _grow_window(endpoint, stream, stream.receive_window.idle)


def _grow_window(endpoint: Endpoint, stream: Stream, hook: Callable[[], int]) -> bool:
    """Announce what a hook gives beyond what was read; False if that is nothing."""
    if stream.is_over:
        return False
    try:
        increment = hook()
    except StreamFault as fault:
        endpoint.send_reset_for(fault)
        return True
    if increment:
        send_window_update(endpoint, stream.id, increment)
    return increment > 0


def tell_round_trip(endpoint: Endpoint, seconds: float) -> None:
    """A round trip was measured: let every window manager know the shortest."""
    seconds = endpoint.round_trip = min(seconds, endpoint.round_trip or seconds)
    with contextlib.suppress(StreamFault):  # the connection goes on without its manager
        endpoint.receive_window.tell_round_trip(seconds)
    for stream in list(endpoint.streams.values()):
        if not stream.is_over:
            attempt(endpoint, stream.receive_window.tell_round_trip, seconds)


def attempt(endpoint: Endpoint, step: Callable[[Any], None], argument: Any) -> None:
    """Take a step whose fault is one stream's: reset that stream, and nothing else (5.4.2)."""
    try:
        step(argument)
    except StreamFault as fault:
        endpoint.send_reset_for(fault)
