"""Fixtures for every test: certificates, and scripted peers whose failures are the test's."""

from __future__ import annotations

import gc
import os
import re
import signal
from typing import TYPE_CHECKING, Any, Callable

import pytest

from test.certificates import Certificates
from test.peer import DEADLINE
from test.socket_peer import SocketPeer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator
    from pathlib import Path

PEERS: pytest.StashKey[list[SocketPeer]] = pytest.StashKey()


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
def scripted_peer(request: pytest.FixtureRequest) -> Callable[..., SocketPeer]:
    """Start a SocketPeer: `peer = scripted_peer(script)`, or `scripted_peer(script, context)` for
    TLS.

    When the test's function has returned, the script is waited for, and what it raised is the
    test's failure.
    """
    peers: list[SocketPeer] = []
    request.node.stash[PEERS] = peers

    def start(
        script: Callable[[SocketPeer], Any],
        context: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
        host: str = "127.0.0.1",
    ) -> SocketPeer:
        peer = SocketPeer(script, context, deadline, host)
        peers.append(peer)
        return peer.start()

    return start


class Alarm:
    """A signal whose handler raises an exception of the program's own in the main thread."""

    class error(Exception):  # noqa: N801 - as an attribute it reads so
        """What the handler raises."""

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Stop the scripted peers while the test can still fail for what they found."""
    try:
        yield
    except BaseException:
        for peer in item.stash.get(PEERS, []):
            words = str(peer.error or "\n".join(["frames seen:", *peer.log]))
            item.add_report_section("call", "scripted peer", words)
            peer.stop(abandon=True)
        raise
    failures = []
    for peer in item.stash.get(PEERS, []):
        try:
            peer.stop()
        except Exception as failure:  # noqa: BLE001  all are stopped before the first is raised
            failures.append(failure)
    if failures:
        raise failures[0]


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
