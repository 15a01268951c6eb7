"""HTTP messages in field sections (RFC 9113, 8): requests out, responses and promises in.

A request is four pseudo-header fields and the caller's fields, checked before an octet leaves.
The same is done to what comes: which pseudo-header fields there must be, that they stand first,
that every field is well-formed, what content-length announces.  A malformed message is a stream
error (8.1.1), raised as StreamFault.

Sections that were judged once are remembered: servers send the same head again and again.
"""

from __future__ import annotations

import contextlib
import re

from ..errors import ErrorCode, InvalidURL, LocalProtocolError, StreamFault, shown
from ..fields import (
    CONNECTION_SPECIFIC,
    FieldMap,
    has_never_indexed,
    incoming_fault,
    outgoing_section,
)
from ..foundation.hosts import bracketed, normal_authority, parse_authority
from ..foundation.memo import Memo
from .origins import Origin, is_bare, is_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..fields import Fields, FieldSource, Pair

#: A method is a token; case counts (RFC 9110, 9.1).
METHOD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"

#: Methods that a server may promise: safe ones, without content (RFC 9113, 8.4).
PUSHABLE = frozenset((b"GET", b"HEAD"))

#: Sections that were judged are kept for the whole process: 128 sections of at most 2 KiB (as 6.5.2
#: counts) are 1 MiB with their objects, whatever servers do.
MAX_JUDGED = 128
MAX_JUDGED_SIZE = 2048


class RequestFields:
    """The caller's fields, checked, and what they say of the request as a whole."""

    __slots__ = (
        "asks_for_part",
        "content_length",
        "expects_continue",
        "fields",
        "host",
        "is_remembered",
        "names_codings",
    )

    def __init__(self, given: list[Pair]) -> None:
        #: what goes out: without Host, and without what belongs to HTTP/1.1 (8.2.2)
        self.fields: tuple[Pair, ...] = tuple(
            [f for f in given if f[0] not in NOT_AS_GIVEN or _keep(f)]
        )
        #: True if equal fields give this very object the next time
        self.is_remembered: bool = False
        #: the authority that the caller names by a Host field, as it goes out, or None
        self.host: str | None = None
        self.content_length: int | None = None
        #: whether the caller says which content codings are welcome
        self.names_codings: bool = False
        #: whether a part of the content is asked for (RFC 9110, 14.2)
        self.asks_for_part: bool = False
        #: whether the server is asked before the content goes out (RFC 9110, 10.1.1)
        self.expects_continue: bool = False
        for name, value in given:
            if name == b"host":
                self.host = _host(value)
            elif name == b"content-length":
                self._note_length(value)
            elif name == b"accept-encoding":
                self.names_codings = True
            elif name == b"range":
                self.asks_for_part = True
            elif name == b"expect":
                self.expects_continue = value.lower() == b"100-continue"
            elif name == b"connection":
                self._drop_named(value)

    def _drop_named(self, connection: bytes) -> None:
        # A field that Connection names is meant for the next hop of HTTP/1.1 alone, as Connection
        # itself is (RFC 9110, 7.6.1).
        named = _named(connection)
        self.fields = tuple([f for f in self.fields if f[0] not in named - NEVER_DROPPED])

    def _note_length(self, value: bytes) -> None:
        if not value.isdigit() or self.content_length not in (None, int(value)):
            raise LocalProtocolError(
                "content-length is not one number (RFC 9110, 8.6); nothing was sent"
            )
        self.content_length = int(value)


def _named(connection: bytes) -> set[bytes]:
    """The names of the fields that a Connection field names (RFC 9110, 7.6.1)."""
    return {option.strip(b" \t").lower() for option in connection.split(b",")}


def _host(value: bytes) -> str:
    """The authority of a Host field as it goes out, or InvalidURL (8.3.1; RFC 9110, 7.2)."""
    if not value.isascii():  # octets beyond ASCII may be of any coding
        raise InvalidURL(
            "the Host field is not ASCII: give a name beyond it as its A-label, which begins with"
            " 'xn--' (RFC 9110, 7.2; RFC 5890, 2.3.2.1)"
        )
    return normal_authority(value.decode("ascii"))


