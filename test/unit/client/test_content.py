"""client/content.py: whatever callers give as content, in views, and how long it will be.

http.client is the oracle where it has an opinion.
"""

from __future__ import annotations

import array
import io
import os
import tempfile
from collections import deque

import pytest

from hyper.client import content as body
from hyper.errors import LocalProtocolError


def octets(given):
    return b"".join(bytes(piece) for piece in body.pieces(given))


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
    "a view with gaps": (memoryview(b"c-o-n-t-e-n-t")[::2].tobytes(), b"content"),
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


@pytest.mark.parametrize(("given", "content"), WHOLE.values(), ids=WHOLE)
def test_what_is_in_memory_is_one_piece_of_known_length(given, content):
    """RFC 9110, 8.6."""
    assert octets(given) == content
    assert body.is_whole(given)
    assert body.content_length("POST", given) == len(content)


@pytest.mark.parametrize(("given", "content"), PIECEWISE.values(), ids=PIECEWISE)
def test_what_comes_piece_by_piece_has_no_length_beforehand(given, content):
    assert not body.is_whole(given)
    assert body.content_length("POST", given) is None
    assert octets(given) == content


def test_a_piece_is_asked_for_only_when_the_one_before_is_gone():
    taken = []

    def pieces():
        for number in range(3):
            taken.append(number)
            yield b"%d" % number

    views = body.pieces(pieces())
    assert bytes(next(views)) == b"0"
    assert taken == [0]


def test_a_file_gives_what_is_left_of_it(binary_file):
    assert body.content_length("POST", binary_file) == 7
    assert octets(binary_file) == b"3456789"


def test_a_file_that_seems_empty_has_no_length(binary_file):
    """It may be one that the system makes up as it is read, as those of /proc."""
    binary_file.seek(100)
    assert body.content_length("POST", binary_file) is None
    assert octets(binary_file) == b""


def test_a_large_file_is_read_in_blocks(binary_file):
    binary_file.truncate(3 * body.READ_SIZE)
    binary_file.seek(1)
    sizes = [len(piece) for piece in body.pieces(binary_file)]
    assert sizes == [body.READ_SIZE, body.READ_SIZE, body.READ_SIZE - 1]


def test_a_text_file_has_no_length_in_octets(tmp_path):
    path = tmp_path / "text"
    path.write_text("caf\xe9", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        assert body.content_length("POST", file) is None
        assert octets(file) == b"caf\xe9"


def test_a_pipe_has_no_length():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(b"through a pipe")
    with os.fdopen(reading, "rb") as end:
        assert body.content_length("POST", end) is None
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
    assert body.content_length("PUT", reader) is None
    assert octets(reader) == b"ab"


@pytest.mark.parametrize(
    ("method", "length"),
    [("POST", 0), ("PUT", 0), ("PATCH", 0), ("post", 0), ("GET", None), ("DELETE", None)],
)
def test_no_content_is_announced_where_the_method_expects_some(method, length):
    """RFC 9110, 8.6."""
    assert body.content_length(method, None) == length
    assert octets(None) == b""


def test_text_beyond_latin_1_is_refused_with_the_way_out():
    """The same words that http.client's users know, and the piece that is at fault."""
    with pytest.raises(LocalProtocolError, match=r"'\u20ac'.*latin-1.*encode\('utf-8'\)"):
        body.content_length("POST", "costs \u20ac 5")


@pytest.mark.parametrize("given", [[5], [None], generator(object())], ids=["int", "None", "object"])
def test_pieces_that_are_no_octets_are_refused(given):
    with pytest.raises(TypeError, match="bytes-like, str, a file, or an iterable"):
        octets(given)


@pytest.mark.parametrize(
    "given", [5, 2.5, object(), {"name": "value"}], ids=["int", "float", "object", "mapping"]
)
def test_what_is_no_body_at_all_is_refused(given):
    """A mapping is none either: of a form meant for others to code, the keys alone would go out."""
    for verb in (octets, lambda given: body.content_length("POST", given)):
        with pytest.raises(TypeError, match="bytes-like, str, a file, or an iterable"):
            verb(given)
