"""``getresponse`` and the methods of http.client's response, wrapped by a program.

Error trackers end their spans there. They are called over HTTP/2 as over HTTP/1.1, and what they
give is the same.
"""

from __future__ import annotations

import functools
import gc
import http.client
import subprocess
import sys
import unittest.mock

import pytest

import hyper
from hyper.dropin.response import DropinResponse
from hyper.testing import wire
from test.equal_wrapper import EqualWrapper

CONTENT = b"first\nsecond\n"

#: {method: (a call of it, what that gives of CONTENT)}
READS = {
    "read": (lambda response: response.read(), CONTENT),
    "read of some": (lambda response: response.read(5) + response.read(100), CONTENT),
    "read1": (lambda response: response.read1(5), b"first"),
    "readline": (lambda response: response.readline() + response.readline(3), b"first\nsec"),
    "readinto": (lambda response: response.readinto(bytearray(5)), 5),
    "peek": (lambda response: response.peek()[:5] + response.read(1), b"firstf"),
    "getheader": (lambda response: response.getheader("X-A"), "1, 2"),
    "getheaders": (lambda response: ("X-A", "2") in response.getheaders(), True),
    "info": (lambda response: response.info()["x-a"], "1"),
    "getcode": (lambda response: response.getcode(), 200),
    "isclosed": (lambda response: (response.isclosed(), response.read(), response.isclosed())[::2],
                 (False, True)),
    "fileno": (lambda response: response.fileno() >= 0, True),
}  # fmt: skip


def put(monkeypatch, holder, name, seen):
    """Put a wrapper in the place of a method, which notes its calls."""
    given = getattr(holder, name)

    def called(self, *arguments, **options):
        try:
            return given(self, *arguments, **options)
        finally:
            seen.append((name, self))

    monkeypatch.setattr(holder, name, functools.wraps(given)(called))


def answering(count=1, *, length=True, first=0):
    def script(peer):
        peer.handshake()
        for number in range(first, first + count):
            stream_id, section, _ = peer.want_request()
            fields = [(":status", "200"), ("x-a", "1"), ("x-a", "2"), ("x-n", str(number))]
            if length:
                fields.append(("content-length", str(len(CONTENT))))
            content = b"" if dict(section)[":method"] == "HEAD" else CONTENT
            peer.write_response(stream_id, content, fields)

    return script


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("ask", READS)
def test_a_wrapped_method_is_called_and_gives_the_same(connect, monkeypatch, ask, length):
    call, right = READS[ask]
    seen = []
    put(monkeypatch, http.client.HTTPResponse, ask.split()[0], seen)
    connection = connect(answering(length=length))
    connection.request("GET", "/")
    response = connection.getresponse()
    assert isinstance(response, http.client.HTTPResponse)
    assert call(response) == right
    # PyPy may drop a response of a former test meanwhile, which calls some of them, too.
    assert {name for name, called_on in seen if called_on is response} == {ask.split()[0]}
    response.close()


@pytest.mark.parametrize("holder", [http.client.HTTPResponse, hyper.HTTPResponse])
def test_a_wrapped_begin_is_called_while_the_response_is_made(connect, monkeypatch, holder):
    seen = []
    put(monkeypatch, holder, "begin", seen)
    connection = connect(answering())
    connection.request("GET", "/")
    response = connection.getresponse()
    assert [name for name, called_on in seen if called_on is response] == ["begin"]
    assert (response.status, response.read()) == (200, CONTENT)


def test_what_a_mock_of_begin_raises_comes_out_of_getresponse(connect, monkeypatch):
    error = http.client.BadStatusLine("by a mock")
    begin = unittest.mock.Mock(side_effect=error)
    monkeypatch.setattr(http.client.HTTPResponse, "begin", begin)
    connection = connect(answering())
    connection.request("GET", "/")
    with pytest.raises(http.client.BadStatusLine) as caught:
        connection.getresponse()
    assert caught.value is error


@pytest.mark.parametrize("holder", ["HTTPConnection", "HTTPSConnection"])
def test_a_wrapped_getresponse_sees_each_response(connect, monkeypatch, holder):
    """It does so of requests that are under way together, too."""
    seen = []
    given = http.client.HTTPConnection.getresponse

    def getresponse(self, *arguments):
        response = given(self, *arguments)
        seen.append((response.status, response.version, response.getheader("x-n")))
        return response

    connection = connect(answering(3))
    if not isinstance(connection, getattr(http.client, holder)):
        pytest.skip("in cleartext, it is not of that class")
    monkeypatch.setattr(getattr(http.client, holder), "getresponse", getresponse)
    for _ in range(3):
        connection.request("GET", "/")
    assert [connection.getresponse().read() for _ in range(3)] == [CONTENT] * 3
    assert seen == [(200, 20, "0"), (200, 20, "1"), (200, 20, "2")]
    with pytest.raises(http.client.ResponseNotReady):
        connection.getresponse()
    assert "response_class" not in vars(connection)


