"""protocol/origins.py: host and port, taken apart and put together (RFC 9110, 4.2)."""

from __future__ import annotations

import http.client

import pytest

from hyper._hosts import authority_of, host_and_port
from hyper.errors import InvalidURL


@pytest.mark.parametrize(
    ("host", "port", "secure", "found"),
    [
        ("example.org", None, None, ("example.org", 443)),
        ("example.org", None, True, ("example.org", 443)),
        ("example.org", None, False, ("example.org", 80)),
        ("example.org:8080", None, False, ("example.org", 8080)),
        ("example.org:", None, None, ("example.org", 443)),
        ("example.org", 0, None, ("example.org", 0)),
        ("example.org", 65535, None, ("example.org", 65535)),
        ("[2001:db8::1]", None, None, ("2001:db8::1", 443)),
        ("[2001:db8::1]:8443", None, None, ("2001:db8::1", 8443)),
        ("[::1]", 8443, None, ("::1", 8443)),
        ("::1", 8443, None, ("::1", 8443)),
        ("[fe80::1%eth0]", None, False, ("fe80::1%eth0", 80)),
    ],
)
def test_a_host_is_taken_apart(host, port, secure, found):
    assert host_and_port(host, port, secure) == found


@pytest.mark.parametrize("host", ["example.org", "example.org:8080", "[::1]:8443", "a:", "[::1]"])
def test_http_client_takes_a_host_apart_as_we_do(host):
    connection = http.client.HTTPConnection(host)
    assert host_and_port(host, None, secure=False) == (connection.host, connection.port)


@pytest.mark.parametrize(
    ("host", "label"),
    [("bücher.example", "xn--bcher-kva.example"), ("bücher.example:8443", "xn--bcher-kva.example")],
)
def test_rfc5890_2_3_2_1_a_name_beyond_ascii_becomes_its_a_label(host, label):
    assert host_and_port(host, None, secure=True)[0] == label


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("exa mple", None, "contains ' '"),
        ("a\r\nx: y", None, "contains"),
        ("a\0b", None, "contains"),
        ("https://example.org", None, "more than a host"),
        ("example.org/path", None, "more than a host"),
        ("::1", None, r"write \[::1\]"),
        ("2001:db8::1:443", None, r"write \["),
        ("example.org:https", None, "nonnumeric port: 'https'"),
        ("example.org:-1", None, "nonnumeric port"),
        ("example.org:65536", None, "port 65536"),
        ("example.org", 65536, "port 65536"),
        ("example.org", -1, "port -1"),
        ("bücher" * 20, None, "not a name in the DNS"),
    ],
)
def test_a_host_that_is_not_one_is_refused_in_words(host, port, words):
    with pytest.raises(InvalidURL, match=words):
        host_and_port(host, port, secure=None)


def test_a_port_of_digits_that_are_not_ascii_is_refused():
    """RFC 3986, 3.2.3: a port is of DIGIT."""
    with pytest.raises(InvalidURL):
        host_and_port("example.org:\u0664\u0664\u0663", None, secure=None)


@pytest.mark.parametrize(
    ("host", "port", "scheme", "authority"),
    [
        ("example.org", 443, "https", "example.org"),
        ("example.org", 80, "http", "example.org"),
        ("example.org", 80, "https", "example.org:80"),
        ("example.org", 443, "http", "example.org:443"),
        ("::1", 443, "https", "[::1]"),
        ("2001:db8::1", 8443, "https", "[2001:db8::1]:8443"),
        ("fe80::1%eth0", 8443, "https", "[fe80::1]:8443"),
    ],
)
def test_9113_8_3_1_an_authority_names_the_port_that_is_not_the_scheme_s(
    host, port, scheme, authority
):
    """RFC 6874: the zone is ours, and is sent to nobody."""
    assert authority_of(host, port, scheme) == authority


@pytest.mark.parametrize("authority", ["example.org", "example.org:8443", "[::1]", "[::1]:8443"])
def test_taken_apart_and_put_together_an_authority_is_itself(authority):
    assert authority_of(*host_and_port(authority, None, secure=True), "https") == authority
