"""Nobody gets the answer to another request: after a timeout, a signal, a close (RFC 9113, 8.1)."""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from http.client import CannotSendRequest, RemoteDisconnected, ResponseNotReady

import pytest

from hyper import ConnectionTerminated, HTTPConnection, HTTPSConnection
from hyper.client.pumps import CLOSED
from hyper.testing import DEADLINE, wire

#: Seconds for a wait that must end in vain.
SHORT = 0.1


def run(act):
    """Call act in another thread, and wait for its end."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive(), "it hangs"


def wait_until_it_waits(connection):
    """Return when another thread sleeps in the kernel until a response comes."""
    pump = connection.sock._session._pumps.current
    deadline = time.monotonic() + DEADLINE
    while not pump._sleepers:
        assert time.monotonic() < deadline


def wait_in_vain(connection, kind=TimeoutError):
    """Ask for a response that does not come in time."""
    connection.sock.settimeout(SHORT)
    with pytest.raises(kind):
        connection.getresponse()
    connection.sock.settimeout(DEADLINE)


def test_a_late_answer_is_never_that_of_the_next_request(connect):
    """8.1; 5.4.2: the request that was left is reset, and its answer goes nowhere."""

    def script(peer):
        peer.handshake()
        for stream_id in (1, 3):
            peer.want_request(stream_id)
            peer.want_rst(stream_id, wire.CANCEL)
            peer.write_response(stream_id, b"late")
        peer.write_response(peer.want_request(5)[0], b"answer to /c")

    connection = connect(script)
    for path in ("/a", "/b"):
        connection.request("GET", path)
        wait_in_vain(connection)
    connection.request("GET", "/c")
    assert connection.getresponse().read() == b"answer to /c"


def test_after_a_timeout_the_same_answer_may_be_waited_for_again(connect):
    """8.1: as long as no other request was made."""
    may_answer = threading.Event()

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        assert may_answer.wait(DEADLINE)
        peer.write_response(stream_id, b"answer to /a")

    connection = connect(script)
    connection.request("GET", "/a")
    wait_in_vain(connection)
    wait_in_vain(connection)
    may_answer.set()
    assert connection.getresponse().read() == b"answer to /a"


def test_requests_behind_a_late_one_keep_their_answers(connect):
    """5.1.2: of two that are under way, the oldest alone was waited for in vain."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        peer.want_request(3)
        peer.write(wire.ping())  # without an octet in a whole wait, it would be asked for a sign
        peer.want_rst(1, wire.CANCEL)
        peer.want_request(5)
        for stream_id in (1, 5, 3):
            peer.write_response(stream_id, b"answer to %d" % stream_id)

    connection = connect(script)
    connection.request("GET", "/a")
    connection.request("GET", "/b")
    assert select.select([connection.sock], [], [], DEADLINE)[0]
    wait_in_vain(connection)
    connection.request("GET", "/c")
    assert connection.getresponse().read() == b"answer to 3"
    assert connection.getresponse().read() == b"answer to 5"


def test_a_late_answer_on_a_connection_that_takes_no_more_requests_can_be_had(connect):
    """6.8: what was sent before GOAWAY is answered, however often it is waited for."""
    may_answer = threading.Event()

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        peer.write(wire.goaway(1))
        assert may_answer.wait(DEADLINE)
        peer.write_response(1, b"late")

    connection = connect(script)
    connection.request("GET", "/a")
    wait_in_vain(connection)
    may_answer.set()
    assert connection.getresponse().read() == b"late"


