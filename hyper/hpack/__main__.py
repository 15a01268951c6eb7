"""The cost of HPACK on this machine: ``python -m hyper.hpack [file or directory ...]``.

Prints, for each codec that is there, the microseconds of a field section (to encode it, to decode
its block) and the octets of the blocks as a share of those of the fields:

* *warm*: a request that was sent before on the connection;
* *new path*, *new etag*: the same request, or response, but for one value;
* *never seen*: twelve fields, some 550 octets, whose names and values were never there;
* *requests*, *responses*: the header lists given, each file on a connection of its own.  A file is
  JSON, either a list of lists of [name, value] pairs, or as in http2jp/hpack-test-case.

A client encodes requests and decodes responses: those are the figures that concern it.

The codecs take turns and the best of many turns counts: times are good beside each other only.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import sys
from pathlib import Path
from time import perf_counter

from . import Decoder, Encoder
from .choice import is_loadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

    from .table import Section

    # The field sections of one connection, one after the other.
    Story = list[Section]

    # One measurement: the stories of each turn, how many turns, and how long to warm up.
    Kind = tuple[Callable[[int], list[Story]], int, int]

    # Makes the two ends of one direction: encode, decode.
    Codec = Callable[[], tuple[Callable[[Section], bytes], Callable[[bytes], Any]]]

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

RESPONSE = (
    (b":status", b"200"),
    (b"server", b"nginx/1.22.1"),
    (b"date", b"Sun, 22 Nov 2026 22:11:05 GMT"),
    (b"content-type", b"text/html; charset=utf-8"),
    (b"etag", b'"6741e2a0-c8"'),
    (b"cache-control", b"max-age=3600"),
    (b"vary", b"accept-encoding"),
    (b"x-content-type-options", b"nosniff"),
)

# Sections of one story: enough for a mean, few enough to take turns often.
WARM_SECTIONS, NEW_SECTIONS = 300, 20
#: Sections before the clock starts, until the tables have settled.
WARM_UP = 10
#: Turns of which the best counts.
TURNS = 30
#: The same for the lists given, of which there are many.
TURNS_OF_LISTS = 8


def changed(section: Section, index: int, value: bytes) -> Story:
    """A section again and again, one field of it with a number that was never there."""
    name = section[index][0]
    return [
        (*section[:index], (name, value % number), *section[index + 1 :])
        for number in range(WARM_SECTIONS)
    ]


def unseen(turn: int) -> Story:
    """Sections of twelve fields, all letters drawn anew in each turn."""
    draw = random.Random(turn)  # noqa: S311 - no secret: the same in each run

    def text(size: int, letters: str) -> bytes:
        return "".join(draw.choices(letters, k=size)).encode()

    letters = string.ascii_letters + string.digits + "-/=;. "
    return [
        tuple((text(12, string.ascii_lowercase), text(34, letters)) for _ in range(12))
        for _ in range(NEW_SECTIONS)
    ]


def read_stories(paths: Iterable[Path]) -> Iterator[Story]:
    """The header lists of files, and of the JSON files in directories.

    Raises OSError, and ValueError for what has no header lists.
    """
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(path.glob("*.json"))
            if not files:
                raise ValueError(f"{path}: a directory without *.json")
        yield from map(read_story, files)


def read_story(path: Path) -> Story:
    """The header lists of a file; OSError and ValueError as above."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            content = [
                [pair for field in case["headers"] for pair in field.items()]
                for case in content["cases"]
            ]
        return [
            tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in section)
            for section in content
        ]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # JSON or not, it has another form: each step above may be the one that finds it out.
        raise ValueError(f"{path}: no header lists in JSON ({error})") from error


