"""The connections of one route: the one of the moment, and former ones that still bring responses.

When a connection has ended, or its peer has said GOAWAY, the next request dials another (RFC 9113,
6.8). Responses on a former one are read to their end; nobody waits there, so it is looked after by
whoever comes along here.
"""

from __future__ import annotations

import contextlib
import ssl
import threading

from .._fork import renew_after_fork
from ..errors import ConnectionTerminated, ErrorCode, Failure, TimedOut
from ..pump.lock import InterruptibleLock
from .exchange import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable, Optional

    from ..pump.pump import Pump
    from .request_head import RequestHead
    from .timeouts import Timeouts

    #: Makes a connection, within so many seconds or without limit.
    Dial = Callable[[Optional[float]], Pump]
    NumberSource = Callable[[int], int]

#: Fresh connections that one request may try, where the server ends each before it goes out.
MAX_CONNECTIONS_A_REQUEST = 3

#: From this id on, streams are numbered anew on each connection, which has 2^30 of them (5.1.1).
STREAM_IDS_RESTART = 2**30


class Pumps:
    """The pump of the moment and former ones. Any thread.

    dial: makes a new one. timeouts: the limits of all waits. host: for messages.
    """

    def __init__(self, dial: Dial, timeouts: Timeouts, host: str) -> None:
        self._dial = dial
        self._timeouts = timeouts
        self._host = host
        self._connecting = InterruptibleLock()
        # Guarded by it.
        self.current: Pump | None = None
        #: ended for new requests, while responses are still to be read
        self._former: list[Pump] = []
        #: how often ``close`` was called
        self._closings = 0
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Free the lock, which a thread may hold that the child does not have."""
        self._connecting.renew()
        self._timeouts.after_fork_in_child()

    def __iter__(self) -> Iterator[Pump]:
        yield from self._former
        if self.current is not None:
            yield self.current

    # ---------------------------------------------------------------- connecting

    def live(self) -> Pump:
        """Return a connection on which requests can go out, made now if there is none."""
        pump = self.current
        if pump is not None and pump.endpoint.accepts_requests and not pump.is_closed:
            return pump
        with self._turn_to_connect():
            pump = self.current
            if pump is not None and pump.endpoint.accepts_requests and not pump.is_closed:
                return pump
            fresh = self._dial(self._timeouts.remaining())
            if pump is not None:
                self._former = [p for p in self._former if not p.is_closed]
                self._former.append(pump)
            self.current = fresh
            return fresh

    def connect(self) -> None:
        """Return when there is a connection that takes requests, and its preface is sent (3.4)."""
        former = self.current
        for _ in range(MAX_CONNECTIONS_A_REQUEST):
            pump = self.live()
            with pump.lock:
                pump.look()
                if pump.endpoint.accepts_requests:  # the server has not ended it while it was idle
                    pump.flush()
                    return
                if pump is not former:
                    raise_refusal(pump)

    @contextlib.contextmanager
    def _turn_to_connect(self) -> Iterator[None]:
        limit = self._timeouts.remaining()
        timeout = -1 if limit is None else min(max(0, limit), threading.TIMEOUT_MAX)
        try:
            if not self._connecting.acquire(timeout=timeout):
                raise TimedOut("timed out: another thread is still connecting")
            yield
        finally:
            if self._connecting.is_held:
                self._connecting.release()

    def close(self, error_code: int | None) -> None:
        """Say GOAWAY on all of them, and close (6.8); the next request connects again."""
        code = ErrorCode.NO_ERROR if error_code is None else error_code
        with self._connecting:
            self._closings += 1
            pumps = list(self)
            self._former = []
        for pump in pumps:
            with pump.lock:
                failure = Failure(ConnectionTerminated, "the connection was closed on this side")
                pump.endpoint.close(code, failure)
                pump.flush()
                pump.close()

    def collect_dropped(self) -> None:
        """Process dropped responses of former connections.

        The caller must not hold the lock of one of those.
        """
        for pump in self._former:
            pump.collect_dropped()

    # ------------------------------------------------------------------- streams

    def open(self, head: RequestHead, id_for: NumberSource, *, leaves: bool) -> Exchange:
        """Send a header section on a stream of its own (8.1). HOT: once a request.

        head: what is sent. id_for(n): the caller's id, asked when the HEADERS frame is about to
        leave; n is the smallest stream identifier that this connection has not used. leaves: have
        it leave now; else it goes with what is sent next.

        Raises what dialling raises, TimedOut, NegotiationError, and ConnectionTerminated where
        the server ends connections before a request can go out.
        """
        timeouts = self._timeouts
        closings = self._closings
        former = self.current
        for _ in range(MAX_CONNECTIONS_A_REQUEST):
            pump = self.live()
            if self._former:
                self.collect_dropped()
            endpoint = pump.endpoint
            with pump.lock:
                pump.look()
                self._await_slot(pump, head, is_fresh=pump is not former)
                if endpoint.accepts_requests:
                    own_id = id_for(endpoint.next_stream_id)
                    stream = endpoint.send_request(
                        head.section,
                        head.method,
                        end_stream=head.is_whole,
                        stream_id=own_id if own_id < STREAM_IDS_RESTART else 0,
                    )
                    exchange = Exchange(pump, stream, timeouts, head.content_length, own_id)
                    if leaves:
                        exchange.drain()
                    return exchange
                if closings != self._closings and endpoint.failure:
                    raise endpoint.failure.exception()  # the caller's close: no new one
                if pump is not former:
                    raise_refusal(pump)
        raise ConnectionTerminated(
            f"{self._host} ended {MAX_CONNECTIONS_A_REQUEST} connections, one after the other,"
            " before the request could go out (RFC 9113, 6.8)",
            retryable=True,
        )

    def _await_slot(self, pump: Pump, head: RequestHead, *, is_fresh: bool) -> None:
        """Wait until the request may take a stream, or never can here. Lock held.

        Extended CONNECT waits for the server's SETTINGS, too (RFC 8441, 3).
        """
        endpoint = pump.endpoint
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
