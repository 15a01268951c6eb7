"""Tunnels through real servers: CONNECT (RFC 9113, 8.5), extended CONNECT (RFC 8441), and the
example of a WebSocket over it.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hyper import HTTP20Connection, NegotiationError, StreamResetError
from test.live.server import LARGE, pattern

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def chats(monkeypatch):
    """The example as a module."""
    pytest.importorskip("wsproto")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import websocket_chat

    return websocket_chat


@pytest.fixture
def connect(certificates):
    connections = []

    def start(server, **options):
        if server.secure:
            options.setdefault("ssl_context", certificates.client_context())
        connection = HTTP20Connection(
            server.host, server.port, secure=server.secure, timeout=20, **options
        )
        connections.append(connection)
        return connection

    yield start
    for connection in connections:
        connection.close()


@pytest.fixture
def target():
    """A TCP server for one connection: its host:port, and what waits for the accepted socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        accepted = thread.submit(lambda: listener.accept()[0])
        yield f"127.0.0.1:{listener.getsockname()[1]}", lambda: accepted.result(20)
        if accepted.done():
            accepted.result().close()
        else:
            socket.create_connection(listener.getsockname()).close()


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "cleartext"])
class TestWebSocket:
    """RFC 8441, 5, with hypercorn."""

    def test_messages_come_back(self, server, connect, chats, secure):
        conn = connect(server("hypercorn", secure))
        with chats.Chat(conn, "/chat", {"sec-websocket-protocol": "mumble"}) as chat:
            assert chat.subprotocol == "mumble"
            for message in ("hello", b"octets", "x" * 200_000, "", pattern(100_000)):
                chat.say(message)
                assert chat.hear() == message
            # The connection carries requests meanwhile.
            stream_id = conn.request("GET", "/")
            assert conn.getresponse(stream_id).read() == b"hello from hypercorn\n"
            chat.say("end")
            assert chat.hear() is None
            assert chat.code == 1001

    def test_one_thread_says_and_another_hears(self, server, connect, chats, secure):
        conn = connect(server("hypercorn", secure))
        sent = [f"message {number}" for number in range(200)]
        with chats.Chat(conn, "/chat") as chat, ThreadPoolExecutor(1) as threads:
            heard = threads.submit(lambda: [chat.hear() for _ in sent])
            for message in sent:
                chat.say(message)
            assert heard.result(20) == sent

    def test_refused(self, server, connect, chats, secure):
        conn = connect(server("hypercorn", secure))
        with pytest.raises(NegotiationError, match="403") as caught:
            chats.Chat(conn, "/refused")
        assert caught.value.response.status == 403
        stream_id = conn.request("GET", "/")
        assert conn.getresponse(stream_id).status == 200


def test_the_example_as_a_command(server):
    pytest.importorskip("wsproto")
    running = server("hypercorn", secure=False)
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "websocket_chat.py"), running.url("/chat")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
    ) as chat:
        for line in ("one\n", "two\n"):
            chat.stdin.write(line)
            chat.stdin.flush()
            assert chat.stdout.readline() == line
        rest, _ = chat.communicate(timeout=60)
    assert (chat.returncode, rest) == (0, "")


class TestExtendedConnect:
    """RFC 8441, 3 and 4, with Node."""

    @pytest.mark.parametrize("secure", [True, False], ids=["tls", "cleartext"])
    def test_the_tunnel_is_like_a_socket(self, server, connect, secure):
        running = server("node", secure, settings={"enableConnectProtocol": True})
        conn = connect(running)
        tunnel = conn.connect_stream("/echo", protocol="anything")
        scheme = "https" if secure else "http"
        assert tunnel.headers["x-asked"] == f"anything {scheme} {running.host}:{running.port}"
        tunnel.settimeout(20)
        assert tunnel.send(b"hello") == 5
        assert tunnel.recv(100) == b"hello"
        content = pattern(2 * LARGE)
        with ThreadPoolExecutor(1) as threads:
            threads.submit(lambda: (tunnel.sendall(content), tunnel.shutdown(socket.SHUT_WR)))
            received = b"".join(iter(lambda: tunnel.recv(65536), b""))
        assert received == content
        tunnel.close()
        with pytest.raises(OSError, match="closed"):
            tunnel.recv(1)
        stream_id = conn.request("GET", "/")
        assert conn.getresponse(stream_id).read() == b"hello from node\n"

    def test_a_refusal_shows_the_answer(self, server, connect):
        conn = connect(server("node", settings={"enableConnectProtocol": True}))
        with pytest.raises(NegotiationError, match=r"status 403.*9110") as caught:
            conn.connect_stream("/refuse", protocol="anything")
        response = caught.value.response
        assert (response.status, response.headers["x-why"]) == (403, "asked for")
        assert response.read() == b"no tunnel here\n"

    @pytest.mark.parametrize("name", ["node", "nghttpd", "nginx"])
    def test_a_server_that_takes_no_part_is_not_asked(self, request, connect, name):
        conn = connect(request.getfixturevalue(name))
        with pytest.raises(NegotiationError, match=r"SETTINGS_ENABLE_CONNECT_PROTOCOL.*8441, 3"):
            conn.connect_stream("/chat", protocol="websocket")
        conn.request("GET", "/")
        assert conn.getresponse().status == 200


