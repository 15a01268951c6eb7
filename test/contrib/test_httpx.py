"""httpx and httpx2 over HTTP/2: what their users do, with the libraries' real code on top."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import io
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from hyper.testing import wire
from test.live.server import pattern
from test.origin import Origin
from test.scripted.steps import want

# Seconds that a wait may last in a test where it is meant to end so.
SHORT = 0.05


@pytest.fixture(params=["httpx", "httpx2"])
def library(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def transport(library, certificates):
    """A transport of the library's: `transport(retries=1)`."""
    integration = importlib.import_module(f"hyper.contrib.{library.__name__}")
    with ExitStack() as opened:

        def start(**options):
            options.setdefault("verify", certificates.client_context(alpn=()))
            return opened.enter_context(integration.HTTP20Transport(**options))

        yield start


@pytest.fixture
def connect(library, transport):
    """A client of a server: `client = connect(node)`."""

    def start(server, **options):
        return library.Client(
            transport=transport(**options), base_url=f"https://localhost:{server.port}", timeout=10
        )

    return start


@pytest.fixture
def client(connect, node):
    """A client of Node."""
    return connect(node)


@pytest.fixture
def scripted(connect, scripted_peer, certificates):
    """A client of a scripted peer."""

    def start(script, **options):
        peer = scripted_peer(script, certificates.server_context(), host="127.0.0.1")
        return connect(peer, **options)

    return start


