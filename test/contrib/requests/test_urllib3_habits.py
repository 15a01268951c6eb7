"""Programs look at the urllib3 beneath requests, and find over HTTP/2 what they look for."""

from __future__ import annotations

import hashlib
import logging
import ssl
import threading
from pathlib import Path

import pytest

from hyper.testing import wire
from test.contrib.requests.conftest import made
from test.origin import Echo, Origin

requests = pytest.importorskip("requests")

from hyper.contrib import HTTP20Adapter  # noqa: E402

DEADLINE = 10


@pytest.fixture
def echo(certificates):
    with Echo(certificates.server_context()) as server:
        yield server


def test_the_two_lines_of_the_log_are_urllib3_s(session, echo, caplog):
    with caplog.at_level(logging.DEBUG, logger="urllib3.connectionpool"):
        for _ in range(2):
            session.get(f"https://localhost:{echo.port}/a?b")
    line = f'https://localhost:{echo.port} "GET /a?b HTTP/2" 200 None'
    assert [record.getMessage() for record in caplog.records] == [
        f"Starting new HTTPS connection (1): localhost:{echo.port}",
        line,
        line,
    ]


def test_the_certificate_can_be_read_until_the_content_was(session, echo, certificates):
    response = session.get(f"https://localhost:{echo.port}/", stream=True)
    raw = response.raw
    der = raw.connection.sock.getpeercert(binary_form=True)
    assert hashlib.sha256(der).hexdigest() == fingerprint_of(certificates.server)
    assert (raw.version, raw.version_string) == (20, "HTTP/2")
    assert raw.supports_chunked_reads()
    assert response.content
    assert raw.connection is None
    assert session.get(f"https://localhost:{echo.port}/").ok
    assert echo.connections == 1


def test_length_remaining_counts_down_where_a_length_is_announced(session, certificates):
    def serve(peer):
        peer.handshake()
        stream_id, *_ = peer.want_request()
        fields = [(":status", "200"), ("content-length", "10")]
        peer.write_headers(stream_id, fields)
        peer.write_data(stream_id, b"0123456789", end_stream=True)
        peer.want_goaway()

    with Origin(serve, certificates.server_context()) as server, session:
        response = session.get(f"https://localhost:{server.port}/", stream=True)
        assert response.raw.length_remaining == 10
        assert response.raw.read(4) == b"0123"
        assert response.raw.length_remaining == 6
        assert response.raw.read() == b"456789"


def test_shutdown_ends_the_wait_of_another_thread(session, certificates):
    """6.4: that stream alone is reset."""
    waiting = threading.Event()

    def serve(peer):
        peer.handshake()
        stream_id, *_ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"x")
        reset = peer.want_frame()
        while reset.type != wire.RST_STREAM:
            reset = peer.want_frame()
        other, *_ = peer.want_request()
        peer.write_response(other, b"lives")

    with Origin(serve, certificates.server_context()) as server, session:
        url = f"https://localhost:{server.port}/"
        raw = session.get(url, stream=True, timeout=DEADLINE).raw
        if not hasattr(raw, "shutdown"):
            pytest.skip("urllib3 has no shutdown()")
        ended = []

        def read():
            assert raw.read(1) == b"x"
            waiting.set()
            try:
                ended.append(raw.read(1))
            except Exception as error:  # noqa: BLE001 - looked at below
                ended.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert waiting.wait(DEADLINE)
        raw.shutdown()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        assert not isinstance(ended[0], AssertionError)
        assert session.get(url, timeout=DEADLINE).content == b"lives"


def adapter_of(**options):
    class Own(HTTP20Adapter):
        def init_poolmanager(self, *arguments, **more):
            super().init_poolmanager(*arguments, **more, **options)

    return Own()


def fingerprint_of(pair):
    text = Path(pair.certificate).read_text().partition("-----END")[0]
    der = ssl.PEM_cert_to_DER_cert(text + "-----END CERTIFICATE-----\n")
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def named(certificates):
    """A server whose certificate names localhost and no address."""
    with Echo(certificates.server_context(certificates.self_signed)) as server:
        yield server


def test_a_fingerprint_is_compared_over_http2(certificates, named):
    """urllib3: the name is not compared then."""
    fingerprint = fingerprint_of(certificates.self_signed)
    with made(certificates.self_signed.certificate) as session:
        session.mount("https://", adapter_of(assert_fingerprint=fingerprint))
        assert session.get(f"https://127.0.0.1:{named.port}/").raw.version == 20
        session.mount("https://", adapter_of(assert_fingerprint="00" * 32))
        with pytest.raises(requests.exceptions.SSLError, match=r"[Ff]ingerprint"):
            session.get(f"https://127.0.0.1:{named.port}/")
    assert sum(named.processed.values()) == 1


@pytest.mark.parametrize("name", ["localhost", False])
def test_a_name_is_compared_in_the_place_of_an_address(certificates, named, name):
    """RFC 9110, 4.3.4."""
    with made(certificates.self_signed.certificate) as session:
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{named.port}/")
        session.mount("https://", adapter_of(assert_hostname=name))
        assert session.get(f"https://127.0.0.1:{named.port}/").raw.version == 20
        session.mount("https://", adapter_of(assert_hostname="wrong.invalid"))
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{named.port}/")


def test_the_host_of_the_url_is_the_authority_whatever_name_is_compared(
    certificates, session, scripted_peer
):
    """8.3.1."""
    seen = []

    def script(peer):
        peer.handshake()
        for _ in range(2):
            stream_id, fields, _ = peer.want_request()
            seen.append(dict(fields)[":authority"])
            peer.write_response(stream_id)

    peer = scripted_peer(script, certificates.server_context())
    session.mount("https://", adapter_of(assert_hostname="localhost"))
    url = f"https://127.0.0.1:{peer.port}/"
    session.get(url)
    session.get(url, headers={"Host": "example.org"})
    assert seen == [f"127.0.0.1:{peer.port}", "example.org"]
