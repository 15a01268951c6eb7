"""Rounds of all clients against servers on another processor, and the ratios to the floor.

A machine that others use as well is not the same from one minute to the next. So the clients take
turns, each in a process of its own, and each figure is divided by the floor's of the same round.
The median of these ratios is what the table shows.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import platform
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench import clients, environments

ROOT = Path(__file__).resolve().parent.parent

#: Each workload: how often its step is taken, the file that it gets, what its figure is per, and
#: what the ratio is to.
WORKLOADS = {
    "sequential": (1000, "/small", "request", "floor"),
    "outstanding": (4000, "/small", "request", "floor"),
    "threads": (1000, "/small", "request", "floor"),
    "download": (1, "/large", "download", "floor"),
    "upload": (1, "/small", "upload", "floor"),
    "bodies": (500, "/some", "response", "floor"),
    "requests": (1000, "/ten", "request", "requests"),
    "requests16": (1600, "/ten", "request", "requests"),
    "httpx": (1000, "/ten", "request", "httpx"),
    "httpx16": (1600, "/ten", "request", "httpx"),
    "import": (1, "", "process", "http.client"),
    "first": (1, "/small", "process", "http.client"),
}

#: Workloads of which nginx serves all clients: in HTTP/1.1 and in HTTP/2.
AT_NGINX = {"requests", "requests16", "httpx", "httpx16"}

#: Seconds after which a client that has not done its work is left out.
PATIENCE = 120

#: A script that does nothing but import, for each client that can be compared so.
IMPORTS = {
    "http.client": "import http.client, ssl",
    "hyper": "import hyper",
    "pycurl": "import pycurl",
    "primp": "import primp",
    "pyreqwest": "from pyreqwest.client import SyncClientBuilder",
    "curl_cffi": "import curl_cffi.requests",
    "httpx": "import httpx",
    "httpx2": "import httpx2",
    "niquests": "import niquests",
    "requests": "import requests",
    "urllib3": "import urllib3",
}
#: The same with one GET: the class of clients.py that does it.
FIRST = "import sys; sys.path.insert(0, {root!r}); from bench.clients import *\n"
FIRST += "CLIENTS[{name!r}]({port}, ssl.create_default_context(cafile=os.environ['AUTHORITY']))"
FIRST += ".sequential(1)"


@contextlib.contextmanager
def servers():
    """Start nghttpd, and nginx for HTTP/1.1, on the first processor."""
    from test.certificates import Certificates
    from test.live.servers import Nghttpd, Nginx

    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        files = {
            "small": b"x" * clients.SMALL,
            "ten": b"x" * clients.TEN,
            "some": b"x" * clients.SOME,
            "large": bytes(clients.MEBIBYTES << 20),
        }
        # Windows that no upload of ours fills, so that the client's work is measured alone.
        wide = ["--window-bits=30", "--connection-window-bits=30"]
        with (
            Nghttpd(certificates, files=files, arguments=wide) as nghttpd,
            Nginx(certificates, files=files) as nginx,
        ):
            for server in (nghttpd, nginx):
                with contextlib.suppress(AttributeError, OSError):
                    os.sched_setaffinity(server.pid, {0})
            yield str(certificates.authority), {"nghttpd": nghttpd.port, "nginx": nginx.port}


def can(name, workload):
    """True if a client has a workload."""
    if name == "h2load":
        return workload in ("sequential", "outstanding", "bodies") and shutil.which(name)
    if workload in ("import", "first"):
        return name in IMPORTS
    return getattr(clients.CLIENTS[name], workload, None) is not None


def times_of(workload, scale):
    """How often the step of a workload is taken; at least a hundred times, or once."""
    count = WORKLOADS[workload][0]
    return max(clients.OUTSTANDING, int(count * scale)) if count > 1 else count


def command_of(name, workload, ports, folder, count):
    """The command that gives one figure."""
    path = WORKLOADS[workload][1]
    is_at_nginx = name in clients.OF_NGINX or workload in AT_NGINX
    port = ports["nginx" if is_at_nginx else "nghttpd"]
    if name == "h2load":
        at_once = clients.OUTSTANDING if workload != "sequential" else 1
        url = f"https://localhost:{port}{path}"
        fields = [f"--header={key}: {value}" for key, value in clients.FIELDS.items()]
        return ["h2load", f"-n{count}", "-c1", f"-m{at_once}", *fields, url]
    python = environments.python_of(name, folder)
    if workload == "import":
        return [python, "-c", IMPORTS[name]]
    if workload == "first":
        return [python, "-c", FIRST.format(root=str(ROOT), name=name, port=port)]
    return [python, str(ROOT / "bench" / "clients.py"), name, workload, str(port), str(count)]


def run(name, workload, ports, authority, folder, times):
    """One figure: {"user", "system", "wall"} in seconds; None where it cannot be had."""
    pin = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    env = {**os.environ, "AUTHORITY": authority, "BENCH_PATH": WORKLOADS[workload][1]}
    env["PYTHONPATH"] = str(ROOT)
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # or hyper would be compiled at each import
    command = [*pin, *command_of(name, workload, ports, folder, times)]
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, env=env, stdout=out, stderr=err)
        alarm = threading.Timer(PATIENCE, child.kill)
        alarm.start()
        _, status, usage = os.wait4(child.pid, 0)
        alarm.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begin
        out.seek(0)
        err.seek(0)
        if child.returncode:
            last = err.read().decode(errors="replace").strip().rpartition("\n")[2]
            print(f"{name}, {workload}: {last}", file=sys.stderr, flush=True)
            return None
        if name == "h2load" or workload in ("import", "first"):
            return {"user": usage.ru_utime, "system": usage.ru_stime, "wall": wall}
        return json.loads(out.read())


def rounds(workload, names, count, folder, ports, authority, times):
    """{client: [figures of each round]}; who fails once is left out."""
    figures = {name: [] for name in names if can(name, workload)}
    for _ in range(count):
        for name in list(figures):
            figure = run(name, workload, ports, authority, folder, times)
            if figure is None:
                del figures[name]
            else:
                figures[name].append(figure)
    return figures


def seconds(figure):
    """The seconds of the processor."""
    return figure["user"] + figure["system"]


def summary(workload, figures, times=1):
    """{client: medians}: ratios of CPU and of wall to the reference's of the same round."""
    reference = WORKLOADS[workload][3]
    if not figures.get(reference):
        return {}
    base = figures[reference]
    found = {}
    for name, values in figures.items():
        cpu = [seconds(a) / max(seconds(b), 1e-4) for a, b in zip(values, base)]
        wall = [a["wall"] / b["wall"] for a, b in zip(values, base)]
        found[name] = {
            "cpu_ratio": round(statistics.median(cpu), 3),
            "cpu_least": round(min(cpu), 3),
            "cpu_most": round(max(cpu), 3),
            "wall_ratio": round(statistics.median(wall), 3),
            "microseconds": round(1e6 * statistics.median(map(seconds, values)) / times, 1),
            "system_part": round(
                sum(value["system"] for value in values) / max(sum(map(seconds, values)), 1e-9), 2
            ),
        }
    return dict(sorted(found.items(), key=lambda pair: pair[1]["cpu_ratio"]))


