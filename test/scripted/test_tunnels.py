"""CONNECT (RFC 9113, 8.5) and extended CONNECT (RFC 8441): the rules, and the socket it gives."""

from __future__ import annotations

import contextlib
import errno
import io
import select
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hyper import HTTP20Tunnel
from hyper.errors import (
    InvalidURL,
    LocalProtocolError,
    NegotiationError,
    RemoteProtocolError,
    StreamResetError,
)
from hyper.testing import wire
from hyper.testing.wire import (
    CANCEL,
    SETTINGS_ENABLE_CONNECT_PROTOCOL,
    SETTINGS_INITIAL_WINDOW_SIZE,
)
from test.scripted.steps import SHORT, OnShortPath, await_news, pong, set_timeout, want

OK = [(":status", "200")]
READY = {SETTINGS_ENABLE_CONNECT_PROTOCOL: 1}


def tunnelled(script=None):
    """A script that makes the tunnel on stream 1, and goes on with the one given."""

    def whole(peer):
        peer.handshake(READY)
        peer.want_headers(1, end_stream=False)
        peer.write_headers(1, OK)
        if script is not None:
            script(peer)

    return whole


@pytest.fixture
def tunnel(connect):
    def make(script=None, **options):
        return connect(tunnelled(script), **options).connect_stream("example.org:22")

    return make


