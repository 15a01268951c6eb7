"""HTTP/2 on a socket that http.client has opened: what the drop-in classes stand on.

``Session`` is an ``HTTP20Connection`` of one connection only: it never dials.  ``Request`` is one
that was sent there; ``SocketView`` is what the script sees as ``conn.sock``; ``Response`` is what
``getresponse`` gives.  They behave as http.client's do when their connection is closed or dropped
early: a response that was fetched is read to its end, and the session ends after it.
"""

from __future__ import annotations

import contextlib
import email.message
import re
from http.client import HTTPMessage, responses

from ..client.connection import HTTP20Connection
from ..client.exchange import Exchange
from ..client.pumps import Pumps, raise_refusal
from ..client.request_head import RequestHead
from ..client.response import HTTP20Response
from ..errors import LocalProtocolError, RemoteDisconnected
from ..protocol import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from typing import Any

    from ..client.content import Octets
    from ..pump.pump import Pump
    from ..transport import Transport
    from .chunked import Unchunker

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


#: How a field value goes on in the next line of HTTP/1.1 (RFC 9112, 5.2).
FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")


class Written:
    """A request as http.client has put it together, line by line, and what the lines say.

    method, url; given: its fields, checked; is_chunked: whether its content is to come in the
    chunked coding (the field that says so is left out).
    """

    __slots__ = ("given", "is_chunked", "lines", "method", "url")

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        method, _, rest = lines[0].partition(b" ")
        self.method, self.url = method.decode(), rest.rpartition(b" ")[0].decode()
        self.is_chunked = False
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            lower = name.lower()
            if lower == b"transfer-encoding":
                self.is_chunked = b"chunked" in value.lower()
            else:
                # The values of one putheader stand in lines of their own, after a tab.
                value = FOLD.sub(b" ", value.strip().replace(b"\r\n\t", b", "))
                headers.append((lower, value))
        self.given = messages.request_fields(headers)


class SessionEnded(RemoteDisconnected):
    """The connection has ended before a request went out: it may go out on another."""


class Session(HTTP20Connection):
    """HTTP/2 on one connection, from its preface to its end. Any thread."""

    def __init__(
        self, host: str, port: int, transport: Transport, *, secure: bool, **options: Any
    ) -> None:
        super().__init__(
            host, port, enable_push=False, secure=secure, decode_content=False, **options
        )
        self._pumps = Pumps(_refuse, self._timeouts, host)
        self._pumps.current = self._route.begin(transport, ())
        #: the script has closed or dropped the connection; what it has fetched is still read
        self._is_dropped = False

    @property
    def is_open(self) -> bool:
        """Whether a request may go out here; looks at what the peer has said meanwhile."""
        pump = self._pumps.current
        assert pump is not None  # it is there from the beginning
        with pump.lock:
            pump.look()
        return pump.endpoint.accepts_requests and not (pump.is_closed or self._is_dropped)

    def begin(self, written: Written, *, ends: bool) -> Exchange:
        """Send the header section of a request that http.client wrote, Host among its fields.

        Raises SessionEnded where nothing was sent.
        """
        method, given = written.method, written.given
        section = messages.request_section(method, written.url, self._route.origin, given, ())
        return self._open(RequestHead(method, section, given.content_length, is_whole=ends))

    def raise_refusal(self) -> None:
        """Raise what ended the session, if it was TLS: the next one would end the same way."""
        if self._pumps.current is not None:
            raise_refusal(self._pumps.current)

    def take_over(self, method: str, octets: bytes) -> Exchange:
        """Stream 1 of a connection that was upgraded; octets were received already."""
        pump = self._pumps.live()
        with pump.lock:
            stream = pump.endpoint.adopt_upgraded(method, self._route.origin.pseudo)
            pump.put(octets)
            pump.drain(self._timeouts.remaining())
        return Exchange(pump, stream, self._timeouts)

    def response_to(self, exchange: Exchange) -> Response:
        """Wait for the response to a request."""
        try:
            exchange.await_head()
        except ConnectionResetError as error:
            if isinstance(error, RemoteDisconnected):
                raise
            # "RemoteDisconnected: the remote end closed before it answered" is what scripts, and
            # xmlrpc.client and urllib3, know; a peer that broke the rules is told as it is.
            raise RemoteDisconnected(str(error)) from error
        return Response(self, exchange)

    def drop(self) -> None:
        """The script needs the connection no more: end it after what it has fetched."""
        self._is_dropped = True
        self.end_if_dropped()

    def end_if_dropped(self) -> None:
        """Close a dropped session that has received the last it was to receive."""
        pump = self._pumps.current
        if self._is_dropped and pump is not None and not pump.endpoint.streams:
            self.close()

    def __del__(self) -> None:
        # Whoever could hold its locks would hold the session too.
        with contextlib.suppress(Exception):
            self.close()


def _refuse(_timeout: float | None) -> Pump:
    """Raise SessionEnded, where another connection would be dialled."""
    raise SessionEnded("Remote end closed connection without response")


