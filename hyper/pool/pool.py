"""Pool: requests to many servers, from any thread, over as few connections as they need."""

from __future__ import annotations

import time

from ..client.connection import HTTP20Connection
from ..client.content import is_callable
from ..client.former_names import FORMER_NAMES
from ..client.replay import Source, asks_for_http1
from ..client.timeouts import NOT_GIVEN, Timeouts
from ..errors import InvalidURL, NegotiationError, shown
from ..foundation.fork import renew_after_fork
from ..foundation.hosts import host_and_port
from ..foundation.memo import Memo
from ..pump.lock import InterruptibleLock
from ..trace.watch import watch_of
from .shared import SharedConnection
from .site import Lease, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from ..client.content import Body
    from ..client.response import HTTP20Response
    from ..fields import FieldSource
    from ..http1 import HTTPResponse
    from ..protocol.priorities import PrioritySource

    #: method, target, body, headers, trailers, priority
    Request = tuple[str, str, Body, FieldSource, Optional[FieldSource], Optional[PrioritySource]]

#: Connections to one origin. A server that allows a hundred streams needs but one; the second
#: serves what comes while long polls take all streams of the first.
MAX_CONNECTIONS_PER_ORIGIN = 2
#: Idle connections that are kept, each with some tens of kilobytes and a descriptor.
MAX_IDLE = 64
#: Seconds that an idle connection is kept: many servers close theirs after a minute or two.
IDLE_TIMEOUT = 90.0
#: Seconds between two looks at the idle connections, each of which costs a system call.
LOOK_INTERVAL = 0.25
#: Origins without a connection of which it is remembered that they need HTTP/1.1.
MAX_REMEMBERED = 1000
#: URLs whose parts are remembered, and the longest: 512 KiB at most.
MAX_URLS = 256
MAX_URL_SIZE = 2048
#: Options that name one server, for which a pool has no place.
OF_ONE_SERVER = ("host", "port", "secure")
#: "The request was directed at a server that is unable or unwilling to produce an authoritative
#: response for the target URI" (RFC 9110, 15.5.20).
MISDIRECTED_REQUEST = 421
#: The source of requests without content: nothing of it is ever gone.
NOTHING = Source(None)
#: ``version`` of a response over HTTP/2.
HTTP_2 = 20


