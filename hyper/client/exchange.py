"""An exchange: a request on its way, until its content has ended (RFC 9113, 8.1).

Content is offered to the endpoint, which takes what the windows allow; what it does not take
waits here, in the caller's thread.  Each burst takes the lock anew, so that uploads and
downloads of other threads go on between.

A server may answer before it has seen all of the request, and want no more of it: it resets the
stream with NO_ERROR, or just opens no window.  "Clients MUST NOT discard responses as a result"
(8.1): what is left of the content is dropped then, and nothing is raised.
"""

from __future__ import annotations

import contextlib

from ..errors import LocalProtocolError, TimedOut
from . import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from ..fields import Fields
    from ..protocol.stream import Stream
    from ..pump.pump import Pump
    from .content import Body

    #: Gives the seconds that a wait may take which begins now, or None; asked before each.
    Limit = Callable[[], Optional[float]]


#: Seconds that a server which has answered in whole may take no more of the request, where the
#: caller has set no limit: some read on in the end, and others never, and do not say so.
ANSWERED_UPLOAD_TIMEOUT = 30.0


class Exchange:
    """One request and the stream on which it travels. One thread at a time sends on it.

    announced: the request's content-length, or None.  Who drops it, and has nobody ask for the
    response, resets the stream.
    """

    __slots__ = (
        "announced",
        "continue_timeout",
        "ends_itself",
        "is_claimed",
        "is_ended",
        "pump",
        "sent",
        "stream",
    )

    def __init__(self, pump: Pump, stream: Stream, announced: int | None) -> None:
        self.pump = pump
        self.stream = stream
        self.announced = announced
        #: seconds that content waits for 100 (Continue), None for no limit; (): it does not wait
        self.continue_timeout: float | tuple[()] | None = ()
        #: octets of content given to the endpoint so far
        self.sent = 0
        #: whether getresponse ends a request that the caller never called final
        self.ends_itself = True
        #: whether the caller has called it final
        self.is_ended = False
        #: whether a thread is waiting for, or has taken, the response
        self.is_claimed = False

    def drain(self, timeout: float | None) -> None:
        """Have a request without content leave, within timeout. Lock held."""
        try:
            self.pump.drain(timeout)
        except BaseException:
            # The caller will never learn the stream's id: nobody can ask for its response.
            self.pump.endpoint.cancel(self.stream)
            raise

    def await_continue(self, limit: Limit) -> bool:
        """Wait once for 100 (Continue), where content has to; returns whether it is to be sent.

        It is when no answer comes within ``continue_timeout`` or limit, too.  It is not when the
        answer is whole, or one of failure or redirection; a server that begins a good one may be
        reading all the same (RFC 9110, 10.1.1).
        """
        pump, stream, continue_timeout = self.pump, self.stream, self.continue_timeout
        # A request without content has nothing to wait with (RFC 9110, 10.1.1).
        if isinstance(continue_timeout, tuple) or self.announced == 0:
            return True
        most = limit()
        if continue_timeout is None or (most is not None and most < continue_timeout):
            continue_timeout = most

        def is_told() -> bool:
            return stream.has_head() or any(head.status == 100 for head in stream.informational)

        with pump.lock:
            with contextlib.suppress(TimedOut):
                pump.wait(is_told, (stream.id,), continue_timeout)
            self.continue_timeout = ()
            head = stream.head
            if stream.request_is_open and head and (stream.is_over or head.status >= 300):
                self.withhold()
            return stream.request_is_open

    def send_all(self, body: Body, trailers: Fields, limit: Limit) -> None:
        """Send content, piece by piece, then the end of the request; each wait within limit.

        Whatever goes wrong, a body that raises included, the stream is cancelled and the
        exception goes on: the peer must not take a part for the whole.
        """
        try:
            if not self.await_continue(limit):
                return
            for piece in content.pieces(body):
                whole = self.sent + len(piece) == self.announced and not trailers
                self._send(piece, end_stream=whole, limit=limit)
                if not self.stream.request_is_open and not whole:
                    return
            self.finish(trailers, limit)
        except BaseException:
            self.cancel()
            raise

    def send(self, body: Body, *, final: bool, limit: Limit) -> None:
        """Send a part of the content, the last one if final; as ``send_all`` otherwise."""
        try:
            # A request that ends without content has nothing to wait with, either.
            is_empty = final and content.content_length("", body) == 0
            if is_empty or self.await_continue(limit):
                for piece in content.pieces(body):
                    self._send(piece, end_stream=False, limit=limit)
            if final:
                self.finish((), limit)
        except BaseException:
            self.cancel()
            raise

    def end(self, trailers: Fields, limit: Limit) -> None:
        """Send the end of the request, with trailers if there are any; as ``send_all`` (8.1)."""
        try:
            self.finish(trailers, limit)
        except BaseException:
            self.cancel()
            raise

    def end_if_open(self, limit: Limit) -> None:
        """End a request that its caller never called final."""
        if self.stream.request_is_open:
            self.end((), limit)

    def _send(self, octets: memoryview, *, end_stream: bool, limit: Limit) -> None:
        self.require_room_for(len(octets))
        while len(octets):
            taken = self.send_some(octets, end_stream=end_stream, limit=limit)
            if not taken:
                return  # the peer wants no more: its response, or its reset, says why
            octets = octets[taken:]

    def send_some(self, octets: memoryview, *, end_stream: bool, limit: Limit) -> int:
        """Send as much content as there is room for, and wait for room if there is none.

        Returns how many octets that was; 0 means that the peer wants no more.  END_STREAM goes
        with the last octet.  Nothing is undone by an exception: ``sent`` tells what has gone.
        """
        pump, stream = self.pump, self.stream
        endpoint = pump.endpoint
        with pump.lock:
            pump.drain(limit())  # what the kernel refused before goes first
            pump.look()  # perhaps the peer wants no more
            if not endpoint.may_send(stream):
                self._await_room(limit)
            if not stream.request_is_open:
                return 0
            taken = endpoint.send_content(stream, octets, end_stream=end_stream)
            self.sent += taken
            pump.drain(limit())
        return taken

    def _await_room(self, limit: Limit) -> None:
        """Until the windows are open, or the request is over. Lock held."""
        pump, stream = self.pump, self.stream
        endpoint = pump.endpoint

        def may_send() -> bool:
            return endpoint.may_send(stream)

        def is_answered() -> bool:
            return stream.is_over and not stream.is_tunnel

        # The peer may take no more before it has said more, and there be nobody to read it.
        pump.wait_open(stream, lambda: may_send() or is_answered(), limit())
        if not may_send():
            most = limit()
            try:
                pump.wait(
                    may_send, (stream.id, 0), ANSWERED_UPLOAD_TIMEOUT if most is None else most
                )
            except TimedOut:
                self.withhold()

    def withhold(self) -> None:
        """Send no more, and let the response come to its end (8.1). Lock held."""
        self.pump.endpoint.withhold(self.stream)
        self.pump.flush()

    def finish(self, trailers: Fields, limit: Limit) -> None:
        """Send the end of the request; without ``end``'s care for what goes wrong."""
        pump, stream = self.pump, self.stream
        with pump.lock:
            if not stream.request_is_open:
                self.is_ended = True
                return
            if self.announced is not None and self.sent != self.announced:
                raise wrong_length(self.sent, self.announced)
            if trailers:
                pump.endpoint.send_trailers(stream, trailers)
            else:
                pump.endpoint.send_content(stream, memoryview(b""), end_stream=True)
            self.is_ended = True
            pump.drain(limit())

    def require_room_for(self, size: int) -> None:
        """Raise LocalProtocolError if size octets more are more than were announced (8.1.1)."""
        if self.announced is not None and self.sent + size > self.announced:
            raise wrong_length(self.sent + size, self.announced)

    def cancel(self) -> None:
        """Reset the stream, if it is not over, and have nobody wait for it (5.4.2)."""
        pump = self.pump
        with pump.lock:
            pump.endpoint.cancel(self.stream)
            pump.flush()

    def drop(self) -> None:
        """As ``cancel``; nor is anything read of a response that is whole."""
        self.cancel()
        self.pump.release(self.stream.drop_content())

    def __del__(self) -> None:
        # Ctrl-C between the request and the moment in which the caller has it, for one.
        # A response that is whole may be left of a request whose body raised.
        if not self.is_claimed and (not self.stream.is_over or self.stream.content):
            self.pump.drop_from_finalizer(self.stream)


def await_head(pump: Pump, stream: Stream, timeout: float | None) -> None:
    """Wait for the header section on a stream, one of ours or a pushed one."""
    if not stream.has_head():
        with pump.lock:
            pump.wait(stream.has_head, (stream.id,), timeout)
    if stream.head is None:
        assert stream.failure is not None  # else the wait would go on
        raise stream.failure.exception()


def wrong_length(size: int, announced: int) -> LocalProtocolError:
    """The caller's fault of a body that is not as long as its content-length (8.1.1)."""
    relation = "more than" if size > announced else "of"
    return LocalProtocolError(
        f"the body gave {size} {relation} the {announced} octets that its content-length announces"
        " (RFC 9113, 8.1.1); the request was not completed"
    )
