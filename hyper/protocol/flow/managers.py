"""Window managers: when a receive window is opened again, and how far (RFC 9113, 5.2.2).

A window smaller than the product of the path's rate and its round trip makes the peer wait for us.
``FlowControlManager`` knows three times how large it should be.  When a request without content
goes out, from the round trip alone: on a long path a generous rate is supposed, for to be wrong
costs a promise of memory, and to be slow costs round trips.  When the head has come, from
content-length.  And while content comes, by measuring: a PING goes out with an announcement, and
what arrives until its acknowledgement tells the rate.  Three times that rate times the shortest
round trip is wanted; a stream held up by its window doubles it so each time, one held up by path or
reader stays.  PINGs become rare as they find nothing new.

The managers are the plug (``HTTP20Connection(window_manager=...)`` takes the class).  One
instance serves the connection and one each stream.  Whatever one answers, the window stays legal
and the shares within the budget; one that raises loses its own stream and nothing else: that is
``windows.py``'s care.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    #: What ``window_manager=`` takes: the class, or anything called like it.
    WindowManager = Callable[[int], "BaseFlowControlManager"]

#: Part of its share, one in so many, that is read before it is given back, and the most octets:
#: fewer announcements cost less, but meanwhile that part is not where the peer can use it.
ANNOUNCED_PART = 4
MAX_UNANNOUNCED = 4 * 1024 * 1024
#: Octets a second that a long path is supposed to carry before anything is known: 6.4 Gbit/s, which
#: is what TLS and this code take in; bench/delayed.py shows what less costs.
SUPPOSED_RATE = 800_000_000
#: Seconds of a round trip from which a path is long: below, to ask and wait costs little.
LONG_ROUND_TRIP = 0.004
#: How often a share should hold what the path does: once on its way to us, once while the
#: announcements are on their way back, and once while the reader does something else.
PIPES = 3
#: Octets that one frame may be larger than its content (6.1).
MAX_PADDING = 256
#: Octets that a stream of any length may soon have: less costs more in announcements on a short
#: path than it saves memory.
BULK_WINDOW = 1024 * 1024


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

    def expected(self) -> int:
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
    _until_measured = BULK_WINDOW
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
        self._until_measured -= unannounced
        self.wants_measure = self._until_measured <= 0
        return unannounced + max(0, self._wanted - share)

    def expected(self) -> int:
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
        self._until_measured = self._shares * max(self._wanted, self.share)
        self.wants_measure = False
        return max(0, need - self.share) if is_more else 0
