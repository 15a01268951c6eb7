"""The targets: each takes octets of a stranger, and must not be harmed by them.

A target raises AssertionError, or an exception that no caller expects, where hyper fails.
"""

from __future__ import annotations

import gzip
import io
import ssl
import zlib
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.client.content_codings import ContentDecoder, accept_encoding, decoder_for
from hyper.errors import CompressionError, HTTP20Error, InvalidURL, ProxyError, TimedOut
from hyper.foundation import hosts
from hyper.hpack import Decoder, Encoder, choice, huffman
from hyper.hpack.inflate import decode, inflate
from hyper.http1 import HTTPResponse, WholeResponse
from hyper.protocol import origins
from hyper.proxies import Proxy
from hyper.proxy.http1 import connect_by_http1
from hyper.proxy.http2 import connect_by_http2
from hyper.testing import wire
from hyper.transport.deadline import Deadline
from test import hpack_attacks
from test.fuzz.model import Game
from test.fuzz.mutations import pieces
from test.memory_endpoint import OK, PROMISE, TRAILERS, MemoryEndpoint, busy
from test.property.test_endpoint import seen

if TYPE_CHECKING:
    from random import Random

CORPUS = Path(__file__).parent / "corpus"

#: Outcomes of a content coding: content that is wrong, or costs too much.
REFUSED = (HTTP20Error,)


def corpus(kind: str) -> list[bytes]:
    """The files of the corpus whose names begin so."""
    return [path.read_bytes() for path in sorted(CORPUS.glob(f"{kind}*.bin"))]


def model(_: bytes, chance: Random) -> None:
    """A server and a caller that do anything (model.py)."""
    Game(chance).run()


def receive(octets: bytes, chance: Random) -> None:
    """Frames to a connection that has a stream in each state; the cutting makes no difference."""
    whole, cut = busy(), busy()
    streams = [list(client.endpoint.streams.values()) for client in (whole, cut)]
    taken = whole.endpoint.receive(memoryview(octets))
    assert 0 <= taken <= len(octets)
    rest = b""
    for piece in pieces(chance, octets):
        rest += piece
        rest = rest[cut.endpoint.receive(memoryview(rest)) :]
    assert len(rest) < 9 + 16_384 or cut.endpoint.failure
    assert seen(whole, streams[0]) == seen(cut, streams[1])
    whole.endpoint.receive_eof()
    assert all(stream.is_over for stream in streams[0])


def handshake(octets: bytes, chance: Random) -> None:
    """The first octets of a connection, of a server that perhaps speaks no HTTP/2."""
    client = MemoryEndpoint(handshake=False)
    stream = client.open()
    rest = b""
    for piece in pieces(chance, octets):
        rest += piece
        rest = rest[client.endpoint.receive(memoryview(rest)) :]
    client.endpoint.receive_eof()
    assert stream.is_over


def field_blocks(octets: bytes, chance: Random) -> None:
    """Field blocks: both codecs give the same sections, or the same kind of error."""
    ours = Decoder(codec="python")
    theirs = Decoder(codec="nghttp2" if choice.is_loadable() else "python")
    for block in pieces(chance, octets):
        outcomes: list[Any] = []
        for decoder in (ours, theirs):
            try:
                outcomes.append(decoder.decode_section(block))
            except HTTP20Error as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1], (block, outcomes)
        if outcomes[0] is CompressionError:
            return
        if isinstance(outcomes[0], tuple):
            encoded = Encoder().encode_section(outcomes[0])
            assert Decoder(max_list_size=1 << 20).decode_section(encoded) == outcomes[0]


def strings(octets: bytes, _: Random) -> None:
    """Huffman strings: by rows, by DEFLATE, by the memo, and back again."""
    outcomes: list[Any] = []
    for way in (huffman.decode_by_rows, inflate, decode):
        try:
            outcomes.append(way(octets))
        except CompressionError:
            outcomes.append(None)
    assert outcomes == outcomes[:1] * 3, outcomes
    assert decode(huffman.encode(octets)) == octets
    if outcomes[0] is not None:
        assert huffman.encode(outcomes[0]) == octets


def codings(octets: bytes, chance: Random) -> None:
    """Content codings: the pieces make no difference, and the work is bounded."""
    layers = chance.sample(accept_encoding().split(", "), 1 if chance.random() < 0.8 else 2)
    whole, is_whole = decoded(", ".join(layers), [octets])
    cut, is_cut_whole = decoded(", ".join(layers), pieces(chance, octets))
    shorter = min(len(whole), len(cut))
    assert whole[:shorter] == cut[:shorter]
    if is_whole and is_cut_whole:
        assert whole == cut
    if layers == ["gzip"] and is_whole:
        with suppress(zlib.error, OSError, EOFError):  # hyper forgives what Python's does not
            assert gzip.decompress(octets) == whole


