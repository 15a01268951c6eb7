"""After a connection has died, whichever way, the next requests get through soon (RFC 9113, 9.1).

The table is `python -m test.live.dead_path`.
"""

from __future__ import annotations

import os

import pytest

from hyper.transport import connect
from test.live.dead_path import WAYS, missing, path_to_server, recover

# Seconds that a reconnection may take on a loaded machine, beside what was waited in vain.
SPARE = 10.0


@pytest.fixture(scope="module")
def path():
    reason = missing()
    if reason:
        if os.environ.get("HYPER_REQUIRE_LIVE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with path_to_server() as made:
        yield made


@pytest.mark.parametrize("way", WAYS)
def test_after_one_timeout_at_most_two_the_next_request_succeeds(path, way):
    """9.1: FIN and RST cost no timeout at all."""
    # Within it a new connection's process has to start, too; an end that is told costs none of it.
    timeout = 20.0 if way in ("FIN", "RST") else 3.0
    seconds, failures = recover(path, way, timeout, 45.0)
    assert seconds is not None, failures[-1]
    allowed = 1 if way in ("FIN", "RST") else 2
    assert len(failures) <= allowed, failures
    assert seconds < (0 if way in ("FIN", "RST") else 2 * timeout) + SPARE


@pytest.mark.parametrize("way", ["forgotten", "stopped"])
def test_with_keepalive_a_wait_without_limit_ends_when_the_path_is_dead(path, way):
    """6.7: after two intervals; the next request succeeds."""
    seconds, failures = recover(path, way, None, 45.0, keepalive=2.0)
    assert seconds is not None, failures
    assert [words.split(":")[0] for words in failures] == ["ConnectionTerminated"]
    assert seconds < 2 * 2.0 + SPARE


def test_the_kernel_gives_up_a_forgotten_path_though_there_is_no_timeout(path, monkeypatch):
    """9.1; RFC 5482: TCP_USER_TIMEOUT ends a wait in which nothing is acknowledged."""
    monkeypatch.setattr(connect, "USER_TIMEOUT_UNLIMITED", 3.0)
    seconds, failures = recover(path, "forgotten", None, 45.0)
    assert seconds is not None, "it waits for ever"
    assert [words.split(":")[0] for words in failures] == ["ConnectionTerminated"]
