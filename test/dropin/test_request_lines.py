"""The lines that http.client writes for a request, and values of several (RFC 9112, 5.2)."""

from __future__ import annotations

import sys

import pytest

from hyper import LocalProtocolError
from hyper.dropin.request_lines import RequestLines, unfolded


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" one", b"one"),
        (b"one\r\n two", b"one two"),
        (b"one \t\r\n \t two", b"one two"),
        (b"one\n two", b"one two"),
        (b"one\r\n\ttwo\r\n\tthree", b"one, two, three"),
        (b"one\n \n two", b"one  two"),
        (b"one   two", b"one   two"),
    ],
)
def test_9112_5_2_a_folded_value_becomes_one_line(value, expected):
    assert unfolded(value) == expected


def test_9112_5_2_a_line_that_does_not_begin_with_white_space_is_no_continuation():
    with pytest.raises(LocalProtocolError):
        RequestLines([b"GET / HTTP/1.1", b"X: one\r\nY: two"])


def calls_for(value):
    """How many functions are called, built-in ones included: each goes over a value once."""
    calls = []
    sys.setprofile(lambda _frame, event, _function: calls.append(event))
    try:
        unfolded(value)
    finally:
        sys.setprofile(None)
    return len(calls)


@pytest.mark.parametrize("spaces", [b" " * 32_000, b" \t" * 16_000], ids=["SP", "SP HTAB"])
def test_9112_5_2_a_long_run_of_white_space_is_searched_once(spaces):
    """Not once for each space, as a regular expression does."""
    for short, long in (
        (b"a b", b"a" + spaces + b"b"),
        (b"a\r\n b", b"a" + spaces + b"\r\n" + spaces + b"b"),
    ):
        assert calls_for(long) == calls_for(short)


def test_9110_9_1_a_space_in_the_method_is_not_the_target_s_fault():
    lines = RequestLines([b"GE T /path HTTP/1.1"])
    assert (lines.method, lines.url) == ("GE T", "/path")
