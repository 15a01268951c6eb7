"""Make the pictures of docs/ that are drawn from the code: SVG, for light and dark pages.

    python tools/make_pictures.py

``states.svg`` is the table ``STREAM`` of ``protocol/states.py``. ``share.svg`` is a download by a
real ``Endpoint`` on a path and a clock that are calculated. ``transports.svg`` takes its names from
the classes, and ``pump.svg`` is written down here. Each run makes the same octets.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not tools/

from hyper.protocol import states
from hyper.proxy.stream_transport import TunnelTransport
from hyper.pump.pump import Pump
from hyper.transport.buffered import BufferedSocket
from hyper.transport.tcp import PlainTransport
from hyper.transport.tls.transport import TLSTransport
from tools.simulated_download import MIB, PAUSE, Sample, download

#: The width of each picture: a telephone shows it in its own size.
WIDTH = 370
#: A page on a larger screen shows it so wide.
SHOWN = 480

STYLE = """\
svg { font-family: ui-sans-serif, Helvetica, Arial, sans-serif; font-size: 12px;
  --ground: #fffdf8; --ink: #222; --soft: #5f5a4e; --line: #8a8577; --room: #fff;
  --live: #e6eff3; --in: #2a6f97; --out: #a8481f; --mark: #6b5b95 }
@media (prefers-color-scheme: dark) { svg {
  --ground: #1b1d21; --ink: #eee; --soft: #b3ada0; --line: #857f72; --room: #26292e;
  --live: #24363f; --in: #6fb7de; --out: #f0946a; --mark: #b3a2e0 } }
.ground { fill: var(--ground) } .room { fill: var(--room); stroke: var(--line) }
.live { fill: var(--live); stroke: var(--in) } .mark { fill: var(--live); stroke: var(--mark) }
text { fill: var(--ink); stroke: var(--ground); stroke-width: 0; text-anchor: middle }
.edge { font-size: 11px; paint-order: stroke; stroke-width: 4px } .bold { font-weight: 600 }
.small { font-size: 10px; fill: var(--ink) }
.soft { fill: var(--soft) }
.edge, .soft { font-size: 11px } .left { text-anchor: start }
.right { text-anchor: end }
.in { fill: var(--in) } .out { fill: var(--out) }
.in0 { stroke: var(--in) } .out0 { stroke: var(--out) }
path { fill: none; stroke: var(--line); stroke-width: 1.5 } .dash { stroke-dasharray: 4 4 }
"""


def picture(title: str, description: str, height: int, parts: list[str]) -> str:
    """Return a whole picture."""
    markers = "".join(
        f'<marker id="{way}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0 0L10 5L0 10z" class="{way}" style="stroke:none;'
        f'fill:var(--{way})"/></marker>'
        for way in ("in", "out")
    )
    size = f'width="{SHOWN}" height="{height * SHOWN // WIDTH}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size}>',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            f"<style>\n{STYLE}</style><defs>{markers}</defs>",
            f'<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>',
            *parts,
            "</svg>\n",
        ]
    )


def words(x: float, y: float, lines: str, kind: str = "", step: int = 13) -> str:
    """Return text, one line below the other."""
    return "".join(
        f'<text x="{x:.0f}" y="{y + step * index:.0f}" class="{kind}">{escape(line)}</text>'
        for index, line in enumerate(lines.split("\n"))
    )


def box(x: float, y: float, width: float, height: float, kind: str, text: str = "") -> str:
    """Return a box with its text in the middle."""
    top = y + height / 2 + 4 - 6.5 * text.count("\n")
    shape = f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'{shape} rx="4" class="{kind}"/>' + words(x + width / 2, top, text)


def wrap(text: str, most: int) -> str:
    """Return text in lines of so many characters at most, where its words allow."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) < most or not lines[-1]:
            lines[-1] = f"{lines[-1]} {word}".strip()
        else:
            lines.append(word)
    return "\n".join(lines)


# ------------------------------------------------------------------ states.svg

#: The middle of each state's box.
PLACES = {
    states.RESERVED_REMOTE: (64, 48),
    states.IDLE: (186, 48),
    states.OPEN: (186, 138),
    states.HALF_CLOSED_LOCAL: (64, 264),
    states.HALF_CLOSED_REMOTE: (186, 264),
    states.WITHHELD: (306, 264),
    states.CLOSED: (64, 410),
    states.CANCELLED: (256, 410),
}
#: A box's width and height.
STATE = (116, 40)
#: The states in which frames are exchanged.
LIVE = sorted(set(PLACES) - {states.IDLE, states.CLOSED, states.CANCELLED})
OURS = {states.SEND_HEADERS, states.SEND_END, states.SEND_RST, states.WITHHOLD}
#: How far along its arrow a label stands, and its side, if not in the middle and on the right.
LABELS = {
    (states.RESERVED_REMOTE, states.HALF_CLOSED_LOCAL): (0.4, "left"),
    (states.OPEN, states.HALF_CLOSED_LOCAL): (0.38, "right"),
    (states.OPEN, states.HALF_CLOSED_REMOTE): (0.8, "left"),
    (states.OPEN, states.WITHHELD): (0.36, "left"),
    (states.HALF_CLOSED_LOCAL, states.CLOSED): (0.18, "left"),
    (states.HALF_CLOSED_REMOTE, states.CLOSED): (0.45, "left"),
    (states.HALF_CLOSED_REMOTE, states.CANCELLED): (0.76, "right"),
}


def changes() -> dict[tuple[int, int], int]:
    """Return each change of state: {(state, event): next state}."""
    return {
        (state, event): cell
        for state, row in enumerate(states.STREAM)
        for event, cell in enumerate(row)
        if cell >= 0 and cell != state
    }


def common(found: dict[tuple[int, int], int]) -> dict[int, int]:
    """Return the events that end each live state in the same way: {event: next state}."""
    ends = {}
    for event in range(len(states.INPUT_NAMES)):
        cells = [found[state, event] for state in LIVE if (state, event) in found]
        if len(cells) == len(LIVE) and len(set(cells)) == 1:
            ends[event] = cells[0]
    return ends


def arrow(state: int, event: int, cell: int) -> str:
    """Return the arrow of one change, with the event's name."""
    (x0, y0), (x1, y1) = PLACES[state], PLACES[cell]
    way = "out" if event in OURS else "in"
    name = wrap(states.INPUT_NAMES[event], 13)
    share, side = LABELS.get((state, cell), (0.5, "left"))
    top, end = y0 + STATE[1] / 2, y1 - STATE[1] / 2
    x, y = x0 + (x1 - x0) * share, top + (end - top) * share
    y += 4 - 6.5 * name.count("\n")
    line = f'<path d="M{x0} {top:.0f}L{x1} {end:.0f}" class="{way}0" marker-end="url(#{way})"/>'
    return line + words(x + (7 if side == "left" else -7), y, name, f"edge {way} {side}")


def draw_states() -> str:
    """Draw the table STREAM: what changes the state of a stream."""
    found = changes()
    always = common(found)
    parts = [words(64, 18, "a promise", "soft"), words(186, 18, "a request", "soft")]
    for (state, event), cell in found.items():
        if state not in LIVE or event not in always:
            parts.append(arrow(state, event, cell))
    for state, (x, y) in PLACES.items():
        kind = "live" if state in LIVE else "room"
        text = states.STATE_NAMES[state].replace(" (", "\n(").replace("request ", "request\n")
        parts.append(box(x - STATE[0] / 2, y - STATE[1] / 2, *STATE, kind, text))
    y = 460
    parts.append(words(10, y, "From each of the coloured states:", "soft left"))
    for event, cell in always.items():
        y += 17
        way = "out" if event in OURS else "soft" if event == states.CONNECTION_ENDED else "in"
        text = f"{states.INPUT_NAMES[event]} → {states.STATE_NAMES[cell]}"
        parts.append(words(10, y, text, f"edge left {way}"))
    parts.append(words(360, 477, "orange: this side does it", "edge right out"))
    parts.append(words(360, 494, "blue: the peer does it", "edge right in"))
    return picture(
        "States of a stream",
        "Each arrow is a cell of the table STREAM in hyper/protocol/states.py.",
        int(y) + 16,
        parts,
    )


# -------------------------------------------------------------- transports.svg

TCP = "socket"
NAME, TLS, TUNNEL, PLAIN = (
    kind.__name__ for kind in (BufferedSocket, TLSTransport, TunnelTransport, PlainTransport)
)
#: The way to a server, and what stands on what, from the top.
STACKS = {
    "http://,\nUnix socket": [(PLAIN, ""), (TCP, "")],
    "https://, also\nthrough http://\nand socks5://\nproxies": [
        (TLS, "with the server"),
        (PLAIN, ""),
        (TCP, ""),
    ],
    "through an\nhttps:// proxy,\nHTTP/1.1": [
        (TLS, "with the server"),
        (TLS, "with the proxy"),
        (PLAIN, ""),
        (TCP, ""),
    ],
    "through an\nhttps:// proxy,\nHTTP/2": [
        (TLS, "with the server"),
        (TUNNEL, "CONNECT"),
        (TLS, "with the proxy"),
        (PLAIN, ""),
        (TCP, ""),
    ],
}


def draw_transports() -> str:
    """Draw how transports stand on each other, for four ways to a server."""
    floors = max(map(len, STACKS.values()))
    bottom = 78 + 50 * floors
    parts = [box(8, 12, 354, 44, "mark", f"{Pump.__name__}\nby {NAME}: it sees one transport")]
    for index, (way, stack) in enumerate(STACKS.items()):
        x = 8 + 90 * index
        top = bottom - 50 * len(stack)
        parts.append(f'<path d="M{x + 42} 56V{top}"/>')
        for name, end in stack:
            kind = "room" if name == TCP else "live"
            parts.append(box(x, top, 86, 45, kind))
            parts.append(words(x + 43, top + (20 if end else 27), name, "small"))
            parts.append(words(x + 43, top + 35, end, "small"))
            top += 50
            if name != TCP:
                parts.append(f'<path d="M{x + 42} {top - 5}V{top}"/>')
        parts.append(words(x + 42, bottom + 16, way, "soft"))
    return picture(
        "Transports",
        "Each column is one way to a server. A transport stands on the one below it.",
        bottom + 64,
        parts,
    )


# -------------------------------------------------------------------- pump.svg


class Turn(NamedTuple):
    """A span of one thread's time: rows of the picture, and what it does in them."""

    thread: str
    begin: int
    end: int
    kind: str
    text: str


LEADS, SLEEPS, WORKS = "mark", "room dash", "none"
#: Rows of the picture, from the top; time goes down.
TURNS = [
    Turn("A", 0, 4, LEADS, "leads: sends,\nreads for all,\nsleeps in poll"),
    Turn("B", 1, 3, SLEEPS, "follows: sleeps\nat its waiter"),
    Turn("C", 1, 4, SLEEPS, "follows"),
    Turn("B", 3, 5, WORKS, "has its response\nand works on it"),
    Turn("A", 4, 6, WORKS, "has its response\nand leaves"),
    Turn("C", 4, 6, LEADS, "leads"),
    Turn("B", 5, 6, SLEEPS, "follows"),
    Turn("B", 6, 7, LEADS, "leads"),
    Turn("C", 6, 7, WORKS, "has its response"),
]
#: One thread wakes or promotes another: the row, from whom, to whom, and the verb.
CALLS = [(3, "A", "B", "wakes"), (4, "A", "C", "promotes"), (6, "C", "B", "promotes")]
LANES = {"A": 64, "B": 186, "C": 308}
ROW = 54


def draw_pump() -> str:
    """Draw three threads at the pump: who leads, who follows, and who wakes whom."""
    top = 40
    parts = [words(x, 24, f"thread {name}", "bold") for name, x in LANES.items()]
    parts += [f'<path class="dash" d="M{x} {top}V{top + 7 * ROW}"/>' for x in LANES.values()]
    for turn in TURNS:
        x, y = LANES[turn.thread], top + ROW * turn.begin
        height = ROW * (turn.end - turn.begin) - 12
        if turn.kind == WORKS:
            parts.append(words(x, y + 22, turn.text, "edge soft"))
        else:
            parts.append(box(x - 54, y, 108, height, turn.kind, turn.text))
    for row, begin, end, verb in CALLS:
        x0, x1, y = LANES[begin], LANES[end], top + ROW * row - 6
        parts.append(f'<path d="M{x0} {y}H{x1}" class="out0" marker-end="url(#out)"/>')
        beside = x0 + (61 if x1 > x0 else -61)
        parts.append(words(beside, y - 4, verb, "edge out"))
    parts.append(
        words(12, top + 7 * ROW + 14, "Time goes down. One thread leads at a time.", "soft left")
    )
    return picture(
        "Three threads at one connection",
        "A leads, and wakes B when B's response has come. When A has its own, it promotes C,"
        " and C promotes B.",
        top + 7 * ROW + 28,
        parts,
    )


# ------------------------------------------------------------------- share.svg

LEFT, TOP, HIGH = 44, 34, 210


def area(below: list[float], above: list[float], columns: list[float], color: str) -> str:
    """Return the area between two curves."""
    there = [f"{x:.1f} {y:.1f}" for x, y in zip(columns, above)]
    back = [f"{x:.1f} {y:.1f}" for x, y in zip(reversed(columns), reversed(below))]
    return f'<path d="M{"L".join(there + back)}Z" style="fill:var(--{color});stroke:none"/>'


def steps(samples: list[Sample], scale: float) -> list[Sample]:
    """Return the last sample of each pixel; between two, nothing changes."""
    found: list[Sample] = []
    for sample in {int(sample.moment * scale): sample for sample in samples}.values():
        if found and sample.moment - found[-1].moment > 2 / scale:
            found.append(found[-1]._replace(moment=sample.moment))
        found.append(sample)
    return found


def draw_share() -> str:
    """Draw the three parts of one stream's share while a response comes."""
    samples = download()
    scale = (WIDTH - LEFT - 12) / samples[-1].moment
    samples = steps(samples, scale)
    most = max(sum(sample[1:]) for sample in samples)
    step = 2 if most > 5 * MIB else 1
    bottom = TOP + HIGH
    parts = []
    for mib in range(0, int(most / MIB) + 1, step):
        y = bottom - HIGH * mib * MIB / most
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 12}" style="stroke-width:.4"/>')
        parts.append(words(LEFT - 5, y + 4, f"{mib} MiB", "soft right"))
    columns = [LEFT + sample.moment * scale for sample in samples]
    floor = [float(bottom)] * len(samples)
    for index, color in ((3, "line"), (2, "out"), (1, "in")):
        ceiling = [y - HIGH * sample[index] / most for y, sample in zip(floor, samples)]
        parts.append(area(floor, ceiling, columns, color))
        floor = ceiling
    parts += [
        words(LEFT + tenth / 10 * scale, bottom + 17, f"{tenth / 10:g} s", "soft")
        for tenth in range(0, int(samples[-1].moment * 10) + 1, 5)
    ]
    keys = [
        ("in", "window: the peer may still send it"),
        ("out", "unread"),
        ("line", "read, not given back yet"),
    ]
    for index, (color, text) in enumerate(keys):
        y = bottom + 38 + 18 * index
        shape = (
            f'<rect x="{LEFT}" y="{y - 10}" width="12" height="12" style="fill:var(--{color})"/>'
        )
        parts.append(shape + words(LEFT + 20, y, text, "left"))
    middle = LEFT + sum(PAUSE) / 2 * scale
    parts.append(words(middle, TOP - 4, "the reader pauses", "soft"))
    parts.append(words(10, 14, "One stream's share of memory", "left bold"))
    return picture(
        "One share of memory over a download",
        "The share grows with what the path needs. While the reader pauses, the window becomes"
        " unread content, and nothing more comes.",
        bottom + 86,
        parts,
    )


PICTURES = {
    "states": draw_states,
    "transports": draw_transports,
    "pump": draw_pump,
    "share": draw_share,
}


def path_of(name: str) -> Path:
    """Return where a picture stands."""
    return ROOT / "docs" / f"{name}.svg"


def main() -> None:
    """Make all pictures."""
    for name, draw in PICTURES.items():
        path_of(name).write_text(draw(), "utf-8")
        print(path_of(name))


if __name__ == "__main__":
    main()
