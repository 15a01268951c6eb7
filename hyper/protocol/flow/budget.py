"""Memory for what is unread: the sum of all windows of a connection (RFC 9113, 5.2.2).

The connection's window cannot guard memory: it would have to stay closed while anything is unread,
and one stream that nobody reads would stop all others.  So it is opened as far as it goes, and
again on receipt; a peer never waits for it.  One ``Budget`` for each connection guards memory.
Each stream owns a ``Share`` of it::

    share = window (the peer may still send it) + unread + unclaimed (used up, not given back yet)

and the shares together never exceed the budget's limit, whatever the peer does and however many
streams there are.  This is one share over a download; each step moves octets to the right, and
the last one back to the left::

    window      --DATA-->      unread      --read-->      unclaimed
       ^                                                     |
       +------------------- WINDOW_UPDATE -------------------+

A share begins with the initial window; a stream that finds no room for it must wait.  A share can
grow only from what is free above a reserve kept for new streams.  Each growth takes at most half of
the free part if there are other streams.  A growth that is based on a guess leaves the larger part
for streams whose need is known.  When a growth was cut, streams with more than a fair part give
some back as they are read.  Unread content of earlier connections counts as well.
"""

from __future__ import annotations

import contextlib
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from weakref import ref

#: 1/RESERVED_PART of a budget is kept for new streams, so that no share grows into it: by default
#: that is room for 192 of them, which is more than most servers allow.
RESERVED_PART = 4
#: A guess leaves 1/GUESSED of the growth limit free, because most guesses are too large.  A lone
#: stream leaves only 1/GUESSED_ALONE, because no other needs the room now.
GUESSED, GUESSED_ALONE = 2, 12
#: Octets that the shares of an earlier connection may grow, all together: enough for a response
#: whose window is used up to come to its end.
FORMER_GROWTH = 64 * 1024
#: Notes of what was read that may wait to be added up, while there is room without them.
MANY_FREED = 100
#: A share gives padding back when it is 1/PADDING_PART of what the share was at the beginning.
PADDING_PART = 4


