"""hyper beside the other HTTP clients of Python, in one command.

    python -m bench environments                      make the clients' virtual environments
    python -m bench                                   all workloads, all clients that are there
    python -m bench sequential download --clients hyper pycurl --rounds 7
    python -m bench --markdown FILE --json FILE --svg FILE
    python -m bench counts                            calls and byte codes (counts.py)

It needs nghttpd, nginx and, for the figures of a client in C, h2load. The server runs on the first
processor, the client on the second.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main():
    """Look for the word that names another command, else measure."""
    if sys.argv[1:2] == ["counts"]:
        from bench import counts

        del sys.argv[1]
        counts.main()
        return
    from bench import environments, report, table
    from bench.clients import CLIENTS

    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "workloads", nargs="*", help=f"environments, or {', '.join(table.WORKLOADS)}"
    )
    parser.add_argument("--clients", nargs="+", default=[*CLIENTS, "h2load"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of requests")
    parser.add_argument("--in", dest="folder", type=Path, default=environments.FOLDER)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    if options.workloads[:1] == ["environments"]:
        sys.exit(1 if environments.make(options.workloads[1:], options.folder) else 0)
    unknown = {*options.workloads} - {*table.WORKLOADS} | {*options.clients} - {*CLIENTS, "h2load"}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    workloads = options.workloads or list(table.WORKLOADS)
    found = table.measure(workloads, options.clients, options.rounds, options.folder, options.scale)
    for path, text in (
        (options.markdown, report.markdown(found)),
        (options.json, json.dumps(found, indent=1) + "\n"),
        (options.svg, report.svg(found)),
    ):
        if path is not None:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
