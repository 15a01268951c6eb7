"""Conversations of real servers, as octets: ``python -m test.fuzz.conversations`` records them.

A file of the corpus has all that a server sent on one connection, in cleartext or decrypted.
`Replay` gives the octets, or other ones, to an endpoint that has sent the same requests.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.errors import HTTP20Error
from hyper.testing import wire
from test.fuzz.targets import CORPUS
from test.memory_endpoint import MemoryEndpoint, request

if TYPE_CHECKING:
    from hyper.protocol.stream import Stream

TRAILERS = [("te", "trailers")]
GRPC = [("content-type", "application/grpc"), *TRAILERS]
GRPC_MESSAGE = b"\0\0\0\0\x013"
#: {file: (server, its options, [(method, path, content)])}
SCRIPTS: dict[str, tuple[str, dict[str, Any], list[tuple[str, str, bytes]]]] = {
    "nghttpd": (
        "Nghttpd",
        {"push": {"/index.html": ["/style.css", "/app.js"]}, "trailers": ["x-sum: 1"]},
        [("GET", "/index.html", b""), ("GET", "/app.js", b""), ("HEAD", "/style.css", b"")],
    ),
    "nghttpd-padding": (
        "Nghttpd",
        {"arguments": ["--padding=100", "--echo-upload"]},
        [("POST", "/echo", bytes(range(256)) * 8), ("GET", "/none", b"")],
    ),
    "nginx": (
        "Nginx",
        {"keepalive_requests": 3},
        [("GET", "/", b""), ("GET", "/style.css", b""), ("GET", "/none", b"")],
    ),
    "node": (
        "Node",
        {},
        [("GET", "/push", b""), ("GET", "/hints", b""), ("GET", "/trailers", b"")],
    ),
    "hypercorn": (
        "Hypercorn",
        {},
        [("GET", "/push", b""), ("GET", "/stream/3000", b""), ("GET", "/trailers", b"")],
    ),
    "h2o": ("H2o", {}, [("GET", "/index.html", b""), ("GET", "/none", b""), ("HEAD", "/", b"")]),
    "caddy": ("Caddy", {}, [("GET", "/style.css", b""), ("GET", "/none", b"")]),
    "apache": ("Apache", {}, [("GET", "/index.html", b""), ("GET", "/none", b"")]),
    "grpcio": (
        "Grpcio",
        {},
        [("POST", "/hyper.Test/Count", GRPC_MESSAGE), ("POST", "/hyper.Test/Refuse", b"")],
    ),
    "duplex": ("Hypercorn", {}, [("POST", "/echo", b"both ways " * 100), ("GET", "/", b"")]),
}
WINDOW = 1 << 20


def file_of(name: str) -> Path:
    return CORPUS / f"conversation-{name}.bin"


class Replay:
    """An endpoint that has sent a script's requests, and gets octets."""

    def __init__(self, name: str) -> None:
        self._requests = SCRIPTS[name][2]
        self.client = MemoryEndpoint(
            {wire.SETTINGS_INITIAL_WINDOW_SIZE: WINDOW}, connection_window=WINDOW, handshake=False
        )
        self.client.endpoint.covers = lambda _scheme, _authority: True
        self.streams: list[Stream] = []
        self._open()

    def _open(self) -> None:
        endpoint = self.client.endpoint
        while len(self.streams) < len(self._requests):
            if not (endpoint.may_open_stream() and endpoint.accepts_requests):
                return
            method, path, content = self._requests[len(self.streams)]
            stream = endpoint.send_request(request(path, method), method, end_stream=not content)
            if content:
                endpoint.send_content(stream, memoryview(content), end_stream=True)
            self.streams.append(stream)

    def receive(self, octets: bytes) -> None:
        """Give it octets: the first frame, as SETTINGS allow more requests, and the rest."""
        first = 9 + int.from_bytes(octets[:3], "big")
        rest = b""
        for piece in (octets[:first], octets[first:]):
            rest += piece
            rest = rest[self.client.endpoint.receive(memoryview(rest)) :]
            self._open()
        self.client.endpoint.receive_eof()

    def outcomes(self) -> list[tuple[Any, ...]]:
        """(status, fields, content, trailers, failure) of each request and promise."""
        endpoint = self.client.endpoint
        pushed = [each for stream in self.streams for each in endpoint.claim_promises(stream.id)]
        return [outcome(stream) for stream in [*self.streams, *pushed]]


def outcome(stream: Stream) -> tuple[Any, ...]:
    failure = stream.failure and stream.failure.exception()
    assert failure is None or isinstance(failure, (HTTP20Error, OSError))
    head = stream.head
    content = b"".join(stream.content)
    return (head and head.status, head and head.fields, content, stream.trailers, failure)


def record(name: str, certificates: Any) -> bytes:
    """All octets that a server sends while its script is played."""
    from hyper import HTTP20Connection
    from hyper.transport.buffered import BufferedSocket
    from test.live import servers

    kind, options, requests = SCRIPTS[name]
    octets = bytearray()
    fill = BufferedSocket.fill

    def recording(self: Any) -> int | None:
        received = fill(self)
        if received:
            octets.extend(bytes(self.view)[-received:])
        return received

    headers = GRPC if name == "grpcio" else TRAILERS
    with getattr(servers, kind)(certificates, **options) as server:
        BufferedSocket.fill = recording  # type: ignore[method-assign]
        try:
            context = certificates.hyper_context()
            settings = {"SETTINGS_INITIAL_WINDOW_SIZE": WINDOW}
            with HTTP20Connection(
                server.host, server.port, ssl_context=context, timeout=5, settings=settings
            ) as connection:
                connection.ping()  # SETTINGS come first
                ids = [
                    connection.request(method, path, content or None, headers)
                    for method, path, content in requests
                ]
                for stream_id in ids:
                    connection.getresponse(stream_id).read()
                connection.ping()
        finally:
            BufferedSocket.fill = fill  # type: ignore[method-assign]
    return bytes(octets)


def main() -> int:
    from test.certificates import Certificates
    from test.live import servers

    CORPUS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        for name, (kind, _, _) in SCRIPTS.items():
            missing = getattr(servers, kind).missing()
            if missing:
                print(missing)
                continue
            octets = record(name, certificates)
            file_of(name).write_bytes(octets)
            replay = Replay(name)
            replay.receive(octets)
            print(f"{name}: {len(octets)} octets, {[each[0] for each in replay.outcomes()]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
