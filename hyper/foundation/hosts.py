"""Names of hosts, and ports: one grammar for every place in which somebody names a server.

A *host* is a name in the DNS, an IPv4 address or an IPv6 one.  An *authority* is a host and, unless
it is the scheme's own, a port (RFC 9110, 4.2; RFC 3986, 3.2).  Callers write them in constructors,
URLs and Host fields, peers in promises, ALTSVC and ORIGIN, and the environment in the URL of a
proxy.  All of them are read here, and are written here as they go over the wire:

* a name beyond ASCII becomes its A-label (RFC 5890, 2.3.2.1);
* an IPv6 address stands in brackets, and without the zone that only this machine knows (RFC 6874);
* TLS is given a name without the dot of the DNS's root (RFC 6066, 3).

It stands on the lowest floor, because ``protocol/`` and ``transport/`` need it, and neither may
import the other.
"""

from __future__ import annotations

import re
from types import FunctionType

from ..errors import InvalidURL, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Union

    #: A port as callers give it: a number, or its digits as configurations have them.
    Port = Union[int, str]

#: The port of a scheme (RFC 9110, 4.2.1, 4.2.2).
DEFAULT_PORTS = {"https": 443, "http": 80}

#: Ports are 16 bits wide.
MAX_PORT = 65_535
MAX_DIGITS = 5

#: Octets of a name in the DNS without the root's dot (RFC 1035, 2.3.4).
MAX_NAME = 253
#: Characters of an authority: a name, the root's dot, a colon and five digits.  A longer
#: one is refused before anything reads it, because some codecs take quadratic time.
MAX_AUTHORITY = MAX_NAME + 7

