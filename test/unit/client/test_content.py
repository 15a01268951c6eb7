"""client/content: whatever callers give as content, in views, and how long it will be.

http.client is the oracle where it has an opinion.
"""

from __future__ import annotations

import array
import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import os
import tempfile
from collections import deque

import pytest

from hyper.client import content
from hyper.errors import LocalProtocolError


def octets(given):
    return b"".join(bytes(piece) for piece in content.pieces(given))


def generator(*pieces):
    yield from pieces


@pytest.fixture
def binary_file():
    """A file of ten octets, standing at its fourth."""
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.seek(3)
        yield file


WHOLE = {
    "bytes": (b"content", b"content"),
    "no octets": (b"", b""),
    "bytearray": (bytearray(b"content"), b"content"),
    "memoryview": (memoryview(b"content"), b"content"),
    "a view with gaps": (memoryview(b"c-o-n-t-e-n-t")[::2], b"content"),
    "a view backwards": (memoryview(b"tnetnoc")[::-1], b"content"),
    "array of larger items": (array.array("H", [0x6F63, 0x0A6E]), b"con\n"),
    "str is latin-1": ("caf\xe9", b"caf\xe9"),
    "no text": ("", b""),
}

PIECEWISE = {
    "list": ([b"con", b"", bytearray(b"te"), "nt"], b"content"),
    "tuple": ((b"content",), b"content"),
    "deque": (deque([b"con", b"tent"]), b"content"),
    "empty list": ([], b""),
    "generator": (generator(b"con", "tent"), b"content"),
    "BytesIO": (io.BytesIO(b"content"), b"content"),
    "StringIO": (io.StringIO("caf\xe9"), b"caf\xe9"),
}


@pytest.mark.parametrize(("given", "expected"), WHOLE.values(), ids=WHOLE)
def test_what_is_in_memory_is_one_piece_of_known_length(given, expected):
    """RFC 9110, 8.6."""
    assert octets(given) == expected
    assert content.is_whole(given)
    assert content.content_length("POST", given) == len(expected)


@pytest.mark.parametrize(("given", "expected"), PIECEWISE.values(), ids=PIECEWISE)
def test_what_comes_piece_by_piece_has_no_length_beforehand(given, expected):
    assert not content.is_whole(given)
    assert content.content_length("POST", given) is None
    assert octets(given) == expected


def test_a_piece_is_asked_for_only_when_the_one_before_is_gone():
    taken = []

    def pieces():
        for number in range(3):
            taken.append(number)
            yield b"%d" % number

    views = content.pieces(pieces())
    assert bytes(next(views)) == b"0"
    assert taken == [0]


def test_a_file_gives_what_is_left_of_it(binary_file):
    assert content.content_length("POST", binary_file) == 7
    assert octets(binary_file) == b"3456789"


def test_a_file_that_seems_empty_has_no_length(binary_file):
    """It may be one that the system makes up as it is read, as those of /proc."""
    binary_file.seek(100)
    assert content.content_length("POST", binary_file) is None
    assert octets(binary_file) == b""


def test_a_large_file_is_read_in_blocks(binary_file):
    binary_file.truncate(3 * content.READ_SIZE)
    binary_file.seek(1)
    sizes = [len(piece) for piece in content.pieces(binary_file)]
    assert sizes == [content.READ_SIZE, content.READ_SIZE, content.READ_SIZE - 1]


