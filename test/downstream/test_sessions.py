"""Libraries around requests and urllib3: caches, signatures, retries, forms."""

from __future__ import annotations

import io
import pickle

import pytest
import requests

from test.downstream.conftest import tried


@tried("requests", "session.mount", "a request, a stream, an upload")
def test_requests(services, session):
    assert session.get(services.url("/seen")).json()["version"] == "2"
    with session.get(services.url("/events"), stream=True) as response:
        assert b"data: 1" in list(response.iter_lines())
    assert session.post(services.url("/echo"), data=io.BytesIO(b"x" * 99)).content == b"x" * 99


@tried("requests", "a pickled session", "a request by the copy")
def test_a_pickled_session(services, session):
    assert session.get(services.url("/seen")).json()["version"] == "2"
    with pickle.loads(pickle.dumps(session)) as copy:
        copy.trust_env = False  # requests does not pickle it
        assert copy.get(services.url("/seen")).json()["version"] == "2"
    assert session.get(services.url("/seen")).json()["version"] == "2"


@tried("urllib3", "POOL_CLASSES; the class attribute", "a request")
def test_urllib3(services, manager, certificates, monkeypatch):
    import urllib3

    from hyper.contrib.urllib3 import HTTP20SecureConnection

    assert manager.request("GET", services.url("/seen")).version == 20
    monkeypatch.setattr(urllib3.HTTPSConnectionPool, "ConnectionCls", HTTP20SecureConnection)
    with urllib3.PoolManager(ca_certs=certificates.authority) as everywhere:
        assert everywhere.request("GET", services.url("/seen")).json()["version"] == "2"


