"""The header section of a request, with the fields that go without saying (RFC 9113, 8.3.1)."""

from __future__ import annotations

import contextlib

from ..errors import LocalProtocolError
from ..foundation.memo import Memo
from ..protocol import messages
from . import content
from .exchange import wrong_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..fields import Fields, FieldSource
    from ..protocol.messages import RequestFields
    from ..protocol.origins import Origin
    from ..protocol.priorities import PrioritySource
    from .content import Body
    from .putrequest import Draft


#: Heads that are remembered: a program asks for the same few again and again. A URL of 2 KiB is
#: longer than those.
MAX_KNOWN, MAX_KNOWN_URL = 128, 2048


class RequestHead:
    """A header section that is ready to be sent, and what it says of the content."""

    __slots__ = (
        "content_length",
        "expects_continue",
        "foreign",
        "is_whole",
        "method",
        "protocol",
        "section",
    )

    def __init__(
        self,
        method: str,
        section: Fields,
        content_length: int | None = None,
        is_whole: bool = False,
        expects_continue: bool = False,
        foreign: tuple[str, str] | None = None,
        protocol: str | None = None,
    ) -> None:
        self.method: str = method
        self.section: Fields = section
        #: octets of content that it announces, or None
        self.content_length: int | None = content_length
        #: True if END_STREAM goes with it: neither content nor trailers follow
        self.is_whole: bool = is_whole
        #: True if content waits for 100 (Continue) (RFC 9110, 10.1.1)
        self.expects_continue: bool = expects_continue
        #: of extended CONNECT (RFC 8441, 4), else None
        self.protocol: str | None = protocol
        #: scheme and authority of a URI that names another origin than the connection's, else None
        self.foreign: tuple[str, str] | None = foreign


