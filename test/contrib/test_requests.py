"""requests' documented behaviours, each asked over HTTP/2 and of a server without it: the script
is the same, and so is the answer; `response.raw.version` tells them apart.
"""

from __future__ import annotations

import base64
import gc
import io
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test import wire
from test.contrib.conftest import OldServer, running
from test.live import servers
from test.live.conftest import require

requests = pytest.importorskip("requests")

from requests.adapters import HTTPAdapter  # noqa: E402
from urllib3.exceptions import InsecureRequestWarning  # noqa: E402
from urllib3.util import Retry, Timeout  # noqa: E402

from hyper.contrib import HTTP20Adapter  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator

    from test.certificates import Certificates
    from test.live.servers import Server

SITE = """
location = /see { default_type text/plain;
  return 200 "$request_method|$http_user_agent|$http_x_own|$http_transfer_encoding|$host"; }
location = /jar { default_type text/plain; return 200 "$http_cookie"; }
location = /authorization { default_type text/plain; return 200 "$http_authorization"; }
location = /cookie { add_header Set-Cookie "a=1; Path=/"; add_header Set-Cookie "b=2; Path=/";
  return 302 /jar; }
location = /moved { return 302 /see; }
location = /kept { return 307 /upload/kept; }
location = /loop { return 302 /loop; }
location = /away { return 302 $arg_to; }
location = /busy { add_header Retry-After 0 always; return 503 "busy"; }
location = /teapot { return 418 "short and stout"; }
location = /private { auth_basic "private"; auth_basic_user_file %s;
  add_header X-User $remote_user; try_files /style.css =404; }
"""


@pytest.fixture(scope="module")
def sites(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[int, Server], None, None]:
    require("nginx")
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_text("ann:{PLAIN}secret\n")
    nginx, directives = servers.Nginx, [SITE % users]
    with (
        nginx(certificates, directives=directives) as new,
        nginx(certificates, directives=directives, http2=False) as old,
    ):
        yield {20: new, 11: old}


@pytest.fixture(params=[20, 11], ids=["HTTP/2", "HTTP/1.1"])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def site(sites: dict[int, Server], version: int) -> Server:
    """nginx, with HTTP/2 or without."""
    return sites[version]


def made(authority: str | bool, **options) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = authority
    session.mount("https://", HTTP20Adapter(**options))
    return session


@pytest.fixture
def session(certificates: Certificates) -> Generator[requests.Session, None, None]:
    with made(certificates.authority) as session:
        yield session


# ------------------------------------------------------------------ what comes


def test_a_response_has_all_that_requests_promises(session, site, version):
    response = session.get(site.url("/hello"))
    assert (response.status_code, response.reason, response.ok) == (200, "OK", True)
    assert (response.text, response.content) == ("hello from nginx\n", b"hello from nginx\n")
    assert response.headers["Content-Type"] == "text/plain"
    assert (response.encoding, response.apparent_encoding) == ("ISO-8859-1", "ascii")
    assert response.url == site.url("/hello")
    assert response.request.method == "GET"
    assert response.elapsed.total_seconds() > 0
    assert response.raw.version == version
    assert response.connection is session.get_adapter("https://")


def test_urls_carry_parameters_and_lose_fragments(session, node):
    response = session.get(node.url("/fields#here"), params={"a": ["1", "2"], "b": "ü"})
    assert response.json()["path"] == "/fields?a=1&a=2&b=%C3%BC"
    assert response.raw.version == 20


def test_a_url_that_was_changed_after_it_was_prepared_is_quoted(session, node):
    prepared = session.prepare_request(requests.Request("GET", node.url("/fields")))
    prepared.url = node.url("/fields?a b")
    assert session.send(prepared).json()["path"] == "/fields?a%20b"


def test_json_comes_decoded_and_goes_coded(session, node):
    response = session.post(node.url("/echo"), json={"a": [1, None]})
    assert response.json() == {"a": [1, None]}
    assert response.headers["content-type"] == "application/json"
    assert response.raw.version == 20


