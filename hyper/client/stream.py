"""Streams that flow both ways: one exchange as a file, or as a socket.

A stream of HTTP/2 has two halves, and each ends for itself (RFC 9113, 5.1): the request's content
is written while the response's is read.  ``HTTP20Stream`` puts an ``Exchange``, which writes, and
an ``HTTP20Response``, which reads, into one object that is used like a file.  ``HTTP20Tunnel`` is
the same after CONNECT (8.5; RFC 8441): the octets are those of another protocol, and the verbs
those of a socket.

One thread may write while another reads, on the same stream, without a lock of the caller's.  A
failure is told as what it is (StreamResetError, ConnectionTerminated, ...) to both: a conversation
is no document that could be incomplete.
"""

from __future__ import annotations

import errno
import io
import socket

from ..errors import ErrorCode, IncompleteRead, LocalProtocolError, NegotiationError, TimedOut
from ..fields import FieldMap
from ..protocol import messages
from .exchange import await_head
from .response import HTTP20Response, reprioritize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Callable, TypeVar

    from ..fields import FieldSource
    from ..protocol.priorities import PrioritySource
    from .connection import HTTP20Connection
    from .content import Octets
    from .exchange import Exchange

    Result = TypeVar("Result")


class HTTP20Stream:
    """A request that is written while its response is read (RFC 9113, 8.1).

    ``write`` and its sisters send; ``status``, ``headers``, ``read`` and its sisters, ``trailers``
    and iteration (one piece a DATA frame) wait for the server as long as ``timeout`` allows.
    TimeoutError harms nothing: try again.  Nothing is coded or decoded.  One thread may write while
    another reads.  Closing it, or leaving its ``with`` block, before both halves have ended resets
    this stream and nothing else; so does dropping it.
    """

    #: seconds, or None for no limit, once it is set; until then the connection's
    _timeout: float | tuple[()] | None = ()
    _response: HTTP20Response | None = None
    _closed = False

    def __init__(self, connection: HTTP20Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._pump = exchange.pump
        self._stream = exchange.stream

    @property
    def stream_id(self) -> int:
        """The stream's identifier (5.1.1)."""
        return self._stream.id

    @property
    def timeout(self) -> float | None:
        """Seconds that each wait may take, None for no limit; the connection's, unless set."""
        timeout = self._timeout
        return self._connection.limit() if isinstance(timeout, tuple) else timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        with self._pump.lock:
            self._timeout = timeout
            if self._response is not None:
                self._response.timeout = timeout

    def _limit(self) -> float | None:
        return self.timeout

    # ------------------------------------------------------------------- writing

    @property
    def written(self) -> int:
        """Octets of content sent so far: after TimeoutError it tells where to go on."""
        return self._exchange.sent

    def write(self, octets: Octets) -> int:
        """Send octets, all of them before it returns; waits for room where the server reads slowly.

        Returns how many were sent: fewer only where the server has given its whole answer and
        wants no more.  Where it has reset the stream with an error, that is raised.
        """
        view = self._sendable(octets)
        size = len(view)
        while len(view):
            taken = self._send_some(view)
            if not taken:
                break
            view = view[taken:]
        return size - len(view)

    def _sendable(self, octets: Octets) -> memoryview:
        self._require_open()
        if self._exchange.is_ended:
            raise self._ended()
        view = memoryview(octets).cast("B")
        self._exchange.require_room_for(len(view))
        return view

    def _ended(self) -> Exception:
        return LocalProtocolError(
            f"the request on stream {self.stream_id} has already ended (RFC 9113, 8.1)",
            stream_id=self.stream_id,
        )

    def _send_some(self, view: memoryview) -> int:
        self._exchange.await_continue(self._limit)
        taken = self._exchange.send_some(view, end_stream=False, limit=self._limit)
        if not taken and self._stream.failure is not None:
            raise self._stream.failure.exception()
        return taken

    def close_write(self) -> None:
        """End the request (END_STREAM); the response can still be read.  Twice is once."""
        self._require_open()
        self._exchange.finish((), self._limit)

    def write_trailers(self, trailers: FieldSource) -> None:
        """Send a trailer section, which ends the request (8.1)."""
        self._require_open()
        section = messages.trailer_section(trailers)
        if self._exchange.is_ended:
            raise self._ended()
        self._exchange.finish(section, self._limit)

    def reprioritize(self, priority: PrioritySource) -> bool:
        """Wish for another priority (RFC 9218, 6), as ``HTTP20Connection.reprioritize`` does."""
        return reprioritize(self._pump, self._stream, priority)

    # ------------------------------------------------------------------- reading

    def _answer(self) -> HTTP20Response:
        """The response, once its header section has come."""
        response = self._response
        if response is None:
            stream, pump = self._stream, self._pump
            if stream.head is None:
                self._require_open()
            await_head(pump, stream, self.timeout)
            with pump.lock:
                response = self._response  # another thread may have been quicker
                if response is None:
                    response = HTTP20Response(self._connection, pump, stream, decodes=False)
                    if not isinstance(self._timeout, tuple):
                        response.timeout = self._timeout
                    self._response = response
        return response

    @property
    def status(self) -> int:
        """The status of the response; waits for it."""
        return self._answer().status

    @property
    def headers(self) -> FieldMap:
        """The header section of the response; waits for it."""
        return self._answer().headers

    @property
    def informational(self) -> list[tuple[int, FieldMap]]:
        """Interim responses so far, as (status, headers), oldest first; does not wait."""
        return [(head.status, FieldMap(head.fields)) for head in self._stream.informational]

    def _telling(self, read: Callable[..., Result], *arguments: Any) -> Result:
        """What a verb of the response gives; content cut short is told by what cut it."""
        try:
            return read(*arguments)
        except IncompleteRead as error:
            cause, error.__cause__ = error.__cause__, None
            assert cause is not None  # nothing but a failure of the stream cuts content
            raise cause from error

    def _reader(self) -> HTTP20Response:
        self._require_open()
        return self._answer()

    def read(self, amt: int | None = None) -> bytes:
        """Octets of content: all there will be, or amt of them, fewer only at the end."""
        return self._telling(self._reader().read, amt)

    def read1(self, amt: int = -1) -> bytes:
        """Octets that are at hand, at most amt, after one wait at most; b"" at the end."""
        return self._telling(self._reader().read1, amt)

    def readinto(self, buffer: Any) -> int:
        """Fill a writable buffer; fewer octets than it holds only at the end."""
        return self._telling(self._reader().readinto, buffer)

    def readline(self, limit: int | None = -1) -> bytes:
        """Octets up to and with the next line feed, at most limit."""
        return self._telling(self._reader().readline, limit)

    def __iter__(self) -> Iterator[bytes]:
        """Content as it comes: one piece a DATA frame."""
        pieces = self._reader().read_chunked()
        while True:
            piece = self._telling(next, pieces, b"")
            if not piece:
                return
            yield piece

    @property
    def trailers(self) -> FieldMap:
        """The trailer section (8.1), empty if there is none; content is read first, and kept."""
        response = self._answer()
        return self._telling(lambda: response.trailers)

    # -------------------------------------------------------------------- ending

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def cancel(self, error_code: int = ErrorCode.CANCEL) -> None:
        """Reset the stream now, if it is not over; who reads or writes on it is told (5.4.2)."""
        with self._pump.lock:
            self._pump.endpoint.cancel(self._stream, ErrorCode(error_code))
            self._pump.flush()

    def close(self) -> None:
        """Be done with it: reset the stream where a half of it has not ended (CANCEL, 5.4.2)."""
        if not self._closed:
            self._closed = True
            self.cancel()
            self._pump.release(self._stream.drop_content())

    def __enter__(self) -> HTTP20Stream:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Ctrl-C may have come before it had a stream.
        stream = self.__dict__.get("_stream")
        if stream and (not stream.is_over or stream.request_is_open or stream.content):
            self._pump.drop_from_finalizer(stream)

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on a closed stream")

    # What the io module asks before it wraps a file.

    def readable(self) -> bool:
        """True: it can be read."""
        return True

    def writable(self) -> bool:
        """Whether anything can still be written."""
        return not self._closed and self._stream.request_is_open

    def seekable(self) -> bool:
        """False: octets come once."""
        return False

    def flush(self) -> None:
        """Nothing: ``write`` has sent it all."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.stream_id}>"


class HTTP20Tunnel(HTTP20Stream):
    """A stream after CONNECT, with the verbs of a socket (RFC 9113, 8.5; RFC 8441).

    END_STREAM stands for TCP's FIN, and RST_STREAM for its RST: ``recv`` gives b"" after the one,
    and raises StreamResetError, a ConnectionResetError, after the other.  One thread may send while
    another receives.  There is no file descriptor: the connection's is shared by all its streams.
    """

    _files = 0
    _is_given_up = False

    def _timely(self, verb: Callable[..., Result], *arguments: Any) -> Result:
        """What a verb of the stream gives; where it must not wait, that is told as sockets do."""
        try:
            return verb(*arguments)
        except TimedOut as error:
            if self.timeout != 0:
                raise
            raise BlockingIOError(
                errno.EWOULDBLOCK, f"the tunnel on stream {self.stream_id} would have to wait"
            ) from error

    def send(self, octets: Octets, flags: int = 0) -> int:  # noqa: ARG002 - a socket's
        """Send some octets; returns how many, at least one of them."""
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
        """Send all the octets, each wait for room within the timeout."""
        size = memoryview(octets).nbytes
        if self._timely(self.write, octets) < size:
            raise self._ended()

    def _send_some(self, view: memoryview) -> int:
        if self._stream.read_shut:
            self._await_room_unheard()
        return super()._send_some(view)

    def _await_room_unheard(self) -> None:
        """Wait for room, and drop what comes: the peer may not read before somebody does here."""
        pump, stream = self._pump, self._stream
        endpoint = pump.endpoint
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
        self._pump.endpoint.consume(self._stream, self._stream.drop_content())
        self._pump.flush()

    def _ended(self) -> Exception:
        return BrokenPipeError(
            errno.EPIPE, f"the tunnel on stream {self.stream_id} takes no more octets"
        )

    def write_trailers(self, trailers: FieldSource) -> None:  # noqa: ARG002 - as its parent's
        """Not in a tunnel: only DATA frames have a meaning there (8.5)."""
        raise LocalProtocolError("a tunnel has no trailers (RFC 9113, 8.5); nothing was sent")

    def recv(self, bufsize: int, flags: int = 0) -> bytes:  # noqa: ARG002 - a socket's
        """Octets that are at hand, at most bufsize, after one wait at most; b"" at the end."""
        self._require_open()
        if bufsize < 0:
            raise ValueError("negative buffersize in recv")
        if self.timeout == 0:
            with self._pump.lock:
                self._pump.look()  # who must not wait still takes what the kernel has
        octets = b""
        if bufsize and not self._stream.read_shut:
            octets = self._timely(self.read1, bufsize)
        return b"" if self._stream.read_shut else octets

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002
        """As ``recv``, into a writable buffer, at most nbytes if that is not 0."""
        view = memoryview(buffer).cast("B")
        if not 0 <= nbytes <= len(view):
            raise ValueError(f"nbytes is {nbytes}, and the buffer has {len(view)} octets")
        if view.readonly:
            raise TypeError("recv_into wants a buffer that can be written")
        octets = self.recv(nbytes or len(view))
        view[: len(octets)] = octets
        return len(octets)

    def shutdown(self, how: int) -> None:
        """Send END_STREAM (SHUT_WR), receive nothing any more (SHUT_RD), or both (SHUT_RDWR).

        SHUT_RD drops what is unread, and wakes who waits in ``recv``.
        """
        self._require_open()
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise OSError(errno.EINVAL, "how is SHUT_RD, SHUT_WR or SHUT_RDWR")
        if how != socket.SHUT_WR:
            with self._pump.lock:
                self._stream.read_shut = True
                self._pump.endpoint.changed_streams.extend((self.stream_id, 0))
                self._drop_unread()
        if how != socket.SHUT_RD:
            self.close_write()

    def settimeout(self, timeout: float | None) -> None:
        """Seconds that each wait may take, None for no limit."""
        self.timeout = timeout

    def gettimeout(self) -> float | None:
        """What ``settimeout`` was told; else the connection's."""
        return self.timeout

    def setblocking(self, flag: bool) -> None:
        """As ``settimeout(None)``, or with False as ``settimeout(0)``."""
        self.settimeout(None if flag else 0.0)

    def _require_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the tunnel is closed")

    def close(self) -> None:
        """End it: END_STREAM, and a reset where the peer has not ended (8.5).

        Whoever must know that the peer has got everything calls ``shutdown(SHUT_WR)`` and
        receives to the end first, as with any socket.  Files of ``makefile`` keep it open.
        """
        self._is_given_up = True
        if not self._files and not self._closed:
            self._closed = True
            with self._pump.lock:
                endpoint = self._pump.endpoint
                if self._stream.request_is_open:
                    endpoint.send_content(self._stream, memoryview(b""), end_stream=True)
                endpoint.cancel(self._stream)
                self._pump.flush()
            self._pump.release(self._stream.drop_content())

    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """A file over the tunnel, as ``socket.makefile`` makes one; its end is not the tunnel's."""
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
        """A file of ``makefile`` was closed."""
        self._files -= 1
        if self._is_given_up:
            self.close()


class _TunnelFile(io.RawIOBase):
    """What the buffers of ``makefile`` stand on; ``close`` calls forget.

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

    def readinto(self, buffer: Any) -> int | None:
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


def tunnel(connection: HTTP20Connection, exchange: Exchange, target: str) -> HTTP20Tunnel:
    """Wait for the answer to CONNECT: a 2xx makes the tunnel (RFC 9110, 9.3.6).

    Raises NegotiationError, with the response, for any other.
    """
    pump, stream = exchange.pump, exchange.stream
    try:
        await_head(pump, stream, connection.limit())
    except BaseException:
        exchange.cancel()
        raise
    if stream.is_tunnel:
        return HTTP20Tunnel(connection, exchange)
    with pump.lock:
        exchange.withhold()
    response = connection.response_of(pump, stream)
    exchange.is_claimed = True
    raise NegotiationError(
        f"the server refused the tunnel to {target} with status {response.status} (RFC 9110,"
        " 9.3.6); the response of this exception says more",
        stream_id=stream.id,
        response=response,
    )
