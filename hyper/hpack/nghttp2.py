"""HPACK by libnghttp2, which is looked for when this module is imported.

**The border.**  A call from Python to C, by cffi or by ctypes, takes five times what libnghttp2
needs for a field meanwhile: each argument is converted, and what came out must be fetched from
memory piece by piece.  libnghttp2 encodes a whole section in one call, but when it decodes it
gives one field a call.  A codec that asks it for each field, and then for the field's name, value,
sizes and flags, is no faster than one in Python.  Hence:

* *Encoding* is one call a block.  All names and values are one text in memory whose address is
  known, one `struct` call packs the array that tells where they are, and the block is cut from
  that memory again.  The dynamic table is in C.  libnghttp2 decides what becomes an entry; what is
  a secret is for us to say.
* *Decoding* leaves to libnghttp2 what takes long in Python: the strings of literal fields and
  their Huffman code, one call for the two strings of a literal.  The dynamic table is
  `decoder`'s, since an entry takes a sixth of a call when it is looked up here; and with it
  goes all that a memory of blocks wants to know.  libnghttp2's own table has no room, so that it
  remembers nothing from one literal to the next.  A name that is known here is hidden from it: the
  last octet of its index becomes an index of one octet.

**Memory at an address** is read as a slice of an array that begins at address 0 and ends nowhere:
a third of what it takes to make an object for each address first.

**libnghttp2's own ways.**  It refuses a string of more than 64 KiB.  A block that it refuses is
read again by `decoder`, which finds the words for what is wrong, and goes on if nothing is.
Neither minds names in capitals, empty names, or any octet in a value: these are not HPACK's
business.  Which fields its encoder adds to the table differs a little from `encoder`: not `etag`
and `location`, but `content-range`, `if-match`, `if-range`, `if-unmodified-since` and `range`.

Importing this raises ImportError, with what to install, where libnghttp2 cannot be loaded.
Nothing here is thread-safe, and nothing that changes is shared: threads may each have objects of
their own.  The memory of an object in C is freed when it goes; on PyPy, when it is collected.
"""

from __future__ import annotations

import struct
import sys
from itertools import accumulate

from ..fields import NeverIndexed
from . import decoder
from .decoder import DEFAULT_LIST_SIZE, read_integer
from .encoder import MOST_TABLE_SIZE, SECRET_NAMES, SHORT_COOKIE_SIZE
from .table import DEFAULT_TABLE_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Union

    from .table import Field, Section

    Binding = Union["CffiBinding", "CtypesBinding"]

#: The first room of an encoder: so many fields, and so many octets of names and values.
#: Most requests need less. For a larger section it makes more room.
USUAL_FIELDS = 32
USUAL_TEXT = 2048

#: The most room in octets, for a section and its block, that an encoder keeps: enough for the
#: largest sections that servers take by default, of 32 KiB and less.
KEPT_ROOM = 131072

#: The block that a decoder has room for. Most are of some 100 octets; a larger one gets room of
#: its own, for as long as it takes.
USUAL_BLOCK = 4096

#: Octets that a block may take beyond its text: two size updates, and for each field a pattern with
#: an index and the sizes of two strings, of six octets at most each (RFC 7541, 5.1).
UPDATES_OVERHEAD = 12
FIELD_OVERHEAD = 18

#: How libnghttp2 describes a field: the addresses of name and value, their sizes, and in the first
#: octet of a fifth word, flags.
WORDS = 5
WORD_SIZE = struct.calcsize("P")
FIELD_SIZE = WORDS * WORD_SIZE
unpack_found: Callable[..., tuple[int, ...]] = struct.Struct("PPNN").unpack_from
NO_INDEX = int.from_bytes(b"\x01".ljust(WORD_SIZE, b"\x00"), sys.byteorder)

SECRETS_AND_COOKIE = SECRET_NAMES | {b"cookie"}

#: The name for libnghttp2 where the name is known here: an index of one octet.
ANY_NAME = b"\x01"

#: A table of no octets; the size update that says so.
NO_TABLE = b"\x20"

