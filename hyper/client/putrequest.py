"""Requests put together piece by piece, in http.client's manner: putrequest, putheader."""

from __future__ import annotations

from .. import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fields import Pair, Text


class Draft:
    """A request that is being put together, until ``endheaders`` sends it. One thread at a time."""

    __slots__ = ("headers", "method", "offers_codings", "url")

    def __init__(self, method: str, url: str, *, offers_codings: bool) -> None:
        self.method: str = method
        self.url: str = url
        #: True if an Accept-Encoding field is sent where the caller puts none
        self.offers_codings: bool = offers_codings
        self.headers: list[Pair] = []

    def put(self, name: Text, values: tuple[Text | int, ...]) -> None:
        """Add a field; several values are joined by commas (RFC 9110, 5.3).

        Raises LocalProtocolError for what a field must not have (RFC 9113, 8.2.1).
        """
        value = b", ".join([fields.outgoing(name, value)[1] for value in values])
        self.headers.append(fields.outgoing(name, value))
