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

import struct
import sys
import time
from enum import IntEnum
from urllib.parse import unquote

import hyper

PREFIX = struct.Struct(">BL")


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


#: What an answer without grpc-status means, a proxy's perhaps; anything else is UNKNOWN.
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
#: What RST_STREAM means; anything else is INTERNAL.
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


class Call:
    """One call: messages out, messages in, in whatever order the method has them.

    One thread may send while another receives.  timeout: seconds for the whole call; the server is
    told.  metadata: further header fields.  encode, decode: message to octets, and back.
    """

    def __init__(self, conn, method, *, timeout=None, metadata=(), encode=bytes, decode=bytes):
        self._encode, self._decode = encode, decode
        self._deadline = None if timeout is None else time.monotonic() + timeout
        headers = [("content-type", "application/grpc"), ("te", "trailers"), *metadata]
        if timeout is not None:
            headers.append(("grpc-timeout", f"{min(int(timeout * 1000), 99_999_999)}m"))
        self.stream = conn.open_stream("POST", method, headers)

    def send(self, message):
        """Send one message; waits where the server reads slowly."""
        octets = self._encode(message)
        self._within(self.stream.write, PREFIX.pack(0, len(octets)) + octets)

    def end(self):
        """No more messages go out; those of the server can still be received."""
        self._within(self.stream.close_write)

    def receive(self):
        """The next message, or None after the last one; raises RpcError if it went wrong."""
        prefix = self._within(self.stream.read, PREFIX.size)
        if not prefix:
            self._within(self._require_ok)
            return None
        compressed, size = PREFIX.unpack(prefix)
        if compressed:
            raise RpcError(Status.INTERNAL, "a compressed message, which nobody asked for")
        octets = self._within(self.stream.read, size)
        if len(octets) < size:
            raise RpcError(Status.INTERNAL, "a message cut short")
        return self._decode(octets)

    def __iter__(self):
        return iter(self.receive, None)

    def cancel(self):
        """Give it up; the server is told."""
        self.stream.cancel()

    def _require_ok(self):
        stream = self.stream
        # A response that is trailers only has one header section, which is both.
        ending = stream.trailers if "grpc-status" in stream.trailers else stream.headers
        status = ending.get("grpc-status")
        if status is None:
            implied = BY_HTTP_STATUS.get(stream.status, Status.UNKNOWN)
            raise RpcError(implied, f"no grpc-status, and HTTP's is {stream.status}")
        if status != "0":
            known = int(status) if status.isdigit() and int(status) in list(Status) else 2
            raise RpcError(known, unquote(ending.get("grpc-message", "")), stream.trailers)

    def _within(self, verb, *arguments):
        """What a verb of the stream gives, within the deadline."""
        if self._deadline is not None:
            self.stream.timeout = max(0.0, self._deadline - time.monotonic())
        try:
            return verb(*arguments)
        except TimeoutError as error:
            self.stream.cancel()
            raise RpcError(Status.DEADLINE_EXCEEDED, "the deadline has passed here") from error
        except hyper.StreamResetError as error:
            status = BY_ERROR_CODE.get(error.error_code, Status.INTERNAL)
            raise RpcError(status, str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stream.close()


def unary(conn, method, message, **options):
    """One message out, one message in."""
    with Call(conn, method, **options) as call:
        call.send(message)
        call.end()
        (reply,) = call
        return reply


def main():
    """Standard input is the request message, standard output the reply."""
    host, method = sys.argv[1:]
    with hyper.HTTP20Connection(host, secure=False) as conn:
        sys.stdout.buffer.write(unary(conn, method, sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
