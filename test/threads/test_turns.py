"""Turns: a queue for free streams (RFC 9113, 5.1.2); and the look before a request (rule 9).

The numbers are those of the docstring of ``hyper/pump/__init__.py``.
"""

from __future__ import annotations

from hyper.errors import TimedOut
from test.threads.fake_network import PLACE


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


def test_a_thread_that_leaves_the_queue_by_its_deadline_does_not_stop_the_next(stage):
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
