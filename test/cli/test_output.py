"""The output: content alone where the output goes elsewhere, heads and colours on a terminal."""

from __future__ import annotations

import json
import sys

import pytest

from hyper.testing import wire

JSON = (("content-type", "application/json"),)


def answer(content=b"", headers=(), *, early=(), trailers=(), status="200"):
    """A script that answers one request."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        for fields in early:
            peer.write_headers(stream_id, fields)
        peer.write_headers(stream_id, [(":status", status), *headers])
        peer.write_data(stream_id, content, end_stream=not trailers)
        if trailers:
            peer.write_headers(stream_id, trailers, end_stream=True)

    return script


class TestElsewhere:
    """In a pipe or a file, the output is the content and nothing else, untouched."""

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            (b'{"b":1,\r\n "a":2}', JSON),
            (bytes(range(256)), (("content-type", "image/png"),)),
            (b"\x1b[31mred", (("content-type", "text/plain"),)),
            (b"", ()),
        ],
    )
    def test_content_alone(self, ask, content, headers):
        ended = ask(answer(content, headers, trailers=[("x", "y")]))
        assert ended.out.encode("utf-8", "surrogateescape") == content
        assert (ended.code, ended.err) == (0, "")

    def test_force_color_changes_nothing_of_it(self, ask, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert ask(answer(b'{"a":1}', JSON)).out == '{"a":1}'

    def test_quiet_shows_nothing(self, ask):
        assert ask(answer(b"words"), "-q") == (0, "", "")


class TestOnATerminal:
    @pytest.fixture
    def look(self, ask):
        def run(script, *words, **options):
            return ask(script, *words, is_terminal=True, **options)

        return run

    def test_heads_trailers_and_interim_responses(self, look):
        script = answer(
            b"words",
            [("x-a", "b")],
            early=[[(":status", "103"), ("link", "</a.css>")]],
            trailers=[("x-sum", "7")],
        )
        ended = look(script, "--color", "never")
        assert ended.out == (
            "HTTP/2 103\nlink: </a.css>\n\nHTTP/2 200 OK\nx-a: b\n\nwords\n\nx-sum: 7\n"
        )

    def test_json_is_formatted_in_the_order_that_it_has(self, look):
        ended = look(answer('{"b":1,"a":["ü"]}'.encode(), JSON), "-b", "--color", "never")
        assert ended.out == '{\n    "b": 1,\n    "a": [\n        "ü"\n    ]\n}\n'

    def test_what_says_json_and_is_none_is_shown_as_it_is(self, look):
        assert look(answer(b"{oops", JSON), "-b", "--color", "never").out == "{oops\n"

    def test_binary_never_gets_there(self, look):
        ended = look(answer(b"\x89PNG\0\1", (("content-type", "image/png"),)), "-b")
        assert "\x89" not in ended.out
        assert "6 octets of image/png are not shown: -o FILE saves them" in ended.out

    def test_binary_without_end_is_not_waited_for(self, look):
        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write_headers(stream_id, [(":status", "200")])
            room = peer.client_settings[4]
            for _ in range(65):  # 16 KiB more than are read for their number
                if room < 16_384:
                    room += peer.want_window_update(stream_id)
                peer.write_data(stream_id, bytes(16_384))
                room -= 16_384
            peer.want_rst(stream_id)

        ended = look(script, "-p", "bt", "--color", "never")
        assert ended.code == 0
        assert ended.out.startswith("[more than 1,0")

    def test_a_server_cannot_steer_the_terminal(self, look):
        hostile = b"a\x1b]0;title\x07b\r\nc"
        ended = look(answer(hostile, [("x", "\x1b[2J")]), "--color", "never")
        assert "\x1b" not in ended.out
        assert "a\\x1b]0;title\\x07b\nc\n" in ended.out

    def test_another_charset(self, look):
        headers = (("content-type", "text/plain; charset=latin-1"),)
        assert look(answer(b"caf\xe9", headers), "-b").out.strip() == "café"

    def test_colours_by_rich(self, look):
        pytest.importorskip("rich")
        ended = look(answer(b'{"a":1}', JSON))
        assert "\x1b[1;32m200 OK\x1b[0m" in ended.out

    def test_no_color_wins(self, look, monkeypatch):
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b" not in look(answer(b'{"a":1}', JSON)).out

    def test_a_terminal_that_is_dumb_gets_no_colours(self, look, monkeypatch):
        monkeypatch.setenv("TERM", "dumb")
        assert "\x1b" not in look(answer(b'{"a":1}', JSON)).out

    def test_without_rich_all_is_there_in_plain_text(self, look, monkeypatch):
        monkeypatch.setitem(sys.modules, "rich.console", None)
        assert (
            look(answer(b"{}", JSON)).out == "HTTP/2 200 OK\ncontent-type: application/json\n\n{}\n"
        )


class TestWhatIsAskedFor:
    def test_verbose_shows_both_sides_as_they_were_on_the_wire(self, ask):
        ended = ask(answer(b"words"), "-v", "a=1", "X-A:b")
        lines = ended.out.split("\n")
        assert lines[0].startswith("* connected to 127.0.0.1, 127.0.0.1 port ")
        assert lines[1:3] == [":method: POST", ":scheme: http"]
        assert "x-a: b" in lines
        assert "content-length: 10" in lines
        assert '    "a": "1"' in lines
        assert ended.out.endswith("\n:status: 200\n\nwords\n")

    def test_trailers_of_both_sides(self, ask):
        ended = ask(answer(b"", trailers=[("x", "1")]), "-p", "Bht", "a=1", "--trailer", "y:2")
        assert ended.out == '{\n    "a": "1"\n}\n\ny: 2\n\nHTTP/2 200 OK\n\nx: 1\n'

    def test_the_head_alone(self, ask):
        assert ask(answer(b"words", [("x", "y")]), "-h").out == "HTTP/2 200 OK\nx: y\n\n"

    def test_pretty_formats_in_a_pipe_where_it_is_asked_for(self, ask):
        assert ask(answer(b"[1]", JSON), "--pretty", "all").out == "[\n    1\n]\n"

    def test_offline_sends_nothing(self, command):
        ended = command("--offline", "https://example.org/x", "a=1")
        assert ended.code == 0
        assert ended.out.startswith(":method: POST\n:scheme: https\n:authority: example.org\n")

    def test_pushes_are_listed(self, ask):
        def script(peer):
            peer.handshake()
            stream_id, fields, _ = peer.want_request()
            promised = [(":method", "GET"), (":scheme", "http"), (":path", "/a.css")]
            promised.append((":authority", dict(fields)[":authority"]))
            peer.write_push(stream_id, 2, promised)
            peer.write_response(stream_id, b"page\n")
            peer.write_response(2, b"style", [(":status", "200"), ("content-type", "text/css")])

        ended = ask(script, "--push", "list")
        assert ended.out == "page\n\n⇠ GET /a.css 200 text/css 5 octets  stream 2\n"

    def test_pushes_are_refused_where_nobody_looks(self, ask):
        found = {}

        def script(peer):
            found.update(peer.handshake())
            stream_id, _, _ = peer.want_request()
            peer.write_response(stream_id, b"page")

        ask(script)
        assert found[2] == 0


class TestFigures:
    def test_write_out_has_curls_names(self, ask):
        form = "%{http_code} %{http_version} %{method} %{size_download} %header{x} %% %{nope}\\n"
        ended = ask(answer(b"12345", [("x", "y")]), "-q", "-w", form)
        assert ended.out == "200 2 GET 5 y % %{nope}\n"

    def test_times_are_in_order(self, ask):
        ended = ask(answer(b"12345"), "--meta-json")
        found = json.loads(ended.err)
        names = ("connect", "pretransfer", "starttransfer", "total")
        times = [found[f"time_{name}"] for name in names]
        assert times == sorted(times)
        assert times[0] > 0
        assert (found["remote_ip"], found["scheme"]) == ("127.0.0.1", "HTTP")

    def test_they_are_shown_after_a_failure_too(self, ask):
        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write(wire.rst_stream(stream_id, 2))

        ended = ask(script, "-w", "%{http_code} %{exitcode}")
        assert ended.out == "000 92"

    def test_meta_is_for_a_person(self, ask):
        ended = ask(answer(b"12345"), "--meta")
        assert "first octet" in ended.err
        assert "received 5 octets" in ended.err


class TestLineByLine:
    def test_events_on_a_terminal(self, ask):
        headers = (("content-type", "text/event-stream"),)
        content = b': hello\r\nevent: a\ndata: {"x":1}\n\ndata: \x1b[2J'
        ended = ask(answer(content, headers), "-b", "--color", "never", is_terminal=True)
        assert ended.out == ': hello\nevent: a\ndata: {"x":1}\n\ndata: \\x1b[2J\n'

    def test_a_line_leaves_when_it_is_there(self, ask, monkeypatch):
        """The server sends the second line only when the first has been written."""
        import threading

        from test.cli import conftest

        wrote = threading.Event()

        class Telling(conftest.Stream):
            def write(self, text):
                if "first" in text:
                    wrote.set()
                return super().write(text)

        monkeypatch.setattr(conftest, "Stream", Telling)

        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write_headers(stream_id, [(":status", "200")])
            peer.write_data(stream_id, b"first\nsec")
            assert wrote.wait(10)
            peer.write_data(stream_id, b"ond\n", end_stream=True)

        ended = ask(script, "-S", "-b", "--color", "never", is_terminal=True)
        assert ended.out == "first\nsecond\n"

    def test_json_lines_are_one_line_each(self, ask):
        headers = (("content-type", "application/x-ndjson"),)
        ended = ask(
            answer(b'{"a":  1}\n[2]\n', headers), "-b", "--color", "never", is_terminal=True
        )
        assert ended.out == '{"a": 1}\n[2]\n'
