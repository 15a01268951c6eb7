"""The parts of the integration of requests: one request, its content, and urllib3's response."""

from __future__ import annotations

import io
import socket
from contextlib import suppress

from urllib3.response import HTTPResponse
from urllib3.util import Timeout
from urllib3.util.request import SKIP_HEADER, SKIPPABLE_HEADERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from .. import HTTP20Response

#: Octets that are read at a time from a text file, whose text is then coded.
READ_SIZE = 64 * 1024


def _skipped(headers: list[tuple[str, str]]) -> set[str]:
    """Return the names in lower case of fields that are not to be sent: urllib3's SKIP_HEADER.

    Raises ValueError for one that nobody would add.
    """
    names = {_text(name).lower() for name, value in headers if value == SKIP_HEADER}
    if not names <= SKIPPABLE_HEADERS:
        raise ValueError(
            f"SKIP_HEADER cannot be used for {', '.join(sorted(names - SKIPPABLE_HEADERS))}: it"
            f" keeps urllib3 from adding {', '.join(sorted(SKIPPABLE_HEADERS))}"
        )
    return names


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


class Response(HTTPResponse):
    """urllib3's response, whose streams give what has come, as they do of chunked HTTP/1.1."""

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        """Iterate the content: what has come, at most amt octets at a time; None for no limit.

        A response with a content-length gives blocks of amt octets, as over HTTP/1.1.
        """
        if "content-length" in self.headers or not hasattr(self, "read1"):  # urllib3 2.0 has none
            yield from super().stream(amt, decode_content)
            return
        while amt != 0:
            octets = self.read1(amt, decode_content)
            if not octets:
                return
            yield octets


class Exchange:
    """One request, which may be sent several times."""

    def __init__(
        self,
        method: str,
        url: str,
        content: Content,
        headers: Mapping[str, str],
        timeout: Any,
        options: dict[str, Any],
    ) -> None:
        self.method = method
        self.url = url
        self.content = content
        #: pairs, each one asked for once: requests' mapping is slow
        self.headers = list(headers.items())
        #: fields that nobody may add
        self.skipped = _skipped(self.headers)
        if self.skipped:
            self.headers = [field for field in self.headers if field[1] != SKIP_HEADER]
        self._timeout = timeout
        #: keyword arguments of urllib3's response
        self.options = options

    def timeout(self) -> Timeout:
        """urllib3's Timeout for one attempt, started."""
        given = self._timeout
        timeout = given.clone() if isinstance(given, Timeout) else Timeout.from_float(given)
        timeout.start_connect()
        return timeout


class Content:
    """A request's content, and whether it can be sent again."""

    def __init__(self, given: Any) -> None:
        # Text in UTF-8, as urllib3 sends it. Elsewhere in hyper it is latin-1, as in http.client.
        self.given: Any = given.encode() if isinstance(given, str) else given
        self._is_taken = False
        self._position: int | None = None
        if hasattr(given, "read"):
            with suppress(AttributeError, OSError, ValueError):
                self._position = given.tell()

    def take(self) -> Any:
        """The content, as hyper sends it; some of it may be consumed from now on."""
        self._is_taken = True
        given = self.given
        if isinstance(given, io.TextIOBase):
            return (text.encode() for text in iter(lambda: given.read(READ_SIZE), ""))
        if given is None or hasattr(given, "read") or _is_octets(given):
            return given
        if iter(given) is given:
            return _encoded(given)
        return lambda: _encoded(given)  # called for each sending (RFC 9113, 8.7)

    def rewind(self) -> bool:
        """Go back to the beginning; returns False if that is impossible."""
        if not self._is_taken or self.given is None or _is_octets(self.given):
            return True
        if hasattr(self.given, "read"):
            if self._position is None:
                return False
            try:
                self.given.seek(self._position)
            except (AttributeError, OSError, ValueError):
                return False
            return True
        return iter(self.given) is not self.given  # a list can be iterated again, a generator not


def _encoded(pieces: Any) -> Any:
    return (piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def _is_octets(given: Any) -> bool:
    return isinstance(given, (bytes, bytearray, memoryview))


def seconds_of(timeout: Any) -> float | None:
    # urllib3 has an object that stands for the default, as http.client has.
    if timeout is None or isinstance(timeout, (int, float)):
        return timeout
    return socket.getdefaulttimeout()


def as_urllib3(response: HTTP20Response, pool: object, exchange: Exchange) -> HTTPResponse:
    """urllib3's response around one of hyper's; urllib3's decodes the content if asked to."""
    message = Response(
        body=response,
        headers=response.getheaders(),  # urllib3 takes pairs
        status=response.status,
        version=response.version,
        reason=response.reason,
        original_response=response,  # has the methods of http.client's that urllib3 calls
        pool=pool,
        request_method=exchange.method,
        request_url=exchange.url,
        **exchange.options,
    )
    message.version_string = "HTTP/2"
    return message
