"""Seconds until a request succeeds again after a connection has died, by the way in which it died.

    python -m test.live.dead_path [--timeouts none 1 5] [--limit 60] [--keepalive 0]

A network namespace has the server behind a pair of virtual cables. FIN and RST are the server's.
"forgotten" is a NAT entry that has gone: the packets of this connection are dropped, both ways,
and those of new ones are not. "stopped" is a process that stands still, while new connections are
served by others. It needs Linux, root, ip and iptables, and touches nothing outside the namespace
but the one virtual cable.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
WAYS = ("FIN", "RST", "forgotten", "stopped")
PORT = 4433
DEADLINE = 20.0


def missing() -> str | None:
    """Why this cannot be done here, or None."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a network namespace: only on Linux, and for root"
    for program, package in (("ip", "iproute2"), ("iptables", "iptables")):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"a network namespace: the program {program} is not here (Debian: {package})"
    tried = subprocess.run(
        ["unshare", "--net", "iptables", "-L", "-n"], capture_output=True, check=False
    )
    if tried.returncode:
        return "a network namespace: this machine makes none, or has no iptables in its kernel"
    return None


# ---------------------------------------------------------------- the server, in the namespace


def _serve(address: str) -> None:
    """A process for each connection; a line on stdin ends the newest one in some way."""
    listener = socket.create_server((address, PORT), backlog=16)
    children: list[int] = []
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    threading.Thread(target=_accept, args=(listener, children), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        number = {"FIN": signal.SIGUSR1, "RST": signal.SIGUSR2, "stopped": signal.SIGSTOP}
        if line.strip() in number:
            os.kill(children[-1], number[line.strip()])
        print("done", flush=True)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _accept(listener: socket.socket, children: list[int]) -> None:
    while True:
        accepted, _ = listener.accept()
        # A process of its own, so that one stands still and the others do not.
        child = subprocess.Popen(
            [sys.executable, "-m", "test.live.dead_path", "--connection", str(accepted.fileno())],
            pass_fds=(accepted.fileno(),),
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
        )
        children.append(child.pid)
        accepted.close()


def _serve_connection(descriptor: int) -> None:
    from hyper.testing import ClientEnded, SocketPeer, wire

    accepted = socket.socket(fileno=descriptor)

    def finish(number: int, _: Any) -> None:
        if number == signal.SIGUSR2:
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        os._exit(0)

    signal.signal(signal.SIGUSR1, finish)
    signal.signal(signal.SIGUSR2, finish)
    peer = SocketPeer(lambda _: accepted, None, 600.0)
    with contextlib.suppress(ClientEnded):
        peer.handshake()
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack:
                peer.write(wire.ping(frame.payload, ack=True))
            if frame.type == wire.HEADERS:
                peer.write_response(frame.stream_id, b"alive")


# ---------------------------------------------------------------- the path to it


class DeadPath(NamedTuple):
    """A server behind a path that can be cut."""

    name: str
    address: str
    server: subprocess.Popen[str]

    def _say(self, word: str) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(word + "\n")
        self.server.stdin.flush()
        assert self.server.stdout.readline().strip() == "done"

    def kill(self, way: str, port: int) -> None:
        """Have the connection from this port die in some way."""
        if way != "forgotten":
            self._say(way)
            return
        inside = ["ip", "netns", "exec", self.name, "iptables", "-A"]
        for chain, end in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            _run([*inside, chain, "-p", "tcp", end, str(port), "-j", "DROP"])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)


@contextlib.contextmanager
def path_to_server() -> Iterator[DeadPath]:
    """A namespace, a cable to it, and a server inside."""
    name = f"hyper{os.getpid()}"
    net = os.getpid() % 250
    outside, inside = f"198.18.{net}.1", f"198.18.{net}.2"  # for benchmarks (RFC 2544, C.2.2)
    cable = f"hy{os.getpid() % 100000}"
    _run(["ip", "netns", "add", name])
    server = None
    try:
        _run(["ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name])
        _run(["ip", "address", "add", f"{outside}/30", "dev", cable])
        _run(["ip", "link", "set", cable, "up"])
        within = ["ip", "-n", name]
        _run([*within, "address", "add", f"{inside}/30", "dev", "eth0"])
        _run([*within, "link", "set", "eth0", "up"])
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-m", "test.live.dead_path",
             "--serve", inside],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "ready"
        yield DeadPath(name, inside, server)
    finally:
        if server is not None:
            with contextlib.suppress(OSError):
                server.communicate(timeout=DEADLINE)
        with contextlib.suppress(subprocess.SubprocessError):
            _run(["ip", "link", "delete", cable])
        _run(["ip", "netns", "delete", name])


class Recovery(NamedTuple):
    """Seconds and failures until a request succeeded; seconds None: not within the limit."""

    seconds: float | None
    failures: list[str]


def recover(
    path: DeadPath, way: str, timeout: float | None, limit: float, **options: Any
) -> Recovery:
    """One request, then the connection dies, then requests until one succeeds."""
    from hyper import HTTP20Connection

    # TCP_USER_TIMEOUT depends on the time that there is for connecting: without a limit, on none.
    first = None if timeout is None else DEADLINE
    connection = HTTP20Connection(path.address, PORT, secure=False, timeout=first, **options)

    def get() -> None:
        assert connection.getresponse(connection.request("GET", "/")).read() == b"alive"

    get()
    connection.timeout = timeout
    assert connection.sock is not None
    path.kill(way, connection.sock.getsockname()[1])
    begin = time.monotonic()
    failures: list[str] = []
    succeeded: list[float] = []

    def ask() -> None:
        while time.monotonic() - begin < limit:
            try:
                get()
            except (OSError, HTTPException) as error:
                failures.append(f"{type(error).__name__}: {error}")
            else:
                succeeded.append(time.monotonic() - begin)
                return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(limit)
    threading.Thread(target=connection.close, daemon=True).start()
    return Recovery(succeeded[0] if succeeded else None, failures)


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeouts", nargs="*", default=["none", "1", "5"])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds to wait at most")
    parser.add_argument("--keepalive", type=float, default=0.0, help="seconds; 0: without")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--connection", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        _serve(given.serve)
        return
    if given.connection is not None:
        _serve_connection(given.connection)
        return
    reason = missing()
    if reason:
        sys.exit(reason)
    options = {"keepalive": given.keepalive} if given.keepalive else {}
    print(f"{'way':12}{'timeout':>9}{'seconds':>10}{'failures':>10}")
    with path_to_server() as path:
        for way in given.ways:
            for words in given.timeouts:
                timeout = None if words == "none" else float(words)
                seconds, failures = recover(path, way, timeout, given.limit, **options)
                shown = f"> {given.limit:.0f}" if seconds is None else f"{seconds:.2f}"
                last = failures[-1][:60] if failures else ""
                print(f"{way:12}{words:>9}{shown:>10}{len(failures):>10}  {last}", flush=True)


if __name__ == "__main__":
    main()
