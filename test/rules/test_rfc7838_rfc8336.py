"""RFC 7838 and RFC 8336: what a client keeps of a server's ALTSVC and ORIGIN."""

from __future__ import annotations

from hyper.testing import wire
from test.memory_endpoint import (
    CONNECT,
    PROMISE,
    MemoryEndpoint,
)


def test_rfc7838_alternative_services_are_kept():
    """The latest of each origin; a stream's is that of its request, and gone with the stream."""
    client = MemoryEndpoint()
    stream = client.open()
    tunnel = client.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    client.receive(
        wire.altsvc(0, "https://a.example", 'h3=":1"'),
        wire.altsvc(0, "https://example.org", 'h3=":2"'),
        wire.altsvc(0, "https://a.example", 'h3=":3"'),
        wire.altsvc(tunnel.id, "", 'h3=":4"'),  # of no scheme, and so of no origin
    )
    assert client.endpoint.alt_services == [
        (b"https://example.org", b'h3=":2"'),
        (b"https://a.example", b'h3=":3"'),
    ]
    client.receive(wire.altsvc(stream.id, "", "clear"))
    assert client.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]
    client.answer(stream)
    client.receive(wire.altsvc(stream.id, "", 'h3=":5"'))
    assert client.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]


def test_rfc7838_a_pushed_stream_has_the_origin_of_its_promise():
    client = MemoryEndpoint()
    client.receive(wire.push_promise(client.open().id, 2, PROMISE), wire.altsvc(2, "", "clear"))
    assert client.endpoint.alt_services == [(b"https://example.org", b"clear")]


def test_rfc7838_the_origin_of_a_request_that_was_upgraded():
    client = MemoryEndpoint()
    section = ((b":scheme", b"http"), (b":authority", b"example.org"))
    client.endpoint.adopt_upgraded("GET", section)
    client.receive(wire.altsvc(1, "", "clear"))
    assert client.endpoint.alt_services == [(b"http://example.org", b"clear")]


def test_rfc8336_origins_are_kept_once_each():
    client = MemoryEndpoint()
    client.receive(wire.origin(["https://a", "https://b"]), wire.origin(["https://a", "https://c"]))
    client.receive(wire.frame(wire.ORIGIN, 0xF0, 0, b"\0\x09https://d\0\x09http"))
    assert list(client.endpoint.origin_set) == [
        b"https://b",
        b"https://a",
        b"https://c",
        b"https://d",
    ]
    assert all(client.endpoint.origin_set.values())


MISDIRECTED = wire.block([(":status", "421")])


def test_rfc8336_421_takes_the_request_s_origin_away():
    """2.3; the latest word counts, and before ORIGIN there is no set to be taken from."""
    client = MemoryEndpoint()
    origin = b"https://example.org"
    client.receive(wire.headers(client.open().id, MISDIRECTED, end_stream=True))
    assert client.endpoint.origin_set is None
    client.receive(wire.origin(["https://example.org", "https://a"]))
    client.receive(wire.headers(client.open().id, MISDIRECTED, end_stream=True))
    assert list(client.endpoint.origin_set.items()) == [(b"https://a", True), (origin, False)]
    client.receive(wire.origin(["https://example.org"]))
    assert client.endpoint.origin_set[origin]


def test_rfc8336_a_tunnel_has_no_origin_to_be_taken_away():
    client = MemoryEndpoint()
    tunnel = client.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    client.receive(wire.origin(["https://a"]), wire.headers(tunnel.id, MISDIRECTED))
    assert client.endpoint.origin_set == {b"https://a": True}


def test_rfc8336_a_pushed_421_is_one_of_the_promised_origin():
    client = MemoryEndpoint()
    client.receive(
        wire.origin(["https://example.org"]),
        wire.push_promise(client.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert client.endpoint.origin_set == {b"https://example.org": False}


def test_10_5_what_a_peer_advertises_is_bounded():
    client = MemoryEndpoint()
    client.receive(
        *(wire.origin([f"https://{number}"]) for number in range(150)),
        *(wire.altsvc(0, f"https://{number}", "clear") for number in range(150)),
    )
    assert len(client.endpoint.origin_set) == len(client.endpoint.alt_services) == 100
    client.receive(
        wire.push_promise(client.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert len(client.endpoint.origin_set) == 100  # a peer may push as much as it likes
    # An origin that a 421 takes away is known all the same: the set would say too much without.
    client.receive(wire.headers(client.open().id, MISDIRECTED, end_stream=True))
    client.receive(wire.origin(["https://151", "https://0"]))
    assert client.endpoint.origin_set[b"https://example.org"] is False
    assert list(client.endpoint.origin_set)[-1] == b"https://0"
    assert len(client.endpoint.origin_set) == 101
