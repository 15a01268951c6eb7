"""protocol/origins.py: origins and targets; what a server says about origins."""

from __future__ import annotations

import pytest

from hyper.protocol import origins
from hyper.protocol.origins import Origin
from hyper.testing import wire
from test.memory_endpoint import AUTHORITY, OK, MemoryEndpoint


@pytest.mark.parametrize(
    ("octets", "origin"),
    [
        (b"https://Example.ORG", "https://example.org"),
        (b"https://example.org:443", "https://example.org"),
        (b"http://example.org:443", "http://example.org:443"),
        (b"https://[::1]:8443", "https://[::1]:8443"),
        (b"https://example.org/", None),
        (b"https://example.org:port", None),
        (b"https://:443", None),
        (b"ftp://example.org", None),
        (b"https://\xff", None),
        (b"", None),
    ],
)
def test_rfc6454_6_2_an_origin_that_a_server_writes_has_one_spelling(octets, origin):
    assert origins.as_origin(octets) == origin


def test_rfc7838_4_alternatives_of_origins_that_the_server_speaks_for():
    client = MemoryEndpoint()
    own = f"https://{AUTHORITY}"
    client.receive(
        wire.altsvc(0, own, 'h3=":1"'),
        wire.altsvc(0, "https://elsewhere.example", 'h3=":2"'),
        wire.altsvc(0, "nonsense", 'h3=":3"'),
        wire.altsvc(0, f"{own}:443", 'h3=":4"'),  # the same origin, and the latest word
    )
    assert origins.alt_services(client.endpoint) == [(own, 'h3=":4"')]


def test_rfc8336_2_3_the_origin_set_begins_with_the_initial_origin():
    client = MemoryEndpoint()
    initial = Origin("https", AUTHORITY.upper())
    assert origins.origin_set(client.endpoint, initial) is None
    client.receive(wire.origin(["https://www.example", "nonsense", "https://WWW.example:443"]))
    assert origins.origin_set(client.endpoint, initial) == (
        f"https://{AUTHORITY}",
        "https://www.example",
    )
    # Over cleartext, ORIGIN "MUST be ignored" (2.2).
    assert origins.origin_set(client.endpoint, Origin("http", AUTHORITY)) is None
    misdirected = wire.block([(":status", "421")])
    client.receive(wire.headers(client.open().id, misdirected, end_stream=True))
    assert origins.origin_set(client.endpoint, initial) == ("https://www.example",)
    client.receive(wire.headers(client.open().id, OK, end_stream=True))


def test_more_targets_than_are_remembered_change_nothing():
    """RFC 9113, 8.3.1: what is forgotten is worked out again."""
    origin = Origin("https", AUTHORITY)
    first = origin.target("/0")
    for number in range(2 * origins.MAX_TARGETS):
        assert origin.target(f"/{number}")[-1] == (b":path", b"/%d" % number)
    assert origin.target("/0") == first
    assert len(origin._targets) <= origins.MAX_TARGETS
