"""Decoding of the chunked transfer coding (RFC 9112, 7.1).

Some libraries write the framing of HTTP/1.1 themselves and give it to ``send``.  HTTP/2 has frames
of its own, so only the content goes out, and the trailer section after it.

::

    4;extension CRLF      a size line, in hexadecimal
    wiki CRLF             so many octets of content, and a line end
    0 CRLF                the last chunk, without content
    name: value CRLF      trailers, perhaps
    CRLF                  the end
"""

from __future__ import annotations

import re

from ..errors import LocalProtocolError

#: Octets of a line: sixteen digits with extensions, or a trailer field. No library writes longer.
MAX_LINE = 8 * 1024

#: A size, with what may follow it: white space, extensions (7.1.1).
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?").fullmatch

# Kinds of the next line.
SIZE, CHUNK_END, TRAILER, NOTHING = range(4)


class Unchunker:
    """A decoder of the chunked coding, which takes octets in pieces of any size."""

    def __init__(self) -> None:
        #: the beginning of a line whose end is still missing
        self._waiting = b""
        #: octets still missing of the present chunk
        self._left = 0
        self._next_line = SIZE
        #: the fields after the last chunk
        self.trailers: list[tuple[bytes, bytes]] = []

    @property
    def is_finished(self) -> bool:
        """True if the end was read."""
        return self._next_line == NOTHING

    def feed(self, octets: bytes | bytearray | memoryview) -> bytes:
        """The content in these octets; raises LocalProtocolError if they are not chunked."""
        coded = self._waiting + bytes(octets)
        self._waiting = b""
        content = []
        start = 0
        while start < len(coded):
            if self._left:
                content.append(coded[start : start + self._left])
                self._left -= len(content[-1])
                start += len(content[-1])
                continue
            stop = coded.find(b"\r\n", start)
            if stop < 0 and len(coded) - start <= MAX_LINE:
                self._waiting = coded[start:]
                break
            self._take_line(coded[start : stop if stop >= 0 else len(coded)])
            start = stop + 2
        return b"".join(content)

    def _take_line(self, line: bytes) -> None:
        size = SIZE_LINE(line)
        name, colon, value = line.partition(b":")
        if len(line) > MAX_LINE:
            raise _malformed(line)
        if self._next_line == SIZE and size:
            self._left = int(size[1], 16)
            self._next_line = CHUNK_END if self._left else TRAILER
        elif self._next_line == CHUNK_END and not line:
            self._next_line = SIZE
        elif self._next_line == TRAILER and not line:
            self._next_line = NOTHING
        elif self._next_line == TRAILER and colon:
            self.trailers.append((name, value.strip()))
        else:
            raise _malformed(line)


def _malformed(octets: bytes) -> LocalProtocolError:
    return LocalProtocolError(
        f"{octets[:40]!r} is not the chunked coding that transfer-encoding announces"
        " (RFC 9112, 7.1)"
    )