@pytest.mark.parametrize("status", [204, 304, 404, 503])
def test_statuses_are_told_and_raised_on_demand(session, node, status):
    response = session.get(node.url(f"/status/{status}"))
    assert (response.status_code, response.raw.version) == (status, 20)
    if status >= 400:
        with pytest.raises(requests.HTTPError, match=str(status)):
            response.raise_for_status()
    else:
        response.raise_for_status()
        assert response.content == b""


def test_head_has_the_length_and_no_content(session, site, version):
    response = session.head(site.url("/large"))
    assert (response.headers["content-length"], response.content) == (str(servers.LARGE), b"")
    assert response.raw.version == version


@pytest.mark.filterwarnings("ignore:Brotli >= 1.2:urllib3.exceptions.DependencyWarning")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_content_codings_are_taken_off_once(session, node, coding):
    """On PyPy by an older brotlicffi, of which urllib3 warns."""
    if coding == "br" and not find_spec("brotli"):
        pytest.importorskip("brotlicffi")
    response = session.get(node.url(f"/{coding}"))
    assert response.headers["content-encoding"] == coding
    assert (response.text, response.raw.version) == ("hello from node\n" * 1000, 20)


def test_raw_gives_octets_as_they_came_or_decoded(session, node):
    coded = session.get(node.url("/gzip"), stream=True).raw.read()
    assert coded[:2] == b"\x1f\x8b"
    raw = session.get(node.url("/gzip"), stream=True).raw
    assert raw.read(16, decode_content=True) == b"hello from node\n"
    assert raw.headers["Content-Encoding"] == "gzip"
    assert not raw.isclosed()
    raw.close()
    assert raw.isclosed()


# ------------------------------------------------------------------ what goes


def test_fields_are_requests_own_and_the_callers(session, site, version):
    agent = requests.utils.default_user_agent()
    assert session.get(site.url("/see")).text == f"GET|{agent}|||localhost"
    session.headers["X-Own"] = "session"
    given = {"User-Agent": "me", "Host": "other.invalid", "Connection": "keep-alive"}
    response = session.get(site.url("/see"), headers=given)
    assert response.text == "GET|me|session||other.invalid"
    assert response.raw.version == version


def test_no_field_of_http11_is_sent(session, node):
    given = {"Connection": "close", "Keep-Alive": "1", "Transfer-Encoding": "chunked"}
    sent = session.post(node.url("/fields"), data=iter([b"x"]), headers=given).json()["fields"]
    assert not {"connection", "keep-alive", "transfer-encoding", "host"} & set(sent)


def pieces():
    yield b"one "
    yield "zwölf".encode()


BODIES = {
    "bytes": (lambda: b"\x00\xff", b"\x00\xff"),
    "str": (lambda: "zwölf", "zwölf".encode()),
    "empty": (lambda: b"", b""),
    "form": (lambda: {"a": "1", "b": ["2", "3"]}, b"a=1&b=2&b=3"),
    "pairs": (lambda: [("a", "1"), ("a", "2")], b"a=1&a=2"),
    "file": (lambda: io.BytesIO(b"x" * 200_000), b"x" * 200_000),
    "text-file": (lambda: io.StringIO("text"), b"text"),
    "generator": (pieces, "one zwölf".encode()),
    "large": (lambda: servers.pattern(3_000_000), servers.pattern(3_000_000)),
}


@pytest.mark.parametrize("kind", BODIES)
def test_content_goes_out_whatever_it_is(session, site, version, kind):
    body, octets = BODIES[kind]
    response = session.put(site.url(f"/upload/{kind}"), data=body())
    assert (response.status_code in (201, 204), response.raw.version) == (True, version)
    assert (site.uploads / kind).read_bytes() == octets


def test_a_file_on_disk_is_sent_from_where_it_stands(session, site, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"skipped" + servers.pattern(100_000))
    with path.open("rb") as file:
        file.seek(7)
        response = session.put(site.url("/upload/disk"), data=file)
    assert response.request.headers["Content-Length"] == "100000"
    assert (site.uploads / "disk").read_bytes() == servers.pattern(100_000)


