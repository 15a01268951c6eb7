"""A request that goes over HTTP/1.1 says why in the log, or is an error if HTTP/2 is required."""

from __future__ import annotations

import http.client
import logging
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

import hyper
from hyper.testing import wire
from hyper.testing.scripts import requests
from test.contrib.conftest import OldServer, running


@pytest.fixture
def old(certificates):
    """A server that agrees on http/1.1 alone (RFC 9113, 3.2)."""
    with running(OldServer(certificates.server_context(alpn=("http/1.1",)))) as server:
        yield server


def by_pool(url, certificates, **options):
    with hyper.Pool(ssl_context=certificates.hyper_context(), timeout=10, **options) as pool:
        for _ in range(2):
            content = pool.request("GET", url).read()
        return content


def by_requests(url, certificates, **options):
    requests = pytest.importorskip("requests")
    from hyper.contrib import HTTP20Adapter

    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTP20Adapter(**options))
        session.trust_env, session.verify = False, certificates.authority
        for _ in range(2):
            content = session.get(url, timeout=10).content
        return content


def by_httpx(url, certificates, **options):
    httpx = pytest.importorskip("httpx")
    from hyper.contrib.httpx import HTTP20Transport

    transport = HTTP20Transport(verify=certificates.client_context(alpn=()), **options)
    with httpx.Client(transport=transport, timeout=10) as client:
        for _ in range(2):
            content = client.get(url).content
        return content


def by_urllib3(url, certificates, **options):
    pytest.importorskip("urllib3", "2.0")
    from hyper.contrib.urllib3 import HTTP20ConnectionPool

    port = urllib.parse.urlsplit(url).port
    # Not of a manager: those close their pools when they are collected, which PyPy does late.
    options = {"ca_certs": certificates.authority, "timeout": 10, **options}
    with HTTP20ConnectionPool("localhost", port, **options) as pool:
        return pool.request("GET", url).data


def by_urllib(url, certificates, **options):
    from hyper.contrib.urllib import HTTP2Handler

    handler = HTTP2Handler(context=certificates.client_context(), **options)
    with urllib.request.build_opener(handler).open(url, timeout=10) as response:
        return response.read()


def by_xmlrpc(url, certificates, **options):
    from hyper.contrib.xmlrpc import HTTP2Transport

    transport = HTTP2Transport(context=certificates.client_context(), **options)
    connection = transport.make_connection(url.split("/")[2])
    connection.request("GET", "/")
    with connection.getresponse() as response:
        content = response.read()
    transport.close()
    return content


WAYS = pytest.mark.parametrize("ask", [by_pool, by_requests, by_httpx])


@WAYS
def test_the_log_tells_why_a_request_goes_over_http1(ask, old, certificates, caplog):
    """3.2: at INFO when it is found out, at DEBUG from then on."""
    with caplog.at_level(logging.DEBUG, logger="hyper"):
        assert ask(f"https://localhost:{old.port}/", certificates) == b"hello in HTTP/1.1\n"
    records = [
        record
        for record in caplog.records
        if record.name == "hyper" and record.getMessage().startswith("HTTP/1.1 is spoken")
    ]
    assert [record.levelno for record in records] == [logging.INFO, logging.DEBUG]
    for record in records:
        assert f"https://localhost:{old.port} does not speak HTTP/2" in record.getMessage()


@WAYS
def test_it_is_an_error_where_http2_is_required(ask, old, certificates):
    """3.2: nothing is sent over HTTP/1.1."""
    with pytest.raises(Exception, match="require_http2") as caught:
        ask(f"https://localhost:{old.port}/", certificates, require_http2=True)
    assert type(caught.value).__name__ in ("NegotiationError", "ConnectionError", "ConnectError")


@WAYS
def test_an_http_url_is_an_error_where_http2_is_required(ask, cleartext_server, certificates):
    """3.3."""
    url = f"http://localhost:{cleartext_server.port}/"
    with pytest.raises(Exception, match="require_http2"):
        ask(url, certificates, require_http2=True)
    assert ask(url, certificates) == b"hello in HTTP/1.1\n"


