"""Imports of branches that are still under way: see hyper.testing."""

from hyper.testing import *  # noqa: F403
from hyper.testing.arrivals import Fields  # noqa: F401
