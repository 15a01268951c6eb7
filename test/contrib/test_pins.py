"""A pinned certificate with every integration: each connection is checked, in any protocol."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path

import pytest

from hyper import HTTPSConnection
from hyper.contrib.urllib import HTTP2Handler
from hyper.tls import init_context
from test.contrib.conftest import OldServer, running

DEADLINE = 10


def by_drop_in(url, context):
    host, _, port = url.split("/")[2].partition(":")
    connection = HTTPSConnection(host, int(port), context=context, timeout=DEADLINE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def by_urllib(url, context):
    opener = urllib.request.build_opener(HTTP2Handler(context=context))
    with opener.open(url, timeout=DEADLINE) as response:
        return response.read()


def by_urllib3(url, context):
    urllib3 = pytest.importorskip("urllib3", "2.0")
    from hyper.contrib.urllib3 import POOL_CLASSES

    with urllib3.PoolManager(ssl_context=context, retries=False, timeout=DEADLINE) as manager:
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager.request("GET", url).data


def by_requests(url, context):
    requests = pytest.importorskip("requests")
    from hyper.contrib.requests import HTTP20Adapter

    class Adapter(HTTP20Adapter):
        def init_poolmanager(self, *arguments, **options):
            super().init_poolmanager(*arguments, ssl_context=context, **options)

    with requests.Session() as session:
        session.mount("https://", Adapter())
        return session.get(url, verify=False, timeout=DEADLINE).content


def by_httpx(url, context, name="httpx"):
    library = pytest.importorskip(name)
    integration = pytest.importorskip(f"hyper.contrib.{name}")
    with library.Client(
        transport=integration.HTTP20Transport(verify=context), timeout=DEADLINE
    ) as client:
        return client.get(url).content


def by_httpx2(url, context):
    return by_httpx(url, context, "httpx2")


INTEGRATIONS = [by_drop_in, by_urllib, by_urllib3, by_requests, by_httpx, by_httpx2]


def reasons(error):
    """An exception and what is behind it, in words."""
    return str(error) + (reasons(error.__context__) if error.__context__ else "")


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_over_http2(scripted_peer, certificates, integration):
    asked = []
    peer = scripted_peer(
        lambda peer: peer.want_refusal(), certificates.server_context(certificates.stranger)
    )
    context = init_context(verify=False, pin=asked.append, backend="ssl")
    with pytest.raises(Exception, match="pin") as caught:
        integration(f"https://localhost:{peer.port}/", context)
    assert "refused by the pin that this program has set" in reasons(caught.value)
    assert len(asked) == 1


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # urllib3 knows of no pin
@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_over_http1(certificates, integration):
    """If an integration opens two connections, another server may answer the second."""
    chain = Path(certificates.stranger.certificate).read_text()
    ours = ssl.PEM_cert_to_DER_cert(chain)
    asked = []

    def pin(chain):
        asked.append(chain[0])
        return len(asked) == 1 and chain[0] == ours

    server_context = certificates.server_context(certificates.stranger, alpn=("http/1.1",))
    with running(OldServer(server_context)) as server:
        url = f"https://localhost:{server.port}/"
        context = init_context(verify=False, pin=pin, backend="ssl")
        if integration in (by_drop_in, by_urllib, by_urllib3):
            assert integration(url, context) == b"hello in HTTP/1.1\n"
            assert asked == [ours]
        with pytest.raises(Exception, match="pin") as caught:
            integration(url, context)
        assert "refused by the pin that this program has set" in reasons(caught.value)
        assert asked == [ours, ours]


@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_the_drop_in_over_pyopenssl(scripted_peer, certificates, alpn):
    pytest.importorskip("OpenSSL")
    pytest.importorskip("service_identity")
    asked = []
    peer = scripted_peer(
        lambda peer: peer.want_refusal(),
        certificates.server_context(certificates.stranger, alpn=[alpn]),
    )
    context = init_context(verify=False, pin=asked.append, backend="pyopenssl")
    with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
        by_drop_in(f"https://localhost:{peer.port}/", context)
    assert len(asked) == 1