class Pool:
    """Requests to many servers, from any thread, over connections that are kept (RFC 9113, 9.1).

    A server that does not speak HTTP/2 is asked in HTTP/1.1, by hyper's drop-in for http.client,
    which is remembered. Connections are kept by origin: scheme, host and port. The pool has no
    thread: connections are looked after by each call. It follows no redirects and keeps no cookies.

    Args:
        max_connections_per_origin: connections to one origin; another is opened where a server
            allows no further stream (5.1.2). HTTP/1.1 has one for each request under way.
        max_idle: how many connections without a stream are kept; the longest idle is closed first.
        idle_timeout: seconds that one is kept, None for ever.
        coalesce: True lets https origins share a connection whose certificate names both, where
            the server's ORIGIN frame says so (RFC 8336), or else DNS leads to the same address
            (9.1.1).
        require_http2: True makes it an error that a server needs HTTP/1.1.
        http2: "prior" speaks HTTP/2 to http URLs, too (3.3); None means HTTP/1.1 there.
        options: those of ``HTTP20Connection``, except host, port and secure. With unix_socket all
            origins are behind that socket. Without enable_push nothing is pushed.

    Raises:
        TypeError, ValueError, InvalidURL: an option cannot be used.
    """

    def __init__(
        self,
        *,
        max_connections_per_origin: int = MAX_CONNECTIONS_PER_ORIGIN,
        max_idle: int = MAX_IDLE,
        idle_timeout: float | None = IDLE_TIMEOUT,
        coalesce: bool = False,
        require_http2: bool = False,
        http2: str | None = None,
        **options: Any,
    ) -> None:
        for name in OF_ONE_SERVER:
            if name in options:
                raise TypeError(f"{name} names one server; the URL of a request does that")
        for name in FORMER_NAMES:
            if name in options:
                raise TypeError(f"{name} is of hyper 0.x; a Pool takes proxy='http://host:port'")
        if max_connections_per_origin < 1:
            raise ValueError("max_connections_per_origin is at least 1")
        if max_idle < 0:
            raise ValueError("max_idle is not negative")
        if idle_timeout is not None and not idle_timeout >= 0:
            raise ValueError("idle_timeout is a number of seconds that is not negative, or None")
        if http2 not in (None, "prior"):
            raise ValueError(f"http2 is None or 'prior', not {http2!r}")
        self.max_connections_per_origin = max_connections_per_origin
        self.max_idle = max_idle
        self.idle_timeout = idle_timeout
        self.coalesce = coalesce
        self.require_http2 = require_http2
        self._has_prior_knowledge = http2 == "prior"
        #: True for an integration's: it shows its requests to recorders
        self.is_seen = False
        #: of HTTP20Connection, as it was given
        self.timeout: float | None = options.pop("timeout", NOT_GIVEN)
        options.setdefault("enable_push", False)
        #: the other options of HTTP20Connection
        self.options = options
        # A mistake in them is told here, and not by the first request.
        HTTP20Connection("localhost", timeout=self.timeout, **options)
        #: guards the lists, and is never held while anything blocks; it may be taken twice, because
        #: a destructor may close a pool
        self.lock: InterruptibleLock = InterruptibleLock()
        # Guarded by it.
        self._sites: dict[tuple[bool, str, int], Site] = {}
        self._count = 0
        self._looked = time.monotonic()
        self._urls: Memo[str, tuple[tuple[bool, str, int], str]] = Memo(MAX_URLS)
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Free the lock, and forget the connections: they are the parent's, and so are their users.

        Which servers need HTTP/1.1 is still known.
        """
        self.lock.renew()
        for site in list(self._sites.values()):
            site.connections = []
            site.http1.forget()
        self._count = 0

    # ---------------------------------------------------------------- requests

    def request(
        self,
        method: str,
        url: str,
        body: Body = None,
        headers: FieldSource = (),
        *,
        trailers: FieldSource | None = None,
        priority: PrioritySource | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> HTTP20Response | HTTPResponse:
        """Send a request, and wait for the header section of its response.

        Args:
            method, body, headers, trailers, priority: as ``HTTP20Connection.request`` has them.
            url: an absolute URI of https or http; its fragment is not sent.
            timeout: seconds for all of it, a wait for a free stream or connection included, and
                for each wait of the response; None for no limit. Not given, each wait may take
                what the option timeout says.

        Returns:
            An HTTP20Response, or http.client's HTTPResponse where the server needs HTTP/1.1:
            ``version`` tells (20 or 11). It is to be read to its end, or closed.

        Raises:
            ValueError: the scheme is another one; InvalidURL: the URL names no origin, or somebody
                who logs in (RFC 9110, 4.2.4).
            NegotiationError: require_http2 is set, and the server needs HTTP/1.1.
            TimeoutError: it says which limit was reached.
            OSError, HTTPException: as ``HTTP20Connection`` raises them.
        """
        parts = self._urls.get(url)
        if parts is None:
            parts = split(url)
            if len(url) <= MAX_URL_SIZE:
                self._urls.keep(url, parts)
        site = self._sites.get(parts[0])  # as almost all are written
        if site is None:
            site = self._site(*parts[0])
        request = method, parts[1], body, headers, trailers, priority
        response: HTTP20Response | HTTPResponse = self._exchange(site, request, timeout)
        return response

    def _exchange(self, site: Site, request: Request, timeout: float | None) -> Any:
        """Send a request, over whichever connection and protocol it takes."""
        source = NOTHING if request[2] is None else _noted(request[2])
        begin = time.monotonic()
        try:
            response = self._response(site, request, timeout)
            if (
                response is not None
                and response.status == MISDIRECTED_REQUEST
                and self._was_borrowed(site)
                and not source.rewind()
            ):
                response.close()
                site.is_alone = True
                response = self._response(site, request, _rest(timeout, begin))
        except Exception as error:  # raised again, unless it asks for HTTP/1.1
            if not self.asks_for_http1(error) or self.require_http2 or source.rewind():
                raise
            self.tell_http1(site, error)
        else:
            if response is not None:
                return response
        response = site.http1.request(*request, _rest(timeout, begin))
        if response.version == HTTP_2 and site.secure:  # it has learned it meanwhile
            site.why_http1 = None
        return response

    def _response(self, site: Site, request: Request, timeout: float | None) -> Any:
        """Send a request over HTTP/2, and wait for its response; None for HTTP/1.1."""
        begin = time.monotonic()
        self._look_after()
        with Lease(self, site, timeout) as connection:
            if connection is None:
                return None
            if timeout is NOT_GIVEN:
                return self._answer(connection, site, request)
            rest = _rest(timeout, begin)
            with connection.each_wait(timeout), connection.within(rest):
                response = self._answer(connection, site, request)
        response.timeout = timeout
        return response

    def _answer(self, connection: SharedConnection, site: Site, request: Request) -> HTTP20Response:
        method, url, body, headers, trailers, priority = request
        if connection not in site.connections:
            url = site.name + url  # it is another origin's connection
        stream_id = connection.request(
            method, url, body, headers, trailers=trailers, priority=priority
        )
        try:
            return connection.getresponse(stream_id)
        except BaseException:  # nobody will ask for this response
            connection.cancel(stream_id)
            raise

    def connection(
        self,
        host: str,
        port: int | None = None,
        *,
        secure: bool = True,
        timeout: float | None = NOT_GIVEN,
    ) -> Lease:
        """Lend a connection to one request: ``with pool.connection("example.org") as connection``.

        The connection is connected. It is an ``HTTP20Connection`` that other threads use as well.
        Its ``timeout`` is this thread's alone, and ``each_wait(seconds)`` sets it for a block.
        It is None where the request has to go over HTTP/1.1, which is the caller's to send. An
        exception that leaves the block is looked at: ``asks_for_http1`` says if the request is to
        be sent again in HTTP/1.1.

        Args:
            host, port: the server's.
            secure: True for https.
            timeout: seconds for connecting, None for no limit; not given, the pool's.

        Returns:
            A context manager for ``with``, which gives the connection or None.

        Raises:
            NegotiationError: require_http2 is set, and the server needs HTTP/1.1.
            OSError: what connecting raises.
        """
        site = self._sites.get((secure, host, port or 0))  # as almost all are written
        if site is None:
            name, number = host_and_port(host, port, secure)
            site = self._site(secure, name.lower(), number)
        self._look_after()
        return Lease(self, site, timeout)

    @staticmethod
    def asks_for_http1(error: BaseException) -> bool:
        """True if the server has not processed the request, and wants it in HTTP/1.1 (3.2, 7).

        Args:
            error: what a request over HTTP/2 has raised.
        """
        return asks_for_http1(error)

    def tell_http1(self, site: Site, error: BaseException | None) -> None:
        """Tell the logger ``hyper`` that a request goes over HTTP/1.1; raise if that is an error.

        Args:
            site: the origin's.
            error: what has just shown that it has to, or None if it was known.

        Raises:
            NegotiationError: require_http2 is set.
        """
        why = site.why_http1 or f"{site.name} does not speak HTTP/2: {error}"
        if self.require_http2:
            raise NegotiationError(f"{why}; and HTTP/2 is required (require_http2)") from error
        if not (site.secure or error):
            return  # http URLs go over HTTP/1.1 by rule
        watch = watch_of(self.options.get("trace"))
        if watch is not None:
            from ..trace.events import Fallback
            from ..trace.watch import now

            watch.tell(Fallback(now(), 0, site.authority, why))
        import logging  # not before: most programs never get here

        logging.getLogger("hyper").log(
            logging.DEBUG if error is None else logging.INFO, "HTTP/1.1 is spoken: %s", why
        )

    # ------------------------------------------------------------- connections

    def _site(self, secure: bool, host: str, port: int) -> Site:
        key = secure, host, port
        site = self._sites.get(key)
        if site is None:
            with self.lock:
                site = self._sites.get(key)
                if site is None:
                    site = self._sites[key] = Site(self, host, port, secure=secure)
                    if not (secure or self._has_prior_knowledge):
                        site.why_http1 = f"{site.name} is an http URL (RFC 9113, 3.3)"
        return site

    def sites(self) -> list[Site]:
        """List the origins. With the lock held.

        Returns:
            A list of its own: it does not change with the pool.
        """
        return list(self._sites.values())

    def make_connection(self, site: Site) -> SharedConnection:
        """Make another connection to an origin, not connected yet. With the lock held.

        Args:
            site: the origin's.

        Returns:
            The connection, already counted.
        """
        made = SharedConnection(
            site.host,
            site.port,
            check=site.require_http2,
            note_failure=site.note_failure,
            secure=site.secure,
            timeout=self.timeout,
            **self.options,
        )
        made._route.is_seen = self.is_seen  # noqa: SLF001 - the pool has made it
        key = site.secure, site.host, site.port
        # It may have been forgotten since the request has begun.
        self._sites.setdefault(key, site).connections.append(made)
        self._count += 1
        return made

    def _was_borrowed(self, site: Site) -> bool:
        """True if a request for an origin has gone out on the connection of another one."""
        return self.coalesce and not site.is_alone and not site.connections

    def _look_after(self) -> None:
        """Close what has been idle for long, what is too many, and what servers have ended."""
        now = time.monotonic()
        longest = self.idle_timeout
        is_time = now >= self._looked + LOOK_INTERVAL
        if not is_time and self._count <= self.max_idle and (longest is None or longest > 0):
            return
        if is_time:
            self._looked = now
        idle = self._idle(now)
        surplus = len(idle) - self.max_idle
        for index, (site, connection) in enumerate(idle):
            is_old = longest is not None and connection.last_used + longest <= now
            if index < surplus or is_old or (is_time and connection.has_ended()):
                self._retire(site, connection)
        if is_time:
            self._forget_sites()

    def _idle(self, now: float) -> list[tuple[Site, SharedConnection]]:
        """List the connections without a stream, the longest idle first."""
        with self.lock:
            idle = [
                (site, connection)
                for site in self._sites.values()
                for connection in site.connections
                if connection.is_idle(now)
            ]
        idle.sort(key=lambda pair: pair[1].last_used)
        return idle

    def _retire(self, site: Site, connection: SharedConnection) -> None:
        """Close a connection, unless it has come into use meanwhile."""
        with self.lock:
            if connection not in site.connections or not connection.is_idle(time.monotonic()):
                return
            site.connections.remove(connection)
            self._count -= 1
        connection.retire()

    def _forget_sites(self) -> None:
        """Forget origins without a connection, but for some that need HTTP/1.1."""
        with self.lock:
            sites = list(self._sites.items())
            for _, site in sites:
                if site.http1:
                    site.http1.close_idle(only_ended=True)
            empty = [key for key, site in sites if not (site.connections or site.http1)]
            known = [key for key in empty if self._sites[key].why_http1]
            forgotten = {*known[:-MAX_REMEMBERED], *empty} - {*known[-MAX_REMEMBERED:]}
            for key in forgotten:
                del self._sites[key]

    # ------------------------------------------------------------------ the end

    def __len__(self) -> int:
        """The number of connections."""
        with self.lock:
            return sum(
                len(site.http1) + sum(each.is_connected for each in site.connections)
                for site in self._sites.values()
            )

    def close_idle(self, seconds: float = 0.0) -> None:
        """Close the connections that have been without a stream for so many seconds.

        Args:
            seconds: 0 closes all that are idle.
        """
        now = time.monotonic()
        for site, connection in self._idle(now):
            if connection.last_used + seconds <= now:
                self._retire(site, connection)
        if not seconds:
            with self.lock:
                sites = list(self._sites.values())
            for site in sites:
                site.http1.close_idle()

    def end_dials(self) -> None:
        """End connecting that is under way: its requests raise ConnectionTerminated."""
        with self.lock:
            connections = [each for site in self._sites.values() for each in site.connections]
        for connection in connections:
            if connection.sock is None:
                connection.close()

    def close(self) -> None:
        """Close every connection (GOAWAY, 6.8), without waiting; the pool may be used again.

        Requests under way, and responses that are not whole, raise ConnectionTerminated. The pool
        goes on to know which servers need HTTP/1.1.
        """
        with self.lock:
            sites = list(self._sites.values())
            connections = [each for site in sites for each in site.connections]
            for site in sites:
                site.connections = []
            self._count = 0
        for connection in connections:
            connection.retire()
        for site in sites:
            site.http1.close()

    def __enter__(self) -> Pool:  # noqa: PYI034 - typing.Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def split(url: str) -> tuple[tuple[bool, str, int], str]:
    """Take an absolute URI apart: ((is it https, host, port), path with query).

    Raises:
        ValueError: its scheme is another one.
        InvalidURL: it has no host, or names somebody who logs in (RFC 9110, 4.2.4).
    """
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in ("https", "http"):
        named = "the URL" if "@" in url else f"'{shown(url, 80)}'"  # it may hold a password
        raise ValueError(
            f"{named} is not an absolute https or http URL (RFC 9110, 4.2): https://host/path"
        )
    cut = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    authority, target = rest[:cut], rest[cut:].partition("#")[0]
    if "@" in authority:
        raise InvalidURL(
            "a URL names nobody who logs in (RFC 9110, 4.2.4): send an authorization field"
        )
    host, port = host_and_port(authority, None, scheme == "https")
    if not host:
        raise InvalidURL(f"'{shown(url, 80)}' names no host (RFC 9110, 4.2)")
    return (scheme == "https", host.lower(), port), target if target[:1] == "/" else "/" + target


def _noted(body: Any) -> Source:
    """Note where the content begins, so that it can be had again for another connection."""
    source = Source(body)
    if not is_callable(body):  # that gives it anew each time
        source.take()
    return source


def _rest(timeout: float | None, begin: float) -> float | None:
    """Return the seconds that are left of a call; None and NOT_GIVEN stay."""
    return timeout if timeout is NOT_GIVEN else Timeouts(timeout).deadline_of_call(begin).left()