class TestRequests:
    @pytest.mark.parametrize("name", ["node", "nginx", "hypercorn"])
    def test_servers_answer_in_http_2(self, connect, request, name):
        response = connect(request.getfixturevalue(name)).get("/")
        assert (response.status_code, response.http_version) == (200, "HTTP/2")
        assert response.extensions["http_version"] == b"HTTP/2"
        assert response.extensions["stream_id"] % 2 == 1
        assert response.content

    def test_all_of_an_origin_share_a_connection(self, connect, server):
        client = connect(server("node"))

        def fetch(size):
            return client.get(f"/bytes/{size}").content == pattern(size)

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(fetch, range(0, 200_000, 5000)))
        assert client.get("/sessions").json() == {"sessions": 1}

    def test_threads_do_not_wait_for_each_other(self, client):
        """RFC 9113, 5: streams are independent; the slow one is still under way."""
        with client.stream("GET", "/drip/2/60000") as slow:
            pieces = slow.iter_bytes()
            assert next(pieces) == b"drip\n"
            assert client.get("/").text == "hello from node\n"

    @pytest.mark.parametrize(
        ("body", "content"),
        [
            (b"octets", b"octets"),
            ("tëxt", "tëxt".encode()),
            (lambda: io.BytesIO(b"a file"), b"a file"),
            (lambda: iter([b"piece ", b"by ", b"piece"]), b"piece by piece"),
            (pattern(300_000), pattern(300_000)),
            (b"", b""),
        ],
        ids=["bytes", "str", "file", "iterable", "large", "empty"],
    )
    def test_bodies_arrive_whole(self, client, body, content):
        digest = client.post("/digest", content=body() if callable(body) else body).json()
        assert digest["size"] == len(content)
        assert digest["sha256"] == hashlib.sha256(content).hexdigest()

    @pytest.mark.parametrize("kind", [io.StringIO, lambda text: [text]], ids=["file", "list"])
    def test_text_in_pieces_is_refused(self, client, kind):
        """As over HTTP/1.1: nobody has said how it is coded."""
        with pytest.raises(TypeError):
            client.post("/digest", content=kind("grüße"))
        assert client.get("/bytes/1").content == b"\0"

    def test_a_pipe_is_not_lost_in_silence(self, client, library):
        """Its size is 0, and so httpx announces 0 octets (RFC 9113, 8.1.1); httpx2 does not."""
        reading, writing = os.pipe()
        os.write(writing, b"content")
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            try:
                content = client.post("/echo", content=pipe).content
            except library.LocalProtocolError as error:
                assert "the 0 octets that its content-length announces" in str(error)  # noqa: PT017
            else:
                assert content == b"content"

    def test_forms_files_and_json(self, client):
        assert client.post("/echo", json={"a": 1}).json() == {"a": 1}
        assert client.post("/echo", data={"a": "1"}).content == b"a=1"
        assert b"a file" in client.post("/echo", files={"f": io.BytesIO(b"a file")}).content

    def test_headers_are_sent_as_given(self, client, node):
        """RFC 9113, 8.2.2 and 8.3.1: Host becomes the authority, Connection goes."""
        answer = client.get("/fields?a=b%20c", headers=[("X-One", "1"), ("X-One", "2")]).json()
        assert answer["fields"]["x-one"] == "1, 2"
        assert answer["authority"] == f"localhost:{node.port}"
        assert answer["path"] == "/fields?a=b%20c"
        assert {"connection", "host"} & set(answer["fields"]) == set()
        other = client.get("/fields", headers={"Host": "other.invalid"}).json()
        assert other["authority"] == "other.invalid"

    def test_a_target_of_the_callers(self, client):
        response = client.request("GET", "/", extensions={"target": b"/fields?raw"})
        assert response.json()["path"] == "/fields?raw"

    def test_redirects_and_cookies(self, scripted):
        def script(peer):
            peer.handshake()
            stream_id, *_ = want(peer, (":path", "/old"))
            fields = [(":status", "302"), ("location", "/new"), ("set-cookie", "a=1")]
            peer.write_response(stream_id, pairs=fields)
            stream_id, *_ = want(peer, (":path", "/new"), ("cookie", "a=1"))
            peer.write_response(stream_id, b"here")

        response = scripted(script).get("/old", follow_redirects=True)
        assert response.content == b"here"
        assert [past.status_code for past in response.history] == [302]

    def test_one_that_was_not_processed_is_sent_again(self, scripted):
        """RFC 9113, 8.7; the second time on the same connection."""

        def script(peer):
            peer.handshake()
            stream_id, _, content = peer.want_request()
            peer.write(wire.rst_stream(stream_id, wire.REFUSED_STREAM))
            stream_id, _, again = peer.want_request()
            assert content == again == b"content"
            peer.write_response(stream_id, b"x")

        assert scripted(script).post("/", content=b"content").content == b"x"

    def test_9113_7_one_whose_server_asks_for_http_1_1_goes_out_in_it(
        self, connect, scripted_peer, certificates
    ):
        """HTTP_1_1_REQUIRED; and so do the next ones."""

        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write(wire.rst_stream(stream_id, wire.HTTP_1_1_REQUIRED))
            peer.accept()
            assert peer.selected_alpn_protocol() == "http/1.1"
            for _ in range(2):
                assert peer.want_until().startswith(b"POST / HTTP/1.1\r\n")
                assert peer.want_octets(7) == b"content"
                peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")

        peer = scripted_peer(script, certificates.server_context(alpn=("h2", "http/1.1")))
        client = connect(peer)
        for _ in range(2):
            response = client.post("/", content=b"content")
            assert (response.text, response.http_version) == ("old", "HTTP/1.1")

    def test_one_that_may_have_been_processed_is_not(self, scripted, library):
        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write(wire.rst_stream(stream_id, wire.INTERNAL_ERROR))
            peer.want_goaway()
            peer.want_closed()

        client = scripted(script)
        with pytest.raises(library.RemoteProtocolError, match="INTERNAL_ERROR"):
            client.get("/")
        client._transport.close()


