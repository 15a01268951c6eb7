"""Settings: what each side allows the other (RFC 9113, 6.5).

Settings are announcements, not negotiation: each side says what *it* is ready to take.  The
peer's are in force as soon as its frame is read, ours when the peer acknowledges.  Values are
kept by identifier; one that was never announced has its default.
"""

from __future__ import annotations

from ..errors import ConnectionFault, ErrorCode, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Identifiers: RFC 9113, 6.5.2; RFC 8441, 3; RFC 9218, 2.1.
SETTINGS_HEADER_TABLE_SIZE = 0x1
SETTINGS_ENABLE_PUSH = 0x2
SETTINGS_MAX_CONCURRENT_STREAMS = 0x3
SETTINGS_INITIAL_WINDOW_SIZE = 0x4
SETTINGS_MAX_FRAME_SIZE = 0x5
SETTINGS_MAX_HEADER_LIST_SIZE = 0x6
SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8
SETTINGS_NO_RFC7540_PRIORITIES = 0x9

#: This number stands for "no limit", which is the RFC's default for some settings.
UNLIMITED = 2**32 - 1

#: Identifiers have 16 bits (6.5.1).
MAX_IDENTIFIER = 2**16 - 1

#: The default of SETTINGS_MAX_FRAME_SIZE, and the least that it may be (6.5.2).
LEAST_FRAME_SIZE = 2**14

DEFAULTS = {
    SETTINGS_HEADER_TABLE_SIZE: 4096,
    SETTINGS_ENABLE_PUSH: 1,
    SETTINGS_MAX_CONCURRENT_STREAMS: UNLIMITED,
    SETTINGS_INITIAL_WINDOW_SIZE: 65_535,
    SETTINGS_MAX_FRAME_SIZE: LEAST_FRAME_SIZE,
    SETTINGS_MAX_HEADER_LIST_SIZE: UNLIMITED,
    SETTINGS_ENABLE_CONNECT_PROTOCOL: 0,
    SETTINGS_NO_RFC7540_PRIORITIES: 0,
}

#: identifier: (name, lowest, highest, error code outside of these, section)
RULES = {
    SETTINGS_HEADER_TABLE_SIZE: (
        "SETTINGS_HEADER_TABLE_SIZE", 0, UNLIMITED, ErrorCode.PROTOCOL_ERROR, "RFC 9113, 6.5.2",
    ),
    SETTINGS_ENABLE_PUSH: (
        "SETTINGS_ENABLE_PUSH", 0, 1, ErrorCode.PROTOCOL_ERROR, "RFC 9113, 6.5.2",
    ),
    SETTINGS_MAX_CONCURRENT_STREAMS: (
        "SETTINGS_MAX_CONCURRENT_STREAMS", 0, UNLIMITED, ErrorCode.PROTOCOL_ERROR,
        "RFC 9113, 6.5.2",
    ),
    SETTINGS_INITIAL_WINDOW_SIZE: (
        "SETTINGS_INITIAL_WINDOW_SIZE", 0, 2**31 - 1, ErrorCode.FLOW_CONTROL_ERROR,
        "RFC 9113, 6.5.2",
    ),
    SETTINGS_MAX_FRAME_SIZE: (
        "SETTINGS_MAX_FRAME_SIZE", LEAST_FRAME_SIZE, 2**24 - 1, ErrorCode.PROTOCOL_ERROR,
        "RFC 9113, 6.5.2",
    ),
    SETTINGS_MAX_HEADER_LIST_SIZE: (
        "SETTINGS_MAX_HEADER_LIST_SIZE", 0, UNLIMITED, ErrorCode.PROTOCOL_ERROR,
        "RFC 9113, 6.5.2",
    ),
    SETTINGS_ENABLE_CONNECT_PROTOCOL: (
        "SETTINGS_ENABLE_CONNECT_PROTOCOL", 0, 1, ErrorCode.PROTOCOL_ERROR, "RFC 8441, 3",
    ),
    SETTINGS_NO_RFC7540_PRIORITIES: (
        "SETTINGS_NO_RFC7540_PRIORITIES", 0, 1, ErrorCode.PROTOCOL_ERROR, "RFC 9218, 2.1",
    ),
}  # fmt: skip


def check(identifier: int, value: int) -> tuple[ErrorCode, str] | None:
    """The fault of one setting, as (error code, why), or None (6.5.2).

    Unknown identifiers may have any value: they are ignored.
    """
    rule = RULES.get(identifier)
    if rule is None:
        return None
    name, lowest, highest, code, section = rule
    if lowest <= value <= highest:
        return None
    return code, f"{name} of {value} is not within {lowest} and {highest} ({section})"


