"""A view of a trace: connections and exchanges as bars over time, as text and as SVG."""

from __future__ import annotations

import unicodedata
from html import escape
from itertools import groupby
from operator import itemgetter

from .exchange_list import gathered
from .frame_list import BLUE, BOLD, CYAN, DIM, GREEN, MAGENTA, RED, RESET, YELLOW, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .events import Event
    from .exchange_list import Connection, Exchange

    #: (phase, begin, end): a part of a bar, in seconds
    Part = tuple[str, float, float]

# The phases of a bar: in text a character and its colour, in SVG a colour.
PHASES = {
    "DNS": (".", YELLOW, "#d9a400"),
    "TCP": (":", BLUE, "#3b7dd8"),
    "proxy": ("~", CYAN, "#1a9a9a"),
    "TLS": ("+", MAGENTA, "#a04fc0"),
    "queued": (".", DIM, "#c8c8c8"),
    "send": (">", CYAN, "#1a9a9a"),
    "wait": ("-", YELLOW, "#8fa3b8"),
    "receive": ("=", GREEN, "#2e9e4f"),
    "pushed": ("*", MAGENTA, "#c05fa0"),
}
#: The colours of a dark page, in the place of those that the elements have.
SVG_DARK = """\
<style>@media (prefers-color-scheme: dark) {
[fill="#ffffff"] { fill: #1b1d21 } [fill="#222222"] { fill: #eeeeee }
[fill="#777777"], [fill="#555555"] { fill: #b3ada0 } [stroke="#e4e4e4"] { stroke: #3d4148 }
[fill="#b00020"] { fill: #ff8a80 } }</style>"""
#: Phases that are shown even where they took no time.
ALWAYS = frozenset(("send", "receive", "pushed"))
#: Columns of what stands behind a bar, at most; a reason may be long.
LONGEST_RIGHT = 44
#: Columns for text, where nobody says how many.
WIDTH = 100
#: Columns of a bar at least, and of the longest label.
LEAST_BAR, LONGEST_LABEL = 20, 40
#: Columns behind the bar: status, octets, and milliseconds until the end.
RIGHT = 24
# Sizes of the SVG, in pixels.
SVG_WIDTH, SVG_LABEL, SVG_ROW, SVG_RIGHT = 960, 290, 22, 240


class Row:
    """One bar: its label, its parts, and what stands behind it."""

    def __init__(self, label: str, parts: list[Part], right: str, *, is_bad: bool = False) -> None:
        self.label = label
        self.parts: list[Part] = [part for part in parts if part[2] > part[1] or part[0] in ALWAYS]
        self.right = right
        self.is_bad = is_bad


def between(phase: str, begin: float | None, end: float | None) -> list[Part]:
    """Return a phase as a list of parts: empty if one of its moments is not known."""
    return [] if begin is None or end is None or end < begin else [(phase, begin, end)]


def connection_parts(made: Connection) -> list[Part]:
    """Return the phases of a connection until requests could go out."""
    begin = made.connecting if made.resolved is None else made.resolved
    parts = between("DNS", made.opening, made.resolved)
    parts += between("TCP", begin if begin is not None else made.opening, made.connected)
    parts += between("proxy", made.connected, made.tunnelled)
    parts += between("TLS", made.tunnelled or made.connected, made.secured)
    return parts


def exchange_parts(exchange: Exchange, last: float) -> list[Part]:
    """Return the phases of an exchange; last: the moment at which one that is open is cut off."""
    end = exchange.ended
    if end is None:
        end = max(exchange.first or 0.0, last)
    if exchange.is_pushed:
        return between("wait", exchange.sent, exchange.head) + between(
            "pushed", exchange.head or exchange.sent, end
        )
    # An answer may come before the end of the request.
    sent = exchange.request_ended
    if sent is not None and exchange.head is not None:
        sent = min(sent, exchange.head)
    parts = between("queued", exchange.queued, exchange.sent)
    parts += between("send", exchange.sent, sent)
    parts += between("wait", sent or exchange.sent, exchange.head or end)
    if exchange.head is not None:
        parts += between("receive", exchange.head, end)
    return parts


