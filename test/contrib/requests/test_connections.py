"""Timeouts, TLS, proxies, threads and pickles with requests."""

from __future__ import annotations

import io
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hyper.pool.site import Lease
from hyper.testing import wire
from test.contrib.conftest import OldServer, running
from test.contrib.requests.conftest import made
from test.live import servers
from test.live.server import pattern

requests = pytest.importorskip("requests")

from requests.adapters import HTTPAdapter  # noqa: E402
from urllib3.exceptions import InsecureRequestWarning  # noqa: E402
from urllib3.util import Timeout  # noqa: E402

from hyper.contrib import HTTP20Adapter  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator


# -------------------------------------------------------------------- timeouts


@pytest.mark.parametrize(
    "timeout", [0.05, (10, 0.05), Timeout(connect=10, read=0.05), Timeout(total=0.05)], ids=repr
)
def test_a_silent_server_is_a_read_timeout(session, node, timeout):
    session.get(node.url("/"))
    with pytest.raises(requests.ReadTimeout) as caught:
        session.get(node.url("/never"), timeout=timeout)
    assert isinstance(caught.value, requests.Timeout)
    assert caught.value.request.url == node.url("/never")
    assert session.get(node.url("/"), timeout=None).ok


def test_a_request_that_timed_out_is_cancelled(session, scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        first, _, _ = peer.want_request()
        peer.want_rst(first, wire.CANCEL)
        for frame, _, _ in peer.arrivals():
            # Where nothing came in the whole wait, the client asks whether anybody is there (6.7).
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                peer.write_response(frame.stream_id, b"next")
                return

    peer = scripted_peer(script, certificates.server_context())
    with pytest.raises(requests.ReadTimeout):
        # On a busy machine PyPy's TLS handshake alone takes longer than the read may.
        session.get(f"https://localhost:{peer.port}/", timeout=(30, 0.5))
    assert session.get(f"https://localhost:{peer.port}/").content == b"next"


def test_content_that_stalls_times_out_each_by_its_own_limit(session, node):
    slow = session.get(node.url("/drip/3/300"), stream=True, timeout=10)
    hasty = session.get(node.url("/drip/3/300"), stream=True, timeout=0.2)
    with pytest.raises(requests.ConnectionError, match="timed out"):  # as requests calls it here
        hasty.content  # noqa: B018
    assert slow.content == b"drip\n" * 3


@pytest.fixture
def silent() -> Generator[int, None, None]:
    """A port whose server accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("timeout", [0.1, (0.1, 10)], ids=repr)
def test_a_server_that_shakes_no_hands_is_a_connect_timeout(session, silent, timeout):
    with pytest.raises(requests.ConnectTimeout):
        session.get(f"https://localhost:{silent}/", timeout=timeout)


def test_threads_that_wait_for_one_connection_time_out_together(session, silent):
    def late(_):
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"https://localhost:{silent}/", timeout=0.5)

    begin = time.monotonic()
    with ThreadPoolExecutor(40) as threads:
        list(threads.map(late, range(40)))
    assert time.monotonic() - begin < 15  # not 40 times half a second


@pytest.mark.parametrize("timeout", [(1, 2, 3), "soon", -1])
def test_a_timeout_that_is_none_is_refused(session, node, timeout):
    with pytest.raises(ValueError, match="imeout"):
        session.get(node.url("/"), timeout=timeout)


# ------------------------------------------------------------------------- TLS


def test_certificates_are_verified(certificates, site):
    with made(True) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(site.url("/hello"))  # certifi does not know our authority


@pytest.mark.parametrize("pair", ["wrong_name", "expired", "stranger"])
def test_bad_certificates_are_refused(session, server, certificates, pair):
    bad = server("nginx", pair=getattr(certificates, pair))
    with pytest.raises(requests.exceptions.SSLError):
        session.get(bad.url("/hello"))


def test_without_verification_there_is_a_warning(session, server, certificates, version):
    bad = server("nginx", pair=certificates.wrong_name, http2=version == 20)
    with pytest.warns(InsecureRequestWarning, match="localhost"):
        response = session.get(bad.url("/hello"), verify=False)
    assert response.raw.version == version
    with pytest.raises(requests.exceptions.SSLError):  # what went unverified serves nobody else
        session.get(bad.url("/hello"))


def test_authorities_are_those_of_the_file_or_directory_named(session, site, tmp_path):
    with pytest.raises(requests.exceptions.SSLError):  # an empty directory: nobody is trusted
        session.get(site.url("/hello"), verify=str(tmp_path))
    with pytest.raises(OSError, match="invalid path"):
        session.get(site.url("/hello"), verify=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("shape", ["pair", "path"])
def test_a_client_certificate_is_shown(session, server, certificates, version, shape, tmp_path):
    asks = server(
        "nginx",
        http2=version == 20,
        directives=[
            f"ssl_verify_client on; ssl_client_certificate {certificates.authority};",
            'location = /who { return 200 "$ssl_client_verify"; }',
        ],
    )
    cert = tuple(certificates.client)
    if shape == "path":
        both = tmp_path / "both.pem"
        both.write_bytes(b"".join(Path(path).read_bytes() for path in cert))
        cert = str(both)
    response = session.get(asks.url("/who"), cert=cert)
    assert (response.text, response.raw.version) == ("SUCCESS", version)
    assert session.get(asks.url("/who")).status_code == 400  # without it: another connection


def test_an_unusable_client_certificate_is_an_ssl_error(session, node, certificates):
    with pytest.raises(requests.exceptions.SSLError):
        session.get(node.url("/"), cert=certificates.server.key)
    with pytest.raises(OSError, match="invalid path"):
        session.get(node.url("/"), cert="/nowhere/cert.pem")


def test_a_context_of_the_callers_is_used(site, version, certificates):
    class OwnContext(HTTP20Adapter):
        def init_poolmanager(self, *arguments, **options):
            context = certificates.client_context(alpn=())
            super().init_poolmanager(*arguments, ssl_context=context, **options)

    with made(True) as session:
        session.mount("https://", OwnContext())
        assert session.get(site.url("/hello")).raw.version == version


def test_options_that_only_urllib3_knows_are_kept_in_http11(sites, certificates):
    class Pinned(HTTP20Adapter):
        def init_poolmanager(self, *arguments, **options):
            super().init_poolmanager(*arguments, assert_fingerprint="00" * 32, **options)

    with made(certificates.authority) as session:
        session.mount("https://", Pinned())
        with pytest.raises(requests.exceptions.SSLError, match=r"[Ff]ingerprint"):
            session.get(sites[20].url("/hello"))


# --------------------------------------------------- HTTP/1.1, proxies, plain http


def test_a_server_without_http2_is_asked_for_it_but_once(session, old_server):
    url = f"https://localhost:{old_server.port}/"
    with ThreadPoolExecutor(4) as threads:
        responses = list(threads.map(lambda _: session.get(url), range(8)))
    assert {response.text for response in responses} == {"hello in HTTP/1.1\n"}
    assert {response.raw.version for response in responses} == {11}
    assert old_server.declined == 1
    assert session.post(url, data=io.BytesIO(b"content")).content == b"content"


def test_a_thread_that_waited_for_the_dial_of_another_does_not_dial(
    session, old_server, monkeypatch
):
    """It knows the result, even if the other thread has come no further."""
    give_back, other_has_ended, is_first = Lease._give_back, threading.Event(), iter([True])

    def give_back_late(lease):
        if next(is_first, False):
            other_has_ended.wait(10)
        give_back(lease)

    monkeypatch.setattr(Lease, "_give_back", give_back_late)
    with ThreadPoolExecutor(2) as threads:
        url = f"https://localhost:{old_server.port}/"
        calls = [threads.submit(session.get, url) for _ in range(2)]
        wait(calls, return_when=FIRST_COMPLETED)
        other_has_ended.set()
        assert [call.result().raw.version for call in calls] == [11, 11]
    assert old_server.declined == 1


def test_a_server_whose_tls_is_too_old_for_http2_is_reached(session, certificates):
    """RFC 9113, 9.2.2 and appendix A."""
    old = ssl.TLSVersion.TLSv1_2
    context = certificates.server_context(alpn=("h2", "http/1.1"), versions=(old, old))
    context.set_ciphers("ECDHE+AES:!AESGCM:!AESCCM")
    with running(OldServer(context)) as server:
        response = session.get(f"https://localhost:{server.port}/")
    assert (response.text, response.raw.version) == ("hello in HTTP/1.1\n", 11)


def test_a_proxy_is_used(session, nginx, old_server, proxy):
    """Each proxy has its own connections; test/live/test_proxies.py has real ones."""
    proxies = {"https": f"http://127.0.0.1:{proxy.server_port}"}
    for _ in range(2):
        response = session.get(nginx.url("/hello"), proxies=proxies)
        assert (response.text, response.raw.version) == ("hello from nginx\n", 20)
    assert proxy.asked == [f"localhost:{nginx.port}"]
    assert session.get(nginx.url("/hello")).raw.version == 20
    assert proxy.asked == [f"localhost:{nginx.port}"]
    response = session.get(f"https://localhost:{old_server.port}/", proxies=proxies)
    assert (response.text, response.raw.version) == ("hello in HTTP/1.1\n", 11)


def test_a_proxy_that_is_not_there(session, nginx):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        proxies = {"https": f"http://127.0.0.1:{probe.getsockname()[1]}"}
    with pytest.raises(requests.exceptions.ProxyError, match="Unable to connect to proxy"):
        session.get(nginx.url("/hello"), proxies=proxies)


def test_plain_http_urls_go_as_ever(session, cleartext_server):
    url = f"http://localhost:{cleartext_server.port}/"
    session.mount("http://", HTTP20Adapter())
    response = session.get(url)
    assert (response.text, response.raw.version) == ("hello in HTTP/1.1\n", 11)


# -------------------------------------------- threads, sharing, closing, pickling


def sessions_of(session, node) -> int:
    return session.get(node.url("/sessions")).json()["sessions"]


def test_sixteen_threads_share_one_connection(session, node):
    before = sessions_of(session, node)

    def one(number):
        if number % 3 == 0:
            body = pattern(50_000, number)
            answer = session.post(node.url("/digest"), data=body, timeout=60).json()
            return answer["sha256"] == servers.sha256(body)
        response = session.get(node.url(f"/bytes/{number * 1000}"), timeout=60)
        return response.content == pattern(number * 1000) and response.raw.version == 20

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(one, range(160)))
    assert sessions_of(session, node) == before


def test_one_slow_response_delays_nobody(session, node):
    slow = session.get(node.url("/drip/3/200"), stream=True)
    waiting = threading.Thread(target=session.get, args=(node.url("/drip/1/400"),))
    waiting.start()
    for _ in range(20):
        assert session.get(node.url("/"), timeout=10).ok
    assert slow.content == b"drip\n" * 3
    waiting.join()


def test_more_origins_than_pools_are_all_served(certificates, sites, node, hypercorn):
    with made(certificates.authority, pool_connections=1) as session:
        for _ in range(3):
            for server, path in ((sites[20], "/hello"), (node, "/"), (hypercorn, "/")):
                assert session.get(server.url(path)).raw.version == 20
        held = session.get(node.url("/drip/2/50"), stream=True)
        assert session.get(hypercorn.url("/")).ok  # node's pool is thrown out
        assert held.content == b"drip\n" * 2


def test_closing_ends_the_connection_and_the_session_goes_on(session, scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"first")
        peer.want_goaway()
        peer.want_closed()

    peer = scripted_peer(script, certificates.server_context())
    assert session.get(f"https://localhost:{peer.port}/").content == b"first"
    session.close()
    peer.join()


def test_a_session_can_be_pickled(certificates, site, version):
    with made(certificates.authority, max_retries=2, pool_connections=3) as session:
        session.get(site.url("/hello"))
        copy = pickle.loads(pickle.dumps(session))
    with copy:
        adapter = copy.get_adapter("https://")
        assert isinstance(adapter, HTTP20Adapter)
        assert adapter.max_retries.total == 2
        assert copy.get(site.url("/hello")).raw.version == version


def test_responses_can_be_pickled(session, node):
    copy = pickle.loads(pickle.dumps(session.get(node.url("/"))))
    assert (copy.text, copy.headers["content-type"]) == ("hello from node\n", "text/plain")


def test_the_adapter_is_one_of_requests_own():
    assert issubclass(HTTP20Adapter, HTTPAdapter)


def test_importing_the_integrations_imports_no_other_library():
    script = "import hyper.contrib, sys; sys.exit('requests' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
