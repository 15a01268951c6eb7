"""Wakeup: one thread ends the waits of others, by a pair of sockets.

A thread that sleeps in the kernel cannot see what another thread does in memory, or what a signal
handler does that interrupts its sleep. So each wait watches one end of a socket pair as well, and
an octet written to the other end makes it return. This is known as the self-pipe trick.

A pair is borrowed from a small stock while somebody sleeps. So there are about as many pairs as
threads that sleep at the same time, however many connections there are.
"""

from __future__ import annotations

import socket

from ..foundation.fork import renew_after_fork
from ..foundation.interruptions import is_of_signal

#: Octets read at a time by ``drain``: more notifications than anyone has been seen to give.
MAX_NOTIFICATIONS = 4096

#: Pairs that wait for the next sleeper; more are closed, so that a burst of threads ends some day.
MAX_SPARE_PAIRS = 8


class _Stock:
    """Pairs that nobody uses. Any thread: single steps of a list are atomic."""

    def __init__(self) -> None:
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        renew_after_fork(self)

    def __del__(self) -> None:
        # The end of the process: a socket that is not closed then warns.
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Close the pairs, which are the parent's too."""
        pairs, self.pairs = self.pairs, []
        for reader, writer in pairs:
            reader.close()
            writer.close()


_stock = _Stock()


class Wakeup:
    """Ends waits: those that began after ``arm``, and those that begin before ``drain``.

    One stands for a whole stack of transports: who is on top shares the one of the lowest. Lock
    held for every call but ``notify``.

    reader: the socket that waits must watch for octets to read; None while it is not armed.
    is_rung: True if the reader may have octets. A wait that sees it readable sets it.
    """

    __slots__ = ("_writer", "is_rung", "reader")

    def __init__(self) -> None:
        self.reader: socket.socket | None = None
        self._writer: socket.socket | None = None
        self.is_rung: bool = False

    def arm(self) -> None:
        """Make the waits that begin from now on endable. HOT: once a sleep (bench/clients.py)."""
        if self._writer is not None:
            return
        try:
            # The writer is last: without a reader, a notification would be lost.
            self.reader, self._writer = _stock.pairs.pop()
        except IndexError:
            reader, writer = socket.socketpair()
            reader.setblocking(False)
            writer.setblocking(False)
            self.reader, self._writer = reader, writer

    def notify(self) -> None:
        """End the waits. Any thread, any moment, no lock: a destructor may call it.

        It may come so late that the pair serves another connection already: a wait there then ends
        for nothing, and begins again.
        """
        writer = self._writer
        if writer is not None:
            self.is_rung = True
            try:
                writer.send(b"!")
            except OSError:  # it is full of notifications, or closed
                return

    def drain(self) -> None:
        """Forget the notifications, so that new waits wait."""
        if self.is_rung and self.reader is not None:
            self.is_rung = False
            try:
                self.reader.recv(MAX_NOTIFICATIONS)
            except OSError as error:  # nothing has come, or only after this
                if is_of_signal(error):
                    raise

    def disarm(self) -> None:
        """Give the pair back; nobody may be waiting. HOT: once a sleep (bench/clients.py)."""
        if self.is_rung:
            self.drain()
        reader, writer = self.reader, self._writer
        self._writer = self.reader = None
        if reader is None or writer is None:
            return
        if len(_stock.pairs) < MAX_SPARE_PAIRS:
            _stock.pairs.append((reader, writer))
        else:
            reader.close()
            writer.close()

    def close(self) -> None:
        """Close the pair, if it is armed; nobody may be waiting."""
        if self.reader is not None:
            self.reader.close()
        if self._writer is not None:
            self._writer.close()
        self._writer = self.reader = None
