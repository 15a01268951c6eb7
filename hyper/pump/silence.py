"""Silence: what a connection does on which nothing comes (RFC 9113, 6.7, 9.1).

TCP does not tell that a peer has vanished, or that a router has forgotten the connection, before
something was sent and nobody acknowledged it for long. Two things notice it earlier:

*   Rule 12. A wait that ended by its timeout, and in which not one octet came, makes the connection
    *suspect*. An unanswered ``ping`` does so, too. Any octet takes that back. Nothing is sent for
    it. Before the next request, ``Pump.probe`` asks, and without an answer the request takes
    another connection. Those who wait on the suspect one may go on to do so.
*   Rule 13. With ``keepalive`` seconds, the thread that leads sends PING when nothing has come for
    so long. If nothing comes for as long again, the connection ends. While nobody waits, nothing is
    sent, and silence does not count.
"""

from __future__ import annotations

import time

from ..errors import ConnectionTerminated, Failure, TimedOut
from ..protocol.refusals import NOTHING_CAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..protocol.endpoint import Endpoint
    from ..transport import Transport
    from .pump import Pump

#: Seconds of a wait from which on its silence says something: a packet may be under way around the
#: world for longer than a shorter one takes.
LEAST_SILENCE = 0.1

#: The octets of PINGs that ask whether anybody is there.
PROBE, KEEPALIVE = b"is alive", b"is awake"


class Silence:
    """Notes about octets that did not come. The pump's lock is held.

    keepalive: seconds, or None for no PINGs.
    """

    __slots__ = ("_asked", "_begin", "_heard", "arrivals", "keepalive", "suspected")

    def __init__(self, keepalive: float | None) -> None:
        self.keepalive: float | None = keepalive
        #: how often something has come; the pump counts, without a call
        self.arrivals: int = 0
        #: what ``arrivals`` was when the connection became suspect
        self.suspected: int = -1
        #: what it was when the silence of the moment began, and when that was, 0 for not yet
        self._heard, self._begin = 0, 0.0
        self._asked = False

    @property
    def is_suspect(self) -> bool:
        """True if nothing has come in a whole wait, and nothing since."""
        return self.suspected == self.arrivals

    def suspect(self, arrivals: int, timeout: float | None) -> None:
        """Note that a wait of timeout seconds was in vain; arrivals: what they were before it.

        Raises TimedOut, which says so, if nothing has come since the connection was made.
        """
        if arrivals == self.arrivals and timeout is not None and timeout >= LEAST_SILENCE:
            self.suspected = arrivals
        if not self.arrivals:
            raise TimedOut(NOTHING_CAME) from None

    def interrupt(self) -> None:
        """Note that nobody waits any more."""
        self._begin = 0.0

    def keep_alive(self, endpoint: Endpoint, transport: Transport) -> float:
        """Do what keepalive demands now; returns the seconds after which to come again."""
        assert self.keepalive is not None
        now = time.monotonic()
        if not self._begin or self._heard != self.arrivals:
            self._heard, self._begin, self._asked = self.arrivals, now, False
        due = self._begin + self.keepalive * (2 if self._asked else 1)
        if now < due:
            return due - now
        if not self._asked:
            self._asked = True
            endpoint.send_ping(KEEPALIVE)
            del endpoint.pings[KEEPALIVE]  # any octet is an answer
        elif not transport.wait(read=True, write=False, timeout=0):  # else it has just come
            endpoint.fail(
                Failure(
                    ConnectionTerminated,
                    f"the peer sent nothing for {self.keepalive} s, and then nothing for as long"
                    " after a PING (keepalive; RFC 9113, 6.7): it, or the way to it, is gone",
                )
            )
        return self.keepalive


def probe(pump: Pump, timeout: float | None) -> bool:
    """Ask a suspect peer by PING whether it is there (6.7). Without the lock.

    Return True if anything has come within timeout seconds, False if nothing did or the
    connection has ended. No PING is sent if the peer is not suspect.
    """
    endpoint, silence = pump.endpoint, pump.silence
    pump.lock.require_free()
    with pump.lock:
        pump.look()
        if silence.is_suspect and endpoint.failure is None:
            if PROBE not in endpoint.pings:  # another thread asks already
                endpoint.send_ping(PROBE)
            try:
                pump.wait(
                    lambda: not silence.is_suspect or endpoint.failure is not None,
                    (0,),
                    timeout,
                )
            except TimedOut:
                return False
            finally:
                endpoint.pings.pop(PROBE, None)
        return endpoint.failure is None


def ping(pump: Pump, opaque: bytes, timeout: float | None) -> float:
    """Send PING, and return the seconds until its acknowledgement (6.7). Without the lock.

    Raises TimedOut, LocalProtocolError for octets that cannot be sent now, and what ended the
    connection.
    """
    endpoint = pump.endpoint
    pump.lock.require_free()
    with pump.lock:
        begin = time.monotonic()
        arrivals = pump.silence.arrivals
        endpoint.send_ping(opaque)
        try:
            pump.wait(lambda: endpoint.pings[opaque] or endpoint.failure is not None, (0,), timeout)
        except TimedOut:
            pump.silence.suspect(arrivals, LEAST_SILENCE)  # however short the wait was
            raise
        finally:
            is_answered = endpoint.pings.pop(opaque, False)
        seconds = time.monotonic() - begin
        if is_answered:
            endpoint.tell_round_trip(seconds)
            return seconds
        assert endpoint.failure is not None  # else the wait would go on
        raise endpoint.failure.exception()
