"""The drop-in classes against live servers and scripted peers. Where http.client is compared, the
server is the same: it speaks HTTP/1.1 to the one and HTTP/2 to the other.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hyper import HTTPConnection, HTTPSConnection
from hyper.testing import DEADLINE
from test.contrib.conftest import OldServer, proxy, running
from test.live.conftest import hypercorn, nginx, node, node_cleartext, server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hyper.testing import Server, SocketPeer
    from test.certificates import Certificates

__all__ = ["hypercorn", "nginx", "node", "node_cleartext", "proxy", "server"]

HERE = Path(__file__).resolve().parent
LIVE = {"hypercorn", "nginx", "node", "node_cleartext", "server"}


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Mark what asks for a live server as live."""
    for item in items:
        if HERE in item.path.parents and LIVE.intersection(item.fixturenames):
            item.add_marker(pytest.mark.live)


@pytest.fixture
def opened() -> Generator[contextlib.ExitStack, None, None]:
    """Close at the end of the test what is entered here."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def https(
    certificates: Certificates, opened: contextlib.ExitStack
) -> Callable[..., HTTPSConnection]:
    """hyper's HTTPSConnection to a live server; HYPER_TLS names the backend."""

    def connect(server: Any, **options: Any) -> HTTPSConnection:
        options.setdefault("timeout", DEADLINE)
        if "context" not in options and os.environ.get("HYPER_TLS") == "pyopenssl":
            options["context"] = certificates.hyper_context()
        options.setdefault("context", certificates.client_context())
        connection = HTTPSConnection("localhost", server.port, **options)
        opened.callback(connection.close)
        return connection

    return connect


@pytest.fixture(params=["cleartext", "tls", "pyopenssl"])
def connect(
    request: pytest.FixtureRequest,
    scripted_peer: Callable[..., Server],
    certificates: Certificates,
    opened: contextlib.ExitStack,
) -> Callable[..., HTTPConnection]:
    """Start a script and give a connection to it, by prior knowledge and over TLS of each kind."""
    if request.param == "pyopenssl":
        pytest.importorskip("OpenSSL")
        pytest.importorskip("service_identity")

    def start(script: Callable[[SocketPeer], Any], **options: Any) -> HTTPConnection:
        options.setdefault("timeout", DEADLINE)
        if request.param != "cleartext":
            peer = scripted_peer(script, certificates.server_context())
            if request.param == "pyopenssl":
                options.setdefault("context", certificates.hyper_context(backend="pyopenssl"))
            options.setdefault("context", certificates.client_context())
            connection: HTTPConnection = HTTPSConnection("localhost", peer.port, **options)
        else:
            peer = scripted_peer(script)
            connection = HTTPConnection(peer.host, peer.port, http2="prior", **options)
        opened.callback(connection.close)
        return connection

    return start


@pytest.fixture
def old_server(certificates: Certificates) -> Generator[OldServer, None, None]:
    """A server over TLS that speaks HTTP/1.1 and nothing else."""
    with running(OldServer(certificates.server_context(alpn=("http/1.1",)))) as server:
        yield server


@pytest.fixture
def old_peer(
    scripted_peer: Callable[..., Server], opened: contextlib.ExitStack
) -> Callable[..., HTTPConnection]:
    """Start a script that speaks HTTP/1.1 in cleartext, and give a connection to it."""

    def start(script: Callable[[SocketPeer], Any], **options: Any) -> HTTPConnection:
        peer = scripted_peer(script)
        connection = HTTPConnection(peer.host, peer.port, timeout=DEADLINE, **options)
        opened.callback(connection.close)
        return connection

    return start
