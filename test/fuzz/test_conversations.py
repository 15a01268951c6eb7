"""Conversations of ten real servers, cut at each octet, and with a bit turned in each octet.

HYPER_LONG=1 takes every octet; else the suite takes some, each time the same.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from http.client import HTTPException

import pytest

from hyper import HTTP20Connection
from hyper.testing import PeerError, wire
from test.fuzz.conversations import SCRIPTS, Replay, file_of
from test.origin import Origin

IS_LONG = os.environ.get("HYPER_LONG") == "1"
STRIDE = 1 if IS_LONG else 29  # a prime: each field of a frame is met


def played(name, octets):
    replay = Replay(name)
    replay.receive(octets)
    assert all(stream.is_over for stream in replay.streams)
    assert not replay.client.endpoint.streams
    return replay.outcomes()


@pytest.fixture(params=SCRIPTS)
def name(request):
    return request.param


def test_a_conversation_that_is_whole_gives_every_answer(name):
    outcomes = played(name, file_of(name).read_bytes())
    assert len(outcomes) >= len(SCRIPTS[name][2])
    assert [failure for *_, failure in outcomes if failure] == []


def test_a_conversation_that_is_cut_off_gives_right_answers_or_errors(name):
    """RFC 9113, 8.1: content that was cut short is never taken for the whole."""
    octets = file_of(name).read_bytes()
    whole = played(name, octets)
    for size in range(0, len(octets), STRIDE):
        for cut, right in zip(played(name, octets[:size]), whole):
            status, fields, content, trailers, failure = cut
            if failure is None:
                assert cut == right, size
            else:
                assert (status, fields) in ((None, None), right[:2]), size
                assert right[2].startswith(content), size
                assert trailers in ((), right[3]), size


def test_a_turned_bit_leads_to_an_end_that_callers_know(name):
    """RFC 9113, 5.4: whatever the octets say, nothing but typed errors comes out, and it ends."""
    octets = file_of(name).read_bytes()
    for at in range(0, len(octets), STRIDE):
        turned = bytearray(octets)
        turned[at] ^= 1 << at % 8
        played(name, bytes(turned))


# ---- the same through TLS, where no wrong octet can pass ----

CONTENT = bytes(range(256)) * 30


class Harmful:
    """A relay that turns a bit of what the server sends, or cuts it off there."""

    def __init__(self, port):
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.at, self.cuts = 0, False

    def __enter__(self):
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:  # one after the other: a request may be sent again on a second connection
                self._serve(self._listener.accept()[0])

    def _serve(self, near):
        with near, socket.create_connection(("127.0.0.1", self._port)) as far:
            back = threading.Thread(target=self._forward, args=(far, near))
            back.start()
            self._copy(near, far, lambda octets, _: octets)
            back.join()

    def _forward(self, far, near):
        self._copy(far, near, self._harm)

    def _harm(self, octets, start):
        at = self.at - start
        if not 0 <= at < len(octets):
            return octets
        if self.cuts:
            return None
        return octets[:at] + bytes([octets[at] ^ 1 << self.at % 8]) + octets[at + 1 :]

    @staticmethod
    def _copy(source, sink, change):
        start = 0
        with contextlib.suppress(OSError):
            while True:
                octets = source.recv(65536)
                passed = change(octets, start)
                if not passed:
                    break
                sink.sendall(passed)
                start += len(octets)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def answer_once(peer):
    with contextlib.suppress(PeerError):  # the client may have been harmed before it spoke
        peer.handshake()
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                peer.write_response(frame.stream_id, CONTENT)
                peer.end()


@pytest.mark.parametrize("cuts", [False, True], ids=["a bit turned", "cut off"])
def test_harm_to_tls_gives_the_right_answer_or_an_error(certificates, cuts):
    """RFC 8446, 5.2: not one wrong octet, however the records were changed."""
    context = certificates.hyper_context()
    with (
        Origin(answer_once, certificates.server_context(), deadline=2) as server,
        Harmful(server.port) as relay,
    ):
        relay.cuts = cuts
        for relay.at in range(7, 11_000, 1 if IS_LONG else 997):
            content = None
            with (
                contextlib.suppress(OSError, HTTPException),
                HTTP20Connection(
                    "localhost", relay.port, ssl_context=context, timeout=2, replay=False
                ) as connection,
            ):
                content = connection.getresponse(connection.request("GET", "/")).read()
            assert content in (None, CONTENT), relay.at
