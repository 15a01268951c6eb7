"""The short form of soak.py: many threads, and everything that can happen to their connection."""

from __future__ import annotations

from test.threads.soak import Soak


def test_nothing_is_lost_mixed_or_hung_whatever_happens_to_a_connection_of_64_threads():
    """6.8; 8.7: the long form is `python -m test.threads.soak`."""
    soak = Soak(threads=64, requests=2000, seconds=20, seed=1).run()
    assert not soak.faults, (len(soak.faults), soak.faults[:5], soak.outcomes.most_common(8))
    # A slow machine gets less done in this time, and no smaller part of it.
    assert soak.outcomes["right"] > sum(soak.outcomes.values()) / 2, soak.outcomes
