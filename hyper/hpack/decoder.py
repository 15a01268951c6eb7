"""From field blocks to field sections (RFC 7541, 3.2): one direction of one connection.

A field block is a row of representations, told apart by the first bits of their first octet (6)::

    1.......  an indexed field                                  6.1
    01......  a literal field, which becomes an entry           6.2.1
    001.....  the encoder's new table size, at the start only   6.3
    0001....  a literal field that must never become an entry   6.2.3
    0000....  a literal field that does not                     6.2.2

The remaining bits begin an integer: an index, or the size.  Blocks must come in the order in
which the peer made them, because each may refer to entries of the one before.  After an error the
tables of the two ends differ, so the decoder must not be used again: the connection must end (RFC
9113, 4.3).

Everything that a peer can make large is bounded: integers by their octets, strings by the block,
the section by ``max_list_size``, the table by ``header_table_size``.  Time is linear in the
octets of the block.
"""

from __future__ import annotations

from ..errors import CompressionError, FieldSectionTooLarge
from ..fields import NeverIndexed
from .codes import STATIC_TABLE
from .inflate import decode
from .table import DEFAULT_TABLE_SIZE, LAST_STATIC_INDEX, DynamicTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Field, Section

#: The largest number there is to tell is a table size of 32 bits (RFC 9113, 6.5.1), which takes
#: five octets after the first. "Integer encodings that exceed implementation limits [...] MUST be
#: treated as decoding errors" (5.1).
MOST_INTEGER_OCTETS = 5

#: "The final maximum size is always signaled, resulting in at most two dynamic table size
#: updates" (4.2).
MOST_SIZE_UPDATES = 2

#: Octets of a decoded section, as RFC 9113, 6.5.2 counts them, unless said otherwise: http.client
#: takes 100 lines of 64 KiB, and no server sends a tenth of this.
DEFAULT_LIST_SIZE = 64 * 1024

#: The static table by its own indexes. Index 0 stands for a name that follows as a string.
STATIC_FIELDS = ((b"", b""), *STATIC_TABLE)

#: The bits of a representation's first octet in which its index begins (6). None where there is
#: none: in a size update, and in 0x80, whose index is 0.
PREFIXES = b"\x0f" * 0x20 + b"\x00" * 0x20 + b"\x3f" * 0x40 + b"\x00" + b"\x7f" * 0x7F


