"""The part of a long path that hyper uses: 64 MiB through a relay that delays both ways.

    python bench/delayed.py [--rounds 3] [--server nghttpd|nginx|node] [--plot docs/window.svg]

For round trips of 10 to 200 ms, as fast as the relay can and at 20 MB/s: seconds from the request
to the last octet on a connection that is up, beside a raw ``ssl`` socket that opens its windows to
2^31-1 octets before it asks, which is all that the path can give; and beside hyper with windows as
large, which is all that flow control could cost.  Rounds are interleaved, the best of each counts.

``--plot`` draws how a stream's share of memory grows where nothing helps: the first request on a
cleartext connection, whose round trip is not known, for content of unknown length (node).
"""

from __future__ import annotations

import argparse
import math
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose names are other packages

import hyper
from test.certificates import Certificates
from test.live.servers import SERVERS
from test.relay import Relay

SIZE = 64 << 20
PIECE = 64 * 1024
ROUND_TRIPS = (0.01, 0.05, 0.1, 0.2)
RATES = (None, 20e6)
PATHS = {"nghttpd": "/large", "nginx": "/large", "node": f"/bytes/{SIZE}"}


def raw(port, context, path):
    """No HTTP/2 layer, and windows that are never in the way."""
    context.set_alpn_protocols(["h2"])
    sock = context.wrap_socket(
        socket.create_connection(("localhost", port)), server_hostname="localhost"
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    window = struct.pack(">HL", 4, 2**31 - 1)
    sock.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + struct.pack(">LBL", len(window) << 8 | 4, 0, 0)
        + window
        + struct.pack(">LBLL", 4 << 8 | 8, 0, 0, 2**31 - 1 - 65535)
    )
    begin = time.monotonic()
    fields = {":authority": f"localhost:{port}", ":path": path}
    block = b"\x82\x87"  # GET, https
    for name, index in ((":authority", 1), (":path", 4)):
        value = fields[name].encode()
        block += bytes([index, len(value)]) + value
    sock.sendall(struct.pack(">LBL", len(block) << 8 | 1, 5, 1) + block)
    buffer, have, size, ended = bytearray(PIECE), 0, 0, False
    view, unpack = memoryview(buffer), struct.Struct(">LB").unpack_from
    while not ended:
        received = sock.recv_into(view[have:])
        if not received:
            raise ConnectionError("the server hung up")
        have += received
        start = 0
        while have - start >= 9:
            word, flags = unpack(buffer, start)
            stop = start + 9 + (word >> 8)
            if stop > have:
                break
            size += (word >> 8) * (word & 0xFF == 0)
            ended = ended or bool(flags & 1 and word & 0xFF < 2)
            start = stop
        buffer[: have - start] = buffer[start:have]
        have -= start
    seconds = time.monotonic() - begin
    sock.close()
    if size != SIZE:
        raise AssertionError(size)
    return seconds


def ours(port, context, path):
    """Ours, with its default settings."""
    with hyper.HTTP20Connection("localhost", port, ssl_context=context, timeout=60) as conn:
        conn.connect()
        return download(conn, path)


def unbounded(port, context, path):
    """Ours without flow control, so to speak: windows as large as can be (RFC 9113, 6.9.1)."""
    largest = 2**31 - 1
    with hyper.HTTP20Connection(
        "localhost",
        port,
        ssl_context=context,
        timeout=60,
        unread_limit=largest,
        settings={"SETTINGS_INITIAL_WINDOW_SIZE": largest},
    ) as conn:
        conn.connect()
        return download(conn, path)


def download(conn, path):
    """Seconds of one response, read as a program does that copies it elsewhere."""
    begin, size = time.monotonic(), 0
    conn.request("GET", path)
    response = conn.getresponse()
    while piece := response.read(PIECE):
        size += len(piece)
    if size != SIZE:
        raise AssertionError(size)
    return time.monotonic() - begin


def compare(server, context, path, rounds):
    """The table."""
    print(f"{'':42}unbounded  speed of hyper by that of")
    print(" round trip       path        raw      hyper      hyper        raw   unbounded")
    for rate in RATES:
        for round_trip in ROUND_TRIPS:
            best = dict.fromkeys((raw, ours, unbounded), float("inf"))
            with Relay(server.port, round_trip, rate) as relay:
                for _ in range(rounds):
                    for client, seconds in best.items():
                        best[client] = min(seconds, client(relay.port, context(), path))
            width = "unlimited" if rate is None else f"{rate / 1e6:.0f} MB/s"
            print(
                f"{round_trip * 1e3:8.0f} ms {width:>10} {best[raw]:8.3f} s {best[ours]:8.3f} s"
                f" {best[unbounded]:8.3f} s {best[raw] / best[ours]:9.0%}"
                f" {best[unbounded] / best[ours]:11.0%}",
                flush=True,
            )