class TestResponses:
    def test_stream(self, client):
        with client.stream("GET", "/stream/500000") as response:
            assert b"".join(response.iter_raw()) == pattern(500_000)

    def test_closing_one_early_cancels_its_stream_alone(self, scripted):
        """RFC 9113, 5.4.2."""

        def script(peer):
            peer.handshake()
            first, *_ = peer.want_request()
            peer.write_headers(first, [(":status", "200")])
            peer.write_data(first, b"some")
            assert peer.want_rst(first) == wire.CANCEL
            second, *_ = peer.want_request()
            peer.write_response(second, b"x")

        client = scripted(script)
        with client.stream("GET", "/") as response:
            assert next(response.iter_raw()) == b"some"
        assert client.get("/").content == b"x"

    def test_content_is_decoded(self, client):
        assert client.get("/gzip").content == b"hello from node\n" * 1000
        with client.stream("GET", "/gzip") as response:
            assert next(response.iter_raw())[:2] == b"\x1f\x8b"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("HEAD", "/bytes/100", 200), ("GET", "/status/204", 204), ("GET", "/status/304", 304)],
    )
    def test_some_have_no_content(self, client, method, path, status):
        response = client.request(method, path)
        assert (response.status_code, response.content) == (status, b"")

    def test_duplicate_fields_are_kept(self, client):
        response = client.get("/cookies")
        assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
        assert dict(client.cookies) == {"a": "1", "b": "2"}


class TestTimeouts:
    """Each is one request's, however many share the connection."""

    def test_reading_beyond_the_timeout_is_a_read_timeout(self, client, library):
        for path in ("/never", "/drip/2/60000"):
            with pytest.raises(library.ReadTimeout):
                client.get(path, timeout=library.Timeout(10, read=SHORT))
        assert client.get("/drip/2/100", timeout=10).text == "drip\n" * 2

    def test_writing_beyond_the_timeout_is_a_write_timeout(self, scripted, library):
        """The peer opens no window (RFC 9113, 6.9)."""

        def script(peer):
            peer.handshake()
            while peer.want_frame().type != wire.RST_STREAM:
                pass

        with pytest.raises(library.WriteTimeout):
            scripted(script).post(
                "/", content=pattern(100_000), timeout=library.Timeout(10, write=SHORT)
            )

    def test_waiting_for_a_stream_beyond_the_timeout_is_a_pool_timeout(self, scripted, library):
        """RFC 9113, 5.1.2: the peer allows one."""

        def script(peer):
            peer.handshake([(wire.SETTINGS_MAX_CONCURRENT_STREAMS, 1)])
            stream_id, *_ = peer.want_request()
            peer.write_headers(stream_id, [(":status", "200")])
            waiting.wait(10)
            peer.write_data(stream_id, b"x", end_stream=True)

        waiting = threading.Event()
        client = scripted(script, max_connections_per_origin=1)
        with client.stream("GET", "/") as response:
            with pytest.raises(library.PoolTimeout):
                client.get("/", timeout=library.Timeout(10, pool=SHORT))
            waiting.set()
            assert response.read() == b"x"

    def test_connecting_beyond_the_timeout_is_a_connect_timeout(self, library, transport):
        """A listener whose queue is full accepts nothing."""
        with socket.socket() as listener, ExitStack() as queue:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):
                waiting = queue.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            client = library.Client(transport=transport())
            with pytest.raises(library.ConnectTimeout):
                client.get(
                    f"https://127.0.0.1:{listener.getsockname()[1]}/",
                    timeout=library.Timeout(10, connect=SHORT),
                )


