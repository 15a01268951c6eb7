"""Progress of downloads and uploads, on the error output: bars by rich, or a line of figures."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

#: Seconds between two looks of the plain line.
INTERVAL = 0.2
UNITS = ("octets", "KiB", "MiB", "GiB", "TiB")


def size_words(size: float) -> str:
    """A number of octets, for a person: "1.5 MiB"."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.0f} {UNITS[0]}" if not unit else f"{size:.1f} {UNITS[unit]}"


class Progress:
    """The progress that is shown where nobody looks: nothing."""

    def begin(self, words: str, total: int | None, done: int = 0) -> Any:  # noqa: ARG002 - as below
        """Begin a line; the result is given to the others."""
        return None

    def told(self, task: Any, size: int) -> None:
        """Do nothing: nobody looks."""

    def end(self, task: Any) -> None:
        """Do nothing: nobody looks."""

    def close(self) -> None:
        """Do nothing: nothing was opened."""


class PlainProgress(Progress):
    """One line that is written over, for terminals without rich."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._looked = 0.0

    def begin(self, words: str, total: int | None, done: int = 0) -> Any:
        """Begin a line."""
        return {"words": words, "total": total, "done": done, "begin": time.monotonic()}

    def told(self, task: Any, size: int) -> None:
        """Count octets."""
        task["done"] += size
        now = time.monotonic()
        if now - self._looked >= INTERVAL:
            self._looked = now
            self._write(task, "\r")

    def _write(self, task: Any, start: str) -> None:
        done, total = task["done"], task["total"]
        share = f" {done / total:4.0%} of {size_words(total)}" if total else ""
        seconds = max(time.monotonic() - task["begin"], 1e-6)
        speed = f"{size_words(done / seconds)}/s"
        self._stream.write(f"{start}{task['words']} {size_words(done)}{share}, {speed}\x1b[K")
        self._stream.flush()

    def end(self, task: Any) -> None:
        """Write the line for the last time."""
        self._write(task, "\r")
        self._stream.write("\n")
        self._stream.flush()


class RichProgress(Progress):
    """A bar for each transfer, by rich. Any thread."""

    def __init__(self, console: Any) -> None:
        from rich import progress

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bars.start()

    def begin(self, words: str, total: int | None, done: int = 0) -> Any:
        """Begin a bar."""
        return self._bars.add_task(words, total=total, completed=done)

    def told(self, task: Any, size: int) -> None:
        """Move a bar."""
        self._bars.advance(task, size)

    def end(self, task: Any) -> None:
        """Have a bar stand where it is; one whose end was not known is at its end now."""
        bar = self._bars.tasks[self._bars.task_ids.index(task)]
        if bar.total is None:
            self._bars.update(task, total=bar.completed)
        self._bars.stop_task(task)

    def close(self) -> None:
        """Write the bars for the last time."""
        self._bars.stop()


def progress_for(screen: Any, when: str | None, *, is_wanted: bool) -> Progress:
    """Choose by --progress: bars where rich is there, one line without it, or nothing.

    Args:
        screen: of the error output.
        when: auto, always or never; None is auto.
        is_wanted: whether there is something that is worth a bar.
    """
    shows = when == "always" or (when != "never" and screen.is_terminal and is_wanted)
    if not shows:
        return Progress()
    if screen.console is not None:
        return RichProgress(screen.console)
    return PlainProgress(screen.stream)
