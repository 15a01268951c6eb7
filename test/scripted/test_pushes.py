"""Server push (RFC 9113, 8.4): promises, their responses, and those that are refused."""

from __future__ import annotations

import gc
import threading
from http.client import IncompleteRead

import pytest

from hyper import HTTP20Connection
from hyper.errors import ConnectionTerminated, RemoteProtocolError, StreamResetError
from hyper.testing import wire
from test.scripted.steps import OnShortPath, pong, want

OK = [(":status", "200")]


def promised(peer, path="/style.css", **changed):
    """The field section of a promise that is as it should be, but for what is changed."""
    pseudo = {
        "method": "GET",
        "scheme": "https" if peer.selected_alpn_protocol() else "http",
        "authority": f"127.0.0.1:{peer.port}",
        "path": path,
        **changed,
    }
    return [(f":{name}", value) for name, value in pseudo.items() if value is not None]


def test_promises_and_their_responses(connect):
    def script(peer):
        assert peer.handshake()[wire.SETTINGS_ENABLE_PUSH] == 1
        want(peer)
        peer.write_push(1, 2, [*promised(peer), ("accept", "text/css")])
        peer.write_push(1, 4, promised(peer, "/app.js"))
        peer.write_headers(1, OK)
        peer.write_data(1, b"page", end_stream=True)
        peer.write_headers(4, [(":status", "103")])
        peer.write_headers(4, OK)
        peer.write_response(2, b"style", [*OK, ("x-a", "1")])
        peer.write_data(4, b"app")
        peer.write_headers(4, [("x-digest", "1")], end_stream=True)

    connection = connect(script)
    stream_id = connection.request("GET", "/")
    style, app = connection.getpushes(stream_id, capture_all=True)
    assert (style.method, style.path, style.stream_id) == ("GET", "/style.css", 2)
    assert style.getrequestheader("accept") == "text/css"
    assert connection.getresponse(stream_id).read() == b"page"
    response = app.getresponse()
    assert response.read() == b"app"
    assert response.trailers["x-digest"] == "1"
    assert [status for status, _ in response.informational] == [103]
    response = style.get_response()
    assert response.getheader("x-a") == "1"
    assert response.read() == b"style"


def test_those_there_without_waiting_and_each_once(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        opaque = peer.want_ping()
        peer.write_push(1, 2, promised(peer, "/a"))
        peer.write_push(1, 4, promised(peer, "/b"))
        peer.write(wire.ping(opaque, ack=True))
        opaque = peer.want_ping()
        peer.write_push(1, 6, promised(peer, "/c"))
        peer.write_response(1, b"page")
        peer.write(wire.ping(opaque, ack=True))

    connection = connect(script)
    stream_id = connection.request("GET", "/")
    assert list(connection.getpushes(stream_id)) == []
    connection.ping()
    assert [push.path for push in connection.getpushes()] == ["/a", "/b"]
    connection.ping()
    assert [push.path for push in connection.get_pushes(stream_id)] == ["/c"]
    assert list(connection.getpushes(stream_id, capture_all=True)) == []


def test_capture_all_waits_for_those_to_come(connect):
    seen = threading.Event()

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, "/a"))
        assert seen.wait(10)
        peer.write_headers(1, OK)
        peer.write_data(1, b"half")
        peer.write_push(1, 4, promised(peer, "/late"))
        peer.write_data(1, b"half", end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    paths = []
    for push in connection.getpushes(capture_all=True):
        paths.append(push.path)
        seen.set()
    assert paths == ["/a", "/late"]
    assert connection.getresponse().read() == b"halfhalf"


def test_capture_all_ends_where_the_response_must_be_read_first(connect):
    """RFC 9113, 5.2: a full window would make the wait endless."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK)
        peer.write_data(1, b"a" * 20000)
        peer.want_window_update(1)
        peer.write_push(1, 2, promised(peer, "/late"))
        peer.write_data(1, b"a", end_stream=True)

    settings = {"SETTINGS_INITIAL_WINDOW_SIZE": 20000}
    connection = connect(script, window_manager=OnShortPath, settings=settings)
    stream_id = connection.request("GET", "/")
    assert list(connection.getpushes(stream_id, capture_all=True)) == []
    response = connection.getresponse(stream_id)
    assert len(response.read()) == 20001
    assert [push.path for push in connection.getpushes(stream_id)] == ["/late"]


def test_a_parent_that_fails_ends_capture_all(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, "/a"))
        peer.write(wire.rst_stream(1, wire.INTERNAL_ERROR))
        peer.write_response(2, b"pushed")

    connection = connect(script)
    connection.request("GET", "/")
    (push,) = connection.getpushes(capture_all=True)
    assert push.getresponse().read() == b"pushed"


def test_a_push_gives_one_response_however_often(connect):
    """If two were made, one that goes would take the other's content, which seemed whole then."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, "/a"))
        peer.write_response(2, b"pushed")
        peer.write_response(1, b"page")
        pong(peer)
        pong(peer)

    connection = connect(script)
    connection.request("GET", "/")
    (push,) = connection.getpushes(capture_all=True)
    connection.ping()
    assert push.getresponse().status == 200
    gc.collect()
    connection.ping()
    assert push.getresponse().read() == b"pushed"


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("way", ["drop", "cancel"])
def test_a_push_that_nobody_takes_leaves_its_room(connect, is_whole, way):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, "/a"))
        peer.write_headers(2, OK)
        peer.write_data(2, bytes(50_000), end_stream=is_whole)
        peer.write_response(1, b"page")
        pong(peer)
        pong(peer)

    connection = connect(script)
    connection.request("GET", "/")
    pushes = list(connection.getpushes(capture_all=True))
    assert connection.getresponse().read() == b"page"
    connection.ping()
    budget = connection._pumps.current.endpoint.budget
    assert budget.total() >= 50_000
    if way == "cancel":
        pushes[0].cancel()
    else:
        pushes.clear()
        gc.collect()
    connection.ping()
    assert budget.total() == 0


