"""hpack/__init__.py: the memory of repeated blocks, and the public names."""

import random
import sys

import pytest

import hyper.hpack
from hyper.errors import CompressionError, FieldSectionTooLarge
from hyper.hpack import Decoder, Encoder, NeverIndexed, choice
from hyper.hpack.table import ENTRY_OVERHEAD

REQUEST = (
    (b":method", b"GET"),
    (b":path", b"/some/where"),
    (b"user-agent", b"test/1.0"),
    (b"cookie", b"session=0123456789abcdef"),
)
GET = b"\x82"
A1 = b"\x40\x01a\x011"
B2 = b"\x40\x01b\x012"


CODECS = ["python", "nghttp2"] if choice.is_loadable() else ["python"]


@pytest.fixture(params=CODECS)
def codec(request):
    return request.param


@pytest.fixture
def decoder(codec):
    return Decoder(codec=codec)


@pytest.fixture
def encoder(codec):
    return Encoder(codec=codec)


def test_encode_takes_any_iterable_of_bytes_or_str(encoder, decoder):
    fields = ((name.decode(), value) for name, value in REQUEST)
    assert decoder.decode(encoder.encode(fields)) == list(REQUEST)
    assert decoder.decode(memoryview(encoder.encode([("x-name", "caf\xe9")]))) == [
        (b"x-name", b"caf\xe9")
    ]


@pytest.mark.parametrize("value", [5, None, bytearray(b"value")])
def test_a_field_of_another_type_leaves_the_table_as_it_is(encoder, decoder, value):
    with pytest.raises(TypeError, match="bytes or str, not"):
        encoder.encode([("x-first", "1"), ("x-name", value)])
    for fields in ([(b"x-second", b"2")], [(b"x-second", b"2"), (b"x-first", b"1")]):
        assert decoder.decode(encoder.encode(fields)) == fields


@pytest.mark.parametrize("block", [5, "text", None, [0x82]])
def test_a_block_is_octets(decoder, block):
    with pytest.raises(TypeError):
        decoder.decode(block)


@pytest.mark.parametrize("kind", [Encoder, Decoder])
@pytest.mark.parametrize("size", [-1, 1 << 32])
def test_rfc9113_6_5_1_a_table_size_is_of_32_bits(codec, kind, size):
    with pytest.raises(ValueError, match=rf"{size} octets.*RFC 9113, 6\.5\.1"):
        kind(size, codec=codec)
    coder = kind(codec=codec)
    with pytest.raises(ValueError, match=r"RFC 9113, 6\.5\.1"):
        coder.header_table_size = size
    assert coder.header_table_size == 4096


def test_the_same_section_is_the_same_block_once_the_table_has_settled(encoder):
    encoder.encode_section(REQUEST)
    block = encoder.encode_section(REQUEST)
    again = tuple((bytes(bytearray(name)), value) for name, value in REQUEST)
    assert encoder.encode_section(again) is block


def test_an_addition_moves_what_is_remembered(encoder, decoder):
    for section in [REQUEST, REQUEST, ((b"new", b"field"),), REQUEST, REQUEST]:
        assert decoder.decode_section(encoder.encode_section(section)) == section


def test_an_empty_section(encoder, decoder):
    for _ in range(2):
        assert encoder.encode_section(()) == b""
        assert decoder.decode_section(b"") == ()


def test_a_secret_is_not_taken_for_the_plain_field(encoder):
    """They are equal, and may not share a place in memory."""
    plain, secret = (b"x-token", b"t0ken"), NeverIndexed("x-token", "t0ken")
    for _ in range(3):
        encoder.encode([plain])
    assert encoder.encode([plain]) == b"\xbe"
    for _ in range(2):
        assert encoder.encode([secret])[0] & 0xF0 == 0x10
    assert encoder.encode([plain]) == b"\xbe"


def test_a_secret_survives_the_memo(encoder):
    secret = NeverIndexed(b"x-token", b"t0ken")
    for _ in range(2):
        assert encoder.encode_section((secret,))[0] & 0xF0 == 0x10


