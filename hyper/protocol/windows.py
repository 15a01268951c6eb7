"""Flow control: how much either side may send (RFC 9113, 5.2 and 6.9).

Only DATA frames count, padding included; every octet counts twice, against its stream's window
and against the connection's.  ``SendWindow`` is what the peer allows us; it may be negative
(6.9.2).  ``ReceiveWindow`` is what we allow the peer: it takes what comes and asks its *window
manager* when to give room again.

The managers are the plug (``HTTP20Connection(window_manager=...)`` takes the class).  One
instance serves the connection and one each stream.  A manager is told of every DATA frame
(``increase_window_size``) and of every octet used up (``consumed``), and answers with an
increment: 0, or the number of octets by which the window is to be opened.  Octets of a
*stream* are used up when the caller has read them: a slow reader slows its own peer down.
Octets of the *connection* are used up on receipt, so that a stream that nobody reads never
stops the others: memory is bound by the stream windows.
"""

from __future__ import annotations

from ..errors import ConnectionFault, ErrorCode, StreamFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

#: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets" (6.9.1).
MAX_WINDOW_SIZE = 2**31 - 1


class BaseFlowControlManager:
    """Decides when a receive window is opened again; subclass it (RFC 9113, 5.2.2).

    initial_window_size: octets, the window's size at the beginning.
    window_size: octets that the peer may still send; kept by hyper, read it only.
    document_size: octets of content announced by content-length, or None.

    A method that returns an increment may return 0.  What would open the window beyond
    2**31 - 1 octets is cut to it; a negative increment is taken for 0.
    """

    def __init__(self, initial_window_size: int, document_size: int | None = None) -> None:
        self.initial_window_size = initial_window_size
        self.window_size = initial_window_size
        self.document_size = document_size

    def increase_window_size(self, frame_size: int) -> int:
        """Octets of room to give now that a DATA frame of frame_size octets has come.

        Called for every DATA frame, after window_size was reduced by it; padding counts.
        """
        raise NotImplementedError

    def consumed(self, size: int) -> int:  # noqa: ARG002 - a hook: the base needs nothing
        """Octets of room to give now that size octets were used up; by default none."""
        return 0

    def blocked(self) -> int:
        """Octets of room to give to a peer that says it is blocked.

        No frame of RFC 9113 says so; an older draft's did, and old managers may define this.
        """
        return 0

    def round_trip(self, seconds: float) -> None:
        """A round-trip time was measured (6.7)."""

    def ended(self) -> None:
        """Nothing more will come."""


class FlowControlManager(BaseFlowControlManager):
    """The default: room is given back as content is used up, half a window at a time.

    The peer can always send at least half a window while an announcement is under way, and a
    small response costs no announcement at all.
    """

    #: octets used up since room was last given
    _unannounced = 0

    def increase_window_size(self, frame_size: int) -> int:  # noqa: ARG002
        """Nothing on receipt: back-pressure is the reader's."""
        return 0

    def consumed(self, size: int) -> int:
        """All that was used up, as soon as that is half a window."""
        unannounced = self._unannounced + size
        if 2 * unannounced < self.initial_window_size:
            self._unannounced = unannounced
            return 0
        self._unannounced = 0
        return unannounced


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
    """What we let the peer send on one stream, or on the connection."""

    __slots__ = ("manager", "size", "stream_id")

    def __init__(self, size: int, manager: BaseFlowControlManager, stream_id: int = 0) -> None:
        #: octets that the peer may still send; negative only after we lowered a setting
        self.size = size
        self.manager = manager
        self.stream_id = stream_id

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
        self.size = manager.window_size = left
        increment = manager.increase_window_size(size)
        return self._open(increment) if increment else 0

    def credit(self, size: int) -> int:
        """Size octets were used up; returns the increment to announce, or 0. HOT."""
        increment = self.manager.consumed(size)
        return self._open(increment) if increment else 0

    def _open(self, increment: int) -> int:
        # A manager is the user's code: whatever it answers, the window stays legal (6.9.1).
        increment = max(0, min(int(increment), MAX_WINDOW_SIZE - self.size))
        self.size += increment
        self.manager.window_size = self.size
        return increment

    def shift(self, difference: int) -> None:
        """Our SETTINGS_INITIAL_WINDOW_SIZE changed while the stream was open (6.9.2)."""
        self.size += difference
        self.manager.window_size = self.size


if TYPE_CHECKING:
    #: What ``window_manager=`` takes: the class, or anything called like it.
    WindowManager = Callable[[int], BaseFlowControlManager]
