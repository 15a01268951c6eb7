"""The table of rules: ``python -m test.rules.page`` writes docs/rules.rst from ``musts.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "rules.rst"

HEAD = """\
Rules and their tests
=====================

RFC 9113 (HTTP/2), RFC 7541 (HPACK) and RFC 9110 (HTTP) say of many things that a client MUST or
MUST NOT do them. These are the rules for a client, each with the tests that keep it. A test of the
suite fails if a rule has no test, or names one that is not there. Rules for servers and
intermediaries are not here. The sizes of keys, the curves and the suites of RFC 9113, 9.2.1 and
9.2.2 are kept by the TLS library.

This page is made by ``python -m test.rules.page`` from ``test/rules/musts.txt``. Names of files are
below ``test/``. A name in quotation marks is a line of a table in that file.
"""


class Rule(NamedTuple):
    """One rule, and [(file, name of a test or, in quotation marks, of a line)]."""

    rfc: str
    section: str
    words: str
    tests: list[tuple[str, str]]


def rules() -> list[Rule]:
    """The rules in the order of the file."""
    found = []
    files: dict[str, str] = {}
    for line in (HERE / "musts.txt").read_text("utf-8").splitlines():
        if line.startswith("# ") and line[3:6] == " = ":
            files[line[2]] = line[6:]
        if not line or line.startswith("#"):
            continue
        place, words, named = line.split(" | ")
        rfc, _, section = place.partition(" ")
        tests = [each.strip().partition(" ") for each in named.split("; ")]
        found.append(
            Rule(rfc, section, words, [(files.get(file, file), name) for file, _, name in tests])
        )
    return found


def page() -> str:
    """docs/rules.rst."""
    lines = [HEAD]
    for rfc in ("9113", "7541", "9110"):
        title = f"RFC {rfc}"
        lines += [title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1"]
        lines += ["   :widths: 10 40 50", "", "   * - Section", "     - Rule", "     - Tests"]
        for rule in rules():
            if rule.rfc == rfc:
                tests = "; ".join(f"``{file}``: {shown(name)}" for file, name in rule.tests)
                lines += [f"   * - {rule.section}", f"     - {rule.words}", f"     - {tests}"]
        lines.append("")
    return "\n".join(lines)


def shown(name: str) -> str:
    return name if name.startswith('"') else f"``{name}``"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
