"""When an endpoint opens its windows to the peer (RFC 9113, 6.9).

``flow_control.py`` says how much room to give; here is when that is asked.  A stream's window is
opened as its content is read, and beyond that at four moments: with the request, with the
response's head, when a measurement ends, and when somebody waits at a window that is used up.

A measurement is a PING beside a WINDOW_UPDATE: its acknowledgement comes a round trip later, and
what came meanwhile is what the path, the peer and the reader let through.  One is under way at a
time.  The protocol has no clock of its own: it is given one, which it reads at these two moments.
"""

from __future__ import annotations

import contextlib

from ...errors import StreamFault
from .. import frames
from .budget import Budget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable
    from weakref import ref

    from ..stream import Stream
    from .windows import ReceiveWindow

#: The octets of a PING that measures (6.7).
MEASURING = b"measures"
#: Seconds: what is measured to be less is a clock that did not tick meanwhile.
SHORTEST_ROUND_TRIP = 1e-6
#: Seconds that are believed to be a round trip where a program may have looked away meanwhile.
LONGEST_GUESS = 0.25


class Opening:
    """What ``Endpoint`` does about its own windows. Lock held for every call."""

    __slots__ = ("_announced", "_measuring", "_now", "budget", "round_trip")

    # The endpoint's, which has more of it.
    streams: dict[int, Stream]
    outbound: list[bytes | memoryview]
    receive_window: ReceiveWindow
    _send_reset_for: Callable[[StreamFault], None]

    def __init__(
        self, unread_limit: int, former: Iterable[ref[Budget]], now: Callable[[], float]
    ) -> None:
        self.budget = Budget(unread_limit, former)
        self._now = now
        #: seconds of the shortest round trip known, or 0
        self.round_trip = 0.0
        #: the stream that is measured, its octets of content before, and when that began
        self._measuring: tuple[Stream, int, float] | None = None
        self._announced = now()

    def send_window_update(self, stream_id: int, increment: int) -> None:
        """Let the peer send increment octets more (6.9)."""
        self.outbound.append(frames.pack_window_update(stream_id, increment))

    def consume(self, stream: Stream, size: int) -> None:
        """Size octets of the stream were read: give the peer room again (6.9). HOT."""
        if stream.is_over:
            self.budget.committed -= size
            return
        window = stream.receive_window
        try:
            increment = window.credit(size)
            if increment:
                self.send_window_update(stream.id, increment)
                if self._measuring is None and window.wants_measure():
                    self._measuring = (stream, stream.content_size, self._now())
                    self.outbound.append(frames.pack_ping(MEASURING))
        except StreamFault as fault:
            self._send_reset_for(fault)

    def end_measuring(self) -> None:
        """The PING that measures was acknowledged (6.7)."""
        if self._measuring is None:
            return
        stream, size, begin = self._measuring
        self._measuring = None
        seconds = max(self._now() - begin, SHORTEST_ROUND_TRIP)
        self.tell_round_trip(seconds)
        self.open_further(stream, "measured", seconds, stream.content_size - size)

    def guess_round_trip(self) -> None:
        """Our SETTINGS are acknowledged: that took a round trip, or longer if nobody looked."""
        seconds = self._now() - self._announced
        self.round_trip = min(seconds, self.round_trip or LONGEST_GUESS)

    def open_further(self, stream: Stream, hook: str, *arguments: float) -> bool:
        """Ask a stream's manager to give room beyond what was read.

        False if it gave none, and may be asked again.
        """
        if stream.is_over:
            return False
        try:
            increment = stream.receive_window.ask(hook, *arguments)
        except StreamFault as fault:
            self._send_reset_for(fault)
            return True
        if increment:
            self.send_window_update(stream.id, increment)
        return increment > 0

    def tell_round_trip(self, seconds: float) -> None:
        """A round trip was measured: let every window manager know the shortest."""
        seconds = self.round_trip = min(seconds, self.round_trip or seconds)
        with contextlib.suppress(StreamFault):  # it goes on without its manager
            self.receive_window.tell_round_trip(seconds)
        for stream in list(self.streams.values()):
            if not stream.is_over:
                self.attempt(stream.receive_window.tell_round_trip, seconds)

    def attempt(self, step: Callable[[Any], None], argument: Any) -> None:
        """Take a step whose fault is one stream's: that is reset, and nothing else (5.4.2)."""
        try:
            step(argument)
        except StreamFault as fault:
            self._send_reset_for(fault)