def test_multipart_forms_go_out(session, site):
    files = {"report": ("report.txt", io.BytesIO(b"some lines"), "text/plain")}
    session.put(site.url("/upload/form"), files=files, data={"name": "value"})
    stored = (site.uploads / "form").read_bytes()
    assert b'name="report"; filename="report.txt"' in stored
    assert b"some lines" in stored
    assert b'name="name"\r\n\r\nvalue' in stored


def test_a_wrong_content_length_is_the_callers_fault(session, node):
    with pytest.raises(requests.exceptions.InvalidHeader, match="content-length"):
        session.post(node.url("/echo"), data=iter([b"abc"]), headers={"Content-Length": "5"})
    assert session.get(node.url("/")).ok


# ------------------------------------------- redirects, cookies, authentication


def test_redirects_are_followed_and_kept_in_history(session, site, version):
    response = session.post(site.url("/moved"), data=b"dropped")
    assert response.text.startswith("GET|")  # as browsers do after 302
    assert [step.status_code for step in response.history] == [302]
    assert (response.url, response.raw.version) == (site.url("/see"), version)


def test_a_307_sends_the_content_again(session, site):
    response = session.put(site.url("/kept"), data=io.BytesIO(b"sent twice"))
    assert [step.status_code for step in response.history] == [307]
    assert (site.uploads / "kept").read_bytes() == b"sent twice"


def test_redirects_may_be_left_alone(session, site, version):
    response = session.get(site.url("/moved"), allow_redirects=False)
    assert (response.status_code, response.is_redirect) == (302, True)
    assert response.next.url == site.url("/see")
    assert response.raw.version == version


def test_redirects_that_do_not_end_are_ended(session, site):
    session.max_redirects = 4
    with pytest.raises(requests.TooManyRedirects):
        session.get(site.url("/loop"))


def test_a_redirect_leads_to_a_server_of_the_other_protocol(session, sites):
    for here, there in ((20, 11), (11, 20)):
        target = sites[there].url("/hello")
        response = session.get(sites[here].url(f"/away?to={target}"))
        assert [step.raw.version for step in (*response.history, response)] == [here, there]


def test_cookies_are_kept_sent_and_shown(session, site, version):
    response = session.get(site.url("/cookie"))
    assert response.text == "a=1; b=2"
    assert dict(response.history[0].cookies) == {"a": "1", "b": "2"}
    assert session.cookies.get_dict() == {"a": "1", "b": "2"}
    assert session.get(site.url("/jar"), cookies={"c": "3"}).text == "a=1; b=2; c=3"
    assert response.raw.version == version


def test_basic_authentication(session, site, version):
    assert session.get(site.url("/private")).status_code == 401
    response = session.get(site.url("/private"), auth=("ann", "secret"))
    assert (response.headers["x-user"], response.raw.version) == ("ann", version)
    in_url = site.url("/authorization").replace("//", "//bob:word@")
    assert session.get(in_url).text == "Basic " + base64.b64encode(b"bob:word").decode()