def test_urllib3_s_connection_tells_why_it_speaks_http1(old, certificates, caplog):
    """3.2."""
    with caplog.at_level(logging.DEBUG, logger="hyper"):
        assert by_urllib3(f"https://localhost:{old.port}/", certificates) == b"hello in HTTP/1.1\n"
    (said,) = [record.getMessage() for record in caplog.records if record.name == "hyper"]
    assert said.startswith("HTTP/1.1 is spoken with localhost: it has not chosen h2")


def test_urllib3_s_pool_may_require_http2(old, certificates, caplog):
    """3.2: it is an error at once, and nothing is sent over HTTP/1.1."""
    urllib3 = pytest.importorskip("urllib3", "2.0")
    with pytest.raises(
        urllib3.exceptions.HTTPError, match=r"require_http2.*not chosen h2"
    ) as error:
        by_urllib3(f"https://localhost:{old.port}/", certificates, require_http2=True)
    assert type(error.value) is urllib3.exceptions.HTTPError
    assert "HTTP/1.1 is spoken" not in caplog.text


def answer_with_the_window(peer):
    size = peer.handshake()[wire.SETTINGS_INITIAL_WINDOW_SIZE]
    for request in requests(peer):
        peer.write_response(request.stream_id, b"%d" % size)


DROPIN_WAYS = pytest.mark.parametrize("ask", [by_urllib, by_xmlrpc])


@DROPIN_WAYS
def test_urllib_and_xmlrpc_tell_why_they_speak_http1(ask, old, certificates, caplog):
    """3.2."""
    with caplog.at_level(logging.DEBUG, logger="hyper"):
        assert ask(f"https://localhost:{old.port}/", certificates) == b"hello in HTTP/1.1\n"
    said = [record.getMessage() for record in caplog.records if record.name == "hyper"]
    assert any("HTTP/1.1 is spoken with localhost" in line for line in said), said


@DROPIN_WAYS
def test_urllib_and_xmlrpc_may_require_http2(ask, old, certificates):
    """3.2: nothing is sent over HTTP/1.1."""
    with pytest.raises(Exception, match=r"require_http2.*not chosen h2") as caught:
        ask(f"https://localhost:{old.port}/", certificates, require_http2=True)
    reason = getattr(caught.value, "reason", caught.value)
    assert isinstance(caught.value, urllib.error.URLError if ask is by_urllib else object)
    assert type(reason) is hyper.NegotiationError


@DROPIN_WAYS
def test_a_server_that_asks_for_http1_is_an_error_for_urllib_and_xmlrpc(
    ask, scripted_peer, certificates
):
    """7: no second connection is made."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, wire.HTTP_1_1_REQUIRED))

    peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
    with pytest.raises(Exception, match=r"require_http2.*asked for HTTP/1\.1"):
        ask(f"https://localhost:{peer.port}/", certificates, require_http2=True)


@DROPIN_WAYS
def test_a_recorder_is_an_error_for_urllib_and_xmlrpc(ask, certificates, monkeypatch):
    class Recorder:
        debuglevel = 0

    monkeypatch.setattr(http.client, "HTTPSConnection", Recorder)
    with pytest.raises(Exception, match=r"require_http2.*another library has replaced"):
        ask("https://localhost:1/", certificates, require_http2=True)


def test_urllib_takes_hypers_class_in_http_clients_place(scripted_peer, certificates, monkeypatch):
    """3.2: it is not a recorder."""
    peer = scripted_peer(answer_with_the_window, certificates.server_context())
    monkeypatch.setattr(http.client, "HTTPSConnection", hyper.HTTPSConnection)
    options = {"require_http2": True, "settings": {"SETTINGS_INITIAL_WINDOW_SIZE": 77_777}}
    assert by_urllib(f"https://localhost:{peer.port}/", certificates, **options) == b"77777"


@pytest.mark.parametrize("ask", [by_pool, by_requests, by_httpx, by_urllib3, by_urllib, by_xmlrpc])
def test_options_of_connections_count_in_each_integration(ask, scripted_peer, certificates):
    """6.5.2."""
    peer = scripted_peer(answer_with_the_window, certificates.server_context())
    options = {"require_http2": True, "settings": {"SETTINGS_INITIAL_WINDOW_SIZE": 77_777}}
    assert ask(f"https://localhost:{peer.port}/", certificates, **options) == b"77777"


def test_importing_hyper_does_not_import_logging():
    program = "import sys, hyper; hyper.Pool; sys.exit('logging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
