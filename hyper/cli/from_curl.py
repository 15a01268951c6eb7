"""--from-curl: read a curl command, as browsers copy it ("Copy as cURL")."""

from __future__ import annotations

import re
import shlex
import sys

from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .arguments import Arguments

#: curl's options that take a value and mean what an option here means.
VALUES = {
    "--cacert": "cacert",
    "-E": "cert",
    "--cert": "cert",
    "--key": "key",
    "-x": "proxy",
    "--proxy": "proxy",
    "--unix-socket": "unix_socket",
    "-o": "output",
    "--output": "output",
    "-w": "write_out",
    "--write-out": "write_out",
}
FLAGS = {
    "-L": "follow",
    "--location": "follow",
    "-k": "insecure",
    "--insecure": "insecure",
    "-4": "ipv4",
    "--ipv4": "ipv4",
    "-6": "ipv6",
    "--ipv6": "ipv6",
    "--http1.1": "http1_1",
    "--http2-prior-knowledge": "prior_knowledge",
    "-f": "fail",
    "--fail": "fail",
    "--fail-with-body": "fail",
    "-v": "verbose",
    "--verbose": "verbose",
}
#: Options that change nothing here.
IGNORED = frozenset(
    (
        *("--compressed", "-s", "--silent", "-S", "--show-error", "-sS", "--http2"),
        *("-i", "--include", "-#", "--progress-bar", "-g", "--globoff", "--tcp-nodelay"),
    )
)
DATA = ("-d", "--data", "--data-ascii", "--data-raw", "--data-binary", "--json")
#: A word in bash's $'...' quotes, in which browsers write line feeds and quotes.
ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
NAMED = {"n": "\n", "r": "\r", "t": "\t"}


def words_of(command: str) -> list[str]:
    """Cut a command into words, as a shell would.

    Raises:
        UsageError: a quotation has no end.
    """
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(ESCAPE.sub(_character, found[1]))
        return f"\0{len(kept) - 1}\0"

    text = ANSI.sub(keep, command.replace("\\\r\n", " ").replace("\\\n", " "))
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"the curl command cannot be read: {error}") from None
    return [re.sub("\0(\\d+)\0", lambda found: kept[int(found[1])], word) for word in words]


def _character(found: re.Match[str]) -> str:
    text = found[1]
    if len(text) > 1:
        return chr(int(text[1:], 16))
    return NAMED.get(text, text)


