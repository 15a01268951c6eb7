"""Make docs/works_with.rst of the trials in test/downstream.

    python tools/make_works_with.py

Each trial has a mark, `tried(library, how, seen)`. The versions are those of requirements.txt.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
TRIALS = ROOT / "test" / "downstream"
PAGE = ROOT / "docs" / "works_with.rst"

HEAD = """\
.. Made by tools/make_works_with.py of the trials in test/downstream; do not edit.

Works with
==========

hyper works beneath {count} packages, as far as this table tells. Each row is a test, which runs
against a live server over HTTP/2 with this version of the package (``tox -e downstream``). Unless
the last column says something else, the server has seen HTTP/2. :doc:`integrations` has the classes
that the middle column names.

"""

#: with what, and what happens
FAILS = {
    "httpx's and httpx2's ``AsyncClient``; mcp, kalyke, aioapns": """
        hyper blocks. An ``AsyncClient`` raises a ``TypeError`` that says what to do, for example to
        run a ``Client`` by ``asyncio.to_thread``.""",
    "``CacheControl(session)``": """
        It mounts its own adapter over hyper's, and speaks HTTP/1.1. Give ``adapter_class``, or
        mount a class of both.""",
    "vcrpy, respx and pook, with ``HTTP20Connection`` or ``Pool``": """
        They do not know these classes, and record and mock nothing of them: the real server is
        asked. Inside a cassette of vcrpy, the logger ``hyper`` warns.""",
    "requests-toolbelt's ``TCPKeepAliveAdapter``": """
        HTTP/1.1, as the logger ``hyper`` says: only urllib3 knows its options. hyper's connections
        have TCP's keep-alive anyway.""",
    "New Relic's agent, with requests": """
        HTTP/1.1, as the logger ``hyper`` says: it replaces ``_make_request`` of urllib3's pools.
        Its traces are whole. httpx, urllib3 and the drop-in classes speak HTTP/2 beneath it.""",
    "wsgi_intercept, with hyper's own classes": """
        It replaces http.client's classes, and does not know these: the real server is asked.""",
    "httpretty": "It fails with urllib3 2 in any case.",
    "pip, poetry": "They have their own copies of requests and urllib3.",
    "docker's SDK": "It speaks HTTP/1.1 over a Unix socket, with an adapter of its own.",
}


class Row(NamedTuple):
    """One trial."""

    library: str
    version: str
    how: str
    seen: str


def versions() -> dict[str, str]:
    """{name in lower case: version} of the requirements."""
    text = (TRIALS / "requirements.txt").read_text("utf-8")
    pairs = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def rows() -> list[Row]:
    """Read the marks of the trials, by the library's name."""
    known, found = versions(), set()
    for path in sorted(TRIALS.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "tried":
                    name, how, seen = (ast.literal_eval(each) for each in mark.args)
                    found.add(Row(name, known[name.lower().replace("_", "-")], how, seen))
    return sorted(found, key=lambda row: (row.library.lower(), row.how))


def page() -> str:
    """Give the text of the page."""
    table = rows()
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 24 10 38 28",
        "",
        *(
            "   * - library",
            "     - version",
            "     - how it is plugged in",
            "     - what was tried",
        ),
    ]
    for row in table:
        lines += [
            f"   * - {row.library}",
            f"     - {row.version}",
            f"     - ``{row.how}``" if re.search(r"[=_(]", row.how) else f"     - {row.how}",
            f"     - {row.seen}",
        ]
    count = len({row.library for row in table})
    lines += ["", "Does not work", "-------------", "", ".. list-table::", "   :header-rows: 1"]
    lines += ["   :widths: 35 65", "", "   * - with", "     - what happens"]
    for name, words in FAILS.items():
        lines += [f"   * - {name}", f"     - {' '.join(words.split())}"]
    return HEAD.format(count=count) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
