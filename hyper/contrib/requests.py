"""requests over HTTP/2: ``session.mount("https://", HTTP20Adapter())``, and nothing else changes.

requests' own adapter does its usual work.  It finds urllib3's pool for an origin and its TLS
settings, gives the prepared request to the pool's ``urlopen``, and turns urllib3's response and
exceptions into its own.  This module has a pool with another ``urlopen``: it sends on one
``HTTP20Connection`` that all threads share, and returns urllib3's responses and exceptions.

::

    Session -> HTTP20Adapter -> HTTP20Pool, one an origin, verify and cert
                                  HTTP/2:   Connection, all requests at once
                                  HTTP/1.1: urllib3's urlopen, a connection a request

A server that does not speak HTTP/2 is recognised at the first request and remembered; urllib3
reaches it in HTTP/1.1.  So it does where options were given that only urllib3 knows, or a SOCKS
proxy.  HTTP/2 goes through an http or https proxy in a tunnel.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
import warnings
import weakref
from contextlib import suppress
from urllib.parse import quote

import requests.adapters
import requests.exceptions
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    InvalidHeader,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import HTTPResponse
from urllib3.util import Retry, Timeout
from urllib3.util.ssl_ import resolve_cert_reqs

from .. import (
    ErrorCode,
    HTTP20Response,
    HTTPException,
    InvalidURL,
    LocalProtocolError,
    NegotiationError,
)
from .. import ProxyError as ProxyDeclined
from ..proxies import Proxy
from ..tls import init_context
from ._per_thread import PerThreadConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["HTTP20Adapter", "HTTP20Pool"]

#: How often a request is refused, with the guarantee that it was not processed (RFC 9113, 8.7),
#: before that counts as an error: a server that refuses this often has no room for it.
MAX_REFUSALS = 3

#: Characters that stay as they are in a URL: printable ASCII. requests has quoted all others
#: already, unless ``PreparedRequest.url`` was changed after that.
URL_CHARACTERS = "".join(map(chr, range(0x21, 0x7F)))

#: Octets that are read at a time from a text file, whose text is then coded.
READ_SIZE = 64 * 1024

#: Options of a pool that hyper has too, or that change nothing here. With any other one, and with
#: the attributes of a pool below, requests go by HTTP/1.1, where urllib3 does as told.
KNOWN_OPTIONS = frozenset(("blocksize", "proxy", "proxy_config", "source_address", "ssl_context"))
UNKNOWN_ATTRIBUTES = (
    "assert_fingerprint",
    "assert_hostname",
    "ssl_maximum_version",
    "ssl_minimum_version",
    "ssl_version",
)


class HTTP20Adapter(requests.adapters.HTTPAdapter):
    """A transport adapter for requests whose https URLs are fetched over HTTP/2 (RFC 9113).

    Its options are those of ``requests.adapters.HTTPAdapter``.  A session that mounts it may be
    used by many threads: their requests to one origin share one connection.
    """

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make urllib3's PoolManager, as requests does, with another class of pools for https."""
        super().init_poolmanager(*arguments, **options)
        _make_http2(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The PoolManager behind a proxy, as requests makes it, with that class of pools."""
        keeper = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            _make_http2(keeper)
        return keeper

    def send(
        self, request: requests.PreparedRequest, *arguments: Any, **options: Any
    ) -> requests.Response:
        """Send a prepared request; as ``requests.adapters.HTTPAdapter.send``."""
        try:
            return super().send(request, *arguments, **options)
        except InvalidURL as error:
            raise requests.exceptions.InvalidURL(error, request=request) from error

    def close(self) -> None:
        """Close the connections; one that has responses to be read, when they are dropped."""
        for keeper in (self.poolmanager, *self.proxy_manager.values()):
            for key in keeper.pools.keys():  # noqa: SIM118 - urllib3's container refuses to be iterated
                pool = keeper.pools.get(key)
                if isinstance(pool, HTTP20Pool):
                    pool.retire()
        super().close()


def _make_http2(keeper: Any) -> None:
    keeper.pool_classes_by_scheme = {**keeper.pool_classes_by_scheme, "https": HTTP20Pool}


class HTTP20Pool(HTTPSConnectionPool):
    """urllib3's pool of the connections to one origin. HTTP/2 needs but one. Any thread.

    Its TLS settings are fixed once the first request has been sent.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        #: held by the thread that connects, for all threads
        self._connecting = threading.Lock()
        #: None until the first connection has shown it
        self._speaks_http2: bool | None = None
        self._connection: _Connection | None = None
        # Guarded by _counting.
        self._counting = threading.Lock()
        self._requests_under_way = 0
        self._responses: weakref.WeakSet[HTTP20Response] = weakref.WeakSet()

    # ---------------------------------------------------------------- requests

    def urlopen(  # as urllib3's own: the rest is passed on
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retries: Any = None,
        redirect: bool = True,
        *positional: Any,
        **options: Any,
    ) -> Any:
        """Send a request and give its response; as ``urllib3.HTTPConnectionPool.urlopen``.

        Over HTTP/2 where redirect is False, as requests and urllib3's PoolManager call it: they
        follow redirects themselves, to any origin.
        """
        content = _Content(body)
        if not (redirect or positional or self._speaks_http2 is False):
            exchange = _Exchange(
                method,
                quote(url, safe=URL_CHARACTERS),
                content,
                self.headers if headers is None else headers,
                options.get("timeout", self.timeout),
                {name: options.get(name, True) for name in ("preload_content", "decode_content")},
            )
            with suppress(NegotiationError):
                return self._retried(exchange, retries)
        arguments = (method, url, content.given, headers, retries, redirect, *positional)
        return super().urlopen(*arguments, **options)

    def _retried(self, exchange: _Exchange, retries: Any) -> HTTPResponse:
        """Try until there is a response, as often as retries allow; raises urllib3's errors."""
        retries = Retry.from_int(retries, redirect=False, default=self.retries)
        method, url = exchange.method, exchange.url
        while True:
            try:
                response = self._attempt(exchange)
            except HTTPError as error:
                if not exchange.content.rewind():
                    raise  # its content came from a generator, which can be sent only once
                trace = error.__traceback__
                retries = retries.increment(method, url, error=error, _pool=self, _stacktrace=trace)
                retries.sleep()
                continue
            response.retries = retries
            has_retry_after = "retry-after" in response.headers
            if not retries.is_retry(method, response.status, has_retry_after):
                return response
            if not exchange.content.rewind():
                return response
            try:
                retries = retries.increment(method, url, response=response, _pool=self)
            except MaxRetryError:
                if retries.raise_on_status:
                    response.close()
                    raise
                return response
            response.close()
            retries.sleep(response)

    def _attempt(self, exchange: _Exchange) -> HTTPResponse:
        """Send a request, again if the server has not processed it; raises urllib3's errors."""
        timeout = exchange.timeout()
        refusals = 0
        while True:
            connection = self._connected(timeout)
            try:
                return self._answered(connection, exchange, timeout)
            except (InvalidURL, NegotiationError):
                raise
            except LocalProtocolError as error:
                raise InvalidHeader(str(error)) from error
            except TimeoutError as error:
                raise ReadTimeoutError(
                    self, exchange.url, f"Read timed out. (read timeout={timeout.read_timeout})"
                ) from error
            except ssl.SSLError as error:
                raise SSLError(error) from error
            except (HTTPException, OSError) as error:
                self._require_http2(error, exchange.content)
                refusals += 1
                is_refused = getattr(error, "retryable", False) and refusals < MAX_REFUSALS
                if not (is_refused and exchange.content.rewind()):
                    raise ProtocolError("Connection aborted.", error) from error

    def _require_http2(self, error: Exception, content: _Content) -> None:
        """Raise NegotiationError if the server asks for the older protocol (RFC 9113, 7)."""
        if getattr(error, "error_code", None) == ErrorCode.HTTP_1_1_REQUIRED:
            self._speaks_http2 = False
            if content.rewind():
                raise NegotiationError(f"{self.host} asks for HTTP/1.1") from error

    def _answered(
        self, connection: _Connection, exchange: _Exchange, timeout: Timeout
    ) -> HTTPResponse:
        """Send a request and wait for the header section of its response; hyper's errors."""
        limit = connection.timeout = _seconds(timeout.read_timeout)
        with self._counting:
            self._requests_under_way += 1
        try:
            stream_id = connection.request(
                exchange.method, exchange.url, exchange.content.take(), exchange.headers
            )
            try:
                response = connection.getresponse(stream_id)
            except BaseException:
                connection.cancel(stream_id)
                raise
            with self._counting:
                self._responses.add(response)
        finally:
            with self._counting:
                self._requests_under_way -= 1
        response.timeout = limit
        return _as_urllib3(response, self, exchange)

    # -------------------------------------------------------------- connecting

    def _connected(self, timeout: Timeout) -> _Connection:
        """The connection that all share, connected; NegotiationError if it cannot be."""
        limit = _seconds(timeout.connect_timeout)
        begin = time.monotonic()
        if not self._connecting.acquire(timeout=-1 if limit is None else limit):
            raise self._late(limit)
        try:
            if self._speaks_http2 is False:
                raise NegotiationError(f"{self.host} does not speak HTTP/2")
            connection = self._shared_connection()
            connection.timeout = None if limit is None else begin + limit - time.monotonic()
            self._connect(connection, limit)
            self._speaks_http2 = True
        finally:
            self._connecting.release()
        if not connection.is_verified:
            warnings.warn(
                f"the certificate of {self.host} is not verified: anybody may have answered this"
                " request",
                InsecureRequestWarning,
                stacklevel=2,
            )
        return connection

    def _connect(self, connection: _Connection, limit: float | None) -> None:
        """Connect, if it is not; raises urllib3's errors."""
        try:
            connection.connect()
        except ProxyDeclined as error:
            raise ProxyError(str(error), OSError(str(error))) from error
        except NegotiationError:
            self._speaks_http2 = False
            raise
        except ssl.SSLCertVerificationError as error:
            raise SSLError(error) from error
        except ssl.SSLError as error:
            # HTTP/2 is stricter about versions and ciphers (RFC 9113, 9.2). If the cause is
            # another, urllib3 will meet it too. An end of the connection proves nothing.
            if self._speaks_http2 is None and not isinstance(error, ssl.SSLEOFError):
                self._speaks_http2 = False
            raise NegotiationError(f"{self.host} does not speak HTTP/2's TLS") from error
        except TimeoutError as error:
            raise self._late(limit) from error
        except OSError as error:
            failure = NewConnectionError(
                self,  # urllib3 only prints it
                f"Failed to establish a new connection: {error}",
            )
            if self.proxy is not None:  # nothing else was connected to
                raise ProxyError("Unable to connect to proxy", failure) from error
            raise failure from error

    def _late(self, limit: float | None) -> ConnectTimeoutError:
        return ConnectTimeoutError(
            self, f"Connection to {self.host} timed out. (connect timeout={limit})"
        )

    def _shared_connection(self) -> _Connection:
        if self._connection is None:
            if not self._is_known():
                self._speaks_http2 = False
                raise NegotiationError("an option was given that only urllib3 knows")
            try:
                context = self._context()
            except OSError as error:  # ssl.SSLError among them
                raise SSLError(error) from error
            self._connection = _Connection(
                self.host,
                self.port,
                enable_push=False,
                secure=True,
                ssl_context=context,
                source_address=self.conn_kw.get("source_address"),
                proxy=self._hyper_proxy(),
                decode_content=False,
            )
            # Once neither the PoolManager nor a response refers to the pool any more.
            weakref.finalize(self, _close, self._connection)
        return self._connection

    def _is_known(self) -> bool:
        """True if hyper can do all that the pool was asked to do."""
        context = self.conn_kw.get("ssl_context")
        options = set(self.conn_kw)
        if self.proxy is not None and not self.conn_kw.get("socket_options"):
            options.discard("socket_options")  # a pool behind a proxy has an empty list of them
        return (
            all(getattr(self, name, None) is None for name in UNKNOWN_ATTRIBUTES)
            and KNOWN_OPTIONS.issuperset(options)
            and not getattr(self.proxy_config, "use_forwarding_for_https", False)
            and (context is None or isinstance(context, ssl.SSLContext))
        )

    def _hyper_proxy(self) -> Proxy | None:
        """The pool's proxy, if it has one; verified as the server is, unless it has a context."""
        given = self.proxy
        if given is None:
            return None
        context = getattr(self.proxy_config, "ssl_context", None)
        if context is None and given.scheme == "https":
            context = self._context(is_client_named=False)
        url = f"{given.scheme}://{given.netloc}"
        return Proxy(url, headers=self.proxy_headers or {}, ssl_context=context)

    def _context(self, *, is_client_named: bool = True) -> ssl.SSLContext:
        """The TLS context that the pool's settings describe."""
        given = self.conn_kw.get("ssl_context")
        context: ssl.SSLContext = given or init_context(
            self.ca_certs or self.ca_cert_dir, backend="ssl"
        )
        if given is None or self.cert_reqs is not None:
            required = resolve_cert_reqs(self.cert_reqs)
            context.check_hostname = context.check_hostname and required != ssl.CERT_NONE
            context.verify_mode = required
        if given and (self.ca_certs or self.ca_cert_dir):
            given.load_verify_locations(self.ca_certs, self.ca_cert_dir)
        if self.cert_file and is_client_named:
            context.load_cert_chain(self.cert_file, self.key_file, self.key_password)
        return context

    # ----------------------------------------------------------------- closing

    def retire(self) -> None:
        """Close the connection if nothing is under way on it; else that happens later.

        It is closed when the last of its responses, and the pool with it, has been dropped.
        """
        with self._counting:
            is_idle = not self._requests_under_way and all(
                response.isclosed() for response in self._responses
            )
        if is_idle and self._connection is not None:
            self._connection.close()

    def close(self) -> None:
        """Close what is idle, in either protocol; urllib3's pools are not used again."""
        self.retire()
        super().close()


class _Connection(PerThreadConnection):
    """The connection to one origin; all threads share it."""

    def __init__(self, host: str, port: int | None, **options: Any) -> None:
        super().__init__(host, port, **options)
        context: ssl.SSLContext = options["ssl_context"]
        self.is_verified = context.verify_mode == ssl.CERT_REQUIRED


def _close(connection: _Connection) -> None:
    # This runs at the end of the process too, and must not wait for a thread that is connecting.
    if connection.sock is not None:
        connection.close()


class _Exchange:
    """One request, which may be sent several times."""

    def __init__(
        self,
        method: str,
        url: str,
        content: _Content,
        headers: Mapping[str, str],
        timeout: Any,
        options: dict[str, Any],
    ) -> None:
        self.method = method
        self.url = url
        self.content = content
        self.headers = headers
        self._timeout = timeout
        #: keyword arguments of urllib3's response
        self.options = options

    def timeout(self) -> Timeout:
        """urllib3's Timeout for one attempt, started."""
        given = self._timeout
        timeout = given.clone() if isinstance(given, Timeout) else Timeout.from_float(given)
        timeout.start_connect()
        return timeout


class _Content:
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
        return (piece.encode() if isinstance(piece, str) else piece for piece in given)

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


def _is_octets(given: Any) -> bool:
    return isinstance(given, (bytes, bytearray, memoryview))


def _seconds(timeout: Any) -> float | None:
    # urllib3 has an object that stands for the default, as http.client has.
    if timeout is None or isinstance(timeout, (int, float)):
        return timeout
    return socket.getdefaulttimeout()


def _as_urllib3(response: HTTP20Response, pool: HTTP20Pool, exchange: _Exchange) -> HTTPResponse:
    """urllib3's response around one of hyper's; urllib3's decodes the content if asked to."""
    message = HTTPResponse(
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