def announcement(own: Mapping[int, int], given: Mapping[str | int, int]) -> dict[int, int]:
    """The settings to announce: our own, and over them the caller's, by name or identifier.

    Raises LocalProtocolError for an unknown name, or a value that is not allowed (6.5.2), and
    TypeError for a value that is no integer.
    """
    announced = dict(own)
    identifiers = {rule[0]: identifier for identifier, rule in RULES.items()}
    for name, value in given.items():
        identifier = identifiers.get(name) if isinstance(name, str) else name
        if not isinstance(identifier, int) or not 0 <= identifier <= MAX_IDENTIFIER:
            raise LocalProtocolError(
                f"{name!r} is not a setting of RFC 9113, 6.5.2, nor a number of 16 bits (6.5.1)"
            )
        if not isinstance(value, int):
            raise TypeError(f"the setting {name!r} is an integer (RFC 9113, 6.5.1), not {value!r}")
        fault = check(identifier, value)
        if fault:
            raise LocalProtocolError(f"{fault[1]}; nothing was sent")
        if not 0 <= value <= UNLIMITED:  # of a setting without a rule
            raise LocalProtocolError(
                f"the setting {name!r} is a number of 32 bits (RFC 9113, 6.5.1), not {value}"
            )
        announced[identifier] = int(value)
    return announced


class Settings:
    """The values that one side has announced, and the defaults of the others."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        #: in force, by identifier; only the methods write it
        self.values: dict[int, int] = dict(DEFAULTS)

    def __getitem__(self, identifier: int) -> int:
        return self.values.get(identifier, 0)

    def __repr__(self) -> str:
        return f"Settings({self.as_dict()!r})"

    def as_dict(self) -> dict[str, int]:
        """The values in force, by the names that the RFCs print."""
        return {RULES[identifier][0]: value for identifier, value in self.values.items()}


class LocalSettings(Settings):
    """Ours: announced first, in force for the peer when it acknowledges (6.5.3)."""

    __slots__ = ("_awaiting_ack",)

    def __init__(self) -> None:
        super().__init__()
        self._awaiting_ack: list[Mapping[int, int]] = []

    def announce(self, changes: Mapping[int, int]) -> None:
        """Note settings that are being sent; raises LocalProtocolError for a bad value."""
        for identifier, value in changes.items():
            fault = check(identifier, value)
            if fault:
                raise LocalProtocolError(f"{fault[1]}; nothing was sent")
        self._awaiting_ack.append(changes)

    def acknowledge(self) -> Mapping[int, int]:
        """Put the oldest announcement in force and return it.

        Raises ConnectionFault if the peer acknowledges what was not sent.
        """
        if not self._awaiting_ack:
            raise ConnectionFault(
                ErrorCode.PROTOCOL_ERROR,
                "SETTINGS acknowledged that were not sent (RFC 9113, 6.5.3)",
            )
        changes = self._awaiting_ack.pop(0)
        self.values.update((i, v) for i, v in changes.items() if i in RULES)
        return changes


class PeerSettings(Settings):
    """The peer's: in force from the frame on, in the order in which they stand in it."""

    __slots__ = ("received",)

    def __init__(self) -> None:
        super().__init__()
        #: whether the first SETTINGS frame has come: until then the defaults are a guess
        self.received: bool = False

    def apply(self, settings: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
        """Put a SETTINGS frame in force; returns {identifier: [before, ..., now]} (6.5.3).

        Unknown identifiers are ignored (6.5.2).  Raises ConnectionFault at the peer's fault.
        """
        changed: dict[int, list[int]] = {}
        for identifier, value in settings:
            if identifier not in RULES:
                continue
            fault = check(identifier, value) or self._fault_of_server(identifier, value)
            if fault:
                raise ConnectionFault(*fault)
            changed.setdefault(identifier, [self[identifier]]).append(value)
            self.values[identifier] = value
        self.received = True
        return changed

    def _fault_of_server(self, identifier: int, value: int) -> tuple[ErrorCode, str] | None:
        if identifier == SETTINGS_ENABLE_PUSH and value == 1:
            return (
                ErrorCode.PROTOCOL_ERROR,
                "a server announced SETTINGS_ENABLE_PUSH 1 (RFC 9113, 6.5.2)",
            )
        if identifier == SETTINGS_ENABLE_CONNECT_PROTOCOL and value < self[identifier]:
            return (
                ErrorCode.PROTOCOL_ERROR,
                "SETTINGS_ENABLE_CONNECT_PROTOCOL taken back (RFC 8441, 3)",
            )
        if (
            identifier == SETTINGS_NO_RFC7540_PRIORITIES
            and self.received
            and value != self[identifier]
        ):
            return (
                ErrorCode.PROTOCOL_ERROR,
                "SETTINGS_NO_RFC7540_PRIORITIES changed after the first SETTINGS (RFC 9218, 2.1)",
            )
        return None
