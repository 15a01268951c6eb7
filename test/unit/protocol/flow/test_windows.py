"""protocol/flow/windows.py: the windows of RFC 9113, 5.2 and 6.9."""

from __future__ import annotations

import pytest

from hyper.errors import ConnectionFault, StreamFault
from hyper.protocol.flow.managers import BaseFlowControlManager, FlowControlManager
from hyper.protocol.flow.windows import MAX_WINDOW_SIZE, ReceiveWindow, SendWindow
from hyper.testing import wire
from test.memory_endpoint import OK, MemoryEndpoint

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


class Asked(FlowControlManager):
    """It does what hyper's own does. Because it is another class, it is asked about each frame."""


@pytest.mark.parametrize(
    "sizes",
    [
        (1, 0, 16_384),
        (16_384, 16_384, 16_384, 16_383),
        (16_384, 16_384, 16_384, 16_383, 0),
        (16_384, 16_384, 16_384, 16_384),  # 65,536 are one too many
    ],
)
def test_a_frame_is_counted_alike_whether_its_manager_is_asked_or_not(sizes):
    """RFC 9113, 6.9.1: the receivers count in place where hyper's own manager is in use."""
    found = []
    for manager, is_made in (
        (FlowControlManager, False),
        (FlowControlManager, True),
        (Asked, True),
    ):
        memory = MemoryEndpoint(window_manager=manager, connection_window=2**20)
        stream = memory.open()
        if is_made:  # else the stream counts in its ``room``
            assert stream.receive_window.size == 65_535
        assert (stream.window is not None) == is_made
        memory.receive(wire.headers(stream.id, OK))
        for size in sizes:
            memory.receive(wire.data(stream.id, bytes(size)))
        endpoint = memory.endpoint
        assert stream.receive_window.asks_on_receipt == (manager is Asked)
        found.append(
            (
                stream.content_size,
                stream.receive_window.size,
                stream.receive_window.share.size,
                endpoint.receive_window.size,
                stream.failure and str(stream.failure.exception()),
                endpoint.failure,
            )
        )
    assert found[0] == found[1] == found[2]


def test_a_connection_s_window_is_opened_after_reads_as_large_as_its_manager_wants():
    """RFC 9113, 6.9: what is not settled yet is settled before the peer has to wait for it."""
    memory = MemoryEndpoint(connection_window=2**20, settings={4: 2**20})
    stream = memory.open()
    memory.receive(wire.headers(stream.id, OK))
    sent = 0
    for _ in range(200):
        for answer in memory.receive(wire.data(stream.id, bytes(16_384))):
            if answer.stream_id == 0:
                sent += int.from_bytes(answer.payload, "big")
        memory.endpoint.consume(stream, 16_384)
        stream.content.clear()
        memory.sent()
        assert memory.endpoint.receive_window.size >= 2**19
    assert sent >= 200 * 16_384 - 2**19
