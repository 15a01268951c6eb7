"""RFC 9113: what the client sends, one test for each MUST, named by its section."""

from __future__ import annotations

import struct

import pytest

from hyper.errors import (
    ConnectionTerminated,
    Failure,
    InvalidURL,
    LocalProtocolError,
)
from hyper.fields import outgoing_section
from hyper.protocol import messages
from hyper.protocol.messages import trailer_section
from hyper.protocol.origins import Origin
from hyper.testing import wire
from test.memory_endpoint import (
    AUTHORITY,
    OK,
    OPEN,
    PROMISE,
    MemoryEndpoint,
    busy,
    request,
)


def test_4_2_no_frame_is_larger_than_the_peer_allows():
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20})
    stream = client.endpoint.send_request(
        (*request("/" + "x" * 40_000, "POST"),), "POST", end_stream=False
    )
    client.endpoint.send_content(stream, memoryview(bytes(50_000)), end_stream=True)
    frames = client.sent()
    assert max(len(frame.payload) for frame in frames) == 16_384
    assert [frame.end_stream for frame in frames][-2:] == [False, True]


def sent_in_a_life(client):
    """All that a client sends: each type of frame that it has, some of them split."""
    endpoint = client.endpoint
    settings = {
        wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**20,
        wire.SETTINGS_NO_RFC7540_PRIORITIES: 1,
    }
    octets = endpoint.take_outbound()[len(wire.PREFACE) :]
    endpoint.receive(memoryview(wire.settings(settings) + wire.settings(ack=True) + wire.ping()))
    section = request("/" + "x" * 40_000, "POST")
    stream = endpoint.send_request(section, "POST", end_stream=False)
    endpoint.send_content(stream, memoryview(bytes(20_000)), end_stream=False)
    endpoint.send_trailers(stream, ((b"checksum", b"1"),))
    endpoint.reprioritize(stream, b"u=1")
    endpoint.send_ping(b"8 octets")
    endpoint.receive(memoryview(wire.headers(stream.id, OK) + wire.data(stream.id, bytes(16_384))))
    endpoint.consume(stream, 16_384)
    endpoint.cancel(stream)
    endpoint.close(0, Failure(ConnectionTerminated, "closed"))
    return octets + endpoint.take_outbound()


#: The flags that a client may set, by types of frames (6).
FLAGS = {
    wire.DATA: wire.END_STREAM,
    wire.HEADERS: wire.END_STREAM | wire.END_HEADERS,
    wire.CONTINUATION: wire.END_HEADERS,
    wire.SETTINGS: wire.ACK,
    wire.PING: wire.ACK,
}
OF_THE_CONNECTION = {wire.SETTINGS, wire.PING, wire.GOAWAY, wire.PRIORITY_UPDATE}


def test_4_1_no_frame_has_an_unused_flag_or_the_reserved_bit_or_padding():
    """And those of the connection are on stream 0, those of a stream are not (6.1 to 6.10)."""
    octets, types = sent_in_a_life(MemoryEndpoint(handshake=False, is_taken=False)), set()
    while octets:
        word, flags, stream_id = struct.unpack_from(">LBL", octets)
        size, type_ = word >> 8, word & 0xFF
        octets = octets[9 + size :]
        types.add(type_)
        assert flags & ~FLAGS.get(type_, 0) == 0
        assert stream_id < 1 << 31
        if type_ != wire.WINDOW_UPDATE:
            assert (stream_id == 0) == (type_ in OF_THE_CONNECTION)
    assert types == {*FLAGS, *OF_THE_CONNECTION, wire.RST_STREAM, wire.WINDOW_UPDATE}


