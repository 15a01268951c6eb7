"""Origins, authorities and targets (RFC 9110, 4.2; RFC 9113, 8.3.1), and who speaks for them.

An *origin* is a scheme, a host and a port.  An *authority* is the host, and the port unless it is
the scheme's own; an IPv6 address stands in brackets there, without the zone that only this machine
understands.  A *target* is what a request asks an origin for.  This module takes them apart and
puts them together, for all of hyper.

It also has what a server says about origins: ALTSVC (RFC 7838, 4), ORIGIN (RFC 8336) and the status
421.  The receivers keep that as octets, in the order in which it came; ``alt_services`` and
``origin_set`` read it for users.
"""

from __future__ import annotations

import contextlib
import re

from .._memo import Memo
from ..errors import InvalidURL
from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fields import Fields
    from .endpoint import Endpoint
    from .stream import Stream

#: The port of a scheme (RFC 9110, 4.2.1, 4.2.2).
DEFAULT_PORTS = {"https": 443, "http": 80}

#: Ports are 16 bits wide.
MAX_PORT = 65_535

#: What may not stand in a request target: controls, space, anything beyond ASCII.
TARGET_FAULT = re.compile(r"[\x00-\x20\x7f-\U0010ffff]").search

#: The authority of a plain CONNECT: a name, an IPv4 address or an IPv6 one in brackets, and a port
#: (RFC 9110, 9.3.6; RFC 3986, 3.2.2).
HOST_AND_PORT = re.compile(
    r"(?:\[[\w.~!$&'()*+,;=:%-]+\]|[\w.~!$&'()*+,;=%-]+):([0-9]{1,5})", re.ASCII
).fullmatch

#: An origin in ASCII (RFC 6454, 6.2), of HTTP.
ASCII_ORIGIN = re.compile(r"(https?)://([^\x00-\x20\x7f-\xff/?#@\\*]+)").fullmatch

#: Targets that are remembered for each origin, and the longest: 256 KiB at most.
MAX_TARGETS = 128
MAX_TARGET_SIZE = 2048

#: Origins and alternative services kept of what the peer advertises.
MAX_ADVERTISED = 100

#: "The request was directed at a server that is unable or unwilling to produce an authoritative
#: response for the target URI" (RFC 9110, 15.5.20).
MISDIRECTED_REQUEST = 421


# ------------------------------------------------------------- hosts and ports


def without_zone(host: str) -> str:
    """An IPv6 address without its zone, which no other machine understands (RFC 6874, 1)."""
    return host.partition("%")[0] if ":" in host else host


def bracketed(host: str) -> str:
    """A host as it stands before a port: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{without_zone(host)}]" if ":" in host else host


def host_and_port(host: str, port: int | None, secure: bool | None) -> tuple[str, int]:
    """Take apart what http.client takes apart; InvalidURL where it raises that, and for a URL.

    A host beyond ASCII becomes its A-label, as it goes over the wire (RFC 5890, 2.3.2.1).
    """
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise InvalidURL(f"the host {host!r} is not a name in the DNS: {error}") from error
    fault = TARGET_FAULT(host)
    if fault:
        raise InvalidURL(f"the host {host!r} contains {fault.group()!r} (RFC 9110, 4.2)")
    if "/" in host:
        raise InvalidURL(f"{host!r} is more than a host and its port (RFC 3986, 3.2)")
    if port is None and host.count(":") > 1 and not host.startswith("["):
        raise InvalidURL(f"is {host!r} an IPv6 address? Then write [{host}] (RFC 3986, 3.2.2)")
    if port is None:
        colon = host.rfind(":")
        if colon > host.rfind("]"):
            digits, host = host[colon + 1 :], host[:colon]
            if digits and not (digits.isascii() and digits.isdigit()):
                raise InvalidURL(f"nonnumeric port: {digits!r}")
            port = int(digits) if digits else None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if port is None:
        port = DEFAULT_PORTS["http" if secure is False else "https"]
    if not 0 <= port <= MAX_PORT:
        raise InvalidURL(f"port {port} is not within 0 and {MAX_PORT}")
    return host, port


def authority_of(host: str, port: int, scheme: str) -> str:
    """Host and, unless it is the scheme's own, port (RFC 9113, 8.3.1)."""
    literal = bracketed(host)
    return literal if port == DEFAULT_PORTS[scheme] else f"{literal}:{port}"


# ---------------------------------------------------------- origins and targets


