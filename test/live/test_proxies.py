"""Tunnels through proxies that nobody here wrote: Apache, nghttpx, microsocks (RFC 9110, 9.3.6;
RFC 9113, 8.5; RFC 1928). Each is met by HTTP20Connection, over TLS and in cleartext inside.
"""

from __future__ import annotations

import json
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection, ProxyError
from hyper.proxies import Proxy
from hyper.proxy.stream_transport import TunnelTransport
from hyper.testing import DEADLINE
from hyper.transport.tls.transport import TLSTransport
from test.live.proxies import NAME, PASSWORD, ApacheProxy, Microsocks, Nghttpx
from test.live.server import pattern
from test.live.servers import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from test.certificates import Certificates
    from test.live.server import Server

USER = f"{NAME}:{quote(PASSWORD, safe='')}@"


def running(kind: type[Server], *arguments: Any, **options: Any) -> Server:
    """A proxy, or a skipped test where it is missing (conftest.require says when that fails)."""
    reason = kind.missing()
    if reason is not None:
        if os.environ.get("HYPER_REQUIRE_LIVE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return kind(*arguments, **options)


@pytest.fixture(scope="module")
def apache_proxy() -> Generator[Server, None, None]:
    """CONNECT in HTTP/1.1, cleartext."""
    with running(ApacheProxy) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def apache_secure(certificates: Certificates) -> Generator[Server, None, None]:
    """CONNECT in HTTP/2 or HTTP/1.1 over TLS."""
    with running(ApacheProxy, certificates, protocols="h2 http/1.1") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def apache_http1(certificates: Certificates) -> Generator[Server, None, None]:
    """CONNECT in HTTP/1.1 over TLS."""
    with running(ApacheProxy, certificates) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def guarded() -> Generator[Server, None, None]:
    """CONNECT for who knows the password."""
    with running(ApacheProxy, authentication=True) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def nghttpx_cleartext(apache_proxy: Server) -> Generator[Server, None, None]:
    """CONNECT in HTTP/2 by prior knowledge, or HTTP/1.1; small windows."""
    small = ["--frontend-http2-window-size=4095", "--frontend-http2-connection-window-size=65535"]
    with running(Nghttpx, behind=apache_proxy.port, arguments=small) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def nghttpx_secure(
    apache_proxy: Server, certificates: Certificates
) -> Generator[Server, None, None]:
    """CONNECT in HTTP/2 or HTTP/1.1 over TLS."""
    with running(Nghttpx, certificates, behind=apache_proxy.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def microsocks() -> Generator[Server, None, None]:
    """SOCKS 5."""
    pytest.importorskip("python_socks")
    with running(Microsocks) as proxy:
        yield proxy


# scheme, fixture, and whether the tunnel is a stream of HTTP/2
WAYS = {
    "http, Apache": ("http", "apache_proxy", False),
    "https h1, Apache": ("https", "apache_http1", False),
    "https h2, Apache": ("https", "apache_secure", True),
    "http, nghttpx": ("http", "nghttpx_cleartext", False),
    "h2c, nghttpx": ("h2c", "nghttpx_cleartext", True),
    "https h2, nghttpx": ("https", "nghttpx_secure", True),
    "socks5, microsocks": ("socks5", "microsocks", False),
    "socks5h, microsocks": ("socks5h", "microsocks", False),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest, certificates: Certificates) -> tuple[Proxy, bool]:
    """A proxy, and whether its tunnels are streams of HTTP/2."""
    scheme, fixture, is_stream = request.param
    port = request.getfixturevalue(fixture).port
    host = "localhost" if scheme == "https" else "127.0.0.1"
    context = certificates.client_context(alpn=()) if scheme == "https" else None
    return Proxy(f"{scheme}://{host}:{port}", ssl_context=context), is_stream


@pytest.fixture
def connect(certificates: Certificates) -> Generator[Callable[..., HTTP20Connection], None, None]:
    """A connection to a server: `connect(node, proxy)`."""
    with ExitStack() as opened:

        def start(server: Server, proxy: Any, **options: Any) -> HTTP20Connection:
            context = certificates.client_context() if server.secure else None
            connection = HTTP20Connection(
                server.host,
                server.port,
                secure=server.secure,
                ssl_context=context,
                proxy=proxy,
                timeout=DEADLINE,
                **options,
            )
            opened.callback(connection.close)
            return connection

        yield start


@pytest.mark.parametrize("server_name", ["node", "node_cleartext"])
def test_a_server_is_reached(request, way, connect, server_name):
    """Large contents both ways; TLS in TLS where the proxy is reached by TLS."""
    proxy, is_stream = way
    server = request.getfixturevalue(server_name)
    connection = connect(server, proxy)
    size = 50_000 if proxy.scheme.startswith("socks") else 2_000_000  # microsocks is slow
    upload = connection.request("POST", "/digest", body=pattern(size))
    download = connection.request("GET", f"/bytes/{size}")
    assert connection.getresponse(download).read() == pattern(size)
    answer = json.loads(connection.getresponse(upload).read())
    assert (answer["size"], answer["sha256"]) == (size, sha256(pattern(size)))
    transport = connection._pumps.current._transport
    assert 0 < transport.round_trip < DEADLINE
    if server.secure:
        assert isinstance(transport, TLSTransport)
        transport = transport._plain
    assert isinstance(transport, TunnelTransport) == is_stream
    assert connection.ping() < DEADLINE
    connection.close()
    connection.request("GET", "/bytes/1")  # through a new tunnel
    assert connection.getresponse().read() == b"\0"


@pytest.mark.parametrize("scheme", ["h2c", "https"])
def test_threads_share_a_tunnel(request, connect, node, certificates, scheme):
    """Windows of 4 KiB at nghttpx: who has no room waits, the others go on (RFC 9113, 6.9)."""
    name = {"h2c": "nghttpx_cleartext", "https": "nghttpx_secure"}[scheme]
    port = request.getfixturevalue(name).port
    proxy = Proxy(
        f"{scheme}://{'localhost' if scheme == 'https' else '127.0.0.1'}:{port}",
        ssl_context=certificates.client_context(),
    )
    connection = connect(node, proxy)
    connection.connect()

    def work(number: int) -> bool:
        size = 100_000 + number
        if number % 2:
            stream_id = connection.request("GET", f"/bytes/{size}")
            return connection.getresponse(stream_id).read() == pattern(size)
        stream_id = connection.request("POST", "/echo", body=pattern(size))
        return connection.getresponse(stream_id).read() == pattern(size)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(24)))


