"""Cleartext HTTP/2: by prior knowledge (RFC 9113, 3.3) and by Upgrade (RFC 7540, 3.2)."""

from __future__ import annotations

import base64

import pytest

from hyper import HTTPConnection
from hyper.dropin.connection import HTTPResponse
from hyper.testing import DEADLINE, wire
from test.live.server import FILES

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@pytest.mark.parametrize("name", ["node", "nghttpd", "h2o", "apache", "hypercorn"])
def test_prior_knowledge(server, opened, name):
    running = server(name, secure=False)
    connection = HTTPConnection("localhost", running.port, http2="prior", timeout=DEADLINE)
    opened.callback(connection.close)
    for _ in range(3):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.version, response.status) == (20, 200)
        assert response.read() in (FILES["index.html"], f"hello from {name}\n".encode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_apache_upgrades(server, opened, method):
    """It ends each upgraded connection soon after, with GOAWAY: nobody notices."""
    running = server("apache", secure=False)
    connection = HTTPConnection("localhost", running.port, http2="upgrade", timeout=DEADLINE)
    opened.callback(connection.close)
    for _ in range(5):
        connection.request(method, "/index.html")
        response = connection.getresponse()
        assert (response.version, response.status) == (20, 200)
        assert response.read() == (FILES["index.html"] if method == "GET" else b"")


def test_a_server_that_declines(old_peer):
    """RFC 9110, 7.8: it just answers."""

    def script(peer):
        for _ in range(2):
            assert b"\r\nUpgrade: h2c\r\n" in peer.want_until()
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")

    connection = old_peer(script, http2="upgrade")
    for _ in range(2):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.version, response.read()) == (11, b"old")
        assert isinstance(response, HTTPResponse)


def settings_of(request):
    """The HTTP2-Settings field, which is the payload of a SETTINGS frame."""
    (line,) = [line for line in request.split(b"\r\n") if line.startswith(b"HTTP2-Settings: ")]
    text = line.partition(b": ")[2]
    payload = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    return dict(wire.Frame(wire.SETTINGS, 0, 0, payload).settings)


ANSWER = (
    wire.settings() + wire.headers(1, wire.block([(":status", "200")])) + wire.data(1, b"new", True)
)


@pytest.mark.parametrize(
    "together", [len(SWITCH), len(SWITCH) + 5, len(SWITCH) + 9, len(SWITCH + ANSWER)]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_frames_behind_the_101_are_not_lost(old_peer, together, method):
    """Whether they come in the same read as it, in part, or later."""

    def script(peer):
        request = peer.want_until()
        assert b"\r\nConnection: Upgrade, HTTP2-Settings\r\n" in request
        assert settings_of(request)[wire.SETTINGS_ENABLE_PUSH] == 0
        if method == "POST":
            assert peer.want_octets(7) == b"content"
        octets = SWITCH + ANSWER
        peer.write(octets[:together])
        peer.want_preface()
        peer.want_settings()
        peer.write(octets[together:])
        peer.want_settings(ack=True)
        peer.write_settings(ack=True)
        peer.write_response(peer.want_request(3)[0], b"next")

    connection = old_peer(script, http2="upgrade")
    connection.request(method, "/", b"content" if method == "POST" else None)
    response = connection.getresponse()
    assert (response.version, response.status, response.read()) == (20, 200, b"new")
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"next"


def test_head(old_peer):
    """RFC 9110, 9.3.2: content-length without content, on stream 1 too."""

    def script(peer):
        peer.want_until()
        peer.write(SWITCH)
        peer.handshake()
        peer.write_headers(1, [(":status", "200"), ("content-length", "9")], end_stream=True)

    connection = old_peer(script, http2="upgrade")
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""


def test_a_silent_server_runs_into_the_timeout(old_peer):
    """It says 101 and then waits: so do we, but not for ever."""

    def script(peer):
        peer.want_until()
        peer.write(SWITCH)
        peer.want_preface()

    connection = old_peer(script, http2="upgrade")
    connection.request("GET", "/")
    connection.sock.settimeout(0.3)  # the 101 has to come within it
    with pytest.raises(TimeoutError):
        connection.getresponse()


@pytest.mark.parametrize(
    "headers", [{"Connection": "close"}, {"Connection": "Upgrade", "Upgrade": "websocket"}]
)
def test_a_script_with_other_plans_is_left_alone(old_peer, headers):
    """RFC 6455, 4.1: another protocol's 101 is the script's affair."""

    def script(peer):
        assert b"h2c" not in peer.want_until()
        peer.write(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

    connection = old_peer(script, http2="upgrade")
    connection.request("GET", "/", headers=headers)
    response = connection.getresponse()
    assert (response.version, response.status) == (11, 101)
    response.close()
