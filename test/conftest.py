"""Fixtures for every test: certificates, and scripted peers whose failures are the test's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

import pytest

from hyper.testing import DEADLINE
from test.certificates import Certificates

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from hyper.testing import Server, SocketPeer

pytest_plugins = ["hyper.testing.pytest_plugin"]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and certificates for localhost, new at each run."""
    directory: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(directory)


@pytest.fixture
def scripted_peer(http2_server: Callable[..., Server]) -> Callable[..., Server]:
    """Start a server whose script runs once: `peer = scripted_peer(script)`, or with a context for
    TLS `scripted_peer(script, context)`. The script goes on to another connection by `accept`.
    """

    def start(
        script: Callable[[SocketPeer], Any],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
        host: str = "127.0.0.1",
    ) -> Server:
        return http2_server(script, tls=context or False, once=True, deadline=deadline, host=host)

    return start


@pytest.fixture(params=["ssl", "pyopenssl"])
def backend(request: pytest.FixtureRequest) -> str:
    """The TLS backend: what is asked of one holds for both."""
    if request.param == "pyopenssl":
        pytest.importorskip("OpenSSL")
        pytest.importorskip("service_identity")
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse ids with an address of an object: no two processes agree on them (`pytest -n`)."""
    unstable = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]+", item.nodeid)]
    if unstable:
        raise pytest.UsageError("ids= is missing at " + ", ".join(unstable))
