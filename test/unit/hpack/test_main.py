"""hpack/__main__.py: `python -m hyper.hpack`, the table of what a codec costs."""

import json
import subprocess
import sys

import pytest

from hyper.hpack import __main__ as table


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("TURNS", "TURNS_OF_LISTS", "NEW_SECTIONS"):
        monkeypatch.setattr(table, name, 1)
    monkeypatch.setattr(table, "WARM_SECTIONS", 12)


CASES = [{"headers": [{":method": "GET"}, {"x-name": "value"}]}, {"headers": [{":status": "200"}]}]
STORY = [((b":method", b"GET"), (b"x-name", b"value")), ((b":status", b"200"),)]


def test_every_codec_has_a_line_of_each_kind(capsys, monkeypatch):
    monkeypatch.setattr(table, "codecs", lambda: {"python": table.ours("python")})
    monkeypatch.setattr(table, "is_loadable", lambda: False)
    table.main([])
    first, heads, *lines, last = capsys.readouterr().out.splitlines()
    assert "microseconds" in first
    assert heads.split() == ["encode", "decode", "octets"]
    assert [line[:12].strip() for line in lines] == ["warm", "new path", "new etag", "never seen"]
    for line in lines:
        _, encoding, decoding, share = line[12:].split()
        assert float(encoding) > 0
        assert float(decoding) > 0
        assert share.endswith("%")
    assert "hyper[nghttp2]" in last


def test_lists_are_read_from_files_and_directories(capsys, tmp_path):
    (tmp_path / "story.json").write_text(json.dumps({"cases": CASES}))
    pairs = tmp_path / "pairs"
    pairs.write_text(json.dumps([[[":method", "GET"], ["x-name", "value"]], [[":status", "200"]]]))
    assert list(table.read_stories([tmp_path, pairs])) == [STORY, STORY]
    table.main([str(tmp_path), str(pairs)])
    kinds = [line[:12].strip() for line in capsys.readouterr().out.splitlines()]
    for kind in ("requests", "responses"):
        assert kinds.count(kind) == len(table.codecs())


def test_help_says_what_is_measured(capsys):
    with pytest.raises(SystemExit) as ended:
        table.main(["--help"])
    assert ended.value.code == 0
    assert "never seen" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "no header lists"),
        (b"\xff", "no header lists"),
        (b"5", "no header lists"),
        (b'{"cases": 5}', "no header lists"),
        (b'{"stories": []}', "no header lists"),
        (b'{"cases": [{"headers": [5]}]}', "no header lists"),
        (b'[[["name"]]]', "no header lists"),
        ("[[['name', '€']]]".replace("'", '"').encode(), "no header lists"),
    ],
)
def test_a_path_to_no_header_lists_is_told_in_a_line(capsys, tmp_path, content, words):
    path = tmp_path / "story.json"
    if content is not None:
        path.write_bytes(content)
    told_in_a_line(capsys, path, words)


def test_a_directory_without_json_is_told_in_a_line(capsys, tmp_path):
    told_in_a_line(capsys, tmp_path, "a directory without")


def told_in_a_line(capsys, path, words):
    with pytest.raises(SystemExit) as ended:
        table.main([str(path)])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert words in line


def test_the_codecs_that_are_there(monkeypatch):
    monkeypatch.setattr(table, "is_loadable", lambda: False)
    assert list(table.codecs()) == ["python"]
    monkeypatch.setattr(table, "is_loadable", lambda: True)
    assert list(table.codecs()) == ["python", "nghttp2"]


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "hyper.hpack"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert "never seen" in done.stdout
