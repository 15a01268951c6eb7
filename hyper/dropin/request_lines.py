"""A request in http.client's lines of HTTP/1.1, read back for HTTP/2 (RFC 9113, 8.3.1)."""

from __future__ import annotations

from ..protocol import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..protocol.messages import RequestFields

#: White space in a field value's line (RFC 9110, 5.6.3).
WHITE_SPACE = b" \t"


class RequestLines:
    """The lines of one request, and what they say. Immutable once made, so it can be kept.

    lines: the request line and the field lines, without their line ends.
    head: the same in one piece, as it would stand on the wire in HTTP/1.1.
    method, url: of the request line.
    given: the fields, checked.
    is_chunked: True if the content is to come in the chunked coding.  The field that says so
    is left out: HTTP/2 has no such coding (RFC 9113, 8.2.2).
    """

    __slots__ = ("given", "head", "is_chunked", "lines", "method", "url")

    method: str
    url: str

    def __init__(self, lines: list[bytes]) -> None:
        self.lines: list[bytes] = lines
        self.head: bytes = joined(lines)
        # http.client lets no space into the target, but into the method.
        method, _, url = lines[0].rpartition(b" ")[0].rpartition(b" ")
        self.method, self.url = method.decode(), url.decode()
        self.is_chunked: bool = False
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            lower = name.lower()
            if lower == b"transfer-encoding":
                self.is_chunked = b"chunked" in value.lower()
            else:
                headers.append((lower, unfolded(value)))
        self.given: RequestFields = messages.request_fields(headers)


def joined(lines: list[bytes]) -> bytes:
    """Return lines as a header section on the wire."""
    return b"\r\n".join([*lines, b"", b""])


def unfolded(value: bytes) -> bytes:
    """A field value of several lines in one line (RFC 9112, 5.2). Linear in its length."""
    value = value.strip()
    if b"\n" not in value:
        return value
    # http.client puts each value of one putheader in a line of its own, after a tab.
    lines = value.replace(b"\r\n\t", b", ").split(b"\n")
    if not all(line.startswith((b" ", b"\t")) for line in lines[1:]):
        return value  # no continuation: the check of field values refuses it
    # A regular expression for this would search each run of spaces once per space.
    return b" ".join([line.removesuffix(b"\r").strip(WHITE_SPACE) for line in lines])
