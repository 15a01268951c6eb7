"""Notes: what is left to do for whoever moves octets next.

A finalizer may run in any thread, in the middle of any step, and so may a signal handler in the
main thread. Neither may change the endpoint then, nor wait for the lock. So it leaves a note on
``Pump.notes``: a stream that nobody will read (rule 11), or the end of the connection (rule 14).
``flush`` acts on the notes.
"""

from __future__ import annotations

import contextlib
import os
import sys

from ..foundation.interruptions import is_of_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..errors import Failure
    from ..protocol.stream import Stream
    from .pump import Pump


class Ending:
    """The note that the connection is to end; code: of GOAWAY, failure: why (6.8)."""

    __slots__ = ("code", "failure")

    def __init__(self, code: int, failure: Failure) -> None:
        self.code = code
        self.failure = failure


def release(pump: Pump, size: int) -> None:
    """Note that size octets of an ended stream were read. Any thread, without the lock."""
    pump.endpoint.budget.freed.append(size)
    if pump.queue or pump.notes:
        if pump.lock.is_held():  # a signal handler, or a finalizer, in the middle of a step
            pump.wakeup.notify()
            return
        with pump.lock:
            pump.endpoint.changed_streams.append(0)
            pump.flush()


def drop_from_finalizer(
    pump: Pump,
    stream: Stream,
    is_finalizing: Callable[[], bool] = sys.is_finalizing,
    process_id: Callable[[], int] = os.getpid,
) -> None:
    """Reset a stream that nobody will read. For destructors: any thread, any moment.

    A note is left. This thread acts on it at once if no thread holds the lock (rule 11): no step
    is under way then, of this thread either, which the destructor may have interrupted. Else
    the holder does, or a sleeper, who may wait for what this gives back.

    is_finalizing, process_id: defaults, because modules lose their names at the very end.
    """
    pump.notes.append(stream)
    if is_finalizing():
        return  # modules are taken apart, and the end of the process tells the peer
    if process_id() != pump.process:
        return  # a child whose ``after_fork_in_child`` comes next: what threads held goes first
    if pump.is_closed:  # perhaps only since the note was left
        drop_late(pump)
    elif pump.lock.is_held():
        pump.wakeup.notify()
    else:
        while pump.notes:
            try:  # around acquire, too: a signal handler may raise as that returns
                if not pump.lock.acquire(blocking=False):
                    pump.wakeup.notify()
                    return
                pump.flush()
            except Exception as error:  # flush has ended the connection by it
                if is_of_signal(error):
                    raise
            finally:
                if pump.lock.is_held():
                    pump.lock.release()


def drop_late(pump: Pump) -> None:
    """Read the notes of a closed connection, which moves no octets. Any thread, no lock."""
    # No stream is open: what is unread is all that there is of them.
    with contextlib.suppress(IndexError):  # another thread has read the last one
        while pump.notes:
            note = pump.notes.popleft()
            if not isinstance(note, Ending):  # else it is to end, and has
                pump.endpoint.budget.freed.append(note.drop_content())


def collect_dropped(pump: Pump) -> None:
    """Read the notes of a connection that perhaps no thread waits for. Without the lock."""
    if pump.notes and not pump.lock.is_held():  # else its holder reads them
        with pump.lock:
            pump.flush()


def act_on(pump: Pump) -> bool:
    """Do what the notes say, but for closing; True if that is still to be done. Lock held."""
    ends = False
    with contextlib.suppress(IndexError):  # as in drop_late
        while pump.notes:
            note = pump.notes.popleft()
            if isinstance(note, Ending):
                pump.endpoint.close(note.code, note.failure)
                ends = True
            else:
                pump.endpoint.drop(note)
    return ends


def end(pump: Pump, code: int, failure: Failure) -> bool:
    """Say GOAWAY and end the connection (6.8). Any thread, without the lock.

    A signal handler in the middle of a step leaves a note: the connection ends when a thread moves
    octets next, its own one mostly (rule 14). False says so.
    """
    if pump.lock.is_held():
        pump.notes.append(Ending(code, failure))
        pump.wakeup.notify()
        return False
    with pump.lock:
        pump.endpoint.close(code, failure)
        pump.flush()
        pump.close()
    return True
