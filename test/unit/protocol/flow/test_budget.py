"""protocol/flow/budget.py: what may be unread, shared among streams and connections."""

from __future__ import annotations

import gc
import weakref
from collections import deque

from hyper.protocol.flow.budget import FORMER_GROWTH, Budget, Share
from hyper.protocol.flow.managers import (
    BaseFlowControlManager,
    FlowControlManager,
)
from hyper.protocol.flow.windows import ReceiveWindow
from test.unit.protocol.flow.test_windows import Told


class Greedy(BaseFlowControlManager):
    """Wants what the test says, whenever content comes."""

    wanted = 2**40

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return self.wanted


def test_shares_together_never_exceed_the_limit_and_some_is_left_for_streams_to_come():
    budget = Budget(8000)
    windows = [ReceiveWindow(100, Greedy(100), n, budget) for n in (1, 3, 5)]
    first, second, third = windows
    for window in windows:
        window.is_begun = True
    assert first.take(100) == (6000 - 300) // 2
    assert second.take(100) == (6000 - 300) // 4
    assert budget.in_use == sum(window.share.size for window in windows) < 6000
    for window in windows * 20:
        window.take(0)
    assert 5990 < budget.in_use <= 6000
    assert budget.has_room(2000)
    assert not budget.has_room(2010)
    third.end()
    assert budget.in_use == first.share.size + second.share.size


def test_a_stream_that_is_alone_may_have_all_that_is_left():
    budget = Budget(8000)
    window = ReceiveWindow(100, Greedy(100), 1, budget)
    window.is_begun = True
    assert window.take(100) == 5900
    assert budget.has_room(2000)


def test_what_is_guessed_before_the_head_leaves_room_for_what_is_known():
    budget = Budget(8000)
    first = ReceiveWindow(100, FlowControlManager(100), 1, budget)
    first.manager.round_trip(0.1)
    assert first.expected() == 6000 * 11 // 12 - 100
    second = ReceiveWindow(100, FlowControlManager(100), 3, budget)
    second.manager.round_trip(0.1)
    assert second.expected() == 0
    assert not budget.unmet
    second.is_begun = True
    assert second.blocked() == 100


def test_a_stream_that_is_waited_for_does_not_take_the_reserve():
    """An echo whose response nobody reads asks again and again: other requests go out."""
    budget = Budget(8000)
    echo = ReceiveWindow(100, FlowControlManager(100), 1, budget)
    echo.is_begun = True
    while echo.blocked():
        echo.take(echo.size)
    assert budget.in_use == 6000
    assert budget.has_room(2000)


def test_what_is_unread_of_former_connections_leaves_so_much_less():
    former = Budget(8000)
    ReceiveWindow(5000, FlowControlManager(5000), 1, former)
    budget = Budget(8000, [weakref.ref(former)])
    assert budget.counts_former
    assert budget.has_room(3000)
    assert not budget.has_room(3001)
    window = ReceiveWindow(100, FlowControlManager(100), 1, budget)
    window.is_begun = True
    assert window.blocked() == 100
    former.freed.append(4000)
    assert budget.has_room(6800)
    former.freed.append(1000)
    assert budget.has_room(7800)
    assert not budget.counts_former


def test_shares_of_a_former_connection_grow_little_more():
    former = Budget(2**26)
    window = ReceiveWindow(5000, Greedy(5000), 1, former)
    window.is_begun = True
    Budget(2**26, [weakref.ref(former)])
    assert window.take(0) == FORMER_GROWTH
    assert window.take(0) == 0


def test_a_former_connection_that_nobody_holds_counts_no_more():
    former = Budget(8000)
    former.in_use = 8000
    budget = Budget(8000, [weakref.ref(former)])
    assert not budget.has_room(1)
    del former
    gc.collect()
    assert budget.has_room(8000)


def test_what_is_unread_at_the_end_stays_in_use_until_it_is_read():
    budget = Budget(8000)
    window = ReceiveWindow(100, FlowControlManager(100), 1, budget)
    window.take(60)
    window.end()
    window.end()
    assert budget.in_use == 60
    assert budget.shares == 0
    assert not budget.has_room(7941)
    budget.freed.append(60)  # as a reader does, from any thread
    assert budget.has_room(8000)


