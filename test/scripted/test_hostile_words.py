"""Words of strangers are shown escaped and cut, and no password of ours is shown at all
(RFC 9113, 10.6; RFC 9110, 4.2.4, 9.3.6).
"""

from __future__ import annotations

import base64
import re
from http.client import BadStatusLine

import pytest

from hyper import (
    ConnectionTerminated,
    HTTP20Connection,
    HTTPConnection,
    NegotiationError,
    ProxyError,
)
from hyper.proxies import Proxy
from hyper.testing import DEADLINE, wire
from test.words import all_words

EVIL = b"\x1b[31mred\x1b[0m\nCRITICAL forged line\r\x07\x00\x9b\xe2\x80\xae"
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]").search
PASSWORD = "pw-secret"
CREDENTIALS = base64.b64encode(b"name:" + PASSWORD.encode()).decode()


def check_shown(error):
    """One line that a terminal or a log can bear."""
    words = str(error)
    assert not CONTROL(words), repr(words)
    assert len(words) < 2000


# ---- GOAWAY ----


@pytest.mark.parametrize("debug", [EVIL, b"x" * 16_000, EVIL * 300], ids=["evil", "long", "both"])
def test_debug_data_is_shown_escaped_and_cut(connect, debug):
    """RFC 9113, 6.8: it "could contain security- or privacy-sensitive data"; debug_data has all."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM, debug))
        peer.close()

    connection = connect(script)
    with pytest.raises(ConnectionTerminated) as caught:
        connection.getresponse(connection.request("GET", "/"))
    check_shown(caught.value)
    assert caught.value.debug_data == debug


def test_debug_data_is_in_the_words_of_a_request_that_was_not_processed(connect):
    """RFC 9113, 6.8."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write(wire.goaway(0, wire.ENHANCE_YOUR_CALM, b"too_many_pings" + EVIL))

    connection = connect(script, replay=False)
    with pytest.raises(ConnectionTerminated, match="too_many_pings") as caught:
        connection.getresponse(connection.request("GET", "/"))
    check_shown(caught.value)
    assert caught.value.retryable


# ---- an answer in HTTP/1 ----


def test_an_answer_in_http_1_is_shown_escaped(connect):
    """RFC 9113, 3.4."""

    def script(peer):
        peer.want_preface()
        peer.write(b"HTTP/1.1 400 " + EVIL + b"\r\n\r\n")

    connection = connect(script)
    with pytest.raises(NegotiationError) as caught:
        connection.getresponse(connection.request("GET", "/"))
    check_shown(caught.value)


# ---- proxies ----


@pytest.mark.parametrize("in_tunnel", [False, True], ids=["server", "proxy"])
def test_a_status_line_that_is_none_is_shown_escaped_by_the_drop_in(scripted_peer, in_tunnel):
    """RFC 9112, 4; ``line`` has it as it came."""
    line = EVIL.replace(b"\n", b"")

    def script(peer):
        peer.want_until()
        peer.write(line + b"\r\n\r\n")

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, timeout=DEADLINE)
    if in_tunnel:
        connection.set_tunnel("example.org", 80)
    else:
        connection.request("GET", "/")
    with pytest.raises(BadStatusLine) as caught:
        connection.connect() if in_tunnel else connection.getresponse()
    check_shown(caught.value)
    assert caught.value.line.encode("latin-1").startswith(line)
    connection.close()


@pytest.mark.parametrize(
    "words", [b"No " + EVIL.replace(b"\n", b""), b"x" * 5000], ids=["evil", "long"]
)
def test_a_refused_tunnel_of_the_drop_in_is_shown_escaped_and_cut(scripted_peer, words):
    """RFC 9110, 9.3.6: http.client shows what the proxy has written."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 403 " + words + b"\r\ncontent-length: 0\r\n\r\n")

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, http2="prior", timeout=DEADLINE)
    connection.set_tunnel("example.org", 443)
    said = ""
    try:
        connection.request("GET", "/")
    except OSError as error:  # not kept: before 3.10 http.client leaves the proxy's answer open
        said = str(error)
    assert said.startswith("Tunnel connection failed: 403 ")
    check_shown(said)


@pytest.fixture
def through(scripted_peer):
    """Start a proxy's script, and give a connection through it."""

    def start(script, scheme="http", user=""):
        peer = scripted_peer(script)
        proxy = Proxy(f"{scheme}://{user}{peer.host}:{peer.port}")
        return HTTP20Connection("example.org", 80, secure=False, proxy=proxy, timeout=DEADLINE)

    return start


