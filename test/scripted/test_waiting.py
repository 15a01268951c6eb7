"""Waiting and ending: timeouts, turns, GOAWAY, new connections, close."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, IncompleteRead, RemoteDisconnected, ResponseNotReady

import pytest

from hyper import HTTP20Connection
from hyper.client.connection import MAX_CONNECTIONS_A_REQUEST
from hyper.errors import ConnectionTerminated, InvalidURL, LocalProtocolError, RemoteProtocolError
from test import wire
from test.scripted.steps import pong, want
from test.wire import SETTINGS_INITIAL_WINDOW_SIZE, SETTINGS_MAX_CONCURRENT_STREAMS

OK = [(":status", "200")]

# Seconds that a wait may last in a test where it is meant to end so.
SHORT = 0.05


def await_news(connection):
    """Return when something has come that nobody has read, and the next request will look."""
    connection._pump._looked = 0.0  # a moment ago would be too soon for another look
    if connection.sock is not None:
        assert select.select([connection.sock], [], [], 10)[0]


@contextlib.contextmanager
def patience(connection, seconds):
    """Let the waits inside last so long."""
    before, connection.timeout = connection.timeout, seconds
    try:
        yield
    finally:
        connection.timeout = before


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
        assert time.monotonic() - begin < 5
        assert connection.limit() == connection.timeout
        self.over.set()

    @pytest.mark.parametrize("way", ["response", "stream"])
    def test_of_content_that_drips(self, connect, way):
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
    def test_of_room_that_drips(self, connect, way):
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

    def test_of_a_turn(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 0})
            pong(peer)

        connection = connect(script)
        connection.ping()
        self.overdue(connection, lambda: connection.open_stream("GET", "/"))

    def test_of_connecting(self):
        """By this thread, or by another, whose own time is longer."""
        with socket.socket() as silent, ThreadPoolExecutor(1) as threads:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            connection = HTTP20Connection(
                "127.0.0.1", silent.getsockname()[1], secure=True, timeout=10
            )
            self.overdue(connection, connection.connect)
            other = threads.submit(connection.connect)
            silent.accept()[0].close()
            accepted = silent.accept()[0]
            self.overdue(connection, lambda: connection.request("GET", "/"))
            accepted.close()
            with pytest.raises(OSError):
                other.result(10)

    def test_the_earlier_moment_counts(self):
        connection = HTTP20Connection("localhost", timeout=7)
        with connection.within(None):
            assert connection.limit() == 7
        with connection.within(100):
            assert 90 < connection.limit() <= 100
            with connection.within(1000):
                assert connection.limit() <= 100
            with connection.within(10), ThreadPoolExecutor(1) as threads:
                assert connection.limit() <= 10
                assert threads.submit(connection.limit).result(10) == 7
            assert 90 < connection.limit() <= 100
            with connection.within(-1):
                assert connection.limit() == 0
        assert connection.limit() == 7


class TestTimeouts:
    """Each is the waiter's alone: the same call can be made again, and others go on."""

    def test_of_connecting(self):
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

    def test_of_the_handshake(self, certificates):
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

    def test_of_every_wait_for_the_server(self, connect):
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
        with patience(connection, SHORT):
            for call in (
                connection.getresponse,
                connection.ping,
                lambda: next(connection.getpushes(1, capture_all=True)),
            ):
                with pytest.raises(TimeoutError, match="still usable"):
                    call()
        go_on.set()
        response = connection.getresponse(1)
        with patience(connection, SHORT):
            for verb in (response.read, response.gettrailers):
                with pytest.raises(TimeoutError):
                    verb()
        go_on.set()
        assert response.read() == b"content"
        assert response.gettrailers() == [("x-digest", "1")]

    def test_of_sending(self, connect):
        """What was begun and cannot be ended is reset; the connection lives on (5.4.2)."""

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 0})
            pong(peer)
            peer.want_headers(1, end_stream=False)
            peer.want_rst(1, wire.CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        with patience(connection, SHORT), pytest.raises(TimeoutError):
            connection.request("POST", "/", b"content")
        connection.request("GET", "/")
        connection.getresponse()

    def test_of_waiting_for_a_turn(self, connect):
        """Nothing was sent: the stream id goes to the next request."""

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
        with patience(connection, SHORT), pytest.raises(TimeoutError):
            connection.request("GET", "/second")
        connection.ping()
        connection.getresponse()
        connection.request("GET", "/third")
        connection.getresponse()

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
            connection, "limit", lambda: 0.001 if threading.get_ident() == here else 10
        )
        with ThreadPoolExecutor(1) as pool:
            content = pool.submit(lambda: connection.getresponse(busy).read())
            while not content.done():
                with pytest.raises(TimeoutError):
                    connection.getresponse(silent)
            assert content.result() == b"".join(b"%02d" % number for number in range(50))

    @pytest.mark.parametrize("timeout", [None, 5])
    def test_of_the_process(self, timeout, monkeypatch):
        """As http.client's: the socket module's default, unless the caller says otherwise."""
        assert HTTP20Connection("localhost").limit() == socket.getdefaulttimeout()
        monkeypatch.setattr(socket, "getdefaulttimeout", lambda: 7.0)
        assert HTTP20Connection("localhost").limit() == 7.0
        assert HTTP20Connection("localhost", timeout=timeout).limit() == timeout