@tried("requests-toolbelt", "mixed or beside", "multipart, a monitor, streaming, threads, dump")
def test_toolbelt(services, session, tmp_path):
    from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor
    from requests_toolbelt.downloadutils import stream
    from requests_toolbelt.utils import dump

    heard = []
    encoder = MultipartEncoder({"f": ("name", io.BytesIO(b"x" * 100_000), "text/plain")})
    monitor = MultipartEncoderMonitor(encoder, lambda each: heard.append(each.bytes_read))
    kind = {"content-type": monitor.content_type}
    response = session.post(services.url("/echo"), data=monitor, headers=kind)
    assert b"x" * 100_000 in response.content
    assert heard[-1] == encoder.len
    assert "/echo" in dump.dump_all(response).decode("latin-1")
    response = session.get(services.url("/download/x"), stream=True)
    path = stream.stream_response_to_file(response, path=str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"hello", path
    assert services.versions == {"2"}


@tried("requests-toolbelt", "its adapters, mixed with HTTP20Adapter in either order", "HTTP/2")
@pytest.mark.parametrize("first", [True, False])
def test_toolbelt_adapters(services, session, certificates, first):
    from requests_toolbelt.adapters.fingerprint import FingerprintAdapter
    from requests_toolbelt.adapters.host_header_ssl import HostHeaderSSLAdapter
    from requests_toolbelt.adapters.source import SourceAddressAdapter

    from hyper.contrib.requests import HTTP20Adapter

    def mixed(theirs):
        bases = (theirs, HTTP20Adapter) if first else (HTTP20Adapter, theirs)
        return type("Mixed", bases, {})

    session.mount("https://", mixed(SourceAddressAdapter)("127.0.0.1"))
    assert session.get(services.url("/seen")).raw.version == 20
    session.mount("https://", mixed(HostHeaderSSLAdapter)())
    by_address = f"https://127.0.0.1:{services.port}/seen"
    assert session.get(by_address, headers={"Host": "localhost"}).raw.version == 20
    with pytest.raises(requests.exceptions.SSLError):
        session.get(by_address, headers={"Host": "wrong.invalid"})
    session.mount("https://", mixed(FingerprintAdapter)("00" * 32))
    with pytest.raises(requests.exceptions.SSLError, match=r"[Ff]ingerprint"):
        session.get(services.url("/seen"))


@tried("requests-cache", "mount on its session", "cached")
def test_requests_cache(services, adapter, certificates):
    import requests_cache

    with requests_cache.CachedSession(backend="memory", expire_after=60) as session:
        session.mount("https://", adapter)
        session.verify = certificates.authority
        answers = [session.get(services.url("/seen")) for _ in range(2)]
        assert [each.from_cache for each in answers] == [False, True]
    assert [line["version"] for line in services.seen()] == ["2"]


@tried("CacheControl", "a class of CacheControlAdapter and HTTP20Adapter", "cached, revalidated")
def test_cachecontrol(services, session):
    from cachecontrol import CacheControlAdapter

    from hyper.contrib.requests import HTTP20Adapter

    class Both(CacheControlAdapter, HTTP20Adapter):
        pass

    session.mount("https://", Both())
    for _ in range(2):
        assert session.get(services.url("/cached")).text == "cached"
        assert session.get(services.url("/etag")).text == "tagged"
    lines = services.seen()
    assert [line["path"] for line in lines] == ["/cached", "/etag", "/etag"]
    assert {line["version"] for line in lines} == {"2"}


@tried("CacheControl", "CacheControl(session, adapter_class=)", "cached")
def test_cachecontrol_by_its_function(services, session):
    from cachecontrol import CacheControl, CacheControlAdapter

    from hyper.contrib.requests import HTTP20Adapter

    class Both(CacheControlAdapter, HTTP20Adapter):
        pass

    cached = CacheControl(session, adapter_class=Both)
    for _ in range(2):
        assert cached.get(services.url("/cached")).text == "cached"
    assert [line["version"] for line in services.seen()] == ["2"]


@tried("hishel", "a class of its CacheAdapter and HTTP20Adapter", "cached, revalidated")
def test_hishel(services, session, tmp_path):
    from hishel import SqliteStorage
    from hishel.requests import CacheAdapter

    from hyper.contrib.requests import HTTP20Adapter

    class Both(CacheAdapter, HTTP20Adapter):
        pass

    storage = SqliteStorage(database_path=tmp_path / "cache.db")
    session.mount("https://", Both(storage=storage, rfc=True))
    for _ in range(2):
        assert session.get(services.url("/cached")).text == "cached"
        assert session.get(services.url("/etag")).text == "tagged"
    lines = services.seen()
    assert [line["path"] for line in lines] == ["/cached", "/etag", "/etag"]
    assert {line["version"] for line in lines} == {"2"}


@tried("requests-oauthlib", "mount on OAuth1Session", "signed")
def test_requests_oauthlib(services, adapter, certificates):
    from requests_oauthlib import OAuth1Session

    with OAuth1Session("key", client_secret="s") as session:
        session.mount("https://", adapter)
        session.verify = certificates.authority
        fields = session.get(services.url("/seen")).json()["fields"]
        assert fields["authorization"].startswith("OAuth ")
    assert services.versions == {"2"}


@tried("tenacity", "around a call", "503, then 200")
def test_tenacity(services, session):
    import tenacity

    @tenacity.retry(stop=tenacity.stop_after_attempt(3))
    def ask():
        session.get(services.url("/flaky/tenacity")).raise_for_status()

    ask()
    assert [line["version"] for line in services.seen()] == ["2", "2"]


@tried("backoff", "around a call", "503, then 200")
def test_backoff(services, session):
    import backoff

    @backoff.on_exception(backoff.constant, requests.HTTPError, interval=0, max_tries=3)
    def ask():
        session.get(services.url("/flaky/backoff")).raise_for_status()

    ask()
    assert [line["version"] for line in services.seen()] == ["2", "2"]


@tried("tqdm", "wrapattr around a file", "an upload with its progress")
def test_tqdm(services, session):
    from tqdm import tqdm

    shown = io.StringIO()
    body = io.BytesIO(b"x" * 100_000)
    with tqdm.wrapattr(body, "read", total=100_000, file=shown) as wrapped:
        answer = session.post(services.url("/echo"), data=wrapped)
    assert len(answer.content) == 100_000
    assert services.versions == {"2"}


@tried("httplib2", "a class of its connection and HTTPSConnection, with ALPN", "calls")
def test_httplib2(services, certificates, monkeypatch):
    import httplib2

    import hyper

    class Connection(httplib2.HTTPSConnectionWithTimeout, hyper.HTTPSConnection):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self._context.set_alpn_protocols(hyper.tls.ALPN_PROTOCOLS)

    monkeypatch.delenv("HTTPLIB2_CA_CERTS", raising=False)
    client = httplib2.Http(ca_certs=certificates.authority, timeout=20)
    for method, body in (("GET", None), ("POST", b"content")):
        response, _ = client.request(
            services.url("/seen"), method, body=body, connection_type=Connection
        )
        assert response.version == 20
    assert services.versions == {"2"}
