"""Fields: what may stand in their names and values, and the map in which users find them.

A field section is an ordered list of (name, value) pairs.  Order counts and duplicates are
meant (RFC 9110, 5.3), so pairs are never kept in a dict.  Inside hyper names and values are
octets; callers read and write ``str`` (latin-1, as http.client does), and ``FieldMap.raw``
shows the octets as they came.
"""

from __future__ import annotations

import contextlib

from .errors import LocalProtocolError, shown
from .foundation.memo import Memo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message
    from typing import Any, TypeVar, Union

    Text = Union[str, bytes]
    Pair = tuple[bytes, bytes]
    Fields = tuple[Pair, ...]
    Default = TypeVar("Default")
    #: The forms in which callers may give headers or trailers.
    FieldSource = Union[
        Mapping[str, Union[Text, int]],
        Mapping[bytes, Union[Text, int]],
        Iterable[tuple[Text, Union[Text, int]]],
    ]

# Octets are judged by what is left when others are taken away: a pattern takes a tenth of a
# millisecond to compile, and longer to search.

#: Octets that a name from the peer may contain (RFC 9113, 8.2.1): neither controls nor space, upper
#: case, anything beyond ASCII, and the colon that marks a pseudo-header field.
NAME_OCTETS = b"!\"#$%&'()*+,-./0123456789;<=>?@[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

#: Octets that a value must not contain, and those with which it must not begin or end (RFC 9113,
#: 8.2.1).
VALUE_FAULTS, AROUND_VALUE = b"\x00\r\n", b" \t"

#: The names of the former in messages.
NAMES_OF = {0x00: "NUL", 0x0D: "CR", 0x0A: "LF"}

#: Names that we send are held to the stricter grammar: a token (RFC 9110, 5.6.2), in lower case.
TOKEN_OCTETS = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"

#: Fields that belong to one HTTP/1.1 connection and have no meaning here (RFC 9113, 8.2.2).
CONNECTION_SPECIFIC = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)

#: Checked fields are kept, because scripts send the same ones again and again: 512 fields of at
#: most 256 octets are 128 KiB for the whole process.
MAX_CHECKED_FIELDS = 512
MAX_CHECKED_FIELD_SIZE = 256

#: Fields whose values are somebody's secret (RFC 9110, 11.6.2, 11.7.2; RFC 6265, 4).
SECRET_NAMES = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))

#: The last character of latin-1.
MAX_LATIN_1 = 0xFF
#: Characters of a name that a message shows: one that is no token may be something else altogether.
MAX_NAME_SHOWN = 60

_checked: Memo[Any, Pair] = Memo(MAX_CHECKED_FIELDS)


class NeverIndexed(tuple[bytes, bytes]):
    """A field (name, value) that no encoder on its way may put in a table (RFC 7541, 7.1.3).

    Equal to the plain tuple: code that keeps fields by equality asks ``has_never_indexed`` first.
    "An intermediary MUST use the same representation" (6.2.3): a decoder gives such a field as
    this, and an encoder that is given this keeps it so.
    """

    __slots__ = ()

    def __new__(cls, name: Text, value: Text) -> NeverIndexed:  # noqa: PYI034 - Self is of 3.11
        """Make one of a name and a value, where ``tuple`` would take one argument."""
        return tuple.__new__(cls, (name, value))

    def __init_subclass__(cls) -> None:
        """Raise TypeError: the type alone marks such a field, so there are no subclasses."""
        raise TypeError("NeverIndexed has no subclasses")

    def __getnewargs__(self) -> Pair:
        """Give ``copy`` and ``pickle`` the two arguments that ``__new__`` takes."""
        return (self[0], self[1])

    def __repr__(self) -> str:
        return f"NeverIndexed({self[0]!r}, ...)"  # the value is somebody's secret


