"""Both ways at once: requests whose content depends on the answer, answers that come before the
request is whole, Expect: 100-continue, streams like files, and priorities.
"""

from __future__ import annotations

import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead, ResponseNotReady

import pytest

import hyper
from hyper import HTTP20Stream, Priority
from hyper.client.putrequest import MAX_ANSWERED_EARLY
from hyper.errors import LocalProtocolError, StreamResetError
from test import wire
from test.scripted.script import pong, want
from test.scripted.test_waiting import SHORT, patience
from test.wire import CANCEL, SETTINGS_INITIAL_WINDOW_SIZE, SETTINGS_NO_RFC7540_PRIORITIES

OK = [(":status", "200")]


def echo(peer, stream_id=1, count=3):
    """Send DATA back as it comes, `count` frames of it, then what ends the stream."""
    peer.want_headers(stream_id, end_stream=False)
    peer.write_headers(stream_id, OK)
    for _ in range(count):
        peer.write_data(stream_id, peer.want_data(stream_id, end_stream=False))
    assert peer.want_data(stream_id, end_stream=True) == b""
    peer.write_headers(stream_id, [("x-end", "yes")], end_stream=True)


def echoing(peer):
    peer.handshake()
    echo(peer)


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

    def test_an_iterable_that_raises_ends_the_response_too(self, connect):
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
    def test_of_a_request_in_pieces(self, connect, length):
        """What is still sent is dropped; nothing is raised, and no answer lost."""

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
        assert len(connection._sending) <= MAX_ANSWERED_EARLY + 2

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
        with patience(connection, SHORT):
            connection.request("POST", "/", bytes(100) if known else iter([bytes(100)]))
        response = connection.getresponse()
        assert (response.status, response.read()) == (403, b"no, thank you")
        connection.request("GET", "/")
        connection.getresponse()


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

    @pytest.mark.parametrize("way", ["request", "trailers", "pieces", "pieces of no length"])
    def test_empty_content_is_not_held_back(self, connect, way):
        """RFC 9110, 10.1.1: the expectation is about content."""

        def script(peer):
            peer.handshake()
            stream_id, _, content = want(peer, ("expect", "100-continue"))
            assert content == b""
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
            trailers = {"x-trailer": "1"} if way == "trailers" else None
            connection.request("PUT", "/", b"", dict(self.HEADERS), trailers=trailers)
        assert connection.getresponse().status == 200

    @pytest.mark.parametrize("content", [b"", b"c" * 100_000], ids=["no content", "content"])
    def test_a_final_status_means_that_it_is_not_wanted(self, connect, content):
        """The body is not touched, the response is whole, and then the stream is reset."""

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

        def body():
            raise AssertionError("the body was asked for")
            yield

        connection = connect(script)
        connection.request("POST", "/", body(), self.HEADERS)
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
        with patience(connection, 10):
            assert connection.getresponse().status == 200

    def test_a_reset_instead_of_an_answer(self, connect):
        """`request` ends silently, as with every reset; `getresponse` tells."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))

        connection = connect(script)
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
    def test_other_doors_wait_with_the_first_octets(self, connect, way):
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
    def test_other_doors_learn_of_a_final_status(self, connect, way, content):
        """The content is withheld, and its length not missed; then the stream is reset."""

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

        def body():
            raise AssertionError("the body was asked for")
            yield

        connection = connect(script)
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
            connection.endheaders(body() if way == "endheaders" else None)
            if way == "pieces":
                connection.send(body(), final=True)
            response = connection.getresponse()
        assert response.status == 417
        assert response.read() == content
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_other_doors_do_not_wait_for_ever(self, connect):
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


class TestStream:
    """open_stream: an object like a file."""

    def test_writes_and_reads_in_turn(self, connect):
        connection = connect(echoing)
        with connection.open_stream("POST", "/") as stream:
            for octets in (b"one", b"two", b"three"):
                assert stream.write(octets) == len(octets)
                assert stream.read(len(octets)) == octets
            assert stream.written == 11
            stream.close_write()
            stream.close_write()
            assert stream.read(10) == b""
            assert stream.trailers["x-end"] == "yes"
            assert (stream.status, stream.stream_id) == (200, 1)
            assert repr(stream) == "<HTTP20Stream 1>"
        assert stream.closed
        assert stream.status == 200
        assert stream.trailers["x-end"] == "yes"

    def test_what_it_asks_for(self, connect):
        """Nothing is announced, offered or decoded but what is given."""

        def script(peer):
            peer.handshake()
            section = peer.want_headers(1, end_stream=False)
            assert section[4:] == [("x-a", "1"), ("priority", "u=1, i")]
            peer.write_headers(1, [*OK, ("content-encoding", "gzip")])
            peer.write_data(1, b"no gzip", end_stream=True)

        connection = connect(script)
        stream = connection.open_stream("POST", "/", {"x-a": "1"}, priority=Priority(1, True))
        assert stream.headers["content-encoding"] == "gzip"
        assert stream.read() == b"no gzip"
        stream.close()

    def test_all_ways_to_read(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, [(":status", "103"), ("link", "</a>")])
            peer.write_headers(1, OK)
            peer.write_data(1, b"line\nli")
            peer.write_data(1, b"ne\nrest")
            peer.write_data(1, b"piece")
            peer.write_data(1, b"last", end_stream=True)

        stream = connect(script).open_stream("GET", "/")
        assert stream.readline() == b"line\n"
        assert stream.readline(2) == b"li"
        assert stream.readline() == b"ne\n"
        assert stream.read1(2) == b"re"
        buffer = bytearray(2)
        assert stream.readinto(buffer) == 2
        assert buffer == b"st"
        assert list(stream) == [b"piece", b"last"]
        assert stream.read() == stream.read1() == b""
        assert [(status, fields["link"]) for status, fields in stream.informational] == [
            (103, "</a>")
        ]

    def test_one_thread_writes_and_another_reads(self, connect):
        """More each way than any window, from a peer that reads as it writes."""
        content = bytes(range(256)) * 8192

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            left = len(content)
            window = peer.client_settings[wire.SETTINGS_INITIAL_WINDOW_SIZE]
            while left:
                octets = peer.want_data(1)
                size = len(octets)
                left -= size
                while window < size:
                    window += peer.want_window_update(1)
                window -= size
                peer.write(wire.window_update(0, size) + wire.window_update(1, size))
                peer.write_data(1, octets)
            peer.want_data(1, b"", end_stream=True)
            peer.write_data(1, b"", end_stream=True)

        stream = connect(script).open_stream("POST", "/")
        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(lambda: (stream.write(content), stream.close_write()))
            assert stream.read() == content
            writing.result(10)

    def test_two_threads_that_ask_for_the_head_get_one_response(self, connect):
        go_on = threading.Event()

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            assert go_on.wait(10)
            peer.write_response(1, b"content")

        stream = connect(script).open_stream("POST", "/")
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(lambda: stream.status) for _ in range(8)]
            go_on.set()
            assert [asking.result(10) for asking in asked] == [200] * 8
        assert stream.read() == b"content"
        stream.close()

    def test_trailers_end_the_request(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1, b"content", end_stream=False)
            assert peer.want_headers(1, end_stream=True) == [("x-sent", "1")]
            peer.write_response(1)

        stream = connect(script).open_stream("POST", "/")
        stream.write(b"content")
        stream.write_trailers({"X-Sent": 1})
        assert not stream.writable()
        for verb in (stream.write, stream.write_trailers):
            with pytest.raises(LocalProtocolError, match="already ended"):
                verb(b"" if verb == stream.write else {"x-a": "1"})
        assert stream.status == 200

    @pytest.mark.parametrize("way", ["close", "with", "drop", "cancel"])
    def test_ending_it_early_resets_it_and_nothing_else(self, connect, way):
        """RFC 9113, 5.4.2."""
        code = wire.INTERNAL_ERROR if way == "cancel" else CANCEL

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.write_data(1, b"content")
            peer.want_rst(1, code)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        stream = connection.open_stream("POST", "/")
        assert stream.read(7) == b"content"
        if way == "close":
            stream.close()
            stream.close()
        elif way == "cancel":
            stream.cancel(wire.INTERNAL_ERROR)
            with pytest.raises(StreamResetError, match="cancelled on this side"):
                stream.read()
            with pytest.raises(StreamResetError, match="cancelled on this side"):
                stream.write(b"x")
        elif way == "with":
            with pytest.raises(KeyError), stream:
                raise KeyError
        else:
            del stream
            gc.collect()
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_nothing_is_sent_for_one_whose_halves_have_ended(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1, b"", end_stream=True)
            peer.write_response(1, b"whole")
            pong(peer)
            peer.want_nothing()

        connection = connect(script)
        with connection.open_stream("POST", "/") as stream:
            stream.close_write()
            assert stream.read() == b"whole"
        connection.ping()

    def test_after_close(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)

        stream = connect(script).open_stream("POST", "/")
        stream.close()
        for verb in (stream.read, stream.close_write, lambda: stream.write(b""), stream.__iter__):
            with pytest.raises(ValueError, match="closed"):
                next(verb()) if verb == stream.__iter__ else verb()
        with pytest.raises(ValueError, match="closed"):
            stream.status  # noqa: B018 - the question is what is tested

    def test_a_reset_is_told_to_who_reads_and_to_who_writes(self, connect):
        """As what it is, with what was read in vain behind it."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.write_data(1, b"part")
            peer.write(wire.rst_stream(1, wire.ENHANCE_YOUR_CALM))

        stream = connect(script).open_stream("POST", "/")
        with pytest.raises(StreamResetError) as caught:
            stream.read(100)
        assert caught.value.error_code == wire.ENHANCE_YOUR_CALM
        assert caught.value.__cause__.partial == b"part"
        for verb in (lambda: stream.write(b"x"), lambda: list(stream), lambda: stream.trailers):
            with pytest.raises(StreamResetError, match="ENHANCE_YOUR_CALM"):
                verb()
        stream.close_write()  # there is nothing to end, nor to complain of

    def test_a_reset_before_the_answer(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))

        stream = connect(script).open_stream("POST", "/")
        with pytest.raises(StreamResetError) as caught:
            stream.status  # noqa: B018 - the question is what is tested
        assert caught.value.retryable

    def test_the_connection_s_end_is_told(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.fence()
            peer.cut()

        stream = connect(script).open_stream("POST", "/")
        assert stream.status == 200
        with pytest.raises((ConnectionError, OSError)) as caught:
            stream.read()
        assert not isinstance(caught.value, IncompleteRead)

    def test_a_writer_learns_that_the_answer_needs_no_more(self, connect):
        """RFC 9113, 8.1: RST_STREAM with NO_ERROR is no error."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_data(1, b"enough")
            peer.write_response(1, b"thank you")
            peer.write(wire.rst_stream(1, wire.NO_ERROR))
            pong(peer)

        connection = connect(script)
        stream = connection.open_stream("POST", "/")
        assert stream.write(b"enough") == 6
        assert stream.read() == b"thank you"
        connection.ping()
        assert not stream.writable()
        assert stream.write(b"more") == 0
        stream.close_write()
        stream.close()

    def test_timeouts_are_its_own_and_harm_nothing(self, connect):
        go_on = threading.Event()

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 4})
            pong(peer)
            peer.want_headers(1)
            assert peer.want_data(1) == b"0123"
            assert go_on.wait(10)
            peer.write(wire.window_update(1, 100))
            assert peer.want_data(1) == b"456789"
            peer.write_response(1, b"content")

        connection = connect(script)
        connection.ping()
        stream = connection.open_stream("POST", "/")
        assert stream.timeout == connection.timeout
        stream.timeout = SHORT
        with pytest.raises(TimeoutError):
            stream.status  # noqa: B018 - the question is what is tested
        with pytest.raises(TimeoutError):
            stream.write(b"0123456789")
        assert stream.written == 4
        go_on.set()
        stream.timeout = 10
        assert stream.write(b"0123456789"[stream.written :]) == 6
        assert stream.status == 200
        stream.timeout = 5
        assert stream.read() == b"content"
        assert (stream.timeout, connection.timeout) == (5, 10)

    def test_more_or_less_than_was_announced(self, connect):
        """RFC 9113, 8.1.1: told before it is sent, and the stream goes on."""

        def script(peer):
            peer.handshake()
            assert want(peer, ("content-length", "5"))[2] == b"abcde"
            peer.write_response(1)

        stream = connect(script).open_stream("POST", "/", {"content-length": 5})
        stream.write(b"abc")
        with pytest.raises(LocalProtocolError, match="more than the 5"):
            stream.write(b"def")
        with pytest.raises(LocalProtocolError, match="3 of the 5"):
            stream.close_write()
        stream.write(memoryview(b"de"))
        stream.close_write()
        assert stream.status == 200

    def test_only_octets_are_written(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            assert peer.want_data(1) == b"\x01\0\0\0"
            peer.write_response(1)

        stream = connect(script).open_stream("POST", "/")
        for wrong in ("text", 5, None, [b"x"]):
            with pytest.raises(TypeError):
                stream.write(wrong)
        assert stream.write(memoryview(b"\x01\0\0\0").cast("i")) == 4
        assert stream.write(b"") == 0
        assert stream.status == 200
        stream.close()

    def test_the_io_module_wraps_it(self, connect):
        connection = connect(echoing)
        stream = connection.open_stream("POST", "/")
        text = io.TextIOWrapper(stream, encoding="utf-8", write_through=True)
        for line in ("eins\n", "zwei\n", "dr\u00fc\n"):
            text.write(line)
            text.flush()
            assert stream.readline().decode() == line
        stream.close_write()
        assert stream.readable()
        assert not stream.seekable()
        assert text.read() == ""
        text.close()
        assert stream.closed

    def test_refused_before_anything_is_sent(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_response(1)

        connection = connect(script)
        for wrong in (
            lambda: connection.open_stream("GET", "/a b"),
            lambda: connection.open_stream("GET /", "/"),
            lambda: connection.open_stream("GET", "/", {"a\n": "b"}),
            lambda: connection.open_stream("GET", "/", priority="u=8"),
        ):
            with pytest.raises((ValueError, hyper.InvalidURL)):
                wrong()
        assert isinstance(connection.open_stream("GET", "/"), HTTP20Stream)

    def test_promises_come_with_it(self, connect):
        def script(peer):
            peer.handshake()
            section = peer.want_headers(1)
            pairs = [*section[1:3], (":method", "GET"), (":path", "/pushed")]
            peer.write_push(1, 2, pairs)
            peer.write_response(1, b"content")
            peer.write_response(2, b"pushed")

        connection = connect(script)
        stream = connection.open_stream("GET", "/")
        assert stream.read() == b"content"
        (push,) = connection.getpushes(stream.stream_id)
        assert push.getresponse().read() == b"pushed"


class TestPriorities:
    """RFC 9218."""

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            (Priority(), "u=3"),
            (Priority(urgency=0), "u=0"),
            (Priority(urgency=7, incremental=True), "u=7, i"),
            ("u=5, i", "u=5, i"),
            ("i", "i"),
        ],
    )
    def test_a_request_carries_one(self, connect, given, sent):
        def script(peer):
            peer.handshake()
            want(peer, ("priority", sent))
            peer.write_response(1)

        connection = connect(script)
        connection.request("GET", "/", priority=given)
        connection.getresponse()

    def test_given_twice_it_is_refused(self, connect):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        for door in (connection.request, connection.open_stream):
            with pytest.raises(LocalProtocolError, match="twice"):
                door("GET", "/", headers={"Priority": "u=5"}, priority="u=1")
        with pytest.raises(LocalProtocolError, match="twice"):
            connection.connect_stream("a:1", {"priority": "u=1"}, priority="u=1")

    @pytest.mark.parametrize("wrong", ["u=8", "u=-1", "u", "i=1", "U=1", "u=1;", "", "u=1,"])
    def test_what_no_server_would_understand_is_not_sent(self, connect, wrong):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        with pytest.raises(LocalProtocolError, match="9218, 4"):
            connection.request("GET", "/", priority=wrong)

    def test_it_is_changed_while_the_response_runs(self, connect):
        """RFC 9218, 7.1: by PRIORITY_UPDATE on stream 0."""

        def script(peer):
            assert peer.handshake({SETTINGS_NO_RFC7540_PRIORITIES: 1})[9] == 1
            section = peer.want_headers(1)
            stream_id = peer.want_headers(3) and 3
            for expected in ((1, "u=1"), (stream_id, "u=6, i")):
                assert peer.want_frame().octets() == wire.priority_update(*expected)
            pairs = [*section[1:3], (":method", "GET"), (":path", "/pushed")]
            peer.write_push(1, 2, pairs)
            peer.write_headers(1, OK)
            assert peer.want_frame().octets() == wire.priority_update(1, "u=2")
            assert peer.want_frame().octets() == wire.priority_update(1, "u=3")
            assert peer.want_frame().octets() == wire.priority_update(2, "u=7")
            peer.write_data(1, b"content", end_stream=True)
            pong(peer)
            peer.want_rst(3, CANCEL)
            peer.want_nothing()

        connection = connect(script)
        connection.connect()
        first = connection.request("GET", "/")
        stream = connection.open_stream("POST", "/")
        assert connection.reprioritize(first, Priority(1)) is True
        assert stream.reprioritize("u=6, i") is True
        response = connection.getresponse(first)
        assert response.reprioritize("u=2") is True
        assert connection.reprioritize(first, "u=3") is True
        (push,) = connection.getpushes(first)
        assert push.reprioritize(Priority(7)) is True
        assert response.read() == b"content"
        connection.ping()
        assert response.reprioritize("u=1") is False
        assert connection.reprioritize(first, "u=1") is False
        assert connection.reprioritize(99, "u=1") is False
        stream.close()

    def test_servers_that_take_no_part_are_spared(self, connect):
        """RFC 9218, 2.1.1."""

        def script(peer):
            peer.handshake()
            pong(peer)
            peer.want_headers(1)
            peer.fence()
            peer.want_nothing()
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        stream_id = connection.request("GET", "/")
        assert connection.reprioritize(stream_id, "u=1") is False
        connection.getresponse()

    def test_a_connection_that_was_never_made_has_nothing_to_reprioritize(self):
        assert hyper.HTTP20Connection("localhost").reprioritize(1, "u=1") is False
