"""What a hostile peer gets for its octets: neither memory nor time (RFC 7541, 7.3)."""

import sys

import pytest

from hyper.errors import CompressionError
from hyper.hpack import Decoder
from test import attacks

KIB = 1024


def attacked(blocks):
    """Decode all blocks, on a new connection after each fault; returns the octets that came."""
    decoder, size = Decoder(codec="python"), 0
    for block in blocks:
        try:
            section = decoder.decode_section(block)
        except CompressionError:
            decoder = Decoder(codec="python")
        else:
            size = max(size, sum(len(name) + len(value) + 32 for name, value in section))
    return size


def work(attack, size):
    """Lines of Python that an attack of so many octets has run."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    attacked(attack(size))  # what is learnt once is not counted
    blocks = attack(size)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        attacked(blocks)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("attack", attacks.ATTACKS, ids=lambda attack: attack.__name__)
def test_work_is_linear_in_the_octets(attack):
    """Twice as much costs twice as much, within a tenth."""
    assert work(attack, 64 * KIB) <= 2.2 * work(attack, 32 * KIB)


@pytest.mark.parametrize("attack", attacks.ATTACKS, ids=lambda attack: attack.__name__)
def test_no_section_is_larger_than_announced(attack):
    """RFC 9113, 6.5.2: 64 KiB, whatever a few octets stand for."""
    assert attacked(attack(64 * KIB)) <= 64 * KIB
