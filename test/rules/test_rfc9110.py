"""RFC 9110: the rules for a client that are not HTTP/2's own."""

from __future__ import annotations

import gzip

import pytest

from hyper import HTTP20Connection, InvalidURL, LocalProtocolError
from hyper.client.content_codings import decoder_for
from hyper.testing import wire
from test.memory_endpoint import OK, MemoryEndpoint


@pytest.mark.parametrize("url", ["http:///path", "https:///path", "https://:443/"])
def test_4_2_1_an_empty_host_is_refused(url):
    """ "A sender MUST NOT generate" such a URI."""
    with pytest.raises(InvalidURL, match=r"RFC 9110, 4\.2"):
        HTTP20Connection("localhost", 1).request("GET", url)


@pytest.mark.parametrize("value", [", gzip", "gzip,,", " ,\t, gzip ,"])
def test_5_6_1_2_empty_elements_of_a_list_are_ignored(value):
    """ "A recipient MUST parse and ignore a reasonable number of empty list elements"."""
    decoder = decoder_for(value)
    assert b"".join(decoder.steps(gzip.compress(b"content"))) == b"content"
    decoder.require_whole()


def test_6_5_1_trailers_are_not_merged_into_the_header_section():
    """They could change what was decided by the header section, such as its framing."""
    wired = MemoryEndpoint()
    stream = wired.open()
    head = wire.block([(":status", "200"), ("x-a", "head")])
    late = wire.block([("x-a", "late"), ("content-length", "9"), ("content-encoding", "gzip")])
    wired.receive(wire.headers(stream.id, head), wire.data(stream.id, b"content"))
    wired.receive(wire.headers(stream.id, late, True))
    assert stream.head.fields == ((b"x-a", b"head"),)
    assert (stream.head.content_length, stream.head.content_encoding) == (None, "")
    assert len(stream.trailers) == 3
    assert stream.failure is None


@pytest.mark.parametrize("body", [b"content", iter([b"content"]), ["content"]])
def test_9_3_8_trace_has_no_content(body):
    """ "A client MUST NOT send content in a TRACE request"; nothing is opened for it."""
    with pytest.raises(LocalProtocolError, match=r"9\.3\.8"):
        HTTP20Connection("localhost", 1).request("TRACE", "/", body)


@pytest.mark.parametrize("status", ["299", "399", "499", "599", "999"])
def test_15_an_unknown_status_is_taken_as_one_of_its_class(status):
    """It is final, and its content is the response's."""
    wired = MemoryEndpoint()
    stream = wired.open()
    wired.receive(wire.headers(stream.id, wire.block([(":status", status)])))
    wired.receive(wire.data(stream.id, b"content", True))
    assert (stream.head.status, b"".join(stream.content)) == (int(status), b"content")
    assert stream.failure is None


@pytest.mark.parametrize("status", ["100", "102", "103", "104", "199"])
def test_15_2_an_interim_response_that_nobody_expects_is_ignored(status):
    """ "A user agent MAY ignore unexpected 1xx responses", and must be able to parse them."""
    wired = MemoryEndpoint()
    stream = wired.open()
    wired.receive(wire.headers(stream.id, wire.block([(":status", status), ("link", "</a>")])))
    assert stream.head is None
    wired.receive(wire.headers(stream.id, OK, True))
    assert stream.head.status == 200
    assert stream.failure is None
