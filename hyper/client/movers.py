"""The movers of one HTTP20Connection: its pumps and its sender, told of a trace or not."""

from __future__ import annotations

import sys

from .pumps import Pumps
from .sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..trace.watch import Watch, Watching
    from .pumps import Dial
    from .registry import Registry
    from .timeouts import Timeouts


def may_watch() -> bool:
    """True if somebody may have asked to be told: else ``hyper.trace`` need not be loaded.

    An observer of the process is installed there, and the log is no observer before it is loaded.
    """
    return "hyper.trace.watch" in sys.modules or "logging" in sys.modules


def watch_of(trace: Watching | None) -> Watch | None:
    """Return who is told what a connection does, or None; trace: its own observer."""
    if trace is None and not may_watch():
        return None
    from ..trace import watch

    return watch.watch_of(trace)


def watch_of_dial(known: Watch | None) -> Watch | None:
    """Return who is told of a connection that this thread is about to make; known: the object's."""
    if known is None and not may_watch():
        return None
    from ..trace import watch

    return watch.watch_of_dial(known)


def movers(
    watch: Watch | None,
    dial: Dial,
    timeouts: Timeouts,
    host: str,
    registry: Registry,
    replays: bool,
    continue_timeout: float | None,
) -> tuple[Pumps, Sender]:
    """Make what connects and what sends; watch: who is told what they do, or None.

    The other arguments are those of ``Pumps`` and ``Sender``.
    """
    if watch is not None:
        from .traced import TracedPumps, TracedSender

        told = TracedPumps(watch, dial, timeouts, host, registry)
        sender: Sender = TracedSender(
            watch, told, registry, timeouts, replays=replays, continue_timeout=continue_timeout
        )
        return told, sender
    pumps = Pumps(dial, timeouts, host, registry)
    return pumps, Sender(
        pumps, registry, timeouts, replays=replays, continue_timeout=continue_timeout
    )
