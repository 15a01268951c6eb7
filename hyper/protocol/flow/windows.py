"""Windows: how much either side may send (RFC 9113, 5.2 and 6.9).

Only DATA frames count, padding included; every octet counts twice, against its stream's window
and against the connection's.  ``SendWindow`` is what the peer allows us; it may be negative
(6.9.2).  ``ReceiveWindow`` is what we allow the peer: it takes what comes and asks its *window
manager* (``flow_control.py``) when to give room again, within the connection's ``Budget``
(``budget.py``).  A manager may be the user's own code: whatever it answers, raises, or is, here it
is seen to that nothing breaks but its stream.
"""

from __future__ import annotations

from ...errors import ConnectionFault, ErrorCode, Failure, LocalProtocolError, StreamFault
from .managers import ANNOUNCED_PART, FlowControlManager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .budget import Budget
    from .managers import BaseFlowControlManager, WindowManager

#: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets" (6.9.1).
MAX_WINDOW_SIZE = 2**31 - 1


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
    failure = Failure(LocalProtocolError, why, cuts_content=False, stream_id=stream_id or None)
    failure.cause = error
    return StreamFault(stream_id, ErrorCode.CANCEL, why, failure)
