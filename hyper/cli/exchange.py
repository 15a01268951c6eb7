"""A request, and the exchange of one URL: its request and what became of it."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .body import Content
    from .urls import Target


class Request:
    """A request as the command line, a redirect, or a bench makes it. It is not changed.

    Args:
        method, target: what is asked.
        headers: (name, value) pairs, in the order in which they are sent.
        content, trailers: as far as there are some.
        priority: of RFC 9218, or None.
        without: names, in lower case, of defaults that were taken away.
    """

    def __init__(
        self,
        method: str,
        target: Target,
        headers: list[tuple[str, str]],
        content: Content | None = None,
        trailers: list[tuple[str, str]] | None = None,
        priority: str | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.content = content
        self.trailers = trailers
        self.priority = priority
        self.without = without

    def header(self, name: str) -> str | None:
        """The value of a field, the last one if there are more; None for no such field."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else None

    def redirected(self, target: Target, method: str, *, keeps_content: bool) -> Request:
        """The request that follows a redirect; secrets stay with their origin."""
        dropped = set() if keeps_content else {"content-type", "content-length"}
        if target.origin != self.target.origin:
            dropped |= {"authorization", "cookie", "host", "proxy-authorization"}
        headers = [pair for pair in self.headers if pair[0].lower() not in dropped]
        content = self.content if keeps_content else None
        trailers = self.trailers if keeps_content else None
        return Request(method, target, headers, content, trailers, self.priority, self.without)


class Exchange:
    """One URL of the command line, from its first request to its last response.

    Attributes:
        index: its place among the URLs, from 0.
        request: the latest, after redirects.
        first: the URL that was asked at first.
        response: the latest; None until it has come.
        connection: the HTTP20Connection, None over HTTP/1.1.
        begin, sent, head, end: monotonic moments, 0.0 until they have come.
        seen: of a trace, the RequestSent event of the latest request; None without a trace.
    """

    def __init__(self, index: int, request: Request) -> None:
        self.index = index
        self.request = request
        self.first: str = request.target.url
        self.response: Any = None
        self.connection: Any = None
        self.begin: float = time.monotonic()
        self.last_begin: float = self.begin
        self.sent: float = 0.0
        self.head: float = 0.0
        self.end: float = 0.0
        self.redirects = 0
        self.redirect_time: float = 0.0
        self.retries = 0
        self.uploaded: int = 0
        self.downloaded = 0
        self.saved_as = ""
        self.seen: Any = None
        self.request_end: float = 0.0
        self.pushes: list[Any] = []
        self.error: BaseException | None = None
        self.code = 0

    @property
    def status(self) -> int:
        """The status of the latest response, 0 for none."""
        return 0 if self.response is None else int(self.response.status)

    def told(self, size: int) -> None:
        """Count octets of the request's content that have gone out."""
        self.uploaded += size
