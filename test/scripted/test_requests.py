"""Requests as they reach the server: header sections, content of every kind, trailers, and what
must not leave at all.
"""

from __future__ import annotations

import io
import threading
from http.client import InvalidURL

import pytest

from hyper.errors import LocalProtocolError
from hyper.hpack import NeverIndexed
from hyper.testing import wire
from hyper.testing.wire import CANCEL, SETTINGS_INITIAL_WINDOW_SIZE
from hyper.transport.tcp import PlainTransport
from test.scripted.steps import answered, pieces, pong, want


class TestHeaderSection:
    def test_what_goes_without_saying(self, connect, secure):
        """RFC 9113, 8.3.1: pseudo-header fields first, the authority with its port."""

        def script(peer):
            peer.handshake()
            section = peer.want_headers(1, end_stream=True)
            assert section[:4] == [
                (":method", "GET"),
                (":scheme", "https" if secure else "http"),
                (":authority", f"127.0.0.1:{peer.port}"),
                (":path", "/path?query"),
            ]
            assert [name for name, _ in section[4:]] == ["accept-encoding"]
            assert section[4][1].startswith("gzip, deflate")
            peer.write_response(1)

        connection = connect(script)
        stream_id = connection.request("GET", "/path?query")
        assert stream_id == 1
        assert connection.getresponse(stream_id).status == 200

    def test_given_fields_keep_order_and_duplicates(self, connect):
        def script(peer):
            section = peer.want_headers()
            assert section[4:] == [
                ("x-b", "1"),
                ("x-a", "caf\xe9"),
                ("x-b", "2"),
                ("accept-encoding", "br"),
            ]
            return 1

        connection = connect(answered(script))
        connection.request(
            "GET",
            "/",
            headers=[
                ("X-B", 1),
                (b"x-a", b"caf\xe9"),
                ("x-b", " 2\t"),
                ("Accept-Encoding", "br"),
            ],
        )
        connection.getresponse()

    @pytest.mark.parametrize("value", ["t0ken", "a token that is long enough to be indexed"])
    def test_never_indexed_fields_stay_so(self, connect, value):
        """RFC 7541, 7.1.3: whatever was sent before, in headers and in trailers."""

        def script(peer):
            peer.handshake()
            for stream_id, never_indexed in (
                (1, ()),
                (3, ("x-token",)),
                (5, ("x-token",)),
                (7, ()),
            ):
                assert ("x-token", value) in peer.want_headers(stream_id)
                assert peer.never_indexed == never_indexed
                assert peer.want_headers(stream_id) == [("x-token", value)]
                assert peer.never_indexed == never_indexed
                peer.write_response(stream_id)

        connection = connect(script)
        plain, never_indexed = ("x-token", value), NeverIndexed("X-Token", value)
        for field in (plain, never_indexed, never_indexed, plain):
            connection.request("GET", "/", headers=[field], trailers=[field])
            connection.getresponse().read()

    def test_no_codings_are_offered_where_none_are_taken_off(self, connect):
        def script(peer):
            want(peer, ("accept-encoding", "identity"))
            return 1

        connection = connect(answered(script), decode_content=False)
        connection.request("GET", "/")
        connection.getresponse()

    def test_fields_of_http_1_are_left_out(self, connect):
        """RFC 9113, 8.2.2: scripts that were written for HTTP/1.1 go on working."""

        def script(peer):
            section = peer.want_headers()
            assert [name for name, _ in section] == [
                ":method",
                ":scheme",
                ":authority",
                ":path",
                "te",
                "x-kept",
                "accept-encoding",
            ]
            assert (":authority", "other.invalid") in section
            assert ("te", "trailers") in section
            return 1

        connection = connect(answered(script))
        headers = [
            ("Connection", "keep-alive, X-Hop"),
            ("Keep-Alive", "5"),
            ("Proxy-Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("TE", "gzip"),
            ("TE", "trailers"),
            ("Host", "other.invalid"),
            ("X-Kept", "yes"),
            ("X-Hop", "no"),
        ]
        connection.request("GET", "/", headers=headers)
        connection.getresponse()

    @pytest.mark.parametrize(
        ("method", "url", "pseudo"),
        [
            ("GET", "", {":path": "/"}),
            ("GET", "?query", {":path": "/?query"}),
            ("GET", "/a#fragment", {":path": "/a"}),
            ("OPTIONS", "*", {":path": "*"}),
            ("GET", "{own}", {":path": "/"}),
            ("GET", "{own}/a?b#c", {":path": "/a?b"}),
            ("M-SEARCH", "/", {":method": "M-SEARCH"}),
        ],
    )
    def test_targets(self, connect, secure, method, url, pseudo):
        """RFC 9113, 8.3.1; of an absolute URI, user and fragment are not sent (RFC 9110, 4.2.4)."""
        scheme = "https" if secure else "http"

        def script(peer):
            authority = f"{peer.host}:{peer.port}"
            want(peer, (":scheme", scheme), (":authority", authority), *pseudo.items())
            return 1

        connection = connect(answered(script))
        own = f"{scheme}://user:secret@{connection.host}:{connection.port}"
        connection.request(method, url.format(own=own))
        connection.getresponse()

    @pytest.mark.parametrize("origin", ["http://other.invalid", "https://other.invalid:81"])
    def test_another_origin_is_refused_and_may_be_named_by_host(self, connect, origin):
        """RFC 9113, 9.1.1: this server has not proven to be that one."""

        def script(peer):
            want(peer, (":authority", "other.invalid"))
            return 3  # the draft that was refused has 1

        connection = connect(answered(script))
        with pytest.raises(InvalidURL, match=r"has not proven to be .*other.invalid.*9\.1\.1"):
            connection.request("GET", f"{origin}/")
        connection.putrequest("GET", f"{origin}/")
        with pytest.raises(InvalidURL, match=r"9\.1\.1"):
            connection.endheaders()
        with pytest.raises(InvalidURL, match=r"9\.1\.1"):
            connection.open_stream("GET", f"{origin}/")
        connection.request("GET", "/", headers={"host": "other.invalid"})
        connection.getresponse()

    def test_a_section_longer_than_a_frame_goes_on(self, connect):
        """RFC 9113, 4.3 and 6.10: the peer of the test reads it as one section."""

        def script(peer):
            want(peer, *[(f"x-{n}", "v" * 1000) for n in range(40)])
            assert any(frame.type == wire.CONTINUATION for frame in peer.frames)
            return 1

        connection = connect(answered(script))
        connection.request("GET", "/", headers={f"x-{n}": "v" * 1000 for n in range(40)})
        connection.getresponse()


BODIES = {
    "bytes": (lambda: b"content", b"content", "7"),
    "no octets": (lambda: b"", b"", "0"),
    "bytearray": (lambda: bytearray(b"content"), b"content", "7"),
    "memoryview": (lambda: memoryview(b"content"), b"content", "7"),
    "str": (lambda: "caf\xe9", b"caf\xe9", "4"),
    "more than one frame": (lambda: bytes(40000), bytes(40000), "40000"),
    "list": (lambda: [b"con", b"", "tent"], b"content", None),
    "generator": (lambda: pieces(b"con", "tent"), b"content", None),
    "empty generator": (pieces, b"", None),
    "BytesIO": (lambda: io.BytesIO(b"content"), b"content", None),
    "StringIO": (lambda: io.StringIO("content"), b"content", None),
}


class TestContent:
    @pytest.mark.parametrize(("body", "content", "length"), BODIES.values(), ids=BODIES)
    @pytest.mark.parametrize("trailers", [None, [("x-digest", "1")]], ids=["", "with trailers"])
    def test_content_of_every_kind_arrives(self, connect, body, content, length, trailers):
        """RFC 9113, 8.1: it ends with END_STREAM, on DATA or on the trailer section."""

        def script(peer):
            stream_id, section, received = want(peer, (":method", "POST"))
            assert received == content
            assert dict(section).get("content-length") == length
            if trailers:
                assert peer.want_headers(stream_id, end_stream=True) == trailers
            peer.write_response(stream_id, b"thanks")
            pong(peer)
            peer.want_nothing()

        connection = connect(lambda peer: (peer.handshake(), script(peer)))
        stream_id = connection.request("POST", "/", body(), trailers=trailers)
        assert connection.getresponse(stream_id).read() == b"thanks"
        connection.ping()

    def test_the_rest_of_a_file_arrives(self, connect, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(bytes(100_000))

        def script(peer):
            _, _, content = want(peer, ("content-length", "99999"))
            assert content == bytes(99_999)
            return 1

        connection = connect(
            lambda peer: (
                peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 1 << 20}),
                peer.write(wire.window_update(0, 1 << 20)),
                peer.write_response(script(peer)),
            )
        )
        with path.open("rb") as file:
            file.read(1)
            connection.request("PUT", "/", file)
        connection.getresponse()

    @pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("GET", None), ("HEAD", None)])
    def test_a_request_without_content_ends_with_its_headers(self, connect, method, length):
        """RFC 9110, 8.6: zero is said where content is expected; HEADERS end the stream."""

        def script(peer):
            section = peer.want_headers(end_stream=True)
            assert dict(section).get("content-length") == length
            return 1

        connection = connect(answered(script))
        connection.request(method, "/")
        connection.getresponse()

    def test_trailers_without_content(self, connect):
        def script(peer):
            peer.want_headers(1, end_stream=False)
            assert peer.want_headers(1, end_stream=True) == [("x-a", "1"), ("x-a", "2")]
            return 1

        connection = connect(answered(script))
        connection.request("GET", "/", trailers=[("X-A", "1"), ("x-a", "2")])
        connection.getresponse()

    def test_goes_out_as_the_server_makes_room(self, connect):
        """RFC 9113, 6.9: never more than both windows allow."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 5})
            pong(peer)
            peer.want_headers(1)
            assert peer.want_data(1) == b"01234"
            peer.fence()
            peer.want_nothing()
            peer.write(wire.window_update(1, 3))
            assert peer.want_data(1, end_stream=False) == b"567"
            peer.write(wire.window_update(1, 100))
            assert peer.want_data(1, end_stream=True) == b"89"
            peer.write_response(1)

        connection = connect(script)
        connection.ping()  # the settings are known
        connection.request("POST", "/", b"0123456789")
        assert connection.getresponse().status == 200

    def test_the_connections_window_holds_content_up(self, connect):
        """RFC 9113, 6.9.1."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 1 << 20})
            pong(peer)
            peer.want_headers(1)
            received = b""
            while len(received) < 65535:
                received += peer.want_data(1)
            assert len(received) == 65535
            peer.fence()
            peer.want_nothing()
            peer.write(wire.window_update(0, 1))
            assert peer.want_data(1, end_stream=False) == b"x"
            peer.write(wire.window_update(0, 1000))
            assert peer.want_data(1, end_stream=True) == b"x" * 464
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        connection.request("POST", "/", b"x" * 66000)
        assert connection.getresponse().status == 200

    def test_a_window_may_become_negative(self, connect):
        """RFC 9113, 6.9.2: then nothing goes out until it is positive again."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 100})
            pong(peer)
            peer.want_headers(1)
            assert len(peer.want_data(1)) == 100
            peer.write_settings({SETTINGS_INITIAL_WINDOW_SIZE: 10})  # 0 becomes -90
            peer.want_settings(ack=True)
            peer.write(wire.window_update(1, 90))
            peer.fence()
            peer.want_nothing()
            peer.write(wire.window_update(1, 5))
            assert len(peer.want_data(1)) == 5
            peer.write_settings({SETTINGS_INITIAL_WINDOW_SIZE: 1000})
            assert len(peer.want_data(1, end_stream=True)) == 95
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        connection.request("POST", "/", bytes(200))
        assert connection.getresponse().status == 200

    def test_frames_are_as_large_as_the_server_takes(self, connect):
        """RFC 9113, 4.2."""

        def script(peer):
            peer.handshake({wire.SETTINGS_MAX_FRAME_SIZE: 20000})
            pong(peer)
            _, _, content = want(peer)
            sizes = [len(frame.payload) for frame in peer.frames if frame.type == wire.DATA]
            assert max(sizes) == 20000
            assert len(content) == 50000
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        connection.request("POST", "/", bytes(50000))
        connection.getresponse()


WRONG_BODIES = {
    "a body longer than announced": ([b"abc", b"def"], "5", LocalProtocolError, "more than"),
    "a body shorter than announced": ([b"abc"], "5", LocalProtocolError, "3 of the 5"),
    "text beyond latin-1": ([b"abc", "\u20ac"], None, LocalProtocolError, "latin-1"),
    "a piece that is no octets": ([b"abc", 5], None, TypeError, "bytes-like"),
}


def endless(asked):
    """Content without an end, of which all but the beginning waits for an event."""
    yield b"x" * 100
    asked.wait(10)
    while True:
        yield b"x" * 1000


class TestBrokenOff:
    """A request that cannot be finished resets its stream; the connection lives on."""

    @pytest.mark.parametrize(
        ("body", "length", "error", "words"), WRONG_BODIES.values(), ids=WRONG_BODIES
    )
    @pytest.mark.parametrize("trailers", [None, {"x-a": "1"}], ids=["", "with trailers"])
    def test_by_a_wrong_body(self, connect, body, length, error, words, trailers):
        """RFC 9113, 8.1.1."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            assert peer.want_data(1, end_stream=False) == b"abc"
            peer.want_rst(1, CANCEL)
            assert want(peer)[0] == 3
            peer.write_response(3, b"alive")

        connection = connect(script)
        headers = {"content-length": length} if length else {}
        with pytest.raises(error, match=words):
            connection.request("POST", "/", body, headers, trailers=trailers)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"alive"

    def test_by_a_generator_that_raises(self, connect):
        def body():
            yield b"abc"
            raise KeyError("the caller's own")

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1, b"abc", end_stream=False)
            peer.want_rst(1, CANCEL)
            assert want(peer)[0] == 3
            peer.write_response(3, b"alive")

        connection = connect(script)
        with pytest.raises(KeyError, match="the caller's own"):
            connection.request("POST", "/", body())
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"alive"

    def test_by_an_answer_that_needs_no_more(self, connect):
        """RFC 9113, 8.1: RST_STREAM with NO_ERROR after a whole response; no response is lost."""
        asked = threading.Event()

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1)
            peer.write_response(1, b"enough", [(":status", "413")])
            peer.write(wire.rst_stream(1, wire.NO_ERROR))
            asked.set()

        connection = connect(script)
        stream_id = connection.request("POST", "/", endless(asked))
        response = connection.getresponse(stream_id)
        assert response.status == 413
        assert response.read() == b"enough"

    def test_by_a_reset_of_the_server(self, connect):
        """`request` ends silently, `getresponse` tells."""
        asked = threading.Event()

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1)
            peer.write(wire.rst_stream(1, wire.ENHANCE_YOUR_CALM))
            asked.set()

        connection = connect(script)
        stream_id = connection.request("POST", "/", endless(asked))
        with pytest.raises(ConnectionResetError, match="ENHANCE_YOUR_CALM"):
            connection.getresponse(stream_id)


