"""Field sections that are too large, and tables that are resized: what remains of a connection
(RFC 9113, 4.3, 6.5.3, 10.5.1; RFC 7541, 4.2). Both codecs are asked.
"""

from __future__ import annotations

import pytest

from hyper import hpack
from hyper.errors import FieldSectionTooLarge
from hyper.fields import NeverIndexed
from hyper.protocol import messages
from hyper.testing import wire
from test.memory_endpoint import OK, PROMISE, MemoryEndpoint, request

LIST_SIZE = 65_536


@pytest.fixture(params=["python", "nghttp2"])
def codec(request):
    """Each codec of HPACK; where libnghttp2 is not installed, that one is skipped."""
    if request.param == "nghttp2":
        try:
            hpack.Encoder(codec="nghttp2")
        except ImportError as error:
            pytest.skip(str(error))
    return request.param


@pytest.fixture
def client(codec):
    """A connection by each codec."""
    made = MemoryEndpoint()
    made.endpoint.encoder = hpack.Encoder(codec=codec)
    made.endpoint.decoder = hpack.Decoder(max_list_size=LIST_SIZE, codec=codec)
    return made


def inserted(name, value):
    """A literal that the decoder puts in its table (RFC 7541, 6.2.1)."""
    return b"\x40" + wire.string(name) + wire.string(value)


COOKIES = wire.block([("set-cookie", "c" * 3000)] * 24)
#: a large section, in which something enters the table behind the limit
LARGE = COOKIES + inserted("x-behind", "the limit")
#: the entry that was added last (RFC 7541, 2.3.3)
NEWEST = b"\xbe"


def write(client, stream_id, block, **flags):
    """A block in frames of 16,384 octets."""
    parts = [block[at : at + 16_384] for at in range(0, len(block), 16_384)]
    frames = [wire.headers(stream_id, parts[0], end_headers=len(parts) == 1, **flags)]
    frames += [
        wire.continuation(stream_id, part, end_headers=at == len(parts) - 1)
        for at, part in enumerate(parts[1:], 1)
    ]
    return client.receive(*frames)


def write_promise(client, stream_id, promised_id, block):
    first = 16_384 - 4  # octets that the identifier takes (6.6)
    rest = [block[at : at + 16_384] for at in range(first, len(block), 16_384)]
    parts = [block[:first], *rest]
    frames = [wire.push_promise(stream_id, promised_id, parts[0], end_headers=False)]
    frames += [
        wire.continuation(stream_id, part, end_headers=at == len(parts) - 1)
        for at, part in enumerate(parts[1:], 1)
    ]
    return client.receive(*frames)


def check_the_rest_is_whole(client, stream):
    """The stream under way comes to its end, and the table is as it should be (4.3)."""
    client.receive(wire.headers(stream.id, OK), wire.data(stream.id, b"content"))
    client.receive(wire.headers(stream.id, NEWEST, True))
    assert stream.failure is None
    assert b"".join(stream.content) == b"content"
    assert stream.trailers == ((b"x-behind", b"the limit"),)
    client.check_goes_on()


# ---- sections beyond SETTINGS_MAX_HEADER_LIST_SIZE ----


def check_words(stream):
    error = stream.failure.exception()
    assert isinstance(error, FieldSectionTooLarge)
    assert error.stream_id == stream.id
    assert "SETTINGS_MAX_HEADER_LIST_SIZE" in str(error)
    assert str(LIST_SIZE) in str(error).replace(",", "")
    assert "broke HTTP/2" not in str(error)


def test_a_large_head_ends_its_stream_alone(client):
    """RFC 9113, 8.1.1, 10.5.1: the limit is advisory; the block is decoded to its end (4.3)."""
    first, second = client.open(), client.open()
    answers = write(client, second.id, OK + LARGE)
    assert [(frame.type, frame.stream_id) for frame in answers] == [(wire.RST_STREAM, second.id)]
    check_words(second)
    check_the_rest_is_whole(client, first)


def test_a_large_trailer_section_ends_its_stream_alone(client):
    """RFC 9113, 8.1, 10.5.1: what came before it is kept."""
    first, second = client.open(), client.open()
    client.receive(wire.headers(second.id, OK), wire.data(second.id, b"content"))
    write(client, second.id, LARGE, end_stream=True)
    check_words(second)
    assert b"".join(second.content) == b"content"
    check_the_rest_is_whole(client, first)


def test_a_large_interim_section_ends_its_stream_alone(client):
    """RFC 9110, 15.2; RFC 9113, 10.5.1."""
    first, second = client.open(), client.open()
    write(client, second.id, wire.block([(":status", "103")]) + LARGE)
    check_words(second)
    check_the_rest_is_whole(client, first)


def test_a_large_promise_is_refused_alone(client):
    """RFC 9113, 8.4, 10.5.1."""
    first = client.open()
    answers = write_promise(client, first.id, 2, PROMISE + LARGE)
    assert [(frame.type, frame.stream_id) for frame in answers] == [(wire.RST_STREAM, 2)]
    assert client.endpoint.claim_promises(first.id) == []
    check_the_rest_is_whole(client, first)


def test_a_large_section_on_a_cancelled_stream_harms_nobody(client):
    """RFC 9113, 5.1: it is decoded and dropped."""
    first, second = client.open(), client.open()
    client.endpoint.cancel(second)
    client.sent()
    assert write(client, second.id, OK + LARGE) == []
    check_the_rest_is_whole(client, first)