#: Fields that go out though Connection names them: HTTP/1.1 must name TE there, of which "trailers"
#: means something here, too (8.2.2), and the length was not meant for a hop.
NEVER_DROPPED = frozenset((b"te", b"content-length"))

#: Given fields that need a second look before they go out (8.2.2, 8.3.1).
NOT_AS_GIVEN = CONNECTION_SPECIFIC | {b"host", b"te"}


def _keep(field: Pair) -> bool:
    # "The only exception to this is the TE header field, which MAY be present [...] it MUST NOT
    # contain any value other than 'trailers'" (8.2.2).
    name, value = field
    return name == b"te" and value.lower() == b"trailers"


_given: Memo[Any, RequestFields] = Memo(MAX_JUDGED)


def request_fields(headers: FieldSource) -> RequestFields:
    """Check the fields of a request.

    HOT: once a request; one look-up for fields sent before (bench/clients.py, small).

    headers: a mapping or pairs, as ``fields.outgoing_section`` takes them.  Raises
    LocalProtocolError for what must not reach the wire.
    """
    pairs: Any = tuple(headers.items() if hasattr(headers, "items") else headers)
    if has_never_indexed(pairs):  # equal to plain fields, and not to be kept
        return RequestFields(outgoing_section(pairs))
    # An exception of the checks must not have the fields in its context: they may be secrets.
    try:
        given = _given.get(pairs)
    except (TypeError, BytesWarning):  # not hashable, or python -bb
        given = None
    if given is not None:
        return given
    given = RequestFields(outgoing_section(pairs))
    if section_size(given.fields) <= MAX_JUDGED_SIZE:
        with contextlib.suppress(TypeError, BytesWarning):  # not hashable, or python -bb
            _given.keep(pairs, given)
            given.is_remembered = True
    return given


def section_size(section: Fields) -> int:
    """Octets of a field section as 6.5.2 counts them."""
    return sum([len(name) + len(value) + 32 for name, value in section])


def request_section(
    method: str, url: str, origin: Origin, given: RequestFields, implied: Fields
) -> Fields:
    """The field section of a request (8.3.1), pseudo-header fields first.

    HOT: once a request (bench/clients.py, small).

    Args:
        url: a path with query, ``*``, an absolute URI, or for CONNECT host:port.
        given: the caller's fields, of which Host takes the authority's place.
        implied: fields that hyper adds.

    Raises:
        LocalProtocolError, InvalidURL: it must not reach the wire.
    """
    pair = _methods.get(method) or _method(method)
    if given.host is not None and given.host != origin.authority:
        origin = Origin(origin.scheme, given.host)
    pseudo = _own_target(method, url, origin) if method in OWN_TARGETS else origin.target(url)
    return (pair, *pseudo, *given.fields, *implied)


#: Methods whose target is not always a path.
OWN_TARGETS = frozenset(("CONNECT", "OPTIONS"))


def _own_target(method: str, url: str, origin: Origin) -> Fields:
    if method == "CONNECT":
        return _connect_target(url)
    pseudo = origin.target(url)
    # A server as a whole: "an OPTIONS request for an 'http' or 'https' URI that does not include a
    # path component [...] MUST include a ':path' pseudo-header field with a value of '*'" (8.3.1).
    if is_bare(url):
        pseudo = (*pseudo[:2], (b":path", b"*"))
    return pseudo


#: The methods of RFC 9110, 9.3 and RFC 5789 need no check.
_methods = {
    name: (b":method", name.encode())
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT")
}


def _method(method: str) -> Pair:
    if not re.fullmatch(METHOD, method):
        raise LocalProtocolError(
            f"the method {method!r} is not a token (RFC 9110, 9.1): it can't contain control"
            " characters, spaces or be empty; nothing was sent"
        )
    return (b":method", method.encode())


def _connect_target(target: str) -> tuple[Pair]:
    try:
        host, port = parse_authority(target)
    except InvalidURL as error:
        raise _not_a_tunnel_s(str(error)) from error
    # "A server MUST reject a CONNECT request that targets an empty or invalid port number" (RFC
    # 9110, 9.3.6), as 0 is.
    if not port:
        raise _not_a_tunnel_s("it has no port")
    # "The ':scheme' and ':path' pseudo-header fields MUST be omitted" (8.5).
    return ((b":authority", f"{bracketed(host)}:{port}".encode()),)