#: The newest name first; 1.52, of 2023, has the last only.
DEFLATE = ("nghttp2_hd_deflate_hd2", "nghttp2_hd_deflate_hd")
INFLATE = ("nghttp2_hd_inflate_hd3", "nghttp2_hd_inflate_hd2")

#: libnghttp2's number for its binary interface is 14, since 2015.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "linux": ("libnghttp2.so.14",),
    "darwin": (
        "libnghttp2.14.dylib",
        "/opt/homebrew/lib/libnghttp2.14.dylib",
        "/usr/local/lib/libnghttp2.14.dylib",
    ),
    "win32": ("nghttp2.dll", "libnghttp2-14.dll", "libnghttp2.dll"),
}

#: The types of the functions as cffi notes them down, from the C in test_hpack_nghttp2.py. To have
#: them parsed when they are needed takes 60 ms, on PyPy 200.
CFFI_VERSION = 0x2601
CFFI_TYPES = bytes.fromhex(
    "0000140d00001a030000000f0000140d0000011100001c010000000f0000190d0000011100000111"
    "00001c010000011100001c010000000f0000190d00000111000001110000011100001a0100001c01"
    "000007010000000f00001a0d000001110000000f00001d0100000001"
)
CFFI_GLOBALS = (
    b"\x00\x00\x03#nghttp2_hd_deflate_change_table_size",
    0,
    b"\x00\x00\x16#nghttp2_hd_deflate_del",
    0,
    b"\x00\x00\x07#nghttp2_hd_deflate_hd",
    0,
    b"\x00\x00\x07#nghttp2_hd_deflate_hd2",
    0,
    b"\x00\x00\x03#nghttp2_hd_deflate_new",
    0,
    b"\x00\x00\x03#nghttp2_hd_inflate_change_table_size",
    0,
    b"\x00\x00\x16#nghttp2_hd_inflate_del",
    0,
    b"\x00\x00\x0e#nghttp2_hd_inflate_hd2",
    0,
    b"\x00\x00\x0e#nghttp2_hd_inflate_hd3",
    0,
    b"\x00\x00\x00#nghttp2_hd_inflate_new",
    0,
)


class CffiBinding:
    """libnghttp2 by cffi in ABI mode, which needs no compiler.

    ``memory[a:b]`` is the octets from one address to another.
    """

    def __init__(self, name: str, reach: int = sys.maxsize) -> None:
        """Load a library; ImportError where there is no cffi, OSError where there is no library."""
        import _cffi_backend

        ffi = _cffi_backend.FFI(
            __name__, _version=CFFI_VERSION, _types=CFFI_TYPES, _globals=CFFI_GLOBALS
        )
        self._cast = cast = ffi.cast
        self._new, self._buffer = ffi.new, ffi.buffer
        self._library = ffi.dlopen(name)
        self._deflate = find_function(self._library, DEFLATE, ffi.error)
        self._inflate = find_function(self._library, INFLATE, ffi.error)
        self.memory: Any
        if is_within(reach, self.allocate(1)[0]):
            self.memory = ffi.buffer(cast("char *", 0), reach)
        else:
            self.memory = Memory(lambda place, size: ffi.unpack(cast("char *", place), size))

    def allocate(self, size: int) -> tuple[int, Any]:
        """The address of new memory, and a buffer that is that memory, for as long as it lives."""
        octets = self._new("char[]", size)
        return int(self._cast("uintptr_t", octets)), self._buffer(octets)

    def call(self, name: str, address: int, *numbers: int) -> Any:
        """Call a function of an address and numbers, where time does not matter."""
        return getattr(self._library, name)(self._cast("void *", address), *numbers)

    def deflate(self, deflater: int, block: int, size: int, fields: int) -> Callable[[int], int]:
        """A function that encodes a number of fields: to the size of the block, or an error."""
        function = self._deflate
        one, two, four = [self._cast("void *", each) for each in (deflater, block, fields)]
        return lambda count: function(one, two, size, four, count)

    def inflate(self, inflater: int, field: int, flags: int) -> Callable[[int, int], int]:
        """A function that decodes a field at an address, of all that is left there.

        It gives the octets that were taken, or an error below 0.
        """
        function = self._inflate
        one, two, three = [self._cast("void *", each) for each in (inflater, field, flags)]

        def inflate(address: int, left: int) -> int:
            return function(one, two, three, address, left, 1)  # type: ignore[no-any-return]

        return inflate


