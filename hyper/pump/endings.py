"""Endings: what the threads that wait are told when a connection ends (RFC 9113, 5.4.1, 6.8)."""

from __future__ import annotations

import errno

from ..errors import ConnectionTerminated, Failure, code_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..protocol.endpoint import Endpoint

#: The system's words about a peer that it cannot reach any more. The first is a TimeoutError to
#: Python, though no time of the caller's has run out.
UNREACHABLE = frozenset((errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH))

#: Octets of the peer's debug data that a message shows.
MAX_DEBUG_DATA = 300

#: Why an inherited connection cannot be used.
FORKED = (
    "the connection belongs to the parent process: this one is a child of its fork(), and makes a"
    " connection of its own at its next request"
)


def fail_by(endpoint: Endpoint, error: OSError) -> None:
    """End the connection as the system, or TLS, has ended it.

    A peer that has said GOAWAY has said why; how its TCP ends after that is no news (5.4.1,
    6.8).
    """
    if endpoint.failure:
        return
    if endpoint.goaway and endpoint.streams:
        endpoint.receive_eof()
    elif error.errno in UNREACHABLE:
        endpoint.fail(
            Failure(
                ConnectionTerminated,
                f"the system has given the connection up: {error.strerror or error}; the peer,"
                " or the way to it, is gone (RFC 9113, 9.1)",
            )
        )
    else:
        endpoint.fail(Failure(type(error), *error.args))
        return
    failure = endpoint.failure
    if failure is not None:
        failure.cause = error.with_traceback(None)


def goaway_failure(goaway: tuple[int, int, bytes]) -> Failure:
    """Return the failure of a connection whose peer has said GOAWAY, and which has no stream left.

    A thread that still waits, for the answer to a PING perhaps, gets an exception of it.
    """
    last, code, debug = goaway
    words = f" ({debug[:MAX_DEBUG_DATA].decode('ascii', 'replace')!a})" if debug else ""
    return Failure(
        ConnectionTerminated,
        f"the peer said GOAWAY with {code_name(code)} and is done{words} (RFC 9113, 6.8)",
        error_code=code,
        last_stream_id=last,
        debug_data=debug,
    )


def ending(endpoint: Endpoint) -> Exception:
    """Return the exception for a thread that waits for what can no longer come."""
    failure = endpoint.failure
    if failure is None:
        failure = Failure(ConnectionTerminated, "the connection was closed on this side")
    return failure.exception()
