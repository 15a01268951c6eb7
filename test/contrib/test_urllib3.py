"""urllib3's pools over HTTP/2: what its users do, with urllib3's real code on top."""

from __future__ import annotations

import hashlib
import io
import socket
import ssl
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import IncompleteRead

import pytest

from hyper.testing import PeerError, wire
from test.live.server import pattern
from test.scripted.steps import want

urllib3 = pytest.importorskip("urllib3", "2.0")

from urllib3 import exceptions  # noqa: E402
from urllib3.util import SKIP_HEADER, Retry, Timeout  # noqa: E402

from hyper.contrib.urllib3 import (  # noqa: E402
    POOL_CLASSES,
    HTTP20ConnectionPool,
    HTTP20SecureConnection,
)

# Seconds that a wait may last in a test where it is meant to end so.
SHORT = 0.05


@pytest.fixture
def manage(certificates):
    """A PoolManager with HTTP/2 in it: `manage(maxsize=4)`."""
    with ExitStack() as opened:

        def start(kind=urllib3.PoolManager, *arguments, **options):
            options.setdefault("ca_certs", certificates.authority)
            options.setdefault("timeout", 10)
            manager = opened.enter_context(kind(*arguments, **options))
            manager.pool_classes_by_scheme = POOL_CLASSES
            return manager

        yield start


@pytest.fixture
def pools(manage):
    return manage()


@pytest.fixture
def pool(node, certificates):
    """A pool of one connection to Node."""
    with HTTP20ConnectionPool(
        "localhost", node.port, ca_certs=certificates.authority, timeout=10
    ) as pool:
        yield pool


def url_of(server, path="/"):
    return f"https://localhost:{server.port}{path}"


def peer_pool(peer, certificates, **options):
    options.setdefault("ca_certs", certificates.authority)
    return HTTP20ConnectionPool(peer.host, peer.port, timeout=10, **options)


class TestRequests:
    @pytest.mark.parametrize("name", ["node", "nginx", "hypercorn"])
    def test_servers_answer_in_http_2(self, pools, request, name):
        response = pools.request("GET", url_of(request.getfixturevalue(name)))
        assert (response.status, response.version) == (200, 20)
        assert response.version_string == "HTTP/2"
        assert response.data

    def test_one_after_the_other_share_a_connection(self, pools, server):
        node = server("node")
        for _ in range(3):
            assert pools.request("GET", url_of(node)).data == b"hello from node\n"
        assert pools.request("GET", url_of(node, "/sessions")).json() == {"sessions": 1}

    @pytest.mark.parametrize(
        ("body", "content"),
        [
            (b"octets", b"octets"),
            ("tëxt", "tëxt".encode()),
            (io.BytesIO(b"a file"), b"a file"),
            ([b"piece ", b"by ", b"piece"], b"piece by piece"),
            (pattern(300_000), pattern(300_000)),
            (b"", b""),
        ],
        ids=["bytes", "str", "file", "iterable", "large", "empty"],
    )
    def test_bodies_arrive_whole(self, pool, body, content):
        digest = pool.request("POST", "/digest", body=body).json()
        assert digest["size"] == len(content)
        assert digest["sha256"] == hashlib.sha256(content).hexdigest()

    def test_chunked_leaves_no_framing_in_the_content(self, pool):
        """RFC 9113, 8.2.2: the chunked coding must not be used."""
        response = pool.urlopen("POST", "/echo", body=b"whole", chunked=True)
        assert response.data == b"whole"

    def test_forms_and_json(self, pool):
        assert pool.request("POST", "/echo", json={"a": 1}).json() == {"a": 1}
        echoed = pool.request("POST", "/echo", fields={"name": "value"})
        assert b'name="name"' in echoed.data

    def test_headers_are_sent_as_given(self, pool):
        headers = {"X-One": "1", "User-Agent": SKIP_HEADER, "Connection": "close"}
        fields = pool.request("GET", "/fields", headers=headers).json()["fields"]
        assert fields["x-one"] == "1"
        assert "user-agent" not in fields
        assert "connection" not in fields

    def test_the_authority_is_the_pools_host_and_port(self, pool, node):
        """RFC 9113, 8.3.1."""
        assert pool.request("GET", "/fields").json()["authority"] == f"localhost:{node.port}"

    def test_redirects_are_followed(self, scripted_peer, certificates):
        def script(peer):
            peer.handshake()
            stream_id, *_ = want(peer, (":path", "/old"))
            peer.write_response(stream_id, pairs=[(":status", "302"), ("location", "/new")])
            stream_id, *_ = want(peer, (":path", "/new"))
            peer.write_response(stream_id, b"here")

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            assert pool.request("GET", "/old").data == b"here"

    def test_what_is_left_of_a_generator_is_not_sent_as_if_it_were_whole(
        self, scripted_peer, certificates
    ):
        """RFC 9110, 15.4.8: after a 307, the connection it came on or another."""

        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, pairs=[(":status", "307"), ("location", "/new")])

        peer = scripted_peer(script, certificates.server_context())
        body = (piece for piece in (b"con", b"tent"))
        told = pytest.raises(exceptions.UnrewindableBodyError, match="a part of it was sent")
        with peer_pool(peer, certificates) as pool, told:
            pool.request("POST", "/old", body=body)

    def test_retries_for_a_status(self, scripted_peer, certificates):
        def script(peer):
            peer.handshake()
            for status in ("503", "200"):
                stream_id, *_ = peer.want_request()
                peer.write_response(stream_id, b"x", pairs=[(":status", status)])

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            response = pool.request("GET", "/", retries=Retry(1, status_forcelist=[503]))
            assert response.status == 200

    def test_threads_share_a_pool(self, manage, node):
        pools = manage(maxsize=4, block=True)

        def fetch(size):
            return pools.request("GET", url_of(node, f"/bytes/{size}")).data == pattern(size)

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(fetch, range(0, 200_000, 5000)))