class CtypesBinding:
    """libnghttp2 by ctypes, which is always there.

    As CffiBinding in all that it offers.  Converting arguments takes longest: those that stay
    the same are converted once, and the others are written into words that stay the same.
    CPython's lock is kept during a call (PyDLL), which is over sooner than another thread wakes.
    """

    def __init__(self, name: str, reach: int = sys.maxsize) -> None:
        """Load a library; raise OSError if there is none."""
        import ctypes

        self._char, self._word, self._addressof = ctypes.c_char, ctypes.c_size_t, ctypes.addressof
        self._library = getattr(ctypes, "PyDLL", ctypes.CDLL)(name)  # PyPy has no PyDLL
        self._deflate = find_function(self._library, DEFLATE, AttributeError)
        self._inflate = find_function(self._library, INFLATE, AttributeError)
        self._deflate.restype = self._inflate.restype = ctypes.c_ssize_t
        self.memory: Any
        if sys.implementation.name == "cpython" and is_within(reach, self.allocate(1)[0]):
            self.memory = (ctypes.c_char * reach).from_address(0)
        else:
            self.memory = Memory(ctypes.string_at)

    def allocate(self, size: int) -> tuple[int, Any]:
        """The address of new memory, and a view of that memory, for as long as it lives."""
        octets = (self._char * size)()
        return self._addressof(octets), memoryview(octets).cast("B")

    def call(self, name: str, address: int, *numbers: int) -> Any:
        """Call a function of an address and numbers, where time does not matter."""
        return getattr(self._library, name)(*map(self._word, (address, *numbers)))

    def deflate(self, deflater: int, block: int, size: int, fields: int) -> Callable[[int], int]:
        """A function that codes so many fields, as CffiBinding.deflate."""
        function = self._deflate
        one, two, three, four, five = map(self._word, (deflater, block, size, fields, 0))

        def deflate(count: int) -> int:
            five.value = count
            return function(one, two, three, four, five)  # type: ignore[no-any-return]

        return deflate

    def inflate(self, inflater: int, field: int, flags: int) -> Callable[[int, int], int]:
        """A function that decodes octets at an address, as CffiBinding.inflate."""
        function = self._inflate
        one, two, three, four, five = map(self._word, (inflater, field, flags, 0, 0))

        def inflate(address: int, left: int) -> int:
            four.value = address
            five.value = left
            return function(one, two, three, four, five, 1)  # type: ignore[no-any-return]

        return inflate


class Memory:
    """All memory, if no array is as long: with addresses of 32 bits, or with marks in them."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read

    def __getitem__(self, part: slice) -> bytes:
        return self._read(part.start, part.stop - part.start)


def is_within(reach: int, address: int) -> bool:
    """True if an array of that many octets has this address in it, and all others like it."""
    return reach > 1 << 32 and address < reach


def find_function(library: Any, names: Sequence[str], missing: type[Exception]) -> Any:
    """The first of some functions that a library has; ``missing`` is how it says no."""
    for name in names:
        try:
            return getattr(library, name)
        except missing:
            continue
    raise OSError(f"it has no {names[-1]}()")


def names_of_library(platform: str) -> Iterator[str]:
    """Iterate the names of libraries to load, in the order in which to try.

    Well-known names come first, because find_library() runs other programs to find more.
    """
    yield from KNOWN_NAMES.get(platform, KNOWN_NAMES["linux"])
    from ctypes.util import find_library

    found = find_library("nghttp2")
    if found:
        yield found


def load(
    names: Iterable[str],
    bindings: Sequence[Callable[[str], Binding]] = (CffiBinding, CtypesBinding),
) -> Binding:
    """libnghttp2 by the first name and binding that work, or ImportError."""
    reasons = []
    for name in names:
        for binding in bindings:
            try:
                return binding(name)
            except (ImportError, OSError) as error:
                reasons.append(str(error))
    raise ImportError(
        "libnghttp2 cannot be loaded: install it (apt install libnghttp2-14, dnf install"
        " libnghttp2, brew install libnghttp2), and `pip install cffi`, with which it is faster."
        f" The reasons: {'; '.join(reasons)}"
    )


LIBRARY = load(names_of_library(sys.platform))


class Foreign:
    """An object of libnghttp2's, made and freed with this."""

    __slots__ = ("_kind", "_library", "address")

    address: int

    def __init__(self, library: Binding, kind: str, *numbers: int) -> None:
        """kind: "deflate" or "inflate"."""
        self._library = library
        self._kind = kind
        place, memory = library.allocate(WORD_SIZE)
        library.call(f"nghttp2_hd_{kind}_new", place, *numbers)
        (self.address,) = struct.unpack_from("P", memory)
        if not self.address:
            raise MemoryError(f"no memory for an HPACK {kind}r")

    def change_table_size(self, size: int) -> None:
        """Resize its dynamic table (RFC 7541, 4.2)."""
        self._library.call(f"nghttp2_hd_{self._kind}_change_table_size", self.address, size)

    def __del__(self) -> None:
        if getattr(self, "address", 0):  # perhaps a signal's exception ended __init__
            self._library.call(f"nghttp2_hd_{self._kind}_del", self.address)


