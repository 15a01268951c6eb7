"""One origin of a pool: its connections, which of them a request takes, and which protocol."""

from __future__ import annotations

import ssl
import threading
import time

from ..client.replay import asks_for_http1, is_required
from ..client.timeouts import NOT_GIVEN
from ..errors import NegotiationError, TimedOut
from ..foundation.hosts import authority_of
from .coalescing import another_connection
from .http1_connections import HTTP1Connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pool import Pool
    from .shared import SharedConnection


class Site:
    """A scheme, a host and a port (RFC 9110, 4.3.1), and what the pool knows of them. Any thread.

    Args:
        pool: whose lock guards the lists, and whose limits and options count.
        host, port: the host in lower case, as it goes over the wire.
        secure: True for https.
    """

    def __init__(self, pool: Pool, host: str, port: int, *, secure: bool) -> None:
        self._pool = pool
        self.host = host
        self.port = port
        self.secure = secure
        self.scheme = "https" if secure else "http"
        self.authority: str = authority_of(host, port, self.scheme)
        self.name: str = f"{self.scheme}://{self.authority}"
        #: why requests go over HTTP/1.1, or None
        self.why_http1: str | None = None
        #: True after an answer in HTTP/2: what fails from now on says nothing about the protocol
        self.speaks_http2 = False
        #: True if it must not share the connection of another origin (RFC 9110, 15.5.20)
        self.is_alone = False
        self.http1: HTTP1Connections = HTTP1Connections(
            host,
            port,
            secure=secure,
            lock=pool.lock,
            timeout=pool.timeout,
            options=pool.options,
        )
        #: guarded by the pool's lock
        self.connections: list[SharedConnection] = []

    # -------------------------------------------------------------- which protocol

    def require_http2(self) -> None:
        """Raise NegotiationError if it is known to need HTTP/1.1: nobody has to dial for it."""
        if self.why_http1 is not None:
            raise NegotiationError(self.why_http1)

    def note_failure(self, error: BaseException) -> bool:
        """True if the error means that the server is to be asked in HTTP/1.1; it is remembered.

        The server has agreed on no h2 (3.2), answers in HTTP/1.1, or says HTTP_1_1_REQUIRED (7).
        HTTP/2 is stricter about the version and the ciphers of TLS than HTTP/1.1 (9.2): where the
        first handshake fails for another reason than the certificate, HTTP/1.1 is tried, too.
        """
        if not (asks_for_http1(error) or self._may_be_too_strict(error)):
            return False
        if self.why_http1 is None and not isinstance(error, ssl.SSLEOFError):
            self.why_http1 = f"{self.name} does not speak HTTP/2: {error}"
            # ALPN has chosen h2, or was not asked: it would do so again.
            self.http1.is_required = is_required(error) or self.speaks_http2
        return True

    def _may_be_too_strict(self, error: BaseException) -> bool:
        return (
            isinstance(error, ssl.SSLError)
            and not isinstance(error, ssl.SSLCertVerificationError)
            and not self.speaks_http2
        )


class Lease:
    """The use of one connection by one request; ``with`` it. One thread.

    Args:
        pool, site: where the request goes.
        timeout: seconds for connecting, None for no limit; NOT_GIVEN: the pool's.

    It gives a SharedConnection on which a request can go out, or None for HTTP/1.1.
    """

    __slots__ = ("_pool", "_site", "_timeout", "connection", "crowd")

    def __init__(self, pool: Pool, site: Site, timeout: float | None = NOT_GIVEN) -> None:
        self._pool = pool
        self._site = site
        self._timeout = timeout
        self.connection: SharedConnection | None = None
        #: how many connections were full when this one was chosen, 0 if it was not
        self.crowd: int = 0

    def __enter__(self) -> SharedConnection | None:
        site = self._site
        if site.why_http1 is not None:
            self._pool.tell_http1(site, None)
            return None
        try:
            connection = self._choose()
            if not connection.is_ready():
                with connection.each_wait(self._seconds(connection)):
                    connection.connect()
            site.speaks_http2 = True
        except BaseException as error:  # what was taken is given back
            self._give_back()
            if not site.note_failure(error):
                raise
            self._pool.tell_http1(site, error)
        return self.connection

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        connection = self.connection
        if connection is None:
            return
        is_waiting = threading.get_ident() in connection.opening
        self._give_back()
        if error is None:
            return
        if isinstance(error, TimeoutError) and is_waiting and self.crowd:
            raise TimedOut(
                f"{self.crowd} connections to {self._site.name} are open, as many as"
                f" max_connections_per_origin allows; {error}"
            ) from error
        self._site.note_failure(error)

    def _seconds(self, connection: SharedConnection) -> float | None:
        return connection.timeout if self._timeout is NOT_GIVEN else self._timeout

    def _give_back(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.opening.discard(threading.get_ident())
            with self._pool.lock:
                connection.users -= 1
                connection.last_used = time.monotonic()

    def _hold(self, connection: SharedConnection, *, opens: bool) -> None:
        """Use a connection; with the pool's lock held. opens: a stream will be opened."""
        self.connection = connection
        connection.users += 1
        if opens:
            connection.opening.add(threading.get_ident())

    def _choose(self) -> SharedConnection:
        """Choose a connection with a free stream, or make one, or else the least loaded (5.1.2)."""
        pool, site = self._pool, self._site
        borrowed = another_connection(pool, site) if pool.coalesce else None
        if borrowed is not None:
            with pool.lock:
                if not borrowed.is_retired:
                    self._hold(borrowed, opens=True)
                    return borrowed
        waited_for: set[SharedConnection] = set()
        while True:
            with pool.lock:
                unknown = None  # one whose SETTINGS have not come
                for connection in site.connections:
                    has_room = connection.has_room()
                    if has_room:
                        self._hold(connection, opens=True)
                        return connection
                    if has_room is None and connection not in waited_for:
                        unknown = connection
                if unknown is None:  # all that there are are full
                    if len(site.connections) < pool.max_connections_per_origin:
                        connection = pool.make_connection(site)
                    else:
                        self.crowd = len(site.connections)
                        connection = min(site.connections, key=lambda each: each.load)
                    self._hold(connection, opens=True)
                    return connection
                self._hold(unknown, opens=False)
            waited_for.add(unknown)
            try:
                with unknown.each_wait(self._seconds(unknown)):
                    unknown.await_settings()
            finally:
                self._give_back()
