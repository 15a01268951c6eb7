"""The requests that a command line sends: method, URL, fields, content (RFC 9113, 8.1)."""

from __future__ import annotations

import json

import pytest


class Seen:
    """A script that answers one request, and keeps it."""

    def __init__(self, status="200", headers=(), content=b"ok"):
        self.status = status
        self.headers = headers
        self.content = content
        self.fields = {}
        self.body = b""

    def __call__(self, peer):
        peer.handshake()
        stream_id, fields, self.body = peer.want_request(credit=True)
        self.fields = dict(fields)
        pairs = [(":status", self.status), *self.headers]
        peer.write_response(stream_id, self.content, pairs)


def test_a_url_alone_is_a_get(ask):
    seen = Seen()
    ended = ask(seen, path="/a?b=c")
    assert ended == (0, "ok", "")
    assert seen.fields[":method"] == "GET"
    assert seen.fields[":path"] == "/a?b=c"
    assert seen.fields["user-agent"].startswith("hyper/")


def test_data_makes_a_post_of_json(ask):
    seen = Seen()
    ask(seen, "name=pear", "n:=3", "list:=[1]", "a[b][]=x", "q==ä b")
    assert seen.fields[":method"] == "POST"
    assert seen.fields["content-type"] == "application/json"
    assert seen.fields[":path"] == "/?q=%C3%A4+b"
    assert json.loads(seen.body) == {"name": "pear", "n": 3, "list": [1], "a": {"b": ["x"]}}
    assert seen.fields["content-length"] == str(len(seen.body))


def test_a_form(ask):
    seen = Seen()
    ask(seen, "-f", "a=1 2", "b=ü", before=("PUT",))
    assert seen.fields[":method"] == "PUT"
    assert seen.fields["content-type"] == "application/x-www-form-urlencoded"
    assert seen.body == b"a=1+2&b=%C3%BC"


def test_a_form_with_a_file(ask, tmp_path):
    (tmp_path / "p.txt").write_bytes(b"pic")
    seen = Seen()
    ask(seen, "-f", "a=1", "photo@p.txt;type=image/x")
    kind, _, boundary = seen.fields["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert seen.body.replace(boundary.encode(), b"B") == (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="photo"; filename="p.txt"\r\n'
        b"Content-Type: image/x\r\n\r\npic\r\n--B--\r\n"
    )
    assert seen.fields["content-length"] == str(len(seen.body))


def test_a_file_as_content(ask, tmp_path):
    (tmp_path / "big.json").write_bytes(b"[" + b"1," * 50_000 + b"1]")
    seen = Seen()
    ask(seen, "@big.json")
    assert seen.fields["content-type"] == "application/json"
    assert len(seen.body) == 100_003


def test_the_input_as_content(ask):
    seen = Seen()
    ask(seen, "@-", stdin=b"from a pipe")
    assert (seen.fields[":method"], seen.body) == ("POST", b"from a pipe")
    assert "content-length" not in seen.fields


def test_text_as_content(ask):
    seen = Seen()
    ask(seen, "--raw", "plain", "Content-Type:text/plain")
    assert (seen.fields["content-type"], seen.body) == ("text/plain", b"plain")


def test_fields_are_added_changed_emptied_and_taken_away(ask):
    seen = Seen()
    ask(seen, "X-A:1", "User-Agent:me", "Empty;", "Accept:", "--priority", "u=1, i")
    assert seen.fields["x-a"] == "1"
    assert seen.fields["user-agent"] == "me"
    assert seen.fields["empty"] == ""
    assert "accept" not in seen.fields
    assert seen.fields["priority"] == "u=1, i"


def test_credentials(ask):
    seen = Seen()
    ask(seen, "-a", "me:secret")
    assert seen.fields["authorization"] == "Basic bWU6c2VjcmV0"
    ask(seen, "-A", "bearer", "-a", "token")
    assert seen.fields["authorization"] == "Bearer token"


def test_trailers_are_sent_after_the_content(ask):
    found = {}

    def script(peer):
        peer.handshake()
        stream_id = (peer.want_headers(end_stream=False), peer.last.stream_id)[1]
        found["body"] = peer.want_body(stream_id)
        found["trailers"] = peer.want_headers(stream_id)
        peer.write_response(stream_id, b"ok")

    assert ask(script, "a=1", "--trailer", "X-Sum: 7").out == "ok"
    assert found["trailers"] == [("x-sum", "7")]


def test_settings_and_window_are_announced(ask):
    found = {}

    def script(peer):
        found.update(peer.handshake())
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"ok")

    ask(script, "--window", "64k", "--settings", "MAX_FRAME_SIZE=32768")
    assert (found[4], found[5]) == (65_536, 32_768)