class TestTurns:
    """SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, 5.1.2)."""

    def test_in_order(self, connect):
        """Whoever asked first is served first."""
        started = threading.Event()

        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            pong(peer)
            assert want(peer, (":path", "/0"))[0] == 1
            assert started.wait(10)
            for number in range(6):
                peer.fence()
                peer.want_nothing()  # never two at once
                peer.write_response(2 * number + 1)
                if number < 5:
                    want(peer, (":path", f"/{number + 1}"))

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/0")
        pump = connection._pump

        def ask(number):
            connection.getresponse(connection.request("GET", f"/{number}")).read()

        with ThreadPoolExecutor(6) as pool:
            asked = []
            for number in range(1, 6):
                asked.append(pool.submit(ask, number))
                deadline = time.monotonic() + 10
                while len(pump._queue) < number:
                    assert time.monotonic() < deadline
            started.set()
            connection.getresponse(1).read()
            for each in asked:
                each.result()

    def test_a_lowered_limit_cancels_nothing(self, connect):
        """RFC 9113, 5.1.2: those that are open go on; the next waits until there is room."""

        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 3})
            pong(peer)
            for _ in range(3):
                want(peer)
            peer.write_settings({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            peer.want_settings(ack=True)
            for stream_id in (3, 1):
                peer.fence()
                peer.want_nothing()
                peer.write_response(stream_id, b"%d" % stream_id)
            peer.fence()
            peer.want_nothing()
            peer.write_response(5, b"5")
            assert want(peer)[0] == 7
            peer.write_response(7, b"7")

        connection = connect(script)
        connection.ping()
        for _ in range(3):
            connection.request("GET", "/")
        assert connection.request("GET", "/") == 7
        for _ in range(4):
            response = connection.getresponse()
            assert response.read() == b"%d" % response.stream_id

    def test_a_raised_limit_lets_the_waiting_go(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 0})
            pong(peer)
            peer.fence()
            peer.want_nothing()
            peer.write_settings({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            want(peer)
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/")
        connection.getresponse()

    def test_pushes_do_not_count(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            pong(peer)
            want(peer)
            scheme = "https" if peer.selected_alpn_protocol() else "http"
            request = [
                (":method", "GET"),
                (":scheme", scheme),
                (":authority", f"127.0.0.1:{peer.port}"),
                (":path", "/pushed"),
            ]
            peer.write_push(1, 2, request)
            peer.write_response(1)
            want(peer)
            peer.write_response(2, b"pushed")
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/")
        (push,) = connection.getpushes(capture_all=True)
        connection.request("GET", "/")
        assert push.getresponse().read() == b"pushed"
        connection.getresponse(3)

    def test_until_the_settings_are_known_one_request_goes_out(self, connect):
        """RFC 9113, 3.4: a request need not wait, but many might be refused."""

        def script(peer):
            peer.want_preface()
            peer.want_settings()
            want(peer)
            peer.want_nothing()
            peer.write_settings()
            peer.write_settings(ack=True)
            want(peer)
            peer.write_response(1)
            peer.write_response(3)

        connection = connect(script)
        connection.request("GET", "/")
        connection.request("GET", "/")
        connection.getresponse()
        connection.getresponse()


class TestGoaway:
    """RFC 9113, 6.8."""

    def test_covered_streams_finish_and_others_may_be_sent_again(self, connect):
        def script(peer):
            peer.handshake()
            for _ in range(3):
                want(peer)
            peer.write_headers(1, OK)
            peer.write(wire.goaway(3, wire.NO_ERROR, b"moving"))
            peer.write_response(3, b"second")
            peer.write_data(1, b"first", end_stream=True)
            peer.accept()
            peer.handshake()
            assert want(peer)[0] == 7  # ids go on: none means two requests
            peer.write_response(7, b"fourth")

        connection = connect(script)
        first, second, third = (connection.request("GET", "/") for _ in range(3))
        with pytest.raises(ConnectionTerminated, match="may be sent again") as caught:
            connection.getresponse(third)
        error = caught.value
        assert (error.retryable, error.last_stream_id, error.stream_id) == (True, 3, 5)
        assert (error.error_code, error.debug_data) == (wire.NO_ERROR, b"moving")
        assert isinstance(error, ConnectionResetError)
        assert isinstance(error, HTTPException)
        fourth = connection.request("GET", "/")
        assert connection.getresponse(fourth).read() == b"fourth"
        assert connection.getresponse(first).read() == b"first"
        assert connection.getresponse(second).read() == b"second"

    def test_comes_in_two_steps(self, connect):
        """First the largest id, as a warning; then the one that counts."""

        def script(peer):
            peer.handshake()
            want(peer)
            want(peer)
            peer.write(wire.goaway(2**31 - 1))
            peer.write(wire.goaway(1))
            peer.write_response(1, b"first")
            peer.close()

        connection = connect(script)
        first, second = connection.request("GET", "/"), connection.request("GET", "/")
        assert connection.getresponse(first).read() == b"first"
        with pytest.raises(ConnectionTerminated) as caught:
            connection.getresponse(second)
        assert caught.value.retryable

    def test_with_an_error_names_it(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM, b"too_many_pings"))
            peer.close()

        connection = connect(script)
        connection.request("GET", "/")
        with pytest.raises(
            ConnectionTerminated, match=r"ENHANCE_YOUR_CALM.*too_many_pings"
        ) as caught:
            connection.getresponse()
        assert not caught.value.retryable  # it may have been processed

    def test_is_noticed_before_the_next_request(self, connect):
        """No request is lost to a server that said goodbye while nobody listened."""

        def script(peer):
            for stream_id in (1, 3, 5):
                if stream_id > 1:
                    peer.accept()
                peer.handshake()
                assert want(peer)[0] == stream_id
                peer.write_response(stream_id, b"%d" % stream_id)
                peer.write(wire.goaway(stream_id))
                peer.close()

        connection = connect(script)
        for _ in range(3):
            stream_id = connection.request("GET", "/")
            assert connection.getresponse().read() == b"%d" % stream_id
            if stream_id < 5:
                await_news(connection)

    def test_frees_those_who_wait_for_a_turn(self, connect):
        """They go to the next connection."""

        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            pong(peer)
            want(peer)
            peer.fence()
            peer.write(wire.goaway(1))
            peer.accept()
            peer.handshake()
            want(peer, (":path", "/waits"))
            peer.write_response(3)

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/")
        stream_id = connection.request("GET", "/waits")
        assert connection.getresponse(stream_id).status == 200

    def test_again_and_again_is_an_error_in_the_end(self, connect, monkeypatch):
        """A server that never takes a request must not keep us for ever."""

        def script(peer):
            for number in range(MAX_CONNECTIONS_A_REQUEST):
                if number:
                    peer.accept()
                peer.write_settings()
                peer.write(wire.goaway(0))
                # Read, lest the end of this side be a reset, which may overtake GOAWAY.
                peer.want_preface()
                peer.want_settings()
                peer.want_closed()

        connection = connect(script)
        dial = connection._route.dial

        def dial_and_listen(timeout, first_stream_id):
            pump = dial(timeout, first_stream_id)
            with pump.lock:
                pump.wait(lambda: pump.endpoint.goaway is not None, (0,), 10)
            return pump

        monkeypatch.setattr(connection._route, "dial", dial_and_listen)
        with pytest.raises(ConnectionTerminated, match="ended 3 connections") as caught:
            connection.request("GET", "/")
        assert caught.value.retryable


class TestReconnecting:
    def test_after_the_server_hung_up(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1, b"first")
            peer.close()
            peer.accept()
            peer.handshake()
            assert want(peer)[0] == 3
            peer.write_response(3, b"second")

        connection = connect(script)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"first"
        await_news(connection)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"second"

    def test_after_an_error(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write(wire.data(0, b"on stream 0"))
            peer.want_goaway(wire.PROTOCOL_ERROR)
            peer.accept()
            peer.handshake()
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        connection.request("GET", "/")
        with pytest.raises(RemoteProtocolError):
            connection.getresponse()
        connection.request("GET", "/")
        assert connection.getresponse(3).status == 200

    def test_after_close(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1)
            peer.want_goaway(wire.NO_ERROR)
            peer.want_closed()
            peer.accept()
            peer.handshake()
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        for stream_id in (1, 3):
            assert connection.request("GET", "/") == stream_id
            connection.getresponse()
            assert connection.sock is not None
            connection.close()
            connection.close()
            assert connection.sock is None

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            HTTP20Connection("127.0.0.1", port, secure=False).request("GET", "/")


class TestClose:
    def test_says_why(self, connect):
        """RFC 9113, 6.8."""

        def script(peer):
            peer.handshake()
            pong(peer)
            assert peer.want_goaway().error_code == wire.ENHANCE_YOUR_CALM
            peer.want_closed()

        connection = connect(script)
        connection.ping()
        connection.close(wire.ENHANCE_YOUR_CALM)

    def test_by_context_manager(self, connect):
        def script(peer):
            peer.handshake()
            pong(peer)
            peer.want_goaway(wire.NO_ERROR)
            peer.want_closed()

        with connect(script) as connection:
            connection.connect()
            connection.connect()
            connection.ping()

    def test_before_connecting_does_nothing(self):
        HTTP20Connection("127.0.0.1", 1).close()

    @pytest.mark.parametrize(
        "wait",
        [
            lambda connection: connection.getresponse(),
            lambda connection: connection.ping(),
        ],
        ids=["getresponse", "ping"],
    )
    def test_frees_whoever_waits(self, connect, wait):
        """From another thread; there is no end by itself, for nothing comes."""
        waiting = threading.Event()

        def script(peer):
            peer.handshake()
            want(peer)
            peer.fence()
            waiting.set()

        connection = connect(script)
        connection.request("GET", "/")
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(wait, connection)
            assert waiting.wait(10)
            connection.close()
            with pytest.raises(ConnectionTerminated, match="closed on this side"):
                waits.result(10)

    def test_frees_whoever_waits_for_a_turn(self, connect):
        """And makes no new connection for it."""

        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 1})
            pong(peer)
            want(peer)
            peer.want_goaway()
            peer.want_closed()

        connection = connect(script)
        connection.ping()
        connection.request("GET", "/")
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(connection.request, "GET", "/second")
            while not connection._pump._queue:
                assert not second.done()
            connection.close()
            with pytest.raises(ConnectionTerminated, match="closed on this side"):
                second.result(10)

    def test_frees_whoever_waits_for_promises(self, connect):
        waiting = threading.Event()

        def script(peer):
            peer.handshake()
            want(peer)
            peer.fence()
            waiting.set()

        connection = connect(script)
        stream_id = connection.request("GET", "/")
        with ThreadPoolExecutor(1) as pool:
            pushes = pool.submit(list, connection.getpushes(stream_id, capture_all=True))
            assert waiting.wait(10)
            connection.close()
            assert pushes.result(10) == []

    def test_what_is_in_memory_can_be_read(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            want(peer)
            peer.write_response(1, b"whole")
            peer.write_headers(3, OK)
            peer.write_data(3, b"part")
            pong(peer)
            peer.want_goaway(wire.NO_ERROR)

        connection = connect(script)
        first, second = connection.request("GET", "/"), connection.request("GET", "/")
        whole, part = connection.getresponse(first), connection.getresponse(second)
        connection.ping()
        connection.close()
        assert whole.read() == b"whole"
        with pytest.raises(IncompleteRead) as caught:
            part.read()
        assert caught.value.partial == b"part"
        with pytest.raises(ResponseNotReady):
            connection.getresponse(first)


class TestPing:
    def test_measures_the_round_trip(self, connect):
        """RFC 9113, 6.7."""

        def script(peer):
            peer.handshake()
            for _ in range(2):
                pong(peer)

        connection = connect(script)
        assert 0 < connection.ping() < 10
        assert 0 < connection.ping(b"eight ou") < 10

    @pytest.mark.parametrize("opaque", [b"", b"seven o", b"nine octe"])
    def test_carries_eight_octets(self, connect, opaque):
        def script(peer):
            peer.handshake()
            peer.want_nothing()

        connection = connect(script)
        connection.connect()
        with pytest.raises(LocalProtocolError, match="8 octets"):
            connection.ping(opaque)

    def test_fails_with_the_connection(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_ping()
            peer.close()

        with pytest.raises(RemoteDisconnected):
            connect(script).ping()


def test_many_threads_share_one_connection(connect):
    """Each has its own answers, and none waits for another's."""
    threads, requests = 8, 20

    def script(peer):
        peer.handshake()
        for _ in range(threads * requests):
            stream_id, section, content = want(peer)
            path = dict(section)[":path"].encode()
            peer.write_response(stream_id, path + b" " + content)

    connection = connect(script)

    def ask(thread):
        for number in range(requests):
            body = b"%d" % number * 100
            stream_id = connection.request("POST", f"/{thread}", body)
            answer = connection.getresponse(stream_id).read()
            assert answer == b"/%d " % thread + body

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, range(threads)))


def test_peer_settings_can_be_read(connect):
    """RFC 9113, 6.5.2."""

    def script(peer):
        peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 7})
        pong(peer)

    connection = connect(script)
    assert connection.peer_settings == {}
    connection.ping()
    assert connection.peer_settings["SETTINGS_MAX_CONCURRENT_STREAMS"] == 7


