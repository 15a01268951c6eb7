"""--curl and --from-curl: what one prints, the other reads."""

from __future__ import annotations

import shlex

import pytest

from hyper.cli.arguments import parse
from hyper.cli.building import requests_of
from hyper.cli.curl import curl_command
from hyper.cli.faults import UsageError
from hyper.cli.from_curl import read_curl, words_of


def curl(*words):
    arguments = parse(words)
    return shlex.split(curl_command(requests_of(arguments)[0], arguments))


def read(command, tmp_path):
    (tmp_path / "pasted").write_text(command)
    arguments = parse(["--from-curl", str(tmp_path / "pasted")])
    read_curl(arguments)
    return arguments, requests_of(arguments)[0]


def test_a_get():
    words = curl("example.org/a b")
    assert words[:2] == ["curl", "--http2"]
    assert words[-1] == "https://example.org/a%20b"


def test_json_fields_and_options():
    words = curl(
        "PUT", "example.org", "a=it's", "X:y", "-F", "-k", "--resolve", "a:1:::1", "-t", "3"
    )
    for pair in (
        ("--request", "PUT"),
        ("--data-raw", '{"a": "it\'s"}'),
        ("--header", "X: y"),
        ("--resolve", "a:1:::1"),
    ):
        assert words[words.index(pair[1]) - 1] == pair[0]
    assert {"--location", "--insecure"} <= set(words)


def test_a_form_with_a_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("x")
    words = curl("-f", "example.org", "a=1", f"b@{path}")
    assert words[-5:-1] == ["--form-string", "a=1", "--form", f"b=@{path}"]
    assert not [word for word in words if word.startswith("content-type")]


def test_a_paste_of_a_browser(tmp_path):
    arguments, request = read(
        "curl 'https://example.org/a?b=c' \\\n  -X POST -H 'accept: text/html' \\\n"
        "  -H 'Cookie: a=b; c=d' --data-raw $'{\"a\":\\'x\\u0041\\n\\'}' --compressed -L",
        tmp_path,
    )
    assert request.method == "POST"
    assert request.target.url == "https://example.org/a?b=c"
    assert ("accept", "text/html") in request.headers
    assert ("Cookie", "a=b; c=d") in request.headers
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.content.octets == b"{\"a\":'xA\n'}"
    assert arguments.follow


def test_what_is_printed_is_read_again(tmp_path):
    words = [
        "-k",
        "PATCH",
        "https://example.org/x?y=1",
        "A:b c",
        "E;",
        "--raw",
        "it's",
        "-x",
        "http://p:1",
    ]
    arguments = parse(words)
    first = requests_of(arguments)[0]
    again, second = read(curl_command(first, arguments), tmp_path)
    assert (second.method, second.target.url) == (first.method, first.target.url)
    assert second.content.octets == first.content.octets
    assert second.header("a") == "b c"
    assert second.header("e") == ""
    assert (again.insecure, again.proxy) == (True, "http://p:1")


@pytest.mark.parametrize("command", ["wget x", "curl", "curl --nonsense x", "curl 'x", "curl x -H"])
def test_what_cannot_be_read(command, tmp_path):
    with pytest.raises(UsageError):
        read(command, tmp_path)


def test_words_over_several_lines():
    assert words_of("curl \\\n  a \\\r\n b") == ["curl", "a", "b"]
