"""gRPC by plain hyper: a client in one page, without gRPC's library.

gRPC over HTTP/2 is a POST whose content is messages, each after five octets of its own: whether it
is compressed, and its length.  The response is the same, and ends in trailers that say how the call
went (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

    with hyper.HTTP20Connection("localhost", 50051, secure=False) as conn:
        print(unary(conn, "/greet.Greeter/Hello", b"octets of the request message"))

        with Call(conn, "/greet.Greeter/Chat", timeout=10) as call:
            for line in lines:
                call.send(line)
                print(call.receive())
            call.end()

Messages are bytes.  With protobuf, say ``encode=HelloRequest.SerializeToString`` and
``decode=HelloReply.FromString``.

    python examples/grpc_client.py localhost:50051 /greet.Greeter/Hello < request > reply
"""

from __future__ import annotations

import contextlib
import math
import re
import struct
import sys
import time
from enum import IntEnum
from urllib.parse import unquote

import hyper

PREFIX = struct.Struct(">BL")
CONTENT_TYPE = re.compile(r"application/grpc(\+.*|;.*)?", re.IGNORECASE).fullmatch
#: Units of grpc-timeout, in nanoseconds.
UNITS = {"n": 1, "u": 10**3, "m": 10**6, "S": 10**9, "M": 60 * 10**9, "H": 3600 * 10**9}


class Status(IntEnum):
    """How a call went."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


#: Status of a response that is not gRPC's, perhaps a proxy's; UNKNOWN for any other.
BY_HTTP_STATUS = {
    400: Status.INTERNAL,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.UNIMPLEMENTED,
    429: Status.UNAVAILABLE,
    502: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
    504: Status.UNAVAILABLE,
}
#: Status of a stream that was reset, by error code; INTERNAL for any other.
BY_ERROR_CODE = {
    hyper.ErrorCode.REFUSED_STREAM: Status.UNAVAILABLE,
    hyper.ErrorCode.CANCEL: Status.CANCELLED,
    hyper.ErrorCode.ENHANCE_YOUR_CALM: Status.RESOURCE_EXHAUSTED,
    hyper.ErrorCode.INADEQUATE_SECURITY: Status.PERMISSION_DENIED,
}


class RpcError(Exception):
    """A call that did not end with OK."""

    def __init__(self, status, message="", trailers=None):
        super().__init__(f"{Status(status).name}: {message}")
        self.status = Status(status)
        self.message = message
        self.trailers = trailers


def grpc_timeout(seconds):
    """At most eight digits and the finest unit that fits; never 0, which is not allowed."""
    nanoseconds = max(1, math.ceil(min(seconds, 10**11) * 10**9))
    counts = ((-(-nanoseconds // size), unit) for unit, size in UNITS.items())
    return next(f"{count}{unit}" for count, unit in counts if count < 10**8)


class Call:
    """One call: messages out, messages in, in whatever order the method has them.

    One thread may send while another receives.  timeout: seconds for the whole call, from
    connecting to the last message; the server is told.  metadata: further header fields.  encode,
    decode: message to octets, and back.  Whatever goes wrong on the way is an RpcError.
    """

    stream = None

    def __init__(self, conn, method, *, timeout=None, metadata=(), encode=bytes, decode=bytes):
        self._conn, self._encode, self._decode = conn, encode, decode
        self._deadline = None if timeout is None else time.monotonic() + timeout
        headers = [("content-type", "application/grpc"), ("te", "trailers"), *metadata]
        if timeout is not None:
            headers.append(("grpc-timeout", grpc_timeout(timeout)))
        with self._rpc():
            self.stream = conn.open_stream("POST", method, headers)

    def send(self, message):
        """Send one message; waits where the server reads slowly."""
        octets = self._encode(message)
        with self._rpc():
            self.stream.write(PREFIX.pack(0, len(octets)) + octets)

    def end(self):
        """End the request: no more messages go out; the server's can still be received."""
        with self._rpc():
            self.stream.close_write()

    def receive(self):
        """The next message, or None after the last one; raises RpcError if it went wrong."""
        with self._rpc():
            self._require_grpc()
            prefix = self.stream.read(PREFIX.size)
            compressed, size = PREFIX.unpack(prefix) if len(prefix) == PREFIX.size else (0, 0)
            if compressed:
                raise RpcError(Status.INTERNAL, "a compressed message, which nobody asked for")
            octets = self.stream.read(size)
            if len(prefix) < PREFIX.size or len(octets) < size:
                self._require_ok()  # raises the reason, which says more than the reset
                if prefix:
                    raise RpcError(Status.INTERNAL, "OK, and yet a message is cut short")
                return None
        return self._decode(octets)

    def __iter__(self):
        return iter(self.receive, None)

    def cancel(self):
        """Cancel the call; the server is told."""
        self.stream.cancel()

    def _require_grpc(self):
        headers, status = self.stream.headers, self.stream.status
        content_type = headers.get("content-type", "")
        is_grpc = status == 200 and CONTENT_TYPE(content_type)
        if not is_grpc and "grpc-status" not in headers:
            implied = BY_HTTP_STATUS.get(status, Status.UNKNOWN)
            raise RpcError(implied, f"not gRPC: HTTP status {status}, content {content_type!r}")

    def _require_ok(self):
        stream = self.stream
        # A "Trailers-Only" response has one header section, which is also its trailer section.
        ending = stream.trailers if "grpc-status" in stream.trailers else stream.headers
        status = ending.get("grpc-status")
        if status is None:
            raise RpcError(Status.UNKNOWN, "an answer without grpc-status")
        if status != "0":
            known = int(status) if status in map(str, map(int, Status)) else Status.UNKNOWN
            raise RpcError(known, unquote(ending.get("grpc-message", "")), stream.trailers)

    @contextlib.contextmanager
    def _rpc(self):
        """Limit the waits inside by the deadline; raise what goes wrong as an RpcError."""
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            with self._conn.within(left):
                yield
        except (hyper.LocalProtocolError, hyper.InvalidURL):
            raise  # the caller's own fault
        except (hyper.HTTPException, OSError) as error:
            if self.stream:
                self.stream.cancel()
            raise RpcError(self._meaning(error), str(error)) from error

    def _meaning(self, error):
        is_late = self._deadline is not None and time.monotonic() >= self._deadline
        if is_late or isinstance(error, TimeoutError):
            return Status.DEADLINE_EXCEEDED
        if isinstance(error, hyper.StreamResetError):
            return BY_ERROR_CODE.get(error.error_code, Status.INTERNAL)
        is_fault = isinstance(error, hyper.RemoteProtocolError)
        return Status.INTERNAL if is_fault else Status.UNAVAILABLE

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stream.close()


def unary(conn, method, message, **options):
    """One message out, one message in."""
    with Call(conn, method, **options) as call:
        call.send(message)
        call.end()
        reply = call.receive()
        if reply is None or call.receive() is not None:
            raise RpcError(Status.UNIMPLEMENTED, "the reply is not one message")
        return reply


def main():
    """Standard input is the request message, standard output the reply."""
    host, method = sys.argv[1:]
    with hyper.HTTP20Connection(host, secure=False) as conn:
        sys.stdout.buffer.write(unary(conn, method, sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
