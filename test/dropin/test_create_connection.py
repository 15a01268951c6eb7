"""How the drop-in classes reach a server: directly, through a proxy, by a Unix socket."""

from __future__ import annotations

import socket
from http.client import HTTPException, InvalidURL

import pytest

from hyper import HTTPConnection, HTTPSConnection, ProxyError
from hyper.dropin.socket_view import SocketView
from hyper.proxies import Proxy
from hyper.testing import DEADLINE
from test.live.server import FILES, LARGE, pattern

CLASSES = [HTTPConnection, HTTPSConnection]
needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")

# Seconds that a wait may last in a test where it is meant to end so.
SHORT = 0.05


@pytest.mark.parametrize("connection_class", CLASSES)
class TestWithoutOptions:
    """It is http.client's, and so are its hooks: SOCKS recipes, servers for tests and guards
    against the network put their own function in the place of socket.create_connection.
    """

    def test_what_is_in_the_place_of_create_connection_is_called(
        self, connection_class, monkeypatch
    ):
        asked = []

        def refuse(*arguments):
            asked.append(arguments)
            raise ConnectionAbortedError("nothing leaves this machine")

        monkeypatch.setattr(socket, "create_connection", refuse)
        here = ("127.0.0.1", 0)
        for options in ({}, {"timeout": 7, "source_address": here}):
            connection = connection_class("example.org", 8443, **options)
            with pytest.raises(ConnectionAbortedError):
                connection.request("GET", "/")
        default = socket._GLOBAL_DEFAULT_TIMEOUT
        server = ("example.org", 8443)
        assert asked == [(server, default, None), (server, 7, here)]

    @pytest.mark.parametrize("options", [{}, {"unix_socket": "/s"}, {"proxy": "localhost:1"}])
    def test_a_script_may_set_create_connection_itself(self, connection_class, options):
        """``_create_connection`` is an attribute of each connection, and called as http.client
        calls it.
        """

        def refuse(address, timeout, source_address):
            raise ConnectionAbortedError(address)

        connection = connection_class("example.org", 8443, **options)
        connection._create_connection = refuse
        with pytest.raises(ConnectionAbortedError, match=r"example\.org"):
            connection.request("GET", "/")


@needs_unix
class TestUnixSockets:
    """TLS, ALPN and names are those of the host; the path says where it is."""

    @pytest.mark.parametrize("secure", [False, True], ids=["h2c", "tls"])
    def test_http_2(self, server, certificates, secure):
        ssl = "ssl" if secure else ""
        running = server("nginx", secure, directives=[f"listen unix:s {ssl} http2;"])
        options = {"unix_socket": running.directory / "s", "timeout": DEADLINE}
        if secure:
            connection = HTTPSConnection(
                "localhost", context=certificates.client_context(), **options
            )
        else:
            connection = HTTPConnection("localhost", http2="prior", **options)
        for _ in range(2):
            connection.request("GET", "/large")
            response = connection.getresponse()
            assert (response.version, response.read()) == (20, pattern(LARGE))
            assert isinstance(connection.sock, SocketView)
            assert connection.sock.family == socket.AF_UNIX
            connection.close()  # and anew

    @pytest.mark.parametrize("secure", [False, True], ids=["cleartext", "tls"])
    def test_http_1(self, server, certificates, secure):
        ssl = "ssl" if secure else ""
        running = server("nginx", secure, http2=False, directives=[f"listen unix:s {ssl};"])
        options = {"unix_socket": str(running.directory / "s"), "timeout": DEADLINE}
        if secure:
            connection = HTTPSConnection(
                "localhost", context=certificates.client_context(), **options
            )
        else:
            connection = HTTPConnection("localhost", **options)
        connection.request("GET", "/index.html")
        response = connection.getresponse()
        assert (response.version, response.read()) == (11, FILES["index.html"])
        assert connection.sock.gettimeout() == DEADLINE
        connection.close()

    @pytest.mark.parametrize("connection_class", CLASSES)
    def test_a_path_where_no_server_listens(self, connection_class, tmp_path):
        connection = connection_class("localhost", unix_socket=tmp_path / "s")
        with pytest.raises(FileNotFoundError, match="is the server running"):
            connection.request("GET", "/")
        assert connection.sock is None

    @pytest.mark.parametrize("timeout", [None, 7.0])
    def test_the_default_timeout_is_the_socket_modules(self, tmp_path, monkeypatch, timeout):
        """http.client's default is the socket module's."""
        monkeypatch.setattr(socket, "getdefaulttimeout", lambda: timeout)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            connection = HTTPConnection("localhost", unix_socket=tmp_path / "s")
            connection.connect()
            assert connection.sock.gettimeout() == timeout
            connection.close()


