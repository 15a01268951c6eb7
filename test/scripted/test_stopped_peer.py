"""A peer whose process is stopped, by SIGSTOP or a debugger: its system acknowledges all the same.

TCP's keep-alive and TCP_USER_TIMEOUT (RFC 5482) find nothing there, and PING does (RFC 9113, 6.7).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hyper import ConnectionTerminated, HTTP20Connection

DEADLINE = 20.0
ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped")

SERVER = """
import sys
from hyper.testing import Server, wire

def serve(peer):
    peer.handshake()
    for frame, fields, _ in peer.arrivals():
        if frame.type == wire.PING and not frame.ack:
            peer.write(wire.ping(frame.payload, ack=True))
        if frame.type == wire.HEADERS:
            peer.write_response(frame.stream_id, b"answer")

with Server(serve, tls=False, deadline=60) as server:
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop(abandon=True)
"""


class Stoppable:
    """A server in a process of its own."""

    def __enter__(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        """Stop the process; returns when it is."""
        os.kill(self.process.pid, signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)


@pytest.fixture
def server():
    with Stoppable() as started:
        yield started


def connect_to(server, **options):
    return HTTP20Connection("127.0.0.1", server.port, secure=False, timeout=None, **options)


def ask(connection):
    return connection.getresponse(connection.request("GET", "/")).read()


@pytest.mark.timeout(60)
def test_keepalive_ends_a_wait_without_limit_for_a_peer_whose_process_is_stopped(server):
    """6.7; 9.1: the next request is answered when the process goes on."""
    with connect_to(server, keepalive=0.5) as connection:
        assert ask(connection) == b"answer"
        server.stop()
        with pytest.raises(ConnectionTerminated, match="keepalive"):
            ask(connection)
        server.go_on()
        with connection.within(DEADLINE):
            assert ask(connection) == b"answer"


@pytest.mark.timeout(60)
def test_without_keepalive_and_timeout_a_wait_lasts_until_a_stopped_process_goes_on(server):
    """9.1: nothing ends it, and nothing is lost."""
    answers = []
    with connect_to(server) as connection:
        assert ask(connection) == b"answer"
        server.stop()
        stream_id = connection.request("GET", "/")
        waiter = threading.Thread(
            target=lambda: answers.append(connection.getresponse(stream_id).read()), daemon=True
        )
        waiter.start()
        with connection.within(0.5), pytest.raises(TimeoutError):
            connection.ping()
        assert waiter.is_alive()
        assert not answers
        server.go_on()
        waiter.join(DEADLINE)
    assert answers == [b"answer"]
