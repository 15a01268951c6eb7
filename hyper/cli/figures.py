"""Figures of an exchange: times, sizes, addresses, under curl's names for ``--write-out``."""

from __future__ import annotations

import re

from .faults import UsageError
from .screen import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .exchange import Exchange
    from .watching import Watcher

#: The variables of a format: %{name}, %header{name}, %%.
VARIABLE = re.compile(r"%(?:%|(header)?\{([^{}]*)\})")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
#: The times of an exchange, in their order, and what they are called on a screen.
PHASES = (
    ("time_namelookup", "name"),
    ("time_connect", "connect"),
    ("time_appconnect", "TLS"),
    ("time_pretransfer", "ready"),
    ("time_posttransfer", "sent"),
    ("time_starttransfer", "first octet"),
    ("time_total", "total"),
)


def figures_of(exchange: Exchange, watcher: Watcher | None) -> dict[str, Any]:
    """All figures, by curl's names; times are seconds since the begin of the exchange."""
    response = exchange.response
    headers = [] if response is None else response.getheaders()
    found: dict[str, Any] = {
        "content_type": None if response is None else response.getheader("content-type"),
        "errormsg": None if exchange.error is None else str(exchange.error),
        "exitcode": exchange.code,
        "filename_effective": exchange.saved_as or None,
        "http_code": exchange.status,
        "http_version": _version(response),
        "method": exchange.request.method,
        "num_headers": len(headers),
        "num_redirects": exchange.redirects,
        "num_retries": exchange.retries,
        "redirect_url": _redirect(exchange),
        "response_code": exchange.status,
        "scheme": exchange.request.target.scheme.upper(),
        "size_download": exchange.downloaded,
        "size_header": sum(len(name) + len(value) + 4 for name, value in headers),
        "size_upload": exchange.uploaded or _size_of_content(exchange),
        "stream_id": getattr(response, "stream_id", None),
        "url": exchange.first,
        "url_effective": exchange.request.target.url,
        "urlnum": exchange.index,
    }
    found.update(_addresses(exchange, watcher))
    found.update(_times(exchange, watcher))
    total = found["time_total"]
    found["speed_download"] = int(exchange.downloaded / total) if total else 0
    found["speed_upload"] = int(found["size_upload"] / total) if total else 0
    return dict(sorted(found.items()))


def _version(response: Any) -> str:
    if response is None:
        return "0"
    return {20: "2", 11: "1.1", 10: "1.0"}.get(response.version, str(response.version))


def _redirect(exchange: Exchange) -> str | None:
    location = None if exchange.response is None else exchange.response.getheader("location")
    try:
        return exchange.request.target.joined(location).url if location else None
    except UsageError:  # it is the server's, and may be anything
        return None


def _size_of_content(exchange: Exchange) -> int:
    content = exchange.request.content
    return 0 if content is None or exchange.response is None else content.size or 0


def _addresses(exchange: Exchange, watcher: Watcher | None) -> dict[str, Any]:
    events = {} if watcher is None else watcher.connection_of(exchange)
    connected, tls = events.get("Connected"), events.get("TLSDone")
    is_own = watcher is not None and watcher.is_first_on_it(exchange)
    return {
        "alpn": tls.alpn if tls else None,
        "conn_id": exchange.seen.connection if exchange.seen else None,
        "local_ip": connected.local[0] if connected else None,
        "local_port": connected.local[1] if connected else None,
        "num_connects": int(is_own),
        "proxy_used": int("Tunnelled" in events),
        "remote_ip": connected.address if connected else None,
        "remote_port": connected.port if connected else None,
        "tls_cipher": tls.cipher if tls else None,
        "tls_version": tls.version if tls else None,
    }


def _times(exchange: Exchange, watcher: Watcher | None) -> dict[str, Any]:
    begin = exchange.begin
    events: dict[str, Any] = {}
    if watcher is not None and watcher.is_first_on_it(exchange):
        events = watcher.connection_of(exchange)

    def since(moment: float) -> float:
        return round(max(0.0, moment - begin), 6) if moment else 0.0

    def moment_of(name: str) -> float:
        event = events.get(name)
        return float(event.moment) if event is not None else 0.0

    resolved = since(moment_of("NameResolved"))
    connected = since(moment_of("Tunnelled") or moment_of("Connected"))
    sent = exchange.seen.moment if exchange.seen is not None else exchange.sent
    return {
        "time_namelookup": min(resolved, connected) if connected else resolved,
        "time_connect": connected,
        "time_appconnect": since(moment_of("TLSDone")),
        "time_pretransfer": since(sent),
        "time_posttransfer": since(exchange.request_end or sent),
        "time_redirect": round(exchange.redirect_time, 6),
        "time_starttransfer": since(exchange.head),
        "time_total": since(exchange.end or exchange.head),
    }


def written(template: str, exchange: Exchange, figures: dict[str, Any]) -> str:
    """Fill a format of --write-out in; a name that is unknown stays as it is."""
    template = ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[0]), template)

    def value(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1]:
            response = exchange.response
            return harmless((response and response.getheader(found[2])) or "")
        if found[2] == "json":
            import json

            return json.dumps(figures)
        if found[2] == "header_json":
            import json

            return json.dumps(_as_lists(exchange))
        if found[2] not in figures:
            return found[0]
        return as_text(found[2], figures[found[2]])

    return VARIABLE.sub(value, template)


def _as_lists(exchange: Exchange) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in [] if exchange.response is None else exchange.response.getheaders():
        found.setdefault(name.lower(), []).append(text)
    return found


def as_text(name: str, value: Any) -> str:
    """A figure as curl writes it: times with six digits, nothing for what is not known."""
    if value is None:
        return ""
    if name.startswith("time_"):
        return f"{value:.6f}"
    if name in ("http_code", "response_code"):
        return f"{value:03d}"
    return harmless(str(value))
