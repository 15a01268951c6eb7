"""Requests that the server guarantees not to have processed go out again (RFC 9113, 8.7).

Streams above GOAWAY's last id, REFUSED_STREAM, and what was never sent: these again, on a new
connection or after a pause, within the caller's time, where the content can be had again. Nothing
else is ever sent twice.
"""

from __future__ import annotations

import io
import socket
import struct
import time

import pytest

from hyper import (
    ConnectionTerminated,
    HTTP20Connection,
    HTTPConnection,
    HTTPSConnection,
    RemoteDisconnected,
    StreamResetError,
)
from hyper.errors import HTTP20Error
from hyper.testing import wire
from hyper.transport.deadline import Deadline
from test.origin import Echo, Origin
from test.threads.test_shared import run

DEADLINE = 10.0
# SO_LINGER that makes close() send RST.
RESET = struct.pack("ii", 1, 0)
SHORT = 0.3

# Connections that may end under one request: far more than three (6.8).
MANY = 20

# Sendings of a request on connections that the server then ends with an error code.
MAX_ACCUSED_SENDINGS = 2


def connect_to(origin, **options):
    options.setdefault("timeout", DEADLINE)
    return HTTP20Connection("127.0.0.1", origin.port, secure=False, **options)


def refusing(times, answer, code=wire.NO_ERROR):
    """A script: so many connections end by GOAWAY with the request unprocessed; then answer."""

    def script(peer):
        for _ in range(times):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0, code))
            peer.accept()
        peer.handshake()
        answer(peer)

    return script


def answer_ok(peer):
    stream_id, _, content = peer.want_request()
    peer.write_response(stream_id, b"got " + content)


# ---- content that can be had again (8.7)


def in_a_file(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(b"skipped content")
    opened = path.open("rb")
    opened.seek(8)
    return opened


def in_memory(_):
    opened = io.BytesIO(b"skipped content")
    opened.seek(8)
    return opened


AGAIN = {
    "bytes": lambda _: b"content",
    "bytearray": lambda _: bytearray(b"content"),
    "str": lambda _: "content",
    "list": lambda _: [b"con", b"tent"],
    "file from where it stood": in_a_file,
    "BytesIO from where it stood": in_memory,
    "callable that gives octets": lambda _: lambda: b"content",
    "callable that gives pieces": lambda _: lambda: iter([b"con", b"tent"]),
}


@pytest.mark.parametrize("kind", AGAIN)
@pytest.mark.parametrize("why", ["GOAWAY", "REFUSED_STREAM"])
def test_content_that_can_be_had_again_goes_out_again(connect, tmp_path, kind, why):
    """6.8; 8.7: the same octets, and the caller learns nothing of it."""

    def script(peer):
        peer.handshake()
        stream_id, fields, content = peer.want_request()
        assert content == b"content"
        if why == "GOAWAY":
            peer.write(wire.goaway(0))
            peer.accept()
            peer.handshake()
        else:
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
        again, same_fields, content = peer.want_request()
        assert same_fields == fields
        peer.write_response(again, b"got " + content)

    connection = connect(script)
    body = AGAIN[kind](tmp_path)
    stream_id = connection.request("POST", "/", body, {"x-mine": "1"})
    assert connection.getresponse(stream_id).read() == b"got content"
    if hasattr(body, "close"):
        body.close()


def test_a_request_without_content_goes_out_again(connect):
    """6.8: the commonest case, a server that ends a connection after so many requests."""
    connection = connect(refusing(1, answer_ok))
    stream_id = connection.request("GET", "/")
    assert connection.getresponse(stream_id).read() == b"got "


def test_trailers_go_out_again_too(connect):
    """8.1."""
    trailers = []

    def script(peer):
        for turn in range(2):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            trailers.append(peer.want_headers(stream_id, end_stream=True))
            if turn == 0:
                peer.write(wire.goaway(0))
                peer.accept()
        peer.write_response(stream_id, b"whole")

    connection = connect(script)
    stream_id = connection.request("POST", "/", b"content", trailers={"x-sum": "7"})
    assert connection.getresponse(stream_id).read() == b"whole"
    assert trailers == [[("x-sum", "7")]] * 2


def test_a_generator_of_which_a_part_is_gone_raises_and_says_that_it_may_be_repeated(connect):
    """8.7: only its owner can begin it anew."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))

    connection = connect(script)
    stream_id = connection.request("POST", "/", (piece for piece in (b"con", b"tent")))
    with pytest.raises(ConnectionTerminated) as caught:
        connection.getresponse(stream_id)
    assert caught.value.retryable
    assert caught.value.attempts == 1
    assert "generator" in str(caught.value)
    assert caught.value.stream_id == stream_id


def test_a_file_that_cannot_go_back_raises_and_says_that_it_may_be_repeated(connect):
    """8.7: a pipe, say."""

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

        def tell(self):
            raise io.UnsupportedOperation("tell")

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))

    connection = connect(script)
    stream_id = connection.request("POST", "/", Pipe(b"content"))
    with pytest.raises(ConnectionTerminated) as caught:
        connection.getresponse(stream_id)
    assert (caught.value.retryable, caught.value.attempts) == (True, 1)


def test_pieces_of_an_iterator_that_were_sent_one_by_one_raise_and_say_that_they_may_be_repeated(
    connect,
):
    """8.7: of content sent in pieces, 64 KiB are kept."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))

    connection = connect(script)
    stream_id = connection.putrequest("POST", "/")
    connection.endheaders(stream_id=stream_id)
    connection.send(iter([b"piece"]), final=True, stream_id=stream_id)
    with pytest.raises(ConnectionTerminated, match="sent in pieces") as caught:
        connection.getresponse(stream_id)
    assert (caught.value.retryable, caught.value.attempts) == (True, 1)


def test_small_pieces_that_were_sent_one_by_one_go_out_again(connect):
    """8.7: up to 64 KiB are kept until the answer is there."""
    connection = connect(refusing(2, answer_ok))
    stream_id = connection.putrequest("POST", "/")
    connection.endheaders(stream_id=stream_id)
    connection.send(b"con", stream_id=stream_id)
    connection.send(bytearray(b"tent"), final=True, stream_id=stream_id)
    assert connection.getresponse(stream_id).read() == b"got content"


def test_a_request_whose_content_is_still_being_sent_is_left_to_its_caller(connect):
    """8.7: what comes by ``send`` meanwhile must not be lost."""

    def script(peer):
        peer.handshake()
        peer.want_headers()
        peer.write(wire.goaway(0))

    connection = connect(script)
    stream_id = connection.putrequest("POST", "/")
    connection.endheaders(final=False, stream_id=stream_id)
    with pytest.raises(ConnectionTerminated, match="still being sent") as caught:
        connection.getresponse(stream_id)
    assert caught.value.retryable


@pytest.mark.parametrize("why", ["GOAWAY", "REFUSED_STREAM"])
def test_a_stream_of_open_stream_is_never_sent_again(connect, why):
    """8.7: what was written to it is its caller's."""

    def script(peer):
        peer.handshake()
        peer.want_headers()
        if why == "GOAWAY":
            peer.write(wire.goaway(0))
        else:
            peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))

    connection = connect(script)
    with connection.open_stream("POST", "/") as stream:
        with pytest.raises((ConnectionTerminated, StreamResetError)) as caught:
            stream.read()
        assert (caught.value.retryable, caught.value.attempts) == (True, 1)


