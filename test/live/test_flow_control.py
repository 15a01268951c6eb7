"""Flow control against servers that nobody here wrote, on long paths and under many streams.

RFC 9113, 5.2 and 6.9. In full with HYPER_LONG=1 and by bench/delayed.py; in little otherwise.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from hyper import HTTP20Connection
from test.live.server import pattern
from test.relay import Relay

LONG = os.environ.get("HYPER_LONG") == "1"
MEBIBYTE = 1 << 20
PATIENCE = 60


def resident():
    """Octets of memory that this process has; PyPy's tell of its collector rather than of us."""
    if sys.implementation.name != "cpython":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("round_trip", [0.01, 0.1])
def test_a_long_path_costs_few_round_trips(node, certificates, round_trip):
    """8 MiB through a window of 128 KiB would take 64."""
    size = 8 * MEBIBYTE
    with Relay(node.port, round_trip) as relay:
        connection = HTTP20Connection(
            "localhost", relay.port, ssl_context=certificates.client_context(), timeout=PATIENCE
        )
        with connection:
            connection.connect()
            begin = time.monotonic()
            connection.request("GET", f"/bytes/{size}")
            assert connection.getresponse().read() == pattern(size)
            seconds = time.monotonic() - begin
    assert seconds < 10 * round_trip + 2


def test_an_unknown_path_and_an_unknown_length_are_found_out(node_cleartext):
    """Cleartext: no handshake tells the round trip, no content-length the size."""
    size, round_trip = 8 * MEBIBYTE, 0.05
    with ExitStack() as opened:
        relay = opened.enter_context(Relay(node_cleartext.port, round_trip))
        connection = opened.enter_context(
            HTTP20Connection("127.0.0.1", relay.port, secure=False, timeout=PATIENCE)
        )
        begin = time.monotonic()
        connection.request("GET", f"/stream/{size}")
        assert connection.getresponse().read() == pattern(size)
        seconds = time.monotonic() - begin
        assert 0.9 * round_trip < connection._pumps.current.endpoint.round_trip < 5 * round_trip
    assert seconds < 20 * round_trip + 2


def test_a_hundred_streams_that_nobody_reads_stay_within_the_limit(node_cleartext):
    """And all are whole when they are read, the last first."""
    size = (10 if LONG else 1) * MEBIBYTE
    # A quarter of the limit is kept for streams to begin with: here, too, room for a hundred.
    limit, window = (64 * MEBIBYTE, 131_072) if LONG else (16 * MEBIBYTE, 32_768)
    connection = HTTP20Connection(
        node_cleartext.host,
        node_cleartext.port,
        secure=False,
        timeout=PATIENCE,
        unread_limit=limit,
        settings={"SETTINGS_INITIAL_WINDOW_SIZE": window},
    )
    with connection:
        connection.connect()
        before = resident()
        ids = [connection.request("GET", f"/bytes/{size}") for _ in range(100)]
        budget = connection._pumps.current.endpoint.budget
        if LONG:
            time.sleep(5)
        for _ in range(50):  # until no more comes
            connection.ping()
        assert budget.in_use <= limit
        assert resident() - before < limit * 1.25 + 8 * MEBIBYTE
        wanted = hashlib.sha256(pattern(size)).digest()
        for stream_id in reversed(ids):
            digest = hashlib.sha256()
            response = connection.getresponse(stream_id)
            while piece := response.read(65_536):
                digest.update(piece)
            assert digest.digest() == wanted
        assert resident() - before < limit * 1.25 + 8 * MEBIBYTE
        assert budget.has_room(limit)


@pytest.mark.parametrize("size", [8 * MEBIBYTE, 40 * MEBIBYTE if LONG else 16 * MEBIBYTE])
def test_an_echo_that_nobody_reads_while_it_is_sent(node, certificates, size):
    connection = HTTP20Connection(
        node.host, node.port, ssl_context=certificates.client_context(), timeout=PATIENCE
    )
    with connection:
        body = pattern(size)
        connection.request("POST", "/echo", body)
        assert connection.getresponse().read() == body
