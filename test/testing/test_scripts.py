"""The scripts of hyper.testing by name: what a client sees of each."""

from __future__ import annotations

import time

import pytest

import hyper
from hyper.testing import (
    die_in_the_middle,
    goaway_after,
    refuse,
    serve,
    slow,
    stall,
    unavailable,
    wire,
)

HALF = 512


@pytest.fixture
def meet(http2_server):
    """Start a server, and give a connection to it: `connection, server = meet(script)`."""
    opened = []

    def start(script, **options):
        server = http2_server(script)
        options.setdefault("timeout", 10)
        connection = hyper.HTTP20Connection(
            server.host, server.port, ssl_context=server.client_context(), **options
        )
        opened.append(connection)
        return connection, server

    yield start
    for each in opened:
        each.close()


def get(connection, path="/"):
    return connection.getresponse(connection.request("GET", path)).read()


def test_serve_calls_a_function_for_each_request(meet):
    def answer(peer, request):
        peer.write_interim(request.stream_id, 103, [("link", "</a>")])
        peer.write_headers(request.stream_id, [(":status", "200")])
        assert peer.write_content(request.stream_id, b"content", end_stream=False)
        peer.write_trailers(request.stream_id, [("x-count", str(len(request.trailers)))])

    connection, server = meet(serve(answer))
    response = connection.getresponse(connection.request("POST", "/", b"up", trailers={"a": "b"}))
    assert response.read() == b"content"
    assert response.trailers["x-count"] == "1"
    assert server.requests[0].content == b"up"
    assert server.requests[0].trailers == [("a", "b")]


def test_serve_heeds_the_windows_of_the_client(meet):
    """6.9: more than hyper's window for a stream, to a reader that waits."""
    content = bytes(300_000)
    connection, _ = meet(serve(lambda peer, request: answer_with(peer, request, content)))
    response = connection.getresponse(connection.request("GET", "/"))
    assert response.read(1) == b"\0"
    assert len(response.read()) == len(content) - 1


def answer_with(peer, request, content):
    peer.write_headers(request.stream_id, [(":status", "200")])
    peer.write_content(request.stream_id, content)


def test_a_response_that_the_client_cancels_is_given_up(meet):
    written = []

    def answer(peer, request):
        peer.write_headers(request.stream_id, [(":status", "200")])
        written.append(peer.write_content(request.stream_id, bytes(50_000_000)))

    connection, _ = meet(serve(answer))
    response = connection.getresponse(connection.request("GET", "/"))
    response.read(1)
    response.close()
    connection.ping()
    assert written == [False]


def test_goaway_after_ends_each_connection_after_its_share(meet):
    """6.8."""
    connection, server = meet(goaway_after(2))
    for number in range(5):
        assert get(connection, f"/{number}") == b"GET /%d\n" % number
    assert server.connections == 3
    assert [request.connection for request in server.requests] == [1, 1, 2, 2, 3]


def test_refuse_refuses_the_first_requests_whoever_sends_them(meet):
    """8.7: hyper sends them again."""
    connection, server = meet(refuse(2))
    assert get(connection) == b"GET /\n"
    assert len(server.requests) == 3


def test_refuse_with_another_code_is_an_error(meet):
    connection, _ = meet(refuse(1, code=wire.INTERNAL_ERROR))
    with pytest.raises(hyper.StreamResetError, match="INTERNAL_ERROR"):
        get(connection)
    assert get(connection) == b"GET /\n"


def test_unavailable_answers_503_and_then_as_it_should(meet):
    connection, _ = meet(unavailable(1, headers=[("retry-after", "1")]))
    response = connection.getresponse(connection.request("GET", "/"))
    assert (response.status, response.getheader("retry-after")) == (503, "1")
    response.read()
    assert get(connection) == b"GET /\n"


def test_stall_keeps_one_stream_waiting_and_serves_the_others(meet):
    connection, _ = meet(stall(1))
    response = connection.getresponse(connection.request("GET", "/"))
    assert get(connection, "/other") == b"GET /other\n"
    assert len(response.read(HALF)) == HALF
    connection.timeout = response.timeout = 0.05
    with pytest.raises(TimeoutError):
        response.read(1)


def test_die_in_the_middle_sends_half_of_a_response(meet):
    """8.1.1: incomplete content is never taken for complete."""
    connection, server = meet(die_in_the_middle())
    response = connection.getresponse(connection.request("GET", "/"))
    with pytest.raises(hyper.HTTPException) as caught:
        response.read()
    assert not getattr(caught.value, "retryable", False)
    assert get(connection) == b"GET /\n"
    assert server.connections == 2


def test_slow_content_comes_piece_by_piece(meet):
    connection, _ = meet(slow(4, 0.01, b"0123456789"))
    begin = time.monotonic()
    response = connection.getresponse(connection.request("GET", "/"))
    assert [response.read1() for _ in range(3)] == [b"0123", b"4567", b"89"]
    assert time.monotonic() - begin >= 0.03
