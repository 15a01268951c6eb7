"""Memory for what is unread: how much all windows of a connection may be (RFC 9113, 5.2.2).

The connection's window cannot guard memory: it would have to stay closed while anything is unread,
and one stream that nobody reads would stop all others.  So it is opened as far as it goes, and
again on receipt, and is never what a peer waits for.  What guards memory is one ``Budget`` for
the connection.  Each stream owns a *share* of it::

    share = window (the peer may still send it) + unread + spare (was read, not given back yet)

and the shares together never exceed the budget's limit, whatever the peer does and however many
streams there are.  A share begins with the initial window; a stream for which even that is not
left must wait.  It grows only out of what is left above a reserve for streams to come, and no
stream takes more than half of that while it is not alone; what is only guessed to be needed leaves
a good part to what is known to be.  Where one was refused, streams that have more than a fair part
return it as they are read.  What is unread of connections before this one counts as well.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from weakref import ref

#: Part of a budget, one in so many, that no share grows into: it is for streams to come, and by
#: default 192 of them, which is more than most servers allow.
RESERVED_PART = 4
#: Part of what shares grow into, one in so many, that no guess takes: half, for most guesses are
#: too generous; but a stream that is alone has nobody to leave much to.
GUESSED, GUESSED_ALONE = 2, 12
#: Octets that the shares of a former connection may grow, all together: so much that a response
#: whose window was nothing comes to its end.
FORMER_GROWTH = 64 * 1024


class Budget:
    """Octets that the streams of one connection may hold unread or let the peer send.

    limit: the most that all shares together may be.  former: references to the budgets of the
    same user's connections before this one, each of which goes when nobody holds its connection
    any more.  Lock held, but for ``freed``.
    """

    __slots__ = (
        *("__weakref__", "_former", "committed", "freed", "growth", "limit", "refused"),
        "shares",
    )

    def __init__(self, limit: int, former: Iterable[ref[Budget]] = ()) -> None:
        self.limit = limit
        #: the most that there may be for a share to grow
        self.growth = limit - limit // RESERVED_PART
        self._former = list(former)
        #: octets in all shares
        self.committed = 0
        #: streams whose window is open
        self.shares = 0
        #: octets that a stream wanted and did not get
        self.refused = 0
        #: octets read of streams that have ended: notes that any thread may leave
        self.freed: deque[int] = deque()
        for budget in self._of_former():  # there is room only once
            budget.growth = min(budget.growth, budget.committed + FORMER_GROWTH)

    @property
    def counts_former(self) -> bool:
        """Whether there may be something unread of former connections."""
        return bool(self._former)

    def _of_former(self) -> Iterator[Budget]:
        """The budgets of former connections that are still held."""
        return filter(None, [reference() for reference in self._former])

    def held(self) -> int:
        """Octets in all shares, those of former connections included. HOT: once a request."""
        freed = self.freed
        while freed:
            self.committed -= freed.popleft()
        held = self.committed
        if self._former:
            # Without their locks: a moment old, and right when the moment has passed.
            left = [former.committed - sum(former.freed.copy()) for former in self._of_former()]
            held += sum(left)
            if not any(left):
                self._former.clear()
        return held

    def has_room(self, size: int) -> bool:
        """Whether a share of size octets is left. HOT: once a request."""
        return self.held() + size <= self.limit

    def grow(self, wanted: int, *, is_guess: bool) -> int:
        """Commit as much of wanted octets as may be had, for a share to grow.

        A guess gets less: what is known to be needed shall not starve for it.
        """
        is_alone = self.shares == 1
        left = self.growth - self.held()
        if is_guess:
            left -= self.growth // GUESSED_ALONE if is_alone else self.growth // GUESSED
        granted = max(0, min(wanted, left if is_alone else left // 2))
        if not is_guess:
            self.refused = max(self.refused, wanted - granted)
        self.committed += granted
        return granted

    def returned(self, share: int, spare: int, initial: int) -> int:
        """How many spare octets a share has to give up, for streams that were refused."""
        fair = max(initial, self.growth // self.shares)
        size = max(0, min(self.refused, share - fair, spare))
        self.refused -= size
        return size
