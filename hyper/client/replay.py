"""Replay: which requests go out again by themselves, when, and how often (RFC 9113, 8.7).

A server may say that it has not processed a request: by a GOAWAY whose last stream is below it
(6.8), or by RST_STREAM with REFUSED_STREAM. Such a request is sent again, if its content can be had
again, and within the caller's time. Nothing else is ever sent twice: after any other end the server
may have acted on the request.

=========================================== ========================= =============================
the server                                  pause before the next one how often
=========================================== ========================= =============================
ends the connection, NO_ERROR               none, then 1, 2, 4 ... ms within the caller's time, and
                                                                      ``LONGEST_REPEATING``
ends it with an error code                  none                      ``MAX_ACCUSED`` in all
refuses the stream                          10, 20, 40 ... ms         as the first
=========================================== ========================= =============================
"""

from __future__ import annotations

import os
import time

from ..errors import ErrorCode, HTTP20Error, NegotiationError, ProxyError, StreamResetError
from . import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..transport.deadline import Deadline
    from .content import Body

#: Seconds for which connections may end under one request, or its streams be refused, however long
#: the caller's time is. A number of times would be a lottery: where a server ends each connection
#: after five requests and 64 threads ask, a few of a hundred thousand requests are not among the
#: first five of a hundred connections in a row.
LONGEST_REPEATING = 30.0
#: Sendings of a request on connections that the server then ends with an error code: the request
#: itself may be the reason, and each time it ends what others share.
MAX_ACCUSED = 2
#: Seconds of the first pause, and of the longest, where connections end.
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.1
#: Seconds of the first pause, and of the longest, where streams are refused.
FIRST_REFUSED_PAUSE, LONGEST_REFUSED_PAUSE = 0.01, 1.0
#: Part of a pause by which it is made longer or shorter, so that threads do not come in step.
JITTER = 0.25
#: Octets of content sent in pieces that are kept until the request is answered: what a form, a
#: message or a call has; more is the caller's to keep.
MAX_PIECES = 64 * 1024


def is_required(error: BaseException | None) -> bool:
    """True if an error brings HTTP_1_1_REQUIRED (7)."""
    return getattr(error, "error_code", None) == ErrorCode.HTTP_1_1_REQUIRED


def asks_for_http1(error: BaseException | None) -> bool:
    """True if the server has not processed the request, and wants it in HTTP/1.1 (3.2, 7)."""
    is_other = isinstance(error, NegotiationError) and not isinstance(error, ProxyError)
    return is_other or is_required(error)


class Source:
    """The content of a request, as often as it is sent. One thread at a time.

    body: as callers give it. A callable is called once a sending, and gives a body of another
    kind.
    """

    __slots__ = ("_body", "_is_taken", "_position")

    def __init__(self, body: Body) -> None:
        self._body: Any = body
        self._is_taken = False
        self._position: int | None = None
        if hasattr(body, "read"):
            try:
                self._position = body.tell()  # type: ignore[union-attr]
            except (AttributeError, OSError, ValueError):  # a pipe, or what only reads
                self._position = None

    def take(self) -> Body:
        """Return the body for one sending; from now on a part of it may be gone."""
        self._is_taken = True
        body: Body = self._body() if content.is_callable(self._body) else self._body
        return body

    def rewind(self) -> str:
        """Go back to the beginning; returns "", or what the content is that has none any more."""
        body = self._body
        if not self._is_taken or body is None or content.is_whole(body):
            return ""
        if content.is_callable(body):
            return ""
        if hasattr(body, "read"):
            if self._position is None:
                return "a file that cannot go back"
            try:
                body.seek(self._position)
            except (AttributeError, OSError, ValueError):
                return "a file that cannot go back"
            return ""
        # A list gives its pieces anew, a generator does not.
        return f"a {type(body).__name__} of which a part is gone" if iter(body) is body else ""


