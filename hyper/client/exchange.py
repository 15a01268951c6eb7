"""The exchange: one stream as all that use it share it (RFC 9113, 8.1).

"An HTTP request/response exchange fully consumes a single stream." The response, the push, the
stream and the tunnel that callers hold are built on an ``Exchange``: the connection's pump, the
stream, and the limits of its waits.

Content is offered to the endpoint, which takes what the windows allow; the rest waits here, in the
caller's thread. Each burst takes the lock anew, so that uploads and downloads of other threads go
on between.

A server may answer before it has seen all of the request, and want no more of it: it resets the
stream with NO_ERROR, or opens no window. "Clients MUST NOT discard responses as a result" (8.1):
the rest of the content is dropped then, and nothing is raised.
"""

from __future__ import annotations

import contextlib
import sys

from ..errors import ErrorCode, LocalProtocolError, TimedOut
from ..protocol.states import DONE
from ..pump.lock import IN_A_STEP
from . import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from typing import Callable

    from ..fields import Fields
    from ..protocol.messages import ResponseHead
    from ..protocol.priorities import PrioritySource
    from ..protocol.stream import Stream
    from ..pump.pump import Pump
    from ..transport.deadline import Deadline
    from .content import Body
    from .timeouts import Timeouts


#: Seconds that a server which has answered in whole may take no more of the request, where the
#: caller has set no limit: some read on in the end, and others never, and do not say so.
ANSWERED_UPLOAD_TIMEOUT = 30.0

#: Octets to receive for a reader that lacks so many: frames of 16,384 octets, the size that most
#: servers send (4.2), and their headers. A read of whole frames ends where a frame ends, and so
#: does the next one. Such content is copied once (``Stream.add_content``).
OF_WHOLE_FRAMES = {frames * 16_384: frames * (16_384 + 9) for frames in range(1, 5)}


