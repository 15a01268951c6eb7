"""Room for unread content: what a stream takes of it comes back, whatever ends the stream
(RFC 9113, 5.2.2).
"""

from __future__ import annotations

import pytest

from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, MemoryEndpoint

LIMIT = 1 << 20
WINDOW = 65_535


class Broken(FlowControlManager):
    """Fails in one of its hooks."""

    hook = ""

    def __getattribute__(self, name):
        if name == type(self).hook and self.initial_window_size == WINDOW:
            raise RuntimeError(name)
        return super().__getattribute__(name)


def check_all_came_back(client):
    """A user notices it by this: a request may go out."""
    endpoint = client.endpoint
    assert not endpoint.streams
    assert endpoint.budget.total() == 0
    assert endpoint.may_open_stream()


def with_length(size):
    return wire.block([(":status", "200"), ("content-length", str(size))])


ENDS = {
    "more than content-length": (with_length(1), wire.data, (b"x" * 16_384,)),
    "more than content-length, at the end": (with_length(1), wire.data, (b"x" * 16_384, True)),
    "more than content-length, padded": (with_length(1), wire.data, (b"x" * 16_000, False, 255)),
    "less than content-length": (with_length(9), wire.data, (b"x" * 8, True)),
    "content where none may be": (
        wire.block([(":status", "204")]),
        wire.data,
        (b"x" * 16_384,),
    ),
    "reset": (
        OK,
        lambda stream_id: wire.data(stream_id, b"x" * 9000) + wire.rst_stream(stream_id),
        (),
    ),
    "pseudo-header in trailers": (
        OK,
        lambda stream_id: wire.data(stream_id, b"x" * 9000) + wire.headers(stream_id, OK, True),
        (),
    ),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("pushed", [False, True], ids=["request", "push"])
def test_room_comes_back_from_a_stream_that_fails(end, pushed):
    """RFC 9113, 8.1.1: 57 times, which is more than there is room for."""
    block, frame, arguments = ENDS[end]
    client = MemoryEndpoint(unread_limit=LIMIT)
    for number in range(1, 58):
        stream = parent = client.open()
        if pushed:
            client.receive(wire.push_promise(parent.id, 2 * number, PROMISE))
            (stream,) = client.endpoint.claim_promises(parent.id)
        client.receive(wire.headers(stream.id, block), frame(stream.id, *arguments))
        assert stream.failure is not None
        client.endpoint.drop(stream)
        client.endpoint.drop(parent)
        client.sent()
        check_all_came_back(client)


@pytest.mark.parametrize(
    "hook", ["increase_window_size", "consumed", "ended", "expected", "blocked", "idle"]
)
def test_room_comes_back_from_a_manager_that_raises(hook):
    """RFC 9113, 5.2.2: a manager is the user's code; it costs its stream and nothing else."""
    kind = type("Failing", (Broken,), {"hook": hook})
    client = MemoryEndpoint(unread_limit=LIMIT, connection_window=WINDOW + 1, window_manager=kind)
    for _ in range(57):
        stream = client.open()
        client.receive(
            wire.headers(stream.id, with_length(9001)), wire.data(stream.id, b"x" * 9000)
        )
        client.endpoint.grow_idle_window(stream)
        client.endpoint.drop(stream)
        client.sent()
        check_all_came_back(client)
