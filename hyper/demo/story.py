"""The guest: five scenes on one connection, told with hyper's public names alone.

Where several responses are awaited at once, each has its own thread, so that a line is printed when
its response has come.  All of hyper's methods may be called from any thread.
"""

from __future__ import annotations

import hashlib
import platform
import ssl
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from importlib.metadata import version

import hyper

from . import cafe
from .server import Server
from .timeline import Timeline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

#: Seconds that any one wait may last.
TIMEOUT = 10.0

UPLOAD_SIZE = 2 << 20
PIECE = 64 << 10


def tell(out: TextIO) -> int:
    """Start the server, run all scenes, and print them; returns 0 if all came as expected."""
    with Server() as server:
        print(
            f"hyper {hyper.__version__} on {platform.python_implementation()}"
            f" {platform.python_version()} visits https://localhost:{server.port}/, served by"
            f" h2 {version('h2')}\nwith a certificate made a moment ago. Each line: when, on which"
            " stream, in which direction, what.",
            file=out,
        )
        timeline = Timeline(out)
        context = ssl.create_default_context(cadata=server.authority.cert_pem.bytes().decode())
        guest = Guest(timeline, server.port, context)
        try:
            guest.visit()
        except (HTTPException, OSError) as error:
            timeline.expect(f"no error, but there was {type(error).__name__}: {error}", met=False)
        timeline.expect(
            f"a guest without fault, but h2 says {server.complaint}", not server.complaint
        )
    return timeline.total()


class Guest:
    """The client: all scenes on one connection."""

    def __init__(self, timeline: Timeline, port: int, context: ssl.SSLContext) -> None:
        self.timeline = timeline
        self.connection: hyper.HTTP20Connection = hyper.HTTP20Connection(
            "localhost", port, ssl_context=context, timeout=TIMEOUT
        )

    def visit(self) -> None:
        """Run all scenes, one after the other."""
        scenes = {
            "A page, with an early hint, two pushes and a trailer": self.page,
            "Three orders at once: each answer comes when it is ready": self.orders,
            f"{cafe.CRUMBS} requests in flight, sent together": self.crumbs,
            "An upload from a generator, its digest in a trailer": self.upload,
            "A download, read piece by piece, its digest in a trailer": self.download,
        }
        with self.connection:
            for title, scene in scenes.items():
                self.timeline.scene(title)
                scene()

    def page(self) -> None:
        """Iterate over promises as they come; the early hint belongs to the response."""
        asked = self.ask("GET", "/")
        pushes = []
        for push in self.connection.getpushes(asked, capture_all=True):
            self.timeline.line("promised", f"a promise of {push.method} {push.path}", asked)
            pushes.append(push)
        response = self.connection.getresponse(asked)
        for status, headers in response.informational:
            self.timeline.line("came", f"{status} before the answer: link {headers['link']}", asked)
        self.timeline.expect("one early hint", len(response.informational) == 1)
        self.check(response)
        for push in pushes:
            self.check(push.getresponse(), f", pushed: {push.path}")
        self.timeline.count("pushes", len(pushes))
        paths = [push.path for push in pushes]
        self.timeline.expect("the promises of the page", paths == cafe.PROMISES["/"])

    def orders(self) -> None:
        """Three threads wait, each for its own stream."""
        paths = {self.ask("GET", path): path for path in cafe.ORDERS}

        def wait(stream_id: int) -> None:
            self.check(self.connection.getresponse(stream_id), f": {paths[stream_id]}")

        with ThreadPoolExecutor(len(paths)) as threads:
            list(threads.map(wait, paths))

    def crumbs(self) -> None:
        """Send each request from its own thread; print the order of the responses."""
        with self.connection.cork():
            numbers = {
                self.connection.request("GET", f"/crumb/{number}"): number
                for number in range(cafe.CRUMBS)
            }
        self.timeline.count("requests", len(numbers))
        self.timeline.line("asked", "streams " + " ".join(map(str, numbers)))
        served = []

        def wait(stream_id: int) -> None:
            content = self.connection.getresponse(stream_id).read()
            served.append(str(stream_id))
            self.timeline.count("octets", len(content))
            self.timeline.expect("each crumb its own", content == b"%d" % numbers[stream_id])

        with ThreadPoolExecutor(len(numbers)) as threads:
            list(threads.map(wait, numbers))
        self.timeline.line("came", "streams " + " ".join(served))

    def upload(self) -> None:
        """Content without a declared length, and a trailer section after it."""
        content = cafe.octets(UPLOAD_SIZE, b"upload")
        digest = cafe.digest(content)

        def pieces() -> Iterator[bytes]:
            for start in range(0, UPLOAD_SIZE, PIECE):
                yield content[start : start + PIECE]

        asked = self.connection.request(
            "POST", "/upload", body=pieces(), trailers=[("content-digest", digest)]
        )
        self.timeline.count("requests")
        self.timeline.count("octets", UPLOAD_SIZE)
        self.timeline.count("trailers")
        self.timeline.line("asked", f"POST /upload, {UPLOAD_SIZE:,} octets", asked)
        self.timeline.line("asked", f"trailer content-digest {digest[:20]}...", asked)
        response = self.connection.getresponse(asked)
        self.timeline.line(
            "came", f"says it received {response.getheader('received')} octets", asked
        )
        agrees = response.getheader("received-digest") == digest
        self.timeline.expect("the digest of the upload", agrees)
        answer = self.check(response)
        self.timeline.expect("the trailer found", answer == b"The trailer agrees.\n")

    def download(self) -> None:
        """Upload from a generator: never more than one piece of it is in memory."""
        asked = self.ask("GET", "/book")
        response = self.connection.getresponse(asked)
        sha256 = hashlib.sha256()
        size = reads = 0
        while piece := response.read(PIECE):
            sha256.update(piece)
            size += len(piece)
            reads += 1
        self.timeline.count("octets", size)
        self.timeline.line("came", f"{response.status}, {size:,} octets in {reads} reads", asked)
        self.agree(response, cafe.spelled(sha256))
        self.timeline.expect("the whole book", size == cafe.BOOK_SIZE)
        self.timeline.line("said", f"a PING came back in {self.connection.ping() * 1000:.1f} ms")

    def ask(self, method: str, path: str) -> int:
        """Send a request without content, and print that."""
        stream_id = self.connection.request(method, path)
        self.timeline.count("requests")
        self.timeline.line("asked", f"{method} {path}", stream_id)
        return stream_id

    def check(self, response: hyper.HTTP20Response, note: str = "") -> bytes:
        """Read a response to its end, print it, and compare its content with its trailer."""
        content = response.read()
        self.timeline.count("octets", len(content))
        kind = response.getheader("content-type")
        self.timeline.line(
            "came", f"{response.status} {kind}, {len(content):,} octets{note}", response.stream_id
        )
        self.timeline.expect("status 200", response.status == 200)
        self.agree(response, cafe.digest(content))
        return content

    def agree(self, response: hyper.HTTP20Response, digest: str) -> None:
        """Compare the digest with the one in the trailer section."""
        trailer = response.gettrailer("content-digest")
        if trailer is not None:
            self.timeline.count("trailers")
            self.timeline.line(
                "came", f"trailer content-digest {trailer[:20]}...", response.stream_id
            )
        self.timeline.expect("the digest of the content", trailer == digest)
