"""Pump: moves octets between an endpoint and a transport (the rules: ``pump/__init__.py``)."""

from __future__ import annotations

import contextlib
import os
import time
from _thread import get_ident
from collections import deque
from threading import main_thread

from ..errors import ConnectionTerminated, Failure, HTTP20Error, StreamFault, TimedOut
from ..foundation.fork import renew_after_fork
from ..foundation.interruptions import is_of_system
from ..transport.deadline import NEVER, Deadline
from . import endings
from .lock import IN_A_STEP, InterruptibleLock, Unlocked
from .notes import act_on, collect_dropped, drop_from_finalizer, drop_late, end, release
from .reading import wait_idle, wait_open
from .silence import Silence, ping, probe
from .turns import wait_turn
from .waiter import LATE, Waiter, is_called, is_covered

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..protocol.endpoint import Endpoint
    from ..protocol.stream import Stream
    from ..transport import Transport
    from ..transport.buffered import BufferedSocket
    from ..transport.wakeup import Wakeup
    from .notes import Ending
    from .waiter import Condition


#: Seconds during which a look at the socket counts as new. A look is a system call, and octets that
#: came within this millisecond could just as well have come after a look.
LOOK_INTERVAL = 0.001

#: Seconds for which a thread without a leader relies on one that was woken (rule 16): longer than
#: any but a signal handler keeps that one.
LONGEST_ARRIVAL = 0.1

#: States of a pump, by what happens to octets that are sent. OPEN: the socket takes them. FULL: the
#: transport keeps the rest. REFUSED: the peer takes no more, though it may still send. CLOSED: the
#: transport has been ended. The first two take turns, the others are final.
OPEN, FULL, REFUSED, CLOSED = range(4)


