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

A session belongs to one connection.  When that ends, a new one is opened for the next request;
requests that were sent, and responses that were fetched, keep the session on which they are.
"""

from __future__ import annotations

import base64
import collections.abc
import functools
import http.client
import io
import socket
import sys
from collections import deque
from http.client import CannotSendHeader, CannotSendRequest, NotConnected, ResponseNotReady

from ..client import content
from ..client.route import OWN_SETTINGS
from ..errors import TimedOut
from ..http1 import HTTPResponse
from ..protocol import frames
from ..protocol.settings import SETTINGS_ENABLE_PUSH
from ..transport.tcp import PlainTransport
from ..transport.tls.alpn_context import ALPNContext, PyOpenSSLALPNContext
from ..transport.tls.context import init_context, is_pyopenssl
from ..transport.tls.policy import H2, PROTOCOLS, require_adequate
from ..transport.tls.ssl_socket import SSLSocketTransport
from .chunked import Unchunker
from .session import Request, Response, Session, SessionEnded, SocketView, Written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

    from .create_connection import CreateConnection

    Octets = content.Octets

#: Requests that have no content unless they say so: END_STREAM goes with their header section.
WITHOUT_CONTENT = frozenset(("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"))

#: http.client's own states.
IDLE, REQUEST_STARTED, REQUEST_SENT = "Idle", "Request-started", "Request-sent"

#: Options of HTTP20Connection that a session on a socket of http.client's can take.
SESSION_OPTIONS = ("window_manager", "unread_limit", "settings", "codec")

#: Requests whose lines are remembered, a few hundred octets each; cleared when full.
MAX_KNOWN = 64

#: "No timeout given", as http.client's signature says it.
DEFAULT_TIMEOUT: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]  # noqa: SLF001


HTTPResponse.register(Response)  # scripts ask isinstance


class _ProxyResponse(HTTPResponse):
    """The answer to CONNECT, read without a buffer: what is behind it belongs to the tunnel."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = sock.makefile("rb", buffering=0)


