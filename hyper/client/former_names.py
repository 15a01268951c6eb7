"""Names of hyper 0.x that programs still use, apns2 among them, as today's.

``force_proto``, ``proxy_host`` and ``proxy_port`` are arguments of ``HTTP20Connection``.
``get_response`` and ``get_pushes`` are its methods. ``_conn.remote_settings`` is what apns2 reads
the server's limit of streams from.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

from ..foundation.hosts import bracketed, parse_authority
from ..protocol.settings import SETTINGS_MAX_CONCURRENT_STREAMS, UNLIMITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from typing_extensions import TypedDict
    from typing_extensions import Unpack as Unpack  # noqa: PLC0414 - connection.py takes it here

    from ..proxies import Proxy
    from .pumps import Pumps
    from .push import HTTP20Push
    from .response import HTTP20Response

    class Former(TypedDict, total=False):
        """The arguments of 0.x: for the type checker."""

        force_proto: str | None
        proxy_host: str | None
        proxy_port: int | None


#: The arguments of 0.x.
FORMER_NAMES = ("force_proto", "proxy_host", "proxy_port")

#: The port of a proxy that is given without one, in 0.x.
PROXY_PORT = 8080


def proxy_of(proxy: str | Proxy | None, former: Any) -> str | Proxy | None:
    """Return the proxy that was given, by today's name or by those of 0.x.

    Args:
        proxy: what ``proxy`` says.
        former: all that was given by names that HTTP20Connection does not have, {name: value}.

    Raises:
        TypeError: one of these is no name of 0.x either.
        ValueError: force_proto wants another protocol than HTTP/2, or the names exclude each other.
        InvalidURL: the host or the port is not one.
    """
    for name in former:
        if name not in FORMER_NAMES:
            raise TypeError(f"HTTP20Connection() got an unexpected keyword argument {name!r}")
    protocol = former.get("force_proto")
    if protocol not in (None, "h2"):
        raise ValueError(
            f"force_proto is 'h2' or None, not {protocol!r}: HTTP20Connection speaks HTTP/2 alone"
            " (RFC 9113, 3.1), and drafts of it are not spoken; hyper.Pool speaks HTTP/1.1 as well"
        )
    host, port = former.get("proxy_host"), former.get("proxy_port")
    if not host:
        if port is not None:
            raise ValueError("proxy_port needs proxy_host; or give proxy='http://host:port' alone")
        return proxy
    if proxy is not None:
        raise ValueError("proxy and proxy_host exclude each other: proxy_host is its name in 0.x")
    if port is None:
        host, port = parse_authority(host)
    return f"http://{bracketed(host)}:{PROXY_PORT if port is None else port}"


class FormerNames:
    """The methods and attributes of 0.x, for ``HTTP20Connection``."""

    _pumps: Pumps

    if TYPE_CHECKING:

        def getresponse(self, stream_id: int | None = None) -> HTTP20Response: ...  # noqa: D102 - connection.py's
        def getpushes(  # noqa: D102 - as above
            self, stream_id: int | None = None, capture_all: bool = False
        ) -> Iterator[HTTP20Push]: ...
        def ping(self, opaque_data: bytes | str | None = None) -> float: ...  # noqa: D102 - as above

    def get_response(self, stream_id: int | None = None) -> HTTP20Response:
        """Wait for a response; the name of ``getresponse`` in hyper 0.x.

        Args:
            stream_id: as ``getresponse`` has it.

        Returns:
            The response of ``getresponse``.
        """
        return self.getresponse(stream_id)

    def get_pushes(
        self, stream_id: int | None = None, capture_all: bool = False
    ) -> Iterator[HTTP20Push]:
        """Iterate promises; the name of ``getpushes`` in hyper 0.x.

        Args:
            stream_id, capture_all: as ``getpushes`` has them.

        Returns:
            The iterator of ``getpushes``.
        """
        return self.getpushes(stream_id, capture_all)

    @property
    def _conn(self) -> contextlib.AbstractContextManager[Any]:
        """The server's settings, as apns2 reads them.

        ``with connection._conn as conn: conn.remote_settings.max_concurrent_streams`` is the number
        of streams that the server allows at once. Where the first SETTINGS frame has not come yet,
        it is waited for (RFC 9113, 3.4): it stands before the answer to a PING.
        """
        pump = self._pumps.current
        if pump is not None and not pump.endpoint.has_settings_or_never():
            self.ping()
            pump = self._pumps.current
        most = UNLIMITED
        if pump is not None:
            most = pump.endpoint.peer_settings[SETTINGS_MAX_CONCURRENT_STREAMS]
        return contextlib.nullcontext(
            SimpleNamespace(remote_settings=SimpleNamespace(max_concurrent_streams=most))
        )
