"""Faults of observers and of the trace itself: they are logged, and harm nobody."""

from __future__ import annotations


def log_error(words: str, error: Exception) -> None:
    """Have the logger ``hyper`` tell of a fault of an observer's, or of the trace itself."""
    import logging  # not before: most programs never get here

    logging.getLogger("hyper").error("%s", words, exc_info=error)
