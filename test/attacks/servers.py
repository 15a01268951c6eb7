"""Hostile servers and proxies: a name, the client's part, and octets without end.

A part is "h2", "http1" (the drop-in classes), or "proxy" and the scheme of one.
"""

from __future__ import annotations

import gzip
import zlib
from itertools import chain, count, cycle, repeat
from typing import TYPE_CHECKING, NamedTuple

from hyper.testing import wire
from test import hpack_attacks
from test.memory_endpoint import OK, PROMISE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETTINGS = wire.settings({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 100}) + wire.settings(ack=True)
HEAD = wire.headers(1, OK)
#: Octets of a piece that is given to the kernel at a time.
PIECE = 64 * 1024


class Attack(NamedTuple):
    """octets(): what is sent, perhaps without end. reads: whether the server reads, too."""

    part: str
    octets: Callable[[], Iterable[bytes]]
    reads: bool = True


def many(octets: bytes) -> bytes:
    """The same octets, over and over, as one piece."""
    return octets * max(1, PIECE // len(octets))


def flood(octets: bytes, first: bytes = SETTINGS + HEAD) -> Callable[[], Iterator[bytes]]:
    """First something, then the same octets for ever."""

    def all_of_it() -> Iterator[bytes]:
        yield first
        yield from repeat(many(octets))

    return all_of_it


def once(*octets: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: octets


def status(code: str, *fields: tuple[str, str]) -> bytes:
    return wire.block([(":status", code), *fields])


def section(*fields: tuple[str, str]) -> bytes:
    return status("200", *fields)


def coded(coding: str, octets: Iterable[bytes]) -> Callable[[], Iterator[bytes]]:
    """A response whose content has a coding; its pieces are sent for ever if they do not end."""

    def all_of_it() -> Iterator[bytes]:
        yield SETTINGS + wire.headers(1, section(("content-encoding", coding)))
        for piece in octets:
            for at in range(0, len(piece), 16_384):
                yield wire.data(1, piece[at : at + 16_384])

    return all_of_it


def blocks(attack: Callable[[int], list[bytes]]) -> Callable[[], Iterator[bytes]]:
    """Field blocks, one for each of the client's interim responses."""

    def all_of_it() -> Iterator[bytes]:
        yield SETTINGS
        for block in cycle(attack(1 << 20)):
            parts = [block[at : at + 16_384] for at in range(0, len(block), 16_384)]
            last = len(parts) - 1
            yield wire.headers(1, parts[0], end_headers=not last)
            for at, part in enumerate(parts[1:], 1):
                yield wire.continuation(1, part, at == last)

    return all_of_it


def promises(content: bytes) -> Iterator[bytes]:
    yield SETTINGS + HEAD
    for number in range(2, 1 << 31, 2):
        pushed = wire.headers(number, OK) + wire.data(number, content) if content else b""
        yield wire.push_promise(1, number, PROMISE) + pushed


def goaways() -> Iterator[bytes]:
    yield SETTINGS + HEAD
    yield from repeat(many(wire.goaway(1, 0, b"d" * 16_000)))


def zstd_frames(content: bytes) -> bytes:
    try:
        from backports import zstd
    except ImportError:
        return b"\x50\x2a\x4d\x18\0\0\0\0"
    octets: bytes = zstd.compress(content)
    return octets


def brotli_of(content: bytes) -> bytes:
    try:
        import brotli
    except ImportError:
        return b"\x3b"
    octets: bytes = brotli.compress(content)
    return octets


def hint_block(size: int) -> bytes:
    return status("103", ("link", "x" * size))


def hints(size: int) -> bytes:
    return wire.headers(1, hint_block(size))


def bomb() -> bytes:
    return gzip.compress(bytes(64 << 20), 9, mtime=0)


def deflate_bomb() -> bytes:
    return zlib.compress(bytes(64 << 20), 9)


def each_other(make: Callable[[int], bytes]) -> Callable[[], Iterator[bytes]]:
    """First a head, then a frame for each number, for ever."""

    def all_of_it() -> Iterator[bytes]:
        yield SETTINGS + HEAD
        for first in count(0, 100):
            yield b"".join(make(number) for number in range(first, first + 100))

    return all_of_it


def large_promises(request: bytes, answer: bytes) -> Callable[[], Iterator[bytes]]:
    """Promises whose requests, or answers, have long field sections."""

    def all_of_it() -> Iterator[bytes]:
        yield SETTINGS + HEAD
        for number in range(2, 1 << 31, 2):
            yield wire.push_promise(1, number, request) + wire.headers(number, answer)

    return all_of_it


def expanded() -> bytes:
    """A field block of 4,100 octets whose section takes 4 MiB, as trailers."""
    entry = b"\x40" + wire.string("x") + wire.string("y" * 4000)
    return entry + b"\xbe" * 1000


# Codings that cost something and give nothing.
GZIP_NAME = b"\x1f\x8b\x08\x08" + bytes(6)  # the name of a file follows, which does not end
STORED_NOTHING = b"\0\0\0\xff\xff"  # a stored block of no octets (RFC 1951, 3.2.4)
DICTIONARY = b"\x78\xbb\1\2\3\4"  # a dictionary that nobody has (RFC 1950, 2.2)
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_WINDOW = ZSTD_MAGIC + b"\0\xa8"  # a window of 2 GiB (RFC 8878, 3.1.1.1.2)
ZSTD_NOTHING = ZSTD_MAGIC + b"\0\x58"  # a window of 2 MiB, and blocks of no octets follow


OK_1 = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_1 + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY_MEMBER = gzip.compress(b"", mtime=0)
SKIPPABLE = b"\x50\x2a\x4d\x18\0\0\0\0"
BAD_STRING = b"\x88\x00\x81\xff" + b"\xff" * 60

ATTACKS: dict[str, Attack] = {
    "PING": Attack("h2", flood(wire.ping())),
    "PING, and the answers are not read": Attack("h2", flood(wire.ping()), reads=False),
    "acknowledgements of no PING": Attack("h2", flood(wire.ping(ack=True))),
    "SETTINGS": Attack("h2", flood(wire.settings({4: 65_535}))),
    "SETTINGS, and the answers are not read": Attack("h2", flood(wire.settings()), reads=False),
    "SETTINGS of 2,000 values": Attack("h2", flood(wire.settings([(4, 1), (4, 2)] * 1000))),
    "SETTINGS that change the table": Attack("h2", flood(wire.settings([(1, 0), (1, 4096)]))),
    "acknowledgements of SETTINGS": Attack("h2", flood(wire.settings(ack=True))),
    "DATA without content": Attack("h2", flood(wire.data(1))),
    "DATA of padding alone": Attack("h2", flood(wire.data(1, pad=255))),
    "DATA of one octet": Attack("h2", flood(wire.data(1, b"x"))),
    "DATA of one octet and padding": Attack("h2", flood(wire.data(1, b"x", pad=255))),
    "DATA of 16,384 octets": Attack("h2", flood(wire.data(1, bytes(16_384)))),
    "DATA beyond content-length": Attack(
        "h2",
        flood(
            wire.data(1, bytes(99)), SETTINGS + wire.headers(1, section(("content-length", "1")))
        ),
    ),
    "DATA before the head": Attack("h2", flood(wire.data(1, bytes(99)), SETTINGS)),
    "DATA on a stream that is idle": Attack("h2", flood(wire.data(99, b"x"))),
    "WINDOW_UPDATE of the stream": Attack("h2", flood(wire.window_update(1, 1))),
    "WINDOW_UPDATE of the connection": Attack("h2", flood(wire.window_update(0, 1))),
    "WINDOW_UPDATE of 0": Attack("h2", flood(wire.window_update(1, 0))),
    "PRIORITY": Attack("h2", flood(wire.priority(99))),
    "PRIORITY of 4 octets": Attack("h2", flood(wire.frame(2, 0, 1, bytes(4)))),
    "RST_STREAM": Attack("h2", flood(wire.rst_stream(1))),
    "frames of unknown types": Attack("h2", flood(wire.frame(0xBB, 0xFF, 1))),
    "frames of unknown types, 16,384 octets": Attack(
        "h2", flood(wire.frame(0xBB, 0xFF, 1, bytes(16_384)))
    ),
    "a frame of 16 MiB": Attack("h2", flood(b"\xff\xff\xff\0\0\0\0\0\1" + bytes(99))),
    "GOAWAY with long debug data": Attack("h2", goaways),
    "ALTSVC": Attack("h2", flood(wire.altsvc(0, "https://a.example", 'h3=":443"'))),
    "ORIGIN": Attack("h2", flood(wire.origin([f"https://a{n}.example" for n in range(500)]))),
    "103 of a few octets": Attack("h2", flood(hints(1), SETTINGS)),
    "103 of 8,000 octets": Attack("h2", flood(hints(8000), SETTINGS)),
    "100": Attack("h2", flood(wire.headers(1, wire.block([(":status", "100")])), SETTINGS)),
    "a head without :status": Attack(
        "h2", flood(wire.headers(1, wire.block([("a", "b")])), SETTINGS)
    ),
    "trailers of 60,000 octets": Attack(
        "h2", flood(wire.headers(1, wire.block([("x", "y" * 16_000)]), end_stream=True))
    ),
    "CONTINUATION without end": Attack(
        "h2",
        flood(
            wire.continuation(1, bytes(99), end_headers=False),
            SETTINGS + wire.headers(1, OK, end_headers=False),
        ),
    ),
    "empty CONTINUATION without end": Attack(
        "h2",
        flood(
            wire.continuation(1, b"", end_headers=False),
            SETTINGS + wire.headers(1, OK, end_headers=False),
        ),
    ),
    "HPACK: references to a large entry": Attack("h2", blocks(hpack_attacks.expands)),
    "HPACK: entries that push each other out": Attack("h2", blocks(hpack_attacks.evicts)),
    "HPACK: evictions and references": Attack("h2", blocks(hpack_attacks.evicts_and_refers)),
    "HPACK: insertions, remembered": Attack("h2", blocks(hpack_attacks.inserts_again)),
    "HPACK: sections that never repeat": Attack("h2", blocks(hpack_attacks.never_repeats)),
    "HPACK: size updates": Attack("h2", blocks(hpack_attacks.resizes)),
    "HPACK: references": Attack("h2", blocks(hpack_attacks.refers)),
    "HPACK: lengths that lie": Attack("h2", blocks(hpack_attacks.lies)),
    "HPACK: a wrong Huffman string": Attack("h2", flood(wire.headers(1, BAD_STRING), SETTINGS)),
    "promises": Attack("h2", lambda: promises(b"")),
    "promises with content": Attack("h2", lambda: promises(bytes(16_000))),
    "gzip of zeros": Attack("h2", coded("gzip", [bomb()])),
    "gzip of empty members": Attack("h2", coded("gzip", repeat(many(EMPTY_MEMBER)))),
    "gzip of gzip of zeros": Attack("h2", coded("gzip, gzip", [gzip.compress(bomb(), mtime=0)])),
    "gzip, four times": Attack("h2", coded("gzip, gzip, gzip, gzip", repeat(many(EMPTY_MEMBER)))),
    "gzip that is none": Attack("h2", coded("gzip", repeat(bytes(16_384)))),
    "deflate of zeros": Attack("h2", coded("deflate", [deflate_bomb()])),
    "br of zeros": Attack("h2", coded("br", [brotli_of(bytes(64 << 20))])),
    "zstd of zeros": Attack("h2", coded("zstd", [zstd_frames(bytes(64 << 20))])),
    "zstd of empty frames": Attack("h2", coded("zstd", repeat(many(zstd_frames(b""))))),
    "zstd of frames to skip": Attack("h2", coded("zstd", repeat(many(SKIPPABLE)))),
    "content-length of 16,000 digits": Attack(
        "h2", once(SETTINGS + wire.headers(1, section(("content-length", "9" * 16_000))))
    ),
    "silence": Attack("h2", once()),
    "SETTINGS and silence": Attack("h2", once(SETTINGS)),
    "a head and silence": Attack("h2", once(SETTINGS + HEAD)),
    "HTTP/1.1 without end": Attack("h2", flood(b"x: y\r\n", OK_1)),
    "HTTP/1.1: 103": Attack("http1", flood(b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", b"")),
    "HTTP/1.1: fields without end": Attack("http1", flood(b"x: y\r\n", OK_1)),
    "HTTP/1.1: a line without end": Attack("http1", flood(b"x" * 99, OK_1)),
    "HTTP/1.1: extensions of a chunk": Attack("http1", flood(b";a=b" * 9, CHUNKED + b"1")),
    "HTTP/1.1: trailers without end": Attack("http1", flood(b"x: y\r\n", CHUNKED + b"0\r\n")),
    "HTTP/1.1: chunks of one octet": Attack("http1", flood(b"1\r\nx\r\n", CHUNKED)),
    "proxy: a head without end": Attack("proxy http", flood(b"x: y\r\n", OK_1)),
    "proxy: 103 without end": Attack("proxy http", flood(b"HTTP/1.1 103 H\r\n\r\n", b"")),
    "proxy: an explanation without end": Attack(
        "proxy http", flood(b"\x1b[2J no ", b"HTTP/1.1 403 Forbidden\r\n\r\n")
    ),
    "proxy: PING, and the answers are not read": Attack(
        "proxy h2c", flood(wire.ping()), reads=False
    ),
    "proxy: 103 over HTTP/2": Attack("proxy h2c", flood(hints(100), SETTINGS)),
    "proxy: DATA without content": Attack("proxy h2c", flood(wire.data(1))),
    "proxy: SOCKS that is none": Attack("proxy socks5h", flood(b"\x05\x00" * 9, b"")),
    "trailers that take 4 MiB": Attack(
        "h2", once(SETTINGS + HEAD, wire.headers(1, expanded(), True))
    ),
    "ALTSVC, each of another origin": Attack(
        "h2", each_other(lambda n: wire.altsvc(0, f"https://{n}.example", "h3=" + "x" * 2000))
    ),
    "ORIGIN, each of other names": Attack(
        "h2", each_other(lambda n: wire.origin([f"https://{n}-{m}.example" for m in range(99)]))
    ),
    "SETTINGS of 2,700 unknown values": Attack(
        "h2", flood(wire.settings([(0x4000 + n, n) for n in range(2700)]))
    ),
    "SETTINGS that are as large as can be": Attack(
        "h2", once(SETTINGS + wire.settings({1: 2**32 - 1, 4: 2**31 - 1, 5: 2**24 - 1}) + HEAD)
    ),
    "GOAWAY, each below the one before": Attack(
        "h2", each_other(lambda n: wire.goaway(2**31 - 1 - 2 * n, 0, b"d" * 100))
    ),
    "103 with padding": Attack(
        "h2", flood(wire.headers(1, wire.block([(":status", "103")]), pad=255), SETTINGS)
    ),
    "CONTINUATION of one octet": Attack(
        "h2",
        flood(
            wire.continuation(1, b"\x88", end_headers=False),
            SETTINGS + wire.headers(1, OK, end_headers=False),
        ),
    ),
    "promises with requests of 16,000 octets": Attack(
        "h2", large_promises(PROMISE + wire.block([("x", "y" * 16_000)]), OK)
    ),
    "promises with heads of 16,000 octets": Attack(
        "h2", large_promises(PROMISE, section(("x", "y" * 16_000)))
    ),
    "promises with 103": Attack("h2", large_promises(PROMISE, hint_block(8000))),
    "promises on a stream that has ended": Attack(
        "h2", lambda: chain([SETTINGS + HEAD + wire.data(1, b"", True)], promises(b""))
    ),
    "the same refusal for ever": Attack("h2", once(SETTINGS + wire.rst_stream(1, 7))),
    "GOAWAY on every connection": Attack("h2", once(SETTINGS + wire.goaway(0, 0))),
    "HTTP_1_1_REQUIRED": Attack("h2", once(SETTINGS + wire.rst_stream(1, 13))),
    "421 for ever": Attack("h2", once(SETTINGS + wire.headers(1, status("421"), True))),
    "a negative content-length": Attack(
        "h2", once(SETTINGS + wire.headers(1, section(("content-length", "-1"))))
    ),
    "a content-length that nothing can hold": Attack(
        "h2",
        flood(
            wire.data(1, bytes(99)),
            SETTINGS + wire.headers(1, section(("content-length", "9" * 19))),
        ),
    ),
    "503 with a Retry-After of 9,000 digits": Attack(
        "h2", once(SETTINGS + wire.headers(1, status("503", ("retry-after", "9" * 9000)), True))
    ),
    "codings without end": Attack("h2", coded("gzip, " * 2500 + "gzip", repeat(bytes(16_384)))),
    "gzip whose name does not end": Attack(
        "h2", coded("gzip", chain([GZIP_NAME], repeat(b"n" * 16_384)))
    ),
    "deflate of stored blocks without octets": Attack(
        "h2", coded("deflate", chain([b"\x78\x9c"], repeat(many(STORED_NOTHING))))
    ),
    "deflate with a dictionary": Attack(
        "h2", coded("deflate", chain([DICTIONARY], repeat(bytes(16_384))))
    ),
    "zstd with a window of 2 GiB": Attack(
        "h2", coded("zstd", chain([ZSTD_WINDOW], repeat(many(b"\0\0\0"))))
    ),
    "zstd of blocks without octets": Attack(
        "h2", coded("zstd", chain([ZSTD_NOTHING], repeat(many(b"\0\0\0"))))
    ),
    "HTTP/1.1: NUL, CR and folds": Attack(
        "http1", once(OK_1 + b"a: b\0c\r\nd: e\rf: g\r\n h\r\nContent-Length: 0\r\n\r\n")
    ),
    "HTTP/1.1: a chunk of -1 octets": Attack("http1", flood(b"x" * 99, CHUNKED + b"-1\r\n")),
    "HTTP/1.1: a chunk that nothing can hold": Attack(
        "http1", flood(b"x" * 99, CHUNKED + b"f" * 15 + b"\r\n")
    ),
    "HTTP/1.1: a size of a chunk without end": Attack("http1", flood(b"f" * 99, CHUNKED)),
    "HTTP/1.1: a content-length of -1": Attack(
        "http1", flood(b"x" * 99, OK_1 + b"Content-Length: -1\r\n\r\n")
    ),
    "HTTP/1.1: a content-length of 4,000 digits": Attack(
        "http1", flood(b"x" * 99, OK_1 + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n")
    ),
    "HTTP/1.1: a reason of 60,000 octets": Attack(
        "http1", flood(b"x" * 99, b"HTTP/1.1 200 " + b"\x1b[2J" * 15_000 + b"\r\n\r\n")
    ),
    "HTTP/1.1: 101 for ever": Attack(
        "http1",
        flood(b"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b""),
    ),
    "HTTP/1.1: chunks over gzip": Attack(
        "http1",
        flood(
            b"14\r\n" + EMPTY_MEMBER + b"\r\n",
            OK_1 + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ),
    "HTTP/1.1: a chunk in a gzip coding": Attack(
        "http1", flood(b"x" * 99, OK_1 + b"Transfer-Encoding: gzip, chunked\r\n\r\n")
    ),
    "proxy: 407 for ever": Attack(
        "proxy http",
        flood(
            b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
            b"",
        ),
    ),
    "proxy: 407 over HTTP/2": Attack(
        "proxy h2c",
        flood(wire.headers(1, status("407", ("proxy-authenticate", "Basic"))), SETTINGS),
    ),
    "proxy: 200 with fields without end over HTTP/2": Attack(
        "proxy h2c",
        flood(
            wire.continuation(1, b"\x88" * 99, end_headers=False),
            SETTINGS + wire.headers(1, OK, end_headers=False),
        ),
    ),
    "proxy: WINDOW_UPDATE of one octet": Attack("proxy h2c", flood(wire.window_update(1, 1))),
    "proxy: PUSH_PROMISE": Attack("proxy h2c", lambda: promises(b"")),
    "proxy: DATA of 16,384 octets": Attack("proxy h2c", flood(wire.data(1, bytes(16_384)))),
    "proxy: SOCKS that is cut": Attack("proxy socks5h", once(b"\5\0\5\0\0\3\xff" + b"n" * 9)),
    "proxy: SOCKS that is silent": Attack("proxy socks5h", once(b"\5")),
}
