"""The socket of a connection in HTTP/1.1 while somebody watches: it shows a trace what passes."""

from __future__ import annotations

import io

from ..client.content import contiguous
from ..trace.faults import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Callable

    from ..trace.http1_wire import HTTP1Wire


class WatchedSocket:
    """A socket of http.client's that shows a wire what passes. Other attributes are the socket's.

    http.client writes by ``sendall`` and reads by ``makefile``, and so do its friends.
    """

    def __init__(self, sock: socket.socket, wire: HTTP1Wire) -> None:
        #: the socket itself
        self.watched = sock
        self._wire = wire
        self._is_broken = False
        self._is_closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["watched"], name)

    def show(self, tell: Callable[..., None], *arguments: Any) -> None:
        """Call a method of the wire's, whose faults must not harm the connection."""
        if self._is_broken:
            return
        try:
            tell(*arguments)
        except Exception as error:  # noqa: BLE001 - see above
            self._is_broken = True
            log_error(f"the trace of connection {self._wire.number} ends: {error!r}", error)

    def sendall(self, octets: Any, *flags: int) -> None:
        """Show octets, and send them."""
        self.show(self._wire.send, contiguous(octets))
        try:
            self.watched.sendall(octets, *flags)
        except OSError as error:
            self.show(self._wire.fail, error, self.watched.gettimeout())
            raise

    def makefile(self, mode: str = "r", buffering: int | None = None, **options: Any) -> Any:
        """Return a file of what is received, which shows it."""
        if mode != "rb" or options:
            return self.watched.makefile(mode, buffering, **options)  # type: ignore[call-overload]
        raw = WatchedFile(self, self._wire)
        if buffering == 0:
            return raw
        return io.BufferedReader(raw, buffering or io.DEFAULT_BUFFER_SIZE)

    def close(self) -> None:
        """Close the socket; a response that was begun is read to its end all the same."""
        self._is_closed = True
        self.watched.close()
        if not self._wire.is_under_way:
            self.show(self._wire.close)

    def end_of_file(self) -> None:
        """Note that the file of a response was closed."""
        self.show(self._wire.close if self._is_closed else self._wire.give_up)


class WatchedFile(io.RawIOBase):
    """A file of what is received on a watched socket, for one response."""

    def __init__(self, sock: WatchedSocket, wire: HTTP1Wire) -> None:
        super().__init__()
        self._sock = sock
        self._wire = wire
        self._raw: Any = sock.watched.makefile("rb", 0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        number: int = self._raw.fileno()
        return number

    def readinto(self, view: Any) -> int | None:
        """Receive, and show what has come."""
        size: int | None = self._raw.readinto(view)
        if size:
            self._sock.show(self._wire.receive, memoryview(view)[:size])
        elif size == 0 and len(view):
            self._sock.show(self._wire.end_of_input)
        return size

    def close(self) -> None:
        """Close; nothing more of this response will be read."""
        if not self.closed:
            self._raw.close()
            self._sock.end_of_file()
        super().close()