class Decoder:
    """The decoder of one direction, and its dynamic table.  Not thread-safe.

    Besides the section, `decode` leaves what a memory of blocks must know (hyper.hpack):
    whether the block ``referred`` to the dynamic table or resized it, and its ``insertions``.
    ``generation`` is another number whenever the table is another.
    """

    __slots__ = (
        "_limit",
        "_required_size",
        "_table",
        "generation",
        "insertions",
        "is_marked",
        "list_size",
        "max_list_size",
        "referred",
    )

    def __init__(
        self, header_table_size: int = DEFAULT_TABLE_SIZE, max_list_size: int = DEFAULT_LIST_SIZE
    ) -> None:
        self.max_list_size: int = max_list_size
        self._limit = header_table_size
        self._required_size: int | None = None
        self._table = DynamicTable(header_table_size)
        self.generation: int = 0
        # About the last block:
        self.referred: bool = False
        #: True if NeverIndexed fields are in it, which ``==`` does not tell
        self.is_marked: bool = False
        self.insertions: list[Field] = []
        self.list_size: int = 0

    @property
    def header_table_size(self) -> int:
        """Our SETTINGS_HEADER_TABLE_SIZE; set it when the peer has acknowledged it (4.2).

        If the peer's table is larger than that, its next block must begin with a size update.
        """
        return self._limit

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        self._limit = size
        if size < self._table.max_size:
            required = self._required_size
            self._required_size = size if required is None else min(size, required)

    def replay(self, insertions: list[Field], size: int) -> None:
        """Insert once more what a block inserted, ``size`` octets in all as entries (4.1)."""
        self._table.extend(insertions, size)
        self.generation += 1

    def decode(self, block: bytes) -> Section:
        """The section of a block.

        HOT (0.4 us an indexed field, 2 us a literal and its strings; bench/hpack.py).

        Raises CompressionError, at the peer's fault.  Raises FieldSectionTooLarge beyond
        ``max_list_size``, after the block was decoded to its end, so that the next one can be.
        """
        # Numbers, for speed: from index 62 on there are entries, entries[61 - index] (table.py);
        # 32 is ENTRY_OVERHEAD.
        table = self._table
        table.settle()
        entries = table.entries
        read_literal = self._read_literal
        fields: list[Field] = []
        insertions: list[Field] = []
        is_marked = False
        room = self.max_list_size
        end = len(block)
        try:
            position = self._update_size(block)
            referred = position > 0
            last = LAST_STATIC_INDEX + len(entries)  # or 0: to be found out after an insertion
            while position < end:
                octet = block[position]
                position += 1
                prefix = PREFIXES[octet]
                index = octet & prefix
                if index == prefix:
                    index, position = read_index(block, position, prefix)
                if index < 62:
                    field = STATIC_FIELDS[index]
                else:
                    if index > last:
                        table.settle()
                        last = LAST_STATIC_INDEX + len(entries)
                        if index > last:
                            raise no_entry(index, last)
                    field = entries[61 - index]
                    referred = True
                name, value = field
                if octet < 0x80:
                    name, value, position = read_literal(block, position, index, name)
                    field = (name, value)
                    if 0x10 <= octet < 0x20:
                        field, is_marked = NeverIndexed(name, value), True
                    if octet >= 0x40:
                        table.add(field)
                        insertions.append(field)
                        last = 0
                room -= len(name) + len(value) + 32
                if room >= 0:  # or else the rest is decoded for the table (RFC 9113, 4.3)
                    fields.append(field)
        except IndexError:
            raise CompressionError("a field block that ends in a field (RFC 7541, 6)") from None
        self._leave(referred, is_marked, insertions, room)
        return tuple(fields)

    def _read_literal(
        self, block: bytes, position: int, index: int, name: bytes
    ) -> tuple[bytes, bytes, int]:
        """Name and value of a literal field, and where it ends (6.2).

        position: of its strings.  index: of its name, which is ``name``, or 0 where it follows.
        """
        if index == 0:
            name, position = read_string(block, position)
        value, position = read_string(block, position)
        return name, value, position

    def _leave(self, referred: bool, is_marked: bool, insertions: list[Field], room: int) -> None:
        """Note what is to be known of the block that was decoded last.

        room: octets that its section left of max_list_size; raise FieldSectionTooLarge below 0.
        """
        self.referred = referred
        self.is_marked = is_marked
        self.insertions = insertions
        self.list_size = self.max_list_size - room
        if insertions:
            self.generation += 1
        if room < 0:
            raise too_large(self.max_list_size)

    def _update_size(self, block: bytes) -> int:
        """Obey the size updates that a block begins with (6.3); returns the octets they take.

        After our limit fell below the size in use the first is not optional, and must not be
        above the lowest limit there was (4.2; RFC 9113, 4.3.1).
        """
        position = count = 0
        while 0x20 <= (block[position] if position < len(block) else 0) < 0x40:
            count += 1
            if count > MOST_SIZE_UPDATES:
                raise CompressionError(f"more than {count - 1} size updates (RFC 7541, 4.2)")
            size = block[position] & 0x1F
            position += 1
            if size == 0x1F:
                size, position = read_integer(block, position, 0x1F)
            limit = self._limit if self._required_size is None else self._required_size
            if size > limit:
                raise CompressionError(
                    f"a table size of {size} octets where {limit} are allowed (RFC 7541, 6.3)"
                )
            self._required_size = None
            self._table.max_size = size
            self.generation += 1
        if self._required_size is not None:
            raise CompressionError(
                f"no size update after the table was limited to {self._required_size} octets"
                " (RFC 9113, 4.3.1)"
            )
        return position


def read_index(block: bytes, position: int, prefix: int) -> tuple[int, int]:
    """An index that fills its prefix, and where it ends (5.1); raise if there is no index."""
    if prefix:
        return read_integer(block, position, prefix)
    if block[position - 1] == 0x80:
        raise CompressionError("an indexed field of index 0 (RFC 7541, 6.1)")
    raise CompressionError("a size update out of place (RFC 7541, 4.2)")


def read_integer(block: bytes, position: int, prefix: int) -> tuple[int, int]:
    """The integer that fills its prefix and goes on at position, and where it ends (5.1)."""
    value = prefix
    for shift in range(0, 7 * MOST_INTEGER_OCTETS, 7):
        octet = block[position]
        position += 1
        value += (octet & 0x7F) << shift
        if octet < 0x80:
            return value, position
    raise CompressionError(
        f"an integer of more than {MOST_INTEGER_OCTETS} octets after its prefix (RFC 7541, 5.1)"
    )


def read_string(block: bytes, position: int) -> tuple[bytes, int]:
    """The text of the string at position, and where it ends (5.2)."""
    first = block[position]
    size = first & 0x7F
    start = position + 1
    if size == 0x7F:
        size, start = read_integer(block, start, 0x7F)
    end = start + size
    octets = block[start:end]
    if len(octets) < size:
        raise CompressionError(
            f"a string of {size} octets with {len(octets)} left in its block (RFC 7541, 5.2)"
        )
    return (octets if first < 0x80 else decode(octets)), end


def no_entry(index: int, last: int) -> CompressionError:
    """The fault of an index that leads nowhere."""
    return CompressionError(
        f"index {index} is beyond the tables, which end at {last} (RFC 7541, 2.3.3)"
    )


def too_large(max_list_size: int) -> FieldSectionTooLarge:
    """The fault of a field section that expands beyond what was announced."""
    return FieldSectionTooLarge(
        f"a field section of more than {max_list_size} octets (RFC 9113, 6.5.2)"
    )
