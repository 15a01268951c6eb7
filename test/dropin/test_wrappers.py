"""Methods of http.client's that other libraries wrap, on a class or on one connection.

Tracers and recorders put a wrapper in the place of a method.  It is called over HTTP/2 as it is
over HTTP/1.1, and what it adds reaches the server.
"""

from __future__ import annotations

import functools
import http.client
import io
import itertools

import pytest

import hyper
from test.equal_wrapper import EqualWrapper

NAMES = ["request", "_send_request", "putrequest", "putheader", "endheaders", "send"]


@pytest.fixture(params=["http.client's class", "hyper's class", "one connection"])
def wrap(request, monkeypatch):
    """Put a wrapper in the place of a method: wrap(connection, name, wrapper)."""

    def put(connection, name, wrapper):
        holder = {
            "http.client's class": http.client.HTTPConnection,
            "hyper's class": hyper.HTTPConnection,
            "one connection": connection,
        }[request.param]
        given = getattr(holder, name)

        def called(*arguments, **options):
            return wrapper(given, *arguments, **options)

        monkeypatch.setattr(holder, name, functools.wraps(given)(called))

    return put


@pytest.fixture
def sections(connect):
    """A connection, and the header sections of three requests that it will send."""
    seen = []

    def script(peer):
        peer.handshake()
        for _ in range(3):
            stream_id, section, content = peer.want_request()
            seen.append((dict(section), content))
            peer.write_response(stream_id)

    return connect(script), seen


def send(connection, *request, count=3):
    for _ in range(count):
        connection.request(*request)
        connection.getresponse().read()


def test_a_header_that_a_wrapper_adds_is_new_in_each_request(sections, wrap):
    """Also where three requests are equal, whose lines would be remembered."""
    connection, seen = sections
    counter = itertools.count()

    def trace(given, *arguments, **options):
        given(*arguments, **options)
        connection.putheader("X-Trace", str(next(counter)))

    connection.request("GET", "/", headers={"X-Same": "1"})  # and is remembered
    connection.getresponse().read()
    wrap(connection, "putrequest", trace)
    for _ in range(2):
        connection.request("GET", "/", headers={"X-Same": "1"})
        connection.getresponse().read()
    assert [section.get("x-trace") for section, _ in seen] == [None, "0", "1"]


def test_a_wrapper_that_is_equal_to_what_it_wraps_is_called(sections, monkeypatch):
    connection, seen = sections

    def trace(given, *arguments, **options):
        given(*arguments, **options)
        connection.putheader("X-Trace", str(len(seen)))

    send(connection, "GET", "/", count=1)  # it is remembered
    wrapped = EqualWrapper(http.client.HTTPConnection.putrequest, trace)
    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", wrapped)
    send(connection, "GET", "/", count=2)
    assert [section.get("x-trace") for section, _ in seen] == [None, "1", "2"]


@pytest.mark.parametrize("name", NAMES)
def test_each_wrapper_is_called_for_each_request(sections, wrap, name):
    connection, _ = sections
    called = []

    def count(given, *arguments, **options):
        called.append(name)
        return given(*arguments, **options)

    wrap(connection, name, count)
    send(connection, "GET", "/")
    once = len(called) // 3
    assert once
    assert len(called) == 3 * once


def test_send_sees_what_it_sees_over_http_1(sections, wrap):
    connection, seen = sections
    sent = []

    def record(given, *arguments):
        sent.append(bytes(arguments[-1]))
        return given(*arguments)

    wrap(connection, "send", record)
    send(connection, "POST", "/path", b"content")
    heads, contents = sent[::2], sent[1::2]
    assert all(head.startswith(b"POST /path HTTP/1.1\r\nHost: ") for head in heads)
    assert all(head.endswith(b"\r\n\r\n") for head in heads)
    assert contents == [b"content"] * 3
    assert [content for _, content in seen] == [b"content"] * 3


def test_a_header_section_that_send_changes_is_sent_so(sections, wrap):
    connection, seen = sections

    def add(given, *arguments):
        *first, data = arguments
        return given(*first, data.replace(b"\r\n\r\n", b"\r\nX-Added: 1\r\n\r\n"))

    wrap(connection, "send", add)
    send(connection, "GET", "/")
    assert [section["x-added"] for section, _ in seen] == ["1"] * 3


def test_requests_are_remembered_where_nothing_is_wrapped(sections, monkeypatch):
    """http.client is asked to write the first of three equal requests only."""
    connection, seen = sections
    connection.request("GET", "/")
    connection.getresponse().read()
    assert len(connection._known) == 1
    known = next(iter(connection._known.values()))
    for _ in range(2):
        connection.request("GET", "/")
        assert connection._awaited[-1].lines is known
        connection.getresponse().read()
    assert len(seen) == 3


def join_and_send(connection, message_body=None, encode_chunked=False):
    """A ``_send_output`` that joins the lines by itself, as scripts do against Nagle's delay."""
    connection._buffer.extend((b"", b""))
    head = b"\r\n".join(connection._buffer)
    del connection._buffer[:]
    if isinstance(message_body, bytes):
        head, message_body = head + message_body, None
    connection.send(head)
    if message_body is not None:
        connection.send(message_body)


BODIES = [(lambda: None, b""), (lambda: b"content", b"content"), (lambda: io.BytesIO(b"x"), b"x")]


@pytest.mark.parametrize("way", ["subclass", "one connection"])
def test_a_send_output_of_the_script_s_own_sends_head_and_content(connect, way):
    """One write of both, as in HTTP/1.1, and each ``send`` is called once."""
    seen, sent = [], []

    def script(peer):
        peer.handshake()
        for _ in BODIES:
            stream_id, section, content = peer.want_request()
            seen.append((dict(section)[":path"], dict(section)["x-a"], content))
            peer.write_response(stream_id, b"answer")

    connection = connect(script)
    own_send = type(connection).send

    def send(self, data):
        sent.append(data)
        own_send(self, data)

    if way == "subclass":
        own = {"_send_output": join_and_send, "send": send}
        connection.__class__ = type("Own", (type(connection),), own)
    else:
        connection._send_output = functools.partial(join_and_send, connection)
        connection.send = functools.partial(send, connection)
    for body, content in BODIES:
        headers = {"X-A": "b", "Content-Length": str(len(content))}
        connection.request("POST", "/own", body(), headers)
        assert connection.getresponse().read() == b"answer"
    assert seen == [("/own", "b", content) for _, content in BODIES]
    assert len(sent) == 4  # the file is written by itself


def test_a_send_output_that_sends_no_whole_head_is_told(connect):
    """RFC 9113, 8.3: a header section goes out as a whole."""
    connection = connect(lambda peer: peer.accept())
    connection._send_output = lambda *_, **__: connection.send(b"GET / HTTP/1.1\r\n")
    with pytest.raises(http.client.CannotSendRequest, match="header section"):
        connection.request("GET", "/")