def test_a_request_that_goaway_covers_is_waited_for(connect):
    """6.8: the server may still answer; no other connection is made."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.goaway(stream_id))
        peer.write_response(stream_id, b"answer")

    connection = connect(script)
    assert connection.getresponse(connection.request("POST", "/", b"x")).read() == b"answer"


# ---- how often, and how long


def test_a_request_goes_out_as_often_as_connections_end_under_it(connect):
    """6.8: a server that is reloaded again and again costs time, and no request."""
    connection = connect(refusing(MANY, answer_ok))
    stream_id = connection.request("POST", "/", b"content")
    assert connection.getresponse(stream_id).read() == b"got content"


def test_a_stream_of_open_stream_goes_out_though_its_connection_ended_before_it_could_be_sent():
    """6.8: nothing was sent, so it is no conversation yet."""

    def serve(peer):
        peer.handshake()
        if peer.number > 1:
            answer_ok(peer)
            return
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write(wire.goaway(stream_id))
        peer.write_data(stream_id, b"", end_stream=True)
        peer.end()

    with Origin(serve) as origin, connect_to(origin) as connection:
        assert connection.getresponse(connection.request("GET", "/")).read() == b""
        with connection.open_stream("POST", "/") as stream:
            stream.write(b"content")
            stream.close_write()
            assert stream.read() == b"got content"


def test_a_request_goes_out_though_connections_end_before_it_could_be_sent():
    """6.8: nothing was sent of it, so that it may go (8.7)."""

    def serve(peer):
        if peer.number <= MANY:
            peer.want_preface()
            peer.write_settings()
            peer.write(wire.goaway(0))
            peer.end()
            return
        peer.handshake()
        answer_ok(peer)

    with Origin(serve) as origin, connect_to(origin) as connection:
        stream_id = connection.request("POST", "/", b"content")
        assert connection.getresponse(stream_id).read() == b"got content"


def test_a_ping_is_answered_though_the_server_ends_the_connection_meanwhile(connect):
    """6.7; 6.8: GOAWAY with NO_ERROR ends the connection, and says nothing of the server."""

    def script(peer):
        for _ in range(2):
            peer.handshake()
            peer.want_ping()
            peer.write(wire.goaway(0))
            peer.accept()
        peer.handshake()
        peer.write(wire.ping(peer.want_ping(), ack=True))
        peer.want_goaway()

    connection = connect(script)
    assert connection.ping(b"of mine!") < DEADLINE
    connection.close()


def test_a_ping_that_the_server_answers_by_an_error_raises_it(connect):
    """5.4.1: another one might be answered alike."""

    def script(peer):
        peer.handshake()
        peer.want_ping()
        peer.write(wire.goaway(0, wire.ENHANCE_YOUR_CALM))

    with pytest.raises(ConnectionTerminated, match="ENHANCE_YOUR_CALM"):
        connect(script).ping()


def test_repeating_ends_with_the_callers_time():
    """8.7: the timeout counts from the beginning of the call, over all sendings."""
    sent = []

    def serve(peer):
        peer.handshake()
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                sent.append(frame.stream_id)
                peer.write(wire.rst_stream(frame.stream_id, wire.REFUSED_STREAM))

    with Origin(serve) as origin, connect_to(origin, timeout=SHORT) as connection:
        begin = time.monotonic()
        # The time ends in a pause, or in the wait for the answer to the last sending.
        with pytest.raises((StreamResetError, TimeoutError)) as caught:
            connection.getresponse(connection.request("GET", "/"))
        assert SHORT * 0.3 < time.monotonic() - begin < DEADLINE
        if isinstance(caught.value, StreamResetError):
            assert caught.value.retryable
            assert caught.value.attempts == len(sent)
            assert f"tried {len(sent)} times" in str(caught.value) or len(sent) == 1


def test_refused_streams_are_asked_for_again_after_growing_pauses(monkeypatch):
    """8.7: on the living connection, whose other streams go on; not at once, nor in step."""
    pauses = []
    monkeypatch.setattr(Deadline, "sleep", lambda _, seconds: pauses.append(seconds))

    def serve(peer):
        peer.handshake()
        for _ in range(5):
            stream_id, _, _ = peer.want_request()
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
        answer_ok(peer)

    with Origin(serve) as origin, connect_to(origin) as connection:
        stream_id = connection.request("GET", "/")
        assert connection.getresponse(stream_id).read() == b"got "
        assert origin.connections == 1
    assert len(pauses) == 5
    assert pauses[0] > 0.001, pauses
    assert all(later > earlier for earlier, later in zip(pauses, pauses[1:])), pauses


def test_20_threads_get_through_a_limit_of_streams_that_was_never_announced():
    """5.1.2; 8.7: REFUSED_STREAM is the only sign of it, 45 times."""
    threads, limit, refusals = 20, 5, 45
    processed = []

    def answer(peer, stream_id, path):
        processed.append(path)
        peer.write_response(stream_id, Echo.answer_to("GET", path))

    def serve(peer):
        peer.handshake()
        held, refused = [], 0
        for frame, fields, _ in peer.arrivals():
            if frame.type != wire.HEADERS:
                continue
            path = dict(fields)[":path"]
            if refused >= refusals:
                answer(peer, frame.stream_id, path)
            elif len(held) < limit:
                held.append((frame.stream_id, path))
            else:
                refused += 1
                peer.write(wire.rst_stream(frame.stream_id, wire.REFUSED_STREAM))
            while refused >= refusals and held:
                answer(peer, *held.pop())

    with Origin(serve) as origin, connect_to(origin) as connection:

        def ask(thread):
            stream_id = connection.request("GET", f"/{thread}")
            answer = connection.getresponse(stream_id).read()
            assert answer == Echo.answer_to("GET", f"/{thread}")

        errors = run(*(lambda n=n: ask(n) for n in range(threads)))
        assert not errors, (len(errors), errors[:3])
        assert origin.connections == 1
    assert sorted(processed) == sorted(f"/{n}" for n in range(threads))


def test_a_request_for_which_the_server_ends_connections_with_an_error_goes_out_twice_at_most():
    """6.8: a request whose header section is too large for it, say; it ends what others share."""

    def serve(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0, wire.ENHANCE_YOUR_CALM, b"too large"))
        peer.end()

    with Origin(serve) as origin, connect_to(origin) as connection:
        with pytest.raises(ConnectionTerminated) as caught:
            connection.getresponse(connection.request("GET", "/", headers={"x-long": "x" * 60_000}))
        assert origin.connections == MAX_ACCUSED_SENDINGS
    assert caught.value.attempts == MAX_ACCUSED_SENDINGS
    assert caught.value.error_code == wire.ENHANCE_YOUR_CALM
    assert caught.value.retryable  # the server says so; the caller may know better


def test_a_new_connection_that_cannot_be_made_ends_the_repeating_with_its_own_error(connect):
    """8.7: with the error before it as its cause."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.stop_listening()
        peer.write(wire.goaway(0))

    connection = connect(script)
    with pytest.raises(OSError, match="no connection to") as caught:
        connection.getresponse(connection.request("GET", "/"))
    assert isinstance(caught.value, ConnectionRefusedError)
    assert isinstance(caught.value.__cause__ or caught.value.__context__, ConnectionTerminated)


