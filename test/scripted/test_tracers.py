"""Tracers: each request is seen once before it is sent, and once when it has ended."""

from __future__ import annotations

import contextlib

import pytest

from hyper import (
    BadStatusLine,
    ConnectionTerminated,
    HTTP20Connection,
    HTTPConnection,
    IncompleteRead,
    Pool,
    StreamResetError,
    trace,
)
from hyper.testing import wire
from test.scripted.steps import want

OK = [(":status", "200")]


class Tracer:
    """Notes what it sees, and adds a field to each request."""

    def __init__(self, name="traceparent", value="00-1"):
        self.field = name, value
        self.begun = []
        self.ended = []

    def before_request(self, request):
        self.begun.append(request)
        request.add(*self.field)
        return self.ended.append


@pytest.fixture
def tracer():
    return Tracer()


def answer(peer):
    stream_id, _, _ = want(peer, ("traceparent", "00-1"))
    peer.write_headers(stream_id, OK)
    peer.write_data(stream_id, b"abc", end_stream=True)


def answering(peer):
    peer.handshake()
    answer(peer)


def test_a_request_is_seen_before_and_after_with_status_sizes_stream_and_times(connect, tracer):
    connection = connect(answering, trace=tracer)
    connection.request("POST", "/form", b"1234", headers={"x-own": "1"})
    assert connection.getresponse().read() == b"abc"
    (request,) = tracer.begun
    assert (request.method, request.path) == ("POST", "/form")
    assert ("x-own", "1") in request.fields
    assert request.url.endswith("/form")
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.stream, exchange.attempt) == (200, 1, 1)
    assert (exchange.request_size, exchange.size) == (4, 3)
    assert exchange.queued <= exchange.sent <= exchange.head <= exchange.ended
    assert (exchange.error, exchange.error_type) == ("", "")


def test_a_field_of_a_tracer_takes_the_place_of_one_of_the_callers(connect, tracer):
    def script(peer):
        peer.handshake()
        _, section, _ = want(peer)
        assert [value for name, value in section if name == "traceparent"] == ["00-1"]
        peer.write_headers(1, OK, end_stream=True)

    connection = connect(script, trace=tracer)
    connection.request("GET", "/", headers={"traceparent": "mine"})
    connection.getresponse().read()


def test_two_equal_requests_have_fields_of_their_own(connect):
    """A tracer does not change the head that is remembered for the next request."""

    class Counting(Tracer):
        def before_request(self, request):
            self.field = "traceparent", f"00-{len(self.begun)}"
            return super().before_request(request)

    def script(peer):
        peer.handshake()
        for number in range(3):
            stream_id, _, _ = want(peer, ("traceparent", f"00-{number}"))
            peer.write_headers(stream_id, OK, end_stream=True)

    connection = connect(script, trace=Counting())
    for _ in range(3):
        connection.request("GET", "/")
        connection.getresponse().read()


def test_a_request_that_goes_out_again_is_one_request(connect, tracer):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        want(peer, ("traceparent", "00-1"))
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
        answer(peer)

    connection = connect(script, trace=tracer)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"abc"
    assert len(tracer.begun) == 1
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.attempt, exchange.error) == (200, 2, "")


