"""Rules 16, 17: a thread that was woken sends what others queue, and wakes those served with it.

The numbers are those of the docstring of ``hyper/pump/__init__.py``.
"""

from __future__ import annotations

from hyper.pump import pump as pump_module
from test.threads.fake_network import DEADLINE


def queue_while_one_arrives(stage, number, octets):
    """Wake the thread that waits for news of a number, and queue octets before it has the lock."""
    with stage.pump.lock:
        stage.endpoint.receive(memoryview(bytes([number])))
        stage.pump.flush()
        assert stage.pump.leaves_to_another()
        stage.endpoint.outbound.append(octets)


def test_a_thread_that_arrives_sends_what_another_thread_has_queued(stage):
    """16: the leader sleeps in the kernel, and does not see the queue."""
    leader, served = stage.wait_for(1), stage.wait_for(2)
    queue_while_one_arrives(stage, 2, b"request")
    assert served.end() is None
    assert bytes(stage.transport.sent) == b"request"
    stage.bring(1)
    assert leader.end() is None


def test_what_is_queued_leaves_although_the_leader_has_gone(stage):
    """16, 4: the follower that is promoted sends it."""
    leader, served, heir = (stage.wait_for(n) for n in (1, 2, 3))
    with stage.pump.lock:
        stage.bring(1)
        stage.endpoint.receive(memoryview(bytes([2])))
        stage.pump.flush()
        stage.endpoint.outbound.append(b"request")
    assert (leader.end(), served.end()) == (None, None)
    stage.transport.until(lambda: bytes(stage.transport.sent) == b"request")
    stage.transport.until(lambda: heir.name in stage.transport.asleep)
    stage.bring(3)
    assert heir.end() is None


def test_the_next_requests_of_threads_that_one_read_served_leave_in_one_write(stage, monkeypatch):
    """16: eight threads, each of which waits for an answer, and then for another."""
    monkeypatch.setattr(pump_module, "LONGEST_ARRIVAL", DEADLINE)
    pump, endpoint, transport = stage.pump, stage.endpoint, stage.transport
    numbers = range(1, 9)
    writes = []
    send = transport.send
    transport.send = lambda octets: (writes.append(octets), send(octets))[1]

    def act(number):
        for _ in range(2):
            pump.wait(endpoint.has(number), (number,), None)
            endpoint.news[number] -= 1
            endpoint.outbound.append(bytes([number]))
            if not pump.leaves_to_another():
                pump.drain(None)

    actors = [stage.settle(stage.start(lambda number=number: act(number))) for number in numbers]
    stage.bring(bytes(numbers))
    transport.until(lambda: len(transport.sent) == 8)
    assert [sorted(write) for write in writes] == [[*numbers]]
    stage.bring(bytes(numbers))
    assert [actor.end() for actor in actors] == [None] * 8
    assert sorted(transport.sent) == sorted([*numbers, *numbers])


def test_the_leader_watches_for_room_if_the_socket_refuses_what_was_left(stage):
    """16, 5: nobody else waits until the socket takes it."""
    leader, served = stage.wait_for(1), stage.wait_for(2)
    stage.transport.give_room(0)
    queue_while_one_arrives(stage, 2, bytes(100))
    assert served.end() is None
    stage.transport.until(lambda: stage.transport.asleep == {leader.name: (True, True)})
    stage.transport.give_room()
    stage.transport.until(lambda: len(stage.transport.sent) == 100)
    stage.bring(1)
    assert leader.end() is None


def test_a_thread_leads_in_the_end_though_another_was_woken_and_does_not_come(stage):
    """16: a signal handler keeps that one, perhaps."""
    with stage.pump.lock:
        stage.pump.arriving.add(object())
    waiting = stage.wait_for(1)
    stage.transport.until(lambda: waiting.name in stage.transport.asleep)
    stage.bring(1)
    assert waiting.end() is None


def test_a_signal_handler_sends_itself_though_the_thread_beneath_it_was_woken(stage, monkeypatch):
    """16, 14: that thread goes on only after the handler."""
    left = []

    def sleep(waiter, timeout):
        usual_sleep(waiter, timeout)
        if not left:  # a signal handler runs before the thread has the lock again
            with stage.pump.lock:
                left.append(stage.pump.leaves_to_another())

    leader = stage.wait_for(1)
    usual_sleep = pump_module.Waiter.sleep
    monkeypatch.setattr(pump_module.Waiter, "sleep", sleep)
    follower = stage.wait_for(2)
    stage.bring(2)
    assert follower.end() is None
    assert left == [False]
    stage.bring(1)
    assert leader.end() is None


def serve(stage, *numbers):
    """Bring news of all numbers in one read; returns the threads that were woken by it. Lock held.

    The thread that reads is the test's, in place of the leader.
    """
    waiters = {number: stage.pump._waiters[number][0] for number in numbers}
    stage.endpoint.receive(memoryview(bytes(numbers)))
    stage.pump.flush()
    return [number for number, waiter in waiters.items() if waiter.is_woken]


def test_the_first_thread_that_a_read_serves_wakes_those_served_with_it(stage):
    """17: whoever wakes all of them is stopped by each of them in turn."""
    leader, *served = (stage.wait_for(number) for number in range(1, 6))
    with stage.pump.lock:
        assert serve(stage, 2, 3, 4, 5) == [2]
    assert [actor.end() for actor in served] == [None] * 4
    stage.bring(1)
    assert leader.end() is None


def test_the_main_thread_is_not_relied_on_to_wake_others(stage, monkeypatch):
    """17, 14: a signal handler may keep it for long."""
    leader, *served = (stage.wait_for(number) for number in range(1, 6))
    monkeypatch.setattr(pump_module, "main_thread", lambda: served[0])
    with stage.pump.lock:
        assert serve(stage, 2, 3, 4, 5) == [2, 3]
    assert [actor.end() for actor in served] == [None] * 4
    stage.bring(1)
    assert leader.end() is None


def test_threads_that_one_read_serves_go_on_although_the_first_is_interrupted(stage):
    """17: it wakes the others on its way out."""
    leader, *served = (stage.wait_for(number) for number in range(1, 5))
    stage.transport.interruptions[served[0].name] = ZeroDivisionError()
    stage.bring(bytes((2, 3, 4)))
    assert isinstance(served[0].end(), ZeroDivisionError)
    assert [actor.end() for actor in served[1:]] == [None] * 2
    stage.bring(1)
    assert leader.end() is None
