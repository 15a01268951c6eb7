"""The Huffman code of strings (RFC 7541, 5.2 and appendix B).

A code of 257 words of 5 to 30 bits, no word the beginning of another.  Octets arrive by eight
bits and words end anywhere; the last octet is filled up with the beginning of EOS, all ones.

**Encoding.**  Words are joined as text and made octets by one ``int()`` of base 2.

**Decoding by DEFLATE.**  The code is canonical: the sizes of its words say which they are.  So are
the codes of DEFLATE, whose blocks bring their sizes along.  Words of more than 15 bits it does not
know; but those all begin with 15 ones, no other word does, and DEFLATE needs a word for *end of
block*.  Thus ``DEFLATE_HEADER``, followed by a coded string with the bits of each octet in reverse,
is the beginning of a DEFLATE block, and zlib decodes it in C.  Where the string ends, zlib has its
padding in hand.  ``RESYNC``, two octets, completes that to three octets of text, whose words end
where RESYNC ends: so the next string can follow in the same block, which never ends.  Which three,
``RESYNCED``, depends on the bits in hand.  After anything but padding comes another text, and after
a longer word the block has ended: then the string is left to the rows, and this block given up.

**Decoding by rows.**  For short strings, for those with long words and for all that is doubtful
there is an automaton.  Its *state* is what is in hand of a word not yet complete: one of 256
beginnings of words, the empty one at the start.  A step takes a whole octet, and does nothing but
look up.  A *row* stands for a state: a list with a *step* for each octet that may come,
``(row, text)``: the row of the next state itself, so that no number need be looked up in a table
of tables, and the octets of text that were completed.  The loop is ``row, text = row[octet]``.  At
the end of each row stand the bits that its state has in hand, as a string of ``0`` and ``1``.

All 65,281 steps would take a second to make and 6 MB to keep.  Hence a row is made when a step
first leads to it, and a step when it is first taken.  Where there is none yet stands None, which
cannot be unpacked: the fast loop fails with TypeError, and leaves the string to the slow loop,
which learns what was missing.  A step that completes EOS is an error and never learnt.

**Memory.**  Most strings come again and again: names, dates of the same second, software.  Both
directions are dicts that fill themselves, so that ``decode`` and ``encode`` of a string that is
known are a dict's own look-up.  All memory here is shared by the connections of a process, and
bounded whatever a peer sends.  Threads may work here together: each change is atomic, and what
two of them do at once is done twice.
"""

from __future__ import annotations

from zlib import decompressobj

from .._memo import Memo
from ..errors import CompressionError
from .codes import DEFLATE_HEADER, HUFFMAN_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = list[Any]  # of steps (Row, bytes), or None; and of the bits in hand
    Step = tuple[Row, bytes]

EOS = 256

#: The fewest octets for which zlib is about as fast as rows that have been learnt; it has nothing
#: to learn. PyPy, which makes machine code of the loop, needs as many.
LONG_STRING_SIZE = 8

#: Strings whose code is longer than this are mostly unlike the last one (cookies, tokens): not
#: worth the memory.
KEPT_STRING_SIZE = 128

#: With the bound above: at most 250 kB in each of the two dicts, with Python's own share.
KEPT_STRINGS = 512

#: With rows and half steps some 150 octets each, 2.5 MB. Base64 needs 13,000; only a hostile peer
#: has use for more.
KEPT_STEPS = 16384

#: The bits of an octet in reverse: HPACK begins with the most significant, DEFLATE with the least.
REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))

#: After a padding this ends with a word and is three octets of text, which it is not after anything
#: else. 622 numbers of 16 bits are like that; test_hpack_huffman.py has what is asked of them.
RESYNC = b"\x30\x5c"

#: What may be in hand at the end: "A padding strictly longer than 7 bits MUST be treated as a
#: decoding error. A padding not corresponding to the most significant bits of the code for the
#: EOS symbol MUST be treated as a decoding error" (5.2).
PADDINGS = frozenset("1" * size for size in range(8))

#: The octet that a word stands for; none for EOS.
SYMBOLS = {bits: bytes((octet,)) for octet, bits in enumerate(HUFFMAN_CODES[:EOS])}
NIBBLES = tuple(f"{nibble:04b}" for nibble in range(16))


def split(bits: str) -> tuple[str, bytes]:
    """The bits that are left in hand after the last word, and the text of the words."""
    rest, text = "", b""
    for bit in bits:
        rest += bit
        if rest in SYMBOLS:
            rest, text = "", text + SYMBOLS[rest]
        elif rest == HUFFMAN_CODES[EOS]:
            raise CompressionError("a string with the EOS symbol in it (RFC 7541, 5.2)")
    return rest, text


#: What RESYNC is decoded to, after each padding.
RESYNC_BITS = "".join([f"{octet:08b}" for octet in RESYNC])
RESYNCED = frozenset([split(padding + RESYNC_BITS)[1] for padding in PADDINGS])
REVERSED_RESYNC = RESYNC.translate(REVERSED)


