"""The common part of the integrations of httpx and httpx2: one API under two names.

A ``hyper.Pool`` keeps the connections: all threads share those of an origin, because HTTP/2 carries
their requests side by side (RFC 9113, 5). httpcore's own pool does all the rest, in HTTP/1.1: plain
http, servers that do not speak HTTP/2 over TLS, and SOCKS without python-socks.

::

    Client -> HTTPTransport.handle_request, the library's, which mocks and tracers wrap
           -> Connections, in the place of httpcore's pool
                HTTP/2:   hyper.Pool
                HTTP/1.1: httpcore's pool

A request has four timeouts (connect, read, write, pool). A connection of the pool has none of its
own: each thread sets its own for each phase.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import socket
import ssl
import sys
import time
from http.client import HTTPException, InvalidURL
from typing import NamedTuple
from urllib.parse import quote

from .. import HTTP20Connection, LocalProtocolError, NegotiationError, Pool, ProxyError
from ..foundation.interruptions import is_of_signal
from ..proxies import Proxy
from ._httpcore_names import Told, connecting
from ._replaced import is_own, package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Callable

    from .. import HTTP20Response

#: Connections kept, as many as httpx keeps: beyond that, the one that was idle longest is closed.
MAX_CONNECTIONS = 100
#: Seconds before the second attempt to connect, doubled with each further one, as in httpx.
RETRY_DELAY = 0.5
#: Exceptions that only connecting raises.
OF_CONNECTING = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)
#: Options that are hyper's: all others are the library's.
POOL_OPTIONS = frozenset(
    {"replay", *inspect.signature(Pool).parameters, *inspect.signature(HTTP20Connection).parameters}
) - {"options", "former"}
#: The message to an AsyncClient.
NOT_ASYNC = (
    "this HTTP20Transport is for a Client, and cannot be used by an AsyncClient: hyper blocks. Use"
    " a Client, in a thread perhaps (asyncio.to_thread), or an AsyncClient(http2=True) without it"
)


class Content:
    """A response's content, for the library to read and to close."""

    def __init__(self, library: Any, response: HTTP20Response, request: Any) -> None:
        self._library = library
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with Told(self._request, "http2.receive_response_body", request=self._request):
            while True:
                with translated(self._library, ["Read"]):
                    piece = self._response.read1()
                if not piece:
                    return
                yield piece

    def close(self) -> None:
        """Cancel what was not read (5.4.2); the connection lives on."""
        stream_id = self._response.stream_id
        with Told(self._request, "http2.response_closed", stream_id=stream_id):
            self._response.close()


class Answer(NamedTuple):
    """A response as the library takes it from a pool of httpcore's."""

    status: int
    headers: list[tuple[bytes, bytes]]
    stream: Content
    extensions: dict[str, Any]


