"""A stream: the memory of one exchange (RFC 9113, 5), and the rules of a message (8.1, 8.1.1).

The receivers call it with what the peer sent, readers take from it; it refers to nobody.  Content
waits here between its frame and its reader: the deque never holds more than the receive window
that was announced.  Small frames are joined if there are many, so that memory follows the octets
received, not the number of frames.
"""

from __future__ import annotations

import sys
from collections import deque

from ..errors import ErrorCode, Failure, StreamFault
from . import states
from .flow.windows import ReceiveWindow
from .frames import FRAME_HEADER, FRAME_HEADER_SIZE
from .states import (
    AWAITING,
    CONTENT,
    DATA,
    DONE,
    END,
    HEADERS_FINAL,
    IGNORE,
    LOCAL_OPEN,
    MESSAGE,
    RECV_DATA,
    RECV_END,
    STREAM,
    step_message,
    step_stream,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Union

    from ..fields import Fields
    from .flow.budget import Budget
    from .flow.windows import SendWindow
    from .limits import Rate
    from .messages import PromisedRequest, ResponseHead

    #: Readers hold these: a large piece is a bytearray while it is whole, a part of one is a view.
    Piece = Union[bytes, bytearray, memoryview]

_header_at = FRAME_HEADER.unpack_from

#: ``Stream.room`` where it does not count: there is a window, or the stream has ended.
NO_ROOM = -1

#: Pieces of content from which on small ones are joined: a piece costs half a hundred octets,
#: and a peer may send the content in frames of one.
MANY_PIECES = 1000
#: Octets of a piece that is not small.
PIECE_SIZE = 1024

#: Pieces that were read and wait to be filled again, of all connections. The allocator would give
#: large ones back to the kernel, and a page that is taken again costs more than what it carries.
#: Each is of one frame, and belongs to nobody else. Any thread: single steps of a list are atomic.
spare_pieces: list[bytearray] = []
#: How many there may be, 10 MiB in all: a hundred bodies of 100,000 octets at once.
MAX_SPARE_PIECES = 640
#: Octets of the smallest piece that is worth it, and of the largest, which is a frame of the size
#: that servers use. PyPy has memory of its own, and filling a piece costs more there.
LEAST_SPARED = 8192 if sys.implementation.name == "cpython" else sys.maxsize
MOST_SPARED = 16_384


def spare(pieces: Iterable[Piece]) -> None:
    """Keep the large ones of pieces whose content was copied elsewhere, to be filled again.

    The caller has the only reference to each of them: its octets are another stream's soon.
    """
    whole = [piece for piece in pieces if type(piece) is bytearray]
    spare_pieces.extend(whole[: max(0, MAX_SPARE_PIECES - len(spare_pieces))])


class Stream:
    """One request and its response, or one promised response.

    The lock of the connection guards all attributes, with one exception: a thread that saw
    ``is_over`` may take the rest of ``content`` without it, because nothing is added any more.
    """

    __slots__ = (
        "budget",
        "content",
        "content_length",
        "content_size",
        "empty_data",
        "failure",
        "fields_held",
        "head",
        "id",
        "informational",
        "interim",
        "method",
        "phase",
        "promised_request",
        "read_shut",
        "reserved",
        "room",
        "section",
        "send_window",
        "state",
        "trailers",
        "wanted",
        "window",
    )

    budget: Budget  # where there is room without a window

    def __init__(self, stream_id: int, state: int, method: str, section: Fields = ()) -> None:
        self.id: int = stream_id
        self.state: int = state
        self.phase: int = AWAITING
        self.method: str = method
        #: the request's header section, or as much as is known of one sent in HTTP/1.1
        self.section: Fields = section
        #: None until more than frames uses it, see ``receive_window``
        self.window: ReceiveWindow | None = None
        #: octets that the peer may still send, and how many the budget counts, without a window
        self.room: int = NO_ROOM
        self.reserved: int = 0
        #: None if the request has no content
        self.send_window: SendWindow | None = None
        #: the final response's header section
        self.head: ResponseHead | None = None
        #: interim responses (RFC 9110, 15.2), oldest first
        self.informational: list[ResponseHead] = []
        #: pieces of content until they are read, one a DATA frame unless there are many, or they
        #: are all that a reader wants
        self.content: deque[bytes | bytearray] = deque()
        #: octets of content received so far
        self.content_size: int = 0
        #: octets that a reader lacks while it looks for them; 0 if none does
        self.wanted: int = 0
        #: octets of content that there must be; None if any number is right
        self.content_length: int | None = None
        self.trailers: Fields = ()
        #: for a pushed stream: the request that the server answers unasked
        self.promised_request: PromisedRequest | None = None
        #: why the stream ended too early
        self.failure: Failure | None = None
        #: True if nobody reads any more although the stream goes on: a tunnel after SHUT_RD
        self.read_shut: bool = False
        #: octets of sections held on the peer's account alone (limits.py)
        self.fields_held: int = 0
        #: what the peer may still send of these; None until one comes
        self.empty_data: Rate | None = None
        self.interim: Rate | None = None

    @property
    def receive_window(self) -> ReceiveWindow:
        """The window that we give the peer (5.2), made when more than frames uses it.

        A small response never does. Its frames are counted in ``room``, which the window continues.
        """
        window = self.window
        if window is None:
            window = self.window = self._begun_window()
        return window

    @property
    def window_size(self) -> int:
        """Octets that the peer may still send."""
        return self.room if self.window is None else self.window.size

    def _begun_window(self) -> ReceiveWindow:
        """The window of a stream whose frames were counted without one."""
        if self.room == NO_ROOM:  # it has ended; its last frame may have padding, which was allowed
            window = ReceiveWindow(self.reserved, None, self.id)
            window.is_ended = True
            return window
        self.budget.in_use -= self.reserved  # the window counts itself
        self.budget.shares -= 1
        window = ReceiveWindow(self.reserved, None, self.id, self.budget)
        window.size, self.room = self.room, NO_ROOM
        if self.head is not None:
            window.is_begun, window.document_size = True, self.content_length
        return window

    def reserve(self, size: int, budget: Budget) -> None:
        """Let the peer send size octets, which the budget counts, and make no window yet.

        ``Endpoint.open_stream`` does the same in place.
        """
        self.room = self.reserved = size
        self.budget = budget
        budget.in_use += size
        budget.shares += 1

    def end_window(self) -> None:
        """Nothing more will come: the budget gets back all but what is unread."""
        if self.window is not None:
            self.window.end()
        elif self.room != NO_ROOM:
            self.budget.in_use -= self.room
            self.budget.shares -= 1
            self.room = NO_ROOM

    @property
    def origin(self) -> bytes | None:
        """The origin of the request, in ASCII (RFC 6454, 6.2); None for a plain CONNECT (8.5)."""
        pseudo = dict(self.section)
        if b":scheme" not in pseudo:
            return None
        return pseudo[b":scheme"] + b"://" + pseudo[b":authority"]

    @property
    def request_is_open(self) -> bool:
        """True until we have sent END_STREAM, or never will (5.1)."""
        return self.state in LOCAL_OPEN

    # Conditions that threads wait for.

    def has_head(self) -> bool:
        """True if the response has begun, or never will."""
        return self.head is not None or self.failure is not None

    def has_content(self) -> bool:
        """True if there is something to read, or never will be."""
        return (
            bool(self.content) or self.phase == DONE or self.failure is not None or self.read_shut
        )

    @property
    def is_over(self) -> bool:
        """True if no more will be received: the response is complete, or has failed."""
        return self.phase == DONE or self.failure is not None

    @property
    def is_exhausted(self) -> bool:
        """True if the peer has used up its window and has more to send."""
        return (
            self.window_size <= 0 and not self.is_over and self.content_size != self.content_length
        )

    @property
    def expects_no_content(self) -> bool:
        """True if the response has no content, whatever content-length says (RFC 9110, 6.4.1)."""
        head = self.head
        return self.method == "HEAD" or (head is not None and head.status in NO_CONTENT)

    @property
    def is_tunnel(self) -> bool:
        """True if the content is octets of another connection, not of a message (8.5)."""
        head = self.head
        return self.method == "CONNECT" and head is not None and 200 <= head.status < 300

    # Frames of the peer. Each method raises StreamFault if the message is malformed (8.1.1).

    def receive_interim(self, head: ResponseHead) -> None:
        """An interim response came (RFC 9110, 15.2)."""
        self.phase = step_message(self.phase, states.HEADERS_INTERIM, self.id)
        self.informational.append(head)

    def receive_head(self, head: ResponseHead) -> None:
        """The final header section came; it settles how much content may follow (8.1.1)."""
        phase = MESSAGE[self.phase][HEADERS_FINAL]
        if phase < 0:
            step_message(self.phase, HEADERS_FINAL, self.id)  # it raises
        self.phase = phase
        self.head = head
        if self.method == "HEAD" or head.status in NO_CONTENT:
            self.content_length = 0
        elif (
            self.method != "CONNECT" or not self.is_tunnel
        ):  # there content-length has no meaning (RFC 9110, 9.3.6)
            self.content_length = head.content_length

    def receive_content(self, payload: memoryview, frame_size: int) -> int:
        """A DATA frame came. HOT: once a frame (bench/receive.py, chatter).

        payload: its content, which is copied. frame_size: octets of the frame, padding included.
        Returns the increment of the stream's window to announce, or 0.
        """
        if self.phase != CONTENT:  # the one phase that allows DATA, which does not change it
            step_message(self.phase, DATA, self.id)  # it raises
        added = len(payload)
        size = self.content_size + added
        if self.content_length is not None and size > self.content_length:
            raise StreamFault(
                self.id,
                ErrorCode.PROTOCOL_ERROR,
                f"{size} octets of content where the message has {self.content_length}"
                " (RFC 9113, 8.1.1)",
            )
        # The window may refuse the frame: only after that does the content count as unread.
        window, increment = self.window, 0
        if window is None and self.room >= frame_size:
            self.room -= frame_size
        else:
            window = window or self.receive_window
            left = window.size - frame_size
            if left < 0 or window.asks_on_receipt:
                increment = window.take(frame_size)
            else:
                window.size = left
        if 0 < size < PIECE_SIZE and added == size:  # the only frame of most responses
            self.content_size = size
            self.content.append(bytes(payload))
        elif added:
            self.add_content((payload,), added)
        return increment

    def receive_run(
        self,
        octets: memoryview,
        begin: int,
        header: tuple[int, int, int],
        connection: ReceiveWindow,
    ) -> int:
        """DATA frames of one header came in a row. HOT: its loop once a frame (bench/counts.py).

        It takes those to which no rule objects, and returns where they end, or 0. The next one is
        for ``receive_data`` (receivers.py), which knows the rules and what follows from a breach.

        begin: of the payload of the first, which is whole.  header: without flags.  connection: the
        connection's window.
        """
        if self.phase != CONTENT or STREAM[self.state][RECV_DATA] < IGNORE:
            return 0
        window = self.window
        if connection.asks_on_receipt or (window is not None and window.asks_on_receipt):
            return 0  # a manager of the user's wants to know of each
        # As many octets may come as both windows and content-length allow.
        room = self.room if window is None else window.size
        if room > connection.size:  # noqa: PLR1730 - without a call
            room = connection.size
        length = self.content_length
        if length is not None and room > length - self.content_size:
            room = length - self.content_size
        size = added = header[0] >> 8
        if not 0 < added <= room:
            return 0
        stop = begin + added
        payloads = [octets[begin:stop]]
        last = len(octets) - FRAME_HEADER_SIZE - added
        while stop <= last and size + added <= room and _header_at(octets, stop) == header:
            begin = stop + FRAME_HEADER_SIZE
            stop = begin + added
            payloads.append(octets[begin:stop])
            size += added
        if window is None:
            self.room -= size
        else:
            window.size -= size
        connection.size -= size
        connection.unsettled += size
        self.add_content(payloads, size)
        return stop

    def add_content(self, payloads: Sequence[memoryview], size: int) -> None:
        """Keep the payloads of DATA frames, size octets in all; they are copied.

        HOT: once a run of frames (bench/counts.py, download and bodies).
        """
        self.content_size += size
        pieces = self.content
        if size == self.wanted:  # they become what ``read`` returns, by one copy
            pieces.append(b"".join(payloads))
            return
        for payload in payloads:
            if LEAST_SPARED <= len(payload) <= MOST_SPARED:
                try:
                    piece = spare_pieces.pop()
                    memoryview(piece)[:] = payload
                except (IndexError, ValueError):  # there is none, or of another size, which goes
                    piece = bytearray(payload)
                pieces.append(piece)
            elif len(pieces) < MANY_PIECES or len(pieces[-1]) >= PIECE_SIZE:
                pieces.append(bytes(payload))
            else:
                pieces[-1] += payload

    def receive_trailers(self, trailers: Fields, *, ends: bool) -> None:
        """A trailer section came; ends: END_STREAM stood on it (8.1)."""
        event = states.HEADERS_ENDING if ends else states.HEADERS_GOING_ON
        self.phase = step_message(self.phase, event, self.id)
        self.trailers = trailers

    def end(self) -> None:
        """END_STREAM came: the message must be complete (8.1.1)."""
        phase = MESSAGE[self.phase][END]
        if phase < 0:
            step_message(self.phase, END, self.id)  # it raises
        if self.content_length is not None and self.content_size != self.content_length:
            self.failure = Failure.of_short_content(self.id, self.content_size, self.content_length)
            raise StreamFault(
                self.id, ErrorCode.PROTOCOL_ERROR, "content cut short (RFC 9113, 8.1.1)"
            )
        self.phase = phase
        state = STREAM[self.state][RECV_END]
        if state < IGNORE:
            step_stream(self.state, RECV_END, self.id)  # it raises
        self.state = state

    def receive_reset(self, code: int) -> bool:
        """RST_STREAM came; returns True if the response is complete all the same (6.4).

        A server may reset with NO_ERROR when it has answered and wants no more of the request
        (8.1).  Node 20 does so now and then before it has sent END_STREAM.
        """
        self.state = step_stream(self.state, states.RECV_RST, self.id)
        if code == ErrorCode.NO_ERROR and self.content_size == self.content_length:
            self.phase = step_message(self.phase, states.RESET_AFTER_CONTENT, self.id)
        return self.phase == DONE

    def fail(self, failure: Failure) -> None:
        """The connection ends, or will not serve this stream (5.4.1, 6.8)."""
        if not self.is_over:
            self.failure = failure
        self.state = step_stream(self.state, states.CONNECTION_ENDED, self.id)

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
