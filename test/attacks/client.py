"""The client that is attacked: one process, one response, and a line of JSON about what it cost.

    python -m test.attacks.client PART PORT AUTHORITY DOOR

AUTHORITY is the file of the server's authority, or "-" in cleartext. DOOR is one of DOORS, or "-"
for the class that speaks the protocol of the part.
"""

from __future__ import annotations

import io
import json
import sys
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, Callable

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection, Pool
from hyper.tls import init_context

# Seconds: of one wait, and of the whole.
TIMEOUT, DEADLINE = 1.0, 3.0
# Octets of content that are read at a time, and altogether: a caller that reads no end of them.
PIECE, MOST = 64 * 1024, 256 << 20


def peak() -> int:
    """KiB that this process has held at most."""
    with suppress(OSError):  # Linux; the other number counts what this process was before exec
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0])
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def connection(part: str, port: int, authority: str) -> Any:
    """Make the connection of a part, which is not opened yet."""
    kind, _, scheme = part.partition(" ")
    context = None if authority == "-" else init_context(authority)
    if kind == "http1":
        return dropin(part, port, authority)
    options: dict[str, Any] = {"secure": context is not None, "ssl_context": context}
    if scheme:
        options.update(proxy=f"{scheme}://127.0.0.1:{port}", secure=False, ssl_context=None)
    return HTTP20Connection("localhost", port, timeout=TIMEOUT, **options)


def dropin(part: str, port: int, authority: str) -> Any:
    if authority != "-":
        context = init_context(authority)
        return HTTPSConnection("localhost", port, timeout=TIMEOUT, context=context)
    http2 = "prior" if part == "h2" else None
    return HTTPConnection("localhost", port, timeout=TIMEOUT, http2=http2)


def read_all(used: Any) -> int:
    """Ask, and read in pieces; returns the octets."""
    if isinstance(used, HTTP20Connection):
        with used.within(DEADLINE):
            response = used.getresponse(used.request("GET", "/"))
            return read_pieces(lambda: response.read(PIECE))
    used.request("GET", "/")
    response = used.getresponse()
    return read_pieces(lambda: response.read(PIECE))


def read_pieces(read: Callable[[], bytes]) -> int:
    """Read all that there is, or MOST octets, or for as long as DEADLINE; returns the octets."""
    size, end = 0, time.monotonic() + DEADLINE
    while size < MOST and time.monotonic() < end:
        piece = read()
        size += len(piece)
        if not piece:
            break
    return size


# The doors: each asks for a page by another library, or by the command, and reads all of it. An
# import that takes memory comes before what is measured.


def by_pool(part: str, port: int, authority: str) -> Callable[[], int]:
    options: dict[str, Any] = {"http2": "prior"} if (part, authority) == ("h2", "-") else {}
    if authority != "-":
        options = {"ssl_context": init_context(authority)}
    pool = Pool(timeout=TIMEOUT, **options)

    def ask() -> int:
        response = pool.request("GET", url(port, authority))
        return read_pieces(lambda: response.read(PIECE))

    return ask


def by_requests(_: str, port: int, authority: str) -> Callable[[], int]:
    import requests

    from hyper.contrib.requests import HTTP20Adapter

    session = requests.Session()
    session.mount("https://", HTTP20Adapter())

    def ask() -> int:
        # The environment may name another authority, which counts more than the session's.
        response = session.get(url(port, authority), timeout=TIMEOUT, stream=True, verify=authority)
        pieces = response.iter_content(PIECE)
        return read_pieces(lambda: next(pieces, b""))

    return ask


def by_urllib3(_: str, port: int, authority: str) -> Callable[[], int]:
    import urllib3

    from hyper.contrib.urllib3 import POOL_CLASSES

    manager = urllib3.PoolManager(ca_certs=authority, timeout=TIMEOUT)
    manager.pool_classes_by_scheme = POOL_CLASSES

    def ask() -> int:
        response = manager.request("GET", url(port, authority), preload_content=False)
        return read_pieces(lambda: response.read(PIECE))

    return ask


def by_httpx(_: str, port: int, authority: str) -> Callable[[], int]:
    import httpx

    from hyper.contrib.httpx import HTTP20Transport

    client = httpx.Client(transport=HTTP20Transport(verify=authority), timeout=TIMEOUT)

    def ask() -> int:
        with client.stream("GET", url(port, authority)) as response:
            pieces = response.iter_bytes(PIECE)
            return read_pieces(lambda: next(pieces, b""))

    return ask


def by_command(part: str, port: int, authority: str) -> Callable[[], int]:
    from hyper.cli import transfer  # noqa: F401 - as the command imports it
    from hyper.cli.main import main as command

    options = ["--prior-knowledge"] if part == "h2" else []
    if authority != "-":
        options = ["--cacert", authority]
    options += ["--timeout", str(TIMEOUT), "--deadline", str(DEADLINE), "-v"]

    def ask() -> int:
        shown = io.TextIOWrapper(Counter(), "utf-8")
        with redirect_stdout(shown), redirect_stderr(shown):
            code = command([*options, url(port, authority)])
        raise SystemExit(f"exit code {code}, {shown.buffer.size:,} octets shown")  # type: ignore[attr-defined]

    return ask


class Counter(io.RawIOBase):
    """An output that counts, and keeps nothing."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, octets: Any) -> int:
        self.size += len(octets)
        return len(octets)


def url(port: int, authority: str) -> str:
    return f"http{'s' if authority != '-' else ''}://localhost:{port}/"


def by_dropin(part: str, port: int, authority: str) -> Callable[[], int]:
    return lambda: read_all(dropin(part, port, authority))


#: {door: (what makes the call, whether it takes cleartext, whether HTTP/1.1 is hyper's there)}
DOORS: dict[str, tuple[Callable[[str, int, str], Callable[[], int]], bool, bool]] = {
    "dropin": (by_dropin, True, True),
    "pool": (by_pool, True, True),
    "requests": (by_requests, False, False),
    "urllib3": (by_urllib3, False, True),
    "httpx": (by_httpx, False, False),
    "command": (by_command, True, True),
}


def main(part: str, port: str, authority: str, door: str) -> None:
    if door == "-":
        used = connection(part, int(port), authority)
        ask = lambda: read_all(used)  # noqa: E731 - as the doors give one
    else:
        ask = DOORS[door][0](part, int(port), authority)
    idle, begin, cpu = peak(), time.monotonic(), time.process_time()
    try:
        end = f"{ask():,} octets of content"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the table shows it
        end = f"{type(error).__name__}: {error}"
    result = {
        "end": end,
        "seconds": time.monotonic() - begin,
        "cpu": time.process_time() - cpu,
        "kib": peak() - idle,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
