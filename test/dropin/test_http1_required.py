"""HTTP_1_1_REQUIRED: the server asks for HTTP/1.1 (RFC 9113, 7), and gets it."""

from __future__ import annotations

import http.client
import threading
import urllib.request
from http.client import RemoteDisconnected

import pytest

from hyper import HTTPConnection, HTTPSConnection, NegotiationError
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


def answer_the_preface(peer, sent=None):
    """Answer the preface, as a server does whose TLS knows ALPN and whose HTTP does not."""
    peer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    if sent is not None:
        sent.set()
    peer.end()


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("ask", ASKS)
def test_9112_6_3_content_that_came_by_send_is_framed_once(connect, ask, framing):
    """As urllib3 sends it: a content-length, or chunks."""

    def script(peer):
        refuse_http2(peer, ask)
        peer.accept()
        head = peer.want_until().lower().splitlines()
        if framing == "chunked":
            assert b"transfer-encoding: chunked" in head
            assert peer.want_until(b"0\r\n\r\n") == b"7\r\ncontent\r\n0\r\n\r\n"
        else:
            assert b"content-length: 7" in head
            assert not any(line.startswith(b"transfer-encoding") for line in head)
            assert peer.want_octets(7) == b"content"
        peer.write(OLD)
        answer_in_http1(peer, b"GET /next")

    connection = connect(script)
    connection.putrequest("POST", "/")
    if framing == "chunked":
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(b"7\r\ncontent\r\n0\r\n\r\n")
    else:
        connection.putheader("Content-Length", "7")
        connection.endheaders()
        connection.send(b"content")
    assert connection.getresponse().read() == b"old"
    connection.request("GET", "/next")
    assert connection.getresponse().read() == b"old"


def test_9113_3_4_such_an_answer_may_come_before_the_request(connect, monkeypatch):
    """The server has got nothing, and a generator was not touched."""
    given, sent = HTTPSConnection.connect, threading.Event()

    def connect_and_wait(connection):
        given(connection)
        if connection.sock.selected_alpn_protocol() == "h2":
            assert sent.wait(DEADLINE)

    def script(peer):
        answer_the_preface(peer, sent)
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        answer_in_http1(peer, b"POST /", b"7\r\ncontent\r\n0\r\n\r\n")

    monkeypatch.setattr(HTTPSConnection, "connect", connect_and_wait)
    connection = connect(script)
    connection.request("POST", "/", iter([b"content"]))
    assert connection.getresponse().read() == b"old"


@pytest.mark.parametrize("body", [None, b"content"], ids=["GET", "POST"])
def test_9113_3_4_a_server_that_answers_the_preface_in_http1_gets_the_request_so(connect, body):
    """It has understood nothing, and the protocol is remembered."""
    method = "POST" if body else "GET"

    def script(peer):
        peer.want_preface()
        answer_the_preface(peer)
        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        for path in (b"/first", b"/second"):
            answer_in_http1(peer, method.encode() + b" " + path, body or b"")

    connection = connect(script)
    for path in ("/first", "/second"):
        connection.request(method, path, body)
        assert connection.getresponse().read() == b"old"
    assert connection.is_http1_required


def test_9113_3_4_a_generator_is_not_sent_again_to_such_a_server(connect):
    def script(peer):
        peer.want_preface()
        answer_the_preface(peer)

    def ask(connection):
        connection.request("POST", "/", iter([b"one", b"two"]))
        connection.getresponse()

    with pytest.raises(NegotiationError, match="answers in HTTP/1"):
        ask(connect(script))


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
