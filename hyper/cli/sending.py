"""Sending: one request until it has an answer, with retries, redirects and credentials."""

from __future__ import annotations

import base64
import contextlib
import socket
import time

from hyper.errors import HTTPException, LocalProtocolError, ProxyError

from . import exit_codes
from .connections import timeout_of
from .faults import Failed, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

    from .arguments import Arguments
    from .connections import Connections
    from .exchange import Exchange, Request
    from .session import Session

#: Redirects that are followed, unless --max-redirects says otherwise.
MAX_REDIRECTS = 30
REDIRECTS = frozenset((301, 302, 303, 307, 308))
#: Redirects after which a POST becomes a GET, as browsers do (RFC 9110, 15.4.2, 15.4.3).
CHANGING = frozenset((301, 302))
#: Statuses after which --retry tries again: curl's list.
TRANSIENT = frozenset((408, 429, 500, 502, 503, 504, 522, 524))
#: Methods that do the same when they are done twice (RFC 9110, 9.2.2).
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"))
#: Seconds before the first retry, which double, and the most that they become.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: Seconds that Retry-After may ask for: a server that wants a longer pause gets no second try now.
MAX_RETRY_AFTER = 3600.0
#: Octets of a response that is not wanted which are read, so that its connection may be used again.
DISCARDED = 64 * 1024


class Limits:
    """The time that one exchange has: --deadline, --connect-timeout, --timeout."""

    def __init__(self, arguments: Arguments) -> None:
        self._each = timeout_of(arguments)
        self._connect: float | None = arguments.connect_timeout
        self._deadline: float | None = arguments.deadline
        self._end = None if self._deadline is None else time.monotonic() + self._deadline

    def rest(self) -> float | None:
        """Seconds until the deadline, None for no deadline.

        Raises:
            Failed: it has passed.
        """
        if self._end is None:
            return None
        rest: float = self._end - time.monotonic()
        if rest <= 0:
            raise Failed(
                exit_codes.TIMEOUT,
                f"the time of --deadline, {self._deadline:g} s, is over; a longer one may be given",
            )
        return rest

    def explained(self, error: Exception) -> Exception:
        """Give the failure of the deadline in the place of a timeout that it was."""
        if isinstance(error, (TimeoutError, socket.timeout)):
            try:
                self.rest()
            except Failed as failed:
                return failed
        return error

    def _least(self, seconds: float | None) -> float | None:
        rest = self.rest()
        if seconds is None or rest is None:
            return rest if seconds is None else seconds
        return min(seconds, rest)

    def connect(self) -> float | None:
        """Seconds for connecting."""
        return self._least(self._each if self._connect is None else self._connect)

    def each(self) -> float | None:
        """Seconds for the next wait."""
        return self._least(self._each)