def device():
    """The machine that the figures come from."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "date": dt.datetime.now(dt.timezone.utc).strftime("%d %B %Y"),
        "processor": f"{model}, {os.cpu_count()} of them",
        "system": platform.platform(terse=True),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def measure(workloads, names, count, folder=environments.FOLDER, scale=1.0):
    """All of it, as it is written into the JSON file."""
    there = [name for name in names if name == "h2load" or environments.python_of(name, folder)]
    for name in set(names) - set(there):
        print(f"{name} is left out: python -m bench environments {name}", file=sys.stderr)
    report = {"device": device(), "rounds": count, "versions": {}, "workloads": {}}
    for name in there:
        report["versions"][name] = environments.version_of(name, folder)
    with servers() as (authority, ports):
        for workload in workloads:
            reference = WORKLOADS[workload][3]
            order = [reference, *(name for name in there if name != reference)]
            times = times_of(workload, scale)
            found = rounds(workload, order, count, folder, ports, authority, times)
            report["workloads"][workload] = summary(workload, found, times)
            print(plain(workload, report["workloads"][workload]), flush=True)
    return report


def plain(workload, found):
    """One workload for a terminal."""
    _, _, unit, reference = WORKLOADS[workload]
    lines = [f"\n{workload}: CPU as a ratio to {reference}, wall likewise, CPU us a {unit}"]
    for name, row in found.items():
        spread = f"({row['cpu_least']:.2f} to {row['cpu_most']:.2f})"
        lines.append(
            f"{name:>16} {row['cpu_ratio']:7.2f} {spread:>17} {row['wall_ratio']:7.2f}"
            f" {row['microseconds']:12.1f}"
        )
    return "\n".join(lines)
