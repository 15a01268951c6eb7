"""The pump's rules, each by itself, on a stage where nothing sleeps for a time (HOUSE, 5).

The numbers are those of the docstring of ``hyper/pump/pump.py``.
"""

from __future__ import annotations

import errno
import random
import signal
import socket
import sys
import threading
import time
import weakref
from contextlib import nullcontext

import pytest

from hyper.errors import ConnectionTerminated, RemoteDisconnected, TimedOut
from hyper.protocol.flow.budget import Budget
from hyper.protocol.states import OPEN
from hyper.protocol.stream import Stream
from hyper.pump import pump as pump_module
from hyper.pump.pump import Pump
from hyper.transport.buffered import BufferedSocket
from hyper.transport.tcp import PlainTransport
from test.threads.stage import (
    DEADLINE,
    GOAWAY,
    PLACE,
    FakeEndpoint,
    Stage,
    tiny_switch_interval,
)

MEBIBYTE = 1024 * 1024


@pytest.fixture(params=["usual", "tiny"], ids="{} switch interval".format)
def switching(request):
    """Threads change places now and then, or all the time."""
    with tiny_switch_interval() if request.param == "tiny" else nullcontext():
        yield


@pytest.fixture
def stage(monkeypatch, switching):
    scene = Stage(monkeypatch)
    yield scene
    scene.strike()


# ------------------------------------------------------------- rule 1: the lock


def test_a_sleeper_does_not_hold_the_lock(stage):
    """1: the only thing that blocks is done without the lock."""
    leader = stage.wait_for(1)
    assert stage.pump.lock.acquire(blocking=False)
    stage.pump.lock.release()
    stage.bring(1)
    assert leader.end() is None


def test_what_is_true_needs_no_network(stage):
    """2: a condition that holds is not waited for, nor is anything read or sent."""
    stage.bring(1)
    with stage.pump.lock:
        stage.pump.wait(lambda: True, (1,), 0)
    assert stage.endpoint.received == 0


def test_the_lock_is_held_whenever_a_condition_is_asked(stage):
    asked = []

    def ready():
        asked.append(stage.pump.lock._is_owned())
        return stage.endpoint.news[1] > 0

    waiter = stage.settle(stage.start(lambda: stage.pump.wait(ready, (1,), None)))
    other = stage.wait_for(2)
    stage.bring(1, 2)
    assert (waiter.end(), other.end()) == (None, None)
    assert all(asked)


# -------------------------------------------------------- rule 2: who waits, reads


def test_the_leader_sends_what_is_queued_before_it_sleeps(stage):
    stage.endpoint.outbound.append(b"request")
    leader = stage.wait_for(1)
    assert bytes(stage.transport.sent) == b"request"
    stage.bring(1)
    assert leader.end() is None


def test_the_leader_reads_for_all_and_wakes_whom_it_served(stage):
    leader, other, third = (stage.wait_for(n) for n in (1, 2, 3))
    assert stage.parked == {other.name, third.name}
    stage.bring(3)
    assert third.end() is None
    stage.bring(2)
    assert other.end() is None
    assert leader.name in stage.transport.asleep
    stage.bring(1)
    assert leader.end() is None


def test_the_leader_answers_while_it_waits(stage):
    """What receiving queues (an ACK, say) leaves before the leader sleeps again."""
    receive = stage.endpoint.receive

    def receive_and_answer(view):
        stage.endpoint.outbound.append(b"ack")
        return receive(view)

    stage.endpoint.receive = receive_and_answer
    leader = stage.wait_for(1)
    stage.bring(9)
    stage.transport.until(lambda: bytes(stage.transport.sent) == b"ack")
    stage.bring(1)
    assert leader.end() is None


def test_only_those_with_news_wake(stage):
    """MICRO, 4: a herd costs thirty times as much."""
    leader = stage.wait_for(1)
    idle = [stage.wait_for(n) for n in range(10, 20)]
    asked = []
    for gates in stage.pump._parked.values():
        for gate in gates:
            ready = gate.ready
            gate.ready = lambda ready=ready: asked.append(1) or ready()
    served = stage.wait_for(2)
    stage.bring(2)
    assert served.end() is None
    assert not asked
    stage.bring(1, *range(10, 20))
    assert [actor.end() for actor in [leader, *idle]] == [None] * 11


# ------------------------------------------------------------- rules 3, 4: gates