class TestMaking:
    def test_plain(self, connect):
        """RFC 9113, 8.5: no :scheme, no :path."""

        def script(peer):
            peer.handshake()
            assert peer.want_headers(1, end_stream=False) == [
                (":method", "CONNECT"),
                (":authority", "example.org:443"),
                ("proxy-authorization", "Basic x"),
                ("priority", "u=1"),
            ]
            peer.write_headers(1, [*OK, ("via", "1"), ("content-length", "7")])

        tunnel = connect(script).connect_stream(
            "example.org:443", {"proxy-authorization": "Basic x"}, priority="u=1"
        )
        assert isinstance(tunnel, HTTP20Tunnel)
        assert tunnel.headers["via"] == "1"

    @pytest.mark.parametrize(
        ("target", "path"),
        [
            ("/chat?x", "/chat?x"),
            ("ws{s}://{authority}/chat", "/chat"),
            ("http{s}://{authority}", "/"),
        ],
    )
    def test_extended(self, connect, secure, target, path):
        """RFC 8441, 4 and 5: with :protocol there are :scheme, :path and :authority."""

        def script(peer):
            peer.handshake(READY)
            assert peer.want_headers(1, end_stream=False) == [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "https" if secure else "http"),
                (":authority", f"127.0.0.1:{peer.port}"),
                (":path", path),
                ("sec-websocket-version", "13"),
            ]
            peer.write_headers(1, OK)

        connection = connect(script)
        authority = f"{connection.host}:{connection.port}"
        connection.connect_stream(
            target.format(s="s" if secure else "", authority=authority),
            {"sec-websocket-version": 13},
            protocol="websocket",
        ).close()

    @pytest.mark.parametrize("target", ["wss://other.example/chat", "ws://other.example:81/"])
    def test_another_origin_has_not_been_proven(self, connect, target):
        """RFC 9113, 9.1.1: whoever wants it all the same names the authority by Host."""

        def script(peer):
            peer.handshake(READY)

        with pytest.raises(InvalidURL, match=r"9\.1\.1"):
            connect(script).connect_stream(target, protocol="websocket")

    def test_host_names_the_authority(self, connect):
        def script(peer):
            peer.handshake(READY)
            section = peer.want_headers(1)
            assert (":authority", "other.example") in section
            assert "host" not in dict(section)
            peer.write_headers(1, OK)

        connect(script).connect_stream("/", {"Host": "other.example"}, protocol="x")

    @pytest.mark.parametrize(
        "target", ["example.org", "/path", "", "http://example.org:80", "me@example.org:80", "a:0"]
    )
    def test_a_plain_target_is_a_host_and_a_port(self, connect, target):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        with pytest.raises(InvalidURL, match="not host:port"):
            connection.connect_stream(target)

    @pytest.mark.parametrize("protocol", ["", "web socket", "a\r\nb"])
    def test_a_protocol_is_a_token(self, connect, protocol):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        with pytest.raises(LocalProtocolError, match="8441"):
            connection.connect_stream("/", protocol=protocol)

    def test_waits_for_the_server_s_settings(self, connect):
        """RFC 8441, 3: only a server that has announced it may be asked."""
        asked = threading.Event()

        def script(peer):
            peer.want_preface()
            peer.want_settings()
            assert asked.wait(10)
            peer.write_settings(READY)
            assert (":protocol", "websocket") in peer.want_headers(1)
            peer.write_headers(1, OK)

        connection = connect(script)
        with set_timeout(connection, SHORT), pytest.raises(TimeoutError):
            connection.connect_stream("/", protocol="websocket")
        asked.set()
        connection.connect_stream("/", protocol="websocket")

    def test_after_the_server_has_ended_an_idle_connection(self, connect):
        """The next one's SETTINGS count, which are waited for."""

        def script(peer):
            peer.handshake(READY)
            want(peer)
            peer.write_response(1, b"one")
            peer.close()
            peer.accept()
            peer.handshake(READY)
            peer.want_headers(3)
            peer.write_headers(3, OK)

        connection = connect(script)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"one"
        await_news(connection)
        assert connection.connect_stream("/chat", protocol="websocket").headers.items() == []

    def test_a_server_that_takes_no_part_is_not_asked(self, connect):
        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_response(1)

        connection = connect(script)
        with pytest.raises(NegotiationError, match="nothing was sent") as caught:
            connection.connect_stream("/", protocol="websocket")
        assert caught.value.response is None
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_a_server_that_ends_before_it_says(self, connect):
        def script(peer):
            peer.want_preface()
            peer.want_settings()
            peer.write(wire.ping())

        with pytest.raises(RemoteProtocolError, match="first frame"):
            connect(script).connect_stream("/", protocol="websocket")

    def test_a_server_must_not_take_it_back(self, connect):
        """RFC 8441, 3."""

        def script(peer):
            peer.handshake(READY)
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.write_settings({SETTINGS_ENABLE_CONNECT_PROTOCOL: 0})
            peer.want_goaway(wire.PROTOCOL_ERROR)

        tunnel = connect(script).connect_stream("/", protocol="websocket")
        with pytest.raises(RemoteProtocolError, match="8441, 3"):
            tunnel.recv(1)

    @pytest.mark.parametrize("content", [b"", b"why"])
    def test_refused(self, connect, content):
        """The answer can be read, the stream comes to its end, and the connection lives on."""

        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.write_headers(1, [(":status", "407"), ("x-a", "1")], end_stream=not content)
            if content:
                peer.write_data(1, content, end_stream=True)
            peer.want_rst(1, CANCEL)
            want(peer)
            peer.write_response(3)

        connection = connect(script)
        with pytest.raises(NegotiationError, match=r"example.org:22 with status 407") as caught:
            connection.connect_stream("example.org:22")
        response = caught.value.response
        assert (response.status, response.headers["x-a"]) == (407, "1")
        assert response.read() == content
        connection.request("GET", "/")
        assert connection.getresponse().status == 200

    def test_no_answer_in_time(self, connect):
        def script(peer):
            peer.handshake()
            peer.want_headers(1)
            peer.want_rst(1, CANCEL)

        connection = connect(script, timeout=SHORT)
        with pytest.raises(TimeoutError):
            connection.connect_stream("example.org:22")
        connection.timeout = 10


