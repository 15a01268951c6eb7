"""``python -m test.attacks``: play every attack, in cleartext and over TLS; print what it costs.

The columns: MiB that the attacker could send, seconds of CPU for each of them, seconds until the
end, MiB of memory above idle, and the end.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from ssl import SSLWantReadError as SSLWantRead
from typing import TYPE_CHECKING, Any

from test.attacks.client import DOORS
from test.attacks.servers import ATTACKS, Attack

if TYPE_CHECKING:
    import ssl

# Octets that an attacker sends at most, and seconds that the client may take.
MOST_SENT, MOST_SECONDS = 32 << 20, 60.0
MIB = 1 << 20
# Seconds from a client's first octets to its request.
PAUSE = 0.05


class Attacker:
    """Serves every connection: begins at its first octets, and sends what the attack has."""

    def __init__(self, attack: Attack, context: ssl.SSLContext | None) -> None:
        self._attack, self._context = attack, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = 0
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with suppress(OSError), accepted:
            accepted.settimeout(MOST_SECONDS)
            if self._context is not None:
                accepted = self._context.wrap_socket(accepted, server_side=True)
            with accepted:
                accepted.recv(65536)
                time.sleep(PAUSE)  # so that the request has come
                self._send(accepted)

    def _send(self, accepted: socket.socket) -> None:
        """Send, and read in between what has come."""
        for octets in self._attack.octets():
            accepted.sendall(octets)
            self.sent += len(octets)
            if self.sent >= MOST_SENT:
                break
            if self._attack.reads:
                accepted.settimeout(0.0001)
                with suppress(socket.timeout, BlockingIOError, SSLWantRead):
                    accepted.recv(65536)
                accepted.settimeout(MOST_SECONDS)
        while accepted.recv(65536):  # silence, until the client gives up
            pass

    def stop(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()


def play(name: str, certificates: Any = None, door: str = "-") -> dict[str, Any]:
    """Play one attack; certificates: for TLS, else in cleartext. door: of client.DOORS, or "-"."""
    attack = ATTACKS[name]
    context, authority = None, "-"
    if certificates is not None:
        protocol = "http/1.1" if attack.part == "http1" else "h2"
        context, authority = certificates.server_context(alpn=(protocol,)), certificates.authority
    attacker = Attacker(attack, context)
    command = [sys.executable, "-m", "test.attacks.client"]
    ran = subprocess.run(
        [*command, attack.part, str(attacker.port), authority, door],
        stdout=subprocess.PIPE,
        timeout=MOST_SECONDS,
        check=True,
    )
    attacker.stop()
    result: dict[str, Any] = json.loads(ran.stdout)
    return {**result, "sent": attacker.sent}


def row(name: str, result: dict[str, Any]) -> str:
    mib = result["sent"] / MIB
    return (
        f"{name:<44}{mib:>7.2f}{result['cpu'] / max(mib, 1):>8.3f}{result['seconds']:>7.2f}"
        f"{result['kib'] / 1024:>7.1f}  {result['end'][:90]}"
    )


def is_played(attack: Attack, door: str, *, has_tls: bool) -> bool:
    """True if an attack concerns hyper at a door, with TLS or without."""
    if attack.part.startswith("proxy"):
        return not has_tls and door == "-"
    if door == "-":
        return True
    _, takes_cleartext, is_http1_ours = DOORS[door]
    return (has_tls or takes_cleartext) and (is_http1_ours or attack.part == "h2")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m test.attacks", description=__doc__)
    parser.add_argument("--only", default="", help="attacks whose names have this in them")
    parser.add_argument("--door", default="-", choices=DOORS, help="by another way than a class")
    given = parser.parse_args(arguments)
    worst, played = 0.0, 0
    with tempfile.TemporaryDirectory() as directory:
        from test.certificates import Certificates

        for title, certificates in (("cleartext", None), ("TLS", Certificates(Path(directory)))):
            print(f"{title:<44}    MiB CPU/MiB      s    MiB  the end")
            for name, attack in ATTACKS.items():
                if given.only in name and is_played(
                    attack, given.door, has_tls=certificates is not None
                ):
                    result = play(name, certificates, given.door)
                    worst = max(worst, result["kib"] / 1024)
                    played += 1
                    print(row(name, result), flush=True)
    print(f"{len(ATTACKS)} attacks, {played} rows; {worst:.1f} MiB at most")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
