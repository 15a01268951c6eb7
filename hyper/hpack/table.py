"""The static and the dynamic table, which both ends of one direction know (RFC 7541, 2.3, 4).

Indexes count the static table from 1 to 61 and go on, from 62, through the dynamic table from
its newest entry to its oldest.  Here the dynamic table is a list with the newest entry *last*:
adding is an append, index 62 is ``entries[-1]``, and index *i* is ``entries[61 - i]``, without
any counting.

A decoder only ever looks up by index: ``DynamicTable`` does that.  An encoder looks for fields:
``SearchableTable`` adds two dicts that give each field and name the *number* of its entry, which
counts all entries ever added, stays the same while the entry moves through the table, and is one
subtraction away from its index: the newest has the number ``added``.
"""

from __future__ import annotations

from ..fields import NeverIndexed
from .codes import STATIC_TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Field = tuple[bytes, bytes]
    Section = tuple[Field, ...]
    Text = Union[bytes, str]

#: "The additional 32 octets account for an estimated overhead associated with an entry" (4.1).
ENTRY_OVERHEAD = 32

#: SETTINGS_HEADER_TABLE_SIZE before any SETTINGS (RFC 9113, 6.5.2).
DEFAULT_TABLE_SIZE = 4096

LAST_STATIC_INDEX = len(STATIC_TABLE)

#: How far above its maximum size `extend` lets a table grow before it evicts. Replayed
#: entries are rarely looked at, and the fewer the evictions the cheaper; but waiting takes memory.
LATENESS = 4


def as_field(field: tuple[Text, Text]) -> Field:
    """The field as bytes, str taken for Latin-1; NeverIndexed stays so.

    TypeError for anything else: a codec that met it halfway would have changed its table for a
    block that never comes to be.
    """
    name, value = field
    if isinstance(name, str):
        name = name.encode("latin-1")
    if isinstance(value, str):
        value = value.encode("latin-1")
    for text in (name, value):
        if not isinstance(text, bytes):
            raise TypeError(f"a field is of bytes or str, not {type(text).__name__}")
    return NeverIndexed(name, value) if type(field) is NeverIndexed else (name, value)


class DynamicTable:
    """The dynamic table of one direction of a connection, as its decoder needs it (2.3.2)."""

    __slots__ = ("_max_size", "entries", "size")

    def __init__(self, max_size: int = DEFAULT_TABLE_SIZE) -> None:
        #: The newest entry last. There may be more than max_size allows until `settle`.
        self.entries: list[Field] = []
        self.size: int = 0
        self._max_size = max_size

    @property
    def max_size(self) -> int:
        """The octets that the entries may take, each with ENTRY_OVERHEAD (4.2)."""
        return self._max_size

    @max_size.setter
    def max_size(self, size: int) -> None:
        self._max_size = size
        self.settle()

    def add(self, field: Field) -> None:
        """Put in a new entry; `settle` makes room for it (4.4).

        One larger than the table leaves the table empty, itself evicted last.
        """
        self.entries.append(field)
        self.size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD

    def extend(self, fields: Iterable[Field], size: int) -> None:
        """Add fields of ``size`` octets in all; what is far too much is evicted at once."""
        self.entries += fields
        self.size += size
        if self.size > LATENESS * self._max_size:
            self.settle()

    def settle(self) -> None:
        """Evict the oldest entries until the others fit (4.3).

        It makes no difference to what remains whether this follows each entry or many: that is
        always the longest run of newest entries that fits.
        """
        size = self.size
        count = 0
        while size > self._max_size:
            name, value = self.entries[count]
            size -= len(name) + len(value) + ENTRY_OVERHEAD
            count += 1
        del self.entries[:count]
        self.size = size


class SearchableTable(DynamicTable):
    """A dynamic table as its encoder needs it: with the way from a field to its index."""

    __slots__ = ("_names", "added", "numbers")

    size: int

    def __init__(self, max_size: int = DEFAULT_TABLE_SIZE) -> None:
        super().__init__(max_size)
        self.added: int = 0  # entries ever, and so the number of the newest
        self.numbers: dict[Field, int] = {}
        self._names: dict[bytes, int] = {}

    def add(self, field: Field) -> None:
        """Put in a new entry, to be found by its field and, before older ones, by its name.

        The oldest make room for it at once.
        """
        name, value = field
        self.added += 1
        self.numbers[field] = self._names[name] = self.added
        self.entries.append(field)
        self.size += len(name) + len(value) + ENTRY_OVERHEAD
        if self.size > self._max_size:
            self.settle()

    def settle(self) -> None:
        """Evict the oldest entries until the others fit (4.3), and forget their numbers."""
        numbers, names, entries = self.numbers, self._names, self.entries
        while self.size > self._max_size:
            number = self.added - len(entries) + 1
            field = entries.pop(0)
            name, value = field
            self.size -= len(name) + len(value) + ENTRY_OVERHEAD
            if numbers[field] == number:
                del numbers[field]
            if names[name] == number:
                del names[name]

    def search_name(self, name: bytes) -> int:
        """The index of an entry with this name, or 0 (6.2)."""
        number = self._names.get(name)
        return 0 if number is None else LAST_STATIC_INDEX + 1 + self.added - number