class Exchange:
    """One request and its response, or one promised response. One thread at a time sends.

    timeouts: the limits of all waits.
    content_length: octets of content that the request announces, or None.
    own_id: the id by which the caller knows it; the stream's identifier if not given.

    If it is garbage-collected before its stream has ended and was read, the stream is reset.
    """

    __slots__ = (
        "awaits_continue",
        "content_length",
        "continue_timeout",
        "id",
        "is_done",
        "is_final",
        "is_moving",
        "pump",
        "sent",
        "stream",
        "taken",
        "timeouts",
    )

    def __init__(
        self,
        pump: Pump,
        stream: Stream,
        timeouts: Timeouts,
        content_length: int | None = None,
        own_id: int = 0,
    ) -> None:
        self.pump: Pump = pump
        self.stream: Stream = stream
        self.timeouts: Timeouts = timeouts
        self.content_length: int | None = content_length
        self.id: int = own_id or stream.id
        #: True if the finalizer has nothing to do: all was sent and read, or it is dropped already
        self.is_done: bool = False
        #: True while content is on its way from the stream to the caller. An interruption leaves it
        #: so: some octets may be lost, and no later read may go on as if they were not.
        self.is_moving: bool = False
        #: octets of content taken from the stream while its response was under way
        self.taken: int = 0
        #: octets of content given to the endpoint so far
        self.sent: int = 0
        #: True if the caller has called the request final: no content follows
        self.is_final: bool = stream.send_window is None
        #: True if content waits for 100 (Continue), for at most so many seconds (None: no limit)
        self.awaits_continue: bool = False
        self.continue_timeout: float | None = None

    # ------------------------------------------------------------------ response

    def await_head(self) -> ResponseHead:
        """Wait for the header section of the response; raises what ended the stream before it."""
        stream = self.stream
        if stream.head is None and stream.failure is None:
            pump = self.pump
            if pump.lock.is_held():
                raise RuntimeError(IN_A_STEP)
            with pump.lock:
                pump.wait(stream.has_head, (stream.id,), self.timeouts.remaining())
        head = stream.head
        if head is None:
            assert stream.failure is not None  # else the wait would go on
            raise stream.failure.exception()
        return head

    def take(self, amt: int | None, deadline: Deadline | None = None) -> list[bytes | bytearray]:
        """Wait for content and take it; none at the end.

        The peer gets credit for it (6.9). amt: how many octets are wanted, None for all that are
        there. deadline: until when it may wait; None: the timeouts count. From the end of the wait
        on, ``is_moving`` is True: the caller says when they have arrived.

        HOT: once a read (bench/counts.py, download).
        """
        stream, pump = self.stream, self.pump
        if stream.phase == DONE or stream.failure is not None:
            # Nobody writes here any more, and no window waits for credit: no lock is needed.
            self.is_moving = True
            pieces, size = _popped(stream.content, amt)
            if size:
                pump.release(size)
            return pieces
        timeouts = self.timeouts
        if timeouts.deadlines and timeouts.is_overdue():
            # If octets are always there already, no wait ever begins that could be too long.
            raise TimedOut("timed out: the moment of within has passed; what came is kept")
        if pump.lock.is_held():
            raise RuntimeError(IN_A_STEP)
        with pump.lock:
            content = stream.content
            lacking = (amt or 1) - (stream.content_size - self.taken)
            if lacking > 0 or not content:
                stream.wanted = lacking
                # It costs no wait, and so no timeout is worked out.
                pump.pull(OF_WHOLE_FRAMES.get(lacking))
                stream.wanted = 0
                if not (content or stream.has_content()):
                    self._await_content(deadline)
            self.is_moving = True
            pieces, size = _popped(content, amt)
            self.taken += size
            pump.endpoint.consume(stream, size)
            if pump.endpoint.outbound:
                pump.flush()
        return pieces

    def _await_content(self, deadline: Deadline | None) -> None:
        """Wait for content, and see to it that its window is not why none comes. Lock held."""
        stream, pump = self.stream, self.pump
        timeout = self.timeouts.remaining() if deadline is None else deadline.left()
        if stream.is_exhausted:
            pump.wait_open(stream, stream.has_content, timeout)
        elif stream.window is not None and stream.window.share.unclaimed:
            pump.wait_idle(stream, stream.has_content, timeout)
        else:
            pump.wait(stream.has_content, (stream.id,), timeout)

    def reprioritize(self, priority: PrioritySource) -> bool:
        """Ask for another priority of the response; False where it would be in vain."""
        return reprioritize(self.pump, self.stream, priority)

    # ------------------------------------------------------------------- request

    def expect_continue(self, timeout: float | None) -> None:
        """Have content wait for 100 (Continue), at most timeout seconds (RFC 9110, 10.1.1)."""
        self.awaits_continue, self.continue_timeout = True, timeout

    def drain(self) -> None:
        """Have a request without content leave. Lock held."""
        pump = self.pump
        if pump.arriving and pump.leaves_to_another():
            return  # together with those of other threads
        try:
            if not pump.flush():  # mostly it is with the kernel, and no limit is needed
                pump.drain(self.timeouts.remaining())
        except BaseException:  # whatever ends the wait
            # The caller will never learn the stream's id: nobody can ask for its response.
            pump.endpoint.cancel(self.stream)
            raise

    def await_continue(self) -> bool:
        """Wait once for 100 (Continue), where content has to; returns whether it is to be sent.

        It is to be sent, too, if no answer comes in time. It is not if the response is whole, or
        is one of failure or redirection; a server that begins a good one may be reading all the
        same (RFC 9110, 10.1.1).
        """
        # A request without content has nothing to wait with (RFC 9110, 10.1.1).
        if not self.awaits_continue or self.content_length == 0:
            return True
        pump, stream = self.pump, self.stream
        timeout, each_wait = self.continue_timeout, self.timeouts.remaining()
        if timeout is None or (each_wait is not None and each_wait < timeout):
            timeout = each_wait

        def is_answered() -> bool:
            return stream.has_head() or any(head.status == 100 for head in stream.informational)

        pump.lock.require_free()
        with pump.lock:
            with contextlib.suppress(TimedOut):  # content goes out all the same
                pump.wait(is_answered, (stream.id,), timeout)
            self.awaits_continue = False
            head = stream.head
            if stream.request_is_open and head and (stream.is_over or head.status >= 300):
                self.withhold()
            return stream.request_is_open

    def send_all(self, body: Body, trailers: Fields) -> None:
        """Send the content, piece by piece, then the end of the request.

        Whatever goes wrong, a body that raises included, the stream is cancelled and the
        exception goes on: the peer must not take a part for the whole.
        """
        try:
            if not self.await_continue():
                self.is_final = True
                return
            for piece in content.pieces(body):
                whole = self.sent + len(piece) == self.content_length and not trailers
                self._send(piece, end_stream=whole)
                if not self.stream.request_is_open and not whole:
                    self.is_final = True
                    return
            self.finish(trailers)
        except BaseException:  # a body may be user code
            self.cancel()
            raise

    def send(self, body: Body, *, final: bool) -> None:
        """Send a part of the content, the last one if final; as ``send_all`` otherwise."""
        try:
            # A request that ends without content has nothing to wait with, either.
            if (final and content.is_empty(body)) or self.await_continue():
                for piece in content.pieces(body):
                    self._send(piece, end_stream=False)
            if final:
                self.finish(())
        except BaseException:  # a body may be user code
            self.cancel()
            raise

    def end(self, trailers: Fields) -> None:
        """Send the end of the request, with trailers if there are any; as ``send_all`` (8.1)."""
        try:
            self.finish(trailers)
        except BaseException:  # the peer must not take a part for the whole
            self.cancel()
            raise

    def end_if_open(self) -> None:
        """End a request that its caller never called final."""
        if self.stream.request_is_open:
            self.end(())

    def _send(self, octets: memoryview, *, end_stream: bool) -> None:
        self.require_room_for(len(octets))
        while len(octets):
            taken = self.send_some(octets, end_stream=end_stream)
            if not taken:
                return  # the peer wants no more: its response, or its reset, says why
            octets = octets[taken:]

    def send_some(self, octets: memoryview, *, end_stream: bool) -> int:
        """Send as much content as there is room for, and wait for room if there is none.

        Returns how many octets that was; 0 means that the peer wants no more. END_STREAM goes
        with the last octet. Nothing is undone by an exception: ``sent`` tells what has gone.

        HOT: once a burst (bench/clients.py, upload).
        """
        pump, stream, timeouts = self.pump, self.stream, self.timeouts
        endpoint = pump.endpoint
        if pump.lock.is_held():
            raise RuntimeError(IN_A_STEP)
        with pump.lock:
            # The lock is released after each burst: others' frames go out between those of a large
            # upload.
            if not pump.is_clear():
                pump.drain(timeouts.remaining())
            if not endpoint.may_send(stream):
                self._await_room()
            if not stream.request_is_open:
                return 0
            try:
                taken = endpoint.send_content(stream, octets, end_stream=end_stream)
            except BaseException as error:  # perhaps in the middle of a frame
                pump.end_if_interrupted(error)
                raise
            self.sent += taken
            if not pump.flush():
                pump.drain(timeouts.remaining())
        return taken

    def _await_room(self) -> None:
        """Wait until the windows are open, or the request is over. Lock held."""
        pump, stream = self.pump, self.stream
        endpoint = pump.endpoint

        def may_send() -> bool:
            return endpoint.may_send(stream)

        def is_refused() -> bool:
            return stream.head is not None and stream.head.status >= 300 and not stream.is_tunnel

        def is_answered() -> bool:
            return (stream.is_over and not stream.is_tunnel) or is_refused()

        # The peer may refuse more content until we have received more of its response, while no
        # thread reads that response.
        pump.wait_open(stream, lambda: may_send() or is_answered(), self.timeouts.remaining())
        if may_send():
            return
        if is_refused():  # as for Expect: the rest is not wanted (RFC 9110, 10.1.1)
            self.withhold()
        else:
            timeout = self.timeouts.remaining()
            if timeout is None:
                timeout = ANSWERED_UPLOAD_TIMEOUT
            try:
                pump.wait(may_send, (stream.id, 0), timeout)
            except TimedOut:
                self.withhold()

    def withhold(self) -> None:
        """Send no more, and let the response come to its end (8.1). Lock held."""
        self.pump.endpoint.withhold(self.stream)
        self.pump.flush()

    def finish(self, trailers: Fields) -> None:
        """Send END_STREAM, or trailers. Unlike ``end``, do not cancel the stream if this raises."""
        pump, stream = self.pump, self.stream
        pump.lock.require_free()
        with pump.lock:
            if not stream.request_is_open:
                self.is_final = True
                return
            if self.content_length is not None and self.sent != self.content_length:
                raise wrong_length(self.sent, self.content_length)
            try:
                if trailers:
                    pump.endpoint.send_trailers(stream, trailers)
                else:
                    pump.endpoint.send_content(stream, memoryview(b""), end_stream=True)
            except BaseException as error:  # perhaps in the middle of a frame
                pump.end_if_interrupted(error)
                raise
            self.is_final = True
            pump.drain(self.timeouts.remaining())

    def require_room_for(self, size: int) -> None:
        """Raise LocalProtocolError if size octets more are more than were announced (8.1.1)."""
        if self.content_length is not None and self.sent + size > self.content_length:
            raise wrong_length(self.sent + size, self.content_length)

    # -------------------------------------------------------------------- ending

    def cancel(self, code: int = ErrorCode.CANCEL) -> None:
        """Reset the stream, if it is not over (5.4.2); a response that is whole can be read."""
        pump = self.pump
        pump.lock.require_free()
        with pump.lock:
            pump.endpoint.cancel(self.stream, ErrorCode(code))
            pump.flush()

    def discard(self) -> None:
        """Reset the stream, and drop what is unread of a response that is whole.

        A finalizer or a signal handler, in the middle of a step, leaves a note that does it soon.
        """
        pump, stream = self.pump, self.stream
        if pump.lock.is_held():
            pump.drop_from_finalizer(stream)
            return
        self.cancel()
        pump.release(stream.drop_content())

    def drop_from_finalizer(self) -> None:
        """Note that nobody will read the response. For finalizers: any thread, no lock.

        A finalizer may run at any moment, so that no more than a note is left: the next thread
        that moves octets resets the stream, and frees what is unread.
        """
        if not self.is_done and (not self.stream.is_over or self.stream.content):
            self.is_done = True
            self.pump.drop_from_finalizer(self.stream)

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # For example: KeyboardInterrupt after the request was sent and before the caller got this
        # object. It may come before there is a stream, too. At the interpreter's end the names of
        # modules are gone (a default is not), and the end of the process tells the peer.
        if getattr(self, "is_done", True) or is_finalizing():
            return
        if self.stream.request_is_open:
            self.pump.drop_from_finalizer(self.stream)  # nobody can end it any more
        else:
            self.drop_from_finalizer()


