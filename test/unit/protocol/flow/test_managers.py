"""protocol/flow/managers.py: the default manager, and managers of users' own that break."""

from __future__ import annotations

import signal

import pytest

from hyper.errors import LocalProtocolError
from hyper.protocol.flow.budget import Budget
from hyper.protocol.flow.managers import (
    BULK_WINDOW,
    SUPPOSED_RATE,
    BaseFlowControlManager,
    FlowControlManager,
)
from hyper.protocol.flow.windows import ReceiveWindow
from hyper.testing import wire
from test.memory_endpoint import ANSWERED, OK, PROMISE, MemoryEndpoint, busy

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


def expected(seconds, document_size=None):
    manager = FlowControlManager(100_000)
    if seconds:
        manager.round_trip(seconds)
    manager.document_size = document_size
    return manager.expected()


def test_on_a_long_path_the_default_expects_what_it_may_need():
    assert expected(0.1) == SUPPOSED_RATE // 10 - 100_000
    assert expected(0.1, 50_000_000) == 50_000_000 + 256 - 100_000
    assert expected(0.01, 50_000_000) == SUPPOSED_RATE // 50 - 100_000
    assert expected(0.1, 50_000) == 0


def test_on_a_short_path_or_an_unknown_one_it_waits_for_the_document_s_size():
    assert expected(0) == expected(0.001) == 0
    assert expected(0, 200_000) == expected(0.001, 200_000) == 100_256
    assert expected(0.001, 2**30) == BULK_WINDOW - 100_000


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


def test_a_slow_reader_is_given_back_less():
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


# ---- managers that break ----


class Nonsense(FlowControlManager):
    """Answers what the test says in one hook, or raises it; for streams alone, or connection."""

    hook = ""
    answer = None
    spares = 2**20  # the connection's window in these tests

    def _said(self, hook, usual):
        if hook != self.hook or self.initial_window_size == self.spares:
            return usual()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return self._said("increase_window_size", lambda: 0)

    def consumed(self, size):
        return self._said("consumed", lambda: super(Nonsense, self).consumed(size))

    def blocked(self):
        return self._said("blocked", super().blocked)

    def expected(self):
        return self._said("expected", super().expected)

    def round_trip(self, seconds):
        return self._said("round_trip", lambda: super(Nonsense, self).round_trip(seconds))

    def measured(self, seconds, size):
        return self._said("measured", lambda: super(Nonsense, self).measured(seconds, size))

    def ended(self):
        return self._said("ended", super().ended)


def nonsense(name, value, spared=2**20):
    return type("Broken", (Nonsense,), {"hook": name, "answer": value, "spares": spared})


HOOKS = [
    *("increase_window_size", "consumed", "blocked", "expected", "round_trip"),
    *("measured", "ended"),
]


def play(window_manager, **options):
    """A response that meets every hook; its stream, and the world around it."""
    client = MemoryEndpoint(
        {wire.SETTINGS_INITIAL_WINDOW_SIZE: 100_000},
        window_manager=window_manager,
        connection_window=2**20,
        **options,
    )
    endpoint = client.endpoint
    other = client.open()
    endpoint.round_trip = 0.1
    stream = client.open()
    block = wire.block([(":status", "200"), ("content-length", "200000")])
    client.receive(wire.headers(stream.id, block))
    for _ in range(13):
        client.receive(wire.data(stream.id, bytes(15_000)))
        endpoint.consume(stream, 15_000)
        endpoint.grow_blocked_window(stream)
    endpoint.measurement = (stream, stream.content_size - 5, client.time)
    client.time += 0.2
    client.receive(wire.ping(b"measures", ack=True))
    endpoint.tell_round_trip(0.2)
    client.receive(wire.data(stream.id, bytes(5_000), end_stream=True))
    client.answer(other, b"untouched")
    return client, stream, other


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("answer", [-5, 2**70, None, True, 2.5])
def test_a_manager_that_answers_a_wrong_number_harms_nothing(hook, answer):
    client, stream, _ = play(nonsense(hook, answer))
    assert stream.failure is None
    assert stream.is_over
    client.check_goes_on()


@pytest.mark.parametrize("hook", HOOKS)
def test_a_manager_that_raises_loses_its_own_stream_and_no_other(hook):
    error = RuntimeError("out of order")
    client, stream, other = play(nonsense(hook, error))
    failure = stream.failure.exception()
    assert type(failure) is LocalProtocolError
    assert f"Broken failed in {hook}: RuntimeError('out of order')" in str(failure)
    assert failure.__cause__ is error
    assert failure.stream_id == stream.id
    assert client.endpoint.state_of(stream.id) == 6  # reset by us
    if hook not in ("increase_window_size", "ended", "round_trip"):  # which the other meets too
        assert other.failure is None
        assert b"".join(other.content) == b"untouched"
    assert client.endpoint.failure is None
    assert client.endpoint.budget.shares == 0


