"""hpack/encoder.py: what is sent for which field (RFC 7541, 6)."""

import pytest

from hyper.fields import NeverIndexed
from hyper.hpack import encoder as module
from hyper.hpack.decoder import Decoder
from hyper.hpack.encoder import DYNAMIC_FIELDS, INDEXED, Encoder, pack_integer, pack_string


@pytest.fixture
def encoder():
    return Encoder()


@pytest.mark.parametrize(
    ("value", "prefix", "pattern", "octets"),
    [
        (10, 31, 0, "0a"),
        (30, 31, 0x20, "3e"),
        (31, 31, 0x20, "3f00"),
        (1337, 31, 0, "1f9a0a"),
        (42, 255, 0, "2a"),
        (127, 127, 0x80, "ff00"),
        (255, 127, 0x80, "ff8001"),
        (2**32 - 1, 31, 0x20, "3fe0ffffff0f"),
    ],
)
def test_integers(value, prefix, pattern, octets):
    """5.1."""
    assert pack_integer(value, prefix, pattern).hex() == octets


def test_rfc7541_6_1_indexed_fields_are_represented_as_integers_are():
    assert len(INDEXED) == 255
    assert tuple(pack_integer(index, 0x7F, 0x80) for index in range(255)) == INDEXED
    assert len(DYNAMIC_FIELDS) == 128  # entries of 32 octets in a table of 4096
    assert DYNAMIC_FIELDS[0] == b"\xbe"  # index 62


def test_the_shorter_form_of_a_string_is_sent():
    """5.2."""
    assert pack_string(b"abcd", b"xyz") == b"\x83xyz"
    assert pack_string(b"abc", b"xyz") == b"\x03abc"
    assert pack_string(b"a" * 300, b"x" * 127) == b"\xff\x00" + b"x" * 127
    assert pack_string(b"a" * 130, b"x" * 131) == b"\x7f\x03" + b"a" * 130


def test_a_field_of_the_static_table(encoder):
    assert encoder.encode(((b":method", b"GET"),)) == b"\x82"
    assert encoder.repeatable


def test_a_new_field_is_indexed_and_then_an_octet(encoder):
    section = ((b"x-name", b"some value"),)
    first = encoder.encode(section)
    assert first[0] == 0x40
    assert not encoder.repeatable
    assert encoder.encode(section) == b"\xbe"
    assert encoder.repeatable


def test_an_indexed_field_moves_when_others_come(encoder):
    encoder.encode(((b"a", b"1"),))
    assert encoder.encode(((b"a", b"1"), (b"b", b"2"), (b"a", b"1")))[-1] == 0xBF
    assert encoder.encode(((b"a", b"1"),)) == b"\xbf"


def test_a_known_name_is_sent_by_its_index(encoder):
    assert encoder.encode(((b"accept", b"a/b"),))[0] == 0x40 | 19
    encoder.encode(((b"x-name", b"1"),))
    assert encoder.encode(((b"x-name", b"2"),))[0] == 0x40 | 62


@pytest.mark.parametrize("name", sorted(module.UNINDEXED_NAMES))
def test_values_unlike_the_one_before_are_not_indexed(encoder, name):
    """6.2.2."""
    section = ((name, b"some value"),)
    block = encoder.encode(section)
    assert block[0] < 0x10
    assert encoder.encode(section) == block
    assert encoder.repeatable


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"authorization", b"Basic c2VjcmV0"),
        (b"authorization", b""),
        (b"proxy-authorization", b"Basic c2VjcmV0"),
        (b"set-cookie", b"id=" + b"x" * 50),
        (b"cookie", b"id=" + b"x" * 16),
    ],
)
def test_secrets_are_never_indexed(encoder, name, value):
    """7.1.3."""
    section = ((name, value),)
    block = encoder.encode(section)
    assert block[0] & 0xF0 == 0x10
    assert encoder.encode(section) == block
    assert type(Decoder().decode(block)[0]) is NeverIndexed


def test_a_long_cookie_is_indexed(encoder):
    section = ((b"cookie", b"id=" + b"x" * 17),)
    assert encoder.encode(section)[0] == 0x40 | 32
    assert encoder.encode(section) == b"\xbe"


def test_never_indexed_stays_so(encoder):
    """6.2.3, also for a field that is in a table already."""
    plain, secret = (b"x-token", b"t0ken"), NeverIndexed(b"x-token", b"t0ken")
    encoder.encode((plain,))
    block = encoder.encode((plain, secret, (b":method", b"GET")), secret=True)
    assert block[:2] == b"\xbe\x1f"
    assert block[-1] == 0x82


def test_a_field_that_fills_the_table_is_not_indexed(encoder):
    large = ((b"cookie", b"x" * 3100),)
    encoder.encode(((b"a", b"1"),))
    assert encoder.encode(large)[0] < 0x10
    assert encoder.encode(((b"a", b"1"),)) == b"\xbe"


def test_what_is_remembered_of_fields_is_bounded(encoder):
    for number in range(3 * module.KEPT_FIELDS):
        encoder.encode(((b":path", b"/%d" % number),))
        assert len(encoder._known) <= module.KEPT_FIELDS
    encoder._known.clear()
    encoder.encode(((b":path", b"/" + b"x" * module.KEPT_FIELD_SIZE),))
    assert not encoder._known


def test_the_table_is_bounded_whatever_the_peer_allows():
    encoder = Encoder()
    encoder.header_table_size = 1 << 20
    assert encoder.header_table_size == 1 << 20
    assert encoder.encode(((b":method", b"GET"),)) == b"\x82"  # nothing to tell: 4096 as before
    for number in range(500):
        encoder.encode(((b"n", b"%d" % number),))
    assert encoder._table.size <= 4096


def test_a_larger_table_to_begin_with_is_told_down():
    encoder = Encoder(65536)
    decoder = Decoder(65536)
    block = encoder.encode(((b":method", b"GET"),))
    assert block == b"\x3f\xe1\x1f\x82"
    assert not encoder.repeatable
    assert decoder.decode(block) == ((b":method", b"GET"),)
    assert encoder.encode(((b":method", b"GET"),)) == b"\x82"


def test_size_changes_are_told_once(encoder):
    section = ((b":method", b"GET"),)
    encoder.header_table_size = 100
    assert encoder.encode(section) == b"\x3f\x45\x82"
    assert encoder.encode(section) == b"\x82"
    encoder.header_table_size = 50
    encoder.header_table_size = 20
    encoder.header_table_size = 4096
    assert encoder.encode(section) == b"\x34\x3f\xe1\x1f\x82"
    encoder.header_table_size = 4096
    assert encoder.encode(section) == b"\x82"


def test_a_table_of_no_octets(encoder):
    encoder.encode(((b"a", b"1"),))
    encoder.header_table_size = 0
    section = ((b"a", b"1"),)
    block = encoder.encode(section)
    assert block[:2] == b"\x20\x00"
    assert encoder.encode(section) == block[1:]
