"""hpack/decoder.py: blocks built by hand, octet by octet (RFC 7541, 6)."""

import pytest

from hyper.errors import CompressionError, FieldSectionTooLarge
from hyper.fields import NeverIndexed
from hyper.hpack.decoder import Decoder, read_integer

GET = b"\x82"  # index 2
A1 = b"\x40\x01a\x011"  # a: 1, with indexing
B2 = b"\x40\x01b\x012"


@pytest.fixture
def decoder():
    return Decoder()


def test_all_representations_in_one_block(decoder):
    block = (
        GET
        + A1
        + b"\xbe"  # index 62
        + b"\x7e\x012"  # name of index 62, with indexing
        + b"\x0f\x01\x04gzip"  # name of index 16, without
        + b"\x04\x02/x"  # name of index 4, without
        + b"\x1f\x08\x05Basic"  # name of index 23, never
        + b"\x10\x01x\x01y"  # never, with a name of its own
    )
    section = decoder.decode(block)
    assert section == (
        (b":method", b"GET"),
        (b"a", b"1"),
        (b"a", b"1"),
        (b"a", b"2"),
        (b"accept-encoding", b"gzip"),
        (b":path", b"/x"),
        (b"authorization", b"Basic"),
        (b"x", b"y"),
    )
    assert [type(field) is NeverIndexed for field in section] == [False] * 6 + [True] * 2
    assert decoder.decode(b"\xbe\xbf") == ((b"a", b"2"), (b"a", b"1"))


def test_huffman_strings(decoder):
    assert decoder.decode(bytes.fromhex("418cf1e3c2e5f23a6ba0ab90f4ff")) == (
        (b":authority", b"www.example.com"),
    )


def test_empty_block_is_the_empty_section(decoder):
    assert decoder.decode(b"") == ()


def test_indexes_that_do_not_fit_their_prefix(decoder):
    for number in range(100):
        decoder.decode(b"\x40\x01n\x02%02d" % number)
    assert decoder.decode(b"\xff\x00") == ((b"n", b"34"),)  # 127
    assert decoder.decode(b"\xff\x22") == ((b"n", b"00"),)  # 161
    with pytest.raises(CompressionError, match=r"index 162 .* end at 161 \(RFC 7541, 2\.3\.3\)"):
        decoder.decode(b"\xff\x23")