def test_sections_remembered_by_the_encoder_are_bounded(encoder):
    for number in range(3 * hyper.hpack.KEPT_SECTIONS):
        encoder.encode_section(((b":path", b"/%d" % number),))
        assert len(encoder._blocks) <= hyper.hpack.KEPT_SECTIONS
    encoder._blocks.clear()
    encoder.encode_section(((b":path", b"\xff" * 2000),))
    assert not encoder._blocks


def test_a_changed_table_size_is_told_before_a_remembered_block(encoder):
    section = ((b":method", b"GET"),)
    assert encoder.encode_section(section) == GET
    encoder.header_table_size = 0
    assert encoder.header_table_size == 0
    assert encoder.encode_section(section) == b"\x20" + GET
    assert encoder.encode_section(section) == GET


def test_the_same_block_is_the_same_section(decoder):
    """Kind one: neither refers nor inserts."""
    section = decoder.decode_section(GET)
    decoder.decode_section(A1)
    assert decoder.decode_section(bytes(bytearray(GET))) is section


def test_a_block_that_refers_means_the_same_while_the_table_is_the_same(decoder):
    """Kind two."""
    decoder.decode_section(A1)
    section = decoder.decode_section(b"\xbe")
    assert decoder.decode_section(b"\xbe") is section
    decoder.decode_section(B2)
    assert decoder.decode_section(b"\xbe") == ((b"b", b"2"),)
    decoder.decode_section(b"\x20\x3f\xe1\x1f")
    with pytest.raises(CompressionError):
        decoder.decode_section(b"\xbe")


def test_a_block_that_inserts_is_not_decoded_again_and_inserts_again(decoder):
    """Kind three."""
    block = A1 + GET + B2
    section = decoder.decode_section(block)
    for _ in range(200):
        assert decoder.decode_section(block) is section
    assert decoder.decode_section(b"\xbe\xbf\xc0\xc1") == ((b"b", b"2"), (b"a", b"1")) * 2
    decoder.decode_section(b"\x3f\x25")  # to 68: two entries
    decoder.decode_section(block)
    assert decoder.decode_section(b"\xbe\xbf") == ((b"b", b"2"), (b"a", b"1"))
    with pytest.raises(CompressionError):
        decoder.decode_section(b"\xc0")


def test_a_replay_changes_what_a_reference_means(decoder):
    decoder.decode_section(A1)
    decoder.decode_section(B2)
    assert decoder.decode_section(b"\xbe") == ((b"b", b"2"),)
    decoder.decode_section(A1)  # from memory
    assert decoder.decode_section(b"\xbe") == ((b"a", b"1"),)


def test_a_block_that_refers_and_inserts_is_decoded_each_time(decoder):
    """Kind four."""
    decoder.decode_section(A1)
    block = b"\xbe" + B2
    assert decoder.decode_section(block) == ((b"a", b"1"), (b"b", b"2"))
    assert decoder.decode_section(block) == ((b"b", b"2"), (b"b", b"2"))


def test_a_size_update_is_obeyed_each_time(decoder):
    decoder.decode_section(b"\x20" + GET)
    decoder.decode_section(b"\x3f\xe1\x1f" + A1)
    decoder.decode_section(b"\x20" + GET)
    with pytest.raises(CompressionError):
        decoder.decode_section(b"\xbe")


def test_a_lowered_setting_is_not_forgotten_for_a_remembered_block(decoder):
    """RFC 9113, 4.3.1."""
    decoder.decode_section(GET)
    decoder.header_table_size = 100
    assert decoder.header_table_size == 100
    with pytest.raises(CompressionError, match=r"RFC 9113, 4\.3\.1"):
        decoder.decode_section(GET)


def test_a_lowered_limit_is_not_forgotten_for_a_remembered_block(decoder):
    decoder.decode_section(GET)
    decoder.max_list_size = 41
    assert decoder.max_list_size == 41
    with pytest.raises(FieldSectionTooLarge):
        decoder.decode_section(GET)


