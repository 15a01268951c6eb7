"""Run one of CPython's own test modules with hyper's classes in the place of http.client's.

    python -I test/cpython/run.py test_httplib

The module is the running interpreter's (Lib/test), and a process of its own is needed: this
repository has a package `test` too.  The module imports a stand-in as `http.client`, which
is hyper where hyper has the name, and http.client itself for what is private.  (http.client's own
code must go on to see its own classes: they name each other in `super(HTTPSConnection, self)`.)

Ends with 0 where all pass but those that exceptions.py lists, with 1 where another fails, one of
those listed passes, or hyper was not asked for anything, and with NOT_INSTALLED where the
interpreter comes without its tests.
"""

from __future__ import annotations

import functools
import http
import http.client
import importlib
import sys
import types
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NOT_INSTALLED = 77

# Behind the standard library: `test` must be CPython's, and an installed hyper goes first.
sys.path += [str(HERE), str(HERE.parent.parent)]

from exceptions import EXCEPTIONS  # noqa: E402

import hyper  # noqa: E402


class StandIn(types.ModuleType):
    """http.client for who imports it from now on; what is set on it is set on the original."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ORIGINAL, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(ORIGINAL, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(ORIGINAL, name)

    def __dir__(self) -> list[str]:
        return dir(ORIGINAL)


ORIGINAL = http.client


def stand_in() -> StandIn:
    """A module of the public names of http.client, with hyper's objects."""
    module = StandIn("http.client", http.client.__doc__)
    public = (*http.client.__all__, "HTTPMessage", "parse_headers", *http.HTTPStatus.__members__)
    for name in public:
        module.__dict__[name] = getattr(hyper, name)
    return module


def count(made: list[object], *classes: Any) -> None:
    """Note each object that is made of these classes."""
    for cls in classes:
        original = cls.__init__

        @functools.wraps(original)
        def noting(self: Any, *arguments: Any, original: Any = original, **options: Any) -> None:
            made.append(type(self))
            original(self, *arguments, **options)

        cls.__init__ = noting


class Result(unittest.TextTestResult):
    """Remembers the name of each test that passed, failed or was skipped."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.bad: dict[str, str] = {}
        self.run: set[str] = set()
        self.passed_over: set[str] = set()

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self.run.add(test.id())

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self.passed_over.add(test.id())

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self.bad[test.id()] = self.failures[-1][1]

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self.bad[test.id()] = self.errors[-1][1]

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad[test.id()] = f"{subtest}: {err[1]!r}\n"

    def printErrors(self) -> None:  # noqa: N802
        """Do nothing: what is not excepted is printed by `judge`."""


def judge(result: Result, made: int) -> int:
    """Print what a reader must know; 0 if all is as exceptions.py says."""
    surprises = {name: why for name, why in result.bad.items() if name not in EXCEPTIONS}
    stale = (result.run - result.passed_over - set(result.bad)) & set(EXCEPTIONS)
    for name, why in sorted(surprises.items()):
        print(f"\nFAILED {name}\n{why}")
    for name in sorted(stale):
        print(f"\nPASSED {name}, though exceptions.py says: {EXCEPTIONS[name]}")
    print(
        f"{len(result.run)} run, {len(result.passed_over)} skipped,"
        f" {len(result.bad) - len(surprises)} excepted, {len(surprises)} failed,"
        f" {len(stale)} stale; {made} objects of hyper's classes"
    )
    return 1 if surprises or stale or not made else 0


def main(name: str) -> int:
    """Run `test.name`."""
    try:
        support = importlib.import_module("test.support")
    except ImportError as missing:
        print(missing)
        return NOT_INSTALLED
    support.use_resources = []  # nothing that needs a network
    made: list[object] = []
    count(made, hyper.HTTPConnection, hyper.HTTPSConnection, hyper.HTTPResponse)
    sys.modules["http.client"] = http.client = stand_in()
    try:
        module = importlib.import_module(f"test.{name}")
    except ModuleNotFoundError as missing:
        print(missing)
        return NOT_INSTALLED
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0)
    return judge(runner.run(suite), len(made))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