class TestResponses:
    def test_stream(self, pool):
        response = pool.request("GET", "/stream/500000", preload_content=False)
        assert b"".join(response.stream(10_000)) == pattern(500_000)
        assert response.isclosed()

    def test_one_that_was_read_gives_its_connection_back(self, pool):
        for _ in range(3):
            response = pool.request("GET", "/bytes/100000", preload_content=False)
            while response.read(8192):
                pass
        assert pool.num_connections == 1

    def test_one_that_was_not_read_does_not_block_its_connection(self, pool):
        """Streams are independent (RFC 9113, 5); over HTTP/1.1 the octets would be in the way."""
        unread = pool.request("GET", "/bytes/100000", preload_content=False)
        unread.release_conn()
        assert pool.request("GET", "/").data == b"hello from node\n"
        assert unread.read() == pattern(100_000)
        assert pool.num_connections == 1

    def test_one_may_be_closed_early(self, pool):
        pool.request("GET", "/bytes/9000000", preload_content=False).close()
        assert pool.request("GET", "/").data == b"hello from node\n"

    def test_content_is_decoded_if_wanted(self, pool):
        plain = b"hello from node\n" * 1000
        assert pool.request("GET", "/gzip").data == plain
        assert pool.request("GET", "/gzip", decode_content=False).data[:2] == b"\x1f\x8b"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("HEAD", "/bytes/100", 200), ("GET", "/status/204", 204), ("GET", "/status/304", 304)],
    )
    def test_some_have_no_content(self, pool, method, path, status):
        response = pool.request(method, path)
        assert (response.status, response.data) == (status, b"")

    def test_duplicate_fields_are_kept(self, pool):
        headers = pool.request("GET", "/cookies").headers
        assert headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]

    def test_it_reads_as_a_file(self, pool):
        response = pool.request("GET", "/drip/3/1", preload_content=False)
        response.auto_close = False
        assert io.TextIOWrapper(response).readlines() == ["drip\n"] * 3
        response.close()