class Encoder:
    """The encoder of one direction; its dynamic table is in C.  Not thread-safe."""

    __slots__ = (
        "_block_at",
        "_deflate",
        "_deflater",
        "_limit",
        "_memory",
        "_most_fields",
        "_most_text",
        "_resized",
        "_table_size",
        "_text_address",
        "_text_at",
        "repeatable",
    )

    library = LIBRARY

    def __init__(self, header_table_size: int = DEFAULT_TABLE_SIZE) -> None:
        self._deflater = Foreign(self.library, "deflate", MOST_TABLE_SIZE)
        self._make_room(USUAL_FIELDS, USUAL_TEXT)
        self.repeatable: bool = False
        self._limit = self._table_size = header_table_size
        self._resized = False  # since the last block
        if header_table_size < DEFAULT_TABLE_SIZE:
            self._deflater.change_table_size(header_table_size)
            self._deflate(0)  # a block that need not be sent: both ends begin with this size
        self._resize()

    def _make_room(self, fields: int, text: int) -> None:
        """Have memory for a section of so many fields and octets, and for its block."""
        library = self.library
        self._most_fields = fields
        self._most_text = text
        self._text_at = FIELD_SIZE * fields
        self._block_at = self._text_at + text
        size = text + FIELD_OVERHEAD * fields + UPDATES_OVERHEAD
        address, self._memory = library.allocate(self._block_at + size)
        self._text_address = address + self._text_at
        self._deflate = library.deflate(
            self._deflater.address, address + self._block_at, size, address
        )

    @property
    def header_table_size(self) -> int:
        """The peer's SETTINGS_HEADER_TABLE_SIZE; set it before that is acknowledged (4.2)."""
        return self._limit

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        self._limit = size
        self._resize()

    def _resize(self) -> None:
        """Use what the peer allows and we want, which the next block will tell."""
        size = min(self._limit, MOST_TABLE_SIZE)
        if size != self._table_size:
            self._table_size = size
            self._deflater.change_table_size(size)
            self._resized = True

    def encode(self, section: Section, *, secret: bool = False) -> bytes:
        """The block of a section. HOT (5 us, and 0.6 us a field; bench/hpack.py).

        Fields are pairs of bytes, as for `encoder.Encoder`.  ``secret`` says that there are
        NeverIndexed among them.
        """
        count = len(section)
        names, values = zip(*section) if section else ((), ())
        text = b"".join(names + values)
        size = len(text)
        if count > self._most_fields or size > self._most_text:
            self._make_room(max(count, self._most_fields), max(size, self._most_text))
        sizes = [*map(len, names), *map(len, values)]
        places = [*accumulate(sizes, initial=self._text_address)]
        words = [0] * (WORDS * count)
        words[0::WORDS] = places[:count]
        words[1::WORDS] = places[count:-1]
        words[2::WORDS] = sizes[:count]
        words[3::WORDS] = sizes[count:]
        if secret or not SECRETS_AND_COOKIE.isdisjoint(names):
            words[4::WORDS] = map(flags_of, section)
        memory = self._memory
        struct.pack_into(f"{len(words)}N", memory, 0, *words)
        memory[self._text_at : self._text_at + size] = text
        octets = self._deflate(count)
        if octets < 0:
            raise MemoryError(f"libnghttp2 cannot encode a field section (its error {octets})")
        block = bytes(memory[self._block_at : self._block_at + octets])
        if len(memory) > KEPT_ROOM:
            self._make_room(USUAL_FIELDS, USUAL_TEXT)
        self.repeatable = not self._resized and not inserts(block)
        self._resized = False
        return block


