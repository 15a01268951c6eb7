"""hyper: a synchronous HTTP/2 client (RFC 9113) in the manner of http.client.

    >>> import hyper
    >>> conn = hyper.HTTP20Connection("example.org")
    >>> stream_id = conn.request("GET", "/")
    >>> response = conn.getresponse(stream_id)
    >>> response.status, len(response.read()), response.trailers.items()

Many requests may be under way at once, from one thread or many, and be answered in any order.
"""

from .connection import HTTP20Connection
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
    RemoteDisconnected,
    RemoteProtocolError,
    ResponseNotReady,
    StreamResetError,
)
from .fields import FieldMap
from .protocol.windows import BaseFlowControlManager, FlowControlManager
from .response import HTTP20Push, HTTP20Response

__version__ = "1.0.0.dev0"

__all__ = [
    "BaseFlowControlManager",
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
    "HTTPException",
    "IncompleteRead",
    "InvalidURL",
    "LocalProtocolError",
    "NegotiationError",
    "NotConnected",
    "ProtocolError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "ResponseNotReady",
    "StreamResetError",
    "__version__",
]
