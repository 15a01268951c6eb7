"""HPACK: field sections to field blocks and back (RFC 7541), one object per direction.

A *section* is a tuple of fields, each a pair (name, value) of bytes; a *block* is its coded form.
The ``Encoder`` and ``Decoder`` here are a memory of repeated blocks before a codec, which does
the work when memory fails: our own, or libnghttp2's (``choice.py``).  ``implementation`` says which
one that is.

**Why a memory.**  The requests of a client resemble each other to the octet, and so do the
responses: once the table of a direction has settled, the same section is the same block.  One
look-up in a dict is a quarter or less of what the fastest codec takes, in any language.

**When the same block means the same.**  A block is decoded against the dynamic table and may
change it, which gives four kinds:

* neither refers nor inserts: means the same for ever;
* refers, and inserts nothing: means the same while the table is the same;
* inserts, and refers to nothing: means the same whatever the table is.  Its insertions are made
  again, without decoding.  Some servers insert the same fields with each response;
* does both, or resizes the table: is not remembered.

When encoding, a section is coded the same as long as nothing was added to the table.

================ =================================================================================
``choice.py``    which codec; what the memory needs from one, as types
``encoder.py``   our codec: fields to octets (6, 7.1)
``decoder.py``   our codec: octets to fields (5, 6)
``table.py``     the dynamic table of a direction (2.3, 4)
``huffman.py``   strings in the Huffman code (5.2); ``inflate.py``: zlib as its decoder
``codes.py``     the tables of the RFC (appendices A and B)
``nghttp2.py``   the other codec: libnghttp2's
``__main__.py``  measures the codecs: ``python -m hyper.hpack``
================ =================================================================================

A bare number in parentheses, as in "(6.2)", is a section of RFC 7541; other RFCs are named.

Nothing here is thread-safe: a connection has one of each, and calls them under its lock.
"""

from __future__ import annotations

from ..fields import NeverIndexed, has_never_indexed
from ..foundation.memo import Memo
from .choice import codec_class, name_of
from .decoder import DEFAULT_LIST_SIZE
from .table import DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD, as_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from .choice import DecodingCodec, EncodingCodec
    from .table import Field, Section, Text

    # The section, the generation of the table it is true of (None: any), the insertions to make
    # again, their size, whether NeverIndexed is in it, and what all of this counts of KEPT_OCTETS.
    Memory = tuple[Section, Optional[int], list[Field], int, bool, int]

__all__ = ["Decoder", "Encoder", "NeverIndexed", "implementation"]


def __getattr__(name: str) -> Any:
    """``implementation``: the codec that is used, found out when it is asked for."""
    if name == "implementation":
        encoding, decoding = name_of("Encoder"), name_of("Decoder")
        return encoding if encoding == decoding else f"{encoding} to encode, {decoding} to decode"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


#: How many blocks or sections one direction remembers. A connection rarely sees more kinds of
#: messages at a time; when there are more the memory starts afresh.
KEPT_SECTIONS = 64

#: Octets that the sections which a decoder remembers may take, as RFC 9113, 6.5.2 counts them, and
#: their blocks. Python needs up to five times that, and a peer that tries gets no more.
KEPT_OCTETS = 65536

#: No section, and no block: the latest of an encoder that remembers none.
NOTHING: tuple[Any, bytes] = (object(), b"")

#: The longest block that is remembered: most are of some 100 octets.
KEPT_BLOCK_SIZE = 1024


def checked_size(size: int) -> int:
    """The size, if SETTINGS_HEADER_TABLE_SIZE may be that (RFC 9113, 6.5.2); else ValueError."""
    if not 0 <= size < 1 << 32:
        raise ValueError(f"a table of {size} octets: SETTINGS have 32 bits (RFC 9113, 6.5.1)")
    return size


class Encoder:
    """From field sections to field blocks.  Not thread-safe.

    Args:
        header_table_size: the peer's SETTINGS_HEADER_TABLE_SIZE, in octets.
        codec: "python", "nghttp2", or "auto", the faster of those that are there; None means what
            the environment's HYPER_HPACK says, else "auto".

    Raises:
        ImportError: that codec is not there.
    """

    __slots__ = ("_blocks", "_codec", "_latest")

    def __init__(
        self, header_table_size: int = DEFAULT_TABLE_SIZE, codec: str | None = None
    ) -> None:
        size = checked_size(header_table_size)
        self._codec: EncodingCodec = codec_class("Encoder", codec)(size)
        self._blocks: Memo[Section, bytes] = Memo(KEPT_SECTIONS)
        #: the section that was asked for last, if it is remembered, and its block
        self._latest: tuple[Section, bytes] = NOTHING

    @property
    def header_table_size(self) -> int:
        """The peer's SETTINGS_HEADER_TABLE_SIZE (RFC 9113, 6.5.2).

        Set it when the peer's SETTINGS come.  The next block tells what is used of it (4.2).
        """
        return self._codec.header_table_size

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        self._codec.header_table_size = checked_size(size)
        self._blocks.clear()
        self._latest = NOTHING

    def encode(self, fields: Iterable[tuple[Text, Text]]) -> bytes:
        """The block of fields given in any iterable, as bytes or as str of Latin-1.

        Names are in lower case, pseudo-header fields come first.  A ``NeverIndexed`` field, and
        one that is known for a secret, is kept out of every table (7.1.3).

        Args:
            fields: (name, value) pairs.
        """
        return self.encode_section(tuple([as_field(field) for field in fields]))

    def encode_section(self, section: Section) -> bytes:
        """The block of a section.

        Each field is a tuple of two bytes, or NeverIndexed, and checked by the caller.  The block
        must be sent, and in this order: the decoder's table follows from it.

        Args:
            section: a tuple of fields.
        """
        # HOT: 0.6 us for a section seen before (bench/hpack.py), and a tenth of that for the very
        # same tuple as the time before, as that of a request that is repeated.
        latest, block = self._latest
        if section is latest:
            return block
        if has_never_indexed(section):  # it may equal one that is remembered
            return self._encode(section, secret=True)
        known = self._blocks.get(section)
        if known is None:
            return self._encode(section, secret=False)
        self._latest = (section, known)
        return known

    def _encode(self, section: Section, *, secret: bool) -> bytes:
        """Have a section coded, and remember the block if it is good for another time."""
        codec = self._codec
        blocks = self._blocks
        block = codec.encode(section, secret=secret)
        if not codec.repeatable:
            blocks.clear()
            self._latest = NOTHING
        elif not secret and len(block) <= KEPT_BLOCK_SIZE:
            blocks.keep(section, block)
        return block


