"""hyper.pump: silence, dropped responses, closed connections, signal handlers (rules 11 to 15)."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, RemoteDisconnected
from hyper.errors import Failure, TimedOut
from hyper.pump.lock import InterruptibleLock, Unlocked
from hyper.testing import wire
from test.origin import Echo, Origin
from test.threads.paused import await_main_thread_asleep

DEADLINE = 10.0


def wait_in_vain(stage, timeout):
    with stage.pump.lock, pytest.raises(TimedOut):
        stage.pump.wait(stage.endpoint.has(1), (1,), timeout)


def test_a_whole_wait_in_silence_makes_a_connection_suspect_until_an_octet_comes(stage):
    """Rule 12."""
    assert not stage.pump.is_suspect
    wait_in_vain(stage, 0.1)
    assert stage.pump.is_suspect
    stage.bring(bytes([2]))
    wait_in_vain(stage, 0.1)
    assert not stage.pump.is_suspect


def test_a_short_wait_in_silence_says_nothing(stage):
    """Rule 12: a packet may be under way for longer."""
    wait_in_vain(stage, 0.01)
    assert not stage.pump.is_suspect


def test_a_wait_on_a_closed_connection_raises_what_has_ended_it(stage):
    """Rule 8: at once, and never as a ValueError of a closed socket."""
    stage.endpoint.fail(Failure(ConnectionTerminated, "gone"))
    with stage.pump.lock:
        stage.pump.close()
        for wait in (
            lambda: stage.pump.wait(lambda: False, (1,), DEADLINE),
            lambda: stage.pump.wait(lambda: False, (1,), None),
        ):
            with pytest.raises(ConnectionTerminated, match="gone"):
                wait()
        stage.pump.drain(DEADLINE)
        stage.pump.look()
        stage.pump.wait_turn(lambda: False, DEADLINE)
    stage.pump.release(1)
    assert stage.pump.fileno() == -1


def serving(*answers):
    """Serve: an answer of so many octets to each request; keep the frames' types."""

    def serve(peer):
        peer.handshake()
        for size in answers:
            stream_id, _, _ = peer.want_request()
            peer.write_response(stream_id, bytes(size))
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))

    return serve


def connect_to(origin, **options):
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, timeout=DEADLINE, **options)


def test_probe_asks_a_suspect_connection_by_ping():
    """6.7; rule 12."""
    with Origin(serving(1)) as origin, connect_to(origin) as connection:
        connection.getresponse(connection.request("GET", "/")).read()
        pump = connection._pumps.current
        with pump.lock, pytest.raises(TimedOut):
            pump.wait(lambda: False, (1,), 0.1)
        assert pump.is_suspect
        assert pump.probe(DEADLINE)
        assert not pump.is_suspect


def test_a_response_is_reset_when_it_is_dropped_without_another_call():
    """5.4.2; rule 11."""
    reset = threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.want_rst(stream_id, wire.CANCEL)
        reset.set()
        for _ in peer.arrivals():
            pass

    with Origin(serve) as origin, connect_to(origin) as connection:
        response = connection.getresponse(connection.request("GET", "/"))
        del response
        gc.collect()
        assert reset.wait(DEADLINE)


def test_a_finalizer_inside_a_step_of_its_own_thread_only_leaves_a_note():
    """Rule 11: the endpoint may be half changed."""
    sent = []

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.want_rst(stream_id, wire.CANCEL)
        for _ in peer.arrivals():
            pass

    with Origin(serve) as origin, connect_to(origin) as connection:
        response = connection.getresponse(connection.request("GET", "/"))
        pump = connection._pumps.current
        with pump.lock:
            stream = response._exchange.stream
            pump.drop_from_finalizer(stream)
            assert stream.id in pump.endpoint.streams
            sent.append(list(pump.endpoint.outbound))
        pump.collect_dropped()
        assert stream.id not in pump.endpoint.streams
    assert sent == [[]]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
@pytest.mark.parametrize("timeout", [DEADLINE, None])
def test_a_signal_handler_uses_the_connection_on_which_its_own_thread_waits(timeout):
    """Rule 14: it leads itself, and the outer wait sees what came meanwhile."""
    arrived = threading.Event()

    def serve(peer):
        peer.handshake()
        slow, _, _ = peer.want_request()
        arrived.set()
        quick, _, _ = peer.want_request()
        peer.write_response(slow, b"slow")
        peer.write_response(quick, b"quick")
        for _ in peer.arrivals():
            pass

    heard = []
    with Origin(serve) as origin:
        connection = connect_to(origin)
        connection.timeout = timeout

        def handler(_signal, _frame):
            heard.append(connection.getresponse(connection.request("GET", "/quick")).read())

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            slow = connection.request("GET", "/slow")

            def interrupt():
                arrived.wait(DEADLINE)
                await_main_thread_asleep()
                os.kill(os.getpid(), signal.SIGUSR1)

            killer = threading.Thread(target=interrupt)
            killer.start()
            assert connection.getresponse(slow).read() == b"slow"
            killer.join(DEADLINE)
        finally:
            signal.signal(signal.SIGUSR1, before)
        connection.close()
    assert heard == [b"quick"]


def test_a_wait_in_the_middle_of_a_step_of_its_own_thread_says_so():
    """Rule 14: the lock would stay held, and the step be half done."""
    lock = InterruptibleLock()
    with lock:
        with lock, pytest.raises(RuntimeError, match="signal handler"), Unlocked(lock):
            pass
        assert lock.is_held()
    assert not lock.is_held()


@pytest.mark.parametrize("ends_by", ["FIN", "RST"])
def test_goaway_says_why_however_tcp_ends(ends_by):
    """5.4.1; 6.8: the code and the debug data, in words and as attributes."""

    def serve(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM, b"too_many_pings"))
        if ends_by == "RST":
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.socket.close()

    with Origin(serve) as origin:
        connection = connect_to(origin)
        stream_id = connection.request("GET", "/")
        with pytest.raises(ConnectionTerminated, match="too_many_pings") as caught:
            connection.getresponse(stream_id)
        assert caught.value.error_code == 11
        assert caught.value.debug_data == b"too_many_pings"


def test_a_reset_without_goaway_is_told_as_it_is():
    """5.4.1."""

    def serve(peer):
        peer.handshake()
        peer.want_request()
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.socket.close()

    with Origin(serve) as origin:
        connection = connect_to(origin)
        stream_id = connection.request("GET", "/")
        with pytest.raises((ConnectionResetError, RemoteDisconnected)):
            connection.getresponse(stream_id)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc/self/fd to count in")
def test_an_idle_connection_costs_one_descriptor(certificates):
    """9.1: the wakeup's pair is there only while somebody waits."""
    with Echo(certificates.server_context()) as origin:
        options = {"ssl_context": certificates.hyper_context(), "timeout": DEADLINE}
        connections = [HTTP20Connection("localhost", origin.port, **options) for _ in range(20)]
        connections[0].getresponse(connections[0].request("GET", "/")).read()
        before = set(Path("/proc/self/fd").iterdir())
        for connection in connections[1:]:
            connection.getresponse(connection.request("GET", "/")).read()
        sockets = 2 * (len(connections) - 1)  # the server's too
        assert len(set(Path("/proc/self/fd").iterdir()) - before) <= sockets + 2
        for connection in connections:
            connection.close()
