"""Views of the trace: --frames, --waterfall, --har and --qlog, by hyper.trace."""

from __future__ import annotations

import shutil
import sys

import hyper
from hyper import trace

from .saving import cannot_write
from .screen import Screen, wants_colours, writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .arguments import Arguments

#: Columns of a waterfall where there is no terminal, and at most.
WIDTH, MOST_WIDTH = 100, 160


class Views:
    """The observers of one run, and what is made of what they have seen.

    Args:
        arguments: the command line. Frames are shown as they pass, all else at the end.
    """

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        colours = wants_colours(sys.stderr, arguments.color)
        self._screen = Screen(sys.stderr)
        self._colours = colours
        self._recorder = trace.Recorder(secrets=arguments.secrets, content=bool(arguments.har))
        self._observers: list[Any] = []
        if arguments.frames:
            frames: Any = trace.FrameLines(self._put, colours=colours)
            frames.wants_secrets = bool(arguments.secrets)
            self._observers.append(frames)
        if arguments.waterfall or arguments.waterfall_svg or arguments.har or arguments.qlog:
            self._observers.append(self._recorder)

    def _put(self, text: str) -> None:
        self._screen.put(text)
        self._screen.flush()

    def __enter__(self) -> Views:  # noqa: PYI034 - typing.Self is of 3.11
        for observer in self._observers:
            trace.install(observer)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        for observer in self._observers:
            trace.uninstall(observer)
        self._show()

    def _show(self) -> None:
        arguments, recorder = self._arguments, self._recorder
        if arguments.waterfall:
            columns = shutil.get_terminal_size((WIDTH, 24)).columns
            width = min(columns, MOST_WIDTH) if self._screen.is_terminal else WIDTH
            self._put(trace.waterfall(recorder, width=width, colours=self._colours))
        if arguments.waterfall_svg:
            _write(arguments.waterfall_svg, [trace.waterfall_svg(recorder)])
        if arguments.har:
            import json

            archive = trace.har(
                recorder, sanitized=not arguments.secrets, version=hyper.__version__
            )
            _write(arguments.har, [json.dumps(archive, indent=1, ensure_ascii=False), "\n"])
        if arguments.qlog:
            title = " ".join(arguments.urls)
            _write(arguments.qlog, trace.qlog(recorder, title="" if "@" in title else title))


def _write(path: str, pieces: Iterable[str]) -> None:
    """Write a file of a view; "-" is the output."""
    if path == "-":
        with writing():
            for piece in pieces:
                sys.stdout.buffer.write(piece.encode())
            sys.stdout.buffer.flush()
        return
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
    except OSError as error:
        raise cannot_write(path, error) from error
