"""Limits on what a peer may do, each with its reason (RFC 9113, 10.5).

A number alone is no limit for an honest peer, because a connection may live for days.  Everything
that such a peer does again and again is therefore bounded by octets, or by a ``Rate``: a burst at
once, and so much a second for ever.  A limit that only an attacker reaches ends the smallest scope
that the RFC allows.  docs/limits.rst has the table: limit, reason, scope, and what the caller sees.
"""

from __future__ import annotations

#: Answers that the peer provoked, and that were not taken since the last read: to PING, to
#: SETTINGS, and to its stream errors.  One read brings more at most by its own size.
MAX_UNSENT_ANSWERS = 1000

#: Streams that we reset, remembered one by one.  The youngest identifier of older ones is kept, and
#: frames on all up to it are dropped, because they may still be under way (5.1).
MAX_CANCELLED_REMEMBERED = 1024

#: Octets of one field block before it is decoded, or twice our SETTINGS_MAX_HEADER_LIST_SIZE if
#: that is more: no block whose section is within the setting is larger.
LEAST_BLOCK_LIMIT = 128 * 1024

#: Octets that a frame of a field block counts beside its fragment: empty ones cost us, too.
FRAGMENT_COST = 256

#: DATA frames of one stream without content or END_STREAM: they cost us, and use no window.  A
#: heartbeat needs one a second or less; 100 a second take 0.1 % of a processor.
EMPTY_DATA_BURST, EMPTY_DATA_RATE = 1000, 100

#: Octets of the interim responses of one stream, as 6.5.2 counts a section; the burst is our
#: SETTINGS_MAX_HEADER_LIST_SIZE if that is more.  1 KiB a second is 24 times 102 (Processing).  The
#: latest sections, up to the burst, are kept.
INTERIM_BURST, INTERIM_RATE = 64 * 1024, 1024

#: Octets of ``:status`` in a section, as 6.5.2 counts them.
STATUS_SIZE = len(b":status") + len(b"200") + 32

#: Octets of sections that a connection holds on the peer's account alone: interim responses, and
#: promises that nobody has claimed.  Python needs up to five times that.
MAX_FIELDS_HELD = 1024 * 1024

#: Promises that nobody has claimed; each may hold a stream window of content.
MAX_PROMISES_HELD = 100


class Rate:
    """An allowance of the peer: ``burst`` at once, and ``per_second`` for ever (10.5)."""

    __slots__ = ("_left", "_moment", "burst", "per_second")

    def __init__(self, burst: int, per_second: int, now: float) -> None:
        self.burst: int = burst
        self.per_second: int = per_second
        self._left: float = burst
        self._moment = now

    def take(self, cost: int, now: float) -> bool:
        """True if something that costs so much may be done now, a moment in seconds."""
        left = min(self.burst, self._left + (now - self._moment) * self.per_second) - cost
        self._moment = now
        self._left = max(left, 0)
        return left >= 0
