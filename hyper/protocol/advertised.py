"""What the peer says of origins: ALTSVC (RFC 7838, 4), ORIGIN (RFC 8336) and the status 421.

It is kept in the order in which it came, as octets.  Whoever shows it reads them (``route.py``):
which are origins, which are the same, and for which the peer may speak.
"""

from __future__ import annotations

from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .stream import Stream

#: Origins and alternative services kept of what the peer advertises.
MAX_ADVERTISED = 100

#: "The request was directed at a server that is unable or unwilling to produce an authoritative
#: response for the target URI" (RFC 9110, 15.5.20).
MISDIRECTED_REQUEST = 421


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
    # Never left out for want of room where we asked; how much is pushed is the peer's doing.
    if said.pop(origin, None) is not None or stream.id % 2 or len(said) < MAX_ADVERTISED:
        said[origin] = False
