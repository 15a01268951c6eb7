"""Find the two octets that hpack/inflate.py puts behind each string, RESYNC.

    python tools/find_resync.py

prints each number of 16 bits that ``is_resync``, the smallest first, which is the one in use.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not tools/

from hyper.hpack.codes import HUFFMAN_CODES
from hyper.hpack.huffman import PADDINGS, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: All that zlib may have in hand at the end of a string: the beginning of a word. After 15 ones it
#: has ended its block, which inflate notices by itself.
BEGINNINGS = frozenset(
    word[:size]
    for word in HUFFMAN_CODES
    for size in range(len(word))
    if not word[:size].startswith("1" * 15)
)


def is_resync(number: int) -> bool:
    """True if these 16 bits mark the end of a string (RFC 7541, 5.2).

    After each padding, they complete exactly three symbols and end with the last of these.  After
    anything else that may be in hand, they give text that ends differently, so that what is no
    padding is noticed.
    """
    bits = f"{number:016b}"
    ends = []
    for padding in PADDINGS:
        rest, text = split(padding + bits)
        if rest or len(text) != 3:
            return False
        ends.append(text)
    for beginning in BEGINNINGS - PADDINGS:
        text = split(beginning + bits)[1]
        if not text or any(text.endswith(end[-len(text) :]) for end in ends):
            return False
    return True


def find() -> Iterator[int]:
    """Every number of 16 bits that will do."""
    return filter(is_resync, range(1 << 16))


if __name__ == "__main__":
    for number in find():
        print(f"{number:#06x}")