REFUSED = {
    "CR in a value": ({"headers": {"x": "a\rb"}}, ValueError),
    "LF in a value": ({"headers": {"x": "a\nb"}}, ValueError),
    "CRLF in a value": ({"headers": {"x": "a\r\nx-injected: 1"}}, ValueError),
    "NUL in a value": ({"headers": {"x": b"a\x00b"}}, ValueError),
    "a value beyond latin-1": ({"headers": {"x": "\u20ac"}}, ValueError),
    "a value of no kind": ({"headers": {"x": None}}, TypeError),
    "CR in a name": ({"headers": {"a\rb": "1"}}, ValueError),
    "LF in a name": ({"headers": {"a\nb": "1"}}, ValueError),
    "NUL in a name": ({"headers": {"a\x00b": "1"}}, ValueError),
    "space in a name": ({"headers": {"a b": "1"}}, ValueError),
    "colon in a name": ({"headers": {"a:b": "1"}}, ValueError),
    "a pseudo-header field": ({"headers": {":path": "/other"}}, ValueError),
    "an empty name": ({"headers": {"": "1"}}, ValueError),
    "a name beyond ASCII": ({"headers": {"caf\xe9": "1"}}, ValueError),
    "CR in a trailer": ({"trailers": {"x": "a\rb"}}, ValueError),
    "a pseudo-header field as a trailer": ({"trailers": {":status": "200"}}, ValueError),
    "space in the method": ({"method": "GET /"}, ValueError),
    "CRLF in the method": ({"method": "GET\r\n"}, ValueError),
    "an empty method": ({"method": ""}, ValueError),
    "a method beyond ASCII": ({"method": "GE\u0422"}, ValueError),
    "space in the target": ({"url": "/a b"}, InvalidURL),
    "CRLF in the target": ({"url": "/a\r\nx: 1"}, InvalidURL),
    "NUL in the target": ({"url": "/a\x00"}, InvalidURL),
    "a target beyond ASCII": ({"url": "/caf\xe9"}, InvalidURL),
    "space in the authority": ({"url": "https://a b/"}, InvalidURL),
    "LF in Host": ({"headers": {"host": "a\nb"}}, ValueError),
    "space in Host": ({"headers": {"host": "a b"}}, (ValueError, InvalidURL)),
    "a length that is no number": ({"headers": {"content-length": "5a"}}, ValueError),
    "a negative length": ({"headers": {"content-length": "-5"}}, ValueError),
    "two lengths": ({"headers": [("content-length", "5"), ("content-length", "6")]}, ValueError),
    "a length without content": ({"headers": {"content-length": "5"}}, ValueError),
    "content shorter than its length": (
        {"body": b"abc", "headers": {"content-length": "5"}},
        ValueError,
    ),
    "text beyond latin-1": ({"body": "\u20ac"}, ValueError),
    "no body at all": ({"body": 5}, TypeError),
}


