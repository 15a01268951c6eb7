"""Field blocks that a hostile peer may send, in any amount (RFC 7541, 7.3; RFC 9113, 10.5).

Each attack is a function from an amount of octets to blocks of about that many in all.
"""

from __future__ import annotations

#: As large as the blocks that an endpoint takes from one frame.
BLOCK_SIZE = 16 * 1024


def literal(name: int | bytes, value: bytes, pattern: int) -> bytes:
    """A literal field by hand: a name or its index, a raw value of up to 126 octets (6.2)."""
    prefix = 0x3F if pattern == 0x40 else 0x0F
    if isinstance(name, bytes):
        start = bytes([pattern, len(name)]) + name
    elif name < prefix:
        start = bytes([pattern | name])
    else:
        start = bytes([pattern | prefix, name - prefix])
    return start + bytes([len(value)]) + value


def filled(pieces, size):
    """Blocks of BLOCK_SIZE octets, of pieces that come without end."""
    blocks = []
    for _ in range(max(1, size // BLOCK_SIZE)):
        block = bytearray()
        while len(block) < min(BLOCK_SIZE, size):
            block += next(pieces)
        blocks.append(bytes(block))
    return blocks


def expands(size):
    """A large entry, and then nothing but references to it: 4 KiB for an octet."""
    entry = b"\x40\x01x\x7f\xbd\x1e" + b"y" * (127 + 3901)
    return [entry + b"\xbe" * (BLOCK_SIZE - len(entry))] * max(1, size // BLOCK_SIZE)


#: The smallest entry there can be: three octets that count for 32, on the wire and in the table.
SMALLEST = literal(b"", b"", 0x40)


def evicts(size):
    """Entries that push each other out, as many as a section may have."""
    block = SMALLEST * 2000
    return [block] * max(1, size // len(block))


def evicts_and_refers(size):
    """As above, but each is referred to at once, so that no eviction can wait."""
    block = (SMALLEST + b"\xbe") * 1000
    return [block] * max(1, size // len(block))


def inserts_again(size):
    """Blocks that insert and are remembered, by turns with one that needs the table in order."""
    block = SMALLEST * 300
    return [block, b"\xbe"] * max(1, size // len(block))


def never_repeats(size):
    """Fields that were never there and will never be again."""
    numbers = iter(range(10**9))
    return filled((literal(b"n%d" % number, b"v", 0x40) for number in numbers), size)


def resizes(size):
    """The table emptied and opened again in every block, for an entry that never stays."""
    block = b"\x20\x3f\xe1\x1f" + literal(b"x", b"y" * 80, 0x40)
    return [block] * max(1, size // len(block))


def refers(size):
    """References to the far end of a table of the smallest entries, block after block."""
    fill = literal(b"", b"", 0x40) * 128
    block = b"\xff\x3e" * 120  # index 189, the oldest of 128
    return [fill] + [block] * max(1, size // len(block))


def loops(size):
    """Strings whose Huffman code always takes the long way: words of 30 bits."""
    word = f"{0x3FFFFFFC:030b}" * 32  # the octet 10
    coded = int(word, 2).to_bytes(120, "big")
    return filled((b"\x00\x01x" + bytes([0x80 | 120]) + coded for _ in iter(int, 1)), size)


def lies(size):
    """Strings that are longer than their block, integers that do not end."""
    return [b"\x00\x01x\x7f\xff\xff\xff\x7f" + b"y" * 100, b"\xff" * 108] * max(1, size // 216)


ATTACKS = (
    expands,
    evicts,
    evicts_and_refers,
    inserts_again,
    never_repeats,
    resizes,
    refers,
    loops,
    lies,
)
