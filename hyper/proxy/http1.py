"""CONNECT in HTTP/1.1 (RFC 9110, 9.3.6; RFC 9112, 3.2.3)."""

from __future__ import annotations

import contextlib
import io
from http.client import HTTPException

from ..errors import ProxyError
from ..foundation.interruptions import OSErrorsDropped
from ..http1 import HTTPResponse
from .blocking_stream import BlockingStream
from .refusal import EXCERPT, MAX_HEAD, excerpt_deadline, refusal_error, said_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..proxies import Proxy
    from ..transport import Transport
    from ..transport.deadline import Deadline


def connect_by_http1(
    transport: Transport, proxy: Proxy, target: str, deadline: Deadline
) -> Transport:
    """Ask the proxy on a transport for a tunnel; return the transport, which then is the tunnel."""
    lines = [f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n".encode()]
    lines += [name + b": " + value + b"\r\n" for name, value in proxy.fields()]
    stream = BlockingStream(transport, deadline)
    with contextlib.closing(HTTPResponse(stream, method="CONNECT")) as response:
        stream.sendall(b"".join((*lines, b"\r\n")))
        fault = _fault_of_answer(response, stream)
        if fault is not None:
            raise ProxyError(
                f"the proxy {proxy} gave no answer to CONNECT {target} that HTTP/1.1 knows (RFC"
                f" 9110, 9.3.6): {said_by(proxy, fault)}"
            )
        if response.status // 100 == 2:
            transport.round_trip = stream.round_trip
            return transport
        challenges = response.headers.get_all("proxy-authenticate") or []
        stream.deadline, stream.room = excerpt_deadline(deadline), MAX_HEAD
        excerpt = _beginning(response)
        raise refusal_error(proxy, target, response.status, response.reason, challenges, excerpt)


def _fault_of_answer(response: HTTPResponse, stream: BlockingStream) -> str | None:
    """Read the head of an answer; return what is wrong with it, in http.client's words, or None.

    Its exception is not kept: it holds the answer as it came, which may repeat our credentials.
    """
    try:
        response.begin()
        if stream.has_ended and response.status // 100 == 2:  # http.client takes that for whole
            return "the end came within its head"
    except HTTPException as error:
        return f"{type(error).__name__}: {error}"
    return None


def _beginning(response: HTTPResponse) -> bytes:
    """Return the beginning of the content with which a proxy explains its refusal."""
    excerpt = b""
    response.fp = io.BufferedReader(response.fp)
    # TimedOut is one of either: an excerpt need not be whole.
    with contextlib.suppress(HTTPException), OSErrorsDropped():
        while len(excerpt) < EXCERPT:
            piece = response.read1(EXCERPT - len(excerpt))
            if not piece:
                break
            excerpt += piece
    return excerpt
