"""Each real server answers PyPI's h2, so that what is said of the fixtures is so without hyper."""

from __future__ import annotations

import json
import os
import zlib

import pytest

from test.h2_client import Client
from test.live import servers
from test.live.conftest import require
from test.live.server import FILES, LARGE, ServerError, pattern
from test.live.servers import hypercorn_is_whole, sha256

ASSETS = {"/style.css": FILES["style.css"], "/app.js": FILES["app.js"]}

CASES = [(name, secure) for name in servers.names() for secure in (True, False)]


@pytest.fixture
def connect(certificates):
    """A client connected to a server; closed at the end."""
    clients = []

    def open_client(server, **options):
        context = certificates.client_context() if server.secure else None
        clients.append(Client(server.host, server.port, context, **options))
        return clients[-1]

    yield open_client
    for client in clients:
        client.socket.close()


@pytest.mark.parametrize(
    ("name", "secure"), CASES, ids=[f"{n}-{'tls' if s else 'h2c'}" for n, s in CASES]
)
def test_get(server, connect, name, secure):
    """RFC 9113, 3.2 and 3.3: by ALPN and by prior knowledge."""
    running = server(name, secure)
    client = connect(running)
    answer = client.get("/")
    assert answer.status == 200
    assert answer.content in (FILES["index.html"], f"hello from {name}\n".encode())
    pid = running.pid
    running.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class TestNghttpd:
    def test_pushes_and_sends_trailers(self, nghttpd, connect):
        client = connect(nghttpd)
        answer = client.get("/index.html")
        assert answer.content == FILES["index.html"]
        assert ("x-trailer", "from nghttpd") in answer.trailers
        assert client.pushed == ASSETS
        assert "GET" in nghttpd.log

    def test_echoes_uploads(self, nghttpd, connect):
        body = pattern(200000)
        assert connect(nghttpd).request("POST", "/echo", body).content == body


class TestNginx:
    def test_large_download(self, nginx, connect):
        assert connect(nginx).get("/large").content == pattern(LARGE)

    def test_takes_uploads(self, nginx, connect):
        body = pattern(3_000_000)
        client = connect(nginx)
        fields = [("content-length", str(len(body)))]
        assert client.request("PUT", "/upload/deep/name", body, fields).status == 201
        assert (nginx.uploads / "deep" / "name").read_bytes() == body
        assert client.get("/upload/deep/name").content == body

    def test_pushes(self, nginx, connect):
        if not nginx.pushes():
            pytest.skip("this nginx has no http2_push")
        client = connect(nginx)
        client.get("/pushing")
        assert client.pushed == ASSETS

    def test_keepalive_requests_ends_in_goaway(self, server, connect):
        """RFC 9113, 6.8."""
        client = connect(server("nginx", keepalive_requests=2, max_concurrent_streams=3))
        client.get("/hello")
        assert client.goaway is None
        assert client.h2.remote_settings.max_concurrent_streams == 3
        assert client.get("/hello").content == b"hello from nginx\n"
        while client.goaway is None and not client.ended:
            client.turn()
        assert client.goaway == 0

    def test_gzip(self, nginx, connect):
        answer = connect(nginx).request("GET", "/gzip/large", fields=[("accept-encoding", "gzip")])
        assert dict(answer.fields)["content-encoding"] == "gzip"
        assert zlib.decompress(answer.content, 31) == pattern(LARGE)


