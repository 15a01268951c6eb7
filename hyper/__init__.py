"""hyper: a synchronous HTTP/2 client (RFC 9113) in the manner of http.client.

    >>> import hyper
    >>> conn = hyper.HTTP20Connection("example.org")
    >>> stream_id = conn.request("GET", "/")
    >>> response = conn.getresponse(stream_id)
    >>> response.status, len(response.read()), response.trailers.items()

Many requests may be under way at once, from one thread or many, and be answered in any order.

``import hyper as http_client`` stands in for http.client: every public name of it is here, its
exceptions and constants are the same objects, and HTTPConnection and HTTPSConnection go HTTP/2
where the server does.  These two, HTTPResponse, HTTP20Stream, HTTP20Tunnel and BufferedSocket are
loaded when first asked for.
"""

from __future__ import annotations

from http import client as _http_client
from http.client import (
    HTTP_PORT,
    HTTPS_PORT,
    BadStatusLine,
    HTTPMessage,
    ImproperConnectionState,
    LineTooLong,
    UnimplementedFileMode,
    UnknownProtocol,
    UnknownTransferEncoding,
    error,
    parse_headers,
    responses,
)

from .client.connection import HTTP20Connection
from .client.push import HTTP20Push
from .client.response import HTTP20Response
from .dropin import bases as _bases  # noqa: F401 - it keeps http.client's classes of this moment
from .errors import (
    CannotSendHeader,
    CannotSendRequest,
    CompressionError,
    ConnectionTerminated,
    ErrorCode,
    FieldSectionTooLarge,
    FlowControlError,
    FrameSizeError,
    HTTP20Error,
    HTTPException,
    IncompleteRead,
    InvalidURL,
    LocalProtocolError,
    NegotiationError,
    NotConnected,
    ProtocolError,
    ProxyError,
    RemoteDisconnected,
    RemoteProtocolError,
    ResponseNotReady,
    StreamResetError,
)
from .fields import FieldMap
from .protocol.flow.managers import BaseFlowControlManager, FlowControlManager
from .protocol.priorities import Priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from http import HTTPStatus
    from typing import Any

    from .client.stream import HTTP20Stream
    from .client.tunnel import HTTP20Tunnel
    from .dropin.connection import HTTPConnection, HTTPSConnection
    from .http1 import HTTPResponse
    from .transport.buffered import BufferedSocket

__version__ = "1.0.0.dev0"

__all__ = [
    "HTTPS_PORT",
    "HTTP_PORT",
    "BadStatusLine",
    "BaseFlowControlManager",
    "BufferedSocket",
    "CannotSendHeader",
    "CannotSendRequest",
    "CompressionError",
    "ConnectionTerminated",
    "ErrorCode",
    "FieldMap",
    "FieldSectionTooLarge",
    "FlowControlError",
    "FlowControlManager",
    "FrameSizeError",
    "HTTP20Connection",
    "HTTP20Error",
    "HTTP20Push",
    "HTTP20Response",
    "HTTP20Stream",
    "HTTP20Tunnel",
    "HTTPConnection",
    "HTTPException",
    "HTTPMessage",
    "HTTPResponse",
    "HTTPSConnection",
    "ImproperConnectionState",
    "IncompleteRead",
    "InvalidURL",
    "LineTooLong",
    "LocalProtocolError",
    "NegotiationError",
    "NotConnected",
    "Priority",
    "ProtocolError",
    "ProxyError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "ResponseNotReady",
    "StreamResetError",
    "UnimplementedFileMode",
    "UnknownProtocol",
    "UnknownTransferEncoding",
    "__version__",
    "error",
    "parse_headers",
    "responses",
]

#: The modules of the classes that are loaded when first asked for.
_LAZY = {
    "BufferedSocket": "hyper.transport.buffered",
    "HTTP20Stream": "hyper.client.stream",
    "HTTP20Tunnel": "hyper.client.tunnel",
    "HTTPConnection": "hyper.dropin.connection",
    "HTTPResponse": "hyper.http1",
    "HTTPSConnection": "hyper.dropin.connection",
}

#: The constants of http.client: those of status (``OK``, ``NOT_FOUND``) and a few more.
_CONSTANTS = [name for name in dir(_http_client) if name.isupper() and not name.startswith("_")]


def __getattr__(name: str) -> HTTPStatus:
    """Give a constant of http.client, or a class that is loaded now."""
    # Annotated for the constants: the type checker has seen the classes above.
    if name in _CONSTANTS:
        source: Any = _http_client
    elif name in _LAZY:
        source = __import__(_LAZY[name], fromlist=[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: HTTPStatus = globals().setdefault(name, getattr(source, name))
    return found


def __dir__() -> list[str]:
    """Return all names, those not loaded yet included."""
    return sorted({*globals(), *_LAZY, *_CONSTANTS})
