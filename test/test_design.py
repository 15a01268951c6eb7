"""docs/design.rst: its tree has each module of hyper, and the page names no file that has gone."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hyper"
PAGE = (ROOT / "docs" / "design.rst").read_text("utf-8")
TREE = re.search(r"\n    hyper/\n(.*?)\n\n\S", PAGE, re.DOTALL)[1]

#: Spaces by which one folder stands further in than the one around it.
STEP = 2
FIRST = 6


def drawn():
    """Yield the paths in the tree of the page, relative to the package."""
    folders = []
    for line in TREE.split("\n"):
        depth = (len(line) - len(line.lstrip()) - FIRST) // STEP
        folder = re.match(r"\s+(\w+)/ ", line)
        # The files of a folder may begin beside its name, and go on below.
        if folder:
            folders[depth:] = [folder[1]]
        elif depth < len(folders):
            folders[depth:] = []
        for name in re.findall(r"\b_*\w+\.py\b", line):
            yield "/".join([*folders, name])


def test_the_tree_has_each_module_and_no_other():
    modules = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    folders = {name for name in modules if name.endswith("/__init__.py")}
    shown = list(drawn())
    assert len(shown) == len(set(shown)), "a module stands there twice"
    assert set(shown) == modules - folders


def test_each_file_that_the_page_names_is_there():
    named = set(re.findall(r"``([\w/]+/\w+\.py)``", PAGE))
    assert len(named) > 30
    missing = {name for name in named if not ((PACKAGE / name).exists() or (ROOT / name).exists())}
    assert not missing