class TestNode:
    def test_download(self, node, connect):
        client = connect(node)
        for size in (0, 1, 16064, 100_000, 1_000_000):
            answer = client.get(f"/bytes/{size}")
            assert answer.content == pattern(size)
            assert dict(answer.fields)["content-length"] == str(size)
        assert client.get("/stream/100000").content == pattern(100_000)

    def test_head(self, node, connect):
        answer = connect(node).request("HEAD", "/bytes/1000")
        assert dict(answer.fields)["content-length"] == "1000"
        assert answer.content == b""

    def test_trailers_both_ways(self, node, connect):
        """RFC 9113, 8.1."""
        client = connect(node)
        answer = client.request("POST", "/echo", b"body", trailers=[("x-sent", "one")])
        assert answer.content == b"body"
        assert dict(answer.trailers) == {"x-echoed": "yes", "x-sent": "one"}
        answer = client.request("POST", "/digest", pattern(500_000), trailers=[("x-sent", "one")])
        assert json.loads(answer.content) == {
            "size": 500_000,
            "sha256": sha256(pattern(500_000)),
            "trailers": {"x-sent": "one"},
        }
        assert client.get("/trailers").trailers == [
            ("x-checksum", "1234"),
            ("x-trailer", "one"),
            ("x-trailer", "two"),
        ]

    def test_push(self, node, connect):
        """RFC 9113, 8.4."""
        client = connect(node)
        client.get("/push")
        client.get("/push/3")
        client.get("/push/late")
        assert sorted(client.pushed) == sorted(
            [
                "/pushed/style.css",
                "/pushed/app.js",
                "/pushed/0",
                "/pushed/1",
                "/pushed/2",
                "/pushed/late",
            ]
        )

    def test_push_refused(self, node, connect):
        client = connect(node, push=False)
        client.get("/push")
        assert len(client.answers) == 1

    def test_informational(self, node, connect):
        """RFC 8297."""
        client = connect(node)
        first, second = client.get("/hints").informational
        assert [value for name, value in first if name == "link"] == [
            "</style.css>; rel=preload; as=style",
            "</app.js>; rel=preload",
        ]
        assert (":status", "103") in second
        answer = client.request("POST", "/continue", b"x", [("expect", "100-continue")])
        assert (":status", "100") in answer.informational[0]
        assert answer.content == b"x"

    @pytest.mark.parametrize(("coding", "bits"), [("gzip", 31), ("deflate", 15)])
    def test_content_codings(self, node, connect, coding, bits):
        answer = connect(node).get(f"/{coding}")
        assert dict(answer.fields)["content-encoding"] == coding
        assert zlib.decompress(answer.content, bits) == b"hello from node\n" * 1000

    @pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
    def test_status(self, node, connect, status):
        answer = connect(node).get(f"/status/{status}")
        assert answer.status == status
        assert bool(answer.content) == (status not in (204, 304))

    def test_resets(self, node, connect):
        client = connect(node)
        assert client.get("/reset/7").reset == 7
        answer = client.get("/reset/2/5000")
        assert answer.reset == 2
        assert answer.content == pattern(5000)

    def test_goaway(self, node, connect):
        client = connect(node)
        assert client.get("/goaway").content == b"goodbye\n"
        while client.goaway is None:
            client.turn()
        assert client.goaway == 0
        second = connect(node)
        second.get("/goaway/11")
        assert second.goaway == 11

    def test_destroy(self, node, connect):
        client = connect(node)
        assert not client.get("/destroy").fields
        assert client.ended

    def test_the_rest(self, node, connect):
        client = connect(node)
        assert client.get("/drip/3/1").content == b"drip\n" * 3
        assert [v for n, v in client.get("/cookies").fields if n == "set-cookie"] == [
            "a=1; Path=/",
            "b=2; Path=/",
        ]
        assert len(dict(client.get("/big-fields/20000").fields)["x-big"]) == 20000
        assert json.loads(client.get("/sessions").content)["sessions"] >= 1
        assert client.get("/altsvc").content == b"altsvc\n"
        assert client.get("/nowhere").status == 404
        assert json.loads(client.get("/fields?q").content)["path"] == "/fields?q"

    def test_settings(self, server, connect):
        settings = {"maxConcurrentStreams": 1, "maxFrameSize": 32768}
        running = server("node", secure=False, settings=settings)
        client = connect(running)
        client.get("/")
        assert client.h2.remote_settings.max_concurrent_streams == 1
        assert client.h2.remote_settings.max_frame_size == 32768


class TestHypercorn:
    def test_bodies(self, hypercorn, connect):
        client = connect(hypercorn)
        body = pattern(300_000)
        assert client.get("/bytes/300000").content == body
        assert client.get("/stream/300000").content == body
        assert client.request("POST", "/echo", body).content == body
        answer = json.loads(client.request("POST", "/digest", body).content)
        assert answer == {"size": len(body), "sha256": sha256(body)}

    def test_hints_and_trailers(self, hypercorn, connect):
        client = connect(hypercorn)
        (informational,) = client.get("/hints").informational
        assert [value for name, value in informational if name == "link"][1:] == [
            "</app.js>; rel=preload"
        ]
        answer = client.request("GET", "/trailers", fields=[("te", "trailers")])
        if hypercorn_is_whole():
            assert answer.trailers[0] == ("x-checksum", "1234")

    def test_push(self, hypercorn, connect):
        client = connect(hypercorn)
        # Before 0.18 its second promise stays away, and the first has no end.
        client.request("GET", "/push", pushes=hypercorn_is_whole())
        promised = ["/pushed/style.css", "/pushed/app.js"]
        assert list(client.pushed) == (promised if hypercorn_is_whole() else promised[:1])


@pytest.mark.parametrize("name", ["apache", "h2o", "caddy"])
def test_push_of_files(request, connect, name):
    client = connect(request.getfixturevalue(name))
    assert client.get("/large").content == pattern(LARGE)
    client.get("/pushing.html")
    assert client.pushed == ASSETS


class TestMissing:
    """A server that is not here skips the test, or fails it where CI wants all."""

    @pytest.fixture(autouse=True)
    def absent(self, monkeypatch):
        monkeypatch.setattr(servers.Nghttpd, "binary", "no-such-program")

    def test_skips_naming_what_is_missing(self, monkeypatch):
        monkeypatch.delenv("HYPER_REQUIRE_LIVE", raising=False)
        with pytest.raises(pytest.skip.Exception, match=r"no-such-program.*nghttp2-server"):
            require("nghttpd")

    def test_fails_with_the_same_words_where_required(self, monkeypatch):
        monkeypatch.setenv("HYPER_REQUIRE_LIVE", "1")
        with pytest.raises(pytest.fail.Exception, match=r"no-such-program.*nghttp2-server"):
            require("nghttpd")


def test_a_server_that_ends_tells_its_log(server):
    with pytest.raises(ServerError, match="no_such_directive"):
        server("nginx", directives=["no_such_directive on;"])
