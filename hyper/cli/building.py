"""From a command line to requests: method, URL, fields, content."""

from __future__ import annotations

import hyper
from hyper.fields import outgoing

from .content import content_of
from .exchange import Request
from .faults import UsageError
from .items import Items, read_items
from .sending import as_octets, credentials
from .urls import target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .arguments import Arguments
    from .body import Content
    from .urls import Target

#: The Accept field of a request whose data is JSON.
ACCEPT_JSON = "application/json, */*;q=0.5"


def requests_of(arguments: Arguments) -> list[Request]:
    """Make the request of each URL.

    Raises:
        UsageError: an item, a URL or a combination of options cannot be.
    """
    check(arguments)
    items = read_items(arguments.items)
    content = content_of(arguments, items)
    scheme = "http" if arguments.prior_knowledge or arguments.upgrade else "https"
    targets = [target_of(url, scheme, items.query) for url in arguments.urls]
    method = arguments.method or ("GET" if content is None else "POST")
    if content is not None and content.is_once and len(targets) > 1:
        raise UsageError("the input can be sent to one URL: write it to a file, and give @FILE")
    return [_request(arguments, items, content, method, target) for target in targets]


def check(arguments: Arguments) -> None:
    """Raise UsageError for options that contradict each other."""
    for names in (
        ("json", "form"),
        ("json", "multipart"),
        ("headers", "body"),
        ("headers", "print"),
        ("body", "print"),
        ("download", "continue"),
        ("prior_knowledge", "upgrade"),
        ("http1_1", "require_http2"),
        ("http1_1", "prior_knowledge"),
        ("http1_1", "upgrade"),
        ("upgrade", "require_http2"),
        ("unix_socket", "proxy"),
    ):
        if all(getattr(arguments, name) for name in names):
            words = " and ".join("--" + _dashes(name) for name in names)
            raise UsageError(f"{words} exclude each other: give one of them")
    if getattr(arguments, "continue") and not arguments.output:
        raise UsageError("-c goes on with a file: name it by -o FILE")
    if len(arguments.urls) > 1 and arguments.output not in (None, "-"):
        raise UsageError("-o names one file, and there are several URLs: use --download")
    if not arguments.urls:
        raise UsageError("a URL is missing: hyper [METHOD] URL [ITEM ...]; see hyper --help")


def _dashes(name: str) -> str:
    return "http1.1" if name == "http1_1" else name.replace("_", "-")


def _request(
    arguments: Arguments, items: Items, content: Content | None, method: str, target: Target
) -> Request:
    fields = _defaults(arguments, content)
    user = credentials(arguments, target.user, target.host)
    if user is not None:
        fields[user[0]] = user[1]
    without = set()
    headers: list[tuple[str, str]] = []
    for name, value in items.headers:
        fields.pop(name.lower(), None)
        if value is None:
            without.add(name.lower())
        else:
            headers.append((name, value))
    trailers = [_trailer(text) for text in arguments.trailer]
    for name, value in (*headers, *trailers):
        outgoing(name, as_octets(value))  # a mistake is told before anything is opened
    return Request(
        method,
        target,
        [*fields.items(), *headers],
        content,
        trailers or None,
        arguments.priority,
        frozenset(without),
    )


def _defaults(arguments: Arguments, content: Content | None) -> dict[str, str]:
    fields = {"user-agent": f"hyper/{hyper.__version__}", "accept": "*/*"}
    if arguments.json or (content is not None and content.media_type == "application/json"):
        fields["accept"] = ACCEPT_JSON
    if arguments.stream:
        fields["accept"] = "text/event-stream, application/x-ndjson, */*;q=0.5"
    if content is not None and content.media_type:
        fields["content-type"] = content.media_type
    if arguments.download or getattr(arguments, "continue"):
        # Octets of a file are counted, and gone on with: they are wanted as they are.
        fields["accept-encoding"] = "identity"
    return fields


def _trailer(text: str) -> tuple[str, str]:
    name, mark, value = text.partition(":")
    if not mark or not name:
        raise UsageError(f"--trailer takes NAME:VALUE, not {text!r}")
    return name, value.strip()
