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

import threading
from http.client import CannotSendHeader, ResponseNotReady

from .._fork import renew_after_fork
from ..errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .exchange import Exchange
    from .putrequest import Draft

DRAFT, AWAITED, LATE, CLAIMED, TAKEN = range(5)

#: The states in which a response can be asked for.
UNCLAIMED = (AWAITED, LATE)

#: Requests that their caller has not called final though the server wants no more of them: what is
#: still sent there is dropped. Of more than these the oldest are forgotten.
MAX_ANSWERED_EARLY = 100

#: Requests whose stream has another number than their id and whose promises may still be asked for.
MAX_RENUMBERED = 1000


class Entry:
    """One request that a caller knows. The registry alone writes it, but for ``ends_itself``."""

    __slots__ = ("draft", "ends_itself", "exchange", "id", "state")

    def __init__(self, own_id: int, draft: Draft | None, exchange: Exchange | None) -> None:
        self.id = own_id
        self.draft = draft
        #: None before its header section was sent
        self.exchange = exchange
        self.state = DRAFT if exchange is None else AWAITED
        #: True if getresponse ends a request that its caller never called final
        self.ends_itself = False


class Registry:
    """The requests of one HTTP20Connection, oldest first. Any thread.

    Its lock is the innermost: nothing else is called or waited for while it is held.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        self._next_id = 1
        #: the id that calls without one mean: the request begun or sent last
        self.newest = 0
        #: how many requests are in LATE, so that a new request need not search
        self.late = 0
        #: {id: stream identifier}, where the two differ
        self._renumbered: dict[int, int] = {}
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Free the lock, which a thread may hold that the child does not have."""
        self._lock = threading.Lock()

    # ------------------------------------------------------------------- numbers

    def new_id(self, next_stream_id: int) -> int:
        """Return the id of a request that is being sent, its stream's identifier if that is free.

        next_stream_id: the smallest that the connection has not used (5.1.1).
        """
        with self._lock:
            own_id = max(self._next_id, next_stream_id)
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
            self._entries[own_id] = Entry(own_id, draft, None)
            self.newest = own_id
        return own_id

    def draft(self, own_id: int | None) -> Entry:
        """Return a request in DRAFT; None means the newest. Raises CannotSendHeader."""
        entry = self._entries.get(self.newest if own_id is None else own_id)
        if entry is None or entry.state != DRAFT:
            raise CannotSendHeader("no request was begun by putrequest, or its headers have ended")
        return entry

    def send_draft(self, entry: Entry, exchange: Exchange) -> None:
        """Note that the header section of a draft has been sent (DRAFT -> AWAITED)."""
        with self._lock:
            entry.draft, entry.exchange, entry.state = None, exchange, AWAITED
            self._entries.pop(entry.id, None)  # requests are asked for in the order of sending
            self._entries[entry.id] = entry
            self.newest = entry.id
            self._forget_answered_early()

    def await_(self, exchange: Exchange) -> int:
        """Enter a request whose header section has been sent (-> AWAITED); returns its id."""
        own_id = exchange.id
        with self._lock:
            self._entries[own_id] = Entry(own_id, None, exchange)
            self.newest = own_id
        return own_id

    def claim(self, own_id: int | None) -> Entry:
        """Return the request whose response a thread will wait for (AWAITED, LATE -> CLAIMED).

        own_id: None means the oldest that nobody waits for. Raises ResponseNotReady.
        """
        with self._lock:
            found = None
            if own_id is not None:
                found = self._entries.get(own_id)
            else:
                for entry in self._entries.values():
                    if entry.state in UNCLAIMED:
                        found = entry
                        break
            if found is not None and found.state in UNCLAIMED:
                self.late -= found.state == LATE
                found.state = CLAIMED
                return found
        if own_id is None:
            raise ResponseNotReady("Idle: every request has been answered, or there was none")
        raise ResponseNotReady(f"no response is awaited on stream {own_id}")

    def unclaim(self, entry: Entry, *, is_late: bool = False) -> None:
        """Note that a thread has stopped waiting: the response may be asked for again.

        is_late: it was asked for without an id (CLAIMED -> LATE, else -> AWAITED).
        """
        with self._lock:
            if entry.state == CLAIMED and entry.id in self._entries:
                entry.state = LATE if is_late else AWAITED
                self.late += is_late

    def take(self, entry: Entry) -> None:
        """Note that the response is the caller's (CLAIMED -> TAKEN), or will never come."""
        with self._lock:
            entry.state = TAKEN
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
            late = [entry for entry in self._entries.values() if entry.state == LATE]
            for entry in late:
                del self._entries[entry.id]
            self.late = 0
        return late

    def forget_all(self) -> list[Entry]:
        """Remove all requests; returns those whose response nobody waits for or has."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if entry.state in UNCLAIMED]
            self._entries.clear()
            self.late = 0
        return entries

    # ------------------------------------------------------------------- sending

    def sending(self, own_id: int | None) -> Exchange:
        """Return a request whose content may still follow; None means the newest.

        Raises LocalProtocolError where there is no such request.
        """
        known_id = self.newest if own_id is None else own_id
        entry = self._entries.get(known_id)
        if entry is not None and entry.exchange is not None and not entry.exchange.is_final:
            return entry.exchange
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
            for entry in self._entries.values()
            if entry.state == TAKEN
            and entry.exchange is not None
            and not entry.exchange.stream.request_is_open
        ]
        for own_id in early[:-MAX_ANSWERED_EARLY]:
            del self._entries[own_id]

    # -------------------------------------------------------------------- asking

    def exchange(self, own_id: int) -> Exchange | None:
        """Return the exchange of a request that is known, if it was sent."""
        entry = self._entries.get(own_id)
        return None if entry is None else entry.exchange

    def oldest(self) -> int:
        """Return the id of the oldest request whose response nobody has, else of the newest."""
        with self._lock:
            for entry in self._entries.values():
                if entry.state in (AWAITED, LATE, CLAIMED):
                    return entry.id
            return self.newest
