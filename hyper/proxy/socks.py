"""SOCKS 5 (RFC 1928), spoken by python-socks over a connection of ours."""

from __future__ import annotations

from ..errors import ProxyError
from .blocking_stream import BlockingStream
from .refusal import said_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..proxies import Proxy
    from ..transport import Transport
    from ..transport.deadline import Deadline

NEEDS_SOCKS = "a SOCKS proxy needs python-socks, 3.0 or later: pip install 'hyper[socks]'"


def connect_by_socks(
    transport: Transport, proxy: Proxy, host: str, port: int, deadline: Deadline
) -> Transport:
    """Have the proxy on a transport connect to host and port; return the transport."""
    try:
        import python_socks
        from python_socks.sync import Proxy as SocksProxy
    except ImportError as error:
        raise ImportError(NEEDS_SOCKS) from error
    stream = BlockingStream(transport, deadline)
    reached: Any = _Reached(stream)
    try:
        socks = SocksProxy(
            python_socks.ProxyType.SOCKS5,
            proxy.host,
            proxy.port,
            username=None if proxy.username is None else proxy.username.decode(),
            password=None if proxy.password is None else proxy.password.decode(),
            rdns=True,  # for socks5 the host is an address already
            forward=reached,
        )
    except TypeError as error:  # an older one, which would open a socket itself
        raise ImportError(NEEDS_SOCKS) from error
    try:
        socks.connect(host, port)
    except python_socks.ProxyTimeoutError:
        raise stream.late_error() from None
    # ValueError: a name, or credentials, out of bounds.
    except (python_socks.ProxyError, ValueError) as error:
        raise ProxyError(
            f"the proxy {proxy} refused to connect to {host}, port {port} (RFC 1928, 6):"
            f" {said_by(proxy, str(error))}"
        ) from error
    transport.round_trip = stream.round_trip
    return transport


class _Reached:
    """Stands for python-socks' forward proxy, and gives the connection that is there already."""

    def __init__(self, stream: BlockingStream) -> None:
        self._stream = stream

    def connect(self, **_: Any) -> BlockingStream:
        """The connection to the SOCKS proxy."""
        return self._stream
