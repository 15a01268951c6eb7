"""A filter: one TLS connection, client side, between ciphertext and octets, in memory.

``stdlib.py`` and ``pyopenssl.py`` have one each. Ciphertext is fed in and taken out, so the only
thing that ever waits is a plain socket, under hyper's own lock.
"""

from __future__ import annotations

from .trust import copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Octets of content in the largest record (RFC 8446, 5.1): what one call of OpenSSL's can give.
RECORD_SIZE = 16 * 1024

#: Ciphertext of sixteen records a system call: measured 10 to 20 % below one record a call.
CIPHERTEXT_SIZE = 256 * 1024


class Filter:
    """What both backends share: how a filter ends, and the methods that a filter has."""

    def __init__(self) -> None:
        self._has_more = False
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

    if TYPE_CHECKING:  # the docstrings are the backends'

        @property
        def has_more(self) -> bool: ...  # noqa: D102 - see above; and so below
        def handshake(self) -> bool: ...  # noqa: D102
        def feed(self, ciphertext: memoryview) -> None: ...  # noqa: D102
        def feed_eof(self) -> None: ...  # noqa: D102
        def take_ciphertext(self) -> bytes: ...  # noqa: D102
        def write(self, octets: bytes) -> None: ...  # noqa: D102
        def decrypt_into(self, view: memoryview) -> int | None: ...  # noqa: D102
        def end(self) -> None: ...  # noqa: D102
        def session(self) -> Any: ...  # noqa: D102
        def alpn_protocol(self) -> str | None: ...  # noqa: D102
        def version(self) -> str | None: ...  # noqa: D102
        def cipher(self) -> tuple[str, str, int] | None: ...  # noqa: D102
        def compression(self) -> str | None: ...  # noqa: D102
        def certificate(self) -> dict[str, Any]: ...  # noqa: D102
        def chain(self) -> list[bytes]: ...  # noqa: D102
