"""A dict that forgets everything when it is full: the memory of all that is worked out once.

It stands on the lowest floor, because fields, hpack and protocol use it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Key = TypeVar("Key")
    Value = TypeVar("Value")


class Memo(dict["Key", "Value"]):
    """Values that were worked out, by what they were worked out from; at most ``limit`` of them.

    A hit is ``dict.get`` or ``[]``, without a call of Python code.  A peer or a program that gives
    ever new keys costs what the work costs, never memory; those that repeat, as almost all do, fill
    it again at once.  A cleverer rule (the least recently used goes) costs more at each hit
    than it saves.

    Threads may share one without a lock.  Each look-up, ``clear`` and assignment is atomic, in
    CPython by the GIL or, without it, by the dict's own lock, and a value depends on its key alone.
    So the worst that two threads can do is to work the same value out twice, or to exceed the limit
    by one entry for each thread that is in ``keep`` at the same moment.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit: int = limit

    def keep(self, key: Key, value: Value) -> None:
        """Remember a value."""
        if len(self) >= self.limit:
            self.clear()
        self[key] = value
