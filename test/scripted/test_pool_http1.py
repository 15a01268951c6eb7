"""hyper.Pool over HTTP/1.1: what goes out again when a server closes a connection that was kept.

The server of these tests answers one request on each connection, and ends it at the next: as it
looks where a server's idle timeout and a request cross.
"""

from __future__ import annotations

import http.client
import io
import threading
from http.client import RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import hyper
from test.contrib.conftest import running

DEADLINE = 10.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers_left = 1

    def answer(self):
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.client_address[1], content))
        if not self.answers_left or self.path == "/end":
            self.close_connection = True
            return
        self.answers_left -= 1
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")
        if self.path == "/fin":
            self.close_connection = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        """Do nothing: the tests tell."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.ended = threading.Semaphore(0)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.ended.release()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def asked(self, method):
        """(The client's port, content) of each request of a method."""
        return [(port, content) for name, port, content in self.seen if name == method]


@pytest.fixture
def server():
    with running(Server()) as made:
        yield made


@pytest.fixture
def pool(server):
    """A pool with a connection that was kept."""
    with hyper.Pool(timeout=DEADLINE) as made:
        made.request("PATCH", server.url()).read()
        yield made


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_idempotent_request_goes_out_once_more_on_a_new_connection(pool, server, method):
    """RFC 9112, 9.3.1; RFC 9110, 9.2.2."""
    assert pool.request(method, server.url()).read() == (b"" if method == "HEAD" else b"ok")
    (first, _), (second, _) = server.asked(method)
    assert first != second


def test_a_file_goes_out_again_from_where_it_stood(pool, server):
    """RFC 9112, 9.3.1."""
    opened = io.BytesIO(b"skipped content")
    opened.seek(8)
    assert pool.request("PUT", server.url(), opened, {"content-length": "7"}).read() == b"ok"
    assert [content for _, content in server.asked("PUT")] == [b"content"] * 2


def test_a_generator_of_which_a_part_is_gone_does_not(pool, server):
    """RFC 9112, 9.3.1."""
    pieces = iter([b"con", b"tent"])
    with pytest.raises(ConnectionError):
        pool.request("PUT", server.url(), pieces, {"content-length": "7"})
    assert len(server.asked("PUT")) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_any_other_request_that_was_sent_does_not(pool, server, method):
    """RFC 9110, 9.2.2: the server may have processed it."""
    before = len(server.asked(method))
    with pytest.raises(ConnectionError) as caught:
        pool.request(method, server.url(), b"content")
    assert isinstance(caught.value, (RemoteDisconnected, ConnectionResetError, BrokenPipeError))
    assert len(server.asked(method)) == before + 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_has_already_ended_is_given_no_request(pool, server, method):
    """RFC 9112, 9.3.1: nothing was sent, whatever the method."""
    pool.request("GET", server.url("/fin")).read()  # again on a new connection, which then ends
    for _ in range(2):
        assert server.ended.acquire(timeout=DEADLINE)
    assert pool.request(method, server.url(), b"content").read() == b"ok"
    assert server.asked(method)[-1][1] == b"content"
    assert len({port for port, _ in server.asked("GET")}) == (2 if method == "POST" else 3)
    assert len(server.asked("POST")) == (method == "POST")


def test_what_a_new_connection_does_not_answer_is_not_asked_again(pool, server):
    """RFC 9112, 9.3.1: no automatic retry of a retry."""
    with pytest.raises(RemoteDisconnected):
        pool.request("GET", server.url("/end"))
    assert len(server.asked("GET")) == 2


def test_without_replay_nothing_goes_out_again(server):
    """RFC 9112, 9.3.1."""
    with hyper.Pool(timeout=DEADLINE, replay=False) as pool:
        pool.request("PATCH", server.url()).read()
        with pytest.raises(ConnectionError):
            pool.request("GET", server.url())
    assert len(server.asked("GET")) == 1


def test_a_wrapper_of_request_adds_fields_to_each_sending(pool, server, monkeypatch):
    """A tracer's: it sets them in the mapping that it is given."""
    original, seen = http.client.HTTPConnection.request, []

    def request(self, method, url, body=None, headers=None, **options):
        headers["x-trace"] = str(len(seen))
        seen.append(list(headers.items()))
        return original(self, method, url, body, headers, **options)

    monkeypatch.setattr(http.client.HTTPConnection, "request", request)
    for fields in ({"x-own": "1"}, [("x-own", "1"), ("x-own", "2")]):
        assert pool.request("PUT", server.url(), b"content", fields).read() == b"ok"
    traces = [[value for name, value in given if name == "x-trace"] for given in seen]
    assert traces == [[str(number)] for number in range(len(seen))]
    assert [value for name, value in seen[-1] if name == "x-own"] == ["1", "2"]
