"""Timeouts of one wait, and deadlines of all waits of a thread (`within`)."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hyper import HTTP20Connection
from hyper.client.timeouts import Timeouts
from hyper.testing import wire
from hyper.testing.wire import SETTINGS_INITIAL_WINDOW_SIZE, SETTINGS_MAX_CONCURRENT_STREAMS
from test.scripted.steps import SHORT, pong, set_timeout, want

OK = [(":status", "200")]


class TestDeadlines:
    """``within``: one moment for all waits of a thread, however often the peer says a word."""

    WORDS = 1000

    def drip(self, write):
        """A word every so often, far longer than any deadline of these tests."""
        with contextlib.suppress(OSError):
            for _ in range(self.WORDS):
                write()
                self.over.wait(SHORT / 5)
                if self.over.is_set():
                    return

    @pytest.fixture(autouse=True)
    def over(self):
        self.over = threading.Event()
        yield
        self.over.set()

    def overdue(self, connection, verb):
        begin = time.monotonic()
        with pytest.raises(TimeoutError), connection.within(2 * SHORT):
            verb()
        assert time.monotonic() - begin < 20  # of a minute in all
        assert connection._timeouts.remaining() == connection.timeout
        self.over.set()

    @pytest.mark.parametrize("way", ["response", "stream"])
    def test_a_deadline_ends_reading_of_content_that_drips(self, connect, way):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            self.drip(lambda: peer.write_data(1, b"x"))

        connection = connect(script)
        if way == "stream":
            reader = connection.open_stream("GET", "/")
        else:
            connection.request("GET", "/")
            reader = connection.getresponse()
        self.overdue(connection, reader.read)

    @pytest.mark.parametrize("way", ["request", "pieces", "stream"])
    def test_a_deadline_ends_sending_into_a_window_that_drips(self, connect, way):
        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 1})
            pong(peer)
            peer.want_headers(1)
            self.drip(lambda: peer.write(wire.window_update(1, 1)))

        connection = connect(script)
        connection.ping()
        if way == "stream":
            stream = connection.open_stream("POST", "/")
            self.overdue(connection, lambda: stream.write(bytes(self.WORDS)))
            assert 0 < stream.written < self.WORDS
        elif way == "pieces":
            connection.putrequest("POST", "/")
            connection.endheaders()
            self.overdue(connection, lambda: connection.send(bytes(self.WORDS)))
        else:
            self.overdue(connection, lambda: connection.request("POST", "/", bytes(self.WORDS)))

    def test_a_deadline_ends_waiting_for_a_turn(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 0})
            pong(peer)

        connection = connect(script)
        connection.ping()
        self.overdue(connection, lambda: connection.open_stream("GET", "/"))

    def test_a_deadline_ends_connecting(self):
        """By this thread, or by another, whose own time is longer."""
        with socket.socket() as silent, ThreadPoolExecutor(1) as threads:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            connection = HTTP20Connection(
                "127.0.0.1", silent.getsockname()[1], secure=True, timeout=10
            )
            silent.settimeout(SHORT)
            accepted = None
            while accepted is None:  # a busy machine may not even reach the server in time
                self.overdue(connection, connection.connect)
                with contextlib.suppress(TimeoutError, socket.timeout):
                    accepted = silent.accept()[0]
            accepted.close()
            silent.settimeout(10)
            other = threads.submit(connection.connect)
            accepted = silent.accept()[0]
            self.overdue(connection, lambda: connection.request("GET", "/"))
            accepted.close()
            with pytest.raises(OSError):
                other.result(10)

    def test_a_deadline_ends_reading_of_content_that_is_there_already(self, connect):
        """If a fast peer's octets are always there, no wait ever begins; nothing is lost."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.write_data(1, b"first")
            peer.write_data(1, b"second")
            pong(peer)
            pong(peer)
            peer.write_data(1, b"third", end_stream=True)

        connection = connect(script)
        response = connection.getresponse(connection.request("GET", "/"))
        connection.ping()  # all before its answer has come
        with pytest.raises(TimeoutError), connection.within(0):
            response.read(1)
        connection.ping()  # now the end may come
        assert response.read() == b"firstsecondthird"

    def test_the_earlier_moment_counts(self):
        connection = HTTP20Connection("localhost", timeout=7)
        with connection.within(None):
            assert connection._timeouts.remaining() == 7
        with connection.within(100):
            assert 90 < connection._timeouts.remaining() <= 100
            with connection.within(1000):
                assert connection._timeouts.remaining() <= 100
            with connection.within(10), ThreadPoolExecutor(1) as threads:
                assert connection._timeouts.remaining() <= 10
                assert threads.submit(connection._timeouts.remaining).result(10) == 7
            assert 90 < connection._timeouts.remaining() <= 100
            with connection.within(0):
                assert connection._timeouts.remaining() == 0
        assert connection._timeouts.remaining() == 7


