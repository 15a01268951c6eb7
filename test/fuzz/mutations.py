"""Changes of octets, each made by chance from a `random.Random`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

# Octets that mean something to somebody: bounds of integers, line ends, prefixes of HPACK.
TELLING = b"\x00\x01\x0a\x0d\x10\x1f\x20\x3f\x40\x7e\x7f\x80\x81\xbe\xc0\xfe\xff :,;[]@/\\"
MOST_ADDED = 64


def flip(chance: Random, octets: bytearray) -> None:
    octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)


def put(chance: Random, octets: bytearray) -> None:
    octets[chance.randrange(len(octets))] = chance.choice(TELLING)


def step(chance: Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    octets[at] = (octets[at] + chance.choice((-1, 1))) % 256


def cut_out(chance: Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    del octets[at : at + chance.randint(1, MOST_ADDED)]


def put_in(chance: Random, octets: bytearray) -> None:
    at = chance.randint(0, len(octets))
    size = chance.randint(1, 8)
    octets[at:at] = bytes(chance.choice(TELLING) for _ in range(size))


def repeat(chance: Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    part = octets[at : at + chance.randint(1, MOST_ADDED)]
    octets[at:at] = part * chance.choice((1, 1, 2, 30))


def cut_off(chance: Random, octets: bytearray) -> None:
    del octets[chance.randrange(len(octets)) :]


CHANGES = (flip, flip, put, put, step, cut_out, put_in, repeat, cut_off)


def mutated(chance: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, or two of them joined anywhere, with up to six changes."""
    octets = bytearray(chance.choice(seeds))
    if chance.random() < 0.2:
        other = chance.choice(seeds)
        octets[chance.randint(0, len(octets)) :] = other[chance.randint(0, len(other)) :]
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 6))):
        if octets:
            chance.choice(CHANGES)(chance, octets)
    return bytes(octets)


def pieces(chance: Random, octets: bytes) -> list[bytes]:
    """The octets, cut at a few places."""
    cuts = sorted(chance.randint(0, len(octets)) for _ in range(chance.choice((0, 1, 2, 8))))
    return [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)])]
