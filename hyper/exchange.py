"""An exchange: a request on its way, until its content has ended (RFC 9113, 8.1).

Content is offered to the endpoint, which takes what the windows allow; what it does not take
waits here, in the caller's thread.  Each burst takes the lock anew, so that uploads and
downloads of other threads go on between.
"""

from __future__ import annotations

from . import body as content
from .errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .body import Body
    from .fields import Fields, Pair
    from .protocol.stream import Stream
    from .transport.pump import Pump


class Draft:
    """A request put together piece by piece, until ``endheaders`` sends it."""

    __slots__ = ("headers", "method", "offers_codings", "url")

    def __init__(self, method: str, url: str, *, offers_codings: bool) -> None:
        self.method = method
        self.url = url
        self.offers_codings = offers_codings
        self.headers: list[Pair] = []


class Exchange:
    """One request and the stream on which it travels. One thread sends on it at a time.

    announced: the request's content-length, or None.
    """

    __slots__ = ("announced", "ends_itself", "is_claimed", "pump", "sent", "stream")

    def __init__(self, pump: Pump, stream: Stream, announced: int | None) -> None:
        self.pump = pump
        self.stream = stream
        self.announced = announced
        #: octets of content given to the endpoint so far
        self.sent = 0
        #: whether getresponse ends a request that the caller never called final
        self.ends_itself = True
        #: whether a thread is waiting for, or has taken, the response
        self.is_claimed = False

    def drain(self, limit: float | None) -> None:
        """Have a request without content leave, within limit. Lock held."""
        try:
            self.pump.drain(limit)
        except BaseException:
            # The caller will never learn the stream's id: nobody can ask for its response.
            self.pump.endpoint.cancel(self.stream)
            raise

    def send_all(self, body: Body, trailers: Fields, limit: float | None) -> None:
        """Send content, piece by piece, then the end of the request; each wait within limit.

        Whatever goes wrong, a body that raises included, the stream is cancelled and the
        exception goes on: the peer must not take a part for the whole.
        """
        try:
            for piece in content.pieces(body):
                whole = self.sent + len(piece) == self.announced and not trailers
                self._send(piece, end_stream=whole, limit=limit)
                if not self.stream.request_is_open and not whole:
                    return
            self._end(trailers, limit)
        except BaseException:
            self.cancel()
            raise

    def send(self, body: Body, *, final: bool, limit: float | None) -> None:
        """Send a part of the content, the last one if final; as ``send_all`` otherwise."""
        try:
            for piece in content.pieces(body):
                self._send(piece, end_stream=False, limit=limit)
            if final:
                self._end((), limit)
        except BaseException:
            self.cancel()
            raise

    def end(self, trailers: Fields, limit: float | None) -> None:
        """Send the end of the request, with trailers if there are any (8.1)."""
        try:
            self._end(trailers, limit)
        except BaseException:
            self.cancel()
            raise

    def end_if_open(self, limit: float | None) -> None:
        """End a request that its caller never called final."""
        if self.stream.request_is_open:
            self.end((), limit)

    def _send(self, octets: memoryview, *, end_stream: bool, limit: float | None) -> None:
        self._count(len(octets))
        pump, stream = self.pump, self.stream
        endpoint = pump.endpoint
        while len(octets):
            with pump.lock:
                if not stream.request_is_open:
                    return  # the peer wants no more: its response, or its reset, says why
                taken = endpoint.send_content(stream, octets, end_stream=end_stream)
                octets = octets[taken:]
                pump.drain(limit)
                if len(octets) and not endpoint.may_send(stream):
                    pump.wait(lambda: endpoint.may_send(stream), (stream.id, 0), limit)

    def _end(self, trailers: Fields, limit: float | None) -> None:
        if self.announced is not None and self.sent != self.announced:
            raise wrong_length(self.sent, self.announced)
        pump, stream = self.pump, self.stream
        with pump.lock:
            if not stream.request_is_open:
                return
            if trailers:
                pump.endpoint.send_trailers(stream, trailers)
            else:
                pump.endpoint.send_content(stream, memoryview(b""), end_stream=True)
            pump.drain(limit)

    def _count(self, size: int) -> None:
        self.sent += size
        if self.announced is not None and self.sent > self.announced:
            raise wrong_length(self.sent, self.announced)

    def cancel(self) -> None:
        """Reset the stream, if it is not over, and have nobody wait for it (5.4.2)."""
        pump = self.pump
        with pump.lock:
            pump.endpoint.cancel(self.stream)
            pump.flush()


def wrong_length(size: int, announced: int) -> LocalProtocolError:
    """The caller's fault of a body that is not as long as its content-length (8.1.1)."""
    relation = "more than" if size > announced else "of"
    return LocalProtocolError(
        f"the body gave {size} {relation} the {announced} octets that its content-length announces"
        " (RFC 9113, 8.1.1); the request was not completed"
    )
