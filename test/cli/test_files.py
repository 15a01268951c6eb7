"""Content that goes to files: names, progress, and going on with what is there."""

from __future__ import annotations

import pytest


def answer(content=b"content", headers=(), status="200", found=None):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        if found is not None:
            found.update(fields)
        pairs = [(":status", status), ("content-length", str(len(content))), *headers]
        peer.write_response(stream_id, content, pairs)

    return script


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/a/data.csv?x=1", (), "data.csv"),
        ("/", (("content-type", "text/html"),), "index.html"),
        ("/x", (("content-disposition", 'attachment; filename="named.txt"'),), "named.txt"),
        ("/x", (("content-disposition", 'attachment; filename="../../etc/passwd"'),), "passwd"),
        ("/x", (("content-disposition", "attachment; filename*=UTF-8''%C3%BC.txt"),), "ü.txt"),
        ("/%2e%2e%2fup", (), "up"),
        ("/x", (("content-disposition", 'attachment; filename=".."'),), "x"),
    ],
)
def test_a_download_has_the_name_that_it_should(ask, tmp_path, path, headers, name):
    ended = ask(answer(headers=headers), "-d", path=path)
    assert (ended.code, ended.out) == (0, "")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"content"
    assert f"saved {name}, 7 octets" in ended.err


def test_nothing_is_overwritten_by_a_download(ask, tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    ask(answer(), "-d", path="/a.txt")
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert (tmp_path / "a-1.txt").read_bytes() == b"content"


def test_an_error_is_not_saved_as_what_was_asked_for(ask, tmp_path):
    ended = ask(answer(b"no such thing", status="404"), "-d", path="/a.txt")
    assert ended.code == 4
    assert list(tmp_path.iterdir()) == []


def test_output_names_the_file(ask, tmp_path):
    (tmp_path / "out").write_text("old and longer than the new")
    ended = ask(answer(), "-o", "out")
    assert ended == (0, "", "")
    assert (tmp_path / "out").read_bytes() == b"content"


def test_output_to_a_place_that_is_not_there(ask, tmp_path):
    ended = ask(answer(), "-o", "no/such/place")
    assert ended.code == 23
    assert "cannot be written" in ended.err


class TestGoingOn:
    def test_the_rest_is_fetched(self, ask, tmp_path):
        (tmp_path / "f").write_bytes(b"con")
        found = {}
        headers = (("content-range", "bytes 3-6/7"),)
        ended = ask(answer(b"tent", headers, "206", found), "-c", "-o", "f")
        assert ended.code == 0
        assert found["range"] == "bytes=3-"
        assert found["accept-encoding"] == "identity"
        assert (tmp_path / "f").read_bytes() == b"content"

    def test_a_server_without_ranges_sends_it_anew(self, ask, tmp_path):
        (tmp_path / "f").write_bytes(b"xxx")
        ask(answer(b"content"), "-c", "-o", "f")
        assert (tmp_path / "f").read_bytes() == b"content"

    def test_another_part_than_the_one_asked_for_spoils_nothing(self, ask, tmp_path):
        (tmp_path / "f").write_bytes(b"con")
        headers = (("content-range", "bytes 5-6/7"),)
        ended = ask(answer(b"nt", headers, "206"), "-c", "-o", "f")
        assert ended.code == 16
        assert (tmp_path / "f").read_bytes() == b"con"

    def test_what_is_whole_stays(self, ask, tmp_path):
        (tmp_path / "f").write_bytes(b"content")
        ended = ask(answer(b"", status="416"), "-c", "-o", "f")
        assert ended.code == 0
        assert "whole already" in ended.err
        assert (tmp_path / "f").read_bytes() == b"content"


def test_progress_is_shown_on_a_terminal(ask, tmp_path):
    ended = ask(answer(b"x" * 100_000), "-d", path="/f", is_terminal=True)
    assert "↓ f" in ended.err
    assert "100" in ended.err


def test_progress_without_rich(ask, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rich.console", None)
    ended = ask(answer(b"x" * 2048), "-d", path="/f", is_terminal=True)
    assert "\r↓ f 2.0 KiB 100% of 2.0 KiB" in ended.err


def test_progress_of_an_upload(ask, tmp_path):
    (tmp_path / "big").write_bytes(bytes(2_000_000))

    def script(peer):
        peer.handshake()
        stream_id, _, body = peer.want_request(credit=True)
        peer.write_response(stream_id, b"%d" % len(body))

    ended = ask(script, "@big", "-b", is_terminal=True)
    assert ended.out == "2000000\n"
    assert "↑ 127.0.0.1" in ended.err
    assert "1.9" in ended.err


def test_pushes_are_saved(ask, tmp_path):
    def script(peer):
        peer.handshake()
        stream_id, fields, _ = peer.want_request()
        promised = [(":method", "GET"), (":scheme", "http"), (":path", "/css/a.css")]
        promised.append((":authority", dict(fields)[":authority"]))
        peer.write_push(stream_id, 2, promised)
        peer.write_response(stream_id, b"page")
        peer.write_response(2, b"style")

    ended = ask(script, "--push", "save")
    assert (ended.code, ended.out) == (0, "page")
    assert (tmp_path / "a.css").read_bytes() == b"style"
