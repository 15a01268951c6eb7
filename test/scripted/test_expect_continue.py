"""Expect: 100-continue (RFC 9110, 10.1.1)."""

from __future__ import annotations

import io

import pytest

import hyper
from hyper.errors import StreamResetError
from hyper.testing import wire
from hyper.testing.wire import CANCEL
from test.scripted.steps import SHORT, set_timeout, want

OK = [(":status", "200")]


def refusing(content):
    """Answer a request that waits for 100 (Continue) with 417 and this content, then a second."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1, end_stream=False)
        peer.write_headers(1, [(":status", "417")], end_stream=not content)
        if content:
            peer.fence()
            peer.want_nothing()
            peer.write_data(1, content, end_stream=True)
        peer.want_rst(1, CANCEL)
        want(peer)
        peer.write_response(3)

    return script


def untouched():
    """A body that must not be read."""
    raise AssertionError("the body was asked for")
    yield


class TestExpectContinue:
    """RFC 9110, 10.1.1."""

    HEADERS = (("expect", "100-continue"),)

    def test_content_goes_out_after_100(self, connect):
        def script(peer):
            peer.handshake()
            assert ("expect", "100-continue") in peer.want_headers(1, end_stream=False)
            peer.write_headers(1, [(":status", "103")])
            peer.fence()
            peer.want_nothing()
            peer.write_headers(1, [(":status", "100")])
            assert peer.want_body(1) == b"content"
            peer.write_response(1)

        connection = connect(script, continue_timeout=None)
        connection.request("POST", "/", b"content", self.HEADERS)
        response = connection.getresponse()
        assert [status for status, _ in response.informational] == [103, 100]

    @pytest.mark.parametrize("content", [b"", b"c" * 100_000], ids=["no content", "content"])
    def test_a_final_status_means_that_it_is_not_wanted(self, connect, content):
        """The body is not touched, the response is whole, and then the stream is reset."""
        connection = connect(refusing(content))
        connection.request("POST", "/", untouched(), self.HEADERS)
        response = connection.getresponse()
        assert response.status == 417
        assert response.read() == content
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_a_good_answer_may_begin_before_the_content(self, connect):
        """From a server that sends back what it reads, say."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.write_headers(1, OK)
            peer.write_data(1, peer.want_body(1), end_stream=True)

        connection = connect(script, continue_timeout=None)
        connection.request("POST", "/", b"content", self.HEADERS)
        assert connection.getresponse().read() == b"content"

    def test_without_an_answer_content_goes_out_all_the_same(self, connect):
        def script(peer):
            peer.handshake()
            assert want(peer)[2] == b"content"
            peer.write_response(1)

        connection = connect(script, continue_timeout=SHORT)
        connection.request("POST", "/", b"content", self.HEADERS)
        assert connection.getresponse().status == 200

    def test_the_wait_is_within_the_connection_s_timeout(self, connect):
        def script(peer):
            peer.handshake()
            assert want(peer)[2] == b"content"
            peer.write_response(1)

        connection = connect(script, continue_timeout=1000, timeout=SHORT)
        connection.connect()
        connection.request("POST", "/", b"content", self.HEADERS)
        with set_timeout(connection, 10):
            assert connection.getresponse().status == 200

    def test_a_reset_instead_of_an_answer(self, connect):
        """`request` ends silently, as with every reset; `getresponse` tells."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))

        connection = connect(script, replay=False)
        stream_id = connection.request("POST", "/", b"content", self.HEADERS)
        with pytest.raises(StreamResetError, match="REFUSED_STREAM") as caught:
            connection.getresponse(stream_id)
        assert caught.value.retryable

    def test_a_request_without_content_does_not_wait(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=True)
            peer.write_response(1)

        connection = connect(script, continue_timeout=None)
        connection.request("GET", "/", headers=self.HEADERS)
        connection.getresponse()

    @pytest.mark.parametrize("way", ["stream", "pieces", "endheaders"])
    def test_pieces_and_streams_wait_with_the_first_octets(self, connect, way):
        """And only with them: what comes after goes out at once."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.fence()
            peer.want_nothing()
            peer.write_headers(1, [(":status", "100")])
            assert peer.want_body(1) == b"firstsecond"
            peer.write_response(1)

        connection = connect(script, continue_timeout=None)
        if way == "stream":
            with connection.open_stream("POST", "/", self.HEADERS) as stream:
                assert stream.write(b"first") == 5
                assert [status for status, _ in stream.informational] == [100]
                stream.write(b"second")
                stream.close_write()
                assert stream.status == 200
            return
        connection.putrequest("POST", "/")
        connection.putheader("Expect", "100-continue")
        connection.endheaders(b"first" if way == "endheaders" else None)
        if way == "pieces":
            connection.send(b"first")
        connection.send(b"second", final=True)
        response = connection.getresponse()
        assert [status for status, _ in response.informational] == [100]

    @pytest.mark.parametrize("way", ["stream", "pieces", "endheaders"])
    @pytest.mark.parametrize("content", [b"", b"why"], ids=["no content", "content"])
    def test_pieces_and_streams_learn_of_a_final_status_too(self, connect, way, content):
        """The content is withheld, and its length not missed; then the stream is reset."""
        connection = connect(refusing(content))
        headers = [*self.HEADERS, ("content-length", "10")]
        if way == "stream":
            response = connection.open_stream("POST", "/", headers)
            assert response.write(b"0123456789") == 0
            assert not response.writable()
            response.close_write()
        else:
            connection.putrequest("POST", "/")
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(untouched() if way == "endheaders" else None)
            if way == "pieces":
                connection.send(untouched(), final=True)
            response = connection.getresponse()
        assert response.status == 417
        assert response.read() == content
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_pieces_and_streams_do_not_wait_for_ever(self, connect):
        def script(peer):
            peer.handshake()
            for stream_id in (1, 3):
                assert peer.want_request(stream_id)[2] == b"content"
                peer.write_response(stream_id)

        connection = connect(script, continue_timeout=SHORT)
        stream = connection.open_stream("POST", "/", self.HEADERS)
        stream.write(b"content")
        stream.close_write()
        assert stream.status == 200
        connection.putrequest("POST", "/")
        connection.putheader("expect", "100-continue")
        connection.endheaders(b"content")
        assert connection.getresponse().status == 200

    def test_the_drop_in_does_not_wait_as_http_client_does_not(self, scripted_peer):
        def script(peer):
            peer.handshake()
            assert want(peer, ("expect", "100-continue"))[2] == b"content"
            peer.write_response(1)

        peer = scripted_peer(script)
        connection = hyper.HTTPConnection(peer.host, peer.port, timeout=10, http2="prior")
        connection.request("POST", "/", b"content", dict(self.HEADERS))
        assert connection.getresponse().status == 200
        connection.close()

    @pytest.mark.parametrize(
        "way",
        ["request", "trailers", "trailers alone", "file", "list", "pieces", "pieces of no length"],
    )
    def test_empty_content_is_not_held_back(self, connect, way):
        """RFC 9110, 10.1.1: the expectation is about content."""

        def script(peer):
            peer.handshake()
            stream_id, fields, content = want(peer)
            assert content == b""
            # "A client MUST NOT generate" it without content, if that is known beforehand.
            assert (("expect", "100-continue") in fields) == way.startswith("pieces")
            peer.write_response(stream_id)

        # A wait would last until the peer gives up.
        connection = connect(script, continue_timeout=None, timeout=None)
        if way.startswith("pieces"):
            headers = {"content-length": "0", **dict(self.HEADERS)}
            if way == "pieces of no length":
                del headers["content-length"]
            stream_id = connection.putrequest("PUT", "/")
            for name, value in headers.items():
                connection.putheader(name, value, stream_id=stream_id)
            connection.endheaders(b"", final=True, stream_id=stream_id)
        else:
            trailers = {"x-trailer": "1"} if way.startswith("trailers") else None
            body = {"file": io.BytesIO(), "list": [], "trailers alone": None}.get(way, b"")
            connection.request("PUT", "/", body, dict(self.HEADERS), trailers=trailers)
        assert connection.getresponse().status == 200
