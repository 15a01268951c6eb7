"""Requests given up on are bounded and freed; what cannot be sent is refused before that.

Signals, too: a handler may use the very connection on which its own thread waits.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, HTTPConnection, HTTPSConnection
from hyper.errors import ResponseNotReady
from hyper.testing import wire
from test.origin import Echo, Origin
from test.scripted.steps import want
from test.threads.paused import await_main_thread_asleep

SHORT = 0.3
DEADLINE = 10.0
ROOT = Path(__file__).resolve().parent.parent.parent

# Requests that an object keeps without anybody having asked for their answers: the oldest beyond
# them are given up.
MAX_UNASKED = 1000

# Octets that an idle connection may cost: half of what it did when this was first measured.
IDLE_COST = 180 * 1024


def connect_to(origin, **options):
    options.setdefault("timeout", DEADLINE)
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, **options)


def objects():
    """How many objects of hyper's are alive in this process."""
    gc.collect()
    return sum(str(type(each).__module__).startswith("hyper.") for each in gc.get_objects())


def mute(peer):
    """A server that reads all and says nothing but what it must."""
    peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1_000_000})
    for frame, _, _ in peer.arrivals():
        if frame.type == wire.PING and not frame.ack:
            peer.write(wire.ping(frame.payload, ack=True))


# ---- what nobody asks for any more


def test_thousands_of_timeouts_leave_no_more_than_a_bound():
    """5.4.2: the oldest are reset; whoever asks for one of them is told."""
    count = 3 * MAX_UNASKED
    with Origin(mute) as origin, connect_to(origin) as connection:
        connection.ping()
        before = objects()
        ids = []
        for _ in range(count):
            ids.append(connection.request("GET", "/"))
            with connection.within(0), pytest.raises(TimeoutError):
                connection.getresponse(ids[-1])
        per_request = (objects() - before) / count
        assert per_request < 4, "they are kept for ever"
        with pytest.raises(ResponseNotReady, match="given up"):
            connection.getresponse(ids[0])
        with connection.within(0), pytest.raises(TimeoutError):
            connection.getresponse(ids[-1])
        connection.ping()
        resets = [f for f in origin.peers[0].frames if f.type == wire.RST_STREAM]
        assert {frame.error_code for frame in resets} == {wire.CANCEL}
        assert len(resets) >= count - MAX_UNASKED - 1


def test_a_timeout_says_which_stream_it_is_about():
    """8.1: by the id that request() gave."""
    with Origin(mute) as origin, connect_to(origin) as connection:
        stream_id = connection.request("GET", "/")
        connection.timeout = 0.01
        with pytest.raises(TimeoutError) as caught:
            connection.getresponse(stream_id)
        assert caught.value.stream_id == stream_id
        connection.cancel(caught.value.stream_id)
        with pytest.raises(ResponseNotReady):
            connection.getresponse(stream_id)
        connection.timeout = 0
        with pytest.raises(TimeoutError) as caught:  # this wait is for no response
            connection.ping()
        assert caught.value.stream_id is None


def test_answers_that_nobody_asks_for_do_not_stop_the_connection():
    """5.2.2: `unread_limit` is for those who read late, and not for ever for those who never do."""
    content = bytes(8192)
    settings = {wire.SETTINGS_INITIAL_WINDOW_SIZE: 16384}
    unread_limit = 64 * 16384

    def serve(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1_000_000})
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                peer.write_response(frame.stream_id, content)

    options = {"settings": settings, "unread_limit": unread_limit}
    with Origin(serve) as origin, connect_to(origin, **options) as connection:
        for _ in range(3 * MAX_UNASKED // 10):
            stream_id = connection.request("GET", "/")
            with connection.within(2.0):
                connection.ping()  # so that the answer is here
        assert connection.getresponse(stream_id).read() == content


def test_what_nobody_asks_for_is_bounded_over_connections_too():
    """6.8: GOAWAY after GOAWAY; each former connection holds answers that nobody reads."""
    with Echo(goaway_every=50) as origin, connect_to(origin) as connection:
        connection.ping()
        before = objects()
        for turn in range(2 * MAX_UNASKED):
            connection.request("GET", f"/{turn}")
            if turn % 50 == 49:
                with contextlib.suppress(ConnectionTerminated):
                    connection.ping()  # so that the answers are here
        assert objects() - before < 20 * MAX_UNASKED
        newest = connection.request("GET", "/newest")
        assert connection.getresponse(newest).read() == Echo.answer_to("GET", "/newest")


# ---- a response that is dropped in the middle (5.4.2)


@pytest.mark.parametrize("kind", ["response", "stream", "unasked"])
def test_what_is_dropped_is_reset_soon_though_no_call_follows(scripted_peer, kind):
    """5.4.2: the server must not go on for a reader who has gone."""

    def script(peer):
        peer.handshake()
        stream_id = peer.want_headers() and peer.last.stream_id
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"first")
        assert peer.want_rst(stream_id) == wire.CANCEL

    peer = scripted_peer(script, None, 3.0)
    connection = HTTP20Connection(peer.host, peer.port, secure=False, timeout=DEADLINE)
    if kind == "stream":
        stream = connection.open_stream("POST", "/")
        assert stream.read1() == b"first"
        del stream
    elif kind == "response":
        response = connection.getresponse(connection.request("GET", "/"))
        assert response.read(5) == b"first"
        del response
    else:
        stream_id = connection.request("GET", "/")
        connection.cancel(stream_id)
    gc.collect()
    peer.join()
    connection.close()


