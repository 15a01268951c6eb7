"""Why a request cannot go out, in words for the person who wonders (RFC 9113, 3.4, 5.1.2).

The functions take the endpoint; ``Endpoint`` takes them as its methods.  Lock held for every call.
"""

from __future__ import annotations

from ..errors import NegotiationError
from .settings import SETTINGS_ENABLE_CONNECT_PROTOCOL, SETTINGS_MAX_CONCURRENT_STREAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .endpoint import Endpoint


#: Why a wait was in vain on a connection on which nothing has ever come.
NOTHING_CAME = (
    "timed out: the server has accepted the connection and sent nothing: its SETTINGS, with which"
    " HTTP/2 begins, are missing (RFC 9113, 3.4): does it speak HTTP/2 on this port?"
)


def why_none_is_free(endpoint: Endpoint) -> str:
    """The message of the TimeoutError of a request that could not be sent."""
    if not endpoint.peer_settings.received:
        return NOTHING_CAME
    if endpoint.budget.has_room(endpoint.initial_receive_window):
        most = endpoint.peer_settings[SETTINGS_MAX_CONCURRENT_STREAMS]
        streams = "1 stream" if most == 1 else f"{most} streams"
        return (
            f"timed out: the server allows {streams} at once, and none ended in the time given"
            " (RFC 9113, 5.1.2)"
        )
    return (
        "timed out: what is unread, and what servers may still send, takes all of unread_limit,"
        f" {endpoint.budget.limit} octets: read or close responses, or raise the limit"
    )


def require_connect_protocol(endpoint: Endpoint, protocol: str) -> None:
    """Raise NegotiationError if the peer has not announced extended CONNECT (RFC 8441, 3)."""
    if not endpoint.peer_settings[SETTINGS_ENABLE_CONNECT_PROTOCOL]:
        raise NegotiationError(
            "the server has not announced SETTINGS_ENABLE_CONNECT_PROTOCOL, so that"
            f" {protocol} cannot be asked for on this connection (RFC 8441, 3); nothing was"
            " sent"
        )
