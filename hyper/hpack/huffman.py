"""The Huffman code of strings (RFC 7541, 5.2 and appendix B): encoding, and decoding by rows.

A code of 257 words of 5 to 30 bits, no word the beginning of another.  Octets arrive by eight
bits and words end anywhere; the last octet is filled up with the beginning of EOS, all ones.

**Encoding.**  Words are joined as text and made octets by one ``int()`` of base 2.

**Decoding.**  ``inflate.py`` decodes most strings by zlib.  For short strings, for those with long
words and for all that is doubtful there is an automaton here.  Its *state* is the part of a word
that has come so far: one of 256 beginnings of words, the empty one at the start.  A step takes a
whole octet, and does nothing but look up.  A *row* stands for a state: a list with a *step* for
each octet that may come, ``(row, text)``: the row of the next state itself, so that no number need
be looked up in a table of tables, and the octets of text that were completed.  The loop is
``row, text = row[octet]``.  The last item of each row is the bits that have come of the next word,
as a string of ``0`` and ``1``.

All 65,281 steps would take a second to make and 6 MB to keep.  Hence a row is made when a step
first leads to it, and a step when it is first taken.  A step that is not there yet is None, which
cannot be unpacked: the fast loop fails with TypeError, and the slow loop takes the string and
learns what was missing.  A step that completes EOS is an error and never learnt.

**Memory.**  Most strings come again and again: names, dates of the same second, software.  Both
directions are memos that fill themselves, so that ``decode`` and ``encode`` of a string that is
known are a dict's own look-up.  All memory here is shared by the connections and threads of a
process, and bounded whatever a peer sends (``Memo`` says why that needs no lock).
"""

from __future__ import annotations

from struct import unpack

from ..errors import CompressionError
from ..foundation.memo import Memo
from .codes import HUFFMAN_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Row = list[Any]  # of steps (Row, bytes), or None; and of the bits in hand
    Step = tuple[Row, bytes]

EOS = 256

#: Strings whose code is longer than this are mostly unlike the last one (cookies, tokens): not
#: worth the memory.
KEPT_STRING_SIZE = 128

#: With the bound above: at most 250 kB in each of the two dicts, with Python's own share.
KEPT_STRINGS = 512

#: With rows and half steps some 150 octets each, 2.5 MB. Base64 needs 13,000; only a hostile peer
#: has use for more.
KEPT_STEPS = 16384

#: The bits that may be in hand at the end: "A padding strictly longer than 7 bits MUST be treated
#: as a decoding error. A padding not corresponding to the most significant bits of the code for the
#: EOS symbol MUST be treated as a decoding error" (5.2).
PADDINGS = frozenset("1" * size for size in range(8))

#: Each octet by its number. Tables are made by functions in C: a loop for each took half a
#: millisecond of the first request.
OCTETS: tuple[bytes, ...] = unpack("256c", bytes(range(256)))

#: The octet that a word stands for; none for EOS.
SYMBOLS = dict(zip(HUFFMAN_CODES[:EOS], OCTETS))
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


class Automaton:
    """The rows that have been learnt: by the bits in hand, and from row to row."""

    __slots__ = ("half_steps", "rows", "start", "steps", "texts")

    def __init__(self) -> None:
        self.half_steps: dict[str, tuple[str, bytes]] = {}
        self.rows: dict[str, Row] = {}
        self.texts: dict[bytes, bytes] = {}  # that equal ones be one
        self.start: Row = self.row("")
        self.steps: int = 0

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
        """The bits left of a word, and the text completed: 4,096 cases of four bits at most."""
        step = self.half_steps.get(bits)
        if step is None:
            step = self.half_steps[bits] = split(bits)
        return step


_automaton = Automaton()


def decode_by_rows(octets: bytes) -> bytes:
    """The text of any string, or CompressionError. HOT (60 ns an octet; bench/hpack.py)."""
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
    """From texts to their coded strings: recent ones, and on demand any other."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(KEPT_STRINGS)

    def __missing__(self, octets: bytes) -> bytes:
        """Encode a string that is not remembered. HOT (70 ns an octet; bench/hpack.py)."""
        codes = HUFFMAN_CODES
        bits = "".join([codes[octet] for octet in octets])
        padding = -len(bits) % 8
        size = (len(bits) + padding) // 8
        coded = int(bits + "1" * padding or "0", 2).to_bytes(size, "big")
        if size <= KEPT_STRING_SIZE:
            self.keep(octets, coded)
        return coded


#: The coded string of a text (5.2).
encode: Callable[[bytes], bytes] = Codes().__getitem__
