"""The common part of the integrations of httpx and httpx2: one API under two names.

All threads share one connection to an origin: HTTP/2 carries their requests side by side (RFC 9113,
5).  The library's own transport does all the rest, in HTTP/1.1: plain http, servers that do not
speak HTTP/2 over TLS, and SOCKS without python-socks.

A request has four timeouts (connect, read, write, pool).  The connection has none of its own: each
thread sets ``connection.timeout`` before each phase.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import ssl
import threading
import time
from http.client import HTTPException, InvalidURL
from urllib.parse import quote

from .. import ErrorCode, HTTP20Error, LocalProtocolError, NegotiationError, ProxyError
from ..proxies import Proxy
from ..tls import ALPN_REFUSED
from ._per_thread import PerThreadConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

    from .. import HTTP20Response

#: Connections kept, as many as httpx keeps: beyond that, the one that was idle longest is closed.
MAX_ORIGINS = 100
#: How often a request is sent if the server says it has not processed it (RFC 9113, 8.7); a server
#: that says so this often has no room for it.
MAX_SENDINGS = 3
#: Seconds before the second attempt to connect, doubled with each further one, as in httpx.
RETRY_DELAY = 0.5
#: Exceptions that only connecting raises.
OF_CONNECTING = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)


class SharedConnection(PerThreadConnection):
    """The connection to one origin, and who uses it."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        super().__init__(host, port, enable_push=False, decode_content=False, **options)
        #: held by the thread that finds out which protocol the server speaks
        self.asking = threading.Lock()
        #: None until that is known
        self.speaks_h2: bool | None = None
        #: requests and responses under way; guarded by the transport's lock
        self.users = 0


class Content:
    """A response's content, for the library to read and to close."""

    library: Any

    def __init__(
        self,
        connection: SharedConnection,
        response: HTTP20Response,
        release: Callable[[SharedConnection], None],
    ) -> None:
        self._connection = connection
        self._response = response
        self._release: Callable[[SharedConnection], None] | None = release

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with translated(self.library, "Read"):
                piece = self._response.read1()
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Cancel what was not read (5.4.2); the connection lives on."""
        self._response.close()
        release, self._release = self._release, None
        if release is not None:
            release(self._connection)


class Transport:
    """The mixin beneath ``HTTP20Transport``."""

    library: Any
    content_class: Any

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
        self._options: dict[str, Any] = {
            "ssl_context": library.create_ssl_context(verify, cert, trust_env),
            "source_address": (local_address, 0) if local_address else None,
        }
        self._retries = retries
        self._is_http1 = False
        if proxy is None:
            self._options["unix_socket"] = uds
        else:
            given = proxy if isinstance(proxy, library.Proxy) else library.Proxy(url=proxy)
            self._options["proxy"] = _as_hyper(given)
            is_socks = given.url.scheme.startswith("socks")
            self._is_http1 = is_socks and importlib.util.find_spec("python_socks") is None
        self._http1 = library.HTTPTransport(
            verify=verify,
            cert=cert,
            trust_env=trust_env,
            proxy=proxy,
            uds=uds,
            local_address=local_address,
            retries=retries,
            **options,
        )
        self._lock = threading.Lock()
        #: by (host, port), the one that was used last at the end
        self._connections: dict[tuple[str, int], SharedConnection] = {}

    # --------------------------------------------------------------- requests

    def handle_request(self, request: Any) -> Any:
        """Send a request and give its response, as soon as its header section is there."""
        extensions = request.extensions
        if self._is_http1 or request.url.scheme != "https" or "sni_hostname" in extensions:
            return self._http1.handle_request(request)
        timeouts: dict[str, float | None] = extensions.get("timeout", {})
        connection = self._acquire(request.url.raw_host.decode("ascii"), request.url.port or 443)
        try:
            if self._agree(connection, timeouts):
                response = self._exchange(connection, request, timeouts)
                if response is not None:
                    return response
        except BaseException:
            self._release(connection)
            raise
        self._release(connection)
        return self._http1.handle_request(request)

    def _exchange(
        self, connection: SharedConnection, request: Any, timeouts: dict[str, float | None]
    ) -> Any:
        """Send a request; None if the server asks for HTTP/1.1 (7), and it can be sent again."""
        for attempt in range(MAX_SENDINGS):
            try:
                response = self._response(connection, request, timeouts)
                break
            except self.library.RemoteProtocolError as error:
                cause = error.__cause__
                if getattr(cause, "error_code", None) == ErrorCode.HTTP_1_1_REQUIRED:
                    connection.speaks_h2 = False
                    if self._repeats(request):
                        return None
                is_safe = isinstance(cause, HTTP20Error) and cause.retryable
                if attempt + 1 == MAX_SENDINGS or not is_safe or not self._repeats(request):
                    raise
        return self.library.Response(
            status_code=response.status,
            headers=list(response.headers.raw),
            stream=self.content_class(connection, response, self._release),
            extensions={"http_version": b"HTTP/2", "stream_id": response.stream_id},
        )

    def _repeats(self, request: Any) -> bool:
        """True if the request's content can be had a second time."""
        return _has_no_content(request) or isinstance(request.stream, self.library.ByteStream)

    def _response(
        self, connection: SharedConnection, request: Any, timeouts: dict[str, float | None]
    ) -> HTTP20Response:
        library = self.library
        target = request.extensions.get("target") or request.url.raw_path
        netloc = request.url.netloc.lower()
        headers = [
            (name, value)
            for name, value in request.headers.raw
            # :authority says the same (8.3.1), unless the caller has set another host.
            if name.lower() != b"host" or value.lower() != netloc
        ]
        stream_id = None
        try:
            # Without content, the only wait is for a stream that the server allows (5.1.2).
            with translated(library, "Pool"):
                connection.timeout = timeouts.get("pool")
                if _has_no_content(request):
                    stream_id = connection.request(
                        request.method, target.decode("ascii"), headers=headers
                    )
                else:
                    stream_id = _begin(connection, request.method, target, headers)
            if not _has_no_content(request):
                with translated(library, "Write"):
                    connection.timeout = timeouts.get("write")
                    connection.send(iter(request.stream), final=True, stream_id=stream_id)
            with translated(library, "Read"):
                connection.timeout = timeouts.get("read")
                response = connection.getresponse(stream_id)
                response.timeout = timeouts.get("read")
                return response
        except BaseException:
            if stream_id is not None:
                connection.cancel(stream_id)
            raise

    # ------------------------------------------------------------- connections

    def _acquire(self, host: str, port: int) -> SharedConnection:
        """The origin's connection, for one more exchange."""
        with self._lock:
            connection = self._connections.pop((host, port), None)
            if connection is None:
                connection = SharedConnection(host, port, **self._options)
            self._connections[host, port] = connection
            connection.users += 1
            idle = self._surplus()
        for former in idle:
            former.close()
        return connection

    def _surplus(self) -> list[SharedConnection]:
        count = len(self._connections) - MAX_ORIGINS
        if count <= 0:
            return []
        idle = [key for key, found in self._connections.items() if not found.users]
        return [self._connections.pop(key) for key in idle[:count]]

    def _release(self, connection: SharedConnection) -> None:
        with self._lock:
            connection.users -= 1

    def _agree(self, connection: SharedConnection, timeouts: dict[str, float | None]) -> bool:
        """Connect if need be; True if the server speaks HTTP/2.

        One thread asks a new server, and the others wait for the result.
        """
        if connection.speaks_h2 is False:
            return False
        timeout = timeouts.get("connect")
        if connection.speaks_h2:
            return self._connect(connection, timeout)
        if not connection.asking.acquire(timeout=-1 if timeout is None else timeout):
            raise self.library.ConnectTimeout("another thread is still connecting")
        try:
            if connection.speaks_h2 is None:
                connection.speaks_h2 = self._connect(connection, timeout)
        finally:
            connection.asking.release()
        return connection.speaks_h2

    def _connect(self, connection: SharedConnection, timeout: float | None) -> bool:
        for attempt in range(self._retries + 1):
            if attempt > 1:
                time.sleep(RETRY_DELAY * 2 ** (attempt - 2))
            try:
                with translated(self.library, "Connect"):
                    connection.timeout = timeout
                    connection.connect()
            except (self.library.ConnectError, self.library.ConnectTimeout) as error:
                if _declines(error.__cause__):
                    return False
                if attempt == self._retries:
                    raise
            else:
                break
        return True

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            connections = list(self._connections.values())
            self._connections.clear()
        for connection in connections:
            connection.close()
        self._http1.close()

    def __enter__(self) -> Any:
        self._http1.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


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


