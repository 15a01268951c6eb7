"""The cost of a sleep: the same request, one after the other, and each after a sleep.

    python -m bench.asleep [--microseconds 50] [--count 3000]

The server is in memory (``in_memory.py``), so that both do the same steps. A client that waits for
a real server sleeps in each request. When it wakes, caches and branch predictors have forgotten it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.counts import get
from bench.in_memory import connected
from test.certificates import Certificates

PASSES = 7


def processor(step, count):
    """Microseconds of the processor that a step takes: the least of several passes."""
    least = float("inf")
    for _ in range(PASSES):
        begin = time.process_time()
        for _ in range(count):
            step()
        least = min(least, time.process_time() - begin)
    return least / count * 1e6


def main():
    """Print the three figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--microseconds", type=float, default=50)
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    seconds = options.microseconds / 1e6
    monotonic = time.monotonic
    with tempfile.TemporaryDirectory() as directory:
        conn, _ = connected(Certificates(Path(directory)), bytes(200))
        time.monotonic = monotonic  # this measure has a clock

        def sleep():
            time.sleep(seconds)

        def sleep_and_get():
            time.sleep(seconds)
            get(conn)

        processor(lambda: get(conn), 500)  # caches are full then, and codes are specialized
        warm = processor(lambda: get(conn), options.count)
        alone = processor(sleep, options.count)
        cold = processor(sleep_and_get, options.count) - alone
        conn.close()
    print(f"one after the other: {warm:6.1f} us of the processor, client and server")
    print(f"a sleep alone:       {alone:6.1f} us")
    print(f"after a sleep:       {cold:6.1f} us, {cold / warm:.1f} times as much")


if __name__ == "__main__":
    main()
