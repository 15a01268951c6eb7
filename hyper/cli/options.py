"""The table of options. The parser, both helps, the man page and the completions come from it."""

from __future__ import annotations

from .option import MANY, Option


def seconds(text: str) -> float:
    """Read a number of seconds that is not negative; ``1m`` and ``500ms`` are ones, too."""
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if text.endswith(unit):
            text, scale = text[: -len(unit)], factor
            break
    else:
        scale = 1.0
    number = float(text) * scale
    if not number >= 0:
        raise ValueError
    return number


def count(text: str) -> int:
    """Read a whole number above zero; ``64k`` and ``1M`` are ones, too (powers of 1,024)."""
    power = {"k": 10, "m": 20, "g": 30}.get(text[-1:].lower(), 0)
    number = int(text[:-1] if power else text) << power
    if number < 1:
        raise ValueError
    return number


#: Values of --color, and of --pretty.
WHEN = ("auto", "always", "never")
PRETTY = ("all", "format", "none")
#: Programs of which completions are made, and the manuals.
GENERATED = ("bash", "zsh", "fish", "powershell", "man", "rst")

_REQUEST = (
    Option("-j --json", "the data items are a JSON object, which is the default"),
    Option(
        "-f --form",
        "the data items are a form",
        "With a file among the items (name@path) it is sent as multipart/form-data, else as"
        " application/x-www-form-urlencoded.",
    ),
    Option("--multipart", "the data items are multipart/form-data, also without a file"),
    Option(
        "--raw",
        "send this text as the content, @FILE for a file, @- for the input",
        metavar="TEXT",
        files=True,
    ),
    Option("--trailer", "send a trailer field after the content", metavar="NAME:VALUE", kind=MANY),
    Option("-a --auth", "log in; the password is asked for if it is missing", metavar="NAME[:PW]"),
    Option(
        "-A --auth-type",
        "how to log in; with bearer, the value of --auth is a token",
        choices=("basic", "bearer"),
    ),
    Option(
        "--netrc",
        "log in by ~/.netrc, or by the file that NETRC names, where it knows the host",
    ),
    Option(
        "--session",
        "send the cookies of this file, and keep in it those that come",
        "It has the form that curl reads (-b) and writes (-c).",
        metavar="FILE",
        files=True,
    ),
    Option("-F --follow", "follow redirects"),
    Option("--max-redirects", "at most so many; 30 by default", metavar="N", convert=count),
    Option("--priority", "ask for a priority (RFC 9218), such as u=1,i", metavar="PRIORITY"),
    Option(
        "--retry",
        "try again up to N times",
        "The request goes out again after a failure to connect, where the server guarantees not"
        " to have processed it, after 408, 429, 500, 502, 503, 504, 522 and 524, and after any"
        " other failure if its method is idempotent. The pauses are 1, 2, 4 ... 60 seconds, or"
        " what Retry-After says.",
        metavar="N",
        convert=count,
    ),
    Option(
        "--retry-delay", "seconds between two tries, always the same", metavar="S", convert=seconds
    ),
)

_OUTPUT = (
    Option(
        "-v --verbose",
        "show the connection, both heads, and the content that is sent",
    ),
    Option("-h --headers", "show the head of the response alone; alone, -h is --help"),
    Option("-b --body", "show the content of the response alone"),
    Option(
        "-p --print",
        "show these: c connection, H request head, B request content, i informational"
        " responses, h head, b content, t trailers, p pushes, m figures",
        "The default is ihbtp on a terminal, and b if the output goes elsewhere.",
        metavar="WHAT",
    ),
    Option("--meta", "show times and sizes after the response"),
    Option("--meta-json", "show times and sizes as JSON, on the error output"),
    Option(
        "-w --write-out",
        "at the end, show figures by curl's names",
        "For example '%{http_code} %{time_total}\\n'. %header{NAME} is a field of the response,"
        " %{json} has all figures. @FILE reads the format from a file.",
        metavar="FORMAT",
    ),
    Option("--frames", "show every frame, with its time, on the error output"),
    Option(
        "--waterfall",
        "show the streams over time, on the error output",
        "On a terminal, --waterfall and --frames show nothing else, unless -v, -p or -b asks.",
    ),
    Option("--waterfall-svg", "save the same as a picture", metavar="FILE", files=True),
    Option(
        "--har",
        "save everything as a HAR 1.2 file (HTTP Archive); - is the output",
        "It has the content, which stays in memory until then.",
        metavar="FILE",
        files=True,
    ),
    Option(
        "--qlog", "save the frames as qlog (JSON-SEQ); - is the output", metavar="FILE", files=True
    ),
    Option(
        "--secrets",
        "keep credentials and cookies in what --frames, --har and --qlog show",
        "Without it, their values are replaced.",
    ),
    Option(
        "-S --stream",
        "show the content as it comes, line by line",
        "Events (text/event-stream) and JSON lines are always shown so.",
    ),
    Option(
        "--pretty",
        "format JSON: all is always, format on a terminal, none never",
        choices=PRETTY,
    ),
    Option(
        "--color",
        "colours: on a terminal, always, or never",
        "NO_COLOR switches them off, FORCE_COLOR on; NO_COLOR wins. Colours need rich (pip install"
        " 'hyper[cli]').",
        choices=WHEN,
    ),
    Option("-q --quiet", "show nothing but errors"),
)

