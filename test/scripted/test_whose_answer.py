"""Each caller gets the answer to the request that it made, whatever happens to the connection.

The ids that callers hold are the object's own: odd, rising, and never given twice in its life. The
identifier on the wire (RFC 9113, 5.1.1) is decided when the HEADERS leave.
"""

from __future__ import annotations

import itertools
import threading

import pytest

from hyper import ConnectionTerminated, HTTP20Connection, HTTPConnection, HTTPSConnection
from hyper.errors import HTTP20Error
from hyper.testing import wire
from test.origin import Echo, Origin
from test.scripted.steps import want
from test.threads.paused import interleaved
from test.threads.test_shared import run

# Seconds for a wait that must end in vain.
SHORT = 0.1

# Seconds after which a thread that runs no line sleeps in the kernel.
SLEEPING = 0.5

# A deadline for what must not hang.
DEADLINE = 10.0


def connect_to(origin, **options):
    options.setdefault("timeout", DEADLINE)
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, **options)


def ask_whole(connection, path):
    stream_id = connection.request("GET", path)
    return stream_id, connection.getresponse(stream_id).read()


def ask_in_pieces(connection, path, who, content):
    """One request, piece by piece; its id, the response's and the answer."""
    stream_id = connection.putrequest("POST", path)
    connection.putheader("authorization", who, stream_id=stream_id)
    connection.putheader("content-length", len(content), stream_id=stream_id)
    connection.endheaders(stream_id=stream_id)
    half = len(content) // 2
    connection.send(content[:half], stream_id=stream_id)
    connection.send(content[half:], final=True, stream_id=stream_id)
    response = connection.getresponse(stream_id)
    return stream_id, response.stream_id, response.read()


# ---- ids (RFC 9113, 5.1.1)


def test_two_reservations_never_have_one_id_though_the_connection_is_replaced_between():
    """5.1.1: thread A is stopped before each line of putrequest in turn; meanwhile the server says
    GOAWAY, and thread B reserves on the next connection.
    """
    with Echo() as origin:
        for at in itertools.count(1):
            with connect_to(origin) as connection:
                ask_whole(connection, "/warm")

                def replace_and_reserve(connection=connection):
                    ask_whole(connection, "/last")
                    return connection.putrequest("POST", "/bob")

                both = interleaved(
                    lambda connection=connection: connection.putrequest("POST", "/alice"),
                    replace_and_reserve,
                    at,
                )
                if both is None:
                    break
                alice, bob = (each.end() for each in both)
                assert alice != bob, f"both have stream id {alice}; stopped at {both[0].where}"
                for stream_id, who in ((alice, "Alice"), (bob, "Bob")):
                    connection.putheader("authorization", who, stream_id=stream_id)
                for stream_id in (alice, bob):
                    connection.endheaders(stream_id=stream_id)
                for stream_id, who in ((bob, b"Bob's"), (alice, b"Alice's")):
                    connection.send(who, final=True, stream_id=stream_id)
                for stream_id, path, who in ((alice, "/alice", "Alice"), (bob, "/bob", "Bob")):
                    try:
                        answer = connection.getresponse(stream_id).read()
                    except HTTP20Error as error:  # GOAWAY came when HEADERS had left
                        assert error.retryable  # noqa: PT017
                        continue
                    content = f"{who}'s".encode()
                    assert answer == Echo.answer_to("POST", path, who, content)
    assert at > 5, "the thread was hardly ever stopped"


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_request_in_pieces_is_answered_or_raises_wherever_a_goaway_meets_it(first):
    """6.8; 8.7: lines of the whole exchange, from putrequest to the end of the answer."""
    content = bytes(range(256))
    with Echo() as origin:
        for at in itertools.count(first, 12):
            path = f"/alice/{at}"
            with connect_to(origin) as connection:
                ask_whole(connection, "/warm")

                def end_it_and_ask(connection=connection, at=at):
                    ask_whole(connection, "/last")
                    return ask_in_pieces(connection, f"/bob/{at}", "Bob", content[::-1])

                both = interleaved(
                    lambda connection=connection, path=path: ask_in_pieces(
                        connection, path, "Alice", content
                    ),
                    end_it_and_ask,
                    at,
                )
                if both is None:
                    break
                alice, bob = both
                stream_id, answered_id, answer = bob.end()
                assert stream_id == answered_id
                expected = Echo.answer_to("POST", f"/bob/{at}", "Bob", content[::-1])
                assert answer == expected, alice.where
                try:
                    stream_id, answered_id, answer = alice.end()
                except HTTP20Error as error:
                    # Its pieces are gone, and the server has not processed it: the caller is told.
                    assert error.retryable, f"{error!r}; stopped at {alice.where}"  # noqa: PT017
                    assert not origin.processed[path]
                else:
                    assert stream_id == answered_id, alice.where
                    assert answer == Echo.answer_to("POST", path, "Alice", content), alice.where
        assert max(origin.processed.values()) <= at
        assert all(n == 1 for path, n in origin.processed.items() if path.count("/") == 2)