@pytest.mark.parametrize(("request_", "error"), REFUSED.values(), ids=REFUSED)
def test_refused_before_an_octet_leaves(connect, request_, error):
    """RFC 9113, 8.2.1 and 10.3; RFC 9110, 9.1: of what is refused the server sees nothing."""

    def script(peer):
        peer.handshake()
        for stream_id in (1, 3):
            assert want(peer)[0] == stream_id
            peer.write_response(stream_id)
        pong(peer)
        peer.want_nothing()

    connection = connect(script)
    connection.request("GET", "/")
    connection.getresponse()
    with pytest.raises(error) as caught:
        connection.request(**{"method": "GET", "url": "/", **request_})
    assert not isinstance(caught.value, OSError)
    connection.request("GET", "/")
    connection.getresponse()
    connection.ping()


def test_cork_sends_requests_together(connect):
    """Twenty requests in one write reach the server as one piece."""

    def script(peer):
        peer.handshake()
        pong(peer)
        ids = [want(peer)[0] for _ in range(20)]
        assert ids == list(range(1, 41, 2))
        for stream_id in reversed(ids):
            peer.write_response(stream_id, b"%d" % stream_id)

    connection = connect(script)
    connection.ping()
    with connection.cork(), connection.cork():
        ids = [connection.request("GET", "/") for _ in range(20)]
    for stream_id in ids:
        assert connection.getresponse(stream_id).read() == b"%d" % stream_id


def test_content_in_memory_leaves_in_one_write_with_its_header_section(connect, monkeypatch):
    def script(peer):
        peer.handshake()
        pong(peer)
        assert want(peer)[2] == b"content"
        peer.write_response(1)

    connection = connect(script)
    connection.ping()
    writes = []
    send = PlainTransport.send
    monkeypatch.setattr(
        PlainTransport, "send", lambda self, octets: writes.append(octets) or send(self, octets)
    )
    connection.request("POST", "/", b"content")
    assert len(writes) == 1
    assert connection.getresponse().status == 200
