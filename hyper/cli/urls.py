"""URLs as a person writes them, and what they are made of."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus, unquote, urljoin, urlsplit

from .faults import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of a URL that stay as they are; all others are percent-encoded.
KEPT = "%!#$&'()*+,/:;=?@[]~"
HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE).match


class Target:
    """The destination of a request: an origin, and the target that is asked there.

    Attributes:
        url: the whole, without fragment and without a name that logs in.
        scheme, host, port, path: its parts; the path has the query.
        user: name and password that stood in the URL, as ``name:password``; "" for none.
    """

    __slots__ = ("authority", "host", "path", "port", "scheme", "url", "user")

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise UsageError(f"the URL {_shown(url)} cannot be read: {error}") from None
        if parts.scheme not in ("https", "http"):
            raise UsageError(f"the URL {_shown(url)} is not one of https or http")
        if not host:
            raise UsageError(f"the URL {_shown(url)} names no host: write https://HOST/PATH")
        self.scheme = parts.scheme
        self.host: str = host
        self.port: int = port or (443 if parts.scheme == "https" else 80)
        user, _, authority = parts.netloc.rpartition("@")
        self.authority: str = authority
        self.user: str = unquote(user)
        self.path: str = quote(parts.path or "/", safe=KEPT)
        if parts.query:
            self.path += "?" + quote(parts.query, safe=KEPT)
        self.url: str = f"{self.scheme}://{self.authority}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 9110, 4.3.1)."""
        return self.scheme, self.host, self.port

    def joined(self, reference: str) -> Target:
        """The target of a reference in a response, such as Location (RFC 3986, 5)."""
        return Target(urljoin(self.url, reference))


def _shown(url: str) -> str:
    # It may hold a password.
    return "that was given" if "@" in url else repr(url)


def target_of(text: str, scheme: str, query: Iterable[tuple[str, str]] = ()) -> Target:
    """Read a URL as it is typed: ``example.org/x``, ``:3000/x``, ``:/x``, or a whole one.

    Args:
        text: as above; without a scheme it gets the one that follows, without a host localhost.
        scheme: "https" or "http".
        query: parameters that are added.

    Raises:
        UsageError: it is none of these.
    """
    if text.startswith(":") and not text.startswith("://"):
        port, slash, rest = text[1:].partition("/")
        text = f"localhost{':' if port else ''}{port}{slash}{rest}"
    if text.startswith("://"):
        text = scheme + text
    if not HAS_SCHEME(text):
        text = f"{scheme}://{text}"
    added = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in query)
    if added:
        text = text.partition("#")[0]
        text += ("&" if "?" in text else "?") + added
    return Target(text)
