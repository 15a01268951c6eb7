"""HPACK against itself, against PyPI's hpack, and against arbitrary octets (RFC 7541)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyper.errors import CompressionError
from hyper.hpack import Decoder, Encoder, NeverIndexed, huffman, inflate
from hyper.hpack.codes import STATIC_TABLE

NAMES = st.sampled_from([b"cookie", b"x-a", b"x-bcd", b"user-agent", b":path", b"authorization"])
VALUES = st.one_of(
    st.sampled_from([b"", b"0", b"some value", b"x" * 60, b"y" * 500]), st.binary(max_size=80)
)
FIELDS = st.one_of(
    st.tuples(NAMES, VALUES),
    st.tuples(st.binary(min_size=1, max_size=20), VALUES),
    st.sampled_from(STATIC_TABLE),
    st.builds(NeverIndexed, NAMES, VALUES),
)
SECTIONS = st.lists(FIELDS, max_size=8)
SIZES = st.sampled_from([0, 1, 33, 64, 100, 500, 4096, 65536])
# A step of a connection: the table's limit changes, or a section is sent, often the same again.
STORIES = st.lists(
    st.one_of(SIZES, SECTIONS, SECTIONS.map(lambda section: [section] * 3)), max_size=12
)


def steps(story):
    """The story with repeated sections one by one."""
    for step in story:
        if isinstance(step, list) and step and isinstance(step[0], list):
            yield from step
        else:
            yield step


def secret(section):
    """Which fields are never indexed."""
    return [isinstance(field, NeverIndexed) for field in section]


@given(st.binary(max_size=300))
def test_every_string_survives_its_huffman_code(text):
    assert inflate.decode(huffman.encode(text)) == text


@given(st.binary(max_size=60))
def test_the_two_ways_of_decoding_agree(octets):
    """RFC 7541, 5.2: what one takes the other takes for the same, and what is wrong is wrong."""
    outcomes = []
    for decode in (inflate.Texts().__getitem__, huffman.decode_by_rows):
        try:
            outcomes.append(decode(octets))
        except CompressionError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@given(STORIES)
def test_every_story_survives(story):
    """Both ends hear of each new limit between blocks, as by SETTINGS and its acknowledgment."""
    encoder, decoder = Encoder(), Decoder(max_list_size=1 << 20)
    for step in steps(story):
        if isinstance(step, int):
            encoder.header_table_size = decoder.header_table_size = step
            continue
        section = decoder.decode(encoder.encode(step))
        assert section == step
        assert [b for a, b in zip(secret(step), secret(section)) if a] == [True] * sum(secret(step))


@given(STORIES)
def test_pypi_hpack_understands_us(story):
    pypi = pytest.importorskip("hpack")
    encoder, decoder = Encoder(), pypi.Decoder(max_header_list_size=1 << 20)
    for step in steps(story):
        if isinstance(step, int):
            encoder.header_table_size = decoder.max_allowed_table_size = step
            continue
        assert list(map(tuple, decoder.decode(encoder.encode(step), raw=True))) == step


@given(STORIES, st.booleans())
def test_we_understand_pypi_hpack(story, huffman_coded):
    """Each block twice: what is remembered of it means the same, while their table grows."""
    pypi = pytest.importorskip("hpack")
    encoder, decoder = pypi.Encoder(), Decoder(max_list_size=1 << 20)
    limit = 4096
    for step in steps(story):
        if isinstance(step, int):
            limit = step
            continue
        # It forgets to tell a change if another follows at once, and tells sizes that are no more.
        if limit != encoder.header_table_size:
            encoder.header_table_size = decoder.header_table_size = limit
        fields = [(*field, flag) for field, flag in zip(step, secret(step))]
        for _ in range(2):
            assert decoder.decode(encoder.encode(fields, huffman=huffman_coded)) == step


BLOCKS = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                *(b"\x82", b"\xbe", b"\xbf", b"\x40\x01a\x011", b"\x7e\x012", b"\x20", b"\x0f"),
                *(b"\x00\x01n\x81\x1f", b"\x10\x01n\x01v", b"\xff\x80", b"\x3f\x03"),
                b"\x3f\xe1\x1f",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)


@given(st.lists(BLOCKS, max_size=6))
@settings(max_examples=300)
def test_arbitrary_octets_are_a_section_or_a_compression_error(blocks):
    """And with memory the outcome is that of a decoder that has none."""
    decoder, forgetful = Decoder(), Decoder()
    for block in blocks * 2:
        outcomes = []
        for each in (decoder, forgetful):
            forgetful._sections.clear()
            try:
                outcomes.append(each.decode(block))
            except CompressionError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]
        if isinstance(outcomes[0], str):
            break