def test_a_wait_that_a_signal_ends_leaves_its_answer_to_no_other_request(
    scripted_peer, opened, alarm
):
    """8.1: as after a timeout."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        wait_until_it_waits(connection)
        alarm()
        peer.want_rst(1, wire.CANCEL)
        peer.write_response(1, b"answer to /a")
        peer.write_response(peer.want_request(3)[0], b"answer to /b")

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, timeout=DEADLINE, http2="prior")
    opened.callback(connection.close)
    connection.request("GET", "/a")
    with pytest.raises(alarm.error):
        connection.getresponse()
    connection.request("GET", "/b")
    assert connection.getresponse().read() == b"answer to /b"


class TestInHTTP11:
    """HTTP/1.1 has one answer at a time: http.client takes no other request before it."""

    def test_no_request_follows_one_whose_answer_did_not_come(self, old_peer):
        """RFC 9112, 9.3."""
        is_closed = threading.Event()

        def script(peer):
            peer.want_until()
            assert is_closed.wait(DEADLINE)
            peer.accept()
            assert peer.want_until().startswith(b"GET /b ")
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nanswer to /b")

        connection = old_peer(script)
        connection.request("GET", "/a")
        wait_in_vain(connection, socket.timeout)  # TimeoutError since Python 3.10
        with pytest.raises(CannotSendRequest):
            connection.request("GET", "/b")
        connection.close()
        is_closed.set()
        connection.request("GET", "/b")
        assert connection.getresponse().read() == b"answer to /b"

    def test_the_same_answer_may_be_waited_for_again(self, old_peer):
        """RFC 9112, 9.3."""
        may_answer = threading.Event()

        def script(peer):
            peer.want_until()
            assert may_answer.wait(DEADLINE)
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nanswer to /a")

        connection = old_peer(script)
        connection.request("GET", "/a")
        wait_in_vain(connection, socket.timeout)  # TimeoutError since Python 3.10
        may_answer.set()
        assert connection.getresponse().read() == b"answer to /a"


def silent(peer):
    peer.want_preface()
    peer.want_settings()
    peer.want_request()


class TestCloseByAnotherThread:
    """6.8: who waits, or is about to, learns that there was a request, and what became of it."""

    def test_before_the_response_is_asked_for(self, connect):
        connection = connect(silent)
        connection.request("GET", "/")
        run(connection.close)
        with pytest.raises(RemoteDisconnected, match=CLOSED) as caught:
            connection.getresponse()
        assert isinstance(caught.value.__cause__, ConnectionTerminated)

    def test_while_the_response_is_waited_for(self, connect):
        connection = connect(silent)
        connection.request("GET", "/")
        caught = []

        def ask():
            with pytest.raises(RemoteDisconnected, match=CLOSED) as error:
                connection.getresponse()
            caught.append(error.value.__cause__)

        def close():
            wait_until_it_waits(connection)
            connection.close()

        closing = threading.Thread(target=close, daemon=True)
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        closing.start()
        asking.join(DEADLINE)
        closing.join(DEADLINE)
        assert [type(error) for error in caught] == [ConnectionTerminated]

    def test_one_s_own_close_is_as_http_client_s(self, connect):
        connection = connect(silent)
        connection.request("GET", "/")
        connection.close()
        with pytest.raises(ResponseNotReady):
            connection.getresponse()

    def test_it_does_not_wait_for_a_connection_that_is_being_made(self, certificates, opened):
        """A server that accepts and says nothing: without a timeout, TLS would wait for ever."""
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        connection = HTTPSConnection(
            "localhost",
            listener.getsockname()[1],
            timeout=None,
            context=certificates.client_context(),
        )
        errors = []

        def connect():
            try:
                connection.connect()
            except OSError as error:
                errors.append(error)

        connecting = threading.Thread(target=connect, daemon=True)
        connecting.start()
        accepted, _ = listener.accept()
        accepted.recv(1)
        run(connection.close)
        accepted.close()
        connecting.join(DEADLINE)
        assert errors


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, -math.inf])
class TestATimeoutThatIsNoTime:
    """http.client raises ValueError, after it has made a socket."""

    @pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
    def test_it_is_refused_before_there_is_a_socket(self, monkeypatch, kind, seconds):
        made = []
        monkeypatch.setattr(socket, "socket", made.append)
        connection = kind("localhost", timeout=seconds)
        with pytest.raises(ValueError, match="timeout"):
            connection.request("GET", "/")
        assert made == []

    def test_the_socket_of_a_connection_takes_none(self, connect, seconds):
        connection = connect(silent)
        connection.request("GET", "/")
        with pytest.raises(ValueError, match="timeout"):
            connection.sock.settimeout(seconds)
        assert connection.sock.gettimeout() == DEADLINE
