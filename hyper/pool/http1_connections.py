"""The connections to an origin that speaks HTTP/1.1 alone (RFC 9112), by the drop-in.

There are no streams to share: a connection serves one request at a time, and is free again when
the response has been read to its end (RFC 9112, 9.3). ALPN is asked again with each new connection,
so that a server that has learned HTTP/2 meanwhile is spoken to in it.

A server closes an idle connection when it likes, perhaps while a request is on its way there, and
HTTP/1.1 has no GOAWAY by which it could say what it has processed. So a request of an idempotent
method, for which twice is once (RFC 9110, 9.2.2), goes out again if a connection that was kept ends
before its answer: once, on a new connection (RFC 9112, 9.3.1). Any other request was sent when it
was sent; but a connection that has already ended is given none.
"""

from __future__ import annotations

import contextlib
import email.message
import select
import socket
import time

from ..client.replay import Source
from ..client.timeouts import NOT_GIVEN
from ..errors import LocalProtocolError
from ..foundation.interruptions import OSErrorsDropped, is_of_signal, is_of_system
from ..http1 import WholeResponse
from ..protocol import messages, priorities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..dropin.connection import HTTPConnection
    from ..fields import FieldSource
    from ..protocol.priorities import PrioritySource

#: Options of HTTP20Connection that the drop-in has, and what they are called there.
OPTIONS = {
    "source_address": "source_address",
    "ssl_context": "context",
    "unix_socket": "unix_socket",
    "proxy": "proxy",
    "resolve": "resolve",
    "window_manager": "window_manager",
    "unread_limit": "unread_limit",
    "settings": "settings",
    "codec": "codec",
    "keepalive": "keepalive",
    "replay": "replay",
    "trace": "trace",
}


#: Methods of which the server may be asked twice as if it were once (RFC 9110, 9.2.2).
IDEMPOTENT_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))


