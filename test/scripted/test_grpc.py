"""The gRPC client of examples/ with servers that go wrong, as no real one can be made to.

The tables are those of gRPC's doc/PROTOCOL-HTTP2.md, http-grpc-status-mapping.md, statuscodes.md.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyper import HTTP20Connection, InvalidURL
from hyper.errors import LocalProtocolError
from hyper.testing import wire
from hyper.testing.wire import CANCEL, SETTINGS_INITIAL_WINDOW_SIZE, SETTINGS_MAX_CONCURRENT_STREAMS
from test.scripted.steps import SHORT, pong

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
try:
    from grpc_client import PREFIX, Call, RpcError, Status, grpc_timeout, unary
finally:
    sys.path.remove(str(EXAMPLES))

GRPC = [(":status", "200"), ("content-type", "application/grpc")]
METHOD = "/hyper.Test/Echo"


def message(octets):
    return PREFIX.pack(0, len(octets)) + octets


def answering(*pieces, head=GRPC, trailers=(("grpc-status", "0"),)):
    """A script: a whole answer to the one call."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        peer.write_headers(1, head, end_stream=not (pieces or trailers))
        for piece in pieces:
            peer.write_data(1, piece, end_stream=piece is pieces[-1] and not trailers)
        if trailers:
            peer.write_headers(1, trailers, end_stream=True)

    return script


def refused(verb, *arguments, **options):
    with pytest.raises(RpcError) as caught:
        verb(*arguments, **options)
    return caught.value


class TestDeadline:
    """It is the whole call's, however many waits that is made of."""

    @pytest.fixture(autouse=True)
    def over(self):
        self.over = threading.Event()
        yield
        self.over.set()

    def drip(self, write):
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                write()
                if self.over.wait(SHORT / 5):
                    return

    def overdue(self, verb, *arguments, **options):
        begin = time.monotonic()
        error = refused(verb, *arguments, timeout=2 * SHORT, **options)
        assert time.monotonic() - begin < 20  # of 100 s in all
        self.over.set()
        assert error.status is Status.DEADLINE_EXCEEDED

    def test_while_a_message_drips(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_request(1)
            peer.write_headers(1, GRPC)
            peer.write_data(1, PREFIX.pack(0, 1000))
            self.drip(lambda: peer.write_data(1, b"x"))
            peer.want_rst(1, CANCEL)

        self.overdue(unary, connect(script), METHOD, b"")

    def test_while_room_drips(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 1})
            pong(peer)
            peer.want_headers(1)
            self.drip(lambda: peer.write(wire.window_update(1, 1)))

        connection = connect(script)
        connection.ping()
        self.overdue(unary, connection, METHOD, bytes(1000))

    def test_while_no_stream_is_free(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 0})
            pong(peer)

        connection = connect(script)
        connection.ping()
        self.overdue(Call, connection, METHOD)

    def test_while_connecting(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            connection = HTTP20Connection("127.0.0.1", silent.getsockname()[1], timeout=10)
            self.overdue(unary, connection, METHOD, b"")

    def test_it_counts_instead_of_the_connection_s(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_request(1)
            assert not self.over.wait(3 * SHORT)
            peer.write_headers(1, GRPC)
            peer.write_data(1, message(b"late"))
            peer.write_headers(1, [("grpc-status", "0")], end_stream=True)

        connection = connect(script)
        connection.connect()
        connection.timeout = SHORT
        assert unary(connection, METHOD, b"", timeout=10) == b"late"

    def test_both_threads_are_told_so(self, connect):
        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 1})
            pong(peer)
            peer.want_headers(1)
            peer.want_data(1)
            peer.want_rst(1, CANCEL)

        connection = connect(script)
        connection.ping()
        with ThreadPoolExecutor(1) as threads:
            call = Call(connection, METHOD, timeout=10 * SHORT)  # DATA goes out within it
            sending = threads.submit(refused, call.send, bytes(100))
            assert refused(call.receive).status is Status.DEADLINE_EXCEEDED
            assert sending.result(10).status is Status.DEADLINE_EXCEEDED

    @pytest.mark.parametrize(
        ("seconds", "value"),
        [
            (0, "1n"),
            (-1, "1n"),
            (1e-10, "1n"),
            (0.05, "50000000n"),
            (0.5, "500000u"),
            (10, "10000000u"),
            (99.999_999, "99999999u"),
            (100, "100000m"),
            (100_000, "100000S"),
            (1e8, "1666667M"),
            (1e10, "2777778H"),
            (float("inf"), "27777778H"),
        ],
    )
    def test_grpc_timeout(self, seconds, value):
        assert grpc_timeout(seconds) == value
        assert re.fullmatch("[1-9][0-9]{0,7}[HMSmun]", value)

    def test_the_server_is_told(self, connect):
        def script(peer):
            peer.handshake()
            assert ("grpc-timeout", "10000000u") in peer.want_request(1)[1]
            peer.write_headers(1, [*GRPC, ("grpc-status", "5")], end_stream=True)

        assert refused(unary, connect(script), METHOD, b"", timeout=10).status is Status.NOT_FOUND