class Transport:
    """The mixin beneath ``HTTP20Transport``; the other base is the library's HTTPTransport.

    Requests come in by that class's ``handle_request``, which other programs wrap, and go to its
    ``_pool``, which is a ``Connections`` here.
    """

    library: Any
    _pool: Any  # HTTPTransport's

    def __init__(
        self,
        verify: Any = True,
        cert: Any = None,
        trust_env: bool = True,
        *,
        proxy: Any = None,
        uds: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
        **options: Any,
    ) -> None:
        library = self.library
        own = {name: options.pop(name) for name in POOL_OPTIONS & options.keys()}
        is_socks = False
        if proxy is None:
            own["unix_socket"] = uds
        else:
            given = proxy if isinstance(proxy, library.Proxy) else library.Proxy(url=proxy)
            own["proxy"] = _as_hyper(given)
            is_socks = given.url.scheme.startswith("socks")
        why_http1 = None
        if is_socks and importlib.util.find_spec("python_socks") is None:
            why_http1 = "a SOCKS proxy needs python-socks, which is not installed"
            del own["proxy"]
        context = library.create_ssl_context(verify, cert, trust_env)
        defaults = {
            "ssl_context": context,
            "source_address": (local_address, 0) if local_address else None,
            "max_idle": MAX_CONNECTIONS,
            "timeout": None,
        }
        pool = Pool(**{**defaults, **own, "decode_content": False})
        pool.is_seen = True
        library_transport: Any = super()
        library_transport.__init__(
            verify=context,
            trust_env=trust_env,
            proxy=proxy,
            uds=uds,
            local_address=local_address,
            retries=retries,
            **options,
        )
        self._pool = Connections(
            library,
            pool,
            self._pool,
            why_http1=why_http1,
            requires_http2=bool(own.get("require_http2")),
            retries=retries,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    async def handle_async_request(self, request: Any) -> Any:  # noqa: ARG002 - an AsyncClient's
        """Raise TypeError: it is for a Client.

        Args:
            request: what an ``AsyncClient`` asks for.

        Raises:
            TypeError: always.
        """
        raise TypeError(NOT_ASYNC)

    async def __aenter__(self) -> Any:
        raise TypeError(NOT_ASYNC)

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: no AsyncClient can have entered it."""

    async def aclose(self) -> None:
        """Close every connection."""
        self.close()


class Connections:
    """hyper's pool in the place of httpcore's, which it keeps for HTTP/1.1.

    A request is one of httpcore's: its fields, its URL and its method are octets.
    """

    def __init__(
        self,
        library: Any,
        pool: Pool,
        http1: Any,
        *,
        why_http1: str | None,
        requires_http2: bool,
        retries: int,
    ) -> None:
        self.library = library
        self._pool = pool
        #: httpcore's pool
        self._http1 = http1
        #: why no request can go over HTTP/2, or None
        self._why_http1 = why_http1
        self._requires_http2 = requires_http2
        self._retries = retries

    # --------------------------------------------------------------- requests

    def handle_request(self, request: Any) -> Any:
        """Send a request and give its response, as soon as its header section is there."""
        why = self._reason_for_http1(request)
        if why is None:
            answer = self._exchange(request)
            if answer is not None:
                return answer
        elif self._requires_http2:
            raise self.library.ConnectError(f"HTTP/2 is required (require_http2), and {why}")
        elif request.url.scheme == b"https":
            import logging  # not before: most programs need none

            host = request.url.host.decode("ascii")
            logging.getLogger("hyper").debug("HTTP/1.1 is spoken with %s: %s", host, why)
        return self._http1.handle_request(request)

    def _reason_for_http1(self, request: Any) -> str | None:
        """Return why a request goes over HTTP/1.1, whatever the server speaks; else None."""
        if request.url.scheme != b"https":
            return "http URLs go over HTTP/1.1"
        if "sni_hostname" in request.extensions:
            return "requests that name an sni_hostname go over HTTP/1.1"
        if not is_own(self._http1, "handle_request"):
            return "another library has replaced handle_request of httpcore's pools"
        return self._why_http1

    def _exchange(self, request: Any) -> Any:
        """Send a request over HTTP/2, and give its response; None if it is to go over HTTP/1.1."""
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        phases = ["Connect"]
        try:
            with translated(self.library, phases), contextlib.ExitStack() as lent:
                connection = self._connected(request, timeouts, lent)
                if connection is None:
                    return None

                def send(request: Any) -> Answer:
                    response = self._response(connection, request, timeouts, phases)
                    return Answer(
                        response.status,
                        list(response.headers.raw),
                        Content(self.library, response, request),
                        {"http_version": b"HTTP/2", "stream_id": response.stream_id},
                    )

                return shown(self._http1, request, send)
        except (self.library.RemoteProtocolError, self.library.ConnectError) as error:
            cause = error.__cause__
            is_sent = phases[-1] != "Connect"
            if not (is_sent and cause is not None and Pool.asks_for_http1(cause)):
                raise
            if self._requires_http2 or not self._repeats(request):
                raise
            return None

    def _connected(
        self, request: Any, timeouts: dict[str, float | None], lent: contextlib.ExitStack
    ) -> Any:
        """Borrow a connection to the request's origin, with the retries that were asked for."""
        host, port = request.url.host.decode("ascii"), request.url.port or 443
        for attempt in range(self._retries + 1):
            if attempt > 1:
                time.sleep(RETRY_DELAY * 2 ** (attempt - 2))
            try:
                timeout = timeouts.get("connect")
                with connecting(request, timeout):
                    return lent.enter_context(self._pool.connection(host, port, timeout=timeout))
            except OSError as error:  # TimeoutError among them
                if attempt == self._retries or is_of_signal(error):
                    raise
        return None

    def _repeats(self, request: Any) -> bool:
        """True if the request's content can be had a second time."""
        return self._has_no_content(request) or self._is_whole(request)

    def _is_whole(self, request: Any) -> bool:
        return isinstance(request.stream, self.library.ByteStream)

    def _has_no_content(self, request: Any) -> bool:
        """True if the header section announces none, and nothing but octets could have some.

        A pipe is announced by 0 octets, because that is its size, and must not be lost in silence.
        """
        for name, value in request.headers:
            lower = name.lower()
            if lower == b"transfer-encoding":
                return False
            if lower == b"content-length":
                return value == b"0" and self._is_whole(request)
        return True

    def _response(
        self,
        connection: Any,
        request: Any,
        timeouts: dict[str, float | None],
        phases: list[str],
    ) -> HTTP20Response:
        """Send a request and wait for the header section of its response.

        phases: the last one is that in which the thread waits.
        """
        netloc = _netloc(request.url)
        headers = [
            (name, value)
            for name, value in request.headers
            # :authority says the same (8.3.1), unless the caller has set another host.
            if name.lower() != b"host" or value.lower() != netloc
        ]

        def content() -> Iterator[bytes]:
            # The first piece is asked for when the header section has had its turn.
            phases.append("Write")
            sending.end()
            connection.timeout = timeouts.get("write")
            with Told(request, "http2.send_request_body", request=request):
                yield from request.stream

        sending = Told(request, "http2.send_request_headers", request=request)
        body: Any = None
        if not self._has_no_content(request):
            # A callable is called for each sending (8.7); a generator can be sent but once.
            body = content if self._repeats(request) else content()
        # Without content, the only wait is for a stream that the server allows (5.1.2).
        phases.append("Pool")
        with sending, connection.each_wait(timeouts.get("pool")):
            stream_id = connection.request(
                request.method.decode("latin-1"),
                request.url.target.decode("ascii"),
                body,
                headers,
                skip_accept_encoding=True,
            )
        phases.append("Read")
        read_timeout = timeouts.get("read")
        try:
            reading = Told(
                request, "http2.receive_response_headers", request=request, stream_id=stream_id
            )
            with reading, connection.each_wait(read_timeout):
                response: HTTP20Response = connection.getresponse(stream_id)
                reading.value = response.status, list(response.headers.raw)
        except BaseException:  # nobody will ask for this response
            connection.cancel(stream_id)
            raise
        response.timeout = read_timeout
        return response

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()
        self._http1.close()

    def __enter__(self) -> Connections:  # noqa: PYI034 - typing.Self is of 3.11
        self._http1.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


class Sender(NamedTuple):
    """It stands in the place of the connection that httpcore would open."""

    handle_request: Callable[[Any], Answer]


def shown(pool: Any, request: Any, send: Callable[[Any], Answer]) -> Any:
    """Send a request and give its answer, by way of a wrapper of httpcore's connections.

    Tracers wrap their ``handle_request``, and add fields to the request. It is called on a
    connection that has no socket, where anybody has wrapped it. pool: one of httpcore's.
    """
    core = sys.modules[package(type(pool).__module__)]
    connection_class = getattr(core, "HTTPConnection", None)
    if connection_class is None or is_own(connection_class, "handle_request"):
        return send(request)
    connection = connection_class(request.url.origin)
    connection._connection = Sender(send)  # noqa: SLF001 - else it would connect
    fields = list(request.headers)
    try:
        return connection.handle_request(request)
    except BaseException:  # it is raised again, and the request may go out over HTTP/1.1
        request.headers[:] = fields
        raise


def _netloc(url: Any) -> bytes:
    """Return a URL's host and port, in lower case, as the library writes them into Host."""
    host: bytes = url.host.lower()
    if b":" in host:
        host = b"[%s]" % host
    return host if url.port in (None, 443) else b"%s:%d" % (host, url.port)


def _as_hyper(given: Any) -> Proxy:
    """A proxy of the library's as one of hyper's."""
    name_and_password = ""
    if given.raw_auth is not None:
        name_and_password = ":".join(quote(part, safe="") for part in given.raw_auth) + "@"
    return Proxy(
        f"{given.url.scheme}://{name_and_password}{given.url.netloc.decode('ascii')}",
        headers=given.headers.raw,
        ssl_context=given.ssl_context,
    )


@contextlib.contextmanager
def translated(library: Any, phases: list[str]) -> Iterator[None]:
    """Raise the library's exceptions for hyper's.

    phases: Connect, Pool, Write or Read; the last one is that in which the thread waits.
    """
    try:
        yield
    except (HTTPException, OSError) as error:
        if is_of_signal(error):
            raise
        raise getattr(library, _name_of(error, phases[-1]))(str(error)) from error


def _name_of(error: Exception, phase: str) -> str:
    """Name the library's exception for one of hyper's or the system's."""
    if isinstance(error, (LocalProtocolError, InvalidURL)):
        return "LocalProtocolError"
    if isinstance(error, TimeoutError):
        return f"{phase}Timeout"
    if isinstance(error, ProxyError):
        return "ProxyError"
    if isinstance(error, NegotiationError):
        return "ConnectError"
    if isinstance(error, HTTPException):
        return "RemoteProtocolError"
    if phase != "Read" and isinstance(error, OF_CONNECTING):
        return "ConnectError"  # the connection had ended, and a new one was tried
    return {"Connect": "ConnectError", "Read": "ReadError"}.get(phase, "WriteError")
