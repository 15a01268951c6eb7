"""client/exchange.py: the one handle of a stream, on an endpoint without a network.

Each wait plays one act of what the peer does next.
"""

from __future__ import annotations

import gc
from collections import deque

import pytest

from hyper.client.exchange import ANSWERED_UPLOAD_TIMEOUT, Exchange
from hyper.client.timeouts import Timeouts
from hyper.errors import LocalProtocolError, RemoteProtocolError, StreamResetError, TimedOut
from hyper.pump.lock import InterruptibleLock
from hyper.testing import wire
from test.memory_endpoint import OK, TRAILERS, MemoryEndpoint


class ActingPump:
    """A pump whose waits are acts: frames that come, or None for silence."""

    def __init__(self, memory, *acts):
        self.memory = memory
        self.endpoint = memory.endpoint
        self.lock = InterruptibleLock()
        self.acts = deque(acts)
        self.limits = []
        self.released = 0
        self.dropped = []
        self.drop_from_finalizer = self.dropped.append

    def wait(self, ready, _ids, timeout):
        assert self.lock.is_held()
        while not ready():
            self.limits.append(timeout)
            assert self.acts, "it waits for more than the peer has to give"
            act = self.acts.popleft()
            if act is None:
                raise TimedOut("timed out")
            self.memory.endpoint.receive(memoryview(act))

    def wait_open(self, _stream, ready, timeout):
        self.wait(ready, (), timeout)

    def drain(self, _timeout):
        assert self.lock.is_held()

    def pull(self, _most):
        assert self.lock.is_held()

    def flush(self):
        assert self.lock.is_held()
        return True

    is_clear = flush

    def release(self, size):
        self.released += size


class Upload:
    """A POST that was begun on a window of few octets, and what was sent of it."""

    def __init__(self, *acts, window=5, timeout=1.0, content_length=None, method="POST"):
        self.memory = MemoryEndpoint(peer_settings={4: window})
        self.stream = self.memory.open(method, end_stream=False)
        self.pump = ActingPump(self.memory, *acts)
        self.exchange = Exchange(self.pump, self.stream, Timeouts(timeout), content_length)

    def sent(self):
        return self.memory.sent()


ANSWER = wire.headers(1, OK)
WHOLE_ANSWER = wire.headers(1, OK, end_stream=True)
ROOM = wire.window_update(1, 5)


def content_of(frames):
    return b"".join(frame.content for frame in frames if frame.type == 0)


def resets_of(frames):
    return [frame.error_code for frame in frames if frame.type == 3]


def test_6_9_content_beyond_the_window_waits_for_room_and_loses_nothing():
    upload = Upload(ROOM, ROOM)
    upload.exchange.send_all(b"twelve bytes", ())
    frames = upload.sent()
    assert content_of(frames) == b"twelve bytes"
    assert frames[-1].end_stream
    assert (upload.exchange.sent, upload.exchange.is_final) == (12, True)


def test_8_1_trailers_end_a_request():
    upload = Upload(window=100)
    upload.exchange.send_all([b"con", b"tent"], ((b"checksum", b"1"),))
    *data, trailers = upload.sent()
    assert content_of(data) == b"content"
    assert not any(frame.end_stream for frame in data)
    assert (trailers.type, trailers.end_stream) == (1, True)


def test_a_request_whose_content_got_no_room_in_time_is_reset():
    """The peer must not take a part for the whole (8.1.1)."""
    upload = Upload(None, timeout=0.5)
    with pytest.raises(TimedOut):
        upload.exchange.send_all(b"twelve bytes", ())
    assert resets_of(upload.sent()) == [wire.CANCEL]
    assert upload.pump.limits == [0.5]


def test_a_body_that_raises_resets_the_stream_and_its_exception_comes_out():
    def body():
        yield b"some"
        raise KeyError("mine")

    upload = Upload(window=100)
    with pytest.raises(KeyError, match="mine"):
        upload.exchange.send_all(body(), ())
    assert resets_of(upload.sent()) == [wire.CANCEL]


@pytest.mark.parametrize(("body", "words"), [(b"four", "4 of the 5"), (b"longer", "more than")])
def test_8_1_1_content_of_another_length_than_announced_is_never_sent_whole(body, words):
    upload = Upload(window=100, content_length=5)
    with pytest.raises(LocalProtocolError, match=words):
        upload.exchange.send_all(body, ())
    frames = upload.sent()
    assert resets_of(frames) == [wire.CANCEL]
    assert not any(frame.end_stream for frame in frames)


