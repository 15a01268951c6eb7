"""hyper.trace.wire and cutter: octets become events, however they are cut."""

from __future__ import annotations

import pytest

from hyper import trace
from hyper.testing import wire
from hyper.trace.watch import Watch
from hyper.trace.wire import Wire

GET = wire.block(
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x")]
)
OK = wire.block([(":status", "200"), ("content-length", "3")])
SECRET = wire.block([(":status", "200"), ("set-cookie", "s=1")])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

SENT = b"".join(
    [
        PREFACE,
        wire.settings([(4, 1024), (0xABC, 5)]),
        wire.window_update(0, 99),
        wire.headers(1, GET, end_stream=True),
        wire.headers(3, wire.block([(":method", "POST"), (":path", "/y")])),
        wire.data(3, b"abc"),
        wire.headers(3, wire.block([("digest", "d")]), end_stream=True),
        wire.rst_stream(3, wire.CANCEL),
    ]
)
RECEIVED = b"".join(
    [
        wire.settings([]),
        wire.headers(1, wire.block([(":status", "103"), ("link", "</s>")])),
        wire.headers(1, OK[:2], end_headers=False),
        wire.continuation(1, OK[2:]),
        wire.data(1, b"abc", pad=4),
        wire.headers(1, wire.block([("grpc-status", "0")]), end_stream=True),
        wire.headers(3, OK),
        wire.data(3, b"d" * 300, end_stream=True),
        wire.goaway(3, 0, b"bye"),
    ]
)
PROMISE = wire.block(
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/p")]
)


def told(feed, **wants):
    recorder = trace.Recorder(**wants)
    feed(Wire(Watch((recorder,)), 7))
    return recorder.events


def of_kind(events, *kinds):
    return [event for event in events if isinstance(event, kinds)]


def in_pieces(method, octets, size):
    for start in range(0, len(octets), size):
        method(octets[start : start + size])


def without_moments(events):
    return [(type(event).__name__, *event[1:]) for event in events]


def test_a_request_is_told_from_the_frames_that_leave():
    events = told(lambda w: w.send(SENT))
    first, second = of_kind(events, trace.RequestSent)
    assert first[1:7] == (7, 1, "GET", "https", "a.test", "/x")
    assert (second.stream, second.method, second.queued, second.attempt) == (3, "POST", None, 1)
    assert [e.size for e in of_kind(events, trace.RequestContent)] == [3]
    ends = of_kind(events, trace.RequestEnd)
    assert [(e.stream, e.trailers) for e in ends] == [(1, ()), (3, (("digest", "d"),))]
    assert of_kind(events, trace.Cancel)[0][2:] == (3, wire.CANCEL, False)
    assert {e.connection for e in events} == {7}


def test_a_response_is_told_from_the_frames_that_come():
    events = told(lambda w: (w.send(SENT), w.receive(RECEIVED)))
    assert [e.status for e in of_kind(events, trace.Informational)] == [103]
    assert [(e.stream, e.status) for e in of_kind(events, trace.Head)] == [(1, 200), (3, 200)]
    assert [e.size for e in of_kind(events, trace.Content)] == [3, 300]
    assert of_kind(events, trace.Trailers)[0].fields == (("grpc-status", "0"),)
    assert [e.stream for e in of_kind(events, trace.End)] == [1, 3]
    assert of_kind(events, trace.Goaway)[0][2:] == (3, 0, b"bye", True)


@pytest.mark.parametrize("size", [1, 2, 7, 9, 10, 64])
@pytest.mark.parametrize("content", [False, True])
def test_events_do_not_depend_on_how_octets_are_cut(size, content):
    """RFC 9113, 4.1."""

    def whole(w):
        w.send(SENT)
        w.receive(memoryview(RECEIVED))

    def cut(w):
        w.send(PREFACE)  # it leaves in one piece
        in_pieces(w.send, SENT[len(PREFACE) :], size)
        in_pieces(w.receive, memoryview(RECEIVED), size)

    expected = told(whole, content=content)
    assert without_moments(told(cut, content=content)) == without_moments(expected)


def test_content_is_kept_only_for_those_who_ask():
    modest, curious = (
        of_kind(told(lambda w: w.receive(RECEIVED), content=content), trace.Content)
        for content in (False, True)
    )
    assert [e.octets for e in modest] == [None, None]
    assert [e.octets for e in curious] == [b"abc", b"d" * 300]