def test_blocks_remembered_are_bounded_in_number(decoder):
    for number in range(300):
        decoder.decode_section(b"\x00\x01n\x03%03d" % number)
        assert len(decoder._sections) <= hyper.hpack.KEPT_SECTIONS


def test_a_block_that_is_remembered_anew_does_not_push_out_others(decoder):
    section = decoder.decode_section(GET)
    for _ in range(hyper.hpack.KEPT_OCTETS // ENTRY_OVERHEAD):
        decoder.decode_section(A1)
        decoder.decode_section(b"\xbe")  # true of this table only
    assert decoder.decode_section(GET) is section


def test_long_blocks_and_large_sections_are_not_remembered():
    decoder = Decoder(max_list_size=1 << 20)
    decoder.decode_section(b"\x00\x01n\x7f\x80\x10" + b"x" * (127 + 2048))
    assert not decoder._sections
    decoder.decode_section(b"\x40\x01n\x7f\x80\x10" + b"x" * (127 + 2048))
    decoder.decode_section(b"\xbe" * 100)
    assert not decoder._sections


def deep_size(roots):
    """Octets of all that can be reached from some objects through the types used here."""
    seen, size, pending = set(), 0, list(roots)
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        size += sys.getsizeof(thing)
        if isinstance(thing, dict):
            pending += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (tuple, list)):
            pending += thing
        for kind in type(thing).__mro__:
            slots = getattr(kind, "__slots__", ())
            pending += [getattr(thing, name) for name in slots if hasattr(thing, name)]
    return size


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts CPython's own octets")
def test_a_hostile_peer_gets_no_more_than_a_megabyte():
    """All kinds of blocks, made to be remembered, with entries large and small."""
    draw = random.Random(3)
    decoder, largest = Decoder(), 0
    for _ in range(1500):
        kind = draw.randrange(4)
        if kind == 0:
            block = b"".join(
                b"\x40\x02%c%c\x00" % (draw.randrange(97, 122), octet) for octet in range(97, 180)
            )
        elif kind == 1:
            block = b"\x40\x01n\x7f\x80\x06" + draw.randbytes(127 + 768)
        elif kind == 2:
            block = b"\xbe" * draw.randrange(1, 20)
        else:
            block = b"".join(
                b"\x00\x02%b\x02%b" % (draw.randbytes(2), draw.randbytes(2)) for _ in range(160)
            )
        decoder.decode_section(block)
        decoder.decode_section(block)
        if draw.random() < 0.05:
            largest = max(largest, deep_size([decoder]))
    assert largest < 1 << 20


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts CPython's own octets")
def test_a_fresh_codec_is_small():
    assert deep_size([Encoder(), Decoder()]) < 20_000


def test_a_section_that_is_sent_again_is_coded_for_the_table_of_that_moment(encoder, decoder):
    # The very same tuple, as of a request that is repeated.
    other = ((b":method", b"GET"), (b"x-other", b"1"))
    for section in (REQUEST, REQUEST, REQUEST, other, REQUEST, REQUEST, other, other, REQUEST):
        assert decoder.decode_section(encoder.encode_section(section)) == section


def test_a_section_that_is_sent_again_after_the_table_became_smaller_refers_to_nothing_lost(codec):
    encoder, decoder = Encoder(codec=codec), Decoder(codec=codec)
    for _ in range(3):
        assert decoder.decode_section(encoder.encode_section(REQUEST)) == REQUEST
    encoder.header_table_size = decoder.header_table_size = 0
    for _ in range(3):
        assert decoder.decode_section(encoder.encode_section(REQUEST)) == REQUEST


def test_a_field_that_became_secret_is_not_coded_as_the_equal_section_before(encoder, decoder):
    plain = ((b":method", b"GET"), (b"x-token", b"1"))
    for _ in range(3):
        decoder.decode_section(encoder.encode_section(plain))
    secret = ((b":method", b"GET"), NeverIndexed(b"x-token", b"1"))
    decoder.decode_section(encoder.encode_section(secret))
    assert decoder.is_marked
    decoder.decode_section(encoder.encode_section(plain))
    assert not decoder.is_marked
