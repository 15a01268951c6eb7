"""protocol/stream.py: what a stream says to those who wait for it."""

from __future__ import annotations

import pytest

from hyper.errors import Failure, StreamFault
from hyper.protocol import states
from hyper.protocol.messages import ResponseHead
from hyper.protocol.stream import Stream
from hyper.testing import wire
from test.memory_endpoint import MemoryEndpoint


def stream(method="GET", status=None, content_length=None, **changes):
    """A stream in some moment of its life."""
    made = Stream(1, states.HALF_CLOSED_LOCAL, method)
    if status:
        made.receive_head(ResponseHead(status, (), content_length))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# Three conditions: has_head, has_content, is_over.
MOMENTS = {
    "nothing yet": ({}, (False, False, False)),
    "an interim response": ({"informational": [ResponseHead(103, (), None)]}, (False,) * 3),
    "the head": ({"status": 200}, (True, False, False)),
    "some content": ({"status": 200, "content": [b"x"]}, (True, True, False)),
    "no reader": ({"status": 200, "read_shut": True}, (True, True, False)),
    "the end": ({"status": 200, "phase": states.DONE}, (True, True, True)),
    "a failure": ({"failure": Failure(OSError)}, (True, True, True)),
    "head and failure": ({"status": 200, "failure": Failure(OSError)}, (True, True, True)),
}


@pytest.mark.parametrize(("moment", "answers"), MOMENTS.values(), ids=MOMENTS.keys())
def test_a_waiting_reader_is_told_when_it_comes_or_never_will(moment, answers):
    made = stream(**moment)
    assert (made.has_head(), made.has_content(), made.is_over) == answers


# (RFC 9113, 8.1.1; RFC 9110, 6.4.1, 8.6, 9.3.6)
@pytest.mark.parametrize(
    ("method", "status", "announced", "size"),
    [
        ("GET", 200, 5, 5),
        ("GET", 200, None, None),
        ("GET", 204, 5, 0),
        ("GET", 304, 5, 0),
        ("GET", 404, 5, 5),
        ("HEAD", 200, 5, 0),
        ("CONNECT", 200, 5, None),
        ("CONNECT", 299, 5, None),
        ("CONNECT", 300, 5, 5),
        ("CONNECT", 407, 5, 5),
    ],
)
def test_8_1_1_how_much_content_there_must_be(method, status, announced, size):
    assert stream(method, status, announced).content_length == size


def test_its_repr_says_which_and_in_what_state():
    assert repr(stream()) == "<Stream 1, half-closed (local)>"


def test_5_1_a_request_that_is_withheld_is_reset_when_its_response_has_ended():
    """RFC 9113, 8.1: the response is taken to its end; the peer learns then that no more comes."""
    client = MemoryEndpoint()
    upload = client.open("POST", end_stream=False)
    client.answer(upload, b"enough", end_stream=False)
    client.endpoint.withhold(upload)
    assert client.sent() == []
    assert not upload.request_is_open
    assert not upload.is_over
    (reset,) = client.receive(wire.data(upload.id, b"!", end_stream=True))
    assert (reset.type, reset.error_code) == (wire.RST_STREAM, wire.CANCEL)
    assert (b"".join(upload.content), upload.failure) == (b"enough!", None)


def test_5_2_a_frame_of_too_much_content_leaves_no_octets_in_the_budget():
    """RFC 9113, 8.1.1: what is refused is not unread, and nobody will ever read it."""
    client = MemoryEndpoint()
    asked = client.open()
    client.receive(
        wire.headers(asked.id, wire.block([(":status", "200"), ("content-length", "3")]))
    )
    (reset,) = client.receive(wire.data(asked.id, b"four"))
    assert (reset.type, reset.error_code) == (wire.RST_STREAM, wire.PROTOCOL_ERROR)
    assert client.endpoint.budget.in_use == 0


def test_8_1_a_second_final_section_is_a_fault_of_the_stream():
    answered = stream(status=200)
    with pytest.raises(StreamFault, match=r"a final field section .* in phase 'content'"):
        answered.receive_head(ResponseHead(200, (), None))
    assert answered.head.status == 200


def test_5_1_a_second_end_of_a_stream_is_a_fault_of_its_own():
    ended = stream(status=200, state=states.HALF_CLOSED_REMOTE)
    with pytest.raises(StreamFault, match="END_STREAM on stream 1, which is half-closed"):
        ended.end()
    assert ended.state == states.HALF_CLOSED_REMOTE


def test_5_4_2_a_stream_that_lacks_its_end_alone_is_not_reset():
    """All that content-length announces has come, and servers count resets as attacks."""
    client = MemoryEndpoint()
    asked = client.open()
    head = wire.block([(":status", "200"), ("content-length", "3")])
    client.receive(wire.headers(asked.id, head), wire.data(asked.id, b"all"))
    client.endpoint.cancel(asked)
    assert client.sent() == []
    assert asked.read_shut
    assert client.receive(wire.data(asked.id, b"", end_stream=True)) == []
    assert not client.endpoint.streams
