"""Imports of branches that are still under way: see hyper.testing.wire."""

from hyper.testing.wire import *  # noqa: F403