class TestTheEndOfConnections:
    def test_a_ping_between_requests_is_no_end(self, scripted_peer, certificates):
        """RFC 9113, 6.7; something to read is how urllib3 knows a dead connection."""

        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, b"x")
            peer.write(wire.ping(b"anybody?"))
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, b"x")
            peer.want_ping(ack=True, opaque=b"anybody?")

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            assert [pool.request("GET", "/").data for _ in range(2)] == [b"x", b"x"]
            assert pool.num_connections == 1

    def test_goaway_is_followed_by_a_new_connection(self, pools, server):
        """RFC 9113, 6.8."""
        node = server("node")
        assert pools.request("GET", url_of(node, "/goaway")).data == b"goodbye\n"
        assert pools.request("GET", url_of(node, "/sessions"), retries=False).json() == {
            "sessions": 2
        }

    def test_an_idle_connection_that_was_cut_is_replaced(self, scripted_peer, certificates):
        def script(peer):
            for _ in range(2):
                peer.accept()
                peer.handshake()
                stream_id, *_ = peer.want_request()
                peer.write_response(stream_id, b"x")
                peer.socket.close()

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            assert [pool.request("GET", "/").data for _ in range(2)] == [b"x", b"x"]

    def test_without_a_pool_the_connection_replaces_it_itself(self, server, certificates):
        """As http.client's auto_open; what urllib3 keeps of the request under way is not lost."""
        node = server("node")
        connection = HTTP20SecureConnection("localhost", node.port, ca_certs=certificates.authority)
        for path in ("/goaway", "/"):
            connection.request("GET", path, preload_content=False)
            assert connection.getresponse().read()
        connection.request("GET", "/sessions")
        assert connection.getresponse().json() == {"sessions": 2}
        connection.close()
        assert connection.is_closed

    def test_a_request_that_crossed_goaway_is_sent_again(self, scripted_peer, certificates):
        """RFC 9113, 8.7: it was not processed."""

        def script(peer):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))
            peer.accept()
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write_response(stream_id, b"x")

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            assert pool.request("GET", "/", retries=False).data == b"x"

    def test_another_thread_may_cut_a_read_short(self, pool):
        response = pool.request("GET", "/drip/2/60000", preload_content=False)
        assert response.read(5) == b"drip\n"
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(response.read)
            response.shutdown()
            with pytest.raises(exceptions.ProtocolError):
                reading.result(10)


class TestErrors:
    """Those that urllib3 raises over HTTP/1.1."""

    @pytest.mark.parametrize("path", ["/never", "/drip/2/60000"])
    def test_reading_beyond_the_timeout_is_a_read_timeout(self, pool, path):
        with pytest.raises(exceptions.ReadTimeoutError):
            pool.request("GET", path, timeout=Timeout(connect=10, read=SHORT), retries=False)
        assert pool.request("GET", "/").status == 200

    def test_connecting_beyond_the_timeout_is_a_connect_timeout(self):
        """A listener whose queue is full accepts nothing."""
        with socket.socket() as listener, ExitStack() as queue:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):
                waiting = queue.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            with (
                HTTP20ConnectionPool(*listener.getsockname(), timeout=SHORT) as pool,
                pytest.raises(exceptions.ConnectTimeoutError),
            ):
                pool.request("GET", "/", retries=False)

    def test_a_server_that_is_not_there_is_a_connection_error(self, pools):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            with pytest.raises(exceptions.NewConnectionError):
                pools.request("GET", f"https://127.0.0.1:{port}/", retries=False)
            with pytest.raises(exceptions.MaxRetryError):
                pools.request("GET", f"https://127.0.0.1:{port}/", retries=1)

    @pytest.mark.parametrize("path", ["/reset/2", "/destroy", "/goaway/2", "/reset/2/100"])
    def test_a_server_that_breaks_off_is_a_protocol_error(self, pool, path):
        with pytest.raises(exceptions.ProtocolError):
            pool.request("GET", path, retries=False)
        assert pool.request("GET", "/").status == 200

    def test_content_cut_short_is_told(self, pool):
        with pytest.raises(exceptions.ProtocolError) as caught:
            pool.request("GET", "/reset/2/100", retries=False)
        assert isinstance(caught.value.args[1], IncompleteRead)
        assert len(caught.value.args[1].partial) == 100

    @pytest.mark.parametrize("headers", [{"x": "a\nb"}, {"no token": "x"}])
    def test_malformed_headers_of_the_caller_are_refused(self, pool, headers):
        with pytest.raises(ValueError, match=r"(?i)invalid header"):
            pool.request("GET", "/", headers=headers)

    @pytest.mark.parametrize(
        ("method", "options"),
        [
            ("GET", {"headers": {"x-name": "€"}}),
            ("GET", {"headers": {"Host": "a b"}}),
            ("GET", {"headers": {"x": SKIP_HEADER}}),
            ("GET IT", {}),
            ("POST", {"headers": {"Content-Length": "9"}, "body": b"short"}),
        ],
    )
    def test_a_fault_of_the_caller_is_told_once(self, scripted_peer, certificates, method, options):
        """RFC 9110, 5.5, 7.2, 8.6, 9.1: no retry could mend it."""
        connections = []

        def script(peer):
            connections.append(peer)
            with suppress(PeerError):  # nothing, or a part of a request, comes
                peer.want_preface()
                peer.want_settings()
                peer.want_request()

        peer = scripted_peer(script, certificates.server_context())
        retries = Retry(total=5, backoff_factor=5)
        with peer_pool(peer, certificates) as pool, pytest.raises(ValueError):
            pool.request(method, "/", retries=retries, **options)
        assert len(connections) <= 1

    @pytest.mark.parametrize("host", ["a..example", "a" * 64 + ".example", "b%C3%BC.example"])
    def test_a_host_that_the_dns_cannot_have_is_told_at_once(self, host):
        """RFC 1035, 2.3.4: a ValueError as urllib3 has it, and no back-off."""
        pool = HTTP20ConnectionPool(host, 1, retries=Retry(total=5, backoff_factor=30))
        with pool, pytest.raises(exceptions.LocationValueError):
            pool.request("GET", "/")

    def test_an_option_with_a_bad_value_is_told_once(self, scripted_peer, certificates):
        """RFC 9113, 6.5.2; the connection is closed, and no other is made."""
        peer = scripted_peer(lambda peer: peer.want_closed(), certificates.server_context())
        pool = peer_pool(peer, certificates, settings={"SETTINGS_MAX_FRAME_SIZE": 5})
        with pool, pytest.raises(ValueError, match="SETTINGS_MAX_FRAME_SIZE of 5"):
            pool.request("GET", "/", retries=Retry(total=5, backoff_factor=30))
        peer.join()

    def test_a_field_to_be_skipped_is_not_sent(self, scripted_peer, certificates):
        """urllib3's SKIP_HEADER: the field is left out, and no other takes its place."""

        def script(peer):
            peer.handshake()
            stream_id, section, _ = peer.want_request()
            assert not {"user-agent", "accept-encoding"} & {name for name, _ in section}
            peer.write_response(stream_id, b"x")

        peer = scripted_peer(script, certificates.server_context())
        headers = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}
        with peer_pool(peer, certificates) as pool:
            assert pool.request("GET", "/", headers=headers).data == b"x"

    def test_without_replay_a_refused_request_is_an_error(self, scripted_peer, certificates):
        """RFC 9113, 8.7."""

        def script(peer):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))

        peer = scripted_peer(script, certificates.server_context())
        with (
            peer_pool(peer, certificates, replay=False) as pool,
            pytest.raises(exceptions.ProtocolError, match="GOAWAY"),
        ):
            pool.request("GET", "/", retries=False)