class HTTPConnection(http.client.HTTPConnection):
    """http.client's HTTPConnection; HTTP/1.1 unless http2 says otherwise.

    http2: None; "prior": HTTP/2 at once (RFC 9113, 3.3); "upgrade": ask the server to change
    (RFC 7540, 3.2), and go on in HTTP/1.1 if it does not.  Takes window_manager, settings,
    unix_socket and proxy of HTTP20Connection too; the proxy is one of http or SOCKS.  A subclass
    may bring a TLS socket; what ALPN says there is spoken.
    """

    response_class = HTTPResponse
    _http2: str | None = None

    def __init__(
        self,
        host: str,
        port: int | None = None,
        timeout: Any = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        blocksize: int = 8192,
        *,
        http2: str | None = None,
        **options: Any,
    ) -> None:
        if http2 not in (None, "prior", "upgrade"):
            raise ValueError(f"http2 is None, 'prior' or 'upgrade', not {http2!r}")
        self._http2 = http2
        way = self._prepare(options)
        super().__init__(host, port, timeout, source_address, blocksize, **options)
        if way is not None:
            self._create_connection = way

    def _prepare(self, options: dict[str, Any]) -> CreateConnection | None:
        """Take the options that http.client does not know; the way to the server among them."""
        self._session_options = {
            name: options.pop(name) for name in SESSION_OPTIONS if name in options
        }
        self._session: Session | None = None
        #: whether ``request`` is at work: then endheaders brings the whole of it
        self._is_whole = False
        #: requests whose responses nobody has fetched, oldest first
        self._awaited: deque[Request] = deque()
        #: what http.client wrote for requests without content, by all that decides it
        self._known: dict[Any, Written] = {}
        #: the key under which the request at work is to be remembered
        self._recording: Any = None
        unix_socket, proxy = options.pop("unix_socket", None), options.pop("proxy", None)
        self._is_through_proxy = proxy is not None
        if unix_socket is None and proxy is None:
            return None
        from .create_connection import create_connection_for  # not before: most go straight

        return create_connection_for(unix_socket, proxy)

    @property
    def _state(self) -> str:
        # http.client keeps its state under a mangled name; only these lines know it.
        state: str = self._HTTPConnection__state
        return state

    @_state.setter
    def _state(self, state: str) -> None:
        self._HTTPConnection__state = state

    # -------------------------------------------------------------- connecting

    def _live_session(self) -> Session | None:
        """The HTTP/2 session of the moment, connecting if need be; None for HTTP/1.1."""
        session = self._session
        if session is not None and not (isinstance(self.sock, SocketView) and session.is_open):
            self._detach_session()
        if self.sock is None:
            if not self.auto_open:
                raise NotConnected
            self.connect()
        if self._session is None:
            transport = self._agreed()
            if transport is not None:
                self._session = self._adopt(transport)
        return self._session

    def _detach_session(self) -> None:
        """Have no session any more; what was sent or fetched on it goes on."""
        # Not by close: a subclass's may forget the request that is being made, or the way to the
        # server, as urllib3's does.
        session, self._session = self._session, None
        if session is not None:
            session.drop()
        if isinstance(self.sock, SocketView):
            self.sock = None

    def _agreed(self) -> type[PlainTransport] | None:
        """The transport for HTTP/2 on the socket, if that was agreed on."""
        chosen = getattr(self.sock, "selected_alpn_protocol", None)
        if chosen is not None and chosen() == H2:
            if hasattr(self.sock, "cipher"):
                require_adequate(self.sock, self.host)
            return SSLSocketTransport
        return PlainTransport if self._http2 == "prior" else None

    def set_tunnel(self, host: str, port: int | None = None, headers: Any = None) -> None:
        """Have the host of the constructor, a proxy, open a tunnel to this one."""
        if self._is_through_proxy:
            raise ValueError(
                "the connection goes through a proxy already, the one of its proxy=, which opens"
                " the tunnel: give that or set_tunnel, not both"
            )
        super().set_tunnel(host, port, headers)

    def _tunnel(self) -> None:
        if self._http2 != "prior":
            super()._tunnel()  # type: ignore[misc]
            return
        # In cleartext the server speaks as soon as it is reached: its SETTINGS must not end in
        # the buffer of a response.
        given = self.response_class
        self.response_class = _ProxyResponse
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            self.response_class = given

    def _adopt(self, transport: type[PlainTransport]) -> Session:
        sock = self.sock
        timeout = sock.gettimeout()  # before the transport takes it away
        host, port = self.host, self.port
        if self._tunnel_host:  # type: ignore[attr-defined]
            host, port = self._tunnel_host, self._tunnel_port  # type: ignore[attr-defined]
        session = Session(
            host,
            port or self.default_port,
            transport(sock),
            secure=transport is SSLSocketTransport,
            timeout=timeout,
            **self._session_options,
        )
        self.sock = SocketView(session, sock)
        return session

    def close(self) -> None:
        """Close the connection; responses that were fetched over HTTP/2 can still be read."""
        for request in self._awaited:
            request.cancel()
        self._awaited.clear()
        self._detach_session()
        # Of a request that was begun and not sent, too, which http.client would mix with the next.
        self._buffer.clear()  # type: ignore[attr-defined]
        super().close()

    def __enter__(self) -> HTTPConnection:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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
        key = self._key(method, url, body, headers)
        known = self._known.get(key) if self._session else None
        if known is not None:
            self._send_again_as_known(known)
            return
        self._is_whole = True
        self._recording = key
        try:
            super().request(method, url, body, headers, encode_chunked=encode_chunked)
        finally:
            self._is_whole = False
            self._recording = None

    def _key(self, method: str, url: str, body: Any, headers: Any) -> Any:
        """All that decides what http.client writes for a request, where that can be told."""
        if body is not None or type(self) not in (HTTPConnection, HTTPSConnection):
            return None  # a subclass may write something of its own
        try:
            fields = tuple(headers.items())
            hash(fields)
        except (AttributeError, TypeError):
            return None
        tunnel = self._tunnel_host, self._tunnel_port  # type: ignore[attr-defined]
        return (method, url, fields, self.host, self.port, *tunnel)

    def _note(self, key: Any, written: Written) -> None:
        """Remember what http.client wrote, for the next request that is the same."""
        # Only of text: True and 1 are one key, and two values.
        if all(type(part) is str for field in key[2] for part in field):
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = written

    def _send_again_as_known(self, written: Written) -> None:
        """A request that http.client has written before, to the octet."""
        if self._state != IDLE:
            raise CannotSendRequest(self._state)
        self._method = written.method
        self._state = REQUEST_SENT  # as endheaders does
        self._is_whole = True
        try:
            if not self._begin_on_session(written, None, is_raw=False):
                self._buffer[:] = written.lines  # type: ignore[attr-defined]
                self._state = REQUEST_STARTED
                self.endheaders()
        finally:
            self._is_whole = False

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Send the header section, and message_body if there is one."""
        if self._state != REQUEST_STARTED:
            raise CannotSendHeader
        buffer: list[bytes] = self._buffer  # type: ignore[attr-defined]
        lines = buffer[:]
        buffer.clear()
        self._state = REQUEST_SENT  # as http.client, before it connects: whoever fails must close
        if self._begin_on_session(lines, message_body, is_raw=encode_chunked):
            return
        buffer[:] = lines
        self._state = REQUEST_STARTED
        if self._http2 == "upgrade":
            self._ask_for_upgrade()
        super().endheaders(message_body, encode_chunked=encode_chunked)

    def _begin_on_session(self, request: Written | list[bytes], body: Any, *, is_raw: bool) -> bool:
        """Send a request, or its lines, over HTTP/2; False where the server speaks HTTP/1.1.

        A connection on which others went before may end in this moment, by the server's GOAWAY:
        then the request goes out on the next.
        """
        while True:
            former = self._session
            session = self._live_session()
            if session is None:
                return False
            self._state = IDLE
            if isinstance(request, list):
                request = Written(request)
                if self._recording is not None:
                    self._note(self._recording, request)
            try:
                self._begin(session, request, body, is_raw=is_raw)
            except SessionEnded:
                if session is not former:
                    session.raise_refusal()
                    raise
                self._detach_session()
            else:
                return True

    def _begin(self, session: Session, written: Written, body: Any, *, is_raw: bool) -> None:
        """Send what http.client has put together as a stream's header section.

        is_raw: the body comes without the chunked coding, which HTTP/2 does not have.
        """
        length, is_chunked = written.given.content_length, written.is_chunked
        ends = body is None and not is_chunked and not length
        if length is None and not self._is_whole and written.method not in WITHOUT_CONTENT:
            ends = False  # content may follow by ``send``
        self._tell_sent(b"\r\n".join((*written.lines, b"", b"")))
        exchange = session.begin(written, ends=ends)
        request = Request(session, exchange, Unchunker() if is_chunked and not is_raw else None)
        if ends or (self._is_whole and not is_chunked and content.is_whole(body)):
            request.again = (written.lines, body)
        self._awaited.append(request)
        if ends:
            return
        try:
            pieces = () if body is None else self._pieces(body)
            if self._is_whole:
                request.send_all(pieces)
            else:
                request.send(pieces)
        except BaseException:
            self._awaited.remove(request)
            raise

    def send(self, data: Any) -> None:
        """Send data of the request's content: octets, a file, an iterable of octets."""
        if self.sock is None:
            self._live_session()
        if not isinstance(self.sock, SocketView):
            super().send(data)
        elif not self._awaited:
            raise CannotSendRequest(self._state)
        else:
            self._awaited[-1].send(self._pieces(data))

    def _pieces(self, data: Any) -> Iterator[Octets]:
        """The octets of what http.client's ``send`` takes, in its own blocks."""
        if hasattr(data, "read"):
            is_text = isinstance(data, io.TextIOBase)
            while block := data.read(self.blocksize):
                yield self._tell_sent(block.encode("iso-8859-1") if is_text else block)
        elif isinstance(data, str):
            raise TypeError("data should be a bytes-like object or an iterable, got <class 'str'>")
        elif content.is_whole(data):
            yield self._tell_sent(data)
        elif isinstance(data, collections.abc.Iterable):
            for piece in data:
                if isinstance(piece, str):
                    raise TypeError("a bytes-like object is required, not 'str'")
                yield self._tell_sent(piece)
        else:
            raise TypeError(
                f"data should be a bytes-like object or an iterable, got {type(data)!r}"
            )

    def _tell_sent(self, octets: Octets) -> Octets:
        """Tell whoever listens what goes out, as http.client does; returns it."""
        if self.debuglevel > 0:
            print("send:", repr(octets))  # noqa: T201
        sys.audit("http.client.send", self, octets)
        return octets

    # --------------------------------------------------------------- responses

    def getresponse(self) -> Any:
        """The response to the oldest request not yet answered."""
        if self._session is None and not self._awaited:
            first = super().getresponse()
            if first.status != 101 or first.getheader("Upgrade", "").lower() != "h2c":
                return first
            self._change_protocol(first)
        if self._state == REQUEST_STARTED or not self._awaited:
            raise ResponseNotReady(self._state)
        request = self._awaited[0]
        try:
            response = request.response()
        except BaseException as error:
            is_open = request.session.is_open
            if is_open and isinstance(error, TimedOut):
                raise  # it may still come
            self._awaited.popleft()
            request.cancel()
            if request.session is self._session and not is_open:
                self._detach_session()
            if not self._repeat(request, error):
                raise
            return HTTPConnection.getresponse(self)  # not a subclass's, which has begun already
        self._awaited.popleft()
        if self.debuglevel > 0:
            print("reply:", repr(f"HTTP/2 {response.status} {response.reason}\r\n"))  # noqa: T201
            for name, value in response.headers.items():
                print("header:", f"{name}:", value)  # noqa: T201
        return response

    def _repeat(self, request: Request, error: BaseException) -> bool:
        """Send a request again, once, where the server guarantees that it did not look at it.

        A GOAWAY that a request has crossed on its way says so (RFC 9113, 8.7): a server that ends
        an idle connection, of which http.client's users never hear.
        """
        is_safe = getattr(error.__cause__, "retryable", False)
        if not (is_safe and request.again and self.auto_open) or self._awaited:
            return False
        lines, body = request.again
        self._buffer[:] = lines  # type: ignore[attr-defined]
        self._state = REQUEST_STARTED
        self._is_whole = True
        try:
            HTTPConnection.endheaders(self, body)
        finally:
            self._is_whole = False
        for repeated in self._awaited:
            repeated.again = None
        return True

    # ------------------------------------------------------- the way by Upgrade

    def _ask_for_upgrade(self) -> None:
        """Offer to go on in HTTP/2, unless the script has other plans for the connection."""
        names = [line.partition(b":")[0].lower() for line in self._buffer]  # type: ignore[attr-defined]
        if b"connection" in names or b"upgrade" in names:
            return
        settings = {**OWN_SETTINGS, SETTINGS_ENABLE_PUSH: 0}
        payload = frames.pack_settings(settings.items())[frames.FRAME_HEADER_SIZE :]
        self.putheader("Connection", "Upgrade, HTTP2-Settings")
        self.putheader("Upgrade", "h2c")
        self.putheader("HTTP2-Settings", base64.urlsafe_b64encode(payload).rstrip(b"="))

    def _change_protocol(self, response: Any) -> None:
        """Go on in HTTP/2 behind a 101; the request becomes that of stream 1."""
        session = self._session = self._adopt(PlainTransport)
        # Frames may have come in the same read as the 101: they lie in the response's buffer. The
        # socket does not block any more, so that peek gives what is there, and all of it.
        octets = response.fp.peek()
        response.close()
        exchange = session.take_over(self._method, octets)
        self._awaited.append(Request(session, exchange, None))


