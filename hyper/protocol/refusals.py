"""Why a request cannot go out or be answered, in words (RFC 9113, 3.4, 5.1.2, 6.8).

The functions take the endpoint; ``Endpoint`` takes them as its methods.  Lock held for every call.
"""

from __future__ import annotations

from ..errors import (
    ConnectionFault,
    ConnectionTerminated,
    ErrorCode,
    Failure,
    NegotiationError,
    RemoteDisconnected,
    code_name,
    shown,
)
from . import frames
from .settings import (
    LEAST_FRAME_SIZE,
    SETTINGS_ENABLE_CONNECT_PROTOCOL,
    SETTINGS_MAX_CONCURRENT_STREAMS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .endpoint import Endpoint


#: Why a wait was in vain on a connection on which nothing has ever come.
NOTHING_CAME = (
    "timed out: the server has accepted the connection and sent nothing: its SETTINGS, with which"
    " HTTP/2 begins, are missing (RFC 9113, 3.4): does it speak HTTP/2 on this port?"
)


#: Octets of an answer in HTTP/1 that a message shows: the status line is rarely longer.
MOST_QUOTED = 64


def fault_of_answers(unsent: int) -> ConnectionFault:
    """The fault of a peer that has us make more answers than it reads (10.5)."""
    return ConnectionFault(
        ErrorCode.ENHANCE_YOUR_CALM,
        f"{unsent} frames that must be answered, and the peer does not read the answers"
        " (RFC 9113, 10.5)",
    )


def fault_of_preface(endpoint: Endpoint, octets: memoryview) -> ConnectionFault | None:
    """The fault of a server whose first octets are no SETTINGS frame (3.4); None: wait for more.

    The type decides, whatever length the octets before it would be.
    """
    beginning = bytes(octets[:MOST_QUOTED])
    if not beginning.startswith(b"HTTP/"[: len(beginning)]):
        if octets[3] != frames.GOAWAY:
            why = "the peer's first frame is not SETTINGS (RFC 9113, 3.4)"
            return ConnectionFault(ErrorCode.PROTOCOL_ERROR, why)
        return _goaway_for_settings(octets)
    line, *rest = beginning.splitlines()
    if not (rest or beginning.endswith((b"\r", b"\n"))) and len(beginning) < MOST_QUOTED:
        return None  # the reason is worth a wait
    way = "though ALPN chose h2 (RFC 9113, 3.2, 3.4)"
    if not endpoint.by_alpn:
        way = "it does not speak HTTP/2 with prior knowledge on this port (RFC 9113, 3.3, 3.4)"
    why = f"the peer answers in HTTP/1, '{shown(line)}': {way}"
    code = ErrorCode.PROTOCOL_ERROR
    failure = Failure(NegotiationError, why, cuts_content=False, error_code=code)
    return ConnectionFault(code, why, failure)


def failure_at_eof(endpoint: Endpoint) -> Failure:
    """The failure of a connection whose peer has closed its side."""
    if not (endpoint.goaway and endpoint.streams):
        return Failure(RemoteDisconnected, "Remote end closed connection without response")
    last, code, debug = endpoint.goaway
    why = f"the peer said GOAWAY with {code_name(code)} and closed the connection"
    why += f" ({shown(debug)})" if debug else ""
    return Failure(
        ConnectionTerminated,
        f"{why} before this response was whole (RFC 9113, 6.8)",
        error_code=code,
        last_stream_id=last,
        debug_data=debug,
    )


def _goaway_for_settings(octets: memoryview) -> ConnectionFault | None:
    """The fault of a server that has said why it will not serve before it has begun HTTP/2."""
    begin = frames.FRAME_HEADER_SIZE
    end = begin + int.from_bytes(octets[:3], "big")
    if len(octets) < end <= LEAST_FRAME_SIZE:
        return None  # the reason is worth a wait, as above
    why = "the peer's first frame is not SETTINGS, but GOAWAY"
    if begin + 8 <= end <= len(octets):
        _, code, debug = frames.parse_goaway(octets[begin:end])
        why += f" with {code_name(code)}" + (f" ({shown(debug)})" if debug else "")
    return ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{why} (RFC 9113, 3.4)")


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
