"""Flow control: how much either side may send (RFC 9113, 5.2 and 6.9).

Only DATA frames count, padding included; every octet counts twice, against its stream's window
and against the connection's.  ``SendWindow`` is what the peer allows us; it may be negative
(6.9.2).  ``ReceiveWindow`` is what we allow the peer: it takes what comes and asks its *window
manager* when to give room again.

**Memory.**  The connection's window cannot guard it: it would have to stay closed while anything
is unread, and one stream that nobody reads would stop all others.  So it is opened as far as it
goes, and again on receipt, and is never what a peer waits for.  What guards memory is one
``Budget`` for the connection.  Each stream owns a *share* of it::

    share = window (the peer may still send it) + unread + spare (was read, not given back yet)

and the shares together never exceed the budget's limit, whatever the peer does and however many
streams there are.  A share begins with the initial window; a stream for which even that is not
left must wait.  It grows only out of what is left above a reserve for streams to come, and no
stream takes more than half of that while it is not alone; what is only guessed to be needed leaves
a good part to what is known to be.  Where one was refused, streams that have more than a fair part
return it as they are read.  What is unread of connections before this one counts as well.

**Speed.**  A window smaller than the product of the path's rate and its round trip makes the
peer wait for us.  ``FlowControlManager`` knows three times how large it should be.  When a
request without content goes out, from the round trip alone: on a long path a generous rate is
supposed, for to be wrong costs a promise of memory, and to be slow costs round trips.  When the
head has come, from content-length.  And while content comes, by measuring: a PING goes out with an
announcement, and what arrives until its acknowledgement tells the rate.  Three times that rate
times the shortest round trip is wanted; a stream held up by its window doubles it so each time,
one held up by path or reader stays.  PINGs become rare as they find nothing new.

The managers are the plug (``HTTP20Connection(window_manager=...)`` takes the class).  One
instance serves the connection and one each stream.  Whatever one answers, the window stays legal
and the shares within the budget; one that raises loses its own stream and nothing else.
"""

from __future__ import annotations

from collections import deque

