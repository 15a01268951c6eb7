"""Transports for requests and httpx that send nothing: what is left is the library's own work.

A request through ``Null...`` costs what no transport can save: the session, the request and the
response of the library, cookies, the checks of fields, and the reading of content that is there.
"""

from __future__ import annotations

import http.client
import io

#: The fields of a response of nginx's to a file.
FIELDS = {
    "server": "nginx/1.22.1",
    "date": "Fri, 27 Nov 2026 02:00:00 GMT",
    "content-type": "application/octet-stream",
    "last-modified": "Fri, 27 Nov 2026 01:00:00 GMT",
    "etag": '"6a17b9f0-2710"',
    "accept-ranges": "bytes",
}


class Head:
    """As much of http.client's response as requests and urllib3 ask for, cookies among it."""

    def __init__(self):
        self.msg = http.client.HTTPMessage()

    def isclosed(self):
        return True


def adapter(content):
    """An adapter for requests; urllib3 begins at the response."""
    from requests.adapters import HTTPAdapter
    from urllib3.connectionpool import HTTPSConnectionPool
    from urllib3.response import HTTPResponse

    fields = [*FIELDS.items(), ("content-length", str(len(content)))]

    class NullPool(HTTPSConnectionPool):
        def urlopen(self, method, url, **_):
            return HTTPResponse(
                io.BytesIO(content),
                fields,
                status=200,
                reason="OK",
                preload_content=False,
                decode_content=False,
                original_response=Head(),
                request_method=method,
                request_url=url,
            )

    made = HTTPAdapter()
    made.poolmanager.pool_classes_by_scheme = {"https": NullPool}
    return made


def transport(library, content):
    """A transport for httpx or httpx2."""
    fields = [(name.encode(), value.encode()) for name, value in FIELDS.items()]
    fields.append((b"content-length", b"%d" % len(content)))

    class NullTransport(library.BaseTransport):
        def handle_request(self, _request):
            stream = library.ByteStream(content)
            return library.Response(200, headers=fields, stream=stream)

    return NullTransport()
