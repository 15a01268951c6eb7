"""A stream: the memory of one exchange (RFC 9113, 5).

``Endpoint`` writes it, readers take from it; it refers to nobody.  Content waits here between
its frame and its reader: the deque never holds more than the receive window that was announced.
"""

from __future__ import annotations

from collections import deque

from . import states
from .states import AWAITING, DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import Failure
    from ..fields import Fields
    from .messages import PromisedRequest, ResponseHead
    from .windows import ReceiveWindow, SendWindow


class Stream:
    """One request and its response, or one promised response.

    All attributes are guarded by the lock of the connection, with one exception: whoever saw
    ``is_over`` may take the rest of ``content`` without it, for nobody writes any more.
    """

    __slots__ = (
        "announced_size",
        "content",
        "content_size",
        "failure",
        "head",
        "id",
        "informational",
        "method",
        "phase",
        "promised_request",
        "receive_window",
        "request_is_open",
        "send_window",
        "state",
        "trailers",
    )

    #: opened when the final response begins: content-length is known then
    receive_window: ReceiveWindow

    def __init__(self, stream_id: int, state: int, method: str) -> None:
        self.id = stream_id
        self.state = state
        self.phase = AWAITING
        self.method = method
        #: None where the request has no content
        self.send_window: SendWindow | None = None
        #: the final response's header section
        self.head: ResponseHead | None = None
        #: interim responses (RFC 9110, 15.2), oldest first
        self.informational: list[ResponseHead] = []
        #: pieces of content, one a DATA frame, until they are read
        self.content: deque[bytes] = deque()
        #: octets of content received so far
        self.content_size = 0
        #: octets of content that there must be, or None if any number is right
        self.announced_size: int | None = None
        self.trailers: Fields = ()
        #: for a pushed stream: the request that the server answers unasked
        self.promised_request: PromisedRequest | None = None
        #: why the stream ended before its time
        self.failure: Failure | None = None
        #: False once we have sent END_STREAM or will not send it any more
        self.request_is_open = True

    # What waiting threads wait for.

    def has_head(self) -> bool:
        """The response has begun, or will not."""
        return self.head is not None or self.failure is not None

    def has_content(self) -> bool:
        """There is something to read, or never will be."""
        return bool(self.content) or self.phase == DONE or self.failure is not None

    @property
    def is_over(self) -> bool:
        """No more will be received: the response is whole, or has failed."""
        return self.phase == DONE or self.failure is not None

    @property
    def expects_no_content(self) -> bool:
        """The response has no content whatever content-length says (RFC 9110, 6.4.1)."""
        head = self.head
        return self.method == "HEAD" or (head is not None and head.status in NO_CONTENT)

    @property
    def is_tunnel(self) -> bool:
        """The content is octets of another connection, not of a message (8.5)."""
        head = self.head
        return self.method == "CONNECT" and head is not None and 200 <= head.status < 300

    def begin(self, head: ResponseHead, receive_window: ReceiveWindow) -> None:
        """The final header section has come: what content may follow is settled (8.1.1)."""
        self.head = head
        self.receive_window = receive_window
        if self.expects_no_content:
            self.announced_size = 0
        elif not self.is_tunnel:  # where content-length has no meaning (RFC 9110, 9.3.6)
            self.announced_size = head.content_length

    def __repr__(self) -> str:
        return f"<Stream {self.id}, {states.STATE_NAMES[self.state]}>"


#: Statuses whose content-length does not speak of this message (RFC 9110, 8.6, 15.4.5).
NO_CONTENT = frozenset((204, 304))