EVENT = b"data: one\n\n"

#: The ways of urllib3 to read content as it comes.
WAYS = {
    "stream": lambda response: response.stream(),
    "stream(None)": lambda response: response.stream(None),
    "lines": iter,
    "read1": lambda response: iter(response.read1, b""),
}


class TestHabits:
    """Small things of urllib3's that its users ask for."""

    @pytest.mark.parametrize("way", WAYS)
    def test_events_are_given_when_they_come(self, scripted_peer, certificates, way):
        """RFC 9113, 8.1: as the chunks of HTTP/1.1 are; nobody waits for a block to be full."""
        seen = threading.Event()

        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            peer.write_headers(stream_id, [(":status", "200")])
            peer.write_data(stream_id, EVENT, end_stream=False)
            assert seen.wait(10)
            peer.write_data(stream_id, EVENT, end_stream=True)

        peer = scripted_peer(script, certificates.server_context())
        with peer_pool(peer, certificates) as pool:
            response = pool.request("GET", "/", preload_content=False)
            pieces = WAYS[way](response)
            first = next(pieces)
            assert EVENT.startswith(first)
            seen.set()
            assert first + b"".join(pieces) == EVENT * 2

    def test_a_response_says_what_urllib3_s_do(self, pool, caplog):
        with caplog.at_level("DEBUG", logger="urllib3.connectionpool"):
            response = pool.request("GET", "/bytes/1000", preload_content=False)
        lines = [record.getMessage() for record in caplog.records]
        assert lines[0].startswith("Starting new HTTPS connection (1): localhost:")
        assert lines[1].endswith('"GET /bytes/1000 HTTP/2" 200 1000')
        assert (response.version, response.version_string) == (20, "HTTP/2")
        assert response.supports_chunked_reads()
        assert response.connection.sock.getpeercert()["subject"]
        assert response.length_remaining == 1000
        assert len(response.read(400)) == 400
        assert response.length_remaining == 600
        response.drain_conn()

    def test_content_shorter_than_its_length_is_told(self, scripted_peer, certificates):
        """RFC 9113, 8.1.1; RFC 9110, 8.6: urllib3's enforce_content_length."""

        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            fields = [(":status", "200"), ("content-length", "9")]
            peer.write_headers(stream_id, fields)
            peer.write_data(stream_id, b"short", end_stream=True)

        peer = scripted_peer(script, certificates.server_context())
        with (
            peer_pool(peer, certificates) as pool,
            pytest.raises(exceptions.ProtocolError),
        ):
            pool.request("GET", "/", retries=False, enforce_content_length=True)