@pytest.mark.parametrize("hook", ["increase_window_size", "consumed", "expected"])
def test_a_manager_that_answers_with_a_text_loses_its_own_stream(hook):
    _, stream, _ = play(nonsense(hook, "much"))
    assert "TypeError" in str(stream.failure.exception())


@pytest.mark.parametrize("hook", ["increase_window_size", "consumed", "round_trip"])
def test_where_the_connection_s_own_manager_raises_the_default_takes_its_place(hook):
    client, stream, other = play(nonsense(hook, RuntimeError("out of order"), spared=100_000))
    if hook != "round_trip":  # told to nobody: nothing was lost by it
        failure = stream.failure.exception()
        assert "the connection goes on without it" in str(failure)
        assert failure.stream_id is None
    assert other.failure is None
    assert type(client.endpoint.receive_window.manager) is FlowControlManager
    client.check_goes_on()


class Touchy(FlowControlManager):
    """Raises when hyper looks at it, once it is told to."""

    is_touchy = False

    @property
    def wants_measure(self):
        if self.is_touchy:
            raise RuntimeError("do not look")
        return False

    @wants_measure.setter
    def wants_measure(self, value):
        pass


def test_a_manager_whose_attribute_raises_loses_its_own_stream_and_no_other():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 40_000}, window_manager=Touchy)
    stream = client.open()
    stream.receive_window.manager.is_touchy = True
    client.receive(wire.headers(stream.id, OK), wire.data(stream.id, bytes(16_000)))
    client.endpoint.consume(stream, 16_000)
    assert "Touchy failed in wants_measure: RuntimeError" in str(stream.failure.exception())
    client.check_goes_on()


class Scribbler(FlowControlManager):
    """Sets what hyper keeps, wherever it can, and never calls the base class's __init__."""

    def __init__(self, size):
        self.window_size = 5
        self.initial_window_size = self.share = size
        self.seen = []

    def increase_window_size(self, frame_size):
        self.seen.append((frame_size, self.window_size, self.share, self.document_size))
        self.window_size += 1000
        self.share = 7
        return 0


def test_what_a_manager_sets_does_not_change_what_the_window_is():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 40_000}, window_manager=Scribbler)
    stream = client.open()
    manager = stream.receive_window.manager
    block = wire.block([(":status", "200"), ("content-length", "30000")])
    client.receive(wire.headers(stream.id, block), wire.data(stream.id, bytes(10_000)) * 2)
    assert manager.seen == [(10_000, 30_000, 40_000, 30_000), (10_000, 20_000, 40_000, 30_000)]
    assert (manager.window_size, manager.share) == (20_000, 40_000)
    client.check_goes_on()


def test_a_manager_without_a_window_keeps_what_it_is_told():
    manager = FlowControlManager(65_535)
    assert (manager.window_size, manager.share, manager.document_size) == (65_535, 65_535, None)
    manager.window_size, manager.share, manager.document_size = 10, 400, 90
    assert (manager.window_size, manager.share, manager.document_size) == (10, 400, 90)
    manager.document_size = None
    assert manager.consumed(100) == 100 + BULK_WINDOW - 400


def test_a_document_size_that_a_manager_brings_is_its_own_until_the_head_comes():
    manager = FlowControlManager(100, 5)
    window = ReceiveWindow(100, manager, 1)
    assert window.document_size == manager.document_size == 5


def test_a_manager_that_still_has_the_hook_foresee_is_refused_with_words():
    foreseeing = type("Foreseeing", (FlowControlManager,), {"foresee": lambda self: 0})  # noqa: ARG005
    with pytest.raises(LocalProtocolError, match=r"Foreseeing.*foresee.*is called expected now"):
        MemoryEndpoint(window_manager=foreseeing)


def test_what_round_trip_answers_opens_no_window():
    client, stream, _ = play(nonsense("round_trip", 1000, spared=0))
    assert stream.failure is None
    before = client.endpoint.receive_window.size
    client.endpoint.tell_round_trip(0.001)
    assert client.endpoint.receive_window.size == before
    assert client.sent() == []


def test_a_stream_whose_response_is_whole_is_told_nothing_more():
    client = busy(window_manager=nonsense("round_trip", RuntimeError("too late"), spared=65_535))
    stream = client.endpoint.streams[ANSWERED]
    client.endpoint.tell_round_trip(0.1)
    assert stream.failure is None


