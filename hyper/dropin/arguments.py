"""Checks of what a script gives to http.client's constructors, before anything is opened."""

from __future__ import annotations

from .. import _hosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def require_blocksize(size: int) -> None:
    """Raise ValueError for a blocksize by which a file would be sent as no content at all."""
    if size < 1:
        raise ValueError(
            "blocksize is the number of octets that are read from a file at a time, at least 1,"
            f" not {size}"
        )


def port_number(port: Any) -> Any:
    """A port as a number, if it is given as text; raises InvalidURL for text that is not one."""
    return _hosts.port_number(port) if isinstance(port, str) else port
