"""Hostile servers and proxies: a name, the client's part, and octets without end.

A part is "h2", "http1" (the drop-in classes), or "proxy" and the scheme of one.
"""

from __future__ import annotations

import gzip
import zlib
from itertools import cycle, repeat
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


def section(*fields: tuple[str, str]) -> bytes:
    return wire.block([(":status", "200"), *fields])


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


def hints(size: int) -> bytes:
    return wire.headers(1, wire.block([(":status", "103"), ("link", "x" * size)]))


def bomb() -> bytes:
    return gzip.compress(bytes(64 << 20), 9, mtime=0)


def deflate_bomb() -> bytes:
    return zlib.compress(bytes(64 << 20), 9)


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
}