def test_who_leaves_the_chair_appoints_a_parked_thread(stage):
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    stage.bring(1)
    assert leader.end() is None
    stage.transport.until(lambda: len(stage.transport.asleep) == 1)
    stage.bring(2)
    assert second.end() is None
    stage.bring(3)
    assert third.end() is None


def test_one_read_that_serves_leader_and_another_leaves_nobody_asleep(stage):
    """MICRO, 4: the one served is walking out already; the third must get the chair."""
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    stage.bring(bytes([1, 2]))
    assert (leader.end(), second.end()) == (None, None)
    stage.transport.until(lambda: third.name in stage.transport.asleep)
    stage.bring(3)
    assert third.end() is None


def test_a_served_thread_is_not_appointed(stage):
    """3: the gate leaves the list in the step in which it is opened."""
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    with stage.pump.lock:
        gate = stage.pump._parked[2][0]
        stage.endpoint.receive(memoryview(bytes([2])))
        stage.pump.flush()
        assert gate.is_open
        assert 2 not in stage.pump._parked
    assert second.end() is None
    stage.bring(bytes([1, 3]))
    assert (leader.end(), third.end()) == (None, None)


def test_one_thread_is_appointed_at_a_time(stage):
    leader = stage.wait_for(1)
    others = [stage.wait_for(n) for n in (2, 3, 4)]
    stage.bring(1)
    assert leader.end() is None
    stage.transport.until(lambda: len(stage.transport.asleep) == 1)
    with stage.pump.lock:
        assert len(stage.parked) == 2
    stage.bring(2, 3, 4)
    assert [actor.end() for actor in others] == [None] * 3


def test_a_newcomer_may_take_the_chair_before_the_appointed(stage):
    """4: then the appointed thread parks again, and is appointed again."""
    leader = stage.wait_for(1)
    heir = stage.wait_for(2)
    with stage.pump.lock:
        # The leader leaves by its deadline, so to speak, while the lock is ours.
        stage.endpoint.news[1] += 1
        stage.bring(9)
    assert leader.end() is None
    newcomer = stage.wait_for(3)
    stage.bring(3)
    assert newcomer.end() is None
    stage.bring(2)
    assert heir.end() is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimedOut, ZeroDivisionError])
def test_a_leader_that_leaves_by_exception_appoints(stage, error):
    """4: for whatever reason."""
    leader, heir = stage.wait_for(1), stage.wait_for(2)
    stage.transport.interruptions[leader.name] = error()
    stage.bring(9)  # wakes the leader, which then would sleep again
    assert isinstance(leader.end(), error)
    stage.bring(2)
    assert heir.end() is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimedOut])
def test_an_appointed_thread_that_leaves_by_exception_appoints_the_next(stage, error):
    """4: before it could lead."""
    leader, heir, third = (stage.wait_for(n) for n in (1, 2, 3))
    stage.transport.interruptions[heir.name] = error()
    stage.bring(1)
    assert leader.end() is None
    assert isinstance(heir.end(), error)
    stage.bring(3)
    assert third.end() is None


def test_a_condition_that_raises_hurts_only_its_own_thread_and_the_next_leads(stage):
    def broken():
        if stage.endpoint.received:
            raise ZeroDivisionError
        return False

    leader = stage.settle(stage.start(lambda: stage.pump.wait(broken, (1,), None)))
    heir = stage.wait_for(2)
    stage.bring(1)
    assert isinstance(leader.end(), ZeroDivisionError)
    stage.bring(2)
    assert heir.end() is None


def test_real_ctrl_c_in_the_kernel_or_at_the_gate_lets_the_others_go_on(stage):
    """4: SIGINT to the main thread, while it leads and while it is parked."""
    if sys.platform == "win32":
        pytest.skip("pthread_kill is of POSIX")
    main = threading.current_thread()
    for takes_the_chair in (True, False):
        is_struck = threading.Event()
        first = None if takes_the_chair else stage.wait_for(1)

        def interrupt(is_struck=is_struck):
            stage.transport.until(
                lambda: main.name in stage.transport.asleep or main.name in stage.parked
            )
            # A signal between the last look and the sleep wakes nobody: it is sent again.
            while not is_struck.wait(0.1):
                signal.pthread_kill(main.ident, signal.SIGINT)

        killer = threading.Thread(target=interrupt, daemon=True)
        killer.start()
        with pytest.raises(KeyboardInterrupt), stage.pump.lock:
            stage.pump.wait(lambda: False, (5,), DEADLINE)
        is_struck.set()
        killer.join(DEADLINE)
        stage.transport.asleep.pop(main.name, None)
        if first:
            stage.bring(1)
            assert first.end() is None
        assert not stage.pump._parked