def _begin(
    connection: SharedConnection, method: str, target: bytes, headers: list[tuple[bytes, bytes]]
) -> int:
    """Send the header section of a request with content; its stream id."""
    stream_id = connection.putrequest(method, target.decode("ascii"), skip_accept_encoding=True)
    try:
        for name, value in headers:
            connection.putheader(name, value, stream_id=stream_id)
        connection.endheaders(stream_id=stream_id)
    except BaseException:
        connection.cancel(stream_id)
        raise
    return stream_id


def _has_no_content(request: Any) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers


def _declines(error: BaseException | None) -> bool:
    """True if the server has said that it does not speak HTTP/2, by ALPN or its alert."""
    if isinstance(error, NegotiationError):
        return True
    # The alert of RFC 7301, 3.2.
    return isinstance(error, ssl.SSLError) and ALPN_REFUSED in str(error)


@contextlib.contextmanager
def translated(library: Any, phase: str) -> Iterator[None]:
    """Raise the library's exceptions for hyper's; phase: Connect, Pool, Write or Read."""
    try:
        yield
    except (LocalProtocolError, InvalidURL) as error:
        raise library.LocalProtocolError(str(error)) from error
    except TimeoutError as error:
        raise getattr(library, f"{phase}Timeout")(str(error)) from error
    except ProxyError as error:
        raise library.ProxyError(str(error)) from error
    except NegotiationError as error:
        raise library.ConnectError(str(error)) from error
    except HTTPException as error:
        raise library.RemoteProtocolError(str(error)) from error
    except OSError as error:
        kind = {"Connect": "ConnectError", "Read": "ReadError"}.get(phase, "WriteError")
        if phase != "Read" and isinstance(error, OF_CONNECTING):
            kind = "ConnectError"  # the connection had ended, and a new one was tried
        raise getattr(library, kind)(str(error)) from error
