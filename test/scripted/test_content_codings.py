"""Content codings as a reader meets them: time, memory, parts of content, interruptions.

RFC 9110, 8.4 and 14.2.
"""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time
import zlib

import pytest

from hyper.client import content_codings as codings
from hyper.errors import LocalProtocolError, RemoteProtocolError, TimedOut
from test.scripted.steps import want

GZIP = [(":status", "200"), ("content-encoding", "gzip")]
NO_MEMBER = gzip.compress(b"")


def twice(octets):
    return [(":status", "200"), ("content-encoding", "gzip, gzip")], gzip.compress(octets)


READERS = {
    "read": lambda response: response.read(),
    "read(1)": lambda response: response.read(1),
    "read1": lambda response: response.read1(),
    "peek": lambda response: response.peek(),
    "readline": lambda response: response.readline(),
    "iteration": list,
    "read_chunked": lambda response: list(response.read_chunked()),
    "readinto": lambda response: response.readinto(bytearray(10)),
    "trailers": lambda response: response.trailers,
}
every_reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


@pytest.fixture
def endless(monkeypatch):
    """Let decoding go on for ever without giving content, as far as its work is counted."""
    monkeypatch.setattr(codings, "SPARE_WORK", 1 << 60)
    fields, content = twice(NO_MEMBER * (1 << 21))
    return fields, content


@every_reader
@pytest.mark.parametrize("within", [False, True], ids=["timeout", "within"])
def test_decoding_without_content_ends_in_time(connect, endless, read, within):
    """RFC 9110, 17: a step of decoding is followed by a look at the caller's clock."""

    def script(peer):
        peer.handshake()
        fields, content = endless
        want(peer)
        peer.write_response(1, content, fields)

    connection = connect(script, timeout=10 if within else 0.2)
    connection.request("GET", "/")
    response = connection.getresponse()
    begin = time.monotonic()
    with connection.within(0.2 if within else None), pytest.raises(TimedOut):
        read(response)
    assert time.monotonic() - begin < 2  # the whole would take many seconds
    response.close()


@every_reader
def test_decoding_without_content_is_an_error_of_the_content(connect, read):
    def script(peer):
        peer.handshake()
        want(peer)
        fields, content = twice(NO_MEMBER * (1 << 18))
        peer.write_response(1, content, fields)
        peer.write_response(want(peer)[0], b"next")

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="much work for little content"):
            read(response)
    response.close()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"


def test_within_ends_a_read_of_content_that_does_not_end(connect):
    """The content is there, but it is far more than can be decoded in time."""

    def script(peer):
        peer.handshake()
        want(peer)
        fields, content = twice(gzip.compress(bytes(1 << 26)))
        peer.write_response(1, content, fields)

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read(1) == b"\0"  # it is all there, or on its way
    with connection.within(0.05), pytest.raises(TimedOut):
        response.read()
    assert response.read(100) == bytes(100)  # nothing was lost
    response.close()


def test_a_timeout_of_nothing_reads_what_is_there(connect):
    content = os.urandom(100) * 10_000
    done = threading.Event()

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_response(1, gzip.compress(content), GZIP)
        peer.write_response(want(peer)[0])
        done.wait(5)

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    connection.request("GET", "/")
    connection.getresponse().read()  # so that all of the first one is there
    response.timeout = 0
    assert response.read() == content
    done.set()


@pytest.mark.parametrize("read", [READERS["read1"], READERS["peek"]], ids=["read1", "peek"])
def test_a_reader_of_what_is_there_waits_once_in_all(connect, read):
    """Octets that give no content do not make the timeout begin again."""
    stop = threading.Event()

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, [(":status", "200"), ("content-encoding", "gzip")])
        for octet in b"\x1f\x8b\x08\x08" + bytes(6) + b"name" * 50:
            peer.write_data(1, bytes((octet,)))
            if stop.wait(0.05):
                return

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    response.timeout = 0.4
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        read(response)
    stop.set()
    assert time.monotonic() - begin < 6  # eleven seconds, were each octet waited for anew
    response.close()


