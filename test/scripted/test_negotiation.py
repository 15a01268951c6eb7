"""Servers that do not speak HTTP/2, or cannot be trusted, are told apart in plain words."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading

import pytest

from hyper import HTTP20Connection, InvalidURL, NegotiationError
from hyper.tls import init_context
from test.scripted.steps import want


@pytest.mark.parametrize(
    ("alpn", "words"),
    [((), "chose nothing"), (("http/1.1",), "chose nothing|chose 'http/1.1'")],
    ids=["no ALPN", "HTTP/1.1 alone"],
)
def test_without_h2_in_alpn(scripted_peer, certificates, alpn, words):
    """RFC 9113, 3.2."""

    def script(peer):
        with contextlib.suppress(OSError):
            peer.accept()
            peer.want_closed()

    peer = scripted_peer(script, certificates.server_context(alpn=alpn))
    connection = HTTP20Connection(
        "127.0.0.1", peer.port, ssl_context=certificates.hyper_context(), timeout=10
    )
    with pytest.raises((NegotiationError, ssl.SSLError)) as caught:
        connection.request("GET", "/")
    if isinstance(caught.value, NegotiationError):
        caught.match(words)
        caught.match(r"will not speak HTTP/2.*RFC 9113, 3\.2")
    assert connection.sock is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 505 HTTP Version Not Supported\r\n\r\n<html>...</html>",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_an_http_1_server_on_a_cleartext_port(scripted_peer, answer):
    """RFC 9113, 3.3: prior knowledge was wrong."""

    def script(peer):
        peer.want_until()  # it takes the preface for a request
        peer.write(answer)
        peer.close()

    peer = scripted_peer(script)
    with HTTP20Connection("127.0.0.1", peer.port, secure=False, timeout=10) as connection:
        connection.request("GET", "/")
        with pytest.raises(NegotiationError, match=answer[:12].decode()) as caught:
            connection.getresponse()
    caught.match("does not speak HTTP/2")


def test_cleartext_to_a_tls_port(scripted_peer, certificates):
    def script(peer):
        with contextlib.suppress(OSError):
            peer.accept()
        with contextlib.suppress(OSError):
            peer.cut()

    peer = scripted_peer(script, certificates.server_context())
    connection = HTTP20Connection("127.0.0.1", peer.port, secure=False, timeout=10)
    with connection, pytest.raises((OSError, NegotiationError)):
        connection.getresponse(connection.request("GET", "/"))


def test_tls_to_a_cleartext_port(scripted_peer, certificates):
    def script(peer):
        peer.want_octets(5)
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.close()

    peer = scripted_peer(script)
    connection = HTTP20Connection(
        "127.0.0.1", peer.port, ssl_context=certificates.hyper_context(), timeout=10
    )
    with connection, pytest.raises(ssl.SSLError):
        connection.connect()


@pytest.mark.parametrize("pair", ["wrong_name", "expired", "stranger"])
def test_a_certificate_that_does_not_convince(scripted_peer, certificates, pair):
    context = certificates.server_context(getattr(certificates, pair))
    peer = scripted_peer(lambda peer: peer.want_refusal(), context)
    connection = HTTP20Connection(
        "localhost", peer.port, ssl_context=certificates.hyper_context(), timeout=10
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")
    assert connection.sock is None


def test_a_given_authority_and_a_clients_certificate(scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        want(peer)
        assert peer.socket.getpeercert()
        assert peer.selected_alpn_protocol() == "h2"
        assert peer.socket.version() in ("TLSv1.2", "TLSv1.3")
        peer.write_response(1)

    peer = scripted_peer(script, certificates.server_context(client_certificate=True))
    context = init_context(certificates.authority, tuple(certificates.client))
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=10) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().status == 200


def test_tls_1_1_is_refused(scripted_peer, certificates):
    """RFC 9113, 9.2."""
    versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    peer = scripted_peer(
        lambda peer: (peer.handshake(), want(peer), peer.write_response(1)),
        certificates.server_context(versions=versions),
    )
    context = init_context(certificates.authority, backend="ssl")
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=10) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        cipher = peer.peers[0].socket.cipher()[0]
        assert "GCM" in cipher or "CHACHA" in cipher


def test_a_server_without_tls_is_told_in_words(backend, certificates):
    """RFC 9113, 3.2: the first mistake of a new user."""

    class HTTP1(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)
            self.request.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), HTTP1) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        context = certificates.hyper_context(backend=backend)
        connection = HTTP20Connection(*server.server_address, secure=True, ssl_context=context)
        with pytest.raises(ssl.SSLError, match="secure=False"):
            connection.request("GET", "/")
        thread.join()


def test_an_authority_that_is_not_trusted_is_told_with_what_to_do(backend, http2_server):
    server = http2_server(lambda peer: peer.want_refusal(), once=True)
    context = init_context(backend=backend)
    connection = HTTP20Connection(server.host, server.port, ssl_context=context, timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"hyper\.tls\.init_context"):
        connection.request("GET", "/")


def test_a_url_in_place_of_a_host_is_told_with_what_to_do():
    """RFC 3986, 3.2."""
    with pytest.raises(InvalidURL, match="give the host alone"):
        HTTP20Connection("http://example.org")
