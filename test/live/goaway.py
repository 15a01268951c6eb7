"""The table of GOAWAYs: requests lost, mixed or processed twice, by every client.

    python -m test.live.goaway [--gets 3000] [--posts 600] [--threads 16] [--keepalive 5] [--reload]

nginx ends each connection after so many requests, and counts what it has processed in its access
log: one line a request, with its path. Each answer tells the path and the length of the content
that it belongs to.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from test.certificates import Certificates
from test.live.servers import Nginx

DEADLINE = 30.0

# Seconds without a new line after which nginx has written all of its log.
QUIET = 0.3


class Counting(Nginx):
    """nginx that answers each path by its own name, and logs each request that it processed."""

    def __init__(self, certificates: Certificates, keepalive_requests: int) -> None:
        super().__init__(
            certificates,
            keepalive_requests=keepalive_requests,
            directives=(
                "access_log counted;",
                (
                    "location /echo/ { return 200"
                    ' "$request_method $request_uri $http_authorization $content_length\\n"; }'
                ),
            ),
        )

    def _configuration(self, root: Path) -> str:
        written = super()._configuration(root)
        counted = 'log_format counted "$request_uri";'
        return written.replace("access_log off;", counted, 1).replace(
            "access_log counted;", f"access_log {self.directory}/requests.log counted;"
        )

    def reload(self) -> None:
        """New workers; the former ones say GOAWAY and end."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGHUP)

    def processed(self, begin: str) -> Counter[str]:
        """How often each path that begins so was processed."""
        path, size = self.directory / "requests.log", -1
        while size != path.stat().st_size:
            size = path.stat().st_size
            time.sleep(QUIET)
        return Counter(line for line in path.read_text().split() if line.startswith(begin))


Ask = Callable[[str, str, str, Optional[bytes]], bytes]


