"""States and exceptions: http.client's, but for requests that need not wait for each other."""

from __future__ import annotations

import gc
import threading
from http.client import (
    CannotSendHeader,
    CannotSendRequest,
    HTTPException,
    IncompleteRead,
    InvalidURL,
    NotConnected,
    RemoteDisconnected,
    ResponseNotReady,
)

import pytest

from hyper import HTTPConnection, RemoteProtocolError
from hyper.testing import wire
from test.live.server import pattern


def test_several_requests_before_the_first_response(connect):
    """The oldest is answered first, whatever came first; then there is nothing to wait for."""

    def script(peer):
        peer.handshake()
        ids = [peer.want_request()[0] for _ in range(3)]
        for stream_id in reversed(ids):
            peer.write_response(stream_id, b"%d" % stream_id)

    connection = connect(script)
    for _ in range(3):
        connection.request("GET", "/")
    assert [connection.getresponse().read() for _ in range(3)] == [b"1", b"3", b"5"]
    with pytest.raises(ResponseNotReady, match="Idle"):
        connection.getresponse()


def test_a_started_request_is_in_the_way(connect):
    def script(peer):
        peer.want_preface()
        peer.want_settings()
        peer.want_request()

    connection = connect(script)
    with pytest.raises(ResponseNotReady):
        connection.getresponse()
    connection.request("GET", "/")
    connection.putrequest("GET", "/")
    with pytest.raises(CannotSendRequest):
        connection.putrequest("GET", "/")
    with pytest.raises(ResponseNotReady):
        connection.getresponse()
    connection.close()
    with pytest.raises(CannotSendHeader):
        connection.putheader("X", "y")
    with pytest.raises(CannotSendHeader):
        connection.endheaders()


def test_send_without_a_request(connect):
    connection = connect(lambda peer: peer.accept())
    with pytest.raises(CannotSendRequest):
        connection.send(b"abc")


def test_not_connected(connect):
    connection = HTTPConnection("localhost", 1, http2="prior")
    connection.auto_open = 0
    for _ in range(2):
        with pytest.raises(NotConnected):
            connection.request("GET", "/")
        connection.close()
    with pytest.raises(NotConnected):
        connection.send(b"")


def test_a_failed_connect_leaves_nothing_behind(connect):
    """The next request is not mixed with the one that could not be sent."""

    def script(peer):
        peer.handshake()
        stream_id, section, _ = peer.want_request()
        assert (":path", "/second") in section
        assert "x-first" not in dict(section)
        peer.write_response(stream_id)

    connection = connect(script)
    port, connection.port = connection.port, 1
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/first", headers={"X-First": "1"})
    with pytest.raises(CannotSendRequest):
        connection.request("GET", "/second")
    connection.close()
    connection.port = port
    connection.request("GET", "/second")
    assert connection.getresponse().status == 200


