"""Sentences that a reader has to read once: docstrings, comments, messages, and the docs.

The rules, each with the reason that a message gives:

* A sentence begins with its subject or its verb, not with a headless Who, What, Where, Of, Nor.
* Nothing "is none", nobody is given "leave", and a reason begins with "because", not with "for".
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

FOLDERS = ("hyper", "test", "bench", "tools", "examples")
PYTHON = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
PAGES = [*sorted((ROOT / "docs").glob("*.rst")), ROOT / "README.rst", ROOT / "CONTRIBUTING.rst"]
PAGES += [ROOT / "SECURITY.rst", ROOT / "test" / "README.rst"]
FILES = [str(path.relative_to(ROOT)) for path in [*PYTHON, *PAGES] if path.exists()]

HEADLESS = re.compile(r"(Who|Whoever|Whom|Whose|What|Of|Nor)\b")
# "Where X, Y is" is a sentence.
HEADLESS_CLAUSE = re.compile(r"Where\b([^,]*$|[^,]*, (and|or) where\b|[^,]*:)")
NONE = re.compile(r"(?<!\bthere )\b(is|are) none\b(?! of\b)")
LEAVE = re.compile(r"\b(gives?|gave|given|asks?|asked|has|have|had|by|without|needs?) leave\b")
BECAUSE = re.compile(
    r"[,;] for (it|they|there|each|both|nobody|((the|an?|its|their) )?\w+)"
    r" (is|are|was|were|would|has|have|may|must|can|cannot|does|do|takes|listens|offers)\b"
)
NOTHING = re.compile(r"Nothing\b[^.,:]{0,12}:")
SEMICOLON = re.compile(r";(?=\s|$)")

# No prose: literals, quotations, and references like (RFC 9113, 5.2; RFC 9110, 8.4).
LITERALS = re.compile(
    r'^(\d+(\.\d+)*[;,:] ?)+|``.*?``|`[^`]*`|"[^"]*"|\([^()]*\d[^()]*\)|RFC \d+(, [\d.]+)?;?'
)
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
            if BECAUSE.search(sentence):
                yield "say 'because', not 'for'", sentence
        if len(SEMICOLON.findall(prose)) > 1:
            yield "one semicolon a paragraph", paragraph


def faults_of_docstring(node, docstring):
    if NOTHING.match(docstring):
        yield "write 'Do nothing: <why>'", docstring.split("\n", 1)[0]
    is_predicate = isinstance(node, FUNCTIONS) and PREDICATE.match(node.name)
    if is_predicate and not docstring.startswith("True if "):
        yield f"the docstring of {node.name} begins 'True if'", docstring.split("\n", 1)[0]
    yield from faults_of_text(docstring)


def messages(tree):
    """The messages of exceptions and warnings: what is raised, or made by a function to be raised.

    A part that is filled in is an X, and so is the beginning, which is no sentence's.
    """
    for call in ast.walk(tree):
        for node in call.args if isinstance(call, ast.Call) else ():
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            words = [part.value if isinstance(part, ast.Constant) else "X" for part in parts]
            text = "".join(word for word in words if isinstance(word, str))
            if text.count(" ") > 3:
                yield text[:1].upper() + text[1:]


def faults(name):
    source = (ROOT / name).read_text("utf-8")
    if not name.endswith(".py"):
        yield from faults_of_text(source)
        return
    tree = ast.parse(source)
    for text in messages(tree) if name.startswith("hyper/") else ():
        yield from faults_of_text(text)
    for node in ast.walk(tree):
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
        ("Where it begins, and where it ends.", 1),
        ("Where it goes: an origin, and a target.", 1),
        ("A name that is none is refused.", 1),
        ("The length, or None if there is none.", 0),
        ("A request needs leave of the peer.", 1),
        ("It is refused, for it is too long.", 1),
        ("It waits, for the answer may come.", 1),
        ("An object like a file, for both directions.", 0),
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