def test_4_3_a_field_block_leaves_in_one_piece():
    client = MemoryEndpoint()
    section = request("/" + "x" * 40_000)
    client.endpoint.send_request(section, "GET", end_stream=True)
    first, *rest = client.sent()
    assert (first.type, first.end_stream, first.end_headers) == (wire.HEADERS, True, False)
    assert {(frame.type, frame.stream_id) for frame in rest} == {(wire.CONTINUATION, 1)}
    assert [frame.end_headers for frame in rest] == [False] * (len(rest) - 1) + [True]
    block = b"".join(frame.block for frame in (first, *rest))
    assert tuple(client.decoder.decode(block)) == section


def test_4_3_1_a_smaller_table_is_confirmed_at_the_start_of_the_next_block():
    client = MemoryEndpoint()
    client.receive(wire.settings({wire.SETTINGS_HEADER_TABLE_SIZE: 0}))
    client.endpoint.send_request(request(), "GET", end_stream=True)
    (frame,) = client.sent()
    assert frame.block[0] == 0x20


def test_5_1_1_stream_ids_are_odd_and_rise():
    client = MemoryEndpoint()
    assert [client.open().id for _ in range(3)] == [1, 3, 5]


def test_5_1_1_a_wanted_id_that_was_overtaken_is_not_taken():
    client = MemoryEndpoint()
    endpoint = client.endpoint
    taken = endpoint.send_request(request(), "GET", end_stream=True, stream_id=3)
    late = endpoint.send_request(request(), "GET", end_stream=True, stream_id=1)
    assert (taken.id, late.id) == (3, 5)


def test_5_1_1_no_stream_beyond_2_to_the_31_minus_1():
    client = MemoryEndpoint(first_stream_id=2**31 - 1)
    assert client.open().id == 2**31 - 1
    assert not client.endpoint.accepts_requests
    with pytest.raises(LocalProtocolError, match=r"5\.1\.2, 6\.8"):
        client.open()


def test_5_1_2_no_more_streams_than_the_peer_allows():
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_MAX_CONCURRENT_STREAMS: 2})
    first, _ = client.open(), client.open()
    with pytest.raises(LocalProtocolError, match=r"5\.1\.2"):
        client.open()
    # "reserved" streams do not count, and a promised stream counts towards our own limit.
    client.receive(wire.push_promise(first.id, 2, PROMISE))
    client.answer(first)
    assert client.endpoint.may_open_stream()
    client.open()


def test_6_9_content_waits_for_the_windows():
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 10})
    endpoint = client.endpoint
    stream = client.open("POST", end_stream=False)
    assert endpoint.send_content(stream, memoryview(bytes(15)), end_stream=True) == 10
    assert not endpoint.may_send(stream)
    assert endpoint.send_content(stream, memoryview(bytes(5)), end_stream=True) == 0
    (frame,) = client.sent()
    assert (len(frame.content), frame.end_stream) == (10, False)
    client.receive(wire.window_update(stream.id, 100))
    assert endpoint.may_send(stream)
    assert endpoint.send_content(stream, memoryview(bytes(5)), end_stream=True) == 5
    (frame,) = client.sent()
    assert (len(frame.content), frame.end_stream) == (5, True)


def test_6_9_1_content_waits_for_the_connection_s_window():
    client = MemoryEndpoint(peer_settings={wire.SETTINGS_INITIAL_WINDOW_SIZE: 2**31 - 1})
    endpoint = client.endpoint
    first, second = (client.open("POST", end_stream=False) for _ in range(2))
    assert endpoint.send_content(first, memoryview(bytes(65_535)), end_stream=True) == 65_535
    assert endpoint.send_content(second, memoryview(b"x"), end_stream=True) == 0
    assert not endpoint.may_send(second)
    # "an empty DATA frame with END_STREAM" needs no window.
    assert endpoint.send_content(second, memoryview(b""), end_stream=True) == 0
    assert client.sent()[-1].octets() == wire.data(second.id, end_stream=True)


