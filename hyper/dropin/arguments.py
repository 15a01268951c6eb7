"""Checks of what a script gives to http.client's constructors, before anything is opened."""

from __future__ import annotations

from ..errors import InvalidURL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The largest port (RFC 9293, 3.1).
MAX_PORT = 65535


def require_time(seconds: Any) -> None:
    """Raise ValueError for a timeout that is negative or not a number, as a socket does."""
    if isinstance(seconds, (int, float)) and not seconds >= 0:
        raise ValueError(f"a timeout is a number of seconds from 0 on, or None, not {seconds}")


def require_blocksize(size: int) -> None:
    """Raise ValueError for a blocksize by which a file would be sent as no content at all."""
    if size < 1:
        raise ValueError(
            "blocksize is the number of octets that are read from a file at a time, at least 1,"
            f" not {size}"
        )


def port_number(port: Any) -> Any:
    """A port as a number, if it is given as text; raises InvalidURL for text that is not one."""
    if not isinstance(port, str):
        return port
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= MAX_PORT):
        raise InvalidURL(
            f"a port is a number up to {MAX_PORT}, not {port[:20]!r} (RFC 3986, 3.2.3)"
        )
    return int(port)
