"""The README's first command: `python -m hyper.demo`."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


def test_tells_its_story():
    ran = run("-X", "utf8", "-m", "hyper.demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    for words in ("a promise of GET", "103", "trailer content-digest", "PING", "all as expected"):
        assert words in ran.stdout


@pytest.mark.parametrize("package", ["h2", "trustme"])
def test_without_its_packages_says_so_in_one_line(package):
    block = f"import sys, runpy; sys.modules[{package!r}] = None; "
    ran = run("-c", block + "runpy.run_module('hyper.demo', run_name='__main__')")
    assert ran.returncode == 2
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert package in line
    assert "-m pip install h2 trustme" in line


@pytest.mark.parametrize("lines", [0, 1, 8])
def test_a_reader_who_has_seen_enough(lines):
    """`python -m hyper.demo | head -1` ends without a traceback, as other programs do."""
    with subprocess.Popen(
        [sys.executable, "-X", "utf8", "-u", "-m", "hyper.demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as demo:
        for _ in range(lines):
            assert demo.stdout.readline()
        demo.stdout.close()
        errors = demo.stderr.read()
        assert demo.wait(60) != 0
    assert errors == b""
