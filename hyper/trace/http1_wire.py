"""From the octets of one connection in HTTP/1.1 to the events of its requests (RFC 9112).

http.client writes and reads the messages, and its code stays as it is. An ``HTTP1Wire`` sees the
octets where they enter and leave, and reads the messages once more. It judges nothing: a message
that it cannot read ends its own work, and http.client says what is wrong.
"""

from __future__ import annotations

from ..fields import SECRET_NAMES
from . import events
from .watch import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .events import Fields
    from .tracers import Begun
    from .watch import Watch

#: Octets of a line, and lines of a section, beyond which a message is not read on: more than what
#: http.client reads.
LONGEST_LINE, MOST_LINES = 2**17, 1000
#: The stream of requests in HTTP/1.1, which has none.
NO_STREAM = 0
#: The stream of a request that has asked to go on in HTTP/2 (RFC 7540, 3.2).
UPGRADED = 1

# The states of a reader of messages. OVER: octets that come are no message, or cannot be read.
(START, SECTION, LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS, UNTIL_END, DONE, OVER) = range(10)
#: The states in which lines are read.
OF_LINES = frozenset((START, SECTION, CHUNK_SIZE, CHUNK_END, TRAILERS))


class MessageReader:
    """Reads the messages of one direction, one after the other. One thread at a time.

    head: called with the lines of a header section, which returns the state behind it and, for
    LENGTH, how many octets follow. content: called with the number of octets, and the octets if
    they are wanted. end: called with the trailers of a message that is whole.
    """

    def __init__(
        self,
        head: Callable[[list[bytes]], tuple[int, int]],
        content: Callable[[int, bytes | None], None],
        end: Callable[[list[bytes]], None],
        *,
        wants_content: bool,
    ) -> None:
        self._head = head
        self._content = content
        self._end = end
        self._wants_content = wants_content
        self.state: int = START
        self._left = 0
        self._line = b""
        self._lines: list[bytes] = []

    def start(self) -> None:
        """Expect the next message."""
        self.state, self._left, self._line, self._lines = START, 0, b"", []

    def feed(self, octets: bytes | memoryview) -> None:
        """Take octets in their order; nothing of a view is kept."""
        begin, end = 0, len(octets)
        if self.state in OF_LINES or self._wants_content:
            octets = bytes(octets)
        while begin < end and self.state not in (DONE, OVER):
            if self.state in OF_LINES:
                if isinstance(octets, memoryview):
                    octets = bytes(octets)
                stop = octets.find(b"\n", begin) + 1
                line = self._line + octets[begin : stop or end]
                begin = stop or end
                self._line = b"" if stop else line
                if len(line) > LONGEST_LINE or len(self._lines) > MOST_LINES:
                    self.state = OVER
                elif stop:
                    self._take_line(line.rstrip(b"\r\n"))
                continue
            size = end - begin
            if self.state != UNTIL_END:
                size = min(size, self._left)
                self._left -= size
            wanted = bytes(octets[begin : begin + size]) if self._wants_content else None
            begin += size
            self._content(size, wanted)
            if self.state == LENGTH and not self._left:
                self._finish()
            elif self.state == CHUNK and not self._left:
                self.state = CHUNK_END

    def end_of_input(self) -> bool:
        """Note that nothing more comes; returns whether a message is cut short by that."""
        if self.state == UNTIL_END:  # the end of the connection is the end of the content
            self._finish()
        is_short = self.state not in (DONE, OVER)
        self.state = OVER
        return is_short

    def _finish(self) -> None:
        lines, self._lines = self._lines, []
        self.state = DONE
        self._end(lines)

    def _take_line(self, line: bytes) -> None:
        state = self.state
        if state == START:
            if line:  # an empty line before a message counts for nothing (RFC 9112, 2.2)
                self._lines.append(line)
                self.state = SECTION
        elif state == CHUNK_SIZE:
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                self.state = OVER
                return
            self.state = CHUNK if self._left > 0 else TRAILERS
        elif state == CHUNK_END:
            self.state = CHUNK_SIZE
        elif line:
            self._lines.append(line)
        elif state == SECTION:
            lines, self._lines = self._lines, []
            self.state, self._left = self._head(lines)
            if self.state == DONE or (self.state == LENGTH and not self._left):
                self._finish()
        else:
            self._finish()


