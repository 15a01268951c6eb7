"""gRPC by plain hyper (examples/grpc_client.py) with a server of PyPI's grpcio."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyper import HTTP20Connection
from test.live.conftest import require
from test.live.server import pattern
from test.live.servers import Grpcio

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
try:
    from grpc_client import Call, RpcError, Status, unary
finally:
    sys.path.remove(str(EXAMPLES))

# Messages of the long dialogue; the whole of it is bench/grpc.py, or HYPER_LONG=1.
TURNS = 10_000 if os.environ.get("HYPER_LONG") == "1" else 500
MEBIBYTES_4 = 4 * 1024 * 1024


@pytest.fixture(scope="module", params=["tls", "cleartext"])
def grpcio(request, certificates):
    """The server; grpcio has no wheels for PyPy: there these tests are skipped."""
    if sys.implementation.name == "pypy" and Grpcio.missing():
        pytest.skip(Grpcio.missing())
    require("grpcio")
    with Grpcio(certificates if request.param == "tls" else None) as server:
        yield server


@pytest.fixture
def conn(grpcio, certificates):
    context = certificates.client_context() if grpcio.secure else None
    with HTTP20Connection(
        grpcio.host, grpcio.port, secure=grpcio.secure, ssl_context=context, timeout=20
    ) as conn:
        yield conn


def refused(verb, *arguments, **options):
    with pytest.raises(RpcError) as caught:
        verb(*arguments, **options)
    return caught.value


class TestKinds:
    def test_unary(self, conn):
        for message in (b"hello", b"", pattern(100_000)):
            assert unary(conn, "/hyper.Test/Echo", message) == message

    def test_unary_calls_at_once(self, conn):
        with ThreadPoolExecutor(8) as threads:
            messages = [b"%d" % number for number in range(100)]
            answers = threads.map(lambda m: unary(conn, "/hyper.Test/Echo", m), messages)
            assert list(answers) == messages

    def test_codecs_of_the_caller_s(self, conn):
        answer = unary(conn, "/hyper.Test/Echo", 258, encode=lambda n: b"%x" % n, decode=bytes.hex)
        assert answer == b"102".hex()

    def test_server_streaming(self, conn):
        with Call(conn, "/hyper.Test/Count") as call:
            call.send(b"1000")
            call.end()
            assert [int(message) for message in call] == list(range(1000))
            assert call.receive() is None
            assert call.stream.trailers["x-trailer"] == "of the server"

    def test_client_streaming(self, conn):
        with Call(conn, "/hyper.Test/Sum") as call:
            for number in range(1000):
                call.send(b"%d" % number)
            call.end()
            assert list(call) == [b"499500"]

    def test_bidirectional_one_by_one(self, conn):
        with Call(conn, "/hyper.Test/Chat") as call:
            for number in range(TURNS):
                call.send(b"%d" % number)
                assert call.receive() == b"%d" % number
            call.end()
            assert call.receive() is None

    def test_bidirectional_from_two_threads(self, conn):
        with Call(conn, "/hyper.Test/Chat") as call, ThreadPoolExecutor(1) as threads:

            def send():
                for number in range(1000):
                    call.send(b"%d" % number)
                call.end()

            sending = threads.submit(send)
            assert [int(message) for message in call] == list(range(1000))
            sending.result(20)

    def test_messages_of_4_mebibytes(self, conn):
        """Each larger than every window on the way, there and back."""
        message = pattern(MEBIBYTES_4)
        with Call(conn, "/hyper.Test/Chat") as call, ThreadPoolExecutor(1) as threads:
            for _ in range(3):
                sending = threads.submit(call.send, message)
                assert call.receive() == message
                sending.result(20)
            call.end()
            assert call.receive() is None


class TestEndings:
    def test_status_and_message_come_in_trailers(self, conn):
        """The message is percent-coded UTF-8."""
        metadata = {"x-status": "9", "x-message": "100%25 sch%C3%B6n%0A"}
        error = refused(unary, conn, "/hyper.Test/Echo", b"x", metadata=metadata.items())
        assert error.status is Status.FAILED_PRECONDITION
        assert error.message == "100% sch\u00f6n\n"
        assert error.trailers["x-trailer"] == "of the server"
        assert str(error).startswith("FAILED_PRECONDITION: 100% sch\u00f6n")

    def test_messages_come_before_a_bad_status(self, conn):
        with Call(
            conn, "/hyper.Test/Count", metadata=[("x-status", "11"), ("x-message", "no more")]
        ) as call:
            call.send(b"3")
            call.end()
            assert [call.receive() for _ in range(3)] == [b"0", b"1", b"2"]
            assert refused(call.receive).status is Status.OUT_OF_RANGE

    def test_an_answer_of_trailers_only(self, conn):
        """The server refuses while messages are still being sent."""
        with Call(conn, "/hyper.Test/Refuse") as call:
            for _ in range(100):
                call.send(pattern(10_000))
            error = refused(call.receive)
            assert (error.status, error.message) == (
                Status.FAILED_PRECONDITION,
                "100 % wrong: \u00fcmlaut",
            )
            assert "grpc-status" in call.stream.headers

    def test_a_method_that_is_not_there(self, conn):
        assert refused(unary, conn, "/hyper.Test/Nothing", b"").status is Status.UNIMPLEMENTED

    def test_the_deadline(self, conn):
        """grpc-timeout tells the server, and our own timeout us; the connection lives on."""
        error = refused(unary, conn, "/hyper.Test/Sleep", b"", timeout=0.2)
        assert error.status is Status.DEADLINE_EXCEEDED
        assert unary(conn, "/hyper.Test/Echo", b"alive", timeout=10) == b"alive"

    def test_cancel(self, conn, grpcio):
        """Another thread gives the call up; who waits is told, and so is the server."""
        with Call(conn, "/hyper.Test/Sleep") as call, ThreadPoolExecutor(1) as threads:
            call.send(b"")
            call.end()
            waiting = threads.submit(refused, call.receive)
            call.cancel()
            assert waiting.result(10).status is Status.CANCELLED
        for _ in range(10_000):
            assert unary(conn, "/hyper.Test/Echo", b"alive") == b"alive"
            if "over" in grpcio.log:
                break
        assert "over" in grpcio.log


def test_an_answer_without_grpc_status(node_cleartext):
    """A server that knows nothing of gRPC."""
    with HTTP20Connection(node_cleartext.host, node_cleartext.port, secure=False) as conn:
        assert refused(unary, conn, "/nowhere", b"").status is not Status.OK


def test_the_example_as_a_command():
    require("grpcio") if sys.implementation.name != "pypy" else pytest.importorskip("grpc")
    with Grpcio() as server:
        ran = subprocess.run(
            [
                sys.executable,
                str(EXAMPLES / "grpc_client.py"),
                f"{server.host}:{server.port}",
                "/hyper.Test/Echo",
            ],
            input=b"octets",
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"octets", b"")
