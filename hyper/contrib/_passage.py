"""The way of a request through methods of http.client's that another program has wrapped.

Error trackers and tracers wrap ``putrequest``, ``getresponse`` and their like, note the request and
add fields to it. requests over HTTP/2 calls none of them, so each request is shown to them on a
connection of http.client's that has no server:

::

    putrequest, putheader, endheaders    the wrapped ones write lines into a sink
    getresponse                          the wrapped one calls ``begin`` of the response class here,
                                         which sends the fields of these lines over HTTP/2
"""

from __future__ import annotations

import operator

from ..dropin.bases import HTTPConnection, are_same
from ._replaced import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .. import HTTP20Response

    #: Sends a request with these fields, and waits for the header section of its response.
    Send = Callable[[list[tuple[str, str]]], HTTP20Response]

#: The methods by which a request and its response pass.
METHODS = ("putrequest", "putheader", "endheaders", "_send_output", "send", "getresponse")

_methods = operator.attrgetter(*METHODS)

#: The methods that were looked at last, and whether one of them was wrapped.
_seen: tuple[Any, bool] = ((None,), False)


def is_wrapped() -> bool:
    """True if a program has wrapped a method of http.client's by which requests pass."""
    global _seen
    methods = _methods(HTTPConnection)
    if not are_same(methods, _seen[0]):
        _seen = methods, not all(is_own(HTTPConnection, name) for name in METHODS)
    return _seen[1]


class _Sink:
    """A socket that keeps what is written."""

    def __init__(self) -> None:
        self.octets = bytearray()

    def sendall(self, octets: bytes) -> None:
        self.octets += octets

    def close(self) -> None:
        """Do nothing: there is no socket."""


class Passage(HTTPConnection):
    """A connection without a server, on which one request is shown to wrappers.

    Args:
        host, port: the server's, as the wrappers shall see it.
        send: sends the request with the fields that the wrappers have left.
    """

    default_port = 443  # wrappers take it for https

    def __init__(self, host: str, port: int | None, send: Send) -> None:
        super().__init__(host, port)
        self.response_class: Any = self._answer
        self._send_fields = send
        self._sink = _Sink()

    def connect(self) -> None:
        """Have a sink in the socket's place."""
        self.sock: Any = self._sink

    def exchange(self, method: str, url: str, fields: Iterable[tuple[str, str]]) -> HTTP20Response:
        """Show a request to the wrappers, send it, and return the response."""
        self.putrequest(method, url, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            self.putheader(name, value)
        self.endheaders()
        shown: _Answer = self.getresponse()  # type: ignore[assignment]
        assert shown.response is not None  # it has begun
        return shown.response

    def _answer(self, *_: Any, **__: Any) -> _Answer:
        return _Answer(lambda: self._send_fields(self._fields()))

    def _fields(self) -> list[tuple[str, str]]:
        lines = self._sink.octets.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name, value.strip()) for name, _, value in pairs]


class _Answer:
    """A response as wrappers of ``getresponse`` see it: its head, and no content."""

    will_close = chunked = False
    length = 0
    response: HTTP20Response | None = None

    def __init__(self, begin: Callable[[], HTTP20Response]) -> None:
        self._begin = begin

    def begin(self) -> None:
        """Send the request, and wait for the response's header section."""
        response = self.response = self._begin()
        self.status, self.reason = response.status, response.reason
        self.version, self.headers = response.version, response.headers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.response, name)

    def close(self) -> None:
        """Do nothing: whoever asked for the response closes it."""
