"""Limits on what a peer may do: an honest peer, slow and long-lived, reaches none of them.

A limit that only an attacker reaches ends the smallest scope that RFC 9113 allows: a stream, if
that is enough. The clock is the endpoint's own.
"""

from __future__ import annotations

import gc

import pytest

from hyper.errors import StreamResetError, shown
from hyper.protocol.flow.managers import BaseFlowControlManager
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, MemoryEndpoint

CONTINUE = wire.block([(":status", "102")])
MANY = 20_000


def blames_the_peer(stream) -> bool:
    """Whether the caller is told that the peer broke the protocol."""
    return "broke HTTP/2" in str(stream.failure.exception())


# ---- interim responses (RFC 9110, 15.2) ----


@pytest.mark.parametrize("count", [33, 64, 100])
@pytest.mark.parametrize("status", ["100", "102", "103"])
def test_many_interim_responses_are_followed_by_the_final_one(count, status):
    """RFC 9110, 15.2: "one or more"."""
    client = MemoryEndpoint()
    stream = client.open()
    interim = wire.headers(stream.id, wire.block([(":status", status)]))
    assert client.receive(*[interim] * count) == []
    client.answer(stream, b"content")
    assert stream.failure is None
    assert b"".join(stream.content) == b"content"
    assert len(stream.informational) == count


def test_a_promised_response_may_have_many_interim_ones():
    """RFC 9113, 8.4.2: it "is sent [...] in the same manner"."""
    client = MemoryEndpoint()
    parent = client.open()
    client.receive(wire.push_promise(parent.id, 2, PROMISE))
    (promised,) = client.endpoint.claim_promises(parent.id)
    assert client.receive(*[wire.headers(2, CONTINUE)] * 100) == []
    client.answer(promised, b"content")
    assert b"".join(promised.content) == b"content"


def test_interim_responses_that_come_slowly_for_days_harm_nobody():
    """RFC 9110, 15.2: a server may keep a long poll alive by them; few are kept."""
    client = MemoryEndpoint()
    stream = client.open()
    for _ in range(MANY):
        client.time += 10
        assert client.receive(wire.headers(stream.id, CONTINUE)) == []
    client.answer(stream, b"content")
    assert b"".join(stream.content) == b"content"
    assert len(stream.informational) < 2000


def test_a_flood_of_interim_responses_ends_its_stream_alone_and_blames_nobody():
    """RFC 9113, 10.5: no rule of HTTP/2 gives their number."""
    client = MemoryEndpoint()
    stream, other = client.open(), client.open()
    answers = client.receive(*[wire.headers(stream.id, CONTINUE)] * MANY)
    assert [frame.type for frame in answers] == [wire.RST_STREAM]
    assert stream.failure is not None
    assert not blames_the_peer(stream)
    client.answer(other, b"content")
    assert b"".join(other.content) == b"content"


def test_an_interim_response_may_be_as_large_as_what_was_announced():
    """RFC 9113, 6.5.2: an early hint with many links, say (RFC 8297)."""
    client = MemoryEndpoint(list_size=2**20)
    stream = client.open()
    fields = [(":status", "103"), *large(80_000)]
    assert client.receive(wire.headers(stream.id, wire.block(fields))) == []
    client.answer(stream, b"content")
    assert [len(head.fields) for head in stream.informational] == [len(fields) - 1]
    assert b"".join(stream.content) == b"content"


