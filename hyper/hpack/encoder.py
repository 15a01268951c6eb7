"""From field sections to field blocks (RFC 7541, 6): one direction of one connection.

The decoder at the other end keeps every field that is sent as a *literal with incremental
indexing*, and such a field costs an octet when it comes again.  An encoder decides which
fields are worth their place in the table, and which must not be there because an attacker who
can add fields of his own would find them out by the length of blocks (7.1):

* fields in a table are sent as their index;
* secrets are sent as *never indexed*, each time in full;
* fields whose value is unlike the one before are sent *without indexing*;
* all others are added.

Fields repeat from section to section.  If a field is in the table, only its index changes.  The
representation of any other is remembered.  So coding a section is, at its best, a look-up or two
for each field and one join.
"""

from __future__ import annotations

from ..fields import NeverIndexed
from ..foundation.memo import Memo
from .codes import STATIC_TABLE
from .huffman import OCTETS, encode
from .table import DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, LAST_STATIC_INDEX, SearchableTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Field, Section

#: Octets that we use of a table, however large the peer allows it to be: every octet is memory at
#: both ends, and the fields of requests to one origin seldom fill even this.
MOST_TABLE_SIZE = 4096

#: Never in any table, here or on the way (7.1.3; RFC 9113, 10.6).
SECRET_NAMES = frozenset({b"authorization", b"proxy-authorization", b"set-cookie"})

#: A cookie so short could be guessed octet by octet; a longer one has the entropy that makes each
#: guess as good as none, and is worth much when it is indexed.
SHORT_COOKIE_SIZE = 20

#: Values that are seldom the same twice while the entry would live (each resource has its own), so
#: that they would only push out others: what RFC 7541, 6.2.2 is for. Dates and etags of responses
#: are not among them: measured on real sessions, they repeat enough to pay.
UNINDEXED_NAMES = frozenset(
    {
        b":path",
        b"age",
        b"content-length",
        b"content-range",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    }
)

#: An entry larger than this share of the table would push out most of what others have put there.
LARGEST_SHARE = 3 / 4

#: Fields remembered, and the longest: 300 kB at the very most, with Python's own share.
KEPT_FIELDS = 128
KEPT_FIELD_SIZE = 1024


def pack_integer(value: int, prefix: int, pattern: int) -> bytes:
    """An integer after the bits of a pattern (5.1); the prefix as its largest number."""
    if value < prefix:
        return OCTETS[pattern | value]
    octets = bytearray(OCTETS[pattern | prefix])
    value -= prefix
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def pack_string(octets: bytes, coded: bytes) -> bytes:
    """A string, in its Huffman code where that is shorter (5.2)."""
    size = len(coded)
    if size < len(octets):
        return (OCTETS[0x80 | size] if size < 0x7F else pack_integer(size, 0x7F, 0x80)) + coded
    return pack_integer(len(octets), 0x7F, 0x00) + octets


def pack_size_updates(smallest: int, size: int) -> bytes:
    """The smallest size since the last block, and the size now if that is another (4.2)."""
    updates = pack_integer(smallest, 0x1F, 0x20)
    return updates if smallest == size else updates + pack_integer(size, 0x1F, 0x20)


STATIC_NAMES = {name: index for index, (name, _) in reversed([*enumerate(STATIC_TABLE, 1)])}

#: The representations of indexed fields (6.1) by their index, up to 254: what
#: ``pack_integer(index, 0x7F, 0x80)`` gives, made at once.
INDEXED = (*OCTETS[0x80:0xFF], *[b"\xff" + octet for octet in OCTETS[:0x80]])

STATIC_FIELDS = dict(zip(STATIC_TABLE, INDEXED[1:]))

