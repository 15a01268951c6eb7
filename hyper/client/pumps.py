"""The connections of one route: the one of the moment, and former ones that still bring responses.

When a connection has ended, or its peer has said GOAWAY, the next request dials another (RFC 9113,
6.8). Responses on a former one are read to their end; nobody waits there, so it is looked after by
whoever comes along here.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time

from ..errors import ConnectionTerminated, ErrorCode, Failure, InvalidURL, TimedOut
from ..foundation.fork import renew_after_fork
from ..pump.lock import IN_A_STEP, InterruptibleLock
from ..transport.deadline import CancellableDeadline
from .exchange import Exchange
from .replay import Attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from ..protocol.endpoint import Endpoint
    from ..pump.pump import Pump
    from ..transport.deadline import Deadline
    from .registry import Registry
    from .request_head import RequestHead
    from .timeouts import Timeouts

    #: Makes a connection, until the deadline at the latest.
    Dial = Callable[[Deadline], Pump]
    NumberSource = Callable[[int], int]

#: Seconds for which a connection that is suspect of being dead is asked by PING.
LONGEST_PROBE = 1.0

#: From this id on, streams are numbered anew on each connection, which has 2^30 of them (5.1.1).
STREAM_IDS_RESTART = 2**30


class Pumps:
    """The pump of the moment and former ones. Any thread.

    dial: makes a new one. timeouts: the limits of all waits. host: for messages. registry: gives up
    requests whose whole answers nobody asks for, where there is no room for another.
    """

    def __init__(
        self, dial: Dial, timeouts: Timeouts, host: str, registry: Registry | None = None
    ) -> None:
        self._dial = dial
        self._timeouts = timeouts
        self._host = host
        self._registry = registry
        #: held by the thread that dials, while it does
        self._connecting = InterruptibleLock()
        # Written by the thread that holds _connecting, and by ``close``, which does not wait for
        # it: single steps of lists and attributes are atomic. A request that begins after ``close``
        # must not find a connection whose dial began before.
        self.current: Pump | None = None
        #: ended for new requests, while responses are still to be read
        self._former: list[Pump] = []
        #: held for a few steps, while a new connection is published or all are taken to be closed
        self._publishing = InterruptibleLock()
        #: how many connections were made
        self.made: int = 0
        #: how often ``close`` was called
        self._closings = 0
        #: the deadline of the dial under way, which ``close`` cancels
        self._dialling: CancellableDeadline | None = None
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Free the lock, which a thread may hold that the child does not have."""
        self._connecting.renew()
        self._publishing.renew()
        self._dialling = None
        self._timeouts.after_fork_in_child()

    def __iter__(self) -> Iterator[Pump]:
        yield from self._former[:]
        pump = self.current
        if pump is not None:
            yield pump

    # ---------------------------------------------------------------- connecting

    def live(self) -> Pump:
        """Return a connection on which requests can go out, made now if there is none."""
        pump = self.current
        if pump is not None and pump.endpoint.accepts_requests:  # so it is not closed, either
            silence = pump.silence  # asked in place: it is no call for each request
            if silence.suspected != silence.arrivals or self.answers(pump):
                return pump
        closings = self._closings
        with self._turn_to_connect():
            pump = self.current
            if pump is not None and pump.endpoint.accepts_requests:
                silence = pump.silence
                if silence.suspected != silence.arrivals:
                    return pump
            # The lock that is held here is that of dialling alone: requests on former connections,
            # and ``close``, go on meanwhile.
            fresh = self._connected(closings)
            self.made += 1
            pump = None
            with self._publishing:
                if closings == self._closings:
                    # In one step: a signal handler of this thread may have dialled, too.
                    pump, self.current = self.current, fresh
                    self._former = [p for p in self._former if not p.is_closed]
                    # Somebody waits on the one before, or may read there.
                    if pump is not None and (pump.endpoint.streams or pump.endpoint.promises):
                        self._former.append(pump)
            if pump is not None and (pump not in self._former or closings != self._closings):
                self._end(pump, ErrorCode.NO_ERROR)
            # ``close`` has not seen it, of a signal handler perhaps, and nobody else may.
            if self.current is not fresh or closings != self._closings:
                self._end(fresh, ErrorCode.NO_ERROR)
                raise closed_error()
            return fresh

    def answers(self, pump: Pump) -> bool:
        """True unless a connection is suspect of being dead, and PING is not answered (6.7).

        A connection on which nothing came in a whole wait that timed out may be dead, though no
        system says so: a forgotten NAT entry, a vanished host. It is asked for a second at most,
        and half of the caller's time.
        """
        if not pump.is_suspect:
            return True
        timeout = self._timeouts.remaining()
        return pump.probe(LONGEST_PROBE if timeout is None else min(LONGEST_PROBE, timeout / 2))

    def _connected(self, closings: int) -> Pump:
        """Dial; ``close`` ends that at once. The lock is held."""
        deadline = self._dialling = CancellableDeadline(self._timeouts.remaining())
        try:
            if closings != self._closings:
                raise closed_error()
            return self._dial(deadline)
        except OSError as error:
            if closings != self._closings:
                raise closed_error() from error
            raise
        finally:
            self._dialling = None

    def connect(self) -> None:
        """Return when there is a connection that takes requests, and its preface is sent (3.4)."""
        closings = self._closings
        former = self.current
        begin = time.monotonic()
        attempts = Attempts()
        while True:
            pump = self.live()
            pump.lock.require_free()
            with pump.lock:
                pump.look()
                if pump.endpoint.accepts_requests:  # the server has not ended it while it was idle
                    pump.flush()
                    return
            if pump is not former:
                self._pause_after_end(pump, attempts, begin, closings)

    def ping(self, opaque: bytes | str) -> float:
        """Send PING, and return the seconds until its acknowledgement (6.7).

        A server that ends the connection meanwhile by GOAWAY (NO_ERROR) is asked again on the next
        one, within the caller's time, as a request is (8.7).
        """
        if isinstance(opaque, str):
            opaque = opaque.encode("latin-1")
        closings = self._closings
        begin = time.monotonic()
        attempts = Attempts()
        while True:
            pump = self.live()
            try:
                return pump.ping(opaque, self._timeouts.deadline_of_call(begin).left())
            except ConnectionTerminated:
                goaway = pump.endpoint.goaway
                if goaway is None or goaway[1] or closings != self._closings:
                    raise
            self._pause_after_end(pump, attempts, begin, closings)

    @contextlib.contextmanager
    def _turn_to_connect(self) -> Iterator[None]:
        timeout = self._timeouts.remaining()
        seconds = -1 if timeout is None else min(max(0, timeout), threading.TIMEOUT_MAX)
        try:
            if not self._connecting.acquire(timeout=seconds):
                raise TimedOut("timed out: another thread is still connecting")
            yield
        finally:
            interruption: BaseException | None = None
            while True:  # a signal handler that raises must not leave it held (pump/lock.py)
                try:
                    if self._connecting.is_held():
                        self._connecting.release()
                    break
                except BaseException as error:  # noqa: BLE001 - raised below
                    interruption = error
            if interruption is not None:
                raise interruption

    def close(self, error_code: int | None) -> None:
        """Say GOAWAY on all of them, and close (6.8); the next request connects again.

        It waits for nothing: a dial under way is ended.
        """
        code = ErrorCode.NO_ERROR if error_code is None else error_code
        with self._publishing:
            self._closings += 1
            pumps = list(self)
            self._former = []
        dialling = self._dialling
        if dialling is not None:
            dialling.cancel()
        for pump in pumps:
            if not self._end(pump, code):
                # It ends later: no new request may find it, and the next one looks after it.
                self.current = None
                self._former.append(pump)

    def _end(self, pump: Pump, code: int) -> bool:
        return pump.end(code, Failure(ConnectionTerminated, CLOSED))

    def collect_dropped(self) -> None:
        """Process dropped responses of former connections.

        The caller must not hold the lock of one of those.
        """
        for pump in self._former:
            pump.collect_dropped()

    def look_after_former(self) -> None:
        """Have former connections take what has come, and end when nothing of theirs is wanted.

        Pushes can be asked for until the second connection after theirs; then they are refused, so
        that they hold no socket and no room (8.4). The caller must not hold the lock of one of
        those.
        """
        former = self._former
        pumps = list(former)
        if not pumps:  # another thread has closed them since the caller looked
            return
        youngest = pumps[-1]
        for pump in pumps:
            pump.lock.require_free()
            with pump.lock:
                pump.look()
                if pump is not youngest:
                    pump.endpoint.refuse_promises()
                pump.flush()
            if pump.is_closed and pump is not youngest:
                with contextlib.suppress(ValueError):  # another thread has removed it
                    former.remove(pump)

    # ------------------------------------------------------------------- streams

    def open(self, head: RequestHead, id_for: NumberSource, *, leaves: bool) -> Exchange:
        """Send a header section on a stream of its own (8.1). HOT: once a request.

        head: what is sent. id_for(n): the caller's id, asked when the HEADERS frame is about to
        leave; n is the smallest stream identifier that this connection has not used. leaves: True
        if it leaves now, False if it goes with what is sent next.

        Raises what dialling raises, TimedOut, NegotiationError, and ConnectionTerminated where
        the server ends connections before a request can go out.
        """
        # A connection that has ended while it was idle is no bad sign: the next one is dialled at
        # once. One that was made for this very call, and ends before it takes the request, counts:
        # ``former`` tells the two apart, and the pauses and the number of attempts are bounded by
        # replay.py.
        closings = self._closings
        former = self.current
        begin = time.monotonic()
        attempts: Attempts | None = None
        while True:
            pump = self.live()
            # Before the lock of this connection is taken: no thread holds the locks of two.
            if self._former:
                self.look_after_former()
            endpoint = pump.endpoint
            if pump.lock.is_held():
                raise RuntimeError(IN_A_STEP)
            with pump.lock:
                if begin >= pump.look_due:  # ``look`` asks the same, by a call
                    pump.look()
                # In most calls nobody waits and a stream is free: then the queue is not entered at
                # all.
                if pump.queue or head.protocol is not None or not endpoint.may_open_stream():
                    self._await_slot(pump, head, is_fresh=pump is not former)
                if endpoint.accepts_requests:
                    if head.foreign is not None:
                        self._require_covered(endpoint, *head.foreign)
                    # The caller's id and the stream's identifier are assigned in one step under the
                    # lock, so that both rise in the order in which the HEADERS leave (5.1.1).
                    own_id = id_for(endpoint.next_stream_id)
                    try:
                        stream = endpoint.open_stream(
                            head.section,
                            head.method,
                            head.is_whole,
                            own_id if own_id < STREAM_IDS_RESTART else 0,
                        )
                        exchange = Exchange(
                            pump, stream, self._timeouts, head.content_length, own_id
                        )
                    except BaseException as error:  # perhaps in the middle of a field block
                        pump.end_if_interrupted(error)
                        raise
                    if leaves:
                        exchange.drain()
                    return exchange
                if closings != self._closings and endpoint.failure:
                    raise endpoint.failure.exception()  # the caller's close: no new one
            if pump is not former:
                attempts = attempts or Attempts()
                self._pause_after_end(pump, attempts, begin, closings)

    def _pause_after_end(self, pump: Pump, attempts: Attempts, begin: float, closings: int) -> None:
        """Wait before another connection is dialled, after one that took no request (6.8).

        closings: how often ``close`` had been called when the call began.

        Raises what ended it, if a retry would fail the same way, and ConnectionTerminated where
        there were too many, there is no time left, or the caller has called ``close`` meanwhile.
        """
        raise_refusal(pump)
        pause = attempts.pause_after_end()
        deadline = self._timeouts.deadline_of_call(begin)
        if pause is None or deadline.is_over:
            raise ConnectionTerminated(
                f"{self._host} ended {attempts.ended} connections, one after the other,"
                " before the request could go out (RFC 9113, 6.8)",
                retryable=True,
            )
        if pause:
            deadline.sleep(pause)
        if closings != self._closings:
            raise closed_error()

    def _require_covered(self, endpoint: Endpoint, scheme: str, authority: str) -> None:
        """Raise InvalidURL for an origin that the server has not proven to be (9.1.1)."""
        if not endpoint.covers(scheme, authority):
            raise InvalidURL(
                f"this is a connection to {self._host}, which has not proven to be"
                f" {scheme}://{authority}: its certificate does not name it, or scheme or port are"
                " others (RFC 9113, 9.1.1); nothing was sent: connect there, or name the authority"
                " by a Host field"
            )

    def _await_slot(self, pump: Pump, head: RequestHead, *, is_fresh: bool) -> None:
        """Wait until the request may take a stream, or never can here. Lock held.

        Extended CONNECT waits for the server's SETTINGS, too (RFC 8441, 3).
        """
        endpoint = pump.endpoint
        if self._registry is not None:
            window = endpoint.initial_receive_window
            while endpoint.accepts_requests and not endpoint.budget.has_room(window):
                unwanted = self._registry.forget_unwanted()
                if unwanted is None or unwanted.exchange is None:
                    break
                if unwanted.exchange.pump is pump:
                    endpoint.drop(unwanted.exchange.stream)
                else:
                    unwanted.exchange.discard()
        if head.protocol is not None:
            pump.wait(endpoint.has_settings_or_never, (0,), self._timeouts.remaining())
            if endpoint.failure and is_fresh:
                raise endpoint.failure.exception()
        pump.wait_turn(
            endpoint.may_open_stream_or_never, self._timeouts.remaining(), self.collect_dropped
        )
        if head.protocol is not None and endpoint.accepts_requests:
            endpoint.require_connect_protocol(head.protocol)


def raise_refusal(pump: Pump) -> None:
    """If a new connection was ended by a TLS error, raise that: a retry would fail the same way.

    Under TLS 1.3 a server says what it thinks of the client's certificate after the handshake.
    """
    failure = pump.endpoint.failure
    if failure is not None and issubclass(failure.kind, ssl.SSLError):
        raise failure.exception()


CLOSED = "the connection was closed on this side"


def closed_error() -> ConnectionTerminated:
    """Make the exception for a call that the caller's own ``close`` has ended."""
    return ConnectionTerminated(CLOSED)
