"""A report of the table as Markdown, and as a plot in SVG."""

from __future__ import annotations

from bench.table import WORKLOADS

WIDTH, BAR, GAP, LEFT = 720, 16, 6, 130
#: Beyond this ratio a bar is cut, so that the others can be told apart.
LARGEST = 12.0
COLORS = {"floor": "#999999", "http.client": "#999999", "hyper": "#c0392b"}
OTHER = "#5b7fa6"
#: The colours of a dark page.
DARK = (
    "<style>@media (prefers-color-scheme: dark) {"
    ' [fill="#ffffff"] { fill: #1b1d21 } text { fill: #eeeeee } }</style>'
)


def markdown(report):
    """Tables, one a workload."""
    device = report["device"]
    parts = [device[name] for name in ("date", "processor", "system", "python", "openssl")]
    parts += [f"load {device['load'][0]} at the beginning", f"median of {report['rounds']} rounds"]
    lines = ["; ".join(parts) + "."]
    for workload, found in report["workloads"].items():
        _, _, unit, reference = WORKLOADS[workload]
        lines += [
            "",
            f"### {workload}",
            "",
            f"| client | CPU / {reference} | least to most | wall / {reference} | us a {unit} |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, row in found.items():
            version = report["versions"].get(name, "")
            lines.append(
                f"| {name} {version} | {row['cpu_ratio']:.2f} |"
                f" {row['cpu_least']:.2f} to {row['cpu_most']:.2f} | {row['wall_ratio']:.2f} |"
                f" {row['microseconds']:.1f} |"
            )
    return "\n".join(lines) + "\n"


def svg(report):
    """Bars of the CPU ratios, one group a workload; shorter is better."""
    parts, y = [], 10
    for workload, found in report["workloads"].items():
        if not found:
            continue
        reference = WORKLOADS[workload][3]
        parts.append(
            f'<text x="10" y="{y + 14}" font-weight="bold">{workload}: CPU / {reference}</text>'
        )
        y += 24
        largest = min(LARGEST, max(row["cpu_ratio"] for row in found.values()))
        scale = (WIDTH - LEFT - 70) / largest
        for name, row in found.items():
            width = min(row["cpu_ratio"], largest) * scale
            color = COLORS.get(name, OTHER)
            is_cut = " (cut)" if row["cpu_ratio"] > largest else ""
            ratio = f"{row['cpu_ratio']:.2f}{is_cut}"
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{name}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{color}"/>',
                f'<text x="{LEFT + width + 5:.1f}" y="{y + 12}">{ratio}</text>',
            ]
            y += BAR + GAP
        y += 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}"'
        f' viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">\n{DARK}\n'
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
