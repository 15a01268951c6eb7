"""test/README.rst has a row for each module of hyper, and names files that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "hyper"
README = (HERE / "README.rst").read_text("utf-8")

ROW = re.compile(r"(``(?P<module>[\w/]+\.py)``|\\) +``(?P<test>[\w/.]+)``$")


def has_code(path):
    """True if there is more in a module than words and imports."""
    words = (ast.Expr, ast.Import, ast.ImportFrom)
    return any(not isinstance(node, words) for node in ast.parse(path.read_text("utf-8")).body)


def rows():
    """{module: [tests]} of the table; a row that begins with a backslash goes on with the last."""
    found = {}
    table = README.partition("Which test belongs to which module")[2].partition("Slow tests")[0]
    for line in table.splitlines():
        row = ROW.match(line)
        if row and row["module"]:
            found[row["module"]] = tests = [row["test"]]
        elif row:
            tests.append(row["test"])
    return found


ROWS = rows()
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def test_each_module_with_code_has_a_row():
    missing = {name for name, path in MODULES.items() if has_code(path)} - set(ROWS)
    assert not missing, "write into the table of test/README.rst which tests these have"


def test_no_row_is_of_a_module_that_has_gone():
    assert set(ROWS) - set(MODULES) == set()


@pytest.mark.parametrize("name", ROWS)
def test_the_tests_of_a_row_are_there(name):
    assert [test for test in ROWS[name] if not (HERE / test).exists()] == []


@pytest.mark.parametrize("package", sorted({path.parent for path in MODULES.values()} - {PACKAGE}))
def test_the_first_page_of_a_package_names_each_of_its_files(package):
    page = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    inside = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    assert {name for name in inside if not re.search(rf"\b{name}(\.py|``)", page)} == set()


def test_each_tool_of_the_tests_is_explained():
    tools = {path.name for path in HERE.glob("*.py") if not path.name.startswith(("test_", "__"))}
    assert {name for name in tools - {"conftest.py"} if f"``{name}``" not in README} == set()
