"""The command as a process of its own: a pseudo-terminal, pipes, signals, and what it imports."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hyper.testing.arrivals import ClientEnded

ROOT = Path(__file__).parent.parent.parent
needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")


def start(*words, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDEVMODE", None)  # it imports more
    return subprocess.Popen(
        [sys.executable, "-m", "hyper", *words], env=environment, cwd=str(ROOT), **options
    )


def answer(content=b"words\n", headers=()):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, content, [(":status", "200"), *headers])

    return script


@needs_terminals
def test_a_person_at_a_terminal_sees_the_head_in_colours_and_json_formatted(serve):
    pytest.importorskip("rich")
    import pty

    ours, theirs = pty.openpty()
    url = serve(answer(b'{"a":1}', [("content-type", "application/json")]))
    with start(url, "--prior-knowledge", stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to tell the end
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b[1;32m200 OK\x1b[0m\r\n" in shown
    assert b'{\x1b[0m\r\n    \x1b[1;34m"a"\x1b[0m: ' in shown


def test_a_pipe_gets_the_content_alone_and_rich_is_not_imported(serve):
    words = [serve(answer()), "--prior-knowledge"]
    script = (
        "import sys; from hyper.cli.main import main; code = main(sys.argv[1:]);"
        "costly = {'rich', 'json', 'logging', 'hyper.trace.events', 'urllib.request'};"
        "print(sorted(costly & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}",
            *words,
        ],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"words\n")
    assert done.stderr.strip() == b"[]"


def test_the_version_imports_no_more_than_it_needs():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from hyper.cli.main import main;"
        "main(['--version']);"
        "costly = ('rich', 'json', 'hyper.cli.run', 'hyper.pool.pool');"
        "print([name for name in costly if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    version, imported = done.stdout.split("\n")[:2]
    assert version.startswith("hyper 1.")
    assert imported == "[]"


@needs_terminals
def test_a_reader_that_goes_away_ends_it_quietly(serve):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        with contextlib.suppress(ClientEnded):  # it may be quicker
            peer.write_data(stream_id, b"x" * 65536)
            peer.want_goaway()

    with start(
        serve(script), "--prior-knowledge", "-S", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 23


@needs_terminals
def test_ctrl_c_is_130_without_a_traceback(serve):
    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_headers(stream_id, [(":status", "200")])
        peer.write_data(stream_id, b"some\n")
        peer.want_goaway()

    def listen():  # a suite in the background has it ignored, and its children inherit that
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    words = [serve(script), "--prior-knowledge", "-S"]
    with start(*words, preexec_fn=listen, **pipes) as process:
        assert process.stdout.read(5) == b"some\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 130


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told(serve):
    words = [serve(answer()), "--prior-knowledge"]
    with (
        Path("/dev/full").open("wb") as full,
        start(*words, stdout=full, stderr=subprocess.PIPE) as it,
    ):
        told = it.stderr.read()
    assert told == b"hyper: the output cannot be written: No space left on device\n"
    assert it.returncode == 23


def test_the_entry_point_is_the_same():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'hyper = "hyper.cli.main:main"' in text
