"""Measuring: round trips by PING, and many requests over one connection (--ping, --bench)."""

from __future__ import annotations

import sys
import threading
import time

from hyper.errors import HTTPException

from . import exit_codes
from .connections import Connections, timeout_of
from .faults import Failed, UsageError
from .progress import size_words
from .screen import Screen, wants_colours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .arguments import Arguments
    from .exchange import Request

#: Requests at once, unless -m says otherwise: what a browser has under way.
CONCURRENT = 10
#: Seconds between two PINGs.
PING_INTERVAL = 0.2
#: The part of all times that the figures name.
SHARES = (0.5, 0.9, 0.99)


def _screen(arguments: Arguments) -> Screen:
    return Screen(sys.stdout, colours=wants_colours(sys.stdout, arguments.color))


def _connection(connections: Connections, request: Request, arguments: Arguments) -> Any:
    """Lend a connection in HTTP/2 to a request's origin."""
    target = request.target
    pool = connections.pool_for(target)
    limit = arguments.connect_timeout or timeout_of(arguments)
    return pool.connection(target.host, target.port, secure=target.scheme == "https", timeout=limit)


def ping(arguments: Arguments, requests: Sequence[Request]) -> int:
    """Measure round trips to the origin of the first URL; returns the exit code."""
    if arguments.http1_1 or arguments.upgrade:
        raise UsageError("--ping is of HTTP/2: drop --http1.1 and --upgrade")
    screen = _screen(arguments)
    connections = Connections(arguments)
    request = requests[0]
    times: list[float] = []
    try:
        with _connection(connections, request, arguments) as connection:
            if connection is None:
                raise Failed(
                    exit_codes.CONNECT,
                    f"{request.target.authority} does not speak HTTP/2, which has PING (RFC 9113,"
                    " 6.7)",
                )
            for number in range(arguments.ping):
                if number:
                    time.sleep(PING_INTERVAL)
                times.append(connection.ping())
                screen.line(
                    f"PING {number + 1} to {request.target.authority}  ",
                    (f"{times[-1] * 1000:.3f} ms", "figure"),
                )
                screen.flush()
    finally:
        connections.close()
    mean = sum(times) / len(times)
    screen.line(
        f"{len(times)} round trips: ",
        (f"{min(times) * 1000:.3f} / {mean * 1000:.3f} / {max(times) * 1000:.3f} ms", "figure"),
        " (least / mean / most)",
    )
    return 0


class _Bench:
    """The requests of --bench, taken by some threads. Any thread."""

    def __init__(self, arguments: Arguments, request: Request, connections: Connections) -> None:
        self._arguments = arguments
        self._request = request
        self._connections = connections
        self._left: int = arguments.bench
        self._lock = threading.Lock()
        self.times: list[float] = []
        self.octets = 0
        self.statuses: dict[int, int] = {}
        self.failures: dict[str, int] = {}
        self.code = 0

    def _takes(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def work(self) -> None:
        """Send requests until there are none left."""
        while self._takes():
            begin = time.perf_counter()
            try:
                status, size = self._one()
            except (OSError, HTTPException) as error:
                with self._lock:
                    words = exit_codes.words_of(error)
                    self.failures[words] = self.failures.get(words, 0) + 1
                    self.code = self.code or exit_codes.code_of(error)
                continue
            took = time.perf_counter() - begin
            with self._lock:
                self.times.append(took)
                self.octets += size
                self.statuses[status] = self.statuses.get(status, 0) + 1

    def _one(self) -> tuple[int, int]:
        request = self._request
        pool = self._connections.pool_for(request.target)
        body = None if request.content is None else request.content.body()
        with pool.request(
            request.method,
            request.target.url,
            body,
            request.headers,
            priority=request.priority,
            timeout=timeout_of(self._arguments),
        ) as response:
            size = 0
            while True:
                piece = response.read1(1 << 16)
                if not piece:
                    return response.status, size
                size += len(piece)


def bench(arguments: Arguments, requests: Sequence[Request]) -> int:
    """Send the request of the first URL many times, and show figures; returns the exit code."""
    request = requests[0]
    if request.content is not None and request.content.is_once:
        raise UsageError("--bench sends the content again and again: give it as @FILE")
    screen = _screen(arguments)
    connections = Connections(arguments)
    work = _Bench(arguments, request, connections)
    concurrent = min(arguments.concurrent or CONCURRENT, arguments.bench)
    threads = [threading.Thread(target=work.work, daemon=True) for _ in range(concurrent)]
    begin = time.perf_counter()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - begin
    finally:
        connections.close()
    _show(screen, work, took, concurrent)
    if arguments.fail and not work.code:
        return max(map(exit_codes.by_status, work.statuses), default=0)
    return work.code


def _show(screen: Screen, work: _Bench, took: float, concurrent: int) -> None:
    times = sorted(work.times)
    count = len(times)
    screen.line(
        (f"{count:,}", "figure"),
        f" responses in {took:.3f} s, {concurrent} at once: ",
        (f"{count / took:,.0f}/s", "figure"),
        f", {size_words(work.octets / took)}/s",
    )
    statuses = ", ".join(f"{n:,} x {status}" for status, n in sorted(work.statuses.items()))
    if statuses:
        screen.line(f"status: {statuses}")
    if times:
        shares = "  ".join(
            f"{share:.0%} {times[min(count - 1, int(share * count))] * 1000:.2f} ms"
            for share in SHARES
        )
        screen.line(
            f"time: least {times[0] * 1000:.2f} ms  {shares}  most {times[-1] * 1000:.2f} ms"
        )
    for words, number in work.failures.items():
        screen.line((f"{number:,} failed: ", "error"), words)