class TestBrokenOff:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (wire.NO_ERROR, Status.INTERNAL),
            (wire.PROTOCOL_ERROR, Status.INTERNAL),
            (wire.REFUSED_STREAM, Status.UNAVAILABLE),
            (wire.CANCEL, Status.CANCELLED),
            (wire.ENHANCE_YOUR_CALM, Status.RESOURCE_EXHAUSTED),
            (wire.INADEQUATE_SECURITY, Status.PERMISSION_DENIED),
            (0xFF, Status.INTERNAL),
        ],
    )
    @pytest.mark.parametrize("late", [False, True])
    def test_by_a_reset(self, connect, code, status, late):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            if late:
                peer.write_headers(1, GRPC)
                peer.write_data(1, message(b"whole")[:-1])
            peer.write(wire.rst_stream(1, code))

        with Call(connect(script), METHOD) as call:
            assert refused(call.receive).status is status

    @pytest.mark.parametrize("late", [False, True])
    @pytest.mark.parametrize("way", ["cut", "goaway", "both"])
    def test_by_the_connection_s_end(self, connect, way, late):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            if late:
                peer.write_headers(1, GRPC)
                peer.write_data(1, b"\0\0")
            peer.fence()
            if way != "cut":
                peer.write(wire.goaway(0, wire.INTERNAL_ERROR))
            if way != "goaway":
                peer.cut()

        with Call(connect(script), METHOD) as call:
            assert refused(call.receive).status is Status.UNAVAILABLE
            assert refused(call.send, b"x").status is Status.UNAVAILABLE

    def test_before_it_began(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            connection = HTTP20Connection("127.0.0.1", nobody.getsockname()[1], secure=False)
            assert refused(unary, connection, METHOD, b"").status is Status.UNAVAILABLE

    def test_by_a_server_that_breaks_http_2(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_data(1, b"without a head")

        with Call(connect(script), METHOD) as call:
            assert refused(call.receive).status is Status.INTERNAL

    def test_the_caller_s_own_mistakes_stay_what_they_are(self, connect):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        with pytest.raises(LocalProtocolError, match="header name"):
            Call(connection, METHOD, metadata=[("a b", "c")])
        with pytest.raises(InvalidURL):
            Call(connection, "/a b")

    @pytest.mark.parametrize("octets", [b"\0\0\0", PREFIX.pack(0, 10), message(b"whole")[:-1]])
    @pytest.mark.parametrize(
        ("trailers", "status", "words"),
        [
            ([("grpc-status", "8"), ("grpc-message", "why")], Status.RESOURCE_EXHAUSTED, "why"),
            ([("grpc-status", "0")], Status.INTERNAL, "cut short"),
            ([], Status.UNKNOWN, "without grpc-status"),
        ],
    )
    def test_in_the_middle_of_a_message(self, connect, octets, trailers, status, words):
        """The exception tells what the trailers say, not what became of the message."""
        error = refused(unary, connect(answering(octets, trailers=trailers)), METHOD, b"")
        assert error.status is status
        assert words in error.message


class TestAnswers:
    @pytest.mark.parametrize(
        ("http", "status"),
        [
            (400, Status.INTERNAL),
            (401, Status.UNAUTHENTICATED),
            (403, Status.PERMISSION_DENIED),
            (404, Status.UNIMPLEMENTED),
            (429, Status.UNAVAILABLE),
            (502, Status.UNAVAILABLE),
            (503, Status.UNAVAILABLE),
            (504, Status.UNAVAILABLE),
            (500, Status.UNKNOWN),
            (418, Status.UNKNOWN),
        ],
    )
    @pytest.mark.parametrize("content", [(), (b"<html>busy</html>",)], ids=["", "content"])
    def test_an_answer_of_a_proxy_is_a_grpc_status(self, connect, http, status, content):
        """Words in HTML are no message."""
        head = [(":status", str(http)), ("content-type", "text/html")]
        error = refused(unary, connect(answering(*content, head=head, trailers=())), METHOD, b"")
        assert error.status is status
        assert str(http) in error.message

    @pytest.mark.parametrize("kind", ["text/html", "application/grpc-web", "", None])
    def test_another_content_type_is_an_error(self, connect, kind):
        head = [(":status", "200")] + ([] if kind is None else [("content-type", kind)])
        error = refused(unary, connect(answering(message(b"x"), head=head)), METHOD, b"")
        assert error.status is Status.UNKNOWN
        assert repr(kind or "") in error.message

    @pytest.mark.parametrize("kind", ["application/grpc+proto", "Application/gRPC; a=b"])
    def test_every_content_type_of_grpc_is_taken(self, connect, kind):
        head = [(":status", "200"), ("content-type", kind)]
        assert unary(connect(answering(message(b"x"), head=head)), METHOD, b"") == b"x"

    def test_grpc_status_counts_whatever_http_says(self, connect):
        head = [(":status", "503"), ("grpc-status", "16")]
        error = refused(unary, connect(answering(head=head, trailers=())), METHOD, b"")
        assert error.status is Status.UNAUTHENTICATED

    @pytest.mark.parametrize("status", ["17", "", "x", "00", "-1", "\u00b2"])
    def test_a_status_that_nobody_knows(self, connect, status):
        script = answering(message(b"x"), trailers=[("grpc-status", status)])
        assert refused(unary, connect(script), METHOD, b"").status is Status.UNKNOWN

    @pytest.mark.parametrize("messages", [(), (message(b"1"), message(b"2"))])
    def test_a_unary_reply_is_one_message(self, connect, messages):
        """statuscodes.md calls it a violation of cardinality."""
        error = refused(unary, connect(answering(*messages)), METHOD, b"")
        assert error.status is Status.UNIMPLEMENTED
        assert "not one message" in error.message

    def test_compressed(self, connect):
        error = refused(unary, connect(answering(b"\1\0\0\0\1x")), METHOD, b"")
        assert error.status is Status.INTERNAL
