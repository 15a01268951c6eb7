"""Which codec does the work: the caller says, or the environment, or what was measured.

A codec is a module with an ``Encoder`` and a ``Decoder``: ``python`` is decoder.py and encoder.py,
``nghttp2`` is nghttp2.py.  Both stand behind the same memory of repeated blocks, so that a section
that was seen before costs the same with either; this is about all the others.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from .table import Field, Section

    class EncodingCodec(Protocol):
        """The attributes of a codec that the memory of repeated sections needs."""

        #: the peer's SETTINGS_HEADER_TABLE_SIZE
        header_table_size: int
        #: whether the last section would now be coded the same once more
        repeatable: bool

        def encode(self, section: Section, *, secret: bool = False) -> bytes:
            """The block of a section; secret: NeverIndexed fields are in it."""

    class DecodingCodec(Protocol):
        """The attributes of a codec that the memory of repeated blocks needs."""

        #: our SETTINGS_HEADER_TABLE_SIZE, acknowledged
        header_table_size: int
        max_list_size: int
        #: another number whenever the table is another
        generation: int
        # About the last block: whether it refers to the table or resizes it, whether it has
        # NeverIndexed fields, what it inserts, and the size of its section (RFC 9113, 6.5.2).
        referred: bool
        is_marked: bool
        insertions: list[Field]
        list_size: int

        def decode(self, block: bytes) -> Section:
            """The section of a block."""

        def replay(self, insertions: list[Field], size: int) -> None:
            """Insert once more what a block inserted, size octets in all."""


#: The names that a caller, or HYPER_HPACK, may give; "auto" is what was measured.
NAMES = ("auto", "python", "nghttp2")

#: The two classes of a codec, one for each direction.
KINDS = ("Encoder", "Decoder")

#: The faster codec of each interpreter for what a client does, to encode requests and to decode
#: responses: measured by ``python -m hyper.hpack`` on real header lists (docs/hpack.rst has the
#: figures). Where it makes no difference, ours: libnghttp2 takes some 10 ms to load.
FASTER = {
    "cpython": {"Encoder": "python", "Decoder": "python"},
    "pypy": {"Encoder": "python", "Decoder": "nghttp2"},
}


def codec_class(kind: str, named: str | None = None) -> Any:
    """The class of one of KINDS, of the codec that is named or chosen.

    named: one of NAMES; None: the environment's HYPER_HPACK.  Raises ValueError for another name,
    and ImportError where libnghttp2 is asked for by name and cannot be loaded.
    """
    name = named or os.environ.get("HYPER_HPACK") or "auto"
    if name not in NAMES:
        raise ValueError(f"HYPER_HPACK and codec= name one of {', '.join(NAMES)}, not {name!r}")
    if name == "auto":
        name = fastest(kind)
    if name == "nghttp2":
        from . import nghttp2

        return getattr(nghttp2, kind)
    from . import decoder, encoder

    return encoder.Encoder if kind == "Encoder" else decoder.Decoder


def fastest(kind: str) -> str:
    """The name of the codec that was measured to be the faster one, if it is there."""
    name = FASTER.get(sys.implementation.name, {}).get(kind, "python")
    if name == "nghttp2" and not is_loadable():
        return "python"
    return name


#: True if libnghttp2 can be used here; asked once, because a search through a system takes long.
_loadable: bool | None = None


def is_loadable() -> bool:
    """True if libnghttp2 can be used here."""
    global _loadable
    if _loadable is None:
        try:
            from . import nghttp2  # noqa: F401 - the question is whether this raises
        except ImportError:
            _loadable = False
        else:
            _loadable = True
    return _loadable


def name_of(kind: str, named: str | None = None) -> str:
    """The name of the codec that a caller would get."""
    return "nghttp2" if codec_class(kind, named).__module__.endswith(".nghttp2") else "python"
