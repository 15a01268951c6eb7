"""Tunnels: having a proxy carry the octets of a connection to a server (RFC 9110, 9.3.6).

``open_tunnel`` gives a transport whose other end is the server.  Over HTTP/1.1 and SOCKS that is
the transport to the proxy itself, once the proxy has agreed, and not an octet beyond its answer has
been read; over HTTP/2 it is a ``TunnelTransport`` inside a stream.  A refusal is a ProxyError
that says what the proxy wants, or how its explanation begins.
"""

from __future__ import annotations

import contextlib
import io
import time
from http.client import HTTPException, responses

from ..errors import NegotiationError, ProxyError, RemoteDisconnected, TimedOut
from ..fields import FieldMap
from ..hpack import Decoder, Encoder
from ..http1 import HTTPResponse
from ..protocol.endpoint import Endpoint
from ..protocol.flow.managers import FlowControlManager
from ..protocol.settings import (
    SETTINGS_ENABLE_PUSH,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_HEADER_LIST_SIZE,
)
from ..proxies import SOCKS
from ..transport.connect import connect, resolve
from ..transport.tcp import PlainTransport
from ..transport.tls.context import init_context
from ..transport.tls.policy import H2, PROTOCOLS
from ..transport.tls.transport import shake_hands
from .stream_transport import TunnelTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..proxies import Proxy
    from ..transport.tcp import Transport

#: Octets of the head of a proxy's answer: as much as of a server's (route.py).
MAX_HEAD = 64 * 1024
#: Octets of a proxy's explanation that are shown, and the seconds that they are waited for: most
#: come with the head.
EXCERPT, EXCERPT_DELAY = 300, 1.0
#: Octets under way in a tunnel. No memory: what nobody reads is left in the kernel's buffers.
TUNNEL_WINDOW = 16 * 1024 * 1024

NEEDS_SOCKS = "a SOCKS proxy needs python-socks, 3.0 or later: pip install 'hyper[socks]'"


def open_tunnel(
    proxy: Proxy,
    host: str,
    port: int,
    deadline: float | None,
    source_address: tuple[str, int] | None,
    codec: str | None = None,
) -> Transport:
    """A transport to host and port through a proxy, until the monotonic moment deadline.

    codec: of HPACK, where the proxy speaks HTTP/2.
    Raises OSError for a proxy that cannot be reached (TimedOut among them), ssl.SSLError for one
    that cannot be trusted, ProxyError for one that refuses.  Their messages name the proxy.
    """
    if proxy.scheme == "socks5":
        # One address of IPv4 if there is any, as proxies are more likely to reach that.
        addresses = resolve(host, port)
        host = min(addresses, key=lambda address: address[0])[4][0].partition("%")[0]
    try:
        return _open(proxy, host, port, deadline, source_address, codec)
    except ProxyError:
        raise
    except (OSError, NegotiationError) as error:
        _say_to_whom(error, proxy)
        raise


def _say_to_whom(error: Exception, proxy: Proxy) -> None:
    """Else it would read as if the server were at fault."""
    if isinstance(error, OSError) and error.strerror is not None:
        error.strerror = f"to the proxy {proxy}: {error.strerror}"
        error.args = (error.errno, error.strerror)
    else:
        error.args = (f"to the proxy {proxy}: {error}",)


def _open(
    proxy: Proxy,
    host: str,
    port: int,
    deadline: float | None,
    source_address: tuple[str, int] | None,
    codec: str | None,
) -> Transport:
    transport: Transport
    transport = PlainTransport(connect(proxy.host, proxy.port, deadline, source_address))
    try:
        if proxy.scheme in SOCKS:
            return _by_socks(transport, proxy, host, port, deadline)
        is_http2 = proxy.scheme == "h2c"
        if proxy.scheme == "https":
            # The default context is made anew for each connection, as loading authorities costs
            # less than a handshake; whoever opens many gives one.
            context = proxy.ssl_context or init_context()
            secured = shake_hands(transport, context, proxy.host, deadline, PROTOCOLS)
            transport, is_http2 = secured, secured.filter.alpn_protocol() == H2
        target = f"[{host.partition('%')[0]}]:{port}" if ":" in host else f"{host}:{port}"
        if is_http2:
            return _by_http2(transport, proxy, target, deadline, codec)
        return _by_http1(transport, proxy, target, deadline)
    except BaseException:
        transport.close()
        raise


