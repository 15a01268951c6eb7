"""The pump: which thread moves the octets of a connection, while the others sleep.

Many threads may use one connection, and hyper starts none.  So whoever waits for the network
must also work for the others: that is the whole idea, and these are its rules.

1.  One lock guards the endpoint, its streams and the transport.  Nothing blocks while it is
    held; the only thing that ever blocks is ``transport.wait``, in the kernel, without the lock.
2.  Who waits, reads for all.  ``wait`` takes the *chair* if it is free and leads: send what is
    queued, look at what it waits for, receive, wake whom that served; only when nothing is left
    to do, sleep in the kernel.
3.  Who finds the chair taken parks at a *gate* of its own, with its own deadline.  A gate leaves
    the list in the same step in which it is opened: a thread that is already walking out can
    not be appointed.
4.  Who leaves, for whatever reason, and finds the chair empty, appoints one parked thread.  So
    does an appointed thread that was served, interrupted or timed out before it could lead.
5.  Who has octets that the socket refuses waits for room itself (or leads, which is waiting in
    both directions): a peer that writes before it reads cannot deadlock us.
6.  After sending, look again before sleeping: the very thing waited for may have been done.
7.  A timeout is the waiter's alone: the stream and the connection stay usable.
8.  A failure is kept as a recipe (``errors.Failure``); each thread raises its own exception.
9.  Before a new request, one look without waiting notices what a peer said meanwhile: GOAWAY,
    SETTINGS, its end.
10. What a sleeper in the kernel waits for may also be done by another thread (it cancels a stream,
    it leaves the chair, it drops a response): that one rings the transport's *bell*.  A gate needs
    none.

Nobody answers the peer's PING while no thread is inside a call.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque

from ..errors import ConnectionTerminated, Failure, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Callable

    from ..protocol.endpoint import Endpoint
    from ..protocol.stream import Stream
    from ..transport.buffered import BufferedSocket
    from ..transport.tcp import Transport

    Condition = Callable[[], bool]


#: Seconds after which what was seen of the socket is old. A look is a system call, and what came
#: within a millisecond would have been missed by a look a millisecond earlier, too.
LOOK_INTERVAL = 0.001

#: Seconds until one who gives no room is asked again: a window manager may go by the clock, and
#: what is unread of a former connection is read without a word to this one.
ASKING_INTERVAL = 0.02


class Gate:
    """Where one thread sleeps until what it waits for may have come true."""

    __slots__ = ("_latch", "ids", "is_open", "ready")

    def __init__(self, ids: tuple[int, ...], ready: Condition) -> None:
        #: the streams whose news concern the thread; 0 is the connection
        self.ids = ids
        self.ready = ready
        self.is_open = False
        self._latch = threading.Lock()
        self._latch.acquire()

    def open(self) -> None:
        """Let the thread go on; once."""
        if not self.is_open:
            self.is_open = True
            self._latch.release()

    def sleep(self, timeout: float | None) -> None:
        """Until the gate is opened, or timeout seconds have passed."""
        self._latch.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))


class Pump:
    """Moves octets between one endpoint and one transport. Lock held unless said otherwise.

    Timeouts are seconds, or None for no limit; deadlines are monotonic moments, or None.
    """

    def __init__(self, endpoint: Endpoint, buffered: BufferedSocket, transport: Transport) -> None:
        # Fixed.
        #: never taken twice; but of an RLock an interrupted thread knows whether it holds it
        self.lock = threading.RLock()
        self.endpoint = endpoint
        self._buffered = buffered
        self._transport = transport
        # Guarded by the lock.
        self._has_leader = False
        #: the thread that was appointed and has not yet woken
        self._successor: Gate | None = None
        self._parked: dict[int, list[Gate]] = {}
        #: those who want what is scarce, in the order of their coming
        self._queue: deque[object] = deque()
        #: when octets were last looked for, a monotonic moment
        self._looked = 0.0
        #: what the threads inside transport.wait wait for: the socket must not be closed under them
        self._sleepers: list[Condition] = []
        self._is_closed = False
        #: the transport holds octets that the socket refused
        self._has_unsent = False
        #: the peer takes nothing any more, though it may still have something to say
        self._is_refused = False
        # Guarded by nothing: a deque takes notes from any thread, even from a destructor.
        #: streams whose readers have gone without a word
        self._abandoned: deque[Stream] = deque()

    # ------------------------------------------------------------------ waiting

    def wait(self, ready: Condition, ids: tuple[int, ...], timeout: float | None) -> None:
        """Return when ready() is true; meanwhile, move octets for everyone.

        ready: asked with the lock held, again after news of the streams ids.  Raises TimedOut.
        """
        if ready():
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                if not self._has_leader:
                    self._lead(ready, deadline)
                    return
                if not self.flush():
                    self._wait_for_room(ready, deadline)
                elif not ready():
                    self._park(ids, ready, deadline)
                if ready():
                    return
        finally:
            self._appoint()

    def wait_open(self, stream: Stream, ready: Condition, timeout: float | None) -> None:
        """As ``wait``, and see to it that the stream's receive window is not what it waits for.

        While the peer has used it up, the window's manager is asked for room, again and again.
        """
        endpoint = self.endpoint
        deadline = None if timeout is None else time.monotonic() + timeout
        while not ready():
            remaining = self._remaining(deadline)
            if not stream.is_exhausted or endpoint.grow_blocked_window(stream):
                condition: Condition = lambda: ready() or stream.is_exhausted  # noqa: E731
                self.wait(condition, (stream.id, 0), remaining)
                continue
            try:
                pause = ASKING_INTERVAL if remaining is None else min(remaining, ASKING_INTERVAL)
                self.wait(ready, (stream.id, 0), pause)
            except TimedOut:
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimedOut(
                        f"timed out: the peer has used up the window of stream {stream.id}, and"
                        " there is no room for more: content has to be read first, or unread_limit"
                        f" ({endpoint.budget.limit} octets) to be larger, or its window manager"
                        " gives none"
                    ) from None

    def release(self, size: int) -> None:
        """Size octets of a stream that has ended were read. Any thread, without the lock."""
        self.endpoint.budget.freed.append(size)
        if self._queue:
            with self.lock:
                self.endpoint.changed_streams.append(0)
                self.flush()

    def drop_from_finalizer(self, stream: Stream) -> None:
        """Nobody will read the stream any more. For destructors: any thread, any moment, no lock.

        Only a note is left.  Whoever moves octets next reads it, and who sleeps is woken to: it may
        be room or a turn that is waited for.
        """
        self._abandoned.append(stream)
        if self._is_closed:  # perhaps only since then
            self._drop_late()
        else:
            self._transport.ring()

    def _drop_late(self) -> None:
        """Read the notes that were left where no octets move any more. Any thread, no lock."""
        # No stream is open: what is unread is all that there is of them.
        with contextlib.suppress(IndexError):  # another thread has read the last one
            while self._abandoned:
                self.endpoint.budget.freed.append(self._abandoned.popleft().drop_content())

    def collect_dropped(self) -> None:
        """Read the notes of a connection at which nobody may be waiting. Without the lock."""
        if self._abandoned:
            with self.lock:
                self.flush()

    def wait_turn(
        self,
        is_free: Condition,
        timeout: float | None,
        collect_dropped: Callable[[], None] | None = None,
    ) -> None:
        """Return when is_free() is true and all who came before have been served, or at failure.

        is_free: about the connection as a whole.  collect_dropped(): called now and then while
        something may be left of former ones.  Raises TimedOut.
        """
        if not self._queue and is_free():
            return
        ticket = object()
        queue = self._queue
        budget = self.endpoint.budget
        deadline = None if timeout is None else time.monotonic() + timeout

        def is_served() -> bool:
            return bool(self.endpoint.failure) or (queue[0] is ticket and is_free())

        try:
            queue.append(ticket)
            while not is_served():
                remaining = self._remaining(deadline)
                if not budget.counts_former:
                    self.wait(is_served, (0,), remaining)
                    continue
                # What is read or dropped of a former connection wakes nobody here.
                if collect_dropped is not None:
                    collect_dropped()
                pause = ASKING_INTERVAL if remaining is None else min(remaining, ASKING_INTERVAL)
                with contextlib.suppress(TimedOut):
                    self.wait(is_served, (0,), pause)
        except TimedOut:
            raise TimedOut(self.endpoint.why_none_is_free()) from None
        finally:
            if ticket in queue:
                queue.remove(ticket)
            # Perhaps there is enough for the next in the queue, too.
            self.endpoint.changed_streams.append(0)
            self._wake()

    def drain(self, timeout: float | None) -> None:
        """Return when all that was queued is with the kernel. Raises TimedOut."""
        if self.flush():
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while not self.flush():
                if not self._has_leader:
                    self._lead(self._is_drained, deadline)
                else:
                    self._wait_for_room(self._is_drained, deadline)
        finally:
            self._appoint()

    def _is_drained(self) -> bool:
        return self._is_refused or not (self._has_unsent or self.endpoint.outbound)

    def _lead(self, ready: Condition, deadline: float | None) -> None:
        """In the chair (rules 2, 4, 6)."""
        try:
            self._has_leader = True
            has_received = False
            while True:
                flushed = self.flush()
                if ready():
                    return
                if self._transport.read_would_block:
                    self._sleep(ready, deadline, read=True, write=not flushed)
                elif has_received:
                    self._remaining(deadline)  # what comes for others does not stretch it
                has_received = True
                if not self._is_closed:
                    self._receive()
        finally:
            self._has_leader = False

    def _park(self, ids: tuple[int, ...], ready: Condition, deadline: float | None) -> None:
        """Asleep at a gate until served or appointed (rule 3)."""
        timeout = self._remaining(deadline)
        gate = Gate(ids, ready)
        try:
            for stream_id in ids:
                if stream_id in self._parked:
                    self._parked[stream_id].append(gate)
                else:
                    self._parked[stream_id] = [gate]
            self.lock.release()
            gate.sleep(timeout)
        finally:
            try:
                self._relock()
            finally:
                if self._successor is gate:
                    self._successor = None
                self._unpark(gate)

    def _unpark(self, gate: Gate) -> None:
        """Take a gate off the list, as far as it is there."""
        for stream_id in gate.ids:
            gates = self._parked.get(stream_id, [])
            if gates == [gate]:
                del self._parked[stream_id]
            elif gate in gates:
                gates.remove(gate)

    def _open(self, gate: Gate) -> None:
        gate.open()
        self._unpark(gate)

    def _relock(self) -> None:
        """Hold the lock again; an interruption (Ctrl-C) waits until that is so."""
        interruption: BaseException | None = None
        is_held = False
        while not is_held:
            try:
                if not self.lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001
                    self.lock.acquire()
                is_held = True
            except BaseException as error:  # noqa: BLE001 - raised below
                interruption = error
        if interruption is not None:
            raise interruption

    def _appoint(self) -> None:
        """Give an empty chair to one parked thread, if there is one (rule 4)."""
        if self._has_leader or self._successor:
            return
        for gates in self._parked.values():
            gate = gates[0]
            self._open(gate)
            self._successor = gate
            return
        self._ring()

    def _ring(self) -> None:
        """Call threads out of the kernel if what one of them waits for is done (rule 10)."""
        if self._is_anyone_called():
            self._transport.ring()

    def _is_anyone_called(self) -> bool:
        # No generator: an interruption (Ctrl-C) inside one is lost.
        for ready in self._sleepers:
            if ready():
                return True
        return bool(self._abandoned)

    def _wake(self) -> None:
        """Open the gates of those whose wait has come to its end. HOT where threads share."""
        changed_streams = self.endpoint.changed_streams
        if self._parked and (changed_streams or self.endpoint.failure):
            ids = self._parked.keys() if self.endpoint.failure else dict.fromkeys(changed_streams)
            for stream_id in list(ids):
                for gate in list(self._parked.get(stream_id, ())):
                    if not gate.is_open and gate.ready():
                        self._open(gate)
        changed_streams.clear()
        if self._sleepers:
            self._ring()

    def _wait_for_room(self, ready: Condition, deadline: float | None) -> None:
        """Until the socket takes octets again, or the leader has left the chair (rule 5)."""

        def is_called() -> bool:
            return not self._has_leader or ready()

        self._sleep(is_called, deadline, read=False, write=True)

    def _sleep(self, ready: Condition, deadline: float | None, *, read: bool, write: bool) -> None:
        """In the kernel, without the lock (rule 1)."""
        timeout = self._remaining(deadline)
        if threading.active_count() > 1:
            self._transport.hang_bell()
        if self._abandoned:
            return  # this came before there was a bell to ring
        try:
            self._sleepers.append(ready)
            self.lock.release()
            self._transport.wait(read=read, write=write, timeout=timeout)
        finally:
            try:
                self._relock()
            finally:
                if ready in self._sleepers:
                    self._sleepers.remove(ready)
                if self._is_closed and not self._sleepers:
                    self._transport.close()
                elif not self._is_anyone_called():
                    self._transport.silence_bell()
                self._looked = time.monotonic()

    def _remaining(self, deadline: float | None) -> float | None:
        if deadline is None:
            return None
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimedOut(
                "timed out: the peer did not do its part in the time given; the connection is still"
                " usable, and so is a response that is waited for"
            )
        return remaining

    # ------------------------------------------------------------------- moving

    def flush(self) -> bool:
        """Send what is queued as far as there is room, and wake those with news.

        True if nothing is left. HOT: once a request (bench/clients.py).
        """
        endpoint, transport = self.endpoint, self._transport
        if not (
            endpoint.outbound or endpoint.changed_streams or self._has_unsent or self._abandoned
        ):
            return True
        if self._abandoned:
            self._drop_abandoned()
        if endpoint.changed_streams:
            self._wake()
        if self._is_refused:
            endpoint.outbound.clear()
            return True
        try:
            flushed = not self._has_unsent or transport.send(b"")
            while flushed and endpoint.outbound:
                flushed = transport.send(endpoint.take_outbound())
            self._has_unsent = not flushed
        except OSError:
            # The peer may have said why before it hung up: receiving tells, and ends it all.
            self._is_refused = True
            return True
        except BaseException:
            self._break_off()
            raise
        if flushed and endpoint.goaway and self._fail_if_done():
            self._wake()
            self.close()  # rather than wait for somebody to look
        return flushed

    def _drop_abandoned(self) -> None:
        with contextlib.suppress(IndexError):  # as in _drop_late
            while self._abandoned:
                self.endpoint.drop(self._abandoned.popleft())

    def _fail_if_done(self) -> bool:
        """After GOAWAY, and without a stream, nothing more will come (6.8); whether that is so now.

        Who still waits, for an answer to PING say, is told.
        """
        endpoint = self.endpoint
        if endpoint.failure or endpoint.streams or not endpoint.goaway:
            return False
        endpoint.fail(
            Failure(ConnectionTerminated, "the peer said GOAWAY and is done (RFC 9113, 6.8)")
        )
        return True

    def _receive(self) -> bool:
        """Receive once; False if there was nothing. HOT: once a read (bench/clients.py)."""
        endpoint, buffered = self.endpoint, self._buffered
        try:
            received = buffered.fill()
            if received:
                buffered.advance(endpoint.receive(buffered.view))
            elif received == 0:
                endpoint.receive_eof()
        except OSError as error:
            endpoint.fail(Failure(type(error), *error.args))
        except BaseException:
            self._break_off()
            raise
        else:
            if received is None:
                return False
        self._fail_if_done()
        self._wake()
        if endpoint.failure:
            self.flush()
            self.close()
        return True

    def _break_off(self) -> None:
        """An exception out of the blue, Ctrl-C perhaps: half a step may be done, so trust none."""
        self.endpoint.fail(
            Failure(ConnectionTerminated, "the connection was interrupted in the middle of a step")
        )
        self._is_refused = True
        self._wake()
        self.close()

    def put(self, octets: bytes) -> None:
        """Octets of the peer's that somebody else received before this began."""
        if octets:
            self._buffered.put(octets)
            self._buffered.advance(self.endpoint.receive(self._buffered.view))

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._transport.fileno()

    @property
    def socket(self) -> socket.socket:
        """The connected socket, for looking at."""
        return self._transport.socket

    @property
    def is_closed(self) -> bool:
        """Whether the transport has been ended."""
        return self._is_closed

    def look(self) -> None:
        """Take in what has already come, without waiting, if nobody else is at it (rule 9)."""
        now = time.monotonic()
        if self._has_leader or self._is_closed or now < self._looked + LOOK_INTERVAL:
            return
        self._looked = now
        if self._transport.wait(read=True, write=False, timeout=0):
            self._receive()

    def close(self) -> None:
        """End the transport; the socket is given back when the last sleeper has woken."""
        if self._is_closed:
            return
        self._is_closed = self._is_refused = True
        self._transport.shutdown()
        if not self._sleepers:
            self._transport.close()
        self._drop_late()