@pytest.mark.parametrize("coded", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("reader", ["read", "read(all)", "readline"])
def test_content_in_frames_of_one_octet_costs_its_octets(connect, coded, reader):
    """RFC 9113, 10.5: not an object for each octet."""
    size = 60_000
    content = os.urandom(size).replace(b"\n", b"\r")
    # Stored blocks, so that each octet of content comes with one of the coding.
    coder = zlib.compressobj(0, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    octets = coder.compress(content) + coder.flush() if coded else content

    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, GZIP if coded else [(":status", "200")])
        frames = b"".join(b"\0\0\1\0\0\0\0\0\1" + octets[at : at + 1] for at in range(len(octets)))
        peer.write(frames)
        peer.write_data(1, end_stream=True)

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    largest = 0
    join = response._join_small

    def counting():
        nonlocal largest
        join()
        largest = max(largest, len(response._held))

    response._join_small = counting
    verbs = {
        "read": response.read,
        "read(all)": lambda: response.read(size),
        "readline": response.readline,
    }
    assert verbs[reader]() == content
    assert largest < 100 + size // 500


class TestParts:
    """RFC 9110, 14.2: a range is of the coded octets, and begins in the middle of the coding."""

    def test_identity_alone_is_offered_beside_range(self, connect):
        def script(peer):
            peer.handshake()
            for offer in ("identity", "identity", "identity", "gzip"):
                stream_id, fields, _ = want(peer)
                assert dict(fields)["accept-encoding"] == offer
                peer.write_response(stream_id)
            stream_id, fields, _ = want(peer)
            assert dict(fields)["accept-encoding"].startswith("gzip, deflate")
            peer.write_response(stream_id)

        connection = connect(script)
        for headers in (
            {"range": "bytes=100-199"},
            [("Range", "bytes=-5")],
            {b"RANGE": b"bytes=0-", "if-range": '"a"'},
            {"range": "bytes=0-1", "accept-encoding": "gzip"},  # the caller has the last word
            {},
        ):
            connection.request("GET", "/", headers=headers)
            connection.getresponse().read()

    def test_identity_alone_is_offered_beside_range_given_in_pieces(self, connect):
        def script(peer):
            peer.handshake()
            stream_id, fields, _ = want(peer)
            assert dict(fields)["accept-encoding"] == "identity"
            peer.write_response(stream_id)

        connection = connect(script)
        stream_id = connection.putrequest("GET", "/")
        connection.putheader("Range", "bytes=1-2", stream_id=stream_id)
        connection.endheaders(final=True, stream_id=stream_id)
        connection.getresponse(stream_id).read()

    @every_reader
    def test_a_coded_part_comes_as_it_is(self, connect, read):
        part = gzip.compress(b"content\n" * 1000)[10:30]

        def script(peer):
            peer.handshake()
            want(peer)
            fields = [(":status", "206"), ("content-range", "bytes 10-29/60"), *GZIP[1:]]
            peer.write_response(1, part, fields)

        connection = connect(script)
        connection.request("GET", "/", headers={"range": "bytes=10-29"})
        response = connection.getresponse()
        given = read(response)
        if isinstance(given, bytes):
            assert part.startswith(given)
            assert given
        response.close()


class Alarm(Exception):
    """An exception of the program's signal handler."""


class CodingAlarm(zlib.error):
    """The same, of a kind that decompressors raise."""


@pytest.mark.parametrize("alarm", [Alarm, CodingAlarm])
@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals")
def test_a_signal_handlers_exception_is_not_taken_for_damage(connect, monkeypatch, alarm):
    """The handler runs as soon as the decompressor returns, which takes nearly all the time."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals go to the main thread")

    class Interrupted:
        eof = False

        def decompress(self, _octets, _size):
            signal.raise_signal(signal.SIGINT)

    def script(peer):
        peer.handshake()
        for content, fields in ((b"coded", GZIP), (b"plain", GZIP[:1]), (b"next", GZIP[:1])):
            peer.write_response(want(peer)[0], content, fields)

    def handler(_number, _frame):
        raise alarm

    connection = connect(script)
    connection.request("GET", "/")
    response = connection.getresponse()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"plain"
    monkeypatch.setattr(zlib, "decompressobj", lambda _wbits: Interrupted())
    former = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(alarm):
            response.read()
    finally:
        signal.signal(signal.SIGINT, former)
    with pytest.raises(LocalProtocolError, match=f"interrupted by {alarm.__name__}"):
        response.read()
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"
