"""elastic-transport, and with it Elasticsearch's client, over HTTP/2: a class of nodes.

::

    client = Elasticsearch("https://example.org:9200", node_class=HTTP20Node)

Requests, certificates, fingerprints, retries and errors are elastic-transport's, on the connections
of ``hyper.contrib.urllib3``: one request at a time on each.
"""

from __future__ import annotations

import elastic_transport

from .urllib3 import HTTP20SecureConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HTTP20Node"]


class HTTP20Node(elastic_transport.Urllib3HttpNode):
    """``Urllib3HttpNode``, which speaks HTTP/2 where the server takes it.

    Args:
        config: elastic-transport's ``NodeConfig``.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if config.scheme == "https":
            own = self.pool.ConnectionCls
            # Its own class compares the fingerprint with each certificate of the chain.
            if not issubclass(own, HTTP20SecureConnection):
                self.pool.ConnectionCls = type(own.__name__, (own, HTTP20SecureConnection), {})
