"""A path on which things go wrong: a relay that cuts, delays, loses and reorders what it carries.

    with FaultyPath(server.port, Cut(at=5000)) as path:
        connect("localhost", path.port)

The fault strikes the first connection, on the way of ``is_of_answers``; later ones, and the other
way, pass as they are. ``Reorder`` knows frames, and so needs cleartext. It moves content of one
stream behind frames of others, which a server may do as well (RFC 9113, 5): nothing changes its
place within a stream, and no field block or frame of the connection moves.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from hyper.testing import wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

# Octets of one read, and of a frame's header.
READ, HEADER = 1 << 16, 9

# Seconds until the threads of a path that is left have ended.
DEADLINE = 20.0

# Most octets that Reorder holds back, less than any window, and seconds for others to come.
MOST_HELD, PATIENCE = 30_000, 0.002


class Fault:
    """Nothing goes wrong. has_struck: whether there was an occasion."""

    def __init__(self, *, is_of_answers: bool = True) -> None:
        self.is_of_answers = is_of_answers
        self.has_struck = False
        self.carried = 0

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """Give what the other end gets of octets; raises Ended when the path does."""
        self.carried += len(octets)
        yield octets

    def last(self) -> bytes:
        """Give what is left when there is no more."""
        return b""


class Ended(Exception):
    """The path ends here. is_reset: by RST, else by FIN."""

    def __init__(self, *, is_reset: bool) -> None:
        super().__init__()
        self.is_reset = is_reset


class Cut(Fault):
    """The path ends behind so many octets."""

    def __init__(self, at: int, *, is_reset: bool = False, is_of_answers: bool = True) -> None:
        super().__init__(is_of_answers=is_of_answers)
        self.at, self.is_reset = at, is_reset

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        left = self.at - self.carried
        yield from super().pieces(octets[:left])
        if left <= len(octets):
            self.has_struck = True
            raise Ended(is_reset=self.is_reset)


class Hole(Fault):
    """Whatever comes behind so many octets vanishes, and the path stays open."""

    def __init__(self, at: int, *, is_of_answers: bool = True) -> None:
        super().__init__(is_of_answers=is_of_answers)
        self.at = at

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        left = max(0, self.at - self.carried)
        self.has_struck = self.has_struck or left < len(octets)
        yield from super().pieces(octets[:left])


class Loss(Fault):
    """Some octets vanish, and the path goes on behind them."""

    def __init__(self, at: int, size: int, *, is_of_answers: bool = True) -> None:
        super().__init__(is_of_answers=is_of_answers)
        self.at, self.size, self.seen = at, size, 0

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        begin = max(0, self.at - self.seen)
        end = max(0, self.at + self.size - self.seen)
        self.seen += len(octets)
        self.has_struck = self.has_struck or (begin < len(octets) and end > 0)
        yield from super().pieces(octets[:begin] + octets[end:])


class Delay(Fault):
    """Octets come in pieces, late: the first ones of each read one by one."""

    def __init__(self, chance: Random, *, is_of_answers: bool = True) -> None:
        super().__init__(is_of_answers=is_of_answers)
        self._chance = chance

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        self.carried += len(octets)
        at = 0
        while at < len(octets):
            size = 1 if at < 20 else self._chance.randrange(1, READ)
            if not self._chance.randrange(5):
                self.has_struck = True
                time.sleep(0.001)
            yield octets[at : at + size]
            at += size


class Reorder(Fault):
    """Content of a stream goes behind what the server sent later on others, where that is legal."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self._octets = b""
        self._held: dict[int, list[bytes]] = {}

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        self._octets += octets
        self.carried += len(octets)
        while len(self._octets) >= HEADER:
            size = HEADER + int.from_bytes(self._octets[:3], "big")
            if len(self._octets) < size:
                return
            frame, self._octets = self._octets[:size], self._octets[size:]
            yield from self._passed(frame)

    def _passed(self, frame: bytes) -> Iterator[bytes]:
        kind, stream_id = frame[3], int.from_bytes(frame[5:9], "big")
        is_content = kind == wire.DATA
        size = sum(len(each) for frames in self._held.values() for each in frames)
        if is_content and size < MOST_HELD and self._chance.randrange(3):
            self._held.setdefault(stream_id, []).append(frame)
            return
        others = {number for number in self._held if number != stream_id}
        self.has_struck = self.has_struck or bool(others)
        # This frame came after those that are held of its stream.
        yield b"".join([*self._held.pop(stream_id, ()), frame])
        if not is_content or size >= MOST_HELD or not self._chance.randrange(4):
            yield self.last()

    def last(self) -> bytes:
        numbers = list(self._held)
        self._chance.shuffle(numbers)
        return b"".join(b"".join(self._held.pop(number)) for number in numbers)


class Link:
    """One connection that is carried: near is our user's socket, far the server's."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.threads: list[threading.Thread] = []
        self._is_cut = False
        self._has_begun = threading.Event()
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self) -> None:
        """Start the threads, each of which may wait for the other."""
        for thread in self.threads:
            thread.start()
        self._has_begun.set()

    def carry(self, source: socket.socket, sink: socket.socket, fault: Fault) -> None:
        """Carry one way, until it or the path ends."""
        self._has_begun.wait(DEADLINE)
        try:
            while True:
                octets = source.recv(READ)
                for piece in fault.pieces(octets) if octets else [fault.last()]:
                    sink.sendall(piece)
                if not octets:
                    sink.shutdown(socket.SHUT_WR)
                    return
                # The server may wait for what is held here to be read.
                if isinstance(fault, Reorder) and not select.select([source], [], [], PATIENCE)[0]:
                    sink.sendall(fault.last())
        except Ended as ended:
            self._cut(is_reset=ended.is_reset)
        except OSError:  # one side has gone
            if not self._is_cut:
                self.end()

    def _cut(self, *, is_reset: bool) -> None:
        if not is_reset:
            self.end()
            return
        self._is_cut = True
        with suppress(OSError):
            self.far.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self.near.shutdown(socket.SHUT_RD)
        # The other thread has the descriptor, too, and close() sends RST when it is the last.
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(DEADLINE)
        with suppress(OSError):
            self.near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.near.close()

    def end(self) -> None:
        """End both connections by FIN; a thread that receives from them wakes."""
        for sock in (self.near, self.far):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class FaultyPath:
    """The relay, as a context manager; two threads a connection."""

    def __init__(self, port: int, fault: Fault) -> None:
        self._port, self._fault = port, fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[Link] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        fault = self._fault
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:  # our user has gone
                return
            link = Link(near, socket.create_connection(("127.0.0.1", self._port)))
            self._links.append(link)
            other = Fault(is_of_answers=not fault.is_of_answers)
            answers, requests = (fault, other) if fault.is_of_answers else (other, fault)
            link.threads += [
                threading.Thread(target=link.carry, args=way, daemon=True)
                for way in ((link.far, link.near, answers), (link.near, link.far, requests))
            ]
            link.begin()
            fault = Fault()

    def __enter__(self) -> FaultyPath:  # noqa: PYI034  Self is not in 3.9
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._listener.close()
        for link in self._links:
            link.end()
            for thread in link.threads:
                thread.join(DEADLINE)
                assert not thread.is_alive(), "a thread of the path hangs"
            link.near.close()
            link.far.close()
