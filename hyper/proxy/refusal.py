"""A proxy's refusal: what is read of it, and the ProxyError that tells it."""

from __future__ import annotations

from ..errors import SHOWN_SIZE, ProxyError, shown
from ..hpack.decoder import DEFAULT_LIST_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..proxies import Proxy
    from ..transport.deadline import Deadline

#: Octets of the head of a proxy's answer: as much as of a server's.
MAX_HEAD = DEFAULT_LIST_SIZE
#: Octets of a proxy's explanation that are shown, and the seconds that they are waited for: most
#: come with the head.
EXCERPT, EXCERPT_DELAY = 300, 1.0
#: Characters of all challenges together that are shown: the longest known, Negotiate's, say
#: nothing to a person.
MAX_CHALLENGES = 300


def excerpt_deadline(deadline: Deadline) -> Deadline:
    """Return the deadline of a proxy's explanation: soon, so that the refusal is not held up."""
    return deadline.at_most(EXCERPT_DELAY)


def refusal_error(
    proxy: Proxy, target: str, status: int, reason: str, challenges: list[str], excerpt: bytes
) -> ProxyError:
    """The exception for a proxy that answers CONNECT with another status than 2xx.

    challenges: the values of Proxy-Authenticate.  excerpt: the beginning of the content.
    """
    said = said_by(proxy, reason)
    words = f"the proxy {proxy} refused CONNECT {target} with {status} {said}".rstrip()
    if status == 407:
        wanted = said_by(proxy, ", ".join(challenges), MAX_CHALLENGES) or "nothing that it names"
        given = any(name == b"proxy-authorization" for name, _ in proxy.fields())
        advice = (
            "it does not accept the credentials that it was given"
            if given
            else "give them in its URL, as in http://name:password@host:port"
        )
        return ProxyError(
            f"{words}: it wants credentials, {wanted} (RFC 9110, 15.5.8); {advice}", status=status
        )
    begins = said_by(proxy, excerpt.decode("utf-8", "replace"), EXCERPT)
    said = f": '{begins}'" if begins else ""
    return ProxyError(f"{words} (RFC 9110, 9.3.6){said}", status=status)


def said_by(proxy: Proxy, words: str, size: int = SHOWN_SIZE) -> str:
    """Words of a proxy's as a message shows them: on one line, without our credentials, cut."""
    return shown(" ".join(proxy.without_secrets(words).split()), size)
