"""How the demo prints: one line for each thing that happened, in the order in which it did.

Each line has the time since the start, the stream, an arrow and words.  Colour is used only where
a terminal reads and ``NO_COLOR`` is not set; arrows become ASCII where the output cannot show them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

#: ECMA-48's graphic renditions.
RENDITIONS = {"bold": 1, "dim": 2, "red": 31, "green": 32, "magenta": 35, "cyan": 36}

#: Each kind of line: its arrow, the arrow in ASCII, its colour.
KINDS = {
    "asked": ("→", "->", "cyan"),
    "promised": ("⇠", "<~", "magenta"),
    "came": ("←", "<-", "green"),
    "wrong": ("✗", "!!", "red"),
    "said": (" ", "  ", "dim"),
}


class Timeline:
    """Printed lines, from any thread, and the expectations that they met or did not."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.colour: bool = out.isatty() and not os.environ.get("NO_COLOR")
        try:
            "".join(glyph for glyph, _, _ in KINDS.values()).encode(out.encoding or "ascii")
            self.column: int = 0
        except UnicodeEncodeError:
            self.column = 1
        self.start: float = time.perf_counter()
        self.lock: threading.Lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def elapsed(self) -> float:
        """Milliseconds since the start."""
        return (time.perf_counter() - self.start) * 1000

    def painted(self, rendition: str, text: str) -> str:
        """The text in that rendition, if colour is wanted."""
        return f"\x1b[{RENDITIONS[rendition]}m{text}\x1b[0m" if self.colour else text

    def scene(self, title: str) -> None:
        """Begin a new part of the story."""
        with self.lock:
            print(f"\n{self.painted('bold', title)}", file=self.out)

    def line(self, kind: str, text: str, stream_id: int | None = None) -> None:
        """Print what happened, on which stream, just now."""
        *glyphs, rendition = KINDS[kind]
        arrow = self.painted(rendition, glyphs[self.column])
        stream = "" if stream_id is None else str(stream_id)
        with self.lock:
            moment = self.painted("dim", f"{self.elapsed():8.1f} ms")
            print(f"{moment} {stream:>4} {arrow} {text}", file=self.out, flush=True)

    def count(self, what: str, amount: int = 1) -> None:
        """Add to one of the totals."""
        with self.lock:
            self.counts[what] += amount

    def expect(self, what: str, met: object) -> None:
        """Print nothing if the expectation is met; else a line, and the demo ends with code 1."""
        if not met:
            self.count("wrong")
            self.line("wrong", f"expected: {what}")

    def total(self) -> int:
        """Print the totals; returns 0 if every expectation was met, else 1."""
        counts = self.counts
        verdict = f"{counts['wrong']} NOT as expected" if counts["wrong"] else "all as expected"
        print(
            f"\n{counts['requests']} requests and {counts['pushes']} pushes on one connection,"
            f" {counts['octets']:,} octets of content,\n{counts['trailers']} trailer sections,"
            f" {self.elapsed() / 1000:.2f} s: {verdict}.",
            file=self.out,
        )
        return 1 if counts["wrong"] else 0
