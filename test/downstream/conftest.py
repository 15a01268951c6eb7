"""The server of the trials, and hyper's integrations, ready to be plugged into libraries.

The trials need the packages of requirements.txt, which the environment `downstream` of tox has. In
any other they are not collected.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from test.live.servers import Hypercorn

HERE = Path(__file__).parent
HAS_PACKAGES = all(importlib.util.find_spec(name) for name in ("locust", "moto", "openai"))

if not HAS_PACKAGES and os.environ.get("HYPER_DOWNSTREAM") == "1":
    raise ImportError("the packages of test/downstream/requirements.txt are not installed")

collect_ignore_glob = [] if HAS_PACKAGES else ["test_*.py"]


def tried(name, how, seen):
    """Mark a trial, for docs/works_with.rst: the library, how it is plugged in, what was seen."""
    return pytest.mark.library(name, how=how, seen=seen)


class Services(Hypercorn):
    """hypercorn, with one of this directory's applications.

    option: app, "app:app" or "aws:app".
    """

    def _command(self):
        return [*super()._command()[:-1], self.options.get("app", "app:app")]

    def _environment(self):
        more = {"PYTHONPATH": str(HERE), "HYPER_DOWNSTREAM_LOG": str(self.directory / "seen")}
        return {**os.environ, **more, "MOTO_ALLOW_NONEXISTENT_REGION": "1"}

    def seen(self) -> list[dict]:
        """Version, method, path and fields of each request since the last time."""
        path = self.directory / "seen"
        lines = path.read_text().splitlines() if path.exists() else []
        new, self.read = lines[self.read :], len(lines)
        return [json.loads(line) for line in new]

    read = 0

    @property
    def versions(self) -> set[str]:
        """The versions of HTTP of the requests since the last time."""
        return {line["version"] for line in self.seen()}


@pytest.fixture(autouse=True)
def _no_bundles(monkeypatch):
    """The authorities that a machine names for all its programs would count instead of ours."""
    for name in ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _services(certificates):
    with Services(certificates) as server:
        yield server


@pytest.fixture
def services(_services):
    """The server of app.py; nothing was asked of it yet."""
    _services.seen()
    return _services


@pytest.fixture(scope="session")
def aws(certificates):
    """moto's AWS, behind hypercorn."""
    with Services(certificates, app="aws:app") as server:
        yield server


@pytest.fixture
def session(certificates):
    """A session of requests, over HTTP/2."""
    import requests

    from hyper.contrib.requests import HTTP20Adapter

    with requests.Session() as session:
        session.trust_env = False
        session.verify = certificates.authority
        session.mount("https://", HTTP20Adapter())
        yield session


@pytest.fixture
def adapter():
    """HTTP20Adapter, for a session of a library's own."""
    from hyper.contrib.requests import HTTP20Adapter

    return HTTP20Adapter()


@pytest.fixture(params=["httpx", "httpx2"])
def httpx(request):
    """httpx, and httpx2."""
    return pytest.importorskip(request.param)


@pytest.fixture
def transport(certificates):
    """A transport of httpx's or httpx2's: `transport(httpx)`."""
    opened = []

    def make(library, **options):
        module = importlib.import_module(f"hyper.contrib.{library.__name__}")
        made = module.HTTP20Transport(verify=certificates.client_context(alpn=()), **options)
        opened.append(made)
        return made

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def client(transport):
    """A client of httpx's or httpx2's: `client(httpx)`."""
    return lambda library, **options: library.Client(
        transport=transport(library), timeout=20, **options
    )


@pytest.fixture
def manager(certificates):
    """A PoolManager of urllib3's, over HTTP/2."""
    import urllib3

    from hyper.contrib.urllib3 import POOL_CLASSES

    with urllib3.PoolManager(ca_certs=certificates.authority, timeout=20) as manager:
        manager.pool_classes_by_scheme = POOL_CLASSES
        yield manager


@pytest.fixture
def opener(certificates, monkeypatch):
    """urlopen() by an opener of hyper's."""
    from hyper.contrib.urllib import HTTP2Handler

    opener = urllib.request.build_opener(HTTP2Handler(context=certificates.hyper_context()))
    monkeypatch.setattr(urllib.request, "_opener", opener)
    return opener


@pytest.fixture
def program(certificates, tmp_path):
    """Run a program in a Python of its own, for what changes a process: `program(text, *argv)`.

    It returns what the program printed.
    """

    def run(text, *arguments):
        script = tmp_path / "program.py"
        script.write_text(text)
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent.parent),
            "AUTHORITY": certificates.authority,
            "REQUESTS_CA_BUNDLE": certificates.authority,
            "SSL_CERT_FILE": certificates.authority,
        }
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run
