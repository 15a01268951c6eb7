"""Wakeup: one thread ends the waits of others, by a pair of sockets.

A thread that sleeps in the kernel cannot see what another thread does in memory. So each wait
watches one end of a socket pair as well, and an octet written to the other end makes it return.
This is known as the self-pipe trick.
"""

from __future__ import annotations

import contextlib
import socket

#: Octets read at a time by ``drain``: more notifications than anyone has been seen to give.
MAX_NOTIFICATIONS = 4096


class Wakeup:
    """Ends waits: those that began after ``arm``, and those that begin before ``drain``.

    One stands for a whole stack of transports: who is on top shares the one of the lowest.  It
    costs two file descriptors from the first ``arm`` on, and nothing before: a program of one
    thread never pays.

    reader: the socket that waits must watch for octets to read; None until ``arm``.
    """

    __slots__ = ("_writer", "reader")

    def __init__(self) -> None:
        self.reader: socket.socket | None = None
        self._writer: socket.socket | None = None

    def arm(self) -> None:
        """Make the waits that begin from now on endable."""
        if self._writer is None:
            reader, writer = socket.socketpair()
            reader.setblocking(False)
            writer.setblocking(False)
            # The writer is last: without a reader, a notification would be lost.
            self.reader, self._writer = reader, writer

    def notify(self) -> None:
        """End the waits. Any thread, any moment, no lock: a destructor may call it."""
        writer = self._writer
        if writer is not None:
            # BlockingIOError: it is full of notifications. Another OSError: it is closed.
            with contextlib.suppress(OSError):
                writer.send(b"!")

    def drain(self) -> None:
        """Forget the notifications, so that new waits wait."""
        if self.reader is not None:
            with contextlib.suppress(BlockingIOError):  # nobody has notified
                self.reader.recv(MAX_NOTIFICATIONS)

    def close(self) -> None:
        """Give the file descriptors back; nobody may be waiting."""
        if self.reader is not None:
            self.reader.close()
        if self._writer is not None:
            self._writer.close()
