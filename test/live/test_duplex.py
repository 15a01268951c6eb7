"""Both ways at once with real servers: dialogues, early answers, Expect, and priorities."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from hyper import HTTP20Connection, Priority
from test.live import servers
from test.live.server import LARGE, pattern


@pytest.fixture
def connect(certificates):
    with contextlib.ExitStack() as opened:

        def start(server, **options):
            if server.secure:
                options.setdefault("ssl_context", certificates.client_context())
            options.setdefault("timeout", 20)
            return opened.enter_context(
                HTTP20Connection(server.host, server.port, secure=server.secure, **options)
            )

        yield start


@pytest.mark.parametrize("name", ["node", "hypercorn"])
class TestEcho:
    """RFC 9113, 8.1: servers that send content back as it comes."""

    @pytest.fixture
    def conn(self, request, connect, name):
        return connect(request.getfixturevalue(name))

    def test_a_stream_in_turns(self, conn):
        with conn.open_stream("POST", "/echo") as stream:
            for size in (1, 5, 10_000, 40_000, 1):
                assert stream.write(pattern(size)) == size
                assert stream.read(size) == pattern(size)
            stream.close_write()
            assert stream.read() == b""
            assert stream.status == 200

    def test_a_stream_from_two_threads(self, conn):
        """8 MiB each way: more than all windows together."""
        content = pattern(8 * LARGE)
        with conn.open_stream("POST", "/echo") as stream, ThreadPoolExecutor(1) as threads:
            writing = threads.submit(lambda: (stream.write(content), stream.close_write()))
            assert stream.read() == content
            writing.result(20)

    def test_many_streams_at_once(self, conn):
        def talk(number):
            with conn.open_stream("POST", "/echo") as stream:
                for turn in range(20):
                    octets = b"%d %d" % (number, turn)
                    stream.write(octets)
                    if stream.read(len(octets)) != octets:
                        return False
                stream.close_write()
                return stream.read() == b""

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(talk, range(48)))

    def test_an_iterable_that_reads_the_response(self, conn):
        heard = []

        def body():
            yield b"0"
            response = conn.getresponse()
            for number in range(1, 21):
                heard.append(b"%d" % (int(response.read(len(b"%d" % (number - 1)))) + 1))
                yield heard[-1]
            heard.append(response)

        conn.request("POST", "/echo", body())
        response = heard.pop()
        assert heard[-1] == b"20"
        assert response.read() == b"20"

    def test_pieces_while_the_response_is_read(self, conn):
        stream_id = conn.putrequest("POST", "/echo")
        conn.endheaders(final=False)
        conn.send(b"first", stream_id=stream_id)
        response = conn.getresponse(stream_id)
        assert response.read(5) == b"first"
        conn.send(b"second", stream_id=stream_id)
        assert response.read(6) == b"second"
        conn.send(b"last", final=True, stream_id=stream_id)
        assert response.read() == b"last"


class TestEarlyAnswers:
    """RFC 9113, 8.1: the answer is what counts, whatever becomes of the upload."""

    @pytest.fixture
    def conn(self, server, connect):
        tiny = "location /tiny/ { client_max_body_size 10; root .; dav_methods PUT; }"
        return connect(server("nginx", directives=[tiny]))

    @pytest.mark.parametrize("way", ["announced", "iterable", "pieces", "stream"])
    def test_nginx_wants_no_more(self, conn, way):
        body = pattern(20 * LARGE)
        if way == "announced":
            response = conn.getresponse(conn.request("PUT", "/tiny/x", body))
        elif way == "iterable":
            response = conn.getresponse(conn.request("PUT", "/tiny/x", iter([body])))
        elif way == "pieces":
            stream_id = conn.putrequest("PUT", "/tiny/x")
            conn.endheaders(final=False)
            for start in range(0, len(body), LARGE):
                conn.send(body[start : start + LARGE], stream_id=stream_id)
            conn.send(b"", final=True, stream_id=stream_id)
            response = conn.getresponse(stream_id)
        else:
            stream = conn.open_stream("PUT", "/tiny/x")
            assert stream.write(body) < len(body)
            assert not stream.writable()
            response = stream
        assert response.status == 413
        assert b"413" in response.read()
        assert conn.getresponse(conn.request("GET", "/hello")).status == 200


class TestExpectContinue:
    """RFC 9110, 10.1.1."""

    HEADERS = (("expect", "100-continue"),)

    @pytest.mark.parametrize("way", ["request", "pieces", "stream"])
    def test_node_says_100(self, node, connect, way):
        conn = connect(node, continue_timeout=None)
        if way == "request":
            conn.request("POST", "/continue", b"content", self.HEADERS)
            response = conn.getresponse()
        elif way == "pieces":
            conn.putrequest("POST", "/continue")
            conn.putheader("expect", "100-continue")
            conn.endheaders()
            conn.send(b"content")
            response = conn.getresponse()
        else:
            response = conn.open_stream("POST", "/continue", self.HEADERS)
            response.write(b"content")
            response.close_write()
        assert [status for status, _ in response.informational] == [100]
        assert response.read() == b"content"

    @pytest.mark.parametrize(
        "name", ["nginx", "apache", "h2o", "caddy", "nghttpd", "hypercorn", "haproxy"]
    )
    def test_whatever_the_server_does_it_ends_well(self, request, connect, name):
        conn = connect(request.getfixturevalue(name), continue_timeout=0.2)
        conn.request("POST", "/echo", pattern(100_000), self.HEADERS)
        response = conn.getresponse()
        content = response.read()
        if response.status == 200:
            assert content == pattern(100_000)
        conn.request("GET", "/")
        assert conn.getresponse().read()

    def test_a_refusal_costs_no_upload(self, server, connect):
        tiny = "location /tiny/ { client_max_body_size 10; root .; dav_methods PUT; }"
        conn = connect(server("nginx", directives=[tiny]), continue_timeout=None)

        def body():
            raise AssertionError("the body was asked for")
            yield

        headers = [*self.HEADERS, ("content-length", "1000000")]
        conn.request("PUT", "/tiny/x", body(), headers)
        response = conn.getresponse()
        assert response.status == 413
        assert b"413" in response.read()
        assert conn.getresponse(conn.request("GET", "/hello")).status == 200
        stream = conn.open_stream("PUT", "/tiny/x", headers)
        assert stream.write(pattern(1_000_000)) == 0
        assert stream.status == 413


class TestPriorities:
    """RFC 9218, with nghttpd."""

    @pytest.fixture
    def conn(self, server, connect):
        """Windows so large that the server alone decides what comes first."""
        nghttpd = server("nghttpd", arguments=["--no-rfc7540-pri"])
        window = {"SETTINGS_INITIAL_WINDOW_SIZE": 2 * LARGE}
        conn = connect(nghttpd, settings=window)
        conn.ping()
        assert conn.peer_settings["SETTINGS_NO_RFC7540_PRIORITIES"] == 1
        return conn

    def others(self, conn, stream_ids):
        """Octets that have come of other responses."""
        return sum(
            conn._registry.exchange(stream_id).stream.content_size for stream_id in stream_ids
        )

    def test_an_urgent_response_overtakes(self, conn):
        with conn.cork():
            slow = [conn.request("GET", "/large", priority="u=6") for _ in range(6)]
            urgent = conn.request("GET", "/large", priority=Priority(urgency=0))
        assert conn.getresponse(urgent).read() == pattern(LARGE)
        assert self.others(conn, slow) < LARGE
        for stream_id in slow:
            assert conn.getresponse(stream_id).read() == pattern(LARGE)

    def test_without_it_the_last_comes_last(self, conn):
        """So that the one above shows something."""
        with conn.cork():
            first = [conn.request("GET", "/large", priority="u=5") for _ in range(6)]
            last = conn.request("GET", "/large", priority="u=6")
        assert conn.getresponse(last).read() == pattern(LARGE)
        assert self.others(conn, first) > 5 * LARGE

    @pytest.mark.parametrize("name", servers.names())
    def test_no_server_minds(self, request, connect, name):
        """Neither SETTINGS_NO_RFC7540_PRIORITIES nor the field, nor PRIORITY_UPDATE early on."""
        conn = connect(request.getfixturevalue(name))
        conn.connect()
        stream_id = conn.request("GET", "/", priority="u=1, i")
        conn.reprioritize(stream_id, "u=2")
        response = conn.getresponse(stream_id)
        assert response.status == 200
        response.read()
        conn.ping()
        assert conn.getresponse(conn.request("GET", "/")).status == 200
