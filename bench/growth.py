"""Memory that requests leave behind: resident kB of the process, after many of them.

    python -m bench.growth [--requests 50000]

The requests go to nghttpd, one after the other, over one connection. Linux alone tells the figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hyper
from bench import table
from bench.fields import FIELDS
from hyper.tls import init_context

#: Requests before the count begins: caches are full then.
WARM_UP = 3000
STEPS = 5


def resident():
    """Return the kB of this process that are in memory."""
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        name, _, rest = line.partition(":")
        if name == "Rss":
            return int(rest.split()[0])
    raise AssertionError("no Rss")


def main():
    """Print how much there is more after each fifth of the requests."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=50_000)
    options = parser.parse_args()
    with (
        table.servers() as (authority, ports),
        hyper.HTTP20Connection(
            "localhost", ports["nghttpd"], ssl_context=init_context(authority), timeout=30
        ) as conn,
    ):

        def get(count):
            for _ in range(count):
                conn.request("GET", "/small", headers=FIELDS)
                with conn.getresponse() as response:
                    assert len(response.read()) == 200

        get(WARM_UP)
        before = resident()
        for step in range(1, STEPS + 1):
            get(options.requests // STEPS)
            print(f"{options.requests * step // STEPS:>8}: {resident() - before:+} kB", flush=True)


if __name__ == "__main__":
    main()