NO_NULL = EVIL.replace(b"\x00", b"").replace(b"\n", b"").replace(b"\r", b"")
ANSWERS = {
    "reason": b"HTTP/1.1 403 " + NO_NULL + b"\r\nContent-Length: 0\r\n\r\n",
    "long reason": b"HTTP/1.1 403 " + b"x" * 30_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "content": b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(EVIL) + EVIL,
    "folded challenge": b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=a\r\n FORGED\r\n"
    b"Content-Length: 0\r\n\r\n",
    "challenge": b"HTTP/1.1 407 No\r\nProxy-Authenticate: " + NO_NULL + b"\r\n\r\n",
    "long challenge": b"HTTP/1.1 407 No\r\nProxy-Authenticate: " + b"y" * 30_000 + b"\r\n\r\n",
    "many challenges": b"HTTP/1.1 407 No\r\n" + b"Proxy-Authenticate: Basic\r\n" * 90 + b"\r\n",
    "no HTTP": EVIL + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_proxys_words_are_shown_escaped_and_cut(through, answer):
    """RFC 9110, 9.3.6, 15.5.8: anybody may be the proxy."""

    def script(peer):
        peer.want_until()
        peer.write(ANSWERS[answer])
        peer.close()

    with pytest.raises(ProxyError) as caught:
        through(script).request("GET", "/")
    check_shown(caught.value)


@pytest.mark.parametrize("status", ["403", "407"])
def test_the_words_of_a_proxy_over_http_2_are_shown_escaped_and_cut(through, status):
    """RFC 9113, 8.5; RFC 9110, 15.5.8."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write_headers(1, [(":status", status), ("proxy-authenticate", b"a\x1b[31m\x9bb")])
        peer.write_data(1, EVIL, end_stream=True)

    with pytest.raises(ProxyError) as caught:
        through(script, "h2c").request("GET", "/")
    check_shown(caught.value)


def test_debug_data_of_a_proxy_is_shown_escaped(through):
    """RFC 9113, 6.8, 8.5."""

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write(wire.goaway(1, wire.ENHANCE_YOUR_CALM, EVIL))
        peer.close()

    with pytest.raises(Exception, match="ENHANCE_YOUR_CALM") as caught:
        through(script, "h2c").request("GET", "/")
    check_shown(caught.value)


@pytest.mark.parametrize("status", [403, 407, 502])
@pytest.mark.parametrize("scheme", ["http", "h2c"])
@pytest.mark.parametrize("place", ["content", "challenge", "reason"])
def test_a_proxy_that_echoes_the_request_gets_no_password_shown(through, status, scheme, place):
    """RFC 9110, 4.2.4: nothing of proxy-authorization is in a message, coded or plain."""
    echo = f"Proxy-Authorization: Basic {CREDENTIALS} name:{PASSWORD}"

    def script(peer):
        if scheme == "h2c":
            peer.handshake()
            peer.want_headers(1)
            challenge = echo if place == "challenge" else "Basic"
            peer.write_headers(1, [(":status", str(status)), ("proxy-authenticate", challenge)])
            peer.write_data(1, echo.encode() if place == "content" else b"no", end_stream=True)
            return
        peer.want_until()
        lines = [
            f"HTTP/1.1 {status} {echo if place == 'reason' else 'No'}",
            f"Proxy-Authenticate: {echo if place == 'challenge' else 'Basic'}",
            f"Content-Length: {len(echo) if place == 'content' else 0}",
        ]
        peer.write("\r\n".join([*lines, "", echo if place == "content" else ""]).encode())

    with pytest.raises(ProxyError) as caught:
        through(script, scheme, user=f"name:{PASSWORD}@").request("GET", "/")
    assert CREDENTIALS not in all_words(caught.value)
    assert PASSWORD not in all_words(caught.value)
