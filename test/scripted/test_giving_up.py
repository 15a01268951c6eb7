"""Threads that share a connection: limits of their own, and giving up one request."""

from __future__ import annotations

import gc
from http.client import RemoteDisconnected

import pytest

from hyper import (
    ConnectionTerminated,
    HTTP20Response,
    HTTP20Stream,
    HTTPConnection,
    StreamResetError,
)
from hyper.client.exchange import Exchange
from hyper.client.request_head import RequestHead
from hyper.errors import ResponseNotReady
from hyper.testing import wire
from hyper.transport.deadline import Deadline
from test.scripted.steps import SHORT, await_news, pong, want
from test.threads.test_shared import run

OK = [(":status", "200")]


def test_a_request_is_given_up_by_a_reset_of_its_stream_alone(connect):
    """RFC 9113, 5.4.2."""

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer)
        second, _, _ = want(peer)
        peer.want_rst(first, wire.CANCEL)
        peer.write_response(second, b"second")

    connection = connect(script)
    first, second = connection.request("GET", "/first"), connection.request("GET", "/second")
    connection.cancel(first)
    connection.cancel(first)  # twice is once
    with pytest.raises(ResponseNotReady):
        connection.getresponse(first)
    assert connection.getresponse().read() == b"second"
    connection.cancel(second)  # its response was taken


def test_a_request_that_nobody_will_ever_ask_for_is_given_up(connect):
    """Ctrl-C came when it was on its way, and before the caller had it."""

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer)
        peer.want_rst(first, wire.CANCEL)
        second, _, _ = want(peer)
        peer.write_response(second, b"second")

    connection = connect(script)
    section = ((b":method", b"GET"), *connection._route.origin.target("/"))
    exchange = connection._sender.open(RequestHead("GET", section, is_whole=True))
    del exchange
    gc.collect()
    connection.request("GET", "/second")
    assert connection.getresponse().read() == b"second"


def test_close_drops_no_response_that_another_thread_just_takes(connect, monkeypatch):
    """A response that is whole would seem to be empty."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = want(peer)
        peer.write_response(stream_id, b"whole")
        pong(peer)

    connection = connect(script)
    connection.request("GET", "/")
    connection.ping()
    cancel, results = Exchange.cancel, []

    def slowly(exchange):
        try:
            results.append(connection.getresponse())
        except ResponseNotReady as error:
            results.append(error)
        cancel(exchange)

    monkeypatch.setattr(Exchange, "cancel", slowly)
    connection.close()
    (result,) = results
    assert isinstance(result, ResponseNotReady) or result.read() == b"whole"


def test_a_response_that_was_interrupted_in_its_making_goes_without_a_word():
    """An exception in a destructor is an error here."""
    for kind in (HTTP20Response, HTTP20Stream):
        kind.__new__(kind)
    gc.collect()


def test_a_request_in_the_making_is_given_up(connect):
    def script(peer):
        peer.handshake()
        stream_id = peer.want_frame().stream_id
        peer.want_rst(stream_id, wire.CANCEL)

    connection = connect(script)
    stream_id = connection.putrequest("POST", "/")
    connection.cancel(stream_id)
    stream_id = connection.putrequest("POST", "/")
    connection.endheaders()
    connection.cancel(stream_id)
    with pytest.raises(ResponseNotReady):
        connection.getresponse(stream_id)


@pytest.fixture
def in_each_pause(monkeypatch):
    """`in_each_pause(act)`: another thread does this while hyper pauses before it sends again."""
    return lambda act: monkeypatch.setattr(Deadline, "sleep", lambda *_: run(act))


def refusing_one(peer):
    """Refuse a request, and want no other one."""
    peer.handshake()
    stream_id, _, _ = want(peer)
    peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
    peer.want_goaway()  # it fails if HEADERS come again


def test_a_refused_request_that_another_thread_cancels_is_not_sent_again(connect, in_each_pause):
    """RFC 9113, 8.7: it may be cancelled in the pause; the server has not processed it."""
    connection = connect(refusing_one)
    stream_id = connection.request("POST", "/", b"content")
    in_each_pause(lambda: connection.cancel(stream_id))
    with pytest.raises(StreamResetError) as caught:
        connection.getresponse(stream_id)
    assert (caught.value.retryable, caught.value.attempts) == (True, 1)
    connection.close()


def test_a_refused_request_is_not_sent_again_after_another_threads_close(connect, in_each_pause):
    """RFC 9113, 6.8, 8.7: its thread waits, although that is in a pause."""
    connection = connect(refusing_one)
    stream_id = connection.request("POST", "/", b"content")
    in_each_pause(connection.close)
    with pytest.raises(ConnectionTerminated, match="closed on this side"):
        connection.getresponse(stream_id)


def test_the_dropin_does_not_send_a_refused_request_again_after_another_threads_close(
    scripted_peer, in_each_pause
):
    """RFC 9113, 6.8, 8.7."""
    peer = scripted_peer(refusing_one)
    connection = HTTPConnection(peer.host, peer.port, timeout=10, http2="prior")
    connection.request("POST", "/", b"content")
    in_each_pause(connection.close)
    with pytest.raises(RemoteDisconnected, match="closed on this side"):
        connection.getresponse()


def test_no_third_connection_is_made_after_another_threads_close(connect, in_each_pause):
    """RFC 9113, 6.8: two connections in a row took nothing, and there is a pause."""

    def script(peer):
        for number in range(2):
            if number:
                peer.accept()
            peer.handshake()
            peer.want_ping()
            peer.write(wire.goaway(0))

    connection = connect(script)
    in_each_pause(connection.close)
    with pytest.raises(ConnectionTerminated, match="closed on this side"):
        connection.ping()


def test_each_response_may_have_its_own_limit(connect):
    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, _, _ = want(peer)
            peer.write_headers(stream_id, OK)
        pong(peer)
        peer.write_data(1, b"late", end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    connection.request("GET", "/")
    patient, hasty = connection.getresponse(), connection.getresponse()
    assert patient.timeout == hasty.timeout == connection.timeout
    hasty.timeout = SHORT
    with pytest.raises(TimeoutError):
        hasty.read()
    connection.timeout = SHORT
    patient.timeout = None
    connection.timeout = 10
    connection.ping()
    assert patient.read() == b"late"


def test_connect_notices_that_the_server_has_ended_the_connection(connect):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = want(peer)
        peer.write_response(stream_id, b"one")
        peer.close()
        peer.accept()
        peer.handshake()

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"one"
    before = connection.sock
    await_news(connection)
    connection.connect()
    assert connection.sock is not before
