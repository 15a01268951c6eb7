"""The common part of the integrations of httpx and httpx2: one API under two names.

A ``hyper.Pool`` keeps the connections: all threads share those of an origin, because HTTP/2 carries
their requests side by side (RFC 9113, 5). httpcore's own pool does all the rest, in HTTP/1.1: plain
http, servers that do not speak HTTP/2 over TLS, and SOCKS without python-socks.

::

    Client -> HTTPTransport.handle_request, the library's, which mocks and tracers wrap
           -> Connections, in the place of httpcore's pool
                HTTP/2:   hyper.Pool
                HTTP/1.1: httpcore's pool

The library's method makes a request of httpcore's, which costs more than all of this module does.
So it is left out where nobody has wrapped it, and nothing that httpcore knows was asked for.

A request has four timeouts (connect, read, write, pool). A connection of the pool has none of its
own: each thread sets its own for each phase.
"""

from __future__ import annotations

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
from ._httpcore_names import connecting, told
from ._httpx_content import octets, require_whole
from ._replaced import OwnFunction, is_own, method_of, package

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
#: The extensions of a request that need nothing of httpcore's.
PLAIN_EXTENSIONS = frozenset(("timeout",))
#: The message to an AsyncClient.
NOT_ASYNC = (
    "this HTTP20Transport is for a Client, and cannot be used by an AsyncClient: hyper blocks. Use"
    " a Client, in a thread perhaps (asyncio.to_thread), or an AsyncClient(http2=True) without it"
)


class Content:
    """A response's content, for the library to read and to close."""

    def __init__(self, library: Any, response: HTTP20Response) -> None:
        self._library = library
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        read1 = self._response.read1
        while True:
            try:
                piece = read1()
            except (HTTPException, OSError) as error:
                if is_of_signal(error):
                    raise
                raise translated(self._library, error, "Read") from error
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Cancel what was not read (5.4.2); the connection lives on."""
        self._response.close()


class ToldContent(Content):
    """Content whose reading and end the extension ``trace`` of a request is told."""

    def __init__(self, library: Any, response: HTTP20Response, request: Any) -> None:
        super().__init__(library, response)
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with told(self._request, "http2.receive_response_body", request=self._request):
            yield from super().__iter__()

    def close(self) -> None:
        """Cancel what was not read."""
        stream_id = self._response.stream_id
        with told(self._request, "http2.response_closed", stream_id=stream_id):
            super().close()


class Answer(NamedTuple):
    """A response as the library takes it from a pool of httpcore's."""

    status: int
    headers: list[tuple[bytes, bytes]]
    stream: Content
    extensions: dict[str, Any]


