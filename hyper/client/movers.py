"""The movers of one HTTP20Connection: its pumps and its sender, told of a trace or not."""

from __future__ import annotations

from .pumps import Pumps
from .sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..trace.watch import Watch
    from .pumps import Dial
    from .registry import Registry
    from .timeouts import Timeouts


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
