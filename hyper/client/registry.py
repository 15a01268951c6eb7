"""The registry: which requests a connection's callers know, by id, and what became of each.

A caller holds an id, an odd number that rises and never repeats in the life of the object. It is
the stream's identifier too (RFC 9113, 5.1.1), unless a younger request was sent first: then the
stream gets a greater one when its HEADERS frame leaves, and the id stays the caller's.

An entry is in one state::

    DRAFT    ``putrequest`` has begun it; its header section has not been sent
    AWAITED  it was sent; nobody asks for the response
    LATE     a ``getresponse`` without an id ran into its timeout: the next request ends it
    CLAIMED  a thread waits for the response
    TAKEN    the response is the caller's; content may still follow

Whether content may follow is asked of the ``Exchange`` (``is_final``): it is no state of its own.
An entry whose response was taken, and whose request is final, is forgotten.
"""

from __future__ import annotations

from http.client import CannotSendHeader, ResponseNotReady

from ..errors import ConnectionTerminated, HTTP20Error, LocalProtocolError, TimedOut
from ..foundation.fork import renew_after_fork
from ..pump.lock import IN_A_STEP, InterruptibleLock
from .replay import Attempts, Pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..fields import Fields
    from .exchange import Exchange
    from .putrequest import Draft
    from .replay import Source
    from .request_head import RequestHead

DRAFT, AWAITED, LATE, CLAIMED, TAKEN = range(5)

#: The states in which a response can be asked for.
UNCLAIMED = (AWAITED, LATE)

#: Requests that their caller has not called final though the server wants no more of them: what is
#: still sent there is dropped. The oldest are forgotten if there are more.
MAX_ANSWERED_EARLY = 100

#: Requests that nobody asks for, on all connections of an object: answers that are never read.
MAX_UNASKED = 1000

#: Requests that a program may have under way before it asks for the first answer. If there are
#: more, whole answers are given up where they leave no room for another request.
MANY_UNASKED = 100

#: Requests whose stream has another number than their id and whose promises may still be asked for.
MAX_RENUMBERED = 1000


class Entry:
    """One request that a caller knows. The registry alone writes it, but for ``ends_itself``."""

    __slots__ = (
        "_attempts",
        "draft",
        "ends_itself",
        "exchange",
        "head",
        "id",
        "source",
        "state",
        "trailers",
        "was_late",
    )

    def __init__(
        self,
        own_id: int,
        draft: Draft | None,
        exchange: Exchange | None = None,
        head: RequestHead | None = None,
        source: Source | Pieces | None = None,
        trailers: Fields = (),
    ) -> None:
        self.id: int = own_id
        self.draft: Draft | None = draft
        #: what was sent, and can be sent again
        self.head: RequestHead | None = head
        self.source: Source | Pieces | None = source
        self.trailers: Fields = trailers
        self._attempts: Attempts | None = None
        #: None before its header section was sent
        self.exchange: Exchange | None = exchange
        self.state: int = DRAFT if exchange is None else AWAITED
        #: True if its answer did not come in the time that somebody waited for it
        self.was_late: bool = False
        #: True if getresponse ends a request that its caller never called final
        self.ends_itself: bool = False

    @property
    def attempts(self) -> Attempts:
        """How often it was sent."""
        if self._attempts is None:
            self._attempts = Attempts()
        return self._attempts

    def rewind(self) -> str:
        """Go back to the beginning of its content; returns "", or what that is if it is gone."""
        assert self.exchange is not None  # it was sent
        if not self.exchange.is_final:
            return "still being sent"
        return "" if self.source is None else self.source.rewind()


