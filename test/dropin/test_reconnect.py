"""A server that ends a connection between two requests: the second goes out on a new one, and
never twice unless the server guarantees that it has not looked at the first (RFC 9113, 8.7).
"""

from __future__ import annotations

from http.client import RemoteDisconnected

import pytest

from hyper.dropin.session import Session
from test import wire


def answer(peer, content, **options):
    stream_id, section, body = peer.want_request(**options)
    peer.write_response(stream_id, content)
    return section, body


@pytest.mark.parametrize("way", ["GOAWAY", "GOAWAY and EOF", "EOF", "reset"])
def test_an_idle_connection_that_ends(connect, way):
    """RFC 9113, 6.8: nobody notices but by the new connection."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        if "GOAWAY" in way:
            peer.write(wire.goaway(stream_id))
        peer.write_data(stream_id, b"first", end_stream=True)
        if "EOF" in way:
            peer.close()
        if way == "reset":
            peer.reset()
        peer.accept()
        peer.handshake()
        answer(peer, b"second")

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"first"
    first = connection.sock
    pump = first._session._pumps.current
    with pump.lock:
        pump.wait(lambda: not pump.endpoint.accepts_requests, (0,), 10)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"second"
    assert connection.sock is not first


@pytest.mark.parametrize("body", [None, b"content"], ids=["GET", "POST"])
def test_a_connection_that_ends_while_a_request_is_made(connect, monkeypatch, body):
    """RFC 9113, 6.8: between the look at the connection and the use of it."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write(wire.goaway(stream_id))
        peer.write_data(stream_id, b"first", end_stream=True)
        peer.accept()
        peer.handshake()
        _, content = answer(peer, b"second")
        assert content == (body or b"")

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"first"
    pump = connection.sock._session._pumps.current
    with pump.lock:
        pump.wait(lambda: not pump.endpoint.accepts_requests, (0,), 10)
    # The look that finds it open was a moment ago.
    monkeypatch.setattr(Session, "is_open", property(lambda _: True))
    connection.request("POST" if body else "GET", "/", body)
    assert connection.getresponse().read() == b"second"


@pytest.mark.parametrize("body", [None, b"content"], ids=["GET", "POST"])
def test_a_goaway_that_crosses_a_request(connect, body):
    """RFC 9113, 8.7: what the server guarantees not to have looked at may be sent again, once."""
    method = "POST" if body else "GET"

    def script(peer):
        peer.handshake()
        answer(peer, b"first")
        peer.want_request()
        peer.write(wire.goaway(1))
        peer.accept()
        peer.handshake()
        section, content = answer(peer, b"second")
        assert (":method", method) in section
        assert content == (body or b"")

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"first"
    connection.request(method, "/", body)
    assert connection.getresponse().read() == b"second"


def test_once_means_once(connect):
    def script(peer):
        peer.handshake()
        for stream_id in (1, 3):
            peer.want_request(stream_id)
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
        peer.want_nothing()

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(RemoteDisconnected):
        connection.getresponse()


@pytest.mark.parametrize("way", ["EOF", "GOAWAY that includes it", "RST_STREAM", "a generator"])
def test_what_may_have_been_seen_is_not_sent_again(connect, way):
    def script(peer):
        peer.handshake()
        peer.want_request(1)
        if way == "RST_STREAM":
            peer.write(wire.rst_stream(1, wire.CANCEL))
        elif way == "a generator":
            peer.write(wire.goaway(0))
        else:
            peer.write(wire.goaway(1) if "GOAWAY" in way else b"")
            peer.close()

    connection = connect(script)
    connection.request("POST", "/", iter([b"one"]) if way == "a generator" else b"one")
    with pytest.raises(RemoteDisconnected):
        connection.getresponse()


def test_responses_outlive_their_connection(connect):
    """RFC 9113, 6.8: what was sent before GOAWAY is answered, a new request goes elsewhere."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        peer.want_request(3)
        peer.write_headers(1, [(":status", "200")])
        peer.write(wire.goaway(3))
        old = peer.socket
        peer.write_data(1, b"one", end_stream=True)
        peer.accept()
        peer.handshake()
        new, peer.socket = peer.socket, old
        peer.write(wire.headers(3, wire.block([(":status", "200")])) + wire.data(3, b"two", True))
        peer.socket = new
        answer(peer, b"three")

    connection = connect(script)
    connection.request("GET", "/")
    connection.request("GET", "/")
    first = connection.getresponse()
    assert first.read() == b"one"
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"two"
    assert connection.getresponse().read() == b"three"


def test_reuse_after_close(connect):
    def script(peer):
        peer.handshake()
        answer(peer, b"first")
        peer.want_goaway(wire.NO_ERROR)
        peer.accept()
        peer.handshake()
        answer(peer, b"second")

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"first"
    connection.close()
    assert connection.sock is None
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"second"


def test_requests_that_nobody_fetched_end_with_close(connect):
    """RFC 9113, 5.4.2."""

    def script(peer):
        peer.want_preface()
        peer.want_settings()
        peer.want_request(1)
        peer.want_rst(1, wire.CANCEL)
        peer.want_goaway(wire.NO_ERROR)

    connection = connect(script)
    connection.request("GET", "/")
    connection.close()
