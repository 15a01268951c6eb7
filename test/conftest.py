"""Fixtures for every test: certificates, and scripted peers whose failures are the test's."""

from __future__ import annotations

import gc
import os
import re
import signal
from typing import TYPE_CHECKING, Any, Callable

import hypothesis
import pytest

from hyper.testing import DEADLINE
from test.certificates import Certificates

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator
    from pathlib import Path

    from hyper.testing import Server, SocketPeer

pytest_plugins = ["hyper.testing.pytest_plugin"]


# On a loaded machine input is generated slowly, which is nobody's fault.
hypothesis.settings.register_profile(
    "hyper", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("hyper")


def pytest_collection_finish() -> None:
    """Take what the suite itself consists of out of the collector's sight.

    Hundreds of tests call ``gc.collect()``, which looks at each object there is: of ten thousand
    tests, half a second each time.
    """
    if hasattr(gc, "freeze"):  # not on PyPy
        gc.collect()
        gc.freeze()


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


class Alarm:
    """A signal whose handler raises an exception of the program's own in the main thread."""

    class error(Exception):  # noqa: N801 - as an attribute it reads so
        """The exception that the handler raises."""

    def handle(self, *_: object) -> None:
        """Raise it."""
        raise self.error

    def __call__(self) -> None:
        """Send the signal. Any thread."""
        os.kill(os.getpid(), signal.SIGUSR1)


@pytest.fixture
def alarm() -> Generator[Alarm, None, None]:
    """Call it to have `alarm.error` raised in the main thread."""
    made = Alarm()
    former = signal.signal(signal.SIGUSR1, made.handle)
    yield made
    signal.signal(signal.SIGUSR1, former)


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