def test_digest_authentication_answers_the_challenge(session, scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        assert "authorization" not in dict(fields)
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        peer.write_response(
            stream_id, b"who?", [(":status", "401"), ("www-authenticate", challenge)]
        )
        stream_id, fields, _ = peer.want_request()
        assert dict(fields)["authorization"].startswith('Digest username="ann"')
        peer.write_response(stream_id, b"ann")

    peer = scripted_peer(script, certificates.server_context())
    auth = requests.auth.HTTPDigestAuth("ann", "secret")
    response = session.get(f"https://localhost:{peer.port}/", auth=auth)
    assert (response.text, response.raw.version) == ("ann", 20)


def test_hooks_are_called(session, node):
    seen = []
    session.get(node.url("/"), hooks={"response": lambda response, **_: seen.append(response)})
    assert [response.raw.version for response in seen] == [20]


# ------------------------------------------------------------------- streaming


def test_iter_content_gives_pieces_of_the_size_asked_for(session, site, version):
    with session.get(site.url("/large"), stream=True) as response:
        received = list(response.iter_content(100_000))
    assert {len(piece) for piece in received[:-1]} == {100_000}
    assert b"".join(received) == servers.pattern(servers.LARGE)
    assert response.raw.version == version


def test_lines_come_as_they_are_sent(session, node):
    with session.get(node.url("/drip/1000/20"), stream=True) as response:
        begin = time.monotonic()
        lines = response.iter_lines(chunk_size=5)
        assert [next(lines), next(lines)] == [b"drip", b"drip"]
        assert time.monotonic() - begin < 10  # of 20 s in all


def test_closing_a_stream_early_cancels_it_alone(session, scripted_peer, certificates):
    def script(peer):
        peer.handshake()
        first, _, _ = peer.want_request()
        peer.write_headers(first, [(":status", "200")])
        peer.write_data(first, b"a" * 1000)
        second, _, _ = peer.want_request()
        peer.write_headers(second, [(":status", "200")])
        peer.want_rst(first, 8)  # CANCEL
        peer.write_data(second, b"whole", end_stream=True)

    peer = scripted_peer(script, certificates.server_context())
    early = session.get(f"https://localhost:{peer.port}/a", stream=True)
    whole = session.get(f"https://localhost:{peer.port}/b", stream=True)
    assert next(early.iter_content(10)) == b"a" * 10
    early.close()
    assert whole.content == b"whole"


def test_a_stream_outlives_its_session(certificates, site, version):
    with made(certificates.authority) as session:
        response = session.get(site.url("/large"), stream=True)
    assert len(response.content) == servers.LARGE
    assert response.raw.version == version
    del response, session
    gc.collect()


def test_content_cut_short_is_no_content(session, node):
    response = session.get(node.url("/reset/8/1000"), stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        response.content  # noqa: B018 - the access raises
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(node.url("/reset/2/1000"))
    assert session.get(node.url("/")).ok


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
        peer.want_rst(first, 8)  # CANCEL
        second, _, _ = peer.want_request()
        peer.write_response(second, b"next")

    peer = scripted_peer(script, certificates.server_context())
    with pytest.raises(requests.ReadTimeout):
        session.get(f"https://localhost:{peer.port}/", timeout=0.5)
    assert session.get(f"https://localhost:{peer.port}/").content == b"next"


def test_content_that_stalls_times_out_each_by_its_own_limit(session, node):
    slow = session.get(node.url("/drip/3/300"), stream=True, timeout=10)
    hasty = session.get(node.url("/drip/3/300"), stream=True, timeout=0.2)
    with pytest.raises(requests.ConnectionError, match="timed out"):  # as requests calls it here
        hasty.content  # noqa: B018 - the access raises
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
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(late, range(8)))
    assert time.monotonic() - begin < 2  # not 8 times half a second


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


# ----------------------------------------------------- failures and their retries


def test_failures_have_requests_names(session, node):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"https://localhost:{port}/", node.url("/reset/2"), node.url("/goaway/2")):
        with pytest.raises(requests.ConnectionError) as caught:
            session.get(url)
        assert caught.value.request.url == url
    with pytest.raises(requests.ConnectionError):
        session.get(node.url("/destroy"))
    with pytest.raises(requests.exceptions.InvalidURL):
        session.get("https://")
    with pytest.raises(requests.exceptions.InvalidURL, match="a b"):
        session.get(node.url("/"), headers={"Host": "a b"})
    with pytest.raises(requests.exceptions.InvalidHeader):
        session.get(node.url("/"), headers={"x": "a\r\nb: c"})
    assert session.get(node.url("/")).ok


