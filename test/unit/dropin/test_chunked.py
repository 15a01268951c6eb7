"""dropin/chunked.py: the chunked coding taken off (RFC 9112, 7.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper.dropin.chunked import MAX_LINE, Unchunker
from hyper.errors import LocalProtocolError

CONTENT = b"wiki" + b"pedia in\r\n\r\nchunks."
CODED = b"4\r\nwiki\r\n15;a=b\r\npedia in\r\n\r\nchunks.\r\n0\r\nX-Sum: 1\r\nx-two:2\r\n\r\n"
CODED = CODED.replace(b"15;", b"%x;" % len(CONTENT[4:]))


@given(st.lists(st.integers(0, len(CODED))))
def test_any_cutting_gives_the_content(cuts):
    """RFC 9112, 7.1: sizes, extensions, trailers, wherever a piece ends."""
    at = [0, *sorted(cuts), len(CODED)]
    unchunker = Unchunker()
    got = [unchunker.feed(CODED[start:stop]) for start, stop in zip(at, at[1:])]
    assert b"".join(got) == CONTENT
    assert unchunker.is_finished
    assert unchunker.trailers == [(b"X-Sum", b"1"), (b"x-two", b"2")]


@given(st.lists(st.binary(min_size=1)))
def test_any_content_comes_out_as_it_went_in(chunks):
    coded = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    unchunker = Unchunker()
    assert unchunker.feed(bytearray(coded)) == b"".join(chunks)
    assert not unchunker.is_finished
    assert unchunker.feed(memoryview(b"0\r\n\r\n")) == b""
    assert unchunker.is_finished


@pytest.mark.parametrize(
    "coded",
    [
        b"hello\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x4\r\nwiki\r\n",
        b"1_0\r\n",
        b"+4\r\nwiki\r\n",
        b"12345678901234567\r\n",
        b"4\r\nwikipedia\r\n",
        b"0\r\nno field\r\n",
        b"0\r\n\r\n4\r\nwiki\r\n",
        b"4;" + b"x" * MAX_LINE + b"\r\n",
        b"a" * (MAX_LINE + 1),
    ],
)
def test_what_is_not_chunked_is_refused(coded):
    with pytest.raises(LocalProtocolError, match="chunked coding"):
        Unchunker().feed(coded)
