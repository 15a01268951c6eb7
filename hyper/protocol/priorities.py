"""Priorities of responses (RFC 9218): how the client would like the server to order them.

A priority is two parameters, written as a dictionary of structured fields: ``u``, the urgency, and
``i``, whether the response is of use in parts.  It travels as the header field ``priority`` of the
request, end to end, and later as a PRIORITY_UPDATE frame, to the next hop.  The server
need not follow it.
"""

from __future__ import annotations

import re

from ..errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from ..fields import Fields

    #: Anything that callers may give as a priority: the object, or the field value itself.
    PrioritySource = Union["Priority", str]

#: The urgencies, the most urgent first; 7 is for background tasks (4.1).
URGENCIES = range(8)
#: The urgency of a request that gives none (4.1).
DEFAULT_URGENCY = 3

#: One member of a dictionary of structured fields, without parameters (RFC 8941, 3.2): a key, and
#: perhaps an item in visible ASCII.
_MEMBER = re.compile(r"([a-z*][a-z0-9_\-.*]*)(?:=([\x21\x23-\x2b\x2d-\x7e]+))?").fullmatch
#: The values of the two parameters of RFC 9218, 4; None where the key stands alone.
_VALUES = {"u": frozenset("01234567"), "i": frozenset(("?0", "?1", None))}


class Priority:
    """How urgent a response is, and whether parts of it are of use (RFC 9218, 4).

    ``str()`` gives the field value.  Immutable.

    Args:
        urgency: 0, the most urgent, to 7, for background tasks; 3 is the default.
        incremental: whether the response can be used as it comes, so that others of the same
            urgency may be sent beside it rather than after it.

    Raises:
        LocalProtocolError: the urgency is another number. Nothing was sent.
    """

    __slots__ = ("_incremental", "_urgency")

    def __init__(self, urgency: int = DEFAULT_URGENCY, incremental: bool = False) -> None:
        if urgency not in URGENCIES:
            raise LocalProtocolError(
                f"an urgency is 0 to 7, not {urgency!r} (RFC 9218, 4.1); nothing was sent"
            )
        self._urgency = int(urgency)
        self._incremental = bool(incremental)

    @property
    def urgency(self) -> int:
        """0, the most urgent, to 7 (RFC 9218, 4.1)."""
        return self._urgency

    @property
    def incremental(self) -> bool:
        """True if parts of the response are of use (RFC 9218, 4.2)."""
        return self._incremental

    def __str__(self) -> str:
        return f"u={self._urgency}, i" if self._incremental else f"u={self._urgency}"

    def __repr__(self) -> str:
        return f"Priority(urgency={self._urgency}, incremental={self._incremental})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Priority) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


def field_value(priority: PrioritySource) -> bytes:
    """The Priority Field Value (RFC 9218, 4, 5), checked.

    Parameters beyond u and i go as they are.  Raises LocalProtocolError for what no server would
    understand, because a server has to ignore that without an error.
    """
    if isinstance(priority, Priority):
        return str(priority).encode()
    if not isinstance(priority, str):
        raise TypeError(f"a priority is a Priority or a str, not {type(priority).__name__}")
    for member in priority.split(","):
        found = _MEMBER(member.strip(" \t"))
        if not found or found[2] not in _VALUES.get(found[1], (found[2],)):
            raise LocalProtocolError(
                f"the priority {priority!r} is not a field value of RFC 9218, 4, as 'u=1, i' is:"
                f" see {member.strip()!r}; nothing was sent"
            )
    return priority.strip(" \t").encode()


def fields(priority: PrioritySource | None, given: Fields) -> Fields:
    """The header field of a request, none for None (RFC 9218, 5).

    given: the caller's other fields.  Raises LocalProtocolError where one of them is it as well.
    """
    if priority is None:
        return ()
    if any(name == b"priority" for name, _ in given):
        raise LocalProtocolError(
            "the priority is given twice, as an argument and as a header field, which may differ"
            " (RFC 9218, 5); nothing was sent"
        )
    return ((b"priority", field_value(priority)),)
