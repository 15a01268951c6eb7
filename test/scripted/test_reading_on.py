"""A program that catches what its signal handler raised, and reads on: no octet is lost in silence.

Each way of reading is struck at one line after the other. The octets of all calls that returned
must be the content, or a later call must say that some are lost.
"""

from __future__ import annotations

import contextlib
import gzip
import signal

import pytest

from hyper import HTTP20Connection, HTTPConnection, IncompleteRead, LocalProtocolError, errors
from hyper.testing import wire
from test.origin import Origin
from test.scripted.strikes import Alarm, AlarmTimeout, Strike, collected, stride

collected = pytest.fixture(autouse=True)(collected)

CONTENT = b"".join(b"line %d of the content\n" % number for number in range(120))
PIECE = 101


def by_pieces(response):
    return response.read(PIECE)


def whole(response):
    return response.read()


def by_one_wait(response):
    return response.read1(PIECE)


def by_lines(response):
    return response.readline()


def into_a_buffer(response):
    buffer = bytearray(PIECE)
    return bytes(buffer[: response.readinto(buffer)])


def by_frames(response):
    return next(response.read_chunked(), b"")


def by_recv(tunnel):
    return tunnel.recv(PIECE)


def by_recv_into(tunnel):
    buffer = bytearray(PIECE)
    return bytes(buffer[: tunnel.recv_into(buffer)])


class Library(Origin):
    """Gives CONTENT in many frames: as it is, coded as gzip, or in a tunnel."""

    def __init__(self):
        super().__init__(self._serve_one)

    def _serve_one(self, peer):
        peer.handshake()
        for frame, fields, _ in peer.arrivals():
            if frame.type != wire.HEADERS:
                continue
            is_coded = dict(fields)[":path"] == "/gzip" if ":path" in dict(fields) else False
            head = [(":status", "200")] + [("content-encoding", "gzip")] * is_coded
            octets = gzip.compress(CONTENT, 1) if is_coded else CONTENT
            peer.write_headers(frame.stream_id, head)
            for at in range(0, len(octets), 397):
                end = at + 397 >= len(octets)
                peer.write(wire.data(frame.stream_id, octets[at : at + 397], end))


@contextlib.contextmanager
def opened(read, port, path):
    """A response, or a tunnel, whose content is on its way."""
    if path == "drop-in":
        connection = HTTPConnection("127.0.0.1", port, http2="prior", timeout=5)
        connection.request("GET", "/")
        with contextlib.closing(connection):
            yield connection.getresponse()
        return
    with HTTP20Connection("127.0.0.1", port, secure=False, timeout=5) as connection:
        if read in (by_recv, by_recv_into):
            yield connection.connect_stream("far.example:7")
        else:
            yield connection.getresponse(connection.request("GET", path))


def all_reads(read, source):
    """Read to the end, on and on after the program's own exceptions."""
    pieces = []
    while True:
        with contextlib.suppress(Alarm, AlarmTimeout):
            pieces.append(read(source))
            if not pieces[-1]:
                return b"".join(pieces)


# Octets of a read are lost; or the connection was ended in the middle of a step.
TOLD = (LocalProtocolError, IncompleteRead, errors.ConnectionTerminated)

READS = [by_pieces, whole, by_one_wait, by_lines, into_a_buffer, by_frames]
WAYS = [(read, path) for read in READS for path in ("/", "/gzip", "drop-in")]
WAYS += [(by_recv, ""), (by_recv_into, "")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signal")
@pytest.mark.parametrize(("read", "path"), WAYS)
def test_a_program_that_reads_on_after_an_interruption_loses_no_octet_in_silence(read, path):
    """RFC 9110, 6.4: a content with a hole in it is another content."""
    wrong, at = [], 1
    with Library() as server:
        while True:
            with opened(read, server.port, path) as source:
                strike = Strike(AlarmTimeout if at % 2 else Alarm, at)
                content = []
                out = strike.run(lambda s=source, c=content: c.append(all_reads(read, s)))
                if isinstance(out, TOLD):
                    with pytest.raises(type(out)):  # and so does each call after it
                        read(source)
                elif out is not None or content != [CONTENT]:
                    wrong.append((strike.where, repr(out)))
                if strike.error is None:
                    break
            at += stride(499 if read is by_lines else 53)
    assert at > 1
    assert wrong == []