# ---- what may have been processed is sent once


def endings():
    # The system tells of a reset once: the send of an acknowledgement may have met it first.
    yield "FIN", (RemoteDisconnected,), lambda peer, _: peer.close()
    yield "reset", (ConnectionResetError, RemoteDisconnected), lambda peer, _: peer.reset()
    yield (
        "GOAWAY that covers it",
        (ConnectionTerminated,),
        lambda peer, stream_id: (
            peer.write(wire.goaway(stream_id)),
            peer.close(),
        ),
    )
    yield (
        "INTERNAL_ERROR",
        (StreamResetError,),
        lambda peer, stream_id: peer.write(wire.rst_stream(stream_id, wire.INTERNAL_ERROR)),
    )


@pytest.mark.parametrize(
    ("kinds", "end"), [each[1:] for each in endings()], ids=[each[0] for each in endings()]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_server_may_have_processed_is_never_sent_twice(method, kinds, end):
    """8.7: "MUST NOT be retried" but by whoever knows that it does no harm."""
    seen = []

    class Closing:
        def __init__(self, peer):
            self.peer, self.write = peer, peer.write

        def close(self):
            self.peer.end()

        def reset(self):
            self.peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.peer.socket.close()

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        seen.append(stream_id)
        end(Closing(peer), stream_id)
        peer.want_goaway()

    with Origin(serve) as origin:
        connection = connect_to(origin)
        stream_id = connection.request(method, "/", b"content" if method == "POST" else None)
        with pytest.raises((HTTP20Error, ConnectionError)) as caught:
            connection.getresponse(stream_id)
        assert type(caught.value) in kinds
        assert not getattr(caught.value, "retryable", False)
        connection.close()
        assert len(seen) == 1


def test_no_post_is_processed_twice_while_connections_end():
    """8.7: 16 threads, GOAWAY after every five; the server counts."""
    with Echo(goaway_every=5) as origin, connect_to(origin) as connection:

        def ask(thread):
            for turn in range(25):
                path, content = f"/{thread}/{turn}", f"{thread} {turn}".encode() * 40
                stream_id = connection.request("POST", path, content)
                answer = connection.getresponse(stream_id).read()
                assert answer == Echo.answer_to("POST", path, None, content)

        errors = run(*(lambda n=n: ask(n) for n in range(16)))
        assert not errors, (len(errors), errors[:3])
        assert set(origin.processed.values()) == {1}
        assert len(origin.processed) == 16 * 25


# ---- replay=False


def test_without_replay_the_first_goaway_raises(connect):
    """6.8: `retryable` leaves it to the caller."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))

    connection = connect(script, replay=False)
    with pytest.raises(ConnectionTerminated) as caught:
        connection.getresponse(connection.request("GET", "/"))
    assert (caught.value.retryable, caught.value.attempts) == (True, 1)


@pytest.mark.parametrize("secure", [False, True], ids=["HTTPConnection", "HTTPSConnection"])
@pytest.mark.parametrize("replay", [True, False])
def test_the_dropin_repeats_as_often_or_not_at_all(scripted_peer, certificates, secure, replay):
    """6.8; 8.7."""
    times = MANY if replay else 1

    def script(peer):
        for _ in range(times):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))
            if not replay:
                return
            peer.accept()
        peer.handshake()
        answer_ok(peer)

    peer = scripted_peer(script, certificates.server_context() if secure else None)
    options = {"timeout": DEADLINE, "replay": replay}
    if secure:
        context = certificates.client_context()
        connection = HTTPSConnection("localhost", peer.port, context=context, **options)
    else:
        connection = HTTPConnection(peer.host, peer.port, http2="prior", **options)
    connection.request("POST", "/", b"content")
    if replay:
        assert connection.getresponse().read() == b"got content"
    else:
        with pytest.raises(RemoteDisconnected) as caught:
            connection.getresponse()
        assert caught.value.__cause__.retryable
    connection.close()