def large(size=60_000):
    """A section of so many octets as RFC 9113, 6.5.2 counts them, in few octets on the wire."""
    return [(f"{number:x}", "") for number in range(size // 36)]


def test_fields_of_interim_responses_are_bounded_together():
    """RFC 9113, 10.5.1: not each alone, because each takes 64 KiB."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    client = MemoryEndpoint()
    block = wire.block([(":status", "103"), *large()])
    streams = [client.open() for _ in range(4)]
    tracemalloc.start()
    try:
        for stream in streams:
            for _ in range(32):
                client.receive(wire.headers(stream.id, block))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4 * 2**20


def test_fields_of_promises_are_bounded_together():
    """RFC 9113, 10.5.1: the requests of those that nobody has claimed count, too."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    client = MemoryEndpoint()
    parent = client.open()
    block = PROMISE + wire.block(large())
    tracemalloc.start()
    try:
        for number in range(1, 100):
            client.receive(wire.push_promise(parent.id, 2 * number, block))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8 * 2**20
    client.answer(parent, b"page")
    assert b"".join(parent.content) == b"page"


# ---- empty DATA (RFC 9113, 10.5) ----


@pytest.mark.parametrize("pad", [None, 0, 10], ids=["empty", "pad length", "padding"])
def test_empty_data_may_come_for_ever_if_it_comes_slowly(pad):
    """RFC 9113, 10.5: a rate is a flood, a number is not."""
    client = MemoryEndpoint()
    stream = client.open()
    client.receive(wire.headers(stream.id, OK))
    for _ in range(1000):
        client.time += 0.05
        answers = client.receive(wire.data(stream.id, b"", pad=pad))
        assert {frame.type for frame in answers} <= {wire.WINDOW_UPDATE}
    client.receive(wire.data(stream.id, b"content", True))
    assert b"".join(stream.content) == b"content"


def test_empty_data_is_counted_for_its_own_stream():
    """RFC 9113, 5.4.2: heartbeats on many streams are no flood on one."""
    client = MemoryEndpoint()
    streams = [client.open() for _ in range(120)]
    for stream in streams:
        client.receive(wire.headers(stream.id, OK))
    client.receive(*[wire.data(stream.id) for stream in streams])
    for stream in streams:
        client.receive(wire.data(stream.id, b"content", True))
        assert b"".join(stream.content) == b"content"


def test_a_flood_of_empty_data_ends_its_stream_and_no_other():
    """RFC 9113, 5.4.2, 10.5."""
    client = MemoryEndpoint()
    stream, other = client.open(), client.open()
    client.receive(wire.headers(stream.id, OK))
    answers = client.receive(*[wire.data(stream.id)] * MANY)
    assert [(frame.type, frame.stream_id) for frame in answers] == [(wire.RST_STREAM, stream.id)]
    client.answer(other, b"content")
    assert b"".join(other.content) == b"content"


def test_empty_data_on_a_tunnel_may_come_for_ever_if_it_comes_slowly():
    """RFC 9113, 8.5: a WebSocket's server may send such, too."""
    client = MemoryEndpoint()
    section = ((b":method", b"CONNECT"), (b":authority", b"far.example:443"))
    stream = client.endpoint.send_request(section, "CONNECT", end_stream=False)
    client.answer(stream, end_stream=False)
    for _ in range(200):
        client.time += 1
        assert client.receive(wire.data(stream.id)) == []
    assert stream.failure is None


# ---- streams that were cancelled (RFC 9113, 5.1) ----


LATE = {
    "HEADERS": lambda stream_id: wire.headers(stream_id, OK, True),
    "DATA": lambda stream_id: wire.data(stream_id, b"late", True),
    "RST_STREAM": wire.rst_stream,
    "WINDOW_UPDATE": lambda stream_id: wire.window_update(stream_id, 1),
    "PUSH_PROMISE": lambda stream_id: wire.push_promise(stream_id, 2, PROMISE),
}


@pytest.mark.parametrize("late", LATE)
def test_a_late_frame_on_a_stream_cancelled_long_ago_harms_nobody(late):
    """RFC 9113, 5.1: however many were cancelled since."""
    client = MemoryEndpoint()
    kept = client.open()
    first = client.open()
    client.endpoint.cancel(first)
    for _ in range(1500):
        client.endpoint.cancel(client.open())
        client.sent()
    answers = client.receive(LATE[late](first.id))
    assert wire.GOAWAY not in {frame.type for frame in answers}
    client.answer(kept, b"content")
    assert kept.failure is None
    assert b"".join(kept.content) == b"content"


@pytest.mark.parametrize("late", ["HEADERS", "RST_STREAM"])
def test_a_late_frame_on_a_promise_refused_long_ago_harms_nobody(late):
    """RFC 9113, 5.1, 8.4: promises that are refused do not push out a cancelled request."""
    client = MemoryEndpoint({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 0})
    kept, cancelled = client.open(), client.open()
    client.endpoint.cancel(cancelled)
    client.sent()
    for number in range(1, 1101):
        client.receive(wire.push_promise(kept.id, 2 * number, PROMISE))
    answers = client.receive(LATE[late](2), LATE[late](cancelled.id))
    assert wire.GOAWAY not in {frame.type for frame in answers}
    client.answer(kept, b"content")
    assert b"".join(kept.content) == b"content"


def test_what_is_remembered_of_cancelled_streams_is_bounded():
    """RFC 9113, 10.5: days of cancelled streams take no memory."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    client = MemoryEndpoint()
    tracemalloc.start()
    try:
        for _ in range(20_000):
            client.endpoint.cancel(client.open())
            client.sent()
            client.endpoint.changed_streams.clear()
        gc.collect()  # Pythons without a GIL collect less often
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 512 * 1024


# ---- promises (RFC 9113, 8.4) ----


def test_promises_that_nobody_claims_do_not_end_pushes_for_ever():
    """RFC 9113, 8.4: the oldest that nobody has claimed give way."""
    client = MemoryEndpoint()
    first = client.open()
    for number in range(1, 151):
        client.receive(wire.push_promise(first.id, 2 * number, PROMISE))
        if number <= 100:
            client.receive(wire.headers(2 * number, OK, True))
    client.answer(first, b"page")
    second = client.open()
    answers = client.receive(wire.push_promise(second.id, 400, PROMISE))
    assert wire.RST_STREAM not in [f.type for f in answers if f.stream_id == 400]
    (promised,) = client.endpoint.claim_promises(second.id)
    assert promised.id == 400


# ---- answers (RFC 9113, 6.5.3, 6.7) ----


@pytest.mark.parametrize("frame", [wire.ping(), wire.settings()], ids=["PING", "SETTINGS"])
def test_many_questions_in_one_read_are_all_answered(frame):
    """RFC 9113, 10.5: a flood is answers that the peer does not read."""
    client = MemoryEndpoint()
    for _ in range(3):
        answers = client.receive(frame * 1001)
        assert len(answers) == 1001
        assert all(answer.ack for answer in answers)
    client.check_goes_on()


def test_answers_that_the_peer_does_not_read_are_bounded():
    """RFC 9113, 10.5: who asks on and reads nothing is told to calm down."""
    client = MemoryEndpoint()
    for _ in range(100):
        client.endpoint.receive(memoryview(wire.ping() * 1001))
    assert client.endpoint.failure is not None
    answers = client.sent()
    assert answers[-1].error_code == wire.ENHANCE_YOUR_CALM
    assert len(answers) < 5000


def test_streams_reset_by_the_peer_for_days_take_no_memory():
    """RFC 9113, 10.5: resets are no questions, and nothing is kept of them."""
    client = MemoryEndpoint()
    for _ in range(3000):
        stream = client.open()
        client.receive(wire.rst_stream(stream.id, wire.CANCEL))
        assert stream.failure.kind is StreamResetError
    client.check_goes_on()


# ---- the connection preface (RFC 9113, 3.4) ----


@pytest.mark.parametrize(("by_alpn", "words"), [(False, "prior knowledge"), (True, "ALPN chose")])
def test_an_answer_in_http_1_that_comes_in_pieces_is_shown_whole(by_alpn, words):
    """RFC 9113, 3.4: the reason is worth a wait."""
    client = MemoryEndpoint(handshake=False)
    client.endpoint.by_alpn = by_alpn
    line = b"HTTP/1.1 421 Misdirected Request"
    for size in range(len(line)):
        assert client.endpoint.receive(memoryview(line[:size])) == 0
    assert client.endpoint.failure is None
    client.endpoint.receive(memoryview(line + b"\r\n"))
    assert line.decode() in str(client.endpoint.failure.exception())
    assert words in str(client.endpoint.failure.exception())


def test_an_answer_in_http_1_whose_lines_end_with_lf_alone_is_not_waited_for():
    """RFC 9113, 3.4; RFC 9112, 2.2: a recipient may take a single LF for the end of a line."""
    client = MemoryEndpoint(handshake=False)
    client.endpoint.receive(memoryview(b"HTTP/1.0 400 Bad\n"))
    assert "'HTTP/1.0 400 Bad'" in str(client.endpoint.failure.exception())


@pytest.mark.parametrize("debug", [b"", b"TLS version too low", b"\x1b[31m" + b"x" * 9000])
def test_a_goaway_in_the_place_of_settings_tells_why(debug):
    """RFC 9113, 3.4, 6.8: a server that refuses TLS's parameters says so, and no SETTINGS."""
    client = MemoryEndpoint(handshake=False)
    frame = wire.goaway(0, wire.INADEQUATE_SECURITY, debug)
    for size in range(0, len(frame), 500):
        assert client.endpoint.receive(memoryview(frame[:size])) == 0
    client.endpoint.receive(memoryview(frame))
    words = str(client.endpoint.failure.exception())
    assert "INADEQUATE_SECURITY" in words
    assert shown(debug) in words
    assert words.isprintable()


def test_a_goaway_in_the_place_of_settings_may_be_malformed():
    """RFC 9113, 3.4, 6.8."""
    for frame in (wire.frame(7, 0, 0, b"short"), b"\xff\xff\xff\x07" + bytes(5)):
        client = MemoryEndpoint(handshake=False)
        client.endpoint.receive(memoryview(frame))
        assert "not SETTINGS, but GOAWAY (" in str(client.endpoint.failure.exception())


def test_the_words_for_a_turn_name_settings_that_are_missing():
    """RFC 9113, 3.4: a server that has said nothing allows no number of streams."""
    client = MemoryEndpoint(handshake=False)
    assert "its SETTINGS" in client.endpoint.why_none_is_free()


# ---- room for one more promise ----


def test_heads_of_pushes_that_nobody_claims_are_bounded_together():
    """RFC 9113, 10.5.1: the oldest pushes give way, and a push that was claimed does not."""
    client = MemoryEndpoint()
    parents = [client.open() for _ in range(30)]
    client.receive(wire.push_promise(parents[0].id, 2, PROMISE))
    (claimed,) = client.endpoint.claim_promises(parents[0].id)
    head = OK + wire.block(large())
    client.receive(wire.headers(2, head))
    reset = []
    for number, parent in enumerate(parents[1:], 2):
        answers = client.receive(
            wire.push_promise(parent.id, 2 * number, PROMISE), wire.headers(2 * number, head)
        )
        reset += [frame.stream_id for frame in answers if frame.type == wire.RST_STREAM]
    assert reset == list(range(4, 4 + 2 * len(reset), 2))  # the oldest first
    assert 10 < len(reset) < 16
    assert claimed.failure is None


def test_a_head_that_finds_no_push_to_give_way_is_taken():
    """RFC 9113, 8.4: pushes that were claimed are the caller's to count."""
    client = MemoryEndpoint()
    parent = client.open()
    head = OK + wire.block(large())
    for number in range(1, 25):
        client.receive(wire.push_promise(parent.id, 2 * number, PROMISE))
        client.endpoint.claim_promises(parent.id)
        assert client.receive(wire.headers(2 * number, head)) == []
    client.check_goes_on()


def test_an_open_push_gives_way_where_only_open_ones_count():
    """RFC 9113, 5.1.2: a push that is whole is not one of those that are open."""
    client = MemoryEndpoint({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    whole, pending, next_page = client.open(), client.open(), client.open()
    client.receive(wire.push_promise(whole.id, 2, PROMISE), wire.headers(2, OK, True))
    client.receive(wire.push_promise(pending.id, 4, PROMISE))
    answers = client.receive(wire.push_promise(next_page.id, 6, PROMISE))
    assert [(frame.stream_id, frame.error_code) for frame in answers] == [(4, wire.CANCEL)]
    assert [stream.id for stream in client.endpoint.claim_promises(whole.id)] == [2]
    assert [stream.id for stream in client.endpoint.claim_promises(next_page.id)] == [6]


# ---- a silent peer (RFC 9113, 6.9) ----


def test_a_manager_of_the_callers_gives_nothing_to_a_silent_peer_by_default():
    """RFC 9113, 5.2.2: the hook is the manager's to fill."""

    class Plain(BaseFlowControlManager):
        def increase_window_size(self, frame_size):  # noqa: ARG002
            return 0

    client = MemoryEndpoint(window_manager=Plain)
    stream = client.open()
    client.endpoint.grow_idle_window(stream)
    assert client.sent() == []