def test_a_request_that_goes_out_on_another_connection_is_one_request(connect, tracer):
    """RFC 9113, 6.8."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.goaway(0))
        peer.close()
        peer.accept()
        answering(peer)

    connection = connect(script, trace=tracer)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"abc"
    assert len(tracer.begun) == 1
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.attempt) == (200, 2)


def test_a_request_that_must_not_go_out_again_has_ended_with_its_error(connect, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.INTERNAL_ERROR))

    connection = connect(script, trace=tracer)
    connection.request("GET", "/")
    with pytest.raises(StreamResetError):
        connection.getresponse()
    (exchange,) = tracer.ended
    assert exchange.error_type == "StreamResetError"
    assert exchange.error_code == wire.INTERNAL_ERROR


def test_a_response_that_is_cut_short_has_its_status_and_its_error(connect, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK)
        peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM))
        peer.close()

    connection = connect(script, trace=tracer)
    connection.request("GET", "/")
    response = connection.getresponse()
    with pytest.raises((ConnectionTerminated, IncompleteRead)):
        response.read()
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.error_type) == (200, "ConnectionTerminated")


def test_a_response_that_is_dropped_has_ended(connect, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK)
        peer.want_rst(1)

    connection = connect(script, trace=tracer)
    connection.request("GET", "/")
    connection.getresponse().close()
    connection.close()
    (exchange,) = tracer.ended
    assert exchange.is_cancelled


def test_a_request_that_finds_no_server_has_ended_with_the_error(tracer):
    connection = HTTP20Connection("127.0.0.1", 1, trace=tracer, timeout=5)
    with pytest.raises(OSError, match="nobody listens"):
        connection.request("GET", "/")
    (exchange,) = tracer.ended
    assert exchange.error_type == "ConnectionRefusedError"
    assert (exchange.method, exchange.status) == ("GET", 0)


def test_a_stream_in_both_directions_is_a_request(connect, tracer):
    connection = connect(answering, trace=tracer)
    with connection.open_stream("POST", "/") as stream:
        stream.write(b"12")
        stream.close_write()
        assert stream.read() == b"abc"
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.request_size) == (200, 2)


def test_a_request_of_the_drop_in_is_seen_once(dial, tracer):
    connection = dial(answering, HTTPConnection, trace=tracer)
    connection.request("GET", "/page")
    assert connection.getresponse().read() == b"abc"
    assert [request.path for request in tracer.begun] == ["/page"]
    assert [exchange.status for exchange in tracer.ended] == [200]


def refusing_once(peer):
    peer.handshake()
    want(peer, ("traceparent", "00-1"))
    peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
    answer(peer)


def ending_once(peer):
    peer.handshake()
    want(peer, ("traceparent", "00-1"))
    peer.write(wire.goaway(0))
    peer.close()
    peer.accept()
    answering(peer)


@pytest.mark.parametrize("script", [refusing_once, ending_once])
def test_a_request_of_the_drop_in_that_goes_out_again_is_one_request(dial, tracer, script):
    """RFC 9113, 8.7."""
    events = []
    trace.install(events.append)
    try:
        connection = dial(script, HTTPConnection, trace=tracer)
        connection.request("GET", "/page")
        assert connection.getresponse().read() == b"abc"
    finally:
        trace.uninstall(events.append)
    assert len(tracer.begun) == 1
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.attempt, exchange.error) == (200, 2, "")
    (retry,) = [event for event in events if isinstance(event, trace.Retry)]
    assert (retry.method, retry.path, retry.attempt) == ("GET", "/page", 2)
    sent = [event.attempt for event in events if isinstance(event, trace.RequestSent)]
    assert sent == [1, 2]


def test_a_request_of_the_drop_in_that_must_not_go_out_again_has_ended_once(dial, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))

    connection = dial(script, HTTPConnection, trace=tracer, replay=False)
    connection.request("GET", "/")
    with pytest.raises(OSError, match="REFUSED_STREAM"):
        connection.getresponse()
    (exchange,) = tracer.ended
    assert exchange.error_code == wire.REFUSED_STREAM


def test_a_failed_request_of_the_drop_in_that_nobody_asks_for_has_ended_with_close(dial, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
        want(peer)
        peer.write_headers(3, OK, end_stream=True)

    connection = dial(script, HTTPConnection, trace=tracer)
    connection.request("GET", "/a")
    connection.request("GET", "/b")
    with contextlib.suppress(OSError):
        connection.sock.request.response()  # both frames have come
    connection.close()
    assert sorted(exchange.path for exchange in tracer.ended) == ["/a", "/b"]


def test_a_request_that_changes_to_http1_is_one_request(dial, tracer):
    """RFC 9113, 7: HTTP_1_1_REQUIRED."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.HTTP_1_1_REQUIRED))
        peer.want_goaway()
        peer.close()
        peer.accept()
        assert b"traceparent: 00-1\r\n" in peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc")

    connection = dial(script, HTTPConnection, trace=tracer)
    connection.request("GET", "/page")
    assert connection.getresponse().read() == b"abc"
    assert len(tracer.begun) == 1
    (exchange,) = tracer.ended
    assert (exchange.status, exchange.attempt, exchange.size) == (200, 2, 3)
    assert exchange.connection.protocol == "HTTP/1.1"


