"""Pushes: what a server promises, and the request that it made up for it (RFC 9113, 8.4)."""

from __future__ import annotations

from ..errors import shown
from ..fields import FieldMap
from .exchange import Exchange
from .response import HTTP20Response, joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar, overload

    from ..protocol.messages import PromisedRequest
    from ..protocol.priorities import PrioritySource
    from ..pump.pump import Pump
    from .timeouts import Timeouts

    Default = TypeVar("Default")


class HTTP20Push:
    """A promised response, and the request that the server made up for it (RFC 9113, 8.4).

    A push that nobody keeps is dropped, and its stream is reset.
    """

    def __init__(self, exchange: Exchange, *, decode_content: bool = True) -> None:
        self._exchange = exchange
        self._decodes = decode_content
        self._response: HTTP20Response | None = None

    @property
    def _request(self) -> PromisedRequest:
        request = self._exchange.stream.promised_request
        assert request is not None  # it is a promised stream
        return request

    @property
    def stream_id(self) -> int:
        """The promised stream's identifier, even (5.1.1)."""
        return self._exchange.id

    @property
    def method(self) -> str:
        """The method of the promised request: GET or HEAD."""
        return self._request.method

    @property
    def scheme(self) -> str:
        """The scheme: https or http."""
        return self._request.scheme

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own."""
        return self._request.authority

    @property
    def path(self) -> str:
        """Path and query."""
        return self._request.path

    @property
    def request_headers(self) -> FieldMap:
        """The header section of the promised request, without pseudo-header fields."""
        return FieldMap(self._request.fields)

    if TYPE_CHECKING:

        @overload
        def getrequestheader(self, name: str) -> str | None: ...
        @overload
        def getrequestheader(self, name: str, default: Default) -> str | Default: ...

    def getrequestheader(self, name: str, default: Any = None) -> Any:
        """Return the values of one field of the promised request, joined by commas.

        Args:
            name: of the field, in any case.
            default: returned if there is no such field; an iterable is joined.
        """
        return joined(self.request_headers, name, default)

    def getrequestheaders(self) -> list[tuple[str, str]]:
        """All (name, value) pairs of the promised request."""
        return self.request_headers.items()

    def getresponse(self) -> HTTP20Response:
        """Wait for the header section of the promised response.

        Returns:
            The response: the same object each time.

        Raises:
            TimeoutError: nothing is lost; ask again.
            StreamResetError, ConnectionTerminated: the server does not send it after all.
            RemoteProtocolError: it breaks the rules.
        """
        if self._response is None:
            self._exchange.await_head()
            with self._exchange.pump.lock:
                if self._response is None:  # another thread may have been quicker
                    self._response = HTTP20Response(self._exchange, decode_content=self._decodes)
        return self._response

    get_response = getresponse

    def reprioritize(self, priority: PrioritySource) -> bool:
        """Ask for another priority (RFC 9218, 6).

        Args:
            priority: a ``Priority``, or its field value.

        Returns:
            False if it is in vain: the response is whole, or the server's SETTINGS decline.
        """
        return self._exchange.reprioritize(priority)

    def cancel(self) -> None:
        """Tell the server not to send it (CANCEL, 8.4.2); what it has sent already is dropped.

        A response that was taken, and is whole, can still be read.
        """
        self._exchange.cancel()
        if self._response is None:
            self._exchange.pump.release(self._exchange.stream.drop_content())

    def __repr__(self) -> str:
        return f"<HTTP20Push {self.method} {shown(self.path)}, stream {self.stream_id}>"


def promised(
    pump: Pump, parent_id: int, timeouts: Timeouts, *, capture_all: bool
) -> Iterator[Exchange]:
    """Iterate the promises that came with the request on stream parent_id, each of them once.

    capture_all: also those to come, until the response has ended, or has filled its window and
    must be read first.
    """
    endpoint = pump.endpoint

    def is_known() -> bool:
        return parent_id in endpoint.promises or not endpoint.may_bring_promises(parent_id)

    while True:
        pump.lock.require_free()
        with pump.lock:
            if capture_all:
                pump.wait(is_known, (parent_id,), timeouts.remaining())
            else:
                pump.look()
            streams = endpoint.claim_promises(parent_id)
        exchanges = [Exchange(pump, stream, timeouts) for stream in streams]
        # Pushes that the caller does not come to take are dropped with the list.
        while exchanges:
            yield exchanges.pop(0)
        if not (capture_all and streams):
            return
