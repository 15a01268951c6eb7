"""The tests' own instruments (wire, peer, certificates) against PyPI's hyperframe, hpack, h2."""

from __future__ import annotations

import socket
import ssl

import hpack
import pytest
from hyperframe import frame as hyperframe

from hyper.testing import MemoryPeer, PeerError, Server, wire
from hyper.testing.wire import Frame
from test.h2_client import Client

GET = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")]


def parsed(octets):
    """Return what hyperframe makes of one frame."""
    frame, length = hyperframe.Frame.parse_frame_header(memoryview(octets[:9]))
    assert length == len(octets) - 9
    frame.parse_body(memoryview(octets[9:]))
    return frame


class TestBuilders:
    """Each builder's octets are those that hyperframe prints for the same frame."""

    @pytest.mark.parametrize(
        ("built", "frame"),
        [
            (wire.data(1, b"content"), hyperframe.DataFrame(1, b"content")),
            (
                wire.data(1, b"content", end_stream=True),
                hyperframe.DataFrame(1, b"content", flags=["END_STREAM"]),
            ),
            (
                wire.data(1, b"content", pad=7),
                hyperframe.DataFrame(1, b"content", pad_length=7, flags=["PADDED"]),
            ),
            (
                wire.data(1, b"", pad=0),
                hyperframe.DataFrame(1, b"", pad_length=0, flags=["PADDED"]),
            ),
            (
                wire.headers(3, b"block"),
                hyperframe.HeadersFrame(3, b"block", flags=["END_HEADERS"]),
            ),
            (
                wire.headers(3, b"block", end_stream=True, end_headers=False),
                hyperframe.HeadersFrame(3, b"block", flags=["END_STREAM"]),
            ),
            (
                wire.headers(3, b"block", pad=2, priority=(True, 1, 255)),
                hyperframe.HeadersFrame(
                    3,
                    b"block",
                    pad_length=2,
                    exclusive=True,
                    depends_on=1,
                    stream_weight=255,
                    flags=["END_HEADERS", "PADDED", "PRIORITY"],
                ),
            ),
            (
                wire.priority(5, 3, 20, exclusive=True),
                hyperframe.PriorityFrame(5, exclusive=True, depends_on=3, stream_weight=20),
            ),
            (wire.rst_stream(5, wire.CANCEL), hyperframe.RstStreamFrame(5, 8)),
            (
                wire.settings({wire.SETTINGS_ENABLE_PUSH: 0, wire.SETTINGS_MAX_FRAME_SIZE: 20000}),
                hyperframe.SettingsFrame(settings={2: 0, 5: 20000}),
            ),
            (wire.settings(ack=True), hyperframe.SettingsFrame(flags=["ACK"])),
            (
                wire.push_promise(1, 2, b"block"),
                hyperframe.PushPromiseFrame(1, 2, b"block", flags=["END_HEADERS"]),
            ),
            (
                wire.push_promise(1, 2, b"block", end_headers=False, pad=3),
                hyperframe.PushPromiseFrame(1, 2, b"block", pad_length=3, flags=["PADDED"]),
            ),
            (wire.ping(b"12345678"), hyperframe.PingFrame(opaque_data=b"12345678")),
            (
                wire.ping(b"12345678", ack=True),
                hyperframe.PingFrame(opaque_data=b"12345678", flags=["ACK"]),
            ),
            (
                wire.goaway(7, wire.ENHANCE_YOUR_CALM, b"debug"),
                hyperframe.GoAwayFrame(last_stream_id=7, error_code=11, additional_data=b"debug"),
            ),
            (wire.window_update(9, 65535), hyperframe.WindowUpdateFrame(9, 65535)),
            (
                wire.continuation(9, b"more", end_headers=False),
                hyperframe.ContinuationFrame(9, b"more"),
            ),
            (
                wire.continuation(9, b"more"),
                hyperframe.ContinuationFrame(9, b"more", flags=["END_HEADERS"]),
            ),
            (
                wire.altsvc(0, "https://a", 'h2=":8000"'),
                hyperframe.AltSvcFrame(0, b"https://a", b'h2=":8000"'),
            ),
        ],
        ids=lambda value: value.__class__.__name__ if not isinstance(value, bytes) else "",
    )
    def test_octets_are_those_of_hyperframe(self, built, frame):
        assert built == frame.serialize()
        assert repr(parsed(built)) == repr(frame)

    def test_origin_is_a_list_of_counted_entries(self):
        """RFC 8336, 2.1: Origin-Entry is a 16-bit length and an ASCII origin."""
        built = wire.origin(["https://a", b"https://bc"])
        assert built[:9] == b"\x00\x00\x17\x0c\x00\x00\x00\x00\x00"
        assert built[9:] == b"\x00\x09https://a\x00\x0ahttps://bc"

    def test_priority_update_names_the_stream_in_its_payload(self):
        """RFC 9218, 7.1: on stream 0, the prioritized stream and a Priority field value."""
        built = wire.priority_update(5, "u=1, i")
        assert built == b"\x00\x00\x0a\x10\x00\x00\x00\x00\x00\x00\x00\x00\x05u=1, i"

    def test_a_frame_may_lie_about_its_length(self):
        assert wire.frame(0, 0, 1, b"ab", length=5)[:3] == b"\x00\x00\x05"