from ..errors import (
    ConnectionFault,
    ErrorCode,
    Failure,
    LocalProtocolError,
    StreamFault,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Callable
    from weakref import ref

#: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets" (6.9.1).
MAX_WINDOW_SIZE = 2**31 - 1

#: Part of a budget, one in so many, that no share grows into: it is for streams to come, and by
#: default 192 of them, which is more than most servers allow.
RESERVED_PART = 4
#: Part of what shares grow into, one in so many, that no guess takes: half, for most guesses are
#: too generous; but a stream that is alone has nobody to leave much to.
GUESSED, GUESSED_ALONE = 2, 12
#: Part of its share, one in so many, that is read before it is given back, and the most octets:
#: fewer announcements cost less, but meanwhile that part is not where the peer can use it.
ANNOUNCED_PART = 4
MAX_UNANNOUNCED = 4 * 1024 * 1024
#: Octets a second that a long path is supposed to carry before anything is known: 3.2 Gbit/s.
SUPPOSED_RATE = 400_000_000
#: Seconds of a round trip from which a path is long: below, to ask and wait costs little.
LONG_ROUND_TRIP = 0.004
#: How often a share should hold what the path does: once on its way to us, once while the
#: announcements are on their way back, and once while the reader does something else.
PIPES = 3
#: Octets that one frame may be larger than its content (6.1).
MAX_PADDING = 256
#: The octets of a PING that measures (6.7).
MEASURING = b"measures"
#: Octets that a stream of any length may soon have: less costs more in announcements on a short
#: path than it saves memory.
BULK_WINDOW = 1024 * 1024


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
        for budget in self._of_former():
            budget.growth = 0  # its shares grow no more: there is room only once
        #: octets in all shares
        self.committed = 0
        #: streams whose window is open
        self.shares = 0
        #: octets that a stream wanted and did not get
        self.refused = 0
        #: octets read of streams that have ended: notes that any thread may leave
        self.freed: deque[int] = deque()

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


class BaseFlowControlManager:
    """Decides when a receive window is opened again; subclass it (RFC 9113, 5.2.2).

    initial_window_size: octets, the window's size at the beginning.
    window_size: octets that the peer may still send.
    share: octets that may be in the window, unread, or read and not given back.
    document_size: octets of content announced by content-length, or None.
    wants_measure: whether to measure while the next announcement is under way.

    hyper keeps window_size, share and document_size: read them only.  A method that returns an
    increment may return 0.  What would exceed the budget of the connection, or open the window
    beyond 2**31 - 1 octets, is cut; a negative increment is taken for 0.
    """

    wants_measure = False

    def __init__(self, initial_window_size: int, document_size: int | None = None) -> None:
        self.initial_window_size = initial_window_size
        self.window_size = initial_window_size
        self.share = initial_window_size
        self.document_size = document_size

    def increase_window_size(self, frame_size: int) -> int:
        """Octets of room to give now that a DATA frame of frame_size octets has come.

        Called for every DATA frame, after window_size was reduced by it; padding counts.
        """
        raise NotImplementedError

    def consumed(self, size: int) -> int:  # noqa: ARG002 - a hook: the base needs nothing
        """Octets of room to give now that size octets were used up; by default none."""
        return 0

    def foresee(self) -> int:
        """Octets of room to give before content comes; by default none.

        Asked when a request without content goes out on a path longer than 4 ms, and again when the
        response's head brings a content-length beyond the window.
        """
        return 0

    def blocked(self) -> int:
        """Octets of room to give now: the window is used up, and somebody of ours waits.

        A reader waits for content; or a sender for a peer that takes nothing before it has said
        more.  Asked until the answer is more than 0, 50 times a second.  By default what the
        window was at the beginning, so that a manager that counts wrong is slow, not stuck.
        """
        return self.initial_window_size - self.window_size

    def round_trip(self, seconds: float) -> None:
        """The shortest round trip that was measured, each time that one was (6.7).

        In longer ones something stood in a queue.  A path longer than 4 ms is told beforehand.
        """

    def measured(self, seconds: float, size: int) -> int:  # noqa: ARG002
        """Octets of room to give now that size octets came within seconds, a round trip.

        Asked after ``wants_measure`` was found true.
        """
        return 0

    def ended(self) -> None:
        """Nothing more will come."""


class FlowControlManager(BaseFlowControlManager):
    """The default: room is given back as content is used up, and as much as the path needs.

    A document that fits into what was announced costs no announcement at all.
    """

    #: octets used up in all, and since room was last given
    _consumed = 0
    _unannounced = 0
    #: octets that the share should be
    _wanted = BULK_WINDOW
    #: seconds, or 0 where it is not known, or short
    _round_trip = 0.0
    #: octets to be read before the next measurement, and that in shares the last time
    _patience = BULK_WINDOW
    _shares = 1

    def increase_window_size(self, frame_size: int) -> int:  # noqa: ARG002
        """Nothing on receipt: back-pressure is the reader's."""
        return 0

    def consumed(self, size: int) -> int:
        """What was used up, as soon as it is a part of the share, and what the share lacks.

        A reader who leaves more unread than the peer may still send falls behind: it is given
        back but half.
        """
        self._consumed += size
        unannounced = self._unannounced = self._unannounced + size
        share = self.share
        if unannounced < MAX_UNANNOUNCED and ANNOUNCED_PART * unannounced < share:
            return 0
        announced = share - unannounced  # and not read
        if self.document_size is not None:
            rest = self.document_size - self._consumed
            if announced >= rest + MAX_PADDING:
                return 0
        self._unannounced = 0
        if announced > 2 * self.window_size and share > 2 * BULK_WINDOW:
            self._wanted = share - unannounced // 2
            return unannounced - unannounced // 2
        self._patience -= unannounced
        self.wants_measure = self._patience <= 0
        return unannounced + max(0, self._wanted - share)

    def foresee(self) -> int:
        """Before the head, what a long path may need; after it, what the document needs."""
        is_long = self._round_trip >= LONG_ROUND_TRIP
        size = self.document_size
        supposed = int(SUPPOSED_RATE * self._round_trip) if is_long else 0
        if size is not None:
            supposed = min(size + MAX_PADDING, max(2 * supposed, BULK_WINDOW))
            self._wanted = max(self._wanted, supposed)
        return max(0, supposed - self.window_size)

    def blocked(self) -> int:
        """As much again as there was."""
        return self.share

    def round_trip(self, seconds: float) -> None:
        """It is noted."""
        self._round_trip = seconds

    def measured(self, seconds: float, size: int) -> int:
        """Three times what comes in the shortest round trip at this rate, if that is more."""
        need = int(PIPES * size * self._round_trip / seconds)
        is_more = need > max(self._wanted, self.share)
        self._wanted = max(need, self._wanted)
        self._shares = 1 if is_more else 2 * self._shares
        self._patience = self._shares * max(self._wanted, self.share)
        self.wants_measure = False
        return max(0, need - self.share) if is_more else 0


class SendWindow:
    """What the peer lets us send on one stream, or on the connection (6.9.1)."""

    __slots__ = ("size", "stream_id")

    def __init__(self, size: int, stream_id: int = 0) -> None:
        #: octets; negative after the peer lowered SETTINGS_INITIAL_WINDOW_SIZE (6.9.2)
        self.size = size
        self.stream_id = stream_id

    def open(self, increment: int) -> None:
        """A WINDOW_UPDATE came; raises the fault of its scope (6.9, 6.9.1)."""
        if increment == 0:
            raise self._fault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE by 0 (RFC 9113, 6.9)")
        size = self.size + increment
        if size > MAX_WINDOW_SIZE:
            raise self._fault(
                ErrorCode.FLOW_CONTROL_ERROR,
                f"our window opened to {size}, beyond 2^31-1 (RFC 9113, 6.9.1)",
            )
        self.size = size

    def shift(self, difference: int) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE changed while the stream was open (6.9.2)."""
        size = self.size + difference
        if size > MAX_WINDOW_SIZE:
            raise ConnectionFault(
                ErrorCode.FLOW_CONTROL_ERROR,
                f"SETTINGS open our window to {size}, beyond 2^31-1 (RFC 9113, 6.9.2)",
            )
        self.size = size

    def _fault(self, code: ErrorCode, why: str) -> Exception:
        if self.stream_id:
            return StreamFault(self.stream_id, code, why)
        return ConnectionFault(code, why)


class ReceiveWindow:
    """What we let the peer send on one stream, or on the connection.

    budget: what a stream's share is part of; None for the connection's own window.
    """

    __slots__ = (
        *("_initial", "_padding", "budget", "is_begun", "least", "manager", "share", "size"),
        *("spare", "stream_id"),
    )

    def __init__(
        self,
        size: int,
        manager: BaseFlowControlManager,
        stream_id: int = 0,
        budget: Budget | None = None,
    ) -> None:
        #: octets that the peer may still send; negative only after we lowered a setting
        self.size = size
        self.manager = manager
        self.stream_id = stream_id
        self._initial = size
        #: of the connection's window: the size below which it is opened without its manager
        self.least = size // 2
        self.budget = budget
        #: whether the response's head has come
        self.is_begun = False
        #: octets of the budget: what the peer may send, what is unread, and what is spare
        self.share = size
        #: octets that were used up and not given back: content that was read, and padding
        self.spare = 0
        self._padding = 0
        if budget is not None:
            budget.committed += size
            budget.shares += 1

    @classmethod
    def opened(
        cls, size: int, window_manager: WindowManager, stream_id: int, budget: Budget | None
    ) -> ReceiveWindow:
        """A window with a manager of its own; StreamFault if the class cannot make one."""
        try:
            manager = window_manager(size)
            manager.share = size
        except Exception as error:  # noqa: BLE001 - it is the user's code
            then = "its stream is cancelled" if stream_id else "no connection can be made with it"
            raise _broken(window_manager, "its making", stream_id, error, then) from None
        return cls(size, manager, stream_id, budget)

    def take(self, size: int) -> int:
        """A DATA frame of size octets came; returns the increment to announce, or 0. HOT.

        Raises FLOW_CONTROL_ERROR in this window's scope if the peer was not allowed (6.9.1).
        """
        left = self.size - size
        if left < 0 < size:  # an empty frame needs no room
            why = f"DATA of {size} octets in a window of {self.size} (RFC 9113, 6.9.1)"
            if self.stream_id:
                raise StreamFault(self.stream_id, ErrorCode.FLOW_CONTROL_ERROR, why)
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, why)
        manager = self.manager
        self.size = left
        try:
            manager.window_size = left
            increment = manager.increase_window_size(size)
            return self._open(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("increase_window_size", error) from None

    def credit(self, size: int) -> int:
        """Size octets were used up; returns the increment to announce, or 0. HOT."""
        self.spare += size
        try:
            increment = self.manager.consumed(size)
            return self._open(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("consumed", error) from None

    def refill(self) -> int:
        """Open the connection's window to what it was; returns the increment to announce.

        Its manager has given too little back: but this window is never what a peer waits for.
        """
        increment = self._initial - self.size
        self.size = self._initial
        return increment

    def pad(self, size: int) -> int:
        """Size octets were padding; returns the increment to announce, or 0."""
        self.spare += size
        self._padding += size
        if ANNOUNCED_PART * self._padding < self._initial:
            return 0
        increment, self._padding = self._padding, 0
        self.spare -= increment
        self.size += increment
        self._show()
        return increment

    def begin(self, document_size: int | None) -> None:
        """The response's head has come; document_size: octets that it announces, or None."""
        self.is_begun = True
        try:
            self.manager.document_size = document_size
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("document_size", error) from None

    def ask(self, hook: str, *arguments: float) -> int:
        """Call another hook of the manager's; returns the increment to announce, or 0."""
        try:
            increment = getattr(self.manager, hook)(*arguments)
            return self._open(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed(hook, error) from None

    def tell_round_trip(self, seconds: float) -> None:
        """Let the manager know the shortest round trip."""
        try:
            self.manager.round_trip(seconds)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("round_trip", error) from None

    def wants_measure(self) -> bool:
        """Whether the manager would have the path measured now."""
        try:
            return bool(self.manager.wants_measure)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("wants_measure", error) from None

    def _open(self, increment: int) -> int:
        # A manager is the user's code: whatever it answers, the window stays legal (6.9.1).
        increment = int(max(0, min(increment, MAX_WINDOW_SIZE - self.size)))
        if self.budget is not None:
            increment = self._afforded(self.budget, increment)
        self.size += increment
        self.manager.window_size = self.size
        if self.budget is None:
            self.share = self.manager.share = max(self.share, self.size)
        return increment

    def _afforded(self, budget: Budget, increment: int) -> int:
        """As much of an increment as the share allows, or the budget lets it grow."""
        spare = self.spare - self._padding
        returned = budget.refused and budget.returned(self.share, spare, self._initial)
        if returned:
            spare -= self._shrink(budget, returned)
            increment = min(increment, spare)
        elif increment > spare:
            # Before the head, nothing of the content is known.
            grown = budget.grow(increment - spare, is_guess=not self.is_begun)
            self.share += grown
            self.spare += grown
            increment = spare = spare + grown
        self.spare -= increment
        spare -= increment
        if increment:  # the manager means to leave it at that
            self._shrink(budget, max(0, min(spare, self.share - self._initial)))
        self.manager.share = self.share
        return increment

    def _shrink(self, budget: Budget, size: int) -> int:
        self.share -= size
        self.spare -= size
        budget.committed -= size
        return size

    def shift(self, difference: int) -> None:
        """Our SETTINGS_INITIAL_WINDOW_SIZE changed while the stream was open (6.9.2)."""
        self.size += difference
        self.share += difference
        if self.budget is not None:
            self.budget.committed += difference
        self._show()

    def end(self) -> None:
        """Nothing more will come: what is unread is all that remains of the share."""
        budget, self.budget = self.budget, None
        if budget is not None:
            budget.committed -= self.size + self.spare
            budget.shares -= 1
            try:
                self.manager.ended()
            except Exception as error:  # noqa: BLE001 - it is the user's code
                raise self._failed("ended", error) from None

    def _show(self) -> None:
        """Let the manager see what there is, where it is not asked."""
        try:
            self.manager.window_size, self.manager.share = self.size, self.share
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raise self._failed("window_size", error) from None

    def _failed(self, hook: str, error: Exception) -> StreamFault:
        """A manager raised: it is asked no more."""
        then = "its stream is cancelled" if self.stream_id else "the connection goes on without it"
        fault = _broken(type(self.manager), hook, self.stream_id, error, then)
        self.manager = FlowControlManager(self._initial)
        self.manager.window_size, self.manager.share = self.size, self.share
        return fault


def _broken(
    window_manager: object, hook: str, stream_id: int, error: Exception, then: str
) -> StreamFault:
    name = getattr(window_manager, "__qualname__", repr(window_manager))
    why = f"the window manager {name} failed in {hook}: {error!r}; {then}"
    failure = Failure(LocalProtocolError, why, stream_id=stream_id or None)
    failure.cause = error
    return StreamFault(stream_id, ErrorCode.CANCEL, why, failure)


if TYPE_CHECKING:
    #: What ``window_manager=`` takes: the class, or anything called like it.
    WindowManager = Callable[[int], BaseFlowControlManager]
