"""Which modules a program loads: a count wavers on no machine, and time does.

A module that is not needed is a millisecond in three. If a number here grows, say in the commit
what the program gets for it; if it shrinks, write the smaller one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hyper.testing import Server

ROOT = Path(__file__).resolve().parent.parent

#: All of hyper that ``import hyper`` loads: the exceptions, and http.client's names and classes.
AT_ONCE = {"hyper", "hyper.dropin", "hyper.dropin.bases", "hyper.errors"}

#: Modules of hyper's that one GET has loaded when its content was read.
FIRST_GET = 73

#: Modules of others that ``http.client`` and ``ssl`` do not load, and a GET does. One that leaves
#: accept-encoding to hyper loads the packages of br and zstd as well, if they are installed.
OF_OTHERS = {"__future__", "_weakrefset", "contextlib", "threading", "zlib"}

#: Rooms and modules that a plain request to a server has no need of.
NOT_NEEDED = (
    *("hyper.cli", "hyper.contrib", "hyper.demo", "hyper.pool", "hyper.proxies", "hyper.proxy"),
    *("hyper.client.content_codings", "hyper.client.push", "hyper.client.putrequest"),
    *("hyper.client.stats", "hyper.client.stream", "hyper.client.traced", "hyper.client.tunnel"),
    *("hyper.http1", "hyper.protocol.priorities", "hyper.trace"),
    *("hyper.dropin.connection", "hyper.hpack.nghttp2", "hyper.tls", "hyper.testing"),
    *("hyper.transport.tls.pinned", "hyper.transport.tls.pyopenssl"),
)

GET = """
conn = hyper.HTTP20Connection("127.0.0.1", int(sys.argv[1]), secure=False, timeout=60)
conn.request("GET", "/", headers={"accept-encoding": "gzip"})
assert conn.getresponse().read() == b"GET /\\n"
"""


def loaded(program, *arguments):
    """The modules that a program loads beyond http.client and ssl."""
    script = (
        f"import sys, json, http.client, ssl\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"before = set(sys.modules)\n{program}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    # Another backend has modules of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("HYPER_")}
    command = [sys.executable, "-I", "-c", script, *arguments]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


def test_import_hyper_loads_no_more_than_the_exceptions_and_http_clients_names():
    assert loaded("import hyper") <= AT_ONCE | {"__future__"}


@pytest.fixture(scope="module")
def first_get():
    """The modules that a program has loaded after one GET."""
    if sys.implementation.name != "cpython":
        pytest.skip("PyPy's own library loads other modules")
    with Server(tls=False) as server:
        return loaded(f"import hyper\n{GET}", str(server.port))


def test_the_first_get_loads_no_more_modules_of_hypers_than_known(first_get):
    ours = sorted(name for name in first_get if name.partition(".")[0] == "hyper")
    assert len(ours) <= FIRST_GET, ours


def test_the_first_get_loads_next_to_nothing_of_others(first_get):
    found = {name for name in first_get if name.partition(".")[0] != "hyper"}
    assert found <= OF_OTHERS


def test_the_first_get_loads_nothing_that_only_other_programs_need(first_get):
    assert {name for name in NOT_NEEDED if name in first_get} == set()


@pytest.mark.parametrize("name", ["fields", "hpack", "trace"])
def test_public_modules_are_attributes_of_hyper_without_an_import_of_their_own(name):
    program = f"import hyper\nassert hyper.{name}.__name__ == 'hyper.{name}'"
    assert f"hyper.{name}" in loaded(program)


@pytest.mark.parametrize("name", ["fields", "hpack", "trace"])
def test_public_modules_can_be_taken_from_hyper(name):
    assert f"hyper.{name}" in loaded(f"from hyper import {name}")


LATE_WATCHERS = {
    "an observer": "seen = []\nhyper.trace.install(seen.append)\n",
    "the log": (
        "import logging\nseen = []\nlogging.basicConfig(level=logging.DEBUG)\n"
        "logging.getLogger('hyper').addFilter(lambda record: seen.append(record))\n"
    ),
}


@pytest.mark.parametrize("watcher", LATE_WATCHERS.values(), ids=LATE_WATCHERS)
def test_an_observer_that_comes_after_a_first_request_is_told_of_the_next_connection(watcher):
    with Server(tls=False) as server:
        loaded(f"import hyper\n{GET}{watcher}{GET}assert seen", str(server.port))
