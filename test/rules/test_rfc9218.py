"""RFC 9218, priorities: the client's side. And requests that are cut off by an early answer."""

from __future__ import annotations

import pytest

from hyper.protocol import frames
from test import wire
from test.wired import ANSWERED, OK, OPEN, RESPONDING, Wired, busy

READY = {wire.SETTINGS_NO_RFC7540_PRIORITIES: 1}


def test_7_1_priority_update_goes_out_on_stream_0():
    wired = Wired(peer_settings=READY)
    stream = wired.open()
    assert wired.endpoint.reprioritize(stream, b"u=1, i") is True
    (frame,) = wired.sent()
    assert frame.octets() == wire.priority_update(stream.id, "u=1, i")
    assert frames.pack_priority_update(1, b"i") == wire.priority_update(1, "i")


def test_7_1_it_is_not_sent_for_a_response_that_is_whole():
    wired = Wired(peer_settings=READY)
    stream = wired.open("POST", end_stream=False)
    wired.answer(stream)
    assert wired.endpoint.reprioritize(stream, b"u=1") is False
    assert wired.sent() == []


def test_2_1_1_it_is_not_sent_to_a_peer_that_takes_no_part():
    """Before the peer's SETTINGS nobody knows, and it is sent."""
    wired = Wired(handshake=False)
    stream = wired.open()
    assert wired.endpoint.reprioritize(stream, b"u=1") is True
    wired.receive(wire.settings())
    wired.sent()
    assert wired.endpoint.reprioritize(stream, b"u=1") is False
    assert wired.sent() == []


def test_rfc9113_8_1_content_that_is_withheld_ends_in_a_reset_after_the_response():
    wired = busy()
    stream = wired.endpoint.streams[OPEN]
    wired.endpoint.withhold(stream)
    assert not stream.request_is_open
    assert wired.receive(wire.headers(OPEN, OK), wire.data(OPEN, b"answer")) == []
    (reset,) = wired.receive(wire.data(OPEN, b"", True))
    assert (reset.type, reset.error_code) == (wire.RST_STREAM, wire.CANCEL)
    assert list(stream.content) == [b"answer"]
    assert stream.is_over
    assert stream.failure is None
    wired.check_goes_on()


def test_rfc9113_8_1_after_a_whole_response_at_once():
    wired = busy()
    stream = wired.endpoint.streams[ANSWERED]
    wired.endpoint.withhold(stream)
    (reset,) = wired.sent()
    assert (reset.type, reset.stream_id, reset.error_code) == (
        wire.RST_STREAM,
        ANSWERED,
        wire.CANCEL,
    )
    wired.endpoint.withhold(stream)
    assert wired.sent() == []
    assert stream.failure is None
    wired.check_goes_on()


@pytest.mark.parametrize("stream_id", [RESPONDING, ANSWERED])
def test_7_1_a_server_must_not_send_it(stream_id):
    wired = busy()
    (goaway,) = wired.receive(wire.priority_update(stream_id, "u=1"))
    assert (goaway.type, goaway.error_code) == (wire.GOAWAY, wire.PROTOCOL_ERROR)
