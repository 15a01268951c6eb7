"""A plain HTTP/2 client on PyPI's h2, to prove the tests' peers and servers without hyper.

One request at a time, all pushes taken; whatever the server does wrong, h2 raises.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import h2.settings

from hyper.testing import wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

# Seconds that a server may be silent.
DEADLINE = 10.0


class Answer:
    """All that came on one stream."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.informational: list[list[tuple[str, str]]] = []
        self.content = b""
        self.trailers: list[tuple[str, str]] = []
        self.request: list[tuple[str, str]] = []  # of a push: the promised one
        self.reset: int | None = None
        self.ended = False

    @property
    def status(self) -> int:
        return int(dict(self.fields)[":status"])


class Client:
    """A connection; `answers` by stream, `goaway` with the code of a GOAWAY."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None, push: bool = True
    ) -> None:
        self.authority = f"{host}:{port}"
        self.scheme = "https" if context else "http"
        self.socket = socket.create_connection((host, port), timeout=DEADLINE)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        self.ended = False
        self.broken: ConnectionError | None = None
        configuration = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(configuration)
        self.h2.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: int(push)}
        )
        self._octets = b""
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self) -> Client:  # noqa: PYI034  Self is not in 3.9
        return self

    def __exit__(self, *rest: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Send what h2 wants sent."""
        self.socket.sendall(self.h2.data_to_send())

    def turn(self) -> None:
        """Receive once, and answer. A reset is an end too, kept in `broken`."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionError as error:
            self.broken = error
            octets = b""
        if not octets:
            self.ended = True
            return
        frames, self._octets = wire.read(self._octets + octets)
        for frame in frames:
            # h2 takes no frame after GOAWAY, though streams up to the last one go on (6.8).
            if frame.type == wire.GOAWAY:
                self.goaway = frame.error_code
                continue
            for event in self.h2.receive_data(frame.octets()):
                self._take(event)
        self.flush()

    def _answer(self, event: Any) -> Answer:
        return self.answers.setdefault(event.stream_id, Answer())

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.InformationalResponseReceived):
            self._answer(event).informational.append(_pairs(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            self._answer(event).fields = _pairs(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self._answer(event).content += event.data or b""
            self.h2.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id or 0
            )
        elif isinstance(event, h2.events.TrailersReceived):
            self._answer(event).trailers = _pairs(event.headers)
        elif isinstance(event, h2.events.PushedStreamReceived):
            promised = self.answers.setdefault(event.pushed_stream_id or 0, Answer())
            promised.request = _pairs(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            self._answer(event).reset = int(event.error_code or 0)
            self._answer(event).ended = True
        elif isinstance(event, h2.events.StreamEnded):
            self._answer(event).ended = True

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        fields: Iterable[tuple[str, str]] = (),
        trailers: Iterable[tuple[str, str]] = (),
        pushes: bool = True,
    ) -> Answer:
        """Send a request and receive until it has ended, and all `pushes` that were promised."""
        stream_id = self.h2.get_next_available_stream_id()
        pseudo = [
            (":method", method),
            (":scheme", self.scheme),
            (":authority", self.authority),
            (":path", path),
        ]
        self.h2.send_headers(stream_id, [*pseudo, *fields], end_stream=body is None)
        self.flush()
        answer = self.answers.setdefault(stream_id, Answer())
        if body is not None:
            self._send_body(stream_id, body, list(trailers))
        while not self.ended and not answer.ended:
            self.turn()
        while pushes and not self.ended and not all(each.ended for each in self.answers.values()):
            self.turn()
        return answer

    def _send_body(self, stream_id: int, body: bytes, trailers: list[tuple[str, str]]) -> None:
        left = memoryview(body)
        while left:
            room = min(
                self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size
            )
            if room == 0:
                self.turn()
                continue
            self.h2.send_data(stream_id, bytes(left[:room]))
            left = left[room:]
            self.flush()
        if trailers:
            self.h2.send_headers(stream_id, trailers, end_stream=True)
        else:
            self.h2.end_stream(stream_id)
        self.flush()

    @property
    def pushed(self) -> dict[str, bytes]:
        """Path and content of each push."""
        pushes = [answer for answer in self.answers.values() if answer.request]
        return {dict(answer.request)[":path"]: answer.content for answer in pushes}

    def get(self, path: str) -> Answer:
        """GET."""
        return self.request("GET", path)


def _pairs(headers: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in headers or ()]