def has_never_indexed(section: Iterable[Any]) -> bool:
    """True if a NeverIndexed field is in a section, which ``==`` does not tell."""
    # HOT: 0.2 us, twice a request (bench/clients.py, small).
    # From 3.11 on, this is half of what `NeverIndexed in map(type, section)` costs.
    for field in section:  # noqa: SIM110 - any() costs twice as much
        if type(field) is NeverIndexed:
            return True
    return False


def octets(text: Text | int) -> bytes:
    """Latin-1 octets of what a caller gave as a name or value (RFC 9110, 5.5)."""
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        # The text may be a secret: it is in no message, and in no exception behind it.
        with contextlib.suppress(UnicodeEncodeError):
            return text.encode("latin-1")
        place = next(at for at, character in enumerate(text) if ord(character) > MAX_LATIN_1)
        raise LocalProtocolError(
            f"a field has a character beyond latin-1, at {place}; nothing was sent: encode it to"
            " bytes first (RFC 9110, 5.5)"
        )
    if isinstance(text, int):
        return b"%d" % text
    raise TypeError(f"a field name or value is str, bytes or int, not {type(text).__name__}")


def outgoing(name: Text, value: Text | int) -> Pair:
    """Check one field of the caller's, name lower-cased, white space around the value cut off.

    Raises LocalProtocolError for what RFC 9113, 8.2.1 forbids: CR, LF or NUL anywhere, a name
    that is not a token.
    """
    lower = octets(name).lower()
    if not lower or lower.translate(None, TOKEN_OCTETS):
        raise LocalProtocolError(
            f"invalid header name '{shown(lower, MAX_NAME_SHOWN)}': not a token (RFC 9110, 5.6.2);"
            " nothing was sent"
        )
    try:
        content = octets(value).strip(AROUND_VALUE)
    except LocalProtocolError as error:
        why = str(error)
    else:
        if content.translate(None, VALUE_FAULTS) == content:
            return (lower, content)
        at = next(at for at, octet in enumerate(content) if octet in VALUE_FAULTS)
        why = (
            f"it has {NAMES_OF[content[at]]} at {at}, and CR, LF and NUL are forbidden (RFC"
            " 9113, 8.2.1); nothing was sent"
        )
    # The value is not shown, because it may be a secret.
    raise LocalProtocolError(f"invalid header value of '{shown(lower, MAX_NAME_SHOWN)}': {why}")


def outgoing_section(headers: FieldSource) -> list[Pair]:
    """Check the caller's fields, duplicates and order kept.

    headers: a mapping, or an iterable of pairs; str (latin-1), bytes or int.  NeverIndexed fields
    stay so.
    """
    # HOT: once a request; a field seen before costs one look-up (bench/clients.py, small).
    pairs: Iterable[Any] = headers.items() if hasattr(headers, "items") else headers
    section: list[Pair] = []
    for pair in pairs:
        if type(pair) is NeverIndexed:  # equal to a plain field, and not to be kept
            section.append(NeverIndexed(*outgoing(*pair)))
            continue
        # An exception of _check must not have the field in its context: it may be a secret.
        try:
            field = _checked.get(pair)
        except (TypeError, BytesWarning):  # not hashable, or python -bb
            field = None
        section.append(field or _check(pair))
    return section


def _check(pair: Any) -> Pair:
    """Check a field that was not seen before, and keep it if it is small."""
    name, value = pair
    field = outgoing(name, value)
    if len(field[0]) + len(field[1]) <= MAX_CHECKED_FIELD_SIZE and type(value) is not int:
        # Text and octets have one hash, and under python -bb must not be compared.
        with contextlib.suppress(BytesWarning):
            _checked.keep((name, value), field)
    return field


def incoming_fault(name: bytes, value: bytes) -> str | None:
    """Say what is wrong with a peer's (regular) field, or None (8.2.1, 8.2.2)."""
    if not name or name.translate(None, NAME_OCTETS):
        return f"the field name '{shown(name)}' is malformed (RFC 9113, 8.2.1)"
    if value.translate(None, VALUE_FAULTS).strip(AROUND_VALUE) != value:
        return f"the value of the field '{shown(name)}' is malformed (RFC 9113, 8.2.1)"
    if name in CONNECTION_SPECIFIC:
        return f"the field {name.decode()!r} belongs to HTTP/1.1 (RFC 9113, 8.2.2)"
    return None


