"""fork(): what a child process must not share with its parent (RFC 9113, 9.1).

A child inherits a copy of every object, every descriptor, and every lock as it was at that moment,
held perhaps by a thread that the child does not have. So each object that owns a connection, a lock
or something that may be used once has a method ``after_fork_in_child``, and is registered here by
``renew_after_fork``. Only the thread that has called fork() lives in the child, and it calls these
methods before anything else.

It is of no consequence who forks: ``os.fork``, ``multiprocessing``, or a server in C that tells
Python of it, as they all must. The parent does nothing.

It stands on the lowest floor, because transport, pump and client use it.
"""

from __future__ import annotations

import os
from _weakrefset import WeakSet  # as threading: weakref costs half a millisecond to import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Renewable(Protocol):
        """An object of which the child needs a part to be new, or gone."""

        def after_fork_in_child(self) -> None:
            """Renew it. It must not raise, block, or write to anything that was inherited."""


_renewables: WeakSet[Renewable] = WeakSet()


def renew_after_fork(renewable: Renewable) -> None:
    """Have an object's ``after_fork_in_child`` called in each child; it is not kept alive."""
    _renewables.add(renewable)


def _renew_all() -> None:
    for renewable in list(_renewables):
        renewable.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)
