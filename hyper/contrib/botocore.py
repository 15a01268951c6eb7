"""botocore and boto3 over HTTP/2: connections for the pools of AWS's clients.

::

    client = boto3.client("s3")
    use_http2(client)                                              # this client
    AWSHTTPSConnectionPool.ConnectionCls = HTTP20AWSConnection     # all that are made from now on

Requests, signatures, retries and errors are botocore's, on the connections of
``hyper.contrib.urllib3``: one request at a time on each. Where the endpoint does not take HTTP/2 by
ALPN, they speak HTTP/1.1.
"""

from __future__ import annotations

from botocore.awsrequest import (
    AWSConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from .urllib3 import Chosen, HTTP20SecureConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["POOL_CLASSES", "HTTP20AWSConnection", "HTTP20AWSPool", "use_http2"]


class HTTP20AWSConnection(AWSHTTPSConnection, HTTP20SecureConnection):
    """botocore's connection, which speaks HTTP/2 where the server takes it."""

    def _send_output(self, message_body: Any = None, *arguments: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        if getattr(self.sock, "selected_alpn_protocol", str)() != "h2":
            super()._send_output(message_body, *arguments, **options)
            return
        # botocore's own reads 100 (Continue) from the socket, in the syntax of HTTP/1.1.
        super(AWSConnection, self)._send_output(message_body, *arguments, **options)


class HTTP20AWSPool(AWSHTTPSConnectionPool):
    """botocore's pool of such connections."""

    ConnectionCls: Any = Chosen(AWSHTTPSConnectionPool, HTTP20AWSConnection)


#: For the ``pool_classes_by_scheme`` of a PoolManager.
POOL_CLASSES: dict[str, Any] = {"http": AWSHTTPConnectionPool, "https": HTTP20AWSPool}


def use_http2(client: Any) -> None:
    """Have a client of boto3's or botocore's speak HTTP/2 from its next request on.

    Args:
        client: what ``boto3.client`` or botocore's ``create_client`` returned.

    Raises:
        TypeError: the client's session is not botocore's own, so that its pools are unknown.
    """
    session: Any = getattr(getattr(client, "_endpoint", None), "http_session", None)
    manager: Any = getattr(session, "_manager", None)
    if manager is None:
        raise TypeError(
            f"{client!r} does not send by botocore's URLLib3Session: set"
            " AWSHTTPSConnectionPool.ConnectionCls before the client is made"
        )
    # Proxies get their managers later, from the first of these.
    session._pool_classes_by_scheme = POOL_CLASSES  # noqa: SLF001 - there is no public way
    proxies = session._proxy_managers.values()  # noqa: SLF001 - as above
    for each in (manager, *proxies):
        each.pool_classes_by_scheme = POOL_CLASSES
        each.clear()
