"""Reading: waits for content that hyper's own windows must not hold up (RFC 9113, 6.9)."""

from __future__ import annotations

from ..errors import TimedOut
from ..transport.deadline import NEVER, Deadline
from .waiter import ASKING_INTERVAL, LATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..protocol.stream import Stream
    from .pump import Pump
    from .waiter import Condition

#: Seconds without news after which a reader that has all that came gives room back unasked: longer
#: than most servers think, and short for a person who waits.
SILENCE = 1.0


def wait_open(pump: Pump, stream: Stream, ready: Condition, timeout: float | None) -> None:
    """Wait, as ``wait`` does, and keep the stream's receive window from being the reason.

    While the peer has used up the window, its manager is asked for room every ASKING_INTERVAL.
    """
    endpoint = pump.endpoint
    deadline = NEVER if timeout is None else Deadline(timeout)
    while not ready():
        remaining = deadline.remaining(LATE)
        if not stream.is_exhausted or endpoint.grow_blocked_window(stream):
            condition: Condition = lambda: ready() or stream.is_exhausted  # noqa: E731 - typed
            pump.wait(condition, (stream.id, 0), remaining)
            continue
        try:
            pause = ASKING_INTERVAL if remaining is None else min(remaining, ASKING_INTERVAL)
            pump.wait(ready, (stream.id, 0), pause)
        except TimedOut:
            if deadline.is_over:
                raise TimedOut(
                    f"timed out: the peer has used up the window of stream {stream.id}, and"
                    " there is no room for more: content has to be read first, or unread_limit"
                    f" ({endpoint.budget.limit} octets) to be larger, or its window manager"
                    " gives none"
                ) from None


def wait_idle(pump: Pump, stream: Stream, ready: Condition, timeout: float | None) -> None:
    """Wait, as ``wait`` does; after SILENCE, ask for room once though there is some (6.9).

    The peer may use a smaller window than the one that it has acknowledged, and wait itself.
    """
    if timeout is None or timeout > SILENCE:
        try:
            pump.wait(ready, (stream.id,), SILENCE)
        except TimedOut:
            pump.endpoint.grow_idle_window(stream)
        else:
            return
        timeout = None if timeout is None else timeout - SILENCE
    pump.wait(ready, (stream.id,), timeout)
