"""Integrations: hyper beneath other libraries, one module for each library.

======================== ===========================================================================
``requests.py``          ``HTTP20Adapter``, for a session; ``_requests.py``: what urllib3 asks of it
``urllib3.py``           connections for urllib3's own pools
``botocore.py``          the same for AWS's clients, botocore and boto3
``elastic_transport.py`` a class of nodes, for Elasticsearch's client
``httpie.py``            a plugin that HTTPie finds by itself
``httpx.py``             a transport for httpx, ``httpx2.py`` for httpx2; ``_httpx.py``: both,
                         ``_httpcore_names.py``: their extension ``trace``
                         ``_httpx_content.py``: a request's content, whole and in octets
``opentelemetry.py``     spans and a duration for each request
``urllib.py``            handlers for ``urllib.request``
``xmlrpc.py``            a transport for ``xmlrpc.client``
``_required.py``         the connections of these two, where HTTP/2 is required
``_replaced.py``         what mocks and tracers have replaced in these libraries; ``_passing.py``,
                         ``_passage.py``: the ways through their wrappers
======================== ===========================================================================

Importing this package imports no other library.  ``HTTP20Adapter``, for requests, can be imported
from here as well, where hyper 0.x had it.
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
