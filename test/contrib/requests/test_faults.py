"""Faults of the caller's, bodies that are gone, and content that is given as it comes."""

from __future__ import annotations

import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from hyper.testing import wire
from test.contrib.requests.conftest import made
from test.origin import Echo, Origin

requests = pytest.importorskip("requests")

from urllib3.util import SKIP_HEADER, Retry  # noqa: E402

from hyper.contrib import HTTP20Adapter  # noqa: E402

DEADLINE = 10


class Impatient(Retry):
    """Retries that must not be asked for."""

    def sleep(self, response=None):  # noqa: ARG002 - as Retry has it
        raise AssertionError("a fault of the caller's is tried again")


@pytest.fixture
def echo(certificates):
    with Echo(certificates.server_context()) as server:
        yield server


@pytest.fixture(params=[0, 3], ids=["once", "with retries"])
def patient(request, certificates):
    """A session, without and with retries."""
    with made(certificates.authority, max_retries=Impatient(request.param)) as session:
        yield session


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("GET", {"headers": {"x-name": "€"}}),
        ("GET", {"headers": {"Host": "a b"}}),
        ("GET IT", {}),
        ("PUT", {"data": iter([b"ab"]), "headers": {"Content-Length": "5"}}),
        ("PUT", {"data": iter([b"abcdef"]), "headers": {"Content-Length": "5"}}),
        ("GET", {"headers": {"X-Own": SKIP_HEADER}}),
    ],
    ids=["field", "host", "method", "short", "long", "skip"],
)
def test_a_fault_of_the_caller_s_is_a_valueerror_at_once(echo, patient, method, options):
    """8.1.1; 8.2.1: without a second connection or a pause."""
    with pytest.raises(ValueError):
        patient.request(method, f"https://localhost:{echo.port}/", timeout=DEADLINE, **options)
    assert echo.connections <= 1


def test_a_field_that_is_skipped_is_not_sent_and_not_replaced(session, scripted_peer, certificates):
    """urllib3's SKIP_HEADER."""

    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        peer.write_response(stream_id, " ".join(name for name, _ in fields).encode())

    peer = scripted_peer(script, certificates.server_context())
    skipped = dict.fromkeys(["User-Agent", "Accept-Encoding"], SKIP_HEADER)
    sent = session.get(f"https://localhost:{peer.port}/", headers=skipped).text
    assert sent.split() == [":method", ":scheme", ":authority", ":path", "accept"]


def test_a_request_prepared_without_a_session_says_what_sends_it(
    session, scripted_peer, certificates
):
    """RFC 9110, 10.1.5: urllib3's User-Agent, as over HTTP/1.1; one of its own stays."""

    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, fields, _ = peer.want_request()
            peer.write_response(stream_id, dict(fields)["user-agent"].encode())

    peer = scripted_peer(script, certificates.server_context())
    url = f"https://localhost:{peer.port}/"
    prepared = requests.Request("GET", url).prepare()
    assert session.send(prepared).text.startswith("python-urllib3/")
    prepared.headers[b"User-Agent"] = b"own"
    assert session.send(prepared).text == "own"


BYTES_WARNINGS = """
import sys
assert sys.flags.bytes_warning == 2
from hyper.contrib._requests import SKIP_HEADER, Content, Exchange
headers = {"x-octets": b"value", "User-Agent": SKIP_HEADER}
assert Exchange("GET", "/", Content(None), headers, None, {}).skipped == {"user-agent"}
"""


def test_a_value_in_octets_is_not_compared_with_text():
    """``python -bb`` makes an error of that."""
    command = [sys.executable, "-bb", "-c", BYTES_WARNINGS]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=True, timeout=DEADLINE)


