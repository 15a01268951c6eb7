"""A view of a trace: each frame with its time, direction, stream, flags and content, in lines."""

from __future__ import annotations

from ..protocol import frames
from . import events as kinds
from .cutter import error_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

    from .events import Event

    Frame = "kinds.FrameSent | kinds.FrameReceived"

# SGR sequences of a terminal (ECMA-48, 8.3.117).
RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN = (f"\x1b[{number}m" for number in range(31, 37))

#: The colour of a frame's name, where it is not that of its direction.
COLOURS = {
    frames.RST_STREAM: RED,
    frames.GOAWAY: RED,
    frames.PUSH_PROMISE: MAGENTA,
    frames.WINDOW_UPDATE: DIM,
}
#: The names of flags, by the types that have them (RFC 9113, 6).
FLAGS = {
    frames.DATA: {frames.END_STREAM: "END_STREAM", frames.PADDED: "PADDED"},
    frames.HEADERS: {
        frames.END_STREAM: "END_STREAM",
        frames.END_HEADERS: "END_HEADERS",
        frames.PADDED: "PADDED",
        frames.PRIORITY_FLAG: "PRIORITY",
    },
    frames.SETTINGS: {frames.ACK: "ACK"},
    frames.PING: {frames.ACK: "ACK"},
    frames.CONTINUATION: {frames.END_HEADERS: "END_HEADERS"},
    frames.PUSH_PROMISE: {frames.END_HEADERS: "END_HEADERS", frames.PADDED: "PADDED"},
}
#: Columns before the lines of a frame's content.
MARGIN = " " * 20
#: Characters of debug data that are shown.
MAX_DEBUG = 200


#: Events that stand for the messages of HTTP/1.1.
OF_MESSAGES = (kinds.RequestSent, kinds.Informational, kinds.Head, kinds.Trailers)


