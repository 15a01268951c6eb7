"""Much each way at once: a peer that writes all of its answer before it reads on (RFC 9113, 5.2).

    HYPER_LONG=1 python -m pytest -q test/threads/test_both_ways.py

runs it a thousand times.
"""

from __future__ import annotations

import hashlib
import os
import threading

import pytest

from hyper import HTTP20Connection
from hyper.testing import wire
from test.threads.fake_network import tiny_switch_interval

MEBIBYTE = 1 << 20
SIZE = 8 * MEBIBYTE
RUNS = 250 if os.environ.get("HYPER_LONG") == "1" else 1
OK = [(":status", "200")]

# Seconds until a hang is called a hang.
DEADLINE = 60.0

# Content for each of the other readers: in pieces, between those of the large response.
PIECES, PIECE = 64, 1024


def script(peer, readers):
    """Answer one upload before reading it on, and others beside it."""
    peer.handshake()
    upload, others = 0, []
    for stream_id in range(1, 2 * readers + 2, 2):
        section = dict(peer.want_headers(stream_id))
        if section[":path"] == "/upload":
            upload = stream_id
        else:
            others.append(stream_id)
        peer.write_headers(stream_id, OK)
    window = peer.client_settings[wire.SETTINGS_INITIAL_WINDOW_SIZE]
    sent = pieces = 0
    while sent < SIZE:
        while window <= 0:
            window += peer.want_window_update(upload)
        size = min(window, 16_384, SIZE - sent)
        peer.write_data(upload, bytes(size), end_stream=sent + size == SIZE)
        sent += size
        window -= size
        while pieces < min(sent // 16_384, PIECES):
            pieces += 1
            for number, stream_id in enumerate(others):
                peer.write_data(stream_id, bytes([number]) * PIECE, end_stream=pieces == PIECES)
    peer.write(wire.window_update(0, SIZE) + wire.window_update(upload, SIZE))
    digest = hashlib.sha256(peer.want_body(upload)).hexdigest()
    assert digest == hashlib.sha256(b"u" * SIZE).hexdigest()


@pytest.mark.parametrize("readers", [0, 1, 8, 32])
@pytest.mark.timeout(60 + 10 * RUNS)
def test_no_deadlock(scripted_peer, readers):
    for _ in range(RUNS):
        peer = scripted_peer(lambda peer: script(peer, readers))
        contents = {}
        with HTTP20Connection("127.0.0.1", peer.port, secure=False, timeout=20) as connection:

            def read(number, connection=connection, contents=contents):
                response = connection.getresponse(connection.request("GET", f"/{number}"))
                contents[number] = len(response.read())

            def upload(connection=connection, contents=contents):
                stream_id = connection.request("POST", "/upload", b"u" * SIZE)
                contents["upload"] = len(connection.getresponse(stream_id).read())

            acts = [upload, *(lambda n=n: read(n) for n in range(readers))]
            threads = [threading.Thread(target=act, daemon=True) for act in acts]
            with tiny_switch_interval():
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(DEADLINE)
                    assert not thread.is_alive(), "a thread hangs"
        assert contents == {"upload": SIZE, **dict.fromkeys(range(readers), PIECES * PIECE)}
        peer.stop()
