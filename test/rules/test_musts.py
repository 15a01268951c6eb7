"""Each rule of the table has a test, and each test that it names is there."""

from __future__ import annotations

import re
from functools import cache

import pytest

from test.rules.page import HERE, PAGE, page, rules

RULES = rules()


@cache
def names_in(file):
    """The tests of a file, and all texts in it, in quotation marks."""
    text = (HERE.parent / file).read_text("utf-8")
    return set(re.findall(r"^ *def (test_\w+)\(", text, re.MULTILINE)) | set(
        re.findall(r'"[^"\n]+"', text)
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.rfc}-{rule.section}")
def test_a_rule_has_tests_that_are_there(rule):
    assert rule.tests
    missing = [(file, name) for file, name in rule.tests if name not in names_in(file)]
    assert missing == []


def test_no_rule_stands_twice():
    assert len({(rule.rfc, rule.section, rule.words) for rule in RULES}) == len(RULES)


def test_the_page_of_the_docs_is_made_from_the_table():
    """``python -m test.rules.page`` makes it anew."""
    assert PAGE.read_text("utf-8") == page()
