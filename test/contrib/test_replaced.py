"""No method of a mock's or a tracer's, in the place of another library's, is passed by."""

from __future__ import annotations

import functools
import http.client
import importlib
import io
import logging
import socket

import pytest

import hyper
from hyper.testing import Server, wire
from test.equal_wrapper import EqualWrapper
from test.origin import Origin

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3", "2.0")

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool  # noqa: E402

from hyper.contrib.requests import HTTP20Pool  # noqa: E402
from hyper.contrib.urllib3 import POOL_CLASSES  # noqa: E402
from test.contrib.requests.conftest import made  # noqa: E402


@pytest.fixture
def fields(certificates):
    """A server that answers with the names of the request's fields, and its port."""

    def serve(peer):
        peer.handshake()
        for frame, fields, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                names = " ".join(name for name, _ in fields)
                peer.write_response(frame.stream_id, names.encode())

    with Origin(serve, certificates.server_context()) as server:
        yield server


@pytest.fixture
def url(fields):
    return f"https://localhost:{fields.port}/"


@pytest.fixture
def session(certificates):
    with made(certificates.authority) as session:
        yield session


class Recorded:
    """A connection that plays the server."""

    is_verified = True
    is_closed = proxy = proxy_is_verified = timeout = None
    has_connected_to_proxy = True

    def __init__(self, *_, **__):
        """Take what urllib3 gives."""

    def request(self, *_, **__):
        """Send nothing."""

    def getresponse(self):
        return urllib3.HTTPResponse(io.BytesIO(b"played"), preload_content=False, status=200)

    def close(self):
        """There is no socket."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (HTTPSConnectionPool, "_validate_conn"),
        (HTTPSConnectionPool, "_put_conn"),
        (urllib3.connection.HTTPSConnection, "connect"),
        (urllib3.connection.HTTPConnection, "_new_conn"),
        (urllib3.connection.HTTPConnection, "request"),
        (urllib3.connection.HTTPConnection, "getresponse"),
    ],
)
def test_requests_leaves_to_urllib3_what_a_tracer_of_its_connections_is_to_see(
    monkeypatch, owner, name
):
    given = getattr(owner, name)
    pool = HTTP20Pool("localhost")
    assert pool._why_http1(redirect=False) is None
    monkeypatch.setattr(owner, name, functools.wraps(given)(lambda *_, **__: None))
    assert pool._why_http1(redirect=False).endswith(name)


@pytest.mark.parametrize("name", ["connect", "request"])
def test_requests_calls_a_mock_of_urllib3_s_connection(session, url, monkeypatch, name):
    class Called(Exception):
        """By the mock."""

    def called(*_, **__):
        raise Called

    assert session.get(url).raw.version == 20
    with monkeypatch.context() as patched:
        patched.setattr(urllib3.connection.HTTPSConnection, name, called)
        with pytest.raises(Called):
            session.get(url)
    assert session.get(url).raw.version == 20


def test_requests_takes_the_connection_class_of_a_recorder(session, url, monkeypatch, caplog):
    assert session.get(url).raw.version == 20
    with monkeypatch.context() as patched, caplog.at_level(logging.DEBUG, "hyper"):
        patched.setattr(HTTPSConnectionPool, "ConnectionCls", Recorded)
        assert session.get(url).content == b"played"
    assert "replaced urllib3's ConnectionCls" in caplog.text
    assert session.get(url).raw.version == 20


def test_a_recorder_is_an_error_where_http2_is_required(certificates, url, monkeypatch):
    monkeypatch.setattr(HTTPSConnectionPool, "ConnectionCls", Recorded)
    required = made(certificates.authority, require_http2=True)
    with required as session, pytest.raises(requests.ConnectionError, match="ConnectionCls"):
        session.get(url)


def test_urllib3_s_pools_take_the_connection_class_of_a_recorder(certificates, url, monkeypatch):
    with urllib3.PoolManager(ca_certs=certificates.authority) as manager:
        manager.pool_classes_by_scheme = POOL_CLASSES
        with monkeypatch.context() as patched:
            patched.setattr(HTTPSConnectionPool, "ConnectionCls", Recorded)
            assert manager.request("GET", url, retries=False).data == b"played"
        manager.clear()
        assert manager.request("GET", url).version == 20


@pytest.mark.parametrize("preload", [False, True])
def test_a_wrapper_of_urlopen_is_gone_through_over_http2(
    session, fields, url, certificates, monkeypatch, preload
):
    """A tracer's: it adds a field, and sees the response."""
    original, seen = HTTPConnectionPool.urlopen, []

    @functools.wraps(original)
    def urlopen(pool, method, url, body=None, headers=None, **options):
        response = original(pool, method, url, body, {**(headers or {}), "x-trace": "1"}, **options)
        seen.append(response.version)
        return response

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", urlopen)
    if preload:
        with HTTP20Pool("localhost", fields.port, ca_certs=certificates.authority) as pool:
            response = pool.urlopen("GET", "/", redirect=False)
        assert (response.version, b"x-trace" in response.data) == (20, True)
        return
    for _ in range(2):
        response = session.get(url)
        assert (response.raw.version, "x-trace" in response.text.split()) == (20, True)
    assert seen == [20, 20]


