"""Connections of which nothing is heard: a forgotten NAT entry, a vanished host (RFC 9113, 9.1).

A connection on which nothing at all came during a whole wait is suspect. The next request asks it
by PING, or opens another, and leaves the suspect to those who still wait there.
"""

from __future__ import annotations

import errno
import socket
import threading
import time

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, HTTPConnection
from hyper.testing import wire
from test.origin import Origin
from test.threads.test_shared import run

SHORT = 0.3
DEADLINE = 10.0

# Seconds within which what must not wait has to return, on a loaded machine.
AT_ONCE = 20.0


def connect_to(origin, **options):
    options.setdefault("timeout", SHORT)
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, **options)


def silent_after(answered, seen, release):
    """Serve: the first connection answers so many requests, then says nothing; others answer all.

    seen: the types of the frames that came to the silent one.
    """

    def serve(peer):
        peer.handshake()
        count = 0
        for frame, _, _ in peer.arrivals():
            if peer.number == 1 and count >= answered:
                seen.append(frame.type)
                continue
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                count += 1
                peer.write_response(frame.stream_id, b"connection %d" % peer.number)
        release.set()

    return serve


def get(connection):
    stream_id = connection.request("GET", "/")
    return connection.getresponse(stream_id).read()


def get_by(kind, connection):
    if kind == "HTTPConnection":
        connection.request("GET", "/")
        return connection.getresponse().read()
    return get(connection)


@pytest.mark.parametrize("kind", ["HTTP20Connection", "HTTPConnection"])
def test_after_one_wait_in_silence_the_next_request_takes_another_connection(kind):
    """6.7; 9.1: what is asked there is a PING at most."""
    seen = []
    with Origin(silent_after(1, seen, threading.Event())) as origin:
        if kind == "HTTPConnection":
            connection = HTTPConnection("127.0.0.1", origin.port, timeout=1.0, http2="prior")
        else:
            connection = connect_to(origin, timeout=1.0)
        assert get_by(kind, connection) == b"connection 1"
        with pytest.raises(TimeoutError):
            get_by(kind, connection)
        assert get_by(kind, connection) == b"connection 2"
        connection.close()
        assert seen.count(wire.HEADERS) == 1, "the next request went to the silent connection"


def test_a_connection_on_which_ping_was_not_answered_is_suspect():
    """6.7."""
    with Origin(silent_after(1, [], threading.Event())) as origin, connect_to(origin) as connection:
        assert get(connection) == b"connection 1"
        with pytest.raises(TimeoutError):
            connection.ping()
        connection.timeout = 1.0
        assert get(connection) == b"connection 2"


def test_a_suspect_connection_is_left_to_those_who_wait_there():
    """9.1: it was only slow, in the end."""
    may_answer = threading.Event()
    release = threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"connection %d" % peer.number)
        if peer.number == 1:
            stream_id, _, _ = peer.want_request()
            assert may_answer.wait(DEADLINE)
            peer.write_response(stream_id, b"late")
        release.wait(DEADLINE)

    with Origin(serve) as origin, connect_to(origin) as connection:
        assert get(connection) == b"connection 1"
        patient = connection.request("GET", "/slow")
        with pytest.raises(TimeoutError):
            connection.getresponse(patient)
        connection.timeout = DEADLINE
        with connection.within(2.0):
            assert get(connection) == b"connection 2"
        may_answer.set()
        assert connection.getresponse(patient).read() == b"late"
        release.set()


def test_a_slow_connection_that_answers_ping_is_kept():
    """6.7: no second one is opened, however many requests time out."""

    def serve(peer):
        peer.handshake()
        asked = 0
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                asked += 1
                if asked == 4:
                    peer.write_response(frame.stream_id, b"connection %d" % peer.number)

    with Origin(serve) as origin, connect_to(origin) as connection:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                get(connection)
        connection.timeout = DEADLINE
        assert get(connection) == b"connection 1"
        assert origin.connections == 1


