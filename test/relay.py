"""A path of any length on the loopback: a relay that delays what goes through, both ways.

    with Relay(server.port, round_trip=0.1, rate=20e6) as relay:
        connect("localhost", relay.port)

Each way takes half the round trip. rate is the path's limit in octets a second, each way, None for
as fast as the relay can.  It runs in a process of its own (one thread, `select`), so that what it
costs is not its user's; alone it carries about 1 GB/s, see bench/delayed.py.

TCP's own handshake is the kernel's and is not delayed; whatever is said afterwards is.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

HOST = "127.0.0.1"

# Octets of one read: large, for a system call is the price.
READ = 1 << 20

# Octets that one way may hold: the product of any rate and delay that is measured here.
CAPACITY = 1 << 30

# Seconds until the process has to be listening.
DEADLINE = 20.0


class Way:
    """One direction: what was read from the source and is not yet due at the sink."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, delay: float, rate: float | None
    ) -> None:
        self.source, self.sink, self.delay, self.rate = source, sink, delay, rate
        self.under_way: deque[tuple[float, memoryview]] = deque()
        self.size = 0
        self.departed = 0.0  # when the last octet has left the bottleneck
        self.is_ended = False  # the source has said all
        self.is_done = False  # and the sink has been told

    def take(self) -> None:
        """Read what there is; it arrives when the bottleneck and the way are behind it."""
        try:
            octets = self.source.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        now = time.monotonic()
        self.departed = max(now, self.departed)
        if self.rate is not None:
            self.departed += len(octets) / self.rate
        self.is_ended = not octets
        self.size += len(octets)
        self.under_way.append((self.departed + self.delay, memoryview(octets)))

    def give(self, now: float) -> bool:
        """Hand over what is due; False if the sink has no room."""
        while self.under_way and self.under_way[0][0] <= now:
            due, octets = self.under_way.popleft()
            try:
                if not octets:
                    self.is_done = True
                    self.sink.shutdown(socket.SHUT_WR)
                    continue
                sent = self.sink.send(octets)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.is_done = self.is_ended = True
                self.under_way.clear()
                return True
            self.size -= sent
            if sent < len(octets):
                self.under_way.appendleft((due, octets[sent:]))
                return False
        return True


def serve(port: int, round_trip: float, rate: float | None) -> None:
    """Relay every connection to a port of this host, for ever. Prints the port that it took."""
    listener = socket.socket()
    listener.bind((HOST, 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    ways: list[Way] = []
    while True:
        now = time.monotonic()
        stuck = [way for way in ways if not way.give(now)]
        due = [way.under_way[0][0] for way in ways if way.under_way and way not in stuck]
        readers = [way.source for way in ways if not way.is_ended and way.size < CAPACITY]
        timeout = max(0.0, min(due) - now) if due else None
        ready, _, _ = select.select(
            [listener, sys.stdin, *readers], [way.sink for way in stuck], [], timeout
        )
        if sys.stdin in ready:  # its end: our user has gone
            return
        if listener in ready:
            near, far = listener.accept()[0], socket.create_connection((HOST, port))
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setblocking(False)
            ways += [Way(near, far, round_trip / 2, rate), Way(far, near, round_trip / 2, rate)]
        for way in ways:
            if way.source in ready:
                way.take()
        for here, there in zip(ways[::2], ways[1::2]):
            if here.is_done and there.is_done:
                here.source.close()
                there.source.close()
        ways = [way for way in ways if way.source.fileno() >= 0]


class Relay:
    """The relay's process, as a context manager."""

    def __init__(self, port: int, round_trip: float, rate: float | None = None) -> None:
        self._arguments = [str(port), str(round_trip), str(rate or 0)]
        self.port = 0

    def __enter__(self) -> Relay:  # noqa: PYI034  Self is not in 3.9
        command = [sys.executable, str(Path(__file__).resolve()), *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *rest: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait(DEADLINE)


if __name__ == "__main__":
    _port, _round_trip, _rate = sys.argv[1:]
    serve(int(_port), float(_round_trip), float(_rate) or None)