class Silent(BaseFlowControlManager):
    """Gives no room back to the connection, and a stream all that it asks for."""

    def increase_window_size(self, frame_size):
        return 0 if self.initial_window_size == 65_535 else frame_size


def test_the_connection_s_window_is_opened_whatever_its_manager_does():
    """5.2: it is never what a peer waits for."""
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 70_000}, window_manager=Silent)
    stream = client.open()
    client.receive(wire.headers(stream.id, OK))
    window = 65_535
    for _ in range(40):
        answers = client.receive(wire.data(stream.id, bytes(16_000)))
        updates = [frame for frame in answers if frame.type == wire.WINDOW_UPDATE]
        window += sum(frame.increment for frame in updates if frame.stream_id == 0) - 16_000
        assert window >= 16_000
        client.endpoint.consume(stream, 16_000)
    assert window == client.endpoint.receive_window.size
    assert stream.failure is None


def test_a_guess_is_made_for_requests_without_content_alone():
    client = MemoryEndpoint({wire.SETTINGS_INITIAL_WINDOW_SIZE: 100_000})
    client.endpoint.round_trip = 0.1
    sizes = [
        client.open(method, end_stream=ends).receive_window.size
        for method, ends in (("POST", False), ("HEAD", True), ("GET", True))
    ]
    assert sizes[:2] == [100_000, 100_000]
    assert sizes[2] > 1_000_000


class Unmade(FlowControlManager):
    def __init__(self, size):
        if size != 2**20:
            raise RuntimeError("out of stock")
        super().__init__(size)


def test_a_manager_that_cannot_be_made_is_the_request_s_error_and_nothing_is_sent():
    client = MemoryEndpoint(window_manager=Unmade, connection_window=2**20)
    with pytest.raises(LocalProtocolError, match="Unmade failed in its making") as caught:
        client.open()
    assert type(caught.value.__cause__) is RuntimeError
    assert client.sent() == []
    assert client.endpoint.streams == {}


class Unpushed(FlowControlManager):
    made = 0

    def __init__(self, size):
        super().__init__(size)
        Unpushed.made += 1
        if Unpushed.made == 3:
            raise RuntimeError("out of stock")


def test_a_connection_whose_manager_cannot_be_made_is_not_begun():
    with pytest.raises(LocalProtocolError, match="Unmade failed in its making"):
        MemoryEndpoint(window_manager=Unmade, connection_window=2**21)


def test_a_promise_whose_manager_cannot_be_made_is_refused():
    client = MemoryEndpoint(window_manager=Unpushed)
    stream = client.open()
    answers = client.receive(wire.headers(stream.id, OK), wire.push_promise(stream.id, 2, PROMISE))
    assert [(f.type, f.stream_id) for f in answers] == [(wire.RST_STREAM, 2)]
    assert client.endpoint.pushes_open == 0
    client.check_goes_on()


def test_a_manager_that_raises_at_the_end_of_a_cancelled_stream_is_not_heard():
    client = MemoryEndpoint(window_manager=nonsense("ended", RuntimeError("out of order")))
    stream = client.open()
    client.endpoint.cancel(stream)
    assert "cancelled on this side" in str(stream.failure.exception())
    client = MemoryEndpoint()
    client.check_goes_on()


class Receiving(FlowControlManager):
    """Opens its window for each frame, as soon as it comes."""

    def increase_window_size(self, frame_size):
        return frame_size


def test_a_manager_may_open_the_connection_s_window_on_receipt():
    """RFC 9113, 6.9: as the first release's managers did."""
    client = MemoryEndpoint(window_manager=Receiving)
    stream = client.open()
    client.receive(wire.headers(stream.id, OK))
    frames = client.receive(wire.data(stream.id, b"x" * 100))
    assert [(f.stream_id, f.increment) for f in frames] == [(0, 100), (stream.id, 100)]


class Struck(Exception):
    """An exception of a signal handler of the program's."""


@pytest.fixture
def strike():
    """A function that raises as a signal handler does that is installed."""

    def handle(*_):
        raise Struck

    former = signal.signal(signal.SIGUSR1, handle)
    yield handle
    signal.signal(signal.SIGUSR1, former)


def test_a_signal_handler_s_exception_amid_a_hook_is_not_the_manager_s(strike):
    manager = type("Amid", (FlowControlManager,), {"consumed": strike})
    client = MemoryEndpoint(window_manager=manager)
    stream = client.open()
    with pytest.raises(Struck):
        client.receive(wire.headers(stream.id, OK), wire.data(stream.id, b"content"))


def test_a_signal_handler_s_exception_amid_the_making_of_a_manager_comes_out(strike):
    with pytest.raises(Struck):
        MemoryEndpoint(window_manager=type("Amid", (FlowControlManager,), {"__init__": strike}))