def test_connecting_is_retried(certificates, scripted_peer):
    begun = []

    class Patient(Retry):
        def sleep(self, response=None):  # noqa: ARG002 - as Retry has it
            def script(peer):
                peer.handshake()
                stream_id, _, _ = peer.want_request()
                peer.write_response(stream_id, b"at last")

            begun.append(self)
            if len(begun) == 2:
                begun.append(scripted_peer(script, certificates.server_context()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with made(certificates.authority, max_retries=Patient(connect=2)) as session:
        with pytest.raises(requests.ConnectionError, match="Max retries"):
            session.get(f"https://localhost:{port}/")
        assert len(begun) == 3
        assert session.get(f"https://localhost:{begun[-1].port}/").content == b"at last"


def test_statuses_are_retried_as_told(certificates, site):
    busy = Retry(total=2, status_forcelist=[503], raise_on_status=False)
    with made(certificates.authority, max_retries=busy) as session:
        response = session.get(site.url("/busy"))
        assert (response.status_code, response.text) == (503, "busy")
        assert len(response.raw.retries.history) == 2
    with made(certificates.authority, max_retries=Retry(2, status_forcelist=[503])) as session:
        with pytest.raises(requests.exceptions.RetryError):
            session.get(site.url("/busy"))
        assert session.post(site.url("/busy")).status_code == 503  # not idempotent


def test_a_status_is_retried_until_it_is_good(certificates, scripted_peer):
    def script(peer):
        peer.handshake()
        for answer in ("503", "503", "200"):
            stream_id, _, body = peer.want_request()
            assert body == b"again"
            peer.write_response(stream_id, b"", [(":status", answer), ("retry-after", "0")])

    peer = scripted_peer(script, certificates.server_context())
    with made(certificates.authority, max_retries=Retry(3, status_forcelist=[503])) as session:
        response = session.put(f"https://localhost:{peer.port}/", data=io.BytesIO(b"again"))
    assert response.status_code == 200


def test_what_a_server_guarantees_not_to_have_processed_is_sent_again(
    session, scripted_peer, certificates
):
    """RFC 9113, 8.7."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(refused(stream_id))
        stream_id, _, body = peer.want_request()
        peer.write_response(stream_id, body)
        for _ in range(3):
            stream_id, _, _ = peer.want_request()
            peer.write(refused(stream_id))
        stream_id, _, body = peer.want_request()
        assert body == b"onceonly"
        peer.write(refused(stream_id))
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"end")

    def refused(stream_id):
        return wire.rst_stream(stream_id, 7)

    peer = scripted_peer(script, certificates.server_context())
    url = f"https://localhost:{peer.port}/"
    assert session.post(url, data=io.BytesIO(b"safe")).content == b"safe"
    with pytest.raises(requests.ConnectionError):
        session.get(url)
    with pytest.raises(requests.ConnectionError):  # a generator can be read but once
        session.post(url, data=iter([b"once", b"only"]))
    assert session.get(url).content == b"end"


def test_a_server_that_asks_for_http11_gets_it(session, scripted_peer, certificates):
    """RFC 9113, 7: HTTP_1_1_REQUIRED."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write(wire.rst_stream(stream_id, 0xD))

        peer.accept()
        assert peer.selected_alpn_protocol() == "http/1.1"
        assert peer.want_until().startswith(b"PUT / HTTP/1.1\r\n")
        assert peer.want_octets(4) == b"body"
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")

    peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
    response = session.put(f"https://localhost:{peer.port}/", data=io.BytesIO(b"body"))
    assert (response.text, response.raw.version) == ("old", 11)


def test_a_server_that_closes_between_requests_is_called_again(session, server):
    limited = server("nginx", keepalive_requests=2)
    for _ in range(7):
        response = session.get(limited.url("/hello"))
        assert (response.text, response.raw.version) == ("hello from nginx\n", 20)


# --------------------------------------------------- HTTP/1.1, proxies, plain http


def test_a_server_without_http2_is_asked_for_it_but_once(session, old_server):
    url = f"https://localhost:{old_server.port}/"
    with ThreadPoolExecutor(4) as threads:
        responses = list(threads.map(lambda _: session.get(url), range(8)))
    assert {response.text for response in responses} == {"hello in HTTP/1.1\n"}
    assert {response.raw.version for response in responses} == {11}
    assert old_server.declined == 1
    assert session.post(url, data=io.BytesIO(b"content")).content == b"content"


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
            body = servers.pattern(50_000, number)
            answer = session.post(node.url("/digest"), data=body, timeout=60).json()
            return answer["sha256"] == servers.sha256(body)
        response = session.get(node.url(f"/bytes/{number * 1000}"), timeout=60)
        return response.content == servers.pattern(number * 1000) and response.raw.version == 20

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
