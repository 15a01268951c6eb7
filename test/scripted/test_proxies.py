"""Proxies that are scripted: what a tunnel may say, and when (RFC 9110, 9.3.6; RFC 9113, 8.5)."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from hyper import (
    ConnectionTerminated,
    HTTP20Connection,
    NegotiationError,
    ProxyError,
    RemoteDisconnected,
)
from hyper.proxies import Proxy
from test import wire
from test.peer import DEADLINE, MemoryPeer
from test.scripted.script import want

OK = [(":status", "200")]
CANCEL, CONNECT_ERROR = 0x8, 0xA
# SETTINGS_INITIAL_WINDOW_SIZE
WINDOW = 0x4


class Inside(MemoryPeer):
    """The server at the other end of a tunnel, whose octets are DATA of the proxy's stream.

    credit: whether the proxy opens its windows again by what it has passed on.
    """

    def __init__(self, proxy, credit=False):
        def source():
            octets = proxy.want_data(1)
            if credit:
                size = len(octets)
                proxy.write(wire.window_update(0, size) + wire.window_update(1, size))
            return octets

        super().__init__(source, lambda octets: proxy.write_data(1, octets))


def open_tunnel(proxy, settings=()):
    """A proxy's part over HTTP/2 until the tunnel stands; the server behind it."""
    proxy.handshake(settings)
    assert proxy.want_headers(1, end_stream=False) == [
        (":method", "CONNECT"),
        (":authority", "example.org:80"),
    ]
    proxy.write_headers(1, OK)
    return Inside(proxy)


@pytest.fixture
def through(scripted_peer):
    """Start a proxy's script, and give a connection through it: `through(script, "h2c")`."""
    with ExitStack() as opened:

        def start(
            script,
            scheme="http",
            *,
            context=None,
            user="",
            proxy=None,
            host="example.org",
            **options,
        ):
            peer = scripted_peer(script, context)
            options.setdefault("timeout", DEADLINE)
            options.setdefault("secure", False)
            url = f"{scheme}://{user}{'localhost' if context else peer.host}:{peer.port}"
            connection = HTTP20Connection(host, 80, proxy=Proxy(url, **(proxy or {})), **options)
            opened.callback(connection.close)
            return connection

        yield start


def get(connection, path="/"):
    return connection.getresponse(connection.request("GET", path)).read()


def refused(connection, kind=ProxyError):
    """The error of a connection whose tunnel is not opened."""
    with pytest.raises(kind) as caught:
        connection.request("GET", "/")
    assert connection.sock is None
    return caught.value


class TestHTTP1:
    def test_a_tunnel_is_asked_for(self, through):
        def script(peer):
            assert peer.want_until() == (
                b"CONNECT example.org:80 HTTP/1.1\r\nhost: example.org:80\r\n"
                b"proxy-authorization: Basic bmFtZTpwOncK\r\nx-own: 1\r\n\r\n"
            )
            peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.handshake()
            want(peer, (":authority", "example.org"))
            peer.write_response(1, b"inside")

        connection = through(script, user="name:p%3Aw%0A@", proxy={"headers": {"X-Own": "1"}})
        assert get(connection) == b"inside"

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 Whatever\nX: bare LF\n\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ],
    )
    @pytest.mark.parametrize("is_cut", [False, True])
    def test_what_follows_the_head_belongs_to_the_tunnel(self, through, head, is_cut):
        """RFC 9110, 9.3.6: "Any 2xx"; fields that speak of content are ignored; 15.2: so is 1xx."""

        def script(peer):
            peer.want_until()
            octets = head + wire.settings()  # the server speaks at once
            for piece in (octets[:11], octets[11:-3], octets[-3:]) if is_cut else (octets,):
                peer.write(piece)
            peer.want_preface()
            peer.want_settings()
            peer.write_settings(ack=True)
            peer.want_settings(ack=True)
            want(peer)
            peer.write_response(1, b"inside")

        assert get(through(script)) == b"inside"

    @pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
    def test_tls_inside(self, through, certificates, alpn):
        """The server's certificate is looked at, and its ALPN, not the proxy's."""

        def script(peer):
            assert peer.want_until().startswith(b"CONNECT localhost:80 HTTP/1.1\r\n")
            peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(ssl.SSLError):
                peer.start_tls(certificates.server_context(alpn=(alpn,)))
            if alpn == "h2":
                peer.handshake()
                want(peer, (":authority", "localhost:80"))
                peer.write_response(1, b"inside")

        context = certificates.client_context()
        connection = through(script, host="localhost", secure=True, ssl_context=context)
        if alpn == "h2":
            assert get(connection) == b"inside"
        else:
            error = refused(connection, NegotiationError)
            assert not isinstance(error, ProxyError)

    def test_the_proxy_wants_credentials(self, through):
        """RFC 9110, 15.5.8."""

        def script(peer):
            peer.want_until()
            peer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                b'Proxy-Authenticate: Basic realm="us"\r\nProxy-Authenticate: Negotiate\r\n\r\n'
            )
            peer.want_closed()

        error = refused(through(script))
        assert error.status == 407
        assert 'it wants credentials, Basic realm="us", Negotiate (RFC 9110' in str(error)
        assert "give them in its URL" in str(error)
        error = refused(through(script, user="name:secret@"))
        assert "does not accept the credentials" in str(error)
        assert "secret" not in str(error)

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 403 No\r\nContent-Length: 19\r\n\r\n<p>Go\r\n away.</p>\r\n\r\n",
            b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<p>Go \r\n9\r\naway.</p>",
            b"HTTP/1.1 403 No\r\n\r\n<p>Go away.</p>",
        ],
        ids=["content-length", "chunked", "until the end"],
    )
    @pytest.mark.parametrize("ends", [True, False])
    def test_another_refusal_is_told_as_the_proxy_tells_it(
        self, through, answer, ends, monkeypatch
    ):
        monkeypatch.setattr("hyper.proxy.refusal.EXCERPT_DELAY", 0.2)

        def script(peer):
            peer.want_until()
            peer.write(answer)
            if ends:
                peer.close()
            peer.want_closed()

        error = refused(through(script))
        assert error.status == 403
        assert "refused CONNECT example.org:80 with 403 No" in str(error)
        assert str(error).endswith(": '<p>Go away.</p>'")

    def test_an_explanation_without_end_is_cut(self, through):
        def script(peer):
            peer.want_until()
            peer.write(b"HTTP/1.1 503 Busy\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    peer.write(b"x" * 4096)

        assert len(str(refused(through(script)))) < 500

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (b"", "RemoteDisconnected"),
            (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine"),
            (b"HTTP/1.1 200 OK\r\n", "the end came within its head"),
            (b"HTTP/1.1 200 OK\r\nX: y\r", "the end came within its head"),
            (b"HTTP/1.1 100 Continue\r\n\r\n", "RemoteDisconnected"),
            (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 40, "more than 32 interim responses"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "100 headers"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "beyond 65536 octets|header line"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000 + b"\r\nX: " + b"z" * 9_000, "beyond 65536"),
        ],
    )
    def test_an_answer_that_is_none(self, through, answer, words):
        def script(peer):
            peer.want_until()
            with contextlib.suppress(OSError):
                peer.write(answer)
                peer.close()

        error = refused(through(script))
        assert error.status is None
        assert re.search(words, str(error))
        assert "the proxy http://127.0.0.1:" in str(error)

    def test_a_refusal_whose_head_is_cut_is_one(self, through):
        def script(peer):
            peer.want_until()
            peer.write(b"HTTP/1.1 403 No\r\n")
            peer.close()

        assert refused(through(script)).status == 403

    def test_a_proxy_that_is_silent(self, through):
        begin = time.monotonic()
        error = refused(through(silent, timeout=0.1), TimeoutError)
        assert re.match(TO_THE_PROXY + "it did not open the tunnel in the time given", str(error))
        assert time.monotonic() - begin < 2

    def test_a_proxy_that_breaks_off(self, through):
        def script(peer):
            peer.want_until()
            peer.reset()

        error = refused(through(script), ConnectionResetError)
        assert re.search(TO_THE_PROXY, str(error))

    def test_the_round_trip_is_that_of_the_tunnel(self, through):
        def script(peer):
            peer.want_until()
            threading.Event().wait(0.05)  # the way from the proxy to the server
            peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.handshake()

        connection = through(script)
        connection.connect()
        assert 0.05 <= connection._pump._transport.round_trip < DEADLINE


def silent(peer):
    peer.want_until()
    peer.want_closed()


#: How a failure on the way to the proxy begins; it would read as the server's else.
TO_THE_PROXY = r"to the proxy \w+://[\w.]+:\d+: "


@pytest.mark.parametrize("scheme", ["http", "https", "h2c", "socks5", "socks5h"])
class TestNoProxyThere:
    """The exceptions are the system's, and say that it is the proxy that cannot be reached."""

    @pytest.fixture(autouse=True)
    def library(self, scheme):
        if scheme.startswith("socks"):
            pytest.importorskip("python_socks")

    def test_refused(self, scheme):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        url = f"{scheme}://name:secret@127.0.0.1:{port}"
        connection = HTTP20Connection("127.0.0.1", 80, proxy=url, timeout=DEADLINE)
        error = refused(connection, ConnectionRefusedError)
        assert error.errno == errno.ECONNREFUSED
        assert error.args == (error.errno, error.strerror)
        words = rf"{TO_THE_PROXY}no connection to 127.0.0.1, port {port} \("
        assert re.match(words, error.strerror)
        assert "secret" not in str(error)

    def test_a_name_without_address(self, scheme):
        url = f"{scheme}://proxy.invalid:1"
        connection = HTTP20Connection("127.0.0.1", 80, proxy=url, timeout=DEADLINE)
        error = refused(connection, socket.gaierror)
        assert re.search(rf"{TO_THE_PROXY}'proxy.invalid' has no address", str(error))


class TestALPN:
    """What an https proxy chooses, it is spoken to in (RFC 9113, 3.2)."""

    @pytest.mark.parametrize("alpn", [("http/1.1",), ()], ids=["http/1.1", "nothing"])
    def test_http_1_1(self, through, certificates, alpn):
        def script(peer):
            assert peer.want_until().startswith(b"CONNECT example.org:80 HTTP/1.1\r\n")
            peer.write(b"HTTP/1.1 200 OK\r\n\r\n" + wire.settings())
            peer.want_preface()
            peer.want_settings()
            peer.write_settings(ack=True)
            want(peer)
            peer.write_response(1, b"inside")

        context = certificates.server_context(alpn=alpn)
        own = {"ssl_context": certificates.client_context(alpn=())}
        assert get(through(script, "https", context=context, proxy=own)) == b"inside"

    def test_h2(self, through, certificates):
        def script(peer):
            inside = open_tunnel(peer)
            assert peer.selected_alpn_protocol() == "h2"
            inside.handshake()
            want(inside)
            inside.write_response(1, b"inside")

        context = certificates.server_context(alpn=("h2", "http/1.1"))
        own = {"ssl_context": certificates.client_context(alpn=())}
        assert get(through(script, "https", context=context, proxy=own)) == b"inside"

    def test_a_proxy_that_cannot_be_trusted(self, through, certificates):
        context = certificates.server_context(certificates.stranger)
        own = {"ssl_context": certificates.client_context()}
        connection = through(lambda peer: peer.want_refusal(), "https", context=context, proxy=own)
        error = refused(connection, ssl.SSLCertVerificationError)
        assert re.match(TO_THE_PROXY + r".*certificate verify failed", str(error))
        assert error.verify_code

    def test_a_proxy_that_takes_nothing_of_what_is_offered(self, through, certificates):
        """RFC 7301, 3.2: the alert no_application_protocol, 120."""

        def script(peer):
            peer.want_octets(5)
            peer.write(b"\x15\x03\x03\x00\x02\x02\x78")

        own = {"ssl_context": certificates.client_context()}
        error = refused(through(script, "https", proxy=own), NegotiationError)
        assert re.match(TO_THE_PROXY + ".*ALPN offered, 'h2', 'http/1.1': it answered", str(error))

    def test_a_proxy_that_is_silent_in_the_handshake(self, through, certificates):
        own = {"ssl_context": certificates.client_context()}
        connection = through(lambda peer: peer.want_octets(5), "https", proxy=own, timeout=0.1)
        error = refused(connection, TimeoutError)
        assert re.match(TO_THE_PROXY + "the TLS handshake did not end in time", str(error))


class TestHTTP2:
    def test_a_tunnel_is_asked_for(self, through):
        """RFC 9113, 8.5; RFC 7541, 7.1.3."""

        def script(peer):
            peer.handshake()
            assert peer.client_settings[wire.SETTINGS_ENABLE_PUSH] == 0
            assert peer.want_headers(1, end_stream=False) == [
                (":method", "CONNECT"),
                (":authority", "example.org:80"),
                ("proxy-authorization", "Basic bmFtZTpzZWNyZXQ="),
                ("x-own", "1"),
            ]
            assert peer.never_indexed == ("proxy-authorization",)
            peer.write_headers(1, [(":status", "103")])
            peer.write_headers(1, OK)
            inside = Inside(peer)
            inside.handshake()
            want(inside, (":authority", "example.org"))
            inside.write_response(1, b"inside")

        connection = through(script, "h2c", user="name:secret@", proxy={"headers": {"X-Own": "1"}})
        assert get(connection) == b"inside"
        assert 0 < connection._pump._transport.round_trip < DEADLINE

    def test_the_proxy_wants_credentials(self, through):
        def script(peer):
            peer.handshake()
            peer.want_headers()
            peer.write_response(1, b"", [(":status", "407"), ("proxy-authenticate", "Basic")])
            peer.want_data(1, b"", end_stream=True)
            peer.want_goaway(0)
            peer.want_closed()

        error = refused(through(script, "h2c"))
        assert error.status == 407
        assert "with 407 Proxy Authentication Required: it wants credentials, Basic" in str(error)

    @pytest.mark.parametrize("ends", [True, False])
    def test_another_refusal_is_told_as_the_proxy_tells_it(self, through, ends, monkeypatch):
        monkeypatch.setattr("hyper.proxy.refusal.EXCERPT_DELAY", 0.2)

        def script(peer):
            peer.handshake()
            peer.want_headers()
            peer.write_headers(1, [(":status", "502")])
            peer.write_data(1, b"no such ")
            peer.write_data(1, b"host", end_stream=ends)

        error = refused(through(script, "h2c"))
        assert (error.status, str(error)[-14:]) == (502, "'no such host'")

    def test_no_answer(self, through):
        def reset(peer):
            peer.handshake()
            peer.want_headers()
            peer.write(wire.rst_stream(1, CONNECT_ERROR))
            peer.want_closed()

        def leave(peer):
            peer.handshake()
            peer.want_headers()
            peer.close()

        def older(peer):
            peer.want_until(b"\r\n\r\n")
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        error = refused(through(reset, "h2c"))
        assert "CONNECT_ERROR" in str(error)
        assert re.match(r"the proxy h2c://127.0.0.1:\d+ gave no answer to CONNECT", str(error))
        assert "closed connection without response" in str(refused(through(leave, "h2c")))
        assert "does not speak HTTP/2" in str(refused(through(older, "h2c")))
        error = refused(through(lambda peer: peer.want_preface(), "h2c", timeout=0.1), TimeoutError)
        assert re.match(TO_THE_PROXY + "it did not answer CONNECT in the time given", str(error))

    def test_the_codec_is_the_connections(self, through, monkeypatch):
        """What was asked for counts for the proxy, too, and the environment for neither."""

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_response(1, b"inside")

        monkeypatch.setenv("HYPER_HPACK", "none that there is")
        assert get(through(script, "h2c", codec="python")) == b"inside"

    def test_the_proxys_windows_are_kept(self, through):
        """RFC 9113, 6.9: its stream's, which is the tunnel's, and its connection's."""
        body = bytes(range(256)) * 300

        def script(peer):
            peer.handshake({WINDOW: 1000})
            peer.want_headers()
            peer.write_headers(1, OK)
            inside = Inside(peer, credit=True)
            inside.handshake({WINDOW: 1 << 20})
            inside.write(wire.window_update(0, 1 << 20))
            assert inside.want_request()[2] == body
            assert max(len(f.content) for f in peer.frames if f.type == wire.DATA) <= 1000
            inside.write_response(1, b"taken")

        connection = through(script, "h2c")
        stream_id = connection.request("POST", "/", body=body)
        assert connection.getresponse(stream_id).read() == b"taken"

    def test_a_shut_window_stops_neither_reading_nor_other_threads(self, through):
        """Who waits for room is called when the leader has let its octets go."""
        body = b"x" * 200_000
        is_shut, may_open_stream = threading.Event(), threading.Event()

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake({WINDOW: 1 << 20})
            inside.write(wire.window_update(0, 1 << 20))
            inside.want_headers(1)
            inside.want_headers(3)
            received = sum(len(frame.content) for frame in peer.frames if frame.type == wire.DATA)
            while received < 65_535:
                octets = peer.want_data(1)
                received += len(octets)
                inside.feed(octets)
            is_shut.set()
            assert may_open_stream.wait(DEADLINE)
            inside.write_response(1, b"early")  # while the upload has no room
            peer.write(wire.window_update(0, 1 << 20) + wire.window_update(1, 1 << 20))
            assert inside.want_body(3) == body
            inside.write_response(3, b"taken")

        connection = through(script, "h2c")
        first = connection.request("GET", "/first")
        answers = {}

        def upload():
            stream_id = connection.request("POST", "/", body=body)
            answers["upload"] = connection.getresponse(stream_id).read()

        def download():
            answers["download"] = connection.getresponse(first).read()

        threads = [threading.Thread(target=work) for work in (download, upload)]
        for thread in threads:
            thread.start()
        assert is_shut.wait(DEADLINE)
        may_open_stream.set()
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert answers == {"download": b"early", "upload": b"taken"}

    def test_the_proxys_own_frames_are_answered(self, through):
        """RFC 9113, 6.7, 6.5.3: whoever waits for the server."""

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            peer.fence()
            peer.write_settings({WINDOW: 70_000})
            peer.want_settings(ack=True)
            inside.write_response(1, b"inside")

        assert get(through(script, "h2c")) == b"inside"

    def test_content_gives_the_proxy_room_again(self, through):
        """RFC 9113, 6.9.1: half of the tunnel's window is announced again at once."""
        size = 12 << 20

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_headers(1, OK)
            sent = 0
            while sent < size:
                window = 1 << 20
                inside.write_data(1, b"x" * window)
                sent += window
                while sent < size and inside.want_window_update(1) == 0:
                    pass
            inside.write_data(1, end_stream=True)
            assert peer.want_window_update(1) >= 1 << 20

        assert len(get(through(script, "h2c"))) == size

    @pytest.mark.parametrize("how", ["reset", "goaway", "end", "eof"])
    def test_a_tunnel_that_breaks(self, through, how):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_headers(1, OK)
            inside.write_data(1, b"half")
            if how == "reset":
                peer.write(wire.rst_stream(1, CONNECT_ERROR))
            elif how == "goaway":
                peer.write(wire.goaway(0, 0x2))
            elif how == "end":
                peer.write_data(1, end_stream=True)
            else:
                peer.close()

        connection = through(script, "h2c")
        response = connection.getresponse(connection.request("GET", "/"))
        with pytest.raises(Exception) as caught:
            response.read()
        assert caught.value.partial == b"half"
        cause = caught.value.__cause__ or caught.value.__context__
        words = {"reset": "CONNECT_ERROR", "goaway": "GOAWAY", "eof": "tunnel through the proxy"}
        if how in words:
            assert isinstance(cause, ConnectionTerminated)
            assert words[how] in str(cause)
        else:
            assert isinstance(cause, RemoteDisconnected)

    def test_a_proxy_that_breaks_the_rules(self, through):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            inside.want_settings(ack=True)
            want(inside)
            peer.write(wire.data(5, b"x"))
            peer.want_goaway(0x1)

        connection = through(script, "h2c")
        stream_id = connection.request("GET", "/")
        with pytest.raises(
            ConnectionTerminated, match=r"tunnel through the proxy broke: .*stream 5"
        ):
            connection.getresponse(stream_id)

    def test_closing_the_connection_closes_the_one_to_the_proxy(self, through):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_response(1, b"inside")
            inside.want_goaway(0)
            peer.want_data(1, b"", end_stream=True)
            peer.want_goaway(0)
            peer.want_closed()

        connection = through(script, "h2c")
        assert get(connection) == b"inside"
        connection.close()


