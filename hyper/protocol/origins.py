"""Origins, authorities and targets (RFC 9110, 4.2; RFC 9113, 8.3.1), and who speaks for them.

An *origin* is a scheme, a host and a port.  ``foundation/hosts.py`` reads the latter two.  A
*target* is what a request asks an origin for.

It also has what a server says about origins: ALTSVC (RFC 7838, 4), ORIGIN (RFC 8336) and the status
421.  The receivers keep that as octets, in the order in which it came; ``alt_services`` and
``origin_set`` read it for users.
"""

from __future__ import annotations

import contextlib
import re

from ..errors import InvalidURL, shown
from ..foundation.hosts import (
    DEFAULT_PORTS,
    authority_of,
    host_and_port,
    normal_authority,
    parse_authority,
)
from ..foundation.memo import Memo
from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fields import Fields
    from .endpoint import Endpoint
    from .stream import Stream

# The patterns are compiled when they are first needed, as a first request needs neither.

#: The beginning of an absolute URI: a scheme (RFC 3986, 3.1) and an authority (3.2).  A query may
#: hold "://", too, but "?", "#" and "/" end the search for a scheme.
ABSOLUTE = r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)"

#: An origin in ASCII (RFC 6454, 6.2), of HTTP.
ASCII_ORIGIN = r"(https?)://([^\x00-\x20\x7f-\xff/?#@\\*]+)"


def absolute_uri(url: str) -> re.Match[str] | None:
    """The match of ``ABSOLUTE`` with the beginning of a URL, or None."""
    return re.match(ABSOLUTE, url) if "://" in url else None


def is_bare(url: str) -> bool:
    """True if an absolute URI names an origin alone, without a path or a query."""
    absolute = absolute_uri(url)
    return absolute is not None and url[absolute.end() :].partition("#")[0] == ""


def is_target(text: str) -> bool:
    """True if each character may stand in a request target: no control, space, or non-ASCII one."""
    return text.isascii() and text.isprintable() and " " not in text


#: Targets that are remembered for each origin, and the longest: 256 KiB at most.
MAX_TARGETS = 128
MAX_TARGET_SIZE = 2048

#: Origins and alternative services kept of what the peer advertises.
MAX_ADVERTISED = 100

#: "The request was directed at a server that is unable or unwilling to produce an authoritative
#: response for the target URI" (RFC 9110, 15.5.20).
MISDIRECTED_REQUEST = 421


# ---------------------------------------------------------- origins and targets


class Origin:
    """A scheme and an authority: the destination of requests that name no other (8.3.1).

    Args:
        scheme: "https" or "http".
        authority: ``host[:port]``.

    Raises:
        InvalidURL: one of them is something else.
    """

    __slots__ = ("_targets", "authority", "identity", "pseudo", "scheme")

    def __init__(self, scheme: str, authority: str) -> None:
        default_port = DEFAULT_PORTS.get(scheme)
        if default_port is None:
            raise InvalidURL(
                f"the scheme '{shown(scheme, 20)}' is not http or https (RFC 9110, 4.2)"
            )
        host, port = parse_authority(authority)
        self.scheme: str = scheme
        #: as it goes over the wire
        self.authority: str = normal_authority(authority)
        self.pseudo: tuple[tuple[bytes, bytes], tuple[bytes, bytes]] = (
            (b":scheme", scheme.encode()),
            (b":authority", self.authority.encode()),
        )
        #: equal for two spellings of one origin (RFC 9110, 4.3.1)
        self.identity: tuple[str, str, int] = (
            scheme,
            host.lower(),
            default_port if port is None else port,
        )
        self._targets: Memo[str, Fields] = Memo(MAX_TARGETS)

    def target(self, url: str) -> Fields:
        """The pseudo-header fields of a path with query, ``*``, or an absolute URI.

        HOT: once a request; a target seen before is one look-up (bench/clients.py, small).

        The first two are ``pseudo`` itself, the same objects, unless the URI names another origin.
        """
        fields = self._targets.get(url)
        if fields is None:
            fields = self._target(url)
            if len(url) <= MAX_TARGET_SIZE:
                self._targets.keep(url, fields)
        return fields

    def _target(self, url: str) -> Fields:
        pseudo = self.pseudo
        absolute = absolute_uri(url)
        if absolute:
            named = _origin_of(absolute[1].lower(), absolute[2])
            url = url[absolute.end() :]
            if named.identity != self.identity:
                pseudo = named.pseudo
        # "The ':path' pseudo-header field includes the path and query parts" (8.3.1).
        path = url.partition("#")[0]
        if path[:1] != "/" and path != "*":
            if path[:1] not in ("", "?"):
                raise InvalidURL(
                    "the target is no absolute URI, and its path does not begin with '/' (RFC 9113,"
                    " 8.3.1; RFC 3986, 3.1)"
                )
            path = "/" + path
        if not is_target(path):
            at = next(at for at, character in enumerate(path) if not is_target(character))
            # The path itself is not shown, because a token may stand in it.
            raise InvalidURL(
                "URL can't contain control characters, spaces or non-ASCII characters: the path"
                f" has {path[at]!r} at {at}; percent-encode it (RFC 9113, 8.3.1)"
            )
        return (*pseudo, (b":path", path.encode()))


def _origin_of(scheme: str, authority: str) -> Origin:
    """The origin of an absolute URI; authority: with a name and a password, as URLs may have."""
    try:
        return Origin(scheme, authority.rpartition("@")[2])
    except InvalidURL:
        if "@" not in authority and ":" not in authority:
            raise
    # A password may stand there, whole or cut by a "/" of its own.
    raise InvalidURL(
        "the authority of the URI is not host[:port], with a port that is a number (RFC 9110, 4.2)"
    )


def as_origin(octets: bytes) -> str | None:
    """An origin as a server writes it, in one spelling; None if it is not an origin of HTTP."""
    match = re.fullmatch(ASCII_ORIGIN, octets.decode("latin-1").lower())
    if match is None:
        return None
    with contextlib.suppress(InvalidURL):  # from the peer: it may be anything
        scheme, authority = match.groups()
        host, port = host_and_port(authority, None, scheme == "https")
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
    """Read what ALTSVC frames have said, as (origin, field value), one an origin (RFC 7838, 4).

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
