"""http.client's connections, which go HTTP/2 where the server does.

HTTP/1.1 is the standard library's own code.  These subclasses let it open the connection and put
the request together, with all its checks, defaults and hooks; then they look at what was agreed on.
Where that is HTTP/2, the request that lies in the buffer is translated and sent as a stream.

::

    putrequest, putheader ...      http.client's, into its buffer
    endheaders, send, getresponse  HTTP/1.1: http.client's
                                   HTTP/2:   Session (adopted.py)

The states are http.client's (Idle, Request-started, Request-sent), but for one thing: on HTTP/2 a
connection is idle again as soon as a header section is sent, so that further requests may go out
before the first response.  ``getresponse`` answers the oldest.
"""

from __future__ import annotations

import base64
import collections.abc
import functools
import http.client
import io
import sys
from collections import deque
from http.client import CannotSendHeader, CannotSendRequest, NotConnected, ResponseNotReady

from . import body as content
from .adopted import Session, SocketView
from .chunked import Unchunker
from .connection import OWN_SETTINGS
from .fields import FieldMap
from .protocol import frames
from .protocol.settings import SETTINGS_ENABLE_PUSH
from .transport.adopted import AdoptedTransport
from .transport.plain import PlainTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .exchange import Exchange

#: What is offered by ALPN, in the order of our liking: some servers take the first.
PROTOCOLS = ["h2", "http/1.1"]