class Automaton:
    """The rows that have been learnt: by the bits in hand, and from row to row."""

    __slots__ = ("half_steps", "rows", "start", "steps", "texts")

    def __init__(self) -> None:
        self.half_steps: dict[str, tuple[str, bytes]] = {}
        self.rows: dict[str, Row] = {}
        self.texts: dict[bytes, bytes] = {}  # that equal ones be one
        self.start = self.row("")
        self.steps = 0

    def row(self, rest: str) -> Row:
        """The row of the state that has ``rest`` in hand."""
        return self.rows.get(rest) or self.rows.setdefault(rest, [None] * 256 + [rest])

    def learn(self, row: Row, octet: int) -> Step:
        """The step that an octet takes from a row, in two halves; kept if there is room."""
        rest, first = self.half_step(row[-1] + NIBBLES[octet >> 4])
        rest, second = self.half_step(rest + NIBBLES[octet & 15])
        text = first + second
        step = (self.row(rest), self.texts.setdefault(text, text))
        if self.steps < KEPT_STEPS:
            row[octet] = step
            self.steps += 1
        return step

    def half_step(self, bits: str) -> tuple[str, bytes]:
        """What four bits more have left in hand, and completed: 4,096 cases at most."""
        step = self.half_steps.get(bits)
        if step is None:
            step = self.half_steps[bits] = split(bits)
        return step


_automaton = Automaton()

# Has read the header, and is copied where there is none to be had in _inflaters. There are no
# distances in its block, so the smallest window will do.
_new_inflater = decompressobj(-9)
_new_inflater.decompress(DEFLATE_HEADER)

#: Those that are at the end of a string, and of a word. A thread takes one out while it uses it.
_inflaters: list[Any] = []


class Texts(Memo[bytes, bytes]):
    """From coded strings to their text: those of late, and on demand any other."""

    __slots__ = ()

    def __missing__(self, octets: bytes) -> bytes:
        """HOT (1 us, and 5 ns an octet; bench/hpack.py): decode a string not met of late."""
        size = len(octets)
        text = inflate(octets) if size >= LONG_STRING_SIZE else decode_by_rows(octets)
        if size <= KEPT_STRING_SIZE:
            self.keep(octets, text)
        return text


def inflate(octets: bytes) -> bytes:
    """HOT (0.6 us, and 3 ns an octet; bench/hpack.py): as decode_by_rows, for longer strings."""
    try:
        inflater = _inflaters.pop()
    except IndexError:
        inflater = _new_inflater.copy()
    reverse = octets.translate(REVERSED) + REVERSED_RESYNC
    # No word has fewer than five bits. To know what may come spares zlib's binding much memory.
    text: bytes = inflater.decompress(reverse, 2 * len(reverse))
    if text[-3:] not in RESYNCED or inflater.eof:
        return decode_by_rows(octets)
    _inflaters.append(inflater)
    return text[:-3]


def decode_by_rows(octets: bytes) -> bytes:
    """HOT (60 ns an octet; bench/hpack.py): the text of any string, or CompressionError."""
    row = _automaton.start
    pieces = []
    try:
        for octet in octets:
            row, piece = row[octet]
            pieces.append(piece)
    except TypeError:
        row, pieces = decode_learning(octets)
    if row[-1] not in PADDINGS:
        raise CompressionError(f"a string ends in {row[-1]}, no padding (RFC 7541, 5.2)")
    return b"".join(pieces)


def decode_learning(octets: bytes) -> tuple[Row, list[bytes]]:
    """The last row and the pieces of text, by steps that are learnt where they are missing."""
    global _automaton
    if _automaton.steps >= KEPT_STEPS:
        _automaton = Automaton()
    automaton = _automaton
    row = automaton.start
    pieces = []
    for octet in octets:
        row, piece = row[octet] or automaton.learn(row, octet)
        pieces.append(piece)
    return row, pieces


class Codes(Memo[bytes, bytes]):
    """From texts to their coded strings: those of late, and on demand any other."""

    __slots__ = ()

    def __missing__(self, octets: bytes) -> bytes:
        """HOT (70 ns an octet; bench/hpack.py): encode a string not met of late."""
        codes = HUFFMAN_CODES
        bits = "".join([codes[octet] for octet in octets])
        padding = -len(bits) % 8
        size = (len(bits) + padding) // 8
        coded = int(bits + "1" * padding or "0", 2).to_bytes(size, "big")
        if size <= KEPT_STRING_SIZE:
            self.keep(octets, coded)
        return coded


#: The text of a coded string (5.2). Raises CompressionError, at the peer's fault, where it is
#: padded wrongly or has EOS in it.
decode = Texts(KEPT_STRINGS).__getitem__

#: The coded string of a text (5.2).
encode = Codes(KEPT_STRINGS).__getitem__
