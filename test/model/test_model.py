"""The pump's rules as a model: no deadlock, no lost wake-up, no waiter without a leader.

``python -m test.model`` tries more cases, and three threads.
"""

from __future__ import annotations

import re

import pytest

from test.model.check import MODEL, RIGHT, WRONG, check, missing_tools

MISSING = missing_tools()

needs_spin = pytest.mark.skipif(bool(MISSING), reason=f"not here: {' and '.join(MISSING)}")

PAGE = MODEL.with_name("README.rst").read_text("utf-8")


@needs_spin
def test_no_run_of_two_threads_ends_in_a_deadlock_or_loses_a_wake_up():
    assert check(RIGHT[0], "-O0").error == ""


@needs_spin
@pytest.mark.parametrize("mutant", [4, 14])
def test_the_model_has_an_error_when_a_rule_is_missing(mutant):
    (case,) = [case for case in WRONG if case.mutant == mutant]
    assert check(case, "-O0").error


def test_each_rule_that_is_taken_away_is_in_the_model():
    words = MODEL.read_text("utf-8").replace("!=", "==")
    assert [case.mutant for case in WRONG if f"MUTANT == {case.mutant}" not in words] == []


def test_the_table_of_the_page_names_places_that_are_in_the_model():
    rows = re.findall(r"^(\d+) +``(\w+)", PAGE, re.MULTILINE)
    words = MODEL.read_text("utf-8")
    assert len(rows) >= 10
    assert [name for _, name in rows if not re.search(rf"\b{name}\b", words)] == []
