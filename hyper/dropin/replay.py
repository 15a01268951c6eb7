"""Whether a request goes out again where the server guarantees that it did not process it.

That is so above the last stream of a GOAWAY, after REFUSED_STREAM, and where nothing was sent (RFC
9113, 8.7).  No other module decides about it for http.client's classes.
"""

from __future__ import annotations

import random
import time

from ..errors import ErrorCode

#: Sendings of a request for which the server has ended a connection with an error: perhaps it is
#: the request that it cannot bear.
MAX_ACCUSED_SENDINGS = 2
#: Connections that may end one after the other under one request.
MAX_ENDED_CONNECTIONS = 100
#: Seconds before the third of them; each further pause is twice as long, up to the longest.
ENDED_PAUSE, MAX_ENDED_PAUSE = 0.001, 0.1
#: The same for a refused stream: the server is busy, and has said so.
REFUSED_PAUSE, MAX_REFUSED_PAUSE = 0.01, 1.0
#: A pause is longer or shorter by up to this part, so that threads do not come back together.
SPREAD = 0.25
#: Seconds after which a request without a timeout is not repeated any more.
MAX_TIME = 30.0


class Replay:
    """The repetitions of one request.

    timeout: the seconds from now within which it may be repeated; None: MAX_TIME.
    """

    def __init__(self, timeout: float | None) -> None:
        self._deadline = time.monotonic() + (MAX_TIME if timeout is None else timeout)
        self._ended = 0
        self._refused = 0
        self._accused = 1

    def pause_before_next(self, error: BaseException | None) -> float | None:
        """Seconds to wait before the request goes out again; None if the error counts.

        error: why it got no response.
        """
        left = self._deadline - time.monotonic()
        if left <= 0 or not getattr(error, "retryable", False):
            return None
        code = getattr(error, "error_code", None)
        if code == ErrorCode.REFUSED_STREAM:
            pause = min(REFUSED_PAUSE * 2.0**self._refused, MAX_REFUSED_PAUSE)
            self._refused += 1
            return min(pause * random.uniform(1 - SPREAD, 1 + SPREAD), left)  # noqa: S311 - no secret
        if code not in (None, ErrorCode.NO_ERROR):
            self._accused += 1
            return 0.0 if self._accused <= MAX_ACCUSED_SENDINGS else None
        self._ended += 1
        if self._ended > MAX_ENDED_CONNECTIONS:
            return None
        if self._ended == 1:
            return 0.0
        return min(ENDED_PAUSE * 2.0 ** (self._ended - 2), MAX_ENDED_PAUSE, left)
