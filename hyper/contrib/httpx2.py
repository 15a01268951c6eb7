"""httpx2 over HTTP/2: a transport that one client, or many, may use from any thread.

::

    client = httpx2.Client(transport=HTTP20Transport())
"""

from __future__ import annotations

import httpx2

from ._httpx import Content, Transport

__all__ = ["HTTP20Transport"]


class _Content(Content, httpx2.SyncByteStream):
    """As httpx2 takes the content of a response."""


class HTTP20Transport(Transport, httpx2.HTTPTransport):
    """httpx2's HTTPTransport, speaking HTTP/2 where the server does.

    Its arguments are those of ``httpx2.HTTPTransport``.  All requests of an origin travel on one
    connection; closing a response early cancels its stream alone.  A response's extensions have
    ``http_version`` (b"HTTP/2") and ``stream_id``.
    """

    library = httpx2
    content_class = _Content
