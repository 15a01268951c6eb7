"""Connections that live for hours, by the endpoint's own clock (RFC 9113, 9.1, 10.5).

Every second brings a heartbeat, a request that is cancelled, a late frame, an exchange. Every few
seconds bring PING, an interim response, a push that is rarely claimed, and a section that is too
large, and every ten minutes GOAWAY and a new connection. Nothing of it may be a fault, and nothing
may grow. The suite lives for half an hour; ten hours take a minute::

    python -m test.unit.protocol.test_long_life 10
"""

from __future__ import annotations

import gc
import sys
import time
import weakref

import pytest

from hyper.errors import FieldSectionTooLarge
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, MemoryEndpoint

#: seconds from one GOAWAY to the next
TURN = 600
PROCESSING = wire.block([(":status", "102")])
TOO_LARGE = OK + wire.block([("x", "y" * 5000)])


class Life:
    """A client, and a server that is honest and slow, on one connection after the other."""

    def __init__(self):
        self.time = 0.0
        self.seen = []  # weak references to each endpoint there was
        self.former = []
        self.connect()

    def connect(self):
        budgets = [weakref.ref(client.endpoint.budget) for client in self.former]
        self.client = MemoryEndpoint(former=budgets, list_size=4000)
        self.endpoint = self.client.endpoint
        self.endpoint.now = lambda: self.time
        self.seen.append(weakref.ref(self.client))
        self.polls = [self.client.open(path="/events"), self.client.open(path="/job")]
        self.client.receive(wire.headers(self.polls[0].id, OK))
        self.promised_id = 2
        self.cancelled = []

    def receive(self, *frames):
        """Let frames come, which are never answered by GOAWAY."""
        answers = self.client.receive(*frames)
        assert wire.GOAWAY not in [frame.type for frame in answers]
        self.endpoint.changed_streams.clear()  # as the pump does after each read
        return answers

    def second(self, number):
        self.time += 1
        heartbeat, job = self.polls
        self.receive(wire.data(heartbeat.id))
        self.receive(wire.data(heartbeat.id, b"tick"))
        self.endpoint.consume(heartbeat, len(heartbeat.content.popleft()))
        self.cancel_one()
        self.exchange()
        if number % 5 == 0:
            self.receive(wire.ping(), wire.headers(job.id, PROCESSING))
            self.push(is_claimed=number % 50 == 0)
            self.too_large()
        if number % TURN == 0:
            self.go_away()

    def cancel_one(self):
        """Frames are still under way to a stream that was cancelled some minutes ago."""
        stream = self.client.open(path="/slow")
        self.endpoint.cancel(stream)
        self.cancelled.append(stream.id)
        self.receive(wire.headers(self.cancelled[-300:][0], OK, True))
        del self.cancelled[:-300]

    def exchange(self):
        stream = self.client.open()
        self.receive(wire.headers(stream.id, OK), wire.data(stream.id, b"content", True))
        self.endpoint.consume(stream, len(stream.content.popleft()))
        assert stream.failure is None

    def push(self, *, is_claimed):
        parent = self.client.open(path="/page")
        pushed = self.promised_id
        self.promised_id += 2
        self.receive(
            wire.push_promise(parent.id, pushed, PROMISE),
            wire.headers(pushed, OK),
            wire.data(pushed, b"style", pushed % 4 == 0),  # not all of them end
            wire.headers(parent.id, OK, True),
        )
        if is_claimed:
            (stream,) = self.endpoint.claim_promises(parent.id)
            assert b"".join(stream.content) == b"style"
            self.endpoint.drop(stream)
            self.receive()

    def too_large(self):
        stream = self.client.open(path="/cookies")
        self.receive(wire.headers(stream.id, TOO_LARGE, True))
        assert stream.failure.kind is FieldSectionTooLarge

    def go_away(self):
        """The server ends the connection in order; unclaimed pushes outlive it, for a while."""
        for poll in self.polls:
            assert poll.failure is None
            is_begun = poll.head is not None
            frame = wire.data if is_begun else wire.headers
            self.receive(frame(poll.id, b"" if is_begun else OK, True))
            assert poll.failure is None
        self.receive(wire.goaway(self.endpoint.next_stream_id - 2))
        for client in self.former:  # as client/pumps.py does
            client.endpoint.refuse_promises()
            client.sent()
            assert not client.endpoint.streams
        self.former = [self.client]
        self.connect()
        assert self.endpoint.may_open_stream()

    def connections(self):
        """How many there still are; each would hold a socket."""
        gc.collect()
        return sum(reference() is not None for reference in self.seen)


def live(hours):
    """Octets of memory at the end of each turn, from the third on."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    life, held = Life(), []
    tracemalloc.start()
    try:
        for number in range(1, int(hours * 3600) + 1):
            life.second(number)
            if number % TURN == 0:
                assert life.connections() <= 2
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return held[2:]


def test_memory_and_connections_stay_flat_for_half_an_hour():
    held = live(5 / 6)
    assert max(held) - held[0] < 64 * 1024


if __name__ == "__main__":
    begin = time.monotonic()
    held = live(float(sys.argv[1]))
    print(f"{sys.argv[1]} hours in {time.monotonic() - begin:.0f} s, {len(held)} measurements")
    print(f"memory: {held[0]} octets after the third turn, {max(held)} at most, {held[-1]} at last")
