"""Real servers, each started once a run, for the tests that ask for it.

Where a server is missing the test is skipped with the reason; with HYPER_REQUIRE_LIVE=1 it fails
with the same words, so that a CI that lost a server says so.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test.live import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from test.certificates import Certificates
    from test.live.server import Server

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked live."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


def require(name: str) -> None:
    """Skip the test, or fail it under HYPER_REQUIRE_LIVE=1, where the server is missing."""
    reason = servers.missing(name)
    if reason is None:
        return
    if os.environ.get("HYPER_REQUIRE_LIVE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _running(
    name: str, certificates: Certificates | None, **options: Any
) -> Generator[Server, None, None]:
    require(name)
    with servers.SERVERS[name](certificates, **options) as server:
        yield server


@pytest.fixture(scope="session")
def nghttpd(certificates: Certificates) -> Generator[Server, None, None]:
    """nghttpd under TLS: pushes at /index.html, echoed uploads, and x-trailer."""
    yield from _running(
        "nghttpd",
        certificates,
        push={"/index.html": ["/style.css", "/app.js"]},
        trailers=["x-trailer: from nghttpd"],
        arguments=["--echo-upload"],
    )


@pytest.fixture(scope="session")
def nginx(certificates: Certificates) -> Generator[Server, None, None]:
    """nginx under TLS."""
    yield from _running("nginx", certificates)


@pytest.fixture(scope="session")
def node(certificates: Certificates) -> Generator[Server, None, None]:
    """Node's http2 under TLS."""
    yield from _running("node", certificates)


@pytest.fixture(scope="session")
def node_cleartext() -> Generator[Server, None, None]:
    """Node's http2 in cleartext by prior knowledge."""
    yield from _running("node", None)


@pytest.fixture(scope="session")
def hypercorn(certificates: Certificates) -> Generator[Server, None, None]:
    """hypercorn under TLS."""
    yield from _running("hypercorn", certificates)


@pytest.fixture(scope="session")
def apache(certificates: Certificates) -> Generator[Server, None, None]:
    """Apache under TLS."""
    yield from _running("apache", certificates)


@pytest.fixture(scope="session")
def h2o(certificates: Certificates) -> Generator[Server, None, None]:
    """h2o under TLS."""
    yield from _running("h2o", certificates)


@pytest.fixture(scope="session")
def caddy(certificates: Certificates) -> Generator[Server, None, None]:
    """Caddy under TLS."""
    yield from _running("caddy", certificates)


@pytest.fixture(scope="session")
def haproxy(certificates: Certificates) -> Generator[Server, None, None]:
    """HAProxy under TLS, with nginx behind it."""
    yield from _running("haproxy", certificates)


@pytest.fixture
def server(certificates: Certificates) -> Generator[Callable[..., Server], None, None]:
    """Start a server for one test: `server("nginx", keepalive_requests=2)`.

    With `secure=False` it speaks cleartext by prior knowledge.
    """
    with ExitStack() as running:

        def start(name: str, secure: bool = True, **options: Any) -> Server:
            require(name)
            chosen = servers.SERVERS[name](certificates if secure else None, **options)
            return running.enter_context(chosen)

        yield start