def test_secrets_are_hidden_unless_asked_for():
    octets = wire.headers(1, SECRET)
    hidden = told(lambda w: w.receive(octets))
    assert "s=1" not in repr(hidden)
    assert of_kind(hidden, trace.Head)[0].fields[1] == ("set-cookie", trace.REDACTED)
    shown = told(lambda w: w.receive(octets), secrets=True)
    assert of_kind(shown, trace.Head)[0].fields[1] == ("set-cookie", "s=1")


def test_a_field_that_is_never_indexed_is_a_secret():
    """RFC 7541, 7.1.3."""
    octets = wire.headers(1, wire.block([(":status", "200"), ("x-key", "k")], never_indexed=True))
    events = told(lambda w: (w.receive(octets), w.receive(wire.headers(3, SECRET))))
    assert of_kind(events, trace.Head)[0].fields[1] == ("x-key", trace.REDACTED)


def test_a_push_is_told_with_its_request_and_its_response():
    """RFC 9113, 8.4."""
    octets = wire.push_promise(1, 2, PROMISE) + wire.headers(2, OK, end_stream=True)
    events = told(lambda w: w.receive(octets))
    assert of_kind(events, trace.Push)[0][2:8] == (1, 2, "GET", "https", "a.test", "/p")
    assert [e.stream for e in of_kind(events, trace.End)] == [2]


def test_a_ping_and_its_answer_give_the_round_trip():
    """RFC 9113, 6.7."""
    opaque = b"12345678"
    answer = wire.ping(opaque, ack=True)
    events = told(lambda w: (w.send(wire.ping(opaque)), w.receive(answer), w.receive(answer)))
    first, second, third = of_kind(events, trace.Ping)
    assert (first.round_trip, first.by_peer) == (None, False)
    assert second.round_trip >= 0
    assert second.acknowledges
    assert third.round_trip is None


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (
            wire.settings([(4, 1), (99, 2)]),
            {"settings": (("SETTINGS_INITIAL_WINDOW_SIZE", 1), (99, 2))},
        ),
        (wire.settings(ack=True), {}),
        (wire.window_update(1, 7), {"increment": 7}),
        (wire.altsvc(0, "https://a", "h3"), {"origin": "https://a", "alt_svc": "h3"}),
        (wire.origin(["https://a", "https://b"]), {"origins": ("https://a", "https://b")}),
        (wire.priority_update(5, "u=1"), {"prioritized": 5, "priority": "u=1"}),
        (wire.priority(5, 3, 15, True), {"depends_on": 3, "exclusive": True, "weight": 16}),
        (wire.frame(0xEE, 0, 0, b"x"), {}),
        (wire.data(1, b"ab", pad=3), {"padding": 4}),
    ],
)
def test_the_content_of_a_frame_is_parsed(octets, content):
    (event, *_) = told(lambda w: w.receive(octets))
    assert event.content == content
    assert event.length == len(octets) - 9


@pytest.mark.parametrize(
    "octets",
    [wire.frame(6, 0, 0, b"short"), wire.frame(3, 0, 1, b""), wire.headers(1, b"\x80")],
)
def test_a_broken_frame_is_told_as_such_and_ends_no_trace(octets):
    """RFC 9113, 4.2, 4.3."""
    events = told(lambda w: (w.receive(octets), w.receive(wire.window_update(0, 1))))
    assert events[0].content["error"]
    assert events[-1].content == {"increment": 1}


def test_after_a_broken_block_no_fields_are_told_that_may_be_wrong():
    events = told(lambda w: (w.receive(wire.headers(1, b"\x80")), w.receive(wire.headers(3, OK))))
    assert of_kind(events, trace.Head) == []
    assert "before this one" in events[-1].content["error"]


def test_a_status_that_is_no_number_is_told_as_0():
    octets = wire.headers(1, wire.block([(":status", "2x0")]))
    assert of_kind(told(lambda w: w.receive(octets)), trace.Head)[0].status == 0


def test_queued_requests_are_told_in_the_order_in_which_they_leave():
    def feed(w):
        w.queued.extend([(1.5, 1, None), (2.5, 2, None)])
        w.send(SENT)

    sent = of_kind(told(feed), trace.RequestSent)
    assert [(e.queued, e.attempt) for e in sent] == [(1.5, 1), (2.5, 2)]
