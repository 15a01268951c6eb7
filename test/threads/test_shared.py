"""One connection and many threads, by the public names alone: every answer finds its asker."""

from __future__ import annotations

import random
import threading
from http.client import ResponseNotReady

import pytest

from hyper import HTTP20Connection
from hyper.errors import ConnectionTerminated
from hyper.testing import wire
from test.threads.fake_network import tiny_switch_interval

# Seconds until a hang is called a hang.
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def switching():
    """Threads change places as often as they can."""
    with tiny_switch_interval():
        yield


def connect(peer, **options):
    return HTTP20Connection("127.0.0.1", peer.port, secure=False, timeout=10, **options)


def run(*acts):
    """Each act in a thread of its own; the exceptions that they raised."""
    errors: list[BaseException] = []

    def guarded(act):
        try:
            act()
        except BaseException as error:  # noqa: BLE001  the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "a thread hangs"
    return errors


def nothing_is_left(connection):
    pump = connection._pumps.current
    return (
        not pump._waiters
        and not pump._has_leader
        and not pump.arriving
        and not pump.queue
        and not pump._sleepers
    )


def echo(peer, count, held=0, chance=None, settings=()):
    """Answer count requests by their path and body; hold some back, and answer in any order."""
    peer.handshake(settings)
    peer.write(wire.window_update(0, 2**30))  # the connection's window is no part of the play
    waiting = []
    for number in range(count):
        stream_id, fields, body = peer.want_request()
        waiting.append((stream_id, dict(fields)[":path"].encode() + b" " + body))
        # Towards the end, when threads have gone, none is held back.
        while len(waiting) > (held if number < count // 2 else 0):
            stream_id, content = waiting.pop(chance.randrange(len(waiting)) if chance else 0)
            peer.write_response(stream_id, content)


@pytest.mark.parametrize("held", [0, 5])
def test_every_answer_belongs_to_its_request(scripted_peer, held):
    """16 threads, 50 requests each, answers in any order, every fifth with content."""
    threads, turns = 16, 50
    chance = random.Random(held)
    peer = scripted_peer(lambda peer: echo(peer, threads * turns, held, chance))

    with connect(peer) as connection:

        def ask(thread):
            for turn in range(turns):
                path, body = f"/{thread}/{turn}", bytes(turn * 100) if turn % 5 == 0 else None
                stream_id = connection.request("POST" if body else "GET", path, body)
                response = connection.getresponse(stream_id)
                assert response.status == 200
                assert response.read() == path.encode() + b" " + (body or b"")

        assert not run(*(lambda n=n: ask(n) for n in range(threads)))
        assert nothing_is_left(connection)


def test_no_more_streams_than_the_peer_allows(scripted_peer):
    """RFC 9113, 5.1.2: threads wait for a place, and each gets its turn."""
    threads, turns, limit = 12, 10, 3
    highest = []

    def script(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: limit})
        waiting = []
        for number in range(threads * turns):
            stream_id, _, _ = peer.want_request()
            waiting.append(stream_id)
            highest.append(len(waiting))
            if len(waiting) == limit or number >= threads * turns // 2:
                for ready in waiting:
                    peer.write_response(ready, b"%d" % ready)
                waiting = []

    peer = scripted_peer(script)
    with connect(peer) as connection:

        def ask():
            for _ in range(turns):
                stream_id = connection.request("GET", "/")
                assert connection.getresponse(stream_id).read() == b"%d" % stream_id

        assert not run(*[ask] * threads)
        assert nothing_is_left(connection)
    assert max(highest) <= limit


