"""hyper: a synchronous HTTP/2 client (RFC 9113) in the manner of http.client.

    >>> import hyper
    >>> conn = hyper.HTTP20Connection("example.org")
    >>> stream_id = conn.request("GET", "/")
    >>> response = conn.getresponse(stream_id)
    >>> response.status, len(response.read()), response.trailers.items()

Many requests may be under way at once, from one thread or many, and be answered in any order.

``import hyper as http_client`` stands in for http.client: every public name of it is here, its
exceptions and constants are the same objects, and HTTPConnection and HTTPSConnection go HTTP/2
where the server does.

The exceptions and what is http.client's are loaded at once, each other name when it is first asked
for (PEP 562): a program that only may need hyper pays little for it.
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from http import HTTPStatus
    from typing import Any

    from . import fields, hpack, trace  # noqa: F401 - see _MODULES
    from .client.connection import HTTP20Connection
    from .client.push import HTTP20Push
    from .client.response import HTTP20Response
    from .client.stream import HTTP20Stream
    from .client.tunnel import HTTP20Tunnel
    from .dropin.connection import HTTPConnection, HTTPSConnection
    from .fields import FieldMap
    from .http1 import HTTPResponse
    from .pool.pool import Pool
    from .protocol.flow.managers import BaseFlowControlManager, FlowControlManager
    from .protocol.priorities import Priority
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
    "Pool",
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
    "BaseFlowControlManager": "hyper.protocol.flow.managers",
    "BufferedSocket": "hyper.transport.buffered",
    "FieldMap": "hyper.fields",
    "FlowControlManager": "hyper.protocol.flow.managers",
    "HTTP20Connection": "hyper.client.connection",
    "HTTP20Push": "hyper.client.push",
    "HTTP20Response": "hyper.client.response",
    "HTTP20Stream": "hyper.client.stream",
    "HTTP20Tunnel": "hyper.client.tunnel",
    "HTTPConnection": "hyper.dropin.connection",
    "HTTPResponse": "hyper.http1",
    "HTTPSConnection": "hyper.dropin.connection",
    "Pool": "hyper.pool.pool",
    "Priority": "hyper.protocol.priorities",
}

#: Public modules that ``import hyper`` alone has always given, likewise.
_MODULES = ("fields", "hpack", "trace")

#: The constants of http.client: those of status (``OK``, ``NOT_FOUND``) and a few more.
_CONSTANTS = [name for name in dir(_http_client) if name.isupper() and not name.startswith("_")]


def __getattr__(name: str) -> HTTPStatus:
    """Give a constant of http.client, or a class or module that is loaded now."""
    # Annotated for the constants: the type checker has seen the classes and modules above.
    found: Any
    if name in _CONSTANTS:
        found = getattr(_http_client, name)
    elif name in _LAZY:
        found = getattr(__import__(_LAZY[name], fromlist=[name]), name)
    elif name in _MODULES:  # a list that held its name would ask here again
        found = __import__(f"{__name__}.{name}", fromlist=["__name__"])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    known: HTTPStatus = globals().setdefault(name, found)
    return known


def __dir__() -> list[str]:
    """Return all names, those not loaded yet included."""
    return sorted({*globals(), *_LAZY, *_MODULES, *_CONSTANTS})
