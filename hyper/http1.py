"""HTTP/1.1, which is http.client's own code: trailers and interim responses, which it drops."""

from __future__ import annotations

import functools
import http.client
import io
import re
import time
from http import HTTPStatus

from .dropin import bases
from .errors import RemoteProtocolError, shown
from .fields import FieldMap
from .protocol.limits import INTERIM_BURST, INTERIM_RATE, STATUS_SIZE, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar, overload

    from _typeshed import WriteableBuffer

    Default = TypeVar("Default")


#: A fold (RFC 9112, 5.2), or CR, LF and NUL (RFC 9110, 5.5): no value may have them.
FOLD = re.compile(r"[\0\r\n]+[ \t]*")

#: Octets that are asked for at first; then as many as have come.
READ_SIZE = 1024 * 1024


class HTTPResponse(bases.HTTPResponse):
    """http.client's response, which keeps trailers and interim responses.

    trailers: the fields after a chunked body, once it was read (RFC 9112, 7.1.2).
    informational: (status, headers) of interim responses; http.client takes a 103 for final.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.trailers: FieldMap = FieldMap()
        self.informational: list[tuple[int, http.client.HTTPMessage]] = []
        self._interim: Rate | None = None
        #: whether the connection has ended where the size of a chunk should stand
        self._is_cut = False
        #: http.client's own, by the names that its functions have for them
        self._limits: dict[str, Any] = {}

    def _read_status(self) -> tuple[Any, int, str]:
        while True:
            try:
                version, status, reason = super()._read_status()  # type: ignore[misc]
            except http.client.BadStatusLine as error:
                if not isinstance(error, http.client.RemoteDisconnected):  # it quotes nobody
                    line: str = error.line  # type: ignore[attr-defined]  # it keeps the whole
                    error.args = (shown(line.rstrip("\r\n")),)
                raise
            if not 100 <= status < 200 or status == 101:
                return version, status, reason
            headers = http.client.parse_headers(self.fp, **self._limits)
            _clean(headers)
            self._count_interim(headers)
            self.informational.append((status, headers))

    def _count_interim(self, headers: Any) -> None:
        """Bound interim responses as over HTTP/2; of those that came slowly, keep the latest."""
        size = sum(len(name) + len(value) + 32 for name, value in headers.items()) + STATUS_SIZE
        now = time.monotonic()
        if self._interim is None:
            self._interim = Rate(INTERIM_BURST, INTERIM_RATE, now)
        if not self._interim.take(size, now):
            raise RemoteProtocolError(
                f"the interim responses took more than {INTERIM_BURST} octets, and {INTERIM_RATE}"
                " a second (RFC 9110, 15.2)"
            )
        if len(self.informational) * STATUS_SIZE >= INTERIM_BURST:
            del self.informational[0]

    def begin(self, **limits: Any) -> None:
        """Read the header section; a response that has no content is not read as chunked.

        limits: http.client's own, which newer Pythons have.
        """
        self._limits = limits
        super().begin(**limits)
        # "regardless of the header fields present in the message" (RFC 9112, 6.3); http.client
        # would wait for a chunk that never comes.
        if self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.chunked = False

    def peek(self, n: int = -1) -> bytes:
        """Octets that have come, without taking them; http.client waits where none can come."""
        return b"" if self.length == 0 and not self.chunked else super().peek(n)

    def _read_next_chunk_size(self) -> int:
        """Read the size of a chunk; http.client takes -1, and reads all that ever comes for it."""
        self._is_cut = True
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            self._close_conn()  # type: ignore[attr-defined]
            raise ValueError("the size of a chunk is negative (RFC 9112, 7.1)")
        self._is_cut = False
        return size

    def _safe_read(self, amt: int) -> bytes:
        """Read amt octets. Memory is taken as they come, and not for as many as were announced.

        http.client asks for all of them at once: OverflowError and MemoryError came out of that.
        """
        if amt <= READ_SIZE:
            return super()._safe_read(amt)  # type: ignore[misc, no-any-return]
        whole = io.BytesIO()
        while whole.tell() < amt:
            piece = self.fp.read(min(amt - whole.tell(), max(READ_SIZE, whole.tell())))
            if not piece:
                raise http.client.IncompleteRead(whole.getvalue(), amt - whole.tell())
            whole.write(piece)
        return whole.getvalue()

    def _read_and_discard_trailer(self) -> None:
        try:
            trailers = http.client.parse_headers(self.fp, **self._limits)
        except http.client.LineTooLong:
            raise
        except http.client.HTTPException as error:  # http.client's words are about headers
            raise http.client.HTTPException(str(error).replace("headers", "trailers")) from None
        _clean(trailers)
        self.trailers = FieldMap(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in trailers.items()
        )

    if TYPE_CHECKING:

        @overload
        def gettrailer(self, name: str) -> str | None: ...
        @overload
        def gettrailer(self, name: str, default: Default) -> str | Default: ...

    def gettrailer(self, name: str, default: Any = None) -> Any:
        """The values of one trailer field, joined by commas; else default.

        Args:
            name: the field's, in any case.
            default: returned if there is no such field.
        """
        value = self.trailers.joined(name)
        return default if value is None else value

    def gettrailers(self) -> list[tuple[str, str]]:
        """All (name, value) pairs of the trailers."""
        return self.trailers.items()


def _clean(message: http.client.HTTPMessage) -> None:
    """Replace CR, LF, NUL and folds in values by a space, as RFC 9110, 5.5 demands."""
    fields = message.items()
    if any(FOLD.search(value) for _, value in fields):
        for name, _ in fields:
            del message[name]
        for name, value in fields:
            message[name] = FOLD.sub(" ", value)


class WholeResponse(HTTPResponse):
    """A response that raises IncompleteRead, however it is read, where its content is cut short.

    http.client does so in ``read()`` and with chunks. In all else its scripts count on the silence:
    this class is for callers that have never known it. They get no folds in values, either.
    """

    def begin(self, **limits: Any) -> None:
        """Read the header section, and replace folds in its values."""
        super().begin(**limits)
        _clean(self.headers)

    def read(self, amt: int | None = None) -> bytes:
        """Read at most amt octets, or all."""
        was_open = not self.isclosed()
        octets = super().read(amt)
        self._require_more(was_open and not octets and amt != 0)
        return octets

    def read1(self, n: int = -1) -> bytes:
        """Read at most n octets, of what has come."""
        was_open = not self.isclosed()
        octets = super().read1(n)
        self._require_more(was_open and not octets and n != 0)
        return octets

    def readinto(self, b: WriteableBuffer) -> int:
        """Fill a writable buffer."""
        was_open = not self.isclosed()
        size = super().readinto(b)
        self._require_more(was_open and not size and len(memoryview(b)) > 0)
        return size

    def readline(self, limit: int = -1) -> bytes:  # type: ignore[override] # the stub has no name
        """Read a line, or what there is of it at the end."""
        was_open = not self.isclosed()
        line: bytes = super().readline(limit)
        self._require_more(was_open and limit != 0 and (self._is_cut or not line), line)
        return line

    def _require_more(self, is_end: bool, partial: bytes = b"") -> None:
        if is_end and (self._is_cut or self.length):
            raise http.client.IncompleteRead(partial, self.length)


class UnbufferedResponse(HTTPResponse):
    """The response to CONNECT, read without a buffer: octets behind it belong to the tunnel."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp: Any = sock.makefile("rb", buffering=0)


functools.update_wrapper(HTTPResponse.__init__, bases.HTTPResponse.__init__)
# So that inspect.signature tells of http.client's limits, where it has them.
functools.update_wrapper(HTTPResponse.begin, bases.HTTPResponse.begin, assigned=(), updated=())
