"""How a connection ends: GOAWAY (RFC 9113, 6.8), new connections, close."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, IncompleteRead, ResponseNotReady

import pytest

from hyper import HTTP20Connection
from hyper.client import replay
from hyper.errors import ConnectionTerminated, RemoteProtocolError
from hyper.testing import wire
from hyper.testing.wire import SETTINGS_MAX_CONCURRENT_STREAMS
from test.scripted.steps import await_news, pong, want

OK = [(":status", "200")]


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

        connection = connect(script, replay=False)
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

        connection = connect(script, replay=False)
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
            for number in range(3):
                if number:
                    peer.accept()
                peer.write_settings()
                peer.write(wire.goaway(0))
                # Read, lest the end of this side be a reset, which may overtake GOAWAY.
                peer.want_preface()
                peer.want_settings()
                peer.want_closed()

        connection = connect(script)
        dialled = []
        dial = connection._route.dial

        def dial_and_listen(deadline):
            pump = dial(deadline)
            dialled.append(pump)
            if len(dialled) == 3:  # as if half a minute had passed
                monkeypatch.setattr(replay, "LONGEST_REPEATING", -1.0)
            with pump.lock:
                pump.wait(lambda: pump.endpoint.goaway is not None, (0,), 10)
            return pump

        monkeypatch.setattr(connection._pumps, "_dial", dial_and_listen)
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
        """From another thread; there is no end by itself, because nothing comes."""
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
            while not connection._pumps.current.queue:
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