class Pump:
    """Moves octets between one endpoint and one transport. Lock held unless said otherwise.

    A timeout is in seconds, or None for no limit. A condition is asked with the lock held.

    keepalive: seconds of silence after which PING asks whether the peer is there, or None.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        buffered: BufferedSocket,
        transport: Transport,
        keepalive: float | None = None,
    ) -> None:
        # Fixed.
        self.lock: InterruptibleLock = InterruptibleLock()
        self._unlocked = Unlocked(self.lock)
        self.endpoint = endpoint
        self._buffered = buffered
        self._transport = transport
        self.wakeup: Wakeup = transport.wakeup
        #: whose connection it is
        self.process: int = os.getpid()
        # Guarded by the lock.
        self._has_leader = False
        #: the thread that leads, or did so last
        self._leader = 0
        self.silence: Silence = Silence(keepalive)
        #: the followers that were woken and have not taken the lock again since (rule 16)
        self.arriving: set[Waiter] = set()
        #: those of them that still sleep, until the first that takes the lock wakes them (rule 17)
        self._served: list[Waiter] = []
        #: the followers, by each stream whose news concern them
        self._waiters: dict[int, list[Waiter]] = {}
        #: the innermost follower of each thread: a signal handler may wait amid a wait
        self._followers: dict[int, Waiter] = {}
        #: tickets of threads that wait for a free stream, first come, first served
        self.queue: deque[object] = deque()
        #: the monotonic moment from which on another look at the socket is worth it
        self.look_due: float = 0.0
        #: what each thread inside transport.wait waits for: it must not be closed under them
        self._sleepers: dict[int, Condition] = {}
        self._state = OPEN
        # Guarded by nothing: a destructor appends, in any thread, in one step (pump/__init__.py).
        #: what is still to be done, see notes.py
        self.notes: deque[Stream | Ending] = deque()
        renew_after_fork(self)

    # ------------------------------------------------------------------ waiting

    def wait(self, ready: Condition, ids: tuple[int, ...], timeout: float | None) -> None:
        """Return when ready() is true; meanwhile, move octets for every thread.

        ready: asked again after news of the streams ids.  Raises TimedOut, and what has ended the
        connection if ready() can no longer become true.
        """
        if ready():
            return
        deadline = NEVER if timeout is None else Deadline(timeout)
        arrivals = self.silence.arrivals
        try:
            if self._followers or self._sleepers:
                me = get_ident()
                if me in self._followers or me in self._sleepers:
                    self._wake_outer(me)
            while True:
                # A leader that finds itself here is in a signal handler, amid its own wait.
                if self._leader == get_ident() if self._has_leader else not self.arriving:
                    self._lead(ready, deadline)
                    return
                if self.arriving and self._state == OPEN:  # one of them has all sent (rule 16)
                    self._follow(ids, ready, deadline)
                elif not self.flush():
                    self._wait_for_room(ready, deadline)
                elif not ready():
                    self._follow(ids, ready, deadline)
                if ready():
                    return
        except TimedOut:
            self.silence.suspect(arrivals, timeout)
            raise
        finally:
            # ``_promote`` asks the same: this saves most calls.
            is_left = not self.arriving and (self._waiters or self.endpoint.outbound)
            if is_left or self._sleepers:
                try:
                    self._promote()
                except BaseException:  # Ctrl-C, before that was done: nobody else would do it
                    self._promote()
                    raise

    @property
    def is_suspect(self) -> bool:
        """True if not one octet came in a whole wait that timed out, and none since (rule 12)."""
        return self.silence.is_suspect

    release = release  # see notes.py
    drop_from_finalizer = drop_from_finalizer
    collect_dropped = collect_dropped
    end = end
    wait_turn = wait_turn  # see turns.py
    wait_open = wait_open  # see reading.py
    wait_idle = wait_idle
    ping = ping  # see silence.py
    probe = probe

    def drain(self, timeout: float | None) -> None:
        """Return when all that was queued is with the kernel. Raises TimedOut."""
        if self.flush():
            return
        deadline = NEVER if timeout is None else Deadline(timeout)
        arrivals = self.silence.arrivals
        try:
            if self._followers or self._sleepers:
                self._wake_outer(get_ident())
            while not self.flush():
                if not self._has_leader or self._leader == get_ident():
                    self._lead(self._is_drained, deadline)
                else:
                    self._wait_for_room(self._is_drained, deadline)
        except TimedOut:
            self.silence.suspect(arrivals, timeout)
            raise
        finally:
            try:
                self._promote()
            except BaseException:  # as in wait
                self._promote()
                raise

    def leaves_to_another(self) -> bool:
        """True if a thread that arrives will have sent what is queued now (rule 16)."""
        # A signal handler's own thread is no other.
        is_another = self._state == OPEN and get_ident() not in self._followers
        return is_another and bool(self.arriving)

    def _is_drained(self) -> bool:
        return self._state >= REFUSED or not (self._state == FULL or self.endpoint.outbound)

    def _lead(self, ready: Condition, deadline: Deadline) -> None:
        """Move octets for all until ready() is true (rules 2, 4, 6)."""
        # HOT: once a wait (bench/counts.py, get).
        outer = self._has_leader  # True in a signal handler, amid this thread's own wait (rule 14)
        silence, endpoint = self.silence, self.endpoint
        pause = None
        is_asked = True  # the caller has asked ready(), and it was not true
        try:
            self._has_leader = True
            self._leader = get_ident()
            has_received = False
            while True:
                flushed = True
                if silence.keepalive is not None:
                    pause = self._keep_alive()
                    is_asked = False
                # Is there anything for flush to do? It asks the same, and this saves most calls.
                if (
                    endpoint.outbound
                    or endpoint.changed_streams
                    or self.notes
                    or self._state != OPEN
                ):
                    flushed = self.flush()
                    is_asked = False
                if not is_asked and ready():
                    return
                is_asked = False
                if self._state == CLOSED:
                    raise endings.ending(endpoint)
                if self._transport.read_would_block:
                    self._sleep(ready, deadline, pause, read=True, write=not flushed)
                # The socket has more: the clock is looked at here, as no sleep does it.
                elif has_received:
                    deadline.remaining(LATE)  # octets for other threads do not extend it
                has_received = True
                if self._state != CLOSED:
                    self._receive()
        finally:
            self._has_leader = outer
            if silence.keepalive is not None and not (outer or self._waiters):
                silence.interrupt()

    def _keep_alive(self) -> float:
        """Ask whether the peer is there, if it is time; returns seconds (rule 13)."""
        pause = self.silence.keep_alive(self.endpoint, self._transport)
        if self.endpoint.failure and self._state != CLOSED:
            self.wake()
            self.close()
        return pause

    def _follow(self, ids: tuple[int, ...], ready: Condition, deadline: Deadline) -> None:
        """Sleep at a waiter until served or promoted (rules 3, 16, 17)."""
        # HOT where threads share (bench/clients.py, threads).
        timeout = None
        if deadline.moment is not None:  # as ``remaining`` has it, without a call
            timeout = deadline.moment - time.monotonic()
            if timeout <= 0:
                raise TimedOut(LATE)
        has_leader = self._has_leader
        if not has_leader and (timeout is None or timeout > LONGEST_ARRIVAL):
            timeout = LONGEST_ARRIVAL
        me, lock, waiters = get_ident(), self.lock, self._waiters
        waiter = Waiter(me, ids, ready)
        try:
            self._followers[me] = waiter
            for stream_id in ids:
                if stream_id in waiters:
                    waiters[stream_id].append(waiter)
                else:
                    waiters[stream_id] = [waiter]
            # These are the steps of ``Unlocked``, without its two calls. A thread that wakes this
            # one before it sleeps is not missed: ``sleep`` returns at once then.
            lock.release()
            if lock.is_held():
                lock.acquire()
                raise RuntimeError(IN_A_STEP)  # noqa: TRY301 - the lock must be held again
            waiter.sleep(timeout)
            lock.acquire()
        except BaseException:  # perhaps before the lock was taken again
            self._unlocked.__exit__()
            raise
        finally:
            if self._served:
                self._wake_served()
            self.arriving.discard(waiter)
            self._followers.pop(me, None)
            for stream_id in ids:
                if stream_id in waiters:  # mostly it has left when it was woken
                    waiter.leave(waiters)
            if not (waiter.is_woken or has_leader):  # those who were woken do not come
                self.arriving.clear()

    def _wake_outer(self, me: int) -> None:
        """Have the wait that this signal handler has interrupted look anew after it (rule 14)."""
        if me in self._sleepers:
            self._sleepers[me] = is_covered
        outer = self._followers.pop(me, None)
        if outer is not None:  # it does not arrive before this wait has ended
            self._wake_follower(outer)
            self.arriving.discard(outer)
            self._wake_served()

    def _wake_follower(self, waiter: Waiter) -> None:
        waiter.wake()
        self.arriving.add(waiter)
        waiter.leave(self._waiters)

    def _wake_served(self) -> None:
        """Wake the others that were served together with a thread that has arrived (rule 17)."""
        served = self._served
        while served:
            served[-1].wake()
            served.pop()  # only now: an interruption between the two loses nobody

    def _promote(self) -> None:
        """Have a follower lead if no thread does, and what is queued leave (rules 4, 16)."""
        # A thread that leaves a wait while it sleeps in the kernel is in a handler (rule 14).
        if self._sleepers and get_ident() in self._sleepers:
            self._sleepers[get_ident()] = is_called
            self.wakeup.notify()
        if self.arriving:
            return
        if not self._has_leader:
            # Any follower will do, because the leader works for all. Its condition need not be
            # true. It sends first of all.
            for waiters in self._waiters.values():
                self._wake_follower(waiters[0])
                return
        if self.endpoint.outbound and not self.flush():
            self.wakeup.notify()  # a sleeper, the leader perhaps, must wait for room now
        elif self._sleepers and not self._has_leader:
            self._notify_sleepers()  # one of them may wait for the leader to stop (rule 5)

    def _notify_sleepers(self) -> None:
        """Call threads out of the kernel if what one of them waits for is done (rule 10)."""
        if self._may_sleeper_go():
            self.wakeup.notify()

    def _may_sleeper_go(self) -> bool:
        """True if a thread in the kernel has what it waits for, or a note to read."""
        # No generator (any): an interruption (Ctrl-C) inside one is lost.
        for ready in self._sleepers.values():
            if ready():
                return True
        return bool(self.notes)

    def wake(self) -> None:
        """Wake the followers that have what they wait for; the first wakes the others (rule 17).

        HOT where threads share: once a read (bench/clients.py, threads).
        """
        changed_streams = self.endpoint.changed_streams
        failure = self.endpoint.failure
        waiters = self._waiters
        if waiters and (changed_streams or failure):
            # A failure concerns all of them. Else each id is looked up once, however often it has
            # changed.
            ids = list(waiters) if failure else dict.fromkeys(changed_streams)
            is_carried = False  # True if a thread that arrives will wake others
            for stream_id in ids:
                if stream_id not in waiters:
                    continue
                for waiter in waiters[stream_id][:]:
                    if waiter.is_woken or not waiter.ready():
                        continue
                    if is_carried:
                        self._served.append(waiter)
                        self.arriving.add(waiter)
                        waiter.leave(waiters)
                    else:
                        self._wake_follower(waiter)
                        is_carried = not failure and waiter.thread != main_thread().ident
        changed_streams.clear()
        if self._sleepers:
            self._notify_sleepers()

    def _wait_for_room(self, ready: Condition, deadline: Deadline) -> None:
        """Wait until the socket takes octets again, or no thread leads any more (rule 5)."""

        def may_go() -> bool:
            return not self._has_leader or ready()

        self._sleep(may_go, deadline, None, read=False, write=True)

    def _sleep(
        self, ready: Condition, deadline: Deadline, pause: float | None, *, read: bool, write: bool
    ) -> None:
        """Sleep in the kernel, without the lock (rule 1). HOT: once a read (bench/clients.py).

        pause: seconds after which to return in any case, or None.
        """
        timeout = None
        if deadline.moment is not None:  # as ``remaining`` has it, without a call
            timeout = deadline.moment - time.monotonic()
            if timeout <= 0:
                raise TimedOut(LATE)
        if pause is not None and (timeout is None or pause < timeout):
            timeout = pause
        sleepers, wakeup, me = self._sleepers, self.wakeup, get_ident()
        beneath = sleepers.get(me)  # in a signal handler (rule 14)
        try:
            sleepers[me] = ready
            wakeup.arm()
            # A note that came before the wakeup was armed has notified nobody. Later ones do.
            if not self.notes:
                with self._unlocked:
                    self._transport.wait(read=read, write=write, timeout=timeout)
        except BaseException:  # perhaps before the lock was taken again
            self._unlocked.__exit__()
            raise
        finally:
            if beneath is not None:
                sleepers[me] = beneath
            elif me in sleepers:
                del sleepers[me]
            if not sleepers:
                wakeup.disarm()
                if self._state == CLOSED:
                    self._transport.close()
            # While another sleeper may go, its notification must stay.
            elif wakeup.is_rung and not self._may_sleeper_go():
                wakeup.drain()
            self.look_due = time.monotonic() + LOOK_INTERVAL

    # ------------------------------------------------------------------- moving

    def flush(self) -> bool:
        """Settle what is pending: drop noted streams, wake threads with news, send.

        Return True if nothing is left to send. HOT: three times a request (bench/clients.py).
        """
        endpoint = self.endpoint
        is_full = self._state == FULL
        if not (endpoint.outbound or endpoint.changed_streams or is_full or self.notes):
            return True
        # Notes first: what they drop has news for waiting threads, and queues RST_STREAM.
        ends = bool(self.notes) and act_on(self)
        if self._waiters or self._sleepers:
            self.wake()
        else:
            endpoint.changed_streams.clear()
        # News first, then sending: the socket may have no room, and no reader depends on that.
        if (endpoint.outbound or is_full) and not self._send() and not ends:
            return False
        if ends:
            self.close()
        if endpoint.goaway and self._state < REFUSED and self._fail_if_done():
            self.wake()
            self.close()  # now: no later call may look at this connection
        return True

    def _send(self) -> bool:
        """Hand the transport what is queued, as far as there is room; True if nothing is left."""
        endpoint, transport = self.endpoint, self._transport
        if self._state >= REFUSED:
            endpoint.outbound.clear()
            return True
        try:
            is_sent = self._state != FULL or transport.send(b"")
            while is_sent and endpoint.outbound:
                is_sent = transport.send(endpoint.take_outbound())
            self._state = OPEN if is_sent else FULL
        except BaseException as error:  # half a step may be done
            if not is_of_system(error):
                self.break_off()
                raise
            # The peer may have said why before it hung up: receiving tells, and ends everything.
            self._state = REFUSED
            return True
        return is_sent

    def _fail_if_done(self) -> bool:
        """Fail the connection if the peer has sent GOAWAY and no stream is left (6.8).

        Return True if it did. A thread that still waits, for the answer to a PING perhaps, then
        gets an exception.
        """
        endpoint = self.endpoint
        if endpoint.failure or endpoint.streams or not endpoint.goaway:
            return False
        endpoint.fail(endings.goaway_failure(endpoint.goaway))
        return True

    def _receive(self, most: int | None = None) -> bool:
        """Receive once; return False if there was nothing. HOT: once a read (bench/clients.py)."""
        endpoint = self.endpoint
        try:
            received = self._buffered.fill(endpoint.receive, most)
            if received == 0:
                endpoint.receive_eof()
        except BaseException as error:  # half a step may be done
            if not is_of_system(error):
                self.break_off()
                raise
            endings.fail_by(endpoint, error)
        else:
            if received is None:
                return False
            self.silence.arrivals += 1
        if endpoint.goaway:
            self._fail_if_done()
        if self._waiters or self._sleepers:
            self.wake()
        else:  # nobody is there to be woken
            endpoint.changed_streams.clear()
        if endpoint.failure:
            self.flush()
            self.close()
        return True

    def break_off(self) -> None:
        """End the connection after an unexpected exception, Ctrl-C perhaps: half a step is done."""
        self.endpoint.fail(
            Failure(ConnectionTerminated, "the connection was interrupted in the middle of a step")
        )
        self._state = max(self._state, REFUSED)
        self.wake()
        self.close()

    def end_if_interrupted(self, error: BaseException) -> None:
        """End the connection if an exception of the program's own struck while frames were made.

        Half a frame may be queued, and the table of HPACK may be another than the peer's: it would
        misread what comes later (RFC 9113, 4.1; RFC 7541, 2.2).
        """
        if not isinstance(error, (HTTP20Error, StreamFault)):
            self.break_off()

    def put(self, octets: bytes) -> None:
        """Take octets of the peer's that somebody else received before this pump began."""
        if octets:
            self._buffered.put(octets)
            self._buffered.give(self.endpoint.receive)

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._transport.fileno()

    @property
    def socket(self) -> socket.socket:
        """The connected socket, to look at."""
        return self._transport.socket

    @property
    def is_closed(self) -> bool:
        """True if the transport has been ended."""
        return self._state == CLOSED

    def look(self) -> None:
        """Receive what has already come, without waiting, unless a thread leads (rule 9)."""
        if self._has_leader or self.arriving or self._state == CLOSED:
            return
        now = time.monotonic()
        if now < self.look_due:
            return
        self.look_due = now + LOOK_INTERVAL
        if self._transport.wait(read=True, write=False, timeout=0):
            self._receive()

    def is_clear(self) -> bool:
        """True if the kernel has all that was sent before; else that goes first.

        Then the peer is heard, too: it may want no more. HOT: once a burst (bench/clients.py,
        upload).
        """
        if self._state == FULL and not self.flush():
            return False
        if time.monotonic() >= self.look_due:
            self.look()
        return True

    def pull(self, most: int | None = None) -> None:
        """Receive once, at most so many octets, if that needs no wait, unless a thread leads."""
        # Rule 9.
        if not (self._has_leader or self._state == CLOSED or self._transport.read_would_block):
            self._receive(most)

    def close(self) -> None:
        """End the transport; the socket is given back when the last sleeper has woken."""
        if self._state == CLOSED:
            return
        self._state = CLOSED
        self._transport.shutdown()
        if not self._sleepers:
            self._transport.close()
        drop_late(self)

    def after_fork_in_child(self) -> None:
        """Count the connection as gone, without a word to the peer: it is the parent's (rule 15).

        Another thread may have been in the middle of a step. That thread is not here, and what it
        was about to change may be half done.
        """
        self.process = os.getpid()
        self.lock.renew()
        self._has_leader = False
        self.arriving.clear()
        self._served.clear()
        self._waiters.clear()
        self._followers.clear()
        self._sleepers.clear()
        if self._state != CLOSED:
            self._state = CLOSED
            with contextlib.suppress(Exception):  # see above: the failure itself is kept first
                self.endpoint.fail(Failure(ConnectionTerminated, endings.FORKED))
            self.endpoint.outbound.clear()
        self._transport.close()
        drop_late(self)
