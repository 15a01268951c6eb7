"""requests: what goes and what comes: content, codings, fields, streams."""

from __future__ import annotations

import gc
import io
import time
from importlib.util import find_spec

import pytest

from test.contrib.requests.conftest import made
from test.live.server import LARGE, pattern

requests = pytest.importorskip("requests")


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


@pytest.mark.parametrize("module", ["gzip", "bz2", "lzma"])
@pytest.mark.parametrize("is_buffered", [False, True])
def test_a_packed_file_goes_as_it_reads(session, node, tmp_path, module, is_buffered):
    """requests announces the packed size, and over HTTP/1.1 as many octets arrive."""
    library = pytest.importorskip(module)
    content = b"content\n" * 5000
    with library.open(tmp_path / "packed", "wb") as file:
        file.write(content)
    with library.open(tmp_path / "packed") as file:
        body = io.BufferedReader(file) if is_buffered else file
        assert body.read(1) == b"c"
        response = session.post(node.url("/echo"), data=body)
    assert response.content == content[1:]


def test_text_beyond_ascii_in_a_stringio_goes_whole(session, node):
    """requests counts characters, and urllib3 sends UTF-8."""
    body = io.StringIO("no grüße" * 100)
    body.seek(3)
    response = session.post(node.url("/echo"), data=body)
    assert response.content.decode() == ("no grüße" * 100)[3:]


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
    assert (response.headers["content-length"], response.content) == (str(LARGE), b"")
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
    "large": (lambda: pattern(3_000_000), pattern(3_000_000)),
}


@pytest.mark.parametrize("kind", BODIES)
def test_content_goes_out_whatever_it_is(session, site, version, kind):
    body, octets = BODIES[kind]
    response = session.put(site.url(f"/upload/{kind}"), data=body())
    assert (response.status_code in (201, 204), response.raw.version) == (True, version)
    assert (site.uploads / kind).read_bytes() == octets


def test_a_file_on_disk_is_sent_from_where_it_stands(session, site, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"skipped" + pattern(100_000))
    with path.open("rb") as file:
        file.seek(7)
        response = session.put(site.url("/upload/disk"), data=file)
    assert response.request.headers["Content-Length"] == "100000"
    assert (site.uploads / "disk").read_bytes() == pattern(100_000)


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


# ------------------------------------------------------------------- streaming


def test_iter_content_gives_pieces_of_the_size_asked_for(session, site, version):
    with session.get(site.url("/large"), stream=True) as response:
        received = list(response.iter_content(100_000))
    assert {len(piece) for piece in received[:-1]} == {100_000}
    assert b"".join(received) == pattern(LARGE)
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
    assert len(response.content) == LARGE
    assert response.raw.version == version
    del response, session
    gc.collect()


def test_content_cut_short_is_no_content(session, node):
    response = session.get(node.url("/reset/8/1000"), stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        response.content  # noqa: B018
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(node.url("/reset/2/1000"))
    assert session.get(node.url("/")).ok