# --------------------------------------------------------------- rule 5: room


def test_the_leader_watches_for_room_too(stage):
    """5: who leads waits in both directions."""
    stage.transport.give_room(0)
    writer = stage.upload(100)
    assert stage.transport.asleep == {writer.name: (True, True)}
    stage.transport.give_room()
    assert writer.end() is None
    assert len(stage.transport.sent) == 100


def test_drain_waits_for_room_while_another_leads(stage):
    leader = stage.wait_for(1)
    stage.transport.give_room(30)
    writer = stage.upload(100)
    assert stage.transport.asleep[writer.name][1]
    assert leader.name in stage.transport.asleep
    stage.transport.give_room(70)
    assert writer.end() is None
    stage.bring(1)
    assert leader.end() is None


def test_a_peer_that_writes_before_it_reads_is_read_though_the_leader_has_gone(stage):
    """5: the leader leaves while the only other thread waits for room, and nobody is parked."""
    leader = stage.wait_for(1)
    stage.transport.give_room(0)
    writer = stage.upload()
    stage.bring(1)
    assert leader.end() is None
    # From here on the peer reads nothing until it has been read.
    stage.transport.on_read = stage.transport.give_room
    stage.bring(9)
    assert writer.end() is None


def test_an_answer_is_not_kept_waiting_for_room(stage):
    """5: a thread whose answer has come returns, though the peer takes no octets."""
    leader = stage.wait_for(1)
    stage.transport.give_room(0)
    writer = stage.upload()
    reader = stage.wait_for(2)
    stage.bring(2)
    assert reader.end() is None
    stage.bring(1)
    assert leader.end() is None
    stage.transport.give_room()
    assert writer.end() is None


def test_drain_gives_up_at_its_deadline_and_the_octets_stay_queued(stage):
    """7."""
    stage.transport.give_room(10)
    assert isinstance(stage.upload(100, timeout=0.01).end(), TimedOut)
    stage.transport.give_room()
    assert stage.upload(100).end() is None
    assert len(stage.transport.sent) == 200


def test_two_writers_and_a_reader_share(stage):
    stage.transport.give_room(0)
    actors = [stage.upload(), stage.wait_for(1), stage.upload()]
    stage.bring(9)
    stage.transport.give_room()
    stage.bring(1)
    assert [actor.end() for actor in actors] == [None] * 3


# ------------------------------------------------------------- rule 6: look again


def test_who_sends_looks_again_before_it_sleeps(stage):
    """6: as leader. Sending satisfied the very thing waited for."""
    sent = []
    stage.transport.on_send = lambda: sent.append(1)
    stage.endpoint.outbound.append(b"x")
    with stage.pump.lock:
        stage.pump.wait(lambda: bool(sent), (1,), 0)


def test_who_sends_looks_again_before_it_parks(stage):
    """6: while another leads."""
    leader = stage.wait_for(1)
    sent = []
    stage.transport.on_send = lambda: sent.append(1)
    stage.endpoint.outbound.append(b"x")
    waiter = stage.start(lambda: stage.pump.wait(lambda: bool(sent), (2,), None))
    assert waiter.end() is None
    stage.bring(1)
    assert leader.end() is None


def test_a_dropped_response_gives_its_place_to_who_asks_next(stage):
    """6: the note that a destructor left is read before one sleeps."""
    leader = stage.wait_for(1)
    stage.pump._abandoned.append(object())
    waiter = stage.start(lambda: stage.pump.wait_turn(lambda: stage.endpoint.places > 0, None))
    assert waiter.end() is None
    stage.bring(1)
    assert leader.end() is None


@pytest.mark.parametrize("parked", [False, True])
def test_a_dropped_response_gives_its_place_to_who_sleeps(stage, parked):
    """10: in the kernel, or at a gate while another sleeps there."""
    leader = stage.wait_for(1) if parked else None
    waiter = stage.settle(
        stage.start(lambda: stage.pump.wait_turn(lambda: stage.endpoint.places > 0, None))
    )
    stage.pump.drop_from_finalizer(object())
    assert waiter.end() is None
    if leader:
        stage.bring(1)
        assert leader.end() is None


