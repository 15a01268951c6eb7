"""A request that goes over HTTP/1.1 says why in the log, or is an error if HTTP/2 is required."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

import hyper
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


def test_importing_hyper_does_not_import_logging():
    program = "import sys, hyper; hyper.Pool; sys.exit('logging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
