"""Scenes: what two or three threads do with one pump, and what must be true at each moment.

The numbers are those of the rules in ``hyper/pump/__init__.py``.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from hyper.errors import ConnectionTerminated, Failure, RemoteDisconnected, TimedOut
from hyper.pump.pump import OPEN, Pump
from hyper.transport.buffered import BufferedSocket
from test.interleavings.primitives import SteppedTransport
from test.interleavings.scheduler import Actor, Event, Scheduler
from test.threads.fake_network import GOAWAY, PLACE, FakeEndpoint

# Octets on the scripted wire: JUNK is news for nobody, the others are a reset, a PING, its answer.
JUNK, RESET, PING, PONG = 150, 151, 152, 153

# Seconds of a wait that has a limit: any number, as the clock is the scheduler's.
SOON = 5.0

ENDS = (ConnectionTerminated, RemoteDisconnected)


class Endpoint(FakeEndpoint):
    """The fake endpoint, with PING, and streams that can be dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.pings: dict[bytes, bool] = {}

    def receive(self, view: memoryview) -> int:
        if PONG in bytes(view):
            for opaque in self.pings:
                self.pings[opaque] = True
            self.changed_streams.append(0)
        return super().receive(view)

    def send_ping(self, opaque: bytes) -> None:
        self.pings[opaque] = False
        self.outbound.append(bytes([PING]))

    def tell_round_trip(self, _: float) -> None:
        """Do nothing: no trace looks."""

    def drop(self, _: Any) -> None:
        super().drop(_)
        self.outbound.append(bytes([RESET]))


class Dropped:
    """A stream that nobody will read."""

    def drop_content(self) -> int:
        return 0