def test_a_text_file_has_no_length_in_octets(tmp_path):
    path = tmp_path / "text"
    path.write_text("caf\xe9", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        assert content.content_length("POST", file) is None
        assert octets(file) == b"caf\xe9"


PACKED = {
    "gzip": (gzip.open, gzip.compress),
    "bz2": (bz2.open, bz2.compress),
    "lzma": (lzma.open, lzma.compress),
    "a buffer around gzip": (lambda path: io.BufferedReader(gzip.GzipFile(path)), gzip.compress),
    "a buffer around bz2": (lambda path: io.BufferedReader(bz2.BZ2File(path)), bz2.compress),
}


@pytest.mark.parametrize("start", [0, 5])
@pytest.mark.parametrize(("opener", "pack"), PACKED.values(), ids=PACKED)
def test_a_packed_file_gives_what_read_gives_and_no_length(tmp_path, opener, pack, start):
    """RFC 9110, 8.6: fileno() and its size are those of the packed octets."""
    path = tmp_path / "packed"
    path.write_bytes(pack(b"0123456789" * 1000))
    with opener(path) as file:
        assert file.read(start) == b"0123456789"[:start]
        assert content.content_length("POST", file) is None
        assert octets(file) == (b"0123456789" * 1000)[start:]


def test_a_file_whose_read_was_overridden_has_no_length(tmp_path):
    class Shouting(io.FileIO):
        def read(self, size=-1):
            return super().read(size).upper() * 2

    path = tmp_path / "file"
    path.write_bytes(b"text")
    with Shouting(path) as file:
        assert content.content_length("POST", file) is None
        assert octets(file) == b"TEXTTEXT"


def test_text_read_through_a_codec_has_no_length(tmp_path):
    path = tmp_path / "text"
    path.write_text("caf\xe9", encoding="utf-8")
    # codecs.open returns this, which is deprecated since 3.14.
    reader, writer = codecs.getreader("utf-8"), codecs.getwriter("utf-8")
    with codecs.StreamReaderWriter(path.open("rb"), reader, writer) as file:
        assert content.content_length("POST", file) is None
        assert octets(file) == b"caf\xe9"


@pytest.mark.parametrize("buffering", [0, -1, 100])
@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_a_plain_file_keeps_its_length(tmp_path, buffering, mode):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open(mode, buffering=buffering) as file:
        file.read(4)
        assert content.content_length("PUT", file) == 6
        assert octets(file) == b"456789"


def test_a_named_temporary_file_has_its_length():
    for mode, length in (("w+b", 3), ("w+", None)):
        with tempfile.NamedTemporaryFile(mode) as file:
            file.write("caf" if mode == "w+" else b"caf")
            file.seek(0)
            assert content.content_length("PUT", file) == length
            assert octets(file) == b"caf"


def test_a_closed_file_is_refused_before_anything_is_sent(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        content.content_length("POST", file)


def test_a_pipe_has_no_length():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(b"through a pipe")
    with os.fdopen(reading, "rb") as end:
        assert content.content_length("POST", end) is None
        assert octets(end) == b"through a pipe"


def test_a_pipe_that_cannot_tell_where_it_stands_has_no_length():
    class Reader:
        def __init__(self):
            self.left = [b"a", b"b", b""]

        def fileno(self):
            raise io.UnsupportedOperation

        def read(self, _size=-1):
            return self.left.pop(0)

    reader = Reader()
    assert content.content_length("PUT", reader) is None
    assert octets(reader) == b"ab"


@pytest.mark.parametrize(
    ("method", "length"),
    [("POST", 0), ("PUT", 0), ("PATCH", 0), ("post", 0), ("GET", None), ("DELETE", None)],
)
def test_no_content_is_announced_where_the_method_expects_some(method, length):
    """RFC 9110, 8.6."""
    assert content.content_length(method, None) == length
    assert octets(None) == b""


def test_text_beyond_latin_1_is_refused_with_the_way_out():
    """The same words that http.client's users know, and the piece that is at fault."""
    with pytest.raises(LocalProtocolError, match=r"'\u20ac'.*latin-1.*encode\('utf-8'\)"):
        content.content_length("POST", "costs \u20ac 5")


def spooled(octets_):
    file = tempfile.SpooledTemporaryFile(max_size=len(octets_) // 2)  # noqa: SIM115 - a body
    file.write(octets_)
    file.seek(0)
    return file


def text_in_a_file(octets_):
    return io.StringIO(octets_.decode())


def buffered(octets_):
    file = tempfile.TemporaryFile()  # noqa: SIM115 - a body
    file.write(octets_)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "make",
    [bytes, bytearray, memoryview, io.BytesIO, text_in_a_file, buffered, spooled, tuple],
)
def test_a_body_that_is_certainly_empty_is_known_without_taking_from_it(make):
    """RFC 9110, 10.1.1: an expectation is about content."""
    with contextlib.ExitStack() as files:
        bodies = make(b""), (b"aa",) if make is tuple else make(b"aa")
        for body in bodies:
            if hasattr(body, "close"):
                files.callback(body.close)
        assert [content.is_empty(body) for body in bodies] == [True, False]
        assert [octets(body) for body in bodies] == [b"", b"aa"]


def test_a_file_at_its_end_is_empty(binary_file):
    binary_file.seek(0, io.SEEK_END)
    assert content.is_empty(binary_file)
    binary_file.seek(3)
    assert not content.is_empty(binary_file)
    assert binary_file.tell() == 3


def test_what_would_have_to_be_asked_for_a_piece_counts_as_content():
    class Reader:
        def read(self, _size=-1):
            raise AssertionError("it was asked")

    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        for body in (Reader(), generator(), pipe, lambda: b""):
            assert not content.is_empty(body)


@pytest.mark.parametrize("given", [[5], [None], generator(object())], ids=["int", "None", "object"])
def test_pieces_that_are_no_octets_are_refused(given):
    with pytest.raises(TypeError, match="bytes-like, str, a file, or an iterable"):
        octets(given)


@pytest.mark.parametrize(
    "given", [5, 2.5, object(), {"name": "value"}], ids=["int", "float", "object", "mapping"]
)
def test_what_is_no_body_at_all_is_refused(given):
    """A mapping would send its keys alone, so that a form that others were to code is refused."""
    for verb in (octets, lambda given: content.content_length("POST", given)):
        with pytest.raises(TypeError, match="bytes-like, str, a file, or an iterable"):
            verb(given)
