"""A pytest plugin with one fixture, `http2_server`.

It is loaded where it is asked for::

pytest_plugins = ["hyper.testing.pytest_plugin"]  # in the conftest.py at the root
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import pytest

from .server import Server

if TYPE_CHECKING:
    from collections.abc import Generator

SERVERS: pytest.StashKey[list[Server]] = pytest.StashKey()


@pytest.fixture
def http2_server(request: pytest.FixtureRequest) -> Callable[..., Server]:
    """A function that starts a `Server`, and has its arguments: ``http2_server(script)``.

    When the test function has returned, the scripts are waited for, and what one has raised is the
    test's failure. If the test fails first, the report shows the frames that the server saw.
    """
    servers: list[Server] = request.node.stash.setdefault(SERVERS, [])

    def start(*args: Any, **options: Any) -> Server:
        server = Server(*args, **options)
        servers.append(server)
        started: Server = server.start()
        return started

    return start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Stop the servers while the test can still fail for what their scripts found."""
    servers = item.stash.get(SERVERS, [])
    try:
        yield
    except BaseException:  # it is raised again
        for server in servers:
            server.stop(abandon=True)
            words = [str(error) for error in server.errors] or ["frames seen:", *server.log]
            item.add_report_section("call", "scripted server", "\n".join(words))
        raise
    failures = []
    for server in servers:
        try:
            server.stop()
        except Exception as failure:  # noqa: BLE001 - all are stopped before it is raised
            failures.append(failure)
    if failures:
        raise failures[0]
