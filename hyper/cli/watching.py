"""Watching: the observer that gives figures and heads as they were on the wire (hyper.trace).

It is installed only where something asks for it: -v, --meta, -w, --meta-json.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exchange import Exchange

#: Events of the making of a connection.
OF_CONNECTION = frozenset(
    ("Opening", "NameResolved", "Connecting", "Connected", "Tunnelled", "TLSDone", "Opened")
)


class Watcher:
    """An observer of hyper.trace. Any thread.

    Attributes:
        connections: {number: {name of the event: event}}, the latest of each name.
    """

    wants_secrets = True  # a person's own screen shows what that person has typed
    wants_content = False

    def __init__(self) -> None:
        self.connections: dict[int, dict[str, Any]] = {}
        self._by_thread: dict[int, Exchange] = {}
        self._by_stream: dict[tuple[int, int], Exchange] = {}

    def begin(self, exchange: Exchange) -> None:
        """Note that this thread works at an exchange from now on."""
        self._by_thread[threading.get_ident()] = exchange

    def __call__(self, event: Any) -> None:
        """Note an event."""
        name = type(event).__name__
        if name in OF_CONNECTION:
            self.connections.setdefault(event.connection, {})[name] = event
        elif name == "RequestSent":
            exchange = self._by_thread.get(threading.get_ident())
            if exchange is not None:
                exchange.seen = event
                exchange.request_end = event.moment
                self._by_stream[event.connection, event.stream] = exchange
        elif name in ("RequestEnd", "RequestContent"):
            exchange = self._by_stream.get((event.connection, event.stream))
            if exchange is not None:
                exchange.request_end = event.moment

    def connection_of(self, exchange: Exchange) -> dict[str, Any]:
        """The events of an exchange's connection, by name; {} if nothing was seen."""
        if exchange.seen is None:
            return {}
        return self.connections.get(exchange.seen.connection, {})

    def is_first_on_it(self, exchange: Exchange) -> bool:
        """True if the connection was made for this exchange, not for one before."""
        opening = self.connection_of(exchange).get("Opening")
        return opening is not None and opening.moment >= exchange.begin
