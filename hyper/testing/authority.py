"""A certificate authority made a moment ago, and what it issued for the loopback."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The names for which a server's certificate holds.
NAMES = ("localhost", "127.0.0.1", "::1")


def load_trustme() -> Any:
    """PyPI's trustme, which makes certificates.

    Raises:
        ModuleNotFoundError: it is not installed. The message has the line that installs it.
    """
    try:
        import trustme
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "hyper.testing needs the package trustme for TLS: python -m pip install hpack trustme."
            " Server(tls=False) does without it.",
            name="trustme",
        ) from None
    return trustme


class Authority:
    """An authority that lives as long as this object, and one certificate of it.

    Args:
        names: names and addresses for which the certificate holds.

    Attributes:
        pem: the authority's certificate, as clients want it: octets in PEM.
    """

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        self._authority = load_trustme().CA()
        self._certificate = self._authority.issue_cert(*names)
        self.pem: bytes = self._authority.cert_pem.bytes()
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def path(self) -> str:
        """The path of a file with `pem`: what ``verify=``, ``cafile=`` or CAINFO take.

        The file lives as long as this object, or until `close`.
        """
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="hyper-testing-")
            Path(self._directory.name, "authority.pem").write_bytes(self.pem)
        return str(Path(self._directory.name, "authority.pem"))

    def close(self) -> None:
        """Remove the file."""
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def server_context(self, alpn: Sequence[str] = ("h2",)) -> ssl.SSLContext:
        """A server's context with the certificate. `alpn`: what it takes, in its order.

        Args:
            alpn: the protocols that it takes, in its order; none: it does not speak ALPN.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._certificate.configure_cert(context)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self, alpn: Sequence[str] = ()) -> ssl.SSLContext:
        """A client's context that trusts this authority and no other.

        hyper and httpx offer h2 by themselves. `alpn` is for a client that does not.

        Args:
            alpn: the protocols to offer.
        """
        context = ssl.create_default_context(cadata=self.pem.decode("ascii"))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context