class TestSocket:
    def test_send_and_receive(self, tunnel):
        def script(peer):
            assert peer.want_data(1) == b"ping"
            assert peer.want_data(1) == b"more"
            peer.write_data(1, b"pong")
            assert peer.want_data(1, end_stream=True) == b""
            peer.write_data(1, b"after", end_stream=True)

        tunnel = tunnel(script)
        assert tunnel.send(b"ping") == 4
        assert tunnel.send(b"") == 0
        tunnel.sendall(bytearray(b"more"))
        assert tunnel.recv(2) == b"po"
        buffer = bytearray(10)
        assert tunnel.recv_into(buffer, 1) == 1
        assert tunnel.recv_into(memoryview(buffer)[1:0]) == 0
        assert tunnel.recv_into(buffer) in (1, 6)  # not more than is there
        assert buffer[:1] == b"g" or buffer[:6] == b"gafter"
        tunnel.shutdown(socket.SHUT_WR)
        for verb in (tunnel.send, tunnel.sendall):
            with pytest.raises(BrokenPipeError):
                verb(b"x")
        assert b"".join(iter(lambda: tunnel.recv(100), b"")).endswith(b"after")
        assert tunnel.recv(100) == b""
        tunnel.close()

    def test_sizes_that_cannot_be(self, tunnel):
        """Nothing is received, and so nothing lost."""
        tunnel = tunnel(lambda peer: peer.write_data(1, b"content", end_stream=True))
        for wrong in (lambda: tunnel.recv(-1), lambda: tunnel.recv_into(bytearray(2), -1)):
            with pytest.raises(ValueError, match=r"nbytes|negative"):
                wrong()
        with pytest.raises(ValueError, match="100, and the buffer has 2"):
            tunnel.recv_into(bytearray(2), 100)
        with pytest.raises(TypeError):
            tunnel.recv_into(bytes(2))
        assert tunnel.recv(100) == b"content"

    def test_one_that_must_not_wait(self, connect):
        """BlockingIOError, as from a socket; what the kernel has is taken."""
        go_on = threading.Event()

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 4})
            pong(peer)
            peer.want_headers(1)
            peer.write_headers(1, OK)
            peer.want_data(1, b"0123")
            assert go_on.wait(10)
            peer.write_data(1, b"late", end_stream=True)

        connection = connect(script)
        connection.ping()
        tunnel = connection.connect_stream("example.org:22")
        tunnel.setblocking(False)
        assert tunnel.send(b"0123456789") == 4
        raw = tunnel.makefile("rwb", 0)
        assert raw.read(100) is raw.write(b"456789") is None
        for verb, argument in (
            (tunnel.recv, 100),
            (tunnel.recv_into, bytearray(1)),
            (tunnel.send, b"456789"),
            (tunnel.sendall, b"456789"),
        ):
            with pytest.raises(BlockingIOError) as caught:
                verb(argument)
            assert caught.value.errno == errno.EWOULDBLOCK
        go_on.set()
        select.select([connection.sock], [], [], 10)
        received = b""
        while not received:
            with contextlib.suppress(BlockingIOError):
                received = tunnel.recv(100)
        assert received == b"late"
        raw.close()

    def test_timeouts(self, tunnel):
        def script(peer):
            peer.fence()
            peer.write_data(1, b"late")

        tunnel = tunnel(script)
        assert tunnel.gettimeout() == 10
        tunnel.settimeout(SHORT)
        assert tunnel.gettimeout() == SHORT
        tunnel.setblocking(False)
        assert tunnel.gettimeout() == 0
        tunnel.setblocking(True)
        assert tunnel.gettimeout() is None
        assert tunnel.recv(100) == b"late"
        tunnel.settimeout(SHORT)
        with pytest.raises(TimeoutError):
            tunnel.recv(100)

    @pytest.mark.parametrize("is_half_closed", [False, True])
    def test_send_takes_as_much_as_there_is_room_for(self, connect, is_half_closed):
        """RFC 9113, 8.5: also when the other side has said all, which is no answer in whole."""
        go_on = threading.Event()

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: 4})
            pong(peer)
            peer.want_headers(1)
            peer.write_headers(1, OK)
            if is_half_closed:
                peer.write_data(1, b"", end_stream=True)
            assert peer.want_data(1) == b"0123"
            assert go_on.wait(10)
            peer.write(wire.window_update(1, 100))
            assert peer.want_data(1) == b"456789"

        connection = connect(script)
        connection.ping()
        tunnel = connection.connect_stream("example.org:22")
        tunnel.settimeout(SHORT)
        assert tunnel.send(b"0123456789") == 4
        with pytest.raises(TimeoutError):
            tunnel.send(b"456789")
        go_on.set()
        tunnel.settimeout(10)
        assert tunnel.send(b"456789") == 6

    def test_what_the_kernel_refuses_is_counted_as_sent(self, connect):
        """It goes out with the next call; a second send of it would send it twice."""
        go_on = threading.Event()
        size = 64 * 1024 * 1024

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: size})
            pong(peer)
            peer.want_headers(1)
            peer.write(wire.window_update(0, size))
            peer.write_headers(1, OK)
            peer.fence()
            assert go_on.wait(20)
            peer.write_data(1, b"%d" % len(peer.want_body(1)), end_stream=True)

        connection = connect(script)
        connection.ping()
        tunnel = connection.connect_stream("example.org:22")
        connection.timeout = SHORT
        sent, chunk = [], bytes(1 << 20)

        def send_all():
            while sum(sent) < size:
                sent.append(tunnel.send(chunk))

        with pytest.raises(TimeoutError):
            send_all()
        assert 0 < sum(sent) == tunnel.written
        connection.timeout = 20
        go_on.set()
        tunnel.shutdown(socket.SHUT_WR)
        assert int(tunnel.read()) == sum(sent)

    def test_a_peer_that_resets(self, tunnel):
        """RFC 9113, 8.5: CONNECT_ERROR for an error of the TCP connection."""

        def script(peer):
            peer.write_data(1, b"last words")
            peer.write(wire.rst_stream(1, wire.CONNECT_ERROR))

        tunnel = tunnel(script)
        assert tunnel.recv(100) == b"last words"
        with pytest.raises(StreamResetError) as caught:
            tunnel.recv(100)
        assert caught.value.error_code == wire.CONNECT_ERROR
        with pytest.raises(ConnectionResetError):
            tunnel.sendall(b"x")

    def test_a_peer_that_has_ended_and_takes_no_more(self, connect):
        def script(peer):
            peer.write_data(1, b"done", end_stream=True)
            peer.write(wire.rst_stream(1, wire.NO_ERROR))
            pong(peer)

        connection = connect(tunnelled(script))
        tunnel = connection.connect_stream("example.org:22")
        assert tunnel.read() == b"done"
        connection.ping()
        with pytest.raises(BrokenPipeError) as caught:
            tunnel.sendall(b"x")
        assert caught.value.errno == errno.EPIPE
        with pytest.raises(BrokenPipeError):
            tunnel.send(b"x")

    def test_only_content_travels_in_it(self, tunnel):
        """RFC 9113, 8.5."""

        def script(peer):
            peer.write_headers(1, [("x-a", "1")], end_stream=True)
            peer.want_rst(1, wire.PROTOCOL_ERROR)

        tunnel = tunnel(script)
        with pytest.raises(LocalProtocolError, match=r"8\.5"):
            tunnel.write_trailers({"x-a": "1"})
        with pytest.raises(RemoteProtocolError, match=r"8\.5"):
            tunnel.recv(1)

    def test_shutdown(self, tunnel):
        def script(peer):
            peer.write_data(1, b"unheard")
            peer.want_data(1, b"", end_stream=True)

        tunnel = tunnel(script)
        with pytest.raises(OSError, match="SHUT_RD"):
            tunnel.shutdown(7)
        tunnel.shutdown(socket.SHUT_RD)
        assert tunnel.recv(100) == b""
        tunnel.shutdown(socket.SHUT_RDWR)
        with pytest.raises(BrokenPipeError):
            tunnel.send(b"x")

    def test_shutdown_wakes_who_receives(self, tunnel):
        tunnel = tunnel(lambda peer: peer.fence())
        begun = threading.Event()

        def receive():
            begun.set()
            return tunnel.recv(100)

        with ThreadPoolExecutor(1) as threads:
            receiving = threads.submit(receive)
            assert begun.wait(10)
            tunnel.shutdown(socket.SHUT_RD)
            assert receiving.result(10) == b""
        assert tunnel.read() == tunnel.recv(1) == b""

    def test_what_nobody_receives_gives_its_room_back(self, connect):
        """A peer that sends back what it reads, and reads no more until it could."""
        window = 200_000

        def script(peer):
            peer.handshake({SETTINGS_INITIAL_WINDOW_SIZE: window})
            pong(peer)
            peer.want_headers(1)
            peer.write_headers(1, OK)
            room = peer.client_settings[SETTINGS_INITIAL_WINDOW_SIZE]
            peer.write(wire.window_update(0, 20 * window))
            peer.write_data(1, bytes(room))
            room = 0
            pong(peer)
            for _ in range(10):
                while room < window:
                    room += peer.want_window_update(1)
                size = 0
                while size < window:
                    size += len(peer.want_data(1))
                room -= size
                peer.write_data(1, bytes(size))
                peer.write(wire.window_update(1, size))
            peer.want_data(1, b"", end_stream=True)

        connection = connect(script, window_manager=OnShortPath)
        connection.ping()
        tunnel = connection.connect_stream("example.org:22")
        connection.ping()
        tunnel.shutdown(socket.SHUT_RD)
        tunnel.sendall(bytes(10 * window))
        tunnel.shutdown(socket.SHUT_WR)

    @pytest.mark.parametrize("peer_ends", [True, False])
    def test_close(self, tunnel, peer_ends):
        """END_STREAM is the FIN; a peer that has not ended is reset."""

        def script(peer):
            if peer_ends:
                peer.write_data(1, b"end", end_stream=True)
            peer.want_data(1, b"", end_stream=True)
            if not peer_ends:
                peer.want_rst(1, CANCEL)

        tunnel = tunnel(script)
        if peer_ends:
            assert tunnel.read() == b"end"
        tunnel.close()
        tunnel.close()
        for verb in (lambda: tunnel.recv(1), lambda: tunnel.send(b"x"), lambda: tunnel.shutdown(1)):
            with pytest.raises(OSError, match="closed") as caught:
                verb()
            assert caught.value.errno == errno.EBADF