class TestCancel:
    def test_before_the_response(self, connect):
        """RFC 9113, 8.4.2; what is under way is dropped."""

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_push(1, 2, promised(peer))
            peer.want_rst(2, wire.CANCEL)
            peer.write_response(2, b"too late")
            peer.write_response(1, b"page")

        connection = connect(script)
        connection.request("GET", "/")
        for push in connection.getpushes(capture_all=True):
            push.cancel()
            push.cancel()
            with pytest.raises(StreamResetError, match="on this side"):
                push.getresponse()
        assert connection.getresponse().read() == b"page"

    def test_in_the_middle_of_the_response(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_push(1, 2, promised(peer))
            peer.write_headers(2, OK)
            peer.write_data(2, b"begun")
            peer.want_rst(2, wire.CANCEL)
            peer.write_response(1, b"page")

        connection = connect(script)
        connection.request("GET", "/")
        push = next(connection.getpushes(capture_all=True))
        response = push.getresponse()
        push.cancel()
        with pytest.raises(IncompleteRead):
            response.read()
        assert connection.getresponse().read() == b"page"

    def test_by_closing_the_response(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_push(1, 2, promised(peer))
            peer.write_headers(2, OK)
            peer.want_rst(2, wire.CANCEL)
            peer.write_response(1, b"page")

        connection = connect(script)
        connection.request("GET", "/")
        next(connection.getpushes(capture_all=True)).getresponse().close()
        assert connection.getresponse().read() == b"page"

    def test_promises_of_a_request_that_was_cancelled(self, connect):
        """RFC 9113, 6.6: the promise is refused, and nobody is told of it."""

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_headers(1, OK)
            peer.want_rst(1, wire.CANCEL)
            peer.write_push(1, 2, promised(peer))
            peer.write_headers(2, OK)
            peer.want_rst(2, wire.CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        stream_id = connection.request("GET", "/")
        connection.getresponse(stream_id).close()
        connection.request("GET", "/")
        connection.getresponse()
        assert list(connection.getpushes(stream_id)) == []


REFUSED = {
    "another host": {"authority": "other.invalid"},
    "another port": {"authority": "127.0.0.1:1"},
    "no port, where there is one": {"authority": "127.0.0.1"},
    "another scheme": {"scheme": "ftp"},
    "an authority that is none": {"authority": "127.0.0.1:port"},
    "POST": {"method": "POST"},
    "OPTIONS, which is not cacheable": {"method": "OPTIONS"},
    "no method": {"method": None},
    "no path": {"path": None},
    "no authority": {"authority": None},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
def test_refused(connect, changed):
    """RFC 9113, 8.4: reset with PROTOCOL_ERROR before the caller sees it; no harm to others."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, **changed))
        peer.write_response(2, b"bad")
        peer.want_rst(2, wire.PROTOCOL_ERROR)
        peer.write_push(1, 4, promised(peer, "/good"))
        peer.write_response(4, b"good")
        peer.write_response(1, b"page")

    connection = connect(script)
    connection.request("GET", "/")
    (push,) = connection.getpushes(capture_all=True)
    assert push.path == "/good"
    assert push.getresponse().read() == b"good"
    assert connection.getresponse().read() == b"page"


def test_with_content_refused(connect):
    """RFC 9113, 8.4."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, [*promised(peer), ("content-length", "5")])
        peer.want_rst(2, wire.PROTOCOL_ERROR)
        peer.write_push(1, 4, [*promised(peer), ("content-length", "0")])
        peer.write_response(1, b"page")

    connection = connect(script)
    connection.request("GET", "/")
    assert [push.stream_id for push in connection.getpushes(capture_all=True)] == [4]


def test_a_promised_head_brings_no_content(connect):
    """RFC 9110, 9.3.2: HEAD is safe and cacheable, so it may be promised."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, method="HEAD"))
        peer.write_headers(2, [*OK, ("content-length", "1000")], end_stream=True)
        peer.write_response(1)

    connection = connect(script)
    connection.request("GET", "/")
    (push,) = connection.getpushes(capture_all=True)
    assert push.method == "HEAD"
    response = push.getresponse()
    assert response.getheader("content-length") == "1000"
    assert response.read() == b""


@pytest.mark.parametrize("secure", ["tls"], indirect=True)
def test_what_the_certificate_covers_may_be_promised(connect):
    """RFC 9113, 10.1: localhost stands in it beside 127.0.0.1."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer, authority=f"localhost:{peer.port}"))
        peer.write_push(1, 4, promised(peer, authority=f"other.invalid:{peer.port}"))
        peer.want_rst(4, wire.PROTOCOL_ERROR)
        peer.write_response(1)

    connection = connect(script)
    connection.request("GET", "/")
    (push,) = connection.getpushes(capture_all=True)
    assert push.authority.startswith("localhost:")


class TestSwitchedOff:
    def test_is_announced(self, connect):
        def script(peer):
            assert peer.handshake()[wire.SETTINGS_ENABLE_PUSH] == 0
            want(peer)
            peer.write_response(1)

        connection = connect(script, enable_push=False)
        connection.request("GET", "/")
        connection.getresponse()

    def test_a_promise_ends_the_connection(self, connect):
        """RFC 9113, 8.4."""

        def script(peer):
            peer.handshake()
            want(peer)
            pong(peer)  # our ACK has been seen
            peer.write_push(1, 2, promised(peer))
            peer.want_goaway(wire.PROTOCOL_ERROR)

        connection = connect(script, enable_push=False)
        connection.request("GET", "/")
        connection.ping()
        with pytest.raises(RemoteProtocolError, match="push"):
            connection.getresponse()


def test_a_pushed_stream_may_fail_alone(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        for promised_id in (2, 4):
            peer.write_push(1, promised_id, promised(peer))
        peer.write(wire.rst_stream(2, wire.INTERNAL_ERROR))
        peer.write_headers(4, OK)
        peer.write_data(4, b"be")
        peer.write(wire.rst_stream(4, wire.INTERNAL_ERROR))
        peer.write_response(1, b"page")

    connection = connect(script)
    connection.request("GET", "/")
    reset, cut = connection.getpushes(capture_all=True)
    with pytest.raises(StreamResetError, match="INTERNAL_ERROR"):
        reset.getresponse()
    with pytest.raises(IncompleteRead):
        cut.getresponse().read()
    assert connection.getresponse().read() == b"page"


def test_no_more_than_were_allowed_at_once(connect):
    """RFC 9113, 5.1.2: a promise counts when its response begins; too many are refused."""

    def script(peer):
        assert peer.handshake()[wire.SETTINGS_MAX_CONCURRENT_STREAMS] == 100
        want(peer)
        for promised_id in range(2, 2 * 102, 2):
            peer.write_push(1, promised_id, promised(peer, f"/{promised_id}"))
        peer.want_rst(202, wire.REFUSED_STREAM)
        peer.write_response(1)

    connection = connect(script)
    connection.request("GET", "/")
    connection.getresponse().read()
    pushes = list(connection.getpushes(1))
    assert len(pushes) == 100


def test_after_close_a_promise_is_gone(connect):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_push(1, 2, promised(peer))
        peer.write_headers(1, OK)
        peer.want_goaway(wire.NO_ERROR)
        peer.want_closed()

    connection = connect(script)
    assert isinstance(connection, HTTP20Connection)
    connection.request("GET", "/")
    push = next(connection.getpushes(capture_all=True))
    connection.close()
    with pytest.raises(ConnectionTerminated, match="closed on this side"):
        push.getresponse()
