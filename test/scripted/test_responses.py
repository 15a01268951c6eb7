"""Responses as a reader meets them: in any order, of every kind, streamed, cut short, closed."""

from __future__ import annotations

import gzip
import sys
import threading
from http.client import IncompleteRead, RemoteDisconnected, ResponseNotReady

import pytest

from hyper.errors import RemoteProtocolError, StreamResetError
from hyper.testing import DEADLINE, wire
from test.scripted.steps import OnShortPath, pong, want

OK = [(":status", "200")]


def test_in_any_order(connect):
    """RFC 9113, 5: streams are independent."""

    def script(peer):
        peer.handshake()
        ids = [want(peer)[0] for _ in range(4)]
        for stream_id in reversed(ids):
            peer.write_headers(stream_id, OK)
        for half in (b"first half, ", b"second half"):
            for stream_id in ids:
                peer.write_data(stream_id, half + b"%d" % stream_id)
        for stream_id in (ids[2], ids[0], ids[3], ids[1]):
            peer.write_data(stream_id, end_stream=True)

    connection = connect(script)
    ids = [connection.request("GET", "/") for _ in range(4)]
    assert ids == [1, 3, 5, 7]
    for stream_id in (5, 7, 1, 3):
        content = connection.getresponse(stream_id).read()
        assert content == b"first half, %dsecond half%d" % (stream_id, stream_id)


def test_without_an_id_the_oldest_comes_first(connect):
    def script(peer):
        peer.handshake()
        for stream_id in [want(peer)[0] for _ in range(3)]:
            peer.write_response(stream_id, b"%d" % stream_id)

    connection = connect(script)
    for _ in range(3):
        connection.request("GET", "/")
    assert connection.getresponse(3).read() == b"3"
    assert connection.getresponse().read() == b"1"
    assert connection.get_response().read() == b"5"
    for call in (connection.getresponse, lambda: connection.getresponse(3)):
        with pytest.raises(ResponseNotReady):
            call()


def plain(peer):
    peer.write_response(1, b"content")


def with_length(peer):
    peer.write_response(1, b"content", [*OK, ("content-length", "7")])


def in_pieces(peer):
    peer.write_headers(1, OK)
    for octet in b"content":
        peer.write_data(1, bytes((octet,)))
    peer.write_data(1, end_stream=True)


def padded(peer):
    peer.write_headers(1, OK)
    peer.write(wire.data(1, b"con", pad=255) + wire.data(1, b"", pad=0))
    peer.write(wire.data(1, b"tent", end_stream=True, pad=0))


def with_empty_frames(peer):
    peer.write_headers(1, OK)
    for piece in (b"", b"con", b"", b"tent", b""):
        peer.write_data(1, piece)
    peer.write_data(1, end_stream=True)


def with_trailers(peer):
    peer.write_headers(1, OK)
    peer.write_data(1, b"content")
    peer.write_headers(1, [("x-digest", "1")], end_stream=True)


def gzipped(peer):
    fields = [*OK, ("content-encoding", "gzip")]
    peer.write_response(1, gzip.compress(b"content"), fields)


def with_priority_and_padding(peer):
    block = wire.block(OK)
    peer.write(wire.headers(1, block, pad=7, priority=(True, 0, 255)))
    peer.write(wire.data(1, b"content", end_stream=True))


def in_continuations(peer):
    block = wire.block([*OK, ("x-a", "1"), ("x-b", "2")])
    peer.write(wire.headers(1, block[:3], end_headers=False))
    for octet in block[3:-1]:
        peer.write(wire.continuation(1, bytes((octet,)), end_headers=False))
    peer.write(wire.continuation(1, block[-1:]) + wire.data(1, b"content", end_stream=True))


def among_the_unknown(peer):
    """RFC 9113, 4.1 and 5.5: what is unknown is ignored."""
    peer.write(wire.frame(0xBB, 0xFF, 1, b"?") + wire.frame(0xBB, 0, 0, b"?"))
    peer.write(wire.settings([(0xABCD, 5)]))
    peer.write(wire.frame(wire.HEADERS, 0x44, 1 | 1 << 31, wire.block(OK)))  # reserved bits
    peer.write(wire.altsvc(1, "", 'h2=":8000"') + wire.origin(["https://a.invalid"]))
    peer.write(wire.priority(1) + wire.ping(ack=True))
    peer.write(wire.data(1, b"content", end_stream=True))