def test_what_came_for_another_stream_during_the_wait_says_that_the_connection_lives():
    """9.1: no PING is sent, either."""
    pings = []
    release = threading.Event()

    def serve(peer):
        peer.handshake()
        first, _, _ = peer.want_request()
        peer.write_headers(first, [(":status", "200")])
        peer.want_request()
        peer.write_data(first, b"piece")
        assert release.wait(DEADLINE)
        third, _, _ = peer.want_request()
        pings.extend(f for f in peer.frames if f.type == wire.PING and f.payload != b"measures")
        peer.write_response(third, b"third")
        peer.want_goaway()

    with Origin(serve) as origin, connect_to(origin, timeout=DEADLINE) as connection:
        first = connection.getresponse(connection.request("GET", "/1"))
        second = connection.request("GET", "/2")
        with connection.within(SHORT), pytest.raises(TimeoutError):
            connection.getresponse(second)
        assert first.read1() == b"piece"
        release.set()
        assert get(connection) == b"third"
        assert origin.connections == 1
    assert not pings


# ---- keepalive (6.7)


def test_keepalive_ends_a_wait_without_limit_when_the_peer_is_gone():
    """6.7: after two intervals without an octet."""
    options = {"timeout": None, "keepalive": 0.3}
    silent = silent_after(1, [], threading.Event())
    with Origin(silent) as origin, connect_to(origin, **options) as connection:
        assert get(connection) == b"connection 1"
        stream_id = connection.request("POST", "/", b"content")
        begin = time.monotonic()
        with pytest.raises(ConnectionTerminated, match="keepalive") as caught:
            connection.getresponse(stream_id)
        assert time.monotonic() - begin < AT_ONCE
        assert not caught.value.retryable  # it went out whole
        assert get(connection) == b"connection 2"


@pytest.mark.parametrize("waits_for", ["header section", "content", "room"])
def test_keepalive_lets_a_wait_go_on_as_long_as_pings_are_answered(waits_for):
    """6.7: a server that thinks for long is alive."""

    def serve(peer):
        settings = {wire.SETTINGS_INITIAL_WINDOW_SIZE: 10} if waits_for == "room" else ()
        peer.handshake(settings)
        stream_id, pings = 0, 0
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                stream_id = frame.stream_id
                if waits_for == "content":
                    peer.write_headers(stream_id, [(":status", "200")])
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
                pings += frame.payload != b"measures"
                if pings == 2 and waits_for == "header section":
                    peer.write_response(stream_id, b"late")
                elif pings == 2 and waits_for == "content":
                    peer.write_data(stream_id, b"late", end_stream=True)
                elif pings == 2:
                    peer.write(wire.window_update(stream_id, 1000))
            if frame.type == wire.DATA and frame.end_stream:
                peer.write_response(stream_id, b"late")

    with Origin(serve) as origin:
        with connect_to(origin, timeout=DEADLINE, keepalive=0.4) as connection:
            body = bytes(100) if waits_for == "room" else None
            response = connection.getresponse(connection.request("POST", "/", body))
            assert response.read() == b"late"
        assert origin.connections == 1


def test_keepalive_sends_nothing_while_nobody_waits():
    """6.7: servers count PINGs, and hyper has no thread."""
    release, pings = threading.Event(), []

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"whole")
        release.wait(DEADLINE)
        peer.want_nothing(5 * 0.02)
        pings.extend(f for f in peer.frames if f.type == wire.PING and f.payload != b"measures")

    with Origin(serve) as origin:
        connection = connect_to(origin, keepalive=0.02)
        assert get(connection) == b"whole"
        release.set()
        threading.Event().wait(10 * 0.02)  # the peer looks meanwhile
        connection.close()
    assert not pings


# ---- close() does not wait (6.8)


@pytest.fixture
def silent_server():
    """A server that accepts and says nothing: its port, and an event that it has accepted."""
    accepted, sockets = threading.Event(), []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        try:
            while True:
                sockets.append(listener.accept()[0])
                accepted.set()
        except OSError:
            pass

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1], accepted
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(DEADLINE)
    for opened in (listener, *sockets):
        opened.close()


def close_while_dialling(accepted, ask, close):
    """Close while another thread asks a silent server; what that thread raised."""
    errors = []

    def asking():
        try:
            ask()
        except BaseException as error:  # noqa: BLE001  the test looks at it
            errors.append(error)

    asker = threading.Thread(target=asking, daemon=True)
    asker.start()
    assert accepted.wait(DEADLINE)
    closer = threading.Thread(target=close, daemon=True)
    closer.start()
    closer.join(AT_ONCE)
    has_closed = not closer.is_alive()
    asker.join(AT_ONCE if has_closed else 0)
    assert has_closed, "close() waits for the dial"
    assert not asker.is_alive(), "the dial goes on after close()"
    return errors[0]


