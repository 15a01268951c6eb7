"""Content codings against a hostile peer: work without content, and exceptions that are not ours.

RFC 9110, 8.4. Inputs are made small by a second coding around them.
"""

from __future__ import annotations

import gzip
import sys
import types
import zlib

import pytest

from hyper.client import content_codings as codings
from hyper.errors import LocalProtocolError, RemoteProtocolError

from .test_content_codings import brotli_of, decode, raw_deflate, zstd_of

TEXT = b"".join(b"line %d of what was coded\n" % number for number in range(2000))
MANY = 1 << 18
NO_MEMBER = gzip.compress(b"")
SKIPPABLE = b"\x50\x2a\x4d\x18" + bytes(4)

# The coding inside, octets of it that give no content, and how often they are repeated.
FRUITLESS = {
    "empty gzip members": ("gzip", NO_MEMBER, MANY),
    "gzip members of one octet": ("gzip", gzip.compress(b"x"), MANY),
    "a gzip member's name": ("gzip", b"\x1f\x8b\x08\x08" + b"a" * 60, MANY),
    "zeros behind a gzip member": ("gzip", NO_MEMBER + bytes(64 * MANY), 1),
    "empty stored blocks": ("deflate", b"\x78\x9c" + b"\0\0\0\xff\xff" * MANY, 1),
    "skippable zstd frames": ("zstd", SKIPPABLE, MANY),
    "a long skippable zstd frame": ("zstd", SKIPPABLE[:4] + b"\0\0\0\x70" + bytes(MANY), 64),
}


@pytest.mark.parametrize("outer", ["gzip", "br", "zstd"])
@pytest.mark.parametrize(("inner", "octets", "times"), FRUITLESS.values(), ids=FRUITLESS)
def test_work_that_gives_no_content_is_bounded(inner, octets, times, outer):
    """RFC 9110, 17: the steps are counted, so that a slow machine does not matter."""
    for name in (inner, outer):
        if codings.decoder_for(name) is None:
            pytest.skip(f"{name}: its package is not here")
    coder = {"gzip": gzip.compress, "br": brotli_of, "zstd": zstd_of}[outer]
    coded = coder(octets * times)
    steps = codings.decoder_for(f"{inner}, {outer}").steps(coded)
    taken = []
    with pytest.raises(RemoteProtocolError, match="much work for little content"):
        taken.extend(map(len, steps))
    fair = codings.SPARE_WORK + (codings.OCTET_WORK + 1) * len(coded) + codings.PIECE_WORK
    assert len(taken) <= fair // codings.CALL_COST + 1


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_every_step_of_empty_members_can_be_left(name):
    """The reader looks at its clock between them."""
    zstd_of(b"")
    member = {"gzip": NO_MEMBER, "zstd": zstd_of(b"")}[name]
    assert list(codings.decoder_for(name).steps(member * 1000)) == [b""] * 1000


def test_tiny_members_are_not_copied_each_time(monkeypatch):
    """A decompressor copies what it does not need, so that it must not be fed everything."""
    fed = []
    original = zlib.decompressobj

    class Counting:
        def __init__(self, wbits):
            self._object = original(wbits)

        def decompress(self, octets, size):
            fed.append(len(octets))
            return self._object.decompress(octets, size)

        def __getattr__(self, name):
            return getattr(self._object, name)

    monkeypatch.setattr(codings.zlib, "decompressobj", Counting)
    assert decode("gzip", NO_MEMBER * 10_000) == b""
    assert sum(fed) < 12_000 * codings.FIRST_FEED


HONEST = {
    "a member a line": ("gzip", b"".join(map(gzip.compress, TEXT.splitlines(keepends=True)))),
    "coded twice": ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
    "a member a line, coded twice": (
        "gzip, gzip",
        gzip.compress(b"".join(map(gzip.compress, TEXT.splitlines(keepends=True)))),
    ),
    "an empty member behind each": ("gzip", gzip.compress(TEXT) + NO_MEMBER),
}