class Watched(hyper.FlowControlManager):
    """The default, which notes its share and the time of each answer."""

    noted: ClassVar[list[tuple[float, int]]] = []

    def consumed(self, size):
        self.noted.append((time.monotonic(), self.share))
        return super().consumed(size)


def growth(server, round_trip):
    """(seconds, octets) of a stream's share; the first request, cleartext, of unknown length."""
    Watched.noted = []
    with Relay(server.port, round_trip) as relay:
        conn = hyper.HTTP20Connection(
            "127.0.0.1", relay.port, window_manager=Watched, secure=False, timeout=60
        )
        with conn:
            conn.connect()
            begin = time.monotonic()
            download(conn, f"/stream/{SIZE}")
    # The connection's own has the largest share of all.
    return [(when - begin, share) for when, share in Watched.noted if share < 2**30]


WIDTH, HEIGHT, LEFT, BOTTOM = 720, 360, 70, 50
COLOURS = ("#2a7f62", "#3465a4", "#b5651d", "#a4243b")
#: The same on a dark page.
DARK = ("#5cc9a0", "#7fb0ee", "#f0a25e", "#f2808f")
LEAST, MOST = 1 << 17, 1 << 26


def dark_style():
    """The colours of a dark page, in the place of those that the elements have."""
    rules = ['rect { fill: #1b1d21 } text { fill: #eeeeee } [stroke="#ddd"] { stroke: #3d4148 }']
    for light, dark in zip(COLOURS, DARK):
        rules.append(f'[stroke="{light}"] {{ stroke: {dark} }} [fill="{light}"] {{ fill: {dark} }}')
    return "\n".join(["<style>@media (prefers-color-scheme: dark) {", *rules]) + " }</style>"


def plot(curves, path):
    """Curves of (seconds, octets), octets in powers of two, as SVG."""
    longest = max(points[-1][0] for points in curves.values())
    doublings = (MOST // LEAST).bit_length() - 1

    def place(seconds, octets):
        height = math.log2(octets / LEAST) / doublings
        return (
            LEFT + seconds / longest * (WIDTH - LEFT - 20),
            HEIGHT - BOTTOM - height * (HEIGHT - BOTTOM - 20),
        )

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        dark_style(),
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for doubling in range(doublings + 1):
        octets = LEAST << doubling
        _, y = place(0, octets)
        label = f"{octets >> 20} MiB" if octets >> 20 else f"{octets >> 10} KiB"
        lines.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 20}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5) if longest / step <= 12)
    for number in range(int(longest / step) + 1):
        x, y = place(number * step, LEAST)
        lines.append(
            f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{number * step:g} s</text>'
        )
    for colour, (name, points) in zip(COLOURS, curves.items()):
        places, last = [], None
        for seconds, octets in points:
            if octets != last or seconds == points[-1][0]:
                x, y = place(seconds, octets)
                places.append(f"{'L' if places else 'M'}{x:.1f} {y:.1f}")
                if last is not None and octets != last:
                    places.insert(-1, f"L{x:.1f} {place(0, last)[1]:.1f}")
                last = octets
        x, y = place(*points[-1])
        lines.append(
            f'<path d="{"".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        lines.append(
            f'<text x="{min(x, WIDTH - 60):.1f}" y="{y - 6:.1f}" fill="{colour}"'
            f' text-anchor="middle">{name}</text>'
        )
    lines.append("</g></svg>\n")
    Path(path).write_text("\n".join(lines), "utf-8")


def main():
    """The table, and the plot if it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server", choices=list(PATHS), default="nghttpd")
    parser.add_argument("--plot", metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        certificates = Certificates(Path(directory))
        if options.plot:
            with SERVERS["node"]() as server:
                curves = {f"{rtt * 1e3:.0f} ms": growth(server, rtt) for rtt in ROUND_TRIPS}
            plot(curves, options.plot)
            return
        with SERVERS[options.server](certificates, files={"large": bytes(SIZE)}) as server:
            path = PATHS[options.server]
            compare(server, certificates.client_context, path, options.rounds)


if __name__ == "__main__":
    main()