def rows_of(events: Iterable[Event]) -> tuple[list[Row], float, float]:
    """Return the rows, and the moments at which the chart begins and ends."""
    gatherer = gathered(events)
    rows: list[Row] = []
    moments: list[float] = []
    lasts = [
        moment
        for each in gatherer.exchanges
        for moment in (each.sent, each.head, each.first, each.ended)
        if moment is not None
    ]
    last = max(lasts, default=0.0)
    for made in gatherer.connections.values():
        if not made.number:
            continue
        mine = [each for each in gatherer.exchanges if each.connection is made]
        parts = connection_parts(made)
        failed = made.opened is None and made.closed is not None
        if parts or mine or failed:
            rows.append(Row(*_connection_row(made, parts), is_bad=failed))
        moments += [moment for _, begin, end in parts for moment in (begin, end)]
        for exchange in mine:
            parts = exchange_parts(exchange, last)
            moments += [moment for _, begin, end in parts for moment in (begin, end)]
            bad = bool(exchange.error) or exchange.status >= 400
            rows.append(Row(_label(exchange), parts, _right(exchange), is_bad=bad))
    return rows, min(moments, default=0.0), max(moments, default=0.0)


def _connection_row(made: Connection, parts: list[Part]) -> tuple[str, list[Part], str]:
    label = f"{made.host or made.address}:{made.port}" if made.port else made.address
    times = [f"{phase} {1000 * (end - begin):.1f}" for phase, begin, end in parts]
    right = f"{', '.join(times)} ms" if times else ""
    if made.opened is None and made.why:
        right = made.why
    return label or f"connection {made.number}", parts, right


def _label(exchange: Exchange) -> str:
    mark = "*" if exchange.is_pushed else " "
    return (
        f"{mark}{exchange.stream or '':<3} {exchange.method} {exchange.path or exchange.authority}"
    )


def _right(exchange: Exchange) -> str:
    end = exchange.ended or exchange.head
    time = "" if end is None else f"{1000 * (end - exchange.begin):.1f} ms"
    status = str(exchange.status or "")
    if exchange.error:
        return f"{status} {exchange.error}".strip()
    return f"{status:>3} {size_in_words(exchange.size):>8} {time:>10}"


def size_in_words(size: int) -> str:
    """Return octets with a unit, such as "12.3 kB"."""
    if size < 1000:
        return f"{size} B"
    unit, value = "kB", size / 1000
    for larger in ("MB", "GB"):
        if value >= 1000:
            unit, value = larger, value / 1000
    return f"{value:.1f} {unit}"


def columns(text: str) -> int:
    """Return how many columns text takes on a terminal."""
    return sum(
        2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each)
        for each in text
    )


def fitted(text: str, width: int) -> str:
    """Return text in exactly so many columns: cut, with an ellipsis, or filled with spaces."""
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += "\N{HORIZONTAL ELLIPSIS}"
    return text + " " * (width - columns(text))


