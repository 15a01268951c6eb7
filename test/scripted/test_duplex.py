"""Content that depends on the answer, and answers that come before the request is whole."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead, ResponseNotReady

import pytest

from hyper.client.registry import MAX_ANSWERED_EARLY
from hyper.errors import LocalProtocolError
from hyper.testing import wire
from hyper.testing.wire import CANCEL, SETTINGS_INITIAL_WINDOW_SIZE
from test.scripted.steps import SHORT, echoing, pong, set_timeout, want

OK = [(":status", "200")]


class TestContentThatDependsOnTheAnswer:
    """RFC 9113, 8.1: the two halves of a stream end each for itself."""

    def test_an_iterable_that_reads_the_response(self, connect):
        connection = connect(echoing)
        heard = []

        def body():
            yield b"first"
            response = connection.getresponse()
            heard.append(response.read(5))
            yield heard[-1] + b" second"
            heard.append(response.read(12))
            yield heard[-1] + b" third"
            heard.append(response)

        connection.request("POST", "/", body())
        response = heard.pop()
        assert heard == [b"first", b"first second"]
        assert response.read() == b"first second third"
        assert response.gettrailers() == [("x-end", "yes")]

    def test_an_iterable_while_another_thread_reads(self, connect):
        connection = connect(echoing)
        begun, answered = threading.Event(), threading.Event()

        def body():
            yield b"first"
            begun.set()
            assert answered.wait(10)
            yield b"second"
            yield b"third"

        def read():
            assert begun.wait(10)
            response = connection.getresponse()
            first = response.read(5)
            answered.set()
            return first, response.read()

        with ThreadPoolExecutor(1) as threads:
            heard = threads.submit(read)
            connection.request("POST", "/", body())
            assert heard.result(10) == (b"first", b"secondthird")

    def test_an_iterable_that_raises_ends_the_response(self, connect):
        taken = []

        def body():
            yield b"first"
            taken.append(connection.getresponse())
            raise KeyError("the caller's own")

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1, b"first")
            peer.write_headers(1, OK)
            peer.want_rst(1, CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        with pytest.raises(KeyError):
            connection.request("POST", "/", body())
        with pytest.raises(IncompleteRead):
            taken[0].read()
        with pytest.raises(ResponseNotReady):
            connection.getresponse()
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    @pytest.mark.parametrize("order", ["sgs", "gss", "ssg"])
    def test_pieces_and_the_response_in_any_order(self, connect, order):
        """s: send; g: getresponse."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.write_headers(1, OK)
            peer.write_data(1, peer.want_data(1))
            peer.write_data(1, peer.want_data(1))
            assert peer.want_data(1, end_stream=True) == b""
            peer.write_data(1, b"whole", end_stream=True)

        connection = connect(script)
        stream_id = connection.putrequest("POST", "/")
        connection.endheaders(final=False)
        for verb in order:
            if verb == "s":
                connection.send(b"piece", stream_id=stream_id)
            else:
                response = connection.getresponse(stream_id)
        assert response.read(10) == b"piecepiece"
        connection.send(b"", final=True, stream_id=stream_id)
        assert response.read() == b"whole"
        with pytest.raises(LocalProtocolError, match="is open"):
            connection.send(b"more", stream_id=stream_id)


class TestEarlyAnswers:
    """RFC 9113, 8.1: a server may answer before it has seen all, and want no more."""

    @pytest.mark.parametrize("length", [(), (1000,)], ids=["", "content-length"])
    def test_an_early_answer_to_a_request_in_pieces_is_not_lost(self, connect, length):
        """Content that is still sent is dropped; nothing is raised, and no answer lost."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1)
            peer.write_response(1, b"enough", [(":status", "413")])
            peer.write(wire.rst_stream(1, wire.NO_ERROR))
            pong(peer)

        connection = connect(script)
        stream_id = connection.putrequest("POST", "/")
        for size in length:
            connection.putheader("content-length", size)
        connection.endheaders()
        connection.send(b"piece")
        connection.ping()
        for _ in range(3):
            connection.send(b"piece")
        response = connection.getresponse(stream_id)
        assert (response.status, response.read()) == (413, b"enough")

    def test_requests_that_nobody_ends_are_forgotten(self, connect):
        count = MAX_ANSWERED_EARLY + 5

        def script(peer):
            peer.handshake()
            for _ in range(count):
                peer.want_headers()
                stream_id = peer.last.stream_id
                peer.write_response(stream_id)
                peer.write(wire.rst_stream(stream_id, wire.NO_ERROR))
            pong(peer)

        connection = connect(script)
        for _ in range(count):
            stream_id = connection.putrequest("POST", "/")
            connection.endheaders(final=False)
            connection.getresponse(stream_id).read()
        connection.ping()
        assert len(connection._registry._entries) <= MAX_ANSWERED_EARLY + 2

    @pytest.mark.parametrize("known", [True, False])
    def test_from_a_server_that_just_stops_reading(self, connect, known):
        """The answer is given when the time to send is over; the stream is reset."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 10})
            pong(peer)
            peer.want_headers(1)
            peer.want_data(1)
            peer.write_response(1, b"no, thank you", [(":status", "403")])
            peer.want_rst(1, CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        with set_timeout(connection, SHORT):
            connection.request("POST", "/", bytes(100) if known else iter([bytes(100)]))
        response = connection.getresponse()
        assert (response.status, response.read()) == (403, b"no, thank you")
        connection.request("GET", "/")
        connection.getresponse()
