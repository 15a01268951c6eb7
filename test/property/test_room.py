"""Room for unread content, by chance: what streams take is what is in use (RFC 9113, 5.2.2)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hyper.protocol.flow.managers import FlowControlManager
from hyper.protocol.stream import NO_ROOM
from hyper.testing import wire
from test.memory_endpoint import PROMISE, MemoryEndpoint

LIMIT = 1 << 20
WINDOW = 65_535


class Moody(FlowControlManager):
    """Raises in its hook when it is told to."""

    is_broken = False

    def increase_window_size(self, frame_size):
        if Moody.is_broken and self.initial_window_size == WINDOW:
            raise RuntimeError("moody")
        return super().increase_window_size(frame_size)


STEPS = st.tuples(
    st.sampled_from(
        [
            *("open", "head", "data", "data", "long", "long", "end", "reset"),
            *("drop", "read", "read", "idle", "blocked", "push", "claim", "broken"),
        ]
    ),
    st.integers(0, 7),  # which of the living streams
    st.sampled_from([9, 40_000]),  # a content-length
    st.sampled_from([None, 0, 200]),  # padding
)


def share_of(stream):
    """The octets that the budget counts for a stream that goes on; None for one that has ended."""
    if stream.window is not None:
        return None if stream.window.is_ended else stream.window.share.size
    return None if stream.room == NO_ROOM else stream.reserved


class Run:
    """A server and a reader that do anything."""

    def __init__(self, manager):
        Moody.is_broken = False
        self.client = MemoryEndpoint(
            unread_limit=LIMIT, connection_window=WINDOW + 1, window_manager=manager
        )
        self.endpoint = self.client.endpoint
        self.living = [self.client.open() for _ in range(4)]
        self.promised_id = 2
        for stream in self.living[:3]:
            self.play("head", stream, 40_000, None)

    def step(self, name, which, length, pad):
        Moody.is_broken = name == "broken"
        if name == "open" and self.endpoint.may_open_stream():
            self.living.append(self.client.open())
        if not self.living:
            return
        stream = self.living[which % len(self.living)]
        if name == "drop":
            self.endpoint.drop(stream)
            self.living.remove(stream)
        elif name == "read" and stream.content:
            self.endpoint.consume(stream, len(stream.content.popleft()))
        elif stream.id in self.endpoint.streams:
            self.play(name, stream, length, pad)
        Moody.is_broken = False
        self.client.sent()

    def play(self, name, stream, length, pad):
        receive = self.client.receive
        if name == "head" and stream.head is None:
            fields = [(":status", "200"), ("content-length", str(length))]
            receive(wire.headers(stream.id, wire.block(fields)))
        elif name in ("data", "long", "broken") and stream.head is not None:
            size = max(0, min(9 if name == "data" else 16_384, stream.window_size))
            pad = pad if size > 300 else None
            size -= 0 if pad is None else pad + 1
            receive(wire.data(stream.id, bytes(size), pad=pad))
        elif name == "end" and stream.head is not None:
            receive(wire.data(stream.id, b"", True))
        elif name == "reset":
            receive(wire.rst_stream(stream.id, wire.CANCEL))
        elif name == "idle":
            self.endpoint.grow_idle_window(stream)
        elif name == "blocked":
            self.endpoint.grow_blocked_window(stream)
        elif name == "push" and stream.id % 2:
            receive(wire.push_promise(stream.id, self.promised_id, PROMISE))
            self.promised_id += 2
        elif name == "claim":
            self.living += self.endpoint.claim_promises(stream.id)

    def check(self):
        endpoint = self.endpoint
        unclaimed = [stream for queue in endpoint.promises.values() for stream in queue]
        held = {stream.id: stream for stream in [*self.living, *unclaimed]}
        unread = sum(
            sum(map(len, stream.content))
            for stream in held.values()
            if share_of(stream) is None  # what is left of one that has ended
        )
        shares = sum(share_of(stream) or 0 for stream in endpoint.streams.values())
        assert endpoint.budget.total() == shares + unread <= LIMIT


@settings(deadline=None)
@given(st.sampled_from([Moody, FlowControlManager]), st.lists(STEPS, max_size=80))
def test_shares_and_what_is_unread_are_all_that_is_in_use(manager, steps):
    run = Run(manager)
    for step in steps:
        run.step(*step)
        run.check()
    run.endpoint.refuse_promises()
    for stream in run.living:
        run.endpoint.drop(stream)
    for stream_id in list(run.endpoint.streams):  # of what was whole, the end is still to come
        run.client.receive(wire.data(stream_id, b"", True))
    assert not run.endpoint.failure
    assert not run.endpoint.streams
    assert run.endpoint.budget.total() == 0
    assert run.endpoint.may_open_stream()
