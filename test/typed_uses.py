"""Uses of the public names as a type checker sees them. It is checked by mypy, and never run.

``tox -e lint`` checks it strictly. ``assert_type`` names the type that has to be found. A line with
``type: ignore`` is a wrong use: mypy complains if it finds no error there.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from typing_extensions import assert_type

import hyper
import hyper.tls
from hyper.trace import install, uninstall

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from hyper.trace.events import Event


def a_connection() -> None:
    context = ssl.create_default_context()
    conn = hyper.HTTP20Connection("example.org", 443, timeout=2.5, ssl_context=context)
    hyper.HTTP20Connection("example.org", timeout=None, ssl_context=hyper.tls.init_context())
    hyper.HTTP20Connection("example.org", proxy=hyper_proxy(), settings={"MAX_FRAME_SIZE": 16384})
    assert_type(conn.host, str)
    assert_type(conn.port, int)
    assert_type(conn.timeout, "float | None")
    sock: socket.socket | None = conn.sock
    assert sock is not None
    with conn, conn.within(5):
        stream_id = conn.request("GET", "/", headers={"accept": "*/*"})
        assert_type(stream_id, int)
        assert_type(conn.getresponse(stream_id), hyper.HTTP20Response)
        assert_type(conn.getresponse(), hyper.HTTP20Response)
        conn.request("POST", "/", b"content", priority=hyper.Priority(urgency=1))
        conn.request("POST", "/", pieces(), trailers=[("checksum", "1")])

    hyper.HTTP20Connection("example.org", timeout="5")  # type: ignore[arg-type]
    hyper.HTTP20Connection("example.org", ssl_context="trust")  # type: ignore[arg-type]
    conn.request("GET")  # type: ignore[call-arg]


def hyper_proxy() -> str:
    return "http://localhost:8080"


def pieces() -> Iterator[bytes]:
    yield b"content"


def a_response(response: hyper.HTTP20Response) -> None:
    assert_type(response.status, int)
    assert_type(response.version, int)
    assert_type(response.headers, hyper.FieldMap)
    assert_type(response.trailers, hyper.FieldMap)
    assert_type(response.getheader("server"), "str | None")
    assert_type(response.getheader("server", ""), str)
    assert_type(response.getheader("age", 0), "str | int")
    assert_type(response.gettrailer("checksum", ""), str)
    assert_type(response.getheaders(), "list[tuple[str, str]]")
    assert_type(response.read(), bytes)
    assert_type(response.readinto(bytearray(10)), int)
    for line in response:
        assert_type(line, bytes)

    response.getheader(b"server")  # type: ignore[call-overload]
    response.status = "200"  # type: ignore[assignment]


def a_push(push: hyper.HTTP20Push) -> None:
    assert_type(push.path, str)
    assert_type(push.getrequestheader("accept"), "str | None")
    assert_type(push.getresponse(), hyper.HTTP20Response)


def a_stream(conn: hyper.HTTP20Connection) -> None:
    with conn.open_stream("POST", "/") as stream:
        assert_type(stream, hyper.HTTP20Stream)
        assert_type(stream.status, int)
        assert_type(stream.readline(), bytes)
        stream.write(b"content")
        stream.write("text")  # type: ignore[arg-type]


def in_the_place_of_http_client() -> None:
    conn = hyper.HTTPSConnection("example.org", timeout=3)
    assert_type(conn, hyper.HTTPSConnection)
    conn.request("GET", "/", headers={"accept": "*/*"})
    assert_type(conn.getresponse(), hyper.HTTPResponse)
    assert_type(hyper.HTTPConnection("example.org", 80, http2="prior"), hyper.HTTPConnection)
    hyper.HTTPConnection("example.org", timeout="3")  # type: ignore[arg-type]


def a_pool() -> None:
    with hyper.Pool(max_idle=3, timeout=10) as pool:
        response = pool.request("GET", "https://example.org/", timeout=2)
        assert_type(response, "hyper.HTTP20Response | hyper.HTTPResponse")
        assert_type(response.status, int)
        pool.request("GET", "https://example.org/", timeout="2")  # type: ignore[arg-type]


def errors(error: hyper.HTTP20Error) -> None:
    assert_type(error.error_code, "int | None")
    assert_type(error.stream_id, "int | None")
    assert_type(error.retryable, bool)
    assert_type(error.attempts, int)


class Windows(hyper.BaseFlowControlManager):
    """A window manager of a user's."""

    def consumed(self, size: int) -> int:
        return size if self.window_size < self.initial_window_size else 0


def what_a_user_passes_in(observer: Callable[[Event], None]) -> None:
    hyper.HTTP20Connection("example.org", window_manager=Windows, trace=observer)
    install(observer)
    uninstall(observer)
    hyper.HTTP20Connection("example.org", trace=3)  # type: ignore[arg-type]