@pytest.mark.parametrize("size", [1, 100, 1 << 30])
@pytest.mark.parametrize(("names", "coded"), HONEST.values(), ids=HONEST)
def test_honest_content_has_work_to_spare(names, coded, size, monkeypatch):
    """RFC 9110, 8.4: in frames of one octet, too, and with a tenth of what is spare."""
    monkeypatch.setattr(codings, "SPARE_WORK", codings.SPARE_WORK // 10)
    pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
    assert decode(names, *pieces) == TEXT


class TestBehindTheEnd:
    @pytest.mark.parametrize("zeros", [1, 3, 512, 100_000])
    @pytest.mark.parametrize("size", [1, 100, 1 << 30])
    def test_zeros_behind_a_gzip_member_are_padding(self, zeros, size):
        """As gzip itself reads it; RFC 1952 says nothing of it."""
        coded = gzip.compress(TEXT) + bytes(zeros)
        if size == 1 and zeros > 512:
            size = 10
        pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
        assert decode("gzip", *pieces) == TEXT
        assert decode("gzip", coded + gzip.compress(b"more")) == TEXT + b"more"

    @pytest.mark.parametrize("left", [1, 2, 10, 19])
    def test_a_gzip_member_cut_short_behind_padding(self, left):
        with pytest.raises(RemoteProtocolError, match="ended within its coding gzip"):
            decode("gzip", gzip.compress(TEXT) + bytes(5) + NO_MEMBER[:left])

    def test_zeros_alone_are_no_gzip(self):
        with pytest.raises(RemoteProtocolError, match="not gzip"):
            decode("gzip", bytes(512))

    @pytest.mark.parametrize("coder", [zlib.compress, raw_deflate])
    @pytest.mark.parametrize("more", [zlib.compress(b"more"), b"\0", b"rubbish"])
    @pytest.mark.parametrize("size", [1, 1 << 30])
    def test_nothing_may_follow_deflate(self, coder, more, size):
        """RFC 1950, 2.2 has one stream: several in a row are gzip's alone (RFC 1952, 2.2)."""
        coded = coder(TEXT) + more
        pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
        with pytest.raises(RemoteProtocolError, match=r"not deflate .*follow its end"):
            decode("deflate", *pieces)

    @pytest.mark.parametrize("size", [1, 1 << 30])
    def test_nothing_may_follow_br(self, size):
        """RFC 7932, 10: a stream ends with its last meta-block."""
        coded = brotli_of(TEXT) + brotli_of(b"more")
        pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
        with pytest.raises(RemoteProtocolError, match="not br"):
            decode("br", *pieces)


def package(**names):
    return types.SimpleNamespace(error=ValueError, **names)


class Unbounded:
    """The Decompressor of brotli 1.1: no limit can be given."""

    def process(self, octets):
        raise NotImplementedError


class Bounded:
    def can_accept_more_data(self):
        return True

    def process(self, octets, output_buffer_limit):
        return octets[:output_buffer_limit]

    def is_finished(self):
        return True


class TestBrotliWithoutLimit:
    """RFC 9110, 12.5.3: offered where its steps can be bounded; 809 octets may be 2 GiB."""

    @pytest.mark.parametrize("other", [None, package(Decompressor=Unbounded)])
    def test_neither_offered_nor_decoded(self, monkeypatch, other):
        monkeypatch.setitem(sys.modules, "brotli", package(Decompressor=Unbounded))
        monkeypatch.setitem(sys.modules, "brotlicffi", other)
        monkeypatch.setattr(codings, "_accept_encoding", [])
        assert "br" not in codings.accept_encoding().split(", ")
        assert codings.decoder_for("br") is None
        assert codings.decoder_for("br, gzip") is None

    def test_the_other_package_is_taken_where_it_has_a_limit(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "brotli", package(Decompressor=Unbounded))
        monkeypatch.setitem(sys.modules, "brotlicffi", package(Decompressor=Bounded))
        monkeypatch.setattr(codings, "_accept_encoding", [])
        assert "br" in codings.accept_encoding().split(", ")
        assert codings.decoder_for("br") is not None


class Alarm(Exception):
    """An exception of the program's signal handler."""


class TestInterrupted:
    @pytest.mark.parametrize("error", [Alarm, KeyboardInterrupt, MemoryError, ValueError])
    @pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
    def test_the_programs_exception_comes_out_as_it_is(self, name, error, monkeypatch):
        decoder = codings.decoder_for(name)
        if decoder is None:
            pytest.skip(f"{name}: its package is not here")

        def interrupted(_octets):
            raise error("the program's own")
            yield

        monkeypatch.setattr(decoder._layers[0], "steps", interrupted)
        with pytest.raises(error, match="the program's own"):
            list(decoder.steps(b"x"))
        for verb in (lambda: list(decoder.steps(b"x")), decoder.require_whole):
            with pytest.raises(LocalProtocolError, match=f"interrupted by {error.__name__}"):
                verb()

    def test_a_reader_that_wants_no_more_interrupts_nothing(self):
        decoder = codings.decoder_for("gzip")
        steps = decoder.steps(gzip.compress(bytes(3 * codings.STEP)))
        assert len(next(steps)) == codings.STEP
        steps.close()
        assert list(decoder.steps(b"")) == []