class Registry:
    """The requests of one HTTP20Connection, oldest first. Any thread.

    Its lock is the innermost: nothing else is called or waited for while it is held. A signal
    handler that comes in the middle of a step can begin no request and claim none. It can forget
    some, so that loops go over copies.
    """

    def __init__(self) -> None:
        self._lock = InterruptibleLock()
        self._entries: dict[int, Entry] = {}
        self._next_id = 1
        #: the id that calls without one mean: the request begun or sent last
        self.newest: int = 0
        #: how many requests are in LATE, so that a new request need not search
        self.late: int = 0
        #: True if there are more than MAX_UNASKED
        self.has_surplus: bool = False
        self._youngest_given_up = 0
        #: {id: why it is known no more}, of the latest requests that were given up
        self._gone: dict[int, Callable[[], Exception]] = {}
        #: {id: stream identifier}, where the two differ
        self._renumbered: dict[int, int] = {}
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Free the lock, which a thread may hold that the child does not have."""
        self._lock.renew()

    def __len__(self) -> int:
        return len(self._entries)

    # ------------------------------------------------------------------- numbers

    def new_id(self, next_stream_id: int) -> int:
        """Return the id of a request that is being sent, its stream's identifier if that is free.

        next_stream_id: the smallest that the connection has not used (5.1.1).
        """
        if self._lock.is_held():
            raise RuntimeError(IN_A_STEP)
        with self._lock:
            own_id = self._next_id
            own_id = max(own_id, next_stream_id)
            self._next_id = own_id + 2
        return own_id

    def note_stream(self, own_id: int, stream_id: int) -> None:
        """Note the stream of a request, where it has another number than the request's id."""
        with self._lock:
            # No later request may have an id that names this one's stream.
            self._next_id = max(self._next_id, stream_id + 2)
            while len(self._renumbered) >= MAX_RENUMBERED:
                del self._renumbered[next(iter(self._renumbered))]
            self._renumbered[own_id] = stream_id

    def stream_id_of(self, own_id: int) -> int:
        """Return the identifier of the stream on which a request went out."""
        return self._renumbered.get(own_id, own_id)

    # -------------------------------------------------------------------- states

    def begin(self, draft: Draft) -> int:
        """Enter a request that ``putrequest`` begins (-> DRAFT); returns its id."""
        own_id = self.new_id(0)
        with self._lock:
            self._entries[own_id] = Entry(own_id, draft, source=Pieces())
            self.newest = own_id
        return own_id

    def draft(self, own_id: int | None) -> Entry:
        """Return a request in DRAFT; None means the newest. Raises as ``sending`` does.

        There it is CannotSendHeader where there is no such request.
        """
        entry = self._entries.get(self.newest if own_id is None else own_id)
        if entry is None or entry.state != DRAFT:
            self._raise_why_gone(own_id)
            raise CannotSendHeader("no request was begun by putrequest, or its headers have ended")
        return entry

    def send_draft(self, entry: Entry, exchange: Exchange, head: RequestHead) -> None:
        """Note that the header section of a draft has been sent (DRAFT -> AWAITED)."""
        with self._lock:
            entry.draft, entry.exchange, entry.state = None, exchange, AWAITED
            entry.head = head
            self._entries.pop(entry.id, None)  # requests are asked for in the order of sending
            self._entries[entry.id] = entry
            self.newest = entry.id
            self._forget_answered_early()

    def await_(
        self, exchange: Exchange, head: RequestHead, source: Source | None, trailers: Fields
    ) -> int:
        """Enter a request whose header section has been sent (-> AWAITED); returns its id."""
        own_id = exchange.id
        entry = Entry(own_id, None, exchange, head, source, trailers)
        with self._lock:
            self._entries[own_id] = entry
            self.newest = own_id
            self.has_surplus = len(self._entries) > MAX_UNASKED
        return own_id

    def is_known(self, entry: Entry) -> bool:
        """True if a request was not given up meanwhile; raises why if ``close`` did so."""
        if self._entries.get(entry.id) is entry:
            return True
        self._raise_why_gone(entry.id)
        return False

    def send_again(self, entry: Entry, exchange: Exchange) -> None:
        """Note the exchange of a request that was sent again; its state stays."""
        with self._lock:
            entry.exchange = exchange

    def claim(self, own_id: int | None) -> Entry:
        """Return the request whose response a thread will wait for (AWAITED, LATE -> CLAIMED).

        own_id: None means the oldest that nobody waits for. Raises ResponseNotReady.
        """
        if self._lock.is_held():
            raise RuntimeError(IN_A_STEP)
        with self._lock:
            entries = self._entries
            for entry in list(entries.values()) if own_id is None else (entries.get(own_id),):
                if entry is not None and entry.state in UNCLAIMED:
                    if entry.state == LATE:
                        self.late -= 1
                    entry.state = CLAIMED
                    return entry
        self._raise_why_gone(own_id)
        if own_id is None:
            raise ResponseNotReady("Idle: every request has been answered, or there was none")
        raise ResponseNotReady(f"no response is awaited on stream {own_id}{self._perhaps(own_id)}")

    def _raise_why_gone(self, own_id: int | None) -> None:
        """Raise why a request that is asked for by its id is known no more, if that is known."""
        why = None if own_id is None else self._gone.get(own_id)
        if why is not None:
            raise why()

    def _perhaps(self, own_id: int) -> str:
        return ": it may have been given up" if own_id <= self._youngest_given_up else ""

    def unclaim(self, entry: Entry, error: BaseException, *, is_late: bool) -> None:
        """Note that a thread has stopped waiting: the response may be asked for again.

        error: why; it is told the id. A request that has failed is forgotten. is_late: it was asked
        for without an id (CLAIMED -> LATE, else -> AWAITED).
        """
        if isinstance(error, (HTTP20Error, TimedOut)):
            vars(error)["stream_id"] = entry.id
        with self._lock:
            # Asked again, a failed request could only fail in the same way.
            if entry.exchange is not None and entry.exchange.stream.failure is not None:
                self._entries.pop(entry.id, None)
            elif entry.state == CLAIMED and entry.id in self._entries:
                entry.was_late = isinstance(error, TimedOut)
                entry.state = LATE if is_late else AWAITED
                self.late += is_late

    def take(self, entry: Entry) -> None:
        """Note that the response is the caller's (CLAIMED -> TAKEN), or will never come."""
        with self._lock:
            entry.state = TAKEN
            # One whose content goes on must still be found by ``send``, though it was answered.
            if entry.exchange is None or entry.exchange.is_final:
                self._entries.pop(entry.id, None)

    def forget(self, own_id: int) -> Entry | None:
        """Remove a request, whatever its state; returns it, or None if it is not known."""
        with self._lock:
            entry = self._entries.pop(own_id, None)
            self.late -= entry is not None and entry.state == LATE
        return entry

    def forget_late(self) -> list[Entry]:
        """Remove and return the requests in LATE: a new request leaves them behind."""
        with self._lock:
            late = [entry for entry in list(self._entries.values()) if entry.state == LATE]
            for entry in late:
                self._entries.pop(entry.id, None)
            self.late = 0
        return late

    def forget_all(self) -> list[Entry]:
        """Remove all requests; returns those whose response nobody waits for or has."""
        with self._lock:
            entries = [*self._entries.values()]
            self._entries.clear()
            self.late = 0
            self._note_gone(entries, _closed_error)
        return [entry for entry in entries if entry.state in UNCLAIMED]

    def forget_surplus(self) -> list[Entry]:
        """Remove and return the oldest of more than MAX_UNASKED requests that nobody asks for."""
        with self._lock:
            surplus = len(self._entries) - MAX_UNASKED
            self.has_surplus = False
            if surplus <= 0:
                return []
            known = list(self._entries.values())
            unasked = [entry for entry in known if entry.state in UNCLAIMED]
            return self._give_up(unasked[:surplus])

    def forget_unwanted(self) -> Entry | None:
        """Remove and return the oldest request that is probably not asked for any more.

        Its answer did not come in time, or is here as a whole. None if a program may still come to
        ask: there are no more than MANY_UNASKED.
        """
        with self._lock:
            if len(self._entries) > MANY_UNASKED:
                # The oldest first: nobody has asked for it for the longest time.
                for entry in list(self._entries.values()):
                    if entry.state in UNCLAIMED and entry.exchange is not None:
                        stream = entry.exchange.stream
                        if entry.was_late or (stream.is_over and stream.content):
                            return self._give_up([entry])[0]
        return None

    def _give_up(self, entries: list[Entry]) -> list[Entry]:
        """Remove requests that are given up. Lock held."""
        for entry in entries:
            self.late -= entry.state == LATE
            self._entries.pop(entry.id, None)
            self._youngest_given_up = max(self._youngest_given_up, entry.id)
        self._note_gone(entries, _given_up_error)
        return entries

    def _note_gone(self, entries: list[Entry], why: Callable[[], Exception]) -> None:
        """Remember why requests are known no more, for who asks for them. Lock held."""
        self._gone.update((entry.id, why) for entry in entries)
        while len(self._gone) > MAX_UNASKED:
            del self._gone[next(iter(self._gone))]

    # ------------------------------------------------------------------- sending

    def sending(self, own_id: int | None) -> Entry:
        """Return a request whose content may still follow; None means the newest.

        Raises LocalProtocolError where there is no such request, and ConnectionTerminated where
        ``close`` has ended it.
        """
        known_id = self.newest if own_id is None else own_id
        entry = self._entries.get(known_id)
        if entry is not None and entry.exchange is not None and not entry.exchange.is_final:
            return entry
        self._raise_why_gone(own_id)
        raise LocalProtocolError(
            f"no request of stream {known_id} is open: call putrequest and endheaders first",
            stream_id=known_id,
        )

    def forget_if_done(self, own_id: int) -> None:
        """Forget a request that has become final after its response was taken."""
        entry = self._entries.get(own_id)
        if (
            entry is not None
            and entry.state == TAKEN
            and (entry.exchange is None or entry.exchange.is_final)
        ):
            self.forget(own_id)

    def _forget_answered_early(self) -> None:
        """Forget the oldest of many requests of which the server wants no more. Lock held."""
        early = [
            entry.id
            for entry in list(self._entries.values())
            if entry.state == TAKEN
            and entry.exchange is not None
            and not entry.exchange.stream.request_is_open
        ]
        for own_id in early[:-MAX_ANSWERED_EARLY]:
            self._entries.pop(own_id, None)

    # -------------------------------------------------------------------- asking

    def exchange(self, own_id: int) -> Exchange | None:
        """Return the exchange of a request that is known, if it was sent."""
        entry = self._entries.get(own_id)
        return None if entry is None else entry.exchange

    def oldest(self) -> int:
        """Return the id of the oldest request whose response nobody has, else of the newest."""
        with self._lock:
            for entry in list(self._entries.values()):
                if entry.state in (AWAITED, LATE, CLAIMED):
                    return entry.id
            return self.newest


def _closed_error() -> ConnectionTerminated:
    return ConnectionTerminated("the connection was closed on this side")


def _given_up_error() -> ResponseNotReady:
    return ResponseNotReady(
        f"the request was given up: nobody asked for its response, nor for those of {MAX_UNASKED}"
        " younger ones, or their room was needed"
    )
