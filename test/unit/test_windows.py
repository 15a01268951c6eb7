"""windows.py: flow control (RFC 9113, 5.2, 6.9), and the managers that users may bring."""

from __future__ import annotations

import gc
import weakref

import pytest

from hyper.errors import ConnectionFault, StreamFault
from hyper.protocol.flow.budget import FORMER_GROWTH, Budget
from hyper.protocol.flow.managers import (
    BULK_WINDOW,
    SUPPOSED_RATE,
    BaseFlowControlManager,
    FlowControlManager,
)
from hyper.protocol.flow.windows import MAX_WINDOW_SIZE, ReceiveWindow, SendWindow
from test import wire

SCOPES = [(0, ConnectionFault), (5, StreamFault)]


class Told(BaseFlowControlManager):
    """Notes what it is told, and answers what the test says."""

    def __init__(self, initial_window_size, document_size=None, answer=0):
        super().__init__(initial_window_size, document_size)
        self.answer = answer
        self.told = []

    def increase_window_size(self, frame_size):
        self.told.append((frame_size, self.window_size))
        return self.answer


@pytest.mark.parametrize(("stream_id", "scope"), SCOPES)
def test_6_9_1_a_send_window_opens_up_to_2_to_the_31_minus_1(stream_id, scope):
    window = SendWindow(65_535, stream_id)
    window.grow(MAX_WINDOW_SIZE - 65_535)
    with pytest.raises(scope, match=r"6\.9\.1") as caught:
        window.grow(1)
    assert caught.value.code == wire.FLOW_CONTROL_ERROR
    assert window.size == MAX_WINDOW_SIZE


@pytest.mark.parametrize(("stream_id", "scope"), SCOPES)
def test_6_9_an_increment_of_0_is_a_fault_in_its_scope(stream_id, scope):
    with pytest.raises(scope, match=r"6\.9\)") as caught:
        SendWindow(1, stream_id).grow(0)
    assert caught.value.code == wire.PROTOCOL_ERROR


def test_6_9_2_a_send_window_may_become_negative_but_not_too_large():
    window = SendWindow(10, 5)
    window.shift(-30)
    assert window.size == -20
    with pytest.raises(ConnectionFault, match=r"6\.9\.2") as caught:
        window.shift(2**31 + 20)
    assert caught.value.code == wire.FLOW_CONTROL_ERROR
    assert window.size == -20


@pytest.mark.parametrize(("stream_id", "scope"), SCOPES)
def test_6_9_1_a_receive_window_takes_what_it_holds_and_no_more(stream_id, scope):
    window = ReceiveWindow(10, Told(10), stream_id)
    assert window.take(10) == 0
    assert window.take(0) == 0
    with pytest.raises(scope, match=r"6\.9\.1") as caught:
        window.take(1)
    assert caught.value.code == wire.FLOW_CONTROL_ERROR
    assert window.size == 0


def test_6_9_1_an_empty_frame_needs_no_room():
    window = ReceiveWindow(10, Told(10), 5)
    window.shift(-20)
    assert window.take(0) == 0
    assert window.size == window.manager.window_size == -10


def test_a_manager_sees_the_window_after_each_frame_and_decides():
    manager = Told(100)
    window = ReceiveWindow(100, manager, 1)
    window.take(30)
    manager.answer = 20
    assert window.take(10) == 20
    assert manager.told == [(30, 70), (10, 60)]
    assert window.size == manager.window_size == 80


@pytest.mark.parametrize(
    ("answer", "increment"),
    [(2**40, MAX_WINDOW_SIZE - 90), (-5, 0), (2.9, 2), (True, 1)],
)
def test_whatever_a_manager_answers_the_window_stays_legal(answer, increment):
    window = ReceiveWindow(100, Told(100, answer=answer), 1)
    assert window.take(10) == increment
    assert window.size == 90 + increment


def test_the_base_manager_gives_nothing_before_somebody_waits_and_wants_one_method():
    manager = BaseFlowControlManager(100, 5)
    assert (manager.initial_window_size, manager.window_size, manager.document_size) == (
        100,
        100,
        5,
    )
    assert manager.share == 100
    assert manager.consumed(10) == manager.expected() == manager.measured(0.1, 5) == 0
    assert manager.round_trip(0.1) is None
    assert manager.ended() is None
    assert not manager.wants_measure
    manager.window_size = 0
    assert manager.blocked() == 100
    with pytest.raises(NotImplementedError):
        manager.increase_window_size(1)