def test_credentials(guarded, connect, node):
    """RFC 9110, 11.7; RFC 7617."""
    where = f"127.0.0.1:{guarded.port}"
    connection = connect(node, f"http://{USER}{where}")
    connection.request("GET", "/bytes/1")
    assert connection.getresponse().read() == b"\0"
    with pytest.raises(ProxyError, match=r'wants credentials, Basic realm="the proxy".*in its URL'):
        connect(node, f"http://{where}").connect()
    with pytest.raises(ProxyError, match="does not accept the credentials") as caught:
        connect(node, f"http://{NAME}:wrong@{where}").connect()
    assert caught.value.status == 407


def test_a_port_that_the_proxy_does_not_allow(connect, way):
    """The refusal of CONNECT to port 9, by each in its own way."""
    proxy, _ = way
    connection = HTTP20Connection("127.0.0.1", 9, proxy=proxy, timeout=DEADLINE)
    with pytest.raises(ProxyError, match=r"403|refused") as caught:
        connection.connect()
    assert "127.0.0.1" in str(caught.value)
    connection.close()


def test_socks_with_a_password(connect, node):
    """RFC 1929."""
    pytest.importorskip("python_socks")
    with running(Microsocks, authentication=("name", "p:w")) as proxy:
        connection = connect(node, f"socks5h://name:p%3Aw@127.0.0.1:{proxy.port}")
        connection.request("GET", "/bytes/1")
        assert connection.getresponse().read() == b"\0"
        with pytest.raises(ProxyError):
            connect(node, f"socks5h://name:wrong@127.0.0.1:{proxy.port}").connect()
        with pytest.raises(ProxyError):
            connect(node, f"socks5h://127.0.0.1:{proxy.port}").connect()


# Those that leave a socket.
@pytest.mark.parametrize(
    "way", [way for way in WAYS.values() if way[0] in ("http", "socks5", "socks5h")], indirect=True
)
@pytest.mark.parametrize("server_name", ["node", "node_cleartext"])
def test_the_drop_in_by_its_proxy(request, way, certificates, server_name):
    """A socket is what comes of it: http.client's TLS, and HTTP/2, go over it as ever."""
    proxy, _ = way
    server = request.getfixturevalue(server_name)
    where = {"host": server.host, "port": server.port, "proxy": proxy, "timeout": DEADLINE}
    if server.secure:
        connection = HTTPSConnection(**where, context=certificates.client_context())
    else:
        connection = HTTPConnection(**where, http2="prior")
    for _ in range(2):
        connection.request("POST", "/echo", body=pattern(50_000))
        response = connection.getresponse()
        assert (response.version, response.read()) == (20, pattern(50_000))
        connection.close()  # and anew


