"""The logger ``hyper``: what befalls connections, in lines of the level DEBUG.

It is an observer like any other, and watches the objects that are made while the logger is enabled
for DEBUG. So a program that does not log pays nothing.
"""

from __future__ import annotations

from . import events as kinds
from .cutter import error_name
from .frame_list import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .events import Event

#: Characters of debug data that are told.
MAX_DEBUG = 200


class LogLines:
    """Logs the events of one object's connections. Any thread."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        #: of open connections: the name of the server, and what TLS agreed on
        self._names: dict[int, str] = {}
        self._tls: dict[int, kinds.TLSDone] = {}

    def __call__(self, event: Event) -> None:
        """Log an event, if it is one of those that are told."""
        if isinstance(event, kinds.Opening):
            self._names[event.connection] = event.address
        elif isinstance(event, kinds.TLSDone):
            self._tls[event.connection] = event
        else:
            words = self._words(event)
            if words:
                name = self._names.get(event.connection, "a server")
                self._logger.debug("connection %d to %s: %s", event.connection, name, words)
        if isinstance(event, kinds.Closed):
            self._names.pop(event.connection, None)
            self._tls.pop(event.connection, None)

    def _words(self, event: Event) -> str:
        """Return what is logged of an event, or "" if that is nothing."""
        if isinstance(event, kinds.Opened):
            return f"opened: {self._agreed(event)}"
        if isinstance(event, kinds.Fallback):
            return f"HTTP/1.1 is spoken with {event.host}: {event.why}"
        if isinstance(event, kinds.Goaway):
            debug = shown(event.debug[:MAX_DEBUG].decode("utf-8", "replace"))
            return (
                f"{side_of(event)} said GOAWAY with {error_name(event.error_code)}, last stream"
                f" {event.last_stream}{f' ({debug})' if debug else ''}"
            )
        if isinstance(event, kinds.Cancel):
            if event.error_code is None:
                return f"{side_of(event)} gave a response up"
            code = error_name(event.error_code)
            return f"{side_of(event)} reset stream {event.stream} with {code}"
        if isinstance(event, kinds.Retry):
            request = f"{event.method} {shown(event.path)}"
            return f"{request} goes out again, attempt {event.attempt}: {event.why}"
        if isinstance(event, kinds.Timeout):
            return event.why
        if isinstance(event, kinds.Closed):
            return f"closed: {event.why}"
        return ""

    def _agreed(self, event: kinds.Opened) -> str:
        tls = self._tls.get(event.connection)
        if tls is None:
            return f"{event.protocol}, in cleartext"
        words = f"{event.protocol}, {tls.version}, {tls.cipher}, ALPN {tls.alpn or 'chose nothing'}"
        if tls.resumed:
            words += ", resumed"
        if tls.round_trip is not None:
            words += f", round trip {1000 * tls.round_trip:.1f} ms"
        return words


def side_of(event: kinds.Goaway | kinds.Cancel) -> str:
    """Return in words who did it."""
    return "the server" if event.by_peer else "this side"
