"""The command against servers that nobody here wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hyper.cli.main import main
from test.live.server import FILES

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def ask(capfdbinary, certificates, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([*words, "--cacert", str(certificates.authority)])
        sys.stdout.flush()
        return (code, *capfdbinary.readouterr())

    return run


def test_several_files_of_nginx(nginx, ask):
    urls = [f"https://localhost:{nginx.port}/{name}" for name in ("index.html", "large", "app.js")]
    content = FILES["index.html"] + FILES["large"] + FILES["app.js"]
    assert ask(*urls) == (0, content, b"")


def test_pushes_and_a_trailer_of_nghttpd(nghttpd, ask):
    code, out, err = ask(f"https://localhost:{nghttpd.port}/index.html", "-p", "btp")
    assert (code, err) == (0, b"")
    lines = out.decode().split("\n")
    assert lines[0] == FILES["index.html"].decode().rstrip()
    assert "x-trailer: from nghttpd" in lines
    pushed = sorted(line.split()[2] for line in lines if line.startswith("⇠"))
    assert pushed == ["/app.js", "/style.css"]


def test_an_upload_is_echoed_by_node(node, ask):
    code, out, _ = ask(f"https://localhost:{node.port}/echo", "a=b", "n:=1")
    assert (code, out) == (0, b'{"a": "b", "n": 1}')


def test_a_download_from_caddy(caddy, ask, tmp_path):
    code, out, _ = ask("-d", f"https://localhost:{caddy.port}/large")
    assert (code, out) == (0, b"")
    assert (tmp_path / "large").read_bytes() == FILES["large"]


def test_a_page_of_hypercorn_with_its_waterfall(hypercorn, ask, tmp_path):
    url = f"https://localhost:{hypercorn.port}"
    code, out, err = ask("--waterfall", "--har", "x.har", f"{url}/bytes/10", f"{url}/bytes/20000")
    assert (code, len(out)) == (0, 20_010)
    assert err.count(b"GET /bytes/") == 2
    assert b"TLS" in err
    assert len(json.loads((tmp_path / "x.har").read_text("utf-8"))["log"]["entries"]) == 2


def test_round_trips_and_a_bench(nginx, ask):
    code, out, _ = ask("--ping", "2", f"https://localhost:{nginx.port}/")
    assert code == 0
    assert out.count(b"PING") == 2
    code, out, err = ask("--bench", "50", "-m", "5", f"https://localhost:{nginx.port}/index.html")
    assert (code, err) == (0, b"")
    assert b"50 responses" in out
    assert b"status: 50 x 200" in out


@pytest.mark.parametrize("words", [["--http1.1"], ["--prior-knowledge"]])
def test_other_protocols(server, ask, words):
    secure = words == ["--http1.1"]
    running = server("nginx", secure=secure)
    scheme = "https" if secure else "http"
    url = f"{scheme}://localhost:{running.port}/index.html"
    code, out, _ = ask(url, *words, "-w", "%{http_version}")
    assert (code, out) == (0, FILES["index.html"] + (b"1.1" if secure else b"2"))


def test_the_process_is_the_command(nginx, certificates):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "hyper", "--cacert", str(certificates.authority)),
            f"https://localhost:{nginx.port}/index.html",
        ],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, FILES["index.html"], b"")