class TestErrors:
    @pytest.mark.parametrize("path", ["/reset/2", "/goaway/2", "/reset/2/100"])
    def test_a_server_that_breaks_off_is_a_protocol_error(self, client, library, path):
        with pytest.raises(library.RemoteProtocolError) as caught:
            client.get(path)
        assert caught.value.request.url.path == path
        assert client.get("/").status_code == 200

    def test_a_connection_that_was_cut(self, client, library):
        with pytest.raises((library.ReadError, library.RemoteProtocolError)):
            client.get("/destroy")
        assert client.get("/").status_code == 200

    def test_goaway_is_followed_by_a_new_connection(self, connect, server):
        """RFC 9113, 6.8."""
        client = connect(server("node"))
        assert client.get("/goaway").text == "goodbye\n"
        assert client.get("/sessions").json() == {"sessions": 2}

    @pytest.mark.parametrize("retries", [0, 1])
    def test_a_server_that_is_not_there_is_a_connect_error(self, library, transport, retries):
        client = library.Client(transport=transport(retries=retries))
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with pytest.raises(library.ConnectError):
                client.get(f"https://127.0.0.1:{closed.getsockname()[1]}/")

    def test_a_certificate_that_is_not_trusted_is_a_connect_error(
        self, connect, library, node, certificates, server
    ):
        with pytest.raises(library.ConnectError, match="certificate verify failed"):
            connect(node, verify=True).get("/")
        wrong = server("node", pair=certificates.wrong_name)
        with pytest.raises(library.ConnectError, match="certificate verify failed"):
            connect(wrong).get("/")

    def test_any_certificate_will_do_where_verification_is_off(self, connect, node):
        assert connect(node, verify=False).get("/").http_version == "HTTP/2"

    @pytest.mark.parametrize("headers", [{"x": "a\nb"}, {"no token": "x"}])
    def test_malformed_headers_of_the_caller_are_refused(self, client, library, headers):
        for body in (None, b"content"):
            with pytest.raises(library.LocalProtocolError, match="nothing was sent"):
                client.request("POST", "/", headers=headers, content=body)
        assert client.get("/").status_code == 200

    def test_a_body_that_raises_resets_the_stream(self, scripted):
        """The peer must not take a part for the whole."""

        def script(peer):
            peer.handshake()
            stream_id = 1
            peer.want_headers(stream_id, end_stream=False)
            peer.want_data(stream_id, b"some", end_stream=False)
            peer.want_rst(stream_id, wire.CANCEL)

        def pieces():
            yield b"some"
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            scripted(script).post("/", content=pieces())

    def test_unknown_schemes_are_refused(self, client, library):
        with pytest.raises(library.UnsupportedProtocol):
            client.get("gopher://localhost/")

    def test_no_request_is_left_behind(self, client, library):
        for path in ("/never", "/reset/2"):
            with pytest.raises(library.TransportError):
                client.get(path, timeout=SHORT)
        pool = client._transport._pool._pool
        assert len(pool) == 1
        pool.close_idle()  # what is in use stays
        assert len(pool) == 0


