"""A transport for code that blocks: the file of a response, and the socket of python-socks."""

from __future__ import annotations

import io
import time
from http.client import HTTPException

from ..errors import TimedOut
from .refusal import MAX_HEAD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport import Transport
    from ..transport.deadline import Deadline

#: Why a wait for a proxy has ended without what was waited for.
LATE = "it did not open the tunnel in the time given"


class BlockingStream(io.RawIOBase):
    """A transport with the blocking methods of a socket and of its file.

    deadline: of all waits together.  room: octets that may be read.

    Not one octet is read that was not asked for: those after the proxy's answer are the server's.
    """

    def __init__(self, transport: Transport, deadline: Deadline, room: int = MAX_HEAD) -> None:
        super().__init__()
        self._transport = transport
        self.deadline = deadline
        self.room: int = room
        #: the proxy has closed its side
        self.has_ended: bool = False
        #: seconds from the latest sending to the first octet of what came after it
        self.round_trip: float | None = None
        self._sent = 0.0

    def sendall(self, octets: bytes) -> None:
        """Send octets, all of them."""
        self._sent = time.monotonic()
        sent = self._transport.send(octets)
        while not sent:
            self._wait(read=False, write=True)
            sent = self._transport.send(b"")

    def readinto(self, buffer: Any) -> int:
        """Wait until there is something, and fill the buffer with it; 0 at the end.

        A buffer may be larger than the room: that of ``io`` has 128 KiB since Python 3.14.
        """
        if not self.room:
            raise HTTPException(f"it goes on beyond {MAX_HEAD} octets")
        view = memoryview(buffer)[: self.room]
        received = self._transport.recv_into(view)
        while received is None:
            self._wait(read=True, write=False)
            received = self._transport.recv_into(view)
        if self._sent:
            self.round_trip, self._sent = time.monotonic() - self._sent, 0.0
        self.room -= received
        self.has_ended = received == 0
        return received

    def recv(self, size: int) -> bytes:
        """Return at most size octets; b"" at the end."""
        return self.read(size) or b""

    def readable(self) -> bool:
        """Return True: http.client asks."""
        return True

    def makefile(self, *_: Any) -> BlockingStream:
        """Return the file that http.client reads from: this one, which is unbuffered."""
        return self

    def late_error(self) -> TimeoutError:
        """The exception for a deadline that has passed."""
        return TimedOut(LATE)

    def _wait(self, *, read: bool, write: bool) -> None:
        timeout = self.deadline.remaining(LATE)
        self._transport.wait(read=read, write=write, timeout=timeout)
