"""A client that lives for hours on one connection after the other: its sockets are counted.

``unit/protocol/test_long_life.py`` has the same life for an endpoint alone, and measures memory.
Here there are sockets and a server. Time is the endpoints' own: each round of the script is a
second of it. Every round brings a heartbeat, a request that is cancelled, a late frame and an
exchange. Some rounds bring PING, an interim response, a push that is rarely claimed, and a section
that is too large. At the end of a turn the server says GOAWAY, and leaves the end of TCP to the
client (RFC 9113, 6.8). The suite lives for some minutes; ten hours take one minute and a half::

    python -m test.scripted.test_long_life 10
"""

from __future__ import annotations

import sys
import time
import weakref
from pathlib import Path

import pytest

from hyper import FieldSectionTooLarge, HTTP20Connection
from hyper.testing import Server, requests, wire

OK = [(":status", "200")]
TOO_LARGE = [*OK, ("x", "y" * 5000)]

#: requests of one turn after which frames for a cancelled one are still under way
LATE = 20


def serve(peer):
    """An honest server of one turn."""
    peer.handshake()
    polls, cancelled, promised_id = {}, [], 2
    for stream_id, fields, _ in requests(peer):
        path = dict(fields)[":path"]
        if path in ("/events", "/job"):
            polls[path] = stream_id
            if path == "/events":
                peer.write_headers(stream_id, OK)
        elif path == "/slow":  # which is cancelled
            cancelled.append(stream_id)
            peer.write_headers(cancelled[-LATE:][0], OK, end_stream=True)
        elif path == "/page":
            promise = [(":method", "GET"), (":scheme", "http"), (":path", f"/{promised_id}")]
            promise.append((":authority", f"127.0.0.1:{peer.port}"))
            peer.write_push(stream_id, promised_id, promise)
            peer.write_headers(promised_id, OK)
            peer.write_data(promised_id, b"style", promised_id % 4 == 0)  # not all of them end
            promised_id += 2
            peer.write(wire.ping())
            peer.write_interim(polls["/job"], 102)
            peer.write_response(stream_id, b"page")
        elif path == "/cookies":
            peer.write_headers(stream_id, TOO_LARGE, end_stream=True)
        else:
            peer.write_data(polls["/events"])
            peer.write_data(polls["/events"], b"tick")
            if path == "/last":
                peer.write_data(polls["/events"], end_stream=True)
                peer.write_response(polls["/job"], b"done")
                peer.write_goaway(stream_id)
            peer.write_response(stream_id, b"content")
        # Hours of it would fill the memory.
        for kept in (peer.log, peer.frames, peer.requests):
            kept.clear()
    peer.end()


class Life:
    """A client's hours."""

    def __init__(self, connection):
        self.connection = connection
        self.time = 0
        self.sockets = []

    def get(self, path):
        return self.connection.getresponse(self.connection.request("GET", path))

    def turn(self, seconds):
        """One connection, from its beginning to GOAWAY."""
        events = self.get("/events")
        job = self.connection.request("GET", "/job")
        self.sockets.append(weakref.ref(self.connection.sock))
        self.connection._pumps.current.endpoint.now = lambda: float(self.time)
        for number in range(1, seconds + 1):
            self.time += 1
            self.connection.cancel(self.connection.request("GET", "/slow"))
            path = "/last" if number == seconds else "/tick"
            assert self.get(path).read() == b"content"
            assert events.read1() == b"tick"
            if number % 5 == 0 and number < seconds:
                self.page(is_claimed=number % 50 == 0)
                with pytest.raises(FieldSectionTooLarge):
                    self.get("/cookies")
        assert events.read() == b""
        response = self.connection.getresponse(job)
        assert {status for status, _ in response.informational} == {102}
        assert response.read() == b"done"

    def page(self, *, is_claimed):
        stream_id = self.connection.request("GET", "/page")
        assert self.connection.getresponse(stream_id).read() == b"page"
        if is_claimed:
            (push,) = self.connection.getpushes(stream_id)
            with push.getresponse() as response:
                assert response.read(5) == b"style"

    def open_sockets(self):
        """How many of the client's sockets are open."""
        sockets = [reference() for reference in self.sockets]
        return sum(sock is not None and sock.fileno() != -1 for sock in sockets)


def live(turns, seconds):
    """The client's open sockets at the end of each turn, and after the last one."""
    with Server(serve, tls=False) as server:
        settings = {"SETTINGS_MAX_HEADER_LIST_SIZE": 4000}
        with HTTP20Connection("127.0.0.1", server.port, secure=False, settings=settings) as client:
            client.timeout = server.deadline
            life, counted = Life(client), []
            for _ in range(turns):
                life.turn(seconds)
                counted.append(life.open_sockets())
        assert server.connections == turns
        return [*counted, life.open_sockets()]


def test_sockets_stay_flat_while_connections_come_and_go():
    """One for the connection of the moment, and one for the former one, whose push is unclaimed."""
    counted = live(turns=8, seconds=25)
    assert max(counted) <= 2
    assert counted[-1] == 0


def files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


if __name__ == "__main__":
    begin, at_first = time.monotonic(), files()
    counted = live(turns=int(float(sys.argv[1]) * 6), seconds=600)
    print(
        f"{sys.argv[1]} hours in {time.monotonic() - begin:.0f} s, {len(counted) - 1} connections"
    )
    print(f"sockets of the client: {max(counted)} at most, {counted[-1]} after close()")
    print(f"files of the process: {at_first} before, {files()} after")