def test_a_share_above_a_fair_part_is_returned_where_another_was_refused():
    budget = Budget(8000)
    large, small = (ReceiveWindow(100, Greedy(100), n, budget) for n in (1, 3))
    large.is_begun = small.is_begun = True
    Greedy.wanted = 2**40
    for _ in range(10):
        large.take(0)
    assert small.take(100) < 100
    assert budget.unmet
    manager = large.manager
    manager.consumed = lambda size: size
    large.take(5000)
    before = large.share.size
    assert large.credit(5000) == 5000 - (before - 3000)
    assert large.share.size == 3000  # half of what there is to grow
    assert small.take(0) > 1000


def test_an_increment_beyond_the_share_is_cut_to_what_is_left():
    budget = Budget(800)
    window = ReceiveWindow(700, Greedy(700), 1, budget)
    assert window.take(10) == 0
    assert window.size == 690
    manager = window.manager
    manager.consumed = lambda size: 2 * size
    assert window.credit(10) == 10
    assert window.size == window.share.size == 700


def test_padding_is_given_back_without_the_manager():
    budget = Budget(1000)
    window = ReceiveWindow(400, Told(400), 1, budget)
    window.take(120)
    assert window.pad(99) == 0
    assert window.pad(1) == 100
    assert window.size == window.manager.window_size == 380
    assert window.share.size == 400
    assert window.pad(20) == 0
    assert window.blocked() == 20  # what is there: padding is no content's room
    assert (window.size, window.share.unclaimed, window.share.size) == (400, 20, 420)


# ---- the budget by itself ----


def test_what_is_in_use_and_what_is_asked_for_fit_below_the_limit():
    budget = Budget(1000)
    assert budget.has_room(1000)
    assert not budget.has_room(1001)
    budget.in_use = 400
    assert budget.has_room(600)
    assert not budget.has_room(601)


def test_a_share_grows_only_out_of_what_is_above_the_reserve():
    """A quarter of the limit is for streams to come."""
    budget = Budget(1000)
    budget.shares = 1
    assert budget.grow(10_000, is_guess=False) == 750
    assert budget.in_use == 750
    assert budget.grow(1, is_guess=False) == 0


def test_a_stream_beside_others_gets_half_of_what_is_left():
    budget = Budget(1000)
    budget.shares = 2
    assert [budget.grow(10_000, is_guess=False) for _ in range(3)] == [375, 187, 94]
    assert budget.grow(10, is_guess=False) == 10  # no more than it asked for


def test_a_guess_gets_less_than_what_is_known_to_be_needed():
    for shares, most in ((1, 750 - 750 // 12), (2, (750 - 750 // 2) // 2)):
        budget = Budget(1000)
        budget.shares = shares
        assert budget.grow(10_000, is_guess=True) == most
        assert budget.unmet == 0


def test_the_largest_refusal_is_remembered_and_paid_out_of_shares_above_a_fair_part():
    budget = Budget(1000)
    budget.shares = 2
    first = 100 + budget.grow(10_000, is_guess=False)
    assert budget.unmet == 10_000 - 375
    share = Share(100, budget)
    share.size = share.unclaimed = 375
    budget.shares = 2
    assert share.reclaim(budget) == 0  # 750 / 2: a fair part
    share.size, share.unclaimed = first, 50
    assert share.reclaim(budget) == 50  # not more than there is to give up
    share.size, share.unclaimed = first, 375
    assert share.reclaim(budget) == first - 375
    assert budget.unmet == 10_000 - 375 - 50 - (first - 375)


def test_what_another_thread_read_is_taken_off_at_the_next_look():
    budget = Budget(1000)
    budget.in_use = 900
    budget.freed.extend([300, 200])
    assert budget.total() == 400
    assert not budget.freed
    assert budget.in_use == 400


def test_the_budget_of_a_former_connection_counts_until_it_is_read_out():
    former = Budget(1000)
    former.in_use = 600
    budget = Budget(1000, [weakref.ref(former)])
    assert budget.counts_former
    assert not budget.has_room(401)
    former.freed.append(200)  # a note of a thread, without the lock
    assert budget.total() == 400
    former.in_use = 200
    assert budget.total() == 0
    assert not budget.counts_former


def test_a_former_connection_that_is_read_out_meanwhile_breaks_no_sum():
    """Its reader takes from the deque under a lock of its own, between two steps of the sum."""

    class TakenFrom(deque):
        def __getitem__(self, index):
            found = super().__getitem__(index)
            self.clear()
            return found

    former = Budget(8000)
    former.in_use = 1000
    former.freed = TakenFrom([100, 200])
    assert Budget(8000, [weakref.ref(former)]).total() == 900
