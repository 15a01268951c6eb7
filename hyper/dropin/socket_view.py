"""The socket of an HTTP/2 connection as a script sees it in ``conn.sock``."""

from __future__ import annotations

from http.client import CannotSendRequest

from ..client.content import contiguous

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from .session import PendingRequest, SocketConnection


class SocketView:
    """A socket that all streams share: it can be written to, by http.client, and not be read.

    Octets that http.client writes belong to one request: its header section first, then content.
    Closing the view drops the HTTP/2 connection.  Its timeout is that of each wait.  All other
    attributes are those of the real socket.
    """

    def __init__(self, session: SocketConnection, sock: socket.socket) -> None:
        self._session = session
        self._sock = sock
        #: the request that is being written, or that was written last
        self.request: PendingRequest | None = None

    @property
    def is_open(self) -> bool:
        """True if another request may go out on this HTTP/2 connection."""
        return self._session.is_open

    def sendall(self, octets: Any) -> None:
        """Send octets of the request that is being written.

        Raises CannotSendRequest if there is no such request, TypeError for what has no octets.
        """
        view = contiguous(octets)
        if self.request is None:
            raise CannotSendRequest("no request is open to which this content could belong")
        self.request.write(view)

    def settimeout(self, timeout: float | None) -> None:
        """Set the seconds that each wait may take, None for no limit.

        Raises ValueError for what is no time.
        """
        self._session.timeout = timeout

    def gettimeout(self) -> float | None:
        """The seconds that each wait may take, None for no limit."""
        timeout: float | None = self._session.timeout
        return timeout

    @property
    def timeout(self) -> float | None:
        """The seconds that each wait may take, None for no limit."""
        return self.gettimeout()

    def setblocking(self, flag: bool) -> None:
        """Set no limit, or a limit of 0 seconds; the real socket never blocks."""
        self.settimeout(None if flag else 0.0)

    def close(self) -> None:
        """Drop the HTTP/2 connection; responses that were fetched can still be read."""
        self._session.drop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __repr__(self) -> str:
        return f"<HTTP/2 on {self._sock!r}>"
