"""Every exception of hyper, and the registry of error codes (RFC 9113, 7).

One tree, grown on ``http.client``'s: a program that catches ``http.client.HTTPException``
or ``OSError`` around http.client catches the same errors here.  A message says what happened,
at whose fault, and which section of which RFC decides; ``error_code`` and ``stream_id`` say it
to a program.  ``retryable`` is True only where the peer guarantees that it did not process the
request (RFC 9113, 8.7).

::

    http.client.HTTPException
      HTTP20Error                   error_code, stream_id, retryable, attempts
        ProtocolError
          LocalProtocolError        also ValueError; the caller broke the rules; nothing was sent
          RemoteProtocolError       the peer did; RST_STREAM or GOAWAY is on its way
            FlowControlError
            FrameSizeError
            CompressionError
              FieldSectionTooLarge
        StreamResetError            also ConnectionResetError
        ConnectionTerminated        also ConnectionResetError
        NegotiationError            ALPN, or an answer to CONNECT, said no
          ProxyError                a proxy said no; status

At the end stand the three things that never reach a caller: the two faults of the protocol
floor, whose *scope* decides between RST_STREAM and GOAWAY, and ``Failure``, the recipe from
which each waiting thread raises an exception of its own.
"""

from __future__ import annotations

import socket
from enum import IntEnum
from http.client import (
    CannotSendHeader,
    CannotSendRequest,
    HTTPException,
    IncompleteRead,
    InvalidURL,
    NotConnected,
    RemoteDisconnected,
    ResponseNotReady,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CannotSendHeader",
    "CannotSendRequest",
    "CompressionError",
    "ConnectionTerminated",
    "ErrorCode",
    "FieldSectionTooLarge",
    "FlowControlError",
    "FrameSizeError",
    "HTTP20Error",
    "HTTPException",
    "IncompleteRead",
    "InvalidURL",
    "LocalProtocolError",
    "NegotiationError",
    "NotConnected",
    "ProtocolError",
    "ProxyError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "ResponseNotReady",
    "StreamResetError",
    "TimedOut",
]


class ErrorCode(IntEnum):
    """Why a stream or a connection was ended (7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


def as_error_code(error_code: int) -> int:
    """The registered code, or the bare number: unknown codes have no special meaning (7)."""
    try:
        return ErrorCode(error_code)
    except ValueError:
        return error_code


def code_name(error_code: int) -> str:
    """The code as a person reads it: its registered name, or its number in hexadecimal."""
    code = as_error_code(error_code)
    return code.name if isinstance(code, ErrorCode) else f"error code {error_code:#x}"


#: Characters of a peer's words that a message shows: two lines of a terminal.
SHOWN_SIZE = 200


def shown(words: bytes | str, size: int = SHOWN_SIZE) -> str:
    """The words of a peer as a message shows them: on one line, harmless, and cut to a size.

    Every message that quotes a peer has its words from here.  A terminal would obey control
    characters, and a log would take what follows a line feed for an entry of its own: all that is
    not printable is escaped, as Python writes it.

    Args:
        words: octets are read as UTF-8.
        size: characters, at most.  Three dots follow where more was said.
    """
    # No character has more than four octets in UTF-8: not more is decoded than can be shown.
    beginning = words[: 4 * (size + 1)]
    text = (
        beginning if isinstance(beginning, str) else beginning.decode("utf-8", "backslashreplace")
    )
    text = text[: size + 1]
    if not text.isprintable():
        text = "".join(
            [c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text]
        )
    return text if len(text) <= size else f"{text[:size]}..."


class HTTP20Error(HTTPException):
    """The base of the errors that HTTP/2 adds to those of http.client."""

    #: True only where the peer guarantees that it did not process the request (8.7).
    retryable = False
    #: How often the request was sent (8.7).
    attempts: int = 1
    #: The code that a class of errors stands for, unless an instance brings its own.
    default_code: int | None = None

    def __init__(
        self, message: str, *, error_code: int | None = None, stream_id: int | None = None
    ) -> None:
        super().__init__(message)
        code = self.default_code if error_code is None else error_code
        self.error_code: int | None = None if code is None else as_error_code(code)
        self.stream_id = stream_id


class ProtocolError(HTTP20Error):
    """A rule of RFC 9113 was broken; the subclass says by which side."""

    default_code: int | None = ErrorCode.PROTOCOL_ERROR


class LocalProtocolError(ProtocolError, ValueError):
    """The caller asked for what the protocol forbids; nothing was sent.

    Also a ValueError, as http.client's answer to a bad method, field name or value is.
    """


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; hyper tells it so by RST_STREAM or GOAWAY (5.4)."""


class FlowControlError(RemoteProtocolError):
    """The peer sent more than its window, or opened ours too far (5.2, 6.9)."""

    default_code: int | None = ErrorCode.FLOW_CONTROL_ERROR


class FrameSizeError(RemoteProtocolError):
    """A frame of the peer is too large or too small for its type (4.2)."""

    default_code: int | None = ErrorCode.FRAME_SIZE_ERROR


class CompressionError(RemoteProtocolError):
    """A field block of the peer cannot be decoded (4.3; RFC 7541)."""

    default_code: int | None = ErrorCode.COMPRESSION_ERROR


class FieldSectionTooLarge(CompressionError):
    """A field section of the peer exceeds our SETTINGS_MAX_HEADER_LIST_SIZE (6.5.2; 10.5.1)."""

    default_code: int | None = ErrorCode.ENHANCE_YOUR_CALM


