"""hyper.testing.Server, met by hyper, httpx, httpx2 and pycurl as their users would."""

from __future__ import annotations

import io
import socket
import ssl
from pathlib import Path

import pytest

import hyper
from hyper.testing import ClientEnded, PeerError, Server, goaway_after, wire


def by_hyper(server, path="/", content=None):
    """GET or POST by a connection of hyper's."""
    options = {"secure": False} if server.authority is None else {}
    if server.authority is not None:
        options["ssl_context"] = server.client_context()
    with hyper.HTTP20Connection(server.host, server.port, timeout=10, **options) as connection:
        response = connection.getresponse(
            connection.request("POST" if content else "GET", path, content)
        )
        return response.status, response.read()


def by_httpx(server, path="/", content=None, name="httpx"):
    """GET or POST by a client of httpx."""
    httpx = pytest.importorskip(name)
    verify = server.client_context() if server.authority else True
    # In cleartext httpx speaks HTTP/2 only if HTTP/1.1 is switched off.
    with httpx.Client(http2=True, http1=server.authority is not None, verify=verify) as client:
        method = "POST" if content else "GET"
        response = client.request(method, server.url + path, content=content)
        assert response.http_version == "HTTP/2"
        return response.status_code, response.content


def by_httpx2(server, path="/", content=None):
    """GET or POST by a client of httpx2."""
    return by_httpx(server, path, content, "httpx2")


def by_pycurl(server, path="/", content=None):
    """GET or POST by libcurl."""
    pycurl = pytest.importorskip("pycurl")
    written = io.BytesIO()
    curl = pycurl.Curl()
    curl.setopt(curl.URL, server.url + path)
    curl.setopt(curl.WRITEDATA, written)
    if server.authority is None:
        curl.setopt(curl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
    else:
        curl.setopt(curl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_0)
        curl.setopt(curl.CAINFO, server.ca_file)
    if content:
        curl.setopt(curl.POSTFIELDS, content)
    curl.perform()
    status = curl.getinfo(curl.RESPONSE_CODE)
    curl.close()
    return status, written.getvalue()


def send(server, octets=b""):
    with socket.create_connection((server.host, server.port)) as plain:
        plain.sendall(octets)


def fails(call, kind=hyper.HTTPException):
    with pytest.raises(kind):
        call()


CLIENTS = [by_hyper, by_httpx, by_httpx2, by_pycurl]
any_client = pytest.mark.parametrize("get", CLIENTS)
both_ways = pytest.mark.parametrize("tls", [True, False], ids=["tls", "cleartext"])


@any_client
@both_ways
def test_a_script_is_played_to_any_client(get, tls):
    def script(peer):
        peer.handshake()
        request = peer.want_request()
        assert (request.method, request.path) == ("POST", "/a?b")
        assert request.content == b"content"
        peer.write_headers(request.stream_id, [(":status", "201")])
        peer.write_data(request.stream_id, b"hello", end_stream=True)

    with Server(script, tls=tls) as server:
        assert get(server, "/a?b", b"content") == (201, b"hello")
    assert [request.path for request in server.requests] == ["/a?b"]
    assert server.requests[0].header("Content-Length") == "7"


@any_client
@both_ways
def test_without_a_script_every_request_is_answered(get, tls):
    with Server(tls=tls) as server:
        assert get(server, "/a") == (200, b"GET /a\n")
        assert get(server, "/b", bytes(100_000)) == (200, bytes(100_000))
    assert [request.method for request in server.requests] == ["GET", "POST"]
    assert "connection 1:" in server.log


@any_client
def test_each_connection_runs_the_script_anew(get):
    def script(peer):
        peer.handshake()
        request = peer.want_request()
        peer.write_response(request.stream_id, b"connection %d" % peer.number)

    with Server(script) as server:
        assert get(server)[1] == b"connection 1"
        assert get(server)[1] == b"connection 2"
    assert [request.connection for request in server.requests] == [1, 2]


def test_a_wrong_request_fails_the_with_block_and_shows_the_frames():
    def script(peer):
        peer.handshake()
        peer.want_headers(end_stream=False)

    server = Server(script)
    with pytest.raises(PeerError, match="wanted END_STREAM to be False") as caught, server:
        fails(lambda: by_hyper(server, "/there"))
    assert "    :path: /there" in str(caught.value)
    assert server.errors == [caught.value]


def test_a_script_that_wants_more_than_the_test_does_fails():
    def script(peer):
        peer.handshake()
        for _ in range(2):
            peer.write_response(peer.want_request().stream_id)

    server = Server(script)
    with pytest.raises(PeerError, match="wanted HEADERS, got <GOAWAY"), server:
        by_hyper(server)


def test_the_failure_of_the_block_is_not_hidden_by_the_script_s():
    server = Server(lambda peer: peer.want_goaway(), tls=False)
    with pytest.raises(ZeroDivisionError), server:
        raise ZeroDivisionError


def test_a_client_that_ends_too_early_fails_the_script():
    server = Server(lambda peer: [peer.want_octets(3), peer.want_octets(3)], tls=False, once=True)
    with pytest.raises(ClientEnded, match="wanted 3 octets; the client had ended"), server:
        send(server, b"abc")


def test_a_connection_without_a_word_is_no_failure():
    """Clients open connections ahead of need."""
    with Server() as server:
        send(server)
        assert by_hyper(server)[0] == 200


def test_a_script_for_all_connections_takes_them_in_order():
    def script(peer):
        for number in (b"first", b"second"):
            peer.accept()
            peer.handshake()
            peer.write_response(peer.want_request().stream_id, number)

    with Server(script, once=True) as server:
        assert by_hyper(server)[1] == b"first"
        assert by_hyper(server)[1] == b"second"
    assert server.connections == 2


def test_a_client_that_does_not_trust_the_certificate_is_told():
    with Server(lambda peer: peer.want_refusal(), once=True) as server:
        stranger = hyper.HTTP20Connection(server.host, server.port, timeout=10)
        fails(lambda: stranger.request("GET", "/"), ssl.SSLCertVerificationError)
    assert server.requests == []


def test_the_file_of_the_authority_is_there_until_the_server_stops():
    with Server() as server:
        path = Path(server.ca_file)
        assert b"BEGIN CERTIFICATE" in path.read_bytes()
    assert not path.exists()


def test_cleartext_has_no_certificate():
    with Server(tls=False) as server:
        with pytest.raises(ValueError, match="tls=True"):
            server.client_context()
        assert server.url == f"http://127.0.0.1:{server.port}"


def test_a_server_that_stops_listening_refuses_connections():
    def script(peer):
        peer.handshake()
        request = peer.want_request()
        peer.stop_listening()
        peer.write_response(request.stream_id)

    with Server(script) as server:
        assert by_hyper(server)[0] == 200
        with pytest.raises(ConnectionRefusedError):
            by_hyper(server)


def test_octets_by_hand_reach_the_client():
    """6.5: SETTINGS on a stream is a connection error."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.frame(wire.SETTINGS, 0, 1))
        peer.want_goaway(wire.PROTOCOL_ERROR)

    with Server(script) as server, pytest.raises(hyper.ProtocolError):
        by_hyper(server)


def test_a_pool_of_threads_is_served_by_many_connections():
    with (
        Server(goaway_after(5)) as server,
        hyper.Pool(ssl_context=server.client_context(), timeout=10) as pool,
    ):
        for number in range(12):
            response = pool.request("GET", f"{server.url}/{number}")
            assert response.read() == b"GET /%d\n" % number
    assert server.connections == 3
