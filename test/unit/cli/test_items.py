"""Items, as HTTPie has them."""

from __future__ import annotations

import pytest

from hyper.cli.faults import UsageError
from hyper.cli.items import json_object, read_items, split


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Name:value", ("Name", ":", "value")),
        ("q==v", ("q", "==", "v")),
        ("a=b", ("a", "=", "b")),
        ("a=b=c", ("a", "=", "b=c")),
        ("n:=1", ("n", ":=", "1")),
        ("f@p", ("f", "@", "p")),
        ("a=@p", ("a", "=@", "p")),
        ("a:=@p", ("a", ":=@", "p")),
        ("q==@p", ("q", "==@", "p")),
        ("H:@p", ("H", ":@", "p")),
        ("H;", ("H", ";", "")),
        ("H:", ("H", ":", "")),
        ("@p", ("", "@", "p")),
        (r"a\:b=c", ("a:b", "=", "c")),
        (r"a\=b:c", ("a=b", ":", "c")),
        ("url=http://x/", ("url", "=", "http://x/")),
        ("H:a=b", ("H", ":", "a=b")),
    ],
)
def test_the_first_separator_decides(word, parts):
    assert split(word) == parts


def test_items_are_sorted_by_kind(tmp_path):
    (tmp_path / "v").write_text("text\n")
    path = tmp_path / "v"
    items = read_items(
        ["A:1", "B;", "C:", f"D:@{path}", "q==1", "a=x", "n:=2", f"t=@{path}", f"f@{path};type=a/b"]
    )
    assert items.headers == [("A", "1"), ("B", ""), ("C", None), ("D", "text")]
    assert items.query == [("q", "1")]
    assert items.members == [("a", "x"), ("n", 2), ("t", "text\n")]
    assert items.fields == [("a", "x"), ("n", "2"), ("t", "text\n")]
    assert [(part.name, part.path, part.type) for part in items.files] == [("f", str(path), "a/b")]


@pytest.mark.parametrize(
    ("members", "whole"),
    [
        ([("a", 1), ("a", 2)], {"a": 2}),
        ([("a[b]", 1), ("a[c]", 2)], {"a": {"b": 1, "c": 2}}),
        ([("a[]", 1), ("a[]", 2)], {"a": [1, 2]}),
        ([("a[1]", "x")], {"a": [None, "x"]}),
        ([("a[b][0][c]", 1)], {"a": {"b": [{"c": 1}]}}),
        ([("[a]", 1)], {"[a]": 1}),
    ],
)
def test_keys_that_nest(members, whole):
    assert json_object(members) == whole


@pytest.mark.parametrize("members", [[("a", 1), ("a[b]", 2)], [("a[999999999]", 1)]])
def test_keys_that_contradict(members):
    with pytest.raises(UsageError):
        json_object(members)


@pytest.mark.parametrize("word", ["what", "=x", "==x", ":x", "n:=oops", "a=@/none", "H;x"])
def test_what_is_no_item(word):
    with pytest.raises(UsageError):
        read_items([word])
