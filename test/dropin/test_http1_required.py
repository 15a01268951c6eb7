"""HTTP_1_1_REQUIRED: the server asks for HTTP/1.1 (RFC 9113, 7), and gets it."""

from __future__ import annotations

import http.client
import urllib.request
from http.client import RemoteDisconnected

import pytest

from hyper import HTTPConnection, HTTPSConnection
from hyper.contrib.urllib import HTTP2Handler
from hyper.testing import DEADLINE, wire

OLD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"

ASKS = {
    "RST_STREAM": lambda peer, stream_id: peer.write(
        wire.rst_stream(stream_id, wire.HTTP_1_1_REQUIRED)
    ),
    "GOAWAY": lambda peer, stream_id: (
        peer.write(wire.goaway(stream_id, wire.HTTP_1_1_REQUIRED)),
        peer.close(),
    ),
}


def refuse_http2(peer, ask="RST_STREAM"):
    peer.handshake()
    stream_id, _, _ = peer.want_request()
    ASKS[ask](peer, stream_id)


def answer_in_http1(peer, start, body=b""):
    assert peer.want_until().startswith(start)
    if body:
        assert peer.want_octets(len(body)) == body
    peer.write(OLD)


@pytest.fixture(params=["ssl", "pyopenssl"])
def connect(request, scripted_peer, certificates, opened):
    """Start a script and give a connection to it over TLS of each kind."""
    if request.param == "pyopenssl":
        pytest.importorskip("OpenSSL")
        pytest.importorskip("service_identity")
        context = certificates.hyper_context(backend="pyopenssl")
    else:
        context = certificates.client_context()

    def start(script):
        peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
        connection = HTTPSConnection("localhost", peer.port, context=context, timeout=DEADLINE)
        opened.callback(connection.close)
        return connection

    return start


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("body", [None, b"content"], ids=["GET", "POST"])
def test_9113_7_the_request_goes_out_again_in_http_1_1_which_is_remembered(connect, ask, body):
    method = "POST" if body else "GET"

    def script(peer):
        refuse_http2(peer, ask)
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        for path in (b"/first", b"/second"):
            answer_in_http1(peer, method.encode() + b" " + path, body or b"")
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        answer_in_http1(peer, method.encode() + b" /third", body or b"")

    connection = connect(script)
    for path in ("/first", "/second", "/third"):
        if path == "/third":
            connection.close()
        connection.request(method, path, body)
        response = connection.getresponse()
        assert (response.version, response.read()) == (11, b"old")
    assert connection.is_http1_required


def test_9113_7_a_wrapped_getresponse_gives_the_response_in_http_1_1(connect, monkeypatch):
    given, seen = http.client.HTTPConnection.getresponse, []

    def getresponse(connection):
        response = given(connection)
        seen.append(response.version)
        return response

    def script(peer):
        refuse_http2(peer)
        peer.accept()
        for _ in range(2):
            answer_in_http1(peer, b"GET /")

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", getresponse)
    connection = connect(script)
    for _ in range(2):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"old"
    assert seen == [11, 11]  # once a response


def test_9113_7_content_that_cannot_be_sent_again_raises(connect):
    def script(peer):
        refuse_http2(peer)
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        answer_in_http1(peer, b"GET /next")

    connection = connect(script)
    connection.request("POST", "/", iter([b"one", b"two"]))
    with pytest.raises(RemoteDisconnected, match="HTTP_1_1_REQUIRED"):
        connection.getresponse()
    connection.request("GET", "/next")
    assert connection.getresponse().read() == b"old"


def test_9113_7_by_prior_knowledge_too(scripted_peer, opened):
    def script(peer):
        refuse_http2(peer)
        peer.accept()
        answer_in_http1(peer, b"GET /")

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, http2="prior", timeout=DEADLINE)
    opened.callback(connection.close)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"old"


def test_9113_7_urllib_remembers_it_for_its_next_connection(scripted_peer, certificates):
    def script(peer):
        refuse_http2(peer)
        for _ in range(2):
            peer.accept()
            assert peer.selected_alpn_protocol() == "http/1.1"
            answer_in_http1(peer, b"GET /")

    peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
    opener = urllib.request.build_opener(HTTP2Handler(context=certificates.client_context()))
    for _ in range(2):
        with opener.open(f"https://localhost:{peer.port}/", timeout=DEADLINE) as response:
            assert response.read() == b"old"


def test_9113_7_urllib3_s_connection_offers_http_1_1_alone(scripted_peer, certificates):
    pytest.importorskip("urllib3", "2.0")
    from hyper.contrib.urllib3 import HTTP20ConnectionPool

    def script(peer):
        refuse_http2(peer)
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        for _ in range(2):
            answer_in_http1(peer, b"GET /")

    peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
    with HTTP20ConnectionPool(
        "localhost", peer.port, ca_certs=certificates.authority, timeout=DEADLINE
    ) as pool:
        for _ in range(2):
            response = pool.request("GET", "/", retries=False)
            assert (response.data, response.version) == (b"old", 11)
