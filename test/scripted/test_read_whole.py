"""A response that was read whole is not reset while its END_STREAM is under way (RFC 9113, 8.1)."""

from __future__ import annotations

import gc

import pytest

from hyper import HTTPConnection
from hyper.testing import wire
from test.memory_endpoint import PROMISE, MemoryEndpoint
from test.scripted.steps import pong

OK = [(":status", "200")]
SHORT = [*OK, ("content-length", "1000")]


def whole_but_for_the_end(peer):
    peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    peer.want_headers(1)
    peer.write_headers(1, SHORT)
    peer.write_data(1, bytes(1000))


def close_it(connection):
    response = connection.getresponse()
    assert len(response.read(1000)) == 1000
    response.close()


def drop_it(connection):
    response = connection.getresponse()
    assert len(response.read(1000)) == 1000
    del response
    gc.collect()


def leave_with(connection):
    with connection.getresponse() as response:
        assert len(response.read(1000)) == 1000


def read_exactly(connection):
    assert len(connection.getresponse().read(1000)) == 1000


READERS = pytest.mark.parametrize("leave", [close_it, drop_it, leave_with, read_exactly])


@READERS
def test_a_response_that_was_read_whole_is_not_reset(dial, leave):
    """RFC 9113, 5.1: servers take RST_STREAM for an attack (CVE-2023-44487)."""

    def script(peer):
        whole_but_for_the_end(peer)
        pong(peer)
        peer.want_nothing()
        peer.write_data(1, b"", end_stream=True)
        peer.want_headers(3)
        peer.write_response(3, b"next")
        pong(peer)
        peer.want_nothing()

    connection = dial(script)
    connection.request("GET", "/")
    leave(connection)
    connection.ping()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"
    connection.ping()


@READERS
def test_a_response_that_was_read_whole_over_the_drop_in_is_not_reset(dial, leave):
    """RFC 9113, 5.1: requests, urllib3 and boto3 read exactly what content-length says."""

    def script(peer):
        whole_but_for_the_end(peer)
        peer.fence()
        peer.want_nothing()
        peer.write_data(1, b"", end_stream=True)
        peer.want_headers(3)
        peer.write_response(3, b"next")

    connection = dial(script, HTTPConnection)
    connection.request("GET", "/")
    leave(connection)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"next"


def test_a_response_that_is_not_whole_is_reset(dial):
    """RFC 9113, 5.4.2: an octet is missing that nobody will read."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write_headers(1, SHORT)
        peer.write_data(1, bytes(999))
        peer.want_rst(1, wire.CANCEL)

    connection = dial(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    response.read(999)
    response.close()


def test_a_whole_stream_without_its_end_is_counted_as_open():
    """RFC 9113, 5.1.2: until END_STREAM comes, it is one of those that the server allows."""
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
    stream = client.open()
    block = wire.block(SHORT)
    client.receive(wire.headers(stream.id, block), wire.data(stream.id, bytes(1000)))
    client.endpoint.drop(stream)
    assert client.sent() == []
    assert client.endpoint.budget.total() < 70_000  # nothing unread is kept
    assert not client.endpoint.may_open_stream()
    assert client.receive(wire.data(stream.id, b"", True)) == []
    client.check_goes_on()


@pytest.mark.parametrize("content", [b"", bytes(1000)])
def test_the_end_of_a_whole_stream_may_have_padding(content):
    """RFC 9113, 6.1: padding needs room, which the peer was given."""
    client = MemoryEndpoint()
    stream = client.open()
    block = wire.block([*OK, ("content-length", str(len(content)))])
    client.receive(wire.headers(stream.id, block), wire.data(stream.id, content))
    client.endpoint.drop(stream)
    assert client.receive(wire.data(stream.id, b"", True, pad=255)) == []
    assert not client.endpoint.streams
    client.check_goes_on()


@pytest.mark.parametrize(
    "end",
    [
        wire.rst_stream,
        lambda stream_id: wire.headers(stream_id, wire.block([("x-sum", "1")]), True),
    ],
    ids=["RST_STREAM", "trailers"],
)
def test_a_whole_stream_may_end_in_another_way(end):
    """RFC 9113, 8.1: with a trailer section, or NO_ERROR."""
    client = MemoryEndpoint()
    stream = client.open()
    block = wire.block(SHORT)
    client.receive(wire.headers(stream.id, block), wire.data(stream.id, bytes(1000)))
    client.endpoint.drop(stream)
    assert client.sent() == []
    assert client.receive(end(stream.id)) == []
    assert not client.endpoint.streams
    client.check_goes_on()


def test_a_push_that_was_received_whole_is_not_reset():
    """RFC 9113, 8.4: pushes are streams as others."""
    client = MemoryEndpoint()
    parent = client.open()
    client.receive(wire.push_promise(parent.id, 2, PROMISE))
    (promised,) = client.endpoint.claim_promises(parent.id)
    client.receive(wire.headers(2, wire.block(SHORT)), wire.data(2, bytes(1000)))
    client.endpoint.drop(promised)
    assert client.sent() == []
    assert client.receive(wire.data(2, b"", True)) == []
