"""Requests put together piece by piece, in http.client's manner: a part of HTTP20Connection.

``putrequest`` begins a draft and reserves a stream id, ``endheaders`` sends the field section, and
from then on the request is an exchange whose content comes by ``send``, while its response may
already be read.  A caller names a request by the id that ``putrequest`` gave; without one the
newest is meant.
"""

from __future__ import annotations

from http.client import CannotSendHeader

from .. import fields
from ..errors import LocalProtocolError
from ..protocol import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fields import Fields, FieldSource, Pair, Text
    from ..protocol.messages import RequestFields
    from ..protocol.origins import Origin
    from ..pump.pump import Pump
    from .content import Body
    from .exchange import Exchange

#: Requests that their caller has not called final though the server wants no more of them: what is
#: still sent there is dropped.  Of more than these the oldest are forgotten.
MAX_ANSWERED_EARLY = 100


class Draft:
    """A request put together piece by piece, until ``endheaders`` sends it."""

    __slots__ = ("headers", "method", "offers_codings", "url")

    def __init__(self, method: str, url: str, *, offers_codings: bool) -> None:
        self.method = method
        self.url = url
        self.offers_codings = offers_codings
        self.headers: list[Pair] = []


class PiecewiseRequests:
    """What an HTTP20Connection does about requests that come piece by piece. Any thread."""

    if TYPE_CHECKING:
        # The connection's.
        _origin: Origin
        _exchanges: dict[int, Exchange]
        _newest_request: int
        continue_timeout: float | None

        def limit(self) -> float | None: ...  # noqa: D102
        def _live_pump(self) -> Pump: ...
        def _implied(
            self, given: RequestFields, announced: int | None, *, offers_codings: bool = True
        ) -> tuple[int | None, Fields]: ...
        def _open(
            self,
            section: Fields,
            method: str,
            announced: int | None,
            *,
            end_stream: bool,
            reserved_id: int = 0,
        ) -> Exchange: ...

    def __init__(self) -> None:
        # Dicts, whose single steps are atomic.
        #: before endheaders
        self._drafts: dict[int, Draft] = {}
        #: after it, until the caller has called the request final
        self._sending: dict[int, Exchange] = {}

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: ARG002 - the authority is no field; Host replaces it
        skip_accept_encoding: bool = False,
    ) -> int:
        """Begin a request that is put together piece by piece; returns its stream id.

        Another request that is sent before ``endheaders`` takes a younger stream, and then so
        does this one: use the id with the methods of this object only.
        """
        # Checked now, where the mistake is, though the section is built by endheaders.
        messages.request_section(method, url, self._origin, messages.request_fields(()), ())
        pump = self._live_pump()
        with pump.lock:
            stream_id = pump.endpoint.reserve_stream_id()
        self._drafts[stream_id] = Draft(method, url, offers_codings=not skip_accept_encoding)
        self._newest_request = stream_id
        return stream_id

    def putheader(self, name: Text, *values: Text | int, stream_id: int | None = None) -> None:
        """Add a field; several values are joined by commas (RFC 9110, 5.3)."""
        draft = self._draft(stream_id)
        value = b", ".join([fields.outgoing(name, value)[1] for value in values])
        draft.headers.append(fields.outgoing(name, value))

    def endheaders(
        self,
        message_body: Body = None,
        final: bool | None = None,
        *,
        stream_id: int | None = None,
    ) -> None:
        """Send the header section, and message_body if there is one.

        final: True: the request ends here; None: ``getresponse`` ends it, if nothing has before;
        False: the caller will, and may read the response meanwhile.
        """
        given_id = self._newest_request if stream_id is None else stream_id
        draft = self._draft(given_id)
        given = messages.request_fields(draft.headers)
        announced, implied = self._implied(given, None, offers_codings=draft.offers_codings)
        section = messages.request_section(draft.method, draft.url, self._origin, given, implied)
        del self._drafts[given_id]
        exchange = self._open(
            section,
            draft.method,
            announced,
            end_stream=bool(final) and message_body is None,
            reserved_id=given_id,
        )
        exchange.ends_itself = final is not False
        if given.expects_continue:
            exchange.continue_timeout = self.continue_timeout
        self._newest_request = given_id
        self._exchanges[given_id] = exchange
        if not exchange.stream.request_is_open:
            return
        self._note_sending(given_id, exchange)
        if message_body is not None:
            self.send(message_body, bool(final), given_id)
        else:
            with exchange.pump.lock:
                exchange.pump.drain(self.limit())

    def send(self, data: Body, final: bool = False, stream_id: int | None = None) -> None:
        """Send a part of the content, the last one if final: bytes-like, str, file, iterable.

        With ``Expect: 100-continue`` the first part waits for leave (``continue_timeout``).  A
        server that has answered, or reset the stream, and wants no more of it gets no more:
        nothing is raised, for ``getresponse`` tells.
        """
        given_id = self._newest_request if stream_id is None else stream_id
        exchange = self._sending_on(given_id)
        exchange.send(data, final=final, limit=self.limit)
        self._forget_if_ended(given_id, exchange)

    def send_trailers(self, trailers: FieldSource, stream_id: int | None = None) -> None:
        """Send a trailer section, which ends the request (8.1)."""
        given_id = self._newest_request if stream_id is None else stream_id
        exchange = self._sending_on(given_id)
        exchange.end(messages.trailer_section(trailers), self.limit)
        self._forget_if_ended(given_id, exchange)

    def _draft(self, stream_id: int | None) -> Draft:
        draft = self._drafts.get(self._newest_request if stream_id is None else stream_id)
        if draft is None:
            raise CannotSendHeader("no request was begun by putrequest, or its headers have ended")
        return draft

    def _note_sending(self, given_id: int, exchange: Exchange) -> None:
        sending = list(self._sending.copy().items())
        answered = [key for key, other in sending if not other.stream.request_is_open]
        for key in answered[:-MAX_ANSWERED_EARLY]:
            self._sending.pop(key, None)
        self._sending[given_id] = exchange

    def _sending_on(self, given_id: int) -> Exchange:
        exchange = self._sending.get(given_id)
        if exchange is None:
            raise LocalProtocolError(
                f"no request of stream {given_id} is open: call putrequest and endheaders first",
                stream_id=given_id,
            )
        return exchange

    def _end_by_getresponse(self, given_id: int, exchange: Exchange) -> None:
        """End a request that its caller never called final, and did not mean to (``final``)."""
        if exchange.ends_itself and given_id in self._sending:
            exchange.end((), self.limit)
            self._forget_if_ended(given_id, exchange)

    def _forget_if_ended(self, given_id: int, exchange: Exchange) -> None:
        if exchange.is_ended:
            self._sending.pop(given_id, None)
