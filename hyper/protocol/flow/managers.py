"""Window managers: when a receive window is opened again, and how far (RFC 9113, 5.2.2).

A window smaller than the product of the path's rate and its round trip makes the peer wait for us.
``FlowControlManager`` learns three times how large the window should be.  When a request without
content goes out, it knows the round trip alone, and supposes a generous rate on a long path: if
that is wrong, it costs a promise of memory, while a small window costs round trips.  When the head
has come, it knows content-length.  While content comes, it measures: a PING goes out with a
WINDOW_UPDATE, and what arrives until the acknowledgement gives the rate.  The target is 3 x rate x
shortest round trip.  If the window was the bottleneck, the measured rate, and so the target,
doubles with each measurement; if the path or the reader was, the target stays.  PINGs become rare
as they find nothing new.

Users give a class of their own by ``HTTP20Connection(window_manager=...)``.  One instance serves
the connection and one each stream.  Whatever it answers, the window stays legal and the shares stay
within the budget; a manager that raises loses its own stream and nothing else (``windows.py``).
"""

from __future__ import annotations

from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    #: The argument ``window_manager=``: the class, or anything called like it.
    WindowManager = Callable[[int], "BaseFlowControlManager"]

#: Octets that were used up are given back when they are 1/ANNOUNCED_PART of the share, or
#: MAX_UNCLAIMED: fewer WINDOW_UPDATE frames cost less, but until then the peer cannot use them.
ANNOUNCED_PART = 4
MAX_UNCLAIMED = 4 * 1024 * 1024
#: Octets a second that a long path is supposed to carry before anything is known: 6.4 Gbit/s, as
#: much as TLS and this code can receive; bench/delayed.py shows what a smaller number costs.
SUPPOSED_RATE = 800_000_000
#: Seconds of a round trip from which a path is long: on a shorter one, asking and waiting is cheap.
LONG_ROUND_TRIP = 0.004
#: A share should hold the content of so many paths: one on its way to us, one while WINDOW_UPDATE
#: is on its way back, and one while the reader does something else.
PIPES = 3
#: Octets that a reader asks for where the window began with none: one frame.
LEAST_OPENING = 16_384
#: Octets by which a frame may be larger than its content (6.1).
MAX_PADDING = 256
#: Octets that a stream of any length may soon have: on a short path, a smaller window costs more
#: in WINDOW_UPDATE frames than it saves in memory.
BULK_WINDOW = 1024 * 1024


class _Unattached:
    """Numbers that can be set, in the place of a window until a manager has one.

    Most managers get a window at once, so that this costs no more than it must.
    """

    __slots__ = ("_share", "document_size", "size")

    _share: _Unattached

    def __init__(self, size: int, document_size: int | None) -> None:
        self.size = size
        self.document_size = document_size

    @property
    def share(self) -> _Unattached:
        """The share, whose size is set apart from the window's."""
        try:
            return self._share
        except AttributeError:  # nobody has asked before
            self._share = _Unattached(self.size, None)
            return self._share


def _of_window(owner: str, name: str, doc: str, *, may_be_set: bool = False) -> Any:
    """An attribute of a manager that asks the manager's window.

    The getter is C code, because the default manager reads such attributes once a frame.
    """
    find = attrgetter(owner)

    def keep(manager: BaseFlowControlManager, value: Any) -> None:
        if manager._window is None:  # noqa: SLF001 - this module's own
            # A subclass that does not call our __init__ has no size yet.
            size = manager.__dict__.get("initial_window_size", value)
            manager._window = _Unattached(size, None)  # noqa: SLF001 - as above
        window = find(manager)
        if may_be_set or isinstance(window, _Unattached):
            setattr(window, name, value)

    return property(attrgetter(f"{owner}.{name}"), keep, doc=doc)