class FieldMap:
    """A field section as users read it: case-insensitive, ordered, many values a name.

    It answers as ``http.client``'s ``HTTPMessage`` does: ``section["x"]`` is the first value
    or None, ``get_all`` every one, ``items()`` has the duplicates.  Immutable.

    Args:
        raw: the (name, value) octets as they came, a tuple of pairs.
    """

    __slots__ = ("_items", "_values", "raw")

    def __init__(self, raw: Iterable[Pair] = ()) -> None:
        self.raw: Fields = tuple(raw)
        # Built at the first question: many responses are never asked for their headers. Those
        # with equal ones share them.
        self._items: tuple[tuple[str, str], ...] | None = None
        self._values: dict[str, list[str]] | None = None

    def _texts(self) -> tuple[tuple[str, str], ...]:
        items = self._items
        if items is None:
            items = self._items = tuple(
                [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw]
            )
        return items

    def _by_name(self) -> dict[str, list[str]]:
        values = self._values
        if values is None:
            values = {}
            for name, value in self._texts():
                values.setdefault(name, []).append(value)
            self._values = values
        return values

    def __getitem__(self, name: str) -> str | None:
        return self.get(name)

    def get(self, name: str, default: Default | None = None) -> str | Default | None:
        """The first value of that name.

        Args:
            name: the field's, in any case.
            default: returned if there is no such field.
        """
        values = self._by_name().get(name.lower())
        return values[0] if values else default

    def get_all(self, name: str, default: Default | None = None) -> list[str] | Default | None:
        """Every value of that name, in order; default if there is none.

        Args:
            name: the field's, in any case.
            default: returned if there is no such field.
        """
        values = self._by_name().get(name.lower())
        return list(values) if values else default

    def joined(self, name: str) -> str | None:
        """Every value of that name as one, joined by commas (RFC 9110, 5.3).

        Args:
            name: the field's, in any case.
        """
        values = self._by_name().get(name.lower())
        return ", ".join(values) if values else None

    def items(self) -> list[tuple[str, str]]:
        """All (name, value) pairs in order, duplicates included."""
        return list(self._texts())

    def keys(self) -> list[str]:
        """The name of every field, in order, duplicates included."""
        return [name for name, _ in self._texts()]

    def values(self) -> list[str]:
        """The value of every field, in order."""
        return [value for _, value in self._texts()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, FieldMap) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        shown = [
            (name, "..." if field[0] in SECRET_NAMES or type(field) is NeverIndexed else value)
            for field, (name, value) in zip(self.raw, self._texts())
        ]
        return f"FieldMap({shown!r})"  # tracebacks and logs show it, and no secret belongs there

    # Scripts ask a header section for its media type as they would ask a mail; the stdlib's
    # parser of media types answers, so that it answers alike.

    def _message(self) -> Message:
        from email.message import Message

        message = Message()
        message["content-type"] = self.get("content-type") or "text/plain"
        return message

    def get_content_type(self) -> str:
        """The media type, lower-case, without parameters (RFC 9110, 8.3)."""
        return self._message().get_content_type()

    def get_content_charset(self, default: str | None = None) -> str | None:
        """The charset parameter of the media type, lower-case (RFC 9110, 8.3.2).

        Args:
            default: returned if content-type names no charset.
        """
        return self._message().get_content_charset(default)

    def get_param(self, param: str, default: Any = None) -> Any:
        """A parameter of the content-type field (RFC 9110, 5.6.6).

        Args:
            param: the parameter's name, in any case.
            default: returned if content-type does not have it.
        """
        return self._message().get_param(param, default)
