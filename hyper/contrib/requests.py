"""requests over HTTP/2: ``session.mount("https://", HTTP20Adapter())``, and nothing else changes.

requests' own adapter does its usual work. It finds urllib3's pool for an origin and its TLS
settings, gives the prepared request to the pool's ``urlopen``, and turns urllib3's response and
exceptions into its own. This module has a pool with another ``urlopen``: it sends through a
``hyper.Pool``, and returns urllib3's responses and exceptions.

::

    Session -> HTTP20Adapter -> HTTP20Pool, one an origin, verify and cert
                                  HTTP/2:   hyper.Pool, all requests at once
                                  HTTP/1.1: urllib3's urlopen, a connection a request

urllib3 sends in HTTP/1.1 to servers that do not speak HTTP/2, which ``hyper.Pool`` finds out and
remembers. So it does where options were given that only urllib3 knows, or a SOCKS proxy. HTTP/2
goes through an http or https proxy in a tunnel.
"""

from __future__ import annotations

import functools
import inspect
import ssl
import warnings
import weakref

import requests.adapters
import requests.exceptions
from urllib3.connectionpool import HTTPSConnectionPool, log
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
from urllib3.util import Retry, Timeout
from urllib3.util.ssl_ import resolve_cert_reqs

from .. import HTTPException, InvalidURL, LocalProtocolError, Pool
from .. import ProxyError as ProxyDeclined
from ..dropin.bases import are_same
from ..foundation.interruptions import is_of_signal
from ..proxies import Proxy
from ..tls import init_context
from . import _passage
from ._passing import PassingPool
from ._replaced import is_own
from ._requests import (
    Alias,
    Content,
    Exchange,
    as_urllib3,
    pin_of,
    replaceable,
    seconds_of,
    what_is_replaced,
    with_right_length,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from urllib3.response import HTTPResponse

    from .. import HTTP20Connection

__all__ = ["HTTP20Adapter", "HTTP20Pool"]

#: Options of a pool that hyper has too, or that change nothing here. With any other one, and with
#: the attributes of a pool below, requests go by HTTP/1.1, where urllib3 does as told.
KNOWN_OPTIONS = frozenset(("blocksize", "proxy", "proxy_config", "source_address", "ssl_context"))
UNKNOWN_ATTRIBUTES = ("ssl_maximum_version", "ssl_minimum_version", "ssl_version")

#: Attributes of a pool that say whose certificate is right.
IDENTITY = ("assert_fingerprint", "assert_hostname")

#: requests' options of an adapter, whose names its ``__init__`` has; all others are hyper's.
ADAPTER_OPTIONS = ("pool_connections", "pool_maxsize", "max_retries", "pool_block")

#: The place of a body that cannot be had again, in the attribute in which requests keeps it: then
#: requests raises UnrewindableBodyError, rather than send what is left of a generator.
GONE = object()


class HTTP20Adapter(requests.adapters.HTTPAdapter):
    """A transport adapter for requests whose https URLs are fetched over HTTP/2 (RFC 9113).

    A session that mounts it may be used by many threads: their requests to one origin share one
    connection, and a second one where the server allows no more streams.

    Args:
        arguments: those of ``requests.adapters.HTTPAdapter``.
        require_http2: True makes it a ConnectionError that a server needs HTTP/1.1, or that the
            URL is an http one.
        options: by name, those of ``HTTPAdapter``, and those of ``hyper.Pool`` and
            ``HTTP20Connection`` (``settings``, ``unread_limit``, ``max_connections_per_origin``).
    """

    __attrs__: Any = (*requests.adapters.HTTPAdapter.__attrs__, "require_http2", "pool_options")

    def __init__(self, *arguments: Any, require_http2: bool = False, **options: Any) -> None:
        own = {name: options.pop(name) for name in ADAPTER_OPTIONS if name in options}
        self.require_http2 = require_http2
        #: of hyper.Pool
        self.pool_options = options
        Pool(**options).close()  # a mistake in them is told here
        super().__init__(*arguments, **own)

    @property
    def poolmanager(self) -> Any:
        """urllib3's PoolManager; whichever is assigned makes pools of HTTP/2."""
        return self._keeper

    @poolmanager.setter
    def poolmanager(self, keeper: Any) -> None:
        self._keeper = keeper
        self._make_http2(keeper)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give the PoolManager behind a proxy, as requests makes it, with pools of HTTP/2."""
        keeper = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            self._make_http2(keeper)
        return keeper

    def _make_http2(self, keeper: Any) -> None:
        classes = getattr(keeper, "pool_classes_by_scheme", None)
        # A keeper of another kind, such as a mock, has none.
        if isinstance(classes, dict):
            options = {**self.pool_options, "require_http2": self.require_http2}
            pool_class = functools.partial(HTTP20Pool, pool_options=options)
            keeper.pool_classes_by_scheme = {**classes, "https": pool_class}

    def send(
        self, request: requests.PreparedRequest, *arguments: Any, **options: Any
    ) -> requests.Response:
        """Send a prepared request, as ``requests.adapters.HTTPAdapter.send``.

        Raises:
            requests.exceptions.UnrewindableBodyError: the body is a generator, and some of it was
                sent before.
        """
        url = request.url or ""
        if self.require_http2 and url[:8].lower() != "https://":
            raise requests.exceptions.ConnectionError(
                "HTTP/2 is required (require_http2), and http URLs go over HTTP/1.1",
                request=request,
            )
        _note_body(request)
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


def _note_body(request: requests.PreparedRequest) -> None:
    """Note that a body can be had only once; raise if it was had before."""
    body: Any = request.body
    if body is None or isinstance(body, (str, bytes)) or hasattr(body, "read"):
        return
    if not hasattr(body, "__next__"):
        return
    untouched = inspect.isgenerator(body) and inspect.getgeneratorstate(body) == "GEN_CREATED"
    if getattr(request, "_body_position", None) is GONE and not untouched:
        raise requests.exceptions.UnrewindableBodyError(
            "the body is an iterator, and some of it was sent before: what is left is not the"
            " content; give bytes, a file or a list"
        )
    # The attribute that requests reads at a redirect.
    request._body_position = GONE  # noqa: SLF001 - see above


class HTTP20Pool(PassingPool):
    """urllib3's pool of the connections to one origin, which sends through a ``hyper.Pool``.

    Any thread. Its TLS settings are fixed once the first request has been sent.

    Args:
        arguments, options: those of ``urllib3.HTTPSConnectionPool``.
        pool_options: those of ``hyper.Pool``.
    """

    def __init__(
        self, *arguments: Any, pool_options: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._pool_options = {**(pool_options or {})}
        self._pool: Pool | None = None
        self._is_verified = True
        #: what other programs may replace, as it was when it was looked at last
        self._places: tuple[Any, ...] = (None,)
        self._is_wrapped = False
        #: the name by which the certificate of an address is checked
        self._alias: Alias | None = None
        #: connections that have carried a request
        self._known: weakref.WeakSet[HTTP20Connection] = weakref.WeakSet()

    # ---------------------------------------------------------------- requests

    def urlopen(  # as urllib3's own: the rest is passed on
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retries: Any = None,
        redirect: bool = True,
        assert_same_host: bool = True,
        *positional: Any,
        **options: Any,
    ) -> Any:
        """Send a request and give its response; as ``urllib3.HTTPConnectionPool.urlopen``.

        Over HTTP/2 where redirect is False, as requests and urllib3's PoolManager call it: they
        follow redirects themselves, to any origin.
        """
        headers = with_right_length(headers, body)
        is_plain = not (redirect or positional)
        why = None
        places = replaceable(self)
        if not is_plain or self._pool is None or not are_same(places, self._places):
            self._places = places
            why = self._why_http1(redirect=not is_plain)
            self._is_wrapped = not is_own(HTTPSConnectionPool, "urlopen")
        if why is None and self._is_wrapped and not self.is_passing:
            with self.passing():
                given = {"body": body, "headers": headers, "retries": retries, **options}
                given["assert_same_host"] = assert_same_host
                return super().urlopen(method=method, url=url, redirect=False, **given)
        content = Content(body)
        if why is None:
            fields = self.headers if headers is None else headers
            exchange = Exchange.of(self, method, url, content, fields, options)
            response = self._retried(exchange, retries)
            if response is not None:
                return response
        elif self._pool_options.get("require_http2"):
            raise ProtocolError(f"HTTP/2 is required (require_http2), and {why}")
        else:
            import logging  # not before: most programs need none

            logging.getLogger("hyper").debug("HTTP/1.1 is spoken with %s: %s", self.host, why)
        return super().urlopen(
            method,
            url,
            content.given,
            headers,
            retries,
            redirect,
            assert_same_host,
            *positional,
            **options,
        )

    def _why_http1(self, *, redirect: bool) -> str | None:
        """Return why the request is urllib3's own, whatever the server speaks; None if it is not.

        redirect: whether urllib3 is to follow redirects, or was given positional arguments.
        """
        if redirect:
            return "urllib3 is to follow redirects"
        replaced = what_is_replaced(self)
        if replaced:
            return f"another library has replaced urllib3's {', '.join(replaced)}"
        context = self.conn_kw.get("ssl_context")
        if context is not None and not isinstance(context, ssl.SSLContext):
            return "the TLS context is not one of the ssl module"
        if getattr(self.proxy_config, "use_forwarding_for_https", False):
            return "the proxy is to forward https requests"
        unknown = {name for name in UNKNOWN_ATTRIBUTES if getattr(self, name, None) is not None}
        if context is not None:
            # They would change the caller's context for all that share it.
            unknown |= {name for name in IDENTITY if getattr(self, name, None) is not None}
        elif self.assert_hostname and self.assert_hostname != self.host and not Alias.of(self):
            unknown.add("assert_hostname")
        unknown |= self.conn_kw.keys() - KNOWN_OPTIONS
        if self.proxy is not None and not self.conn_kw.get("socket_options"):
            unknown.discard("socket_options")  # a pool behind a proxy has an empty list of them
        return f"only urllib3 knows {', '.join(sorted(unknown))}" if unknown else None

    def _retried(self, exchange: Exchange, retries: Any) -> HTTPResponse | None:
        """Try until there is a response, as often as retries allow; None for HTTP/1.1.

        Raises urllib3's errors. A fault of the caller's is never tried again.
        """
        retries = Retry.from_int(retries, redirect=False, default=self.retries)
        method, url = exchange.method, exchange.url
        while True:
            try:
                response = self._attempt(exchange)
            except InvalidHeader:
                raise
            except HTTPError as error:
                if not exchange.content.rewind():
                    raise  # its content came from a generator, which can be sent only once
                trace = error.__traceback__
                retries = retries.increment(method, url, error=error, _pool=self, _stacktrace=trace)
                retries.sleep()
                continue
            if response is None:
                return None
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

    def _attempt(self, exchange: Exchange) -> HTTPResponse | None:
        """Send a request once; None if it is to go over HTTP/1.1. Raises urllib3's errors."""
        timeout = exchange.timeout()
        connect_timeout = seconds_of(timeout.connect_timeout)
        is_connected = False
        try:
            pool, host = self._opened(), self.host if self._alias is None else self._alias.name
            with pool.connection(host, self.port, timeout=connect_timeout) as connection:
                is_connected = True
                if connection is None:
                    return None
                self._note_request(connection)
                self._warn_if_unverified()
                with connection.each_wait(seconds_of(timeout.read_timeout)):
                    return self._answered(connection, exchange)
        except InvalidURL:
            raise
        except LocalProtocolError as error:
            raise InvalidHeader(str(error)) from error
        except (HTTPException, OSError) as error:
            if is_of_signal(error):
                raise
            if is_connected and Pool.asks_for_http1(error):
                if self._falls_back(exchange):
                    return None
                raise ProtocolError("Connection aborted.", error) from error
            if is_connected:
                raise self._failure(error, exchange, timeout) from error
            raise self._connect_failure(error, connect_timeout) from error

    def _falls_back(self, exchange: Exchange) -> bool:
        """True if a request that the server wants in HTTP/1.1 can be sent again."""
        return not self._pool_options.get("require_http2") and exchange.content.rewind()

    def _failure(self, error: Exception, exchange: Exchange, timeout: Timeout) -> HTTPError:
        """Give urllib3's exception for one of an exchange."""
        if isinstance(error, TimeoutError):
            seconds = timeout.read_timeout
            return ReadTimeoutError(
                self, exchange.url, f"Read timed out. (read timeout={seconds}): {error}"
            )
        if isinstance(error, ssl.SSLError):
            return SSLError(error)
        return ProtocolError("Connection aborted.", error)

    def _connect_failure(self, error: Exception, seconds: float | None) -> HTTPError:
        """Give urllib3's exception for one of connecting."""
        if isinstance(error, ProxyDeclined):
            return ProxyError(str(error), OSError(str(error)))
        if isinstance(error, ssl.SSLError):
            return SSLError(error)
        if isinstance(error, TimeoutError):
            return ConnectTimeoutError(
                self,
                f"Connection to {self.host} timed out. (connect timeout={seconds}): {error}",
            )
        if isinstance(error, HTTPException):
            return ProtocolError(str(error), error)
        failure = NewConnectionError(
            self,  # urllib3 only prints it
            f"Failed to establish a new connection: {error}",
        )
        if self.proxy is not None:  # nothing else was connected to
            return ProxyError("Unable to connect to proxy", failure)
        return failure

    def _answered(self, connection: HTTP20Connection, exchange: Exchange) -> HTTPResponse:
        """Send a request and wait for the header section of its response; hyper's errors."""
        headers = exchange.headers
        if self._alias is not None:
            headers = self._alias.with_host(headers, self.port)
        if exchange.is_seen:
            send = functools.partial(self._send, connection, exchange)
            passage = _passage.Passage(self.host, self.port, send)
            response = passage.exchange(exchange.method, exchange.url, headers)
        else:
            response = self._send(connection, exchange, headers)
        message = as_urllib3(response, self, exchange, connection)
        log.debug(
            '%s://%s:%s "%s %s %s" %s %s',
            self.scheme,
            self.host,
            self.port,
            exchange.method,
            exchange.url,
            "HTTP/2",
            message.status,
            message.length_remaining,
        )
        return message

    def _send(self, connection: HTTP20Connection, exchange: Exchange, headers: Any) -> Any:
        timeout = connection.timeout
        stream_id = connection.request(
            exchange.method,
            exchange.url,
            exchange.content.take(),
            headers,
            skip_accept_encoding="accept-encoding" in exchange.skipped,
        )
        try:
            response = connection.getresponse(stream_id)
        except BaseException:  # nobody will ask for this response
            connection.cancel(stream_id)
            raise
        response.timeout = timeout
        return response

    def _note_request(self, connection: HTTP20Connection) -> None:
        """Count as urllib3 does, and say what it says of a new connection."""
        self.num_requests += 1
        if connection not in self._known:
            self._known.add(connection)
            self.num_connections += 1
            log.debug(
                "Starting new HTTPS connection (%d): %s:%s",
                self.num_connections,
                self.host,
                self.port or 443,
            )

    def _warn_if_unverified(self) -> None:
        if not self._is_verified:
            warnings.warn(
                f"the certificate of {self.host} is not verified: anybody may have answered this"
                " request",
                InsecureRequestWarning,
                stacklevel=2,
            )

    # -------------------------------------------------------------- connecting

    def _opened(self) -> Pool:
        """Give the pool of hyper's that all threads share; made now if there is none."""
        if self._pool is None:
            self._alias = Alias.of(self)
            try:
                context = self._context()
                proxy = self._hyper_proxy()
            except OSError as error:  # ssl.SSLError among them
                if is_of_signal(error):
                    raise
                raise SSLError(error) from error
            pool = Pool(
                **{
                    "ssl_context": context,
                    "source_address": self.conn_kw.get("source_address"),
                    "proxy": proxy,
                    **({} if self._alias is None else {"resolve": self._alias.resolve}),
                    **self._pool_options,
                    "decode_content": False,  # urllib3 does that
                }
            )
            pool.is_seen = True
            is_required = context.verify_mode == ssl.CERT_REQUIRED
            self._is_verified = is_required or bool(self.assert_fingerprint)
            # Another thread may have made one meanwhile: this one has no connections yet.
            kept: Pool = self.__dict__.setdefault("_shared_pool", pool)
            if kept is pool:
                # Once neither the PoolManager nor a response refers to the pool any more.
                weakref.finalize(self, pool.close)
            self._pool = kept
        return self._pool

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
            self.ca_certs or self.ca_cert_dir,
            pin=pin_of(self) if is_client_named else None,
            backend="ssl",
        )
        if is_client_named and (self.assert_fingerprint or self.assert_hostname is False):
            context.check_hostname = False
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
        """Close the connections on which nothing is under way, and end connecting.

        The others are closed when the last of their responses, and the pool with it, has been
        dropped.
        """
        if self._pool is not None:
            self._pool.close_idle()
            self._pool.end_dials()

    def close(self) -> None:
        """Close what is idle or connecting; urllib3's pools are not used again."""
        self.retire()
        super().close()