def flags_of(field: Field) -> int:
    """The flag by which libnghttp2 learns that a field is never indexed (7.1.3)."""
    name, value = field
    if type(field) is NeverIndexed or name in SECRET_NAMES:
        return NO_INDEX
    return NO_INDEX if name == b"cookie" and len(value) < SHORT_COOKIE_SIZE else 0


def inserts(block: bytes) -> bool:
    """True if a block of libnghttp2's own, with no size updates, adds an entry (6.2.1)."""
    position, end = 0, len(block)
    while position < end:
        octet = block[position]
        position += 1
        if octet >= 0x80:
            if octet == 0xFF:
                _, position = read_integer(block, position, 0x7F)
        elif octet >= 0x40:
            return True
        else:
            strings = 1 if octet & 0x0F else 2
            if octet & 0x0F == 0x0F:
                _, position = read_integer(block, position, 0x0F)
            for _ in range(strings):
                size = block[position] & 0x7F
                position += 1
                if size == 0x7F:
                    size, position = read_integer(block, position, 0x7F)
                position += size
    return False


class Decoder(decoder.Decoder):
    """The decoder of one direction: libnghttp2 reads the literals.  Not thread-safe."""

    __slots__ = ("_address", "_found", "_inflate", "_inflater", "_room", "_text")

    library = LIBRARY
    _text: Any

    def __init__(
        self, header_table_size: int = DEFAULT_TABLE_SIZE, max_list_size: int = DEFAULT_LIST_SIZE
    ) -> None:
        super().__init__(header_table_size, max_list_size)
        self._room = self.library.allocate(USUAL_BLOCK)
        self._address, self._text = 0, None  # of the block, once there was a literal in it
        self._make_inflater()

    def _make_inflater(self) -> None:
        """Make an inflater that remembers nothing, because its table has no room."""
        library = self.library
        place, self._found = library.allocate(FIELD_SIZE + 2 * WORD_SIZE)
        self._inflater = Foreign(library, "inflate")
        self._inflate = library.inflate(self._inflater.address, place, place + FIELD_SIZE)
        self._inflater.change_table_size(0)
        update_at = FIELD_SIZE + WORD_SIZE
        self._found[update_at : update_at + 1] = NO_TABLE
        self._inflate(place + update_at, 1)

    def decode(self, block: bytes) -> Section:
        """The section of a block. HOT (0.4 us an entry, 2.5 us a literal; bench/hpack.py)."""
        self._text = None
        return super().decode(block)

    def _read_literal(
        self, block: bytes, position: int, index: int, name: bytes
    ) -> tuple[bytes, bytes, int]:
        if self._text is None:
            # The whole block is put where libnghttp2 can read it, and we can change it.
            size = len(block)
            self._address, self._text = (
                self._room if size <= USUAL_BLOCK else self.library.allocate(size)
            )
            self._text[0:size] = block
        if index:
            self._text[position - 1 : position] = ANY_NAME
        taken = self._inflate(self._address + position - 1, len(block) - position + 1)
        if taken < 0:
            self._make_inflater()  # the old one refuses everything from now on
            # Python decodes it again, to find the fault, if there is one.
            return super()._read_literal(block, position, index, name)
        name_at, value_at, name_size, value_size = unpack_found(self._found)
        memory = self.library.memory
        value = memory[value_at : value_at + value_size]
        if index == 0:
            name = memory[name_at : name_at + name_size]
        return name, value, position + taken - 1
