"""A connection's own matters: its name, its address, its settings, PING."""

from __future__ import annotations

import ssl
from http.client import HTTPException, RemoteDisconnected

import pytest

from hyper import HTTP20Connection
from hyper.errors import InvalidURL, LocalProtocolError
from hyper.testing import wire
from hyper.testing.wire import SETTINGS_MAX_CONCURRENT_STREAMS
from test.scripted.steps import pong, want

OK = [(":status", "200")]


class TestPing:
    def test_measures_the_round_trip(self, connect):
        """RFC 9113, 6.7."""

        def script(peer):
            peer.handshake()
            for _ in range(2):
                pong(peer)

        connection = connect(script)
        assert 0 < connection.ping() < 10
        assert 0 < connection.ping(b"eight ou") < 10

    @pytest.mark.parametrize("opaque", [b"", b"seven o", b"nine octe"])
    def test_carries_eight_octets(self, connect, opaque):
        def script(peer):
            peer.handshake()
            peer.want_nothing()

        connection = connect(script)
        connection.connect()
        with pytest.raises(LocalProtocolError, match="8 octets"):
            connection.ping(opaque)

    def test_takes_a_text_of_eight_characters(self, connect):
        """6.7: apns2 sends one as its heartbeat; nothing of it stays behind."""

        def script(peer):
            peer.handshake()
            for _ in range(2):
                peer.write(wire.ping(peer.want_ping(opaque=b"--------"), ack=True))

        connection = connect(script)
        for _ in range(2):
            assert connection.ping("-" * 8) > 0
        assert connection.stats()["pings_under_way"] == 0
        for text in ("-" * 7, "\u20ac" * 8):
            with pytest.raises(ValueError, match=r"8 octets|latin-?1"):
                connection.ping(text)
        assert connection.stats()["pings_under_way"] == 0

    def test_fails_with_the_connection(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_ping()
            peer.close()

        with pytest.raises(RemoteDisconnected):
            connect(script).ping()


def test_peer_settings_can_be_read(connect):
    """RFC 9113, 6.5.2."""

    def script(peer):
        peer.handshake({SETTINGS_MAX_CONCURRENT_STREAMS: 7})
        pong(peer)

    connection = connect(script)
    assert connection.peer_settings == {}
    connection.ping()
    assert connection.peer_settings["SETTINGS_MAX_CONCURRENT_STREAMS"] == 7


class TestOwnSettings:
    def test_are_announced(self, connect):
        def script(peer):
            settings = peer.handshake()
            assert settings[wire.SETTINGS_HEADER_TABLE_SIZE] == 0
            assert settings[wire.SETTINGS_MAX_FRAME_SIZE] == 1 << 17
            assert settings[0xABC] == 5
            want(peer)
            peer.write_headers(1, OK)
            peer.write(wire.data(1, b"d" * (1 << 17), end_stream=True))

        settings = {"SETTINGS_HEADER_TABLE_SIZE": 0, 5: 1 << 17, 0xABC: 5}
        connection = connect(script, settings=settings)
        connection.request("GET", "/")
        assert len(connection.getresponse().read()) == 1 << 17

    @pytest.mark.parametrize(
        "settings",
        [
            {"SETTINGS_NONE": 1},
            {"SETTINGS_ENABLE_PUSH": 2},
            {"SETTINGS_INITIAL_WINDOW_SIZE": 2**31},
            {"SETTINGS_MAX_FRAME_SIZE": 16383},
            {"SETTINGS_MAX_FRAME_SIZE": 2**24},
        ],
        ids=str,
    )
    def test_must_be_legal(self, settings):
        """RFC 9113, 6.5.2."""
        with pytest.raises(LocalProtocolError, match=r"RFC 9113, 6\.5\.2"):
            HTTP20Connection("localhost", settings=settings)


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("example.org", None, ("example.org", 443, True)),
        ("example.org:8443", None, ("example.org", 8443, True)),
        ("example.org:80", None, ("example.org", 80, False)),
        ("example.org", 80, ("example.org", 80, False)),
        ("[::1]:8443", None, ("::1", 8443, True)),
        ("[::1]", None, ("::1", 443, True)),
        ("::1", 443, ("::1", 443, True)),
        ("example.org:", None, ("example.org", 443, True)),
    ],
)
def test_host_and_port(host, port, found):
    connection = HTTP20Connection(host, port)
    assert (connection.host, connection.port, connection.secure) == found


@pytest.mark.parametrize("host", ["example.org:https", "exa mple", "a\r\nb", "a:99999", "a:-1"])
def test_host_refused(host):
    with pytest.raises(HTTPException):
        HTTP20Connection(host)


@pytest.mark.parametrize(
    "host", ["https://example.org", "https://example.org:443/", "example.org/path"]
)
def test_a_url_is_no_host(host):
    with pytest.raises(InvalidURL, match="more than a host"):
        HTTP20Connection(host)


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "fe80::1%eth0"])
def test_an_ipv6_literal_without_port_stands_in_brackets(host):
    """RFC 3986, 3.2.2: else its last group would be taken for the port."""
    with pytest.raises(InvalidURL, match=r"write \[.*\]"):
        HTTP20Connection(host)


def test_ipv6(scripted_peer, certificates):
    """RFC 3986, 3.2.2: the literal stands in brackets in :authority."""

    def script(peer):
        peer.handshake()
        want(peer, (":authority", f"[::1]:{peer.port}"))
        peer.write_response(1, b"six")

    try:
        peer = scripted_peer(script, certificates.server_context(), host="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with HTTP20Connection(
        f"[::1]:{peer.port}", ssl_context=certificates.hyper_context(), timeout=10
    ) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"six"
        assert connection.sock.getpeername()[0] == "::1"


def test_source_address(connect):
    def script(peer):
        peer.handshake()
        pong(peer)
        assert peer.socket.getpeername()[0] == "127.0.0.2"

    connection = connect(script, source_address=("127.0.0.2", 0))
    try:
        connection.ping()
    except OSError as error:
        if isinstance(error, (ssl.SSLError, TimeoutError)):
            raise
        pytest.skip(f"127.0.0.2 is not ours: {error}")
