"""The fixture `http2_server`: it is there where it is asked for, and what scripts find is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

TESTS = """
import hyper

def once(peer, code):
    peer.handshake()
    peer.want_request()
    peer.write_response(1, b"content")
    peer.want_goaway(code)

def read(server):
    with hyper.HTTP20Connection(server.host, server.port, secure=False) as connection:
        return connection.getresponse(connection.request("GET", "/")).read()

def test_all_is_well(http2_server):
    assert read(http2_server(lambda peer: once(peer, 0), tls=False)) == b"content"

def test_the_script_fails(http2_server):
    assert read(http2_server(lambda peer: once(peer, 1), tls=False)) == b"content"

def test_the_test_fails(http2_server):
    assert read(http2_server(lambda peer: once(peer, 0), tls=False)) == b"other"
"""
ASKED = 'pytest_plugins = ["hyper.testing.pytest_plugin"]'


def ran(directory, conftest):
    """The words of a run of pytest in another directory, as a user has one."""
    (directory / "conftest.py").write_text(conftest)
    (directory / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_it.py"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def test_scripts_and_tests_fail_for_each_other(tmp_path):
    out = ran(tmp_path, ASKED)
    assert "PASSED test_it.py::test_all_is_well" in out
    assert "FAILED test_it.py::test_the_script_fails" in out
    assert "wanted GOAWAY with PROTOCOL_ERROR, got <GOAWAY" in out
    assert "FAILED test_it.py::test_the_test_fails" in out
    assert "scripted server" in out
    assert "    :path: /" in out


def test_the_plugin_is_loaded_only_where_it_is_asked_for(tmp_path):
    out = ran(tmp_path, "")
    assert "fixture 'http2_server' not found" in out
    assert "3 errors" in out
