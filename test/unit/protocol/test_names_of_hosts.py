"""Names of hosts and targets of requests: one grammar for whatever names a host
(RFC 9110, 4.2; RFC 9113, 8.3.1; RFC 3986, 3; RFC 5890).
"""

from __future__ import annotations

import time

import pytest

from hyper import HTTP20Connection, HTTPSConnection
from hyper.errors import InvalidURL, LocalProtocolError
from hyper.protocol import messages
from hyper.protocol.messages import Origin
from hyper.testing import wire
from test.memory_endpoint import MemoryEndpoint, request
from test.words import all_words

ORIGIN = Origin("https", "example.org")


def pseudo(url, headers=()):
    """Return what stands in the pseudo-header fields of a GET."""
    given = messages.request_fields(headers)
    section = messages.request_section("GET", url, ORIGIN, given, ())
    return {name.decode(): value.decode() for name, value in section if name[:1] == b":"}


# ---- targets ----


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("?next=https://evil.example/cb", "/?next=https://evil.example/cb"),
        ("?://evil.example/", "/?://evil.example/"),
        ("#https://evil.example/", "/"),
        ("/?next=https://evil.example/", "/?next=https://evil.example/"),
    ],
)
def test_a_query_sends_no_request_to_another_host(url, path):
    """RFC 3986, 3.1, 4.2: '?', '#' and '/' end the search for a scheme."""
    found = pseudo(url)
    assert found[":path"] == path
    assert (found[":scheme"], found[":authority"]) == ("https", "example.org")


@pytest.mark.parametrize(
    "url", ["https://example.org/", "HTTPS://EXAMPLE.ORG:443/", "https://user:pw@example.org?x#y"]
)
def test_an_absolute_uri_of_the_own_origin_is_known_as_that(url):
    """RFC 9110, 4.2.3, 4.3.1: the same objects, so that the next check is one of identity."""
    fields = ORIGIN.target(url)
    assert all(one is other for one, other in zip(fields, ORIGIN.pseudo))


def test_a_password_that_is_cut_by_its_own_slash_is_not_shown():
    """RFC 9110, 4.2.4; RFC 3986, 3.2: the authority ends at a "/" that is not percent-encoded."""
    with pytest.raises(InvalidURL, match=r"not host\[:port\]") as caught:
        pseudo("https://user:pw-secret/more@example.org/")
    assert "secret" not in all_words(caught.value)


@pytest.mark.parametrize(
    "url", ["next=https://evil.example/", "1http://evil.example/", "://evil.example/", "ht tp://a/"]
)
def test_what_has_no_scheme_is_no_absolute_uri(url):
    """RFC 3986, 3.1: a scheme begins with a letter, and has letters, digits, '+', '-' and '.'."""
    with pytest.raises(InvalidURL):
        pseudo(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost@evil.org",
        "user:pw@evil.org",
        "localhost//evil.org/",
        "localhost/path",
        "localhost?evil.org",
        "localhost#evil.org",
        "localhost\\evil.org",
        "localhost:port",
        "localhost:443:443",
        "[::1",
        "::1]",
        "[localhost]",
        "a,b",
        "localhost:99999",
        "",
        b"b\xfccher.example",
        "b\u00fccher.example",
    ],
)
def test_a_host_field_that_is_no_authority_is_refused(host):
    """RFC 9113, 8.3.1; RFC 9110, 7.2: it becomes ':authority', without userinfo."""
    with pytest.raises((InvalidURL, LocalProtocolError)):
        pseudo("/", {"host": host})


@pytest.mark.parametrize("host", ["a.example:8443", "[::1]:8443", "127.0.0.1", "a-b_c.example"])
def test_a_host_field_that_is_an_authority_goes_out(host):
    """RFC 9113, 8.3.1."""
    assert pseudo("/", {"host": host})[":authority"] == host


@pytest.mark.parametrize(
    ("host", "authority"),
    [("[fe80::1%25eth0]:8443", "[fe80::1]:8443"), ("[fe80::1%eth0]", "[fe80::1]")],
)
def test_a_zone_is_not_sent(host, authority):
    """RFC 6874, 4: it means something on this machine alone; also in the Host of an integration."""
    assert pseudo("/", {"host": host})[":authority"] == authority
    if "%25" in host:
        assert pseudo(f"https://{host}/")[":authority"] == authority


# ---- names beyond ASCII ----


