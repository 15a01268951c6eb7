"""origins.py: hosts, ports, authorities and targets; what a server says about origins."""

from __future__ import annotations

import pytest

from hyper import _hosts
from hyper._hosts import authority_of, host_and_port
from hyper.errors import InvalidURL
from hyper.protocol import origins
from hyper.protocol.origins import Origin
from test import wire
from test.memory_endpoint import AUTHORITY, OK, MemoryEndpoint


@pytest.mark.parametrize(
    ("host", "port", "secure", "found"),
    [
        ("example.org", None, True, ("example.org", 443)),
        ("example.org", None, False, ("example.org", 80)),
        ("example.org", None, None, ("example.org", 443)),
        ("example.org:8443", None, True, ("example.org", 8443)),
        ("example.org:", None, True, ("example.org", 443)),
        ("[::1]", None, True, ("::1", 443)),
        ("[::1]:8443", None, True, ("::1", 8443)),
        ("::1", 8443, True, ("::1", 8443)),
        ("fe80::1%eth0", 443, True, ("fe80::1%eth0", 443)),
        ("b\u00fccher.example", 0, True, ("xn--bcher-kva.example", 0)),
    ],
)
def test_rfc9110_4_2_a_host_and_its_port_are_taken_apart(host, port, secure, found):
    assert host_and_port(host, port, secure) == found


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("exa mple", None, r"contains ' '.*4\.2"),
        ("a\r\nb", None, r"contains '\\r'"),
        ("a/b", None, r"RFC 3986, 3\.2"),
        ("https://a", None, r"RFC 3986, 3\.2"),
        ("::1", None, r"\[::1\].*RFC 3986, 3\.2\.2"),
        ("a:https", None, "nonnumeric port: 'https'"),
        ("a:99999", None, "99999 is not within"),
        ("a", -1, "-1 is not within"),
        ("example.org:8443", 1, r"given twice.*:8443.* 1"),
        ("\u00fc" * 99, None, "not a name in the DNS"),
    ],
)
def test_what_is_no_host_and_port_is_refused_with_its_reason(host, port, why):
    with pytest.raises(InvalidURL, match=why):
        host_and_port(host, port, None)


@pytest.mark.parametrize(
    ("host", "plain", "literal"),
    [
        ("example.org", "example.org", "example.org"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::1", "::1", "[::1]"),
        ("fe80::1%eth0", "fe80::1", "[fe80::1]"),
        ("odd%name", "odd%name", "odd%name"),  # a zone belongs to an address
    ],
)
def test_rfc3986_3_2_2_an_ipv6_address_has_brackets_and_no_zone(host, plain, literal):
    assert _hosts.without_zone(host) == plain
    assert _hosts.bracketed(host) == literal
    assert authority_of(host, 443, "https") == literal
    assert authority_of(host, 443, "http") == f"{literal}:443"


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
    wired = MemoryEndpoint()
    own = f"https://{AUTHORITY}"
    wired.receive(
        wire.altsvc(0, own, 'h3=":1"'),
        wire.altsvc(0, "https://elsewhere.example", 'h3=":2"'),
        wire.altsvc(0, "nonsense", 'h3=":3"'),
        wire.altsvc(0, f"{own}:443", 'h3=":4"'),  # the same origin, and the latest word
    )
    assert origins.alt_services(wired.endpoint) == [(own, 'h3=":4"')]


def test_rfc8336_2_3_the_origin_set_begins_with_the_initial_origin():
    wired = MemoryEndpoint()
    initial = Origin("https", AUTHORITY.upper())
    assert origins.origin_set(wired.endpoint, initial) is None
    wired.receive(wire.origin(["https://www.example", "nonsense", "https://WWW.example:443"]))
    assert origins.origin_set(wired.endpoint, initial) == (
        f"https://{AUTHORITY}",
        "https://www.example",
    )
    # Over cleartext, ORIGIN "MUST be ignored" (2.2).
    assert origins.origin_set(wired.endpoint, Origin("http", AUTHORITY)) is None
    misdirected = wire.block([(":status", "421")])
    wired.receive(wire.headers(wired.open().id, misdirected, end_stream=True))
    assert origins.origin_set(wired.endpoint, initial) == ("https://www.example",)
    wired.receive(wire.headers(wired.open().id, OK, end_stream=True))


def test_more_targets_than_are_remembered_change_nothing():
    """RFC 9113, 8.3.1: what is forgotten is worked out again."""
    origin = Origin("https", AUTHORITY)
    first = origin.target("/0")
    for number in range(2 * origins.MAX_TARGETS):
        assert origin.target(f"/{number}")[-1] == (b":path", b"/%d" % number)
    assert origin.target("/0") == first
    assert len(origin._targets) <= origins.MAX_TARGETS
