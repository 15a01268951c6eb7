"""The generated data of hyper/hpack/codes.py, checked by other means than the generator's."""

import hashlib
import runpy
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from hyper.hpack.codes import DEFLATE_HEADER, HUFFMAN_CODES, STATIC_TABLE
from hyper.hpack.inflate import RESYNC

ROOT = Path(__file__).resolve().parent.parent


def test_static_table_has_the_entries_that_everybody_knows():
    """RFC 7541, appendix A."""
    assert len(STATIC_TABLE) == 61
    assert STATIC_TABLE[1] == (b":method", b"GET")
    assert STATIC_TABLE[7] == (b":status", b"200")
    assert STATIC_TABLE[15] == (b"accept-encoding", b"gzip, deflate")
    assert STATIC_TABLE[60] == (b"www-authenticate", b"")


def test_huffman_code_is_complete():
    """Kraft: the sizes fill the space of words exactly, so that all bits mean something."""
    assert len(HUFFMAN_CODES) == 257
    assert sum(2 ** (30 - len(code)) for code in HUFFMAN_CODES) == 2**30
    assert {len(code) for code in HUFFMAN_CODES} <= set(range(5, 31))


def test_huffman_code_is_canonical():
    """Sorted by size and then by symbol, each word is the one before plus one, widened by zeros."""
    symbols = sorted(range(257), key=lambda symbol: (len(HUFFMAN_CODES[symbol]), symbol))
    word, size = -1, 5
    for symbol in symbols:
        code = HUFFMAN_CODES[symbol]
        word = word + 1 << len(code) - size
        size = len(code)
        assert code == format(word, f"0{size}b")
    assert HUFFMAN_CODES[256] == "1" * 30


def test_tables_are_those_that_were_checked():
    """One changed bit anywhere changes this; the sum was taken when all other tests held."""
    text = repr((STATIC_TABLE, HUFFMAN_CODES)).encode()
    assert (
        hashlib.sha256(text).hexdigest()
        == "466445d89821cf9b754a06368948fc64d3fe16e34ec0e72f1b830960a6c09b4f"
    )


def test_tables_are_those_of_another_implementation():
    """PyPI's hpack took them from the RFC by its own hand."""
    huffman_constants = pytest.importorskip("hpack.huffman_constants")
    table = pytest.importorskip("hpack.table")
    assert table.HeaderTable.STATIC_TABLE == STATIC_TABLE
    theirs = zip(huffman_constants.REQUEST_CODES, huffman_constants.REQUEST_CODES_LENGTH)
    assert tuple(format(code, f"0{size}b") for code, size in theirs) == HUFFMAN_CODES


def test_deflate_header_gives_each_octet_its_word_of_the_huffman_code():
    """RFC 1951, 3.2.7: zlib reads the header, and then each word of at most 15 bits alone."""
    for octet, code in enumerate(HUFFMAN_CODES[:256]):
        if len(code) <= 15:
            bits = code + "1" * 15
            coded = int(bits[::-1], 2).to_bytes(4, "little")
            inflater = zlib.decompressobj(-15)
            assert inflater.decompress(DEFLATE_HEADER + coded) == bytes([octet])
            assert inflater.eof


def test_module_is_what_the_generator_makes_of_the_rfc():
    script = [sys.executable, ROOT / "tools/make_hpack_codes.py"]
    made = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    assert made == (ROOT / "hyper/hpack/codes.py").read_text()


def test_resync_is_what_its_tool_finds_first(monkeypatch):
    """RFC 7541, 5.2: the two octets behind a string tell its padding from anything else."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # which the tool changes
    tool = runpy.run_path(str(ROOT / "tools" / "find_resync.py"))
    assert next(tool["find"]()).to_bytes(2, "big") == RESYNC
