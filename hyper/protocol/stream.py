"""A stream: the memory of one exchange (RFC 9113, 5).

``Endpoint`` writes it, readers take from it; it refers to nobody.  Content waits here between
its frame and its reader: the deque never holds more than the receive window that was announced.
Small frames are joined where there are many, so that octets are what it costs.
"""

from __future__ import annotations

from collections import deque

from . import states
from .states import AWAITING, DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import Failure
    from ..fields import Fields
    from .flow.windows import ReceiveWindow, SendWindow
    from .messages import PromisedRequest, ResponseHead

#: Pieces of content from which on small ones are joined: a piece costs half a hundred octets,
#: and a peer may send the content in frames of one.
MANY_PIECES = 1000
#: Octets of a piece that is not small.
PIECE_SIZE = 1024


class Stream:
    """One request and its response, or one promised response.

    All attributes are guarded by the lock of the connection, with one exception: whoever saw
    ``is_over`` may take the rest of ``content`` without it, for nobody writes any more.
    """

    __slots__ = (
        "content",
        "content_length",
        "content_size",
        "failure",
        "head",
        "id",
        "informational",
        "method",
        "phase",
        "promised_request",
        "read_shut",
        "receive_window",
        "request_is_open",
        "section",
        "send_window",
        "state",
        "trailers",
    )

    receive_window: ReceiveWindow

    def __init__(self, stream_id: int, state: int, method: str, section: Fields = ()) -> None:
        self.id = stream_id
        self.state = state
        self.phase = AWAITING
        self.method = method
        #: the request's header section, or as much as is known of one sent in HTTP/1.1
        self.section = section
        #: None where the request has no content
        self.send_window: SendWindow | None = None
        #: the final response's header section
        self.head: ResponseHead | None = None
        #: interim responses (RFC 9110, 15.2), oldest first
        self.informational: list[ResponseHead] = []
        #: pieces of content, one a DATA frame unless there are many, until they are read
        self.content: deque[bytes] = deque()
        #: octets of content received so far
        self.content_size = 0
        #: octets of content that there must be, or None if any number is right
        self.content_length: int | None = None
        self.trailers: Fields = ()
        #: for a pushed stream: the request that the server answers unasked
        self.promised_request: PromisedRequest | None = None
        #: why the stream ended before its time
        self.failure: Failure | None = None
        #: nobody reads any more, though the stream goes on: a tunnel after SHUT_RD
        self.read_shut = False
        #: False once we have sent END_STREAM or will not send it any more
        self.request_is_open = True

    @property
    def origin(self) -> bytes | None:
        """The origin of the request, in ASCII (RFC 6454, 6.2); None for a plain CONNECT (8.5)."""
        pseudo = dict(self.section)
        if b":scheme" not in pseudo:
            return None
        return pseudo[b":scheme"] + b"://" + pseudo[b":authority"]

    # What waiting threads wait for.

    def has_head(self) -> bool:
        """The response has begun, or will not."""
        return self.head is not None or self.failure is not None

    def has_content(self) -> bool:
        """There is something to read, or never will be."""
        return (
            bool(self.content) or self.phase == DONE or self.failure is not None or self.read_shut
        )

    @property
    def is_over(self) -> bool:
        """No more will be received: the response is whole, or has failed."""
        return self.phase == DONE or self.failure is not None

    @property
    def is_exhausted(self) -> bool:
        """The peer has used up its window, and has more to say."""
        return (
            self.receive_window.size <= 0
            and not self.is_over
            and self.content_size != self.content_length
        )

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

    def begin(self, head: ResponseHead) -> None:
        """The final header section has come: what content may follow is settled (8.1.1)."""
        self.head = head
        if self.expects_no_content:
            self.content_length = 0
        elif not self.is_tunnel:  # where content-length has no meaning (RFC 9110, 9.3.6)
            self.content_length = head.content_length

    def add(self, content: bytes) -> None:
        """Content for the reader, behind many pieces."""
        pieces = self.content
        if len(pieces[-1]) < PIECE_SIZE:
            pieces[-1] += content
        else:
            pieces.append(content)

    def drop_content(self) -> int:
        """Throw away what is unread; returns how many octets that was. Any thread."""
        size = 0
        try:
            while self.content:
                size += len(self.content.pop())
        except IndexError:  # another thread took the last piece
            pass
        return size

    def __repr__(self) -> str:
        return f"<Stream {self.id}, {states.STATE_NAMES[self.state]}>"


#: Statuses whose content-length does not speak of this message (RFC 9110, 8.6, 15.4.5).
NO_CONTENT = frozenset((204, 304))
