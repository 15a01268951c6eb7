"""--session keeps cookies in a file (RFC 6265), and --netrc finds credentials in one."""

from __future__ import annotations

import os

import pytest

from test.cli.test_requests import Seen

COOKIE = [("set-cookie", "id=1; path=/"), ("set-cookie", "x=2; max-age=1000; path=/")]


def test_cookies_of_a_response_go_with_the_next_request(ask, tmp_path):
    assert ask(Seen(headers=COOKIE), "--session", "jar").code == 0
    again = Seen()
    assert ask(again, "--session", "jar", "cookie:own=3").code == 0
    assert sorted(again.fields["cookie"].split("; ")) == ["id=1", "own=3", "x=2"]
    assert (tmp_path / "jar").read_text("utf-8").startswith("# Netscape HTTP Cookie File")


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_the_file_is_its_owner_s_alone(ask, tmp_path):
    ask(Seen(headers=COOKIE), "--session", "jar")
    assert (tmp_path / "jar").stat().st_mode & 0o777 == 0o600


def test_cookies_stay_with_their_path(ask):
    ask(Seen(headers=[("set-cookie", "id=1; path=/a")]), "--session", "jar")
    other, same = Seen(), Seen()
    ask(other, "--session", "jar", path="/b")
    ask(same, "--session", "jar", path="/a/c")
    assert "cookie" not in other.fields
    assert same.fields["cookie"] == "id=1"


def test_cookies_of_a_redirect_go_to_where_it_leads(ask):
    def script(peer):
        peer.handshake()
        first, _, _ = peer.want_request()
        peer.write_response(first, b"", [(":status", "302"), ("location", "/b"), *COOKIE])
        second, fields, _ = peer.want_request()
        seen.update(fields)
        peer.write_response(second, b"ok", [(":status", "200")])

    seen = {}
    ended = ask(script, "-F", "--session", "jar", path="/a")
    assert (ended.code, ended.out) == (0, "ok")
    assert sorted(seen["cookie"].split("; ")) == ["id=1", "x=2"]


def test_a_file_of_another_form_is_told(ask, tmp_path):
    (tmp_path / "jar").write_text("{}", "utf-8")
    ended = ask(lambda _peer: None, "--session", "jar")
    assert ended.code == 2
    assert "is no file of cookies" in ended.err


def test_credentials_of_a_host_are_found_by_netrc(ask, tmp_path, monkeypatch):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password secret\n", "utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    seen, without = Seen(), Seen()
    ask(seen, "--netrc")
    ask(without)
    assert seen.fields["authorization"] == "Basic bWU6c2VjcmV0"
    assert "authorization" not in without.fields


def test_a_netrc_that_is_not_there_is_told(ask, tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    ended = ask(lambda _peer: None, "--netrc")
    assert ended.code == 2
    assert ended.err.startswith("hyper: --netrc: ")
    assert ended.err.count("\n") == 1
