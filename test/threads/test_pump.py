"""The pump's rules, each by itself, on a stage where nothing sleeps for a time.

The numbers are those of the docstring of ``hyper/pump/__init__.py``.
"""

from __future__ import annotations

import errno
import signal
import sys
import threading
import time
import weakref

import pytest

from hyper.errors import ConnectionTerminated, RemoteDisconnected, TimedOut
from hyper.protocol.flow.budget import Budget
from hyper.protocol.states import OPEN
from hyper.protocol.stream import Stream
from hyper.pump import pump as pump_module
from test.threads.fake_network import DEADLINE, GOAWAY

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
        asked.append(stage.pump.lock.is_held)
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
    assert stage.following == {other.name, third.name}
    stage.bring(3)
    assert third.end() is None
    stage.bring(2)
    assert other.end() is None
    # Without a GIL, whom the leader has woken may be done before it is asleep again.
    stage.transport.until(lambda: leader.name in stage.transport.asleep)
    stage.bring(1)
    assert leader.end() is None


def test_the_leader_answers_while_it_waits(stage):
    """A frame that receiving queues (an ACK, say) leaves before the leader sleeps again."""
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
    """3: waking all of them costs thirty times as much."""
    leader = stage.wait_for(1)
    idle = [stage.wait_for(n) for n in range(10, 20)]
    asked = []
    for waiters in stage.pump._waiters.values():
        for waiter in waiters:
            ready = waiter.ready
            waiter.ready = lambda ready=ready: asked.append(1) or ready()
    served = stage.wait_for(2)
    stage.bring(2)
    assert served.end() is None
    assert not asked
    stage.bring(1, *range(10, 20))
    assert [actor.end() for actor in [leader, *idle]] == [None] * 11


# ------------------------------------------------------------- rules 3, 4: followers


def test_a_thread_that_stops_leading_promotes_a_follower(stage):
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    stage.bring(1)
    assert leader.end() is None
    stage.transport.until(lambda: len(stage.transport.asleep) == 1)
    stage.bring(2)
    assert second.end() is None
    stage.bring(3)
    assert third.end() is None


def test_one_read_that_serves_leader_and_another_leaves_nobody_asleep(stage):
    """4: the one that was served is leaving already; the third must lead."""
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    stage.bring(bytes([1, 2]))
    assert (leader.end(), second.end()) == (None, None)
    stage.transport.until(lambda: third.name in stage.transport.asleep)
    stage.bring(3)
    assert third.end() is None


def test_a_served_thread_is_not_promoted(stage):
    """3: the waiter leaves the list in the step in which it is woken."""
    leader, second, third = (stage.wait_for(n) for n in (1, 2, 3))
    with stage.pump.lock:
        waiter = stage.pump._waiters[2][0]
        stage.endpoint.receive(memoryview(bytes([2])))
        stage.pump.flush()
        assert waiter.is_woken
        assert 2 not in stage.pump._waiters
    assert second.end() is None
    stage.bring(bytes([1, 3]))
    assert (leader.end(), third.end()) == (None, None)


def test_one_thread_is_promoted_at_a_time(stage):
    leader = stage.wait_for(1)
    others = [stage.wait_for(n) for n in (2, 3, 4)]
    stage.bring(1)
    assert leader.end() is None
    stage.transport.until(lambda: len(stage.transport.asleep) == 1)
    with stage.pump.lock:
        assert len(stage.following) == 2
    stage.bring(2, 3, 4)
    assert [actor.end() for actor in others] == [None] * 3


def test_a_newcomer_may_come_before_the_promoted_has_woken(stage):
    """4, 16: then it follows, and the promoted thread leads."""
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
def test_a_leader_that_leaves_by_exception_promotes(stage, error):
    """4: for whatever reason."""
    leader, heir = stage.wait_for(1), stage.wait_for(2)
    stage.transport.interruptions[leader.name] = error()
    stage.bring(9)  # wakes the leader, which then would sleep again
    assert isinstance(leader.end(), error)
    stage.bring(2)
    assert heir.end() is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimedOut])
def test_a_promoted_thread_that_leaves_by_exception_promotes_the_next(stage, error):
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


def test_real_ctrl_c_in_the_kernel_or_as_a_follower_lets_the_others_go_on(stage, ctrl_c):
    """4: SIGINT to the main thread, while it leads and while it follows."""
    if sys.platform == "win32":
        pytest.skip("pthread_kill is of POSIX")
    main = threading.current_thread()
    for leads in (True, False):
        is_struck = threading.Event()
        first = None if leads else stage.wait_for(1)

        def interrupt(is_struck=is_struck):
            stage.transport.until(
                lambda: main.name in stage.transport.asleep or main.name in stage.following
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
        assert not stage.pump._waiters


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
    """5: the leader leaves while the only other thread waits for room, and nobody follows."""
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


def test_a_sender_looks_again_before_it_sleeps(stage):
    """6: as leader. Sending satisfied the very thing waited for."""
    sent = []
    stage.transport.on_send = lambda: sent.append(1)
    stage.endpoint.outbound.append(b"x")
    with stage.pump.lock:
        stage.pump.wait(lambda: bool(sent), (1,), 0)


def test_a_sender_looks_again_before_it_follows(stage):
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
    stage.pump._notes.append(object())
    waiter = stage.start(lambda: stage.pump.wait_turn(lambda: stage.endpoint.places > 0, None))
    assert waiter.end() is None
    stage.bring(1)
    assert leader.end() is None


@pytest.mark.parametrize("following", [False, True])
def test_a_dropped_response_gives_its_place_to_who_sleeps(stage, following):
    """10: in the kernel, or as a follower while another sleeps there."""
    leader = stage.wait_for(1) if following else None
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


def test_what_is_dropped_while_it_closes_is_noted_all_the_same(stage, monkeypatch):
    """The note came before the end, and nobody has moved octets since."""
    stream = Stream(1, OPEN, "GET")
    stream.content.append(b"12345")
    monkeypatch.setattr(stage.transport, "shutdown", lambda: stage.pump.drop_from_finalizer(stream))
    stage.pump._notes.append(stream)
    stage.pump.close()
    assert sum(stage.endpoint.budget.freed) == 5
    assert not stage.pump._notes


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
    """7: leader or following, one gives up and the others do not notice."""
    leader = stage.wait_for(1)
    hasty = stage.wait_for(2, timeout=0.01)
    assert isinstance(hasty.end(), TimedOut)
    assert 2 not in stage.pump._waiters
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
    "no route": (OSError(errno.EHOSTUNREACH, "no route"), ConnectionTerminated, ()),
    "no answer": (TimeoutError(errno.ETIMEDOUT, "no answer"), ConnectionTerminated, ()),
    "another": (OSError(errno.ENOBUFS, "no buffers"), OSError, (errno.ENOBUFS,)),
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


def test_a_signal_handler_upon_a_follower_is_promoted_in_its_place(stage, monkeypatch):
    """14, 4: the outer wait, which the handler has interrupted, can neither sleep nor lead."""
    signals = [2]

    def sleep(waiter, timeout):
        if signals:  # a signal handler runs while its thread sleeps as a follower
            signals.pop()
            with stage.pump.lock:
                stage.pump.wait(stage.endpoint.has(3), (3,), DEADLINE)
        usual_sleep(waiter, timeout)

    leader = stage.wait_for(1)
    usual_sleep = pump_module.Waiter.sleep
    monkeypatch.setattr(pump_module.Waiter, "sleep", sleep)
    follower = stage.wait_for(2)
    stage.bring(1)
    assert leader.end() is None
    stage.bring(3, 2)
    assert follower.end() is None
