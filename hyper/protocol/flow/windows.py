"""Windows: how much either side may send (RFC 9113, 5.2 and 6.9).

Only DATA frames count, padding included.  Every octet counts twice, against its stream's window
and against the connection's.  ``SendWindow`` is what the peer allows us; it may be negative
(6.9.2).  ``ReceiveWindow`` is what we allow the peer: it takes what comes and asks its *window
manager* (``managers.py``) when to give room again, within the connection's ``Budget``
(``budget.py``).  A manager may be user code.  This module makes sure that a manager that raises,
or returns nonsense, can harm only its own stream.
"""

from __future__ import annotations

from ...errors import ConnectionFault, ErrorCode, Failure, LocalProtocolError, StreamFault
from ...foundation.interruptions import is_of_signal
from .budget import Share
from .managers import BaseFlowControlManager, FlowControlManager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .budget import Budget
    from .managers import WindowManager

#: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets" (6.9.1).
MAX_WINDOW_SIZE = 2**31 - 1


#: Octets of the connection's window of which its manager is told at once, if that is hyper's own:
#: 1/UNSETTLED_PART of the window, or MAX_UNSETTLED. It gives room back in larger steps anyway.
UNSETTLED_PART = 16
MAX_UNSETTLED = 1024 * 1024

#: The attribute ``document_size`` of a manager's class, unless a subclass has replaced it.
ASKS_WINDOW = BaseFlowControlManager.__dict__["document_size"]


class SendWindow:
    """Octets that the peer lets us send on one stream, or on the connection (6.9.1)."""

    __slots__ = ("size", "stream_id")

    def __init__(self, size: int, stream_id: int = 0) -> None:
        #: octets; negative after the peer lowered SETTINGS_INITIAL_WINDOW_SIZE (6.9.2)
        self.size: int = size
        self.stream_id: int = stream_id

    def grow(self, increment: int) -> None:
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
    """Octets that we let the peer send on one stream, or on the connection.

    budget: what a stream's share is part of; None for the connection's own window.
    """

    __slots__ = (
        "_initial",
        "_manager",
        "asks_on_receipt",
        "document_size",
        "is_begun",
        "is_ended",
        "least",
        "most_unsettled",
        "share",
        "size",
        "stream_id",
        "unsettled",
    )

    def __init__(
        self,
        size: int,
        manager: BaseFlowControlManager | None = None,
        stream_id: int = 0,
        budget: Budget | None = None,
    ) -> None:
        #: octets that the peer may still send; negative only after we lowered a setting
        self.size: int = size
        self.stream_id: int = stream_id
        self._initial = size
        #: None until hyper's own is needed, which a small response never does
        self._manager = manager
        #: whether the manager wants to know of each frame; hyper's own does nothing then
        self.asks_on_receipt: bool = manager is not None and type(manager) is not FlowControlManager
        #: of the connection's window: the size below which it is opened without its manager
        self.least: int = size // 2
        #: of the connection's window: octets received that its manager was not told yet, and how
        #: many there may be
        self.unsettled: int = 0
        self.most_unsettled: int = min(size // UNSETTLED_PART, MAX_UNSETTLED)
        self.share: Share = Share(size, budget)
        #: whether the response's head has come, and the content-length that it gave, or None
        self.is_begun: bool = False
        self.document_size: int | None = None
        #: whether the peer will send no more
        self.is_ended: bool = False
        if manager is None:
            return
        brings_numbers = getattr(manager, "_window", None) is not None
        if brings_numbers or getattr(type(manager), "document_size", None) is not ASKS_WINDOW:
            self.document_size = getattr(manager, "document_size", None)
        manager._window = self  # noqa: SLF001 - the manager's attributes ask this window

    @property
    def manager(self) -> BaseFlowControlManager:
        """The manager, made now if hyper's own was not needed before."""
        manager = self._manager
        if manager is None:
            manager = self._manager = FlowControlManager(self._initial)
            manager._window = self  # noqa: SLF001 - as in __init__
        return manager

    @classmethod
    def create(
        cls, size: int, window_manager: WindowManager, stream_id: int, budget: Budget | None
    ) -> ReceiveWindow:
        """Make a window with a manager of its own; raise StreamFault if there can be none."""
        try:
            manager = window_manager(size)
            if not stream_id:  # once a connection is enough
                _refuse_old_hooks(manager)
            return cls(size, manager, stream_id, budget)
        except Exception as error:  # a manager may be user code
            if _is_interruption(window_manager, error):
                raise
            then = "its stream is cancelled" if stream_id else "no connection can be made with it"
            raise _broken(window_manager, "its making", stream_id, error, then) from None

    def take(self, size: int) -> int:
        """A DATA frame of size octets came; returns the increment to announce, or 0.

        Raises FLOW_CONTROL_ERROR in this window's scope if the peer was not allowed (6.9.1).
        The receivers do the same in place while hyper's own manager is in use and the frame is
        allowed (``receive_data``, ``Stream.receive_content``, ``Stream.receive_run``).
        """
        left = self.size - size
        if left < 0 < size:  # an empty frame needs no room
            why = f"DATA of {size} octets in a window of {self.size} (RFC 9113, 6.9.1)"
            if self.stream_id:
                raise StreamFault(self.stream_id, ErrorCode.FLOW_CONTROL_ERROR, why)
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, why)
        self.size = left
        if not self.asks_on_receipt:
            return 0
        try:
            increment = self.manager.increase_window_size(size)
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            self.share.unclaimed += size  # nobody will deliver them, so that end() frees them
            raise self._failed("increase_window_size", error) from None

    def credit(self, size: int) -> int:
        """Size octets were used up; returns the increment to announce, or 0.

        HOT: once a read (bench/counts.py, download).
        """
        self.share.unclaimed += size
        try:
            increment = (self._manager or self.manager).consumed(size)
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("consumed", error) from None

    def refill(self) -> int:
        """Open the connection's window to what it was; returns the increment to announce.

        Its manager has given too little back, but a peer must never wait for this window.
        """
        increment = self._initial - self.size
        self.size = self._initial
        return increment

    def pad(self, size: int) -> int:
        """Size octets were padding; returns the increment to announce, or 0."""
        increment = self.share.pad(size)
        self.size += increment
        return increment

    # The manager's other hooks, each with the increment to announce, or 0.

    def expected(self) -> int:
        """Ask for room before content comes."""
        try:
            increment = self.manager.expected()
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("expected", error) from None

    def blocked(self) -> int:
        """Ask for room because the window is used up and one of our threads waits."""
        try:
            increment = self.manager.blocked()
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("blocked", error) from None

    def idle(self) -> int:
        """Ask for room because the reader has all that came, and the peer is silent."""
        try:
            increment = self.manager.idle()
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("idle", error) from None

    def measured(self, seconds: float, size: int) -> int:
        """Ask for room because size octets came within seconds, a round trip."""
        try:
            increment = self.manager.measured(seconds, size)
            return self._grow(increment) if increment else 0
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("measured", error) from None

    def tell_round_trip(self, seconds: float) -> None:
        """Let the manager know the shortest round trip."""
        try:
            self.manager.round_trip(seconds)
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("round_trip", error) from None

    def wants_measure(self) -> bool:
        """True if the manager wants the path to be measured now."""
        try:
            return bool(self.manager.wants_measure)
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("wants_measure", error) from None

    def _grow(self, increment: int) -> int:
        # Whatever a manager answers, the window stays legal (6.9.1).
        increment = int(max(0, min(increment, MAX_WINDOW_SIZE - self.size)))
        # Before the head, nothing of the content is known.
        increment = self.share.claim(increment, is_guess=not self.is_begun)
        self.size += increment
        if not self.stream_id:
            self.share.size = max(self.share.size, self.size)
        return increment

    def shift(self, difference: int) -> None:
        """Our SETTINGS_INITIAL_WINDOW_SIZE changed while the stream was open (6.9.2)."""
        self.size += difference
        self.share.shift(difference)

    def end(self) -> None:
        """Nothing more will come: what is unread is all that remains of the share."""
        if self.is_ended:
            return
        self.is_ended = True
        self.share.end(self.size)
        if not self.asks_on_receipt:  # hyper's own manager does nothing then, either
            return
        try:
            self.manager.ended()
        except Exception as error:  # noqa: BLE001 - a manager may be user code
            raise self._failed("ended", error) from None

    def _failed(self, hook: str, error: Exception) -> StreamFault:
        """The fault of a manager that raised. It is not asked again.

        Raises:
            Exception: error itself, if it is not the manager's.
        """
        if _is_interruption(type(self.manager), error):
            raise error
        then = "its stream is cancelled" if self.stream_id else "the connection goes on without it"
        fault = _broken(type(self.manager), hook, self.stream_id, error, then)
        self._manager = None
        self.asks_on_receipt = False
        return fault


