"""The view that users get of TLS: the result of a handshake, and a connected socket to look at."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from .filter import Filter


class HandshakeResult:
    """The result of a handshake, with the methods of ``ssl.SSLSocket``.

    It is copied once: one thread must not ask OpenSSL's objects while another one reads.
    """

    _certificate: dict[str, Any] = {}  # noqa: RUF012 - replaced, never written
    _encoded: bytes | None = None
    _version: str | None = None
    _cipher: tuple[str, str, int] | None = None
    _compression: str | None = None
    _protocol: str | None = None

    def note(self, filter_: Filter) -> None:
        """Copy the result of a filter's handshake, which is done."""
        self._certificate = filter_.certificate()
        self._encoded = next(iter(filter_.chain()), None)
        self._version, self._cipher = filter_.version(), filter_.cipher()
        self._compression = filter_.compression()
        self._protocol = filter_.alpn_protocol()

    def getpeercert(self, binary_form: bool = False) -> Any:
        """Return the peer's certificate in DER, or as a dict; {} if it was not verified."""
        return self._encoded if binary_form else self._certificate

    def version(self) -> str | None:
        """Return the version of TLS, for example ``"TLSv1.3"``."""
        return self._version

    def cipher(self) -> tuple[str, str, int] | None:
        """Return OpenSSL's name of the cipher, its version of TLS, and its secret bits."""
        return self._cipher

    def compression(self) -> str | None:
        """Return the compression within TLS, or None."""
        return self._compression

    def selected_alpn_protocol(self) -> str | None:
        """Return the protocol that ALPN has chosen, or None."""
        return self._protocol


class TLSSocketView(HandshakeResult):
    """A connected socket to look at, and its TLS. All other attributes are the socket's."""

    def __init__(self, sock: socket.socket, filter_: Filter) -> None:
        self._sock = sock
        self.note(filter_)

    def fileno(self) -> int:
        """The socket's file descriptor, -1 when it is closed."""
        return self._sock.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def __repr__(self) -> str:
        return f"<{self._version} on {self._sock!r}>"
