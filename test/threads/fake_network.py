"""A stage for the pump: an endpoint, a transport and a kernel that do what the test says.

Nothing sleeps for a time.  A thread that would sleep, in ``poll`` or as a follower, tells the
stage, so that the test waits until everyone is where it wants them, and then brings octets or gives
room.
Every wait of the test's own has a deadline: a hang is a failure.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter, deque
from contextlib import contextmanager
from typing import Any, Callable

from hyper.errors import ConnectionTerminated, Failure, RemoteDisconnected
from hyper.protocol.flow.budget import Budget
from hyper.pump import pump as pump_module
from hyper.pump.pump import Pump
from hyper.pump.waiter import Waiter
from hyper.transport.buffered import BufferedSocket

# Seconds until a hang is called a hang: far above what a loaded machine needs.
DEADLINE = 10.0

# An octet on the scripted wire means that an id has news; but these are the connection's.
PLACE = 200  # one more place among the streams
GOAWAY = 201


@contextmanager
def tiny_switch_interval():
    """Threads change places as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


class FakeEndpoint:
    """The endpoint's verbs that the pump knows. An octet n is news of stream n; 0 says nothing."""

    def __init__(self) -> None:
        self.outbound: list[bytes] = []
        self.changed_streams: list[int] = []
        self.failure: Failure | None = None
        self.goaway: tuple[int, int, bytes] | None = None
        self.streams: dict[int, object] = {1: object()}
        self.news: Counter[int] = Counter()
        self.places = 0
        self.budget = Budget(0)
        self.received = 0

    def receive(self, view: memoryview) -> int:
        self.received += len(view)
        for octet in sorted(set(bytes(view)) - {0}):
            count = bytes(view).count(octet)
            if octet == PLACE:
                self.places += count
            else:
                self.news[octet] += count
            if octet == GOAWAY:
                self.goaway = (0, 0, b"")
            self.changed_streams.append(0 if octet in (PLACE, GOAWAY) else octet)
        return len(view)

    def receive_eof(self) -> None:
        self.fail(Failure(RemoteDisconnected, "Remote end closed connection without response"))

    def fail(self, failure: Failure) -> None:
        if not self.failure:
            self.failure = failure
            self.changed_streams.extend(self.streams)

    def why_none_is_free(self) -> str:
        return "timed out"

    def drop(self, _: Any) -> None:
        """A dropped stream leaves its place to another."""
        self.places += 1
        self.changed_streams.append(0)

    def take_outbound(self) -> bytes:
        octets = b"".join(self.outbound)
        self.outbound = []
        return octets

    def has(self, stream_id: int) -> Callable[[], bool]:
        """The condition that most threads wait for: news of a stream, or the end."""
        return lambda: self.news[stream_id] > 0 or self.failure is not None


class ScriptedTransport:
    """A transport whose octets, room and errors are the test's to give."""

    socket = None

    def __init__(self) -> None:
        self.wakeup = self
        self.reader = "always armed"
        self.change = threading.Condition()
        self.incoming: deque[Any] = deque()
        self.sent = bytearray()
        self.room = sys.maxsize
        self.read_would_block = False
        self._unsent = b""
        self.is_shut = False
        self.is_notified = False
        self.closed = 0
        #: (read, write) of each thread asleep in the kernel, by the thread's name
        self.asleep: dict[str, tuple[bool, bool]] = {}
        self.following: set[str] = set()
        #: what to raise in the named thread when it is next asked to sleep, or woken as a follower
        self.interruptions: dict[str, BaseException] = {}
        self.on_read: Callable[[], None] = lambda: None
        self.on_send: Callable[[], None] = lambda: None

    # ---- the test's verbs ----

    def bring(self, *arrivals: Any) -> None:
        """Let arrive: ids with news, each an octet, or octets, b"" for the end, or an exception."""
        with self.change:
            self.incoming.extend(bytes([a]) if isinstance(a, int) else a for a in arrivals)
            self.change.notify_all()

    def give_room(self, size: int = sys.maxsize) -> None:
        with self.change:
            self.room = size
            self.change.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self.change:
            assert self.change.wait_for(condition, DEADLINE), (
                f"asleep: {self.asleep}, following: {self.following}, incoming: {self.incoming}"
            )

    # ---- the pump's verbs ----

    def recv_into(self, view: memoryview) -> int | None:
        assert not self.closed, "read after close"
        with self.change:
            if not self.incoming:
                self.read_would_block = True
                return 0 if self.is_shut else None
            arrival = self.incoming.popleft()
            self.read_would_block = not self.incoming
        if isinstance(arrival, BaseException):
            raise arrival
        self.on_read()
        view[: len(arrival)] = arrival
        return len(arrival)

    def send(self, octets: bytes) -> bool:
        assert not self.closed, "write after close"
        self.on_send()
        with self.change:
            waiting = self._unsent + octets
            sent = min(self.room, len(waiting))
            self.room -= sent
            self.sent += waiting[:sent]
            self._unsent = waiting[sent:]
            self.change.notify_all()
        return not self._unsent

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        name = threading.current_thread().name
        if name in self.interruptions:
            raise self.interruptions.pop(name)
        assert not self.closed, "sleeping on a closed socket"

        def is_ready() -> bool:
            arrived = read and (bool(self.incoming) or self.is_shut)
            return arrived or self.is_notified or (write and (self.room > 0 or self.is_shut))

        with self.change:
            self.asleep[name] = (read, write)
            self.change.notify_all()
            ready = self.change.wait_for(is_ready, timeout)
            del self.asleep[name]
            self.change.notify_all()
        if ready:
            self.read_would_block = False
        return ready

    def arm(self) -> None:
        """Do nothing: every wait here can be ended."""

    def notify(self) -> None:
        with self.change:
            self.is_notified = True
            self.change.notify_all()

    def drain(self) -> None:
        with self.change:
            self.is_notified = False

    def disarm(self) -> None:
        self.drain()

    @property
    def is_rung(self) -> bool:
        return self.is_notified

    def shutdown(self) -> None:
        with self.change:
            self.is_shut = True
            self.change.notify_all()

    def close(self) -> None:
        assert not self.asleep, f"closed under {self.asleep}"
        self.closed += 1

    def fileno(self) -> int:
        return -1


