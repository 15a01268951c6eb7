"""The code of README and docs/: each block is Python, and the blocks of a page run, in their order.

The servers that a page names are one of the test's own: names are resolved to it, and its
certificate is for them.
"""

from __future__ import annotations

import gc
import http.client
import re
import socket
import textwrap
from pathlib import Path

import pytest

import hyper
from hyper.testing import Authority, Server, serve, wire
from hyper.tls import init_context

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]
BLOCK = re.compile(r"^( *)\.\. code-block:: python\n((?:\n|\1 +.*\n)+)", re.MULTILINE)

# Pages whose blocks do not stand alone, each with the test that runs what they show.
ELSEWHERE = {
    "bufferedsocket": "test_examples.py",
    "integrations": "contrib/",
    "grpc": "live/test_grpc.py",
    "seeing": "scripted/test_trace.py",
    "streams": "scripted/test_duplex.py",
    "websocket": "live/test_websocket.py",
    "windows": "scripted/test_flow_control.py",
}

GRANTED = {"lines": [b"one", b"two"]}
OPTIONAL = {"httpx", "requests"}
HOSTS = ["example.org", "example.net", "api.push.example", "dns.example"]
BIG = bytes(range(256)) * 600
TEXT = {
    "/events": b"data: one\n\ndata: two\n\n",
    "/api/v1/pods?watch=1": b'{"type": "ADDED", "object": {"metadata": {"name": "pod"}}}\n' * 2,
    "/3/device/a1": b"",
    "/dns-query": b"\0\0\x81\x80",
}


def blocks(path):
    return [textwrap.dedent(code) for _, code in BLOCK.findall(path.read_text("utf-8"))]


def test_the_tests_of_other_pages_are_there():
    assert [test for test in ELSEWHERE.values() if not (ROOT / "test" / test).exists()] == []


def name_of(path):
    return path.stem


@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path)], ids=name_of)
def test_every_block_is_python(path):
    for code in blocks(path):
        compile(code, path.name, "exec")


def answers():
    """An answer for each request of a page: a page of HTML, and for some paths their own."""
    seen = []

    def answer(peer, request):
        seen.append(request.path)
        fields = [(":status", "200"), ("content-type", "text/html"), ("etag", '"1"')]
        content = TEXT.get(request.path, b"<h1>%d</h1>" % len(request.content))
        if request.path == "/big.bin":
            first, _ = (request.header("range") or "bytes=0-")[6:].split("-")
            content = BIG[int(first) :]
            fields[0] = (":status", "206" if int(first) else "200")
        elif request.path == "/3/device/b2":
            fields[0], content = (":status", "400"), b'{"reason": "BadDeviceToken"}'
        if request.method == "HEAD":
            peer.write_headers(request.stream_id, fields, end_stream=True)
            return
        peer.write_headers(request.stream_id, fields)
        if request.path == "/big.bin" and seen.count("/big.bin") == 1:
            peer.write_content(request.stream_id, content[:50_000], end_stream=False)
            peer.write_rst(request.stream_id, wire.INTERNAL_ERROR)
            return
        peer.write_content(request.stream_id, content)

    return serve(answer)


@pytest.fixture
def world(monkeypatch, tmp_path):
    """The network as pages see it, and a directory in which they may write."""
    authority = Authority([*HOSTS, "127.0.0.1", "localhost"])
    server = Server(answers(), tls=authority.server_context(("h2", "http/1.1")))
    resolve = socket.getaddrinfo

    def resolved(host, port, *rest, **options):
        if host in HOSTS:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        return resolve(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, authority.path)
    monkeypatch.chdir(tmp_path)
    for name in ("our-ca.pem", "ca.pem"):
        Path(name).write_bytes(authority.pem)
    server.start()
    yield server
    server.stop(abandon=True)  # a page need not close what it has opened
    authority.close()
    assert [error for error in server.errors if not isinstance(error, OSError)] == []


RUN = [path for path in PAGES if blocks(path) and path.stem not in ELSEWHERE]


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_the_blocks_of_a_page_run_in_their_order(path, world, capsys):
    """A page may take the modules, the connection and the file of the quickstart for granted."""
    Path("big.bin").write_bytes(BIG)
    conn = hyper.HTTP20Connection("example.org", timeout=10)
    names = {"__name__": path.stem, "hyper": hyper, "http": http, "conn": conn, **GRANTED}
    names["context"] = init_context()
    names["response"] = conn.getresponse(conn.request("GET", "/"))
    for code in blocks(path):
        try:
            exec(compile(code, path.name, "exec"), names)
        except ModuleNotFoundError as missing:
            if missing.name.partition(".")[0] not in OPTIONAL:
                raise
    if path.name == "README.rst":
        shown = re.search(r"It prints::\n\n((?:    .*\n)+)", path.read_text("utf-8"))[1]
        assert capsys.readouterr().out == textwrap.dedent(shown)
    conn.close()
    for name in ("conn", "session", "pool"):
        if name in names:
            names[name].close()
    names.clear()
    gc.collect()  # here, where what a page has left open does no harm