@pytest.mark.parametrize(
    "answer",
    [
        plain,
        with_length,
        in_pieces,
        padded,
        with_empty_frames,
        with_trailers,
        gzipped,
        with_priority_and_padding,
        in_continuations,
        among_the_unknown,
    ],
)
def test_content_of_every_kind(connect, answer):
    """RFC 9113, 6.1, 6.2, 6.10 and 8.1."""

    def script(peer):
        peer.handshake()
        want(peer)
        answer(peer)
        want(peer)
        peer.write_response(3, b"alive")

    connection = connect(script)
    response = connection.getresponse(connection.request("GET", "/"))
    assert response.read() == b"content"
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"alive"


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [
        ("HEAD", "200", "1000"),
        ("HEAD", "200", None),
        ("GET", "204", None),
        ("GET", "304", "1000"),
        ("GET", "200", "0"),
        ("GET", "200", None),
        ("GET", "404", None),
    ],
)
@pytest.mark.parametrize("by_data", [False, True], ids=["END_STREAM on HEADERS", "on DATA"])
def test_no_content(connect, method, status, length, by_data):
    """RFC 9110, 6.4.1 and 8.6: a length may speak of another message."""
    fields = [(":status", status)] + ([("content-length", length)] if length else [])

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, fields, end_stream=not by_data)
        if by_data:
            peer.write_data(1, end_stream=True)

    connection = connect(script)
    response = connection.getresponse(connection.request(method, "/"))
    assert response.status == int(status)
    assert response.getheader("content-length") == length
    assert response.read() == b""
    assert response.isclosed()


def test_trailers(connect):
    """RFC 9113, 8.1: duplicates kept, asked for before or after content, or with none."""

    def script(peer):
        peer.handshake()
        for content in (b"content", b"content", b""):
            stream_id = want(peer)[0]
            peer.write_headers(stream_id, OK)
            if content:
                peer.write_data(stream_id, content)
            peer.write_headers(
                stream_id, [("x-a", "1"), ("x-b", "2"), ("x-a", "3")], end_stream=True
            )

    connection = connect(script)
    first, second, third = [
        connection.getresponse(connection.request("GET", "/")) for _ in range(3)
    ]
    assert first.read() == b"content"
    for response in (first, second, third):
        assert response.gettrailers() == [("x-a", "1"), ("x-b", "2"), ("x-a", "3")]
        assert response.gettrailer("x-a") == "1, 3"
    assert second.read() == b"content"
    assert third.read() == b""


