"""urllib.request over HTTP/2: what scripts do with openers, with HTTP2Handler among them."""

from __future__ import annotations

import http.client
import http.cookiejar
import io
import json
import socket
import ssl
import urllib.error
import urllib.request

import pytest

from hyper.contrib.urllib import HTTP2Handler
from hyper.testing import wire
from test.live.server import FILES, pattern
from test.live.servers import sha256

SECRET = "user:{PLAIN}open sesame\n"

# nginx says which protocol was spoken.
DIRECTIVES = [
    "add_header x-protocol $server_protocol always;",
    "location = /old { return 302 /style.css; }",
    "location = /moved { return 307 /upload/moved; }",
    "location = /loop { return 302 /loop; }",
    "location = /login { add_header set-cookie 'seen=yes; Path=/'; return 302 /cookie; }",
    "location = /cookie { default_type text/plain; return 200 $http_cookie; }",
    "location = /private.css { alias files/style.css; auth_basic inside; auth_basic_user_file u; }",
]


@pytest.fixture
def opener(certificates):
    return urllib.request.build_opener(HTTP2Handler(context=certificates.client_context()))


@pytest.fixture
def site(server):
    running = server("nginx", directives=DIRECTIVES)
    (running.directory / "u").write_text(SECRET)
    return running


def test_an_opener_speaks_http_2(node, opener):
    with opener.open(node.url("/fields?q=1"), timeout=10) as response:
        assert (response.status, response.version, response.msg) == (200, 20, "OK")
        assert response.url == node.url("/fields?q=1")
        assert response.headers["Content-Type"] == "application/json"
        seen = json.load(response)
    assert (seen["method"], seen["path"], seen["scheme"]) == ("GET", "/fields?q=1", "https")
    assert seen["fields"]["user-agent"].startswith("Python-urllib/")
    # urllib says connection: close, which HTTP/2 has no use for (RFC 9113, 8.2.2).
    assert "connection" not in seen["fields"]


def test_the_handler_stands_in_the_place_of_urllibs_own(opener):
    https = [h for h in opener.handlers if isinstance(h, urllib.request.HTTPSHandler)]
    assert [type(handler) for handler in https] == [HTTP2Handler]


def test_urlopen_speaks_http_2_once_the_opener_is_installed(node, opener, monkeypatch):
    monkeypatch.setattr(urllib.request, "_opener", None)  # put back at the end
    urllib.request.install_opener(opener)
    with urllib.request.urlopen(node.url(), timeout=10) as response:
        assert (response.version, response.read()) == (20, b"hello from node\n")


def test_an_http_1_1_server_is_spoken_to_in_its_own_way(old_server, opener):
    url = f"https://localhost:{old_server.port}/"
    with opener.open(url, timeout=10) as response:
        assert (response.version, response.read()) == (11, b"hello in HTTP/1.1\n")
    assert opener.open(url, b"a=1", timeout=10).read() == b"a=1"


def test_a_large_body_is_there_though_urllib_drops_the_socket_before(node, opener):
    with opener.open(node.url("/bytes/1000000"), timeout=10) as response:
        pieces = list(iter(lambda: response.read(65536), b""))
    assert b"".join(pieces) == pattern(1_000_000)


def test_lines_are_iterated(node, opener):
    with opener.open(node.url("/drip/3/1"), timeout=10) as response:
        assert list(response) == [b"drip\n"] * 3


CONTENT = pattern(300_000)


@pytest.mark.parametrize(
    "content",
    [CONTENT, io.BytesIO(CONTENT), iter([CONTENT[:100], CONTENT[100:]])],
    ids=["bytes", "file", "iterable"],
)
def test_content_of_every_kind_is_uploaded(node, opener, content):
    request = urllib.request.Request(node.url("/digest"), data=content)
    answer = json.load(opener.open(request, timeout=10))
    assert (answer["size"], answer["sha256"]) == (len(CONTENT), sha256(CONTENT))


def test_a_redirect_is_followed(site, opener):
    with opener.open(site.url("/old"), timeout=10) as response:
        assert response.url == site.url("/style.css")
        assert response.headers["x-protocol"] == "HTTP/2.0"
        assert response.read() == FILES["style.css"]


def test_a_redirect_without_end_is_an_error(site, opener):
    with pytest.raises(urllib.error.HTTPError, match="infinite loop") as caught:
        opener.open(site.url("/loop"), timeout=10)
    caught.value.close()


def test_an_error_can_be_read(node, opener):
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(node.url("/status/503"), timeout=10)
    with caught.value as error:
        assert (error.code, error.reason) == (503, "Service Unavailable")
        assert error.headers["etag"] == '"node"'
        assert error.read() == b"status 503\n"


