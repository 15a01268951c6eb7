"""http.client's connections, which speak HTTP/2 where the server does.

HTTP/1.1 is the standard library's own code.  These subclasses let it open the connection and put
the request together, with all its checks, defaults and hooks.  Then they look at the protocol that
was agreed on.  On HTTP/2, what http.client writes to the socket goes to a ``SocketView``, which
sends it on a stream.

::

    putrequest, putheader, endheaders    http.client's, into its buffer
    _send_output, send                   http.client's on HTTP/1.1; here a stream on HTTP/2
    getresponse                          http.client's on HTTP/1.1; here the oldest stream's

A ``SocketConnection`` (session) belongs to one socket.  The next request opens a new one when that
ends.  Requests that were sent, and responses that were fetched, keep theirs.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from http.client import NotConnected, ResponseNotReady

from ..client.pumps import CLOSED, closed_error
from ..client.replay import Attempts
from ..client.timeouts import NOT_GIVEN, checked
from ..errors import HTTP20Error, LocalProtocolError, RemoteDisconnected
from ..foundation.memo import Memo
from ..http1 import HTTPResponse, UnbufferedResponse
from ..transport.tcp import PlainTransport
from ..transport.tls.alpn_context import ALPNContext, PyOpenSSLALPNContext
from ..transport.tls.context import init_context, is_pyopenssl
from ..transport.tls.policy import H2, HTTP_1_1, PROTOCOLS, require_adequate
from ..transport.tls.ssl_socket import SSLSocketTransport
from . import bases, watched, wrapped
from .arguments import Blocksize, checked_path, dns_names, fault_of, host_name, judged, port_number
from .response import DropinResponse
from .session import PendingRequest, SessionEnded, SocketConnection, pieces, session_options
from .socket_view import SocketView
from .states import HAS_STREAM, REQUEST_SENT, REQUEST_STARTED, STATES
from .upgrade import accepts_upgrade, requires_http1, upgrade_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client
    from typing import Any

    from typing_extensions import Self

    from .create_connection import CreateConnection
    from .request_lines import RequestLines

#: Requests whose lines are remembered, a few hundred octets each; cleared when full.
MAX_KNOWN = 64

HTTPResponse.register(DropinResponse)  # scripts ask isinstance


class HTTPConnection(bases.HTTPConnection):
    """http.client's HTTPConnection; HTTP/1.1 unless http2 says otherwise.

    A subclass may bring a TLS socket: the protocol that ALPN chose there is spoken.

    Args:
        host, port, timeout, source_address, blocksize: as http.client has them.
        http2: "prior" for HTTP/2 at once (RFC 9113, 3.3), "upgrade" to ask for it (RFC 7540, 3.2).
        replay: whether requests that the server has not processed go out again (RFC 9113, 8.7).
        options: window_manager, unread_limit, settings, codec, keepalive (over HTTP/2), trace,
            unix_socket, proxy (http or SOCKS) and resolve of HTTP20Connection.

    Raises:
        ValueError: `http2` is something else.
    """

    response_class: type[http.client.HTTPResponse] = HTTPResponse
    _http2: str | None = None
    blocksize: Any = Blocksize()
    _validate_path = checked_path
    #: True while a wrapper of http.client's ``getresponse`` is at work; while CONNECT is written
    is_passing = is_tunnelling = False

    def __new__(cls, *arguments: Any, **options: Any) -> Self:  # noqa: D102 - as __init__
        return bases.made(cls, arguments, options, is_own=cls is HTTPConnection)

    def __init__(
        self,
        host: str,
        port: int | None = None,
        timeout: float | None = NOT_GIVEN,
        source_address: tuple[str, int] | None = None,
        blocksize: int = 8192,
        *,
        http2: str | None = None,
        **options: Any,
    ) -> None:
        if http2 not in (None, "prior", "upgrade"):
            raise ValueError(f"http2 is None, 'prior' or 'upgrade', not {http2!r}")
        self._http2 = http2
        create_connection = self._prepare(options)
        super().__init__(host, port, timeout, source_address, blocksize, **options)
        self._check_arguments()
        if create_connection is not None:
            self._create_connection = create_connection

    def _prepare(self, options: dict[str, Any]) -> CreateConnection | None:
        """Take the options that http.client does not know; returns what is to open the socket."""
        self._session_options = session_options(options)
        self._session: SocketConnection | None = None
        self._awaited: deque[PendingRequest] = deque()  # responses not fetched yet, oldest first
        #: what http.client wrote for requests without content, by all that decides it
        self._known: Memo[Any, RequestLines] = Memo(MAX_KNOWN)
        #: (key in _known or None,) while ``request`` is at work: all content comes with endheaders
        self._whole_request: tuple[Any] | None = None
        if not bases.TAKES_MAX_RESPONSE_HEADERS:
            options.pop("max_response_headers", None)
        way = {name: options.pop(name, None) for name in ("unix_socket", "proxy", "resolve")}
        self._is_through_proxy = way["proxy"] is not None
        self._replays: bool = options.pop("replay", True)  # unprocessed requests go out again
        self._offers_upgrade = False  # True if the latest request has offered to go on in HTTP/2
        #: the thread that has closed it while responses were awaited, until the next request
        self._closed_by: int | None = None
        self._closings = 0  # how often it was closed
        #: the protocols that are offered by ALPN; HTTP/2 goes when the server asks for HTTP/1.1
        self._offered = list(PROTOCOLS)
        if not any(each is not None for each in way.values()):
            return None
        from .create_connection import create_connection_for  # late: most connections need none

        return create_connection_for(**way)

    @property
    def is_http1_required(self) -> bool:
        """True if the server has asked for HTTP/1.1, by HTTP_1_1_REQUIRED (RFC 9113, 7).

        It may be set before a connection is opened, where that is known already.
        """
        return H2 not in self._offered

    @is_http1_required.setter
    def is_http1_required(self, is_required: bool) -> None:
        self._offered[:] = (HTTP_1_1,) if is_required else PROTOCOLS

    def _get_hostport(self, host: Any, port: Any) -> Any:
        # http.client's constructors and set_tunnel call it, and its words would show a password.
        return judged(*super()._get_hostport(host_name(host), port))  # type: ignore[misc]

    def _check_arguments(self) -> None:
        self.port: Any = port_number(self.port)

    @property
    def _state(self) -> str:
        # http.client keeps its state under a mangled name; only these lines know it.
        state: str = self._HTTPConnection__state
        return state

    def _step(self, call: str) -> None:
        """Do what the table says for a call: change the state, or raise. The only writer."""
        after = STATES[call][self._state]
        if not isinstance(after, str):
            raise after(self._state)
        self._HTTPConnection__state = after

    def _step_to_sent(self) -> None:
        """Do to the state what http.client's methods do while they write a request."""
        self._step("putrequest")
        self._step("endheaders")

    def connect(self) -> None:
        """Connect; raises ValueError for a timeout that is no time, before there is a socket."""
        checked("timeout", self.timeout)
        with watched.connecting(self, self._session_options):
            super().connect()

    def _live_session(self) -> SocketConnection | None:
        """The present HTTP/2 session, connecting if need be; None for HTTP/1.1."""
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
        # ``close`` would not do: a subclass's may forget the request that is being made, or the
        # tunnel to the server, as urllib3's does.
        session, self._session = self._session, None
        if session is not None:
            session.drop()
        if isinstance(self.sock, SocketView):
            self.sock = None

    def _agreed(self) -> type[PlainTransport] | None:
        """The transport for HTTP/2 on the socket; None if HTTP/1.1 was agreed on."""
        chosen = getattr(self.sock, "selected_alpn_protocol", None)
        if chosen is not None and chosen() == H2:
            if hasattr(self.sock, "cipher"):
                require_adequate(self.sock, self.host)
            return SSLSocketTransport
        return PlainTransport if self._http2 == "prior" and not self.is_http1_required else None

    def set_tunnel(self, host: str, port: int | None = None, headers: Any = None) -> None:
        """Reach this host through a tunnel; the constructor's host is the proxy that opens it."""
        if self._is_through_proxy:
            raise ValueError(
                "the connection goes through a proxy already, the one of its proxy=, which opens"
                " the tunnel: give that or set_tunnel, not both"
            )
        with dns_names(host):
            super().set_tunnel(host, port, headers)

    @wrapped.shown_refusals
    def _tunnel(self) -> None:
        if self._http2 != "prior":
            super()._tunnel()  # type: ignore[misc]
            return
        # In cleartext the server sends SETTINGS as soon as it is reached: they must not end up in
        # the buffer of the proxy's response.
        with wrapped.making(self, UnbufferedResponse):
            super()._tunnel()  # type: ignore[misc]

    def _adopt(self, transport: type[PlainTransport]) -> SocketConnection:
        sock = self.sock
        timeout = sock.gettimeout()  # before the transport takes it away
        host, port = self.host, self.port
        if self._tunnel_host:  # type: ignore[attr-defined]
            host, port = self._tunnel_host, self._tunnel_port  # type: ignore[attr-defined]
        number = port_number(port) or self.default_port
        self.sock: Any = None  # if it raises, the socket is closed
        session = SocketConnection(
            host,
            number,
            transport(sock),
            secure=transport is SSLSocketTransport,
            replays=self._replays and bool(self.auto_open),
            timeout=timeout,
            **self._session_options,
        )
        self.sock = SocketView(session, sock)
        return session

    def close(self) -> None:
        """Close the connection; responses that were fetched over HTTP/2 can still be read."""
        awaited, self._awaited = self._awaited, deque()
        self._closings += 1
        if awaited:
            self._closed_by = threading.get_ident()
        for request in awaited:
            request.discard()
            watched.give_up(request, None)
        self._detach_session()
        # http.client would put the lines of a request that was never sent before the next one.
        self._buffer.clear()  # type: ignore[attr-defined]
        super().close()

    def __enter__(self) -> HTTPConnection:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        try:
            known = self._known.get(key) if self._session else None
        except BytesWarning:  # python -bb: text and octets have one hash
            known = None
        if known is not None:
            self._step_to_sent()
            self._method = known.method
            self._dispatch(PendingRequest(known, is_whole=True))
            return
        self._whole_request = (key,)
        try:
            super().request(method, url, body, headers, encode_chunked=encode_chunked)
        finally:
            self._whole_request = None

    def putheader(self, header: Any, *values: Any) -> None:
        """Write a field; http.client's, whose errors would show a value."""
        fault = fault_of(super().putheader, header, values)
        if fault is not None:
            raise fault

    def _key(self, method: str, url: str, body: Any, headers: Any) -> Any:
        """All that decides what http.client writes for a request; None where that is unknown."""
        if body is not None or not self._writes_as_http_client():
            return None
        try:
            fields = tuple(headers.items())
            hash(fields)
        except (AttributeError, TypeError):
            return None
        tunnel = self._tunnel_host, self._tunnel_port  # type: ignore[attr-defined]
        return (method, url, fields, self.host, self.port, *tunnel)

    def _writes_as_http_client(self) -> bool:
        """True if no script has replaced a method that writes requests, or sees them written."""
        return (
            type(self) in (HTTPConnection, HTTPSConnection)
            and bases.are_same(bases.writers(type(self)), OWN_WRITERS)
            and bases.are_same(bases.writers(bases.HTTPSConnection), bases.HTTP_CLIENT_WRITERS)
            and self.__dict__.keys().isdisjoint(bases.WRITERS)
        )

    def _note(self, key: Any, lines: RequestLines) -> None:
        """Remember what http.client wrote, for the next request that is the same."""
        # Only of text: True and 1 are one key, and two values.
        if all(type(part) is str for field in key[2] for part in field):
            self._known.keep(key, lines)

    def _send_output(self, message_body: Any = None, encode_chunked: bool = False) -> None:
        """Send the request in the buffer, and message_body; http.client's endheaders calls this."""
        buffer: list[bytes] = self._buffer  # type: ignore[attr-defined]
        lines = buffer[:]
        buffer.clear()
        whole, self._whole_request = self._whole_request, None
        request = PendingRequest(
            lines, message_body, is_whole=whole is not None, is_unframed=encode_chunked
        )
        self._dispatch(request)
        if whole is not None and whole[0] is not None and request.is_begun:
            self._note(whole[0], request.read_lines())

    def _dispatch(self, request: PendingRequest) -> None:
        """Send a request by the protocol that the server speaks.

        A request whose response did not come in time is left behind.  The server may end a
        connection by GOAWAY at any moment; then the request goes out on the next.
        """
        self._closed_by = None
        if self._awaited and self._awaited[0].is_late:
            self._awaited.popleft().discard()
        begin = None
        while True:
            # A session that ended while it was idle is replaced at once. One that is not ``former``
            # and ended before it took the request counts against it (client/replay.py).
            former = self._session
            try:
                session = self._live_session()
            except BaseException as error:  # it is raised again
                watched.not_sent(error)
                raise
            if session is None:
                self._send_by_http1(request)
                return
            # http.client says Request-sent here; over HTTP/2 the next request may follow as soon as
            # this one has a stream. ``_step_to_sent`` undoes the step if the loop goes round.
            self._step(HAS_STREAM)
            request.attach(session)
            try:
                self._send_by_http2(request)
            except SessionEnded as error:
                with watched.not_sent_yet(error):
                    if request.is_begun:
                        session.raise_refusal()
                        raise
                    goes_by_http1 = requires_http1(self, error) and self.auto_open
                    if session is not former and not goes_by_http1:
                        session.raise_refusal()
                        begin = begin or time.monotonic()
                        reason = error.reason()
                        if not self._wait_to_go_again(request, reason, begin):
                            raise error from reason
                    self._detach_session()
                    self._step_to_sent()
            else:
                return

    def _wait_to_go_again(self, request: PendingRequest, error: HTTP20Error, begin: float) -> bool:
        """Wait before a request goes out again; False if it must not, which the error then says.

        The rules are those of client/replay.py.  begin: when the call began whose time counts.
        """
        session, attempts = request.session, request.attempts
        assert session is not None  # it was sent
        if attempts is None:
            attempts = request.attempts = Attempts(is_on=self._replays and bool(self.auto_open))
        closings, deadline = self._closings, session.deadline_of_call(begin)
        goes_again = attempts.wait_to_go_again(error, request.rewind, deadline)
        if goes_again and closings != self._closings:  # by another thread, during the pause
            raise RemoteDisconnected(CLOSED) from closed_error()
        return goes_again

    def _send_by_http1(self, request: PendingRequest) -> None:
        lines = watched.told_lines(self._session_options, request.raw_lines)
        is_tls = hasattr(self.sock, "cipher")
        offer = upgrade_lines(lines) if self._http2 == "upgrade" and not is_tls else []
        self._offers_upgrade = bool(offer)
        self._buffer[:] = [*lines, *offer]  # type: ignore[attr-defined]
        super()._send_output(request.body, request.is_unframed)  # type: ignore[misc]

    def _send_by_http2(self, request: PendingRequest) -> None:
        view: Any = self.sock
        view.request = request
        (super().send if request.is_written else self.send)(request.head)
        if not request.is_begun:
            return  # a wrapper of ``send`` has kept it
        self._awaited.append(request)
        try:
            if request.body is not None:
                request.begin_body()
                for piece in pieces(request.body, self._read_readable):  # type: ignore[attr-defined]
                    if not request.takes_content:
                        break  # the peer has answered, and wants no more (RFC 9113, 8.1)
                    self.send(piece)
            request.finish_if_whole()
        except BaseException as error:  # the peer must not take a part for the whole
            request.discard()
            watched.give_up(request, error)
            self._forget(request)
            raise

    def send(self, data: Any) -> None:
        """Send data of the request's content: octets, a file, an iterable of octets."""
        is_new = self._state == REQUEST_SENT and not self.is_tunnelling
        if (is_new or self.sock is None) and self._live_session() is not None and is_new:
            # By a ``_send_output`` of the script's own; hyper's has opened a stream by now.
            request, data = PendingRequest.written(data)
            self._dispatch(request)
            if not data:
                return
        try:
            super().send(data)
        except BaseException:  # whatever a body raises
            if isinstance(self.sock, SocketView) and self.sock.request is not None:
                self.sock.request.cancel()  # the peer must not take a part for the whole
            raise

    def getresponse(self) -> HTTPResponse:
        """The response to the oldest request whose response was not fetched yet.

        Raises TimeoutError if it does not come in time: it may be waited for again, until another
        request is made, which leaves it behind.
        """
        if self._session is None and not self._awaited:
            self._require_not_closed()
            get = super().getresponse
            first: HTTPResponse = watched.told_response(self._session_options, self.sock, get)
            if not (self._offers_upgrade and accepts_upgrade(first)):
                return first
            self._change_protocol(first)
        if self._state == REQUEST_STARTED or not self._awaited:
            self._require_not_closed()
            raise ResponseNotReady(self._state)
        if not self.is_passing and wrapped.is_answerer_wrapped():
            wait = functools.partial(HTTPConnection.getresponse, self)
            return wrapped.get_response(self, super().getresponse, wait)  # type: ignore[no-any-return]
        begin = time.monotonic()
        while self._awaited:
            request = self._awaited[0]
            try:
                response = request.response()
            except BaseException as error:  # noqa: BLE001 - what is not mended is raised again
                self._replay_after(request, error, begin)
                continue
            self._forget(request)
            if self.debuglevel > 0:
                response.debuglevel = self.debuglevel
                response.print_head()
            return response  # type: ignore[return-value] # it is registered as one, above
        # It was sent again in HTTP/1.1.  The subclass's own ``getresponse`` is at work already.
        ask: Any = wrapped.begin_http1 if self.is_passing else HTTPConnection.getresponse
        return ask(self)  # type: ignore[no-any-return]

    def _require_not_closed(self) -> None:
        """Raise RemoteDisconnected if another thread has closed what this one waits for."""
        if self._closed_by not in (None, threading.get_ident()):
            raise RemoteDisconnected(CLOSED) from closed_error()

    def _forget(self, request: PendingRequest) -> None:
        if request in self._awaited:  # another thread may have closed the connection
            self._awaited.remove(request)
        if isinstance(self.sock, SocketView) and self.sock.request is request:
            self.sock.request = None

    def _replay_after(self, request: PendingRequest, error: BaseException, begin: float) -> None:
        """Send a request again after this error, or raise the error.

        The next ``while`` waits for its response: it is the oldest again, or none is awaited if it
        has gone out in HTTP/1.1.
        """
        session = request.session
        assert session is not None  # it was sent
        if request not in self._awaited:
            self._require_not_closed()
        # The stream goes on: only the wait has ended, by a timeout or a signal.
        if not (request.has_failed or isinstance(error, LocalProtocolError)):
            request.is_late = True  # the response may still come
            raise error
        self._forget(request)
        with watched.with_its_end(request):
            request.discard()
            if session is self._session and not session.is_open:
                self._detach_session()
            if self._change_to_http1(request, error):
                return
            reason = error.__cause__
            if not isinstance(reason, HTTP20Error):
                raise error
            if not self._wait_to_go_again(request, reason, begin):
                error.args = reason.args  # they say how often it was tried
                raise error
            if self._awaited and self._live_session() is None:
                raise error  # in HTTP/1.1 nothing may overtake
            self._send_again(request, reason)
            self._awaited.rotate(1)  # the oldest is answered first

    def _send_again(self, request: PendingRequest, why: BaseException) -> None:
        """Send a request once more, which the server has not processed; why: the error."""
        self._step_to_sent()
        with watched.going_again(request, why):
            self._dispatch(request.again())

    def _change_to_http1(self, request: PendingRequest, error: BaseException) -> bool:
        """Send a request again in HTTP/1.1, if the server asks for that (RFC 9113, 3.2, 7).

        Returns False, and the error counts, if it does not ask, or if the content cannot be sent
        again.  The next requests go by HTTP/1.1 in either case.
        """
        if not requires_http1(self, error):
            return False
        self._detach_session()
        if self._awaited or not self.auto_open or request.rewind():
            return False
        self._send_again(request, error)
        return True

    def _change_protocol(self, response: Any) -> None:
        """Go on in HTTP/2 after a 101; the request becomes that of stream 1 (RFC 7540, 3.2)."""
        self.sock = watched.unwatched(self.sock)
        session = self._session = self._adopt(PlainTransport)
        # Frames may have come in the same read as the 101: they are in the response's buffer. The
        # socket no longer blocks, so peek gives what is there, and all of it.
        octets = response.fp.peek()
        response.close()
        exchange = session.take_over(self._method, octets)
        request = PendingRequest([])
        request.attach(session, exchange)
        self._awaited.append(request)


