"""Checks of what a script gives to http.client's constructors, before anything is opened."""

from __future__ import annotations

import contextlib

from .. import _hosts
from ..errors import InvalidURL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def require_blocksize(size: int) -> None:
    """Raise ValueError for a blocksize by which a file would be sent as no content at all."""
    if size < 1:
        raise ValueError(
            "blocksize is the number of octets that are read from a file at a time, at least 1,"
            f" not {size}"
        )


def host_name(host: Any) -> Any:
    """A host, perhaps with its port, whose name beyond ASCII is an A-label (RFC 5890, 2.3.2.1).

    Raises InvalidURL for one with "@": http.client's message would show the password.
    """
    if not isinstance(host, str):
        return host
    if "@" in host:
        raise InvalidURL(_hosts.USERINFO_FAULT)
    name, colon, rest = host.partition(":")  # an IPv6 address is ASCII, and stays as it is
    return _hosts.a_label(name) + colon + rest


@contextlib.contextmanager
def dns_names(host: Any) -> Iterator[None]:
    """Let InvalidURL come out where the system's codec finds that no name in the DNS is meant."""
    try:
        yield
    except UnicodeError as error:
        raise _hosts.not_in_the_dns(str(host), error) from error


def port_number(port: Any) -> Any:
    """A port as a number, if it is given as text; raises InvalidURL for text that is not one."""
    return _hosts.port_number(port) if isinstance(port, str) else port