def test_ids_are_odd_and_rise_over_all_connections_of_an_object():
    """5.1.1: nothing that a caller holds names two requests."""
    with Echo(goaway_every=3) as origin, connect_to(origin) as connection:
        ids = []
        for turn in range(20):
            stream_id = connection.request("GET", f"/{turn}")
            response = connection.getresponse(stream_id)
            assert response.stream_id == stream_id
            assert response.read() == Echo.answer_to("GET", f"/{turn}")
            ids.append(stream_id)
        assert ids == sorted(set(ids))
        assert all(stream_id % 2 for stream_id in ids)
        assert origin.connections >= 6


def test_a_response_says_the_id_that_request_gave_though_it_went_out_twice(connect):
    """6.8; 8.7: the second time it has another id on the wire."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = want(peer, (":path", "/first"))
        peer.write_response(stream_id, b"first")
        want(peer, (":path", "/second"))
        peer.write(wire.goaway(stream_id))
        peer.accept()
        peer.handshake()
        again, _, _ = want(peer, (":path", "/second"))
        peer.write_response(again, b"second")

    connection = connect(script)
    connection.request("GET", "/first")
    assert connection.getresponse().read() == b"first"
    stream_id = connection.request("GET", "/second")
    response = connection.getresponse(stream_id)
    assert (response.stream_id, response.read()) == (stream_id, b"second")


# ---- uploads in pieces while the server says GOAWAY after every five requests (6.8)


def test_uploads_in_pieces_of_16_threads_are_never_mixed_by_goaways():
    """6.8: each is answered with its own path, authorization and content, or raises."""
    wrong, processed = [], []
    with Echo(goaway_every=5) as origin, connect_to(origin) as connection:

        def ask(thread):
            for turn in range(15):
                path, who = f"/{thread}/{turn}", f"user {thread}"
                content = f"{thread}:{turn};".encode() * 50
                while True:
                    try:
                        stream_id, answered, answer = ask_in_pieces(connection, path, who, content)
                    except HTTP20Error as error:
                        assert error.retryable, error  # noqa: PT017
                        continue
                    break
                processed.append(path)
                if stream_id != answered or answer != Echo.answer_to("POST", path, who, content):
                    wrong.append((path, answer[:60]))

        errors = run(*(lambda n=n: ask(n) for n in range(16)))
    assert not wrong
    assert not errors, errors[:3]
    assert len(processed) == 16 * 15
    assert set(origin.processed.values()) == {1}


def test_uploads_through_httpx_are_never_mixed_by_goaways(certificates):
    """6.8: by a transport that 16 threads share; none is lost."""
    httpx = pytest.importorskip("httpx")
    from hyper.contrib.httpx import HTTP20Transport

    wrong = []
    with Echo(certificates.server_context(), goaway_every=5) as origin:
        transport = HTTP20Transport(verify=certificates.client_context())
        url = f"https://localhost:{origin.port}"
        with httpx.Client(transport=transport, timeout=DEADLINE) as client:

            def ask(thread):
                for turn in range(10):
                    path, who = f"/{thread}/{turn}", f"user {thread}"
                    content = f"{thread}:{turn};".encode() * 50
                    headers = {"authorization": who}
                    response = client.post(url + path, content=content, headers=headers)
                    if response.content != Echo.answer_to("POST", path, who, content):
                        wrong.append((path, response.content[:60]))

            errors = run(*(lambda n=n: ask(n) for n in range(16)))
    assert not wrong
    assert not errors, errors[:3]
    assert set(origin.processed.values()) == {1}


# ---- requests without ids, after a wait that ended in vain


@pytest.fixture(params=["HTTP20Connection", "HTTPConnection", "HTTPSConnection"])
def connect_each(request, scripted_peer, certificates):
    """Start a script and give a connection whose requests are asked for without ids."""
    opened = []

    def start(script, **options):
        options.setdefault("timeout", DEADLINE)
        if request.param == "HTTPSConnection":
            peer = scripted_peer(script, certificates.server_context())
            options["context"] = certificates.client_context()
            connection = HTTPSConnection("localhost", peer.port, **options)
        elif request.param == "HTTPConnection":
            peer = scripted_peer(script)
            connection = HTTPConnection(peer.host, peer.port, http2="prior", **options)
        else:
            peer = scripted_peer(script)
            connection = HTTP20Connection(peer.host, peer.port, secure=False, **options)
        opened.append(connection)
        return connection

    yield start
    for connection in opened:
        connection.close()


def set_timeout(connection, seconds):
    """For the waits to come, by the means of each class."""
    connection.timeout = seconds
    if isinstance(connection, HTTPConnection):
        connection.sock.settimeout(seconds)


def time_out(connection):
    """Ask for /a, and wait for the answer in vain."""
    connection.request("GET", "/a")
    set_timeout(connection, SHORT)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    set_timeout(connection, DEADLINE)


def test_a_late_answer_is_never_that_of_the_next_request(connect_each):
    """8.1: a request that was left after a timeout is reset, and its answer goes nowhere."""
    is_late = threading.Event()

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer, (":path", "/a"))
        assert is_late.wait(DEADLINE)
        peer.want_rst(first, wire.CANCEL)
        second, _, _ = want(peer, (":path", "/b"))
        peer.write_response(first, b"answer to /a")
        peer.write_response(second, b"answer to /b")

    connection = connect_each(script)
    time_out(connection)
    is_late.set()
    connection.request("GET", "/b")
    assert connection.getresponse().read() == b"answer to /b"


def test_after_a_timeout_the_same_answer_may_be_waited_for_again(connect_each):
    """8.1: as long as no other request was made."""
    may_answer = threading.Event()

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer)
        assert may_answer.wait(DEADLINE)
        peer.write_response(first, b"answer to /a")

    connection = connect_each(script)
    time_out(connection)
    may_answer.set()
    assert connection.getresponse().read() == b"answer to /a"


def test_an_id_may_be_waited_for_again_though_other_requests_were_made(connect):
    """8.1: whoever uses ids has said which answer is meant, and loses none."""
    is_late = threading.Event()

    def script(peer):
        peer.handshake()
        first, _, _ = want(peer)
        assert is_late.wait(DEADLINE)
        second, _, _ = want(peer)
        peer.write_response(second, b"second")
        peer.write_response(first, b"first")

    connection = connect(script)
    first = connection.request("GET", "/a")
    with connection.within(SHORT), pytest.raises(TimeoutError) as caught:
        connection.getresponse(first)
    assert getattr(caught.value, "stream_id", None) == first
    is_late.set()
    second = connection.request("GET", "/b")
    assert connection.getresponse(second).read() == b"second"
    assert connection.getresponse(first).read() == b"first"


@pytest.mark.parametrize("kind", ["HTTP20Connection", "HTTPConnection"])
def test_a_wait_that_a_signal_ends_leaves_its_answer_to_no_other_request(alarm, kind):
    """8.1: as after a timeout; the connection may have ended with it, in the middle of a step."""

    def serve(peer):
        peer.handshake()
        first, fields, _ = peer.want_request()
        if peer.number == 1:
            assert (":path", "/a") in fields
            alarm()
            peer.want_rst(first, wire.CANCEL)
            second, _, _ = want(peer, (":path", "/b"))
            peer.write_response(first, b"answer to /a")
            peer.write_response(second, b"answer to /b")
        else:
            assert (":path", "/b") in fields
            peer.write_response(first, b"answer to /b")
        peer.want_goaway()

    with Origin(serve) as origin:
        if kind == "HTTPConnection":
            connection = HTTPConnection("127.0.0.1", origin.port, DEADLINE, http2="prior")
        else:
            connection = connect_to(origin)
        with pytest.raises(alarm.error):  # noqa: PT012  in whichever of the two
            connection.request("GET", "/a")
            connection.getresponse()
        connection.request("GET", "/b")
        assert connection.getresponse().read() == b"answer to /b"
        connection.close()


# ---- a wait on a connection that another thread closes


def put_header(connection, stream_id):
    connection.putheader("x-name", "value", stream_id=stream_id)


STEPS = {
    "putheader": put_header,
    "endheaders": lambda connection, stream_id: connection.endheaders(stream_id=stream_id),
    "getresponse": lambda connection, stream_id: connection.getresponse(stream_id),
    "send": lambda connection, stream_id: connection.send(b"content", stream_id=stream_id),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_request_in_pieces_that_another_thread_closed_says_so_at_each_further_step(step):
    """6.8: it is no fault of the caller's, who has its id."""

    def serve(peer):
        peer.handshake()
        for _ in peer.arrivals():
            pass

    with Origin(serve) as origin, connect_to(origin) as connection:
        stream_id = connection.putrequest("POST", "/")
        if step in ("getresponse", "send"):
            connection.endheaders(stream_id=stream_id)
        else:
            connection.connect()
        assert not run(connection.close)
        with pytest.raises(ConnectionTerminated, match="closed on this side"):
            STEPS[step](connection, stream_id)