def test_a_request_that_cannot_go_out_again_for_lack_of_a_server_has_ended(connect, tracer):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.stop_listening()
        peer.write(wire.goaway(0))
        peer.close()

    connection = connect(script, trace=tracer, timeout=5)
    connection.request("GET", "/")
    with pytest.raises(OSError, match="listens"):
        connection.getresponse()
    assert len(tracer.begun) == 1
    (exchange,) = tracer.ended
    assert exchange.error


def test_a_request_of_a_pool_is_seen_once(scripted_peer, tracer):
    peer = scripted_peer(answering)
    with Pool(http2="prior", trace=tracer) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{peer.port}/").read() == b"abc"
    assert [exchange.status for exchange in tracer.ended] == [200]


def test_a_tracer_that_raises_harms_no_request(connect, caplog):
    class Broken:
        def before_request(self, request):
            raise ZeroDivisionError(request.path)

    def script(peer):
        peer.handshake()
        for stream_id in (1, 3):
            want(peer)
            peer.write_headers(stream_id, OK, end_stream=True)

    connection = connect(script, trace=Broken())
    for _ in range(2):
        connection.request("GET", "/")
        connection.getresponse().read()
    assert caplog.text.count("told once") == 1


def test_a_tracer_cannot_change_a_pseudo_header_field(connect, caplog):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK, end_stream=True)

    connection = connect(script, trace=Tracer(":path", "/other"))
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    assert "pseudo-header" in caplog.text


def test_a_request_of_a_pool_that_is_repeated_in_http1_is_one_request(scripted_peer, tracer):
    """RFC 9112, 9.3.1: the server has ended a connection that was kept."""
    ok = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"

    def script(peer):
        peer.want_until()
        peer.write(ok)
        peer.want_until()
        peer.close()
        peer.accept()
        peer.want_until()
        peer.write(ok)

    peer = scripted_peer(script)
    with Pool(trace=tracer) as pool:
        for path in ("a", "b"):
            assert pool.request("GET", f"http://127.0.0.1:{peer.port}/{path}").read() == b"abc"
    assert [request.path for request in tracer.begun] == ["/a", "/b"]
    assert [(each.path, each.status, each.attempt) for each in tracer.ended] == [
        ("/a", 200, 1),
        ("/b", 200, 2),
    ]


class TestHTTP1:
    """The drop-in on a server that speaks HTTP/1.1 alone."""

    @pytest.fixture
    def connect_http1(self, scripted_peer):
        opened = []

        def start(*answers, **options):
            def script(peer):
                for each in answers:
                    head = peer.want_until()
                    assert b"traceparent: 00-1\r\n" in head
                    assert head.count(b"traceparent") == 1
                    peer.write(each)

            peer = scripted_peer(script)
            opened.append(HTTPConnection(peer.host, peer.port, timeout=10, **options))
            return opened[-1]

        yield start
        for connection in opened:
            connection.close()

    def test_a_request_is_seen_once_before_and_once_after(self, connect_http1, tracer):
        ok = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
        gone = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
        connection = connect_http1(ok, gone, trace=tracer)
        for path, status in (("/a", 200), ("/b", 410)):
            connection.request("GET", path, headers={"traceparent": "mine"})
            response = connection.getresponse()
            assert response.status == status
            response.read()
        assert [request.path for request in tracer.begun] == ["/a", "/b"]
        assert [exchange.status for exchange in tracer.ended] == [200, 410]
        first = tracer.ended[0]
        assert first.connection.protocol == "HTTP/1.1"
        assert first.url == f"http://127.0.0.1:{connection.port}/a"
        assert first.queued <= first.head

    def test_a_request_without_an_answer_has_ended_with_the_error(self, connect_http1, tracer):
        connection = connect_http1(b"no such protocol\r\n\r\n", trace=tracer)
        connection.request("GET", "/")
        with pytest.raises(BadStatusLine):
            connection.getresponse()
        (exchange,) = tracer.ended
        assert exchange.error_type == "BadStatusLine"