def decoded(names: str, given: list[bytes]) -> tuple[bytes, bool]:
    """Decode, and return 4 MiB at most, and whether that is all of it."""
    decoder = decoder_for(names)
    assert isinstance(decoder, ContentDecoder)
    content, steps, most = bytearray(), 0, 4 << 20
    try:
        for piece in given:
            for step in decoder.steps(piece):
                content += step
                steps += 1
                assert steps < 200_000
                if len(content) > most:
                    return bytes(content), False
        decoder.require_whole()
    except REFUSED:
        return bytes(content), False
    return bytes(content), True


class File(io.BytesIO):
    """A socket for http.client: what the server says, once."""

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self)  # type: ignore[arg-type] # it reads as a raw file does

    def close(self) -> None:
        """Do nothing: it is read to its end all the same."""


def http1(octets: bytes, chance: Random) -> None:
    """An answer in HTTP/1.1, as http.client's classes read it."""
    method = chance.choice(("GET", "HEAD", "POST", "CONNECT"))
    response = HTTPResponse(File(octets), method=method)  # type: ignore[arg-type]
    whole = WholeResponse(File(octets), method=method)  # type: ignore[arg-type]
    with suppress(HTTPException, HTTP20Error):
        response.begin()
        assert 100 <= response.status <= 999
        content = response.read() if chance.random() < 0.7 else response.read1(100)
        assert len(content) <= len(octets)
        response.gettrailers()
    with suppress(HTTPException, HTTP20Error):
        whole.begin()
        read = chance.choice((whole.read, whole.read1, whole.readline, lambda: whole.read(7)))
        while read():
            pass
        assert not whole.length
        values = [value for _, value in (*whole.headers.items(), *whole.gettrailers())]
        assert not any(octet in value for value in values for octet in "\0\r\n")


class Answering:
    """A transport whose peer says something, and then ends."""

    round_trip = None
    socket = wakeup = None
    read_would_block = False

    def __init__(self, given: list[bytes]) -> None:
        self._given = [piece for piece in given if piece]
        self.sent = 0

    def recv_into(self, view: memoryview) -> int | None:
        if not self._given:
            return 0
        piece = self._given.pop(0)
        size = min(len(piece), len(view))
        view[:size] = piece[:size]
        if piece[size:]:
            self._given.insert(0, piece[size:])
        return size

    def send(self, octets: bytes) -> bool:
        self.sent += len(octets)
        assert self.sent < 1 << 20
        return True

    def wait(self, **_: Any) -> bool:
        return True

    def shutdown(self) -> None:
        """Do nothing: there is no socket."""

    close = shutdown


PASSWORD = "Zecret"
PROXY = Proxy(f"http://user:{PASSWORD}@127.0.0.1:3128")


def check_words(error: Exception) -> None:
    """An error shows no password, and nothing that a terminal obeys."""
    assert PASSWORD not in str(error)
    assert str(error).isprintable()


def proxy_http1(octets: bytes, chance: Random) -> None:
    """A proxy's answer to CONNECT in HTTP/1.1."""
    transport: Any = Answering(pieces(chance, octets))
    try:
        connect_by_http1(transport, PROXY, "far.example:443", Deadline(5))
    except (ProxyError, TimedOut, ssl.SSLError, ConnectionError) as error:
        check_words(error)


def proxy_http2(octets: bytes, chance: Random) -> None:
    """A proxy's answer to CONNECT in HTTP/2, and what comes through the tunnel."""
    transport: Any = Answering(pieces(chance, octets))
    view = memoryview(bytearray(4096))
    try:
        tunnel = connect_by_http2(transport, PROXY, "far.example:443", Deadline(5), None)
        while tunnel.recv_into(view) != 0:
            tunnel.send(b"question")
    except (ProxyError, TimedOut, ConnectionError) as error:
        check_words(error)


def names(octets: bytes, _: Random) -> None:
    """Hosts, authorities, ALTSVC and ORIGIN: a name or InvalidURL, in one form."""
    text = octets.decode("latin-1")
    try:
        normal = hosts.normal_authority(text)
    except InvalidURL as error:
        check_words(error)
    else:
        assert normal.isascii()
        assert hosts.normal_authority(normal) == normal
    for maker in (wire.origin([octets]), wire.altsvc(0, octets[:99], octets)):
        client = MemoryEndpoint()
        client.endpoint.receive(memoryview(maker))
        assert client.endpoint.failure is None
        origins.alt_services(client.endpoint)


