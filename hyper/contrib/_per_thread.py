"""A connection that many threads share, each with a timeout of its own."""

from __future__ import annotations

from .. import HTTP20Connection
from ..client.timeouts import PerThreadTimeouts


class PerThreadConnection(HTTP20Connection):
    """An HTTP20Connection whose ``timeout`` is that of the thread that reads or sets it."""

    timeouts_class = PerThreadTimeouts
