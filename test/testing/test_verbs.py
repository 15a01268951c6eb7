"""The verbs of hyper.testing.Peer that write: each is the frame of its name (RFC 9113, 6)."""

from __future__ import annotations

import pytest

from hyper.testing import MemoryPeer, wire


@pytest.mark.parametrize(
    ("verb", "octets"),
    [
        (lambda peer: peer.write_rst(3, wire.CANCEL), wire.rst_stream(3, wire.CANCEL)),
        (lambda peer: peer.write_goaway(3, 1, b"why"), wire.goaway(3, 1, b"why")),
        (lambda peer: peer.write_ping(b"12345678", ack=True), wire.ping(b"12345678", ack=True)),
        (lambda peer: peer.write_window_update(0, 9), wire.window_update(0, 9)),
    ],
    ids=["RST_STREAM", "GOAWAY", "PING", "WINDOW_UPDATE"],
)
def test_a_verb_writes_its_frame(verb, octets):
    peer = MemoryPeer()
    verb(peer)
    assert peer.take() == octets


def peer_with_window(size):
    peer = MemoryPeer()
    peer.feed(wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: size}))
    peer.want_settings()
    return peer


def test_content_is_written_as_the_windows_allow():
    """6.9.1: here the client opens the window by two octets whenever it is asked."""
    given = [wire.window_update(1, 2), wire.window_update(1, 2)]
    peer = MemoryPeer(lambda: given.pop(0) if given else b"")
    peer.client_settings[wire.SETTINGS_INITIAL_WINDOW_SIZE] = 1
    assert peer.window(1) == 1
    assert peer.write_content(1, b"12345")
    frames, rest = wire.read(peer.take())
    assert [frame.content for frame in frames] == [b"1", b"23", b"45"]
    assert [frame.end_stream for frame in frames] == [False, False, True]
    assert (rest, peer.window(1)) == (b"", 0)


def test_content_of_a_stream_that_was_reset_is_not_written():
    """5.1."""
    peer = peer_with_window(0)
    peer.feed(wire.rst_stream(1, wire.CANCEL))
    assert not peer.write_content(1, b"1")
    assert peer.take() == b""


def test_empty_content_ends_the_stream():
    peer = peer_with_window(0)
    assert peer.write_content(1, b"")
    assert peer.take() == wire.data(1, end_stream=True)


def test_acknowledgements_go_out_as_what_they_answer_comes():
    """6.5.3; 6.7."""
    peer = MemoryPeer()
    peer.acknowledges = True
    peer.feed(wire.settings() + wire.ping(b"12345678"))
    peer.want_settings()
    peer.want_nothing()
    assert peer.take() == wire.settings(ack=True) + wire.ping(b"12345678", ack=True)


def test_a_question_that_came_before_is_answered_when_answers_begin():
    """6.7: a client may ask in its first flight, before a script has done the handshake."""
    peer = MemoryPeer()
    peer.feed(wire.settings() + wire.ping(b"12345678"))
    peer.want_settings()
    assert peer.take() == b""
    peer.acknowledges = True
    peer.acknowledges = True
    assert peer.take() == wire.ping(b"12345678", ack=True)


def test_a_request_can_be_asked_for_its_parts():
    peer = MemoryPeer()
    fields = [(":method", "GET"), (":path", "/a"), ("host", "b"), ("x", "1"), ("x", "2")]
    peer.feed(wire.headers(1, wire.block(fields), end_stream=True))
    request = peer.want_request()
    assert request == (1, fields, b"")
    assert (request.method, request.path, request.authority) == ("GET", "/a", "b")
    assert (request.header("X"), request.header("y")) == ("1, 2", None)
    assert peer.requests == [request]
