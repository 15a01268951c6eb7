"""Turns: a thread whose request finds no free stream waits in a queue (RFC 9113, 5.1.2)."""

from __future__ import annotations

import contextlib

from ..errors import TimedOut
from ..transport.deadline import NEVER, Deadline
from .waiter import ASKING_INTERVAL, LATE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .pump import Pump
    from .waiter import Condition


def wait_turn(
    pump: Pump,
    is_free: Condition,
    timeout: float | None,
    collect_dropped: Callable[[], None] | None = None,
) -> None:
    """Return when is_free() is true and every earlier thread has been served, or at failure.

    is_free: about the connection as a whole.  collect_dropped: called every ASKING_INTERVAL
    while former connections hold content.  Raises TimedOut.

    A loop around ``wait``, because what is read or dropped of a former connection notifies
    nobody here: then each turn waits for an interval only, and looks again.
    """
    if not pump.queue and is_free():
        return
    # A queue, because a free stream is no thread's own: without one, a thread that comes late and
    # is quick could take each stream before those that sleep have woken.
    ticket = object()
    queue = pump.queue
    budget = pump.endpoint.budget
    deadline = NEVER if timeout is None else Deadline(timeout)
    arrivals = pump.silence.arrivals

    def is_served() -> bool:
        return bool(pump.endpoint.failure) or (queue[0] is ticket and is_free())

    try:
        queue.append(ticket)
        while not is_served():
            remaining = deadline.remaining(LATE)
            if not budget.counts_former:
                pump.wait(is_served, (0,), remaining)
                continue
            if collect_dropped is not None:
                collect_dropped()
            pause = ASKING_INTERVAL if remaining is None else min(remaining, ASKING_INTERVAL)
            with contextlib.suppress(TimedOut):  # of the pause: the loop looks again
                pump.wait(is_served, (0,), pause)
    except TimedOut:
        pump.silence.suspect(arrivals, timeout)
        raise TimedOut(pump.endpoint.why_none_is_free()) from None
    finally:
        if ticket in queue:
            queue.remove(ticket)
        # There may be enough for the next in the queue, too.
        pump.endpoint.changed_streams.append(0)
        pump.wake()
