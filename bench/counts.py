"""Calls and byte codes: a measure of hyper's own work that is the same on each machine.

    python -m bench.counts             # what they are now, beside what counts.json says
    python -m bench.counts --write     # put them into counts.json
    python -m bench.counts --calls get # which functions are called, and how often

Wall time and CPU time waver by ten percent where other programs run. The number of Python functions
that are called, of functions in C, of byte codes and of calls of the socket does not. Each workload
runs against a server in memory (``in_memory.py``), and ``sys.monitoring`` counts (CPython 3.12 and
later). It cannot see what a byte code or a function in C costs, so a smaller number is no proof of
speed. A larger one is a reason to look.

``test/test_counts.py`` fails if a number has grown by more than 5 % and counts.json has not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.fields import FIELDS

HERE = Path(__file__).resolve().parent
FILE = HERE / "counts.json"
PYTHON = ".".join(map(str, sys.version_info[:2]))
#: Runs of a workload before it is counted: caches are full then, and codes are specialized.
WARM_UP = 20
RUNS = 20
PIECE = 64 * 1024
MIB = 1024 * 1024


class Counts:
    """All that happens inside ``with``, apart from the work of this folder's own files."""

    def __init__(self):
        self.calls = self.c_calls = self.bytecodes = 0
        self.names = Counter()
        self._mine = str(HERE)

    def __enter__(self):
        monitoring = sys.monitoring
        events = monitoring.events
        self.tool = next(tool for tool in range(6) if monitoring.get_tool(tool) is None)
        monitoring.use_tool_id(self.tool, "counts")
        monitoring.register_callback(self.tool, events.PY_START, self._start)
        monitoring.register_callback(self.tool, events.PY_RESUME, self._start)
        monitoring.register_callback(self.tool, events.INSTRUCTION, self._instruction)
        monitoring.register_callback(self.tool, events.C_RETURN, self._c_return)
        monitoring.register_callback(self.tool, events.C_RAISE, self._c_return)
        monitoring.register_callback(self.tool, events.CALL, self._call)
        monitoring.restart_events()
        monitoring.set_events(
            self.tool, events.PY_START | events.PY_RESUME | events.INSTRUCTION | events.CALL
        )
        return self

    def __exit__(self, *_):
        sys.monitoring.set_events(self.tool, 0)
        sys.monitoring.free_tool_id(self.tool)

    def _start(self, code, _):
        if code.co_filename.startswith(self._mine):
            return sys.monitoring.DISABLE
        self.calls += 1
        self.names[f"{Path(code.co_filename).name}:{code.co_qualname}"] += 1
        return None

    def _instruction(self, code, _):
        if code.co_filename.startswith(self._mine):
            return sys.monitoring.DISABLE
        self.bytecodes += 1
        return None

    def _call(self, code, *_):
        # C_RETURN comes only where CALL is not switched off.
        return sys.monitoring.DISABLE if code.co_filename.startswith(self._mine) else None

    def _c_return(self, *_):
        self.c_calls += 1


def get(conn):
    """One request with ten fields, and a response of 200 octets."""
    conn.request("GET", "/small", headers=FIELDS)
    with conn.getresponse() as response:
        assert len(response.read()) == 200


def outstanding(conn):
    """A hundred of them at once."""
    with conn.cork():
        ids = [conn.request("GET", "/small", headers=FIELDS) for _ in range(100)]
    for stream_id in ids:
        with conn.getresponse(stream_id) as response:
            assert len(response.read()) == 200


def download(conn):
    """Sixteen MiB, in pieces of 64 KiB."""
    conn.request("GET", "/large", headers=FIELDS)
    response = conn.getresponse()
    size = 0
    while piece := response.read(PIECE):
        size += len(piece)
    assert size == 16 * MIB


def bodies(conn):
    """Ten responses of 100,000 octets, outstanding at once, each read as a whole."""
    with conn.cork():
        ids = [conn.request("GET", "/some", headers=FIELDS) for _ in range(10)]
    for stream_id in ids:
        with conn.getresponse(stream_id) as response:
            assert len(response.read()) == 100_000


def pool(conn):
    """One request as ``get``, by a Pool, whose connection goes to the same server."""
    if conn not in pools:
        import hyper

        context = conn._route._ssl_context  # noqa: SLF001 - it was made for this measure
        pools[conn] = hyper.Pool(ssl_context=context, timeout=30)
    with pools[conn].request("GET", "https://localhost/small", headers=FIELDS) as response:
        assert len(response.read()) == 200


pools = {}


def upload(conn):
    """Sixteen MiB, from memory."""
    conn.request("POST", "/", bytes(16 * MIB), headers=FIELDS)
    with conn.getresponse() as response:
        assert len(response.read()) == 200


#: Each with the size of a response, how many units it is, and what they are called.
WORKLOADS = {
    "get": (get, 200, 1, "a request"),
    "outstanding": (outstanding, 200, 100, "a request"),
    "pool": (pool, 200, 1, "a request"),
    "download": (download, 16 * MIB, 16, "a MiB"),
    "bodies": (bodies, 100_000, 10, "a response"),
    "upload": (upload, 200, 16, "a MiB"),
}


def count(name, certificates):
    """Count a workload: a Counts, and how often the socket was called, both a unit."""
    from bench.in_memory import connected

    workload, size, units, _ = WORKLOADS[name]
    conn, sock = connected(certificates, bytes(size))
    runs = max(1, RUNS // units)
    for _ in range(max(2, WARM_UP // units)):
        workload(conn)
    before = sock.calls
    with Counts() as counts:
        for _ in range(runs):
            workload(conn)
    share = runs * units
    figures = {
        "calls": round(counts.calls / share, 1),
        "c_calls": round(counts.c_calls / share, 1),
        "bytecodes": round(counts.bytecodes / share),
        "socket": round((sock.calls - before) / share, 2),
    }
    conn.close()
    return figures, {called: times / share for called, times in counts.names.most_common()}


def count_all(names=WORKLOADS):
    """{workload: figures}, and {workload: {function: calls}}."""
    from test.certificates import Certificates

    figures, calls = {}, {}
    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        for name in names:
            figures[name], calls[name] = count(name, certificates)
    return figures, calls


def known():
    """The numbers of counts.json for this Python."""
    return json.loads(FILE.read_text("utf-8")).get(PYTHON, {}) if FILE.exists() else {}


def write(figures):
    """Put figures of this Python into counts.json, one line a workload."""
    everything = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    everything.setdefault(PYTHON, {}).update(figures)
    parts = []
    for version, workloads in sorted(everything.items()):
        lines = [f'    "{name}": {json.dumps(workloads[name])}' for name in workloads]
        parts.append(f'  "{version}": {{\n' + ",\n".join(lines) + "\n  }")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def main():
    """Print, and write if it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("names", nargs="*", default=list(WORKLOADS))
    options = parser.parse_args()
    figures, calls = count_all(options.names)
    if options.json:
        print(json.dumps(figures))
        return
    before = known()
    for name, now in figures.items():
        print(f"{name:>12}, {WORKLOADS[name][3]:<11}", end="")
        for kind, number in now.items():
            print(f" {number:>8g} {kind} ({before.get(name, {}).get(kind, '-')})", end="")
        print()
        if options.calls:
            for called, times in calls[name].items():
                print(f"{times:12.2f} {called}")
    if options.write:
        write(figures)


if __name__ == "__main__":
    main()
