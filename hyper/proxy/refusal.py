"""A proxy's refusal: what is read of it, and the ProxyError that tells it."""

from __future__ import annotations

from ..errors import ProxyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..proxies import Proxy
    from ..transport.deadline import Deadline

#: Octets of the head of a proxy's answer: as much as of a server's (client/route.py).
MAX_HEAD = 64 * 1024
#: Octets of a proxy's explanation that are shown, and the seconds that they are waited for: most
#: come with the head.
EXCERPT, EXCERPT_DELAY = 300, 1.0


def excerpt_deadline(deadline: Deadline) -> Deadline:
    """Return the deadline of a proxy's explanation: soon, so that the refusal is not held up."""
    return deadline.at_most(EXCERPT_DELAY)


def refusal_error(
    proxy: Proxy, target: str, status: int, reason: str, challenges: list[str], excerpt: bytes
) -> ProxyError:
    """The exception for a proxy that answers CONNECT with another status than 2xx.

    challenges: the values of Proxy-Authenticate.  excerpt: the beginning of the content.
    """
    words = f"the proxy {proxy} refused CONNECT {target} with {status} {reason}".rstrip()
    if status == 407:
        wanted = ", ".join(challenges) or "nothing that it names"
        given = any(name == b"proxy-authorization" for name, _ in proxy.fields())
        advice = (
            "it does not accept the credentials that it was given"
            if given
            else "give them in its URL, as in http://name:password@host:port"
        )
        return ProxyError(
            f"{words}: it wants credentials, {wanted} (RFC 9110, 15.5.8); {advice}", status=status
        )
    begins = " ".join(excerpt.decode("utf-8", "replace").split())
    said = f": {begins!r}" if begins else ""
    return ProxyError(f"{words} (RFC 9110, 9.3.6){said}", status=status)
