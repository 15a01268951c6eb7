"""Tunnels: a stream after CONNECT, as a socket (RFC 9113, 8.5; RFC 8441).

The octets are those of another protocol, and the verbs those of a socket.
"""

from __future__ import annotations

import errno
import io
import socket

from ..errors import LocalProtocolError, NegotiationError, TimedOut
from .response import HTTP20Response
from .stream import HTTP20Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    from _typeshed import WriteableBuffer

    from ..fields import FieldSource
    from .content import Octets
    from .exchange import Exchange

    Result = TypeVar("Result")


class HTTP20Tunnel(HTTP20Stream):
    """A stream after CONNECT, with the verbs of a socket (RFC 9113, 8.5; RFC 8441).

    END_STREAM stands for TCP's FIN, and RST_STREAM for its RST: ``recv`` gives b"" after the one,
    and raises StreamResetError, a ConnectionResetError, after the other.  One thread may send while
    another receives.  There is no file descriptor: the connection's is shared by all its streams.

    Raises:
        TimeoutError: out of a method that waits; nothing is lost, try again.
        BlockingIOError: likewise, where the timeout is 0.
        ConnectionResetError: likewise; the stream was reset, or its connection ended.
        OSError: it was closed (EBADF).
    """

    _files = 0
    _is_given_up = False

    def _timely(self, verb: Callable[..., Result], *arguments: Any) -> Result:
        """Call a verb of the stream; one that must not wait says so as sockets do."""
        try:
            return verb(*arguments)
        except TimedOut as error:
            if self.timeout != 0:
                raise
            raise BlockingIOError(
                errno.EWOULDBLOCK, f"the tunnel on stream {self.stream_id} would have to wait"
            ) from error

    def send(self, octets: Octets, flags: int = 0) -> int:  # noqa: ARG002 - a socket's
        """Send some octets.

        Args:
            octets: bytes-like.
            flags: a socket's; ignored.

        Returns:
            How many were sent, at least one of them.

        Raises:
            BrokenPipeError: the request has ended, or the peer takes no more.
            TimeoutError, BlockingIOError: there was no room in time; nothing was sent.
        """
        # ``send`` of a socket raises only if nothing was sent. Octets that the endpoint took are
        # sent, though the wait for the kernel's room was in vain: ``written`` has counted them.
        view = self._sendable(octets)
        before = self.written
        try:
            taken = self._timely(self._send_some, view) if len(view) else 0
        except (TimedOut, BlockingIOError):
            taken = self.written - before
            if not taken:
                raise
            # It is on its way, though the kernel has no room yet.
        if len(view) and not taken:
            raise self._ended()
        return taken

    def sendall(self, octets: Octets, flags: int = 0) -> None:  # noqa: ARG002 - a socket's
        """Send all the octets, each wait for room within the timeout.

        Args:
            octets: bytes-like.
            flags: a socket's; ignored.

        Raises:
            BrokenPipeError: the request has ended, or the peer takes no more.
            TimeoutError, BlockingIOError: ``written`` tells how far it came.
        """
        size = memoryview(octets).nbytes
        if self._timely(self.write, octets) < size:
            raise self._ended()

    def _send_some(self, view: memoryview) -> int:
        if self._exchange.stream.read_shut:
            self._await_room_unheard()
        return super()._send_some(view)

    def _await_room_unheard(self) -> None:
        """Wait for room, and drop what comes: the peer may not read before somebody does here."""
        pump, stream = self._exchange.pump, self._exchange.stream
        endpoint = pump.endpoint
        pump.lock.require_free()
        with pump.lock:
            self._drop_unread()
            while not (endpoint.may_send(stream) or stream.is_over):
                pump.wait(
                    lambda: endpoint.may_send(stream) or bool(stream.content) or stream.is_over,
                    (stream.id, 0),
                    self.timeout,
                )
                self._drop_unread()

    def _drop_unread(self) -> None:
        """Give the peer the room of what nobody will read. Lock held."""
        pump, stream = self._exchange.pump, self._exchange.stream
        pump.endpoint.consume(stream, stream.drop_content())
        pump.flush()

    def _ended(self) -> Exception:
        return BrokenPipeError(
            errno.EPIPE, f"the tunnel on stream {self.stream_id} takes no more octets"
        )

    def write_trailers(self, trailers: FieldSource) -> None:  # noqa: ARG002 - as its parent's
        """Refuse: only DATA frames have a meaning in a tunnel (8.5).

        Raises:
            LocalProtocolError: always.
        """
        raise LocalProtocolError("a tunnel has no trailers (RFC 9113, 8.5); nothing was sent")

    def recv(self, bufsize: int, flags: int = 0) -> bytes:  # noqa: ARG002 - a socket's
        """Receive octets that are at hand, after one wait at most.

        Args:
            bufsize: how many at most.
            flags: a socket's; ignored.

        Returns:
            The octets; ``b""`` at the end.

        Raises:
            ValueError: `bufsize` is negative.
            TimeoutError, BlockingIOError: nothing came in time; the tunnel stays usable.
            StreamResetError, ConnectionTerminated: the peer, or the connection, ended the tunnel.
        """
        self._require_open()
        if bufsize < 0:
            raise ValueError("negative buffersize in recv")
        octets = b""
        if bufsize and self._may_receive():
            octets = self._timely(self.read1, bufsize)
        return b"" if self._exchange.stream.read_shut else octets

    def _may_receive(self) -> bool:
        """True if SHUT_RD was not said. With a timeout of 0, what the kernel has is taken first."""
        if self.timeout == 0:
            self._exchange.pump.lock.require_free()
            with self._exchange.pump.lock:
                self._exchange.pump.look()
        return not self._exchange.stream.read_shut

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002 - socket's
        """Receive into a writable buffer; as ``recv`` otherwise.

        Args:
            buffer: writable, bytes-like.
            nbytes: octets at most; 0 means as many as it holds.
            flags: a socket's; ignored.

        Returns:
            How many octets came; 0 at the end.

        Raises:
            ValueError, TypeError: `nbytes` does not fit the buffer, or it is not writable.
        """
        view = memoryview(buffer)
        if view.format != "B" or view.ndim != 1:  # PyPy's io does not take a part of a cast view
            view = view.cast("B")
        if not 0 <= nbytes <= len(view):
            raise ValueError(f"nbytes is {nbytes}, and the buffer has {len(view)} octets")
        if view.readonly:
            raise TypeError("recv_into wants a buffer that can be written")
        self._require_open()
        size = 0
        if len(view) and self._may_receive():
            # io's function reads and copies in C, where no signal handler comes between.
            readinto1 = self._reader().readinto1
            size = self._timely(self._telling, readinto1, view[: nbytes or len(view)])
        return 0 if self._exchange.stream.read_shut else size

    def shutdown(self, how: int) -> None:
        """Send END_STREAM (SHUT_WR), receive nothing any more (SHUT_RD), or both (SHUT_RDWR).

        SHUT_RD drops what is unread, and wakes threads that wait in ``recv``.

        Args:
            how: ``socket.SHUT_RD``, ``SHUT_WR`` or ``SHUT_RDWR``.

        Raises:
            ValueError: `how` is not one of the three.
        """
        self._require_open()
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise OSError(errno.EINVAL, "how is SHUT_RD, SHUT_WR or SHUT_RDWR")
        if how != socket.SHUT_WR:
            pump, stream = self._exchange.pump, self._exchange.stream
            pump.lock.require_free()
            with pump.lock:
                stream.read_shut = True
                pump.endpoint.changed_streams.extend((stream.id, 0))
                self._drop_unread()
        if how != socket.SHUT_RD:
            self.close_write()

    def settimeout(self, timeout: float | None) -> None:
        """Limit each wait to so many seconds; None for no limit, 0 for no wait at all.

        Args:
            timeout: seconds for each wait, 0 for no wait, None for no limit.
        """
        self.timeout = timeout

    def gettimeout(self) -> float | None:
        """Return what ``settimeout`` was told; else the connection's."""
        return self.timeout

    def setblocking(self, flag: bool) -> None:
        """Do as ``settimeout(None)``, or for False as ``settimeout(0)``.

        Args:
            flag: True waits without limit, False never waits.
        """
        self.settimeout(None if flag else 0.0)

    def _require_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the tunnel is closed")

    def close(self) -> None:
        """End it: END_STREAM, and a reset where the peer has not ended (8.5).

        To know that the peer has got everything, call ``shutdown(SHUT_WR)`` and receive to the end
        first, as with any socket.  Files of ``makefile`` keep it open.
        """
        self._is_given_up = True
        if not self._files and not self._closed:
            exchange = self._exchange
            exchange.pump.lock.require_free()
            self._closed = True
            with exchange.pump.lock:
                if exchange.stream.request_is_open:
                    exchange.pump.endpoint.send_content(
                        exchange.stream, memoryview(b""), end_stream=True
                    )
            exchange.discard()

    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """Make a file over the tunnel, as ``socket.makefile`` does.

        Args:
            mode: of "r", "w" and "b".
            buffering, encoding, errors, newline: as ``io.open`` has them.

        Returns:
            The file. Closing it does not close the tunnel; the tunnel stays until both are closed.

        Raises:
            ValueError: the mode has another letter, or text is wanted without a buffer.
        """
        if not set(mode) <= set("rwb"):
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        reads, writes = "r" in mode or "w" not in mode, "w" in mode
        raw = _TunnelFile(self, self._forget_file, reads=reads, writes=writes)
        self._files += 1
        size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
        if not size:
            if "b" not in mode:
                raw.close()
                raise ValueError("unbuffered streams must be binary")
            return raw
        binary: Any
        if reads and writes:
            binary = io.BufferedRWPair(raw, raw, size)
        else:
            binary = io.BufferedWriter(raw, size) if writes else io.BufferedReader(raw, size)
        return binary if "b" in mode else io.TextIOWrapper(binary, encoding, errors, newline)

    def _forget_file(self) -> None:
        """Note that a file of ``makefile`` was closed."""
        self._files -= 1
        if self._is_given_up:
            self.close()


