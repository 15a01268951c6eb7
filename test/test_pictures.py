"""The pictures of docs/ that tools/make_pictures.py draws are those of the code of today."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("tools.make_pictures")
    finally:
        sys.path.remove(str(ROOT))


@pytest.mark.parametrize("name", ["states", "transports", "pump", "share"])
def test_a_picture_is_of_the_code_of_today(tool, name):
    found = tool.path_of(name).read_text("utf-8")
    assert found == tool.PICTURES[name](), "run: python tools/make_pictures.py"


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_has_a_form_for_dark_pages(path):
    """A terminal is dark on every page."""
    text = path.read_text("utf-8")
    assert path.stem.startswith("command-") or "prefers-color-scheme: dark" in text


def test_the_picture_of_the_states_shows_each_change_of_the_table(tool):
    picture = tool.draw_states()
    always = tool.common(tool.changes())
    drawn = [key for key in tool.changes() if key[0] not in tool.LIVE or key[1] not in always]
    assert set(tool.PLACES) == set(range(len(tool.states.STREAM)))
    assert picture.count("marker-end") == len(drawn)
    assert all(tool.states.INPUT_NAMES[event] in picture for event in always)


def test_one_thread_leads_at_a_time_in_the_picture_of_the_pump(tool):
    leading = [row for turn in tool.TURNS if turn.kind == tool.LEADS for row in range(*turn[1:3])]
    assert sorted(leading) == list(range(7))


def test_no_share_of_the_simulated_download_is_larger_than_its_limit(tool):
    samples = tool.download()
    assert max(sum(sample[1:]) for sample in samples) <= 96 * tool.MIB
    assert samples[-1].unread == 0
