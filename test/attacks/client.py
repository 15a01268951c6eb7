"""The client that is attacked: one process, one response, and a line of JSON about what it cost.

    python -m test.attacks.client PART PORT AUTHORITY

AUTHORITY is the file of the server's authority, or "-" in cleartext.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection
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
        if context is None:
            return HTTPConnection("localhost", port, timeout=TIMEOUT)
        return HTTPSConnection("localhost", port, timeout=TIMEOUT, context=context)
    options: dict[str, Any] = {"secure": context is not None, "ssl_context": context}
    if scheme:
        options.update(proxy=f"{scheme}://127.0.0.1:{port}", secure=False, ssl_context=None)
    return HTTP20Connection("localhost", port, timeout=TIMEOUT, **options)


def read_all(used: Any) -> int:
    """Ask, and read in pieces; returns the octets."""
    size, end = 0, time.monotonic() + DEADLINE
    if isinstance(used, HTTP20Connection):
        with used.within(DEADLINE):
            response = used.getresponse(used.request("GET", "/"))
            while size < MOST:
                piece = response.read(PIECE)
                size += len(piece)
                if not piece:
                    break
        return size
    used.request("GET", "/")
    response = used.getresponse()
    while size < MOST and time.monotonic() < end:
        piece = response.read(PIECE)
        size += len(piece)
        if not piece:
            break
    return size


def main(part: str, port: str, authority: str) -> None:
    used = connection(part, int(port), authority)
    idle, begin, cpu = peak(), time.monotonic(), time.process_time()
    try:
        end = f"{read_all(used):,} octets of content"
    except Exception as error:  # noqa: BLE001 - whatever it is, the table shows it
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
