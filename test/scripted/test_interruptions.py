"""A signal handler's exception comes out as it is, wherever in hyper it strikes.

A handler runs between any two steps, so an exchange is repeated and another line of it is struck
each time; HYPER_LONG=1 strikes every line. TimeoutError is what most handlers of SIGALRM raise, and
it must not be taken for the network's. Afterwards the same connection object answers, and the
server has read all field blocks rightly: a table that is behind would mix requests (RFC 7541, 2.2).
"""

from __future__ import annotations

import contextlib
import gzip
import signal

import pytest

from hyper import HTTP20Connection, HTTPConnection, errors
from hyper.protocol.flow.managers import FlowControlManager
from hyper.testing import wire
from test.origin import Origin
from test.scripted.strikes import Alarm, AlarmTimeout, Strike, collected, stride

collected = pytest.fixture(autouse=True)(collected)

CONTENT = bytes(range(256)) * 40
CODED = gzip.compress(CONTENT)

# The errors of a connection that was interrupted in the middle of a step, as the docs say.
ENDED = (errors.ConnectionTerminated, errors.RemoteDisconnected)


class Marks(Origin):
    """Answers each request, and keeps the marks that came with them."""

    def __init__(self):
        super().__init__(self._serve_one)
        self.marks = []

    def _serve_one(self, peer):
        peer.handshake()
        for frame, fields, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                self.marks.append(dict(fields)["x-mark"])
            if frame.type in (wire.HEADERS, wire.DATA) and frame.end_stream:
                coding = [(":status", "200"), ("content-encoding", "gzip")]
                peer.write_response(frame.stream_id, CODED, coding)


class Manager(FlowControlManager):
    """A window manager of the program's."""

    def consumed(self, size):
        return super().consumed(size)


def by_http20(connection, mark):
    stream_id = connection.request("GET", "/", headers={"x-mark": mark})
    return connection.getresponse(stream_id).read()


def by_upload(connection, mark):
    stream_id = connection.request("POST", "/", CONTENT, {"x-mark": mark})
    return connection.getresponse(stream_id).read()


def by_drop_in(connection, mark):
    connection.request("GET", "/", headers={"x-mark": mark, "accept-encoding": "gzip"})
    return gzip.decompress(connection.getresponse().read())


def by_manager(connection, mark):
    return by_http20(connection, mark)


def dial(exchange, port):
    if exchange is by_drop_in:
        return HTTPConnection("127.0.0.1", port, http2="prior", timeout=5)
    options = {"window_manager": Manager} if exchange is by_manager else {}
    return HTTP20Connection("127.0.0.1", port, secure=False, timeout=5, **options)


# A finalizer of what was struck while it was made, or a socket that Python closes then: no matter.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signal")
@pytest.mark.parametrize("kind", [Alarm, AlarmTimeout])
@pytest.mark.parametrize("exchange", [by_http20, by_upload, by_drop_in, by_manager])
def test_what_a_signal_handler_raises_comes_out_as_it_is(exchange, kind):
    sent, wrong, at = [], [], 1

    def ask(connection):
        sent.append(f"mark-{len(sent)}")
        return exchange(connection, sent[-1])

    with Marks() as server:
        while True:
            with contextlib.closing(dial(exchange, server.port)) as connection:
                assert ask(connection) == CONTENT
                strike = Strike(kind, at)
                out = strike.run(lambda connection=connection: ask(connection))
                if strike.error is None:
                    break
                if out is not strike.error:
                    wrong.append((strike.where, repr(out)))
                if exchange is by_drop_in:
                    connection.close()  # http.client wants it after any exception
                try:
                    assert ask(connection) == CONTENT
                except ENDED:
                    assert ask(connection) == CONTENT
            at += stride(61)
    assert at > 1
    assert wrong == []
    assert set(server.marks) <= set(sent)
