"""A connection that many threads share, each with a timeout of its own."""

from __future__ import annotations

import threading

from .. import HTTP20Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PerThreadConnection(HTTP20Connection):
    """An HTTP20Connection whose ``timeout`` is that of the thread that reads or sets it."""

    def __init__(self, host: str, port: int | None, **options: Any) -> None:
        self._of_thread = threading.local()
        super().__init__(host, port, **options)

    @property
    def timeout(self) -> Any:
        """Seconds that each wait of this thread may take, None for no limit."""
        return getattr(self._of_thread, "timeout", None)

    @timeout.setter
    def timeout(self, timeout: Any) -> None:
        self._of_thread.timeout = timeout