class Sender:
    """Sends requests of one run. Any thread.

    Args:
        arguments, connections: of the run.
        note: told of a line that tells what happens beside the exchange: a retry, a redirect.
        redirected: called with an exchange before its redirect is followed.
    """

    def __init__(
        self,
        arguments: Arguments,
        connections: Connections,
        note: Callable[[str], None],
        redirected: Callable[[Exchange], None],
    ) -> None:
        self._arguments = arguments
        self._connections = connections
        self._note = note
        self._redirected = redirected
        self.session: Session | None = None
        if arguments.session:
            from .session import Session

            self.session = Session(arguments.session)
        self._is_plain = bool(arguments.http1_1 or arguments.upgrade)

    @contextlib.contextmanager
    def answered(
        self, exchange: Exchange, limits: Limits, sent: Callable[[], None]
    ) -> Iterator[None]:
        """Send the request of an exchange, follow and retry; inside ``with`` it has its response.

        Args:
            limits: its time.
            sent: called when the first request has left.

        Raises:
            OSError, HTTPException: what hyper raises.
            Failed: too many redirects, or the deadline has passed.
        """
        follows = self._arguments.follow or self._arguments.download
        most = self._arguments.max_redirects or MAX_REDIRECTS
        while True:
            self._send(exchange, limits, sent)
            location = exchange.response.getheader("location")
            if not follows or exchange.status not in REDIRECTS or not location:
                break
            if exchange.redirects >= most:
                exchange.response.close()
                raise Failed(
                    exit_codes.REDIRECTS,
                    f"more than {most} redirects, the last to {location}: --max-redirects N"
                    " allows more",
                )
            self._follow(exchange, location)
        rest = limits.rest()
        if exchange.connection is None:
            yield
            return
        with exchange.connection.within(rest):
            yield

    # ---------------------------------------------------------------- redirects

    def _follow(self, exchange: Exchange, location: str) -> None:
        """Make the request of a redirect that of the exchange."""
        request = exchange.request
        status, method = exchange.status, request.method
        try:
            target = request.target.joined(location)
        except UsageError as error:  # it is the server's
            raise Failed(
                exit_codes.PROTOCOL, f"the redirect ({status}) cannot be followed: {error}"
            ) from None
        keeps = not (status == 303 or (status in CHANGING and method == "POST"))
        if not keeps:
            method = method if method == "HEAD" else "GET"
        if keeps and request.content is not None and not request.content.can_be_sent():
            raise Failed(
                exit_codes.OTHER,
                f"a redirect ({status}) wants the content again, which was read from the input:"
                " give it as @FILE",
            )
        self._redirected(exchange)
        discard(exchange.response)
        exchange.redirects += 1
        now = time.monotonic()
        exchange.redirect_time += now - exchange.last_begin
        exchange.last_begin = now
        exchange.request = request.redirected(target, method, keeps_content=keeps)
        self._note(f"{status}: following to {target.url}")

    # ------------------------------------------------------------------ retries

    def _send(self, exchange: Exchange, limits: Limits, sent: Callable[[], None]) -> None:
        """Send a request as often as --retry allows, until it has a response."""
        request = exchange.request
        left = self._arguments.retry or 0
        while True:
            try:
                self._once(exchange, limits, sent)
            except (OSError, HTTPException) as error:
                exchange.response = None
                if not left or not may_retry(error, request):
                    raise
                why, asked = exit_codes.words_of(error), None
            else:
                if not left or exchange.status not in TRANSIENT or not repeats(request):
                    return
                why = f"{exchange.status} {exchange.response.reason}".strip()
                asked = retry_after(exchange.response.getheader("retry-after"))
                if asked is not None and asked > MAX_RETRY_AFTER:
                    self._note(f"{why}; the server asks for more than {MAX_RETRY_AFTER:g} s")
                    return
                discard(exchange.response)
            left -= 1
            pause = self._arguments.retry_delay
            if pause is None:
                pause = min(FIRST_PAUSE * 2.0**exchange.retries, LONGEST_PAUSE)
            pause = pause if asked is None else asked
            exchange.retries += 1
            self._note(f"{why}; trying again in {pause:g} s, {left} tries are left")
            rest = limits.rest()
            time.sleep(pause if rest is None else min(pause, rest))
            limits.rest()

    # ------------------------------------------------------------------ sending

    def _once(self, exchange: Exchange, limits: Limits, sent: Callable[[], None]) -> None:
        exchange.response = exchange.connection = None
        exchange.uploaded = 0
        try:
            if self._is_plain:
                self._by_dropin(exchange, limits)
            else:
                self._by_pool(exchange, limits, sent)
        finally:
            sent()
        exchange.head = time.monotonic()
        if self.session is not None:
            self.session.keep(exchange.request.target, exchange.response)

    def _fields(self, request: Request) -> list[tuple[str, str]]:
        """The fields as they are sent, cookies of the session included."""
        fields = as_sent(request)
        cookies = "" if self.session is None else self.session.cookies(request.target)
        if not cookies:
            return fields
        own = [value for name, value in fields if name.lower() == "cookie"]
        rest = [(name, value) for name, value in fields if name.lower() != "cookie"]
        return [*rest, ("cookie", "; ".join([*own, cookies]))]

    def _by_pool(self, exchange: Exchange, limits: Limits, sent: Callable[[], None]) -> None:
        request = exchange.request
        target = request.target
        pool = self._connections.pool_for(target)
        secure = target.scheme == "https"
        try:
            with pool.connection(
                target.host, target.port, secure=secure, timeout=limits.connect()
            ) as connection:
                if connection is not None:
                    connection.timeout = limits.each()
                    with connection.within(limits.rest()):
                        self._over_http2(exchange, connection, sent)
                    return
        except (HTTPException, OSError) as error:
            gives_up = pool.require_http2 or isinstance(error, ProxyError)
            if gives_up or not pool.asks_for_http1(error) or not repeats(request):
                raise
        exchange.response = pool.request(
            request.method,
            target.url,
            _body(exchange),
            self._fields(request),
            trailers=request.trailers,
            priority=request.priority,
            timeout=limits.each(),
        )

    def _over_http2(self, exchange: Exchange, connection: Any, sent: Callable[[], None]) -> None:
        request = exchange.request
        exchange.connection = connection
        stream_id = connection.request(
            request.method,
            request.target.path,
            _body(exchange),
            self._fields(request),
            trailers=request.trailers,
            priority=request.priority,
            skip_accept_encoding="accept-encoding" in request.without,
        )
        exchange.sent = time.monotonic()
        sent()
        try:
            exchange.response = connection.getresponse(stream_id)
        except BaseException:  # nobody will ask for it
            connection.cancel(stream_id)
            raise

    def _by_dropin(self, exchange: Exchange, limits: Limits) -> None:
        request = exchange.request
        target = request.target
        if request.trailers:
            raise LocalProtocolError("trailers are sent over HTTP/2 alone: drop --trailer")
        connection = self._connections.http1_connection(target)
        connection.timeout = limits.connect()
        connection.connect()
        connection.sock.settimeout(limits.each())
        body = _body(exchange)
        fields = self._fields(request)
        chunks = body() if callable(body) else body
        connection.request(request.method, target.path, chunks, dict(fields))
        exchange.sent = time.monotonic()
        exchange.response = connection.getresponse()