def _not_a_tunnel_s(why: str) -> InvalidURL:
    return InvalidURL(
        "the target of CONNECT is not host:port, as in 'example.org:443' or '[::1]:443':"
        f" {why} (RFC 9110, 9.3.6), and only an extended CONNECT, which names its protocol, takes"
        " a path or a URI; nothing was sent"
    )


def tunnel_section(
    target: str, protocol: str | None, origin: Origin, given: RequestFields, implied: Fields
) -> Fields:
    """The field section of CONNECT: to a host and port, or extended (8.5; RFC 8441, 4).

    target: without protocol, host:port; with it a path with query or an absolute URI, of which the
    schemes ws and wss stand for http and https (RFC 8441, 5).  Raises as ``request_section`` does.
    """
    if protocol is None:
        return request_section("CONNECT", target, origin, given, implied)
    if not re.fullmatch(METHOD, protocol):
        raise LocalProtocolError(
            f"the protocol {protocol!r} is not a token (RFC 8441, 4; RFC 9110, 7.8); nothing was"
            " sent"
        )
    if target.startswith(("ws://", "wss://")):
        target = "http" + target[len("ws") :]
    if given.host is not None and given.host != origin.authority:
        origin = Origin(origin.scheme, given.host)
    pseudo = (_methods["CONNECT"], (b":protocol", protocol.encode()))
    return (*pseudo, *origin.target(target), *given.fields, *implied)


def trailer_section(trailers: FieldSource) -> Fields:
    """The field section of trailers to send: no pseudo-header fields (8.1), checked."""
    section = outgoing_section(trailers)
    named = [_named(value) for name, value in section if name == b"connection"]
    dropped = CONNECTION_SPECIFIC.union(*named)
    return tuple([field for field in section if field[0] not in dropped])


class ResponseHead:
    """The header section of a response, judged (8.3.2).

    Responses whose sections are equal share one.
    """

    __slots__ = ("content_encoding", "content_length", "fields", "headers", "status")

    def __init__(self, status: int, fields: Fields, content_length: int | None) -> None:
        self.status: int = status
        #: regular fields only, as (name, value) octets
        self.fields: Fields = fields
        #: the same, as users read them
        self.headers: FieldMap = FieldMap(fields)
        #: octets of content announced, or None
        self.content_length: int | None = content_length
        #: the codings of the content, the last applied last, or "" (RFC 9110, 8.4)
        self.content_encoding: str = ", ".join(
            value.decode("latin-1") for name, value in fields if name == b"content-encoding"
        )


_judged: Memo[Fields, ResponseHead] = Memo(MAX_JUDGED)


def response_head(section: Fields, stream_id: int, *, is_marked: bool = False) -> ResponseHead:
    """Judge the header section of a response.

    is_marked: whether NeverIndexed fields are in it: it may equal one that has none, and is not
    kept.

    HOT: once a response; one look-up for a head seen before (bench/receive.py, small).
    """
    head = None if is_marked else _judged.get(section)
    if head is None:
        head = _judge_response(section, stream_id)
        if not is_marked and section_size(section) <= MAX_JUDGED_SIZE:
            _judged.keep(section, head)
    return head


def _judge_response(section: Fields, stream_id: int) -> ResponseHead:
    pseudo, regular = _split(section, stream_id)
    status = pseudo.pop(b":status", b"")
    if pseudo or not (len(status) == 3 and status.isdigit() and status >= b"100"):
        raise _malformed(stream_id, "a response whose one pseudo-header is not a :status", "8.3.2")
    if status == b"101":
        raise _malformed(stream_id, "status 101, which HTTP/2 does not have", "8.6")
    return ResponseHead(int(status), regular, _content_length(regular, stream_id))


def trailers(section: Fields, stream_id: int) -> Fields:
    """Judge a trailer section: "Trailers MUST NOT include pseudo-header fields" (8.1)."""
    pseudo, regular = _split(section, stream_id)
    if pseudo:
        raise _malformed(stream_id, "a pseudo-header field in trailers", "8.1")
    return regular