def read_curl(arguments: Arguments) -> None:
    """Read the curl command that --from-curl names, and take it over.

    Raises:
        UsageError: it is not a curl command, or has an option that hyper does not know.
    """
    if arguments.from_curl == "-":
        text = sys.stdin.read()
    else:
        try:
            with open(arguments.from_curl, encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the file {arguments.from_curl!r} cannot be read: {error}") from error
    words = words_of(text)
    if not words or words[0] not in ("curl", "curl.exe"):
        raise UsageError("--from-curl reads a command that begins with curl")
    _Reader(arguments, words[1:]).read()


class _Reader:
    """Takes the words of a curl command over into arguments."""

    def __init__(self, arguments: Arguments, words: list[str]) -> None:
        self._arguments = arguments
        self._words = words
        self._data: list[str] = []
        self._urls: list[str] = []
        self._items: list[str] = []
        self._method = ""
        self._as_query = False
        self._special: dict[str, Callable[[str], None]] = {
            "-X": self._set_method,
            "--request": self._set_method,
            "-H": self._add_header,
            "--header": self._add_header,
            "-A": lambda value: self._add_header(f"User-Agent: {value}"),
            "--user-agent": lambda value: self._add_header(f"User-Agent: {value}"),
            "-e": lambda value: self._add_header(f"Referer: {value}"),
            "--referer": lambda value: self._add_header(f"Referer: {value}"),
            "-b": lambda value: self._add_header(f"Cookie: {value}"),
            "--cookie": lambda value: self._add_header(f"Cookie: {value}"),
            "-u": self._set_user,
            "--user": self._set_user,
            "-F": self._add_part,
            "--form": self._add_part,
            "--form-string": self._add_part,
            "--url": self._urls.append,
            "--resolve": arguments.resolve.append,
            "-m": lambda value: setattr(arguments, "deadline", float(value)),
            "--max-time": lambda value: setattr(arguments, "deadline", float(value)),
            "--connect-timeout": lambda value: setattr(arguments, "connect_timeout", float(value)),
            "--retry": lambda value: setattr(arguments, "retry", int(value)),
        }

    def read(self) -> None:
        """Take all words."""
        words = self._words
        while words:
            self._take(words.pop(0))
        self._finish()

    def _take(self, word: str) -> None:
        if not word.startswith("-") or word == "-":
            self._urls.append(word)
            return
        name, mark, value = word.partition("=")
        if not (word.startswith("--") and mark):
            name, value, mark = word, "", ""
        if name in IGNORED:
            return
        if name in FLAGS:
            setattr(self._arguments, FLAGS[name], True)
        elif name in ("-I", "--head"):
            self._method = "HEAD"
        elif name in ("-G", "--get"):
            self._as_query = True
        elif name in DATA or name in VALUES or name in self._special or name == "--data-urlencode":
            self._take_value(name, value if mark else self._next(name))
        elif len(name) > 2 and name[1] != "-":  # -XPOST, or flags in one word
            self._take_joined(name)
        else:
            raise UsageError(f"the curl command has the option {name}, which hyper does not know")

    def _take_joined(self, word: str) -> None:
        short = word[:2]
        if short in IGNORED or short in FLAGS:
            self._take(short)
            self._take("-" + word[2:])
        else:
            self._words.insert(0, word[2:])
            self._take(short)

    def _next(self, name: str) -> str:
        if not self._words:
            raise UsageError(f"the curl command ends after {name}, which takes a value")
        return self._words.pop(0)

    def _take_value(self, name: str, value: str) -> None:
        if name in DATA:
            self._data.append(value)
            if name == "--json":
                self._arguments.json = True
        elif name == "--data-urlencode":
            from urllib.parse import quote

            key, mark, text = value.partition("=")
            self._data.append(f"{key}={quote(text)}" if mark else quote(value))
        elif name in VALUES:
            setattr(self._arguments, VALUES[name], value)
        else:
            self._special[name](value)

    def _set_method(self, value: str) -> None:
        self._method = value

    def _set_user(self, value: str) -> None:
        self._arguments.auth = value

    def _add_header(self, value: str) -> None:
        name, mark, text = value.partition(":")
        if not mark:  # 'Name;' is sent empty
            self._items.append(f"{_escaped(name.rstrip(';'))};")
        elif not name:  # :authority and its like, as a browser shows them
            return
        else:
            self._items.append(f"{_escaped(name)}:{text.strip()}")

    def _add_part(self, value: str) -> None:
        self._arguments.multipart = True
        name, _, text = value.partition("=")
        mark = "" if text.startswith("@") else "="
        self._items.append(f"{_escaped(name)}{mark}{text}")

    def _finish(self) -> None:
        arguments = self._arguments
        if not self._urls:
            raise UsageError("the curl command names no URL")
        data = "&".join(self._data)
        if self._data and self._as_query:
            mark = "&" if "?" in self._urls[0] else "?"
            self._urls[0] += mark + data
        elif self._data:
            arguments.raw = data
            arguments.form = not arguments.json and not self._has_type()
        arguments.urls = [
            url if "://" in url else f"http://{url}" for url in (*self._urls, *arguments.urls)
        ]
        arguments.items = [*self._items, *arguments.items]
        arguments.method = arguments.method or self._method

    def _has_type(self) -> bool:
        return any(item.lower().startswith("content-type:") for item in self._items)


def _escaped(name: str) -> str:
    """A name in which nothing is taken for a separator."""
    return re.sub(r"([\\=@:;])", r"\\\1", name)