class TestRedirects:
    @staticmethod
    def script(steps, seen):
        def run(peer):
            peer.handshake()
            for status, location in steps:
                stream_id, fields, body = peer.want_request()
                seen.append((dict(fields), body))
                pairs = [(":status", status), *([("location", location)] if location else [])]
                peer.write_response(stream_id, b"" if location else b"there", pairs)

        return run

    def test_none_is_followed_unasked(self, ask):
        seen = []
        assert ask(self.script([("302", "/b")], seen)).code == 0

    def test_they_are_followed_with_what_the_status_says(self, ask):
        seen = []
        script = self.script([("307", "/b"), ("303", "/c?d"), ("200", "")], seen)
        ended = ask(script, "-F", "a=1")
        assert (ended.code, ended.out) == (0, "there")
        asked = [(fields[":method"], fields[":path"], body) for fields, body in seen]
        assert asked == [
            ("POST", "/", b'{"a": "1"}'),
            ("POST", "/b", b'{"a": "1"}'),
            ("GET", "/c?d", b""),
        ]
        assert "content-type" not in seen[2][0]

    def test_too_many_have_a_code(self, ask):
        script = self.script([("302", "/")] * 3, [])
        ended = ask(script, "-F", "--max-redirects", "2")
        assert ended.code == 47
        assert "--max-redirects" in ended.err

    def test_one_that_leads_nowhere_is_the_servers_fault(self, ask):
        ended = ask(self.script([("302", "ftp://x/")], []), "-F")
        assert ended.code == 16
        assert "cannot be followed" in ended.err

    def test_credentials_stay_with_their_origin(self, ask, serve):
        seen = Seen()
        other = serve(seen)
        ended = ask(self.script([("302", f"{other}/x")], []), "-F", "-a", "me:pw", "Cookie:s=1")
        assert ended.out == "ok"
        assert not {"authorization", "cookie"} & set(seen.fields)


class TestRetries:
    @staticmethod
    def script(statuses, headers=()):
        def run(peer):
            peer.handshake()
            for status in statuses:
                stream_id, _, _ = peer.want_request()
                peer.write_response(
                    stream_id, b"now" if status == "200" else b"", [(":status", status), *headers]
                )

        return run

    def test_a_transient_status_is_tried_again(self, ask):
        ended = ask(self.script(["503", "429", "200"]), "--retry", "2", "--retry-delay", "0")
        assert (ended.code, ended.out) == (0, "now")
        assert ended.err.count("trying again") == 2

    def test_retry_after_is_heeded(self, ask):
        ended = ask(self.script(["503", "200"], [("retry-after", "0")]), "--retry", "1")
        assert ended.out == "now"
        assert "in 0 s" in ended.err

    @pytest.mark.parametrize("value", ["3601", "9" * 9000, "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_a_server_that_asks_for_more_than_an_hour_gets_no_second_try(self, ask, value):
        """RFC 9110, 10.2.3: its answer is shown, and nobody sleeps for years."""
        ended = ask(self.script(["503"], [("retry-after", value)]), "--retry", "1", "--fail")
        assert ended.code == 5
        assert "more than 3600 s" in ended.err

    @pytest.mark.parametrize("value", ["-5", "1e999", "soon", "Mon, 01 Jan 0001 00:00:00 -0000"])
    def test_a_retry_after_that_means_nothing_is_ignored(self, ask, value):
        script = self.script(["503", "200"], [("retry-after", value)])
        ended = ask(script, "--retry", "1", "--retry-delay", "0")
        assert ended.out == "now"

    def test_it_ends_with_the_last_answer(self, ask):
        ended = ask(self.script(["503", "503"]), "--retry", "1", "--retry-delay", "0", "--fail")
        assert ended.code == 5

    def test_a_post_that_may_have_been_processed_goes_out_once(self, ask):
        def script(peer):
            peer.handshake()
            peer.want_request()
            peer.reset()

        ended = ask(script, "a=1", "--retry", "3", "--retry-delay", "0")
        assert ended.code == 92
        assert "trying again" not in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--nope", "x"), "no option --nope"),
        ((), "a URL is missing"),
        (("x", "what"), "not an item"),
        (("x", "n:=no"), "no JSON"),
        (("x", "--raw", "a", "b=c"), "given twice"),
        (("x", "-j", "-f"), "exclude each other"),
        (("x", "f@nothing"), "add --form"),
        (("x", "@nothing"), "cannot be read"),
        (("x", "--timeout", "soon"), "a number of seconds"),
        (("x", "--settings", "NOTHING"), "NAME=N"),
        (("x", "--settings", "NOTHING=1"), "not a setting"),
        (("x", "--resolve", "a"), "HOST:PORT:ADDRESS"),
        (("x", "--pin", "a"), "sha256//"),
        (("x", "--cacert", "/none"), "there is no file"),
        (("x", "-c"), "name it by -o"),
        (("x", "A b:c"), "not a token"),
        (("ftp://x/",), "https or http"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(command, words, told):
    ended = command(*words)
    assert ended.out == ""
    assert told in ended.err
    assert ended.err.count("\n") == 1
    assert ended.code == 2


def test_a_priority_that_is_none_is_a_wrong_command_line(ask):
    ended = ask(lambda peer: peer.want_preface(), "--priority", "u=9")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "RFC 9218" in ended.err
