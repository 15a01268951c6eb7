"""hyper.transport.deadline: one limit for several waits, and how poll counts."""

from __future__ import annotations

import pytest

from hyper.errors import TimedOut
from hyper.transport.deadline import MAX_POLL, NEVER, Deadline, milliseconds_of


def test_the_time_that_is_left_shrinks_from_wait_to_wait(clock):
    deadline = Deadline(5)
    assert deadline.remaining("late") == 5
    clock.now += 3
    assert deadline.remaining("late") == 2
    assert not deadline.is_over


@pytest.mark.parametrize("late", [0, 1])
def test_at_its_moment_it_is_over_and_says_the_words_given(clock, late):
    deadline = Deadline(5)
    clock.now += 5 + late
    assert deadline.is_over
    with pytest.raises(TimedOut, match=r"^the peer is silent$"):
        deadline.remaining("the peer is silent")


def test_no_limit_is_never_over(clock):
    clock.now += 1e9
    for deadline in (NEVER, Deadline(None)):
        assert deadline.remaining("late") is None
        assert not deadline.is_over


@pytest.mark.parametrize(("later", "left"), [(0, 5), (3, 2), (5, 0), (6, 0)])
def test_what_is_left_is_a_number_that_a_wait_can_take(clock, later, left):
    deadline = Deadline(5)
    clock.now += later
    assert deadline.left() == left
    assert NEVER.left() is None


def test_the_seconds_of_a_call_count_from_its_beginning(clock):
    assert Deadline(5, clock.now - 3).left() == 2


@pytest.mark.parametrize(("timeout", "slept"), [(None, 2), (5, 2), (1, 1), (0, 0)])
def test_a_pause_ends_at_the_moment_at_the_latest(clock, timeout, slept):
    before = clock.now
    Deadline(timeout).sleep(2)
    assert clock.now == before + slept


@pytest.mark.parametrize(("timeout", "left"), [(None, 2), (5, 2), (1, 1), (2, 2)])
def test_a_further_limit_can_only_bring_the_end_nearer(clock, timeout, left):
    assert Deadline(timeout).at_most(2).remaining("late") == left


@pytest.mark.parametrize(
    ("timeout", "milliseconds"),
    [
        (None, None),
        (0, 0),
        (0.0001, 1),
        (0.001, 1),
        (0.0011, 2),
        (2, 2000),
        (MAX_POLL / 1000, MAX_POLL),
        (1e12, MAX_POLL),
        (float("inf"), MAX_POLL),
    ],
)
def test_poll_waits_no_shorter_than_asked_and_as_long_as_it_can_count(timeout, milliseconds):
    assert milliseconds_of(timeout) == milliseconds