def test_8_1_a_response_that_comes_early_ends_the_upload_and_is_kept():
    """ "Clients MUST NOT discard responses as a result of receiving such a RST_STREAM"."""
    upload = Upload(WHOLE_ANSWER + wire.rst_stream(1, wire.NO_ERROR))
    upload.exchange.send_all(b"twelve bytes", ())
    assert upload.exchange.is_final
    assert upload.exchange.await_head().status == 200
    assert upload.exchange.take(None) == []


def test_a_server_that_has_answered_and_opens_no_window_is_not_waited_for_without_end():
    upload = Upload(WHOLE_ANSWER, None, timeout=None)
    upload.exchange.send_all(b"twelve bytes", ())
    assert upload.pump.limits == [None, ANSWERED_UPLOAD_TIMEOUT]
    assert upload.exchange.await_head().status == 200


@pytest.mark.parametrize(
    ("act", "sent"),
    [
        (wire.headers(1, wire.block([(":status", "100")])), b"body"),
        (None, b"body"),
        (wire.headers(1, wire.block([(":status", "417")])), b""),
        (WHOLE_ANSWER, b""),
    ],
    ids=["100", "silence", "417", "a whole response"],
)
def test_rfc9110_10_1_1_content_waits_once_for_100_continue(act, sent):
    upload = Upload(act, window=100)
    upload.exchange.expect_continue(0.25)
    upload.exchange.send_all(b"body", ())
    assert content_of(upload.sent()) == sent
    assert upload.pump.limits == [0.25]


def test_waiting_for_100_continue_takes_no_longer_than_any_wait():
    upload = Upload(None, window=100, timeout=0.125)
    upload.exchange.expect_continue(None)
    upload.exchange.send(b"body", final=True)
    assert upload.pump.limits == [0.125]


def test_content_is_taken_piece_by_piece_as_it_came():
    upload = Upload(ANSWER + wire.data(1, b"one") + wire.data(1, b"two"), window=100)
    assert upload.exchange.await_head().status == 200
    assert upload.exchange.take(1) == [b"one"]
    assert upload.exchange.take(None) == [b"two"]


def test_content_of_a_stream_that_is_over_is_taken_without_the_lock():
    upload = Upload(window=100)
    upload.exchange.end(())
    trailers = wire.headers(1, TRAILERS, end_stream=True)
    upload.memory.receive(ANSWER, wire.data(1, b"content"), trailers)
    upload.pump.lock = None  # nobody can take it
    assert upload.exchange.take(None) == [b"content"]
    assert upload.pump.released == 7


def test_a_reset_of_the_peer_s_comes_out_where_the_head_is_awaited():
    upload = Upload(wire.rst_stream(1, wire.REFUSED_STREAM))
    with pytest.raises(StreamResetError) as caught:
        upload.exchange.await_head()
    assert caught.value.retryable


def test_a_fault_of_the_peer_s_comes_out_where_the_head_is_awaited():
    upload = Upload(wire.headers(1, wire.block([("x", "no status")])))
    with pytest.raises(RemoteProtocolError):
        upload.exchange.await_head()


@pytest.mark.parametrize("end", ["cancel", "discard"])
def test_5_4_2_ending_resets_a_stream_once(end):
    upload = Upload()
    getattr(upload.exchange, end)()
    getattr(upload.exchange, end)()
    assert resets_of(upload.sent()) == [wire.CANCEL]


@pytest.mark.parametrize(("end", "kept"), [("cancel", [b"content"]), ("discard", [])])
def test_a_whole_response_can_be_read_after_cancel_and_not_after_discard(end, kept):
    upload = Upload(window=100)
    upload.exchange.end(())
    upload.memory.receive(ANSWER, wire.data(1, b"content", True))
    getattr(upload.exchange, end)()
    assert upload.exchange.take(None) == kept
    assert upload.pump.released == 7


def test_a_handle_that_nobody_keeps_leaves_a_note_and_takes_no_lock():
    upload = Upload()
    upload.pump.lock = None  # nobody can take it
    upload.exchange = None
    gc.collect()
    assert upload.pump.dropped == [upload.stream]


def test_a_handle_whose_exchange_is_over_and_read_leaves_no_note():
    upload = Upload(window=100)
    upload.exchange.end(())
    upload.memory.receive(WHOLE_ANSWER)
    upload.exchange = None
    gc.collect()
    assert upload.pump.dropped == []
