"""Virtual environments with the clients that the table compares, one each.

    python -m bench environments [--in FOLDER] [client ...]

They do not share one, because some replace what others need (niquests brings its own urllib3). A
client that cannot be installed here is told, and left out of the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "hyper-bench"

#: The packages that pip installs for a client. A client that is not here needs Python alone.
PACKAGES = {
    "pycurl": ["pycurl"],
    "primp": ["primp"],
    "pyreqwest": ["pyreqwest"],
    "curl_cffi": ["curl_cffi"],
    "niquests": ["niquests"],
    "httpx2": ["httpx2[http2]"],
    "httpx": ["httpx[http2]"],
    "requests": ["requests"],
    "urllib3": ["urllib3"],
    "h2": ["h2"],
}
#: Clients that use another's environment.
SHARED = {
    "httpx-hyper": "httpx",
    "httpx-null": "httpx",
    "requests-hyper": "requests",
    "requests-null": "requests",
}
#: Seconds that pip may take for one of them.
PATIENCE = 300


def python_of(client, folder=FOLDER):
    """The interpreter to run a client with; None if its environment is not there."""
    owner = SHARED.get(client, client)
    if owner not in PACKAGES:
        return sys.executable
    places = [folder / owner / "bin" / "python", folder / owner / "Scripts" / "python.exe"]
    return next((str(place) for place in places if place.exists()), None)


def version_of(client, folder=FOLDER):
    """The version of a client's library, or ""."""
    owner = SHARED.get(client, client)
    python = python_of(client, folder)
    if owner not in PACKAGES or python is None:
        return ""
    script = f"from importlib.metadata import version; print(version({owner!r}))"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True)
    return done.stdout.strip()


def make(clients=(), folder=FOLDER):
    """Make what is missing; returns the clients that could not be installed."""
    failed = []
    for client in clients or PACKAGES:
        owner = SHARED.get(client, client)
        if owner not in PACKAGES or python_of(owner, folder) is not None:
            continue
        print(f"{owner}: pip install {' '.join(PACKAGES[owner])}", flush=True)
        place = folder / owner
        venv.create(place, with_pip=True)
        command = [python_of(owner, folder), "-m", "pip", "install", "--quiet", *PACKAGES[owner]]
        try:
            subprocess.run(command, check=True, timeout=PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f"{owner} is left out: {error}", file=sys.stderr)
            place.rename(place.with_name(f"{owner}.failed"))
            failed.append(owner)
    return failed