@pytest.mark.parametrize("status", ["307", "401"])
def test_what_is_left_of_a_generator_is_not_sent_as_if_it_were_whole(session, certificates, status):
    """RFC 9110, 15.4.8: the answer comes before the content was sent."""

    def serve(peer):
        peer.handshake()
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.DATA and not answered.is_set():
                fields = [(":status", status), ("location", "/other")]
                fields.append(("www-authenticate", 'Digest realm="r", nonce="n", algorithm=MD5'))
                peer.write_headers(1, fields, end_stream=True)
                peer.write(wire.rst_stream(1, wire.NO_ERROR))
                answered.set()
            assert frame.type != wire.HEADERS or frame.stream_id == 1, "it was sent again"

    answered = threading.Event()

    def content():
        yield b"first"
        assert answered.wait(DEADLINE)
        for _ in range(10):
            yield b"next"

    with Origin(serve, certificates.server_context()) as server, session:
        session.auth = requests.auth.HTTPDigestAuth("ann", "secret")
        with pytest.raises(requests.exceptions.UnrewindableBodyError):
            session.post(f"https://localhost:{server.port}/", data=content(), timeout=DEADLINE)


READERS = {
    "iter_lines": lambda response: response.iter_lines(),
    "iter_content": lambda response: response.iter_content(None),
    "stream": lambda response: response.raw.stream(10_000, decode_content=True),
    "chunks": iter,
    "lines": lambda response: iter(response.raw),
}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("reader", READERS)
def test_a_stream_gives_what_has_come(session, certificates, reader, coding):
    """8.1: server-sent events and watches do not wait for a full block."""
    go_on = threading.Event()
    packer = zlib.compressobj(wbits=31)

    def packed(octets):
        if coding == "identity":
            return octets
        return packer.compress(octets) + packer.flush(zlib.Z_SYNC_FLUSH)

    def serve(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        fields = [(":status", "200"), ("content-type", "text/event-stream")]
        if coding == "gzip":
            fields.append(("content-encoding", "gzip"))
        peer.write_headers(stream_id, fields)
        peer.write_data(stream_id, packed(b"data: one\n\n"))
        assert go_on.wait(DEADLINE), "the first event was not given"
        peer.write_data(stream_id, packed(b"data: two\n\n"), end_stream=False)
        peer.write_data(stream_id, packer.flush() if coding == "gzip" else b"", end_stream=True)
        peer.want_goaway()

    with Origin(serve, certificates.server_context()) as server, session:
        url = f"https://localhost:{server.port}/"
        response = session.get(url, stream=True, timeout=DEADLINE)
        pieces = READERS[reader](response)
        first = next(pieces)
        go_on.set()
        assert first.strip() == b"data: one"
        assert b"data: two" in b"".join(pieces)


def test_a_request_inside_a_request_s_content_leaves_its_timeout_alone(
    session, scripted_peer, certificates
):
    """6.9: the window of the outer one is never opened."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1, end_stream=False)
        peer.want_headers(3)
        peer.write_response(3, b"inner")
        while peer.want_frame().type != wire.RST_STREAM:
            pass

    peer = scripted_peer(script, certificates.server_context())
    url = f"https://localhost:{peer.port}/"

    def content():
        yield session.get(url, timeout=None).content
        yield b"x" * 200_000

    with pytest.raises(requests.ReadTimeout):
        session.put(url, data=content(), timeout=0.3)


def test_a_keeper_that_is_assigned_makes_pools_of_http2(certificates, echo):
    """As adapters of other libraries do it in init_poolmanager."""
    from urllib3 import PoolManager

    class Own(HTTP20Adapter):
        def init_poolmanager(self, *_arguments, **_options):
            self.poolmanager = PoolManager()

    with made(certificates.authority) as session:
        session.mount("https://", Own())
        assert session.get(f"https://localhost:{echo.port}/", timeout=DEADLINE).raw.version == 20


def test_options_of_hyper_are_options_of_the_adapter(certificates, scripted_peer):
    """6.5.2; one that nobody knows is told at once."""
    seen = []

    def script(peer):
        seen.append(peer.handshake())
        stream_id, *_ = peer.want_request()
        peer.write_response(stream_id, b"x")

    peer = scripted_peer(script, certificates.server_context())
    options = {"settings": {"SETTINGS_MAX_HEADER_LIST_SIZE": 1 << 20}}
    with made(certificates.authority, **options) as session:
        assert session.get(f"https://localhost:{peer.port}/", timeout=DEADLINE).content == b"x"
    assert seen[0][wire.SETTINGS_MAX_HEADER_LIST_SIZE] == 1 << 20
    with pytest.raises(TypeError):
        HTTP20Adapter(no_option=1)
