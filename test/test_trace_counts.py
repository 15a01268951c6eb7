"""A trace that is off costs nothing; one that counts frames costs about the work itself at most.

Python calls and byte codes are counted as in ``test_counts.py``, against a server in memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(
    not hasattr(sys, "monitoring") or sys.implementation.name != "cpython",
    reason="sys.monitoring counts, of CPython 3.12 and later",
)

SCRIPT = """
import json, tempfile
from pathlib import Path
from bench import counts
from hyper import trace
from test.certificates import Certificates

class Frames:
    count = 0
    def __call__(self, event):
        self.count += 1

NAMES = "get", "bodies", "download", "upload"
frames, found = Frames(), []
with tempfile.TemporaryDirectory() as directory:
    certificates = Certificates(Path(directory))
    for is_on in (False, True, False):
        if is_on:
            trace.install(frames)
        found.append({name: counts.count(name, certificates)[0] for name in NAMES})
        trace.uninstall(frames)
assert frames.count > 100
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def counted():
    plain = ("HYPER_TLS", "HYPER_HPACK", "PYTHONDEVMODE", "PYTHONWARNINGS", "SSLKEYLOGFILE")
    env = {name: value for name, value in os.environ.items() if name not in plain}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_trace_that_is_off_costs_nothing_at_all(counted):
    never, _, afterwards = counted
    assert afterwards == never


@pytest.mark.parametrize("workload", ["get", "bodies", "download", "upload"])
def test_counting_frames_costs_no_more_than_the_work_and_a_quarter(counted, workload):
    """An upload's frames cost hyper less than it costs to tell of them: 2.0 to 2.1 of the work."""
    off, on, _ = (each[workload] for each in counted)
    assert on["calls"] <= 2 * off["calls"]
    assert on["bytecodes"] <= 2.25 * off["bytecodes"]
