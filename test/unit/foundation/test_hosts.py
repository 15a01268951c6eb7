"""foundation/hosts.py: hosts and ports, read and written (RFC 9110, 4.2; RFC 3986, 3.2)."""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import sys

import pytest

from hyper.errors import InvalidURL
from hyper.foundation import hosts
from hyper.foundation.hosts import authority_of, host_and_port, plain_name


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
        ("[fe80::1%25eth0]", None, False, ("fe80::1%eth0", 80)),  # RFC 6874, 2
        ("[fe80::1%25]", None, False, ("fe80::1%25", 80)),  # an interface's number
        ("[fe80::1%251]", None, False, ("fe80::1%251", 80)),
        ("fe80::1%eth0", 8443, None, ("fe80::1%eth0", 8443)),
        ("example.org", "8443", None, ("example.org", 8443)),
        ("[::1]", "0443", None, ("::1", 443)),
        ("a_b.example.org.", None, None, ("a_b.example.org.", 443)),
        ("x" * 63 + ".org", None, None, ("x" * 63 + ".org", 443)),
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
        ("bücher" * 2000, None, "longer than 253 octets"),
        (".".join(["x" * 49] * 5) + ".12345", None, "253 at most"),
        ("", None, "the host is empty"),
        (".", None, "1 to 63 octets"),
        ("a..b", None, "1 to 63 octets"),
        ("a.b..", None, "1 to 63 octets"),
        ("x" * 64, None, "1 to 63 octets"),
        ("*.example.org", None, r"contains '\*'"),
        ("a,b", None, "contains ','"),
        ("a%41", None, "contains '%'"),
        ("[::1", None, "has brackets"),
        ("[::1]x", None, "has brackets"),
        ("[example.org]", None, "not an IPv6 address"),
        ("::g", 443, "not an IPv6 address"),
        ("[fe80::1%]", None, "has a zone"),
        ("[fe80::1%a b]", None, "has a zone"),
        ("example.org:1", 2, "given twice"),
        ("example.org", "", "the port is empty"),
        ("example.org", "https", "nonnumeric port: 'https'"),
        ("example.org", "000000443", "not within"),
        ("user:secret@example.org", None, "an '@' in the place of a host"),
        ("https://user:secret@example.org", 443, "an '@' in the place of a host"),
    ],
)
def test_a_host_that_is_not_one_is_refused_in_words(host, port, words):
    with pytest.raises(InvalidURL, match=words):
        host_and_port(host, port, secure=None)


@pytest.mark.parametrize(
    "deviation", ["fa\xdf.de", "\u03b2\u03cc\u03bb\u03bf\u03c2.com", "fa\u1e9e.de"]
)
def test_without_idna_a_name_that_2003_and_2008_read_differently_is_refused(monkeypatch, deviation):
    """UTS 46, 7: Python's own IDNA would reach another host, 'fass.de'."""
    monkeypatch.setitem(sys.modules, "idna", None)
    with pytest.raises(InvalidURL, match=r"pip install 'hyper\[idna\]'"):
        host_and_port(deviation, None, secure=True)
    assert host_and_port("B\xfccher.example", None, secure=True)[0] == "xn--bcher-kva.example"
    with pytest.raises(InvalidURL, match="not a name in the DNS"):
        host_and_port("b\xfccher" * 20, None, secure=True)


def test_with_idna_a_sharp_s_stays_one(monkeypatch):
    """RFC 5891, 5.4; UTS 46, 4."""
    pytest.importorskip("idna")
    assert host_and_port("Fa\xdf.de:8443", None, secure=True) == ("xn--fa-hia.de", 8443)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("example.org.", "example.org"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_rfc6066_3_tls_names_a_host_without_the_root_s_dot_and_a_zone(host, name):
    assert hosts.tls_name(host) == name


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


@pytest.mark.parametrize(
    ("taker", "module"), [(socket.getaddrinfo, socket), (ssl.SSLContext.wrap_bio, ssl)]
)
@pytest.mark.parametrize(
    "host", ["localhost", "a.example.", "127.0.0.1", "::1", "fe80::1%eth0", "x" * 63, "a_b.example"]
)
def test_a_plain_name_is_what_the_codec_of_idna_makes_of_it(host, taker, module):
    """RFC 5890, 2.3.1: so that the codec need not be loaded."""
    assert plain_name(host, taker, module) == host.encode("idna")


@pytest.mark.parametrize("host", ["", ".", "a..example", "x" * 64, "bücher.example", b"localhost"])
def test_a_name_that_the_codec_of_idna_changes_or_refuses_is_left_to_it(host):
    assert plain_name(host, socket.getaddrinfo, socket) is host


@functools.wraps(socket.getaddrinfo)
def wrapped(*arguments):
    """As tests and monitors put it in the place of getaddrinfo."""
    return socket.getaddrinfo(*arguments)


@pytest.mark.parametrize("taker", [wrapped, functools.partial(socket.getaddrinfo), None])
def test_a_function_that_is_not_sockets_own_gets_a_name_as_text(taker):
    assert plain_name("localhost", taker, socket) == "localhost"