class Decoder:
    """From field blocks to field sections.  Not thread-safe.

    After an error the decoder must not be used again: the connection must end (RFC 9113, 4.3).
    FieldSectionTooLarge is no such error, as the block was decoded to its end.

    Args:
        header_table_size: our SETTINGS_HEADER_TABLE_SIZE, in octets.
        max_list_size: our SETTINGS_MAX_HEADER_LIST_SIZE: octets of names, values and 32 for each
            field.
        codec: as Encoder's.

    Raises:
        ImportError: that codec is not there.
    """

    __slots__ = ("_codec", "_kept_octets", "_sections", "is_marked")

    def __init__(
        self,
        header_table_size: int = DEFAULT_TABLE_SIZE,
        max_list_size: int = DEFAULT_LIST_SIZE,
        codec: str | None = None,
    ) -> None:
        size = checked_size(header_table_size)
        self._codec: DecodingCodec = codec_class("Decoder", codec)(size, max_list_size)
        self._sections: dict[bytes, Memory] = {}
        self._kept_octets = 0
        #: True if NeverIndexed fields are in the last section, which ``==`` does not tell
        self.is_marked: bool = False

    @property
    def header_table_size(self) -> int:
        """Our SETTINGS_HEADER_TABLE_SIZE; set it when the peer has acknowledged it (4.2)."""
        return self._codec.header_table_size

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        self._codec.header_table_size = checked_size(size)
        self._forget()

    @property
    def max_list_size(self) -> int:
        """Our SETTINGS_MAX_HEADER_LIST_SIZE: octets of names, values and 32 for each field."""
        return self._codec.max_list_size

    @max_list_size.setter
    def max_list_size(self, size: int) -> None:
        self._codec.max_list_size = size
        self._forget()

    def decode(self, block: bytes | bytearray | memoryview) -> list[Field]:
        """The fields of a block, as a list of (name, value) bytes.

        Args:
            block: a whole field block, without the frames that carried it.

        Raises:
            CompressionError: the block is malformed, at the peer's fault.
            FieldSectionTooLarge: the section is beyond max_list_size.
        """
        # By memoryview, because bytes(5) would make five octets of a number.
        return list(self.decode_section(bytes(memoryview(block))))

    def decode_section(self, block: bytes) -> Section:
        """The fields of a block, as the same tuple as long as the same block means the same.

        A field that must not be indexed on its way is NeverIndexed; ``is_marked`` tells whether
        there was one.

        Args:
            block: a whole field block, without the frames that carried it.

        Raises:
            CompressionError: the block is malformed, at the peer's fault.
            FieldSectionTooLarge: the section is beyond max_list_size.
        """
        # HOT: 0.1 us for a block seen before (bench/hpack.py).
        codec = self._codec
        memory = self._sections.get(block)
        if memory is not None:
            section, generation, insertions, size, is_marked, _ = memory
            if generation is None:
                if insertions:
                    codec.replay(insertions, size)
                self.is_marked = is_marked
                return section
            if generation == codec.generation:
                self.is_marked = is_marked
                return section
        generation = codec.generation
        section = codec.decode(block)
        self.is_marked = codec.is_marked
        if not codec.referred:
            self._remember(block, section, None, codec.insertions)
        elif generation == codec.generation:
            self._remember(block, section, generation, [])
        return section

    def _remember(
        self, block: bytes, section: Section, generation: int | None, insertions: list[Field]
    ) -> None:
        """Keep what a block meant, if there is room: a peer must not fill our memory."""
        outdated = self._sections.pop(block, None)
        if outdated is not None:
            self._kept_octets -= outdated[-1]
        octets = len(block) + self._codec.list_size
        if octets > KEPT_OCTETS or len(block) > KEPT_BLOCK_SIZE:
            return
        if len(self._sections) >= KEPT_SECTIONS or self._kept_octets + octets > KEPT_OCTETS:
            self._forget()
        size = sum([len(name) + len(value) + ENTRY_OVERHEAD for name, value in insertions])
        self._sections[block] = (section, generation, insertions, size, self.is_marked, octets)
        self._kept_octets += octets

    def _forget(self) -> None:
        """Forget all blocks."""
        self._sections.clear()
        self._kept_octets = 0