class TestRead:
    """Frames are cut as hyperframe cuts them."""

    def test_reads_whole_frames_and_leaves_the_rest(self):
        """RFC 9113, 4.1."""
        whole = wire.ping() + wire.data(1, b"x", end_stream=True)
        frames, rest = wire.read(whole + wire.rst_stream(3)[:-1])
        assert b"".join(frame.octets() for frame in frames) == whole
        assert rest == wire.rst_stream(3)[:-1]

    @pytest.mark.parametrize("stop", range(9))
    def test_part_of_a_header_is_no_frame(self, stop):
        assert wire.read(wire.ping()[:stop]) == ([], wire.ping()[:stop])

    def test_the_reserved_bit_is_dropped(self):
        """RFC 9113, 4.1: the reserved bit MUST be ignored when receiving."""
        assert wire.read(wire.frame(6, 0, 1 << 31, bytes(8)))[0][0].stream_id == 0

    def test_readings_of_headers_agree_with_hyperframe(self):
        octets = wire.headers(3, b"block", end_stream=True, pad=2, priority=(True, 1, 255))
        (frame,), _ = wire.read(octets)
        oracle = parsed(octets)
        assert frame.block == oracle.data == b"block"
        assert frame.padding == oracle.pad_length == 2
        assert frame.priority == (oracle.exclusive, oracle.depends_on, oracle.stream_weight)
        assert frame.end_stream
        assert frame.end_headers

    def test_readings_of_the_others(self):
        octets = (
            wire.data(1, b"content", pad=7)
            + wire.settings([(4, 1), (4, 2)])
            + wire.push_promise(1, 2, b"block", pad=1)
            + wire.goaway(7, wire.ENHANCE_YOUR_CALM, b"debug")
            + wire.window_update(9, 65535)
            + wire.rst_stream(1, wire.CANCEL)
            + wire.priority(5, 3, 20, exclusive=True)
        )
        (data, settings, promise, goaway, update, reset, priority), _ = wire.read(octets)
        assert data.content == b"content"
        assert settings.settings == [(4, 1), (4, 2)]
        assert (promise.promised_id, promise.block) == (2, b"block")
        assert (goaway.last_stream_id, goaway.error_code, goaway.debug) == (7, 11, b"debug")
        assert update.increment == 65535
        assert reset.error_code == wire.CANCEL
        assert priority.priority == (True, 3, 20)

    def test_padding_longer_than_the_payload_is_told(self):
        with pytest.raises(ValueError, match="padding"):
            _ = Frame(wire.DATA, wire.PADDED, 1, b"\x05abc").content

    @pytest.mark.parametrize(
        ("octets", "words"),
        [
            (wire.data(1, b"hi", end_stream=True), "<DATA stream=1 END_STREAM b'hi'>"),
            (wire.settings({4: 5}), "<SETTINGS stream=0 INITIAL_WINDOW_SIZE=5>"),
            (wire.settings(ack=True), "<SETTINGS stream=0 ACK>"),
            (wire.rst_stream(3, 8), "<RST_STREAM stream=3 CANCEL>"),
            (wire.goaway(3, 1, b"why"), "<GOAWAY stream=0 last=3 PROTOCOL_ERROR b'why'>"),
            (wire.window_update(0, 7), "<WINDOW_UPDATE stream=0 +7>"),
            (wire.frame(0xBB, 2, 1), "<type 0xbb stream=1 flags=0x02 b''>"),
            (
                wire.frame(wire.DATA, wire.PADDED, 1),
                "<DATA stream=1 PADDED malformed b''>",
            ),
            (wire.frame(wire.RST_STREAM, 0, 1, b"abc"), "<RST_STREAM stream=1 b'abc'>"),
        ],
    )
    def test_a_frame_prints_itself(self, octets, words):
        assert repr(wire.read(octets)[0][0]) == words