# ---- the budget ----


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


def test_who_waits_for_nothing_else_leaves_the_reserve_as_well():
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


def test_what_is_unread_at_the_end_stays_committed_until_it_is_read():
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


# ---- the default ----


def test_the_default_gives_room_back_a_quarter_at_a_time_where_it_cannot_grow():
    window = ReceiveWindow(100, FlowControlManager(100), 1, Budget(100))
    assert window.take(100) == 0
    assert [window.credit(size) for size in (20, 4, 1, 74, 1)] == [0, 0, 25, 74, 0]
    assert window.size == 99


def test_the_default_never_starves_the_smallest_window():
    window = ReceiveWindow(1, FlowControlManager(1), 1, Budget(1))
    for _ in range(3):
        assert window.take(1) == 0
        assert window.credit(1) == 1


def test_the_default_announces_nothing_for_a_document_that_fits():
    manager = FlowControlManager(100_000)
    window = ReceiveWindow(100_000, manager, 1, Budget(2**26))
    manager.document_size = 90_000
    for _ in range(9):
        window.take(10_000)
        assert window.credit(10_000) == 0


def test_the_default_announces_what_a_longer_document_lacks():
    manager = FlowControlManager(100_000)
    window = ReceiveWindow(100_000, manager, 1, Budget(100_000))
    manager.document_size = 150_000
    window.take(30_000)
    assert window.credit(30_000) == 30_000


def test_a_longer_content_gets_a_window_for_bulk_when_it_is_read():
    window = ReceiveWindow(100_000, FlowControlManager(100_000), 1, Budget(2**26))
    window.take(30_000)
    assert window.credit(30_000) == 30_000 + BULK_WINDOW - 100_000
    assert window.size == BULK_WINDOW


def foreseen(seconds, document_size=None):
    manager = FlowControlManager(100_000)
    if seconds:
        manager.round_trip(seconds)
    manager.document_size = document_size
    return manager.expected()


def test_on_a_long_path_the_default_foresees_what_it_may_need():
    assert foreseen(0.1) == SUPPOSED_RATE // 10 - 100_000
    assert foreseen(0.1, 50_000_000) == 50_000_000 + 256 - 100_000
    assert foreseen(0.01, 50_000_000) == SUPPOSED_RATE // 50 - 100_000
    assert foreseen(0.1, 50_000) == 0


def test_on_a_short_path_or_an_unknown_one_it_waits_for_the_document_s_size():
    assert foreseen(0) == foreseen(0.001) == 0
    assert foreseen(0, 200_000) == foreseen(0.001, 200_000) == 100_256
    assert foreseen(0.001, 2**30) == BULK_WINDOW - 100_000


def test_the_window_grows_while_it_is_what_holds_the_peer_up():
    manager = FlowControlManager(BULK_WINDOW)
    manager.round_trip(0.1)
    window = ReceiveWindow(BULK_WINDOW, manager, 1, Budget(2**30))
    assert window.measured(0.1, BULK_WINDOW) == 2 * BULK_WINDOW
    assert window.measured(0.1, 2 * BULK_WINDOW) == 3 * BULK_WINDOW
    # A queue of 0.3 s: what the path carries in its own 0.1 s is what counts.
    assert window.measured(0.4, 8 * BULK_WINDOW) == 0
    assert window.size == 6 * BULK_WINDOW


def test_measurements_become_rare_while_they_find_nothing_new():
    manager = FlowControlManager(BULK_WINDOW)
    manager.round_trip(0.1)
    window = ReceiveWindow(BULK_WINDOW, manager, 1, Budget(2**30))
    measured = []
    for quarter in range(1, 300):
        window.take(BULK_WINDOW // 4)
        assert window.credit(BULK_WINDOW // 4)
        if manager.wants_measure:
            measured.append(quarter // 4)  # in windows
            window.measured(0.1, 1000)
    assert measured == [1, 3, 7, 15, 31, 63]


def test_who_reads_slowly_is_given_back_less():
    manager = FlowControlManager(100)
    budget = Budget(2**30)
    window = ReceiveWindow(16 * BULK_WINDOW, manager, 1, budget)
    window.share._initial = 100
    window.take(16 * BULK_WINDOW)
    shares = []
    for _ in range(60):
        window.take(window.credit(BULK_WINDOW))
        shares.append(window.share.size)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] <= 2 * BULK_WINDOW
    assert budget.in_use == shares[-1]
