"""The cost of HPACK: hyper's codecs beside PyPI's ``hpack`` and jh2's (Rust), where installed.

    python bench/hpack.py [directory of header lists]

The table of ``python -m hyper.hpack``, whose text says what is measured, with more codecs. Then
come three of hyper alone: *served*, a response that inserts the same fields each time and never
refers to them, as nginx sends them, a fresh pair of encoder and decoder, and what a hostile peer
gets for a mebibyte.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not bench/: this is a `hpack` there

from hyper import hpack
from hyper.errors import CompressionError
from hyper.hpack import __main__ as table
from test import hpack_attacks
from test.hpack_attacks import literal

try:
    import hpack as pypi
except ImportError:
    pypi = None
try:
    from jh2 import _hazmat as jh2
except ImportError:
    jh2 = None


def by_pypi():
    """PyPI's hpack."""
    decoder = pypi.Decoder()
    return pypi.Encoder().encode, lambda block: decoder.decode(block, raw=True)


def by_jh2():
    """jh2's, as niquests uses it: it wants to know of each field whether it is secret."""
    encode, decode = jh2.Encoder().encode, jh2.Decoder().decode
    return (
        lambda section: encode([(name, value, False) for name, value in section]),
        lambda block: decode(block, raw=True),
    )


SERVED = b"\x88" + b"".join(
    literal(name, value, pattern)
    for name, value, pattern in [
        (54, b"nginx/1.22.1", 0x40),
        (33, b"Sun, 22 Nov 2026 22:11:05 GMT", 0x40),
        (31, b"text/html", 0x40),
        (28, b"200", 0x40),
        (44, b"Sun, 22 Nov 2026 20:00:00 GMT", 0x40),
        (34, b'"6741e2a0-c8"', 0x00),
        (24, b"max-age=3600", 0x00),
        (b"x-content-type-options", b"nosniff", 0x00),
        (18, b"bytes", 0x00),
    ]
)

MEBIBYTE = 2**20


def attacked(codec: str, blocks: list[bytes]) -> str:
    """The cost of blocks: each fault ends the connection, and a new one takes the rest."""
    decoder = hpack.Decoder(codec=codec)
    refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = perf_counter()
    for block in blocks:
        try:
            decoder.decode_section(block)
        except CompressionError:
            refused += 1
            decoder = hpack.Decoder(codec=codec)
    elapsed = perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return f"{elapsed:7.3f} s, {grown:5} KiB more memory, {refused} of {len(blocks)} refused"


def main() -> None:
    """Measure and print."""
    codecs = table.codecs()
    if pypi is not None:
        codecs["hpack (PyPI)"] = by_pypi
    if jh2 is not None:
        codecs["jh2 (Rust)"] = by_jh2
    for line in table.lines(codecs, table.kinds(sys.argv[1:])):
        print(line, flush=True)
    for name, codec in codecs.items():
        best = 1.0
        for _ in range(table.TURNS):
            decode = codec()[1]
            blocks = [bytes(bytearray(SERVED)) for _ in range(300)]
            start = perf_counter()
            for block in blocks:
                decode(block)
            best = min(best, perf_counter() - start)
        print(f"{'served':12}{name:14}{'':9}{best / 300 * 1e6:9.2f}")
    for name in table.codecs():
        start = perf_counter()
        for _ in range(1000):
            hpack.Encoder(codec=name), hpack.Decoder(codec=name)
        print(f"a fresh pair, {name}: {(perf_counter() - start) * 1e3:.1f} us")
    print("a hostile peer: 1 MiB, and 2 MiB, which must not take more than twice the time")
    for name in table.codecs():
        for attack in hpack_attacks.ATTACKS:
            for size in (MEBIBYTE, 2 * MEBIBYTE):
                print(f"{attack.__name__:20}{name:9}{attacked(name, attack(size))}")


if __name__ == "__main__":
    main()
