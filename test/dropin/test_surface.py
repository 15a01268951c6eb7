"""Every public name, signature and default of http.client's, on the Python that runs this."""

from __future__ import annotations

import http.client
import inspect

import pytest

import hyper
from hyper import InvalidURL
from hyper.dropin.connection import HTTPConnection, HTTPResponse, HTTPSConnection
from hyper.dropin.response import DropinResponse
from test.words import all_words

PAIRS = [
    (http.client.HTTPConnection, HTTPConnection),
    (http.client.HTTPSConnection, HTTPSConnection),
    (http.client.HTTPResponse, HTTPResponse),
    (http.client.HTTPResponse, DropinResponse),
]
NAMES = [
    pytest.param(theirs, ours, name, id=f"{ours.__name__}.{name}")
    for theirs, ours in PAIRS
    for name in dir(theirs)
    if not name.startswith("_")
]


def parameters(function):
    _self, *others = inspect.signature(function).parameters.values()
    return others


@pytest.mark.parametrize(("theirs", "ours", "name"), NAMES)
def test_every_method_takes_what_the_stdlib_takes(theirs, ours, name):
    """Name by name; what hyper adds comes behind, and may be left out."""
    assert hasattr(ours, name)
    wanted = getattr(theirs, name)
    if not inspect.isfunction(wanted):
        return
    known = [(p.name, p.kind, p.default) for p in parameters(wanted)]
    given = parameters(getattr(ours, name))
    assert [(p.name, p.kind, p.default) for p in given[: len(known)]] == known
    assert all(p.default is not p.empty for p in given[len(known) :])


@pytest.mark.parametrize(("theirs", "ours"), PAIRS[:3], ids=lambda c: c.__name__)
def test_constructors(theirs, ours):
    """Those of newer Pythons that are given by name alone are taken too, among hyper's options."""
    known = [(p.name, p.kind, p.default) for p in parameters(theirs.__init__)]
    given = [(p.name, p.kind, p.default) for p in parameters(ours.__init__)]
    by_place = [each for each in known if each[1] is not inspect.Parameter.KEYWORD_ONLY]
    assert given[: len(by_place)] == by_place
    by_name = {name for name, *_ in known[len(by_place) :]}
    added = {name for name, *_ in given[len(by_place) :]} - by_name
    assert added <= {"http2", "options"}
    assert by_name <= {name for name, *_ in given} or "options" in added


def test_classes_stand_to_each_other_as_the_stdlibs_do():
    assert issubclass(HTTPSConnection, HTTPConnection)
    assert issubclass(HTTPSConnection, http.client.HTTPSConnection)
    assert issubclass(DropinResponse, HTTPResponse)
    assert issubclass(DropinResponse, http.client.HTTPResponse)
    assert hyper.HTTPSConnection is HTTPSConnection


@pytest.mark.parametrize("name", ["default_port", "auto_open", "debuglevel"])
@pytest.mark.parametrize(("theirs", "ours"), PAIRS[:2], ids=lambda c: c.__name__)
def test_class_attributes(theirs, ours, name):
    assert getattr(ours, name) == getattr(theirs, name)


def test_what_neither_knows_is_refused():
    with pytest.raises(TypeError, match="colour"):
        HTTPConnection("localhost", colour="red")
    with pytest.raises(TypeError, match="colour"):
        HTTPSConnection("localhost", colour="red")
    with pytest.raises(ValueError, match="http2 is None"):
        HTTPConnection("localhost", http2="h2c")


def test_a_connection_is_a_context_manager(node, old_server, https):
    """Which http.client's is not; it is closed at the end, and as usable after it as ever."""
    for server, version in ((node, 20), (old_server, 11)):
        with https(server) as connection:
            connection.request("POST", "/digest", b"x")
            response = connection.getresponse()
            assert response.version == version
            assert response.read()
            assert connection.sock is not None
        assert connection.sock is None
        connection.connect()
        with pytest.raises(http.client.ResponseNotReady), connection as entered:
            entered.getresponse()
        assert connection.sock is None


def test_a_context_manager_in_cleartext(node_cleartext):
    with HTTPConnection("127.0.0.1", node_cleartext.port, http2="prior", timeout=10) as connection:
        connection.request("GET", "/")
        response = connection.getresponse()
    assert connection.sock is None
    assert response.read()  # it was fetched


