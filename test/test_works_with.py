"""docs/works_with.rst is what tools/make_works_with.py makes of the trials of today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools" / "make_works_with.py"


def make():
    spec = importlib.util.spec_from_file_location("make_works_with", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_of_the_trials_of_today():
    tool = make()
    found = tool.PAGE.read_text("utf-8")
    assert found == tool.page(), "run: python tools/make_works_with.py"


def test_there_are_trials_with_many_libraries():
    assert len({row.library for row in make().rows()}) >= 45
