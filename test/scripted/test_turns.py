"""Requests that wait for a place among the streams (RFC 9113, 5.1.2), and threads that share."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from hyper.testing.wire import SETTINGS_MAX_CONCURRENT_STREAMS
from test.scripted.steps import pong, want

OK = [(":status", "200")]


class TestTurns:
    """SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, 5.1.2)."""

    def test_in_order(self, connect):
        """The thread that asked first is served first."""
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
        pump = connection._pumps.current

        def ask(number):
            connection.getresponse(connection.request("GET", f"/{number}")).read()

        with ThreadPoolExecutor(6) as pool:
            asked = []
            for number in range(1, 6):
                asked.append(pool.submit(ask, number))
                deadline = time.monotonic() + 10
                while len(pump.queue) < number:
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
