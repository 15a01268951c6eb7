"""client/content_codings.py: content before gzip, deflate, br and zstd (RFC 9110, 8.4)."""

from __future__ import annotations

import gzip
import os
import zlib

import pytest

from hyper.client import content_codings as codings
from hyper.errors import RemoteProtocolError

TEXT = b"".join(b"line %d of what was coded\n" % number for number in range(2000))
NOISE = os.urandom(5000)


def raw_deflate(content):
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return coder.compress(content) + coder.flush()


def brotli_of(content):
    try:
        codings.CODINGS["br"]()
    except ImportError as error:
        pytest.skip(f"br: {error}")
    try:
        import brotli
    except ImportError:
        import brotlicffi as brotli
    return brotli.compress(content, quality=5)


def zstd_module():
    try:
        from compression import zstd
    except ImportError:
        return pytest.importorskip(
            "backports.zstd", reason="zstd: neither compression.zstd nor backports.zstd"
        )
    return zstd


def zstd_of(content):
    return zstd_module().compress(content)


CODERS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without wrapper": ("deflate", raw_deflate),
    "br": ("br", brotli_of),
    "zstd": ("zstd", zstd_of),
}
every_coding = pytest.mark.parametrize(("name", "coder"), CODERS.values(), ids=CODERS)


def decode(names, *pieces):
    """Return what a reader gets of the pieces, all of them and to the end."""
    decoder = codings.decoder_for(names)
    content = b"".join(step for piece in pieces for step in decoder.steps(piece))
    decoder.require_whole()
    return content


def cut(octets, size):
    return [octets[at : at + size] for at in range(0, len(octets), size)]


@every_coding
@pytest.mark.parametrize("content", [b"", b"x", TEXT, NOISE], ids=["none", "one", "text", "noise"])
def test_decoded_is_what_was_coded(name, coder, content):
    """RFC 9110, 8.4.1."""
    assert decode(name, coder(content)) == content


@every_coding
@pytest.mark.parametrize("size", [1, 2, 3, 17])
def test_cuts_do_not_matter(name, coder, size):
    """DATA frames end where they like: in the middle of a header, too."""
    assert decode(name, *cut(coder(TEXT), size)) == TEXT


@every_coding
def test_no_octets_at_all_are_no_content(name, coder):
    coder(b"")  # skips where the package is not here
    assert decode(name) == b""


@every_coding
def test_steps_are_bounded(name, coder):
    coded = coder(bytes(5 * codings.STEP + 17))
    sizes = [len(step) for step in codings.decoder_for(name).steps(coded)]
    assert sum(sizes) == 5 * codings.STEP + 17
    assert max(sizes) <= 2 * codings.STEP


@pytest.mark.parametrize("size", range(codings.STEP - 300, codings.STEP + 300, 37))
def test_content_that_ends_where_a_step_does(size):
    """Content that a step left in the decompressor comes with the next, though none is fed."""
    assert len(decode("deflate", raw_deflate(bytes(size)))) == size


@every_coding
def test_cut_short(name, coder):
    coded = coder(TEXT)
    with pytest.raises(RemoteProtocolError, match="ended within its coding"):
        decode(name, coded[:-5])


@every_coding
def test_damaged(name, coder):
    damaged = bytearray(coder(TEXT))
    for at in range(0, len(damaged), 7):
        damaged[at] ^= 0x55
    with pytest.raises(RemoteProtocolError, match=rf"not {name} as its content-encoding says"):
        decode(name, bytes(damaged))


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_once_damaged_always_damaged(name):
    """A reader that goes on after the error must not take what follows for content."""
    decoder = codings.decoder_for(name)
    for octets in (b"\xff\xff this was never coded", gzip.compress(TEXT)):
        with pytest.raises(RemoteProtocolError, match="content-encoding"):
            list(decoder.steps(octets))
    with pytest.raises(RemoteProtocolError, match="content-encoding"):
        decoder.require_whole()