def test_what_a_closed_connection_held_is_noted_at_once(stage):
    """Nobody moves octets there any more."""
    stage.pump.close()
    stream = Stream(1, OPEN, "GET")
    stream.content.extend([b"123", b"45"])
    stage.pump.drop_from_finalizer(stream)
    assert stage.endpoint.budget.freed.copy().pop() == 5
    assert not stream.content


def test_what_is_abandoned_while_it_closes_is_noted_all_the_same(stage, monkeypatch):
    """The note came before the end, and nobody has moved octets since."""
    stream = Stream(1, OPEN, "GET")
    stream.content.append(b"12345")
    monkeypatch.setattr(stage.transport, "shutdown", lambda: stage.pump.drop_from_finalizer(stream))
    stage.pump._abandoned.append(stream)
    stage.pump.close()
    assert sum(stage.endpoint.budget.freed) == 5
    assert not stage.pump._abandoned


def test_what_is_read_of_a_former_connection_makes_room_for_who_waits(stage):
    """Its reader does not know who waits here."""
    former = Budget(100)
    former.in_use = 100
    budget = stage.endpoint.budget = Budget(100, [weakref.ref(former)])
    waiter = stage.settle(
        stage.start(lambda: stage.pump.wait_turn(lambda: budget.has_room(1), None))
    )
    former.freed.append(100)
    assert waiter.end() is None


# --------------------------------------------------------------- rule 7: timeouts


def test_a_timeout_is_the_waiters_alone(stage):
    """7: leader or parked, one gives up and the others do not notice."""
    leader = stage.wait_for(1)
    hasty = stage.wait_for(2, timeout=0.01)
    assert isinstance(hasty.end(), TimedOut)
    assert 2 not in stage.pump._parked
    stage.bring(1)
    assert leader.end() is None
    hasty, patient = stage.wait_for(3, timeout=0.01), stage.wait_for(4)
    assert isinstance(hasty.end(), TimedOut)
    stage.bring(4, 3)
    assert patient.end() is None
    assert stage.wait_for(3).end() is None
    assert not stage.pump.is_closed


def test_a_wait_of_no_time_takes_what_is_there(stage):
    stage.bring(1)
    with stage.pump.lock:
        stage.pump.wait(stage.endpoint.has(1), (1,), 0)
        with pytest.raises(TimedOut, match="still usable"):
            stage.pump.wait(stage.endpoint.has(2), (2,), 0)


def test_what_comes_with_the_deadline_counts(stage, monkeypatch):
    """7: a thread that wakes too late, but served, does not time out."""
    leader = stage.wait_for(1)
    waiter = stage.wait_for(2, timeout=1000)
    clock = time.monotonic() + 2000
    monkeypatch.setattr(pump_module.time, "monotonic", lambda: clock)
    stage.bring(2)
    assert waiter.end() is None
    monkeypatch.undo()
    stage.bring(1)
    assert leader.end() is None


# --------------------------------------------------------------- rule 8: failures


