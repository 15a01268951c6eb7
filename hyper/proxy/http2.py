"""CONNECT in HTTP/2 (RFC 9113, 8.5): a connection to the proxy with one stream, the tunnel."""

from __future__ import annotations

import time
from http.client import HTTPException, responses

from ..errors import SHOWN_SIZE, ProxyError
from ..hpack import Decoder, Encoder
from ..protocol.endpoint import Endpoint
from ..protocol.flow.managers import FlowControlManager
from ..protocol.settings import (
    SETTINGS_ENABLE_PUSH,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_HEADER_LIST_SIZE,
)
from .refusal import EXCERPT, MAX_HEAD, excerpt_deadline, refusal_error, said_by
from .stream_transport import TunnelTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..proxies import Proxy
    from ..transport import Transport
    from ..transport.deadline import Deadline

#: Octets under way in a tunnel. They take no memory: what nobody reads stays in the kernel.
TUNNEL_WINDOW = 16 * 1024 * 1024


def connect_by_http2(
    transport: Transport, proxy: Proxy, target: str, deadline: Deadline, codec: str | None
) -> Transport:
    """Ask the proxy on a transport for a tunnel, and return it; codec: of HPACK."""
    endpoint = Endpoint(
        {
            SETTINGS_ENABLE_PUSH: 0,
            SETTINGS_INITIAL_WINDOW_SIZE: TUNNEL_WINDOW,
            SETTINGS_MAX_HEADER_LIST_SIZE: MAX_HEAD,
        },
        FlowControlManager,
        TUNNEL_WINDOW,
        encoder=Encoder(codec=codec),
        decoder=Decoder(max_list_size=MAX_HEAD, codec=codec),
        covers=lambda _scheme, _authority: False,
        unread_limit=TUNNEL_WINDOW,
        now=time.monotonic,
    )
    tunnel = TunnelTransport(endpoint, transport)
    # "The ':scheme' and ':path' pseudo-header fields MUST be omitted" (RFC 9113, 8.5).
    section = ((b":method", b"CONNECT"), (b":authority", target.encode()), *proxy.fields())
    try:
        head = tunnel.open(section, deadline)
    except HTTPException as error:
        raise ProxyError(
            f"the proxy {proxy} gave no answer to CONNECT {target} (RFC 9113, 8.5):"
            f" {said_by(proxy, str(error), 2 * SHOWN_SIZE)}"
        ) from error
    if head.status // 100 == 2:
        return tunnel
    excerpt = tunnel.excerpt(EXCERPT, excerpt_deadline(deadline))
    challenges = head.headers.get_all("proxy-authenticate") or []
    tunnel.shutdown()
    reason = responses.get(head.status, "")
    raise refusal_error(proxy, target, head.status, reason, challenges, excerpt)
