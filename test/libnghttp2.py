"""The server's half of libnghttp2, in memory: a second opinion on what a client says.

    server = Server({wire.SETTINGS_NO_RFC7540_PRIORITIES: 1}, content_size=100_000)
    server.receive(preface + requests)
    octets = server.send()

Each request is answered with status 200 and content_size zeros, as flow control and priorities
(RFC 9218, PRIORITY_UPDATE included) let it; `send` gives the octets that the server writes, a frame
at a time.  `why_missing` tells why there is no libnghttp2, or none that knows priorities.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import TYPE_CHECKING, Any

from hyper.testing import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

# nghttp2.h: NGHTTP2_DATA_FLAG_EOF, and the type of PRIORITY_UPDATE, which has to be asked for.
LAST_CONTENT = 0x1
PRIORITY_UPDATE = 0x10


class Field(ctypes.Structure):
    """nghttp2_nv."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("value", ctypes.c_char_p),
        ("name_size", ctypes.c_size_t),
        ("value_size", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    )


class Setting(ctypes.Structure):
    """nghttp2_settings_entry."""

    _fields_ = (("identifier", ctypes.c_int32), ("value", ctypes.c_uint32))


class FrameHeader(ctypes.Structure):
    """nghttp2_frame_hd, with which every nghttp2_frame begins."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("stream_id", ctypes.c_int32),
        ("type", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8),
    )


Pointer = ctypes.c_void_p
OnFrame = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, ctypes.POINTER(FrameHeader), Pointer)
Read = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t,
    *(Pointer, ctypes.c_int32, Pointer, ctypes.c_size_t, ctypes.POINTER(ctypes.c_uint32)),
    *(Pointer, Pointer),
)


class ContentSource(ctypes.Structure):
    """nghttp2_data_provider."""

    _fields_ = (("source", Pointer), ("read", Read))


def load() -> Any:
    """The library, or None."""
    name = ctypes.util.find_library("nghttp2")
    return ctypes.CDLL(name) if name else None


LIBRARY = load()


def why_missing() -> str | None:
    """Return why there is no such server here, or None."""
    if LIBRARY is None:
        return "libnghttp2 is not installed"
    if not hasattr(LIBRARY, "nghttp2_session_change_extpri_stream_priority"):
        return "libnghttp2 is older than 1.50, which is the first to know RFC 9218"
    return None


def check(result: int) -> int:
    """Return what a function of libnghttp2's gave, unless that is an error."""
    assert result >= 0, f"libnghttp2 says {result}"
    return result


class Server:
    """A server on one connection, which answers each request with as many zeros."""

    def __init__(self, settings: Mapping[int, int], content_size: int) -> None:
        self.content_size = content_size
        self.unsent: dict[int, int] = {}  # octets of content by stream
        self._session = Pointer()
        # Kept, because C does not count references.
        self._on_frame = OnFrame(self._receive_frame)
        self._content = ContentSource(None, Read(self._read))
        self._open()
        entries = (Setting * len(settings))(*settings.items())
        check(LIBRARY.nghttp2_submit_settings(self._session, 0, entries, len(settings)))

    def _open(self) -> None:
        callbacks, option = Pointer(), Pointer()
        check(LIBRARY.nghttp2_session_callbacks_new(ctypes.byref(callbacks)))
        check(LIBRARY.nghttp2_option_new(ctypes.byref(option)))
        LIBRARY.nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, self._on_frame)
        LIBRARY.nghttp2_option_set_builtin_recv_extension_type(option, PRIORITY_UPDATE)
        new = LIBRARY.nghttp2_session_server_new2
        check(new(ctypes.byref(self._session), callbacks, None, option))
        LIBRARY.nghttp2_option_del(option)
        LIBRARY.nghttp2_session_callbacks_del(callbacks)

    def close(self) -> None:
        """Give its memory back."""
        LIBRARY.nghttp2_session_del(self._session)

    def receive(self, octets: bytes) -> None:
        """Take what the client wrote."""
        receive = LIBRARY.nghttp2_session_mem_recv
        receive.restype = ctypes.c_ssize_t
        taken = receive(self._session, octets, ctypes.c_size_t(len(octets)))
        assert check(taken) == len(octets)

    def send(self) -> bytes:
        """Return what the server writes next, a frame; nothing if it has to wait."""
        send = LIBRARY.nghttp2_session_mem_send
        send.restype = ctypes.c_ssize_t
        place = Pointer()
        size = check(send(self._session, ctypes.byref(place)))
        return ctypes.string_at(place, size) if size else b""

    def _receive_frame(self, session: int, header: Any, _: Any) -> int:
        frame = header.contents
        if frame.type == wire.HEADERS:
            self.unsent[frame.stream_id] = self.content_size
            status = (Field * 1)(Field(b":status", b"200", 7, 3, 0))
            source = ctypes.byref(self._content)
            respond = LIBRARY.nghttp2_submit_response
            respond(Pointer(session), frame.stream_id, status, ctypes.c_size_t(1), source)
        return 0

    def _read(self, _: Any, stream_id: int, place: int, room: int, flags: Any, *__: Any) -> int:
        size = min(room, self.unsent[stream_id])
        ctypes.memset(place, 0, size)
        self.unsent[stream_id] -= size
        if not self.unsent[stream_id]:
            flags[0] = LAST_CONTENT
        return size