class Pieces:
    """Content that is sent in pieces, and kept while it is small. One thread at a time."""

    __slots__ = ("_is_gone", "_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_gone = False

    def add(self, data: Body, *, is_all: bool = False) -> None:
        """Keep a piece before it is sent, if it is in memory and there is room.

        is_all: True if it is all of the content. Octets that cannot change are then not copied,
        however many there are: they are the caller's.
        """
        if data is None or self._is_gone:
            return
        if is_all and isinstance(data, bytes):
            self._pieces.append(data)
            return
        if content.is_whole(data):
            view = content.view(data)  # type: ignore[arg-type]
            self._size += len(view)
            if self._size <= MAX_PIECES:
                self._pieces.append(bytes(view))
                return
        self._is_gone = True
        self._pieces.clear()

    def take(self) -> Body:
        """Return the content for one sending."""
        return self._pieces

    def rewind(self) -> str:
        """Return "", or what the content is that cannot be had again."""
        return f"sent in pieces, and no more than {MAX_PIECES} octets are kept" * self._is_gone


class Attempts:
    """How often one request was sent, and what became of it. One thread at a time.

    is_on: whether anything is sent again (``replay=``).
    """

    __slots__ = ("_accused", "_refused", "_since", "ended", "is_on", "sent")

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on: bool = is_on
        #: how often the request was sent
        self.sent: int = 1
        self._accused = 0
        #: how many connections in a row ended before they took the request, or answered it
        self.ended: int = 0
        self._refused = 0
        #: when a connection ended first, or a stream was refused: a monotonic moment, 0 for not yet
        self._since = 0.0

    def wait_to_go_again(
        self, error: HTTP20Error, rewind: Callable[[], str], deadline: Deadline
    ) -> bool:
        """Wait before a request goes out again; False if it must not, which the error then says.

        error: what ended it. rewind: brings its content back to the beginning, as that of
        ``Source`` does. deadline: the end of the caller's time.
        """
        pause = self.pause_after(error)
        gone = "" if pause is None else rewind()
        if pause and not gone:
            deadline.sleep(pause)
        if pause is None or gone or deadline.is_over:
            self.tell(error, gone)
            return False
        self.sent += 1
        return True

    def pause_after(self, error: BaseException) -> float | None:
        """Return the seconds to wait before the request goes out again; None: it must not."""
        if not (self.is_on and isinstance(error, HTTP20Error) and error.retryable):
            return None
        if isinstance(error, StreamResetError):
            return self._pause_after_refusal()
        if error.error_code:  # not NO_ERROR, and not unknown
            self._accused += 1
            return 0.0 if self._accused < MAX_ACCUSED else None
        return self.pause_after_end()

    def pause_after_end(self) -> float | None:
        """Return the seconds to wait after a connection that ended; None: it was the last."""
        self.ended += 1
        if self._is_too_late():
            return None
        if self.ended == 1:
            return 0.0
        return min(FIRST_PAUSE * 2.0 ** (self.ended - 2), LONGEST_PAUSE)

    def _pause_after_refusal(self) -> float | None:
        if self._is_too_late():
            return None
        pause = min(FIRST_REFUSED_PAUSE * 2.0**self._refused, LONGEST_REFUSED_PAUSE)
        self._refused += 1
        return pause * (1 + JITTER * (os.urandom(1)[0] / 127.5 - 1))

    def _is_too_late(self) -> bool:
        """True if the request was sent again for so long that it is in vain; notes the first."""
        now = time.monotonic()
        self._since = self._since or now
        return now > self._since + LONGEST_REPEATING

    def tell(self, error: HTTP20Error, gone: str = "") -> None:
        """Write into the error that reaches the caller how often was tried, and why it ended.

        gone: what the content is, if it cannot be had again.
        """
        error.attempts = self.sent
        words = str(error)
        if gone:
            words += f"; its content cannot be had again: it is {gone}"
        if self.sent > 1:
            words += f"; it was tried {self.sent} times"
        error.args = (words,)