def test_the_drop_in_and_credentials(guarded, node, certificates):
    """RFC 9110, 11.7; RFC 7617."""
    where = f"127.0.0.1:{guarded.port}"
    context = certificates.client_context()
    connection = HTTPSConnection(
        "localhost", node.port, context=context, proxy=f"http://{USER}{where}", timeout=DEADLINE
    )
    connection.request("GET", "/bytes/9")
    assert connection.getresponse().read() == pattern(9)
    connection.close()
    connection = HTTPSConnection("localhost", node.port, proxy=where, timeout=DEADLINE)
    with pytest.raises(ProxyError, match=r'wants credentials, Basic realm="the proxy"'):
        connection.connect()


def test_the_drop_in_by_set_tunnel(apache_proxy, node, certificates):
    """http.client's own CONNECT, then ALPN inside."""
    context = certificates.client_context()
    connection = HTTPSConnection("127.0.0.1", apache_proxy.port, context=context, timeout=DEADLINE)
    connection.set_tunnel("localhost", node.port)
    connection.request("GET", "/bytes/9")
    response = connection.getresponse()
    assert (response.version, response.read()) == (20, pattern(9))
    connection.close()


def test_the_handler_for_urllib_by_its_own_proxy_handler(apache_proxy, node, certificates):
    from hyper.contrib.urllib import HTTP2Handler

    opener = urllib.request.build_opener(
        HTTP2Handler(context=certificates.client_context()),
        urllib.request.ProxyHandler({"https": f"http://127.0.0.1:{apache_proxy.port}"}),
    )
    with opener.open(node.url("/bytes/9"), timeout=DEADLINE) as response:
        assert (response.version, response.read()) == (20, pattern(9))


class TestRequests:
    @pytest.fixture
    def session(self, certificates, monkeypatch):
        requests = pytest.importorskip("requests")
        from hyper.contrib import HTTP20Adapter

        for name in ("https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        with requests.Session() as session:
            session.verify = certificates.authority
            session.mount("https://", HTTP20Adapter())
            yield session

    # requests does not know h2c, and SOCKS goes by HTTP/1.1.
    @pytest.mark.parametrize(
        "way", [way for way in WAYS.values() if "http" in way[0]], indirect=True
    )
    def test_http_2_goes_through_the_proxy(self, session, way, node):
        proxy, _ = way
        proxies = {"https": str(proxy)}
        for _ in range(2):
            response = session.get(node.url("/bytes/9"), proxies=proxies)
            assert (response.raw.version, response.content) == (20, pattern(9))
        assert session.get(node.url("/bytes/9")).raw.version == 20  # and past it

    def test_the_environment_is_heeded(self, session, apache_proxy, node, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        import requests

        with pytest.raises(requests.exceptions.ProxyError):
            session.get(node.url("/bytes/9"), timeout=DEADLINE)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{apache_proxy.port}")
        assert session.get(node.url("/bytes/9")).raw.version == 20
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert session.get(node.url("/bytes/9")).raw.version == 20

    def test_credentials(self, session, guarded, node):
        import requests

        where = f"127.0.0.1:{guarded.port}"
        response = session.get(node.url("/bytes/9"), proxies={"https": f"http://{USER}{where}"})
        assert (response.raw.version, response.content) == (20, pattern(9))
        with pytest.raises(requests.exceptions.ProxyError, match="407"):
            session.get(node.url("/bytes/9"), proxies={"https": f"http://{where}"})


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
class TestHTTPX:
    @pytest.fixture
    def client(self, name, certificates):
        library = pytest.importorskip(name)
        module = pytest.importorskip(f"hyper.contrib.{name}")
        with ExitStack() as opened:

            def start(proxy: Any) -> Any:
                transport = module.HTTP20Transport(
                    verify=certificates.client_context(), proxy=proxy
                )
                return opened.enter_context(library.Client(transport=transport, timeout=DEADLINE))

            start.library = library
            yield start

    # It does not know h2c.
    @pytest.mark.parametrize(
        "way", [way for way in WAYS.values() if way[0] != "h2c"], indirect=True
    )
    def test_http_2_goes_through_the_proxy(self, client, way, node, certificates):
        proxy, _ = way
        if proxy.scheme.startswith("socks"):
            pytest.importorskip("socksio")  # httpx wants it for HTTP/1.1, before it is asked
        given = str(proxy)
        if proxy.scheme == "https":
            given = client.library.Proxy(given, ssl_context=certificates.client_context())
        response = client(given).get(node.url("/bytes/9"))
        assert (response.http_version, response.content) == ("HTTP/2", pattern(9))

    def test_credentials(self, client, guarded, node):
        where = f"127.0.0.1:{guarded.port}"
        response = client(f"http://{USER}{where}").get(node.url("/bytes/9"))
        assert (response.http_version, response.content) == ("HTTP/2", pattern(9))
        with pytest.raises(client.library.ProxyError, match="407"):
            client(f"http://{where}").get(node.url("/bytes/9"))
