"""RFC 8441, extended CONNECT, and what RFC 9113, 8.5 says of tunnels: the client's side."""

from __future__ import annotations

import pytest

from hyper.errors import InvalidURL, LocalProtocolError, NegotiationError
from hyper.protocol import messages
from hyper.protocol.messages import request_fields
from hyper.protocol.origins import Origin
from hyper.testing import wire
from test.memory_endpoint import CONNECT, CONNECTED, MemoryEndpoint, busy

ORIGIN = Origin("https", "example.org")
READY = {wire.SETTINGS_ENABLE_CONNECT_PROTOCOL: 1}


def section(target, protocol=None, headers=(), implied=()):
    return messages.tunnel_section(target, protocol, ORIGIN, request_fields(headers), implied)


def test_rfc9113_8_5_connect_has_neither_scheme_nor_path():
    assert section("far.example:443", None, {"a": "1"}, ((b"b", b"2"),)) == (
        (b":method", b"CONNECT"),
        (b":authority", b"far.example:443"),
        (b"a", b"1"),
        (b"b", b"2"),
    )


@pytest.mark.parametrize(
    "target",
    [
        *("far.example", "/", "", ":443", "a:b", "a b:1", "a:1 ", "a:1\n", "a_b%20:1"),
        *("http://far.example:80", "user@far.example:80", "a/b:80", "a?b:80", "a#b:80"),
        *("::1:80", "[::1]", "[]:80", "[::1:80", "::1]:80", "a:", "a:0", "a:65536", "a:\u0661"),
        "a:000000000080",
    ],
)
def test_rfc9113_8_5_the_target_is_a_host_and_a_port(target):
    with pytest.raises(InvalidURL, match=r"is not host:port.*RFC 9110, 9.3.6"):
        section(target)
    with pytest.raises(InvalidURL):
        messages.request_section("CONNECT", target, ORIGIN, request_fields(()), ())


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        ("far.example:1", "far.example:1"),
        ("192.0.2.1:65535", "192.0.2.1:65535"),
        ("[::1]:080", "[::1]:80"),
        ("[fe80::1%25eth0]:22", "[fe80::1]:22"),  # RFC 6874, 4
        ("a_b:1", "a_b:1"),
        ("b\u00fccher.example:1", "xn--bcher-kva.example:1"),
    ],
)
def test_rfc9113_8_5_the_authority_is_the_target(target, authority):
    assert section(target)[1] == (b":authority", authority.encode())


def test_4_extended_connect_has_scheme_and_path_and_authority():
    assert section("/chat?x", "websocket", {"a": "1"}, ((b"b", b"2"),)) == (
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"https"),
        (b":authority", b"example.org"),
        (b":path", b"/chat?x"),
        (b"a", b"1"),
        (b"b", b"2"),
    )
    assert dict(section("/", "x", {"host": "b.example"}))[b":authority"] == b"b.example"


@pytest.mark.parametrize(
    ("url", "scheme"), [("ws://a/b", b"http"), ("wss://a/b", b"https"), ("http://a/b", b"http")]
)
def test_5_the_scheme_of_wss_is_https(url, scheme):
    assert section(url, "websocket")[2:] == (
        (b":scheme", scheme),
        (b":authority", b"a"),
        (b":path", b"/b"),
    )


def test_5_fields_of_an_http_1_1_upgrade_are_not_sent():
    given = {"Connection": "Upgrade", "Upgrade": "websocket", "Host": "a"}
    assert {name for name, _ in section("/", "websocket", given)} == {
        b":method",
        b":protocol",
        b":scheme",
        b":authority",
        b":path",
    }


@pytest.mark.parametrize("protocol", ["", "a b", "a\n"])
def test_4_the_protocol_is_a_token(protocol):
    with pytest.raises(LocalProtocolError, match="8441, 4"):
        section("/", protocol)


def test_3_only_a_peer_that_has_announced_it_is_asked():
    request = section("/", "websocket")
    client = MemoryEndpoint()
    with pytest.raises(NegotiationError, match=r"websocket cannot be asked for.*8441, 3"):
        client.endpoint.send_request(request, "CONNECT", end_stream=False)
    assert client.sent() == []
    assert client.endpoint.send_request(CONNECT, "CONNECT", end_stream=False).id == 1
    client = MemoryEndpoint(peer_settings=READY)
    assert client.endpoint.send_request(request, "CONNECT", end_stream=False).id == 1


def test_3_the_peer_must_not_take_it_back():
    client = MemoryEndpoint(peer_settings=READY)
    (goaway,) = client.receive(wire.settings({wire.SETTINGS_ENABLE_CONNECT_PROTOCOL: 0}))
    assert (goaway.type, goaway.error_code) == (wire.GOAWAY, wire.PROTOCOL_ERROR)


def test_rfc9113_8_5_no_trailers_are_sent_in_a_tunnel():
    client = busy()
    stream = client.endpoint.streams[CONNECTED]
    with pytest.raises(LocalProtocolError, match=r"tunnel.*8\.5"):
        client.endpoint.send_trailers(stream, ((b"a", b"1"),))
    assert client.sent() == []
    client.endpoint.send_content(stream, memoryview(b"content"), end_stream=True)
    assert [frame.type for frame in client.sent()] == [wire.DATA]


def test_3_the_server_s_settings_are_waited_for_as_long_as_they_can_come():
    client = MemoryEndpoint(handshake=False)
    assert not client.endpoint.has_settings_or_never()
    client.endpoint.receive_eof()
    assert client.endpoint.has_settings_or_never()
    assert MemoryEndpoint().endpoint.has_settings_or_never()