def test_long_strings(decoder):
    value = b"x" * 1000
    block = b"\x00\x01n\x7f" + bytes([(1000 - 127) % 128 | 128, (1000 - 127) // 128]) + value
    assert decoder.decode(block) == ((b"n", value),)


@pytest.mark.parametrize("block", [b"\xbe", b"\x7e\x01x", b"\x0f\x2f\x01x", GET + b"\xff\x80\x01"])
def test_an_index_beyond_the_tables(decoder, block):
    with pytest.raises(CompressionError, match=r"\(RFC 7541, 2\.3\.3\)"):
        decoder.decode(block)


@pytest.mark.parametrize("block", [A1[:1], A1[:2], A1[:3], A1[:4], b"\xff", b"\xff\x80", b"\x3f"])
def test_a_block_that_ends_too_early(decoder, block):
    with pytest.raises(CompressionError, match=r"RFC 7541, (6|5\.2)\)"):
        decoder.decode(block)


@pytest.mark.parametrize("first", [b"\x3f", b"\xff", b"\x7f", b"\x00\x7f"])
def test_integers_are_bounded_in_octets(decoder, first):
    with pytest.raises(CompressionError, match=r"more than 5 octets .*\(RFC 7541, 5\.1\)"):
        decoder.decode(first + b"\x80" * 5 + b"\x00")


def test_integers_reach_as_far_as_any_setting():
    """RFC 9113, 6.5.1: 32 bits."""
    assert read_integer(b"\xe0\xff\xff\xff\x0f", 0, 0x1F) == (2**32 - 1, 5)
    decoder = Decoder(2**32 - 1)
    assert decoder.decode(b"\x3f\xe0\xff\xff\xff\x0f" + GET) == ((b":method", b"GET"),)


def test_size_update_evicts(decoder):
    decoder.decode(A1 + B2)
    decoder.decode(b"\x3f\x03")  # to 34
    assert decoder.decode(b"\xbe") == ((b"b", b"2"),)
    with pytest.raises(CompressionError):
        decoder.decode(b"\xbf")


def test_size_update_may_restore(decoder):
    decoder.decode(A1)
    assert decoder.decode(b"\x20\x3f\xe1\x1f" + B2 + b"\xbe") == ((b"b", b"2"),) * 2


def test_size_update_of_five_bits(decoder):
    decoder.decode(b"\x3e")  # to 30
    decoder.decode(A1)
    with pytest.raises(CompressionError):
        decoder.decode(b"\xbe")


def test_our_setting_raised_needs_no_size_update(decoder):
    decoder.header_table_size = 8192
    assert decoder.header_table_size == 8192
    assert decoder.decode(GET) == ((b":method", b"GET"),)
    decoder.decode(b"\x3f\xe1\x3f")  # to 8192


def test_our_setting_lowered_above_what_is_used_needs_no_size_update(decoder):
    decoder.decode(b"\x3f\x45")  # to 100
    decoder.header_table_size = 200
    assert decoder.decode(GET) == ((b":method", b"GET"),)


def test_lowered_twice_between_blocks_counts_the_lowest():
    for updates, right in [(b"\x3f\x45", False), (b"\x3f\x13", True), (b"\x3f\x13\x3f\x45", True)]:
        decoder = Decoder()
        decoder.header_table_size = 50
        decoder.header_table_size = 100
        if right:
            assert decoder.decode(updates + GET)
            assert decoder.decode(GET)
        else:
            with pytest.raises(CompressionError, match=r"100 octets where 50 are allowed"):
                decoder.decode(updates + GET)


def test_what_was_changed_and_referred_to():
    decoder = Decoder()
    generation = decoder.generation
    decoder.decode(GET)
    assert (decoder.referred, decoder.insertions, decoder.list_size) == (False, [], 42)
    assert decoder.generation == generation
    decoder.decode(A1)
    assert (decoder.referred, decoder.insertions) == (False, [(b"a", b"1")])
    assert decoder.generation != generation
    generation = decoder.generation
    decoder.decode(b"\xbe")
    assert (decoder.referred, decoder.insertions) == (True, [])
    assert decoder.generation == generation
    decoder.decode(b"\x7e\x012")
    assert (decoder.referred, decoder.insertions) == (True, [(b"a", b"2")])
    generation = decoder.generation
    decoder.decode(b"\x3f\xe1\x1f")
    assert (decoder.referred, decoder.insertions) == (True, [])
    assert decoder.generation != generation


def test_replayed_insertions_are_there():
    decoder = Decoder()
    decoder.replay([(b"a", b"1"), (b"b", b"2")], 68)
    assert decoder.decode(b"\xbe\xbf") == ((b"b", b"2"), (b"a", b"1"))


def test_the_limit_of_a_section_is_exact():
    """RFC 9113, 6.5.2: name, value and 32 for each field."""
    assert Decoder(max_list_size=42).decode(GET)
    with pytest.raises(FieldSectionTooLarge, match=r"more than 41 octets \(RFC 9113, 6\.5\.2\)"):
        Decoder(max_list_size=41).decode(GET)


def test_an_indexed_field_repeated_stops_at_the_limit():
    """The bomb: one octet for 4 kB, as often as there are octets."""
    decoder = Decoder()
    decoder.decode(b"\x40\x01n\x7f\x80\x1e" + b"x" * (127 + 30 * 128))
    bomb = b"\xbe" * 100_000
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy has no tracemalloc")
    tracemalloc.start()
    try:
        with pytest.raises(FieldSectionTooLarge):
            decoder.decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
