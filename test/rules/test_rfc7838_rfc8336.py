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
    wired = MemoryEndpoint()
    stream = wired.open()
    tunnel = wired.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    wired.receive(
        wire.altsvc(0, "https://a.example", 'h3=":1"'),
        wire.altsvc(0, "https://example.org", 'h3=":2"'),
        wire.altsvc(0, "https://a.example", 'h3=":3"'),
        wire.altsvc(tunnel.id, "", 'h3=":4"'),  # of no scheme, and so of no origin
    )
    assert wired.endpoint.alt_services == [
        (b"https://example.org", b'h3=":2"'),
        (b"https://a.example", b'h3=":3"'),
    ]
    wired.receive(wire.altsvc(stream.id, "", "clear"))
    assert wired.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]
    wired.answer(stream)
    wired.receive(wire.altsvc(stream.id, "", 'h3=":5"'))
    assert wired.endpoint.alt_services[1:] == [(b"https://example.org", b"clear")]


def test_rfc7838_a_pushed_stream_has_the_origin_of_its_promise():
    wired = MemoryEndpoint()
    wired.receive(wire.push_promise(wired.open().id, 2, PROMISE), wire.altsvc(2, "", "clear"))
    assert wired.endpoint.alt_services == [(b"https://example.org", b"clear")]


def test_rfc7838_the_origin_of_a_request_that_was_upgraded():
    wired = MemoryEndpoint()
    section = ((b":scheme", b"http"), (b":authority", b"example.org"))
    wired.endpoint.adopt_upgraded("GET", section)
    wired.receive(wire.altsvc(1, "", "clear"))
    assert wired.endpoint.alt_services == [(b"http://example.org", b"clear")]


def test_rfc8336_origins_are_kept_once_each():
    wired = MemoryEndpoint()
    wired.receive(wire.origin(["https://a", "https://b"]), wire.origin(["https://a", "https://c"]))
    wired.receive(wire.frame(wire.ORIGIN, 0xF0, 0, b"\0\x09https://d\0\x09http"))
    assert list(wired.endpoint.origin_set) == [
        b"https://b",
        b"https://a",
        b"https://c",
        b"https://d",
    ]
    assert all(wired.endpoint.origin_set.values())


MISDIRECTED = wire.block([(":status", "421")])


def test_rfc8336_421_takes_the_request_s_origin_away():
    """2.3; the latest word counts, and before ORIGIN there is no set to be taken from."""
    wired = MemoryEndpoint()
    origin = b"https://example.org"
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    assert wired.endpoint.origin_set is None
    wired.receive(wire.origin(["https://example.org", "https://a"]))
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    assert list(wired.endpoint.origin_set.items()) == [(b"https://a", True), (origin, False)]
    wired.receive(wire.origin(["https://example.org"]))
    assert wired.endpoint.origin_set[origin]


def test_rfc8336_a_tunnel_has_no_origin_to_be_taken_away():
    wired = MemoryEndpoint()
    tunnel = wired.endpoint.send_request(CONNECT, "CONNECT", end_stream=False)
    wired.receive(wire.origin(["https://a"]), wire.headers(tunnel.id, MISDIRECTED))
    assert wired.endpoint.origin_set == {b"https://a": True}


def test_rfc8336_a_pushed_421_is_one_of_the_promised_origin():
    wired = MemoryEndpoint()
    wired.receive(
        wire.origin(["https://example.org"]),
        wire.push_promise(wired.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert wired.endpoint.origin_set == {b"https://example.org": False}


def test_10_5_what_a_peer_advertises_is_bounded():
    wired = MemoryEndpoint()
    wired.receive(
        *(wire.origin([f"https://{number}"]) for number in range(150)),
        *(wire.altsvc(0, f"https://{number}", "clear") for number in range(150)),
    )
    assert len(wired.endpoint.origin_set) == len(wired.endpoint.alt_services) == 100
    wired.receive(
        wire.push_promise(wired.open().id, 2, PROMISE),
        wire.headers(2, MISDIRECTED, end_stream=True),
    )
    assert len(wired.endpoint.origin_set) == 100  # a peer may push as much as it likes
    # What a 421 takes away is known all the same, for the set would say too much without.
    wired.receive(wire.headers(wired.open().id, MISDIRECTED, end_stream=True))
    wired.receive(wire.origin(["https://151", "https://0"]))
    assert wired.endpoint.origin_set[b"https://example.org"] is False
    assert list(wired.endpoint.origin_set)[-1] == b"https://0"
    assert len(wired.endpoint.origin_set) == 101