def _body(exchange: Exchange) -> Any:
    content = exchange.request.content
    if content is None:
        return None
    return content.body(exchange.told)


def as_sent(request: Request) -> list[tuple[str, str]]:
    """The fields as they are sent, content-length included, which a body in pieces does not tell.

    Where it is not known, HTTP/2 needs none, and http.client sends chunks (RFC 9112, 7.1).
    """
    fields = list(request.headers)
    content = request.content
    if content is not None and content.size is not None and not request.header("content-length"):
        fields.append(("content-length", str(content.size)))
    return [(name, as_octets(value).decode("latin-1")) for name, value in fields]


def as_octets(value: str) -> bytes:
    """The octets of a field's value as it was typed."""
    return value.encode("utf-8", "surrogateescape")


def repeats(request: Request) -> bool:
    """True if the content of a request can be had again."""
    return request.content is None or request.content.can_be_sent()


def may_retry(error: BaseException, request: Request) -> bool:
    """True if a request that failed may go out again: it was not processed, or may be twice."""
    if not repeats(request):
        return False
    code = exit_codes.code_of(error)
    if code in (exit_codes.USAGE, exit_codes.CERTIFICATE, exit_codes.PROTOCOL, exit_codes.TLS):
        return False
    if getattr(error, "retryable", False) or code in (exit_codes.CONNECT, exit_codes.RESOLVE):
        return True
    return request.method in IDEMPOTENT


def retry_after(value: str | None) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110, 10.2.3); None if it says nothing of use."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, moment - time.time())


def discard(response: Any) -> None:
    """Read the little that is left of a response that nobody wants, or give it up."""
    with contextlib.suppress(OSError, HTTPException, ValueError):
        response.read(DISCARDED)
    response.close()


def credentials(arguments: Arguments, user: str, host: str) -> tuple[str, str] | None:
    """The authorization field for --auth, for the name that stood in the URL, or by --netrc.

    Raises:
        UsageError: a password is missing, and nobody can be asked.
    """
    given = arguments.auth or user
    if not given and arguments.netrc:
        given = _of_netrc(host)
    if not given:
        return None
    if arguments.auth_type == "bearer":
        return "authorization", f"Bearer {given}"
    if ":" not in given:
        import getpass
        import sys

        if not sys.stdin.isatty():
            raise UsageError("--auth NAME:PASSWORD: the password is missing")
        given += ":" + getpass.getpass(f"password of {given}: ")
    return "authorization", "Basic " + base64.b64encode(given.encode()).decode()


def _of_netrc(host: str) -> str:
    """Return NAME:PASSWORD of a host from the file of --netrc, or ""."""
    import netrc
    import os

    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, ValueError, netrc.NetrcParseError) as error:
        raise UsageError(f"--netrc: {getattr(error, 'strerror', None) or error}") from None
    return f"{found[0]}:{found[2]}" if found else ""
