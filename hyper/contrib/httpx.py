"""httpx over HTTP/2: a transport that one client, or many, may use from any thread.

::

    client = httpx.Client(transport=HTTP20Transport())
"""

from __future__ import annotations

import httpx

from ._httpx import Content, Transport

__all__ = ["HTTP20Transport"]


class _Content(Content, httpx.SyncByteStream):
    """As httpx takes the content of a response."""


class HTTP20Transport(Transport, httpx.HTTPTransport):
    """httpx's HTTPTransport, speaking HTTP/2 where the server does.

    Its arguments are those of ``httpx.HTTPTransport``.  All requests of an origin travel on one
    connection; closing a response early cancels its stream alone.  A response's extensions have
    ``http_version`` (b"HTTP/2") and ``stream_id``.
    """

    library = httpx
    content_class = _Content