class Scene:
    """One pump, its peer, and the threads that use it, for one run."""

    def __init__(self, scheduler: Scheduler, keepalive: float | None = None) -> None:
        self.scheduler = scheduler
        self.endpoint = Endpoint()
        self.transport = SteppedTransport(scheduler)
        self.pump = Pump(self.endpoint, BufferedSocket(self.transport), self.transport, keepalive)  # type: ignore[arg-type]
        lock: Any = self.pump.lock
        lock.scheduler, lock.check = scheduler, self.check
        self.actors: list[Actor] = []
        #: what may end a wait, beside its answer
        self.endings: tuple[type[BaseException], ...] = ()
        #: a finalizer has found the lock held: the next call may have to read its note
        self.may_leave_notes = False

    # ---- the threads

    def add(self, name: str, act: Callable[[], Any], *, is_victim: bool = False) -> None:
        self.actors.append(Actor(name, act, is_victim=is_victim))

    def ask(self, number: int, timeout: float | None = None) -> None:
        """Send a request, wait for its answer, and take it."""
        endpoint = self.endpoint
        with self.pump.lock:
            endpoint.outbound.append(bytes([number]))
            if not self.pump.leaves_to_another():
                self.pump.flush()
        with self.pump.lock:
            self._wait(lambda: self.pump.wait(endpoint.has(number), (number,), timeout), number)

    def _wait(self, wait: Callable[[], None], number: int) -> None:
        endpoint = self.endpoint
        try:
            wait()
        except TimedOut:
            assert not endpoint.has(number)(), f"thread {number} timed out, and was served"
            return
        if not endpoint.news[number]:
            assert endpoint.failure, f"thread {number} has got nothing"
            raise endpoint.failure.exception()
        endpoint.news[number] -= 1

    def asks(self, number: int, timeout: float | None = None, *, is_victim: bool = False) -> None:
        """Add a thread that asks, and a peer that answers it."""
        self.add(f"asks {number}", lambda: self.ask(number, timeout), is_victim=is_victim)
        self.answers(number)

    def uploads(self, octets: bytes, timeout: float | None = None) -> None:
        """Add a thread that sends octets, and waits until they have left (rule 5)."""
        pump = self.pump

        def act() -> None:
            with pump.lock:
                self.endpoint.outbound.append(octets)
                try:
                    pump.drain(timeout)
                except TimedOut:
                    return
                is_sent = all(octet in self.transport.sent for octet in octets)
                assert is_sent or pump.is_closed, "the octets have not left"

        self.add("uploads", act)

    def takes_turn(self, timeout: float | None = None, *, is_victim: bool = False) -> None:
        """Add a thread that waits for a free place among the streams."""

        def act() -> None:
            with self.pump.lock:
                try:
                    self.pump.wait_turn(lambda: self.endpoint.places > 0, timeout)
                except TimedOut:
                    return
                if self.endpoint.failure:
                    raise self.endpoint.failure.exception()
                assert self.endpoint.places > 0, "a turn without a place"
                self.endpoint.places -= 1

        self.add(f"takes turn {len(self.actors)}", act, is_victim=is_victim)

    def cancels(self, number: int) -> None:
        """Add a thread that cancels the stream of another (rule 10)."""

        def act() -> None:
            with self.pump.lock:
                self.endpoint.news[number] += 1
                self.endpoint.outbound.append(bytes([RESET]))
                self.endpoint.changed_streams.append(number)
                self.pump.flush()

        self.add("cancels", act)

    def closes(self) -> None:
        """Add a thread that ends the connection."""
        self.endings = ENDS

        def act() -> None:
            with self.pump.lock:
                self.endpoint.fail(Failure(ConnectionTerminated, "closed on this side"))
                self.pump.flush()
                self.pump.close()

        self.add("closes", act)

    def abandons(self) -> None:
        """Add a thread whose finalizer drops a response (rule 11)."""
        self.add("abandons", self.drop)

    def drop(self) -> None:
        self.pump.drop_from_finalizer(Dropped())  # type: ignore[arg-type] # all that is asked
        self.may_leave_notes = bool(self.pump.notes)

    # ---- the peer

    def event(
        self, words: str, octet: int, may: Callable[[], bool] = lambda: True, end: bool = False
    ) -> None:
        octets = b"" if end else bytes([octet])
        incoming = self.transport.incoming
        self.scheduler.events.append(Event(words, lambda: incoming.append(octets), may))

    def answers(self, number: int) -> None:
        sent = self.transport.sent
        self.event(f"answer {number}", number, lambda: number in sent)

    def gives_room(self, may: Callable[[], bool] = lambda: True) -> None:
        """Let the socket be full until the peer reads."""
        self.transport.room = 0
        self.scheduler.events.append(Event("room", self.transport.give_room, may, is_room=True))

    # ---- what must be true

    def check(self) -> None:
        """Ask the invariants; the lock is about to be released."""
        pump = self.pump
        followers = {waiter for waiters in pump._waiters.values() for waiter in waiters}
        asleep = [waiter for waiter in followers if not waiter.is_woken]
        words = ""
        if len(asleep) < len(followers) and not self.is_struck:
            words = "a waiter that was woken is still on the list"
        elif asleep and len(asleep) == len(followers) and not (pump._has_leader or pump.arriving):
            words = "a waiter has no leader"
        elif any(waiter.ready() for waiter in asleep):
            words = "a wake-up is lost: a follower sleeps whose condition is true"
        elif self._has_left_octets and not self.is_struck:
            words = "octets are left behind"
        if words:
            self.scheduler.fail(words)

    @property
    def _has_left_octets(self) -> bool:
        """True if the socket has room for what is queued, and nobody comes who sends it."""
        pump = self.pump
        return bool(self.endpoint.outbound) and pump._state == OPEN and not pump.arriving

    @property
    def is_struck(self) -> bool:
        """True if Ctrl-C has struck, perhaps between waking a waiter and taking it off the list."""
        return any(actor.is_victim for actor in self.actors) and not self.scheduler.strikes

    def conclude(self) -> str:
        """Return what is wrong when all threads have ended, or nothing."""
        pump, transport = self.pump, self.transport
        for actor in self.actors:
            allowed = (*self.endings, KeyboardInterrupt) if actor.is_victim else self.endings
            if actor.error is not None and not isinstance(actor.error, allowed):
                return f"{actor.name} raised {actor.error!r}"
        left = {
            "waiters": pump._waiters,
            "a leader": pump._has_leader,
            "threads that arrive": pump.arriving,
            "threads to be woken": pump._served,
            "threads in the queue": pump.queue,
            "sleepers": pump._sleepers,
            "followers": pump._followers,
            "notes": pump.notes and not self.may_leave_notes,
            "the lock": pump.lock.is_held() or pump.lock._depth,  # type: ignore[attr-defined]
            "an open socket": pump.is_closed and transport.closed != 1,
        }
        return " and ".join(f"{words} left" for words, is_left in left.items() if is_left)