WAITS = {
    "header section": lambda _, stream: stream.status,
    "content": lambda _, stream: stream.read(),
    "ping": lambda connection, _: connection.ping(),
    "room": lambda _, stream: stream.write(bytes(100)),
    "turn": lambda connection, _: connection.request("GET", "/second"),
}


def deaf(peer):
    """One stream, no room, and no answer to anything but the first PING."""
    peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1, wire.SETTINGS_INITIAL_WINDOW_SIZE: 0})
    answered = False
    for frame, _, _ in peer.arrivals():
        if frame.type == wire.PING and frame.payload != b"measures" and not answered:
            answered = True
            peer.write(wire.ping(frame.payload, ack=True))


@pytest.mark.parametrize("waits_for", WAITS)
@pytest.mark.parametrize("room", ["client", "pump"])
def test_close_ends_a_wait_with_one_error_in_whatever_moment_it_comes(waits_for, room):
    """6.8: the waiting thread is stopped before each of its lines in turn, while another closes."""
    with Origin(deaf) as origin:
        for at in itertools.count(1):
            connection = connect_to(origin, timeout=1.0)
            with connection.within(DEADLINE):
                connection.ping()
            stream = connection.open_stream("POST", "/never")
            both = interleaved(
                lambda connection=connection, stream=stream: WAITS[waits_for](connection, stream),
                connection.close,
                at,
                (room,),
                SLEEPING,
            )
            if both is None:  # it sleeps in the kernel: there is no further line
                connection.close()
                break
            waiting, closing = both
            closing.end()
            connection.close()
            own = waiting.error is None or isinstance(waiting.error, TimeoutError)
            if own and waits_for in ("ping", "turn"):
                continue  # it began after the close, on a connection of its own
            assert isinstance(waiting.error, ConnectionTerminated), (
                f"{waiting.error!r}; stopped at {waiting.where}"
            )
            assert not waiting.error.retryable, waiting.where
    assert at > 3, "the thread was hardly ever stopped"