class TestTimeouts:
    """Each is the waiter's alone: the same call can be made again, and others go on."""

    def test_a_timeout_ends_connecting(self):
        """A listener whose queue is full accepts nothing."""
        with socket.socket() as listener, contextlib.ExitStack() as queue:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):
                waiting = queue.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            connection = HTTP20Connection(
                "127.0.0.1", listener.getsockname()[1], secure=False, timeout=SHORT
            )
            for call in (connection.connect, lambda: connection.request("GET", "/")):
                with pytest.raises(TimeoutError) as caught:
                    call()
                assert isinstance(caught.value, socket.timeout)

    def test_a_timeout_ends_the_tls_handshake(self, certificates):
        """A server that is silent after TCP."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connection = HTTP20Connection(
                "127.0.0.1",
                listener.getsockname()[1],
                ssl_context=certificates.hyper_context(),
                timeout=SHORT,
            )
            with pytest.raises(TimeoutError, match="TLS handshake"):
                connection.connect()

    def test_a_timeout_ends_every_wait_for_the_server(self, connect):
        go_on = threading.Event()

        def script(peer):
            peer.handshake()
            want(peer)
            assert go_on.wait(10)
            peer.write_headers(1, OK)
            peer.write_data(1, b"content")
            go_on.clear()
            assert go_on.wait(10)
            peer.write_headers(1, [("x-digest", "1")], end_stream=True)

        connection = connect(script)
        connection.request("GET", "/")
        with set_timeout(connection, SHORT):
            for call in (
                connection.getresponse,
                connection.ping,
                lambda: next(connection.getpushes(1, capture_all=True)),
            ):
                with pytest.raises(TimeoutError, match="still usable"):
                    call()
        go_on.set()
        response = connection.getresponse(1)
        with set_timeout(connection, SHORT):
            for verb in (response.read, response.gettrailers):
                with pytest.raises(TimeoutError):
                    verb()
        go_on.set()
        assert response.read() == b"content"
        assert response.gettrailers() == [("x-digest", "1")]

    def test_a_timeout_ends_sending(self, connect):
        """A request that cannot be ended is reset; the connection lives on (5.4.2)."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 0})
            pong(peer)
            peer.want_headers(1, end_stream=False)
            peer.want_rst(1, wire.CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        with set_timeout(connection, SHORT), pytest.raises(TimeoutError):
            connection.request("POST", "/", b"content")
        connection.request("GET", "/")
        connection.getresponse()

    def test_a_timeout_ends_waiting_for_a_turn(self, connect):
        """No octet was sent: the stream id goes to the next request."""

        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            pong(peer)
            want(peer, (":path", "/first"))
            pong(peer)
            peer.want_nothing()
            peer.write_response(1)
            assert want(peer, (":path", "/third"))[0] == 3
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/first")
        with set_timeout(connection, SHORT), pytest.raises(TimeoutError):
            connection.request("GET", "/second")
        connection.ping()
        connection.getresponse()
        connection.request("GET", "/third")
        connection.getresponse()

    @pytest.mark.parametrize("way", ["request", "getresponse", "connect_stream", "ping"])
    def test_the_words_name_settings_that_never_came(self, connect, way):
        """RFC 9113, 3.4: a port that accepts and is silent may speak another protocol."""

        def script(peer):
            peer.want_preface()

        connection = connect(script)
        stream_id = connection.request("GET", "/")
        connection.timeout = 0.2
        wait = {
            "request": lambda: connection.request("GET", "/"),
            "getresponse": lambda: connection.getresponse(stream_id),
            "connect_stream": lambda: connection.connect_stream("/chat", protocol="websocket"),
            "ping": connection.ping,
        }[way]
        with pytest.raises(TimeoutError, match=r"its SETTINGS, .* are missing \(RFC 9113, 3.4\)"):
            wait()

    def test_while_other_streams_go_on(self, connect, monkeypatch):
        """One thread leads, times out, and another takes its place."""
        here = threading.get_ident()

        def script(peer):
            peer.handshake()
            want(peer)
            want(peer)
            peer.write_headers(3, OK)
            for number in range(50):
                peer.write_data(3, b"%02d" % number)
                peer.fence()
            peer.write_data(3, end_stream=True)

        connection = connect(script)
        # Before the limit: the second waits for SETTINGS (5.1.2), and is to get through.
        silent, busy = connection.request("GET", "/"), connection.request("GET", "/")
        monkeypatch.setattr(
            Timeouts, "remaining", lambda _: 0.001 if threading.get_ident() == here else 10
        )
        with ThreadPoolExecutor(1) as pool:
            content = pool.submit(lambda: connection.getresponse(busy).read())
            while not content.done():
                with pytest.raises(TimeoutError):
                    connection.getresponse(silent)
            assert content.result() == b"".join(b"%02d" % number for number in range(50))

    @pytest.mark.parametrize("timeout", [None, 5])
    def test_the_process_s_default_timeout_is_taken(self, timeout, monkeypatch):
        """As http.client's: the socket module's default, unless the caller says otherwise."""
        assert HTTP20Connection("localhost")._timeouts.remaining() == socket.getdefaulttimeout()
        monkeypatch.setattr(socket, "getdefaulttimeout", lambda: 7.0)
        assert HTTP20Connection("localhost")._timeouts.remaining() == 7.0
        assert HTTP20Connection("localhost", timeout=timeout)._timeouts.remaining() == timeout