def _changeable(fields: list[tuple[bytes, bytes]]) -> Any:
    """Return a request's fields as http.client takes them: tracers that wrap it add theirs."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    by_name = dict(pairs)
    if len(by_name) == len(pairs):
        return by_name
    message = email.message.Message()
    for name, value in pairs:
        message[name] = value
    return message


class HTTP1Connections:
    """The HTTP/1.1 connections to one origin. Any thread.

    Args:
        host, port: the server's.
        secure: True for TLS.
        lock: the pool's, which guards the list.
        timeout: seconds for each wait of requests without an own limit.
        options: of HTTP20Connection; those that mean nothing in HTTP/1.1 are ignored.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secure: bool,
        lock: Any,
        timeout: Any,
        options: dict[str, Any],
    ) -> None:
        self._address = host, port
        self._secure = secure
        self._lock = lock
        self._timeout = timeout
        names = {name: value for name, value in options.items() if value is not None}
        self._options = {OPTIONS[name]: names[name] for name in OPTIONS if name in names}
        if not secure:
            self._options.pop("context", None)
        #: True if the server has asked for HTTP/1.1 though ALPN chose HTTP/2 (RFC 9113, 7)
        self.is_required = False
        self._replays: bool = options.get("replay", True)
        #: how often ``close`` was called
        self._closings = 0
        # Guarded by the lock: every connection, and its response, None while that is waited for.
        self._connections: list[tuple[HTTPConnection, Any]] = []

    def __len__(self) -> int:
        return len(self._connections)

    def request(
        self,
        method: str,
        url: str,
        body: Any,
        headers: FieldSource,
        trailers: FieldSource | None,
        priority: PrioritySource | None,
        timeout: Any,
    ) -> Any:
        """Send a request and wait for the header section of its response.

        A request of an idempotent method goes out again, once, if a connection that was kept ends
        before its answer, and its content can be had again (RFC 9112, 9.3.1).

        Raises what http.client raises, and LocalProtocolError for trailers: http.client has none.
        """
        if trailers:
            raise LocalProtocolError(
                "trailers were given, and the server speaks HTTP/1.1, in which http.client sends"
                " none; nothing was sent"
            )
        given = messages.request_fields(headers)
        fields = list(given.fields)
        if given.host is not None:
            fields.insert(0, (b"host", given.host.encode("latin-1")))
        fields += priorities.fields(priority, given.fields)
        request = method, url, fields, Source(body)
        begin, closings = time.monotonic(), self._closings
        kept = self._free()
        if kept is not None:
            from ..dropin.watched import expect_repeating, repeating

            is_safe = self._replays and method in IDEMPOTENT_METHODS and _speaks_http1(kept)
            expect_repeating(kept, is_safe=is_safe)
            try:
                return self._ask(kept, *request, timeout)
            except ConnectionError as error:
                with repeating(kept, error):
                    if not (is_safe and is_of_system(error) and closings == self._closings):
                        raise
                    if request[3].rewind():
                        raise  # its content cannot be had again
                    if timeout is not NOT_GIVEN and timeout is not None:
                        timeout -= time.monotonic() - begin
                        if timeout <= 0:
                            raise
        return self._ask(self._made(), *request, timeout)

    def _ask(
        self,
        connection: HTTPConnection,
        method: str,
        url: str,
        fields: list[tuple[bytes, bytes]],
        source: Source,
        timeout: Any,
    ) -> Any:
        """Send a request on a connection, which is on no list, and wait for its response."""
        seconds = self._timeout if timeout is NOT_GIVEN else timeout
        if seconds is NOT_GIVEN:
            seconds = socket.getdefaulttimeout()
        connection.timeout = seconds
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        in_use = (connection, None)
        with self._lock:
            self._connections.append(in_use)
        response = None
        try:
            connection.request(method, url, source.take(), _changeable(fields))
            response = connection.getresponse()
        finally:
            with self._lock:
                is_kept = in_use in self._connections  # else the pool was closed
                if is_kept:
                    self._connections.remove(in_use)
                if is_kept and response is not None:
                    self._connections.append((connection, response))
            if response is None:
                connection.close()
        return response

    def _made(self) -> HTTPConnection:
        from ..dropin.connection import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(*self._address, **self._options)
        connection.response_class = WholeResponse
        connection.is_http1_required = self.is_required
        return connection

    def _free(self) -> HTTPConnection | None:
        """Take a connection off the list whose response has been read, if there is one."""
        while True:
            with self._lock:
                found = next((pair for pair in self._connections if _is_free(pair[1])), None)
                if found is None:
                    return None
                self._connections.remove(found)
            if not has_ended(found[0]):
                return found[0]
            found[0].close()

    def close_idle(self, *, only_ended: bool = False) -> None:
        """Close those that bring no response; only_ended: of them those that the server ended."""
        with self._lock:
            idle = [pair for pair in self._connections if _is_free(pair[1])]
            for pair in idle:
                self._connections.remove(pair)
        for pair in idle:
            if only_ended and not has_ended(pair[0]):
                with self._lock:
                    self._connections.append(pair)
            else:
                pair[0].close()

    def forget(self) -> None:
        """Close the child's descriptors without a word to the server, whose peer is the parent.

        The connection's own ``close`` would ask for locks that a thread of the parent may hold.
        """
        connections, self._connections = self._connections, []
        for connection, _ in connections:
            if connection.sock is not None:
                connection.sock.close()

    def close(self) -> None:
        """Close all of them; threads that wait there are woken."""
        with self._lock:
            self._closings += 1
            connections, self._connections = self._connections, []
        for connection, _ in connections:
            with contextlib.suppress(AttributeError), OSErrorsDropped():  # it is closed already
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()


def _is_free(response: Any) -> bool:
    return response is not None and response.isclosed()


def _speaks_http1(connection: HTTPConnection) -> bool:
    """True unless the server has agreed on HTTP/2, where other rules say what goes out again."""
    from ..dropin.socket_view import SocketView

    return not isinstance(connection.sock, SocketView)


def has_ended(connection: HTTPConnection) -> bool:
    """True if the server has ended a connection without a request, or there is no socket.

    Octets that it sends unasked look like its end, and count as one.
    """
    sock = connection.sock
    if sock is None:
        return True
    try:
        if not hasattr(select, "poll"):
            return bool(select.select([sock], [], [], 0)[0])
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError) as error:
        if is_of_signal(error):
            raise
        return True