# ---- signals


@pytest.fixture
def on_signal():
    """Call a function in the main thread when the returned one is called in another."""
    calls = []
    former = signal.signal(signal.SIGUSR1, lambda *_: calls[0]())

    def arrange(call):
        calls.append(call)
        return lambda: (await_main_thread_asleep(), os.kill(os.getpid(), signal.SIGUSR1))

    yield arrange
    signal.signal(signal.SIGUSR1, former)


@pytest.mark.timeout(15)
@pytest.mark.parametrize("timeout", [2.0, None])
def test_a_handler_may_use_the_connection_on_which_its_own_thread_waits(on_signal, timeout):
    """8.1: its request is answered, and then that of the thread."""
    answers = []
    connections = []

    def handler():
        connection = connections[0]
        stream_id = connection.request("GET", "/handler")
        answers.append(connection.getresponse(stream_id).read())

    notify = on_signal(handler)

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer, (":path", "/thread"))
        notify()
        second, _, _ = want(peer, (":path", "/handler"))
        peer.write_response(second, b"to the handler")
        peer.fence()
        peer.write_response(first, b"to the thread")

    def serve(peer):
        script(peer)
        peer.want_goaway()

    with Origin(serve, deadline=3.0) as origin:
        connection = connect_to(origin, timeout=timeout)
        connections.append(connection)
        stream_id = connection.request("GET", "/thread")
        # Without a timeout a hang is ended by the server, after its deadline.
        answer = connection.getresponse(stream_id).read()
        assert answers == [b"to the handler"]
        assert answer == b"to the thread"
        connection.close()


def test_a_handler_may_close_the_connection_on_which_its_own_thread_waits(on_signal):
    """6.8: the wait ends by it."""
    connections = []
    notify = on_signal(lambda: connections[0].close())  # noqa: PLW0108  there is none yet

    def serve(peer):
        peer.handshake()
        want(peer)
        notify()
        peer.want_goaway()

    with Origin(serve) as origin:
        connection = connect_to(origin)
        connections.append(connection)
        stream_id = connection.request("GET", "/")
        with pytest.raises(ConnectionTerminated, match="closed on this side") as caught:
            connection.getresponse(stream_id)
        assert not caught.value.retryable


# ---- timeouts that are none


NO_TIMEOUTS = [-1, -0.001, math.nan, -math.inf]


@pytest.mark.parametrize("seconds", NO_TIMEOUTS)
@pytest.mark.parametrize("option", ["timeout", "continue_timeout", "keepalive"])
def test_a_negative_time_is_refused_where_a_connection_is_made(option, seconds):
    """As http.client does it, where it connects."""
    with pytest.raises(ValueError, match=option):
        HTTP20Connection("localhost", **{option: seconds})


@pytest.mark.parametrize("seconds", NO_TIMEOUTS)
def test_a_negative_time_is_refused_wherever_else_it_is_given(scripted_peer, seconds):
    """At once, and nothing has changed."""

    def script(peer):
        peer.handshake()
        stream_id = peer.want_headers() and peer.last.stream_id
        peer.write_response(stream_id, b"whole")
        peer.want_rst(stream_id, wire.CANCEL)  # nobody ended the request
        peer.want_goaway()

    peer = scripted_peer(script)
    with HTTP20Connection(peer.host, peer.port, secure=False, timeout=DEADLINE) as connection:
        with pytest.raises(ValueError, match="timeout"):
            connection.timeout = seconds
        with pytest.raises(ValueError, match="timeout"):
            connection.continue_timeout = seconds
        with pytest.raises(ValueError, match="within"), connection.within(seconds):
            pass
        assert connection.timeout == DEADLINE
        stream = connection.open_stream("POST", "/")
        with pytest.raises(ValueError, match="timeout"):
            stream.timeout = seconds
        with stream:
            assert stream.read() == b"whole"


