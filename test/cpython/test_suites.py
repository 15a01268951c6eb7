"""CPython's own tests of http.client and of its users, with hyper's classes in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parent / "run.py"
NOT_INSTALLED = 77  # as in run.py
DEADLINE = 240  # seconds: some of these tests wait for timeouts of their own


@pytest.mark.live
@pytest.mark.parametrize("name", ["test_httplib", "test_urllib2_localnet", "test_xmlrpc"])
def test_cpythons_own_suite_passes_with_hyper_in_the_place_of_http_client(name):
    if sys.implementation.name != "cpython":
        pytest.skip(f"{name} of {sys.implementation.name} is not CPython's")
    done = subprocess.run(
        [sys.executable, "-I", str(RUN), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=DEADLINE,
        check=False,
    )
    if done.returncode == NOT_INSTALLED:
        pytest.skip(f"this Python comes without Lib/test: {done.stdout.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout
