"""Proxies that are scripted: HTTP/1.1, ALPN, and proxies that are not there (RFC 9110, 9.3.6)."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
import threading

import pytest

from hyper import (
    HTTP20Connection,
    NegotiationError,
    ProxyError,
)
from hyper.testing import DEADLINE, wire
from test.scripted.behind_proxy import (
    TO_THE_PROXY,
    get,
    open_tunnel,
    refused,
    silent,
)
from test.scripted.steps import want


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
        """RFC 9110, 9.3.6: "Any 2xx". Fields that speak of content are ignored; 15.2: so is 1xx."""

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
            (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1600, "the interim responses took more"),
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
        error = refused(through(silent, timeout=0.1), TimeoutError)
        assert re.match(TO_THE_PROXY + "it did not open the tunnel in the time given", str(error))

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
        assert 0.05 <= connection._pumps.current._transport.round_trip < DEADLINE


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
    """An https proxy is spoken to in the protocol that it chooses (RFC 9113, 3.2)."""

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