class HTTPSConnection(HTTPConnection, bases.HTTPSConnection):
    """http.client's HTTPSConnection; HTTP/2 where the server takes it by ALPN (RFC 9113, 3.2).

    Args:
        context: an ssl.SSLContext, whose ALPN protocols are set to h2 and http/1.1, or an
            OpenSSL.SSL.Context. None: http.client's own, or hyper's with HYPER_TLS=pyopenssl.
        arguments, options: http.client's, and those of HTTPConnection but for `http2`.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> Self:  # noqa: D102 - as __init__
        return bases.made(cls, arguments, options, is_own=cls is HTTPSConnection)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        create_connection = self._prepare(options)
        context = options.get("context")
        if context is None and is_pyopenssl():
            context = init_context()
        if context is not None and not hasattr(context, "wrap_socket"):
            options["context"] = PyOpenSSLALPNContext(context, self._offered)
        bases.init_https(self, *arguments, **options)
        self._check_arguments()
        if create_connection is not None:
            self._create_connection = create_connection

    def connect(self) -> None:
        """Connect, and agree with the server on a protocol."""
        given = self._context  # type: ignore[has-type]
        if isinstance(given, ALPNContext):
            super().connect()
            return
        self._context = ALPNContext(given, self._offered)
        try:
            super().connect()
        finally:
            self._context = given


bases.show_signatures(HTTPConnection, HTTPSConnection)

#: The writers of hyper's classes, http.client's included, while no script has replaced one.
OWN_WRITERS = bases.writers(HTTPConnection)