def _connection(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    from hyper import HTTP20Connection

    context = certificates.hyper_context()
    connection = HTTP20Connection("localhost", server.port, ssl_context=context, timeout=DEADLINE)

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        stream_id = connection.request(method, path, content, {"authorization": who})
        return connection.getresponse(stream_id).read()

    return ask, connection.close


def _pool(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    from hyper import Pool

    pool = Pool(ssl_context=certificates.hyper_context(), timeout=DEADLINE)

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        headers = {"authorization": who}
        return pool.request(method, server.url(path), content, headers).read()

    return ask, pool.close


def _dropin(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    from hyper import HTTPSConnection

    own = threading.local()
    opened: list[Any] = []

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        if not hasattr(own, "connection"):  # http.client's are a thread's own
            own.connection = HTTPSConnection(
                "localhost", server.port, timeout=DEADLINE, context=certificates.client_context()
            )
            opened.append(own.connection)
        try:
            own.connection.request(method, path, content, {"authorization": who})
            return bytes(own.connection.getresponse().read())
        except http.client.HTTPException:
            own.connection.close()
            raise

    return ask, lambda: [each.close() for each in opened]


def _requests(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    import requests

    from hyper.contrib import HTTP20Adapter

    session = requests.Session()
    session.mount("https://", HTTP20Adapter())
    session.trust_env, session.verify = False, certificates.authority

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        headers = {"authorization": who}
        url = server.url(path)
        return session.request(method, url, data=content, headers=headers, timeout=DEADLINE).content

    return ask, session.close


def _httpx(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    import httpx

    from hyper.contrib.httpx import HTTP20Transport

    transport = HTTP20Transport(verify=certificates.client_context())
    client = httpx.Client(transport=transport, timeout=DEADLINE)

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        headers = {"authorization": who}
        return client.request(method, server.url(path), content=content, headers=headers).content

    return ask, client.close


def _urllib3(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    from hyper.contrib.urllib3 import HTTP20ConnectionPool

    pool = HTTP20ConnectionPool(
        "localhost", server.port, ssl_context=certificates.client_context(()), maxsize=16
    )

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        headers = {"authorization": who}
        response = pool.urlopen(
            method, path, body=content, headers=headers, retries=False, timeout=DEADLINE
        )
        return bytes(response.data)

    return ask, pool.close


def _urllib(server: Any, certificates: Certificates) -> tuple[Ask, Callable[[], Any]]:
    from hyper.contrib.urllib import HTTP2Handler

    handler = HTTP2Handler(context=certificates.client_context(()))
    opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))

    def ask(method: str, path: str, who: str, content: bytes | None) -> bytes:
        asked = urllib.request.Request(
            server.url(path), content, {"authorization": who}, method=method
        )
        with opener.open(asked, timeout=DEADLINE) as response:
            return bytes(response.read())

    return ask, lambda: None


_MAKERS = {
    "HTTP20Connection": _connection,
    "Pool": _pool,
    "HTTPSConnection": _dropin,
    "requests": _requests,
    "httpx": _httpx,
    "urllib3": _urllib3,
    "urllib": _urllib,
}
CLIENTS = tuple(_MAKERS)


class Result(NamedTuple):
    """The outcome of so many requests.

    wrong: answers to another request. lost: requests without answer or error, or answered though
    the server never saw them. twice: requests that it processed more than once.
    """

    asked: int
    errors: list[str]
    wrong: int
    lost: int
    twice: int
    seconds: float


def measure(
    server: Counting,
    certificates: Certificates,
    client: str,
    method: str,
    count: int,
    threads: int,
    reloads: int = 0,
) -> Result | None:
    """So many requests by one client, from so many threads; None where its library is not here."""
    try:
        ask, close = _MAKERS[client](server, certificates)
    except ImportError:
        return None
    begin = f"/echo/{client}/{method}/{time.monotonic_ns()}/"
    numbers = iter(range(count))
    lock = threading.Lock()
    errors: list[str] = []
    wrong: list[str] = []
    answered: list[str] = []

    def work(thread: int) -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            path, who = f"{begin}{number}", f"user-{thread}-{number}"
            content = None if method == "GET" else b"c" * (number % 3000 + 1)
            size = "" if content is None else str(len(content))
            try:
                answer = ask(method, path, who, content)
            except Exception as error:  # noqa: BLE001  they are counted
                errors.append(f"{type(error).__name__}: {error}")
                continue
            answered.append(path)
            if answer.decode("latin-1").split() != f"{method} {path} {who} {size}".split():
                wrong.append(path)

    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(threads)]
    moment = time.monotonic()
    for each in workers:
        each.start()
    for turn in range(reloads):
        while len(answered) + len(errors) < (turn + 1) * count // (reloads + 1):
            time.sleep(0.01)
        server.reload()
    for each in workers:
        each.join(DEADLINE * 4)
        assert not each.is_alive(), "a thread hangs"
    seconds = time.monotonic() - moment
    close()
    seen = server.processed(begin)
    unseen = [path for path in answered if not seen[path]]
    missing = count - len(answered) - len(errors)
    return Result(
        count, errors, len(wrong), len(unseen) + missing, sum(n > 1 for n in seen.values()), seconds
    )


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gets", type=int, default=3000)
    parser.add_argument("--posts", type=int, default=600)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--keepalive", type=int, default=5, help="requests a connection")
    parser.add_argument("--reload", action="store_true", help="reload nginx ten times a row")
    parser.add_argument("--clients", nargs="*", default=list(CLIENTS), choices=CLIENTS)
    given = parser.parse_args()
    print(
        f"{'client':18}{'':6}{'asked':>8}{'errors':>8}{'wrong':>7}{'lost':>6}{'twice':>7}{'s':>8}"
    )
    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        with Counting(certificates, given.keepalive) as server:
            for client in given.clients:
                for method, count in (("GET", given.gets), ("POST", given.posts)):
                    reloads = 10 if given.reload else 0
                    result = measure(
                        server, certificates, client, method, count, given.threads, reloads
                    )
                    if result is None:
                        print(f"{client:18}{method:6} its library is not here")
                        continue
                    asked, errors, wrong, lost, twice, seconds = result
                    print(
                        f"{client:18}{method:6}{asked:8}{len(errors):8}{wrong:7}{lost:6}{twice:7}"
                        f"{seconds:8.1f}",
                        flush=True,
                    )
                    kinds = Counter(re.sub(r"\d+", "N", words) for words in errors)
                    for words, often in kinds.most_common(1):
                        print(f"    {often} x {words[:110]}")


if __name__ == "__main__":
    main()
