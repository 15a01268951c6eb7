"""The command line: METHOD, URLs and items, with options anywhere between them."""

from __future__ import annotations

import pytest

from hyper.cli.arguments import parse
from hyper.cli.faults import UsageError
from hyper.cli.options import OPTIONS


@pytest.mark.parametrize(
    ("words", "method", "urls", "items"),
    [
        ("example.org", "", ["example.org"], []),
        ("POST example.org", "POST", ["example.org"], []),
        ("delete example.org", "DELETE", ["example.org"], []),
        ("localhost a=b", "", ["localhost"], ["a=b"]),
        ("X-Y example.org", "X-Y", ["example.org"], []),
        ("GET", "", ["GET"], []),
        ("a.org https://b.org :3000 x=y", "", ["a.org", "https://b.org", ":3000"], ["x=y"]),
        ("a.org -v n:=1 -o f H:v", "", ["a.org"], ["n:=1", "H:v"]),
        ("a.org -- -x=1", "", ["a.org"], ["-x=1"]),
        ("a.org @-", "", ["a.org"], ["@-"]),
    ],
)
def test_positional_arguments_are_told_apart(words, method, urls, items):
    found = parse(words.split())
    assert (found.method, found.urls, found.items) == (method, urls, items)


def test_values_are_converted():
    found = parse(["x", "-t", "500ms", "--deadline=2m", "--window", "1M", "--retry", "3"])
    assert (found.timeout, found.deadline, found.window, found.retry) == (0.5, 120, 1 << 20, 3)


@pytest.mark.parametrize(
    "words", ["x --nope", "x --retry 0", "x --timeout -1", "x --color pink", "x -o", "x --verb"]
)
def test_what_cannot_be_read(words):
    with pytest.raises(UsageError):
        parse(words.split())


def test_no_spelling_and_no_name_stands_twice():
    flags = [flag for option in OPTIONS for flag in option.flags]
    names = [option.name for option in OPTIONS]
    assert len(flags) == len(set(flags))
    assert len(names) == len(set(names))


def test_what_an_option_does_is_said_in_a_line_without_a_full_stop():
    for option in OPTIONS:
        assert option.short
        assert not option.short.endswith("."), option.title
        assert not option.long or option.long.endswith("."), option.title