class Budget:
    """Octets that the streams of one connection may hold unread or let the peer send.

    limit: the most that all shares together may be.  former: references to the budgets of the
    same user's earlier connections; one is dropped when nobody holds its connection any more.
    Lock held, except for ``freed``.
    """

    __slots__ = (
        "__weakref__",
        "former",
        "freed",
        "growth_limit",
        "in_use",
        "limit",
        "shares",
        "unmet",
    )

    def __init__(self, limit: int, former: Iterable[ref[Budget]] = ()) -> None:
        self.limit: int = limit
        #: octets up to which shares may grow
        self.growth_limit: int = limit - limit // RESERVED_PART
        #: of earlier connections, as long as something of theirs may be unread
        self.former: list[ref[Budget]] = list(former)
        #: octets in all shares
        self.in_use: int = 0
        #: streams whose window is open
        self.shares: int = 0
        #: octets that a stream needed and did not get
        self.unmet: int = 0
        #: octets read of streams that have ended; any thread may append
        self.freed: deque[int] = deque()
        for budget in self._of_former():  # there is room only once
            budget.growth_limit = min(budget.growth_limit, budget.in_use + FORMER_GROWTH)

    @property
    def counts_former(self) -> bool:
        """True if something of earlier connections may be unread."""
        return bool(self.former)

    def _of_former(self) -> Iterator[Budget]:
        """The budgets of earlier connections that are still held."""
        return filter(None, [reference() for reference in self.former])

    def total(self) -> int:
        """Octets in all shares, those of earlier connections included.

        HOT: once in MANY_FREED requests (``Endpoint.may_open_stream``), or where room is short.
        """
        freed = self.freed
        while freed:
            self.in_use -= freed.popleft()
        total = self.in_use
        if self.former:
            # Without their locks, so a sum may be out of date; the next call has the right one.
            left = [former.in_use - _sum(former.freed) for former in self._of_former()]
            total += sum(left)
            if not any(left):
                self.former.clear()
        return total

    def has_room(self, size: int) -> bool:
        """True if a share of size octets is left."""
        return self.total() + size <= self.limit

    def grow(self, wanted: int, *, is_guess: bool) -> int:
        """Put as many of wanted octets as there may be into use; returns how many that is."""
        is_alone = self.shares == 1
        free = self.growth_limit - self.total()
        if is_guess:
            free -= self.growth_limit // (GUESSED_ALONE if is_alone else GUESSED)
        granted = max(0, min(wanted, free if is_alone else free // 2))
        if not is_guess:
            self.unmet = max(self.unmet, wanted - granted)
        self.in_use += granted
        return granted


def _sum(freed: deque[int]) -> int:
    """Return the sum of a deque that other threads change meanwhile, each step by itself.

    An iteration would raise, and a copy is one without a GIL.
    """
    total = 0
    with contextlib.suppress(IndexError):  # it has become shorter
        for index in range(len(freed)):
            total += freed[index]
    return total


class Share:
    """The part of a budget that one stream owns. Lock held.

    size: octets of the share at the beginning.  budget: None for the connection's own window,
    which no budget limits.
    """

    __slots__ = ("_initial", "budget", "padding", "size", "unclaimed")

    size: int

    def __init__(self, size: int, budget: Budget | None) -> None:
        #: octets in the window, unread, and unclaimed
        self.size = self._initial = size
        #: octets that were used up and not given back: content that was read, and padding
        self.unclaimed: int = 0
        #: the part of unclaimed that is padding, which no manager is told about
        self.padding: int = 0
        self.budget: Budget | None = budget
        if budget is not None:
            budget.in_use += size
            budget.shares += 1

    def claim(self, increment: int, *, is_guess: bool) -> int:
        """Take as much of an increment as there may be, for the window; returns how much.

        is_guess: whether the increment rests on a guess about the content.
        """
        budget = self.budget
        if budget is None:
            return increment
        # The invariant, before and after each of the three calls, is
        #     size == window + unread + unclaimed   and   budget.in_use == sum of all sizes.
        # They change size, unclaimed and in_use by the same number; the window gets its increment
        # out of unclaimed, and the stream's frames and reads only move octets within the share.
        if budget.unmet and self.reclaim(budget):  # others need it, so this share stays as it is
            increment = min(increment, self.unclaimed - self.padding)
        elif increment > self.unclaimed - self.padding:
            self.grow(budget, increment, is_guess=is_guess)
            increment = min(increment, self.unclaimed - self.padding)
        self.unclaimed -= increment
        if increment:
            self.trim(budget)
        return increment

    def reclaim(self, budget: Budget) -> int:
        """Give unclaimed octets back because another stream needs them; returns how many.

        A share keeps its fair part, and what it was at the beginning.
        """
        # The initial window is the peer's by right: SETTINGS have promised it, and it cannot be
        # taken back.
        fair = max(self._initial, budget.growth_limit // budget.shares)
        size = max(0, min(budget.unmet, self.size - fair, self.unclaimed - self.padding))
        self.size -= size
        self.unclaimed -= size
        budget.in_use -= size
        budget.unmet -= size
        return size

    def grow(self, budget: Budget, increment: int, *, is_guess: bool) -> None:
        """Get what an increment lacks from the budget, or as much as may be had."""
        lacking = increment - (self.unclaimed - self.padding)
        granted = budget.grow(lacking, is_guess=is_guess)  # which counts it as in use
        self.size += granted
        self.unclaimed += granted

    def trim(self, budget: Budget) -> None:
        """Give back what the manager did not claim, because it wants a smaller share now."""
        size = max(0, min(self.unclaimed - self.padding, self.size - self._initial))
        self.size -= size
        self.unclaimed -= size
        budget.in_use -= size

    def pad(self, size: int) -> int:
        """Size octets were padding; returns how many go back into the window now, or 0."""
        self.unclaimed += size
        self.padding += size
        if PADDING_PART * self.padding < self._initial:
            return 0
        increment, self.padding = self.padding, 0
        self.unclaimed -= increment
        return increment

    def shift(self, difference: int) -> None:
        """Our SETTINGS_INITIAL_WINDOW_SIZE changed the window, and so the share (6.9.2)."""
        self.size += difference
        if self.budget is not None:
            self.budget.in_use += difference

    def end(self, window_size: int) -> None:
        """Give back all but what is unread. ``Endpoint.consume`` returns that, as it is read."""
        assert self.budget is not None  # the connection's own window has no end
        self.budget.in_use -= window_size + self.unclaimed
        self.budget.shares -= 1