class Case(NamedTuple):
    """A set of runs. build: makes the scene.  keepalive: seconds, for rule 13."""

    title: str
    build: Callable[[Scene], None]
    keepalive: float | None = None


def two_wait(scene: Scene) -> None:
    scene.asks(1)
    scene.asks(2)


def one_hurries(scene: Scene) -> None:
    scene.asks(1, SOON)
    scene.asks(2)


def two_hurry(scene: Scene) -> None:
    scene.asks(1, SOON)
    scene.asks(2, 2 * SOON)


def three_wait(scene: Scene) -> None:
    two_wait(scene)
    scene.asks(3)


def three_are_served_together(scene: Scene) -> None:
    """17: one read brings the answers to all."""
    numbers = (1, 2, 3)
    for number in numbers:
        scene.add(f"asks {number}", lambda number=number: scene.ask(number))
    transport = scene.transport
    answer = Event(
        "all answers",
        lambda: transport.incoming.append(bytes(numbers)),
        lambda: set(numbers) <= set(transport.sent),
    )
    scene.scheduler.events.append(answer)


def three_wait_one_hurries(scene: Scene) -> None:
    one_hurries(scene)
    scene.asks(3)


def no_room(scene: Scene) -> None:
    """5: the peer reads only after it has been read."""
    scene.asks(1)
    scene.uploads(b"\x62")
    scene.event("what it writes first", JUNK)
    scene.gives_room(lambda: scene.endpoint.received > 0)


def no_room_alone(scene: Scene) -> None:
    scene.uploads(b"\x62")
    scene.event("what it writes first", JUNK)
    scene.gives_room(lambda: scene.endpoint.received > 0)


def no_room_for_long(scene: Scene) -> None:
    scene.uploads(b"\x61", SOON)
    scene.uploads(b"\x62")
    scene.asks(1)
    scene.gives_room()


def cancelled(scene: Scene) -> None:
    scene.add("asks 1", lambda: scene.ask(1))  # nobody answers
    scene.asks(2)
    scene.cancels(1)


def asked_while_another_arrives(scene: Scene) -> None:
    """16: what the third queues is sent by the second, whose stream is cancelled."""
    scene.asks(1)
    scene.add("asks 2", lambda: scene.ask(2))  # nobody answers
    scene.cancels(2)
    scene.asks(3)


def closed(scene: Scene) -> None:
    two_wait(scene)
    scene.closes()


def closed_without_room(scene: Scene) -> None:
    scene.asks(1)
    scene.uploads(b"\x62")
    scene.closes()
    scene.gives_room()


def abandoned(scene: Scene) -> None:
    scene.asks(1)
    scene.takes_turn()
    scene.abandons()


def abandoned_before_a_turn(scene: Scene) -> None:
    """6: the place is there when the thread that waits for it has sent what was queued."""
    scene.asks(1)
    scene.add("notes", lambda: scene.pump.notes.append(Dropped()))
    scene.takes_turn()


def dropped_amid_a_step(scene: Scene) -> None:
    scene.asks(1)
    scene.takes_turn()
    scene.scheduler.drops.append(scene.drop)
    scene.event("a place", PLACE)


