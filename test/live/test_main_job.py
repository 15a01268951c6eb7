"""The main job against servers that nobody here wrote."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import IncompleteRead
from pathlib import Path

import pytest

from hyper import HTTP20Connection
from hyper.errors import ConnectionTerminated, RemoteDisconnected, StreamResetError
from test.live import servers
from test.live.server import FILES, LARGE, pattern
from test.live.servers import hypercorn_is_whole, sha256

ASSETS = {"/style.css": FILES["style.css"], "/app.js": FILES["app.js"]}

# Seconds that any one wait may last.
PATIENCE = 30

# Work that takes a while is done in full with HYPER_LONG=1, and in little otherwise.
LONG = os.environ.get("HYPER_LONG") == "1"
MEBIBYTE = 1 << 20

# Memory may grow by so much, however much goes through.
GROWTH = 16 * MEBIBYTE


@pytest.fixture
def connect(certificates):
    """A connection to a server; closed at the end."""
    with ExitStack() as opened:

        def start(server, **options):
            if server.secure:
                options.setdefault("ssl_context", certificates.hyper_context())
            connection = HTTP20Connection(
                server.host, server.port, secure=server.secure, timeout=PATIENCE, **options
            )
            return opened.enter_context(connection)

        yield start


def get(connection, path, method="GET", **options):
    return connection.getresponse(connection.request(method, path, **options))


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "h2c"])
@pytest.mark.parametrize("name", servers.names())
def test_get_and_head(server, connect, name, secure):
    """RFC 9113, 3.2 and 3.3: by ALPN and by prior knowledge."""
    connection = connect(server(name, secure))
    index = get(connection, "/")
    assert index.status == 200
    assert index.read() in (FILES["index.html"], f"hello from {name}\n".encode())
    head = get(connection, "/", "HEAD")
    assert head.status == 200
    assert head.read() == b""
    missing = get(connection, "/nowhere/at/all")
    assert missing.status == 404
    assert missing.read()


@pytest.mark.parametrize("name", ["nghttpd", "nginx", "apache", "h2o", "caddy", "haproxy"])
def test_files(request, connect, name):
    connection = connect(request.getfixturevalue(name))
    large = get(connection, "/large")
    assert large.length == LARGE
    assert large.read() == pattern(LARGE)
    assert get(connection, "/empty").read() == b""
    head = get(connection, "/large", "HEAD")
    assert head.getheader("content-length") == str(LARGE)
    assert head.read() == b""


@pytest.mark.parametrize("name", ["nginx", "apache", "h2o", "caddy", "haproxy"])
def test_304(request, connect, name):
    """RFC 9110, 15.4.5."""
    connection = connect(request.getfixturevalue(name))
    first = get(connection, "/style.css")
    first.read()
    again = get(connection, "/style.css", headers={"if-none-match": first.getheader("etag")})
    assert again.status == 304
    assert again.read() == b""


@pytest.mark.parametrize("name", ["node", "hypercorn"])
class TestApplications:
    @pytest.fixture
    def connection(self, request, connect, name):
        return connect(request.getfixturevalue(name))

    def test_fields(self, connection):
        headers = [("X-A", "1"), ("x-list", "one"), ("x-list", "two")]
        answer = json.load(get(connection, "/fields?a=b", "PUT", body=b"x", headers=headers))
        assert answer["method"] == "PUT"
        assert answer["path"].startswith("/fields")
        assert "x-list" in str(answer["fields"])

    @pytest.mark.parametrize("kind", ["bytes", "stream"])
    @pytest.mark.parametrize("size", [0, 1, 16064, 65535, 65536, 3_000_000])
    def test_download(self, connection, kind, size):
        response = get(connection, f"/{kind}/{size}")
        assert response.length == (size if kind == "bytes" else None)
        content = response.read()
        assert len(content) == size
        assert digest(content) == digest(pattern(size))

    @pytest.mark.parametrize("size", [0, 1, 1024, 65535, 65536, 900_000])
    def test_echo(self, connection, size):
        """The answer comes while the request goes, and waits in its window (5.2)."""
        body = pattern(size)
        assert get(connection, "/echo", "POST", body=body).read() == body

    def test_echo_of_8_mib(self, connection):
        """Beyond the window the answer must be read while the request goes."""
        body = pattern(8 * MEBIBYTE)
        stream_id = connection.putrequest("POST", "/echo")
        connection.endheaders(final=False)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(connection.send, body, True, stream_id)
            content = connection.getresponse(stream_id).read()
            sent.result()
        assert digest(content) == digest(body)

    @pytest.mark.parametrize("known", [True, False], ids=["with length", "without"])
    def test_upload(self, connection, known):
        body = pattern(2_000_000)
        pieces = body if known else (body[at : at + 70_000] for at in range(0, len(body), 70_000))
        answer = json.load(get(connection, "/digest", "POST", body=pieces))
        assert (answer["size"], answer["sha256"]) == (len(body), sha256(body))

    @pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
    def test_status(self, connection, status):
        response = get(connection, f"/status/{status}")
        assert response.status == status
        assert bool(response.read()) == (status not in (204, 304))

    def test_early_hints(self, connection):
        """RFC 8297."""
        response = get(connection, "/hints")
        assert response.status == 200
        assert response.read() == b"after hints\n"
        status, headers = response.informational[0]
        assert status == 103
        assert "</app.js>; rel=preload" in headers.get_all("link")


# The others' own faults are not ours to test.
WHOLE = ["node", "hypercorn"] if hypercorn_is_whole() else ["node"]


@pytest.mark.parametrize("name", WHOLE)
class TestWholeApplications:
    @pytest.fixture
    def connection(self, request, connect, name):
        return connect(request.getfixturevalue(name))

    def test_trailers_received(self, connection):
        """RFC 9113, 8.1."""
        response = get(connection, "/trailers", headers={"te": "trailers"})
        assert response.read() == b"body before trailers\n"
        assert response.gettrailer("x-checksum") == "1234"

    def test_pushes(self, connection):
        """RFC 9113, 8.4."""
        stream_id = connection.request("GET", "/push")
        pushes = {push.path: push for push in connection.getpushes(stream_id, capture_all=True)}
        assert list(pushes) == ["/pushed/style.css", "/pushed/app.js"]
        for push in pushes.values():
            assert push.method == "GET"
            assert push.getresponse().read()
        assert connection.getresponse(stream_id).read() == b"<title>push</title>\n"


PUSHING = {
    "nghttpd": "/index.html",
    "nginx": "/pushing",
    "apache": "/pushing.html",
    "caddy": "/pushing.html",
}


class TestPushes:
    """Promises, bodies, cancel."""

    @pytest.mark.parametrize("name", PUSHING)
    def test_promised_files_arrive(self, request, connect, name):
        server = request.getfixturevalue(name)
        if name == "nginx" and not server.pushes():
            pytest.skip("this nginx has no http2_push")
        connection = connect(server)
        stream_id = connection.request("GET", PUSHING[name])
        pushes = list(connection.getpushes(stream_id, capture_all=True))
        assert {push.path: push.getresponse().read() for push in pushes} == ASSETS
        assert connection.getresponse(stream_id).status == 200

    # Not Apache: 2.4 ends the connection where RST_STREAM crosses the response that it has ready.
    @pytest.mark.parametrize("name", ["nghttpd", "nginx", "caddy"])
    def test_cancelled(self, request, connect, name):
        server = request.getfixturevalue(name)
        if name == "nginx" and not server.pushes():
            pytest.skip("this nginx has no http2_push")
        connection = connect(server)
        stream_id = connection.request("GET", PUSHING[name])
        for push in connection.getpushes(stream_id, capture_all=True):
            push.cancel()
        assert connection.getresponse(stream_id).read()
        assert get(connection, "/style.css").read() == FILES["style.css"]

    def test_switched_off(self, node, connect):
        connection = connect(node, enable_push=False)
        stream_id = connection.request("GET", "/push")
        assert list(connection.getpushes(stream_id, capture_all=True)) == []
        assert connection.getresponse(stream_id).read()

    def test_many_and_late(self, node, connect):
        connection = connect(node)
        stream_id = connection.request("GET", "/push/30")
        pushes = list(connection.getpushes(stream_id, capture_all=True))
        assert [push.getresponse().read() for push in pushes] == [
            b"pushed %d" % number for number in range(30)
        ]
        late = connection.request("GET", "/push/late")
        (push,) = connection.getpushes(late, capture_all=True)
        assert push.getresponse().read() == b"late"
        assert connection.getresponse(late).read() == b"before after"

    def test_one_of_two_cancelled(self, node, connect):
        connection = connect(node)
        style, script = connection.getpushes(connection.request("GET", "/push"), capture_all=True)
        style.cancel()
        assert script.getresponse().read() == b"console.log(1)\n"


class TestNode:
    def test_trailers_both_ways(self, node, connect):
        connection = connect(node)
        response = get(connection, "/echo", "POST", body=b"body", trailers={"x-sent": "one"})
        assert response.read() == b"body"
        assert dict(response.gettrailers()) == {"x-sent": "one", "x-echoed": "yes"}
        assert get(connection, "/trailers").gettrailers() == [
            ("x-checksum", "1234"),
            ("x-trailer", "one"),
            ("x-trailer", "two"),
        ]

    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_codings(self, node, connect, coding):
        response = get(connect(node), f"/{coding}")
        assert response.getheader("content-encoding") == coding
        assert response.read(20) == b"hello from node\nhell"
        assert response.read() == (b"hello from node\n" * 1000)[20:]

    def test_duplicates(self, node, connect):
        response = get(connect(node), "/cookies")
        assert response.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]

    def test_large_fields(self, node, connect):
        assert len(get(connect(node), "/big-fields/30000").getheader("x-big")) == 30000

    def test_expect_continue(self, node, connect):
        response = get(
            connect(node), "/continue", "POST", body=b"x", headers={"expect": "100-continue"}
        )
        assert [status for status, _ in response.informational] == [100]
        assert response.read() == b"x"

    def test_resets(self, node, connect):
        connection = connect(node, replay=False)
        with pytest.raises(StreamResetError) as caught:
            get(connection, "/reset/7")
        assert caught.value.retryable
        with pytest.raises(IncompleteRead) as caught:
            get(connection, "/reset/2/5000").read()
        assert caught.value.partial == pattern(5000)
        assert get(connection, "/").status == 200

    def test_early_close_resets_that_stream_alone(self, node, connect):
        connection = connect(node)
        other = connection.request("GET", "/stream/3000000")
        with get(connection, "/stream/100000000") as response:
            assert response.read(100) == pattern(100)
        assert digest(connection.getresponse(other).read()) == digest(pattern(3_000_000))

    def test_goaway(self, node, connect):
        connection = connect(node)
        assert get(connection, "/goaway").read() == b"goodbye\n"
        with pytest.raises(ConnectionTerminated, match="asked for"):
            get(connection, "/goaway/11")
        assert get(connection, "/").status == 200

    def test_the_connection_is_cut(self, node, connect):
        connection = connect(node)
        with pytest.raises((RemoteDisconnected, ConnectionError)):
            get(connection, "/destroy")
        assert get(connection, "/").status == 200

    def test_streams_as_it_comes(self, node, connect):
        response = get(connect(node), "/drip/5/1")
        assert list(response) == [b"drip\n"] * 5

    def test_a_timeout_is_the_waiters(self, node, connect):
        connection = connect(node)
        silent = connection.request("GET", "/never")
        connection.timeout = 0.05
        with pytest.raises(TimeoutError):
            connection.getresponse(silent)
        connection.timeout = PATIENCE
        assert get(connection, "/").status == 200
        assert connection.ping() < PATIENCE

    def test_one_stream_at_a_time(self, server, connect):
        """RFC 9113, 5.1.2: the others wait their turn."""
        node = server("node", settings={"maxConcurrentStreams": 1})
        connection = connect(node)

        def ask(number):
            return get(connection, f"/bytes/{number}").read()

        with ThreadPoolExecutor(8) as pool:
            contents = list(pool.map(ask, range(1000, 1040)))
        assert contents == [pattern(number) for number in range(1000, 1040)]


@pytest.mark.parametrize("codec", ["python", "nghttp2"])
@pytest.mark.parametrize("name", ["nghttpd", "nginx", "node", "haproxy"])
def test_each_codec_is_understood(request, connect, name, codec):
    """RFC 7541: all kinds of fields, new ones and old ones, both ways, with either codec."""
    if codec == "nghttp2":
        pytest.importorskip("hyper.hpack.nghttp2", exc_type=ImportError)
    connection = connect(request.getfixturevalue(name), codec=codec)
    for number in range(60):
        headers = {"x-number": str(number), "x-same": "again", "authorization": f"Bearer {number}"}
        path = f"/bytes/1000?{number % 7}" if name == "node" else f"/style.css?{number % 7}"
        response = get(connection, path, headers=headers)
        assert response.status == 200
        assert response.read() == (pattern(1000) if name == "node" else FILES["style.css"])


def test_a_codec_that_is_not_there_is_told_at_once():
    with pytest.raises(ValueError, match="auto, python, nghttp2"):
        HTTP20Connection("example.org", codec="rust")


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_gzip_by_nginx(request, connect, name):
    response = get(connect(request.getfixturevalue(name)), "/gzip/large")
    assert response.getheader("content-encoding") == "gzip"
    assert response.read() == pattern(LARGE)


def test_trailers_and_echo_by_nghttpd(nghttpd, connect):
    connection = connect(nghttpd)
    assert get(connection, "/style.css").gettrailer("x-trailer") == "from nghttpd"
    body = pattern(8 * MEBIBYTE)
    assert get(connection, "/echo", "POST", body=body).read() == body


def test_upload_to_caddy(caddy, connect):
    connection = connect(caddy)
    content = b"0123456789" * 30_000
    assert get(connection, "/echo", "POST", body=content).read() == content
    assert get(connection, "/echo", "POST", body=iter([b"0", b"1"] * 1000)).read() == b"01" * 1000


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_upload_to_nginx(request, connect, tmp_path, name):
    nginx = request.getfixturevalue(name)
    path = tmp_path / "upload"
    path.write_bytes(pattern(3_000_000))
    connection = connect(nginx)
    with path.open("rb") as file:
        assert get(connection, "/upload/by/hyper", "PUT", body=file).status in (201, 204)
    assert (nginx.uploads / "by" / "hyper").read_bytes() == pattern(3_000_000)
    assert get(connection, "/upload/by/hyper", "DELETE").status == 204


@pytest.mark.parametrize("name", ["nghttpd", "nginx", "haproxy"])
def test_100_streams_at_once(server, connect, name):
    """Bodies checked by digest."""
    files = {f"file{number}": pattern(20_000 + 997 * number, number) for number in range(100)}
    options = {"arguments": ["--max-concurrent-streams=100"]} if name == "nghttpd" else {}
    connection = connect(server(name, files=files, **options))
    ids = {connection.request("GET", f"/{path}"): path for path in files}
    assert len(ids) == 100
    for stream_id in reversed(list(ids)):
        content = connection.getresponse(stream_id).read()
        assert digest(content) == digest(files[ids[stream_id]]), ids[stream_id]


@pytest.mark.parametrize("name", ["nghttpd", "nginx", "node", "hypercorn", "haproxy"])
def test_threads_share_one_connection(request, connect, name):
    server = request.getfixturevalue(name)
    connection = connect(server)
    static = name in ("nghttpd", "nginx", "haproxy")
    path, size = ("/large", LARGE) if static else ("/bytes/300000", 300_000)
    expected = digest(pattern(size))

    def ask(_):
        return digest(get(connection, path).read())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(32))) == {expected}
    assert connection.ping() < PATIENCE


class TestGoawayByNginx:
    """keepalive_requests ends each connection with GOAWAY (RFC 9113, 6.8)."""

    def test_in_the_middle_of_500_sequential_requests(self, server, connect):
        connection = connect(server("nginx", keepalive_requests=17))
        for _ in range(500):
            assert get(connection, "/hello").read() == b"hello from nginx\n"

    def test_in_the_middle_of_concurrent_ones(self, server, connect):
        """Whatever is refused may be sent again, and whatever is accepted is answered."""
        connection = connect(server("nginx", keepalive_requests=17))

        def ask(_):
            for _ in range(50):
                try:
                    return get(connection, "/hello").read()
                except ConnectionTerminated as error:
                    if not error.retryable:
                        raise
            return None

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(500)))
        assert answers == [b"hello from nginx\n"] * 500


# Run in a process of its own, whose memory is nobody else's.
MEASURE = """
    import gc, hashlib, sys, time
    from hyper import HTTP20Connection
    from hyper.tls import init_context

    def resident():
        gc.collect()
        with open("/proc/self/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmRSS"].split()[0]) * 1024, int(lines["VmHWM"].split()[0]) * 1024

    def connection(port, authority):
        context = init_context(authority)
        return HTTP20Connection("localhost", int(port), ssl_context=context, timeout=60)

    def pattern(size):
        unit = bytes(range(251)) * 261
        for at in range(0, size, len(unit)):
            yield unit[: min(len(unit), size - at)]

    def download(connection, size):
        response = connection.getresponse(connection.request("GET", f"/bytes/{size}"))
        sha256, received = hashlib.sha256(), 0
        while True:
            piece = response.read(65536)
            if not piece:
                return received, sha256.hexdigest()
            received += len(piece)
            sha256.update(piece)

    def upload(connection, size):
        import json
        answer = json.load(
            connection.getresponse(connection.request("POST", "/digest", body=pattern(size)))
        )
        return answer["size"], answer["sha256"]

    verb, port, authority, size = sys.argv[1:]
    size = int(size)
    with connection(port, authority) as conn:
        if sys.implementation.name == "pypy":  # whose compiler takes memory of its own at first
            globals()[verb](conn, 64 << 20)
        conn.connect()
        before, _ = resident()
        begin, cpu = time.perf_counter(), time.process_time()
        received, digest = globals()[verb](conn, size)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        _, peak = resident()
    sha256 = hashlib.sha256()
    for piece in pattern(size):
        sha256.update(piece)
    assert received == size and digest == sha256.hexdigest()
    print(peak - before, seconds, cpu)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to measure by")
@pytest.mark.parametrize(("verb", "size"), [("download", 1024), ("upload", 256)])
def test_constant_memory(node, certificates, verb, size):
    """However much goes through, memory does not grow with it: 1 GiB down, 256 MiB up."""
    size = (size if LONG else 64) * MEBIBYTE
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(MEASURE),
            verb,
            str(node.port),
            certificates.authority,
            str(size),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    growth, seconds, cpu = map(float, ran.stdout.split())
    print(
        f"{verb} of {size >> 20} MiB: {seconds:.2f} s, {cpu:.2f} s of CPU,"
        f" {growth / MEBIBYTE:.1f} MiB more memory"
    )
    assert growth < GROWTH