#: Those of entries, the newest first; there are no more in a table of that size.
DYNAMIC_FIELDS = INDEXED[LAST_STATIC_INDEX + 1 :][: MOST_TABLE_SIZE // ENTRY_OVERHEAD]


class Encoder:
    """The encoder of one direction, and its dynamic table.  Not thread-safe.

    ``repeatable`` says of the last block whether the same section would now give it once more.
    """

    __slots__ = ("_known", "_limit", "_smallest_size", "_table", "repeatable")

    def __init__(self, header_table_size: int = DEFAULT_TABLE_SIZE) -> None:
        self._limit = header_table_size
        self._table = SearchableTable(header_table_size)
        #: of fields that do not come into the table: what stands for them whatever is in it
        self._known: Memo[Field, bytes] = Memo(KEPT_FIELDS)
        self._smallest_size: int | None = None  # since the last block, if the size was changed
        self.repeatable: bool = False
        self._resize()

    @property
    def header_table_size(self) -> int:
        """The peer's SETTINGS_HEADER_TABLE_SIZE; set it before that is acknowledged (4.2).

        The next block begins with the size that is used of it, MOST_TABLE_SIZE at most.
        """
        return self._limit

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        self._limit = size
        self._resize()

    def _resize(self) -> None:
        """Use what the peer allows and we want."""
        size = min(self._limit, MOST_TABLE_SIZE)
        if size != self._table.max_size:
            smallest = self._smallest_size
            self._smallest_size = size if smallest is None else min(size, smallest)
            self._table.max_size = size
            self._known.clear()  # what was too large for the table may fit now

    def encode(self, section: Section, *, secret: bool = False) -> bytes:
        """The block of a section.

        HOT (0.2 us a field that is known, 5 us one that is not; bench/hpack.py).

        Fields are pairs of bytes, names in lower case, and checked: the table changes as they
        are taken, and a block that is not sent to its end is a connection lost.  ``secret``
        says that there are NeverIndexed among them.
        """
        table = self._table
        numbers, known = table.numbers, self._known
        added = table.added
        parts = []
        for field in section:
            # The dynamic table first: one octet where it has the field. Then a literal that was
            # made before.
            number = numbers.get(field)
            if secret and type(field) is NeverIndexed:
                parts.append(self._never_indexed(field))
            elif number is not None:
                parts.append(DYNAMIC_FIELDS[table.added - number])
            else:
                parts.append(known.get(field) or self._represent(field))
        smallest = self._smallest_size
        self.repeatable = table.added == added and smallest is None
        if smallest is not None:
            self._smallest_size = None
            # At the beginning of the block (4.2), although the fields were looked up in the table
            # of the new size: it has been in force since the setting came.
            parts.insert(0, pack_size_updates(smallest, table.max_size))
        return b"".join(parts)

    def _represent(self, field: Field) -> bytes:
        """The representation of a field that is neither in the dynamic table nor known (6)."""
        name, value = field
        size = len(name) + len(value) + ENTRY_OVERHEAD
        if name in SECRET_NAMES or (name == b"cookie" and len(value) < SHORT_COOKIE_SIZE):
            representation = self._never_indexed(field)
        elif field in STATIC_FIELDS:
            representation = STATIC_FIELDS[field]
        elif name in UNINDEXED_NAMES or size > self._table.max_size * LARGEST_SHARE:
            representation = self._name(name, 0x0F, 0x00) + pack_string(value, encode(value))
        else:
            representation = self._name(name, 0x3F, 0x40) + pack_string(value, encode(value))
            self._table.add(field)
            return representation
        # The index of another name is that of an entry, and changes.
        if name in STATIC_NAMES and size <= KEPT_FIELD_SIZE:
            self._known.keep(field, representation)
        return representation

    def _never_indexed(self, field: Field) -> bytes:
        """A literal that nobody may put in a table (6.2.3)."""
        name, value = field
        return self._name(name, 0x0F, 0x10) + pack_string(value, encode(value))

    def _name(self, name: bytes, prefix: int, pattern: int) -> bytes:
        """The beginning of a literal: the index of its name, or 0 and the name itself (6.2)."""
        index = STATIC_NAMES.get(name) or self._table.search_name(name)
        if index:
            return pack_integer(index, prefix, pattern)
        return OCTETS[pattern] + pack_string(name, encode(name))