class PromisedRequest:
    """The request of a PUSH_PROMISE, judged (8.4)."""

    __slots__ = ("authority", "fields", "method", "path", "scheme")

    def __init__(self, pseudo: dict[bytes, bytes], fields: Fields) -> None:
        self.method: str = pseudo[b":method"].decode("latin-1")
        self.scheme: str = pseudo[b":scheme"].decode("latin-1")
        self.authority: str = pseudo[b":authority"].decode("latin-1")
        self.path: str = pseudo[b":path"].decode("latin-1")
        #: regular fields only, as (name, value) octets
        self.fields: Fields = fields


def promised_request(
    section: Fields, promised_id: int, covers: Callable[[str, str], bool]
) -> PromisedRequest:
    """Judge the request of a PUSH_PROMISE (8.4.1; 10.1).

    covers(scheme, authority) says whether the connection's peer may answer for that origin.
    """
    pseudo, regular = _split(section, promised_id)
    if set(pseudo) != {b":method", b":scheme", b":authority", b":path"}:
        raise _malformed(promised_id, "a promised request without its pseudo-headers", "8.4.1")
    request = PromisedRequest(pseudo, regular)
    _judge_target(request, promised_id)
    if pseudo[b":method"] not in PUSHABLE or _content_length(regular, promised_id):
        raise _malformed(promised_id, "a promised request that is unsafe or has content", "8.4")
    if not covers(request.scheme, request.authority):
        raise StreamFault(
            promised_id,
            ErrorCode.PROTOCOL_ERROR,
            f"a promise for {shown(request.authority)}, which the server has no authority over"
            " (RFC 9113, 8.4.2)",
        )
    return request


def _judge_target(request: PromisedRequest, promised_id: int) -> None:
    """Raise for a promise whose target no request could have (8.3.1)."""
    # A GET or a HEAD has no "*", and a fragment is never sent (RFC 9110, 7.1).
    if not is_target(request.path) or request.path[:1] != "/" or "#" in request.path:
        raise _malformed(promised_id, "a promised request with a malformed :path", "8.3.1")
    # A peer has no need of names beyond ASCII: over the wire they are A-labels.
    is_authority = request.authority.isascii()
    if is_authority:
        try:
            parse_authority(request.authority)
        except InvalidURL:
            is_authority = False
    if not is_authority:
        raise _malformed(promised_id, "a promised request with a malformed :authority", "8.3.1")


def _split(section: Fields, stream_id: int) -> tuple[dict[bytes, bytes], Fields]:
    """Pseudo-header fields and regular ones, each checked (8.2, 8.3)."""
    pseudo: dict[bytes, bytes] = {}
    regular: list[Pair] = []
    for field in section:
        name, value = field
        if name[:1] != b":":
            fault = incoming_fault(name, value)
            if fault:
                raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, fault)
            regular.append(field)
        elif regular or name in pseudo:
            raise _malformed(stream_id, f"pseudo-header '{shown(name)}' late or twice", "8.3")
        else:
            pseudo[name] = value
    return pseudo, tuple(regular)


def _content_length(fields: Fields, stream_id: int) -> int | None:
    # "Content-Length: 42, 42" may stand for one 42 (RFC 9110, 8.6).
    values = {
        part.strip()
        for name, value in fields
        if name == b"content-length"
        for part in value.split(b",")
    }
    if not values:
        return None
    value = values.pop()
    if values or not (value.isdigit() and len(value) <= MAX_CONTENT_LENGTH_DIGITS):
        raise _malformed(stream_id, f"content-length '{shown(value)}'", "8.1.1")
    return int(value)


#: 19 digits hold any file; longer ones would cost quadratic time to read.
MAX_CONTENT_LENGTH_DIGITS = 19


def _malformed(stream_id: int, what: str, section: str) -> StreamFault:
    return StreamFault(
        stream_id, ErrorCode.PROTOCOL_ERROR, f"{what} on stream {stream_id} (RFC 9113, {section})"
    )