#: Octets of a label (RFC 1035, 2.3.4).
MAX_LABEL = 63
#: The characters of a name.  The DNS has more than that, but no host has (RFC 952, RFC 1123, 2.1),
#: the underscore of many private networks excepted.
NAME_CHARACTERS = frozenset("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
#: A zone: the name, or the number, of a network interface (RFC 4007, 11.2). These are the visible
#: characters of ASCII without those that end a host in a URI: ``# % / ? @ [ \ ]``.
ZONE = r"[!\"$&-.0->A-Z^-~]+"

#: The words for a text with "@", which is not shown: a password may stand before it.
USERINFO_FAULT = (
    "there is an '@' in the place of a host: give the host and its port alone, without a name and a"
    " password (RFC 9110, 4.2.4)"
)

#: Characters that IDNA 2003 and IDNA 2008 read differently (UTS 46, 7): sharp s, final sigma, and
#: the joiners.
DEVIATIONS = frozenset("\xdf\u1e9e\u03c2\u200c\u200d")


def without_zone(host: str) -> str:
    """An IPv6 address without its zone, which no other machine understands (RFC 6874, 1)."""
    return host.partition("%")[0] if ":" in host else host


def bracketed(host: str) -> str:
    """A host as it stands before a port: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{without_zone(host)}]" if ":" in host else host


def tls_name(host: str) -> str:
    """A host as TLS names it, and certificates: "without a trailing dot" (RFC 6066, 3)."""
    return without_zone(host).removesuffix(".")


def plain_name(host: str, taker: Any, module: ModuleType) -> str | bytes:
    """A host for a function of socket or ssl: octets, where that makes no difference to it.

    They put each str through Python's codec of IDNA 2003, whose modules take a millisecond to load.
    It passes ASCII whose labels have 1 to 63 octets, and an empty one at the end.

    taker, module: the function, and the module whose own it is. Another function in its place, as
    tests and gevent put one there, may know a host as str alone, and gets that.
    """
    is_own = type(taker) is FunctionType and taker.__globals__ is vars(module)
    if not (is_own and isinstance(host, str)):  # http.client takes octets, too
        return host
    labels = host.removesuffix(".").split(".")
    is_plain = host.isascii() and all(0 < len(label) <= MAX_LABEL for label in labels)
    return host.encode("ascii") if is_plain else host


def authority_of(host: str, port: int, scheme: str) -> str:
    """Host and, unless it is the scheme's own, port (RFC 9113, 8.3.1)."""
    literal = bracketed(host)
    return literal if port == DEFAULT_PORTS[scheme] else f"{literal}:{port}"


def parse_authority(text: str) -> tuple[str, int | None]:
    """Take apart ``host[:port]``; an IPv6 address stands in brackets (RFC 3986, 3.2).

    Returns:
        The host, in ASCII, without brackets, with its zone; the port, or None for the scheme's own.

    Raises:
        InvalidURL: it is something else.  No message shows a text with "@", because a password
            may stand before it.
    """
    _require_plain(text)
    if text[:1] == "[":
        literal, bracket, rest = text[1:].partition("]")
        if not bracket or rest[:1] not in ("", ":"):
            raise InvalidURL(
                f"'{shown(text)}' has brackets that are not an IPv6 address's (RFC 3986, 3.2.2)"
            )
        return _address(literal), _port(rest[1:])
    if "/" in text:
        raise InvalidURL(
            f"'{shown(text)}' is more than a host and its port (RFC 3986, 3.2): give the host"
            " alone, and the path to request(); hyper.Pool takes whole URLs"
        )
    if text.count(":") > 1:
        raise InvalidURL(
            f"is '{shown(text)}' an IPv6 address? Then write [{shown(text)}] (RFC 3986, 3.2.2)"
        )
    name, _, digits = text.partition(":")
    return _name(name), _port(digits)


def _require_plain(text: str) -> None:
    """Raise InvalidURL for what is too long to be looked at, or may not be shown."""
    if len(text) > MAX_AUTHORITY:
        raise InvalidURL(f"the host is longer than {MAX_NAME} octets (RFC 1035, 2.3.4)")
    if "@" in text:
        raise InvalidURL(USERINFO_FAULT)


def host_and_port(host: str, port: Port | None, secure: bool | None) -> tuple[str, int]:
    """The two arguments that name a server, as ``http.client`` takes them.

    Args:
        host: it may carry the port, if none is given beside it; an IPv6 address has no brackets
            where the port is given, or may have them.
        port: a number, or its digits; None for the one in host, or else the scheme's own.
        secure: whether the scheme is https; None means that the port decides.

    Returns:
        The host, in ASCII, without brackets, with its zone; the port.

    Raises:
        InvalidURL: they name no server.
    """
    if port is None:
        name, number = parse_authority(host)
        if number is None:
            number = DEFAULT_PORTS["http" if secure is False else "https"]
        return name, number
    _require_plain(host)
    is_address = host.count(":") > 1 and host[:1] != "["
    name, inner = (_address(host), None) if is_address else parse_authority(host)
    if inner is not None:
        raise InvalidURL(f"the port is given twice, in '{shown(host)}' and as {port!r}")
    return name, port_number(port)


def port_number(port: Port) -> int:
    """A port as a number; InvalidURL for what is not one."""
    if isinstance(port, str):
        number = _port(port)
        if number is None:
            raise InvalidURL("the port is empty: give None for the scheme's own (RFC 9110, 4.2)")
        return number
    if not 0 <= port <= MAX_PORT:
        raise InvalidURL(f"port {port} is not within 0 and {MAX_PORT}")
    return port


def normal_authority(text: str) -> str:
    """``host[:port]`` as it goes over the wire; InvalidURL as ``parse_authority`` raises it."""
    host, port = parse_authority(text)
    literal = bracketed(host)
    return literal if port is None else f"{literal}:{port}"


def a_label(host: str) -> str:
    """A name beyond ASCII as the DNS knows it (RFC 5890, 2.3.2.1); any other as it is.

    The package ``idna`` does it by UTS 46, where it is installed.  Python itself has IDNA 2003
    only, by which some names are another host's than by IDNA 2008: those are refused.

    Raises:
        InvalidURL: there is no such name, or it cannot be told which one is meant.
    """
    if host.isascii():
        return host
    _require_plain(host)
    try:
        import idna
    except ImportError:
        return _a_label_of_2003(host)
    try:
        return idna.encode(host, uts46=True, transitional=False).decode("ascii")
    except UnicodeError as error:  # IDNAError is one
        raise not_in_the_dns(host, error) from error


def _a_label_of_2003(host: str) -> str:
    from unicodedata import ucd_3_2_0  # IDNA 2003 is of this Unicode

    if any(each in DEVIATIONS or ucd_3_2_0.category(each) == "Cn" for each in host):
        raise InvalidURL(
            f"the host '{shown(host)}' is one name by IDNA 2003 and another by IDNA 2008 (UTS 46,"
            " 7): pip install 'hyper[idna]', or give its A-label, which begins with 'xn--'"
        )
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise not_in_the_dns(host, error) from error


def not_in_the_dns(host: str, error: UnicodeError) -> InvalidURL:
    """Make the exception of a name that a codec of IDNA refuses (RFC 5890, 2.3.2.1)."""
    return InvalidURL(
        f"the host '{shown(host)}' is not a name in the DNS (RFC 5890, 2.3.2.1):"
        f" {shown(str(error))}"
    )


def _name(text: str) -> str:
    """A name in ASCII, checked; text: what stands in its place."""
    name = a_label(text)
    require_name(name)
    return name


def require_name(name: str) -> None:
    """Raise InvalidURL for a name in ASCII that no host can have."""
    if not name:
        raise InvalidURL("the host is empty (RFC 9110, 4.2.1)")
    if not NAME_CHARACTERS.issuperset(name):
        found = next(each for each in name if each not in NAME_CHARACTERS)
        raise InvalidURL(
            f"the host '{shown(name)}' contains {found!r} (RFC 9110, 4.2; RFC 3986, 3.2.2)"
        )
    rootless = name.removesuffix(".")
    labels = rootless.split(".")
    if len(rootless) > MAX_NAME or not all(0 < len(label) <= MAX_LABEL for label in labels):
        raise InvalidURL(
            f"the host '{shown(name)}' is not a name in the DNS: each of its labels has 1 to"
            f" {MAX_LABEL} octets, and all of them {MAX_NAME} at most (RFC 1035, 2.3.4)"
        )


def _address(text: str) -> str:
    """An IPv6 address, checked, with its zone; text: without brackets."""
    import ipaddress  # not before: few servers are named by such an address

    address, percent, zone = plain_zone(text).partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise InvalidURL(
            f"'{shown(text)}' is not an IPv6 address (RFC 3986, 3.2.2; RFC 4291, 2.2)"
        ) from None
    if percent and not re.fullmatch(ZONE, zone):
        raise InvalidURL(f"'{shown(text)}' has a zone that is no interface's (RFC 4007, 11.2)")
    return address + percent + zone


def plain_zone(text: str) -> str:
    """An IPv6 address as the system takes it: "%25" before a zone is a URL's (RFC 6874, 2)."""
    address, percent, zone = text.partition("%")
    if percent and zone.startswith("25") and not zone[2:3].isdigit():
        zone = zone[2:] or zone
    return address + percent + zone


def _port(digits: str) -> int | None:
    """A port; None where it is empty (RFC 3986, 3.2.3)."""
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidURL(f"nonnumeric port: '{shown(digits, 20)}' (RFC 3986, 3.2.3)")
    # Many digits would take quadratic time to read.
    if len(digits) > MAX_DIGITS or int(digits) > MAX_PORT:
        raise InvalidURL(f"port {shown(digits, 20)} is not within 0 and {MAX_PORT}")
    return int(digits)