class Origin:
    """A scheme and an authority: the destination of requests that name no other (8.3.1).

    Raises InvalidURL for what may not stand in either.
    """

    __slots__ = ("_targets", "authority", "pseudo", "scheme")

    def __init__(self, scheme: str, authority: str) -> None:
        _check_target(scheme)
        _check_target(authority)
        self.scheme = scheme
        self.authority = authority
        self.pseudo = ((b":scheme", scheme.encode()), (b":authority", authority.encode()))
        self._targets: Memo[str, Fields] = Memo(MAX_TARGETS)

    def target(self, url: str) -> Fields:
        """The pseudo-header fields of a path with query, ``*``, or an absolute URI.

        HOT: once a request; a target seen before is one look-up (bench/clients.py, small).
        """
        fields = self._targets.get(url)
        if fields is None:
            fields = self._target(url)
            if len(url) <= MAX_TARGET_SIZE:
                self._targets.keep(url, fields)
        return fields

    def _target(self, url: str) -> Fields:
        origin = self
        if not url.startswith(("/", "*")) and "://" in url:
            scheme, _, rest = url.partition("://")
            cut = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
            origin, url = Origin(scheme, rest[:cut].rpartition("@")[2]), rest[cut:]
        # "The ':path' pseudo-header field includes the path and query parts" (8.3.1).
        path = url.partition("#")[0]
        if path[:1] != "/" and path != "*":
            if path[:1] not in ("", "?"):
                raise InvalidURL(f"the path {path!r} does not begin with '/' (RFC 9113, 8.3.1)")
            path = "/" + path
        _check_target(path)
        return (*origin.pseudo, (b":path", path.encode()))


def _check_target(part: str) -> None:
    fault = TARGET_FAULT(part)
    if fault:
        raise InvalidURL(
            f"URL can't contain control characters, spaces or non-ASCII characters: {part!r}"
            f" (found {fault.group()!r}); percent-encode it (RFC 9113, 8.3.1)"
        )


def as_origin(octets: bytes) -> str | None:
    """An origin as a server writes it, in one spelling; None if it is not an origin of HTTP."""
    match = ASCII_ORIGIN(octets.decode("latin-1").lower())
    if match is None:
        return None
    with contextlib.suppress(InvalidURL):  # from the peer: it may be anything
        scheme, authority = match.groups()
        host, port = host_and_port(authority, None, scheme == "https")
        if host:
            return f"{scheme}://{authority_of(host, port, scheme)}"
    return None


# ------------------------------------------------- what a server says about them


def receive_altsvc(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """ALTSVC (RFC 7838, 4): kept; what is malformed or misplaced is ignored."""
    parsed = frames.parse_altsvc(payload)
    if parsed is None:
        return
    named, value = parsed
    origin: bytes | None = named
    if stream_id:
        # It "is associated with the origin of that stream", which is gone with the stream.
        stream = endpoint.streams.get(stream_id)
        origin = stream.origin if stream and not named else None
    # "An ALTSVC frame on stream 0 with empty Origin information is invalid and MUST be ignored",
    # as is one elsewhere that brings an origin.
    if origin:
        # It replaces what was said of the same origin before (4).
        kept = [service for service in endpoint.alt_services if service[0] != origin]
        endpoint.alt_services = [*kept, (origin, value)][-MAX_ADVERTISED:]


def receive_origin(endpoint: Endpoint, flags: int, stream_id: int, payload: memoryview) -> None:
    """ORIGIN (RFC 8336, 2): kept; invalid ones are ignored."""
    if stream_id or flags & 0xF:
        return
    said = endpoint.origin_set
    if said is None:
        said = endpoint.origin_set = {}
    for origin in frames.parse_origin(payload):
        # The latest word on an origin stands last.
        if said.pop(origin, None) is not None or len(said) < MAX_ADVERTISED:
            said[origin] = True


def receive_misdirected(endpoint: Endpoint, stream: Stream) -> None:
    """A response with 421: the request's origin leaves the Origin Set (RFC 8336, 2.3)."""
    said, origin = endpoint.origin_set, stream.origin
    if said is None or origin is None:
        return
    # An answer to our own request is always recorded; pushed ones count against MAX_ADVERTISED,
    # because the peer decides how many there are.
    if said.pop(origin, None) is not None or stream.id % 2 or len(said) < MAX_ADVERTISED:
        said[origin] = False


def alt_services(endpoint: Endpoint) -> list[tuple[str, str]]:
    """What ALTSVC frames have said, as (origin, field value), one an origin (RFC 7838, 4).

    Only those of origins that the server may speak for: others "MUST be ignored".
    """
    services: dict[str, str] = {}
    for octets, value in endpoint.alt_services:
        origin = as_origin(octets)
        if origin is not None and endpoint.covers(*origin.split("://")):
            services.pop(origin, None)  # the latest word counts, and stands last
            services[origin] = value.decode("latin-1")
    return list(services.items())


def origin_set(endpoint: Endpoint, initial: Origin) -> tuple[str, ...] | None:
    """The Origin Set (RFC 8336, 2.3), the initial origin first; None until a frame has come.

    In cleartext, ORIGIN "MUST be ignored" (2.2).
    """
    if endpoint.origin_set is None or initial.scheme != "https":
        return None
    members: dict[str | None, None] = {f"https://{initial.authority.lower()}": None}
    for octets, is_named in endpoint.origin_set.items():
        origin = as_origin(octets)
        if is_named:
            members.setdefault(origin)
        else:
            members.pop(origin, None)
    return tuple(filter(None, members))
