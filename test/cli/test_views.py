"""--frames, --waterfall, --har and --qlog: the views that a trace gives of a run of the command."""

from __future__ import annotations

import json

import pytest


def page(peer):
    """A page with a push, and a cookie that is a secret."""
    peer.handshake()
    stream_id, fields, _ = peer.want_request()
    promised = [(":method", "GET"), (":scheme", "http"), (":path", "/a.css")]
    promised.append((":authority", dict(fields)[":authority"]))
    peer.write_push(stream_id, 2, promised)
    pairs = [(":status", "200"), ("set-cookie", "id=secret"), ("content-type", "text/plain")]
    peer.write_response(stream_id, b"page\n", pairs)
    peer.write_response(2, b"style")


def test_frames_go_to_the_error_output_and_the_content_to_the_output(ask):
    ended = ask(page, "--frames")
    assert (ended.code, ended.out) == (0, "page\n")
    sent = [line.split("]", 1)[1].split() for line in ended.err.split("\n") if " send " in line]
    kinds = [words[1] for words in sent]
    assert kinds[:2] == ["SETTINGS", "WINDOW_UPDATE"]
    assert "HEADERS" in kinds
    assert "PUSH_PROMISE" in ended.err
    assert "secret" not in ended.err


def test_secrets_are_shown_where_that_is_asked_for(ask):
    assert "id=secret" in ask(page, "--frames", "--secrets").err


@pytest.mark.parametrize("words", [("--frames",), ("--waterfall",), ("--frames", "--waterfall")])
def test_on_a_terminal_a_view_is_all_that_is_shown(ask, words):
    ended = ask(page, *words, is_terminal=True)
    assert ended.out == ""
    assert ended.err


def test_the_waterfall_has_a_row_for_each_stream(ask):
    ended = ask(page, "--waterfall")
    assert (ended.out, ended.code) == ("page\n", 0)
    rows = ended.err.split("\n")
    assert next(row for row in rows if "GET /" in row and " 200 " in row).lstrip().startswith("1 ")
    assert next(row for row in rows if "GET /a.css" in row).startswith("*2 ")
    assert max(map(len, rows)) <= 100


def test_it_is_shown_after_a_failure_as_well(ask):
    def script(peer):
        peer.handshake()
        peer.want_request()
        peer.reset()

    ended = ask(script, "--waterfall")
    assert ended.code == 92
    assert "GET /" in ended.err


def test_har_is_saved_with_content_and_without_secrets(ask, tmp_path):
    ended = ask(page, "--har", "x.har")
    assert (ended.code, ended.out, ended.err) == (0, "page\n", "")
    text = (tmp_path / "x.har").read_text("utf-8")
    entries = json.loads(text)["log"]["entries"]
    assert [entry["response"]["content"]["text"] for entry in entries] == ["page\n", "style"]
    assert "secret" not in text


def test_har_on_the_output_is_all_that_is_there(ask):
    ended = ask(page, "--har", "-")
    assert json.loads(ended.out)["log"]["version"] == "1.2"


def test_qlog_is_records_of_json(ask, tmp_path):
    ask(page, "--qlog", "x.qlog")
    records = (tmp_path / "x.qlog").read_text("utf-8").split("\x1e")
    assert records[0] == ""
    assert len([json.loads(record) for record in records[1:]]) > 5


def test_the_picture_is_svg(ask, tmp_path):
    ask(page, "--waterfall-svg", "x.svg")
    assert (tmp_path / "x.svg").read_text("utf-8").startswith("<svg")


def test_a_file_that_cannot_be_written_is_told(ask):
    ended = ask(page, "--har", "no/such/place")
    assert ended.code == 23
    assert ended.err.count("\n") == 1