def kinds(paths: list[str]) -> dict[str, Kind]:
    """The header lists to measure.  Raises OSError, and ValueError for paths without any."""
    # Equal, not the same: a client makes its section anew for each request.
    warm = [tuple((name, value) for name, value in REQUEST) for _ in range(WARM_SECTIONS)]
    path = changed(REQUEST, 3, b"/articles/2026/%06d/index.html")
    etag = changed(RESPONSE, 4, b'"6741e2a0-%x"')
    table: dict[str, Kind] = {
        "warm": (lambda _: [warm], TURNS, WARM_UP),
        "new path": (lambda _: [path], TURNS, WARM_UP),
        "new etag": (lambda _: [etag], TURNS, WARM_UP),
        "never seen": (lambda turn: [unseen(turn)], TURNS, 0),
    }
    requests: list[Story] = []
    responses: list[Story] = []
    for story in read_stories(map(Path, paths)):
        requests.append([section for section in story if is_request(section)])
        responses.append([section for section in story if not is_request(section)])
    if any(requests):
        table["requests"] = (lambda _: requests, TURNS_OF_LISTS, 0)
    if any(responses):
        table["responses"] = (lambda _: responses, TURNS_OF_LISTS, 0)
    return table


def is_request(section: Section) -> bool:
    """True if a field section is a request's (RFC 9113, 8.3.1)."""
    return any(name == b":method" for name, _ in section)


def measure(codec: Codec, stories: list[Story], warm_up: int) -> tuple[float, float, float]:
    """Microseconds of a section, to encode and to decode, and octets coded for each of fields."""
    times = [0.0, 0.0]
    count = size = coded = 0
    for story in stories:
        ends = codec()
        encode, decode = ends
        for section in story[:warm_up]:
            decode(encode(section))
        given: list[Any] = story[warm_up:]
        count += len(given)
        size += sum(len(name) + len(value) for section in given for name, value in section)
        for direction in (0, 1):
            work, results = ends[direction], []
            start = perf_counter()
            for section in given:
                results.append(work(section))  # noqa: PERF401 - a call each is what is measured
            times[direction] += perf_counter() - start
            given = results if direction == 0 else given
        coded += sum(map(len, given))
    return times[0] / count * 1e6, times[1] / count * 1e6, coded / size


def ours(name: str) -> Codec:
    """A codec of this package, by the methods that a connection calls."""
    return lambda: (Encoder(codec=name).encode_section, Decoder(codec=name).decode_section)


def codecs() -> dict[str, Codec]:
    """Those that are there, by name."""
    names = ("python", "nghttp2") if is_loadable() else ("python",)
    return {name: ours(name) for name in names}


def lines(codecs: dict[str, Codec], kinds: dict[str, Kind]) -> Iterator[str]:
    """The table, line by line, as it is measured."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield f"{sys.implementation.name} {version}: microseconds for each field section"
    yield f"{'':26}{'encode':>9}{'decode':>9}{'octets':>9}"
    for kind, (stories_of, turns, warm_up) in kinds.items():
        best: dict[str, tuple[float, ...]] = {}
        for turn in range(turns):
            stories = stories_of(turn)
            for name, codec in codecs.items():
                figures = measure(codec, stories, warm_up)
                best[name] = tuple(map(min, best.get(name, figures), figures))
        for name in codecs:
            encoding, decoding, share = best[name]
            yield f"{kind:12}{name:14}{encoding:9.2f}{decoding:9.2f}{share:9.1%}"


def main(arguments: list[str]) -> None:
    """Measure and print; SystemExit of code 2 for paths that lead to no header lists."""
    parser = argparse.ArgumentParser(
        "python -m hyper.hpack", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="*", metavar="path", help="a file or directory of JSON")
    try:
        measured = kinds(parser.parse_args(arguments).paths)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    for line in lines(codecs(), measured):
        print(line, flush=True)  # noqa: T201 - printing is what it is for
    if not is_loadable():
        print("libnghttp2 is not there: pip install hyper[nghttp2], and the library itself")  # noqa: T201 - a command


if __name__ == "__main__":
    main(sys.argv[1:])
