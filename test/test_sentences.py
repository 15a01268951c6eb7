"""Sentences that a reader has to read once, in hyper's docstrings and comments, and in the docs.

The rules, each with the reason that a message gives:

* A sentence begins with its subject or its verb, not with a headless Who, What, Where, Of, Nor.
* Nothing "is none", and nobody is given "leave".
* The docstring of a function that does nothing is "Do nothing: <why>", that of a predicate
  (is_, has_, may_, should_) is "True if ...".
* A paragraph has one semicolon at most.

RATCHET names the files that are not held to them yet. It only ever gets shorter::

    python -m test.test_sentences             # what is found, by file, and which entries can go
    python -m test.test_sentences hyper/x.py  # each sentence of these files
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# One file a line, so that two people may each take some away.
RATCHET: set[str] = set()

PYTHON = sorted((ROOT / "hyper").rglob("*.py"))
PAGES = [*sorted((ROOT / "docs").glob("*.rst")), ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"]
PAGES += [ROOT / "test" / "README.rst"]
FILES = [str(path.relative_to(ROOT)) for path in [*PYTHON, *PAGES] if path.exists()]

HEADLESS = re.compile(r"(Who|Whoever|Whom|Whose|What|Of|Nor)\b")
HEADLESS_CLAUSE = re.compile(r"Where\b[^,]*$")  # with a comma it is a clause: Where X, Y
NONE = re.compile(r"(?<!\bthere )\b(is|are) none\b(?! of\b)")
LEAVE = re.compile(r"\b(gives?|gave|given|asks?|asked|has|have|had|by|without|needs?) leave\b")
NOTHING = re.compile(r"Nothing\b[^.,:]{0,12}:")
SEMICOLON = re.compile(r";(?=\s|$)")

# What is no prose: literals, quotations, and references like (RFC 9113, 5.2; RFC 9110, 8.4).
LITERALS = re.compile(r'``.*?``|`[^`]*`|"[^"]*"|\([^()]*\d[^()]*\)|RFC \d+(, [\d.]+)?;?')
SENTENCE_END = re.compile(r"(?<=[.!?])[\")]*\s+(?=[A-Z])")
LIST_ITEM = re.compile(r"\s*([*-]|#\.|\d+\.|\*{0,2}[\w.]+(, [\w.]+)*( \([^)]*\))?:)\s")
TABLE = re.compile(r"={2,} +=")
NO_PROSE = re.compile(r"(noqa|type:|ruff:|pragma|fmt:|-{3,}|={3,}|!)")

PREDICATE = re.compile(r"_?(is|has|may|should)_")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def paragraphs(text):
    """The paragraphs of a docstring or a page, each item of a list for itself, without literals."""
    found, current, literal = [], [], None
    for line in [*text.split("\n"), ""]:
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indent <= literal:
            literal = None
        is_prose = (
            line.strip() and literal is None and not line.lstrip().startswith(("..", "|", "+"))
        )
        if current and (not is_prose or LIST_ITEM.match(line)):
            found.append(" ".join(current))
            current = []
        if is_prose:
            current.append(line.strip())
        if (
            literal is None
            and line.strip()
            and (line.rstrip().endswith("::") or line.lstrip().startswith(".. "))
        ):
            literal = indent
    return found


def comments(source):
    """Comments: consecutive lines of their own are one text, one beside code is another."""
    block = []
    for line in [*source.split("\n"), ""]:
        own = re.match(r"\s*#:? ?(.*)", line)
        if own and not NO_PROSE.match(own[1]):
            block.append(own[1])
            continue
        if block:
            yield "\n".join(block)
            block = []
        beside = re.search(r"\S  #:? (.*)", line)
        if beside and not own and not NO_PROSE.match(beside[1]):
            yield beside[1]


def faults_of_text(text):
    """(rule, sentence) for each sentence of prose that breaks a rule."""
    for paragraph in paragraphs(text):
        if TABLE.match(paragraph):
            continue
        prose = LITERALS.sub("X", paragraph)
        item = LIST_ITEM.match(prose)
        prose = prose[item.end() :] if item else prose
        for sentence in SENTENCE_END.split(prose):
            is_question = sentence.rstrip('")').endswith("?")
            if (HEADLESS.match(sentence) or HEADLESS_CLAUSE.match(sentence)) and not is_question:
                yield "begin with the subject or the verb", sentence
            if NONE.search(sentence):
                yield "say what it is, not that it 'is none'", sentence
            if LEAVE.search(sentence):
                yield "say 'may' or 'allows', not 'leave'", sentence
        if len(SEMICOLON.findall(prose)) > 1:
            yield "one semicolon a paragraph", paragraph


def faults_of_docstring(node, docstring):
    if NOTHING.match(docstring):
        yield "write 'Do nothing: <why>'", docstring.split("\n", 1)[0]
    is_predicate = isinstance(node, FUNCTIONS) and PREDICATE.match(node.name)
    if is_predicate and not docstring.startswith("True if "):
        yield f"the docstring of {node.name} begins 'True if'", docstring.split("\n", 1)[0]
    yield from faults_of_text(docstring)


def faults(name):
    source = (ROOT / name).read_text("utf-8")
    if not name.endswith(".py"):
        yield from faults_of_text(source)
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)):
            docstring = ast.get_docstring(node)
            if docstring:
                yield from faults_of_docstring(node, docstring)
    for comment in comments(source):
        yield from faults_of_text(comment)


@pytest.mark.parametrize("name", [name for name in FILES if name not in RATCHET])
def test_sentences_are_plain(name):
    found = [f"{rule}: {sentence}" for rule, sentence in faults(name)]
    assert not found, "\n".join([f"{name}:", *found])


def test_the_ratchet_names_files_that_are_there():
    """A file that has moved takes its entry along."""
    assert set(FILES) >= RATCHET


TESTS = sorted((ROOT / "test").rglob("test_*.py"))


def test_a_test_s_name_stands_alone():
    """In a report nobody sees the class around it, or the test before it."""
    unclear = re.compile(r"def (test_(?:of|nor|who|whoever)_\w+|test_\w+_(?:does|do|is|are)_too)\(")
    found = {
        str(path.relative_to(ROOT)): unclear.findall(path.read_text("utf-8")) for path in TESTS
    }
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Who waits, reads for all.", 1),
        ("The leader reads. Who waits, parks.", 1),
        ("Who reads? The leader.", 0),
        ("Where the server allows, it is pushed.", 0),
        ("Where it is looked for.", 1),
        ("A name that is none is refused.", 1),
        ("The length, or None if there is none.", 0),
        ("A request needs leave of the peer.", 1),
        ("Leave the rest to the caller. They leave.", 0),
        ("One; two (RFC 9113, 5.2; RFC 9110, 8.4).", 0),
        ("One; two; three ``a; b; c``.", 1),
        ("Code::\n\n    What; is; this\n\nThe end.", 0),
        ("Args:\n    a: one; two.\n    b: three; four.", 0),
        ("Raises:\n    A, B: one; two.\n    C, D, E: three; four.", 0),
    ],
)
def test_the_rules_find_what_they_mean(text, count):
    assert len(list(faults_of_text(text))) == count


def main(names):
    for name in names or FILES:
        found = list(faults(name))
        if found or name in RATCHET:
            print(f"{len(found):4} {name}" + ("" if found else "  (take it out of RATCHET)"))
        if names:
            for rule, sentence in found:
                print(f"       {rule}: {sentence[:160]}")


if __name__ == "__main__":
    main(sys.argv[1:])
