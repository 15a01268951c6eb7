"""A filter: one TLS connection, client side, between ciphertext and octets, in memory.

``stdlib.py`` and ``pyopenssl.py`` have one each. Ciphertext is fed in and taken out, so the only
thing that ever waits is a plain socket, under hyper's own lock.
"""

# ruff: noqa: D102 - the methods that are declared here have their docstrings in the backends

from __future__ import annotations

import sys

from .trust import copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: Octets of content in the largest record (RFC 8446, 5.1): what one call of OpenSSL's can give.
RECORD_SIZE = 16 * 1024

#: Ciphertext of sixteen records a system call: measured 10 to 20 % below one record a call.
CIPHERTEXT_SIZE = 256 * 1024

#: Buffers of that size that wait for the next read: as many as threads that read at the same time,
#: at most MAX_SPARE_BUFFERS. A connection has one only while it reads. Any thread: single steps of
#: a list are atomic.
spare_buffers: list[memoryview] = []
MAX_SPARE_BUFFERS = 4


def is_unexpected_eof(error: OSError) -> bool:
    """True if TLS says that the connection has ended without close_notify.

    OpenSSL 3 has a reason of its own for it, and which of ssl's exceptions carries it depends on
    the versions of both.
    """
    return "UNEXPECTED_EOF" in (getattr(error, "reason", None) or "")


class Filter:
    """Base of both backends' filters: how a filter ends, and the methods that it has.

    Lock held for every call.
    """

    def __init__(self) -> None:
        #: whether ``decrypt_into`` may give octets, or tell of an end, without more ciphertext
        self.has_more: bool = False
        #: octets of ciphertext that the latest ``decrypt_into`` left; a backend that cannot tell
        #: keeps to this: as many as there can be
        self.left: int = sys.maxsize
        #: the peer said close_notify, or its socket is closed and all that it said was read
        self._has_ended = False
        #: why nothing more can be decrypted
        self._failure: OSError | None = None

    def _conclude(self, has_ended: bool) -> int | None:
        """Return what ``decrypt_into`` says where it has filled nothing; raise a kept failure.

        The failure is kept, because octets that came before it count: it is raised by the call
        that finds nothing else. Each call raises a copy.
        """
        if self._failure is not None:
            raise copied(self._failure)
        return 0 if has_ended else None

    if TYPE_CHECKING:
        # Attributes, which may be OpenSSL's own methods: calls without a frame of Python's.
        take_ciphertext: Callable[[], bytes]
        write: Callable[[bytes], object]

        def handshake(self) -> bool: ...
        def feed(self, ciphertext: memoryview) -> None: ...
        def feed_eof(self) -> None: ...
        def decrypt_into(self, view: memoryview) -> int | None: ...
        def end(self) -> None: ...
        def session(self) -> Any: ...
        def was_resumed(self) -> bool | None: ...
        def alpn_protocol(self) -> str | None: ...
        def version(self) -> str | None: ...
        def cipher(self) -> tuple[str, str, int] | None: ...
        def compression(self) -> str | None: ...
        def certificate(self) -> dict[str, Any]: ...
        def chain(self) -> list[bytes]: ...
