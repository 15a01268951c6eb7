"""Pushes: each is listed, or saved to a file (RFC 9113, 8.4)."""

from __future__ import annotations

from hyper.errors import HTTPException

from . import heads
from .progress import size_words
from .screen import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .exchange import Exchange
    from .run import Run


def receive_pushes(run: Run, exchange: Exchange, turn: Callable[[], None]) -> None:
    """Read the responses that came with one, and list or save them.

    It is called when the response was read: a promise comes before its end (8.4.1).
    """
    pushes = list(exchange.connection.getpushes(exchange.response.stream_id))
    if not pushes:
        return
    shows = "p" in run.what
    saves = run.arguments.push == "save"
    turn()
    screen = run.screen if shows else run.error_screen
    if shows:
        screen.line()
    for push in pushes:
        exchange.pushes.append(push)
        words = f"{push.method} {harmless(push.path)}"
        try:
            response = push.getresponse()
            content = response.read()
        except (HTTPException, OSError) as error:
            if shows or saves:
                screen.line(("⇠ ", "push"), (words, "push"), ": ", (harmless(str(error)), "error"))
            continue
        if shows:
            kind = harmless(response.getheader("content-type") or "")
            screen.line(
                ("⇠ ", "push"),
                (words, "push"),
                " ",
                (str(response.status), heads.style_of(response.status)),
                f" {kind} ",
                (size_words(len(content)), "figure"),
                (f"  stream {push.stream_id}", "note"),
            )
        if saves:
            from . import saving

            file, path = saving.opened_new(
                saving.name_of_path(push.path, response.getheader("content-type") or "")
            )
            saving.save(iter((content,)), file, path, run.ignore)
            run.note(f"saved {path}, {len(content):,} octets, pushed")
    screen.flush()