def test_close_ends_a_dial_at_once(silent_server, certificates):
    """6.8: without a timeout it would last for ever."""
    port, accepted = silent_server
    context = certificates.hyper_context()
    connection = HTTP20Connection("localhost", port, ssl_context=context, timeout=None)
    error = close_while_dialling(accepted, connection.connect, connection.close)
    assert isinstance(error, ConnectionTerminated), repr(error)
    assert "closed on this side" in str(error)
    assert not error.retryable


def test_closing_a_session_of_requests_ends_a_dial_at_once(silent_server, certificates):
    """6.8."""
    requests = pytest.importorskip("requests")
    from hyper.contrib import HTTP20Adapter

    port, accepted = silent_server
    session = requests.Session()
    session.mount("https://", HTTP20Adapter())
    session.trust_env, session.verify = False, certificates.authority
    url = f"https://localhost:{port}/"
    error = close_while_dialling(accepted, lambda: session.get(url), session.close)
    assert isinstance(error, requests.ConnectionError), repr(error)


def test_closing_a_client_of_httpx_ends_a_dial_at_once(silent_server, certificates):
    """6.8."""
    httpx = pytest.importorskip("httpx")
    from hyper.contrib.httpx import HTTP20Transport

    port, accepted = silent_server
    transport = HTTP20Transport(verify=certificates.client_context())
    client = httpx.Client(transport=transport, timeout=None)
    url = f"https://localhost:{port}/"
    error = close_while_dialling(accepted, lambda: client.get(url), client.close)
    assert isinstance(error, httpx.TransportError), repr(error)


# ---- what the kernel says (9.1)


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH])
def test_what_the_kernel_says_about_a_dead_peer_is_the_end_of_the_connection(monkeypatch, number):
    """9.1: ETIMEDOUT is a TimeoutError to Python, and to nobody else: no time of the caller's ran
    out, and waiting again would be in vain.
    """
    is_dead = threading.Event()
    receive = socket.socket.recv_into

    def recv_into(self, *arguments):
        if is_dead.is_set() and self.getpeername()[1] == origin.port:
            raise OSError(number, "by the kernel")
        return receive(self, *arguments)

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        assert is_dead.wait(DEADLINE)
        peer.write_response(stream_id, b"never read")
        peer.want_closed()

    with Origin(serve) as origin:
        monkeypatch.setattr(socket.socket, "recv_into", recv_into)
        connection = connect_to(origin, timeout=DEADLINE)
        stream_id = connection.request("GET", "/")
        is_dead.set()
        with pytest.raises(ConnectionTerminated) as caught:
            connection.getresponse(stream_id)
        assert not isinstance(caught.value, TimeoutError)
        assert not caught.value.retryable
        connection.close()


def test_the_kernel_is_told_to_give_up_a_peer_that_acknowledges_nothing():
    """9.1: not after fifteen minutes (RFC 5482; RFC 9293, 3.8.3)."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        pytest.skip("TCP_USER_TIMEOUT is not on this system")
    silent = silent_after(1, [], threading.Event())
    with Origin(silent) as origin, connect_to(origin, timeout=5.0) as connection:
        connection.connect()
        milliseconds = connection.sock.getsockopt(socket.IPPROTO_TCP, option)
        assert 5_000 <= milliseconds <= 120_000
        assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        probes = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        assert 1 <= probes <= 6


def test_a_dead_connection_takes_one_timeout_from_each_thread_and_no_more():
    """6.7; 9.1: 8 threads; all of their next requests are answered."""
    with Origin(silent_after(1, [], threading.Event())) as origin:
        with connect_to(origin) as connection:
            with connection.within(DEADLINE):
                get(connection)  # the server's SETTINGS are here, too: the waits are silent
            barrier = threading.Barrier(8)

            def ask():
                barrier.wait(DEADLINE)
                with pytest.raises(TimeoutError):
                    get(connection)
                barrier.wait(DEADLINE)
                with connection.within(DEADLINE / 2):
                    assert get(connection) == b"connection 2"

            errors = run(*(ask for _ in range(8)))
            assert not errors, errors[:3]
        assert origin.connections == 2
