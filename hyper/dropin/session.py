"""HTTP/2 on a socket that http.client has opened.

``SocketConnection`` is an ``HTTP20Connection`` on one socket: it never connects.
``PendingRequest`` is a request on it, from its lines to its response.  When the script closes or
drops the connection early, both behave as http.client's do: a response that was fetched can be
read to its end, and the connection ends after it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from http.client import CannotSendRequest

from ..client import content
from ..client.connection import HTTP20Connection
from ..client.exchange import Exchange
from ..client.movers import movers
from ..client.pumps import raise_refusal
from ..client.replay import Pieces, Source
from ..client.request_head import RequestHead
from ..client.timeouts import checked_keepalive
from ..errors import ConnectionTerminated, LocalProtocolError, RemoteDisconnected
from ..protocol import messages
from .chunked import Unchunker
from .request_lines import RequestLines, joined
from .response import DropinResponse
from .wrapped import WrappedResponse, is_wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from ..client.replay import Attempts
    from ..client.traced import Dialling
    from ..pump.pump import Pump
    from ..transport import Transport
    from ..transport.deadline import Deadline

#: Options of HTTP20Connection that a session on a socket of http.client's can take.
SESSION_OPTIONS = ("window_manager", "unread_limit", "settings", "codec", "keepalive", "trace")

#: Methods whose requests have no content unless they say so: END_STREAM goes with their head.
WITHOUT_CONTENT = frozenset(("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"))


def session_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a session out of others; raises ValueError for a wrong keepalive.

    The other ones are looked at when there is a connection.
    """
    own = {name: options.pop(name) for name in SESSION_OPTIONS if name in options}
    checked_keepalive(own.get("keepalive"))
    return own


class SessionEnded(RemoteDisconnected):
    """The connection ended before a request went out: the request may go out on another."""

    #: of the GOAWAY by which it ended, if there was one
    error_code: int | None = None
    #: of a request that tracers know: what ``hyper.trace.tracers.handover`` is given for it
    handover: tuple[int, Any] = (1, None)

    def reason(self) -> ConnectionTerminated:
        """The same for the rules of client/replay.py."""
        return ConnectionTerminated(str(self), error_code=self.error_code, retryable=True)


