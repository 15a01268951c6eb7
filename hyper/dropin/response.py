"""The response that ``getresponse`` returns over HTTP/2."""

from __future__ import annotations

import email.message
from http.client import HTTPMessage, responses

from ..client.response import HTTP20Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from _typeshed import WriteableBuffer

    from ..client.exchange import Exchange

#: Names as servers write them in HTTP/1.1, where capitals do not follow the rule.
SPELLINGS = {
    "content-md5": "Content-MD5",
    "dnt": "DNT",
    "etag": "ETag",
    "te": "TE",
    "www-authenticate": "WWW-Authenticate",
    "x-xss-protection": "X-XSS-Protection",
}


def spelled(name: str) -> str:
    """A field name with the capitals that scripts know from HTTP/1.1."""
    return SPELLINGS.get(name) or name.title()


class DropinResponse(HTTP20Response):
    """A response over HTTP/2 that behaves as ``http.client.HTTPResponse`` does.

    Its attributes may be set, as urllib.request does.  Its headers are an ``HTTPMessage``.  Its
    content is never decoded.
    """

    reason: Any = ""
    #: an interruption after a read must not lose its octets: the question comes amid it
    _is_watched = True

    def __init__(self, exchange: Exchange, end_if_dropped: Callable[[], None]) -> None:
        super().__init__(exchange, decode_content=False)
        #: asks its connection, after each read, whether this was the last thing wanted of it
        self._end_if_dropped = end_if_dropped
        self._message: Any = None
        self._msg: Any = None
        self.reason = responses.get(self.status, "")

    @property
    def headers(self) -> Any:
        """The header section, an ``http.client.HTTPMessage``."""
        message = self._message
        if message is None:
            message = self._message = _message(self._head.fields)
        return message

    @headers.setter
    def headers(self, message: Any) -> None:
        self._message = message

    @property
    def msg(self) -> Any:
        """The header section, until a script sets this to something else."""
        return self.headers if self._msg is None else self._msg

    @msg.setter
    def msg(self, msg: Any) -> None:
        self._msg = msg

    def info(self) -> Any:
        """The header section, as urllib's users ask for it."""
        return self.headers

    def getheader(self, name: str, default: Any = None) -> Any:
        """The values of one field, joined by commas; default if there is none.

        A default that can be iterated, and is not text, is joined as well.
        """
        values = self.headers.get_all(name) or default
        if isinstance(values, str) or not hasattr(values, "__iter__"):
            return values
        return ", ".join(values)

    def getheaders(self) -> list[tuple[str, str]]:
        """All (name, value) pairs, duplicates included."""
        return list(self.headers.items())

    @property
    def informational(self) -> list[tuple[int, Any]]:
        """Interim responses that came before, as (status, headers), oldest first."""
        return [
            (head.status, _message(head.fields)) for head in self._exchange.stream.informational
        ]

    @property
    def length(self) -> int | None:
        """Octets of content not yet read, by content-length; None without that field."""
        remaining = super().length
        return None if remaining is None else remaining + self._held_size

    def print_head(self) -> None:
        """Print it as http.client does where ``debuglevel`` asks for that."""
        print("reply:", repr(f"HTTP/2 {self.status} {self.reason}\r\n"))  # noqa: T201 - asked for
        for name, value in self.headers.items():
            print("header:", f"{name}:", value)  # noqa: T201 - asked for

    def begin(self, *, _max_headers: int | None = None) -> None:
        """Do nothing: http.client reads the header section here; hyper has read it already."""

    def read1(self, n: int = -1) -> bytes:
        """Octets that have been received, at most n; waits at most once."""
        return super().read1(n)

    def readinto(self, b: WriteableBuffer) -> int:
        """Fill a writable buffer; returns fewer octets than it holds only at the end."""
        return super().readinto(b)

    def peek(self, n: int = -1) -> bytes:
        """Octets that have been received, without taking them; b"" only at the end."""
        return super().peek(n)

    def _require_open(self) -> None:
        """Do nothing: reading a closed response of http.client's returns b"" instead of raising."""

    def __iter__(self) -> DropinResponse:
        """The lines of the content; of a closed response there are none."""
        return self  # io.IOBase's raises ValueError once it is closed; http.client's does not

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _take(self, amt: int | None) -> bool:
        try:
            return super()._take(amt)
        finally:
            self._end_if_dropped()

    def _read_rest(self) -> bytes:
        try:
            return super()._read_rest()
        finally:
            self._end_if_dropped()

    def close(self) -> None:
        """Drop what was not read; a stream that has not ended is reset (RFC 9113, 5.4.2)."""
        self._is_finished = True
        super().close()
        self._end_if_dropped()


def _message(fields: tuple[tuple[bytes, bytes], ...]) -> HTTPMessage:
    message = HTTPMessage()
    message.set_payload("")  # as http.client's parser does: get_payload() is text
    for name, value in fields:
        # add_header does the same, and looks for parameters, which are not here.
        email.message.Message.__setitem__(
            message, spelled(name.decode("latin-1")), value.decode("latin-1")
        )
    return message
