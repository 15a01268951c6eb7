"""The response: a readable binary stream with status, fields and trailers around it.

It speaks http.client's words. It parses nothing and decides nothing: content is taken from its
exchange, and taking it is what gives the peer room to send more.
"""

from __future__ import annotations

import io
from collections import deque
from http.client import responses

from ..errors import IncompleteRead, LocalProtocolError, TimedOut
from ..fields import FieldMap
from ..protocol.states import DONE
from ..protocol.stream import LEAST_SPARED, PIECE_SIZE, spare
from ..transport.deadline import Deadline
from .timeouts import Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar, overload

    from _typeshed import WriteableBuffer

    from ..errors import Failure
    from ..protocol.messages import ResponseHead
    from ..protocol.priorities import PrioritySource
    from ..protocol.stream import Piece
    from .content_codings import ContentDecoder
    from .exchange import Exchange

    Default = TypeVar("Default")

#: The status of a part of the content (RFC 9110, 15.3.7).
PARTIAL_CONTENT = 206


class HTTP20Response(io.BufferedIOBase):
    """A response whose header section has come; content streams (RFC 9113, 8.1).

    ``status`` (also ``code``) is an int, ``version`` is 20, ``headers`` is also ``msg``. Closing it
    before the end resets this stream and nothing else, and so does dropping it. One thread reads it
    at a time.

    Every method that reads content waits for the server, each time as long as ``timeout`` allows.

    Raises:
        TimeoutError: out of a method that reads; nothing is lost, read again.
        IncompleteRead: likewise; the content was cut short, and ``partial`` has what came.
        StreamResetError, ConnectionTerminated: likewise, where there can be no part of it.
        RemoteProtocolError: likewise; the server breaks the rules, or its content coding.
        LocalProtocolError: likewise; a read was interrupted by an exception of the program's own
            while octets were on their way, and they are lost. Each later read raises it.
        ValueError: it was closed.
    """

    version: int = 20
    status: int
    code: int
    chunked: bool = False
    will_close: bool = False
    debuglevel: int = 0
    url: str = ""
    #: True in a subclass that does more whenever content is taken: by ``_take``, ``_read_rest``
    _is_watched: bool = False

    def __init__(self, exchange: Exchange, *, decode_content: bool = True) -> None:
        head = exchange.stream.head
        assert head is not None  # it was waited for
        self._exchange = exchange
        self._head: ResponseHead = head
        #: whether content is decoded where the first read does not say
        self._decodes_by_default = decode_content
        #: whether content is decoded; None until the first read
        self._decodes: bool | None = None
        self._decoder: ContentDecoder | None = None
        #: what the decoder makes of the latest pieces, as far as it was not yet asked for
        self._steps: Iterator[bytes] = iter(())
        #: taken from the stream and not yet read, and how many octets that is
        self._held: deque[Piece] = deque()
        self._held_size = 0
        #: True if the end of the content was seen
        self._is_finished = False
        self.status = self.code = head.status

    # ------------------------------------------------------------------ the head

    @property
    def stream_id(self) -> int:
        """The id of the request, which its stream has as identifier (5.1.1)."""
        return self._exchange.id

    @property
    def reason(self) -> str:
        """The standard phrase of the status (RFC 9110, 15), or ""."""
        return responses.get(self.status, "")

    @property
    def headers(self) -> FieldMap:
        """The header section: case-insensitive, in order, duplicates kept."""
        return self._head.headers

    msg = headers

    def info(self) -> FieldMap:
        """The header section, as urllib's users ask for it."""
        return self.headers

    if TYPE_CHECKING:

        @overload
        def getheader(self, name: str) -> str | None: ...
        @overload
        def getheader(self, name: str, default: Default) -> str | Default: ...

    def getheader(self, name: str, default: Any = None) -> Any:
        """Return the values of one field, joined by commas.

        Args:
            name: of the field, in any case.
            default: returned if there is no such field; an iterable is joined.
        """
        return joined(self.headers, name, default)

    def getheaders(self) -> list[tuple[str, str]]:
        """All (name, value) pairs, duplicates included."""
        return self.headers.items()

    def getcode(self) -> int:
        """The status."""
        return self.status

    def geturl(self) -> str:
        """The URL that was asked for."""
        return self.url

    @property
    def informational(self) -> list[tuple[int, FieldMap]]:
        """Interim responses that came before, as (status, headers), oldest first.

        103 Early Hints are here (RFC 8297), and 100 Continue.
        """
        return [(head.status, head.headers) for head in self._exchange.stream.informational]

    def reprioritize(self, priority: PrioritySource) -> bool:
        """Ask for another priority (RFC 9218, 6).

        Args:
            priority: a ``Priority``, or its field value.

        Returns:
            False if it is in vain: the response is whole, or the server's SETTINGS decline.
        """
        return self._exchange.reprioritize(priority)

    # --------------------------------------------------------------- the content

    @property
    def length(self) -> int | None:
        """Octets of content still to come by content-length, or None where it is not told."""
        stream = self._exchange.stream
        if stream.content_length is None:
            return None
        taken = stream.content_size - sum(map(len, tuple(stream.content)))
        return max(0, stream.content_length - taken)

    @property
    def timeout(self) -> float | None:
        """Seconds that each wait for content may take, None for no limit.

        The connection's, unless it is set: threads that share a connection set their own here.
        """
        return self._exchange.timeouts.remaining()

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._exchange.timeouts = Timeouts(timeout)

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """Read content: all there will be, or amt octets, fewer only at the end.

        Args:
            amt: octets; None, or a negative number, for all.
            decode_content: whether to take off the content coding; None means as the connection
                was told. The first read decides.

        Returns:
            The octets; ``b""`` at the end.

        Raises:
            TimeoutError, IncompleteRead, RemoteProtocolError: as the class says.
        """
        # HOT: once a piece (bench/counts.py, download).
        if self.closed:
            self._require_open()
        if self._decodes is None or self._exchange.is_moving:
            self._settle_decoding(decode_content)
        if amt is None or amt < 0:
            octets = self._read_rest()
        else:
            is_direct = not (self._held_size or self._is_finished or self._decoder)
            if amt and is_direct and not self._is_watched:
                pieces = self._exchange.take(amt)
                if len(pieces) == 1 and len(pieces[0]) == amt and type(pieces[0]) is bytes:
                    self._exchange.is_moving = False
                    return pieces[0]  # it was joined when it came
                self._hold(pieces)
            while self._held_size < amt and self._take(amt - self._held_size):
                pass
            octets = self._cut(amt)
        self._exchange.is_moving = False
        return octets

    def _read_rest(self) -> bytes:
        """All there will be. The caller says when they have arrived, as after ``_cut``."""
        exchange = self._exchange
        stream = exchange.stream
        is_plain = not (self._held or stream.failure or self._decoder)
        if stream.phase == DONE and is_plain:
            # All of it is there already, as small responses are: nothing to wait for or hold.
            exchange.is_moving = True
            content = stream.content
            if stream.content_size < LEAST_SPARED:
                octets = b"".join(content)
                content.clear()
            else:  # one by one, as in _cut
                pieces = [content.popleft() for _ in range(len(content))]
                octets = b"".join(pieces)
                spare(pieces)
            exchange.pump.release(len(octets))
            self._is_finished = True
            exchange.is_done = exchange.is_final
            return octets
        while self._take(None):
            pass
        return self._cut(self._held_size)

    def read1(self, amt: int = -1) -> bytes:
        """Read octets that are at hand, after one wait at most.

        Args:
            amt: how many at most; a negative number means all that are at hand.

        Returns:
            The octets; ``b""`` only at the end.
        """
        self._require_open()
        self._settle_decoding(None)
        self._hold_some()
        octets = self._cut(self._held_size if amt is None or amt < 0 else amt)
        self._exchange.is_moving = False
        return octets

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a writable buffer.

        Returns:
            How many octets that is: fewer than it holds only at the end.
        """
        # io's function reads and copies in C, where no signal handler comes between.
        return super().readinto(buffer)

    def peek(self, amt: int = 0) -> bytes:  # noqa: ARG002 - as io.BufferedReader's
        """Return octets that are at hand, without taking them; ``b""`` only at the end.

        Args:
            amt: ignored: as many are returned as are at hand.
        """
        self._require_open()
        self._settle_decoding(None)
        self._hold_some()
        return bytes(self._held[0]) if self._held else b""

    def readline(self, limit: int | None = -1) -> bytes:
        """Read octets up to and with the next line feed.

        Args:
            limit: octets at most; None, or a negative number, for no limit.
        """
        self._require_open()
        self._settle_decoding(None)
        limit = -1 if limit is None else limit
        searched = 0
        for piece in self._pieces_ahead():
            found = _line_feed(piece)
            end = searched + (len(piece) if found < 0 else found + 1)
            searched = end
            if 0 <= limit <= end:
                searched = limit
                break
            if found >= 0:
                break
        octets = self._cut(searched)
        self._exchange.is_moving = False
        return octets

    def read_chunked(self, decode_content: bool | None = None) -> Iterator[bytes]:
        """Iterate the content as it comes: one piece a DATA frame.

        Args:
            decode_content: as for ``read``.

        Returns:
            An iterator of octets; no piece is empty.
        """
        self._require_open()
        self._settle_decoding(decode_content)
        while not self.closed:
            self._hold_some()
            if not self._held:
                return
            octets = self._cut(len(self._held[0]))
            self._exchange.is_moving = False
            yield octets

    def _pieces_ahead(self) -> Iterator[Piece]:
        """Every piece held and to come; they stay held."""
        index = 0
        while True:
            if index == len(self._held):
                self._exchange.is_moving = True
                self._join_small()  # as taking does, but now the index can follow
                self._exchange.is_moving = False
                index = len(self._held)
                if not self._take(1):
                    return
            while index < len(self._held):
                yield self._held[index]
                index += 1

    def _hold_some(self) -> None:
        if self._held or self._is_finished:
            return
        if self._decoder is None:
            self._take(1)
        else:
            self._take_decoded(self._decoder, waits_once=True)

    def _settle_decoding(self, decode_content: bool | None) -> None:
        """Decide whether content is decoded, unless a read has done so."""
        if self._exchange.is_moving:
            self._raise_interrupted()
        if self._decodes is not None:
            return
        wanted = self._decodes_by_default if decode_content is None else decode_content
        if wanted and self._head.content_encoding:
            # The octets of a part (RFC 9110, 14.2) begin in the middle of their coding.
            is_part = self.status == PARTIAL_CONTENT
            if not (is_part or self._exchange.stream.expects_no_content):
                from .content_codings import decoder_for

                self._decoder = decoder_for(self._head.content_encoding)
        self._decodes = wanted

    def _take(self, amt: int | None) -> bool:
        """Move content from the stream to what is held; False at the end.

        amt: how much is wanted; None: all that is there.
        """
        if self._is_finished:
            return False
        if self._decoder is not None:
            return self._take_decoded(self._decoder)
        return self._hold(self._exchange.take(amt))

    def _hold(self, pieces: list[bytes | bytearray]) -> bool:
        """Hold pieces that were taken; False if there are none, which is the end."""
        exchange = self._exchange
        if not pieces:
            exchange.is_moving = False
            self._finish()
            return False
        size = sum(map(len, pieces))
        if size < PIECE_SIZE * len(pieces):
            if len(pieces) > 1:
                pieces = [b"".join(pieces)]
            self._join_small()
        self._held.extend(pieces)
        self._held_size += size
        exchange.is_moving = False
        return True

    def _take_decoded(self, decoder: ContentDecoder, *, waits_once: bool = False) -> bool:
        """Hold what one step of decoding gives, as a little content may stand for gigabytes.

        Steps may give nothing, for any time: the clock is looked at after each.  waits_once: all
        waits together may take ``timeout``; else it begins anew with each piece that comes.
        """
        exchange = self._exchange
        deadline = Deadline(self.timeout)
        while True:
            exchange.is_moving = True
            for step in self._steps:
                if step:
                    self._join_small()
                    self._held.append(step)
                    self._held_size += len(step)
                    exchange.is_moving = False
                    if self._held_size > len(step) and exchange.timeouts.is_overdue():
                        raise TimedOut("timed out while decoding content; what came is kept")
                    return True
                if deadline.is_over:
                    exchange.is_moving = False
                    raise TimedOut("timed out while decoding content that gives no octets")
            exchange.is_moving = False
            if waits_once:
                pieces = exchange.take(1, deadline)
            else:
                pieces = exchange.take(1)
                deadline = Deadline(self.timeout)
            if not pieces:
                exchange.is_moving = False
                self._finish()
                return False
            self._steps = decoder.steps(b"".join(pieces))

    def _join_small(self) -> None:
        """Join small pieces at the end of what is held, so that octets are what it costs."""
        held = self._held
        while len(held) > 1 and len(held[-2]) <= len(held[-1]) < PIECE_SIZE:
            last = held.pop()
            held[-1] = b"".join((held[-1], last))

    def _finish(self) -> None:
        """No more content comes: raise unless it was all."""
        failure = self._exchange.stream.failure
        if failure is not None:
            self._raise(failure)
        if self._decoder is not None:
            self._decoder.require_whole()
        self._is_finished = True

    def _raise(self, failure: Failure) -> None:
        if not failure.cuts_content:
            raise failure.exception()
        stream = self._exchange.stream
        missing = None
        if stream.content_length is not None:
            missing = stream.content_length - stream.content_size
        partial = self._cut(self._held_size)
        self._exchange.is_moving = False
        raise IncompleteRead(partial, missing) from failure.exception()

    def _raise_interrupted(self) -> None:
        """Raise why nothing can be read any more: a read has not come to its end."""
        if self._decoder is not None:
            self._decoder.require_sound()
        raise LocalProtocolError(
            "a read was interrupted by an exception that this program raised, out of a signal"
            " handler perhaps, and octets of the content are lost: close the response and repeat"
            " the request"
        )

    def _cut(self, size: int) -> bytes:
        """The first size octets of what is held, or all of it.

        The caller says when they have arrived: it sets ``is_moving`` of the exchange to False.
        """
        self._exchange.is_moving = True
        held = self._held
        parts: list[Piece]
        if size >= self._held_size:
            size, self._held_size = self._held_size, 0
            if size < LEAST_SPARED:
                octets = bytes(held[0]) if len(held) == 1 else b"".join(held)
                held.clear()
                return octets
            # One by one: a piece is never two threads' that read by mistake at the same time.
            parts = [held.popleft() for _ in range(len(held))]
        else:
            self._held_size -= size
            parts, left = [], size
            while left:
                piece = held.popleft()
                if len(piece) > left:
                    piece = memoryview(piece)
                    held.appendleft(piece[left:])
                    piece = piece[:left]
                parts.append(piece)
                left -= len(piece)
        octets = b"".join(parts)
        if size >= LEAST_SPARED:
            spare(parts)
        return octets

    # -------------------------------------------------------------- the trailers

    @property
    def trailers(self) -> FieldMap:
        """The trailer section (8.1), empty if there is none.

        Content that was not read is received first, and can be read afterwards.
        """
        self._settle_decoding(None)
        while self._take(None):
            pass
        return FieldMap(self._exchange.stream.trailers)

    if TYPE_CHECKING:

        @overload
        def gettrailer(self, name: str) -> str | None: ...
        @overload
        def gettrailer(self, name: str, default: Default) -> str | Default: ...

    def gettrailer(self, name: str, default: Any = None) -> Any:
        """Return the values of one trailer field, joined by commas; as ``getheader`` otherwise.

        Args:
            name: of the field, in any case.
            default: returned if there is no such field; an iterable is joined.
        """
        return joined(self.trailers, name, default)

    def gettrailers(self) -> list[tuple[str, str]]:
        """All (name, value) pairs of the trailer section."""
        return self.trailers.items()

    # ------------------------------------------------------------ being a stream

    def readable(self) -> bool:
        """True: it is made for reading."""
        return True

    def fileno(self) -> int:
        """The file descriptor of the connection's socket, shared with all its streams."""
        return self._exchange.pump.fileno()

    def isclosed(self) -> bool:
        """True if a read has found the end of the content, or the response was closed.

        With content-length, the read of the last octet finds it.  Without, a further read does, as
        in HTTP/1.1: it does not depend on the moment in which END_STREAM arrives.
        """
        if self.closed or (self._is_finished and not self._held):
            return True
        is_all_read = self._decoder is None and not self._held and self.length == 0
        return is_all_read and self._exchange.stream.failure is None

    @property
    def fp(self) -> HTTP20Response | None:
        """None if ``isclosed()``, else the response itself, as the file to read from.

        Scripts ask whether it is None: CacheControl stores a response at that moment.
        """
        return None if self.isclosed() else self

    def close(self) -> None:
        """Drop what was not read; a stream that has not ended is reset (CANCEL, 5.4.2)."""
        if self.closed:
            return
        self._held.clear()
        self._held_size = 0
        self._steps = iter(())
        exchange = self._exchange
        exchange.is_moving = False  # nothing is to be read any more
        if not exchange.is_done:  # else all was sent and read
            if not exchange.stream.is_over or exchange.stream.request_is_open:
                exchange.discard()
            else:
                exchange.pump.release(exchange.stream.drop_content())
        super().close()

    def __del__(self) -> None:
        # KeyboardInterrupt may have come before it had an exchange.
        exchange = self.__dict__.get("_exchange")
        if exchange is not None and not exchange.is_done:
            exchange.drop_from_finalizer()

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a closed response")

    def __repr__(self) -> str:
        return f"<HTTP20Response {self.status}, stream {self.stream_id}>"


def _line_feed(piece: Piece) -> int:
    """Return the position of the first line feed of a held piece, or -1. This copies nothing."""
    if not isinstance(piece, memoryview):
        return piece.find(b"\n")
    # The rest of a piece is always its end.
    whole: bytes | bytearray = piece.obj  # type: ignore[assignment]
    gone = len(whole) - len(piece)
    return max(-1, whole.find(b"\n", gone) - gone)


def joined(fields: FieldMap, name: str, default: str | Iterable[Any] | None) -> Any:
    """Return the values of one field, joined by commas, or the default as http.client gives it.

    http.client joins a default that can be iterated, unless it is a str.
    """
    value = fields.joined(name)
    if value is not None:
        return value
    if default is None or isinstance(default, str) or not hasattr(default, "__iter__"):
        return default
    return ", ".join(map(str, default))