class TestOwnSettings:
    def test_are_announced(self, connect):
        def script(peer):
            settings = peer.handshake()
            assert settings[wire.SETTINGS_HEADER_TABLE_SIZE] == 0
            assert settings[wire.SETTINGS_MAX_FRAME_SIZE] == 1 << 17
            assert settings[0xABC] == 5
            want(peer)
            peer.write_headers(1, OK)
            peer.write(wire.data(1, b"d" * (1 << 17), end_stream=True))

        settings = {"SETTINGS_HEADER_TABLE_SIZE": 0, 5: 1 << 17, 0xABC: 5}
        connection = connect(script, settings=settings)
        connection.request("GET", "/")
        assert len(connection.getresponse().read()) == 1 << 17

    @pytest.mark.parametrize(
        "settings",
        [
            {"SETTINGS_NONE": 1},
            {"SETTINGS_ENABLE_PUSH": 2},
            {"SETTINGS_INITIAL_WINDOW_SIZE": 2**31},
            {"SETTINGS_MAX_FRAME_SIZE": 16383},
            {"SETTINGS_MAX_FRAME_SIZE": 2**24},
        ],
        ids=str,
    )
    def test_must_be_legal(self, settings):
        """RFC 9113, 6.5.2."""
        with pytest.raises(LocalProtocolError, match=r"RFC 9113, 6\.5\.2"):
            HTTP20Connection("localhost", settings=settings)


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("example.org", None, ("example.org", 443, True)),
        ("example.org:8443", None, ("example.org", 8443, True)),
        ("example.org:80", None, ("example.org", 80, False)),
        ("example.org", 80, ("example.org", 80, False)),
        ("[::1]:8443", None, ("::1", 8443, True)),
        ("[::1]", None, ("::1", 443, True)),
        ("::1", 443, ("::1", 443, True)),
        ("example.org:", None, ("example.org", 443, True)),
    ],
)
def test_host_and_port(host, port, found):
    connection = HTTP20Connection(host, port)
    assert (connection.host, connection.port, connection.secure) == found


