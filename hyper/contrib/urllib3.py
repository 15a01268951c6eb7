"""urllib3's pools over HTTP/2: a connection class to set on them (urllib3 2.x).

::

    pool = urllib3.HTTPSConnectionPool("example.org")
    pool.ConnectionCls = HTTP20SecureConnection              # this pool
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = POOL_CLASSES            # all pools of this manager

urllib3's own connection is a subclass of http.client's; here it is a subclass of hyper's drop-in
for that.  So requests, TLS with all that a pool demands of it, tunnels, retries, redirects and
errors are urllib3's own, and the protocol is the one that the server chooses by ALPN (RFC 9113,
3.2).  A pool gives a connection to one request at a time: HTTP/2 brings header compression, streams
that can be cancelled alone, and servers that speak nothing else, but no multiplexing.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from types import GeneratorType

import urllib3
import urllib3.connection
from urllib3.exceptions import HTTPError, LocationValueError, UnrewindableBodyError
from urllib3.util import create_urllib3_context, resolve_cert_reqs, resolve_ssl_version

from .. import HTTPConnection, InvalidURL, LocalProtocolError
from ..dropin.session import session_options
from ..tls import ALPN_PROTOCOLS, OP_NO_RENEGOTIATION
from ._replaced import package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["POOL_CLASSES", "HTTP20ConnectionPool", "HTTP20SecureConnection"]

#: Generators of which a part is gone. They are not kept alive.
_begun: weakref.WeakSet[Any] = weakref.WeakSet()

#: ``begun``: another iterator of which a part is gone, the latest of this thread. ``redirected``: a
#: file that a server has just redirected, where it began, and where it stood then.
_here = threading.local()

GONE = (
    "the body is a {}, and a part of it was sent before: what is left is not the content; give"
    " bytes, a file or a list where a request may be sent again"
)


class _ALPNContext:
    """A TLS context that offers HTTP/2 as well, whatever protocols it is told to offer.

    urllib3 tells every context to offer HTTP/1.1 alone, by one list for the whole process.  The
    context is also told not to renegotiate, which HTTP/2 forbids (RFC 9113, 9.2.1).  Everything
    else is the given context's.
    """

    def __init__(self, context: Any) -> None:
        self.__dict__["_context"] = context

    def set_alpn_protocols(self, alpn_protocols: list[str]) -> None:  # noqa: ARG002 - urllib3's list
        self._context.set_alpn_protocols(list(ALPN_PROTOCOLS))
        self._context.options |= OP_NO_RENEGOTIATION

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_context"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._context, name, value)


class _Streaming(urllib3.HTTPResponse):
    """A response without content-length, which streams as a chunked one in HTTP/1.1 does.

    Its octets are given when they come, as events and watches need it.
    """

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """Give content as it comes, at most amt octets at a time, until its end."""
        while amt != 0:
            octets = self.read1(amt, decode_content)
            if not octets:
                return  # only its end is empty
            yield octets


@contextlib.contextmanager
def _telling_the_caller() -> Iterator[None]:
    """Turn hyper's errors about the caller's faults into ValueErrors that a pool lets pass."""
    try:
        yield
    except LocalProtocolError as error:
        raise ValueError(str(error)) from error
    except InvalidURL as error:
        raise LocationValueError(str(error)) from error


def _once(body: Any) -> Any:
    """Return a body such that an iterator is sent once, and its rest never as if it were whole.

    urllib3 sends it again after a 307, and after a failure that it retries.
    """
    if not hasattr(body, "__next__") or hasattr(body, "read"):
        return body
    if getattr(_here, "begun", None) is body or (_is_generator(body) and body in _begun):
        raise UnrewindableBodyError(GONE.format("generator"))
    return _noted(body)


def _is_generator(body: Any) -> bool:
    return isinstance(body, GeneratorType)  # others need not have weak references


def _noted(body: Any) -> Iterator[Any]:
    if _is_generator(body):
        _begun.add(body)
    else:
        _here.begun = body
    yield from body


def _position(body: Any) -> int | None:
    """Return where a file stands; None for what is no file, or has no place."""
    try:
        position: int = body.tell()
    except (AttributeError, OSError, ValueError):
        return None
    return position


def _beginning(body: Any) -> int | None:
    """Return where a file begins that a server has just redirected; None for any other body.

    Raises UnrewindableBodyError if it cannot go back.
    """
    noted, _here.redirected = getattr(_here, "redirected", None), None
    if noted is None or noted[0] is not body or noted[2] != _position(body):
        return None
    if noted[1] is None:
        raise UnrewindableBodyError(GONE.format("file without seek"))
    begin: int = noted[1]
    return begin


class HTTP20SecureConnection(urllib3.connection.HTTPSConnection, HTTPConnection):
    """urllib3's HTTPSConnection, which speaks HTTP/2 where the server takes it.

    Its arguments, methods and errors are urllib3's; ``version`` of a response is 20 or 11.
    HTTP/2 goes through a CONNECT proxy, unless the proxy is itself reached by TLS.  A proxy that
    forwards requests gets them in HTTP/1.1.

    A pool takes these arguments, too.

    Args:
        replay: whether requests that the server has not processed go out again (RFC 9113, 8.7).
            These repetitions do not count as a pool's retries.
        require_http2: True makes it an ``urllib3.exceptions.HTTPError``, which is not tried again,
            that the server or a proxy needs HTTP/1.1.
        options: urllib3's, and window_manager, unread_limit, settings, codec, keepalive and trace
            of ``HTTP20Connection``.
    """

    ssl_context: Any

    def __init__(
        self,
        *arguments: Any,
        replay: bool = True,
        require_http2: bool = False,
        **options: Any,
    ) -> None:
        with _telling_the_caller():
            own = session_options(options)
            super().__init__(*arguments, **options)
        self._replays = replay
        self._requires_http2 = require_http2
        self._session_options = own

    def connect(self) -> None:
        """Open the connection, and agree with the server on a protocol.

        Raises HTTPError if that is HTTP/1.1, and HTTP/2 is required, and ValueError as ``request``.
        """
        why = self._why_http1()
        if why is not None:
            self._tell_http1(why)
            super().connect()
            return
        with _telling_the_caller():
            self._connect_by_alpn()
        if getattr(self.sock, "selected_alpn_protocol", str)() != "h2":
            try:
                self._tell_http1("it has not chosen h2 by ALPN (RFC 9113, 3.2)")
            except HTTPError:
                self.close()
                raise

    def _why_http1(self) -> str | None:
        """Return why HTTP/2 is not even offered; None if it is."""
        if self.proxy is not None and self.proxy_is_forwarding:
            return "its proxy forwards requests, which go over HTTP/1.1"
        if self.proxy is not None and self.proxy.scheme == "https":
            return "tunnels through https proxies have HTTP/1.1 inside"
        return "it asks for HTTP/1.1 (RFC 9113, 7)" if self.is_http1_required else None

    def _tell_http1(self, why: str) -> None:
        """Tell the logger ``hyper`` that requests go over HTTP/1.1; raise if that is an error."""
        if self._requires_http2:
            # Not ProtocolError: a pool would try again.
            raise HTTPError(
                f"HTTP/2 is required (require_http2), with {self.host} there is none: {why}"
            )
        import logging  # not before: most programs need none

        logging.getLogger("hyper").debug("HTTP/1.1 is spoken with %s: %s", self.host, why)

    def _connect_by_alpn(self) -> None:
        given = self.ssl_context
        self.ssl_context = _ALPNContext(self._context_of_pool() if given is None else given)
        try:
            super().connect()
        finally:
            self.ssl_context = given

    def _context_of_pool(self) -> Any:
        """The context that urllib3 makes if it is given none."""
        context = create_urllib3_context(
            ssl_version=resolve_ssl_version(self.ssl_version),
            ssl_minimum_version=self.ssl_minimum_version,
            ssl_maximum_version=self.ssl_maximum_version,
            cert_reqs=resolve_cert_reqs(self.cert_reqs),
        )
        if not (self.ca_certs or self.ca_cert_dir or self.ca_cert_data):
            context.load_default_certs()
        return context

    @property
    def is_connected(self) -> bool:
        """True if the next request can go out here."""
        # urllib3 takes a connection with something to read for a dead one; on HTTP/2 that may be a
        # PING, and the socket knows better.
        is_open: bool | None = getattr(self.sock, "is_open", None)
        if is_open is not None:
            return is_open
        return super().is_connected  # type: ignore[no-any-return]

    def request(
        self, method: str, url: str, body: Any = None, *arguments: Any, **options: Any
    ) -> None:
        """Send a request; arguments are urllib3's.

        Raises ValueError for what the caller must not send: a pool would take hyper's own errors
        for a failure of the connection, and try again. Raises UnrewindableBodyError for a
        generator of which a part was sent before.
        """
        with _telling_the_caller():
            super().request(method, url, _once(body), *arguments, **options)

    def getresponse(self) -> Any:
        """The response, as urllib3 shows it; raises as ``request`` does, for content cut short."""
        with _telling_the_caller():
            response: Any = super().getresponse()
        if response.version == 20:
            response.version_string = "HTTP/2"
            if "content-length" not in response.headers and hasattr(response, "read1"):
                response.__class__ = _Streaming  # urllib3 leaves no choice of its class
        return response


class Chosen:
    """A pool's ``ConnectionCls``: hyper's class, or the one of a mock.

    Mocks and recorders put classes of their own into a library's pools. Then these are taken, as
    the library's pool would.

    Args:
        pool_class: the library's pool, which programs know.
        connection_class: hyper's.
    """

    def __init__(self, pool_class: Any, connection_class: Any) -> None:
        self._pool_class = pool_class
        self._connection_class = connection_class
        self._packages = ("urllib3", "hyper", package(pool_class.__module__))

    def __get__(self, pool: Any, owner: Any = None) -> Any:
        found = self._pool_class.ConnectionCls
        if package(found.__module__) in self._packages:
            return self._connection_class
        return found


class HTTP20ConnectionPool(urllib3.HTTPSConnectionPool):
    """urllib3's HTTPSConnectionPool of such connections."""

    ConnectionCls: Any = Chosen(urllib3.HTTPSConnectionPool, HTTP20SecureConnection)

    def urlopen(  # the rest is passed on
        self, method: str, url: str, body: Any = None, *arguments: Any, **options: Any
    ) -> Any:
        """Send a request and give its response; as urllib3's.

        A PoolManager sends it again to where a 307 leads, and does not know where a file began.
        """
        if not hasattr(body, "read"):
            return super().urlopen(method, url, body, *arguments, **options)
        begin = _beginning(body)
        if begin is not None:
            options.setdefault("body_pos", begin)
        else:
            begin = _position(body)
        response = super().urlopen(method, url, body, *arguments, **options)
        if response.get_redirect_location():
            _here.redirected = body, begin, _position(body)
        return response


#: For a PoolManager's ``pool_classes_by_scheme``.
POOL_CLASSES: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": HTTP20ConnectionPool}