class TestGzip:
    def test_gzip_of_several_members_is_decoded(self):
        """RFC 1952, 2.2."""
        coded = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
        for size in (1, 5, 1000):
            assert decode("gzip", *cut(coded, size)) == b"one two"

    def test_second_member_cut_short(self):
        with pytest.raises(RemoteProtocolError, match="ended within"):
            decode("gzip", gzip.compress(b"one ") + gzip.compress(b"two")[:-1])

    def test_checksum_counts(self):
        coded = bytearray(gzip.compress(TEXT))
        coded[-6] ^= 1
        with pytest.raises(RemoteProtocolError, match="incorrect data check"):
            decode("gzip", bytes(coded))

    def test_rubbish_after_the_end(self):
        with pytest.raises(RemoteProtocolError, match="not gzip"):
            decode("gzip", gzip.compress(b"one") + b"rubbish")


class TestZstd:
    def test_zstd_of_several_frames_is_decoded(self):
        """RFC 8878, 3."""
        coded = zstd_of(b"one ") + zstd_of(b"") + zstd_of(b"two")
        for size in (1, 5, 1000):
            assert decode("zstd", *cut(coded, size)) == b"one two"

    def test_a_window_beyond_8_mib_is_refused(self):
        """RFC 9659, 3: what a frame asks for, its decoder must allocate."""
        zstd = zstd_module()
        options = {zstd.CompressionParameter.window_log: 24}
        coder = zstd.ZstdCompressor(options=options)  # no content size: the window counts
        coded = coder.compress(NOISE) + coder.flush()
        with pytest.raises(RemoteProtocolError, match="not zstd"):
            decode("zstd", coded)


class TestLayers:
    """RFC 9110, 8.4: "applied in the order in which they appear"."""

    @pytest.mark.parametrize("size", [1, 10, 1000])
    def test_the_last_comes_off_first(self, size):
        coded = gzip.compress(zlib.compress(TEXT))
        assert decode("deflate, gzip", *cut(coded, size)) == TEXT

    def test_spelling(self):
        coded = gzip.compress(zlib.compress(TEXT))
        assert decode(" Deflate ,identity,, GZIP", coded) == TEXT

    def test_damage_in_the_inner_one(self):
        with pytest.raises(RemoteProtocolError, match="not deflate, gzip"):
            decode("deflate, gzip", gzip.compress(b"\xff never deflated"))

    def test_the_inner_one_cut_short(self):
        with pytest.raises(RemoteProtocolError, match="ended within"):
            decode("deflate, gzip", gzip.compress(zlib.compress(TEXT)[:-1]))

    def test_too_many(self):
        """Each layer can multiply a thousandfold, and no honest server codes more than twice."""
        coded = TEXT
        for _ in range(codings.MAX_LAYERS):
            coded = gzip.compress(coded)
        names = ["gzip"] * codings.MAX_LAYERS
        assert decode(", ".join(names), coded) == TEXT
        with pytest.raises(RemoteProtocolError, match=f"{len(names) + 1} content codings"):
            codings.decoder_for(", ".join([*names, "gzip"]))


@pytest.mark.parametrize("value", ["", "identity", "identity, identity", " , "])
def test_what_is_not_coded_needs_no_decoder(value):
    assert codings.decoder_for(value) is None


@pytest.mark.parametrize("value", ["compress", "gzip, compress", "aes128gcm"])
def test_an_unknown_coding_leaves_all_as_it_is(value):
    assert codings.decoder_for(value) is None


def test_a_coding_whose_package_is_not_here_leaves_all_as_it_is(monkeypatch):
    def absent():
        raise ImportError("no module named brotli")

    monkeypatch.setitem(codings.CODINGS, "br", absent)
    assert codings.decoder_for("br") is None


def test_what_is_offered_can_be_decoded(monkeypatch):
    """RFC 9110, 12.5.3."""
    monkeypatch.setattr(codings, "_accept_encoding", [])
    offered = codings.accept_encoding().split(", ")
    assert offered[:2] == ["gzip", "deflate"]
    assert all(codings.decoder_for(name) for name in offered)


def test_what_cannot_be_decoded_is_not_offered(monkeypatch):
    def absent():
        raise ImportError

    monkeypatch.setattr(codings, "_accept_encoding", [])
    monkeypatch.setitem(codings.CODINGS, "br", absent)
    monkeypatch.setitem(codings.CODINGS, "zstd", absent)
    assert codings.accept_encoding() == "gzip, deflate"