ENDS = {
    "RST_STREAM": lambda peer: peer.write(wire.rst_stream(1, wire.CANCEL)),
    "GOAWAY": lambda peer: (peer.write(wire.goaway(1, wire.INTERNAL_ERROR)), peer.close()),
    "EOF": lambda peer: peer.close(),
    "reset": lambda peer: peer.reset(),
    "protocol error": lambda peer: peer.write(wire.data(0, b"x")),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_before_the_answer(connect, end):
    """xmlrpc.client and urllib3 know what RemoteDisconnected means; the next request works."""
    kind = RemoteProtocolError if end == "protocol error" else RemoteDisconnected

    def script(peer):
        peer.handshake()
        peer.want_request()
        ENDS[end](peer)
        if end != "RST_STREAM":
            peer.accept()
            peer.handshake()
        peer.write_response(peer.want_request()[0], b"again")

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(kind) as caught:
        connection.getresponse()
    assert isinstance(caught.value, (OSError, HTTPException))
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"again"


def test_each_of_several_requests_is_told_of_the_end(connect):
    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.want_request()
        peer.close()

    connection = connect(script)
    connection.request("GET", "/")
    connection.request("GET", "/")
    for _ in range(2):
        with pytest.raises(RemoteDisconnected):
            connection.getresponse()
    with pytest.raises(ResponseNotReady):
        connection.getresponse()


def test_content_cut_short(connect):
    """RFC 9113, 8.1.1."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write_headers(1, [(":status", "200"), ("content-length", "10")])
        peer.write_data(1, b"short")
        peer.write(wire.rst_stream(1, wire.INTERNAL_ERROR))

    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(IncompleteRead) as caught:
        connection.getresponse().read()
    assert (caught.value.partial, caught.value.expected) == (b"short", 5)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (("GET", "/a b"), InvalidURL),
        (("GET", "/a\n"), InvalidURL),
        (("G\n", "/"), ValueError),
        (("GET", "/", None, {"X Y": "z"}), ValueError),
        (("GET", "/", None, {"X": "a\nb"}), ValueError),
        (("POST", "/", 5), TypeError),
        (("POST", "/", ["text"]), TypeError),
        # The server answers these at their end, which never comes.
        (("POST", "/digest", b"abc", {"Content-Length": "2"}), ValueError),
        (("POST", "/digest", b"x\r\n", {"Transfer-Encoding": "chunked"}), ValueError),
        (("POST", "/digest", b"1\r\nx\r\n", {"Transfer-Encoding": "chunked"}), ValueError),
    ],
)
def test_what_must_not_be_sent(node, https, given, error):
    """And after close the connection is as good as new."""
    connection = https(node)
    with pytest.raises(error):  # noqa: PT012 - some faults are seen at the end alone
        connection.request(*given)
        connection.getresponse()
    connection.close()
    connection.request("GET", "/bytes/1")
    assert connection.getresponse().read() == b"\0"


def test_a_body_that_raises_cancels_its_stream(connect):
    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.want_data(1)
        peer.want_rst(1, wire.CANCEL)
        peer.write_response(peer.want_request()[0], b"next")

    def broken():
        yield b"one"
        raise KeyError("no more")

    connection = connect(script)
    with pytest.raises(KeyError):
        connection.request("POST", "/", broken())
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"


def test_timeouts(connect):
    """Each wait; also where it is set behind our back. The response may still come."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.want_ping()
        peer.write_response(1, b"late")

    connection = connect(script, timeout=0.3)
    connection.request("GET", "/")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.sock.settimeout(10)
    assert connection.sock.gettimeout() == connection.sock.timeout == 10
    session = connection._session
    session._pumps.current.endpoint.send_ping(b"12345678")
    assert connection.getresponse().read() == b"late"


def test_no_timeout_is_no_timeout(connect):
    """The socket below does not block, which must not be taken for a timeout of 0."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.fence()
        peer.write_response(1, b"in time")

    connection = connect(script, timeout=None)
    connection.request("GET", "/")
    assert connection.sock.gettimeout() is None
    assert connection.getresponse().read() == b"in time"
    connection.sock.setblocking(True)
    assert connection.sock.gettimeout() is None


def test_dropped_responses_leave_nothing(connect):
    """RFC 9113, 5.4.2: nobody waits for them, so the server is told."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write_headers(1, [(":status", "200")])
        peer.write_data(1, b"unread")
        peer.want_rst(1, wire.CANCEL)
        peer.write_response(peer.want_request()[0], b"next")

    connection = connect(script)
    connection.request("GET", "/")
    connection.getresponse()
    gc.collect()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"


def test_a_forgotten_connection_is_closed(connect):
    """Without a word: what HTTP/2 has adopted is closed, and no ResourceWarning is left."""

    def script(peer):
        peer.handshake()
        peer.write_response(peer.want_request()[0], b"all")
        peer.want_goaway(wire.NO_ERROR)
        peer.want_closed()

    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"all"
    connection.__dict__.update(sock=None, _session=None)
    for _ in range(5):  # PyPy calls finalizers one by one
        gc.collect()


def test_two_threads_with_a_connection_each(node, https):
    failures = []

    def work(connection):
        for size in range(0, 40_000, 1000):
            connection.request("GET", f"/bytes/{size}")
            if connection.getresponse().read() != pattern(size):
                failures.append(size)

    threads = [threading.Thread(target=work, args=(https(node),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_two_threads_read_responses_of_one_connection(node, https):
    connection = https(node)
    sizes = (300_000, 500_000)
    for size in sizes:
        connection.request("GET", f"/bytes/{size}")
    responses = [connection.getresponse() for _ in sizes]
    contents = {}

    def work(response):
        contents[response.stream_id] = b"".join(iter(lambda: response.read(1000), b""))

    threads = [threading.Thread(target=work, args=(response,)) for response in responses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents == {1: pattern(sizes[0]), 3: pattern(sizes[1])}


def test_debuglevel(connect, capsys):
    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write_response(1, pairs=[(":status", "200"), ("content-type", "text/x")])

    connection = connect(script)
    connection.set_debuglevel(1)
    connection.request("POST", "/path", b"content")
    response = connection.getresponse()
    assert response.debuglevel == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("send: b'POST /path HTTP/1.1\\r\\nHost: ")
    assert said[1:] == [
        "send: b'content'",
        "reply: 'HTTP/2 200 OK\\r\\n'",
        "header: Content-Type: text/x",
    ]


def test_source_address(connect):
    connection = connect(lambda peer: peer.accept(), source_address=("127.0.0.1", 0))
    connection.connect()
    assert connection.sock.getsockname()[0] == "127.0.0.1"


def test_a_request_that_was_not_sent_does_not_mix_with_the_next(old_peer):
    """HTTP/1.1 as well: http.client would send the lines of both."""

    def script(peer):
        assert peer.want_until().startswith(b"GET /second ")
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    connection = old_peer(script)
    connection.putrequest("GET", "/first")
    connection.close()
    connection.request("GET", "/second")
    assert connection.getresponse().status == 200
