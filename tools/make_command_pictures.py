"""Make the pictures of docs/command.rst: the command, run on a pseudo-terminal, as SVG by rich.

    python tools/make_command_pictures.py        # needs hyper[cli,demo], and Linux or macOS

The server is that of ``hyper.demo``. The pictures differ from run to run, in times and ports.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not tools/

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from hyper.demo.server import Server

#: Columns of the terminal.
WIDTH = 100

#: The file, and the words of the command; PORT is the server's.
PICTURES = {
    "command-page": ["-p", "ihtp", ":PORT/"],
    "command-verbose": [
        *("-v", ":PORT/order", "name=toast", "slices:=2", "X-Table:7"),
        # The server compares it with what it has received.
        *("--trailer", "content-digest:sha-256=:44rBhzTsswTtByArrYOW5+SPN/QCC0rSD0UqeaHEDNg=:"),
    ],
    "command-download": ["-d", ":PORT/book"],
    "command-waterfall": [
        *("--waterfall", ":PORT/", ":PORT/kettle", ":PORT/toast", ":PORT/juice", ":PORT/book"),
    ],
    "command-frames": ["--frames", ":PORT/juice"],
}

#: Light text on a dark ground, in which each colour can be read.
THEME = TerminalTheme(
    (30, 32, 38),
    (220, 222, 226),
    [
        (70, 74, 84),
        (240, 113, 120),
        (140, 205, 120),
        (240, 200, 110),
        (110, 170, 250),
        (205, 150, 230),
        (100, 205, 215),
        (220, 222, 226),
    ],
    [
        (140, 146, 158),
        (250, 130, 135),
        (160, 220, 140),
        (250, 215, 130),
        (135, 190, 255),
        (220, 170, 240),
        (125, 220, 230),
        (255, 255, 255),
    ],
)


def shown(words: list[str], directory: str) -> str:
    """Run the command on a terminal, in a directory, and return what it writes there."""
    with Server() as server:
        authority = Path(directory) / "authority.pem"
        server.authority.cert_pem.write_to_path(str(authority))
        words = [word.replace("PORT", str(server.port)) for word in words]
        ours, theirs = pty.openpty()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "COLUMNS": str(WIDTH),
            "LINES": "50",
        }
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "hyper", "--cacert", str(authority), *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=directory,
        )
        os.close(theirs)
        octets = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to tell the end
                break
            if not piece:
                break
            octets += piece
        os.close(ours)
        process.wait()
    return f"$ hyper {' '.join(words)}\n{octets.decode()}"


def last_state(text: str) -> str:
    """Return what is left on the screen of lines that were written over."""
    text = text.replace("\r\n", "\n").replace("\x1b[?25l", "").replace("\x1b[?25h", "")
    return "\n".join(re.split(r"\r(?:\x1b\[2K)?", line)[-1] for line in text.split("\n"))


def picture(text: str) -> str:
    """Return a text with ANSI sequences as SVG, without the fonts that rich would fetch."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(last_state(text).rstrip("\n")))
    console.print()  # the last line is cut else
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="hyper", theme=THEME, code_format=form)


def main(names: list[str]) -> None:
    """Make the pictures that are named, or all."""
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as directory:
            text = shown(PICTURES[name], directory)
        path = ROOT / "docs" / f"{name}.svg"
        path.write_text(picture(text), "utf-8")
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