class TestConnect:
    """RFC 9113, 8.5, with Node as the proxy."""

    def test_octets_go_both_ways_and_each_side_ends_for_itself(self, node, connect, target):
        authority, accepted = target
        tunnel = connect(node).connect_stream(authority)
        far = accepted()
        tunnel.sendall(b"ping")
        assert far.recv(100) == b"ping"
        far.sendall(b"pong")
        assert tunnel.recv(100) == b"pong"
        tunnel.shutdown(socket.SHUT_WR)
        assert far.recv(100) == b""
        far.sendall(b"still talking")
        assert tunnel.recv(100) == b"still talking"
        far.shutdown(socket.SHUT_WR)
        assert tunnel.recv(100) == b""
        tunnel.close()

    def test_a_reset_of_the_far_side_is_a_reset_of_the_tunnel(self, node, connect, target):
        """RST_STREAM stands for TCP's RST (Node has no other code to give than its own)."""
        authority, accepted = target
        tunnel = connect(node).connect_stream(authority)
        far = accepted()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        with pytest.raises(StreamResetError):
            tunnel.recv(100)

    def test_nobody_there(self, node, connect):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(NegotiationError, match="502"):
            connect(node).connect_stream(f"127.0.0.1:{port}")

    def test_http_client_through_a_tunnel(self, node, nginx, connect, certificates):
        """HTTP/1.1 of the standard library over TLS over a stream of HTTP/2."""
        import ssl

        tunnel = connect(node).connect_stream(f"127.0.0.1:{nginx.port}")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = certificates.client_context()
        context.set_alpn_protocols(["http/1.1"])
        inner = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def until_done(verb, *arguments):
            while True:
                try:
                    result = verb(*arguments)
                    tunnel.sendall(outgoing.read())
                except ssl.SSLWantReadError:
                    tunnel.sendall(outgoing.read())
                    incoming.write(tunnel.recv(65536))
                else:
                    return result

        until_done(inner.do_handshake)
        until_done(
            inner.write, b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert until_done(inner.read).startswith(b"HTTP/1.1 200 OK")
        tunnel.close()

    def test_http_client_over_the_tunnel_as_its_socket(self, node, server, connect):
        plain = server("nginx", secure=False, http2=False)
        conn = http.client.HTTPConnection("localhost", plain.port)
        conn.sock = connect(node).connect_stream(f"127.0.0.1:{plain.port}")
        for _ in range(2):
            conn.request("GET", "/large")
            assert conn.getresponse().read() == pattern(LARGE)
        conn.request("GET", "/hello", headers={"Connection": "close"})
        response = conn.getresponse()  # which closes the socket; the response's file holds it open
        conn.close()
        assert response.read() == b"hello from nginx\n"

    def test_many_tunnels_on_one_connection(self, node, server, connect):
        plain = server("nginx", secure=False, http2=False)
        proxy = connect(node)

        def fetch(number):
            conn = http.client.HTTPConnection("localhost", plain.port)
            conn.sock = proxy.connect_stream(f"127.0.0.1:{plain.port}")
            conn.request("GET", "/large")
            content = conn.getresponse().read()
            conn.close()
            return content

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(fetch, range(24))) == {pattern(LARGE)}