def test_wrappers_that_are_equal_to_what_they_wrap_are_called(connect, monkeypatch):
    """A tracer's, which came after hyper: its span must end."""
    seen = []

    def getresponse(given):
        response = given()
        seen.append(response.status)
        return response

    def read(given, *arguments):
        seen.append("read")
        return given(*arguments)

    connection = connect(answering())
    holders = http.client.HTTPConnection, http.client.HTTPResponse
    for holder, wrapper in zip(holders, (getresponse, read)):
        name = wrapper.__name__
        monkeypatch.setattr(holder, name, EqualWrapper(getattr(holder, name), wrapper))
    connection.request("GET", "/")
    assert connection.getresponse().read() == CONTENT
    assert seen == [200, "read"]


def test_a_wrapper_that_raises_leaves_the_response_to_the_next_call(connect, monkeypatch):
    connection = connect(answering(2))
    connection.request("GET", "/")
    with monkeypatch.context() as patched:
        patched.setattr(http.client.HTTPConnection, "getresponse", lambda _self: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            connection.getresponse()
    assert connection.getresponse().read() == CONTENT
    connection.request("GET", "/")
    assert connection.getresponse().read() == CONTENT


def test_a_wrapper_sees_what_ends_the_wait(connect, monkeypatch):
    """RFC 9113, 5.4.2: and the next request goes out all the same."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, wire.INTERNAL_ERROR))
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, CONTENT)

    seen = []
    put(monkeypatch, http.client.HTTPConnection, "getresponse", seen)
    connection = connect(script)
    connection.request("GET", "/")
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.request("GET", "/")
    assert connection.getresponse().read() == CONTENT
    assert [name for name, _ in seen] == ["getresponse"] * 2


def test_a_request_that_goes_out_again_is_one_for_the_wrapper(connect, monkeypatch):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))
        peer.accept()
        answering()(peer)

    seen = []
    put(monkeypatch, http.client.HTTPConnection, "getresponse", seen)
    connection = connect(script)
    connection.request("GET", "/")
    assert connection.getresponse().read() == CONTENT
    assert len(seen) == 1


def test_a_response_is_closed_for_the_wrapper_when_it_was_read(connect, monkeypatch):
    """As Sentry asks, which ends its span then."""
    given = http.client.HTTPResponse.read
    seen = []

    def read(self, *arguments):
        try:
            return given(self, *arguments)
        finally:
            seen.append(self.fp is None or self.closed)

    monkeypatch.setattr(http.client.HTTPResponse, "read", read)
    connection = connect(answering())
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.length == len(CONTENT)
    assert response.read(5) + response.read() == CONTENT
    assert (seen, response.length) == ([False, True], 0)


@pytest.mark.parametrize("way", ["close", "drop"])
def test_a_wrapped_close_is_called(connect, monkeypatch, way):
    seen = []
    given = http.client.HTTPResponse.close

    def close(self):
        given(self)
        seen.append((self.getheader("x-n"), self.closed))

    monkeypatch.setattr(http.client.HTTPResponse, "close", close)
    connection = connect(answering(first=77))  # others, of former tests, may be dropped here
    connection.request("GET", "/")
    response = connection.getresponse()
    if way == "close":
        response.close()
    else:
        del response
        for _ in range(5):
            gc.collect()  # PyPy
    assert seen.count(("77", True)) == 1


def test_the_answer_to_head_has_no_content_to_wait_for(connect, monkeypatch):
    """RFC 9110, 9.3.2: its length is 0, as http.client's; a span has ended with it."""
    for is_wrapped in (False, True):
        with monkeypatch.context() as patched:
            if is_wrapped:
                put(patched, http.client.HTTPResponse, "read", [])
            connection = connect(answering())
            connection.request("HEAD", "/")
            response = connection.getresponse()
            assert (response.length, response.isclosed(), response.read()) == (0, True, b"")


def test_nothing_is_changed_where_nothing_is_wrapped(connect):
    connection = connect(answering())
    connection.request("GET", "/")
    response = connection.getresponse()
    assert type(response) is DropinResponse
    response.close()


def test_methods_that_were_wrapped_before_hyper_was_imported_are_called():
    program = (
        "import http.client as c; read = c.HTTPResponse.read;"
        "c.HTTPResponse.read = lambda self, *a: read(self, *a);"
        "import hyper; hyper.HTTPSConnection; from hyper.dropin import wrapped;"
        "assert wrapped.OWN_READERS[wrapped.NAMES.index('read')] is None;"
        "assert wrapped.readers(wrapped.HTTPResponse) != wrapped.OWN_READERS;"
        "assert wrapped.OWN_READERS.count(None) == 1 and None not in wrapped.OWN_ANSWERERS"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
