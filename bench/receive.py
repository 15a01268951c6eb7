"""Nanoseconds a frame: what ``Endpoint.receive`` costs, without a socket.

    python bench/receive.py

``small``: 1,000 responses of HEADERS and DATA(256). ``chatter``: DATA(1,024) over ten streams.
``bulk``: DATA(16,384) on one.  Fed 64 KiB at a time; best of many passes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not bench/

from hyper.hpack import Decoder, Encoder
from hyper.protocol.endpoint import Endpoint
from hyper.protocol.flow.managers import FlowControlManager
from hyper.protocol.messages import request_fields, request_section
from hyper.protocol.origins import Origin
from hyper.protocol.settings import SETTINGS_INITIAL_WINDOW_SIZE
from hyper.testing import wire

PASSES = 15
READ = 64 * 1024
HEAD = [(":status", "200"), ("content-type", "text/html"), ("server", "bench")]


def open_endpoint(streams):
    """An endpoint with requests on its way, as after so many calls of ``request``."""
    encoder = Encoder()
    endpoint = Endpoint(
        {SETTINGS_INITIAL_WINDOW_SIZE: 2**31 - 1},
        FlowControlManager,
        2**31 - 1,
        encoder=encoder,
        decoder=Decoder(),
        covers=lambda scheme, authority: False,  # noqa: ARG005
        unread_limit=2**42,
        now=lambda: 0.0,
    )
    endpoint.receive(memoryview(wire.settings({})))
    origin = Origin("https", "localhost")
    section = request_section("GET", "/", origin, request_fields(()), ())
    for _ in range(streams):
        endpoint.send_request(section, "GET", end_stream=True)
    endpoint.take_outbound()
    return endpoint


def small():
    """1,000 small responses."""
    block = wire.block(HEAD)
    frames = []
    for stream_id in range(1, 2001, 2):
        frames += [
            wire.headers(stream_id, block),
            wire.data(stream_id, bytes(256), end_stream=True),
        ]
    return 1000, 2000, b"".join(frames)


def chatter():
    """2,000 DATA frames over ten streams."""
    block = wire.block(HEAD)
    frames = [wire.headers(stream_id, block) for stream_id in range(1, 21, 2)]
    frames += [wire.data(1 + 2 * (number % 10), bytes(1024)) for number in range(2000)]
    return 10, 2010, b"".join(frames)


def bulk():
    """500 DATA frames of full size."""
    frames = [wire.headers(1, wire.block(HEAD))]
    frames += [wire.data(1, bytes(16384)) for _ in range(500)]
    return 1, 501, b"".join(frames)


def nanoseconds(workload):
    """The best pass, a frame."""
    streams, count, octets = workload()
    best = float("inf")
    for _ in range(PASSES):
        endpoint = open_endpoint(streams)
        view = memoryview(octets)
        begin, start = time.perf_counter_ns(), 0
        while start < len(view):
            start += endpoint.receive(view[start : start + READ])
            endpoint.changed_streams.clear()
        best = min(best, time.perf_counter_ns() - begin)
        assert endpoint.failure is None, endpoint.failure.exception()
    return best / count


if __name__ == "__main__":
    for workload in (small, chatter, bulk):
        print(f"{workload.__name__:>8} {nanoseconds(workload):8.0f} ns a frame")