class TestBlock:
    """Field blocks decode under PyPI's hpack, and leave no trace in its table."""

    @pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 254, 255, 300, 20000])
    def test_lengths_of_all_kinds_decode(self, size):
        """RFC 7541, 5.1: integers of one and of more octets."""
        pairs = [(b"n" * (size + 1), b"v" * size)]
        decoder = hpack.Decoder()
        assert decoder.decode(wire.block(pairs), raw=True) == pairs
        assert not decoder.header_table.dynamic_entries

    def test_never_indexed(self):
        """RFC 7541, 6.2.3."""
        (field,) = hpack.Decoder().decode(wire.block([("a", "b")], never_indexed=True), raw=True)
        assert isinstance(field, hpack.NeverIndexedHeaderTuple)

    def test_the_examples_of_rfc_7541_c_1(self):
        assert wire.integer(10, 5) == b"\x0a"
        assert wire.integer(1337, 5) == b"\x1f\x9a\x0a"
        assert wire.integer(42, 8) == b"\x2a"


class TestMemoryPeer:
    """The verbs of a script, over memory."""

    def peer(self, *octets):
        peer = MemoryPeer()
        peer.feed(b"".join(octets))
        return peer

    def test_handshake(self):
        peer = self.peer(wire.PREFACE, wire.settings({2: 0}))
        assert peer.handshake({3: 100}) == {2: 0}
        assert peer.take() == wire.settings({3: 100}) + wire.settings(ack=True)
        peer.feed(wire.settings(ack=True))
        peer.want_settings(ack=True)
        peer.want_nothing()

    def test_another_preface_is_told(self):
        with pytest.raises(PeerError, match="wanted the preface, got b'GET / HTTP"):
            self.peer(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").want_preface()

    def test_headers_with_continuation_are_one(self):
        block = hpack.Encoder().encode(GET)
        peer = self.peer(
            wire.headers(1, block[:2], end_headers=False), wire.continuation(1, block[2:])
        )
        assert peer.want_headers(1, end_stream=False) == GET
        assert peer.last.stream_id == 1

    def test_a_frame_inside_a_field_block_is_told(self):
        """RFC 9113, 4.3: field blocks MUST be transmitted without interleaving."""
        peer = self.peer(wire.headers(1, b"", end_headers=False), wire.ping())
        with pytest.raises(PeerError, match="in the middle of the field block"):
            peer.want_headers()

    def test_side_frames_are_passed_over_and_found(self):
        peer = self.peer(
            wire.window_update(0, 5),
            wire.ping(b"12345678"),
            wire.settings(ack=True),
            wire.headers(1, wire.block(GET)),
            wire.window_update(1, 6),
            wire.data(1, b"x", end_stream=True),
        )
        assert peer.want_request() == (1, GET, b"x")
        assert peer.want_window_update(1) == 6
        assert peer.want_window_update(0) == 5
        assert peer.want_ping() == b"12345678"
        peer.want_settings(ack=True)
        peer.want_nothing()

    def test_other_streams_are_left_in_place(self):
        peer = self.peer(
            wire.headers(1, wire.block(GET)),
            wire.headers(3, wire.block(GET), end_stream=True),
            wire.data(1, b"one"),
            wire.data(1, b"", end_stream=True),
        )
        assert peer.want_request(1) == (1, GET, b"one")
        assert peer.want_request(3) == (3, GET, b"")

    def test_want_body_leaves_the_trailer_section(self):
        peer = self.peer(
            wire.data(1, b"one", pad=3),
            wire.headers(1, wire.block([("a", "b")]), end_stream=True),
        )
        assert peer.want_body(1, credit=True) == b"one"
        assert wire.read(peer.take())[0] == [
            Frame(wire.WINDOW_UPDATE, 0, 0, b"\0\0\0\x07"),
            Frame(wire.WINDOW_UPDATE, 0, 1, b"\0\0\0\x07"),
        ]
        assert peer.want_headers(1, end_stream=True) == [("a", "b")]

    def test_the_wrong_frame_is_told_with_what_was_seen(self):
        peer = self.peer(wire.window_update(0, 5), wire.rst_stream(1, wire.CANCEL))
        with pytest.raises(PeerError) as caught:
            peer.want_rst(1, wire.NO_ERROR)
        assert str(caught.value).splitlines() == [
            "wanted RST_STREAM on stream 1 with NO_ERROR, got <RST_STREAM stream=1 CANCEL>",
            "frames seen:",
            "  <WINDOW_UPDATE stream=0 +5>",
            "  <RST_STREAM stream=1 CANCEL>",
        ]

    @pytest.mark.parametrize(
        "want",
        [
            lambda peer: peer.want_headers(),
            lambda peer: peer.want_goaway(),
            lambda peer: peer.want_ping(ack=True),
            lambda peer: peer.want_data(1),
            lambda peer: peer.want_frame(),
        ],
    )
    def test_a_want_that_nothing_meets_fails(self, want):
        with pytest.raises(PeerError, match="the client had ended"):
            want(self.peer(wire.ping()))

    def test_want_nothing_fails_on_something(self):
        with pytest.raises(PeerError, match="wanted nothing, got <GOAWAY"):
            self.peer(wire.goaway(0)).want_nothing()
        with pytest.raises(PeerError, match="the beginning"):
            self.peer(wire.ping()[:5]).want_nothing()

    def test_source_and_sink(self):
        written = []
        pieces = [wire.ping(b"12345678"), b""]
        peer = MemoryPeer(lambda: pieces.pop(0), written.append)
        peer.want_ping()
        peer.write_data(1, b"x" * 20000, end_stream=True)
        frames, _ = wire.read(b"".join(written))
        assert [(len(f.payload), f.end_stream) for f in frames] == [(16384, False), (3616, True)]

    def test_long_field_sections_continue(self):
        peer = MemoryPeer()
        peer.write_headers(1, [("a", "b" * 40000)], stateless=True)
        peer.write_push(1, 2, [("a", "b" * 40000)], stateless=True)
        frames, _ = wire.read(peer.take())
        assert [f.end_headers for f in frames] == [False, False, True] * 2
        assert b"".join(f.block for f in frames[3:]) == wire.block([("a", "b" * 40000)])

    def test_the_decoder_follows_our_settings_at_their_ack(self):
        """RFC 9113, 6.5.3; RFC 7541, 4.2: a smaller table holds from the ACK on."""
        encoder = hpack.Encoder()
        peer = self.peer(wire.headers(1, encoder.encode([("a", "b")]), end_stream=True))
        peer.write_settings({wire.SETTINGS_HEADER_TABLE_SIZE: 0})
        peer.want_headers()
        peer.feed(wire.settings(ack=True) + wire.headers(3, encoder.encode([("a", "b")])))
        with pytest.raises(PeerError, match="does not decode"):
            peer.want_headers()


def once(script, **options):
    return Server(script, tls=False, once=True, **options)


class TestServerOnce:
    """The peer on a socket, with PyPI's h2 as its client."""

    @pytest.mark.parametrize("secure", [False, True], ids=["cleartext", "tls"])
    def test_h2_gets_what_the_script_writes(self, scripted_peer, certificates, secure):
        def script(peer):
            peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 5})
            stream_id, fields, body = peer.want_request()
            assert (":path", "/upload") in fields
            assert body == b"content"
            peer.write_push(stream_id, 2, [*GET[:3], (":path", "/pushed")])
            peer.write_headers(stream_id, [(":status", "103"), ("link", "</a>")])
            peer.write_headers(stream_id, [(":status", "200")])
            peer.write_data(stream_id, b"answer")
            peer.write_headers(stream_id, [("x-trailer", "t")], end_stream=True)
            peer.write_response(2, b"pushed", stateless=True)
            peer.fence()
            peer.write(wire.goaway(stream_id, wire.NO_ERROR))
            peer.close()
            peer.want_closed()

        context = certificates.server_context() if secure else None
        peer = scripted_peer(script, context)
        trust = certificates.client_context() if secure else None
        with Client("localhost", peer.port, trust) as client:
            answer = client.request("POST", "/upload", b"content")
            while not client.ended:
                client.turn()
        assert answer.informational == [[(":status", "103"), ("link", "</a>")]]
        assert (answer.status, answer.content) == (200, b"answer")
        assert answer.trailers == [("x-trailer", "t")]
        assert client.answers[2].content == b"pushed"
        assert client.goaway == wire.NO_ERROR

    def test_large_upload_with_credit(self, scripted_peer):
        def script(peer):
            peer.handshake()
            stream_id, _, body = peer.want_request(credit=True)
            peer.write_response(stream_id, str(len(body)).encode())

        peer = scripted_peer(script)
        with Client("127.0.0.1", peer.port) as client:
            assert client.request("PUT", "/", bytes(300000)).content == b"300000"

    def test_a_failing_script_is_raised_by_stop(self):
        peer = once(lambda peer: [peer.want_preface(), peer.want_goaway()]).start()
        with Client("127.0.0.1", peer.port):
            peer.join()
        with pytest.raises(PeerError, match="wanted GOAWAY, got <SETTINGS"):
            peer.stop()

    def test_a_deadline_is_told(self):
        peer = once(lambda peer: peer.handshake(), deadline=0.1)
        with pytest.raises(PeerError, match=r"wanted a connection; none in 0\.1 s"), peer:
            pass

    def test_silence_is_told(self):
        def script(peer):
            peer.handshake()
            peer.want_headers()

        peer = once(script, deadline=0.5)
        with pytest.raises(PeerError) as caught, peer, Client("127.0.0.1", peer.port):
            peer.join()
        assert "wanted HEADERS; nothing came in 0.5 s" in str(caught.value)
        assert "the preface\n  <SETTINGS" in str(caught.value)

    def test_abandoned_in_the_middle_it_ends_at_once(self):
        peer = once(lambda peer: peer.want_preface()).start()
        with Client("127.0.0.1", peer.port):
            peer.stop(abandon=True)
        waiting = once(lambda peer: peer.want_preface()).start()
        waiting.stop(abandon=True)

    def test_connections_follow_each_other(self, scripted_peer):
        def script(peer):
            for number in (b"first", b"second"):
                peer.accept()
                peer.handshake()
                stream_id, _, _ = peer.want_request()
                peer.write_response(stream_id, number)

        peer = scripted_peer(script)
        for number in (b"first", b"second"):
            with Client("127.0.0.1", peer.port) as client:
                assert client.get("/").content == number

    @pytest.mark.parametrize("name", ["wrong_name", "expired", "stranger"])
    def test_bad_certificates_are_refused_by_the_standard_library(
        self, scripted_peer, certificates, name
    ):
        context = certificates.server_context(getattr(certificates, name))
        peer = scripted_peer(lambda peer: peer.want_refusal(), context)
        with pytest.raises(ssl.SSLCertVerificationError):
            Client("localhost", peer.port, certificates.client_context())

    def test_alpn_and_the_client_certificate(self, scripted_peer, certificates):
        def script(peer):
            peer.accept()
            assert peer.selected_alpn_protocol() == "h2"
            names = peer.socket.getpeercert()["subjectAltName"]
            assert names == (("email", "client@localhost"),)
            peer.handshake()

        peer = scripted_peer(script, certificates.server_context(client_certificate=True))
        context = certificates.client_context(("h2", "http/1.1"), client_certificate=True)
        with Client("localhost", peer.port, context) as client:
            client.turn()
            assert client.socket.selected_alpn_protocol() == "h2"

    def test_proxy_words_then_tls(self, scripted_peer, certificates):
        """RFC 9110, 9.3.6: after the answer to CONNECT the octets are the tunnel's."""

        def script(peer):
            assert peer.want_until().startswith(b"CONNECT ")
            peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.start_tls(certificates.server_context())
            peer.handshake()

        peer = scripted_peer(script)
        with socket.create_connection(("127.0.0.1", peer.port), timeout=10) as plain:
            plain.sendall(b"CONNECT localhost:443 HTTP/1.1\r\n\r\n")
            assert plain.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"
            context = certificates.client_context()
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(wire.PREFACE + wire.settings())
                frames, _ = wire.read(secure.recv(1000))
                assert frames[0].type == wire.SETTINGS

    def test_reset_is_seen_as_one(self, scripted_peer):
        def script(peer):
            peer.want_preface()
            peer.reset()

        peer = scripted_peer(script)
        with Client("127.0.0.1", peer.port) as client:
            client.turn()
        assert isinstance(client.broken, ConnectionResetError)