def test_a_wrapper_of_urlopen_is_gone_through_over_http1(session, old_server, monkeypatch):
    original, seen = HTTPConnectionPool.urlopen, []

    def urlopen(pool, *arguments, **options):
        response = original(pool, *arguments, **options)
        seen.append(response.version)
        return response

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", urlopen)
    for _ in range(2):
        assert session.get(f"https://localhost:{old_server.port}/").ok
    assert seen == [11, 11]


def test_wrappers_of_http_client_see_requests_over_http2(session, url, monkeypatch):
    """An error tracker's: they note the request, add a field, and note the status."""
    connection, seen = http.client.HTTPConnection, []
    putrequest, getresponse = connection.putrequest, connection.getresponse

    def wrapped_putrequest(self, method, target, *arguments, **options):
        putrequest(self, method, target, *arguments, **options)
        self.putheader("x-trace", str(len(seen)))
        seen.append((self.default_port, self.host, method, target))

    def wrapped_getresponse(self, *arguments, **options):
        response = getresponse(self, *arguments, **options)
        seen.append(response.status)
        return response

    monkeypatch.setattr(connection, "putrequest", wrapped_putrequest)
    monkeypatch.setattr(connection, "getresponse", wrapped_getresponse)
    response = session.post(f"{url}a?b=c", data=b"content", headers={"x-own": "1"})
    assert response.raw.version == 20
    assert {"x-trace", "x-own", "content-length"} <= set(response.text.split())
    assert seen == [(443, "localhost", "POST", "/a?b=c"), 200]


def test_wrappers_that_are_equal_to_what_they_wrap_are_not_passed_by(session, url, monkeypatch):
    """A tracer's, that comes when requests have gone out already."""

    def urlopen(given, *arguments, headers, **options):
        return given(*arguments, headers={**headers, "x-urlopen": "1"}, **options)

    def endheaders(given, *arguments, **options):
        given.__self__.putheader("x-endheaders", "1")
        return given(*arguments, **options)

    assert session.get(url).ok
    for holder, wrapper in (
        (HTTPConnectionPool, urlopen),
        (http.client.HTTPConnection, endheaders),
    ):
        name = wrapper.__name__
        monkeypatch.setattr(holder, name, EqualWrapper(getattr(holder, name), wrapper))
        assert session.get(url).ok
    response = session.get(url)
    assert {"x-urlopen", "x-endheaders"} <= set(response.text.split())
    assert response.raw.version == 20


