"""A server that ends a connection between two requests: the second goes out on a new one, and
never again unless the server guarantees that it has not looked at the first (RFC 9113, 8.7).
"""

from __future__ import annotations

import contextlib
import io
from http.client import RemoteDisconnected

import pytest

from hyper.dropin.session import SocketConnection
from hyper.testing import PeerError, wire


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
    monkeypatch.setattr(SocketConnection, "is_open", property(lambda _: True))
    connection.request("POST" if body else "GET", "/", body)
    assert connection.getresponse().read() == b"second"


@pytest.mark.parametrize("body", [None, b"content"], ids=["GET", "POST"])
def test_a_goaway_that_crosses_a_request(connect, body):
    """RFC 9113, 8.7: what the server guarantees not to have looked at may be sent again."""
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


#: Connections that end, one after the other, under one request.
MANY = 20


def in_a_file(path):
    path.write_bytes(b"skipped content")
    opened = path.open("rb")
    opened.seek(8)
    return opened


CONTENTS = {
    "nothing": lambda _: None,
    "bytes": lambda _: b"content",
    "list": lambda _: [b"con", b"tent"],
    "file": in_a_file,
    "memory": lambda _: io.BytesIO(b"content"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_request_gets_through_as_often_as_connections_end(connect, tmp_path, kind):
    """RFC 9113, 6.8; 8.7: whole each time."""
    body = CONTENTS[kind](tmp_path / "content")

    def script(peer):
        for _ in range(MANY):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))
            peer.accept()
        peer.handshake()
        _, content = answer(peer, b"done")
        assert content == (b"content" if body else b"")

    connection = connect(script)
    connection.request("POST", "/", body)
    assert connection.getresponse().read() == b"done"
    connection.close()
    if kind == "file":
        body.close()


PIECES = {
    "one": (b"content",),
    "large": (b"x" * 1_000_000,),
    "part of a buffer": (memoryview(b"the content")[4:],),
    "two": (b"con", bytearray(b"tent")),
    "chunks": (b"3\r\ncon\r\n", b"4\r\ntent\r\n0\r\n\r\n"),
}


def send_in_pieces(connection, pieces, *, is_chunked):
    connection.putrequest("POST", "/")
    if is_chunked:
        connection.putheader("transfer-encoding", "chunked")
    else:
        connection.putheader("content-length", str(sum(map(len, pieces))))
    connection.endheaders()
    for piece in pieces:
        connection.send(piece)


@pytest.mark.parametrize("kind", PIECES)
def test_content_by_send_goes_out_again(connect, kind):
    """RFC 9113, 6.8; 8.7: as urllib3 sends it; pieces are kept while they are small."""
    content = PIECES[kind][0] if kind == "large" else b"content"

    def script(peer):
        for _ in range(3):
            peer.handshake()
            peer.want_headers(1)
            peer.write(wire.goaway(0))
            peer.accept()
        peer.handshake()
        assert answer(peer, b"done", credit=True)[1] == content

    connection = connect(script)
    send_in_pieces(connection, PIECES[kind], is_chunked=kind == "chunks")
    assert connection.getresponse().read() == b"done"


def test_content_by_send_of_which_too_much_came_is_not_kept(connect):
    """RFC 9113, 8.7: the error says so, and that the request may be repeated."""

    def script(peer):
        peer.handshake()
        peer.want_request(credit=True)
        peer.write(wire.goaway(0))

    connection = connect(script)
    send_in_pieces(connection, (b"x" * 40_000,) * 2, is_chunked=False)
    with pytest.raises(RemoteDisconnected, match="sent in pieces") as caught:
        connection.getresponse()
    assert caught.value.__cause__.retryable


def test_a_refused_stream_goes_out_again_on_the_same_connection(connect):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        for stream_id in range(1, 13, 2):
            peer.want_request(stream_id)
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
        answer(peer, b"done")

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"done"


def test_a_refused_stream_is_repeated_within_the_timeout_alone(connect):
    """RFC 9113, 8.7: then the refusal is the error, and not a timeout."""

    def script(peer):
        peer.handshake()
        with contextlib.suppress(PeerError):  # its end
            for stream_id in range(1, 1000, 2):
                peer.want_request(stream_id)
                peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))

    connection = connect(script, timeout=0.5)
    connection.request("GET", "/")
    with pytest.raises(RemoteDisconnected) as caught:
        connection.getresponse()
    connection.close()
    assert caught.value.__cause__.error_code == wire.REFUSED_STREAM


def test_a_request_for_which_the_server_ends_connections_with_an_error_goes_out_twice(connect):
    """RFC 9113, 6.8; 7: perhaps it is the request that the server cannot bear."""

    def script(peer):
        for number in (1, 2):
            if number == 2:
                peer.accept()
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0, wire.ENHANCE_YOUR_CALM))

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(RemoteDisconnected) as caught:
        connection.getresponse()
    assert caught.value.__cause__.retryable


@pytest.mark.parametrize("frame", ["GOAWAY", "RST_STREAM"])
def test_without_replay_the_first_refusal_is_raised(connect, frame):
    """RFC 9113, 8.7: what may be done need not be done."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        refusals = {"GOAWAY": wire.goaway(0), "RST_STREAM": wire.rst_stream(1, wire.REFUSED_STREAM)}
        peer.write(refusals[frame])

    connection = connect(script, replay=False)
    connection.request("GET", "/")
    with pytest.raises(RemoteDisconnected) as caught:
        connection.getresponse()
    assert caught.value.__cause__.retryable


def test_each_of_the_requests_under_way_goes_out_again(connect):
    """RFC 9113, 6.8: and they are answered in the order in which they were made."""

    def script(peer):
        peer.handshake()
        for stream_id in (1, 3):
            peer.want_request(stream_id)
        peer.write(wire.goaway(0))
        peer.accept()
        peer.handshake()
        for path in ("/a", "/b"):
            stream_id, section, _ = peer.want_request()
            assert (":path", path) in section
            peer.write_response(stream_id, path.encode())

    connection = connect(script)
    for path in ("/a", "/b"):
        connection.request("GET", path)
    for path in ("/a", "/b"):
        assert connection.getresponse().read() == path.encode()


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
