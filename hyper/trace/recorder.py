"""Recorder: an observer that keeps the events, for the views."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .events import Event


class Recorder:
    """Keeps every event in ``events``, in order. Any thread.

    Args:
        secrets: whether fields that carry secrets keep their values.
        content: whether ``Content`` and ``RequestContent`` have the octets. They stay in memory.
    """

    def __init__(self, *, secrets: bool = False, content: bool = False) -> None:
        self.wants_secrets = secrets
        self.wants_content = content
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events[:])

    def __len__(self) -> int:
        return len(self.events)

    def clear(self) -> None:
        """Forget the events."""
        self.events = []