def waterfall(events: Iterable[Event], *, width: int = WIDTH, colours: bool = False) -> str:
    """Return a waterfall of streams and pushes over time, DNS, TCP and TLS before them, as text.

    Args:
        events: a ``Recorder``, or any events in their order.
        width: columns.
        colours: whether ANSI sequences are in it, for a terminal.
    """
    rows, begin, end = rows_of(events)
    if not rows:
        return "nothing was sent\n"
    longest = max(columns(shown(row.label)) for row in rows)
    right = max(RIGHT, *(min(LONGEST_RIGHT, columns(shown(row.right))) for row in rows))
    label = min(longest, LONGEST_LABEL, max(12, width - LEAST_BAR - right - 2))
    bar = max(LEAST_BAR, width - label - right - 2)

    def paint(text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{RESET}" if colours and any(codes) else text

    scale = f"0{_milliseconds(end - begin):>{bar - 1}}"
    lines = [f"{' ' * label} {paint(scale, DIM)}"]
    for row in rows:
        name = fitted(shown(row.label), label)
        codes = (RED,) if row.is_bad else (() if row.label[:1] in " *" else (BOLD,))
        cells = [(" ", "")] * bar
        for phase, start, stop in row.parts:
            first = _cell(start, begin, end, bar)
            last = max(first, _cell(stop, begin, end, bar))
            character, colour, _ = PHASES[phase]
            for index in range(first, last + 1):
                cells[index] = (character, colour)
        drawn = "".join(
            paint("".join(cell[0] for cell in run), colour)
            for colour, run in groupby(cells, key=itemgetter(1))
        )
        figures = paint(fitted(shown(row.right), right).rstrip(), RED if row.is_bad else DIM)
        lines.append(f"{paint(name, *codes)} {drawn} {figures}".rstrip())
    used = dict.fromkeys(phase for row in rows for phase, _, _ in row.parts)
    legend = "  ".join(f"{paint(PHASES[phase][0], PHASES[phase][1])} {phase}" for phase in used)
    size = sum(len(phase) + 4 for phase in used) - 2
    lines.append(" " * max(0, min(label + 1, width - size)) + legend)
    return "\n".join(lines) + "\n"


def _cell(moment: float, begin: float, end: float, cells: int) -> int:
    """Return the cell of a moment."""
    if end <= begin:
        return 0
    return min(cells - 1, int((moment - begin) / (end - begin) * cells))


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def waterfall_svg(events: Iterable[Event], *, title: str = "") -> str:
    """Return the waterfall as SVG, for documents and reports. It needs no font and no script.

    Args:
        events: a ``Recorder``, or any events in their order.
        title: what the picture is called for those who cannot see it.
    """
    rows, begin, end = rows_of(events)
    bar = SVG_WIDTH - SVG_LABEL - SVG_RIGHT
    span = end - begin or 1.0
    height = SVG_ROW * (len(rows) + 3)

    def place(moment: float) -> float:
        return SVG_LABEL + bar * (moment - begin) / span

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SVG_WIDTH}" height="{height}" role="img"',
        f'viewBox="0 0 {SVG_WIDTH} {height}" font-family="monospace" font-size="12">',
        f"<title>{escape(title or 'waterfall of requests')}</title>",
        SVG_DARK,
        f'<rect width="{SVG_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for tenth in range(6):
        x = SVG_LABEL + bar * tenth / 5
        parts.append(
            f'<line x1="{x:.1f}" y1="{SVG_ROW}" x2="{x:.1f}" y2="{height - 2 * SVG_ROW}"'
            ' stroke="#e4e4e4"/>'
            f'<text x="{x:.1f}" y="{SVG_ROW - 7}" text-anchor="middle" fill="#777777">'
            f"{_milliseconds((end - begin) * tenth / 5)}</text>"
        )
    for index, row in enumerate(rows):
        y = SVG_ROW * (index + 1)
        colour = "#b00020" if row.is_bad else "#222222"
        weight = "" if row.label[:1] in " *" else ' font-weight="bold"'
        parts.append(
            f'<text x="8" y="{y + 15}" fill="{colour}"{weight} xml:space="preserve">'
            f"{escape(fitted(shown(row.label), LONGEST_LABEL).rstrip())}</text>"
        )
        for phase, start, stop in row.parts:
            parts.append(
                f'<rect x="{place(start):.1f}" y="{y + 4}" rx="2"'
                f' width="{max(1.5, place(stop) - place(start)):.1f}" height="{SVG_ROW - 8}"'
                f' fill="{PHASES[phase][2]}"><title>{phase}'
                f" {_milliseconds(stop - start)}</title></rect>"
            )
        parts.append(
            f'<text x="{SVG_WIDTH - SVG_RIGHT + 8}" y="{y + 15}" fill="{colour}"'
            f' xml:space="preserve">{escape(shown(row.right))}</text>'
        )
    parts += _legend(rows, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(rows: list[Row], height: int) -> list[str]:
    used = dict.fromkeys(phase for row in rows for phase, _, _ in row.parts)
    return [
        f'<rect x="{SVG_LABEL + 80 * index}" y="{height - SVG_ROW - 4}" width="10" height="10"'
        f' fill="{PHASES[phase][2]}"/><text x="{SVG_LABEL + 80 * index + 15}"'
        f' y="{height - SVG_ROW + 5}" fill="#555555">{phase}</text>'
        for index, phase in enumerate(used)
    ]