@pytest.mark.parametrize("as_object", [False, True], ids=["URL", "Proxy"])
class TestProxies:
    """CONNECT, to whatever server (RFC 9110, 9.3.6)."""

    @pytest.fixture
    def given(self, proxy, as_object):
        url = f"http://127.0.0.1:{proxy.server_port}"
        return Proxy(url) if as_object else url

    def test_http_2_over_tls(self, proxy, given, node, https):
        connection = https(node, proxy=given)
        for _ in range(2):  # the second time anew
            connection.request("GET", "/fields")
            response = connection.getresponse()
            assert response.version == 20
            assert f'"authority":"localhost:{node.port}"'.encode() in response.read()
            connection.close()
        assert (connection.host, connection.port) == ("localhost", node.port)
        assert proxy.asked == [f"localhost:{node.port}"] * 2

    def test_http_2_in_cleartext(self, proxy, given, node_cleartext, opened):
        where = ("127.0.0.1", node_cleartext.port)
        connection = HTTPConnection(*where, proxy=given, http2="prior", timeout=DEADLINE)
        opened.callback(connection.close)
        connection.request("GET", "/bytes/300000")
        response = connection.getresponse()
        assert (response.version, response.read()) == (20, pattern(300_000))
        assert proxy.asked == [f"127.0.0.1:{node_cleartext.port}"]

    def test_http_1_over_tls(self, proxy, given, old_server, https):
        connection = https(old_server, proxy=given)
        for _ in range(2):
            connection.request("POST", "/", b"content")
            response = connection.getresponse()
            assert (response.version, response.read()) == (11, b"content")
        assert connection.sock.gettimeout() == DEADLINE
        assert len(proxy.asked) == 1


def test_what_the_proxy_is_asked(scripted_peer):
    """Its fields go to it alone, and the server's Host is the server's; a name is an A-label."""

    def script(peer):
        asked = peer.want_until()
        assert asked.startswith(b"CONNECT xn--mnchen-3ya.example:8080 HTTP/1.1\r\n")
        assert b"\r\nproxy-authorization: Basic bmFtZTpwQHNz\r\n" in asked
        assert b"\r\nx-proxy: 1\r\n" in asked
        peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        asked = peer.want_until()
        assert asked.startswith(b"GET / HTTP/1.1\r\nHost: xn--mnchen-3ya.example:8080\r\n")
        assert b"roxy" not in asked
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    peer = scripted_peer(script)
    proxy = Proxy(f"http://name:p%40ss@{peer.host}:{peer.port}", headers={"X-Proxy": "1"})
    connection = HTTPConnection("münchen.example", 8080, proxy=proxy, timeout=DEADLINE)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"ok"
    connection.close()


def test_a_proxy_that_refuses(scripted_peer):
    def script(peer):
        peer.want_until()
        peer.write(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n"
            b'Proxy-Authenticate: Basic realm="us"\r\n\r\n'
        )

    peer = scripted_peer(script)
    connection = HTTPSConnection("example.org", proxy=f"{peer.host}:{peer.port}", timeout=DEADLINE)
    with pytest.raises(ProxyError, match=r'it wants credentials, Basic realm="us"') as caught:
        connection.request("GET", "/")
    assert isinstance(caught.value, HTTPException)
    assert caught.value.status == 407
    assert connection.sock is None


def test_a_proxy_that_is_silent(scripted_peer):
    peer = scripted_peer(lambda peer: peer.want_until())
    connection = HTTPSConnection("example.org", proxy=f"{peer.host}:{peer.port}", timeout=SHORT)
    with pytest.raises(TimeoutError):
        connection.request("GET", "/")
    assert connection.sock is None


@pytest.mark.parametrize("connection_class", CLASSES)
class TestWhatIsRefused:
    """When the connection is made, not when it connects."""

    @pytest.mark.parametrize("scheme", ["https", "h2c"])
    def test_a_proxy_that_leaves_no_socket(self, connection_class, scheme):
        """TLS in TLS, or a stream: the words say who can."""
        with pytest.raises(ValueError, match=r"proxy.example:\d+ is not: .*HTTP20Connection"):
            connection_class("example.org", proxy=f"{scheme}://name:secret@proxy.example")

    def test_a_url_that_is_not_a_proxys(self, connection_class):
        with pytest.raises(InvalidURL):
            connection_class("example.org", proxy="ftp://proxy.example")

    def test_a_proxy_and_a_unix_socket_at_once(self, connection_class):
        with pytest.raises(ValueError, match="no way through a proxy to a Unix socket"):
            connection_class("example.org", proxy="proxy.example:80", unix_socket="/s")

    def test_a_tunnel_beside_a_proxy(self, connection_class):
        connection = connection_class("example.org", proxy="proxy.example:80")
        with pytest.raises(ValueError, match="goes through a proxy already"):
            connection.set_tunnel("example.com")
