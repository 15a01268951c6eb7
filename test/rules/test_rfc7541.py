"""RFC 7541: one test per MUST, named by its section, and all examples of appendix C.

All of it goes through the public module, `hyper.hpack`.
"""

import pytest

from hyper.errors import CompressionError, ErrorCode
from hyper.hpack import Decoder, Encoder, NeverIndexed, choice
from hyper.hpack.codes import HUFFMAN_CODES, STATIC_TABLE
from hyper.hpack.decoder import read_integer
from hyper.hpack.encoder import pack_integer

GET = b"\x82"


CODECS = ["python", "nghttp2"] if choice.is_loadable() else ["python"]


@pytest.fixture(params=CODECS, autouse=True)
def codec(request, monkeypatch):
    """All of it holds for each codec."""
    monkeypatch.setenv("HYPER_HPACK", request.param)


@pytest.fixture
def decoder(codec):
    return Decoder()


def refused(decoder, block, section):
    """The block is an error that names its section, for ever after one must close (9113, 4.3)."""
    with pytest.raises(CompressionError) as raised:
        decoder.decode(block)
    assert str(raised.value).endswith(f"(RFC {section})")
    assert raised.value.error_code == ErrorCode.COMPRESSION_ERROR


def coded(text):
    """A Huffman string literal by hand, from a row of bits."""
    octets = int(text, 2).to_bytes(len(text) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def dynamic_table(decoder):
    """The entries that a decoder lets us see by their indexes, newest first."""
    entries = []
    try:
        while True:
            entries += decoder.decode(bytes([0x80 | 62 + len(entries)]))
    except CompressionError:
        return entries


# The rules.


def test_2_1_order_is_kept():
    """2.1: "An encoder MUST order header field representations [...] A decoder MUST order"."""
    fields = [(b"b", b"2"), (b"a", b"1"), (b"b", b"1"), (b"a", b"1"), (b"b", b"2")]
    assert Decoder().decode(Encoder().encode(fields)) == fields


def test_2_3_2_duplicate_entries_are_no_error(decoder):
    """2.3.2: "duplicate entries MUST NOT be treated as an error by a decoder"."""
    decoder.decode(b"\x40\x01a\x011" * 2)
    assert decoder.decode(b"\xbe\xbf") == [(b"a", b"1")] * 2


def test_2_3_3_static_and_dynamic_table_are_one_address_space(decoder):
    decoder.decode(b"\x40\x01a\x011")
    for index, field in enumerate((*STATIC_TABLE, (b"a", b"1")), 1):
        assert decoder.decode(bytes([0x80 | index])) == [field]


@pytest.mark.parametrize("block", [b"\xbe", b"\xff\x80\x80\x01", b"\x7e\x01x", b"\x0f\x2f\x01x"])
def test_2_3_3_index_beyond_the_tables(decoder, block):
    """2.3.3: "MUST be treated as a decoding error"."""
    refused(decoder, block, "7541, 2.3.3")


def test_4_2_encoder_stays_within_the_limit():
    """4.2: "the chosen size MUST stay lower than or equal to the maximum"."""
    encoder, decoder = Encoder(), Decoder()
    for limit in (100, 4096, 0, 1 << 20, 64):
        encoder.header_table_size = decoder.header_table_size = limit
        for number in range(100):
            fields = [(b"n", b"%d" % number)]
            assert decoder.decode(encoder.encode(fields)) == fields


def test_4_2_size_update_leads_the_next_block():
    """4.2: "MUST occur at the beginning of the first header block following the change"."""
    encoder = Encoder()
    encoder.header_table_size = 10
    assert encoder.encode([(b":method", b"GET")]) == b"\x2a" + GET
    assert encoder.encode([(b":method", b"GET")]) == GET


def test_4_2_smallest_size_is_told_and_then_the_last():
    """4.2: "the smallest maximum table size that occurs in that interval MUST be signaled"."""
    encoder = Encoder()
    for size in (20, 10, 15):
        encoder.header_table_size = size
    assert encoder.encode([(b":method", b"GET")]) == b"\x2a\x2f" + GET


def test_4_2_at_most_two_size_updates(decoder):
    """4.2: "resulting in at most two dynamic table size updates"."""
    assert decoder.decode(b"\x20\x3e" + GET) == [(b":method", b"GET")]
    with pytest.raises(CompressionError, match=r"more than 2 size updates \(RFC 7541, 4\.2"):
        decoder.decode(b"\x20\x3e\x3e" + GET)


def test_4_2_size_update_after_a_field(decoder):
    refused(decoder, GET + b"\x20", "7541, 4.2")


def test_4_2_lowered_limit_without_size_update(decoder):
    """4.2, and RFC 9113, 4.3.1: "MUST treat [it] as a connection error"."""
    decoder.header_table_size = 100
    refused(decoder, GET, "9113, 4.3.1")


def test_4_3_entries_are_evicted_when_the_size_shrinks(decoder):
    decoder.decode(b"\x40\x01a\x011\x40\x01b\x012")
    decoder.decode(b"\x3f\x03")  # 34 octets: one entry
    assert dynamic_table(decoder) == [(b"b", b"2")]


def test_4_4_too_large_an_entry_empties_the_table(decoder):
    """4.4: "It is not an error to attempt to add an entry that is larger than the maximum"."""
    decoder.decode(b"\x3f\x13\x40\x01a\x011")  # a table of 50 octets
    assert decoder.decode(b"\x40\x01b\x1e" + b"x" * 30) == [(b"b", b"x" * 30)]
    assert dynamic_table(decoder) == []


def test_4_4_name_of_an_entry_that_is_evicted_for_it(decoder):
    """4.4: "A new entry can reference the name of an entry [...] that will be evicted"."""
    decoder.decode(b"\x3f\x13\x40\x01a\x011")
    assert decoder.decode(b"\x7e\x0a0123456789") == [(b"a", b"0123456789")]
    assert dynamic_table(decoder) == [(b"a", b"0123456789")]


@pytest.mark.parametrize("first", [b"\xff", b"\x7f", b"\x0f", b"\x1f", b"\x3f", b"\x40\x7f"])
@pytest.mark.parametrize("rest", [b"\x80" * 5 + b"\x00", b"\xff" * 100, b"\x80" * 10_000])
def test_5_1_integers_beyond_the_limits(decoder, first, rest):
    """5.1: "Integer encodings that exceed implementation limits [...] MUST be treated as"."""
    refused(decoder, first + rest, "7541, 5.1")


#: The beginning of a string with a fault: short strings are decoded by another way than long ones.
BEFORE = [b"", b"a text of some length, decoded in one piece"]


def bits_of(text):
    return "".join(HUFFMAN_CODES[octet] for octet in text)


def filled(bits, padding="1"):
    """The bits, and padding up to the end of an octet."""
    return bits + padding * (-len(bits) % 8)


@pytest.mark.parametrize("before", BEFORE)
def test_5_2_padding_of_more_than_seven_bits(decoder, before):
    """5.2: "MUST be treated as a decoding error"."""
    bits = filled(bits_of(before + b"a"))
    assert decoder.decode(b"\x00\x01n" + coded(bits)) == [(b"n", before + b"a")]
    refused(decoder, b"\x00\x01n" + coded(bits + "1" * 8), "7541, 5.2")


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("padding", ["0", "10"])
def test_5_2_padding_other_than_the_beginning_of_eos(decoder, before, padding):
    """5.2: "MUST be treated as a decoding error"."""
    bits = bits_of(before + b"a")
    assert len(bits) % 8
    bits += (padding * 8)[: -len(bits) % 8]
    refused(decoder, b"\x00\x01n" + coded(bits), "7541, 5.2")


# The last one ends as strings do that are decoded in one piece and have no fault (inflate.py).
@pytest.mark.parametrize("before", [*BEFORE, BEFORE[1] + b"Y0:"])
@pytest.mark.parametrize("after", BEFORE)
def test_5_2_eos_in_a_string(decoder, before, after):
    """5.2: "MUST be treated as a decoding error"."""
    bits = filled(bits_of(before) + HUFFMAN_CODES[256] + bits_of(after))
    refused(decoder, b"\x00\x01n" + coded(bits), "7541, 5.2")


def test_5_2_string_longer_than_its_block(decoder):
    refused(decoder, b"\x00\x01n\x05abc", "7541, 5.2")


def test_6_1_index_0(decoder):
    """6.1: "It MUST be treated as a decoding error"."""
    refused(decoder, b"\x80", "7541, 6.1")


def test_6_block_that_ends_within_a_field(decoder):
    refused(decoder, b"\x40", "7541, 6")


def test_6_2_3_never_indexed_is_told_and_kept():
    """6.2.3: "it MUST use the same representation to forward this header field"."""
    field = Decoder().decode(b"\x10\x01n\x01v")[0]
    assert type(field) is NeverIndexed
    assert Encoder().encode([field])[0] & 0xF0 == 0x10


def test_6_3_size_above_our_setting(decoder):
    """6.3: "A value that exceeds this limit MUST be treated as a decoding error"."""
    assert decoder.decode(b"\x3f\xe1\x1f") == []
    refused(decoder, b"\x3f\xe2\x1f", "7541, 6.3")


def test_7_1_3_credentials_are_never_indexed():
    encoder = Encoder()
    for name in ("authorization", "proxy-authorization", "set-cookie", "cookie"):
        assert encoder.encode([(name, "secret")])[0] & 0xF0 == 0x10


# Appendix C.


@pytest.mark.parametrize(
    ("value", "prefix", "octets"), [(10, 31, "0a"), (1337, 31, "1f9a0a"), (42, 255, "2a")]
)
def test_c_1_integers(value, prefix, octets):
    octets = bytes.fromhex(octets)
    assert pack_integer(value, prefix, 0) == octets
    if octets[0] == prefix:
        assert read_integer(octets, 1, prefix) == (value, len(octets))


@pytest.mark.parametrize(
    ("block", "field", "entries"),
    [
        (
            "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            (b"custom-key", b"custom-header"),
            1,
        ),
        ("040c 2f73 616d 706c 652f 7061 7468", (b":path", b"/sample/path"), 0),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", (b"password", b"secret"), 0),
        ("82", (b":method", b"GET"), 0),
    ],
)
def test_c_2_representations(decoder, block, field, entries):
    assert decoder.decode(bytes.fromhex(block)) == [field]
    assert dynamic_table(decoder) == [field] * entries


AUTHORITY = (b":authority", b"www.example.com")
NO_CACHE = (b"cache-control", b"no-cache")
CUSTOM = (b"custom-key", b"custom-value")
START = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), AUTHORITY]
REQUESTS = [
    (START, [AUTHORITY]),
    ([*START, NO_CACHE], [NO_CACHE, AUTHORITY]),
    (
        [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            AUTHORITY,
            CUSTOM,
        ],
        [CUSTOM, NO_CACHE, AUTHORITY],
    ),
]
PRIVATE = (b"cache-control", b"private")
DATE_21 = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")
DATE_22 = (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT")
LOCATION = (b"location", b"https://www.example.com")
GZIP = (b"content-encoding", b"gzip")
COOKIE = (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
RESPONSES = [
    (
        [(b":status", b"302"), PRIVATE, DATE_21, LOCATION],
        [LOCATION, DATE_21, PRIVATE, (b":status", b"302")],
    ),
    (
        [(b":status", b"307"), PRIVATE, DATE_21, LOCATION],
        [(b":status", b"307"), LOCATION, DATE_21, PRIVATE],
    ),
    (
        [(b":status", b"200"), PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
        [COOKIE, GZIP, DATE_22],
    ),
]

C_3 = [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
]
C_4 = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
]
C_5 = [
    (
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 "
        "2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 "
        "6c65 2e63 6f6d"
    ),
    "4803 3330 37c1 c0bf",
    (
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d "
        "54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 "
        "5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e "
        "3d31"
    ),
]
C_6 = [
    (
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 "
        "2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3"
    ),
    "4883 640e ffc1 c0bf",
    (
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab "
        "77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f "
        "9587 3160 65c0 03ed 4ee5 b106 3d50 07"
    ),
]


@pytest.mark.parametrize(
    ("blocks", "messages", "table_size"),
    [(C_3, REQUESTS, 4096), (C_4, REQUESTS, 4096), (C_5, RESPONSES, 256), (C_6, RESPONSES, 256)],
    ids=["C.3", "C.4", "C.5", "C.6"],
)
def test_c_3_to_c_6_decoding(blocks, messages, table_size):
    """After each message the table holds what the RFC prints; a new decoder is taken to look."""
    for count in range(1, len(blocks) + 1):
        decoder = Decoder(table_size)
        for block, (fields, _) in zip(blocks[:count], messages):
            assert decoder.decode(bytes.fromhex(block)) == fields
        assert dynamic_table(decoder) == messages[count - 1][1]


def test_c_4_encoding():
    encoder = Encoder()
    for block, (fields, _) in zip(C_4, REQUESTS):
        assert encoder.encode(fields) == bytes.fromhex(block)


def test_c_6_encoding():
    """As printed, save that we spare the Huffman code where it saves nothing ("307", as in C.5),
    and to the last field, a set-cookie, which we never index. libnghttp2 adds other fields."""
    encoder = Encoder(256, codec="python")
    for block, (fields, _) in zip([C_6[0], C_5[1]], RESPONSES):
        assert encoder.encode(fields) == bytes.fromhex(block)
    third = encoder.encode(RESPONSES[2][0][:-1])
    assert bytes.fromhex(C_6[2]).startswith(third)
    assert bytes.fromhex(C_6[2])[len(third)] == 0x77