def test_some_time_out_and_the_others_do_not_notice(scripted_peer):
    """A timeout is the waiter's alone, and it may ask again."""
    threads, turns = 8, 20
    refused = []

    def script(peer):
        peer.handshake()
        late = []
        for _ in range(threads * turns):
            stream_id, fields, _ = peer.want_request()
            path = dict(fields)[":path"]
            if path.endswith("/late"):
                late.append((stream_id, path))
            else:
                peer.write_response(stream_id, path.encode())
        assert are_late.wait(DEADLINE)
        for stream_id, path in late:
            peer.write_response(stream_id, path.encode())

    are_late = threading.Event()
    peer = scripted_peer(script)
    with connect(peer) as connection:
        connection.connect()
        connection.timeout = 0.3

        def answer(stream_id):
            while True:
                try:
                    return connection.getresponse(stream_id).read()
                except TimeoutError:
                    refused.append(stream_id)
                    if len(set(refused)) >= threads:
                        are_late.set()

        def ask(thread):
            late = connection.request("GET", f"/{thread}/late")
            for turn in range(turns - 1):
                path = f"/{thread}/{turn}"
                assert answer(connection.request("GET", path)) == path.encode()
            assert answer(late) == f"/{thread}/late".encode()

        assert not run(*(lambda n=n: ask(n) for n in range(threads)))
        assert nothing_is_left(connection)
    assert len(set(refused)) >= threads


def test_close_from_another_thread_ends_every_wait(scripted_peer):
    """Each thread raises an exception of its own; none hangs, none gets a part for the whole."""
    threads = 16
    are_sent = threading.Event()

    def script(peer):
        peer.handshake()
        for _ in range(threads):
            peer.want_request()
        are_sent.set()
        peer.want_goaway()

    peer = scripted_peer(script)
    connection = connect(peer)

    def ask():
        connection.getresponse(connection.request("GET", "/"))

    def close():
        assert are_sent.wait(DEADLINE)
        connection.close()

    errors = run(close, *[ask] * threads)
    assert len(errors) == threads
    assert len(set(map(id, errors))) == threads
    for error in errors:
        # A thread that had not yet asked when it closed has no request any more.
        assert isinstance(error, (ConnectionTerminated, ResponseNotReady)), repr(error)
    assert any(isinstance(error, ConnectionTerminated) for error in errors)
    assert nothing_is_left(connection)
    assert connection.sock is None


def test_close_while_others_upload(scripted_peer):
    """A peer that reads nothing: whoever waits for room or for windows is woken."""
    threads = 6
    are_begun = threading.Event()

    def script(peer):
        peer.handshake()
        for stream_id in range(1, 2 * threads, 2):
            peer.want_headers(stream_id)
        are_begun.set()
        assert is_closed.wait(DEADLINE)

    is_closed = threading.Event()
    peer = scripted_peer(script)
    connection = connect(peer)

    def upload():
        connection.getresponse(connection.request("POST", "/", bytes(1_000_000)))

    def close():
        assert are_begun.wait(DEADLINE)
        connection.close()
        is_closed.set()

    errors = run(close, *[upload] * threads)
    assert len(errors) == threads
    for error in errors:
        assert isinstance(error, (ConnectionTerminated, ResponseNotReady)), repr(error)
    assert nothing_is_left(connection)


def test_pings_beside_requests(scripted_peer):
    """RFC 9113, 6.7: every PING finds its answer among the frames of others."""
    threads, turns = 4, 25

    def script(peer):
        peer.handshake()
        answered = pinged = 0
        while answered < threads * turns or pinged < threads * turns:
            frame = peer.want_ping_or_request()
            if frame:
                peer.write(wire.ping(frame, ack=True))
                pinged += 1
            else:
                answered += 1

    def want_either(peer):
        """The opaque octets of a PING, or None after a request has been answered."""
        at = peer._find(
            "PING or HEADERS",
            lambda frame: frame.type == wire.HEADERS or (frame.type == wire.PING and not frame.ack),
            lambda frame: frame.type in (wire.SETTINGS, wire.WINDOW_UPDATE),
        )
        frame = peer._take(at).frame
        if frame.type == wire.PING:
            return frame.payload
        peer.write_response(frame.stream_id, b"x")
        return None

    def script_of(peer):
        peer.want_ping_or_request = lambda: want_either(peer)
        script(peer)

    peer = scripted_peer(script_of)
    with connect(peer) as connection:

        def ping():
            for _ in range(turns):
                assert connection.ping() >= 0

        def ask():
            for _ in range(turns):
                stream_id = connection.request("GET", "/")
                assert connection.getresponse(stream_id).read() == b"x"

        assert not run(*[ping] * threads, *[ask] * threads)
        assert nothing_is_left(connection)