class Request:
    """A request on its way, until its response is fetched. One thread at a time.

    unchunker: takes off the chunked coding in which the content comes, or None.
    """

    __slots__ = ("_exchange", "_unchunker", "again", "session")

    def __init__(self, session: Session, exchange: Exchange, unchunker: Unchunker | None) -> None:
        self.session = session
        self._exchange = exchange
        self._unchunker = unchunker
        #: its lines and its content, where it could be sent again
        self.again: tuple[list[bytes], Any] | None = None

    def send_all(self, pieces: Iterable[Octets]) -> None:
        """Send the whole content, and the end of the request."""
        if self._unchunker is None:
            self._exchange.send_all(pieces, ())
        else:
            self.send(pieces)

    def send(self, pieces: Iterable[Octets]) -> None:
        """Send some of the content; the end too, where the content says that it is whole."""
        exchange, unchunker = self._exchange, self._unchunker
        try:
            for piece in pieces:
                octets = piece if unchunker is None else unchunker.feed(piece)
                if len(octets):
                    exchange.send(octets, final=False)
            if unchunker is not None:
                if unchunker.is_finished:
                    exchange.end(messages.trailer_section(unchunker.trailers))
            elif exchange.content_length is not None and exchange.sent == exchange.content_length:
                exchange.end(())
        except BaseException:
            self.cancel()
            raise

    def response(self) -> Response:
        """End the request, if its content does not say that it is whole, and await the response."""
        if self._exchange.stream.request_is_open:
            if self._unchunker is not None and not self._unchunker.is_finished:
                raise LocalProtocolError(
                    "the last chunk of the request's content is missing (RFC 9112, 7.1); the"
                    " request was not completed"
                )
            self._exchange.end_if_open()
        return self.session.response_to(self._exchange)

    def cancel(self) -> None:
        """Have nobody wait for it."""
        self._exchange.cancel()


class SocketView:
    """The connection's socket as a script sees it: shared by all streams, and not to be read.

    Closing it drops the session; its timeout is that of each wait.  All else is the socket's.
    """

    def __init__(self, session: Session, sock: socket.socket) -> None:
        self._session = session
        self._sock = sock

    def settimeout(self, timeout: float | None) -> None:
        """Seconds that each wait may take, None for no limit."""
        self._session.timeout = timeout

    def gettimeout(self) -> float | None:
        """What ``settimeout`` was told."""
        timeout: float | None = self._session.timeout
        return timeout

    timeout = property(gettimeout)

    def setblocking(self, flag: bool) -> None:
        """As ``settimeout``: the socket itself must not block, ever."""
        self.settimeout(None if flag else 0.0)

    def close(self) -> None:
        """Drop the session, responses that were fetched excepted."""
        self._session.drop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __repr__(self) -> str:
        return f"<HTTP/2 on {self._sock!r}>"


class Response(HTTP20Response):
    """A response over HTTP/2 with the manners of ``http.client.HTTPResponse``.

    Attributes may be set, as urllib.request does; headers are an ``HTTPMessage``; content is
    never decoded.
    """

    reason: Any = ""

    def __init__(self, session: Session, exchange: Exchange) -> None:
        super().__init__(exchange, decode_content=False)
        self._session = session
        self._message: Any = None
        self._msg: Any = None
        self.reason = responses.get(self.status, "")

    @property
    def headers(self) -> Any:
        """The header section, as http.client shows it."""
        message = self._message
        if message is None:
            message = self._message = _message(self._head.fields)
        return message

    @headers.setter
    def headers(self, message: Any) -> None:
        self._message = message

    @property
    def msg(self) -> Any:
        """The header section too, until a script puts something else there."""
        return self.headers if self._msg is None else self._msg

    @msg.setter
    def msg(self, msg: Any) -> None:
        self._msg = msg

    def info(self) -> Any:
        """The header section, as urllib's users ask for it."""
        return self.headers

    def getheader(self, name: str, default: Any = None) -> Any:
        """The values of one field, joined by commas; else default (an iterable is joined)."""
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
        """Octets of content not yet read, by content-length, or None where it is not told."""
        remaining = super().length
        return None if remaining is None else remaining + self._held_size

    def begin(self) -> None:
        """Nothing: the head is there."""

    def isclosed(self) -> bool:
        """Whether all content was read, or the response closed."""
        return super().isclosed() or self._is_read()

    def _is_read(self) -> bool:
        # All that content-length announces was read; the end of the stream may be under way.
        return self.length == 0 and self._exchange.stream.failure is None

    def read1(self, n: int = -1) -> bytes:
        """Octets that are at hand, at most n, after one wait at most."""
        return super().read1(n)

    def readinto(self, b: Any) -> int:
        """Fill a writable buffer; fewer octets than it holds only at the end."""
        return super().readinto(b)

    def peek(self, n: int = -1) -> bytes:
        """Octets that are at hand, left where they are; b"" only at the end."""
        return super().peek(n)

    def _require_open(self) -> None:
        """Nothing: a closed response of http.client's is one at its end."""

    def _take(self, amt: int | None) -> bool:
        try:
            return super()._take(amt)
        finally:
            self._session.end_if_dropped()

    def _read_rest(self) -> bytes:
        try:
            return super()._read_rest()
        finally:
            self._session.end_if_dropped()

    def close(self) -> None:
        """Drop what was not read; only this stream is reset (CANCEL)."""
        self._is_finished = True
        super().close()
        self._session.end_if_dropped()


def _message(fields: tuple[tuple[bytes, bytes], ...]) -> HTTPMessage:
    message = HTTPMessage()
    for name, value in fields:
        # What add_header does, without its search for parameters.
        email.message.Message.__setitem__(
            message, spelled(name.decode("latin-1")), value.decode("latin-1")
        )
    return message
