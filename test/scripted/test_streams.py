"""HTTP20Stream: a request and its response like a file that is read and written."""

from __future__ import annotations

import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

import hyper
from hyper import HTTP20Stream, Priority
from hyper.errors import LocalProtocolError, StreamResetError
from hyper.testing import wire
from hyper.testing.wire import CANCEL, SETTINGS_INITIAL_WINDOW_SIZE
from test.scripted.steps import SHORT, echoing, pong, want

OK = [(":status", "200")]


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
