"""The base of every real server of these tests: a process, a free port, files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test.certificates import Certificates, Pair


HOST = "127.0.0.1"

# Seconds for a server to accept connections, and to end when told: CI machines are slow.
DEADLINE = 20.0

# Seconds between two attempts to connect to a server that is starting.
PAUSE = 0.02

# Another process may take the port between our asking and the server's binding; twice in a row is a
# fault.
ATTEMPTS = 3

HERE = Path(__file__).resolve().parent

# Debian's directories for servers that are not in an ordinary user's PATH.
PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def pattern(size: int, start: int = 0) -> bytes:
    """The content of /bytes/N and of the static file `large`: the octet at i is i mod 251."""
    shift = start % 251
    return (bytes(range(251)) * ((size + shift) // 251 + 1))[shift : shift + size]


LARGE = 1 << 20
FILES = {
    "index.html": b"<title>index</title>\n",
    "style.css": b"body { color: green }\n",
    "app.js": b"console.log(1)\n",
    "empty": b"",
    "large": pattern(LARGE),
}


class ServerError(Exception):
    """A server did not start."""


def free_port() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def binary(name: str) -> str | None:
    return shutil.which(name, path=PATHS)


class Server:
    """The base of all servers. A subclass gives `name`, `binary`, `package` and `_command`."""

    name = ""
    binary = ""
    package = ""  # the Debian package, for the message
    gentle = True  # whether it ends soon when told by SIGTERM

    def __init__(
        self, certificates: Certificates | None = None, pair: Pair | None = None, **options: Any
    ) -> None:
        self.certificates = certificates
        self.pair = pair or (certificates.server if certificates else None)
        self.options = options
        self.host = "localhost" if self.pair else HOST
        self.port = 0
        self.directory = Path()
        self.pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def missing(cls) -> str | None:
        """Why this server cannot run here, or None."""
        if binary(cls.binary):
            return None
        return f"{cls.name}: the program {cls.binary} is not here (Debian: {cls.package})"

    def _command(self) -> list[str]:
        """Write what the server needs into `directory`, and give its command line."""
        raise NotImplementedError

    def _program(self) -> str:
        found = binary(self.binary)
        if found is None:
            raise ServerError(self.missing())
        return found

    def _write_files(self, files: Mapping[str, bytes] = FILES) -> Path:
        root = self.directory / "files"
        root.mkdir()
        for name, content in {**files, **self.options.get("files", {})}.items():
            (root / name).write_bytes(content)
        return root

    @property
    def log(self) -> str:
        """The server's output so far."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.pair is not None

    def url(self, path: str = "/") -> str:
        """The URL of a path on this server."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}{path}"

    # ---- life ----

    def start(self) -> Server:
        """Start the server; return when it accepts connections."""
        for attempt in range(ATTEMPTS):
            self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
            self.port = free_port()
            with (self.directory / "log").open("wb") as log:
                self._process = self._spawn(log)
            self.pid = self._process.pid
            failure = self._await_ready()
            if failure is None:
                return self
            words = f"{self.name} {failure}\n{self.log}"
            self.stop()
            if attempt == ATTEMPTS - 1 or "ended" not in failure:
                break
        raise ServerError(words)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _await_ready(self) -> str | None:
        """Connect until it works; tell why it never will."""
        assert self._process is not None
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return f"ended with {self._process.returncode} before it was ready"
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                time.sleep(PAUSE)
            else:
                return None
        return f"accepted no connection in {DEADLINE} s"

    def stop(self) -> None:
        """End the process and remove its directory. The log goes with it."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin:
                process.stdin.close()
            if self.gentle:
                process.terminate()
            else:
                process.kill()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Server:  # noqa: PYI034  Self is not in 3.9
        return self.start()

    def __exit__(self, *rest: object) -> None:
        self.stop()
