"""Proxies that are scripted: a tunnel through HTTP/2 (RFC 9113, 8.5)."""

from __future__ import annotations

import re
import threading

import pytest

from hyper import (
    ConnectionTerminated,
    RemoteDisconnected,
)
from hyper.testing import DEADLINE, wire
from test.scripted.behind_proxy import (
    CONNECT_ERROR,
    OK,
    TO_THE_PROXY,
    WINDOW,
    Inside,
    get,
    open_tunnel,
    refused,
)
from test.scripted.steps import want


class TestHTTP2:
    def test_a_tunnel_is_asked_for(self, through):
        """RFC 9113, 8.5; RFC 7541, 7.1.3."""

        def script(peer):
            peer.handshake()
            assert peer.client_settings[wire.SETTINGS_ENABLE_PUSH] == 0
            assert peer.want_headers(1, end_stream=False) == [
                (":method", "CONNECT"),
                (":authority", "example.org:80"),
                ("proxy-authorization", "Basic bmFtZTpzZWNyZXQ="),
                ("x-own", "1"),
            ]
            assert peer.never_indexed == ("proxy-authorization",)
            peer.write_headers(1, [(":status", "103")])
            peer.write_headers(1, OK)
            inside = Inside(peer)
            inside.handshake()
            want(inside, (":authority", "example.org"))
            inside.write_response(1, b"inside")

        connection = through(script, "h2c", user="name:secret@", proxy={"headers": {"X-Own": "1"}})
        assert get(connection) == b"inside"
        assert 0 < connection._pumps.current._transport.round_trip < DEADLINE

    def test_the_proxy_wants_credentials(self, through):
        def script(peer):
            peer.handshake()
            peer.want_headers()
            peer.write_response(1, b"", [(":status", "407"), ("proxy-authenticate", "Basic")])
            peer.want_data(1, b"", end_stream=True)
            peer.want_goaway(0)
            peer.want_closed()

        error = refused(through(script, "h2c"))
        assert error.status == 407
        assert "with 407 Proxy Authentication Required: it wants credentials, Basic" in str(error)

    @pytest.mark.parametrize("ends", [True, False])
    def test_another_refusal_is_told_as_the_proxy_tells_it(self, through, ends, monkeypatch):
        monkeypatch.setattr("hyper.proxy.refusal.EXCERPT_DELAY", 0.2)

        def script(peer):
            peer.handshake()
            peer.want_headers()
            peer.write_headers(1, [(":status", "502")])
            peer.write_data(1, b"no such ")
            peer.write_data(1, b"host", end_stream=ends)

        error = refused(through(script, "h2c"))
        assert (error.status, str(error)[-14:]) == (502, "'no such host'")

    def test_no_answer(self, through):
        def reset(peer):
            peer.handshake()
            peer.want_headers()
            peer.write(wire.rst_stream(1, CONNECT_ERROR))
            peer.want_closed()

        def leave(peer):
            peer.handshake()
            peer.want_headers()
            peer.close()

        def older(peer):
            peer.want_until(b"\r\n\r\n")
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        error = refused(through(reset, "h2c"))
        assert "CONNECT_ERROR" in str(error)
        assert re.match(r"the proxy h2c://127.0.0.1:\d+ gave no answer to CONNECT", str(error))
        assert "closed connection without response" in str(refused(through(leave, "h2c")))
        assert "does not speak HTTP/2" in str(refused(through(older, "h2c")))
        error = refused(through(lambda peer: peer.want_preface(), "h2c", timeout=0.1), TimeoutError)
        assert re.match(TO_THE_PROXY + "it did not answer CONNECT in the time given", str(error))

    def test_the_codec_is_the_connections(self, through, monkeypatch):
        """The codec asked for counts for the proxy, too, and the environment for neither."""

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_response(1, b"inside")

        monkeypatch.setenv("HYPER_HPACK", "none that there is")
        assert get(through(script, "h2c", codec="python")) == b"inside"

    def test_the_proxys_windows_are_kept(self, through):
        """RFC 9113, 6.9: its stream's, which is the tunnel's, and its connection's."""
        body = bytes(range(256)) * 300

        def script(peer):
            peer.handshake({WINDOW: 1000})
            peer.want_headers()
            peer.write_headers(1, OK)
            inside = Inside(peer, credit=True)
            inside.handshake({WINDOW: 1 << 20})
            inside.write(wire.window_update(0, 1 << 20))
            assert inside.want_request()[2] == body
            assert max(len(f.content) for f in peer.frames if f.type == wire.DATA) <= 1000
            inside.write_response(1, b"taken")

        connection = through(script, "h2c")
        stream_id = connection.request("POST", "/", body=body)
        assert connection.getresponse(stream_id).read() == b"taken"

    def test_a_shut_window_stops_neither_reading_nor_other_threads(self, through):
        """A thread that waits for room is called when the leader has let its octets go."""
        body = b"x" * 200_000
        is_shut, may_open_stream = threading.Event(), threading.Event()

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake({WINDOW: 1 << 20})
            inside.write(wire.window_update(0, 1 << 20))
            inside.want_headers(1)
            inside.want_headers(3)
            received = sum(len(frame.content) for frame in peer.frames if frame.type == wire.DATA)
            while received < 65_535:
                octets = peer.want_data(1)
                received += len(octets)
                inside.feed(octets)
            is_shut.set()
            assert may_open_stream.wait(DEADLINE)
            inside.write_response(1, b"early")  # while the upload has no room
            peer.write(wire.window_update(0, 1 << 20) + wire.window_update(1, 1 << 20))
            assert inside.want_body(3) == body
            inside.write_response(3, b"taken")

        connection = through(script, "h2c")
        first = connection.request("GET", "/first")
        answers = {}

        def upload():
            stream_id = connection.request("POST", "/", body=body)
            answers["upload"] = connection.getresponse(stream_id).read()

        def download():
            answers["download"] = connection.getresponse(first).read()

        threads = [threading.Thread(target=work) for work in (download, upload)]
        for thread in threads:
            thread.start()
        assert is_shut.wait(DEADLINE)
        may_open_stream.set()
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert answers == {"download": b"early", "upload": b"taken"}

    def test_the_proxys_own_frames_are_answered(self, through):
        """RFC 9113, 6.7, 6.5.3: whoever waits for the server."""

        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            peer.fence()
            peer.write_settings({WINDOW: 70_000})
            peer.want_settings(ack=True)
            inside.write_response(1, b"inside")

        assert get(through(script, "h2c")) == b"inside"

    def test_content_gives_the_proxy_room_again(self, through):
        """RFC 9113, 6.9.1: half of the tunnel's window is announced again at once."""
        size, frame_size = 12 << 20, 1 << 14

        def script(peer):
            inside = open_tunnel(peer)
            room = inside.handshake()[WINDOW]
            assert size < peer.client_settings[WINDOW] < 2 * size
            want(inside)
            inside.write_headers(1, OK)
            for _ in range(size // frame_size):
                while room < frame_size:
                    room += inside.want_window_update(1)
                inside.write_data(1, b"x" * frame_size)
                room -= frame_size
            inside.write_data(1, end_stream=True)
            assert peer.want_window_update(1) >= 1 << 20

        assert len(get(through(script, "h2c"))) == size

    @pytest.mark.parametrize("how", ["reset", "goaway", "end", "eof"])
    def test_a_tunnel_that_breaks(self, through, how):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_headers(1, OK)
            inside.write_data(1, b"half")
            if how == "reset":
                peer.write(wire.rst_stream(1, CONNECT_ERROR))
            elif how == "goaway":
                peer.write(wire.goaway(0, 0x2))
            elif how == "end":
                peer.write_data(1, end_stream=True)
            else:
                peer.close()

        connection = through(script, "h2c")
        response = connection.getresponse(connection.request("GET", "/"))
        with pytest.raises(Exception) as caught:
            response.read()
        assert caught.value.partial == b"half"
        cause = caught.value.__cause__ or caught.value.__context__
        words = {"reset": "CONNECT_ERROR", "goaway": "GOAWAY", "eof": "tunnel through the proxy"}
        if how in words:
            assert isinstance(cause, ConnectionTerminated)
            assert words[how] in str(cause)
        else:
            assert isinstance(cause, RemoteDisconnected)

    def test_a_proxy_that_breaks_the_rules(self, through):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            inside.want_settings(ack=True)
            want(inside)
            peer.write(wire.data(5, b"x"))
            peer.want_goaway(0x1)

        connection = through(script, "h2c")
        stream_id = connection.request("GET", "/")
        with pytest.raises(
            ConnectionTerminated, match=r"tunnel through the proxy broke: .*stream 5"
        ):
            connection.getresponse(stream_id)

    def test_closing_the_connection_closes_the_one_to_the_proxy(self, through):
        def script(peer):
            inside = open_tunnel(peer)
            inside.handshake()
            want(inside)
            inside.write_response(1, b"inside")
            inside.want_goaway(0)
            peer.want_data(1, b"", end_stream=True)
            peer.want_goaway(0)
            peer.want_closed()

        connection = through(script, "h2c")
        assert get(connection) == b"inside"
        connection.close()