def test_a_response_has_the_attributes_that_scripts_read(node, https):
    connection = https(node)
    connection.request("GET", "/bytes/5")
    response = connection.getresponse()
    assert (response.status, response.code, response.getcode()) == (200, 200, 200)
    assert (response.reason, response.version) == ("OK", 20)
    assert (response.chunked, response.will_close, response.debuglevel) == (False, False, 0)
    assert response.length == 5
    assert response.headers is response.msg is response.info()
    assert isinstance(response.msg, http.client.HTTPMessage)
    assert isinstance(response, http.client.HTTPResponse)
    assert response.fileno() == connection.sock.fileno()
    assert response.readable()
    assert not response.writable()
    assert not response.seekable()
    assert response.getheader("content-LENGTH") == response.headers["content-length"] == "5"
    assert response.getheader("x-none") is None
    assert response.getheader("x-none", ["a", "b"]) == "a, b"
    assert ("Content-Length", "5") in response.getheaders()
    assert response.read(5) == b"\0\1\2\3\4"
    assert response.isclosed()
    response.begin()
    response.close()
    assert response.read() == response.read(1) == response.readline() == response.peek() == b""


@pytest.mark.parametrize("connection_class", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("blocksize", [0, -1])
def test_a_blocksize_below_1_is_refused(connection_class, blocksize):
    """http.client would send a file as no content, in silence."""
    with pytest.raises(ValueError, match="blocksize"):
        connection_class("localhost", blocksize=blocksize)
    connection = connection_class("localhost", blocksize=7)
    with pytest.raises(ValueError, match="blocksize"):
        connection.blocksize = blocksize
    assert connection.blocksize == 7


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
def test_max_response_headers_is_taken_by_every_python(kind):
    """http.client of Python 3.15 has it; before, a hundred fields are allowed (RFC 9110, 5.4)."""
    connection = kind("localhost", max_response_headers=7)
    has_it = "max_response_headers" in inspect.signature(http.client.HTTPConnection).parameters
    assert not has_it or connection.max_response_headers == 7


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
def test_a_port_may_be_text(kind):
    """RFC 3986, 3.2.3; as octets too, which getaddrinfo takes."""
    assert kind("localhost", "8443").port == kind("localhost", b"8443").port == 8443
    with pytest.raises(InvalidURL, match="port"):
        kind("localhost", b"http")


def test_a_port_that_is_text_is_connected_to(scripted_peer, certificates):
    """RFC 9110, 4.2: http.client does, because getaddrinfo does."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write_response(1, b"content")

    peer = scripted_peer(script, certificates.server_context())
    connection = HTTPSConnection(
        "localhost", str(peer.port), context=certificates.client_context(), timeout=10
    )
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"content"
    connection.close()


def by_position(kind, host):
    kind(host)


def by_keyword(kind, host):
    kind(host=host)


def by_tunnel(kind, host):
    kind("localhost").set_tunnel(host)


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("url", ["https://user:pw-secret@a b/", "/?pw-secret\n", "/pw-secret\x7f"])
def test_a_target_that_cannot_be_sent_is_not_shown(kind, url):
    """RFC 9112, 3.2: http.client's words have the whole URL in them."""
    for ask in (kind("localhost").request, kind("localhost").putrequest):
        with pytest.raises(InvalidURL, match="can't contain control characters") as caught:
            ask("GET", url)
        assert "pw-secret" not in all_words(caught.value)


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("give", [by_position, by_keyword, by_tunnel])
@pytest.mark.parametrize("host", ["user:pw-secret@host", "https://user:pw-secret@host/"])
def test_a_password_in_the_place_of_a_host_is_refused_and_not_shown(kind, give, host):
    """RFC 9110, 4.2.4: http.client takes what follows the colon for a port, and shows it."""
    with pytest.raises(InvalidURL, match="'@'") as caught:
        give(kind, host)
    assert "pw-secret" not in all_words(caught.value)


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("give", [by_position, by_keyword, by_tunnel])
@pytest.mark.parametrize("host", ["a..example.org", ".example.org:80", "a" * 64, "b." * 128])
def test_a_host_that_no_dns_knows_is_refused_when_it_is_given(kind, give, host):
    """RFC 1035, 2.3.4: not by the UnicodeError of the system's codec, and not by ``connect``."""
    with pytest.raises(InvalidURL, match="not a name in the DNS"):
        give(kind, host)


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
def test_the_zone_of_an_address_is_read_as_in_a_url(kind):
    """RFC 6874, 2: "%25" is a percent sign; a name has no zone."""
    assert kind("[fe80::1%25lo]:8443").host == "fe80::1%lo"
    assert kind("fe80::1%lo", 8443).host == "fe80::1%lo"
    with pytest.raises(InvalidURL, match="'%'"):
        kind("localhost%25lo")


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("host", ["", "/run/app.sock", "*.example.org"])
def test_a_host_that_only_a_script_s_own_connect_understands_is_taken(kind, host):
    assert kind(host).host == host


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
@pytest.mark.parametrize("port", ["", "http", "-1", "65536", "\u0661", "8443 ", "9" * 5000])
def test_text_that_is_not_a_port_is_refused_at_once(kind, port):
    """RFC 3986, 3.2.3: before anything is opened."""
    with pytest.raises(InvalidURL, match="port"):
        kind("localhost", port)
