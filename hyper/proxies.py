"""Proxies: the address of one, its protocol, and the one that the environment names.

An HTTP/2 connection ends at the server: a proxy on the way can only carry its octets (a *tunnel*,
RFC 9110, 9.3.6).  ``Proxy`` says which proxy; ``proxy/`` opens the tunnel.

================ ===================================================================
``http://``      CONNECT in HTTP/1.1, in cleartext; the scheme may be left out
``https://``     TLS to the proxy, then CONNECT in HTTP/2 or HTTP/1.1, as it chooses by ALPN
``h2c://``       CONNECT in HTTP/2, in cleartext, by prior knowledge (RFC 9113, 3.3)
``socks5://``    SOCKS 5 (RFC 1928), names resolved here; needs python-socks
``socks5h://``   the same, names resolved by the proxy
================ ===================================================================
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from .errors import InvalidURL, shown
from .fields import SECRET_NAMES, outgoing_section
from .foundation.hosts import bracketed, parse_authority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fields import FieldSource, Pair
    from .transport.tls.context import TLSContext

__all__ = ["Proxy", "from_environment"]

#: The schemes of proxies, and their ports.
PROXY_PORTS = {"http": 80, "https": 443, "h2c": 80, "socks5": 1080, "socks5h": 1080}
SOCKS = ("socks5", "socks5h")
#: Octets of a name, or of a password: their number stands in one octet (RFC 1929, 2).
MAX_SOCKS_CREDENTIAL = 255
#: Characters of a secret that is looked for in a proxy's words: a shorter one would be found in
#: words that mean something else.
LEAST_SECRET = 4
#: Characters at its beginning by which a longer one is known.
SECRET_BEGINNING = 8


class Proxy:
    """A proxy for ``HTTP20Connection(..., proxy=)``, if its URL alone does not say everything.

    It is fixed once made, and any number of connections may share it.

    Args:
        url: ``scheme://[name[:password]@]host[:port]``, name and password percent-encoded; the
            table in ``hyper.proxies`` has the schemes.
        headers: further fields for the proxy, sent in the CONNECT request alone.
        ssl_context: for TLS to an https proxy. None: ``hyper.tls.init_context()``.

    Raises:
        InvalidURL: the URL names no proxy.
        LocalProtocolError: the headers cannot be sent.
    """

    __slots__ = ("headers", "host", "password", "port", "scheme", "ssl_context", "username")

    def __init__(
        self,
        url: str,
        *,
        headers: FieldSource = (),
        ssl_context: TLSContext | None = None,
    ) -> None:
        # No message shows the URL, because it may hold a password.
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            user, at, server = parts.netloc.rpartition("@")
            host, port = parse_authority(server)
        except ValueError as error:  # its words may quote the password
            raise _unreadable() from (None if "@" in url else error)
        except InvalidURL as error:
            raise _unreadable() from (None if "@" in url else error)
        self.scheme: str = parts.scheme
        if self.scheme not in PROXY_PORTS:
            known = ", ".join(PROXY_PORTS)
            raise InvalidURL(
                f"no proxy is spoken to by '{shown(self.scheme, 20)}': it is one of {known}"
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise InvalidURL("the proxy's URL is not scheme://[name[:password]@]host[:port]")
        name, percent, zone = host.partition("%")
        self.host: str = name.lower() + percent + zone
        self.port: int = PROXY_PORTS[self.scheme] if port is None else port
        name, colon, password = user.partition(":")
        self.username: bytes | None = unquote_to_bytes(name) if at else None
        self.password: bytes | None = unquote_to_bytes(password) if colon else None
        if self.scheme in SOCKS and not all(map(_is_for_socks, (self.username, self.password))):
            raise InvalidURL(
                "the name and the password of a SOCKS proxy are of ASCII, as python-socks has it,"
                f" and of {MAX_SOCKS_CREDENTIAL} octets at most (RFC 1929, 2)"
            )
        self.headers: tuple[Pair, ...] = tuple(outgoing_section(headers))
        self.ssl_context: TLSContext | None = ssl_context

    def fields(self) -> tuple[Pair, ...]:
        """Return the fields of a CONNECT request: credentials (RFC 7617) and the caller's own."""
        given = self.headers
        if self.username is None or any(name == b"proxy-authorization" for name, _ in given):
            return given
        credentials = base64.b64encode(self.username + b":" + (self.password or b""))
        return ((b"proxy-authorization", b"Basic " + credentials), *given)

    def without_secrets(self, words: str) -> str:
        """Return what the proxy said, without the credentials that it was given and may repeat.

        Args:
            words: of the proxy's; they are not escaped or cut yet.

        Returns:
            The same with three stars in the place of each secret.
        """
        for secret in sorted(self._secrets(), key=len, reverse=True):
            if len(secret) > SECRET_BEGINNING:  # it may have been cut
                words = re.sub(re.escape(secret[:SECRET_BEGINNING]) + r"\S*", "***", words)
            elif len(secret) >= LEAST_SECRET:
                words = words.replace(secret, "***")
        return words

    def _secrets(self) -> set[str]:
        """Each spelling of the credentials that a proxy may repeat."""
        password = self.password or b""
        secrets = {password.decode("latin-1"), password.decode("utf-8", "replace")}
        secrets |= {quote(password), quote(password, safe="")}
        for name, value in self.fields():
            if name in SECRET_NAMES:
                text = value.decode("latin-1")
                secrets |= {text, text.partition(" ")[2].strip() or text}
        return secrets

    def __str__(self) -> str:
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}>"  # without its password


def _unreadable() -> InvalidURL:
    return InvalidURL(
        "the proxy's URL cannot be read: is it scheme://[name[:password]@]host[:port], is its port"
        " a number, and is every '/', '#', '?' and '@' of its name and password percent-encoded?"
    )


def _is_for_socks(credential: bytes | None) -> bool:
    return credential is None or (credential.isascii() and len(credential) <= MAX_SOCKS_CREDENTIAL)


def from_environment(host: str, port: int | None = None, scheme: str = "https") -> str | None:
    """Return the URL of the proxy that the environment names for a server.

    The variables are ``HTTPS_PROXY`` (``HTTP_PROXY`` for the scheme http), else ``ALL_PROXY``,
    unless ``NO_PROXY`` excepts the server; lower-case names are read first.  If none is set, macOS
    and Windows are asked for the system's proxy.  ``urllib.request`` does the reading.  hyper never
    calls this by itself.

    Args:
        host: the server's; a literal IPv6 address with or without brackets.
        port: the server's, if ``NO_PROXY`` may name it.
        scheme: "https" or "http".

    Returns:
        The URL, or None if there is no proxy for this server.
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    chosen = proxies.get(scheme) or proxies.get("all")
    if not chosen:
        return None
    literal = f"[{host}]" if ":" in host and not host.startswith("[") else host
    names = [literal if port is None else f"{literal}:{port}"]
    if literal.startswith("["):
        names.append(literal.strip("[]"))  # other programs want it so in NO_PROXY
    return None if any(map(proxy_bypass, names)) else chosen