@pytest.mark.parametrize("host", ["example.org:https", "exa mple", "a\r\nb", "a:99999", "a:-1"])
def test_host_refused(host):
    with pytest.raises(HTTPException):
        HTTP20Connection(host)


@pytest.mark.parametrize(
    "host", ["https://example.org", "https://example.org:443/", "example.org/path"]
)
def test_a_url_is_no_host(host):
    with pytest.raises(InvalidURL, match="more than a host"):
        HTTP20Connection(host)


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "fe80::1%eth0"])
def test_an_ipv6_literal_without_port_stands_in_brackets(host):
    """RFC 3986, 3.2.2: else its last group would be taken for the port."""
    with pytest.raises(InvalidURL, match=r"write \[.*\]"):
        HTTP20Connection(host)


def test_ipv6(scripted_peer, certificates):
    """RFC 3986, 3.2.2: the literal stands in brackets in :authority."""

    def script(peer):
        peer.handshake()
        want(peer, (":authority", f"[::1]:{peer.port}"))
        peer.write_response(1, b"six")

    try:
        peer = scripted_peer(script, certificates.server_context(), host="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with HTTP20Connection(
        f"[::1]:{peer.port}", ssl_context=certificates.hyper_context(), timeout=10
    ) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"six"
        assert connection.sock.getpeername()[0] == "::1"


def test_source_address(connect):
    def script(peer):
        peer.handshake()
        pong(peer)
        assert peer.socket.getpeername()[0] == "127.0.0.2"

    connection = connect(script, source_address=("127.0.0.2", 0))
    try:
        connection.ping()
    except OSError as error:
        if isinstance(error, (ssl.SSLError, TimeoutError)):
            raise
        pytest.skip(f"127.0.0.2 is not ours: {error}")