def frame_seeds() -> list[bytes]:
    """Frames that a busy connection may get."""
    return [
        wire.headers(3, OK) + wire.data(3, b"content", True),
        wire.headers(3, OK) + wire.data(3, bytes(100), pad=9) + wire.headers(3, TRAILERS, True),
        wire.headers(3, OK[:1], end_headers=False) + wire.continuation(3, OK[1:]),
        wire.push_promise(1, 6, PROMISE) + wire.headers(6, OK) + wire.data(6, b"pushed", True),
        wire.settings({1: 0, 3: 1, 4: 100, 5: 2**20, 6: 10}) + wire.settings(ack=True),
        wire.window_update(0, 1000) + wire.window_update(9, 2**20) + wire.ping(bytes(8)),
        wire.rst_stream(3, 8) + wire.goaway(3, 2, b"words") + wire.data(1, b"", True),
        wire.altsvc(0, "https://a", 'h3=":443"') + wire.origin(["https://a", "https://b"]),
        wire.headers(3, wire.block([(":status", "103"), ("link", "x")])) + wire.headers(3, OK),
        *corpus("conversation"),
    ]


def block_seeds() -> list[bytes]:
    """Field blocks: by our encoder, and those of attackers."""
    encoder = Encoder()
    fields = [(":status", "200"), ("x-name", "value"), ("set-cookie", "secret"), ("date", "today")]
    attacks = (hpack_attacks.expands, hpack_attacks.evicts, hpack_attacks.resizes)
    return [
        *(encoder.encode(fields), encoder.encode(fields), OK, TRAILERS, PROMISE),
        *(block for attack in attacks for block in attack(300)),
        wire.block([("name", "x" * 300)]),
    ]


def coding_seeds() -> list[bytes]:
    """Contents in each coding that can be decoded here."""
    text = b"the content, over and over. " * 40
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    coded, empty, zeros = (gzip.compress(each, mtime=0) for each in (text, b"", bytes(1 << 20)))
    found = [
        *(coded, empty * 5, coded * 2 + bytes(9), zeros, gzip.compress(coded, mtime=0)),
        *(zlib.compress(text), raw.compress(text) + raw.flush()),
    ]
    try:
        import brotli

        found += [brotli.compress(text), brotli.compress(bytes(1 << 20))]
    except ImportError:
        pass
    try:
        from backports import zstd

        found += [zstd.compress(text), zstd.compress(text) * 2, b"\x50\x2a\x4d\x18\x01\0\0\0x"]
    except ImportError:
        pass
    return found


HTTP1_SEEDS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-A: b\r\n\r\ncontent",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nsum: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\nall",
    b'HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 3\r\n\r\nnot',
    b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 Zecret\r\n folded: dXNlcjpaZWNyZXQ=\r\n\r\n",
]

FIRST = wire.settings({3: 100}) + wire.settings(ack=True)
PROXY_SEEDS = [
    FIRST + wire.headers(1, OK) + wire.data(1, b"through the tunnel", True),
    FIRST + wire.headers(1, wire.block([(":status", "407"), ("proxy-authenticate", "Basic")])),
    FIRST + wire.headers(1, wire.block([(":status", "502")])) + wire.data(1, b"why\x1b[2J", True),
    FIRST + wire.rst_stream(1, 10) + wire.goaway(1, 0, b"dXNlcjpaZWNyZXQ=\x00\n"),
]
NAME_SEEDS = [
    *(b"example.org:443", b"[fe80::1%25eth0]:80", b"https://a.example", b"user:pw@host"),
    *(b"xn--fa-hia.de", "faß.de".encode("latin-1"), b"127.0.0.1", b"a" * 63 + b".b.", b"h:"),
]

#: {name: (what plays, octets to begin with)}
TARGETS: dict[str, tuple[Any, Any]] = {
    "model": (model, lambda: [b""]),
    "receive": (receive, frame_seeds),
    "handshake": (handshake, lambda: [FIRST, b"HTTP/1.1 400 Bad\r\n\r\n", *frame_seeds()]),
    "field_blocks": (field_blocks, block_seeds),
    "strings": (strings, lambda: [huffman.encode(b"a text of some length"), b"\xff" * 4, b"\x1f"]),
    "codings": (codings, coding_seeds),
    "http1": (http1, lambda: HTTP1_SEEDS),
    "proxy_http1": (proxy_http1, lambda: HTTP1_SEEDS),
    "proxy_http2": (proxy_http2, lambda: PROXY_SEEDS),
    "names": (names, lambda: NAME_SEEDS),
}