def test_interim_responses(connect):
    """RFC 9110, 15.2; RFC 8297: collected, and not taken for the response."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1, end_stream=False)
        peer.write_headers(1, [(":status", "100")])
        assert peer.want_data(1, end_stream=True) == b"x"
        peer.write_headers(1, [(":status", "103"), ("link", "</a>"), ("link", "</b>")])
        peer.write_headers(1, [(":status", "199"), ("x-new", "1")])
        peer.write_response(1, b"content")

    connection = connect(script)
    connection.request("POST", "/", b"x", {"expect": "100-continue"})
    response = connection.getresponse()
    assert response.status == 200
    assert response.read() == b"content"
    assert [status for status, _ in response.informational] == [100, 103, 199]
    assert response.informational[1][1].get_all("link") == ["</a>", "</b>"]


def test_streams_before_it_has_ended(connect):
    read = threading.Event()

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, OK)
        peer.write_data(1, b"line 1\nli")
        assert read.wait(10)
        peer.write_data(1, b"ne 2\n", end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.readline() == b"line 1\n"
    read.set()
    assert response.readline() == b"line 2\n"


def test_back_pressure(connect):
    """RFC 9113, 5.2: the stream's window opens when content is read, not when it comes; the
    connection's at once, so that a stream that nobody reads stops no other.
    """

    def script(peer):
        settings = peer.handshake()
        assert settings[wire.SETTINGS_INITIAL_WINDOW_SIZE] == 30000
        want(peer)
        want(peer)
        peer.write_headers(1, OK)
        peer.write_data(1, b"a" * 30000)  # all that the window allows
        peer.write_response(3, b"b" * 20000)
        pong(peer)
        assert updates(peer, 1) == 0
        pong(peer)
        assert updates(peer, 1) >= 30000
        peer.write_data(1, b"a" * 30000, end_stream=True)

    def updates(peer, stream_id):
        return sum(
            frame.increment
            for frame in peer.frames
            if frame.type == wire.WINDOW_UPDATE and frame.stream_id == stream_id
        )

    settings = {"SETTINGS_INITIAL_WINDOW_SIZE": 30000}
    connection = connect(script, window_manager=OnShortPath, settings=settings)
    first, second = connection.request("GET", "/a"), connection.request("GET", "/b")
    response = connection.getresponse(first)
    assert connection.getresponse(second).read() == b"b" * 20000
    connection.ping()
    assert response.read(30000) == b"a" * 30000
    connection.ping()
    assert response.read() == b"a" * 30000


class TestClosing:
    def test_early_resets_that_stream_alone(self, connect):
        """RFC 9113, 5.4.2; what is under way is dropped and costs no other stream anything."""

        def script(peer):
            peer.handshake()
            want(peer)
            want(peer)
            peer.write_headers(1, OK)
            peer.write_headers(3, OK)
            peer.write_data(1, b"a" * 1000)
            peer.write_data(3, b"first half, ")
            peer.want_rst(1, wire.CANCEL)
            peer.write_data(1, b"a" * 16000)  # sent before the reset was seen
            peer.write_headers(1, [("x-late", "1")], end_stream=True)
            peer.write_data(3, b"second half", end_stream=True)
            want(peer)
            peer.write_response(5, b"alive")

        connection = connect(script)
        first, second = connection.request("GET", "/"), connection.request("GET", "/")
        with connection.getresponse(first) as response:
            assert response.read(10) == b"a" * 10
        assert connection.getresponse(second).read() == b"first half, second half"
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"alive"

    def test_by_dropping_it_on_a_connection_that_fails_then(self, connect, monkeypatch):
        """A failure in a finalizer ends the connection, and is not printed."""
        import gc

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_headers(1, OK)
            peer.want_closed()

        def fails(*_):
            raise RuntimeError("PyPy's TLS raises it where the socket is collected")

        connection = connect(script)
        response = connection.getresponse(connection.request("GET", "/"))
        monkeypatch.setattr(type(connection._pumps.current._transport), "send", fails)
        printed = []
        monkeypatch.setattr(sys, "unraisablehook", printed.append)
        del response
        for _ in range(3):
            gc.collect()
        monkeypatch.undo()
        assert not printed
        assert connection._pumps.current.is_closed

    def test_by_dropping_the_response(self, connect):
        import gc

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_headers(1, OK)
            assert peer.want_rst(1) == wire.CANCEL  # without another call
            reset.set()
            assert want(peer, (":path", "/next"))[0] == 3
            peer.write_response(3)

        reset = threading.Event()
        connection = connect(script)
        connection.request("GET", "/")
        response = connection.getresponse()
        del response
        for _ in range(3):
            gc.collect()
        assert reset.wait(DEADLINE)
        connection.request("GET", "/next")
        connection.getresponse()

    def test_at_the_end_resets_nothing(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1, b"content")
            pong(peer)
            peer.want_nothing()

        connection = connect(script)
        connection.request("GET", "/")
        with connection.getresponse() as response:
            response.read()
        connection.ping()


CUT = {
    "reset by the server": lambda peer: peer.write(wire.rst_stream(1, wire.INTERNAL_ERROR)),
    "end of the connection": lambda peer: peer.close(),
    "TCP cut": lambda peer: peer.cut(),
    "GOAWAY and the end": lambda peer: (peer.write(wire.goaway(1)), peer.close()),
    "less than its length": lambda peer: peer.write_data(1, end_stream=True),
}


class TestCutShort:
    """RFC 9113, 8.1.1: what is incomplete never passes for the whole."""

    @pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
    @pytest.mark.parametrize("is_read", [False, True], ids=["", "before it was read"])
    def test_in_the_middle(self, connect, cut, is_read):
        came = threading.Event()

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_headers(1, [*OK, ("content-length", "10")])
            peer.write_data(1, b"conte")
            if is_read:
                assert came.wait(10)
            cut(peer)

        connection = connect(script)
        connection.request("GET", "/")
        response = connection.getresponse()
        partial = response.read(2) if is_read else b""
        came.set()
        with pytest.raises(IncompleteRead) as caught:
            response.read()
        assert partial + caught.value.partial == b"conte"
        assert caught.value.expected == 5
        with pytest.raises(IncompleteRead):
            response.read()

    def test_less_than_its_length_is_told_to_the_server(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1, b"conte", [*OK, ("content-length", "10")])
            peer.want_rst(1, wire.PROTOCOL_ERROR)

        connection = connect(script)
        connection.request("GET", "/")
        with pytest.raises(IncompleteRead):
            connection.getresponse().read()

    @pytest.mark.parametrize("content", [b"content too long", b"c" * 17000])
    def test_more_than_its_length(self, connect, content):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1, content, [*OK, ("content-length", "10")])
            peer.want_rst(1, wire.PROTOCOL_ERROR)

        connection = connect(script)
        connection.request("GET", "/")
        with pytest.raises(RemoteProtocolError, match=r"RFC 9113, 8\.1\.1"):
            connection.getresponse().read()

    @pytest.mark.parametrize("end", [lambda peer: peer.close(), lambda peer: peer.cut()])
    def test_before_it_began(self, connect, end):
        """As http.client raises where the server hangs up."""

        def script(peer):
            peer.handshake()
            want(peer)
            end(peer)

        connection = connect(script)
        connection.request("GET", "/")
        with pytest.raises(RemoteDisconnected) as caught:
            connection.getresponse()
        assert isinstance(caught.value, ConnectionResetError)

    @pytest.mark.parametrize(
        ("code", "name", "retryable"),
        [
            (wire.REFUSED_STREAM, "REFUSED_STREAM", True),
            (wire.CANCEL, "CANCEL", False),
            (wire.HTTP_1_1_REQUIRED, "HTTP_1_1_REQUIRED", False),
            (0xBAD, "0xbad", False),
        ],
    )
    def test_by_a_reset_before_it_began(self, connect, code, name, retryable):
        """RFC 9113, 8.7: only REFUSED_STREAM says that nothing was done."""

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write(wire.rst_stream(1, code))
            want(peer)
            peer.write_response(3, b"alive")

        connection = connect(script, replay=False)
        connection.request("GET", "/")
        with pytest.raises(StreamResetError, match=name) as caught:
            connection.getresponse(1)
        assert caught.value.retryable is retryable
        assert caught.value.error_code == code
        assert caught.value.stream_id == 1
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"alive"
