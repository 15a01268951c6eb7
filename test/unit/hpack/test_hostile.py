"""hpack/: a hostile peer gets neither memory nor time for its octets (RFC 7541, 7.3)."""

import gc
import random
import sys
import sysconfig

import pytest

from hyper.errors import CompressionError
from hyper.foundation.memo import Memo
from hyper.hpack import Decoder, choice, huffman, inflate
from hyper.hpack.encoder import pack_integer
from hyper.protocol import messages
from test import hpack_attacks

KIB = 1024
# Octets that may be remembered. Each object has 16 more in a Python without a GIL.
MEMORY = (5 if sysconfig.get_config_var("Py_GIL_DISABLED") else 4) * KIB * KIB
CODECS = ["python", "nghttp2"] if choice.is_loadable() else ["python"]


@pytest.fixture(params=CODECS)
def codec(request):
    return request.param


def attacked(codec, blocks):
    """Decode all blocks, on a new connection after each fault.

    Returns the octets of the largest section, and how many blocks were refused.
    """
    decoder, largest, refused = Decoder(codec=codec), 0, 0
    for block in blocks:
        try:
            section = decoder.decode_section(block)
        except CompressionError:
            decoder = Decoder(codec=codec)
            refused += 1
        else:
            largest = max(largest, sum(len(name) + len(value) + 32 for name, value in section))
    return largest, refused


def work(codec, attack, size):
    """Lines of Python that an attack of so many octets has run."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    attacked(codec, attack(size))  # what is learnt once is not counted
    blocks = attack(size)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        attacked(codec, blocks)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("attack", hpack_attacks.ATTACKS, ids=lambda attack: attack.__name__)
def test_work_is_linear_in_the_octets(codec, attack):
    """Twice as much costs twice as much, within a tenth."""
    assert work(codec, attack, 64 * KIB) <= 2.2 * work(codec, attack, 32 * KIB)


@pytest.mark.parametrize("attack", hpack_attacks.ATTACKS, ids=lambda attack: attack.__name__)
def test_no_section_is_larger_than_announced(codec, attack):
    """RFC 9113, 6.5.2: 64 KiB, whatever a few octets stand for."""
    assert attacked(codec, attack(64 * KIB))[0] <= 64 * KIB


@pytest.mark.parametrize(
    "attack", [hpack_attacks.evicts, hpack_attacks.evicts_and_refers, hpack_attacks.inserts_again]
)
def test_attacks_that_evict_are_not_refused_before_they_do(codec, attack):
    largest, refused = attacked(codec, attack(64 * KIB))
    assert (largest >= 2 * 4096, refused) == (True, 0)


def coded(text):
    """A literal field whose value is a string in Huffman code."""
    octets = huffman.Codes()[text]
    return b"\x00\x01n" + pack_integer(len(octets), 0x7F, 0x80) + octets


def fill_memories(draw, decoder):
    """As much as is remembered for the process, of the largest that there can be of each."""
    while huffman._automaton.steps < huffman.KEPT_STEPS:
        # Some of these words are too long for zlib.
        decoder.decode_section(coded(bytes(draw.choices(range(256), k=150))))
    for _ in range(huffman.KEPT_STRINGS):  # the shortest words make the longest texts
        decoder.decode_section(coded(bytes(draw.choices(b"012aceiost", k=200))))
    for number in range(messages.MAX_JUDGED):
        fields = [(b"%02x" % name, b"%02x" % number) for name in range(54)]
        messages.response_head(((b":status", b"200"), *fields), 1)
    assert huffman._automaton.steps == huffman.KEPT_STEPS
    assert len(inflate.decode.__self__) == huffman.KEPT_STRINGS
    assert len(messages._judged) == messages.MAX_JUDGED


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy has no tracemalloc")
def test_all_that_is_remembered_takes_less_than_4_mib(monkeypatch):
    """For the process and for a connection together, when both are full.

    With the codec in Python: the other has its strings in C, and no memory of them.
    """
    import tracemalloc

    monkeypatch.setattr(huffman, "_automaton", huffman.Automaton())
    monkeypatch.setattr(messages, "_judged", Memo(messages.MAX_JUDGED))
    inflate.decode.__self__.clear()
    draw = random.Random(5)
    gc.collect()
    tracemalloc.start()
    try:
        decoder = Decoder(codec="python")
        fill_memories(draw, decoder)
        tracemalloc.reset_peak()
        for _ in range(300):
            names = [draw.getrandbits(16).to_bytes(2, "big") for _ in range(150)]
            pattern = draw.choice((0x00, 0x10, 0x40))
            block = b"".join([hpack_attacks.literal(name, name[::-1], pattern) for name in names])
            decoder.decode_section(block)
            decoder.decode_section(block)
        _, largest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert largest < MEMORY