def test_a_section_of_many_indexed_fields_costs_one_stream(client):
    """RFC 9113, 10.5.1: few octets on the wire, 100 MiB when they are written out."""
    first, second = client.open(), client.open()
    bomb = (
        OK + inserted("x-large", "x" * 3000) + NEWEST * 40_000 + inserted("x-behind", "the limit")
    )
    write(client, second.id, bomb)
    check_words(second)
    check_the_rest_is_whole(client, first)


@pytest.mark.parametrize("frame_size", [16_384, 1024], ids=["large frames", "small frames"])
def test_what_was_announced_is_taken_in_whole(codec, frame_size):
    """RFC 9113, 6.5.2: limits of blocks and of CONTINUATION follow from the setting."""
    client = MemoryEndpoint({wire.SETTINGS_MAX_HEADER_LIST_SIZE: 1 << 20})
    client.endpoint.decoder = hpack.Decoder(max_list_size=1 << 20, codec=codec)
    stream = client.open()
    block = OK + wire.block([(f"x-{number}", "v" * 1000) for number in range(200)])
    parts = [block[at : at + frame_size] for at in range(0, len(block), frame_size)]
    last = len(parts) - 1
    answers = client.receive(
        wire.headers(stream.id, parts[0], True, end_headers=False),
        *[wire.continuation(stream.id, part, at == last) for at, part in enumerate(parts) if at],
    )
    assert answers == []
    assert stream.failure is None
    assert len(stream.head.fields) == 200


def test_a_block_without_end_ends_the_connection(client):
    """RFC 9113, 10.5.1: nobody can go on behind what is not decoded (4.3)."""
    stream = client.open()
    client.receive(wire.headers(stream.id, OK, end_headers=False))
    answers = client.receive(*[wire.continuation(stream.id, b"", end_headers=False)] * 5000)
    assert [frame.error_code for frame in answers] == [wire.ENHANCE_YOUR_CALM]


# ---- SETTINGS_HEADER_TABLE_SIZE ----


TABLE = wire.SETTINGS_HEADER_TABLE_SIZE


def send(client, path="/"):
    """The block of one more request."""
    section = (*request(path), (b"user-agent", b"hyper"))
    client.endpoint.send_request(section, "GET", end_stream=True)
    (frame,) = client.sent()
    return frame.block


@pytest.mark.parametrize(
    ("sizes", "beginning"),
    [
        ((0, 4096), b"\x20\x3f\xe1\x1f"),
        ((0, 100, 4096), b"\x20\x3f\xe1\x1f"),
        ((100, 50, 4096), b"\x3f\x13\x3f\xe1\x1f"),
        ((0, 100), b"\x20\x3f\x45"),
        ((4096, 0), b"\x20"),
    ],
    ids=str,
)
@pytest.mark.parametrize("frames", ["one frame", "a frame each"])
def test_table_sizes_are_taken_in_the_order_in_which_they_appear(client, sizes, beginning, frames):
    """RFC 9113, 6.5.3; RFC 7541, 4.2: the smallest is told, then the last."""
    first = send(client)
    client.decoder.decode_section(first)
    pairs = [(TABLE, size) for size in sizes]
    if frames == "one frame":
        client.receive(wire.settings(pairs))
    else:
        client.receive(*[wire.settings([pair]) for pair in pairs])
    second = send(client)
    updates = len(beginning)
    assert second[:updates] == beginning
    assert second[updates] >= 0x40  # no further size update
    decoded = client.decoder.decode_section(second)
    assert decoded == (*request(), (b"user-agent", b"hyper"))


def test_a_table_that_was_emptied_is_not_referred_to(client):
    """RFC 7541, 4.3: an entry from before the smallest size is gone, at the peer as well."""
    send(client)
    client.receive(wire.settings([(TABLE, 0), (TABLE, 4096)]))
    fresh = hpack.Decoder()
    assert fresh.decode_section(send(client)) == (*request(), (b"user-agent", b"hyper"))


def test_window_sizes_are_taken_in_the_order_in_which_they_appear():
    """RFC 9113, 6.5.3, 6.9.2: one that opens a window too far is an error, whatever follows."""
    client = MemoryEndpoint()
    stream = client.open("POST", end_stream=False)
    client.receive(wire.window_update(stream.id, 1000))
    name = wire.SETTINGS_INITIAL_WINDOW_SIZE
    answers = client.receive(wire.settings([(name, 2**31 - 1), (name, 65_535)]))
    assert [frame.error_code for frame in answers] == [wire.FLOW_CONTROL_ERROR]


# ---- never indexed (RFC 7541, 7.1.3) ----


@pytest.mark.parametrize("order", [(False, True), (True, False)], ids=["plain first", "mark first"])
def test_the_mark_of_a_field_is_that_of_its_own_response(client, order):
    """RFC 7541, 7.1.3: also where an equal head was seen before, without or with it."""
    messages._judged.clear()  # what other tests have seen
    pair = [("x-token", "secret")]
    for is_marked in order:
        stream = client.open()
        block = OK + wire.block(pair, never_indexed=is_marked)
        client.receive(wire.headers(stream.id, block, True))
        (field,) = stream.head.fields
        assert field == (b"x-token", b"secret")
        assert (type(field) is NeverIndexed) == is_marked
