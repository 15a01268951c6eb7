"""hyper does not do more for a request than bench/counts.json says: Python calls, C calls, byte
codes and system calls, counted against a server in memory, so that no other program disturbs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KNOWN = json.loads((ROOT / "bench" / "counts.json").read_text("utf-8"))
PYTHON = ".".join(map(str, sys.version_info[:2]))
#: A change of less than this part is not worth a change of the file.
TOLERATED = 1.05

pytestmark = pytest.mark.skipif(
    PYTHON not in KNOWN or sys.implementation.name != "cpython",
    reason=f"counts.json has no numbers of this Python: {', '.join(KNOWN)} alone",
)


@pytest.fixture(scope="module")
def now():
    # Neither another backend nor the checks of development count.
    plain = ("HYPER_TLS", "HYPER_HPACK", "PYTHONDEVMODE", "PYTHONWARNINGS", "SSLKEYLOGFILE")
    env = {name: value for name, value in os.environ.items() if name not in plain}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "bench.counts", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("workload", KNOWN.get(PYTHON, ()))
def test_no_count_has_grown_unnoticed(now, workload):
    known = KNOWN[PYTHON][workload]
    grown = {
        kind: f"{number:g}, not {known[kind]:g}"
        for kind, number in now[workload].items()
        if number > known[kind] * TOLERATED
    }
    assert not grown, (
        f"{workload} does more than before: python -m bench.counts --calls {workload} shows what;"
        " if it is worth that, python -m bench.counts --write, and say why in the commit"
    )


def test_each_workload_is_in_the_file(now):
    assert set(now) == set(KNOWN[PYTHON])