class RequestHeads:
    """Makes the header sections of one connection's requests. Any thread.

    origin: where requests go. decodes: whether content codings are offered.

    Every method raises LocalProtocolError, InvalidURL or TypeError for what must not be sent.
    """

    def __init__(self, origin: Origin, *, decodes: bool) -> None:
        self._origin = origin
        self._decodes = decodes
        self._accept_encoding: Fields = ()
        #: heads of requests without content, by what they were made of (``_key``)
        self._known: Memo[tuple[Any, ...], RequestHead] = Memo(MAX_KNOWN)

    def of_request(
        self,
        method: str,
        url: str,
        body: Body,
        headers: FieldSource,
        trailers: Fields,
        priority: PrioritySource | None,
        *,
        offers_codings: bool = True,
    ) -> RequestHead:
        """Make the head of a request whose content is known.

        HOT: once a request (bench/clients.py outstanding).
        """
        is_plain = body is None and not trailers and priority is None and offers_codings
        is_dict = type(headers) is dict
        known = None
        if is_plain and is_dict:
            # As _key has it, and a third of what the fields cost one by one. An exception of the
            # checks must not have the fields in its context: they may be secrets.
            try:
                known = self._known.get((method, url, *headers, *headers.values()))  # type: ignore[union-attr]
            except (TypeError, BytesWarning):  # not hashable, or python -bb
                known = None
            if known is not None:
                return known
            headers = tuple(headers.items())  # type: ignore[union-attr] # the same from here on
        given = messages.request_fields(headers)
        if is_plain and not is_dict:
            known = self._known.get((method, url, given))
            if known is not None:
                return known
        size = content.content_length(method, body)
        if method == "TRACE" and body is not None and size != 0:
            raise LocalProtocolError("TRACE has no content (RFC 9110, 9.3.8); nothing was sent")
        content_length, implied = self._implied(given, size, offers_codings=offers_codings)
        if priority is not None:
            implied += _priority(priority, given)
        section = messages.request_section(method, url, self._origin, given, implied)
        foreign = None
        if section[1] is not self._origin.pseudo[0]:
            foreign = _foreign(section, given)
        is_known = body is None or size is not None
        if is_known and content_length is not None and content_length != (size or 0):
            raise wrong_length(size or 0, content_length)
        is_whole = body is None and not trailers
        # A request without content has nothing to wait with (RFC 9110, 10.1.1).
        expects_continue = given.expects_continue and not content.is_empty(body)
        if given.expects_continue and not expects_continue:
            section = _without_expectation(section)
        head = RequestHead(method, section, content_length, is_whole, expects_continue, foreign)
        # Fields that are not remembered, secret ones among them, are another object each time.
        if is_plain and given.is_remembered and len(url) <= MAX_KNOWN_URL:
            key = _key(method, url, headers) if is_dict else (method, url, given)  # type: ignore[arg-type]
            with contextlib.suppress(TypeError, BytesWarning):
                self._known.keep(key, head)
        return head

    def of_draft(self, draft: Draft, *, is_whole: bool) -> RequestHead:
        """Make the head of a request that was put together piece by piece."""
        given = messages.request_fields(draft.headers)
        content_length, implied = self._implied(given, None, offers_codings=draft.offers_codings)
        section = messages.request_section(draft.method, draft.url, self._origin, given, implied)
        foreign = None
        if section[1] is not self._origin.pseudo[0]:
            foreign = _foreign(section, given)
        expects_continue = given.expects_continue and not is_whole
        if given.expects_continue and is_whole:
            section = _without_expectation(section)
        return RequestHead(
            draft.method,
            section,
            content_length,
            is_whole=is_whole,
            expects_continue=expects_continue,
            foreign=foreign,
        )

    def of_stream(
        self, method: str, url: str, headers: FieldSource, priority: PrioritySource | None
    ) -> RequestHead:
        """Make the head of a request whose content is written while its response is read."""
        given = messages.request_fields(headers)
        implied = _priority(priority, given)
        section = messages.request_section(method, url, self._origin, given, implied)
        foreign = None
        if section[1] is not self._origin.pseudo[0]:
            foreign = _foreign(section, given)
        return RequestHead(
            method,
            section,
            given.content_length,
            expects_continue=given.expects_continue,
            foreign=foreign,
        )

    def of_tunnel(
        self,
        target: str,
        protocol: str | None,
        headers: FieldSource,
        priority: PrioritySource | None,
    ) -> RequestHead:
        """Make the head of CONNECT, with protocol of extended CONNECT (8.5; RFC 8441, 4)."""
        given = messages.request_fields(headers)
        implied = _priority(priority, given)
        section = messages.tunnel_section(target, protocol, self._origin, given, implied)
        foreign = None
        if protocol is not None and section[2] is not self._origin.pseudo[0]:
            foreign = _foreign(section[1:], given)
        return RequestHead("CONNECT", section, protocol=protocol, foreign=foreign)

    def check(self, method: str, url: str) -> None:
        """Raise for a method or a URL that cannot be sent."""
        messages.request_section(method, url, self._origin, messages.request_fields(()), ())

    def _implied(
        self, given: RequestFields, size: int | None, *, offers_codings: bool = True
    ) -> tuple[int | None, Fields]:
        """Return the content length, if it is known, and the fields that go without saying."""
        implied: Fields = ()
        if offers_codings and not given.names_codings:
            implied = self._offered(is_part=given.asks_for_part)
        if given.content_length is not None:
            return given.content_length, implied
        if size is not None:
            implied = (*implied, (b"content-length", b"%d" % size))
        return size, implied

    def _offered(self, *, is_part: bool) -> Fields:
        """Return the accept-encoding field; is_part: whether a part of the content is asked for."""
        from .content_codings import IDENTITY_ALONE, offer

        self._accept_encoding = self._accept_encoding or offer(self._decodes)
        return IDENTITY_ALONE if is_part else self._accept_encoding


def _key(method: str, url: str, pairs: tuple[tuple[Any, Any], ...]) -> tuple[Any, ...]:
    """Return what a request with fields of a dict is remembered by: all names, then all values."""
    return (method, url, *[name for name, _ in pairs], *[value for _, value in pairs])


def _priority(priority: PrioritySource | None, given: RequestFields) -> Fields:
    """Return the header field of a priority, none for None (RFC 9218, 5)."""
    if priority is None:
        return ()
    from ..protocol import priorities  # not before: most requests have none

    return priorities.fields(priority, given.fields)


def _without_expectation(section: Fields) -> Fields:
    """Leave out Expect: "A client MUST NOT generate" it without content (RFC 9110, 10.1.1)."""
    return tuple([field for field in section if field[0] != b"expect"])


def _foreign(section: Fields, given: RequestFields) -> tuple[str, str] | None:
    """Return the scheme and the authority that a URI names, None if the caller vouches for them.

    A Host field does that: it is the caller's word for the authority, as for a server that is
    tested by its address.  section: its second and third fields may be :scheme and :authority.
    """
    (name, scheme), (_, authority) = section[1], section[2] if len(section) > 2 else (b"", b"")
    if name != b":scheme" or (given.host is not None and authority == given.host.encode()):
        return None
    return scheme.decode(), authority.decode()
