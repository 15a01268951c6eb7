"""--offline: the request is shown, and nothing is sent."""

from __future__ import annotations

from . import heads
from .exchange import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exchange import Request
    from .run import Run


def show_offline(run: Run, requests: Sequence[Request]) -> int:
    """Show each request as it would be sent; returns the exit code."""
    for index, request in enumerate(requests):
        exchange = Exchange(index, request)
        heads.show_request(
            run.screen, exchange, is_http1=bool(run.arguments.http1_1 or run.arguments.upgrade)
        )
        run.show_request_content(run.screen, exchange)
    return 0
