"""Pins: a question of the caller's that ends every handshake made with a context.

http.client, urllib3 and httpx know of no pin. They get their sockets from the context, and the
context decides of which class the sockets are: ``bind_pin`` puts the classes below in its hands.
"""

from __future__ import annotations

from .trust import PIN, REFUSED_BY_APPLICATION, certificate_error, chain_of, pin_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from .trust import Pin


def require_pinned(pin: Pin, chain: list[bytes], host: str) -> None:
    """Raise ssl.SSLCertVerificationError unless the caller's pin accepts the chain."""
    if not pin(chain):
        raise certificate_error(
            REFUSED_BY_APPLICATION,
            f"the certificate of {host} was refused by the pin that this program has set; either"
            " the server has a new one, or somebody else answers in its place",
        )


def bind_pin(context: ssl.SSLContext, pin: Pin) -> None:
    """Have every handshake that is made with a context end with the pin's question."""
    inner: Any = getattr(context, "_ctx", context)  # truststore's context has another one inside
    setattr(context, PIN, pin)
    setattr(inner, PIN, pin)
    # The base classes are the context's own: truststore's judge certificates during a handshake.
    inner.sslobject_class = type("PinnedObject", (_PinnedObject, inner.sslobject_class), {})
    inner.sslsocket_class = type("PinnedSocket", (_PinnedSocket, inner.sslsocket_class), {})


class _Pinned:
    """Base of the pinned classes, which stand before ssl's own in the order of bases."""

    _is_pinned = False

    def _require_handshake(self) -> None:
        # OpenSSL shakes hands by itself where somebody writes or reads and nobody has.
        if not self._is_pinned:
            self.do_handshake()  # type: ignore[attr-defined]

    def _ask(self) -> None:
        secure: Any = self
        pin = pin_of(secure.context)
        assert pin is not None  # a context of these classes has one
        require_pinned(pin, chain_of(secure), str(secure.server_hostname))
        self._is_pinned = True

    def read(self, *arguments: Any, **options: Any) -> Any:
        """Read as ssl's own class, once the pin has been asked."""
        self._require_handshake()
        return super().read(*arguments, **options)  # type: ignore[misc]

    def write(self, *arguments: Any, **options: Any) -> Any:
        """Write as ssl's own class, once the pin has been asked."""
        self._require_handshake()
        return super().write(*arguments, **options)  # type: ignore[misc]


class _PinnedObject(_Pinned):
    def do_handshake(self) -> None:
        super().do_handshake()  # type: ignore[misc]
        self._ask()


class _PinnedSocket(_Pinned):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)  # type: ignore[misc]
        try:
            self._ask()
        except BaseException:  # a pin may be user code
            self.close()  # type: ignore[attr-defined] # whoever catches this shall not go on
            raise

    def send(self, *arguments: Any, **options: Any) -> Any:
        self._require_handshake()
        return super().send(*arguments, **options)  # type: ignore[misc]

    def sendall(self, *arguments: Any, **options: Any) -> Any:
        self._require_handshake()  # PyPy's does not send by send
        return super().sendall(*arguments, **options)  # type: ignore[misc]
