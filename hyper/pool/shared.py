"""One HTTP/2 connection that many threads share, each with a timeout of its own."""

from __future__ import annotations

import threading
import time
import weakref

from ..client.connection import HTTP20Connection
from ..client.pumps import closed_error
from ..client.registry import Registry
from ..client.timeouts import NOT_GIVEN, Timeouts
from ..protocol.settings import SETTINGS_MAX_CONCURRENT_STREAMS
from ..pump.lock import IN_A_STEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..client.pumps import Dial
    from ..pump.pump import Pump
    from ..transport.deadline import Deadline


class PerThreadTimeouts(Timeouts):
    """Limits of which each thread may have its own.

    Args:
        timeout: seconds for the threads that have set nothing, as ``Timeouts`` takes it.
    """

    __slots__ = ("_common", "_own")

    def __init__(self, timeout: Any = NOT_GIVEN) -> None:
        self._own = threading.local()
        super().__init__(timeout)  # it checks them, and sets them for this thread alone
        self._common = timeout
        self._own = threading.local()

    @property
    def _seconds(self) -> Any:
        return getattr(self._own, "seconds", self._common)

    @_seconds.setter
    def _seconds(self, timeout: Any) -> None:
        self._own.seconds = timeout


class SharedRegistry(Registry):
    """A registry that knows which threads are about to open a stream."""

    def __init__(self) -> None:
        super().__init__()
        #: by their ids; single steps of a set are atomic
        self.opening: set[int] = set()

    def after_fork_in_child(self) -> None:
        """Forget the threads that the child does not have."""
        super().after_fork_in_child()
        self.opening &= {threading.get_ident()}

    def new_id(self, next_stream_id: int) -> int:
        """Return the id of a request that is being sent: from now on it has a stream."""
        self.opening.discard(threading.get_ident())
        return super().new_id(next_stream_id)


class EachWait:
    """Have each wait of this thread inside ``with`` take at most so many seconds. HOT.

    Twice a request (docs/design.rst): a generator would cost three times as much.
    """

    __slots__ = ("_before", "_seconds", "_timeouts")

    def __init__(self, timeouts: Timeouts, seconds: Any) -> None:
        self._timeouts = timeouts
        self._seconds = seconds
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = self._timeouts.timeout
        self._timeouts.timeout = self._seconds

    def __exit__(self, *_: object) -> None:
        self._timeouts.timeout = self._before


class SharedConnection(HTTP20Connection):
    """An HTTP20Connection of a pool. ``timeout`` is that of the thread that reads or sets it.

    Args:
        host, port, options: as ``HTTP20Connection`` takes them.
        check: called before each dial; it raises where there is to be none.
        note_failure: called with what a dial raises, before another thread's can begin.
    """

    timeouts_class = PerThreadTimeouts
    registry_class = SharedRegistry

    def __init__(
        self,
        host: str,
        port: int,
        *,
        check: Callable[[], None],
        note_failure: Callable[[BaseException], bool],
        **options: Any,
    ) -> None:
        super().__init__(host, port, **options)
        assert isinstance(self._registry, SharedRegistry)  # of the class that is named above
        #: the threads that will open a stream
        self.opening: set[int] = self._registry.opening
        #: called before each dial, and with what it raises
        self.check, self.note_failure = check, note_failure
        # Guarded by the pool's lock.
        #: how many threads use it, with a request or to wait for its SETTINGS
        self.users = 0
        #: when it was last seen in use, a monotonic moment
        self.last_used: float = time.monotonic()
        #: True if the pool has given it up: nothing is dialled any more
        self.is_retired: bool = False

    def each_wait(self, timeout: Any) -> EachWait:
        """Limit each wait of this thread inside; what it had set before counts again outside."""
        return EachWait(self._timeouts, timeout)

    # ---------------------------------------------------------------- what it is

    def _live_pump(self) -> Pump | None:
        pump = self._pumps.current
        return pump if pump is not None and pump.endpoint.accepts_requests else None

    @property
    def is_connected(self) -> bool:
        """True if a request can go out without a dial."""
        return self._live_pump() is not None

    def is_ready(self) -> bool:
        """True if ``connect`` has nothing to do; looks at what has come, without waiting. HOT.

        Once a request: it saves two thirds of what ``connect`` costs (bench/counts.py, pool).
        """
        pump = self._pumps.current
        if pump is None or pump.silence.suspected == pump.silence.arrivals:
            return False  # a PING has to tell whether the peer is there
        if pump.lock.is_held():
            raise RuntimeError(IN_A_STEP)
        with pump.lock:
            if time.monotonic() >= pump.look_due:
                pump.look()
            return pump.endpoint.accepts_requests

    @property
    def load(self) -> int:
        """The streams that are open, and those that threads are about to open."""
        pump = self._live_pump()
        if pump is None:
            return len(self.opening)
        endpoint = pump.endpoint
        return len(endpoint.streams) - endpoint.pushes_open + len(self.opening)

    def has_room(self) -> bool | None:
        """True if one more stream is within the server's limit (5.1.2); None if it is unknown. HOT.

        A connection whose SETTINGS have not come takes one request: the next one may be too much.
        """
        pump = self._pumps.current
        if pump is None or not pump.endpoint.accepts_requests:
            return None if self.opening else True
        endpoint = pump.endpoint
        load = len(endpoint.streams) - endpoint.pushes_open + len(self.opening)
        if not endpoint.peer_settings.received:
            return None if load else True
        return load < endpoint.peer_settings.values[SETTINGS_MAX_CONCURRENT_STREAMS]

    def await_settings(self) -> None:
        """Connect if need be, and return when the SETTINGS have come or never will."""
        self.connect()
        pump = self._live_pump()
        if pump is not None:
            pump.lock.require_free()
            with pump.lock:
                has_settings = pump.endpoint.has_settings_or_never
                pump.wait(has_settings, (0,), self._timeouts.remaining())

    def is_idle(self, now: float) -> bool:
        """True if no thread uses it and no stream is open. With the pool's lock held."""
        if self.users or any(pump.endpoint.streams for pump in self._pumps):
            self.last_used = now
            return False
        return True

    def has_ended(self) -> bool:
        """True if the server has ended it; looks at what has come, without waiting."""
        pump = self._live_pump()
        if pump is not None and not pump.lock.is_held():
            with pump.lock:
                pump.look()
        return self._live_pump() is None

    def covers(self, authority: str, scheme: str = "https") -> bool:
        """True if its certificate, which was verified, names the host of an authority (9.1.1)."""
        pump = self._live_pump()
        return pump is not None and pump.endpoint.covers(scheme, authority)

    # ------------------------------------------------------------------- the end

    def _dial(self) -> Dial:
        owner, dial_route = weakref.ref(self), super()._dial()

        def dial(deadline: Deadline) -> Pump:
            connection = owner()
            if connection is None or connection.is_retired:
                raise closed_error()
            connection.check()
            try:
                return dial_route(deadline)
            except BaseException as error:  # it is raised again
                connection.note_failure(error)
                raise

        return dial

    def retire(self) -> None:
        """Close it for good, without waiting; a dial under way is ended."""
        self.is_retired = True
        self.close()
