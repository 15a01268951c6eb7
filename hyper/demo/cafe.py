"""The menu of the café: fixed content by path, and how long each takes to make.

Both sides of the demo check content by its digest in the form of RFC 9530, which suits a trailer
section: it is known only when the last octet has gone out.
"""

from __future__ import annotations

import base64
import hashlib

MILLISECOND = 0.001

#: Crumbs are many small requests at once; each is made in its own time, so that they come mixed.
CRUMBS = 20

#: Orders, and the time that each takes. Apart far enough to arrive one by one on a busy machine.
ORDERS = {"/kettle": 150 * MILLISECOND, "/toast": 100 * MILLISECOND, "/juice": 50 * MILLISECOND}

#: The page, and what its reader will need next.
PROMISES = {"/": ["/style.css", "/logo.svg"]}
HINT = ", ".join(f"<{path}>; rel=preload" for path in PROMISES["/"])

BOOK_SIZE = 4 << 20


def digest(content: bytes) -> str:
    """The value of content-digest (RFC 9530, 2)."""
    return spelled(hashlib.sha256(content))


def spelled(sha256: hashlib._Hash) -> str:
    """The same, of octets that a hash object was given piece by piece."""
    return f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"


def octets(size: int, seed: bytes) -> bytes:
    """That many octets, the same for the same seed, and without a pattern."""
    return hashlib.shake_256(seed).digest(size)


class Dish:
    """One answer: its content, its media type and the seconds it takes to make."""

    __slots__ = ("content", "delay", "media_type")

    def __init__(self, content: bytes, media_type: str = "text/plain", delay: float = 0.0) -> None:
        self.content: bytes = content
        self.media_type: str = media_type
        self.delay: float = delay


def menu() -> dict[str, Dish]:
    """Every path that is answered by GET."""
    dishes = {
        "/": Dish(b"<h1>Caf\xc3\xa9</h1>" * 100, "text/html", 20 * MILLISECOND),
        "/style.css": Dish(b"h1 { font: 3rem serif }\n" * 40, "text/css", 5 * MILLISECOND),
        "/logo.svg": Dish(b"<svg>" + b"<circle r='3'/>" * 200 + b"</svg>", "image/svg+xml"),
        "/book": Dish(octets(BOOK_SIZE, b"book"), "application/octet-stream"),
    }
    for path, delay in ORDERS.items():
        dishes[path] = Dish(f"Your {path[1:]}, please.\n".encode(), delay=delay)
    for number in range(CRUMBS):
        # Seven and twenty have no common divisor: every place in the order is taken once.
        delay = 5 * MILLISECOND * (number * 7 % CRUMBS)
        dishes[f"/crumb/{number}"] = Dish(b"%d" % number, delay=delay)
    return dishes