def test_cookies_are_kept_and_sent(site, certificates):
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(
        HTTP2Handler(context=certificates.client_context()),
        urllib.request.HTTPCookieProcessor(jar),
    )
    with opener.open(site.url("/login"), timeout=10) as response:
        assert response.read() == b"seen=yes"
    assert [(cookie.name, cookie.value) for cookie in jar] == [("seen", "yes")]


def test_basic_authentication(site, certificates):
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, site.url(), "user", "open sesame")
    handler = HTTP2Handler(context=certificates.client_context())
    opener = urllib.request.build_opener(handler, urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(site.url("/private.css"), timeout=10) as response:
        assert response.read() == FILES["style.css"]
        assert response.headers["x-protocol"] == "HTTP/2.0"
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        urllib.request.build_opener(handler).open(site.url("/private.css"), timeout=10)
    caught.value.close()


def test_a_proxy_is_asked_for_a_tunnel(node, certificates, proxy):
    """HTTP/2 is agreed on inside the tunnel, with the server (RFC 9113, 3.2)."""
    opener = urllib.request.build_opener(
        HTTP2Handler(context=certificates.client_context()),
        urllib.request.ProxyHandler({"https": f"http://127.0.0.1:{proxy.server_port}"}),
    )
    with opener.open(node.url("/fields"), timeout=10) as response:
        assert response.version == 20
        assert json.load(response)["authority"] == f"localhost:{node.port}"
    assert proxy.asked == [f"localhost:{node.port}"]


def test_a_timeout_is_the_one_that_urllib_promises(node, opener):
    with pytest.raises((urllib.error.URLError, socket.timeout), match="timed out"):
        opener.open(node.url("/never"), timeout=0.2)


def test_a_certificate_of_nobodys_is_refused(node):
    opener = urllib.request.build_opener(HTTP2Handler())
    with pytest.raises(urllib.error.URLError) as caught:
        opener.open(node.url(), timeout=10)
    assert isinstance(caught.value.reason, ssl.SSLCertVerificationError)


@pytest.mark.filterwarnings("ignore:.*check_hostname are deprecated:DeprecationWarning")  # to 3.11
@pytest.mark.parametrize("check_hostname", [True, False])
def test_the_name_is_checked_as_asked(server, certificates, check_hostname):
    running = server("node", pair=certificates.wrong_name)
    opener = urllib.request.build_opener(
        HTTP2Handler(context=certificates.client_context(), check_hostname=check_hostname)
    )
    if check_hostname:
        with pytest.raises(urllib.error.URLError, match=r"[Hh]ostname"):
            opener.open(running.url(), timeout=10)
    else:
        with opener.open(running.url(), timeout=10) as response:
            assert (response.version, response.read()) == (20, b"hello from node\n")


def test_debuglevel_shows_the_request_and_the_response(node, certificates, capsys):
    handler = HTTP2Handler(debuglevel=1, context=certificates.client_context())
    urllib.request.build_opener(handler).open(node.url(), timeout=10).close()
    printed = capsys.readouterr().out
    assert "send: b'GET / HTTP/1.1" in printed
    assert "reply: 'HTTP/2 200" in printed


def test_another_class_in_http_clients_place_is_respected(node, certificates, monkeypatch):
    """Recorders of traffic (vcrpy) put theirs there."""

    class Recorder(http.client.HTTPSConnection):
        pass

    monkeypatch.setattr(http.client, "HTTPSConnection", Recorder)
    seen = []
    monkeypatch.setattr(
        urllib.request.AbstractHTTPHandler, "do_open", lambda *given, **_: seen.append(given[1])
    )
    handler = HTTP2Handler(context=certificates.client_context())
    handler.https_open(urllib.request.Request(node.url()))
    assert seen == [Recorder]


def refuses(times):
    """A script: so many connections end with the request unprocessed; then it is answered."""

    def script(peer):
        for _ in range(times):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))
            peer.accept()
        peer.handshake()
        stream_id, _, content = peer.want_request()
        peer.write_response(stream_id, b"got " + content)

    return script


def test_a_post_gets_through_as_often_as_connections_end(scripted_peer, certificates, opener):
    """RFC 9113, 6.8; 8.7."""
    peer = scripted_peer(refuses(20), certificates.server_context())
    url = f"https://localhost:{peer.port}/"
    assert opener.open(url, b"content", timeout=10).read() == b"got content"


def test_without_replay_the_first_refusal_is_an_error(scripted_peer, certificates):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.write(wire.goaway(0))

    peer = scripted_peer(script, certificates.server_context())
    handler = HTTP2Handler(context=certificates.client_context(), replay=False)
    with pytest.raises(http.client.RemoteDisconnected, match="GOAWAY"):
        urllib.request.build_opener(handler).open(f"https://localhost:{peer.port}/", timeout=10)