def reprioritize(pump: Pump, stream: Stream, priority: PrioritySource) -> bool:
    """Send another priority for a stream; False where it would be in vain (RFC 9218, 7.1)."""
    from ..protocol.priorities import field_value

    value = field_value(priority)
    pump.lock.require_free()
    with pump.lock:
        is_sent = pump.endpoint.reprioritize(stream, value)
        pump.flush()
    return is_sent


def _popped(
    pieces: deque[bytes | bytearray], amt: int | None
) -> tuple[list[bytes | bytearray], int]:
    """Remove as many pieces as it takes for amt octets, or all; return them and their octets."""
    # One by one, so that each is one thread's alone (``stream.spare``).
    if amt is None:
        taken = [pieces.popleft() for _ in range(len(pieces))]
        return taken, sum(map(len, taken))
    taken, size = [], 0
    while pieces and size < amt:
        piece = pieces.popleft()
        taken.append(piece)
        size += len(piece)
    return taken, size


def wrong_length(size: int, content_length: int) -> LocalProtocolError:
    """Make the exception for a body that is not as long as its content-length (8.1.1)."""
    relation = "more than" if size > content_length else "of"
    return LocalProtocolError(
        f"the body gave {size} {relation} the {content_length} octets that its content-length"
        " announces (RFC 9113, 8.1.1); the request was not completed"
    )
