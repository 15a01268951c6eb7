"""Decoding Huffman strings by DEFLATE, in C (RFC 7541, 5.2; RFC 1951).

HPACK's code is canonical: the sizes of its words say which they are.  So are the codes of DEFLATE,
whose blocks begin with the sizes of their words.  DEFLATE has no words of more than 15 bits; but
HPACK's longer words all begin with 15 ones, no other word does, and DEFLATE needs a word for *end
of block*.  So ``DEFLATE_HEADER``, followed by a coded string with the bits of each octet in
reverse, is the beginning of a DEFLATE block, and zlib decodes it.

**One block for all strings.**  An inflater is costly to set up, so its block never ends: the next
string follows the last one.  But at the end of a string, zlib holds up to 7 bits of padding.  We
append two octets, RESYNC, chosen so that any legal padding and RESYNC together decode to exactly
three symbols and end on a symbol boundary.  This is the string "a", 00011 and three bits of
padding, with RESYNC behind it::

    octets   |     0x1f      |     0x30      |     0x5c      |
    bits     |0 0 0 1 1 1 1 1|0 0 1 1 0 0 0 0|0 1 0 1 1 1 0 0|
    symbols  |    a    |      Y      |    0    |      :      |
             ^ string  ^ padding                             ^ end of RESYNC, and of a symbol

Which three symbols come out, one of ``RESYNCED``, depends on the number of padding bits.  After
anything but padding, another text comes out; after a longer word, the block has ended.  In both
cases the string is decoded by rows (``huffman.py``), which finds the fault or the long word, and
this inflater is given up.
"""

from __future__ import annotations

from zlib import decompressobj

from ..foundation.memo import Memo
from .codes import DEFLATE_HEADER
from .huffman import KEPT_STRING_SIZE, KEPT_STRINGS, PADDINGS, decode_by_rows, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: The fewest octets for which zlib is about as fast as rows that have been learnt; it has nothing
#: to learn. PyPy, which makes machine code of the loop, needs as many.
LONG_STRING_SIZE = 8

#: The bits of an octet in reverse: HPACK begins with the most significant, DEFLATE with the least.
#: ``_HALVES`` has those of four bits.
_HALVES = (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)
REVERSED = bytes([low << 4 | high for high in _HALVES for low in _HALVES])

#: The smallest of the 600 numbers of 16 bits that do what is said above: tools/find_resync.py.
RESYNC = b"\x30\x5c"
RESYNC_BITS = "".join([f"{octet:08b}" for octet in RESYNC])
REVERSED_RESYNC = RESYNC.translate(REVERSED)

#: The text that RESYNC is decoded to, after each padding.
RESYNCED = frozenset([split(padding + RESYNC_BITS)[1] for padding in PADDINGS])

# An inflater that has read the header; it is copied if _inflaters is empty.  There are no
# distances in its block, so the smallest window is enough.
_new_inflater = decompressobj(-9)
_new_inflater.decompress(DEFLATE_HEADER)

#: Inflaters that are at the end of a string and of a word. A thread takes one out to use it.
_inflaters: list[Any] = []


def inflate(octets: bytes) -> bytes:
    """The text of a longer string, as by decode_by_rows.

    HOT (0.6 us, and 3 ns an octet; bench/hpack.py).
    """
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


class Texts(Memo[bytes, bytes]):
    """From coded strings to their text: recent ones, and on demand any other."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(KEPT_STRINGS)

    def __missing__(self, octets: bytes) -> bytes:
        """Decode a string that is not remembered.

        HOT (1 us, and 5 ns an octet; bench/hpack.py).
        """
        size = len(octets)
        text = inflate(octets) if size >= LONG_STRING_SIZE else decode_by_rows(octets)
        if size <= KEPT_STRING_SIZE:
            self.keep(octets, text)
        return text


#: The text of a coded string (5.2). Raises CompressionError, at the peer's fault, if the string is
#: padded wrongly or has EOS in it.
decode: Callable[[bytes], bytes] = Texts().__getitem__
