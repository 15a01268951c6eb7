"""What HPACK costs: microseconds per field section, to encode and to decode.

    python bench/hpack.py [directory of header lists]

*warm*: the same section as before.  *one changed*: the same but for :path.  *served*: a response
of the kind that inserts the same fields each time and never refers to them.  *never seen*:
twelve fields with names and values that were never there, of some 550 octets.  *corpus*: the
JSON files of a directory as in http2jp/hpack-test-case (raw-data), each file on a connection of
its own, and the octets that come out.

PyPI's ``hpack`` stands beside where it is installed.  Both take turns, and the best of many turns
counts: seconds are good within one table only.
"""

from __future__ import annotations

import json
import random
import string
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hyper import hpack

try:
    sys.path.pop(0)
    here = sys.path.pop(0)  # this directory, in which this very file is a module `hpack`
    import hpack as pypi
except ImportError:
    pypi = None

TURNS = 30

REQUEST = (
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"www.example.org"),
    (b":path", b"/static/css/site.css?v=20260314"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-US,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"referer", b"https://www.example.org/articles/2026/hello-world"),
    (b"cookie", b"session=2b1f8c0a9d7e4f60b3c5; theme=dark; consent=yes"),
    (b"sec-fetch-mode", b"navigate"),
    (b"priority", b"u=0, i"),
)


def literal(name: int | bytes, value: bytes, pattern: int) -> bytes:
    """A literal field by hand, so that this needs no encoder with odd habits."""
    prefix = 0x3F if pattern == 0x40 else 0x0F
    if isinstance(name, bytes):
        start = bytes([pattern, len(name)]) + name
    elif name < prefix:
        start = bytes([pattern | name])
    else:
        start = bytes([pattern | prefix, name - prefix])
    return start + bytes([len(value)]) + value


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


def unseen(count: int, seed: int) -> list[tuple[tuple[bytes, bytes], ...]]:
    """Sections of twelve fields, all letters drawn anew."""
    draw = random.Random(seed)

    def text(size: int, letters: str) -> bytes:
        return "".join(draw.choices(letters, k=size)).encode()

    letters = string.ascii_letters + string.digits + "-/=;. "
    return [
        tuple((text(12, string.ascii_lowercase), text(34, letters)) for _ in range(12))
        for _ in range(count)
    ]


def changed(count: int) -> list[tuple[tuple[bytes, bytes], ...]]:
    """The request, each time with another path."""
    return [
        (*REQUEST[:3], (b":path", b"/articles/2026/%06d/index.html" % number), *REQUEST[4:])
        for number in range(count)
    ]


def corpus(directory: Path) -> list[list[tuple[tuple[bytes, bytes], ...]]]:
    """The sections of each file."""
    return [
        [
            tuple(
                (name.encode("latin-1"), value.encode("latin-1"))
                for field in case["headers"]
                for name, value in field.items()
            )
            for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
        ]
        for path in sorted(directory.glob("*.json"))
    ]


class Ours:
    """hyper.hpack, by its hot doors."""

    name = f"hyper ({hpack.implementation})"

    def __init__(self) -> None:
        self.encode = hpack.Encoder().encode_section
        self.decode = hpack.Decoder().decode_section


class Theirs:
    """PyPI's hpack."""

    name = "hpack (PyPI)"

    def __init__(self) -> None:
        self.encode = pypi.Encoder().encode
        self.decode = pypi.Decoder().decode


def run(function, arguments) -> tuple[float, list]:
    """Seconds for one call per argument, and what came out."""
    results = []
    start = perf_counter()
    for argument in arguments:
        results.append(function(argument))  # noqa: PERF401 - a call each is what is measured
    return perf_counter() - start, results


def measure(codec, stories, warm_up: int) -> tuple[float, float, int]:
    """Microseconds per section, each story on a connection of its own: encode, decode, octets."""
    encoding = decoding = 0.0
    octets = 0
    for story in stories:
        ends = codec()
        for section in story[:warm_up]:
            ends.decode(ends.encode(section))
        elapsed, blocks = run(ends.encode, story[warm_up:])
        encoding += elapsed
        elapsed, _ = run(ends.decode, blocks)
        decoding += elapsed
        octets += sum(map(len, blocks))
    count = sum(len(story) - warm_up for story in stories)
    return encoding / count * 1e6, decoding / count * 1e6, octets


def main() -> None:
    """Measure and print."""
    codecs = [Ours] if pypi is None else [Ours, Theirs]
    warm = [REQUEST] * 300
    # Equal, not the same: a client makes its section anew for each request.
    warm = [tuple((name, value) for name, value in REQUEST) for _ in warm]
    kinds = {
        "warm": lambda _: ([warm], 10),
        "one changed": lambda _: ([changed(310)], 10),
        "never seen": lambda turn: ([unseen(20, turn)], 0),
    }
    if len(sys.argv) > 1:
        stories = corpus(Path(sys.argv[1]))
        kinds["corpus"] = lambda _: (stories, 0)
    print(f"Python {sys.version.split()[0]}; microseconds per section")
    print(f"{'':28}{'encode':>9}{'decode':>9}{'octets':>9}")
    for kind, stories_of in kinds.items():
        best: dict = {}
        for turn in range(TURNS if kind != "corpus" else 5):
            for codec in codecs:
                figures = measure(codec, *stories_of(turn))
                best[codec] = tuple(map(min, best.get(codec, figures), figures))
        for codec in codecs:
            encoding, decoding, octets = best[codec]
            print(f"{kind:13}{codec.name:15}{encoding:9.2f}{decoding:9.2f}{octets:9}")
    for codec in codecs:
        best_time = min(
            run(codec().decode, [bytes(bytearray(SERVED)) for _ in range(300)])[0]
            for _ in range(TURNS)
        )
        print(f"{'served':13}{codec.name:15}{'':9}{best_time / 300 * 1e6:9.2f}")
    start = perf_counter()
    for _ in range(1000):
        hpack.Encoder()
        hpack.Decoder()
    print(f"a fresh pair: {(perf_counter() - start) * 1e3:.1f} us")


if __name__ == "__main__":
    main()
