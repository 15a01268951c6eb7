"""Tracers: observers that see each request before it is sent, and once more when it has ended.

A tracer is an observer with a method ``before_request``. It gets a ``Request``, to which it may add
fields, and returns a function that will be given the ``Exchange``, or None. A request that goes out
again (RFC 9113, 8.7) is the same request: ``attempt`` of its exchange tells.
"""

from __future__ import annotations

import threading

from ..foundation.interruptions import is_of_signal
from .exchange_list import Connection, Exchange, Gatherer
from .faults import log_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    from . import events as kinds
    from .events import Fields

    Finish = Callable[[Exchange], object]
    Key = tuple[int, int]

    class Tracer(Protocol):
        """The methods of a tracer. It may be a callable as well, which is given each event."""

        def before_request(self, request: Request) -> Finish | None:
            """Look at a request; return what is to be called with its exchange, or None."""


#: Errors after which a request may go out again, so that it has not ended yet: those of HTTP/2,
#: and those of a connection in HTTP/1.1 that the server has ended while it was idle.
MAY_GO_AGAIN = frozenset(
    (
        "ConnectionTerminated",
        "StreamResetError",
        "RemoteDisconnected",
        "ConnectionResetError",
        "ConnectionAbortedError",
        "BrokenPipeError",
    )
)
#: Requests that have failed and may go out again, if somebody asks for their responses; of more,
#: the oldest count as ended.
MAX_HELD = 1000


class Request:
    """A request that is about to be sent. ``fields`` are pairs of str, secrets included."""

    def __init__(self, method: str, scheme: str, authority: str, path: str, fields: Fields) -> None:
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.fields = fields
        #: fields that tracers have added
        self.added: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        """The URL that is asked for."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def add(self, name: str, value: str) -> None:
        """Add a field; one of that name that was there before is replaced.

        Args:
            name: the field's; it is sent in lower case.
            value: latin-1 text.

        Raises:
            ValueError: the name is a pseudo-header field's.
        """
        if name.startswith(":"):
            raise ValueError(f"{name} is a pseudo-header field, which no tracer may change")
        self.added = [field for field in self.added if field[0] != name.lower()]
        self.added.append((name.lower(), value))


class Begun:
    """A request of which tracers know. One thread at a time."""

    __slots__ = ("_finishers", "exchange", "is_retriable", "request")

    def __init__(self, request: Request, finishers: list[Finish]) -> None:
        self.request: Request = request
        self._finishers = finishers
        #: True if it may go out again after an error
        self.is_retriable: bool = False
        #: how it went when it was sent last, if that was in vain
        self.exchange: Exchange | None = None

    def finish(self, exchange: Exchange) -> None:
        """Tell the tracers, once."""
        finishers, self._finishers = self._finishers, []
        for finish in finishers:
            try:
                finish(exchange)
            except Exception as error:  # a tracer's own
                if is_of_signal(error):
                    raise
                log_error(f"a tracer raised {error!r} when a request had ended", error)

    def fail(self, error: BaseException) -> None:
        """Tell the tracers of a request that was not sent, or will not be sent again."""
        exchange, request = self.exchange, self.request
        if exchange is None:
            exchange = Exchange(Connection(0), 0)
            exchange.method, exchange.scheme = request.method, request.scheme
            exchange.authority, exchange.path = request.authority, request.path
        exchange.error, exchange.error_type = str(error), type(error).__name__
        exchange.attempt = getattr(error, "attempts", None) or exchange.attempt
        self.finish(exchange)


class Handover(threading.local):
    """A request that this thread is about to send again, until it leaves."""

    def __init__(self) -> None:
        self._next: tuple[int, Begun | None] = (1, None)

    def give(self, attempt: int, begun: Begun | None) -> None:
        """Have the next request of this thread be one that is known; attempt: 2 for the second."""
        self._next = (attempt, begun)

    def take(self) -> tuple[int, Begun | None]:
        """Return what was given, once; else (1, None), for a request that was not sent before."""
        given, self._next = self._next, (1, None)
        return given


handover = Handover()


class Tracing(Gatherer):
    """An observer that tells tracers. Any thread.

    It keeps exchanges only as long as they are open.
    """

    def __init__(self, tracers: tuple[Any, ...]) -> None:
        super().__init__()
        self._tracers = tracers
        self._known: dict[Key, Begun] = {}
        self._held: dict[Key, Begun] = {}
        self._failed: list[Any] = []

    def begin(self, request: Request) -> Begun:
        """Ask the tracers about a request."""
        finishers = []
        for tracer in self._tracers:
            try:
                finish = tracer.before_request(request)
            except Exception as error:  # a tracer's own
                if is_of_signal(error):
                    raise
                if tracer not in self._failed:
                    self._failed.append(tracer)
                    log_error(f"the tracer {tracer!r} raised {error!r}; this is told once", error)
                continue
            if finish is not None:
                finishers.append(finish)
        return Begun(request, finishers)

    def adopt(self, number: int, stream: int, begun: Begun) -> None:
        """Note on which stream of which connection a request has left."""
        self._known[number, stream] = begun

    def take_held(self, number: int, stream: int) -> Begun | None:
        """Return a request that has failed and is about to go out again, or to be given up."""
        return self._held.pop((number, stream), None)

    def hold(self, number: int, stream: int, begun: Begun) -> None:
        """Note once more that a request may go out again: it could not be sent this time."""
        self._held[number, stream] = begun

    def give_up(self, number: int, stream: int, error: BaseException | None) -> None:
        """Tell the tracers of a request that goes out no more.

        error: what its caller gets; None: what it has ended with.
        """
        held = self._held.pop((number, stream), None)
        if held is not None and error is not None:
            held.fail(error)
        elif held is not None and held.exchange is not None:
            held.finish(held.exchange)

    def give_up_all(self) -> None:
        """Tell the tracers of all that have failed: nobody will ask for them any more."""
        while self._held:
            _, begun = self._held.popitem()
            if begun.exchange is not None:
                begun.finish(begun.exchange)

    def fail(self, number: int, stream: int, error: BaseException) -> None:
        """Tell the tracers of a request whose caller gets an error, though its exchange is open."""
        begun, exchange = self._known.pop((number, stream), None), self._open.get((number, stream))
        if begun is not None:
            begun.exchange = exchange
            begun.fail(error)

    # -------------------------------------------------------- the gatherer's hooks

    def _keep(self, exchange: Exchange) -> None:
        """Do nothing: the exchange is kept as long as it is open."""

    def _close(self, key: Key, exchange: Exchange) -> None:
        begun = self._known.pop(key, None)
        if begun is None:
            return
        may_go_again = begun.is_retriable and exchange.head is None
        if may_go_again and exchange.error_type in MAY_GO_AGAIN and not exchange.is_cancelled:
            begun.exchange, self._held[key] = exchange, begun
            while len(self._held) > MAX_HELD:
                oldest = self._held.pop(next(iter(self._held)))
                oldest.finish(oldest.exchange or exchange)
        else:
            begun.finish(exchange)

    def _take_closed(self, event: kinds.Closed) -> None:
        super()._take_closed(event)
        self.connections.pop(event.connection, None)