class HTTP1Wire:
    """Tells of the requests and responses of one connection in HTTP/1.1. One thread at a time.

    watch: who is told. number: of the connection. scheme, authority: of its server.
    """

    def __init__(self, watch: Watch, number: int, scheme: str, authority: str) -> None:
        self.watch = watch
        self.number = number
        self.scheme = scheme
        self.authority = authority
        wants = watch.wants_content
        self._sent = MessageReader(
            self._note_request, self._note_sent, self._note_request_end, wants_content=wants
        )
        self._received = MessageReader(
            self._note_response, self._note_received, self._note_end, wants_content=wants
        )
        self._sent.state = self._received.state = OVER
        self._queued: float | None = None
        self._attempt = 1
        self._begun: Begun | None = None
        #: of the latest request
        self.method: str = ""
        self.path: str = ""
        self.stream: int = NO_STREAM
        self._is_closed = False

    # -------------------------------------------------------------- what is told

    def expect(self, queued: float, attempt: int, begun: Begun | None) -> None:
        """Note that a request is about to leave: when it was made, and who knows it."""
        self.give_up()
        self._queued, self._attempt, self._begun = queued, attempt, begun
        self._sent.start()
        self._received.start()

    def send(self, octets: bytes | memoryview) -> None:
        """Take octets that leave."""
        self._sent.feed(octets)

    def receive(self, octets: memoryview) -> None:
        """Take octets that have come."""
        self._received.feed(octets)

    @property
    def is_under_way(self) -> bool:
        """True if a request was sent whose response is not whole."""
        return self._received.state not in (DONE, OVER)

    def end_of_input(self) -> None:
        """Note that the server sends nothing more."""
        if self._received.end_of_input():
            self._close(
                "the server ended the connection before the response was whole (RFC 9112, 8)",
                "RemoteDisconnected",
            )

    def give_up(self) -> None:
        """Note that this side reads the response no further."""
        if self.is_under_way and self._sent.state not in (START, SECTION):
            self.watch.tell(events.Cancel(now(), self.number, self.stream, None, False))
        self._received.state = OVER

    def fail(self, error: BaseException, seconds: float | None) -> None:
        """Note an error of http.client's, which waited for so many seconds at most."""
        words = str(error) or repr(error)
        if isinstance(error, TimeoutError):
            self.watch.tell(events.Timeout(now(), self.number, seconds, words))
        else:
            self._close(words, type(error).__name__)
        if self.watch.tracing is not None:
            self.watch.tracing.fail(self.number, self.stream, error)

    def close(self) -> None:
        """Note that this side has closed the connection."""
        self.give_up()
        self._close("the connection was closed on this side", "")

    def _close(self, why: str, kind: str) -> None:
        self._sent.state = self._received.state = OVER
        if not self._is_closed:
            self._is_closed = True
            self.watch.tell(events.Closed(now(), self.number, why, None, kind))

    # ------------------------------------------------------------------ requests

    def _fields(self, lines: list[bytes]) -> Fields:
        found = []
        for line in lines:
            name, _, value = line.partition(b":")
            name, text = name.strip().lower(), value.strip().decode("latin-1")
            if name in SECRET_NAMES:
                text = events.Secret(text) if self.watch.wants_secrets else events.REDACTED
            found.append((name.decode("latin-1"), text))
        return tuple(found)

    def _note_request(self, lines: list[bytes]) -> tuple[int, int]:
        method, _, target = lines[0].decode("latin-1").partition(" ")
        target = target.rpartition(" ")[0]
        fields = self._fields(lines[1:])
        known = dict(fields)
        authority = known.get("host", self.authority)
        if "://" in target:  # of a proxy that forwards (RFC 9112, 3.2.2)
            target = "/" + target.partition("://")[2].partition("/")[2]
        self.method, self.path = method, target
        self.stream = UPGRADED if "http2-settings" in known else NO_STREAM
        begun, self._begun = self._begun, None
        if begun is not None and self.watch.tracing is not None:
            self.watch.tracing.adopt(self.number, self.stream, begun)
        request = method, self.scheme, authority, target, fields, self._queued, self._attempt
        self.watch.tell(events.RequestSent(now(), self.number, self.stream, *request))
        if "chunked" in known.get("transfer-encoding", "").lower():
            return CHUNK_SIZE, 0
        return LENGTH, as_size(known.get("content-length", "0"))

    def _note_sent(self, size: int, octets: bytes | None) -> None:
        told = events.RequestContent(now(), self.number, self.stream, size, octets)
        self.watch.tell(told)

    def _note_request_end(self, trailers: list[bytes]) -> None:
        fields = self._fields(trailers)
        self.watch.tell(events.RequestEnd(now(), self.number, self.stream, fields))

    # ----------------------------------------------------------------- responses

    def _note_response(self, lines: list[bytes]) -> tuple[int, int]:
        version, _, rest = lines[0].partition(b" ")
        status = as_size(rest[:3].decode("latin-1"))
        if not version.startswith(b"HTTP/1.") or not status:
            return OVER, 0  # http.client will say so
        fields = self._fields(lines[1:])
        told = now(), self.number, self.stream, status, fields
        changes = status == 101 and self.stream == UPGRADED  # the answer comes in HTTP/2
        if changes or (status < 200 and status != 101):
            self.watch.tell(events.Informational(*told))
            return (OVER if changes else START), 0
        self.watch.tell(events.Head(*told))
        is_tunnel = self.method == "CONNECT" and status < 300
        if status == 101 or is_tunnel:  # what follows is another protocol's
            self._note_end([])
            return OVER, 0
        if self.method == "HEAD" or status in (204, 304):  # RFC 9112, 6.3
            return DONE, 0
        known = dict(fields)
        if "chunked" in known.get("transfer-encoding", "").lower():
            return CHUNK_SIZE, 0
        if "content-length" in known:
            return LENGTH, as_size(known["content-length"])
        return UNTIL_END, 0

    def _note_received(self, size: int, octets: bytes | None) -> None:
        self.watch.tell(events.Content(now(), self.number, self.stream, size, octets))

    def _note_end(self, trailers: list[bytes]) -> None:
        if trailers:
            fields = self._fields(trailers)
            self.watch.tell(events.Trailers(now(), self.number, self.stream, fields))
        self.watch.tell(events.End(now(), self.number, self.stream))


def as_size(text: str) -> int:
    """Return a decimal number, 0 for what is not one."""
    return int(text) if text.isdecimal() and text.isascii() else 0
