"""hpack/huffman.py and hpack/inflate.py: the code of strings (RFC 7541, 5.2)."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from hyper.errors import CompressionError
from hyper.hpack import huffman, inflate
from hyper.hpack.codes import HUFFMAN_CODES


def coded(text, padding=None):
    """Words joined by hand, filled up with ones or as the test wants it."""
    bits = "".join(HUFFMAN_CODES[octet] for octet in text)
    bits += "1" * (-len(bits) % 8) if padding is None else padding
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing remembered and nothing learnt by other tests."""
    monkeypatch.setattr(inflate, "decode", inflate.Texts().__getitem__)
    monkeypatch.setattr(huffman, "encode", huffman.Codes().__getitem__)
    monkeypatch.setattr(huffman, "_automaton", huffman.Automaton())


@pytest.mark.parametrize("by_zlib", [True, False])
def test_every_octet_survives(by_zlib, monkeypatch):
    monkeypatch.setattr(inflate, "LONG_STRING_SIZE", 0 if by_zlib else 1 << 30)
    for octet in range(256):
        for text in (
            bytes([octet]),
            bytes([octet]) * 40,
            b"abc" + bytes([octet]) + b"xyz/0123456789",
        ):
            assert huffman.encode(text) == coded(text)
            assert inflate.decode(coded(text)) == text


def test_empty_string():
    assert huffman.encode(b"") == b""
    assert inflate.decode(b"") == b""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 40, 300, 5000])
def test_random_text_survives(size):
    draw = random.Random(size)
    for alphabet in (b"abcdefghijklmnopqrstuvwxyz-", bytes(range(32, 127)), bytes(range(256))):
        text = bytes(draw.choices(alphabet, k=size))
        assert inflate.decode(huffman.encode(text)) == text


@pytest.mark.parametrize("text", [b"a", b"aeiost012", b"a" * 30, b"www.example.com/index.html"])
@pytest.mark.parametrize("by_zlib", [True, False])
def test_padding_of_more_than_seven_bits(text, by_zlib, monkeypatch):
    """5.2: "A padding strictly longer than 7 bits MUST be treated as a decoding error"."""
    monkeypatch.setattr(inflate, "LONG_STRING_SIZE", 0 if by_zlib else 1 << 30)
    for excess in (1, 2, 3):
        with pytest.raises(CompressionError, match=r"5\.2"):
            inflate.decode(coded(text) + b"\xff" * excess)


@pytest.mark.parametrize("text", [b"a", b"ab", b"aeiost012", b"a" * 30, b"b" * 31, b"c" * 34])
@pytest.mark.parametrize("by_zlib", [True, False])
def test_padding_that_is_not_the_beginning_of_eos(text, by_zlib, monkeypatch):
    """5.2: padding "not corresponding to the most significant bits of the code for the EOS"."""
    monkeypatch.setattr(inflate, "LONG_STRING_SIZE", 0 if by_zlib else 1 << 30)
    size = -sum(len(HUFFMAN_CODES[octet]) for octet in text) % 8
    wrong = [f"{bits:0{size}b}" for bits in range((1 << size) - 1)] if 0 < size < 5 else []
    for padding in wrong:
        with pytest.raises(CompressionError, match=r"5\.2"):
            inflate.decode(coded(text, padding))


def test_seven_bits_of_padding_are_allowed(monkeypatch):
    """Also where the octet before them is all ones."""
    monkeypatch.setattr(inflate, "LONG_STRING_SIZE", 0)
    tails = [bytes([octet]) for octet in range(256)]
    for tail in tails:
        text = b"0" * 40 + tail
        while sum(len(HUFFMAN_CODES[octet]) for octet in text) % 8 != 1:
            text = b"0" + text
        assert inflate.decode(coded(text)) == text


def test_what_ends_a_string_for_zlib_is_made_by_padding_alone():
    """After RESYNC zlib is at the end of a word, or what it gives is not taken for text."""
    beginnings = {word[:size] for word in HUFFMAN_CODES for size in range(len(word))}
    for rest in beginnings:
        if rest.startswith("1" * 15):
            continue  # zlib has ended its block
        left, text = huffman.split(rest + inflate.RESYNC_BITS)
        if rest in huffman.PADDINGS:
            assert (left, len(text)) == ("", 3)
            assert text in inflate.RESYNCED
        else:  # nor with other text before it
            assert text
            assert not any(text.endswith(other[-len(text) :]) for other in inflate.RESYNCED)


def test_the_end_of_a_string_in_the_string_is_no_end():
    """The text that RESYNC would give, and then a word so long that it ends zlib's block."""
    for text in inflate.RESYNCED:
        for word in (b"\\", b"\n"):
            octets = coded(b"some text" + text + word)
            assert inflate.decode(octets) == b"some text" + text + word


def test_a_wrong_string_spoils_none_after_it():
    good = coded(b"www.example.com/index.html")
    for wrong in (good + b"\xff", coded(b"www.example.com/\n") + b"\xff", b"0123456" + b"\xff" * 4):
        for text in (b"www.example.com/index.html", b"www.example.com/other.html"):
            assert inflate.inflate(coded(text)) == text
        with pytest.raises(CompressionError):
            inflate.decode(wrong)
        assert inflate.inflate(good) == b"www.example.com/index.html"


def test_threads_inflate_at_once():
    """None sees the end of another's string: each has taken an inflater out."""
    texts = [b"%d" % number * 9 for number in range(10)]

    def work(text):
        return all(inflate.inflate(coded(text)) == text for _ in range(300))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, texts * 4))


@pytest.mark.parametrize("before", [b"", b"a", b"abc", b"www.example.com/long/enough/for/zlib"])
def test_eos_within_a_string(before):
    """5.2: "containing the EOS symbol MUST be treated as a decoding error"."""
    bits = (
        "".join(HUFFMAN_CODES[octet] for octet in before) + HUFFMAN_CODES[256] + HUFFMAN_CODES[97]
    )
    bits += "1" * (-len(bits) % 8)
    for _ in range(2):
        with pytest.raises(CompressionError, match=r"EOS symbol in it \(RFC 7541, 5\.2\)"):
            inflate.decode(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def test_what_is_remembered_is_bounded_in_number():
    texts, codes = inflate.Texts(), huffman.Codes()
    for number in range(3 * huffman.KEPT_STRINGS):
        text = b"string %d" % number
        assert texts[codes[text]] == text
        assert len(texts) <= huffman.KEPT_STRINGS
        assert len(codes) <= huffman.KEPT_STRINGS


def test_long_strings_are_not_remembered():
    texts, codes = inflate.Texts(), huffman.Codes()
    text = b"x" * 4 * huffman.KEPT_STRING_SIZE
    assert texts[codes[text]] == text
    assert not texts
    assert not codes


def test_a_wrong_string_is_wrong_again():
    for _ in range(2):
        with pytest.raises(CompressionError):
            inflate.decode(b"\xff\xff\xff")


def test_what_is_learnt_is_bounded_whatever_comes(monkeypatch):
    """A peer that goes through all the states gets a slower decoder, not a larger one."""
    monkeypatch.setattr(huffman, "KEPT_STEPS", 100)
    monkeypatch.setattr(inflate, "LONG_STRING_SIZE", 1 << 30)
    draw = random.Random(1)
    for _ in range(30):
        text = bytes(draw.choices(range(256), k=60))
        assert inflate.decode(coded(text)) == text
        assert huffman._automaton.steps <= 100