def dropped_and_closed(scene: Scene) -> None:
    scene.asks(1)
    scene.abandons()
    scene.closes()


def struck(scene: Scene) -> None:
    scene.asks(1, is_victim=True)
    scene.asks(2)
    scene.endings = ENDS
    scene.scheduler.strikes = 1


def struck_in_the_queue(scene: Scene) -> None:
    scene.takes_turn(is_victim=True)
    scene.takes_turn()
    scene.event("a place", PLACE)
    scene.event("another", PLACE)
    scene.endings = ENDS
    scene.scheduler.strikes = 1


def handled(scene: Scene) -> None:
    """14: a signal handler asks, amid the wait of its thread."""
    scene.asks(1, is_victim=True)
    scene.asks(2)
    scene.answers(3)
    scene.scheduler.handlers.append(lambda: scene.ask(3))


def handled_in_a_hurry(scene: Scene) -> None:
    scene.asks(1, is_victim=True)
    scene.asks(2)
    scene.scheduler.handlers.append(lambda: scene.ask(3, SOON))  # nobody answers


def turns(scene: Scene) -> None:
    scene.takes_turn()
    scene.takes_turn(SOON)
    scene.asks(1)
    scene.event("a place", PLACE)
    scene.event("another", PLACE)


def kept_alive(scene: Scene) -> None:
    """13: nothing comes, or late."""
    two_wait(scene)
    scene.endings = ENDS


def the_peer_ends(scene: Scene) -> None:
    two_wait(scene)
    scene.event("its end", 0, end=True)
    scene.endings = ENDS


def the_peer_goes_away(scene: Scene) -> None:
    scene.endpoint.streams.clear()
    two_wait(scene)
    scene.event("GOAWAY", GOAWAY)
    scene.endings = ENDS


def pinged(scene: Scene) -> None:
    """12: an unanswered PING, and a wait beside it."""
    pump = scene.pump

    def act() -> None:
        try:
            pump.ping(b"12345678", SOON)
        except TimedOut:
            assert not scene.endpoint.pings, "a PING is left"

    scene.add("pings", act)
    scene.asks(1)
    scene.event("its acknowledgement", PONG, lambda: PING in scene.transport.sent)


def looked(scene: Scene) -> None:
    """9: a look before a request, while others wait."""
    pump = scene.pump

    def act() -> None:
        with pump.lock:
            pump.look()
        with pump.lock:
            pump.pull()

    two_wait(scene)
    scene.add("looks", act)


CASES = [
    Case("two threads wait", two_wait),
    Case("two threads wait, one with a timeout", one_hurries),
    Case("two threads wait, both with timeouts", two_hurry),
    Case("two threads wait, and one looks before a request", looked),
    Case("a peer that writes before it reads, and an upload", no_room),
    Case("two uploads without room, one with a timeout, and a wait", no_room_for_long),
    Case("a cancel of the stream that another waits for", cancelled),
    Case("a request while another thread is woken by a cancel", asked_while_another_arrives),
    Case("a close beside two waits", closed),
    Case("a close beside a wait and an upload without room", closed_without_room),
    Case("a response that is dropped gives a place", abandoned),
    Case("a response that is dropped amid any step", dropped_amid_a_step),
    Case("a response that is dropped while the connection is closed", dropped_and_closed),
    Case("Ctrl-C in a wait", struck),
    Case("Ctrl-C in the queue for a place", struck_in_the_queue),
    Case("a signal handler that waits", handled),
    Case("a signal handler that times out", handled_in_a_hurry),
    Case("two turns, one with a timeout, and a wait", turns),
    Case("keepalive, and a peer that may be silent", kept_alive, SOON),
    Case("the peer's end beside two waits", the_peer_ends),
    Case("GOAWAY of a peer that is done", the_peer_goes_away),
    Case("a PING that may be unanswered, and a wait", pinged),
    Case("three threads wait", three_wait),
    Case("three threads that one read serves", three_are_served_together),
    Case("three threads wait, one with a timeout", three_wait_one_hurries),
]