def window_for_caller(
    size: int, window_manager: WindowManager, stream_id: int, budget: Budget | None
) -> ReceiveWindow:
    """Make a window for a caller, to whom this raises if its manager cannot be made."""
    if window_manager is FlowControlManager:  # which a window makes when it needs it
        return ReceiveWindow(size, None, stream_id, budget)
    try:
        return ReceiveWindow.create(size, window_manager, stream_id, budget)
    except StreamFault as fault:
        raise fault.failure.exception() from fault.failure.cause


def _is_interruption(window_manager: object, error: Exception) -> bool:
    """True if something else has raised while a manager was asked, a signal handler perhaps.

    The manager of hyper's own never raises.
    """
    return window_manager is FlowControlManager or is_of_signal(error)


def _refuse_old_hooks(manager: BaseFlowControlManager) -> None:
    """Raise TypeError for a hook that would never be called, because it has another name now."""
    if hasattr(manager, "foresee"):
        raise TypeError("it defines the hook foresee, which is called expected now: rename it")


def _broken(
    window_manager: object, hook: str, stream_id: int, error: Exception, then: str
) -> StreamFault:
    name = getattr(window_manager, "__qualname__", repr(window_manager))
    why = f"the window manager {name} failed in {hook}: {error!r}; {then}"
    failure = Failure(LocalProtocolError, why, cuts_content=False, stream_id=stream_id or None)
    failure.cause = error
    return StreamFault(stream_id, ErrorCode.CANCEL, why, failure)
