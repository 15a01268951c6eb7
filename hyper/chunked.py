"""The chunked coding taken off again (RFC 9112, 7.1).

Some libraries write the framing of HTTP/1.1 themselves and hand it to ``send``.  HTTP/2 has
frames of its own; what goes out must be the content alone.
"""

from __future__ import annotations

from .errors import LocalProtocolError

#: Octets of a chunk-size line: sixteen digits and what anyone puts behind them.
MAX_LINE = 1024


class Unchunker:
    """Gives the content in chunked octets, however they are cut."""

    def __init__(self) -> None:
        self._waiting = b""
        #: octets still to come of this chunk; then two of its line end; None: its size line
        self._left: int | None = None
        self._is_last = False

    def feed(self, octets: bytes) -> bytes:
        """The content in these octets; raises LocalProtocolError for what is not chunked."""
        waiting = self._waiting + bytes(octets)
        content = []
        while waiting:
            if self._left is None:
                line, found, rest = waiting.partition(b"\r\n")
                if not found:
                    if len(line) > MAX_LINE:
                        raise _malformed(line)
                    break
                waiting = rest
                if not self._is_last:
                    self._left = _size(line)
                    self._is_last = self._left == 0
                    if self._is_last:
                        self._left = None  # trailers, or the empty line that ends it all
            elif self._left > 0:
                content.append(waiting[: self._left])
                self._left -= len(content[-1])
                waiting = waiting[len(content[-1]) :]
            elif len(waiting) < 2:
                break
            elif waiting[:2] != b"\r\n":
                raise _malformed(waiting)
            else:
                waiting, self._left = waiting[2:], None
        self._waiting = waiting
        return b"".join(content)


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        return int(digits, 16)
    except ValueError:
        raise _malformed(line) from None


def _malformed(octets: bytes) -> LocalProtocolError:
    return LocalProtocolError(
        f"{octets[:40]!r} is not the chunked coding that transfer-encoding announces"
        " (RFC 9112, 7.1)"
    )
