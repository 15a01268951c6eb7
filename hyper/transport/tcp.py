"""A transport over a plain, non-blocking socket: the one on which the others stand."""

from __future__ import annotations

import select
import socket

from ..foundation.fork import renew_after_fork
from ..foundation.interruptions import OSErrorsDropped
from .deadline import MAX_POLL, milliseconds_of
from .wakeup import Wakeup

#: False on Windows.
HAS_POLL = hasattr(select, "poll")
#: The events that poll is asked for, where the system has poll.
READ, WRITE = (select.POLLIN, select.POLLOUT) if HAS_POLL else (0, 0)


class PlainTransport:
    """A connected socket, made non-blocking. Lock held for every call but ``wait``."""

    #: exceptions by which a socket says that it takes no octets now
    _no_room: tuple[type[OSError], ...] = (BlockingIOError, InterruptedError)

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.round_trip: float | None = None
        self.read_would_block: bool = False
        self._unsent = memoryview(b"")
        self.wakeup: Wakeup = Wakeup()
        renew_after_fork(self)

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet.

        HOT: once a read (bench/receive.py).
        """
        try:
            size = self.socket.recv_into(view)
        except (BlockingIOError, InterruptedError):
            self.read_would_block = True
            return None
        self.read_would_block = size < len(view)
        return size

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of them are with the kernel now.

        HOT: once a request (bench/clients.py).
        """
        if self._unsent:
            octets = b"".join((self._unsent, octets)) if octets else self._unsent  # type: ignore[assignment]
        try:
            sent = self.socket.send(octets)
        except self._no_room:
            sent = 0
        if sent == len(octets):
            if self._unsent:
                self._unsent = memoryview(b"")
            return True
        self._unsent = memoryview(octets)[sent:]
        return False

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the socket is ready; False if timeout seconds passed.

        Several threads may wait at once. HOT: once a sleep (bench/clients.py).
        """
        if not HAS_POLL:
            is_ready = _select(self.socket, self.wakeup, read=read, write=write, timeout=timeout)
        else:
            # A poll object serves one thread at a time, and a new one costs less than a lock.
            poll = select.poll()
            poll.register(self.socket, READ * read | WRITE * write)
            pair = self.wakeup.pair
            if pair is not None:
                poll.register(pair[2], READ)
            events = poll.poll(milliseconds_of(timeout))
            is_ready = bool(events)
            # Poll tells in the order of registration: the wakeup comes last.
            if events and pair is not None and events[-1][0] == pair[2]:
                self.wakeup.is_rung = True
        if is_ready:
            self.read_would_block = False
        return is_ready

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self.socket.fileno()

    def shutdown(self) -> None:
        """End the connection both ways: every thread that waits wakes."""
        with OSErrorsDropped():  # the peer may have ended it before
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back to the system; nobody may be waiting."""
        self.socket.close()
        self.wakeup.close()

    def after_fork_in_child(self) -> None:
        """Close the child's descriptor; nothing is sent or ended, so the parent goes on."""
        self.close()


def _select(
    sock: socket.socket,
    wakeup: Wakeup,
    *,
    read: bool,
    write: bool,
    timeout: float | None,
) -> bool:
    """Wait as ``PlainTransport.wait`` does, on Windows: its select takes sockets of any number."""
    reader = None if wakeup.pair is None else wakeup.pair[0]
    readable = [sock] * read + ([reader] if reader is not None else [])
    seconds = None if timeout is None else min(timeout, MAX_POLL / 1000)
    ready, room, failed = select.select(readable, [sock] * write, [sock], seconds)
    if reader in ready:
        wakeup.is_rung = True
    return bool(ready or room or failed)
