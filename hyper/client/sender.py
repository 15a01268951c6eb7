"""The sender: requests leave on the connection of the moment, and again where that is safe."""

from __future__ import annotations

import contextlib
import threading

from ..errors import HTTP20Error, TimedOut
from .replay import Pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..fields import Fields
    from .content import Body
    from .exchange import Exchange
    from .pumps import Pumps
    from .registry import Entry, Registry
    from .request_head import RequestHead
    from .timeouts import Timeouts


class Sender:
    """Sends the requests of one HTTP20Connection. Any thread.

    replays: whether a request that the server guarantees not to have processed is sent again (RFC
    9113, 8.7). continue_timeout: seconds that content waits for 100 (Continue), None for no limit.
    """

    def __init__(
        self,
        pumps: Pumps,
        registry: Registry,
        timeouts: Timeouts,
        *,
        replays: bool,
        continue_timeout: float | None,
    ) -> None:
        self._pumps = pumps
        self._registry = registry
        self._timeouts = timeouts
        self._replays = replays
        self.continue_timeout = continue_timeout
        #: the threads that are inside ``cork``; single steps of a set are atomic
        self._corking: set[int] = set()

    def open(
        self, head: RequestHead, known: Entry | None = None, *, leaves: bool = False
    ) -> Exchange:
        """Send a header section. HOT: once a request (bench/clients.py sequential).

        known: the request, if it has an id already. leaves: it leaves at once, though content may
        follow.
        """
        registry = self._registry
        if registry.late:
            discard(registry.forget_late())
        if registry.has_surplus:
            discard(registry.forget_surplus())
        exchange = self._pumps.open(
            head,
            registry.new_id if known is None else lambda _: known.id,
            leaves=leaves or (head.is_whole and threading.get_ident() not in self._corking),
        )
        if exchange.id != exchange.stream.id:
            registry.note_stream(exchange.id, exchange.stream.id)
        if head.expects_continue:
            exchange.expect_continue(self.continue_timeout)
        return exchange

    def answer_again(self, entry: Entry, error: HTTP20Error, begin: float) -> Exchange:
        """Send a request again until it is answered; returns the exchange, whose head is there.

        error: what ended it. begin: when the call began whose time counts.

        Raises the latest error, which says how often was tried, if it must not go out again (8.7),
        or if another thread has called ``cancel`` meanwhile; ConnectionTerminated after ``close``.
        Raises TimedOut if it was sent and the answer did not come in time, and what dialling
        raises.
        """
        attempts, timeouts = entry.attempts, self._timeouts
        attempts.is_on = self._replays
        deadline = timeouts.deadline_of_call(begin)
        while attempts.wait_to_go_again(error, entry.rewind, deadline):
            if not self._registry.is_known(entry):  # given up by another thread during the pause
                attempts.sent -= 1
                attempts.tell(error)
                break
            former = entry.exchange
            try:
                with timeouts.within(deadline.left()):
                    exchange = self._send_again(entry)
                    exchange.await_head()
                    return exchange
            except TimedOut:
                if entry.exchange is not former:
                    raise  # it was sent, and may still be answered
                attempts.sent -= 1
                attempts.tell(error)
                raise error from None
            except HTTP20Error as other:
                if not other.retryable and other.__cause__ is None:
                    other.__cause__ = error
                error = other
            except OSError as other:
                if other.__cause__ is None:
                    other.__cause__ = error
                raise
        raise error

    def _send_again(self, entry: Entry) -> Exchange:
        head, source = entry.head, entry.source
        assert head is not None  # it was sent before
        exchange = self.open(head, entry)
        self._registry.send_again(entry, exchange)
        if not self._registry.is_known(entry):  # ``cancel`` has found the former exchange
            exchange.cancel()
        if not head.is_whole:
            exchange.send_all(None if source is None else source.take(), entry.trailers)
        return exchange

    def add(self, entry: Entry, data: Body, *, final: bool) -> None:
        """Send a part of the content of a request in pieces; keep it while it is small."""
        assert entry.exchange is not None  # it was sent
        if isinstance(entry.source, Pieces):
            entry.source.add(data, is_all=final and not entry.exchange.sent)
        entry.exchange.send(data, final=final)
        self._registry.forget_if_done(entry.id)

    def end(self, entry: Entry, trailers: Fields) -> None:
        """Send the trailers of a request in pieces, which end it (8.1)."""
        assert entry.exchange is not None  # it was sent
        entry.trailers = trailers
        entry.exchange.end(trailers)
        self._registry.forget_if_done(entry.id)

    @contextlib.contextmanager
    def cork(self) -> Iterator[None]:
        """Let the requests that this thread makes inside leave together."""
        thread = threading.get_ident()
        if thread in self._corking:
            yield
            return
        self._corking.add(thread)
        try:
            yield
        finally:
            self._corking.discard(thread)
            pump = self._pumps.current
            if pump is not None:
                pump.lock.require_free()
                with pump.lock:
                    pump.drain(self._timeouts.remaining())


def discard(entries: list[Entry]) -> None:
    """Reset the streams of requests that are given up, and drop what is unread of them."""
    for entry in entries:
        if entry.exchange is not None:
            entry.exchange.discard()
