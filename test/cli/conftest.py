"""The command in this process, with an output that is a pipe or a terminal, and with scripts."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

import pytest

from hyper.cli.main import main


class Ended(NamedTuple):
    """The end of the command: its exit code, its output, its errors."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """A text stream on memory that says whether it is a terminal."""

    def __init__(self, octets=b"", *, is_terminal=False):
        super().__init__(io.BytesIO(octets), encoding="utf-8", newline="", write_through=True)
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """Neither colours nor proxies of who runs the tests; files go to a directory of their own."""
    for name in ("NO_COLOR", "FORCE_COLOR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(monkeypatch):
    """Run the command: `command("GET", url, is_terminal=True)`."""

    def run(*words, stdin=b"", is_terminal=False):
        out, err = Stream(is_terminal=is_terminal), Stream(is_terminal=is_terminal)
        monkeypatch.setattr(sys, "stdin", Stream(stdin))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        code = main([str(word) for word in words])
        out.flush()
        texts = (each.buffer.getvalue().decode("utf-8", "surrogateescape") for each in (out, err))
        return Ended(code, *texts)

    return run


@pytest.fixture
def serve(scripted_peer):
    """Start a script in cleartext, and give its URL: `url = serve(script)`."""

    def start(script):
        peer = scripted_peer(script)
        return f"http://{peer.host}:{peer.port}"

    return start


@pytest.fixture
def ask(command, serve):
    """Run the command on a script, by prior knowledge: `ended, seen = ask(answer(200))`."""

    def run(script, *words, path="/", before=(), **options):
        url = serve(script)
        return command(*before, url + path, "--prior-knowledge", *words, **options)

    return run


@pytest.fixture(autouse=True)
def no_observers():
    """A run of the command that leaves an observer behind is wrong."""
    from hyper.trace import watch

    yield
    assert watch.installed == ()
