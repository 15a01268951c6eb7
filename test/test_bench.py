"""``python -m bench`` makes ratios of the same round, and shows them. No server is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import environments, null, report, table

ROOT = Path(__file__).resolve().parent.parent


def figure(seconds, wall=1.0):
    return {"user": seconds * 0.75, "system": seconds * 0.25, "wall": wall}


def test_a_ratio_is_to_the_floor_of_the_same_round():
    """The second round was on a machine half as fast, for both of them."""
    figures = {"floor": [figure(1.0), figure(2.0)], "hyper": [figure(1.5), figure(3.0, wall=2.0)]}
    found = table.summary("sequential", figures, 1000)
    assert found["hyper"]["cpu_ratio"] == found["hyper"]["cpu_most"] == 1.5
    assert found["hyper"]["wall_ratio"] == 1.5
    assert found["hyper"]["microseconds"] == 2250.0
    assert list(found) == ["floor", "hyper"]


def test_without_a_floor_there_is_no_ratio():
    assert table.summary("sequential", {"hyper": [figure(1.0)]}) == {}


def test_a_report_names_each_client_in_markdown_and_in_the_plot():
    workloads = {
        "sequential": table.summary(
            "sequential", {"floor": [figure(1.0)], "hyper": [figure(2.5)]}, 1000
        )
    }
    found = {"device": table.device(), "rounds": 1, "versions": {}, "workloads": workloads}
    assert re.search(r"\| hyper +\| 2\.50 \|", report.markdown(found))
    plot = ET.fromstring(report.svg(found))
    words = [element.text for element in plot.iter() if element.text]
    assert {"floor", "hyper", "2.50"} <= set(words)


def test_a_client_whose_environment_is_not_there_has_no_python():
    assert environments.python_of("pycurl", environments.Path("/nowhere")) is None


def test_the_library_s_own_work_is_a_whole_request():
    """The null transports give all of the content, without a network."""
    requests, httpx = pytest.importorskip("requests"), pytest.importorskip("httpx")
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", null.adapter(b"content"))
        response = session.get("https://nowhere.invalid/")
        assert (response.status_code, response.content) == (200, b"content")
    with httpx.Client(transport=null.transport(httpx, b"content"), trust_env=False) as client:
        response = client.get("https://nowhere.invalid/")
        assert (response.status_code, response.content) == (200, b"content")


def test_a_request_is_measured_after_a_sleep_and_without_one():
    """In a process of its own: the measure replaces the clock and the way to the server."""
    pytest.importorskip("cryptography")  # the certificates
    command = [sys.executable, "-m", "bench.asleep", "--count", "2", "--microseconds", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r": +\d+\.\d us", done.stdout)) == 3
