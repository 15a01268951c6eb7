"""Programs, and what changes a whole process: each in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from test.downstream.conftest import tried


def test_httpie_finds_the_plugin():
    found = entry_points(group="httpie.plugins.transport.v1")
    if "hyper" not in found.names:
        pytest.skip("hyper is not installed, but lies on PYTHONPATH")
    assert found["hyper"].value == "hyper.contrib.httpie:HTTP2Plugin"


@tried("httpie", "a plugin that it finds by itself", "JSON, redirects to a file, --verify, --ssl")
def test_httpie(services, certificates, tmp_path):
    """Where hyper is not installed, the plugin is registered by hand."""
    program = (
        "import sys\n"
        "from httpie.plugins.registry import plugin_manager\n"
        "from httpie.core import main\n"
        "from hyper.contrib.httpie import HTTP2Plugin\n"
        "plugin_manager.load_installed_plugins = lambda *_: plugin_manager.register(HTTP2Plugin)\n"
        "sys.exit(main(['http', *sys.argv[1:]]))\n"
    )

    def http(*arguments):
        environment = {**os.environ, "HTTPIE_CONFIG_DIR": str(tmp_path), "PYTHONPATH": ROOT}
        common = ["--ignore-stdin", f"--verify={certificates.authority}"]
        command = [sys.executable, "-c", program, *common, *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=60, check=False, cwd=tmp_path
        )
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    code, text = http("--print=hb", services.url("/echo"), "a=1")
    assert (code, text.split()[0]) == (0, "HTTP/2.0")
    assert '{"a": "1"}' in text
    code, _ = http("--ssl=tls1.2", "--download", "--output=file", services.url("/bytes"), "a=1")
    assert services.versions == {"2"}
    code, text = http("--ssl=tls1.2", "--ciphers=AES128-SHA", services.url("/seen"))
    assert code == 1
    assert "ssl" in text.lower()


ROOT = str(Path(__file__).parent.parent.parent)

LOCUST = """
from locust import HttpUser, constant, task
from locust.env import Environment
import gevent, os, sys
from hyper.contrib.requests import HTTP20Adapter

class User(HttpUser):
    host = sys.argv[1]
    wait_time = constant(0)

    def on_start(self):
        self.client.mount("https://", HTTP20Adapter())
        self.client.verify = os.environ["AUTHORITY"]

    @task
    def ask(self):
        self.client.get("/seen")

environment = Environment(user_classes=[User])
runner = environment.create_local_runner()
runner.start(4, spawn_rate=4)
while environment.stats.total.num_requests < 20:
    gevent.sleep(0.05)
runner.quit()
print(environment.stats.total.num_failures)
"""


@tried("locust", 'self.client.mount("https://", HTTP20Adapter())', "four users, no failure")
def test_locust(services, program):
    assert program(LOCUST, services.url("")).strip() == "0"
    assert services.versions == {"2"}


GEVENT = """
from gevent import monkey
monkey.patch_all()
import json, os, sys, gevent, requests
import hyper
from hyper.contrib.requests import HTTP20Adapter

session = requests.Session()
session.mount("https://", HTTP20Adapter())
context = hyper.tls.init_context(os.environ["AUTHORITY"])
connection = hyper.HTTP20Connection("localhost", int(sys.argv[1]), ssl_context=context)

def native():
    answer = connection.getresponse(connection.request("GET", "/seen"))
    return json.loads(answer.read())["version"]

def by_requests():
    answer = session.get(f"https://localhost:{sys.argv[1]}/seen", verify=os.environ["AUTHORITY"])
    return answer.json()["version"]

jobs = [gevent.spawn(each) for each in [native, by_requests] * 10]
gevent.joinall(jobs, raise_error=True)
print({job.value for job in jobs})
"""


@tried("gevent", "monkey.patch_all()", "twenty greenlets on two connections")
def test_gevent(services, program):
    assert program(GEVENT, str(services.port)).strip() == "{'2'}"