def test_a_function_that_opens_sockets_is_called(session, old_server, monkeypatch):
    """It may lead elsewhere: hyper does not connect by its own way before."""
    opened = []
    original = urllib3.util.connection.create_connection

    def create_connection(*arguments, **options):
        opened.append(arguments[0])
        return original(*arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", create_connection)
    assert session.get(f"https://localhost:{old_server.port}/").ok
    assert (opened, old_server.declined) == ([("localhost", old_server.port)], 0)


class MockedSocket(socket.socket):
    """A mock's: it gives no code."""

    def connect_ex(self, address):
        """Connect to nobody."""


def test_a_mock_of_sockets_gets_the_request_in_http1(
    session, old_server, certificates, monkeypatch, caplog
):
    """By http.client's way, which it knows."""
    monkeypatch.setattr(socket, "socket", MockedSocket)
    url = f"https://localhost:{old_server.port}/"
    with caplog.at_level(logging.DEBUG, logger="hyper"):
        assert session.get(url).raw.version == 11
    assert "MockedSocket'> stands in the place of socket.socket" in caplog.text
    with hyper.Pool(ssl_context=certificates.hyper_context()) as pool:
        assert pool.request("GET", url).version == 11


def test_a_mock_of_sockets_is_told_where_only_http2_is_spoken(fields, certificates, monkeypatch):
    monkeypatch.setattr(socket, "socket", MockedSocket)
    with pytest.raises(hyper.NegotiationError, match=r"in the place of socket\.socket"):
        by_connection(fields.port, certificates)


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    return pytest.importorskip(request.param)


def core_of(library):
    return importlib.import_module({"httpx": "httpcore", "httpx2": "httpcore2"}[library.__name__])


def made_client(library, certificates):
    integration = importlib.import_module(f"hyper.contrib.{library.__name__}")
    transport = integration.HTTP20Transport(verify=certificates.client_context(alpn=()))
    return library.Client(transport=transport, timeout=10)


@pytest.fixture
def client(library, certificates):
    with made_client(library, certificates) as client:
        yield client


def test_a_wrapper_of_handle_request_is_gone_through(library, client, url, monkeypatch):
    """A tracer's, on the class that hyper's transport is one of."""
    original = library.HTTPTransport.handle_request

    def handle_request(self, request):
        request.headers["x-trace"] = "1"
        return original(self, request)

    monkeypatch.setattr(library.HTTPTransport, "handle_request", handle_request)
    response = client.get(url)
    assert (response.http_version, "x-trace" in response.text.split()) == ("HTTP/2", True)


def test_a_mock_of_handle_request_answers(library, client, monkeypatch):
    monkeypatch.setattr(
        library.HTTPTransport,
        "handle_request",
        lambda _self, _request: library.Response(200, content=b"mocked"),
    )
    assert client.get("https://nowhere.invalid/").content == b"mocked"


def test_a_mock_of_httpcore_s_pool_answers(library, client, monkeypatch, caplog):
    httpcore = core_of(library)
    monkeypatch.setattr(
        httpcore.ConnectionPool,
        "handle_request",
        lambda _self, _request: httpcore.Response(200, content=b"mocked"),
    )
    with caplog.at_level(logging.DEBUG, logger="hyper"):
        assert client.get("https://nowhere.invalid/").content == b"mocked"
        assert client.get("http://nowhere.invalid/").content == b"mocked"
    (said,) = [record.getMessage() for record in caplog.records if record.name == "hyper"]
    assert said.startswith("HTTP/1.1 is spoken with nowhere.invalid: another library has replaced")


def test_a_class_between_hyper_s_transport_and_the_library_s_is_gone_through(
    library, certificates, url
):
    integration = importlib.import_module(f"hyper.contrib.{library.__name__}")

    class Marking(library.HTTPTransport):
        def handle_request(self, request):
            request.headers["x-mark"] = "1"
            return super().handle_request(request)

    class Marked(integration.HTTP20Transport, Marking):
        """Both."""

    transport = Marked(verify=certificates.client_context(alpn=()))
    with library.Client(transport=transport, timeout=10) as client:
        response = client.get(url)
    assert (response.http_version, "x-mark" in response.text.split()) == ("HTTP/2", True)


def test_a_pool_in_the_place_of_the_transport_s_answers(library, client, url, monkeypatch):
    httpcore = core_of(library)

    class Mock(httpcore.ConnectionPool):
        def handle_request(self, _request):
            return httpcore.Response(200, content=b"mocked")

    assert client.get(url).http_version == "HTTP/2"
    with monkeypatch.context() as patched:
        patched.setattr(client._transport, "_pool", Mock())
        assert client.get(url).content == b"mocked"


def test_a_wrapper_of_httpcore_s_connection_is_gone_through(library, client, url, monkeypatch):
    """A tracer's: it adds fields to the list, and sees the status."""
    connection, seen = core_of(library).HTTPConnection, []
    original = connection.handle_request

    def handle_request(self, request):
        request.headers.append((b"x-trace", b"1"))
        response = original(self, request)
        seen.append((request.url.host, response.status))
        return response

    assert client.get(url).status_code == 200
    monkeypatch.setattr(connection, "handle_request", handle_request)
    response = client.post(url, content=b"content")
    assert (response.http_version, "x-trace" in response.text.split()) == ("HTTP/2", True)
    assert seen == [(b"localhost", 200)]


def test_a_wrapper_of_httpcore_s_connection_adds_its_fields_once_where_http1_is_required(
    library, certificates, monkeypatch
):
    """RFC 9113, 7: the request goes out again over HTTP/1.1, without what it was given before."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, wire.HTTP_1_1_REQUIRED))
        peer.accept()
        lines = peer.want_until().split(b"\r\n")
        count = lines.count(b"x-trace: 1")
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % count)

    connection = core_of(library).HTTPConnection
    original = connection.handle_request

    def handle_request(self, request):
        request.headers.append((b"x-trace", b"1"))
        return original(self, request)

    monkeypatch.setattr(connection, "handle_request", handle_request)
    context = certificates.server_context(alpn=("h2", "http/1.1"))
    with Server(script, tls=context, once=True) as server, made_client(library, certificates) as it:
        assert it.get(f"https://localhost:{server.port}/").text == "1"


@pytest.mark.parametrize("name", ["HTTPConnection", "HTTPSConnection"])
def test_a_recorder_in_http_client_s_place_gets_the_drop_in_s_connections(monkeypatch, name):
    """It is no subclass of http.client's; a subclass of hyper's class stays what it is."""

    class Recorder:
        def __init__(self, *arguments, **options):
            self.given = arguments, options

    class Own(getattr(hyper, name)):
        """A script's."""

    monkeypatch.setattr(http.client, name, Recorder)
    made = getattr(hyper, name)("localhost", 1, timeout=3, replay=False)
    assert made.given == (("localhost", 1), {"timeout": 3})
    assert isinstance(Own("localhost", 1), hyper.HTTPConnection)


def by_connection(port, certificates):
    context = certificates.hyper_context()
    with hyper.HTTP20Connection("localhost", port, ssl_context=context) as connection:
        return connection.getresponse(connection.request("GET", "/")).status


def by_pool(port, certificates):
    with hyper.Pool(ssl_context=certificates.hyper_context()) as pool:
        return pool.request("GET", f"https://localhost:{port}/").status


@pytest.mark.parametrize("ask", [by_connection, by_pool])
@pytest.mark.parametrize("recorded", [True, False])
def test_the_log_warns_of_a_recorder_that_sees_nothing(
    ask, recorded, fields, certificates, monkeypatch, caplog
):
    """The real server is asked, though a cassette may lie in the way."""
    if recorded:
        monkeypatch.setattr(http.client, "HTTPSConnection", Recorded)
    with caplog.at_level(logging.WARNING, logger="hyper"):
        assert ask(fields.port, certificates) == 200
    assert ("HTTP20Connection and Pool" in caplog.text) is recorded


def test_the_integrations_do_not_warn(library, client, url, session, monkeypatch, caplog):
    """A recorder sees their requests before."""
    monkeypatch.setattr(http.client, "HTTPSConnection", Recorded)
    with caplog.at_level(logging.WARNING, logger="hyper"):
        assert client.get(url).http_version == "HTTP/2"
        assert session.get(url).raw.version == 20
    assert caplog.text == ""


def test_hypers_class_in_http_clients_place_is_no_recorder(
    fields, certificates, monkeypatch, caplog
):
    monkeypatch.setattr(http.client, "HTTPSConnection", hyper.HTTPSConnection)
    with caplog.at_level(logging.WARNING, logger="hyper"):
        assert by_connection(fields.port, certificates) == 200
    assert caplog.text == ""
