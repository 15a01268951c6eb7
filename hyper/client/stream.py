"""Streams that flow both ways: one exchange as a file.

A stream of HTTP/2 has two halves, and each ends for itself (RFC 9113, 5.1): the request's content
is written while the response's is read. ``HTTP20Stream`` puts an ``Exchange``, which writes, and an
``HTTP20Response``, which reads, into one object that is used like a file.

One thread may write while another reads, on the same stream, without a lock of the caller's. A
failure is told as what it is (StreamResetError, ConnectionTerminated, ...) to both: a conversation
is no document that could be incomplete.
"""

from __future__ import annotations

from ..errors import ErrorCode, IncompleteRead, LocalProtocolError
from ..protocol import messages
from .content import contiguous
from .response import HTTP20Response
from .timeouts import Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable, TypeVar

    from _typeshed import WriteableBuffer

    from ..fields import FieldMap, FieldSource
    from ..protocol.priorities import PrioritySource
    from .content import Octets
    from .exchange import Exchange

    Result = TypeVar("Result")


class HTTP20Stream:
    """A request that is written while its response is read (RFC 9113, 8.1).

    Methods that write wait for room; those that read, ``status``, ``headers`` and ``trailers`` wait
    for the server, each time as long as ``timeout`` allows. Iteration gives one piece a DATA frame.
    Content is neither coded nor decoded. One thread may write while another reads. Closing it, or
    leaving its ``with`` block, before both halves have ended resets this stream and nothing else,
    and so does dropping it.

    Raises:
        TimeoutError: out of a method that waits; nothing is lost, try again.
        StreamResetError, ConnectionTerminated, RemoteDisconnected: likewise; what ended it.
        RemoteProtocolError: likewise; the server breaks the rules.
        ValueError: it was closed.
    """

    _response: HTTP20Response | None = None
    _closed = False

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def stream_id(self) -> int:
        """The stream's identifier (5.1.1)."""
        return self._exchange.id

    @property
    def timeout(self) -> float | None:
        """Seconds that each wait may take, None for no limit; the connection's, unless set."""
        return self._exchange.timeouts.remaining()

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._exchange.timeouts = Timeouts(timeout)

    # ------------------------------------------------------------------- writing

    @property
    def written(self) -> int:
        """Octets of content sent so far: after TimeoutError it tells where to go on."""
        return self._exchange.sent

    def write(self, octets: Octets) -> int:
        """Send octets, all of them before it returns.

        Args:
            octets: bytes-like.

        Returns:
            How many were sent: fewer only if the server has given its whole answer and wants no
            more.

        Raises:
            LocalProtocolError: the request has ended, or content exceeds its content-length.
            TimeoutError: no room came in time; ``written`` tells where to go on.
            StreamResetError, ConnectionTerminated: the server takes no more.
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
        if self._exchange.is_final:
            raise self._ended()
        view = contiguous(octets)
        self._exchange.require_room_for(len(view))
        return view

    def _ended(self) -> Exception:
        return LocalProtocolError(
            f"the request on stream {self.stream_id} has already ended (RFC 9113, 8.1)",
            stream_id=self.stream_id,
        )

    def _send_some(self, view: memoryview) -> int:
        exchange = self._exchange
        exchange.await_continue()
        taken = exchange.send_some(view, end_stream=False)
        if not taken and exchange.stream.failure is not None:
            raise exchange.stream.failure.exception()
        return taken

    def close_write(self) -> None:
        """End the request (END_STREAM); the response can still be read.

        A second call does nothing.

        Raises:
            LocalProtocolError: less was written than the content-length announces (8.1.1).
        """
        self._require_open()
        self._exchange.finish(())

    def write_trailers(self, trailers: FieldSource) -> None:
        """Send a trailer section, which ends the request (8.1).

        Args:
            trailers: a mapping or pairs, str or bytes; duplicates are kept.

        Raises:
            LocalProtocolError: the request has ended, or a field must not be sent.
        """
        self._require_open()
        section = messages.trailer_section(trailers)
        if self._exchange.is_final:
            raise self._ended()
        self._exchange.finish(section)

    def reprioritize(self, priority: PrioritySource) -> bool:
        """Ask for another priority (RFC 9218, 6).

        Args:
            priority: a ``Priority``, or its field value.

        Returns:
            False if it is in vain: the response is whole, or the server's SETTINGS decline.
        """
        return self._exchange.reprioritize(priority)

    # ------------------------------------------------------------------- reading

    def _answer(self) -> HTTP20Response:
        """The response, once its header section has come."""
        response = self._response
        if response is None:
            exchange = self._exchange
            if exchange.stream.head is None:
                self._require_open()
            exchange.await_head()
            with exchange.pump.lock:
                response = self._response  # another thread may have been quicker
                if response is None:
                    response = self._response = HTTP20Response(exchange, decode_content=False)
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
        return [(head.status, head.headers) for head in self._exchange.stream.informational]

    def _telling(self, read: Callable[..., Result], *arguments: Any) -> Result:
        """Call a verb of the response; where content was cut short, raise what cut it."""
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
        """Read content: all there will be, or amt octets, fewer only at the end.

        Args:
            amt: octets; None, or a negative number, for all.

        Returns:
            The octets; ``b""`` at the end.
        """
        return self._telling(self._reader().read, amt)

    def read1(self, amt: int = -1) -> bytes:
        """Read octets that are at hand, after one wait at most.

        Args:
            amt: how many at most; a negative number means all that are at hand.

        Returns:
            The octets; ``b""`` only at the end.
        """
        return self._telling(self._reader().read1, amt)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a writable buffer.

        Args:
            buffer: writable, bytes-like.

        Returns:
            How many octets that is: fewer than it holds only at the end.
        """
        return self._telling(self._reader().readinto, buffer)

    def readline(self, limit: int | None = -1) -> bytes:
        """Read octets up to and with the next line feed.

        Args:
            limit: octets at most; None, or a negative number, for no limit.

        Returns:
            The line; ``b""`` at the end.
        """
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
        """True if ``close`` was called."""
        return self._closed

    def cancel(self, error_code: int = ErrorCode.CANCEL) -> None:
        """Reset the stream now, if it is not over (5.4.2); threads that use it are told.

        Args:
            error_code: why, for the server.
        """
        self._exchange.cancel(error_code)

    def close(self) -> None:
        """Reset the stream where a half of it has not ended (CANCEL, 5.4.2), and drop the rest."""
        if not self._closed:
            self._closed = True
            self._exchange.discard()

    def __enter__(self) -> HTTP20Stream:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on a closed stream")

    # The io module asks these before it wraps a file.

    def readable(self) -> bool:
        """True: it can be read."""
        return True

    def writable(self) -> bool:
        """True if anything can still be written."""
        return not self._closed and self._exchange.stream.request_is_open

    def seekable(self) -> bool:
        """False: octets come once."""
        return False

    def flush(self) -> None:
        """Do nothing: ``write`` has sent it all."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.stream_id}>"