class StreamResetError(HTTP20Error, ConnectionResetError):
    """One stream was ended early by RST_STREAM (6.4); the connection lives on."""

    def __init__(
        self, message: str, *, error_code: int | None = None, stream_id: int | None = None
    ) -> None:
        super().__init__(message, error_code=error_code, stream_id=stream_id)
        # "The REFUSED_STREAM error code [...] indicates that the stream is being closed prior
        # to any processing having occurred" (8.7).
        self.retryable: bool = error_code == ErrorCode.REFUSED_STREAM


class ConnectionTerminated(HTTP20Error, ConnectionResetError):
    """The connection ended by GOAWAY (6.8) or with this stream not done."""

    def __init__(
        self,
        message: str,
        *,
        error_code: int | None = None,
        stream_id: int | None = None,
        last_stream_id: int | None = None,
        debug_data: bytes = b"",
        retryable: bool = False,
    ) -> None:
        super().__init__(message, error_code=error_code, stream_id=stream_id)
        self.last_stream_id = last_stream_id
        self.debug_data = debug_data
        self.retryable = retryable


class NegotiationError(HTTP20Error):
    """The peer, or a proxy on the way, will not speak HTTP/2, or make a tunnel (3.2, 3.3, 8.5).

    response: what a server answered instead of making the tunnel, an HTTP20Response, else None.
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: int | None = None,
        stream_id: int | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(message, error_code=error_code, stream_id=stream_id)
        self.response = response


class ProxyError(NegotiationError):
    """A proxy will not open the way to the server, which was not asked (RFC 9110, 9.3.6).

    status: the proxy's answer to CONNECT, None where it gave none.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_code: int | None = None,
        stream_id: int | None = None,
    ) -> None:
        super().__init__(message, error_code=error_code, stream_id=stream_id)
        self.status = status


# They are two on Python 3.9: scripts that catch either of them must catch ours.
_IS_ONE = issubclass(socket.timeout, TimeoutError)
if TYPE_CHECKING:
    _Timeout = TimeoutError
else:
    _Timeout = TimeoutError if _IS_ONE else type("Timeout", (socket.timeout, TimeoutError), {})


class TimedOut(_Timeout):
    """A wait reached the caller's limit; the connection and its streams stay usable.

    It is a class of its own, so that hyper never takes the TimeoutError of a signal handler for it.
    """

    #: the request's id, if the wait was for its response
    stream_id: int | None = None


class StreamFault(Exception):
    """Inside hyper.protocol only: the peer broke a rule in the scope of one stream (5.4.2).

    failure: what the caller is told, if it was not the peer's fault.
    """

    def __init__(
        self, stream_id: int, code: ErrorCode, why: str, failure: Failure | None = None
    ) -> None:
        super().__init__(why)
        self.stream_id = stream_id
        self.code = code
        #: what the caller is told
        self.failure: Failure = failure or Failure.of_peer(code, why, stream_id)


class ConnectionFault(Exception):
    """Inside hyper.protocol only: the peer broke a rule that ends the connection (5.4.1).

    failure: what the caller is told, if the code alone does not decide it.
    """

    def __init__(self, code: int, why: str, failure: Failure | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.failure = failure


#: Which class tells the caller of a peer's fault with this code.
REMOTE_FAULTS: dict[int, type[RemoteProtocolError]] = {
    ErrorCode.FLOW_CONTROL_ERROR: FlowControlError,
    ErrorCode.FRAME_SIZE_ERROR: FrameSizeError,
    ErrorCode.COMPRESSION_ERROR: CompressionError,
}


class Failure:
    """A recipe for an exception: kept once, raised anew by every thread that waits.

    kind(*arguments, **attributes) makes the exception.  cuts_content: True if what was received
    until then is right, but not all: http.client then raises IncompleteRead.  False if the peer
    broke a rule, so that what it sent cannot be trusted.  cause: the exception that led to it, if
    one did.
    """

    __slots__ = ("arguments", "attributes", "cause", "cuts_content", "kind")

    def __init__(
        self,
        kind: type[Exception],
        *arguments: object,
        cuts_content: bool = True,
        **attributes: object,
    ) -> None:
        self.kind: type[Exception] = kind
        self.arguments: tuple[object, ...] = arguments
        self.attributes: dict[str, object] = attributes
        self.cuts_content: bool = cuts_content
        self.cause: Exception | None = None

    @classmethod
    def of_peer(
        cls,
        code: int,
        why: str,
        stream_id: int | None = None,
    ) -> Failure:
        """The failure that a peer's fault is to the caller."""
        return cls(
            REMOTE_FAULTS.get(code, RemoteProtocolError),
            f"the peer broke HTTP/2: {why}",
            cuts_content=False,
            error_code=code,
            stream_id=stream_id,
        )

    @classmethod
    def of_short_content(cls, stream_id: int, size: int, content_length: int) -> Failure:
        """The failure of a message that ended before its content-length (8.1.1)."""
        failure = cls.of_peer(
            ErrorCode.PROTOCOL_ERROR,
            f"content ended after {size} of {content_length} octets (RFC 9113, 8.1.1)",
            stream_id,
        )
        failure.cuts_content = True
        return failure

    def exception(self) -> Exception:
        """A fresh exception, so that no traceback is shared between threads."""
        error = self.kind(*self.arguments, **self.attributes)
        error.__cause__ = self.cause
        return error