class Actor(threading.Thread):
    """A thread that does one thing with the pump, the lock held, and keeps what came of it."""

    def __init__(self, stage: Stage, name: str, act: Callable[[], Any]) -> None:
        super().__init__(name=name, daemon=True)
        self.stage = stage
        self.act = act
        self.error: BaseException | None = None
        self.is_done = False

    def run(self) -> None:
        try:
            with self.stage.pump.lock:
                self.act()
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        with self.stage.transport.change:
            self.is_done = True
            self.stage.transport.change.notify_all()

    def end(self) -> BaseException | None:
        """Wait for the thread; what it raised."""
        self.join(DEADLINE)
        assert not self.is_alive(), f"{self.name} hangs: {self.stage.describe()}"
        return self.error


class Stage:
    """One pump between a fake endpoint and a scripted transport, and the threads that use it."""

    def __init__(self, monkeypatch: Any) -> None:
        self.endpoint = FakeEndpoint()
        self.transport = transport = ScriptedTransport()

        class WatchedWaiter(Waiter):
            def sleep(self, timeout: float | None) -> None:
                name = threading.current_thread().name
                with transport.change:
                    transport.following.add(name)
                    transport.change.notify_all()
                try:
                    super().sleep(timeout)
                finally:
                    with transport.change:
                        transport.following.discard(name)
                if name in transport.interruptions:
                    raise transport.interruptions.pop(name)

        monkeypatch.setattr(pump_module, "Waiter", WatchedWaiter)
        self.pump = Pump(self.endpoint, BufferedSocket(transport), transport)
        self.actors: list[Actor] = []

    def describe(self) -> str:
        pump = self.pump
        return (
            f"leader: {pump._has_leader}, arriving: {pump.arriving},"
            f" waiters: {pump._waiters}, asleep: {self.transport.asleep},"
            f" following: {self.transport.following}, failure: {self.endpoint.failure}"
        )

    def start(self, act: Callable[[], Any], name: str = "") -> Actor:
        """A new thread that acts, at large."""
        actor = Actor(self, name or f"actor {len(self.actors)}", act)
        self.actors.append(actor)
        actor.start()
        return actor

    def settle(self, actor: Actor) -> Actor:
        """Wait until a thread is asleep, following, or has ended."""
        transport, name = self.transport, actor.name
        transport.until(
            lambda: name in transport.asleep or name in transport.following or actor.is_done
        )
        return actor

    def wait_for(self, stream_id: int, timeout: float | None = None, name: str = "") -> Actor:
        """A thread that waits for news of a stream, and takes them; returns when it sleeps."""

        def act() -> None:
            self.pump.wait(self.endpoint.has(stream_id), (stream_id,), timeout)
            if self.endpoint.failure:
                raise self.endpoint.failure.exception()
            self.endpoint.news[stream_id] -= 1

        return self.settle(self.start(act, name))

    def upload(self, size: int = 100, timeout: float | None = None, name: str = "") -> Actor:
        """A thread that queues octets and waits until they are sent; returns when it sleeps."""

        def act() -> None:
            self.endpoint.outbound.append(bytes(size))
            self.pump.drain(timeout)

        return self.settle(self.start(act, name))

    def bring(self, *arrivals: Any) -> None:
        self.transport.bring(*arrivals)

    def close(self) -> None:
        """Do what HTTP20Connection.close does."""
        with self.pump.lock:
            self.endpoint.fail(
                Failure(ConnectionTerminated, "the connection was closed on this side")
            )
            self.pump.flush()
            self.pump.close()

    @property
    def following(self) -> set[str]:
        return self.transport.following

    def strike(self) -> None:
        """The end of a test: everyone has gone, and left nothing behind."""
        for actor in self.actors:
            actor.end()
        pump = self.pump
        assert not pump._waiters, self.describe()
        assert not pump._has_leader, self.describe()
        assert not pump.arriving, self.describe()
        assert not pump._served, self.describe()
        assert not pump.queue
        assert not pump._sleepers
        assert pump.lock.acquire(timeout=DEADLINE), "the lock is still held"
        pump.lock.release()
        assert self.transport.closed <= 1