class _TunnelFile(io.RawIOBase):
    """The raw file below the buffers of ``makefile``; ``close`` calls forget.

    None for what would have to wait, where the tunnel must not: as ``io.RawIOBase`` has it.
    """

    def __init__(
        self, tunnel: HTTP20Tunnel, forget: Callable[[], None], *, reads: bool, writes: bool
    ) -> None:
        self._tunnel = tunnel
        self._forget = forget
        self._reads = reads
        self._writes = writes

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        try:
            return self._tunnel.recv_into(buffer)
        except BlockingIOError:
            return None

    def write(self, octets: Any) -> int | None:
        try:
            return self._tunnel.send(octets)
        except BlockingIOError:
            return None

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._forget()


def tunnel(exchange: Exchange, target: str, *, decode_content: bool) -> HTTP20Tunnel:
    """Wait for the answer to CONNECT: a 2xx makes the tunnel (RFC 9110, 9.3.6).

    Raises NegotiationError, with the response, for any other.
    """
    try:
        exchange.await_head()
    except BaseException:  # nobody will have the tunnel
        exchange.cancel()
        raise
    if exchange.stream.is_tunnel:
        return HTTP20Tunnel(exchange)
    with exchange.pump.lock:
        exchange.withhold()
    response = HTTP20Response(exchange, decode_content=decode_content)
    raise NegotiationError(
        f"the server refused the tunnel to {target} with status {response.status} (RFC 9110,"
        " 9.3.6); the response of this exception says more",
        stream_id=exchange.id,
        response=response,
    )