@pytest.mark.parametrize("seconds", NO_TIMEOUTS)
@pytest.mark.parametrize("kind", ["prior", "tls", "view"])
def test_the_dropin_refuses_a_negative_time(scripted_peer, certificates, kind, seconds):
    """http.client raises ValueError when it connects; so may this, then or before."""

    def script(peer):
        if kind == "view":
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write_response(stream_id, b"whole")
            peer.want_goaway()

    secure = kind == "tls"
    peer = scripted_peer(script, certificates.server_context() if secure else None)
    if kind == "view":
        connection = HTTPConnection(peer.host, peer.port, DEADLINE, http2="prior")
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"whole"
        with pytest.raises(ValueError, match=r"imeout"):
            connection.sock.settimeout(seconds)
        connection.close()
        return
    with pytest.raises(ValueError, match=r"imeout"):  # noqa: PT012  in whichever of the two
        if secure:
            context = certificates.client_context()
            HTTPSConnection("localhost", peer.port, timeout=seconds, context=context).connect()
        else:
            HTTPConnection(peer.host, peer.port, seconds, http2="prior").connect()


@pytest.mark.parametrize("seconds", NO_TIMEOUTS)
def test_httpx_refuses_a_negative_time(certificates, seconds):
    """A read timeout below nothing is no timeout."""
    httpx = pytest.importorskip("httpx")
    from hyper.contrib.httpx import HTTP20Transport

    with Echo(certificates.server_context()) as origin:
        transport = HTTP20Transport(verify=certificates.client_context())
        with httpx.Client(transport=transport) as client, pytest.raises(ValueError, match="imeout"):
            client.get(f"https://localhost:{origin.port}/", timeout=seconds)


# ---- what an idle connection costs


def idle_cost(origin, count, **options):
    """Octets and descriptors for each of so many connections that are idle after one request."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    opened = []

    def descriptors():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    def use(connection):
        stream_id = connection.request("GET", "/")
        connection.getresponse(stream_id).read()

    make = lambda: HTTP20Connection("localhost", origin.port, timeout=DEADLINE, **options)  # noqa: E731
    for _ in range(3):  # what is made once
        opened.append(make())
        use(opened[-1])
    gc.collect()
    tracemalloc.start()
    try:
        files, before = descriptors(), tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            opened.append(make())
            thread = threading.Thread(target=use, args=(opened[-1],))
            thread.start()  # two threads, so that whatever that needs is there
            thread.join()
        hyper_files = "*/hyper/*"
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
        found = snapshot.filter_traces([tracemalloc.Filter(True, hyper_files)])
        octets = sum(trace.size for trace in found.traces)
        files = descriptors() - files
    finally:
        tracemalloc.stop()
        for connection in opened:
            connection.close()
    del before
    # The server's side of each is in this process, too: one descriptor.
    return octets / count, files / count - 1


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc/self/fd to count in")
def test_an_idle_connection_costs_little(certificates):
    """A crawler holds hundreds of them."""
    with Echo(certificates.server_context()) as origin:
        octets, files = idle_cost(origin, 20, ssl_context=certificates.hyper_context())
    print(f"{octets / 1024:.0f} KiB and {files:.1f} descriptors an idle connection")
    assert octets < IDLE_COST
    assert files < 2


# ---- the end of the process


PROGRAM = """
import sys, threading, hyper
connection = hyper.HTTP20Connection("127.0.0.1", int(sys.argv[1]), secure=False, timeout=5)
response = connection.getresponse(connection.request("GET", "/"))
stream = connection.open_stream("POST", "/stream")
pending = connection.request("GET", "/pending")
waiting = threading.Thread(target=lambda: connection.ping(), daemon=True)
waiting.start()
"""


@pytest.mark.parametrize("isolated", [[], ["-X", "dev"]], ids=["plain", "dev"])
def test_the_interpreters_end_is_quiet_with_everything_still_open(isolated):
    """Nothing is printed, and no destructor finds the module empty."""

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"half")
        for _ in peer.arrivals():
            pass

    with Origin(serve) as origin:
        done = subprocess.run(
            [sys.executable, *isolated, "-c", PROGRAM, str(origin.port)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    lines = [line for line in done.stderr.splitlines() if "unclosed <socket" not in line]
    lines = [line for line in lines if "ResourceWarning" not in line]
    assert not lines
    assert done.returncode == 0
