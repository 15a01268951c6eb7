"""Heads on a screen: requests and responses, interim ones, trailers, and the connection."""

from __future__ import annotations

import contextlib

from .screen import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .exchange import Exchange, Request
    from .screen import Screen
    from .watching import Watcher


def style_of(status: int) -> str:
    """The style of a status."""
    return f"{min(max(status // 100, 1), 5)}xx"


def show_fields(screen: Screen, fields: Iterable[tuple[str, Any]]) -> None:
    """Write fields, one a line; pseudo-header fields as they are."""
    for name, value in fields:
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        screen.line(
            (harmless(str(name)), "pseudo" if str(name).startswith(":") else "name"),
            ": ",
            (_one_line(text), "value"),
        )


def _one_line(text: str) -> str:
    """The value of a field, in UTF-8 if it is that, without control characters."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return harmless(text).replace("\n", "\\n").replace("\t", " ")


def show_request(screen: Screen, exchange: Exchange, *, is_http1: bool) -> None:
    """Write the head of a request, as it was on the wire where a trace has seen it."""
    request, seen = exchange.request, exchange.seen
    if seen is not None and not is_http1:
        fields = list(seen.fields)
        if not any(name.startswith(":") for name, _ in fields):
            fields = [*_pseudo(request), *fields]
        show_fields(screen, fields)
    elif is_http1:
        screen.line(
            (request.method, "title"),
            " ",
            (request.target.path, "value"),
            (" HTTP/1.1", "protocol"),
        )
        if seen is not None:
            show_fields(screen, [f for f in seen.fields if not f[0].startswith(":")])
        else:
            show_fields(screen, [("host", request.target.authority), *composed(request)])
    else:
        show_fields(screen, [*_pseudo(request), *composed(request)])
    screen.line()


def _pseudo(request: Request) -> list[tuple[str, str]]:
    target = request.target
    return [
        (":method", request.method),
        (":scheme", target.scheme),
        (":authority", request.header("host") or target.authority),
        (":path", target.path),
    ]


def composed(request: Request) -> list[tuple[str, str]]:
    """The fields of a request, for showing before it is sent."""
    fields = list(request.headers)
    content = request.content
    if content is not None and content.size is not None and not request.header("content-length"):
        fields.append(("content-length", str(content.size)))
    if request.priority:
        fields.append(("priority", request.priority))
    return fields


def show_informational(screen: Screen, response: Any) -> None:
    """Write the interim responses that came before a response (RFC 9110, 15.2)."""
    for status, fields in getattr(response, "informational", ()):
        show_status(screen, response, status, "")
        show_fields(screen, fields.items())
        screen.line()


def show_status(screen: Screen, response: Any, status: int, reason: str) -> None:
    """Write the status line: "HTTP/2 200 OK"; HTTP/2 has no reason of its own (8.3.2)."""
    version = {20: "2", 10: "1.0"}.get(response.version, "1.1")
    words = f"{status} {harmless(reason)}".rstrip()
    screen.line((f"HTTP/{version} ", "protocol"), (words, style_of(status)))


def show_response(screen: Screen, response: Any, *, is_verbose: bool) -> None:
    """Write the head of a response; is_verbose: with its pseudo-header field, as it is."""
    if is_verbose and response.version == 20:
        screen.line((":status", "pseudo"), ": ", (str(response.status), style_of(response.status)))
    else:
        show_status(screen, response, response.status, response.reason or "")
    show_fields(screen, response.getheaders())
    screen.line()


def show_trailers(screen: Screen, response: Any, *, is_behind_content: bool) -> None:
    """Write the trailer section, if there is one."""
    trailers = getattr(response, "trailers", None)
    if trailers:
        if is_behind_content:
            screen.line()
        show_fields(screen, trailers.items())


def show_connection(screen: Screen, exchange: Exchange, watcher: Watcher | None) -> None:
    """Write how the connection was made: addresses, TLS, ALPN, the certificate."""
    events = {} if watcher is None else watcher.connection_of(exchange)
    target = exchange.request.target
    connected, tls = events.get("Connected"), events.get("TLSDone")
    if watcher is not None and events and not watcher.is_first_on_it(exchange):
        number = exchange.seen.connection
        screen.line((f"* connection {number} to {target.authority} is used again", "note"))
        return
    where = f"{connected.address} port {connected.port}" if connected else target.authority
    screen.line((f"* connected to {target.host}, {harmless(where)}", "note"))
    if "Tunnelled" in events:
        screen.line((f"* through the proxy {harmless(events['Tunnelled'].proxy)}", "note"))
    if tls is not None:
        again = ", resumed" if tls.resumed else ""
        alpn = tls.alpn or "none"
        screen.line((f"* {tls.version}, {tls.cipher}, ALPN {alpn}{again}", "note"))
    for line in certificate_lines(getattr(exchange.connection, "sock", None)):
        screen.line((f"* {line}", "note"))


def certificate_lines(sock: Any) -> list[str]:
    """The certificate of a server in words; nothing if there is none, or nobody verified it."""
    try:
        certificate = sock.getpeercert() or {}
    except (AttributeError, OSError, ValueError):
        return []
    if not certificate:
        return []

    def names(part: str) -> str:
        pairs = [pair for entry in certificate.get(part, ()) for pair in entry]
        known = dict(pairs)
        return harmless(known.get("commonName") or known.get("organizationName") or "")

    hosts = ", ".join(harmless(name) for _, name in certificate.get("subjectAltName", ()))
    until = certificate.get("notAfter", "?")
    return [f"certificate for {hosts or names('subject')}, by {names('issuer')}, until {until}"]
