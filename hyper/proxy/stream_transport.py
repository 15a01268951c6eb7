"""A transport inside a stream: CONNECT over HTTP/2 to a proxy (RFC 9113, 8.5).

The octets of one connection, that to the server, travel as the content of one stream of another,
that to the proxy, which has an endpoint and a transport (the *base*) of its own::

    Pump, Endpoint (server) -> [TLS] -> TunnelTransport -> Endpoint (proxy) -> base -> socket

One pump uses a transport, under one lock, and so it uses all that lies below: the connection to the
proxy needs no pump of its own.

A tunnel differs from a socket in how it gets room. A socket without room becomes writable; a
stream whose window is shut is opened by a frame that is received. So a thread that waits for room
waits for octets to read, while the pump's leader may be the one that receives them. When the leader
has sent the rest, it notifies the wakeup, and the thread goes on.
"""

from __future__ import annotations

import errno
import time

from ..errors import ConnectionTerminated, ErrorCode, Failure
from ..foundation.interruptions import OSErrorsDropped, is_of_signal
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
    from ..transport.wakeup import Wakeup

#: Reasons why our octets stop: none is left, the proxy's windows are shut, the socket is full.
EMPTY, WINDOW_SHUT, SOCKET_FULL = range(3)


class TunnelTransport:
    """A stream of a proxy's connection as a transport. Lock held for every call but ``wait``.

    endpoint: the client's end of the connection to the proxy, on which nothing else happens.
    base: carries it, and belongs to the tunnel from now on.
    """

    _stream: Stream  # from ``open`` on

    def __init__(self, endpoint: Endpoint, base: Transport) -> None:
        self._endpoint = endpoint
        self._base = base
        self._buffered = BufferedSocket(base)
        self.socket: socket.socket = base.socket
        self.wakeup: Wakeup = base.wakeup
        self.round_trip = base.round_trip
        #: octets of ours that the windows do not let pass yet
        self._held = memoryview(b"")
        #: the base holds octets that its socket has refused
        self._has_unsent = False

    # --------------------------------------------------------------- beginning

    def open(self, section: Fields, deadline: Deadline) -> ResponseHead:
        """Ask the proxy for a tunnel; return the head of its answer, whatever the status.

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
        """Return the beginning of the content with which a proxy explains its refusal."""
        stream = self._stream
        with OSErrorsDropped():  # TimedOut among them: an excerpt need not be whole
            while stream.content_size < size and not stream.is_over:
                self._pass_time(deadline)
        return b"".join(stream.content)[:size]

    def _pass_time(self, deadline: Deadline) -> None:
        """Wait for octets of the proxy's, and receive them."""
        timeout = deadline.remaining("it did not answer CONNECT in the time given")
        if self._base.wait(read=True, write=self._has_unsent, timeout=timeout):
            self._receive()

    # --------------------------------------------------------------- the methods

    @property
    def read_would_block(self) -> bool:
        """True if waiting is better than trying to read."""
        return self._base.read_would_block and not self._has_news

    @property
    def _has_news(self) -> bool:
        return bool(self._stream.content) or self._stream.is_over

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet.

        HOT: once a read (bench/receive.py).
        """
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
            raise _broken_tunnel_error(stream.failure)
        return 0 if stream.is_over else None

    def _receive(self) -> None:
        """Receive once what the proxy has sent, and answer what must be answered."""
        endpoint = self._endpoint
        try:
            received = self._buffered.fill()
        except OSError as error:
            if is_of_signal(error) or not (endpoint.goaway and endpoint.streams):
                raise
            received = 0  # the proxy has said why (6.8); how its TCP ends is no news
        if received:
            self._buffered.give(endpoint.receive)
        elif received == 0:
            endpoint.receive_eof()
        endpoint.changed_streams.clear()  # this connection has no other user
        with OSErrorsDropped():  # it was received all the same; the next send raises
            self._flush()

    def send(self, octets: bytes) -> bool:
        """Take octets; True if all of them are with the kernel now.

        HOT: once a request (bench/clients.py).
        """
        had_unsent = bool(self._held) or self._has_unsent
        if octets:
            self._held = memoryview(b"".join((self._held, octets)) if self._held else octets)
        if self._push() != EMPTY:
            return False
        if had_unsent:
            self.wakeup.notify()  # a thread that waits for room waits for octets, and none may come
        return True

    def _push(self) -> int:
        """Move what is held into the stream, and that to the base; return what stops it."""
        endpoint, stream = self._endpoint, self._stream
        while True:
            # Frames that the endpoint has queued go first: they may be the WINDOW_UPDATE or the
            # acknowledgement that the proxy waits for before it opens our window.
            if endpoint.outbound or self._has_unsent:
                self._flush()
            if self._has_unsent:
                return SOCKET_FULL
            if not self._held:
                return EMPTY
            if not stream.request_is_open:
                raise BrokenPipeError(errno.EPIPE, "the tunnel through the proxy is closed")
            # It takes a burst at the most, and the loop hands that on before it gives more: the
            # base may be full by then.
            taken = endpoint.send_content(stream, self._held, end_stream=False)
            if not taken:
                return WINDOW_SHUT
            self._held = self._held[taken:]

    def _flush(self) -> None:
        """Hand to the base what the proxy's endpoint has queued."""
        endpoint = self._endpoint
        is_sent = not self._has_unsent or self._base.send(b"")
        # The endpoint keeps what the base cannot send, and counts the answers that a proxy provokes
        # and does not read (10.5).
        while is_sent and endpoint.outbound:
            is_sent = self._base.send(endpoint.take_outbound())
        self._has_unsent = not is_sent

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
        """Wait, without the lock, until the tunnel may be ready; False if timeout seconds passed.

        It may return before: the octets that come may be the proxy's own frames. The events
        that are watched depend on why our octets stop::

                            for reading if      for writing if
            EMPTY           read                write
            WINDOW_SHUT     read or write       never: WINDOW_UPDATE is received
            SOCKET_FULL     read                always: the proxy may wait for what is unsent
        """
        if read and self._has_news:
            return True
        if self._has_unsent:  # SOCKET_FULL
            write = True
        elif self._held:  # WINDOW_SHUT
            read, write = read or write, False
        return self._base.wait(read=read, write=write, timeout=timeout)

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._base.fileno()

    def shutdown(self) -> None:
        """End the tunnel, and with it the connection to the proxy (8.5, 6.8)."""
        endpoint, stream = self._endpoint, self._stream
        with OSErrorsDropped():  # the proxy has hung up, and need not be told
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


def _broken_tunnel_error(failure: Failure) -> ConnectionTerminated:
    """The exception for a stream that the proxy, or a fault, has ended."""
    error = failure.exception()
    broken = ConnectionTerminated(f"the tunnel through the proxy broke: {error}")
    broken.__cause__ = error
    return broken