NAMES = {
    "fa\xdf.de": "xn--fa-hia.de",
    "\u03b2\u03cc\u03bb\u03bf\u03c2.com": "xn--nxasmm1c.com",
    "b\xfccher.example": "xn--bcher-kva.example",
    "B\xdcCHER.example": "xn--bcher-kva.example",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com": "xn--mgba3gch31f060k.com",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [HTTP20Connection, HTTPSConnection], ids=["HTTP20", "drop-in"])
def test_a_name_beyond_ascii_is_itself_or_refused_but_never_another(name, kind):
    """RFC 5890, 2.3.2.1: names that IDNA 2003 and 2008 read differently are two hosts."""
    try:
        connection = kind(name)
    except InvalidURL:
        return
    assert connection.host in (NAMES[name], *([name] if kind is HTTPSConnection else []))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_beyond_ascii_in_a_url_is_itself_or_refused(name):
    """RFC 5890, 2.3.2.1: the same place knows names in absolute URIs."""
    try:
        found = pseudo(f"https://{name}/")
    except InvalidURL:
        return
    assert found[":authority"] == NAMES[name]


@pytest.mark.parametrize("name", ["a..example", ".example.org", "x" * 64 + ".org", "\xdf" * 80])
def test_a_name_that_no_dns_knows_is_refused_with_words(name):
    """RFC 1035, 2.3.4: no UnicodeError reaches the caller."""
    with pytest.raises(InvalidURL):
        HTTP20Connection(name)


# ---- ports ----


@pytest.mark.parametrize("port", ["8443", "443"])
def test_a_port_may_be_given_as_text(port):
    """RFC 9110, 4.2: as it stands in URLs and in configurations."""
    connection = HTTP20Connection("localhost", port)
    assert connection.port == int(port)
    assert connection.host == "localhost"


@pytest.mark.parametrize("port", ["http", "", "-1", "65536", "4 43", "\u0664\u0664\u0663", "8443x"])
def test_text_that_is_no_port_is_refused_before_anything_is_opened(port):
    """RFC 9110, 4.2."""
    with pytest.raises(InvalidURL):
        HTTP20Connection("localhost", port)


# ---- fields that Connection names ----


@pytest.mark.parametrize(
    "headers",
    [
        {"connection": "x-hop", "x-hop": "1"},
        {"x-hop": "1", "Connection": "close, X-Hop"},
        [("connection", "close"), ("connection", " x-hop ,keep-alive"), ("x-hop", "1")],
    ],
    ids=["alone", "in a list", "in two fields"],
)
def test_what_connection_names_is_not_sent(headers):
    """RFC 9110, 7.6.1: it is meant for this hop, which has no such field (RFC 9113, 8.2.2)."""
    given = messages.request_fields([*dict(headers).items(), ("x-end", "2")])
    if isinstance(headers, list):
        given = messages.request_fields([*headers, ("x-end", "2")])
    assert given.fields == ((b"x-end", b"2"),)


def test_what_connection_names_is_not_sent_as_a_trailer():
    """RFC 9110, 7.6.1; RFC 9113, 8.1."""
    trailers = [("x-hop", "1"), ("connection", "X-Hop"), ("x-end", "2")]
    assert messages.trailer_section(trailers) == ((b"x-end", b"2"),)


def test_te_trailers_is_sent_though_connection_names_it():
    """RFC 9110, 10.1.4: HTTP/1.1 must name it; RFC 9113, 8.2.2 lets it be."""
    given = messages.request_fields({"connection": "TE", "te": "trailers"})
    assert given.fields == ((b"te", b"trailers"),)


# ---- passwords ----


@pytest.mark.parametrize(
    "host",
    ["https://user:pw-secret@host/", "user:pw-secret@host", "user:pw-secret@host:443"],
)
@pytest.mark.parametrize("kind", [HTTP20Connection, HTTPSConnection], ids=["HTTP20", "drop-in"])
def test_a_password_in_the_place_of_a_host_is_not_shown(host, kind):
    """RFC 9110, 4.2.4: a host has no userinfo; who gives a URL instead is told so without it."""
    with pytest.raises((InvalidURL, OSError)) as caught:
        kind(host, 443).request("GET", "/")
    assert "pw-secret" not in all_words(caught.value)


@pytest.mark.parametrize("url", ["https://user:pw-secret@ho st/", "https://user:pw-secret@[host/"])
def test_a_password_in_a_url_is_not_shown(url):
    """RFC 9110, 4.2.4."""
    with pytest.raises(InvalidURL) as caught:
        pseudo(url)
    assert "pw-secret" not in all_words(caught.value)


# ---- promises ----


@pytest.mark.parametrize(
    "path",
    [
        b"/a\r\nb",
        b"/a\rb",
        b"/a\nb",
        b"/a\x00b",
        b"/a b",
        b"/a#b",
        b"",
        b"a",
        b"*",
        b"/a\x7f",
        b"/\xe9",
        b"//\t",
    ],
)
def test_a_promised_path_that_no_request_could_have_is_refused(path):
    """RFC 9113, 8.2.1, 8.3.1, 8.4.1: malformed."""
    client = MemoryEndpoint()
    stream = client.open()
    section = [*request()[:3], (b":path", path)]
    answers = client.receive(wire.push_promise(stream.id, 2, wire.block(section)))
    assert [(frame.type, frame.error_code) for frame in answers] == [
        (wire.RST_STREAM, wire.PROTOCOL_ERROR)
    ]
    assert client.endpoint.claim_promises(stream.id) == []
    client.answer(stream, b"page")
    assert stream.failure is None


@pytest.mark.parametrize(
    "authority",
    [b"user@example.org", b"example.org:port", b"a..example", b"\xe4.example", b"", b"[::1"],
)
def test_a_promised_authority_that_is_no_host_and_port_is_refused(authority):
    """RFC 9113, 8.3.1, 8.4.1: malformed, whatever the certificate covers."""
    client = MemoryEndpoint()
    stream = client.open()
    section = [*request()[:2], (b":authority", authority), (b":path", b"/")]
    answers = client.receive(wire.push_promise(stream.id, 2, wire.block(section)))
    assert [(frame.type, frame.error_code) for frame in answers] == [
        (wire.RST_STREAM, wire.PROTOCOL_ERROR)
    ]


def test_a_long_promised_authority_costs_no_more_than_its_octets():
    """RFC 9113, 10.5: IDNA's codec would take seconds for it."""
    client = MemoryEndpoint()
    stream = client.open()
    section = [*request()[:2], (b":authority", b"\xe4" * 12_000), (b":path", b"/")]
    begin = time.process_time()
    answers = client.receive(wire.push_promise(stream.id, 2, wire.block(section)))
    assert time.process_time() - begin < 0.5
    assert [(frame.type, frame.error_code) for frame in answers] == [
        (wire.RST_STREAM, wire.PROTOCOL_ERROR)
    ]
