"""Doors: hyper for those who hold another library in their hands, a module for each library.

Importing this imports no other library; ``HTTP20Adapter``, for requests, is here as well, where
hyper always had it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HTTP20Adapter"]


def __getattr__(name: str) -> Any:
    if name == "HTTP20Adapter":
        from .requests import HTTP20Adapter

        return HTTP20Adapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