_FILES = (
    Option(
        "-d --download",
        "save the content to a file, with progress; follows redirects, fails by status",
        "The name comes from Content-Disposition or from the URL. A file that is there is not"
        " overwritten: the next free name is taken.",
    ),
    Option(
        "-o --output", "save the content to this file; - is the output", metavar="FILE", files=True
    ),
    Option("-c --continue", "go on with a file that was saved in part; needs -o"),
    Option(
        "--push",
        "pushed responses: list them, save them to files, or refuse them",
        "Without it they are listed on a terminal, and refused otherwise.",
        choices=("list", "save", "off"),
    ),
    Option("--progress", "show progress: on a terminal, always, or never", choices=WHEN),
)

_CONNECTION = (
    Option(
        "-t --timeout",
        "seconds that each wait may take; 30 by default, 0 for no limit",
        metavar="S",
        convert=seconds,
    ),
    Option("--connect-timeout", "seconds for connecting", metavar="S", convert=seconds),
    Option("--deadline", "seconds for everything together", metavar="S", convert=seconds),
    Option("-x --proxy", "go through a proxy: http, https, h2c, socks5, socks5h", metavar="URL"),
    Option("--no-proxy", "do not go through the proxy that the environment names"),
    Option("--unix-socket", "the server is behind this Unix socket", metavar="PATH", files=True),
    Option(
        "--resolve",
        "take this address for a name, as curl does",
        metavar="HOST:PORT:ADDR",
        kind=MANY,
    ),
    Option("-4 --ipv4", "connect over IPv4"),
    Option("-6 --ipv6", "connect over IPv6"),
    Option("--interface", "connect from this address of this machine", metavar="ADDR"),
    Option("--prior-knowledge", "speak HTTP/2 in cleartext at once (RFC 9113, 3.3)"),
    Option("--upgrade", "ask a cleartext server to change to HTTP/2 (RFC 7540, 3.2)"),
    Option("--http1.1", "speak HTTP/1.1"),
    Option("--require-http2", "fail rather than speak HTTP/1.1"),
    Option(
        "--settings",
        "announce a setting (RFC 9113, 6.5.2), such as MAX_FRAME_SIZE=32768",
        metavar="NAME=N",
        kind=MANY,
    ),
    Option(
        "--window", "octets of a stream's receive window at the start", metavar="N", convert=count
    ),
    Option("--parallel", "requests at once; 50 by default", metavar="N", convert=count),
)

_TLS = (
    Option(
        "--cacert", "trust the authorities in this file or directory", metavar="FILE", files=True
    ),
    Option("-E --cert", "the client's certificate, in PEM", metavar="FILE", files=True),
    Option("--key", "the client's key, if it is not in the same file", metavar="FILE", files=True),
    Option(
        "--pin",
        "accept this server's key alone: sha256//BASE64, as curl has it, or the certificate's"
        " SHA-256 in hexadecimal",
        metavar="PIN",
        kind=MANY,
    ),
    Option("-k --insecure", "do not verify the server: anybody may read and change everything"),
    Option(
        "--keylog", "write the keys of TLS to this file, for Wireshark", metavar="FILE", files=True
    ),
)

_TOOLS = (
    Option("--fail", "fail by status: exit code 3 for 3xx, 4 for 4xx, 5 for 5xx"),
    Option("--check-status", "the same as --fail"),
    Option(
        "--ping", "measure N round trips by PING, and send no request", metavar="N", convert=count
    ),
    Option("--bench", "send the request N times, and show figures", metavar="N", convert=count),
    Option(
        "-m --concurrent", "requests at once of --bench; 10 by default", metavar="M", convert=count
    ),
    Option("--curl", "print the same as a curl command, and send nothing"),
    Option(
        "--from-curl",
        "read a curl command, as browsers copy it, from a file or the input (-)",
        metavar="FILE",
        files=True,
    ),
    Option("--offline", "show the request, and send nothing"),
    Option("--generate", "print a completion script or a manual", choices=GENERATED),
    Option("--version", "print the version"),
    Option("--help", "print this help"),
    Option("--manual", "print the long help"),
)

#: The options, by the heading under which they stand.
TABLE: dict[str, tuple[Option, ...]] = {
    "Request": _REQUEST,
    "What is shown": _OUTPUT,
    "Files": _FILES,
    "Connection": _CONNECTION,
    "TLS": _TLS,
    "Other": _TOOLS,
}

#: All of them.
OPTIONS: tuple[Option, ...] = tuple(option for group in TABLE.values() for option in group)

#: The forms of items, and what they stand for.
ITEMS = (
    ("Name:value", "a header field; 'Name:' takes a default away, 'Name;' sends it empty"),
    ("name==value", "a parameter of the query"),
    ("name=value", "a text of the JSON object or of the form; a[b][0]=c is nested JSON"),
    ("name:=json", "a JSON value: n:=1, on:=true, list:='[1,2]'"),
    ("name@path", "a file of a form; name@path;type=text/csv says its media type"),
    ("name=@path, name:=@path", "the same as = and :=, with the value in a file"),
    ("Name:@path, name==@path", "the same as : and ==, with the value in a file"),
    ("@path, @-", "the content: a file, or the input"),
)
