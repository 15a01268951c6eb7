"""Authorities: the host and port of a server, taken apart and put together (RFC 9110, 4.2)."""

from __future__ import annotations

from ..errors import InvalidURL
from .messages import MAX_PORT, TARGET_FAULT

DEFAULT_PORTS = {"https": 443, "http": 80}


def host_and_port(host: str, port: int | None, secure: bool | None) -> tuple[str, int]:
    """Take apart what http.client takes apart; InvalidURL where it raises that, and for a URL.

    A host beyond ASCII becomes its A-label, as it goes over the wire (RFC 5890, 2.3.2.1).
    """
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise InvalidURL(f"the host {host!r} is no name in the DNS: {error}") from error
    fault = TARGET_FAULT(host)
    if fault:
        raise InvalidURL(f"the host {host!r} contains {fault.group()!r} (RFC 9110, 4.2)")
    if "/" in host:
        raise InvalidURL(f"{host!r} is more than a host and its port (RFC 3986, 3.2)")
    if port is None and host.count(":") > 1 and not host.startswith("["):
        raise InvalidURL(f"is {host!r} an IPv6 address? Then write [{host}] (RFC 3986, 3.2.2)")
    if port is None:
        colon = host.rfind(":")
        if colon > host.rfind("]"):
            digits, host = host[colon + 1 :], host[:colon]
            if digits and not (digits.isascii() and digits.isdigit()):
                raise InvalidURL(f"nonnumeric port: {digits!r}")
            port = int(digits) if digits else None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if port is None:
        port = DEFAULT_PORTS["http" if secure is False else "https"]
    if not 0 <= port <= MAX_PORT:
        raise InvalidURL(f"port {port} is not within 0 and {MAX_PORT}")
    return host, port


def authority_of(host: str, port: int, scheme: str) -> str:
    """Host and, where it is not the scheme's own, port (RFC 9113, 8.3.1)."""
    literal = f"[{host.partition('%')[0]}]" if ":" in host else host
    return literal if port == DEFAULT_PORTS[scheme] else f"{literal}:{port}"