ENDS = {
    "the peer's end": (b"", RemoteDisconnected, ()),
    "reset": (
        ConnectionResetError(errno.ECONNRESET, "reset"),
        ConnectionResetError,
        (errno.ECONNRESET, "reset"),
    ),
    "no route": (OSError(errno.EHOSTUNREACH, "no route"), OSError, (errno.EHOSTUNREACH,)),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_failure_wakes_all_each_with_its_own_exception(stage, case):
    """8: no traceback is shared between threads."""
    arrival, kind, arguments = ENDS[case]
    actors = [stage.wait_for(n) for n in (1, 2, 3, 2)]
    stage.bring(arrival)
    errors = [actor.end() for actor in actors]
    assert [type(error) for error in errors] == [kind] * 4
    assert len(set(map(id, errors))) == 4
    assert errors[0].args[: len(arguments)] == arguments
    assert stage.transport.closed == 1


def test_an_exception_in_the_middle_of_receiving_ends_the_connection_for_all(stage):
    """Half a step may be done: the thread gets what it was, the others ConnectionTerminated."""
    leader, other = stage.wait_for(1), stage.wait_for(2)
    stage.bring(KeyboardInterrupt())
    assert isinstance(leader.end(), KeyboardInterrupt)
    assert isinstance(other.end(), ConnectionTerminated)
    assert stage.transport.closed == 1


def test_an_exception_in_the_middle_of_sending_ends_the_connection_for_all(stage):
    leader, other = stage.wait_for(1), stage.wait_for(2)

    def interrupt():
        raise KeyboardInterrupt

    stage.transport.on_send = interrupt
    writer = stage.upload()
    assert isinstance(writer.end(), KeyboardInterrupt)
    assert isinstance(leader.end(), ConnectionTerminated)
    assert isinstance(other.end(), ConnectionTerminated)


def test_a_peer_that_takes_no_more_may_still_answer(stage):
    """RFC 9113, 8.1: an early answer is not lost because the rest of the request is refused."""
    leader = stage.wait_for(1)

    def refuse():
        raise BrokenPipeError(errno.EPIPE, "broken pipe")

    stage.transport.on_send = refuse
    assert stage.upload().end() is None
    stage.bring(1)
    assert leader.end() is None


def test_goaway_without_streams_closes_and_wakes_who_waits_for_the_connection(stage):
    """RFC 9113, 6.8: whoever waits for a PING's answer learns that none will come."""
    stage.endpoint.streams.clear()
    leader, other = stage.wait_for(1), stage.wait_for(2)
    stage.bring(GOAWAY)
    for error in (leader.end(), other.end()):
        assert isinstance(error, (ConnectionTerminated, RemoteDisconnected))
    assert stage.transport.closed == 1


# ------------------------------------------------------------------------- close


def test_close_wakes_everyone_and_gives_the_socket_back_once_when_they_have_woken(stage):
    stage.transport.give_room(0)
    actors = [stage.wait_for(n) for n in (1, 2, 3)]
    writer = stage.upload()
    stage.close()
    stage.close()
    assert [type(actor.end()) for actor in actors] == [ConnectionTerminated] * 3
    assert writer.end() is None  # there is nobody to whom the octets could go
    assert stage.transport.closed == 1


def test_close_without_sleepers_gives_the_socket_back_at_once(stage):
    stage.close()
    assert stage.transport.closed == 1


def test_a_wait_after_close_ends_at_once(stage):
    stage.close()
    assert isinstance(stage.wait_for(1).end(), ConnectionTerminated)
    assert stage.upload().end() is None
    with stage.pump.lock:
        stage.pump.look()


# ----------------------------------------------------------------------- wait_turn


def take_turn(stage, order, number):
    def act():
        stage.pump.wait_turn(lambda: stage.endpoint.places > 0, None)
        stage.endpoint.places -= 1
        order.append(number)

    return stage.settle(stage.start(act))


def test_turns_are_taken_in_the_order_of_coming(stage):
    """RFC 9113, 5.1.2: places among the streams are given fairly."""
    leader = stage.wait_for(1)
    order: list[int] = []
    actors = [take_turn(stage, order, number) for number in range(5)]
    for _ in actors:
        stage.bring(PLACE)
    assert [actor.end() for actor in actors] == [None] * 5
    assert order == list(range(5))
    stage.bring(1)
    assert leader.end() is None


def test_a_newcomer_does_not_overtake_those_in_the_queue(stage):
    leader = stage.wait_for(1)
    order: list[int] = []
    first = take_turn(stage, order, 1)
    with stage.pump.lock:
        stage.endpoint.places += 1  # and the one in the queue does not know it yet
    second = take_turn(stage, order, 2)
    stage.bring(PLACE, PLACE)
    assert (first.end(), second.end()) == (None, None)
    assert order == [1, 2]
    stage.bring(1)
    assert leader.end() is None


def test_places_that_come_together_are_taken_together(stage):
    leader = stage.wait_for(1)
    order: list[int] = []
    actors = [take_turn(stage, order, number) for number in range(4)]
    stage.bring(bytes([PLACE] * 4))
    assert [actor.end() for actor in actors] == [None] * 4
    assert order == list(range(4))
    stage.bring(1)
    assert leader.end() is None


def test_the_leader_of_the_queue_is_told_that_it_is_first(stage):
    """RFC 9113, 5.1.2: the one before it goes, and leaves a place; nothing comes from the peer."""
    order: list[int] = []
    served: list[bool] = []
    ahead = stage.settle(stage.start(lambda: stage.pump.wait_turn(lambda: bool(served), None)))
    leader = stage.wait_for(1)
    first, second = take_turn(stage, order, 1), take_turn(stage, order, 2)
    with stage.pump.lock:
        served.append(True)
        stage.endpoint.places += 2
        stage.endpoint.changed_streams.append(0)
        stage.pump.flush()  # which calls nobody but the one ahead
    assert ahead.end() is None
    assert (first.end(), second.end()) == (None, None)
    assert order == [1, 2]
    stage.bring(1)
    assert leader.end() is None


def test_what_another_thread_does_reaches_the_leader_in_the_kernel(stage):
    """3: a stream that is cancelled by one thread ends the wait of another, whichever leads."""
    leader = stage.wait_for(1)
    with stage.pump.lock:
        stage.endpoint.news[1] += 1  # as cancel would, by this side alone
        stage.endpoint.changed_streams.append(1)
        stage.pump.flush()
    assert leader.end() is None


def test_a_failure_ends_the_queue_for_all(stage):
    """8: also for those who are not the first in it."""
    queue = [
        stage.settle(
            stage.start(
                lambda: stage.pump.wait_turn(lambda: stage.endpoint.failure is not None, None)
            )
        )
        for _ in range(4)
    ]
    stage.bring(b"")
    assert [actor.end() for actor in queue] == [None] * 4


def test_who_leaves_the_queue_by_its_deadline_does_not_stop_the_next(stage):
    leader = stage.wait_for(1)
    order: list[int] = []
    hasty = stage.settle(stage.start(lambda: stage.pump.wait_turn(lambda: False, 0.01)))
    patient = take_turn(stage, order, 2)
    stage.bring(PLACE)
    assert isinstance(hasty.end(), TimedOut)
    assert patient.end() is None
    stage.bring(1)
    assert leader.end() is None


# ---------------------------------------------------------------------------- look


def test_look_takes_in_what_has_come_and_does_not_wait(stage):
    """9."""
    stage.bring(1)
    with stage.pump.lock:
        stage.pump.look()
        stage.pump.look()
    assert stage.endpoint.news[1] == 1


def test_look_leaves_the_reading_to_the_leader(stage):
    leader = stage.wait_for(1)
    with stage.pump.lock:
        stage.transport.bring(9)
        stage.pump.look()
        assert stage.endpoint.received == 0
    stage.bring(1)
    assert leader.end() is None


# --------------------------------------------------------- Ctrl-C at every line


def interrupted(act, at):
    """Do act, struck by KeyboardInterrupt at the at-th chance in pump.py; and where that was.

    CPython looks for signals when a function begins and when a call of C ends; waiting for a lock
    may be broken off. Two steps cannot be guarded in Python: the last, and the first after waking.
    """
    chances = [0]
    place: list[tuple[str, int, str]] = []

    def strike(frame, event, argument):
        if frame.f_code.co_filename != pump_module.__file__ or event == "return":
            return
        called = getattr(argument, "__name__", "")
        if event == "c_call" and called != "acquire":
            return
        name = frame.f_code.co_name
        if name == "_appoint" or (name == "_relock" and event == "call"):
            return
        chances[0] += 1
        if chances[0] == at:
            sys.setprofile(None)
            place.append((name, frame.f_lineno, f"{event} {called}"))
            raise KeyboardInterrupt

    def struck():
        sys.setprofile(strike)
        try:
            act()
        finally:
            sys.setprofile(None)

    return struck, place


@pytest.mark.parametrize("role", ["waiter", "writer", "queuer"])
@pytest.mark.parametrize("leads", [True, False], ids=["leading", "beside a leader"])
def test_ctrl_c_anywhere_stops_nobody_else(monkeypatch, role, leads):
    """4: wherever an exception strikes a thread, the others go on, or learn that it is over."""
    failures = []
    for at in range(1, 400):
        place, failure = strike_once(Stage(monkeypatch), role, at, leads=leads)
        if failure:
            failures.append((at, place, failure))
        if not place:
            break
    else:
        pytest.fail("the scene is longer than the test thinks")
    assert not failures, "\n".join(map(str, failures))


def strike_once(stage, role, at, *, leads):
    """Play the scene once; where the victim was struck, if it was, and what went wrong then."""
    pump, endpoint = stage.pump, stage.endpoint
    roles = {
        "waiter": lambda: pump.wait(endpoint.has(2), (2, 0), None),
        "writer": lambda: (endpoint.outbound.append(bytes(10)), pump.drain(None)),
        "queuer": lambda: pump.wait_turn(
            lambda: endpoint.places > 0 or endpoint.failure is not None, None
        ),
    }
    others = [] if leads else [stage.wait_for(1)]
    if role == "writer":
        stage.transport.give_room(5)
    act, place = interrupted(roles[role], at)
    victim = stage.settle(stage.start(act, "victim"))
    others += [stage.wait_for(3), stage.wait_for(4)]
    stage.bring(bytes([4]), bytes([2, PLACE]))
    stage.transport.give_room()
    stage.bring(1, 3)
    try:
        error = victim.end()
        assert isinstance(error, (KeyboardInterrupt, type(None))), repr(error)
        stage.bring(bytes([1, 3, 4]))
        for other in others:
            error = other.end()
            assert isinstance(error, (ConnectionTerminated, type(None))), repr(error)
        stage.strike()
    except AssertionError as failure:
        return place, repr(failure)
    return place, None


# ------------------------------------------------------------------------- together


@pytest.mark.parametrize("seed", range(4))
def test_many_threads_lose_no_wake_up(monkeypatch, seed):
    """3, 4, 7: each waits again and again, some of them hastily; news come in any order."""
    turns, threads = 40, 12
    chance = random.Random(seed)
    with tiny_switch_interval():
        stage = Stage(monkeypatch)
        endpoint, pump = stage.endpoint, stage.pump
        wanted: list[int] = []

        def act(number, hasty):
            for _ in range(turns):
                with stage.transport.change:
                    wanted.append(number)
                    stage.transport.change.notify_all()
                while True:
                    try:
                        pump.wait(endpoint.has(number), (number,), 0.002 if hasty else None)
                    except TimedOut:
                        continue
                    break
                endpoint.news[number] -= 1
                endpoint.outbound.append(b"x")
                pump.drain(None)

        for number in range(1, threads + 1):
            stage.start(lambda number=number: act(number, hasty=number % 3 == 0))
        for _ in range(turns * threads):
            stage.transport.until(lambda: bool(wanted))
            with stage.transport.change:
                batch = [wanted.pop(chance.randrange(len(wanted)))]
            stage.bring(*batch)
        assert [actor.end() for actor in stage.actors] == [None] * threads
        stage.strike()
    assert len(stage.transport.sent) == turns * threads


@pytest.mark.parametrize("others", [0, 1, 8, 32])
def test_a_peer_that_writes_before_it_reads_cannot_deadlock_us(others, switching):
    """5 (MICRO, 5): 8 MiB each way over a real socket, and threads that wait meanwhile."""
    size = 8 * MEBIBYTE
    here, there = socket.socketpair()
    there.settimeout(DEADLINE)
    endpoint = FakeEndpoint()
    transport = PlainTransport(here)
    pump = Pump(endpoint, BufferedSocket(transport), transport)
    taken = []

    def serve():
        there.sendall(bytes(size))
        left = size
        while left:
            left -= len(there.recv(65536))
        taken.append(size)
        there.sendall(bytes(range(1, others + 1)))

    def upload():
        for _ in range(size // 65536):
            with pump.lock:
                endpoint.outbound.append(bytes(65536))
                pump.drain(DEADLINE)

    def wait(number):
        with pump.lock:
            pump.wait(endpoint.has(number), (number,), DEADLINE)

    def leave_at_once():
        for _ in range(50):
            with pump.lock:
                try:
                    pump.wait(endpoint.has(250), (250,), 0.001)
                except TimedOut:
                    continue

    acts = [serve, upload, leave_at_once] + [
        lambda number=number: wait(number) for number in range(1, others + 1)
    ]
    threads = [threading.Thread(target=act, daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * DEADLINE)
        assert not thread.is_alive(), "deadlock"
    assert taken == [size]
    with pump.lock:
        if not others:
            pump.look()
        pump.wait(lambda: endpoint.received == size + others, (), DEADLINE)
        pump.close()
    there.close()
    assert not pump._parked


def test_close_from_another_thread_ends_a_wait_on_a_real_socket():
    here, there = socket.socketpair()
    endpoint = FakeEndpoint()
    transport = PlainTransport(here)
    pump = Pump(endpoint, BufferedSocket(transport), transport)
    is_in = threading.Event()
    failures = []

    def ready():
        is_in.set()
        return endpoint.failure is not None

    def wait():
        with pump.lock:
            pump.wait(ready, (1,), DEADLINE)
            failures.append(endpoint.failure)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert is_in.wait(DEADLINE)
    with pump.lock:
        endpoint.receive_eof()
        pump.flush()
        pump.close()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert failures == [endpoint.failure] * 3
    assert here.fileno() == -1
    there.close()
