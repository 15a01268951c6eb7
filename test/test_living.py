"""docs/living.rst: each row of its table names its tests; its numbers are the code's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hyper.client import registry, replay
from hyper.transport import connect

HERE = Path(__file__).parent
PAGE = (HERE.parent / "docs" / "living.rst").read_text("utf-8")
TABLE, _, TESTS = PAGE.partition("\nEvent by event\n")[2].partition("\nThese tests keep the rows.")

ROWS = re.findall(r"^   \* - (\d+)$", TABLE, re.MULTILINE)
CELLS = 6


def kept_by_row():
    """{number of a row: [(file, tests in it)]}."""
    found = {}
    for item in re.split(r"\n(?=\d+\. )", TESTS)[1:]:
        number, _, text = item.partition(".")
        words = re.findall(r"``([\w/.]+)``", text)
        files = found.setdefault(number, [])
        for word in words:
            if word.endswith(".py"):
                files.append((word, []))
            else:
                files[-1][1].append(word)
    return found


KEPT_BY = kept_by_row()


def test_each_row_has_all_of_its_cells_and_names_its_tests():
    assert [str(number) for number in range(1, len(ROWS) + 1)] == ROWS
    assert list(KEPT_BY) == ROWS
    assert len(re.findall(r"^   [* ] - ", TABLE, re.MULTILINE)) == CELLS * (len(ROWS) + 1)


def cells_by_row():
    """{number of a row: [its cells, as one line each]}."""
    found = {}
    for part in re.split(r"^   \* - ", TABLE, flags=re.MULTILINE)[2:]:
        number, *cells = re.split(r"^     - ", part, flags=re.MULTILINE)
        found[number.strip()] = [" ".join(cell.split()) for cell in cells]
    return found


def first_line(node):
    return min(each.lineno for each in [node, *node.decorator_list])


def source_of(name, tests):
    """The source of these tests of a file, and of what they call there; of all without names."""
    text = (HERE / name).read_text("utf-8")
    if not tests:
        return text
    lines = text.splitlines()
    found = {
        node.name: "\n".join(lines[first_line(node) - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    wanted = list(tests)
    for test in wanted:
        wanted += [each for each in found if each not in wanted and f"{each}(" in found[test]]
    return "\n".join(found[each] for each in wanted)


@pytest.mark.parametrize(("row", "cells"), cells_by_row().items())
def test_the_tests_that_keep_a_row_ask_for_what_its_cells_say(row, cells):
    """They have the exceptions' names, the quoted words, ``retryable``, and a frame's code."""
    _, _, seen, retryable, wire = cells
    text = "".join(source_of(name, tests) for name, tests in KEPT_BY[row])
    words = re.findall(r"\b[A-Z]\w+(?:Error|Terminated|Disconnected|NotReady)\b", seen)
    words += re.findall(r"\*([\w ]+)\*", seen)
    words += ["retryable"] * (retryable in ("true", "false"))
    words += {"RST_STREAM (CANCEL)": ["CANCEL"], "a PING": ["ping"]}.get(wire, [])
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("row", KEPT_BY)
def test_the_tests_that_keep_a_row_are_there(row):
    assert KEPT_BY[row]
    for name, tests in KEPT_BY[row]:
        defined = re.findall(r"^ *def (test_\w+)\(", (HERE / name).read_text("utf-8"), re.MULTILINE)
        assert set(tests) <= set(defined), name


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("for {} seconds at most\n", int(replay.LONGEST_REPEATING)),
        ("{} KiB at most, and the last was sent", replay.MAX_PIECES // 1024),
        ("keeps {} of them, over all", f"{registry.MAX_UNASKED:,}"),
        ("more than {} requests are known", registry.MANY_UNASKED),
        ("The latest {} of these", registry.MAX_ANSWERED_EARLY),
        ("keep-alive asks after {} seconds of silence", connect.KEEPALIVE_IDLE),
        ("{} seconds at least", int(connect.USER_TIMEOUT_LEAST)),
        ("seconds at least and {} at most", int(connect.USER_TIMEOUT_MOST)),
        ("{} seconds without a ``timeout``", int(connect.USER_TIMEOUT_UNLIMITED)),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_code(words, number):
    assert words.format(number) in PAGE


def test_the_page_says_how_often_a_server_may_accuse_a_request():
    assert replay.MAX_ACCUSED == 2
    assert "twice in all" in PAGE