def test_6_9_2_a_lowered_setting_makes_a_window_negative_and_nothing_is_sent_until_it_is_not():
    client = MemoryEndpoint()
    endpoint = client.endpoint
    stream = client.open("POST", end_stream=False)
    endpoint.send_content(stream, memoryview(bytes(60_000)), end_stream=False)
    client.receive(wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 16_384}))
    assert stream.send_window.size == 16_384 - 60_000
    assert endpoint.send_content(stream, memoryview(b"x"), end_stream=True) == 0
    client.receive(wire.window_update(stream.id, 60_000 - 16_384))
    assert not endpoint.may_send(stream)
    client.receive(wire.window_update(stream.id, 1))
    assert endpoint.send_content(stream, memoryview(b"x"), end_stream=True) == 1


def test_6_9_2_settings_do_not_change_the_connection_s_window():
    client = MemoryEndpoint()
    client.receive(wire.settings({wire.SETTINGS_INITIAL_WINDOW_SIZE: 1}))
    assert client.endpoint.send_window.size == 65_535


def test_6_5_3_the_last_of_two_sizes_counts_for_streams_that_are_open():
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    sizes = [(wire.SETTINGS_INITIAL_WINDOW_SIZE, size) for size in (100_000, 10)]
    client.receive(wire.settings(sizes))
    assert stream.send_window.size == 10


def test_6_5_3_settings_are_applied_in_order_and_acknowledged_at_once():
    client = MemoryEndpoint()
    (ack,) = client.receive(
        wire.settings([(wire.SETTINGS_INITIAL_WINDOW_SIZE, size) for size in (7, 9)])
    )
    assert ack.octets() == wire.settings(ack=True)
    assert client.open("POST", end_stream=False).send_window.size == 9


def test_6_7_ping_is_answered_with_the_same_octets():
    client = MemoryEndpoint()
    (answer,) = client.receive(wire.ping(b"8 octets"))
    assert answer.octets() == wire.ping(b"8 octets", ack=True)


def test_5_1_after_reset_nothing_but_priority_is_sent_on_the_stream():
    client = busy()
    endpoint = client.endpoint
    stream = endpoint.streams[OPEN]
    client.receive(wire.rst_stream(OPEN, wire.CANCEL))
    with pytest.raises(LocalProtocolError):
        endpoint.send_content(stream, memoryview(b"x"), end_stream=True)
    with pytest.raises(LocalProtocolError):
        endpoint.send_trailers(stream, ())
    endpoint.cancel(stream)
    endpoint.consume(stream, 100_000)
    assert client.sent() == []


def test_5_4_2_rst_stream_is_never_answered_by_rst_stream():
    client = busy()
    octets = b"".join(wire.rst_stream(s, 0xBAD) for s in client.endpoint.streams)
    assert client.receive(octets) == []


def test_8_1_nothing_is_sent_after_the_request_s_end():
    client = MemoryEndpoint()
    stream = client.open()
    with pytest.raises(LocalProtocolError, match=r"RFC 9113, 8\.1"):
        client.endpoint.send_content(stream, memoryview(b"x"), end_stream=True)
    with pytest.raises(LocalProtocolError, match=r"RFC 9113, 8\.1"):
        client.endpoint.send_trailers(stream, ())
    assert client.sent() == []


def test_8_1_trailers_end_the_request():
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    client.endpoint.send_trailers(stream, trailer_section([("Checksum", "1")]))
    (frame,) = client.sent()
    assert (frame.type, frame.end_stream, frame.end_headers) == (wire.HEADERS, True, True)


@pytest.mark.parametrize("name", [":status", ":path", "na me", "", "x:y"])
def test_8_1_trailers_without_pseudo_header_fields(name):
    with pytest.raises(LocalProtocolError):
        trailer_section([(name, "x")])


def test_8_2_names_are_sent_in_lower_case():
    assert outgoing_section([("X-Mixed-CASE", "Value")]) == [(b"x-mixed-case", b"Value")]


