"""--curl: the same request as a curl command, to be pasted into a shell."""

from __future__ import annotations

import shlex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .arguments import Arguments
    from .exchange import Request

#: Options that curl has as well: hyper's name, and curl's; with a value or without.
SAME = (
    ("follow", "--location"),
    ("insecure", "--insecure"),
    ("ipv4", "--ipv4"),
    ("ipv6", "--ipv6"),
    ("http1_1", "--http1.1"),
    ("prior_knowledge", "--http2-prior-knowledge"),
    ("fail", "--fail-with-body"),
    ("download", "--remote-name"),
)
SAME_VALUES = (
    ("cacert", "--cacert"),
    ("cert", "--cert"),
    ("key", "--key"),
    ("proxy", "--proxy"),
    ("unix_socket", "--unix-socket"),
    ("output", "--output"),
    ("max_redirects", "--max-redirs"),
    ("connect_timeout", "--connect-timeout"),
    ("deadline", "--max-time"),
    ("retry", "--retry"),
    ("retry_delay", "--retry-delay"),
    ("interface", "--interface"),
    ("write_out", "--write-out"),
)


def curl_command(request: Request, arguments: Arguments) -> str:
    """The curl command that sends the same request."""
    return " ".join(map(shlex.quote, _words(request, arguments)))


def _words(request: Request, arguments: Arguments) -> Iterator[str]:
    content = request.content
    yield "curl"
    if request.method == "HEAD":
        yield "--head"
    elif request.method != ("GET" if content is None else "POST"):
        yield from ("--request", request.method)
    if not (arguments.http1_1 or arguments.prior_knowledge):
        yield "--http2"
    for name, flag in SAME:
        if getattr(arguments, name):
            yield flag
    for name, flag in SAME_VALUES:
        value = getattr(arguments, name)
        if value is not None:
            yield from (flag, f"{value:g}" if isinstance(value, float) else str(value))
    for address in arguments.resolve:
        yield from ("--resolve", address)
    if arguments.pin:
        yield from ("--pinnedpubkey", ";".join(arguments.pin))
    for name, value in request.headers:
        is_of_form = name.lower() == "content-type" and content is not None and content.parts
        if not is_of_form:
            yield from ("--header", f"{name}: {value}" if value else f"{name};")
    for name in sorted(request.without):
        yield from ("--header", f"{name}:")
    if request.priority:
        yield from ("--header", f"priority: {request.priority}")
    if content is not None:
        yield from _content(request)
    yield request.target.url


def _content(request: Request) -> Iterator[str]:
    content = request.content
    assert content is not None  # it was asked for
    if content.parts:
        for name, value in content.parts:
            yield from ("--form" if value.startswith("@") else "--form-string", f"{name}={value}")
    elif content.octets is not None:
        text = content.octets.decode("utf-8", "backslashreplace")
        yield from ("--data-raw", text)
    else:
        yield from ("--data-binary", content.words)
