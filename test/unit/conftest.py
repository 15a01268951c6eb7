"""Fixtures of several rooms' unit tests."""

from __future__ import annotations

import pytest

from hyper.transport import deadline


@pytest.fixture
def clock(monkeypatch):
    """The clock of deadlines and timeouts. It stands still until it is set, or slept by."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(deadline, "time", made)
    return made