class BaseFlowControlManager:
    """Decides when a receive window is opened again; subclass it (RFC 9113, 5.2.2).

    A method that returns an increment may return 0. hyper cuts what would exceed the budget of the
    connection, or open the window beyond 2**31 - 1 octets; it takes a negative increment for 0.

    Args:
        initial_window_size: octets, the window's size at the beginning; kept as an attribute.
        document_size: octets of content announced by content-length, or None.
    """

    #: whether to measure while the next announcement is under way; may be set
    wants_measure: bool = False
    #: the ReceiveWindow, or numbers in its place; None until somebody asks
    _window: Any = None

    if TYPE_CHECKING:
        window_size: int
        share: int
        document_size: int | None
    else:
        window_size = _of_window(
            "_window", "size", "Octets that the peer may still send; read it only."
        )
        share = _of_window(
            "_window.share",
            "size",
            "Octets that may be in the window, unread, or read and not given back; read it only.",
        )
        document_size = _of_window(
            "_window",
            "document_size",
            "Octets of content announced by content-length, None if that is not known.",
            may_be_set=True,
        )

    def __init__(self, initial_window_size: int, document_size: int | None = None) -> None:
        self.initial_window_size = initial_window_size
        if document_size is not None:
            self.document_size = document_size

    def __getattr__(self, name: str) -> Any:
        # The getters have found no window: this manager is alone, and has numbers of its own.
        if self._window is not None or name not in ("window_size", "share", "document_size"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._window = _Unattached(self.initial_window_size, None)
        return getattr(self, name)

    def increase_window_size(self, frame_size: int) -> int:
        """Take note of a DATA frame; a subclass has this method.

        Called for every DATA frame, after window_size was reduced by it.

        Args:
            frame_size: octets of the frame, with its padding.

        Returns:
            Octets of room to give now.

        Raises:
            NotImplementedError: a subclass lacks it, at its author's fault.
        """
        raise NotImplementedError

    def consumed(self, size: int) -> int:  # noqa: ARG002 - a hook: the base class ignores it
        """Take note of content that was used up.

        Args:
            size: octets that were read; of the connection's own manager, that were received.

        Returns:
            Octets of room to give now, by default 0.
        """
        return 0

    def expected(self) -> int:
        """Say how much room to give before content comes.

        Asked when a request without content goes out on a path longer than 4 ms, and again when the
        response's head brings a content-length beyond the window.

        Returns:
            Octets of room to give now, by default 0.
        """
        return 0

    def blocked(self) -> int:
        """Say how much room to give where the window is used up, and somebody of ours waits.

        A reader waits for content, or a sender waits for a peer that takes nothing before it has
        sent more.  Asked until the answer is more than 0, 50 times a second.

        Returns:
            Octets of room to give now. The default opens the window to what it was at the
            beginning, so that a manager that counts wrong is slow, not stuck.
        """
        return (self.initial_window_size or LEAST_OPENING) - self.window_size

    def idle(self) -> int:
        """Say how much room to give where the peer has been silent for a second.

        Asked once a wait, while a reader that has read all that came waits for more.  Some servers
        acknowledge a larger window and use a smaller one all the same.

        Returns:
            Octets of room to give now, by default 0.
        """
        return 0

    def round_trip(self, seconds: float) -> None:
        """Take note of the shortest round trip; called after each measurement (6.7).

        Longer ones include the time in some queue.  On a path longer than 4 ms this is also called
        before the request goes out.

        Args:
            seconds: of the shortest round trip that is known.
        """

    def measured(self, seconds: float, size: int) -> int:  # noqa: ARG002 - a hook, as above
        """Take note of a measurement, asked for by ``wants_measure``.

        Args:
            seconds: a round trip.
            size: octets that came within it.

        Returns:
            Octets of room to give now, by default 0.
        """
        return 0

    def ended(self) -> None:
        """Take note that nothing more will come; by default do nothing."""


class FlowControlManager(BaseFlowControlManager):
    """The default: room is given back as content is used up, and as much as the path needs.

    A document that fits into what was announced costs no announcement at all.

    Args:
        initial_window_size: octets, the window's size at the beginning.
        document_size: octets of content announced by content-length, or None.
    """

    #: octets used up in all, and since room was last given
    _consumed = 0
    _unclaimed = 0
    #: octets that the share should be
    _wanted = BULK_WINDOW
    #: seconds; 0 if the round trip is not known or short
    _round_trip = 0.0
    #: octets to be read before the next measurement, and that number in shares the last time
    _until_measured = BULK_WINDOW
    _shares = 1

    def increase_window_size(self, frame_size: int) -> int:  # noqa: ARG002 - a hook, as above
        """Give nothing on receipt: only reading gives room back, which is the back-pressure."""
        return 0

    def consumed(self, size: int) -> int:
        """Give back what was used up when it is a part of the share, and what the share lacks."""
        self._consumed += size
        unclaimed = self._unclaimed = self._unclaimed + size
        share: int = self._window.share.size  # which is self.share, and faster: twice a frame
        # Is it too little to announce? Asked in place, because this is so for most frames.
        if unclaimed < MAX_UNCLAIMED and ANNOUNCED_PART * unclaimed < share:
            return 0
        # No frame of the document needs more room: WINDOW_UPDATE would be one in vain.
        if self._has_room_for_the_rest(share - unclaimed):
            return 0
        self._unclaimed = 0
        if self._reader_is_behind(share, share - unclaimed):
            # Half is given back, so that the share shrinks until the reader keeps up.
            self._wanted = share - unclaimed // 2
            return unclaimed - unclaimed // 2
        # A measurement begins with an announcement: its PING leaves beside the WINDOW_UPDATE, so
        # that what comes until it is answered is what the new window lets through (tuning.py).
        self._until_measured -= unclaimed
        self.wants_measure: bool = self._until_measured <= 0
        return unclaimed + max(0, self._wanted - share)

    def _has_room_for_the_rest(self, announced: int) -> bool:
        """True if the whole document fits into what was announced and not read."""
        size = self.document_size
        return size is not None and announced >= size - self._consumed + MAX_PADDING

    def _reader_is_behind(self, share: int, announced: int) -> bool:
        """True if, in a large share, more is unread than the peer may still send."""
        return announced > 2 * self.window_size and share > 2 * BULK_WINDOW

    def expected(self) -> int:
        """Before the head, give what a long path may need; after it, what the document needs."""
        is_long = self._round_trip >= LONG_ROUND_TRIP
        size = self.document_size
        supposed = int(SUPPOSED_RATE * self._round_trip) if is_long else 0
        if size is not None:
            supposed = min(size + MAX_PADDING, max(2 * supposed, BULK_WINDOW))
            self._wanted = max(self._wanted, supposed)
        return max(0, supposed - self.window_size)

    def blocked(self) -> int:
        """Return the current share, which doubles it."""
        return self.share or LEAST_OPENING

    def idle(self) -> int:
        """Give back what was used up and was too little to announce."""
        unclaimed, self._unclaimed = self._unclaimed, 0
        return unclaimed

    def round_trip(self, seconds: float) -> None:
        """Store the round trip; ``expected`` and ``measured`` use it."""
        self._round_trip = seconds

    def measured(self, seconds: float, size: int) -> int:
        """Give three times what comes in the shortest round trip at this rate, if that is more."""
        need = int(PIPES * size * self._round_trip / seconds)
        is_more = need > max(self._wanted, self.share)
        self._wanted = max(need, self._wanted)
        self._shares = 1 if is_more else 2 * self._shares
        self._until_measured = self._shares * max(self._wanted, self.share)
        self.wants_measure = False
        return max(0, need - self.share) if is_more else 0
