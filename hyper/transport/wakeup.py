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


TYPE_CHECKING = False
if TYPE_CHECKING:
    Pair = tuple[socket.socket, socket.socket, int]


class _Stock:
    """Pairs that nobody uses. Any thread: single steps of a list are atomic."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        renew_after_fork(self)

    def __del__(self) -> None:
        # The end of the process: a socket that is not closed then warns.
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Close the pairs, which are the parent's too."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            _close(pair)


_stock = _Stock()


class Wakeup:
    """Ends waits: those that began after ``arm``, and those that begin before ``drain``.

    One stands for a whole stack of transports: who is on top shares the one of the lowest. Lock
    held for every call but ``notify``.

    pair: its two ends, and the descriptor of the first, which waits must watch for octets to read;
    None while it is not armed.
    is_rung: True if the first may have octets. A wait that sees it readable sets it.
    """

    __slots__ = ("is_rung", "pair")

    def __init__(self) -> None:
        self.pair: Pair | None = None
        self.is_rung: bool = False

    def arm(self) -> None:
        """Make the waits that begin from now on endable. HOT: once a sleep (bench/clients.py)."""
        if self.pair is not None:
            return
        try:
            self.pair = _stock.pairs.pop()
        except IndexError:
            reader, writer = socket.socketpair()
            reader.setblocking(False)
            writer.setblocking(False)
            self.pair = reader, writer, reader.fileno()

    def notify(self) -> None:
        """End the waits. Any thread, any moment, no lock: a destructor may call it.

        It may come so late that the pair serves another connection already: a wait there then ends
        for nothing, and begins again.
        """
        pair = self.pair
        if pair is not None:
            self.is_rung = True
            try:
                pair[1].send(b"!")
            except OSError:  # it is full of notifications, or closed
                return

    def drain(self) -> None:
        """Forget the notifications, so that new waits wait."""
        if self.is_rung and self.pair is not None:
            self.is_rung = False
            try:
                self.pair[0].recv(MAX_NOTIFICATIONS)
            except OSError as error:  # nothing has come, or only after this
                if is_of_signal(error):
                    raise

    def disarm(self) -> None:
        """Give the pair back; nobody may be waiting. HOT: once a sleep (bench/clients.py)."""
        if self.is_rung:
            self.drain()
        pair, self.pair = self.pair, None
        if pair is None:
            return
        if len(_stock.pairs) < MAX_SPARE_PAIRS:
            _stock.pairs.append(pair)
        else:
            _close(pair)

    def close(self) -> None:
        """Close the pair, if it is armed; nobody may be waiting."""
        pair, self.pair = self.pair, None
        if pair is not None:
            _close(pair)


def _close(pair: Pair) -> None:
    pair[0].close()
    pair[1].close()
