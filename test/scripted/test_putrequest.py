"""Requests in pieces: putrequest, putheader, endheaders, send."""

from __future__ import annotations

from http.client import CannotSendHeader, InvalidURL

import pytest

from hyper.errors import LocalProtocolError
from hyper.testing.wire import CANCEL
from test.scripted.steps import answered, pieces, pong, want


class TestPiecewise:
    def test_as_http_clients_users_write_it(self, connect):
        def script(peer):
            stream_id, _, content = want(
                peer,
                (":method", "POST"),
                (":path", "/upload"),
                ("x-list", "a, b, 3"),
                ("x-a", "1"),
                ("x-a", "2"),
            )
            assert content == b"content"
            return stream_id

        connection = connect(answered(script))
        stream_id = connection.putrequest("POST", "/upload")
        connection.putheader("X-List", "a", b"b", 3)
        connection.putheader("X-A", "1")
        connection.putheader("X-A", "2")
        connection.endheaders()
        connection.send(b"con")
        connection.send(pieces(b"te", "nt"), final=True)
        assert connection.getresponse(stream_id).status == 200

    def test_the_body_with_the_headers(self, connect):
        def script(peer):
            stream_id, _, content = want(peer)
            assert content == b"content"
            return stream_id

        connection = connect(answered(script))
        connection.putrequest("POST", "/")
        connection.endheaders(b"content", final=True)
        assert connection.getresponse().status == 200

    def test_final_headers_end_the_request(self, connect):
        def script(peer):
            peer.want_headers(end_stream=True)
            return 1

        connection = connect(answered(script))
        connection.putrequest("GET", "/")
        connection.endheaders(final=True)
        assert connection.getresponse().status == 200

    def test_getresponse_ends_what_was_never_called_final(self, connect):
        def script(peer):
            stream_id, section, content = want(peer)
            assert content == b"content"
            assert "content-length" not in dict(section)
            return stream_id

        connection = connect(answered(script))
        connection.putrequest("POST", "/")
        connection.endheaders()
        connection.send(b"content")
        assert connection.getresponse().status == 200

    def test_trailers_end_the_request(self, connect):
        def script(peer):
            stream_id, _, content = want(peer)
            assert content == b"content"
            assert peer.want_headers(stream_id, end_stream=True) == [("x-digest", "1")]
            return stream_id

        connection = connect(answered(script))
        connection.putrequest("POST", "/")
        connection.endheaders()
        connection.send("content")
        connection.send_trailers({"X-Digest": 1})
        with pytest.raises(LocalProtocolError, match="no request of stream 1 is open"):
            connection.send(b"more")
        assert connection.getresponse().status == 200

    def test_full_duplex(self, connect):
        """With final=False the response is read while the request goes on (8.1)."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.write_headers(1, [(":status", "200")])
            for _ in range(3):
                peer.write_data(1, b"echo " + peer.want_data(1, end_stream=False))
            peer.want_data(1, b"", end_stream=True)
            peer.write_data(1, end_stream=True)

        connection = connect(script)
        connection.putrequest("POST", "/")
        connection.endheaders(final=False)
        response = connection.getresponse()
        for word in (b"one", b"two", b"three"):
            connection.send(word, stream_id=1)
            assert response.read1() == b"echo " + word
        connection.send(b"", final=True, stream_id=1)
        assert response.read() == b""

    def test_several_at_once(self, connect):
        """The one begun first may be sent last: it keeps the id that its caller knows."""

        def script(peer):
            peer.handshake()
            paths = {}
            for _ in range(3):
                stream_id, section, content = want(peer)
                paths[dict(section)[":path"]] = stream_id
                peer.write_response(stream_id, dict(section)[":path"].encode() + content)
            assert list(paths) == ["/second", "/third", "/first"]
            assert list(paths.values()) == sorted(paths.values())

        connection = connect(script)
        first = connection.putrequest("POST", "/first")
        second = connection.putrequest("POST", "/second")
        connection.putheader("x-a", "1", stream_id=first)
        connection.endheaders(b"!", final=True, stream_id=second)
        third = connection.request("GET", "/third")
        connection.endheaders(b"?", final=True, stream_id=first)
        assert len({first, second, third}) == 3
        assert connection.getresponse(first).read() == b"/first?"
        assert connection.getresponse(third).read() == b"/third"
        assert connection.getresponse(second).read() == b"/second!"

    def test_out_of_order(self, connect):
        """As http.client raises, with no octet sent."""

        def script(peer):
            peer.handshake()
            pong(peer)
            pong(peer)
            peer.want_nothing()

        connection = connect(script)
        connection.ping()
        for call in (
            lambda: connection.putheader("x", "1"),
            connection.endheaders,
        ):
            with pytest.raises(CannotSendHeader):
                call()
        with pytest.raises(LocalProtocolError, match="putrequest"):
            connection.send(b"content")
        with pytest.raises(LocalProtocolError, match="putrequest"):
            connection.send_trailers({"x": "1"})
        with pytest.raises(ValueError, match="method"):
            connection.putrequest("G T", "/")
        with pytest.raises(InvalidURL):
            connection.putrequest("GET", "/a b")
        connection.putrequest("GET", "/")
        with pytest.raises(ValueError, match="header value"):
            connection.putheader("x", "a\nb")
        connection.ping()

    def test_wrong_length(self, connect):
        """RFC 9113, 8.1.1."""

        def script(peer):
            peer.handshake()
            for stream_id in (1, 3):
                peer.want_headers(stream_id)
                if stream_id == 1:
                    peer.want_data(1, b"abc")
                peer.want_rst(stream_id, CANCEL)

        connection = connect(script)
        connection.putrequest("POST", "/")
        connection.putheader("content-length", 5)
        connection.endheaders()
        connection.send(b"abc")
        with pytest.raises(LocalProtocolError, match="3 of the 5"):
            connection.getresponse()
        connection.putrequest("POST", "/")
        connection.putheader("content-length", 5)
        connection.endheaders()
        with pytest.raises(LocalProtocolError, match="6 more than the 5"):
            connection.send(b"abcdef")