def _by_http1(transport: Transport, proxy: Proxy, target: str, deadline: float | None) -> Transport:
    lines = [f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n".encode()]
    lines += [name + b": " + value + b"\r\n" for name, value in proxy.fields()]
    stream = BlockingStream(transport, deadline, MAX_HEAD)
    with contextlib.closing(HTTPResponse(stream, method="CONNECT")) as response:
        stream.sendall(b"".join((*lines, b"\r\n")))
        try:
            response.begin()
            if stream.has_ended and response.status // 100 == 2:  # http.client takes that for whole
                raise RemoteDisconnected("the end came within its head")
        except HTTPException as error:
            raise ProxyError(
                f"the proxy {proxy} gave no answer to CONNECT {target} that HTTP/1.1 knows (RFC"
                f" 9110, 9.3.6): {type(error).__name__}: {error}"
            ) from error
        if response.status // 100 == 2:
            transport.round_trip = stream.round_trip
            return transport
        challenges = response.headers.get_all("proxy-authenticate") or []
        stream.deadline, stream.room = _soon(deadline), MAX_HEAD
        excerpt = _beginning(response)
        raise _refusal(proxy, target, response.status, response.reason, challenges, excerpt)


def _beginning(response: HTTPResponse) -> bytes:
    """Of the content with which a proxy explains its refusal."""
    excerpt = b""
    response.fp = io.BufferedReader(response.fp)
    with contextlib.suppress(HTTPException, OSError):  # the deadline too: what is there will do
        while len(excerpt) < EXCERPT:
            piece = response.read1(EXCERPT - len(excerpt))
            if not piece:
                break
            excerpt += piece
    return excerpt


def _by_http2(
    transport: Transport, proxy: Proxy, target: str, deadline: float | None, codec: str | None
) -> Transport:
    endpoint = Endpoint(
        {
            SETTINGS_ENABLE_PUSH: 0,
            SETTINGS_INITIAL_WINDOW_SIZE: TUNNEL_WINDOW,
            SETTINGS_MAX_HEADER_LIST_SIZE: MAX_HEAD,
        },
        FlowControlManager,
        TUNNEL_WINDOW,
        encoder=Encoder(codec=codec),
        decoder=Decoder(max_list_size=MAX_HEAD, codec=codec),
        covers=lambda _scheme, _authority: False,
        unread_limit=TUNNEL_WINDOW,
        now=time.monotonic,
    )
    tunnel = TunnelTransport(endpoint, transport)
    # "The ':scheme' and ':path' pseudo-header fields MUST be omitted" (RFC 9113, 8.5).
    section = ((b":method", b"CONNECT"), (b":authority", target.encode()), *proxy.fields())
    try:
        head = tunnel.open(section, deadline)
    except HTTPException as error:
        raise ProxyError(
            f"the proxy {proxy} gave no answer to CONNECT {target} (RFC 9113, 8.5): {error}"
        ) from error
    if head.status // 100 == 2:
        return tunnel
    excerpt = tunnel.excerpt(EXCERPT, _soon(deadline))
    challenges = FieldMap(head.fields).get_all("proxy-authenticate") or []
    tunnel.shutdown()
    raise _refusal(proxy, target, head.status, responses.get(head.status, ""), challenges, excerpt)


def _soon(deadline: float | None) -> float:
    """Until when a proxy may explain itself."""
    soon = time.monotonic() + EXCERPT_DELAY
    return soon if deadline is None else min(soon, deadline)


def _refusal(
    proxy: Proxy, target: str, status: int, reason: str, challenges: list[str], excerpt: bytes
) -> ProxyError:
    words = f"the proxy {proxy} refused CONNECT {target} with {status} {reason}".rstrip()
    if status == 407:
        wanted = ", ".join(challenges) or "nothing that it names"
        given = any(name == b"proxy-authorization" for name, _ in proxy.fields())
        advice = (
            "it does not accept the credentials that it was given"
            if given
            else "give them in its URL, as in http://name:password@host:port"
        )
        return ProxyError(
            f"{words}: it wants credentials, {wanted} (RFC 9110, 15.5.8); {advice}", status=status
        )
    begins = " ".join(excerpt.decode("utf-8", "replace").split())
    said = f": {begins!r}" if begins else ""
    return ProxyError(f"{words} (RFC 9110, 9.3.6){said}", status=status)


def _by_socks(
    transport: Transport, proxy: Proxy, host: str, port: int, deadline: float | None
) -> Transport:
    try:
        import python_socks
        from python_socks.sync import Proxy as SocksProxy
    except ImportError as error:
        raise ImportError(NEEDS_SOCKS) from error
    stream = BlockingStream(transport, deadline, MAX_HEAD)
    reached: Any = _Reached(stream)
    try:
        socks = SocksProxy(
            python_socks.ProxyType.SOCKS5,
            proxy.host,
            proxy.port,
            username=None if proxy.username is None else proxy.username.decode(),
            password=None if proxy.password is None else proxy.password.decode(),
            rdns=True,  # what is to be resolved here is an address already
            forward=reached,
        )
    except TypeError as error:  # it is older, and would open a socket itself
        raise ImportError(NEEDS_SOCKS) from error
    try:
        socks.connect(host, port)
    except python_socks.ProxyTimeoutError:
        raise stream.late() from None
    # ValueError: a name, or credentials, out of bounds.
    except (python_socks.ProxyError, ValueError) as error:
        raise ProxyError(
            f"the proxy {proxy} refused to connect to {host}, port {port} (RFC 1928, 6): {error}"
        ) from error
    transport.round_trip = stream.round_trip
    return transport


class _Reached:
    """In the place of python-socks' forward proxy: the connection that is there already."""

    def __init__(self, stream: BlockingStream) -> None:
        self._wire = stream

    def connect(self, **_: Any) -> BlockingStream:
        """The connection to the SOCKS proxy."""
        return self._wire


class BlockingStream(io.RawIOBase):
    """A transport as code that blocks knows a socket; each wait ends at one deadline.

    room: octets that may be read.  Nothing is read that is not asked for.
    """

    def __init__(self, transport: Transport, deadline: float | None, room: int) -> None:
        super().__init__()
        self._transport = transport
        self.deadline = deadline
        self.room = room
        #: the proxy has closed its side
        self.has_ended = False
        #: seconds from the latest sending to the first octet of what came after it
        self.round_trip: float | None = None
        self._sent = 0.0

    def sendall(self, octets: bytes) -> None:
        """Send octets, all of them."""
        self._sent = time.monotonic()
        sent = self._transport.send(octets)
        while not sent:
            self._wait(read=False, write=True)
            sent = self._transport.send(b"")

    def readinto(self, buffer: Any) -> int:
        """Wait until there is something, and fill the buffer with it; 0 at the end."""
        view = memoryview(buffer)
        if len(view) > self.room:
            raise HTTPException(f"it goes on beyond {MAX_HEAD} octets")
        received = self._transport.recv_into(view)
        while received is None:
            self._wait(read=True, write=False)
            received = self._transport.recv_into(view)
        if self._sent:
            self.round_trip, self._sent = time.monotonic() - self._sent, 0.0
        self.room -= received
        self.has_ended = received == 0
        return received

    def recv(self, size: int) -> bytes:
        """At most size octets; b"" at the end."""
        return self.read(size) or b""

    def readable(self) -> bool:
        """It is."""
        return True

    def makefile(self, *_: Any) -> BlockingStream:
        """As a socket gives the file that http.client reads from: unbuffered."""
        return self

    def late(self) -> TimeoutError:
        """The exception for a deadline that has passed."""
        return TimedOut("it did not open the tunnel in the time given")

    def _wait(self, *, read: bool, write: bool) -> None:
        timeout = None if self.deadline is None else self.deadline - time.monotonic()
        if timeout is not None and timeout <= 0:
            raise self.late()
        self._transport.wait(read=read, write=write, timeout=timeout)
