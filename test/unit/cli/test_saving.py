"""Names of files that a server chooses stay in the directory, and are names everywhere."""

from __future__ import annotations

import pytest

from hyper.cli.saving import MAX_NAME, free_name, name_of_path, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x.exe", "x.exe"),
        ("..", ""),
        (".", ""),
        ("", ""),
        (".bashrc", "bashrc"),
        ("a\x00b\nc", "a_b_c"),
        ("CON.txt", "_CON.txt"),
        ("a:b?c", "a_b_c"),
        ("\u202egpj.exe", "_gpj.exe"),
    ],
)
def test_a_name_is_made_safe(text, name):
    assert safe_name(text) == name


def test_a_long_name_keeps_its_suffix():
    name = safe_name("x" * 1000 + ".tar")
    assert len(name) == MAX_NAME
    assert name.endswith("x.tar")


def test_a_path_without_a_name_gets_one_by_its_type():
    assert name_of_path("/", "application/json; charset=utf-8") == "index.json"
    assert name_of_path("/a/b%2Fc?d=/e") == "c"


def test_a_name_that_is_taken_gets_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.b", "a-1.b"):
        (tmp_path / name).write_text("")
    assert free_name("a.b") == "a-2.b"
    assert free_name("c") == "c"