class Transport:
    """The mixin beneath ``HTTP20Transport``; the other base is the library's HTTPTransport.

    Requests come in by ``handle_request``. That class has it, too: it is wrapped by other programs,
    and gives them to its ``_pool``, which is a ``Connections`` here.
    """

    library: Any
    #: Content that is also a SyncByteStream of the library's
    content_class: Any
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
        #: the library's, for what goes over HTTP/1.1
        self._http1 = object.__new__(library.HTTPTransport)
        self._http1._pool = self._pool  # noqa: SLF001 - as its __init__ would set it
        self._connections = Connections(
            library,
            pool,
            self._pool,
            why_http1=why_http1,
            requires_http2=bool(own.get("require_http2")),
            retries=retries,
        )
        self._pool = self._connections
        self._own = OwnFunction(library.__name__)

    def handle_request(self, request: Any) -> Any:
        """Send a request, and wait for the header section of its response. HOT: once a request.

        Args:
            request: the library's.

        Returns:
            The library's response, whose content streams.
        """
        above: Any = super()
        through = above.handle_request
        connections = self._connections
        if (
            self._pool is not connections
            or not self._own.is_it(method_of(through, self))
            or not connections.takes(request)
        ):
            return through(request)
        response = connections.respond(request)
        if response is None:
            require_whole(self.library, request.stream)
            return self._http1.handle_request(request)
        return self.library.Response(
            response.status,
            headers=response.headers.raw,
            stream=self.content_class(self.library, response),
            extensions=extensions_of(response),
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
        module = package(type(http1).__module__)
        self._core = sys.modules[module]
        self._own_pool, self._own_connection = OwnFunction(module), OwnFunction(module)
        #: why no request can go over HTTP/2, or None
        self._why_http1 = why_http1
        self._requires_http2 = requires_http2
        self._retries = retries

    # --------------------------------------------------------------- requests

    def handle_request(self, request: Any) -> Any:
        """Send a request of httpcore's, and give its response once its header section is there."""
        why = self._reason_for_http1(request)
        if why is None:
            url = request.url
            answer = self._exchange(
                request, url.host.decode("ascii"), url.port, request.headers, self._send_shown
            )
            if answer is not None:
                return answer
        elif self._requires_http2:
            raise self.library.ConnectError(f"HTTP/2 is required (require_http2), and {why}")
        elif request.url.scheme == b"https":
            import logging  # not before: most programs need none

            host = request.url.host.decode("ascii")
            logging.getLogger("hyper").debug("HTTP/1.1 is spoken with %s: %s", host, why)
        require_whole(self.library, request.stream)
        return self._http1.handle_request(request)

    def _reason_for_http1(self, request: Any) -> str | None:
        """Return why a request goes over HTTP/1.1, whatever the server speaks; else None."""
        if request.url.scheme != b"https":
            return "http URLs go over HTTP/1.1"
        if "sni_hostname" in request.extensions:
            return "requests that name an sni_hostname go over HTTP/1.1"
        if not self._own_pool.is_it(method_of(self._http1.handle_request, self._http1)):
            return "another library has replaced handle_request of httpcore's pools"
        return self._why_http1

    def takes(self, request: Any) -> bool:
        """True if ``respond`` can be asked: nobody wants to see a request of httpcore's.

        request: the library's.
        """
        connection_class = getattr(self._core, "HTTPConnection", None)
        return (
            request.url.raw_scheme == b"https"
            and request.extensions.keys() <= PLAIN_EXTENSIONS
            and self._why_http1 is None
            and self._own_pool.is_it(method_of(self._http1.handle_request, self._http1))
            and self._own_connection.is_it(getattr(connection_class, "handle_request", None))
        )

    def respond(self, request: Any) -> Any:
        """Send a request of the library's, and give hyper's response; None if not over HTTP/2."""
        url = request.url
        return self._exchange(
            request, url.raw_host.decode("ascii"), url.port, request.headers.raw, self._send
        )

    def _exchange(
        self,
        request: Any,
        host: str,
        port: int | None,
        headers: list[tuple[bytes, bytes]],
        send: Callable[..., Any],
    ) -> Any:
        """Send a request over HTTP/2, and give what send returns; None if it has to be HTTP/1.1.

        request: the library's or httpcore's, both of which have extensions and a stream.
        send: called with the connection, the request, its fields, and the phases that it notes.
        """
        extensions = request.extensions
        timeouts: dict[str, float | None] = extensions.get("timeout", {})
        # The last one is that in which the thread waits: Connect, Pool, Write or Read.
        phases = ["Connect"]
        try:
            timeout = timeouts.get("connect")
            lease: Any = self._pool.connection(host, port or 443, timeout=timeout)
            if self._retries or "trace" in extensions:
                lease = PatientLease(lease, request, timeout, self._retries)
            with lease as connection:
                if connection is None:
                    return None
                # Without content, the only wait is for a stream that the server allows (5.1.2).
                phases.append("Pool")
                with connection.each_wait(timeouts.get("pool")):
                    return send(connection, request, headers, phases)
        except (HTTPException, OSError) as error:
            if is_of_signal(error):
                raise
            if (
                len(phases) > 1
                and Pool.asks_for_http1(error)
                and not self._requires_http2
                and self._repeats(request, headers)
            ):
                return None
            raise translated(self.library, error, phases[-1]) from error

    def _send(
        self,
        connection: Any,
        request: Any,
        headers: list[tuple[bytes, bytes]],
        phases: list[str],
    ) -> HTTP20Response:
        target = request.url.raw_path.decode("ascii")
        return self._response(connection, request, request.method, target, headers, phases)

    def _send_shown(
        self,
        connection: Any,
        request: Any,
        _headers: list[tuple[bytes, bytes]],
        phases: list[str],
    ) -> Any:
        def send(request: Any) -> Answer:
            method, target = request.method.decode("latin-1"), request.url.target.decode("ascii")
            response = self._response(connection, request, method, target, request.headers, phases)
            content = ToldContent(self.library, response, request)
            fields = list(response.headers.raw)
            return Answer(response.status, fields, content, extensions_of(response))

        return shown(self._http1, request, send)

    def _response(
        self,
        connection: Any,
        request: Any,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        phases: list[str],
    ) -> HTTP20Response:
        """Send a request and wait for the header section of its response. HOT: once a request.

        phases: the last one is that in which the thread waits.
        """
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        sending = told(request, "http2.send_request_headers", request=request)

        def content() -> Iterator[bytes]:
            # The first piece is asked for when the header section has had its turn.
            phases.append("Write")
            sending.end()
            connection.timeout = timeouts.get("write")
            with told(request, "http2.send_request_body", request=request):
                yield from map(octets, request.stream)

        # All names are looked at together, which costs less than a loop over them.
        names = b"\n%b\n" % b"\n".join([name for name, _ in headers]).lower()
        may_have_content = b"\ncontent-length\n" in names or b"\ntransfer-encoding\n" in names
        body: Any = None
        if may_have_content and not self._has_no_content(request, headers):
            require_whole(self.library, request.stream)
            # A callable is called for each sending (8.7); a generator can be sent but once.
            body = content if self._repeats(request, headers) else content()
        with sending:
            stream_id = connection.request(
                method,
                target,
                body,
                headers,
                # Where codings are named, none is added, and such a head is remembered.
                skip_accept_encoding=b"\naccept-encoding\n" not in names,
            )
        phases.append("Read")
        read_timeout = timeouts.get("read")
        if body is not None or read_timeout != timeouts.get("pool"):
            connection.timeout = read_timeout
        try:
            reading = told(
                request, "http2.receive_response_headers", request=request, stream_id=stream_id
            )
            with reading:
                response: HTTP20Response = connection.getresponse(stream_id)
                reading.note(response)
        except BaseException:  # nobody will ask for this response
            connection.cancel(stream_id)
            raise
        response.timeout = read_timeout
        return response

    def _repeats(self, request: Any, headers: list[tuple[bytes, bytes]]) -> bool:
        """True if the request's content can be had a second time."""
        return self._is_whole(request) or self._has_no_content(request, headers)

    def _is_whole(self, request: Any) -> bool:
        return isinstance(request.stream, self.library.ByteStream)

    def _has_no_content(self, request: Any, headers: list[tuple[bytes, bytes]]) -> bool:
        """True if the header section announces none, and nothing but octets could have some.

        A pipe is announced by 0 octets, because that is its size, and must not be lost in silence.
        """
        for name, value in headers:
            lower = name.lower()
            if lower == b"transfer-encoding":
                return False
            if lower == b"content-length":
                return value == b"0" and self._is_whole(request)
        return True

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


class PatientLease:
    """A lease whose connecting is told to ``trace``, and tried again as often as was asked for."""

    def __init__(self, lease: Any, request: Any, timeout: float | None, retries: int) -> None:
        self._lease = lease
        self._request = request
        self._timeout = timeout
        self._retries = retries

    def __enter__(self) -> Any:
        for attempt in range(self._retries + 1):
            if attempt > 1:
                time.sleep(RETRY_DELAY * 2 ** (attempt - 2))
            try:
                with connecting(self._request, self._timeout):
                    return self._lease.__enter__()
            except OSError as error:  # TimeoutError among them
                if attempt == self._retries or is_of_signal(error):
                    raise
        return None

    def __exit__(self, *reason: object) -> None:
        self._lease.__exit__(*reason)


def extensions_of(response: HTTP20Response) -> dict[str, Any]:
    """Return what the library says of a response beside its fields."""
    return {"http_version": b"HTTP/2", "stream_id": response.stream_id}


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


def translated(library: Any, error: Exception, phase: str) -> Exception:
    """Return the library's exception for one of hyper's or the system's.

    phase: Connect, Pool, Write or Read: that in which the thread waited.
    """
    made: Exception = getattr(library, _name_of(error, phase))(str(error))
    return made


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