class TestSOCKS:
    """RFC 1928, RFC 1929; what python-socks sends and wants."""

    @pytest.fixture(autouse=True)
    def library(self):
        return pytest.importorskip("python_socks")

    @pytest.mark.parametrize("user", ["", "name:p%3Aw@"])
    def test_a_way_is_asked_for(self, through, user):
        def script(peer):
            methods = peer.want_octets(2)[1]
            if user:
                assert 2 in peer.want_octets(methods)
                peer.write(b"\x05\x02")
                assert peer.want_octets(10) == b"\x01\x04name\x03p:w"
                peer.write(b"\x01\x00")
            else:
                assert peer.want_octets(methods) == b"\0"
                peer.write(b"\x05\x00")
            assert peer.want_octets(18) == b"\x05\x01\x00\x03\x0bexample.org\x00\x50"
            # And the server's SETTINGS in the same read.
            peer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50" + wire.settings())
            peer.want_preface()
            peer.want_settings()
            peer.write_settings(ack=True)
            want(peer)
            peer.write_response(1, b"inside")

        connection = through(script, "socks5h", user=user)
        assert get(connection) == b"inside"
        assert 0 < connection._pump._transport.round_trip < DEADLINE

    def test_a_refusal(self, through):
        def script(peer):
            peer.want_octets(3)
            peer.write(b"\x05\x00")
            peer.want_octets(18)
            peer.write(b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00")

        error = refused(through(script, "socks5h"))
        assert "refused to connect to example.org, port 80 (RFC 1928, 6): Host unreach" in str(
            error
        )

    def test_credentials_that_are_not_accepted(self, through):
        def script(peer):
            peer.want_octets(4)
            peer.write(b"\x05\x02")
            peer.want_octets(11)
            peer.write(b"\x01\x01")

        assert "authentication failure" in str(
            refused(through(script, "socks5h", user="name:pass@"))
        )

    def test_no_socks_server(self, through):
        def script(peer):
            peer.want_octets(3)
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        refused(through(script, "socks5h"))
        refused(through(lambda peer: (peer.want_octets(3), peer.close()), "socks5h"))

    def test_a_server_that_is_silent(self, through):
        error = refused(
            through(lambda peer: peer.want_octets(3), "socks5h", timeout=0.1), TimeoutError
        )
        assert re.match(TO_THE_PROXY + "it did not open the tunnel in the time given", str(error))

    @pytest.mark.parametrize(
        ("found", "chosen", "sent"),
        [
            (["192.0.2.7"], "192.0.2.7", b"\x01\xc0\x00\x02\x07"),
            (["2001:db8::7", "192.0.2.7", "192.0.2.1"], "192.0.2.7", b"\x01\xc0\x00\x02\x07"),
            (["fe80::7%lo"], "fe80::7", b"\x04\xfe\x80" + bytes(13) + b"\x07"),
        ],
    )
    def test_names_that_are_resolved_here(self, through, monkeypatch, found, chosen, sent):
        """RFC 1928, 5: an address goes to the proxy, one of IPv4 if there is any."""

        def script(peer):
            peer.want_octets(3)
            peer.write(b"\x05\x00")
            assert peer.want_octets(5 + len(sent)) == b"\x05\x01\x00" + sent + b"\x00\x50"
            peer.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")

        def addresses(host, port, *arguments):
            if host != "example.org":
                return getaddrinfo(host, port, *arguments)
            return [
                (socket.AF_INET6 if ":" in address else socket.AF_INET, 1, 6, "", (address, port))
                for address in found
            ]

        getaddrinfo = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", addresses)
        error = refused(through(script, "socks5"))
        assert f"refused to connect to {chosen}, port 80" in str(error)

    def test_a_name_that_nobody_here_knows(self):
        """It is the server's: the proxy is not even asked."""
        proxy = "socks5://192.0.2.1"
        connection = HTTP20Connection("no.such.invalid", 80, proxy=proxy, timeout=DEADLINE)
        error = refused(connection, socket.gaierror)
        assert error.strerror.startswith("'no.such.invalid' has no address")

    @pytest.mark.parametrize("absent", ["python_socks", "python_socks.sync"])
    def test_without_the_library(self, through, monkeypatch, absent):
        monkeypatch.setitem(sys.modules, absent, None)
        connection = through(lambda peer: peer.want_closed(), "socks5h")
        with pytest.raises(ImportError, match=r"pip install 'hyper\[socks\]'"):
            connection.connect()