class HTTPSConnection(HTTPConnection, http.client.HTTPSConnection):
    """http.client's HTTPSConnection; HTTP/2 where the server takes it by ALPN (RFC 9113, 3.2).

    context: an ssl.SSLContext, whose ALPN protocols are set to h2 and http/1.1, or an
    OpenSSL.SSL.Context; None: http.client's own, or with HYPER_TLS=pyopenssl in the environment
    hyper's of that kind.  Takes window_manager, settings, unix_socket and proxy of HTTP20Connection
    too; the proxy is one of http or SOCKS.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        way = self._prepare(options)
        context = options.get("context")
        if context is None and is_pyopenssl():
            context = init_context()
        if context is not None and not hasattr(context, "wrap_socket"):
            options["context"] = PyOpenSSLALPNContext(context, PROTOCOLS)
        # http.client's own, which is next in line: not looked up by name, for a script may have put
        # this very class in its place.
        super(HTTPConnection, self).__init__(*arguments, **options)
        if way is not None:
            self._create_connection = way

    def connect(self) -> None:
        """Connect, and agree with the server on a protocol."""
        given = self._context  # type: ignore[has-type]
        if isinstance(given, ALPNContext):
            super().connect()
            return
        self._context = ALPNContext(given, PROTOCOLS)
        try:
            super().connect()
        finally:
            self._context = given


functools.update_wrapper(HTTPSConnection.__init__, http.client.HTTPSConnection.__init__)