class TestTLS:
    """urllib3 says what a pool demands of certificates, on every connection."""

    def test_a_stranger_is_refused(self, node):
        with (
            HTTP20ConnectionPool("localhost", node.port) as pool,
            pytest.raises(exceptions.SSLError, match="certificate verify failed"),
        ):
            pool.request("GET", "/", retries=False)

    def test_a_wrong_name_is_refused_unless_it_is_the_one_asserted(self, server, certificates):
        node = server("node", pair=certificates.wrong_name)
        trusted = {"ca_certs": certificates.authority}
        with (
            HTTP20ConnectionPool("localhost", node.port, **trusted) as pool,
            pytest.raises(exceptions.SSLError),
        ):
            pool.request("GET", "/", retries=False)
        for options in ({"assert_hostname": "wrong.invalid"}, {"server_hostname": "wrong.invalid"}):
            with HTTP20ConnectionPool("localhost", node.port, **trusted, **options) as pool:
                assert pool.request("GET", "/").version == 20

    def test_fingerprints(self, node, certificates):
        with open(certificates.server.certificate) as file:  # noqa: PTH123 - a path as str
            first = file.read().partition("-----END CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert("".join(first[:2]))
        right = hashlib.sha256(der).hexdigest()
        options = {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        with HTTP20ConnectionPool(
            "localhost", node.port, assert_fingerprint=right, **options
        ) as pool:
            assert pool.request("GET", "/").version == 20
        with (
            HTTP20ConnectionPool(
                "localhost", node.port, assert_fingerprint="00" * 32, **options
            ) as pool,
            pytest.raises(exceptions.SSLError, match="Fingerprints did not match"),
        ):
            pool.request("GET", "/", retries=False)

    def test_without_verification_there_is_a_warning(self, node):
        with (
            HTTP20ConnectionPool("localhost", node.port, cert_reqs="CERT_NONE") as pool,
            pytest.warns(exceptions.InsecureRequestWarning),
        ):
            assert pool.request("GET", "/").version == 20

    def test_with_verification_there_is_none(self, pool):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert pool.request("GET", "/").status == 200

    def test_a_context_of_the_callers(self, node, certificates):
        context = certificates.client_context(alpn=())
        with HTTP20ConnectionPool("localhost", node.port, ssl_context=context) as pool:
            assert pool.request("GET", "/").version == 20

    def test_a_client_certificate(self, scripted_peer, certificates):
        def script(peer):
            peer.handshake()
            stream_id, *_ = peer.want_request()
            assert peer.socket.getpeercert()
            peer.write_response(stream_id, b"x")

        peer = scripted_peer(script, certificates.server_context(client_certificate=True))
        files = {"cert_file": certificates.client.certificate, "key_file": certificates.client.key}
        with peer_pool(peer, certificates, **files) as pool:
            assert pool.request("GET", "/").data == b"x"


class TestOtherWays:
    def test_servers_without_http_2_are_spoken_to_in_http_1_1(self, pools, old_server):
        """RFC 9113, 3.2: on the same connection, because both are offered."""
        response = pools.request("GET", url_of(old_server))
        assert (response.version, response.data) == (11, b"hello in HTTP/1.1\n")
        assert pools.request("POST", url_of(old_server), body=b"content").data == b"content"
        assert old_server.declined == 0

    def test_plain_http_is_http_1_1(self, pools, cleartext_server):
        response = pools.request("GET", f"http://localhost:{cleartext_server.port}/")
        assert response.version == 11

    def test_through_a_proxy_http_2_is_spoken_in_the_tunnel(self, manage, proxy, server):
        """RFC 9113, 8.5 is the proxy's own; this tunnel is HTTP/1.1's (RFC 9110, 9.3.6)."""
        node = server("node")
        pools = manage(urllib3.ProxyManager, f"http://127.0.0.1:{proxy.server_address[1]}")
        fields = [pools.request("GET", url_of(node, "/fields")) for _ in range(2)]
        assert [response.version for response in fields] == [20, 20]
        assert fields[1].json()["authority"] == f"localhost:{node.port}"
        assert proxy.asked == [f"localhost:{node.port}"]
        pools.request("GET", url_of(node, "/goaway"))
        assert pools.request("GET", url_of(node)).status == 200
        assert len(proxy.asked) == 2
