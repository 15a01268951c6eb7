"""Checks of what a script gives to http.client's constructors, before anything is opened."""

from __future__ import annotations

import contextlib
import http.client

from ..errors import InvalidURL
from ..foundation import hosts
from . import bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable


class Blocksize:
    """The attribute ``blocksize`` of a connection.

    Raises ValueError for a size by which a file would be sent as no content at all.
    """

    def __get__(self, connection: Any, _: Any = None) -> Any:
        return self if connection is None else connection.__dict__["blocksize"]

    def __set__(self, connection: Any, size: int) -> None:
        if size < 1:
            raise ValueError(
                "blocksize is the number of octets that are read from a file at a time, at least 1,"
                f" not {size}"
            )
        connection.__dict__["blocksize"] = size


def host_name(host: Any) -> Any:
    """A host, perhaps with its port, whose name beyond ASCII is an A-label (RFC 5890, 2.3.2.1).

    Raises InvalidURL for one with "@": http.client's message would show the password.
    """
    if not isinstance(host, str):
        return host
    if "@" in host:
        raise InvalidURL(hosts.USERINFO_FAULT)
    name, colon, rest = host.partition(":")  # an IPv6 address is ASCII, and stays as it is
    return hosts.a_label(name) + colon + rest


def judged(host: Any, port: Any) -> tuple[Any, Any]:
    """Host and port as http.client has read them; InvalidURL for a name that the DNS cannot have.

    A host with other characters passes: it may be a path, or whatever the ``connect`` of a script
    makes of it.
    """
    if isinstance(host, str):
        if ":" in host:
            host = hosts.plain_zone(host)
        elif host and ("%" in host or hosts.NAME_CHARACTERS.issuperset(host)):
            hosts.require_name(host)
    return host, port


@contextlib.contextmanager
def dns_names(host: Any) -> Iterator[None]:
    """Let InvalidURL come out where the system's codec finds that no name in the DNS is meant."""
    try:
        yield
    except UnicodeError as error:
        raise hosts.not_in_the_dns(str(host), error) from error


def fault_of(
    putheader: Callable[..., None], header: Any, values: tuple[Any, ...]
) -> ValueError | None:
    """Call http.client's ``putheader``; returns its error without the value of the field.

    The value may be a secret. The error is returned so that the original is not its context.
    """
    try:
        putheader(header, *values)
    except ValueError as error:
        return _without_value(error)
    return None


def _without_value(error: ValueError) -> ValueError:
    if isinstance(error, UnicodeEncodeError):
        hidden = "?" * len(error.object)
        return UnicodeEncodeError(error.encoding, hidden, error.start, error.end, error.reason)
    if str(error).startswith("Invalid header value"):
        return ValueError(
            "Invalid header value: a line end in it would begin another field (RFC 9110,"
            " 5.5). It is not shown, because it may be a secret"
        )
    return error


def checked_path(connection: Any, url: str) -> None:
    """Check a request's target by http.client's ``_validate_path``; its error shows no URL.

    The URL may have a password in it, or a token (RFC 3986, 3.2.1).

    Raises:
        InvalidURL: it has a space, or a control character.
    """
    is_valid = False
    with contextlib.suppress(http.client.InvalidURL):
        base: Any = bases.HTTPConnection  # the stub does not know all of it
        base._validate_path(connection, url)  # noqa: SLF001 - http.client's own hook
        is_valid = True
    if not is_valid:
        raise InvalidURL(
            "URL can't contain control characters, or spaces: percent-encode them (RFC 9112, 3.2)."
            " It is not shown, because there may be a secret in it"
        )


def port_number(port: Any) -> Any:
    """A port as a number, if it is given as text; raises InvalidURL for text that is not one.

    Text may be octets, which ``socket.create_connection`` takes as well.
    """
    if isinstance(port, (bytes, bytearray)):
        port = port.decode("latin-1")
    return hosts.port_number(port) if isinstance(port, str) else port