class TestMakefile:
    def lines(self, peer):
        peer.write_data(1, b"eins\nzw")
        peer.write_data(1, b"ei\n")
        assert peer.want_data(1) == b"drei\n"
        peer.write_data(1, b"vier", end_stream=True)
        peer.want_data(1, b"", end_stream=True)

    def test_binary(self, tunnel):
        tunnel = tunnel(self.lines)
        reader, writer = tunnel.makefile("rb"), tunnel.makefile("wb")
        assert isinstance(reader, io.BufferedReader)
        assert (reader.readline(), reader.readline()) == (b"eins\n", b"zwei\n")
        writer.write(b"drei\n")
        writer.flush()
        assert reader.read() == b"vier"
        tunnel.close()  # the files keep it open
        with pytest.raises(OSError, match="write"):
            reader.write(b"x")
        writer.close()
        reader.close()
        with pytest.raises(OSError, match="closed"):
            tunnel.recv(1)

    def test_text_both_ways(self, tunnel):
        with tunnel(self.lines) as made, made.makefile("rw", encoding="ascii") as both:
            assert both.readline() == "eins\n"
            assert both.readline() == "zwei\n"
            both.write("drei\n")
            both.flush()
            assert both.read() == "vier"

    def test_unbuffered(self, tunnel):
        tunnel = tunnel(self.lines)
        raw = tunnel.makefile("rwb", 0)
        assert isinstance(raw, io.RawIOBase)
        assert raw.read(100) == b"eins\nzw"
        assert raw.read(100) == b"ei\n"
        assert raw.write(b"drei\n") == 5
        assert raw.readall() == b"vier"
        raw.close()
        raw.close()
        tunnel.close()

    def test_wrong_modes(self, tunnel):
        tunnel = tunnel(lambda peer: peer.want_data(1, b"", end_stream=True))
        for mode, buffering in (("a", -1), ("r", 0), ("rx", -1)):
            with pytest.raises(ValueError, match=r"mode|unbuffered"):
                tunnel.makefile(mode, buffering)
        tunnel.close()