class TestOtherWays:
    def test_servers_without_http_2_are_spoken_to_in_http_1_1(self, connect, old_server):
        """RFC 9113, 3.2; RFC 7301, 3.2: whether they say so by an alert or by saying nothing."""
        client = connect(old_server)
        for _ in range(2):
            response = client.get("/")
            assert (response.http_version, response.text) == ("HTTP/1.1", "hello in HTTP/1.1\n")
        assert client.post("/", content=b"content").content == b"content"
        assert old_server.declined == 1  # asked once, and remembered

    def test_threads_that_find_out_together_ask_once(self, connect, old_server):
        client = connect(old_server)
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(lambda _: client.get("/").status_code == 200, range(8)))
        assert old_server.declined == 1

    def test_plain_http_is_http_1_1(self, library, transport, cleartext_server):
        client = library.Client(transport=transport())
        response = client.get(f"http://localhost:{cleartext_server.port}/")
        assert response.http_version == "HTTP/1.1"

    def test_through_a_proxy(self, connect, node, old_server, proxy):
        """test/live/test_proxies.py has real ones."""
        url = f"http://127.0.0.1:{proxy.server_address[1]}"
        client = connect(node, proxy=url)
        assert [client.get("/bytes/1").http_version for _ in range(2)] == ["HTTP/2"] * 2
        assert proxy.asked == [f"localhost:{node.port}"]
        client = connect(old_server, proxy=url)
        assert client.get("/").http_version == "HTTP/1.1"

    def test_behind_a_unix_socket(self, connect, server):
        """The URL's host is that of the certificate."""
        running = server("nginx", directives=["listen unix:s ssl http2;"])
        client = connect(running, uds=str(running.directory / "s"))
        response = client.get("/hello")
        assert (response.http_version, response.text) == ("HTTP/2", "hello from nginx\n")

    def test_a_client_certificate(self, scripted, certificates):
        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, b"x")

        context = certificates.client_context(alpn=(), client_certificate=True)
        assert scripted(script, verify=context).get("/").content == b"x"

    def test_connections_that_nobody_uses_give_way(self, connect, server, node):
        """RFC 9113, 9.1: of two idle ones the older goes, what is in use stays."""
        client = connect(node, max_idle=0)
        with client.stream("GET", "/drip/2/100") as under_way:
            other = server("node")
            for host in ("localhost", "127.0.0.1", "localhost"):
                client.get(f"https://{host}:{other.port}/")
            assert under_way.read() == b"drip\n" * 2
        assert len(client._transport._pool._pool) == 2

    def test_another_origin_on_a_shared_connection_is_named(self, library, transport, certificates):
        """RFC 9113, 8.3.1 and 9.1.1; RFC 8336: the request has the authority of its own URL."""

        def serve(peer):
            peer.handshake()
            peer.write(wire.origin([f"https://127.0.0.1:{server.port}"]))
            for frame, fields, _ in peer.arrivals():
                if frame.type == wire.HEADERS:
                    answer = f"{dict(fields)[':authority']} on connection {peer.number}"
                    peer.write_response(frame.stream_id, answer.encode())

        server = Origin(serve, certificates.server_context())
        with server, library.Client(transport=transport(coalesce=True), timeout=10) as client:
            for host in ("localhost", "localhost", "127.0.0.1"):  # ORIGIN has been read by then
                answer = client.get(f"https://{host}:{server.port}/").text
                assert answer == f"{host}:{server.port} on connection 1"

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_request_is_the_same_where_httpcore_s_names_are_told(
        self, library, transport, certificates, method
    ):
        """It goes another way then: through the library's method and a request of httpcore's."""
        seen = []

        def serve(peer):
            peer.handshake()
            for frame, fields, _ in peer.arrivals():
                if frame.type == wire.HEADERS:
                    seen.append(fields)
                    answer = [(":status", "200"), ("x-one", "1"), ("x-one", "2")]
                    peer.write_response(frame.stream_id, b"content", answer)

        content = b"sent" if method == "POST" else None
        answers = []
        server = Origin(serve, certificates.server_context())
        with server, library.Client(transport=transport(), timeout=10) as client:
            for told in (None, lambda *_: None):
                response = client.request(
                    method,
                    f"https://localhost:{server.port}/path?a=b%20c",
                    headers=[("X-Two", "1"), ("x-two", "2"), ("Cookie", "a=b")],
                    content=content,
                    extensions={} if told is None else {"trace": told},
                )
                response.extensions.pop("stream_id")
                answers.append((response.headers.raw, response.content, response.extensions))
        assert answers[0] == answers[1]
        assert seen[0] == seen[1]

    def test_an_async_client_is_told_what_to_do(self, library, transport):
        async def get():
            await library.AsyncClient(transport=transport()).get("https://localhost/")

        async def enter():
            async with library.AsyncClient(transport=transport()):
                pass

        for use in (get, enter):
            with pytest.raises(TypeError, match=r"asyncio\.to_thread"):
                asyncio.run(use())

    def test_options_of_hyper_are_options_of_the_transport(self, scripted):
        """RFC 9113, 6.5.2."""
        seen = []

        def script(peer):
            seen.append(peer.handshake())
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, b"x")

        client = scripted(script, settings={"SETTINGS_MAX_HEADER_LIST_SIZE": 1 << 20})
        assert client.get("/").content == b"x"
        assert seen[0][wire.SETTINGS_MAX_HEADER_LIST_SIZE] == 1 << 20

    def test_a_request_inside_a_request_s_content_leaves_its_timeouts_alone(
        self, scripted, library
    ):
        """RFC 9113, 6.9: the window of the outer one is never opened."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1, end_stream=False)
            peer.want_headers(3)
            peer.write_response(3, b"inner")
            while peer.want_frame().type != wire.RST_STREAM:
                pass

        def content():
            with client.stream("GET", "/inner", timeout=None) as response:
                yield response.read()
            yield pattern(200_000)

        client = scripted(script)
        with pytest.raises(library.WriteTimeout):
            client.put("/", content=content(), timeout=library.Timeout(10, write=SHORT))