class SocketConnection(HTTP20Connection):
    """HTTP/2 on one socket, from its preface to its end. Any thread.

    The transport is its own: if the constructor raises, it has been closed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        transport: Transport,
        *,
        secure: bool,
        replays: bool = False,
        watcher: Dialling | None = None,
        **options: Any,
    ) -> None:
        try:
            super().__init__(
                host, port, enable_push=False, secure=secure, decode_content=False, **options
            )
            if watcher is not None:
                self._watch = watcher.watch
            # Those of HTTP20Connection would dial where this must not. replays: whether the drop-in
            # sends requests again, which tracers have to know.
            self._pumps, self._sender = movers(
                self._watch, _refuse, self._timeouts, host, self._registry, replays, None
            )
            self._pumps.current = self._route.begin(transport, (), watcher)
        except BaseException:  # an option has a wrong value, or Ctrl-C
            transport.close()
            raise
        #: True once the script has closed or dropped the connection; what it has fetched stays
        self._is_dropped = False

    @property
    def is_open(self) -> bool:
        """True if a request may go out here; looks at what the peer has sent meanwhile."""
        pump = self._pumps.current
        if pump is None:  # a signal handler has closed it in the middle of a step
            return False
        pump.lock.require_free()
        if time.monotonic() >= pump.look_due:  # ``look`` asks the same, with the lock held
            with pump.lock:
                pump.look()
        if self._is_dropped or not pump.endpoint.accepts_requests:
            return False
        silence = pump.silence  # asked in place: it is no call for each request
        return silence.suspected != silence.arrivals or self._pumps.answers(pump)

    def begin(self, lines: RequestLines, *, end_stream: bool) -> Exchange:
        """Send a header section; Host is among the fields that http.client wrote.

        Raises SessionEnded if nothing was sent.
        """
        method, given = lines.method, lines.given
        section = messages.request_section(method, lines.url, self._route.origin, given, ())
        head = RequestHead(method, section, given.content_length, is_whole=end_stream)
        try:
            return self._sender.open(head)
        except SessionEnded as error:
            pump = self._pumps.current
            failure = pump.endpoint.failure if pump is not None else None
            if failure is None:
                raise
            why = failure.exception()
            error.error_code = getattr(why, "error_code", None)
            raise error from why

    def deadline_of_call(self, begin: float) -> Deadline:
        """Return the deadline of a call that began at a moment."""
        return self._timeouts.deadline_of_call(begin)

    def raise_refusal(self) -> None:
        """Raise what ended the connection, if it was TLS: the next one would end the same way."""
        if self._pumps.current is not None:
            raise_refusal(self._pumps.current)

    def take_over(self, method: str, octets: bytes) -> Exchange:
        """Stream 1 of a connection that was upgraded (RFC 7540, 3.2).

        octets: what was received behind the 101.
        """
        pump = self._pumps.live()
        with pump.lock:
            stream = pump.endpoint.adopt_upgraded(method, self._route.origin.pseudo)
            pump.put(octets)
            pump.drain(self._timeouts.remaining())
        return Exchange(pump, stream, self._timeouts)

    def response_to(self, exchange: Exchange) -> DropinResponse:
        """Wait for the response to a request."""
        try:
            exchange.await_head()
        except RemoteDisconnected:
            raise
        except ConnectionResetError as error:
            # RemoteDisconnected is what scripts, xmlrpc.client and urllib3 know as the end of a
            # connection before the response.
            raise RemoteDisconnected(str(error)) from error
        response_class = WrappedResponse if is_wrapped() else DropinResponse
        return response_class(exchange, self.end_if_dropped)

    def drop(self) -> None:
        """End the connection after what was fetched from it: the script needs it no more."""
        self._is_dropped = True
        self.end_if_dropped()

    def end_if_dropped(self) -> None:
        """Close a dropped connection that has received the last it was to receive."""
        pump = self._pumps.current
        if not self._is_dropped or pump is None:
            return
        # A stream that nobody reads lacks its end alone.
        if all(stream.read_shut for stream in list(pump.endpoint.streams.values())):
            self.close()

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if is_finalizing():
            return  # the names of modules are gone, and the end of the process tells the peer
        # No other thread can hold its locks: such a thread would hold a reference to it.
        with contextlib.suppress(Exception):  # a finalizer's would only be printed
            self.close()


def _refuse(_deadline: Deadline) -> Pump:
    """Raise SessionEnded, where another connection would be dialled."""
    raise SessionEnded("Remote end closed connection without response")


def pieces(body: Any, read: Callable[[Any], Iterable[bytes]]) -> Iterable[Any]:
    """Return what is to be sent of a body, one after the other: the same as on HTTP/1.1.

    read: gives a file's blocks, as http.client does.
    """
    if hasattr(body, "read"):
        return read(body)
    if not isinstance(body, str) and content.is_whole(body):
        return (body,)
    try:
        each: Iterable[Any] = iter(body)
    except TypeError:
        raise TypeError(
            f"message_body should be a bytes-like object or an iterable, got {type(body)!r}"
        ) from None
    return each


class PendingRequest:
    """A request from its lines to its response. One thread at a time.

    Args:
        lines: the request line and the field lines, as http.client wrote them, or read already.
        body: the content that was given along with them, or None.
        is_whole: True if no content follows by ``send``.
        is_unframed: True if the content comes without the chunked coding, whatever the lines say.
        is_written: True if a script has joined the lines, and sent them by its own ``send``.
    """

    __slots__ = (
        "_exchange",
        "_pieces",
        "_source",
        "_unchunker",
        "attempts",
        "body",
        "is_late",
        "is_unframed",
        "is_whole",
        "is_written",
        "lines",
        "session",
    )

    def __init__(
        self,
        lines: RequestLines | list[bytes],
        body: Any = None,
        *,
        is_whole: bool = False,
        is_unframed: bool = False,
        is_written: bool = False,
    ) -> None:
        self.lines = lines
        self.is_written: bool = is_written
        self.body: Any = body
        self.is_whole: bool = is_whole
        self.is_unframed: bool = is_unframed
        #: True if a wait for its response ended in vain; the next request leaves it behind
        self.is_late: bool = False
        #: how often it was sent, once that was more than once
        self.attempts: Attempts | None = None
        self._source: Source | None = None
        #: what came by ``send``
        self._pieces = Pieces()
        self._unchunker: Unchunker | None = None
        self._exchange: Exchange | None = None
        self.session: SocketConnection | None = None

    @classmethod
    def written(cls, octets: Any) -> tuple[PendingRequest, bytes]:
        """Give the request that a script has written by itself, and content that is behind it."""
        head, end, rest = bytes(memoryview(octets)).partition(b"\r\n\r\n")
        if not end:
            raise CannotSendRequest("the header section of a request is sent first, and as a whole")
        return cls(head.split(b"\r\n"), is_written=True), rest

    def attach(self, session: SocketConnection, exchange: Exchange | None = None) -> None:
        """Choose the connection; exchange: the stream, if there is one already (an upgrade)."""
        self.session, self._exchange = session, exchange

    @property
    def exchange(self) -> Exchange | None:
        """Its stream, if it was sent."""
        return self._exchange

    @property
    def is_begun(self) -> bool:
        """True if its header section was sent."""
        return self._exchange is not None

    @property
    def head(self) -> bytes:
        """Its header section as it would stand on the wire in HTTP/1.1."""
        lines = self.lines
        return joined(lines) if isinstance(lines, list) else lines.head

    @property
    def raw_lines(self) -> list[bytes]:
        """The request line and the field lines."""
        return self.lines if isinstance(self.lines, list) else self.lines.lines

    def read_lines(self) -> RequestLines:
        """Its lines, read; raises LocalProtocolError for what must not reach the wire."""
        if isinstance(self.lines, list):
            self.lines = RequestLines(self.lines)
        return self.lines

    def write(self, octets: memoryview) -> None:
        """Send what http.client writes: the header section at first, then content."""
        if self._exchange is None:
            self._begin(octets)
        else:
            self._send(self._exchange, octets)

    def _begin(self, head: memoryview) -> None:
        known = self.head
        # The very object mostly, and views are compared octet by octet.
        if not (head.obj is known and len(head) == len(known)) and head != known:
            # A wrapper of ``send`` has changed it.
            self.lines = bytes(head).removesuffix(b"\r\n\r\n").split(b"\r\n")
        lines = self.read_lines()
        length = lines.given.content_length
        ends = self.body is None and not lines.is_chunked and not length
        if length is None and not self.is_whole and lines.method not in WITHOUT_CONTENT:
            ends = False  # content may follow by ``send``
        if lines.is_chunked and not self.is_unframed:
            self._unchunker = Unchunker()
        self.is_whole = self.is_whole or ends or self._fills(length)
        assert self.session is not None
        self._exchange = self.session.begin(lines, end_stream=ends)

    def _fills(self, length: int | None) -> bool:
        """True if the body is in memory, and is all that content-length announces."""
        body = self.body
        if length is None or isinstance(body, str) or not content.is_whole(body):
            return False
        return content.content_length("", body) == length

    def _send(self, exchange: Exchange, octets: memoryview) -> None:
        unchunker = self._unchunker
        if unchunker is not None:
            octets = memoryview(unchunker.feed(octets))
        length = exchange.content_length
        if not self.is_whole:
            data: Any = octets.obj
            is_all = isinstance(data, bytes) and len(data) == len(octets) == length
            self._pieces.add(data if is_all else octets, is_all=is_all)
        if length is not None and exchange.sent + len(octets) >= length:
            exchange.send_all((octets,), ())  # END_STREAM goes with the last octet
        elif octets:
            exchange.send((octets,), final=False)
        if unchunker is not None and unchunker.is_finished:
            exchange.end(messages.trailer_section(unchunker.trailers))

    @property
    def takes_content(self) -> bool:
        """True while the peer wants more of its content (RFC 9113, 8.1)."""
        return self._exchange is not None and self._exchange.stream.request_is_open

    def finish_if_whole(self) -> None:
        """End the request, unless content follows by ``send``, or may do so after a chunk."""
        if self.is_whole and self._unchunker is None:
            self.finish()

    def finish(self) -> None:
        """End the request.

        Raises LocalProtocolError if its content is shorter than it was said to be.
        """
        exchange = self._exchange
        if exchange is None or not exchange.stream.request_is_open:
            return
        if self._unchunker is not None and not self._unchunker.is_finished:
            raise LocalProtocolError(
                "the last chunk of the request's content is missing (RFC 9112, 7.1); the"
                " request was not completed"
            )
        exchange.end_if_open()

    def response(self) -> DropinResponse:
        """Wait for the response; ends the request, if its content did not."""
        self.finish()
        assert self.session is not None
        assert self._exchange is not None
        return self.session.response_to(self._exchange)

    def cancel(self) -> None:
        """Reset the stream; a response that is whole can still be fetched."""
        if self._exchange is not None:
            self._exchange.cancel()

    def discard(self) -> None:
        """Reset the stream, and drop its response: nobody will fetch it."""
        if self._exchange is not None:
            self._exchange.discard()

    @property
    def has_failed(self) -> bool:
        """True if its stream has ended without a response."""
        return self._exchange is None or self._exchange.stream.failure is not None

    def begin_body(self) -> None:
        """Note that the body is about to be read, and where it begins."""
        if self._source is None:
            self._source = Source(self.body)
        if not content.is_callable(self.body):  # http.client has no such body
            self._source.take()

    def rewind(self) -> str:
        """Have the content stand at its beginning; returns "", or why it cannot be had again."""
        if self.is_whole:
            return "" if self._source is None else self._source.rewind()
        unchunker = self._unchunker
        if unchunker is not None and not (unchunker.is_finished and not unchunker.trailers):
            return "sent in chunks, without an end or with trailers"
        return self._pieces.rewind()

    def again(self) -> PendingRequest:
        """The same request for another connection, once ``rewind`` has returned ""."""
        # The pieces lie here without chunks. Content that has a content-length never has chunks.
        is_chunked = not self.is_whole and self.read_lines().is_chunked
        is_unframed = self.is_unframed or is_chunked
        body = self.body if self.is_whole else self._pieces.take()
        again = PendingRequest(self.lines, body, is_whole=True, is_unframed=is_unframed)
        again.attempts, again._source = self.attempts, self._source
        return again
