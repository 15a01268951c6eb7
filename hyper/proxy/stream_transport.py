"""A transport inside a stream: CONNECT over HTTP/2 to a proxy (RFC 9113, 8.5).

The octets of one connection, that to the server, travel as the content of one stream of another,
that to the proxy, which has an endpoint and a transport (the *base*) of its own::

    Pump, Endpoint (server) -> [TLS] -> TunnelTransport -> Endpoint (proxy) -> base -> socket

A transport is used by one pump under one lock, and so is all that lies below it here: the proxy's
connection needs no pump.  What makes it differ from a socket is *room*.  A socket that has none
says so by being not writable; a stream whose window is shut opens when a frame is received.  So
whoever waits for room waits for octets to read, while it is the pump's leader who receives them.
When that has let the rest go, the bell calls the others.
"""

from __future__ import annotations

import contextlib
import time

from ..errors import ConnectionTerminated, ErrorCode, Failure
from ..transport.buffered import BufferedSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..fields import Fields
    from ..protocol.endpoint import Endpoint
    from ..protocol.messages import ResponseHead
    from ..protocol.stream import Stream
    from ..transport import Transport
    from ..transport.deadline import Deadline


class TunnelTransport:
    """A stream of a proxy's connection with a transport's verbs. Lock held for all but ``wait``.

    endpoint: the client's end of the connection to the proxy, on which nothing else happens;
    base: what carries it, which belongs to the tunnel from now on.
    """

    _stream: Stream  # from ``open`` on

    def __init__(self, endpoint: Endpoint, base: Transport) -> None:
        self._endpoint = endpoint
        self._base = base
        self._buffered = BufferedSocket(base)
        self.socket: socket.socket = base.socket
        self.wakeup = base.wakeup
        self.round_trip = base.round_trip
        #: octets of ours that the windows have not let go
        self._held = memoryview(b"")
        #: the base holds octets that its socket has refused
        self._has_unsent = False

    # --------------------------------------------------------------- beginning

    def open(self, section: Fields, deadline: Deadline) -> ResponseHead:
        """Ask the proxy for a tunnel, wait for its answer, and judge nothing but its form.

        section: the header section of the CONNECT request.  Raises TimedOut at the deadline;
        where there is no answer, what has ended the stream.
        """
        begin = time.monotonic()
        stream = self._stream = self._endpoint.send_request(section, "CONNECT", end_stream=False)
        self._flush()
        while not stream.has_head():
            self._pass_time(deadline)
        if stream.head is None:
            failure = stream.failure
            assert failure is not None  # else the wait would go on
            raise failure.exception()
        self.round_trip = time.monotonic() - begin
        return stream.head

    def excerpt(self, size: int, deadline: Deadline) -> bytes:
        """The beginning of the content with which a proxy explains its refusal."""
        stream = self._stream
        with contextlib.suppress(OSError):  # the deadline among them: what is there will do
            while stream.content_size < size and not stream.is_over:
                self._pass_time(deadline)
        return b"".join(stream.content)[:size]

    def _pass_time(self, deadline: Deadline) -> None:
        """Wait for octets of the proxy's, and take them in."""
        timeout = deadline.remaining("it did not answer CONNECT in the time given")
        if self._base.wait(read=True, write=self._has_unsent, timeout=timeout):
            self._receive()

    # --------------------------------------------------------------- the verbs

    @property
    def read_would_block(self) -> bool:
        """Whether one had better wait than try to read."""
        return self._base.read_would_block and not self._has_news

    @property
    def _has_news(self) -> bool:
        return bool(self._stream.content) or self._stream.is_over

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet. HOT."""
        if not self._has_news:
            self._receive()
        stream = self._stream
        content = stream.content
        filled, size = 0, len(view)
        while content and filled < size:
            piece = content.popleft()
            if len(piece) > size - filled:
                content.appendleft(piece[size - filled :])
                piece = piece[: size - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if filled:
            self._endpoint.consume(stream, filled)
            self._flush()
            return filled
        if stream.failure is not None:
            raise _broken(stream.failure)
        return 0 if stream.is_over else None

    def _receive(self) -> None:
        """Take in what the proxy has sent, once, and answer what must be answered."""
        endpoint = self._endpoint
        received = self._buffered.fill()
        if received:
            self._buffered.advance(endpoint.receive(self._buffered.view))
        elif received == 0:
            endpoint.receive_eof()
        endpoint.changed_streams.clear()  # nobody but us waits for news of this connection
        with contextlib.suppress(OSError):  # what it has said is known; sending tells the rest
            self._flush()

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of them are with the kernel now. HOT."""
        had_unsent = bool(self._held) or self._has_unsent
        if octets:
            self._held = memoryview(b"".join((self._held, octets)) if self._held else octets)
        endpoint, stream = self._endpoint, self._stream
        self._flush()
        while self._held and not self._has_unsent:
            if not stream.request_is_open:
                raise BrokenPipeError("the tunnel through the proxy is closed")
            taken = endpoint.send_content(stream, self._held, end_stream=False)
            if not taken:
                return False
            self._held = self._held[taken:]
            self._flush()
        if self._held or self._has_unsent:
            return False
        if had_unsent:
            self.wakeup.notify()  # whoever waits for room waits for octets, which may not come
        return True

    def _flush(self) -> None:
        """Hand to the base what the proxy's endpoint has queued."""
        endpoint = self._endpoint
        if endpoint.outbound or self._has_unsent:
            octets = endpoint.take_outbound() if endpoint.outbound else b""
            self._has_unsent = not self._base.send(octets)

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the tunnel may be ready; False if timeout seconds passed.

        It may return before: what comes may be the proxy's own affair.
        """
        if read and self._has_news:
            return True
        # Whatever is unsent goes first: it may be the answer for which the proxy waits.
        is_full = self._has_unsent
        is_shut = bool(self._held) and not is_full
        return self._base.wait(
            read=read or (write and is_shut),
            write=is_full or (write and not is_shut),
            timeout=timeout,
        )

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._base.fileno()

    def shutdown(self) -> None:
        """End the tunnel, and with it the connection to the proxy (8.5, 6.8)."""
        endpoint, stream = self._endpoint, self._stream
        with contextlib.suppress(OSError):  # the proxy has hung up: nobody is left to be told
            if stream.request_is_open and not self._held:
                endpoint.send_content(stream, memoryview(b""), end_stream=True)
            endpoint.close(
                ErrorCode.NO_ERROR, Failure(ConnectionTerminated, "the tunnel was closed here")
            )
            self._flush()
        self._base.shutdown()

    def close(self) -> None:
        """Give the socket back to the system; nobody may be waiting."""
        self._base.close()


def _broken(failure: Failure) -> ConnectionTerminated:
    error = failure.exception()
    broken = ConnectionTerminated(f"the tunnel through the proxy broke: {error}")
    broken.__cause__ = error
    return broken