class FrameLines:
    """An observer that writes frames as they pass, and what befalls their connection.

    Args:
        write: called with text, whole lines.
        colours: whether ANSI sequences are in it.
        start: the moment of 0.000 s; None means that of the first event.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        colours: bool = False,
        start: float | None = None,
    ) -> None:
        self._write = write
        self._colours = colours
        self._start = start
        #: connections seen: with more than one, each line has its number
        self._seen: set[int] = set()
        #: those of them that speak HTTP/1.1
        self._http1: set[int] = set()
        #: the server, and why HTTP/1.1 is spoken to it, told last
        self._fallback: tuple[str, str] | None = None

    def __call__(self, event: Event) -> None:
        """Write an event, if it is one of those that are shown."""
        if self._start is None:
            self._start = event.moment
        if event.connection:
            self._seen.add(event.connection)
        if isinstance(event, (kinds.FrameSent, kinds.FrameReceived)):
            lines = [self._frame_line(event), *self._content_lines(event.content)]
        elif isinstance(event, OF_MESSAGES) and event.connection in self._http1:  # no frames
            lines = [self._message_line(event), *self._content_lines({"fields": event.fields})]
        else:
            words = self._words(event)
            if not words:
                return
            lines = [f"{self._time(event)} {self._paint(words, DIM)}"]
        self._write("".join(f"{line}\n" for line in lines))

    def _paint(self, text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{RESET}" if self._colours and text else text

    def _time(self, event: Event) -> str:
        seconds = event.moment - (self._start or 0.0)
        number = f" #{event.connection}" if len(self._seen) > 1 else ""
        return self._paint(f"[{seconds:8.3f}]{number}", DIM)

    def _frame_line(self, event: kinds.FrameSent | kinds.FrameReceived) -> str:
        is_sent = isinstance(event, kinds.FrameSent)
        arrow, colour = ("send", CYAN) if is_sent else ("recv", GREEN)
        name = self._paint(f"{event.name:<13}", BOLD, COLOURS.get(event.type, colour))
        names = FLAGS.get(event.type, {})
        flags = [text for bit, text in names.items() if event.flags & bit]
        unknown = event.flags & ~sum(names)
        if unknown:
            flags.append(f"{unknown:#04x}")
        words = f"stream {event.stream}, {event.length} octets"
        if flags:
            words += f", {' '.join(flags)}"
        return f"{self._time(event)} {self._paint(arrow, colour)} {name} {words}"

    def _message_line(self, event: Any) -> str:
        is_sent = isinstance(event, kinds.RequestSent)
        arrow, colour = ("send", CYAN) if is_sent else ("recv", GREEN)
        words = "trailers"
        if is_sent:
            words = shown(f"{event.method} {event.path}")
        elif not isinstance(event, kinds.Trailers):
            words = str(event.status)
        return f"{self._time(event)} {self._paint(arrow, colour)} HTTP/1.1 {words}"

    def _content_lines(self, content: Any) -> Iterator[str]:
        for key, value in content.items():
            if key == "fields":
                for name, text in value:
                    yield f"{MARGIN}{self._paint(name, BLUE)}: {shown(text)}"
            elif key == "settings":
                for name, number in value:
                    label = name if isinstance(name, str) else f"{name:#x}"
                    yield f"{MARGIN}{self._paint(label, BLUE)} = {number}"
            else:
                yield f"{MARGIN}{self._paint(key.replace('_', ' '), BLUE)}: {_value(key, value)}"

    def _words(self, event: Event) -> str:
        """Return what is said of an event that is not a frame, or "" if that is nothing."""
        if isinstance(event, kinds.Opened):  # an upgrade makes it HTTP/2 (RFC 7540, 3.2)
            (self._http1.add if event.protocol == "HTTP/1.1" else self._http1.discard)(
                event.connection
            )
        if isinstance(event, kinds.NameResolved):
            return f"{event.host} is at {', '.join(event.addresses)}"
        if isinstance(event, kinds.Connecting):
            return f"connecting to {event.address}, port {event.port}"
        if isinstance(event, kinds.Connected):
            return f"connected to {event.address}" + (f", port {event.port}" * bool(event.port))
        if isinstance(event, kinds.Tunnelled):
            return f"tunnel open through {event.proxy}"
        if isinstance(event, kinds.TLSDone):
            alpn = event.alpn or "nothing"
            resumed = ", resumed" if event.resumed else ""
            return f"{event.version}, {event.cipher}; ALPN chose {alpn}{resumed}"
        if isinstance(event, kinds.Retry):
            return (
                f"{event.method} {event.path} goes out again (attempt {event.attempt}): {event.why}"
            )
        if isinstance(event, kinds.Fallback):
            before, self._fallback = self._fallback, (event.host, event.why)
            return "" if before == self._fallback else f"HTTP/1.1 with {event.host}: {event.why}"
        if isinstance(event, kinds.Timeout):
            return f"timeout: {event.why}"
        if isinstance(event, kinds.Closed):
            return f"closed: {event.why}"
        return ""


def shown(text: str) -> str:
    """Return text without what a terminal would obey: controls are shown as escapes."""
    if text.isprintable():
        return str(text)
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _value(key: str, value: Any) -> str:
    if key == "error_code":
        return error_name(value)
    if isinstance(value, bytes):
        if key == "opaque":
            return value.hex()
        return shown(value[:MAX_DEBUG].decode("utf-8", "replace")) or '""'
    if isinstance(value, tuple):
        return shown(" ".join(value))
    return shown(str(value))


def frame_lines(events: Iterable[Event], *, colours: bool = False) -> str:
    """Return the frames of a trace as text, one line each and its content below.

    Args:
        events: a ``Recorder``, or any events in their order.
        colours: whether ANSI sequences are in it, for a terminal.
    """
    written: list[str] = []
    write = FrameLines(written.append, colours=colours)
    for event in events:
        write(event)
    return "".join(written)