#: Requests that have no content unless they say so: END_STREAM goes with their header section.
WITHOUT_CONTENT = frozenset((b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"))

#: http.client's own states.
IDLE, REQUEST_STARTED = "Idle", "Request-started"

#: Options of HTTP20Connection that a session on a socket of http.client's can take.
SESSION_OPTIONS = ("window_manager", "settings")


class HTTPResponse(http.client.HTTPResponse):
    """http.client's response, which keeps trailers and interim responses.

    trailers: the fields after a chunked body, once it was read (RFC 9112, 7.1.2).
    informational: (status, headers) of interim responses; http.client takes a 103 for final.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.trailers = FieldMap()
        self.informational: list[tuple[int, Any]] = []

    def _read_status(self) -> tuple[Any, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200 or status == 101:
                return version, status, reason
            headers = http.client.parse_headers(self.fp)
            self.informational.append((status, headers))

    def _read_and_discard_trailer(self) -> None:
        trailers = http.client.parse_headers(self.fp)
        self.trailers = FieldMap(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in trailers.items()
        )

    def gettrailer(self, name: str, default: Any = None) -> Any:
        """The values of one trailer field, joined by commas; else default."""
        value = self.trailers.joined(name)
        return default if value is None else value

    def gettrailers(self) -> list[tuple[str, str]]:
        """All (name, value) pairs of the trailers."""
        return self.trailers.items()


functools.update_wrapper(HTTPResponse.__init__, http.client.HTTPResponse.__init__)


class _HTTP20OrElse(http.client.HTTPConnection):
    """What both drop-in classes share: HTTP/2 behind http.client's methods."""

    response_class = HTTPResponse

    def _prepare(self, options: dict[str, Any]) -> None:
        """Take the options that http.client does not know; TypeError for others."""
        self._session_options = {
            name: options.pop(name) for name in SESSION_OPTIONS if name in options
        }
        self._session: Session | None = None
        #: whether ``request`` is at work: then endheaders brings the whole of it
        self._is_whole = False
        #: requests whose responses nobody has fetched, oldest first
        self._awaited: deque[Exchange] = deque()
        self._unchunker: Unchunker | None = None

    @property
    def _state(self) -> str:
        # http.client keeps its state under a mangled name; only these lines know it.
        state: str = self._HTTPConnection__state
        return state

    @_state.setter
    def _state(self, state: str) -> None:
        self._HTTPConnection__state = state

    # -------------------------------------------------------------- connecting

    def _agreed(self) -> Any:
        """The transport for HTTP/2 on the socket, if that was agreed on."""
        alpn = getattr(self.sock, "selected_alpn_protocol", None)
        return AdoptedTransport(self.sock) if alpn and alpn() == "h2" else None  # type: ignore[arg-type]

    def _live_session(self) -> Session | None:
        """The HTTP/2 session of the moment, connecting if need be; None for HTTP/1.1."""
        session = self._session
        if session is not None and self.sock is not None and not session.is_open:
            self.close()  # the server has ended it between two requests
        if self.sock is None:
            if not self.auto_open:
                raise NotConnected
            self.connect()
        if not isinstance(self.sock, SocketView):
            self._session = None
            transport = self._agreed()
            if transport is not None:
                self._adopt(transport)
        return self._session

    def _adopt(self, transport: Any) -> Session:
        timeout = self.sock.gettimeout() if self.timeout is None else self.timeout
        host = self._tunnel_host or self.host  # type: ignore[attr-defined]
        port = self._tunnel_port if self._tunnel_host else self.port  # type: ignore[attr-defined]
        self._session = Session(
            host,
            port or self.default_port,
            transport,
            secure=self.default_port == http.client.HTTPS_PORT,
            timeout=timeout,
            **self._session_options,
        )
        self.sock = SocketView(self._session, self.sock)
        return self._session

    def close(self) -> None:
        """Close the connection; responses that were fetched over HTTP/2 can still be read."""
        self._session = None
        for exchange in self._awaited:
            exchange.cancel()
        self._awaited.clear()
        super().close()

    # ---------------------------------------------------------------- requests

    def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = {},  # noqa: B006 - http.client's signature; never written
        *,
        encode_chunked: bool = False,
    ) -> None:
        """Send a complete request to the server."""
        self._is_whole = True
        try:
            super().request(method, url, body, headers, encode_chunked=encode_chunked)
        finally:
            self._is_whole = False

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Send the header section, and message_body if there is one."""
        if self._state != REQUEST_STARTED:
            raise CannotSendHeader
        if self._live_session() is None:
            super().endheaders(message_body, encode_chunked=encode_chunked)
            return
        lines, is_whole = self._buffer[:], self._is_whole  # type: ignore[attr-defined]
        del self._buffer[:]  # type: ignore[attr-defined]
        self._state = IDLE
        self._begin(lines, message_body, is_whole=is_whole, is_raw=encode_chunked)

    def _begin(self, lines: list[bytes], body: Any, *, is_whole: bool, is_raw: bool) -> None:
        """Send what http.client has put together as a stream's header section.

        is_raw: the body comes without the chunked coding, which HTTP/2 does not have.
        """
        session = self._session
        assert session is not None  # the caller looked
        method, url = lines[0].rsplit(b" ", 1)[0].split(b" ", 1)
        headers = []
        is_chunked = False
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            lower = name.lower()
            if lower == b"transfer-encoding":
                is_chunked = b"chunked" in value.lower()
            else:
                # Several values of one putheader are folded lines in HTTP/1.1 (RFC 9112, 5.2).
                headers.append((lower, value.strip().replace(b"\r\n\t", b", ")))
        has_length = any(name == b"content-length" for name, _ in headers)
        is_empty = body is None and not is_chunked and not has_length
        ends = is_empty and (is_whole or method in WITHOUT_CONTENT)
        if self.debuglevel > 0:
            print("send:", repr(b"\r\n".join((*lines, b"", b""))))  # noqa: T201
        sys.audit("http.client.send", self, b"\r\n".join(lines))
        exchange = session.begin(method.decode(), url.decode(), headers, ends=ends)
        self._awaited.append(exchange)
        self._unchunker = Unchunker() if is_chunked and not is_raw else None
        if ends:
            return
        pieces = () if body is None else self._pieces(body)
        try:
            if is_whole and self._unchunker is None:
                exchange.send_all(pieces, (), session.limit())
            else:
                self._send_pieces(exchange, pieces)
        except BaseException:
            self._awaited.remove(exchange)
            raise

    def send(self, data: Any) -> None:
        """Send data of the request's content: octets, a file, an iterable of octets."""
        if self.sock is None and self._live_session() is None:
            super().send(data)
            return
        if not isinstance(self.sock, SocketView):
            super().send(data)
            return
        if not self._awaited:
            raise CannotSendRequest(self._state)
        self._send_pieces(self._awaited[-1], self._pieces(data))

    def _send_pieces(self, exchange: Exchange, pieces: Any) -> None:
        limit = self._session.limit() if self._session else None
        for piece in pieces:
            octets = piece if self._unchunker is None else self._unchunker.feed(piece)
            if octets:
                exchange.send(octets, final=False, limit=limit)
        if exchange.announced is not None and exchange.sent == exchange.announced:
            exchange.end((), limit)

    def _pieces(self, data: Any) -> Iterator[bytes]:
        """The octets of what http.client's ``send`` takes, in its own blocks."""
        if hasattr(data, "read"):
            is_text = isinstance(data, io.TextIOBase)
            while block := data.read(self.blocksize):
                piece = block.encode("iso-8859-1") if is_text else block
                sys.audit("http.client.send", self, piece)
                yield piece
            return
        sys.audit("http.client.send", self, data)
        try:
            whole = content.view(data) if not isinstance(data, str) else None
        except TypeError:
            whole = None
        if whole is not None:
            yield whole  # type: ignore[misc]
        elif isinstance(data, collections.abc.Iterable) and not isinstance(data, str):
            yield from data
        else:
            raise TypeError(
                f"data should be a bytes-like object or an iterable, got {type(data)!r}"
            )

    # --------------------------------------------------------------- responses

    def getresponse(self) -> Any:
        """The response to the oldest request not yet answered."""
        if self._session is None and not self._awaited:
            return super().getresponse()
        if self._state == REQUEST_STARTED or not self._awaited:
            raise ResponseNotReady(self._state)
        exchange = self._awaited[0]
        session = self._session
        assert session is not None  # close() clears both
        try:
            exchange.end_if_open(session.limit())
            response = session.response_to(exchange)
        except TimeoutError:
            raise
        except BaseException as error:
            self._awaited.popleft()
            if isinstance(error, ConnectionError) and not session.is_open:
                self.close()
            raise
        self._awaited.popleft()
        if self.debuglevel > 0:
            print("reply:", repr(f"HTTP/2 {response.status} {response.reason}\r\n"))  # noqa: T201
            for name, value in response.headers.items():
                print("header:", f"{name}:", value)  # noqa: T201
        return response


class HTTPSConnection(_HTTP20OrElse, http.client.HTTPSConnection):
    """http.client's HTTPSConnection; HTTP/2 where the server takes it by ALPN (RFC 9113, 3.2).

    The context's ALPN protocols are set to h2 and http/1.1.  Takes window_manager and settings
    of HTTP20Connection too.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._prepare(options)
        http.client.HTTPSConnection.__init__(self, *arguments, **options)

    def connect(self) -> None:
        """Connect, and agree with the server on a protocol."""
        self._context.set_alpn_protocols(PROTOCOLS)  # type: ignore[attr-defined]
        super().connect()


class HTTPConnection(_HTTP20OrElse):
    """http.client's HTTPConnection; HTTP/1.1 unless http2 says otherwise.

    http2: None; "prior": HTTP/2 at once (RFC 9113, 3.3); "upgrade": ask the server to change
    (RFC 7540, 3.2), and go on in HTTP/1.1 if it does not.
    """

    def __init__(self, *arguments: Any, http2: str | None = None, **options: Any) -> None:
        if http2 not in (None, "prior", "upgrade"):
            raise ValueError(f"http2 is None, 'prior' or 'upgrade', not {http2!r}")
        self._http2 = http2
        self._prepare(options)
        http.client.HTTPConnection.__init__(self, *arguments, **options)

    def _agreed(self) -> Any:
        if self._http2 == "prior":
            return PlainTransport(self.sock)
        return None

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Send the header section, and message_body if there is one."""
        if self._http2 == "upgrade" and self._session is None and self._state == REQUEST_STARTED:
            payload = frames.pack_settings({**OWN_SETTINGS, SETTINGS_ENABLE_PUSH: 0}.items())[
                frames.FRAME_HEADER_SIZE :
            ]
            self.putheader("Connection", "Upgrade, HTTP2-Settings")
            self.putheader("Upgrade", "h2c")
            self.putheader("HTTP2-Settings", base64.urlsafe_b64encode(payload).rstrip(b"="))
        super().endheaders(message_body, encode_chunked=encode_chunked)

    def getresponse(self) -> Any:
        """The response to the oldest request not yet answered."""
        response = super().getresponse()
        if self._http2 != "upgrade" or response.status != 101:
            return response
        # What follows the 101 is HTTP/2; some of it may already lie in the response's buffer.
        octets = response.fp.peek()
        method = self._method  # type: ignore[attr-defined]
        session = self._adopt(PlainTransport(self.sock))
        self._awaited.append(session.take_over(method, octets))
        return super().getresponse()


functools.update_wrapper(HTTPSConnection.__init__, http.client.HTTPSConnection.__init__)
