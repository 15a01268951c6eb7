"""Servers that end connections after so many requests, or are reloaded: no request is lost, and
none is processed twice (RFC 9113, 6.8, 8.7).

    python -m test.live.goaway [--gets 3000] [--posts 600] [--threads 16] [--keepalive 5] [--reload]

makes the table with large numbers, by every client.
"""

from __future__ import annotations

import pytest

from test.live.goaway import CLIENTS, Counting, measure

# Small numbers, for the suite; the command's are larger.
THREADS, GETS, POSTS = 8, 120, 60


@pytest.fixture
def nginx_of_five(certificates):
    from test.live.conftest import require

    require("nginx")
    with Counting(certificates, keepalive_requests=5) as server:
        yield server


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_request_is_lost_or_processed_twice_by_goaways_after_every_five(
    nginx_of_five, certificates, client, method
):
    """6.8; 8.7: nginx's keepalive_requests counts them."""
    count = GETS if method == "GET" else POSTS
    result = measure(nginx_of_five, certificates, client, method, count, THREADS)
    if result is None:
        pytest.skip(f"{client} is not here")
    assert not result.errors, (len(result.errors), result.errors[:3])
    assert (result.wrong, result.lost, result.twice) == (0, 0, 0)


@pytest.mark.parametrize("client", ["HTTP20Connection", "httpx", "requests"])
def test_no_request_is_lost_while_nginx_is_reloaded(certificates, client):
    """6.8: its former workers say GOAWAY and end."""
    from test.live.conftest import require

    require("nginx")
    with Counting(certificates, keepalive_requests=1000) as server:
        result = measure(server, certificates, client, "GET", 4 * GETS, THREADS, reloads=3)
    if result is None:
        pytest.skip(f"{client} is not here")
    assert not result.errors, (len(result.errors), result.errors[:3])
    assert (result.wrong, result.lost, result.twice) == (0, 0, 0)
