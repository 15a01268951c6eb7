"""The code of README and docs/: each block is Python, and the blocks of a page run, in their order.

The servers that a page names are the test's own (page_servers.py).
"""

from __future__ import annotations

import gc
import http.client
import io
import logging
import re
import shlex
import sys
import textwrap
import urllib.request
from pathlib import Path

import pytest

import hyper
import hyper.trace
from hyper.cli.main import main
from hyper.tls import init_context
from test.page_servers import World

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst"))]
BLOCK = re.compile(r"^( *)\.\. code-block:: python\n((?:\n|\1 +.*\n)+)", re.MULTILINE)
LITERAL = re.compile(r"^( *)(?!\.\.).*::\n((?:\n|\1 +.*\n)+)", re.MULTILINE)

# Libraries that a page is about, and that need not be there.
OPTIONAL = {"google", "httpx", "opentelemetry", "requests"}
# Blocks about these want a cloud, or a package, which test/downstream has.
ELSEWHERE = re.compile(
    r"^(?:import|from) (?:boto3|botocore|elasticsearch|httplib2)\b", re.MULTILINE
)


def blocks(path):
    return [textwrap.dedent(code) for _, code in BLOCK.findall(path.read_text("utf-8"))]


def name_of(path):
    return path.stem


@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path)], ids=name_of)
def test_every_block_is_python(path):
    for code in blocks(path):
        compile(code, path.name, "exec")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_no_python_is_shown_in_a_block_that_is_not_run(path):
    for _, code in LITERAL.findall(path.read_text("utf-8")):
        with pytest.raises(SyntaxError):
            compile(textwrap.dedent(code), path.name, "exec")


@pytest.fixture
def world(monkeypatch, tmp_path):
    """The network and the files of a page. All that it sets up for its process is taken back."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setattr(urllib.request, "_opener", None)
    monkeypatch.setattr(logging.root, "handlers", [*logging.root.handlers])
    observers, level = hyper.trace.watch.installed, logging.getLogger("hyper").level
    pool = pytest.importorskip("urllib3").HTTPSConnectionPool
    monkeypatch.setattr(pool, "ConnectionCls", pool.ConnectionCls)
    with World(monkeypatch, tmp_path) as world:
        yield world
    logging.getLogger("hyper").setLevel(level)
    if "hyper.contrib.opentelemetry" in sys.modules:
        sys.modules["hyper.contrib.opentelemetry"].uninstrument()
    for each in set(hyper.trace.watch.installed) - set(observers):
        hyper.trace.uninstall(each)
    assert world.errors == []


# A line of a shell: the command, and after two spaces what it is for.
COMMAND = re.compile(r"^ +(?:\$ )?(hyper (?!\[).*?)(?:  .*| >.*| \|.*)?$", re.MULTILINE)
SHELLS = [ROOT / "README.rst", ROOT / "docs" / "command.rst"]


@pytest.mark.parametrize("path", SHELLS, ids=name_of)
def test_the_commands_of_a_page_end_with_code_0(path, world, monkeypatch):
    found = COMMAND.findall(path.read_text("utf-8"))
    assert len(found) >= 5
    codes = {}
    for line in found:
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
        codes[line] = main(shlex.split(line)[1:])
    assert codes == dict.fromkeys(found, 0)


RUN = [path for path in PAGES if blocks(path)]


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_the_blocks_of_a_page_run_in_their_order(path, world, capsys):
    """A page may take the modules, the connection and the file of the quickstart for granted."""
    conn = hyper.HTTP20Connection("example.org", timeout=10)
    names = {"__name__": path.stem, "hyper": hyper, "http": http, "conn": conn}
    names["context"] = init_context()
    names["response"] = conn.getresponse(conn.request("GET", "/"))
    for code in [code for code in blocks(path) if not ELSEWHERE.search(code)]:
        try:
            exec(compile(code, path.name, "exec"), names)
        except ModuleNotFoundError as missing:
            if missing.name.partition(".")[0] not in OPTIONAL:
                raise
    if path.name == "README.rst":
        shown = re.search(r"It prints::\n\n((?:    .*\n)+)", path.read_text("utf-8"))[1]
        assert capsys.readouterr().out == textwrap.dedent(shown)
    conn.close()
    for name in ("conn", "session", "pool"):
        if name in names:
            names[name].close()
    names.clear()
    gc.collect()  # here, where what a page has left open does no harm
