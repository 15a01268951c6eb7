"""A connection of hyper's to a scripted peer, over TLS and in cleartext: every script is run
both ways.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection
from hyper.proxies import Proxy
from hyper.testing import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hyper.testing import Server, SocketPeer
    from test.certificates import Certificates


@pytest.fixture(params=["cleartext", "tls"])
def secure(request: pytest.FixtureRequest) -> bool:
    """Whether the peer speaks TLS."""
    return request.param == "tls"


@pytest.fixture
def connect(
    scripted_peer: Callable[..., Server], certificates: Certificates, secure: bool
) -> Generator[Callable[..., HTTP20Connection], None, None]:
    """Start a script and give a connection to it: `connection = connect(script, timeout=1)`."""
    with ExitStack() as opened:

        def start(script: Callable[[SocketPeer], Any], **options: Any) -> HTTP20Connection:
            peer = scripted_peer(script, certificates.server_context() if secure else None)
            if secure:
                options.setdefault("ssl_context", certificates.hyper_context())
            options.setdefault("timeout", DEADLINE)
            connection = HTTP20Connection(peer.host, peer.port, secure=secure, **options)
            opened.callback(connection.close)
            return connection

        yield start


@pytest.fixture
def through(scripted_peer):
    """Start a proxy's script, and give a connection through it: `through(script, "h2c")`."""
    with ExitStack() as opened:

        def start(
            script,
            scheme="http",
            *,
            context=None,
            user="",
            proxy=None,
            host="example.org",
            **options,
        ):
            peer = scripted_peer(script, context)
            options.setdefault("timeout", DEADLINE)
            options.setdefault("secure", False)
            url = f"{scheme}://{user}{'localhost' if context else peer.host}:{peer.port}"
            connection = HTTP20Connection(host, 80, proxy=Proxy(url, **(proxy or {})), **options)
            opened.callback(connection.close)
            return connection

        yield start


@pytest.fixture(params=["cleartext", "ssl", "pyopenssl"])
def way(request):
    """Cleartext, or TLS by either backend."""
    if request.param == "pyopenssl":
        pytest.importorskip("OpenSSL")
        pytest.importorskip("service_identity")
    return request.param


@pytest.fixture
def dial(scripted_peer, certificates, way):
    """Start a script and give an object of the class: `dial(script, HTTP20Connection)`."""
    opened = []

    def start(script, kind=HTTP20Connection, **options):
        secure = way != "cleartext"
        peer = scripted_peer(script, certificates.server_context() if secure else None)
        options.setdefault("timeout", DEADLINE)
        context = certificates.hyper_context(backend=way) if secure else None
        if kind is HTTP20Connection:
            made = kind("localhost", peer.port, secure=secure, ssl_context=context, **options)
        elif secure:
            made = HTTPSConnection("localhost", peer.port, context=context, **options)
        else:
            made = HTTPConnection("localhost", peer.port, http2="prior", **options)
        opened.append(made)
        return made

    yield start
    for each in opened:
        each.close()
