"""client/timeouts.py: seconds of one wait, and the moment by which all of a thread's must end."""

from __future__ import annotations

import socket
import threading

import pytest

from hyper.client.timeouts import NOT_GIVEN, Timeouts


def in_another_thread(ask):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join()
    return answers[0]


@pytest.mark.parametrize("timeout", [None, 0, 0.5, 30])
def test_each_wait_may_take_the_timeout_anew(timeout, clock):
    timeouts = Timeouts(timeout)
    for _ in range(2):
        assert timeouts.remaining() == timeout
        clock.now += 100


def test_without_a_timeout_the_socket_module_s_default_counts_at_each_wait():
    """As with http.client, it may be set later."""
    timeouts = Timeouts(NOT_GIVEN)
    before = socket.getdefaulttimeout()
    try:
        for default in (None, 7.0):
            socket.setdefaulttimeout(default)
            assert timeouts.remaining() == default
    finally:
        socket.setdefaulttimeout(before)


def test_within_all_waits_share_what_is_left(clock):
    timeouts = Timeouts(30)
    with timeouts.within(10):
        assert timeouts.remaining() == 10
        clock.now += 4
        assert (timeouts.remaining(), timeouts.is_overdue()) == (6, False)
        clock.now += 6
        assert (timeouts.remaining(), timeouts.is_overdue()) == (0, True)
        clock.now += 5
        assert timeouts.remaining() == 0  # a number that a wait can take
    assert (timeouts.remaining(), timeouts.is_overdue()) == (30, False)


@pytest.mark.parametrize(("inner", "left"), [(3, 3), (20, 10), (None, 10)])
def test_where_moments_are_nested_the_earlier_counts(inner, left, clock):
    timeouts = Timeouts(None)
    with timeouts.within(10):
        with timeouts.within(inner):
            assert timeouts.remaining() == left
        assert timeouts.remaining() == 10
    assert timeouts.remaining() is None


def test_within_ends_with_its_block_when_an_exception_leaves_it(clock):
    timeouts = Timeouts(30)
    with pytest.raises(KeyError), timeouts.within(1):
        raise KeyError
    assert timeouts.remaining() == 30


@pytest.mark.parametrize(("timeout", "left"), [(None, None), (10, 7)])
def test_a_call_of_several_waits_has_one_timeout_from_its_beginning_on(timeout, left, clock):
    timeouts, begin = Timeouts(timeout), clock.now
    clock.now += 3
    assert timeouts.deadline_of_call(begin).left() == left


def test_within_counts_in_the_place_of_a_call_s_timeout(clock):
    timeouts, begin = Timeouts(1), clock.now
    with timeouts.within(10):
        clock.now += 4
        assert timeouts.deadline_of_call(begin).left() == 6


def test_within_limits_no_other_thread(clock):
    timeouts = Timeouts(30)
    with timeouts.within(1):
        assert in_another_thread(timeouts.remaining) == 30
        assert in_another_thread(timeouts.is_overdue) is False