@pytest.mark.parametrize("value", ["a\0b", "a\rb", "a\nb", "a\r\nx: y"])
def test_8_2_1_values_that_would_be_malformed_are_not_sent(value):
    with pytest.raises(LocalProtocolError, match=r"8\.2\.1"):
        outgoing_section([("x", value)])


def fields_sent(*headers, method="GET", url="/"):
    origin = Origin("https", AUTHORITY)
    return messages.request_section(method, url, origin, messages.request_fields(headers), ())


def test_8_2_2_fields_of_one_http_1_connection_are_not_sent():
    sent = fields_sent(
        ("Connection", "keep-alive"),
        ("Keep-Alive", "5"),
        ("Proxy-Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "websocket"),
        ("TE", "gzip"),
        ("kept", "1"),
    )
    assert sent[4:] == ((b"kept", b"1"),)
    assert trailer_section([("connection", "x"), ("kept", "1")]) == ((b"kept", b"1"),)


def test_8_2_2_te_may_say_trailers():
    assert fields_sent(("TE", "trailers"))[4:] == ((b"te", b"trailers"),)


def test_8_3_pseudo_header_fields_come_first_and_are_never_the_caller_s():
    names = [name for name, _ in fields_sent(("accept", "*/*"))]
    assert names == [b":method", b":scheme", b":authority", b":path", b"accept"]
    with pytest.raises(LocalProtocolError):
        fields_sent((":path", "/elsewhere"))


@pytest.mark.parametrize(
    ("url", "scheme", "authority", "path"),
    [
        ("/a?b=c", b"https", b"example.org", b"/a?b=c"),
        ("", b"https", b"example.org", b"/"),
        ("?b=c", b"https", b"example.org", b"/?b=c"),
        ("/a#fragment", b"https", b"example.org", b"/a"),
        ("*", b"https", b"example.org", b"*"),
        ("http://other.example", b"http", b"other.example", b"/"),
        ("http://other.example:8080", b"http", b"other.example:8080", b"/"),
        ("http://user:secret@other.example/x", b"http", b"other.example", b"/x"),
        ("http://other.example?q", b"http", b"other.example", b"/?q"),
    ],
)
def test_8_3_1_scheme_authority_and_path(url, scheme, authority, path):
    assert fields_sent(url=url)[1:] == (
        (b":scheme", scheme),
        (b":authority", authority),
        (b":path", path),
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.org", b"*"),
        ("https://example.org#fragment", b"*"),
        ("https://example.org/", b"/"),
        ("https://example.org?q", b"/?q"),
        ("*", b"*"),
        ("/", b"/"),
    ],
)
def test_8_3_1_options_for_an_origin_without_a_path_has_an_asterisk(url, path):
    """ "These MUST include a ':path' pseudo-header field with a value of '*'"."""
    assert fields_sent(method="OPTIONS", url=url)[3] == (b":path", path)


def test_8_3_1_host_does_not_differ_from_the_authority():
    assert fields_sent(("Host", "virtual.example")) == (
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"virtual.example"),
        (b":path", b"/"),
    )


@pytest.mark.parametrize("url", ["/a b", "/a\r\n", "/\0", "/é", "http://a b/", "a/b"])
def test_8_3_1_a_target_that_would_be_malformed_is_not_sent(url):
    with pytest.raises(InvalidURL):
        fields_sent(url=url)


@pytest.mark.parametrize("method", ["", "GET ", "G\r\nT", "GÉT"])
def test_8_3_1_a_method_that_is_no_token_is_not_sent(method):
    with pytest.raises(LocalProtocolError):
        fields_sent(method=method)


def test_8_5_connect_has_neither_scheme_nor_path():
    assert fields_sent(method="CONNECT", url="far.example:443") == (
        (b":method", b"CONNECT"),
        (b":authority", b"far.example:443"),
    )


def test_8_5_connect_s_target_is_checked():
    with pytest.raises(InvalidURL):
        fields_sent(method="CONNECT", url="far example:443")
