"""The route to one server: what is known before a connection, and how it becomes one.

A ``Route`` is fixed when an ``HTTP20Connection`` is made, and outlives every connection that is
made on it: where the server is, how it is trusted, what is announced to it.  ``dial`` follows it
and gives a ``Pump`` on which the preface is queued.
"""

from __future__ import annotations

import contextlib
import os
import time
from _weakref import ref  # where weakref has it from: that costs half a millisecond to import

from ..errors import InvalidURL, LocalProtocolError
from ..foundation.hosts import DEFAULT_PORTS, authority_of, bracketed, host_and_port, tls_name
from ..hpack import Decoder, Encoder
from ..hpack.choice import KINDS, codec_class
from ..hpack.decoder import DEFAULT_LIST_SIZE
from ..protocol import origins
from ..protocol.endpoint import Endpoint
from ..protocol.flow.windows import MAX_WINDOW_SIZE
from ..protocol.frames import FRAME_HEADER_SIZE
from ..protocol.origins import Origin
from ..protocol.settings import (
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
    SETTINGS_MAX_HEADER_LIST_SIZE,
    SETTINGS_NO_RFC7540_PRIORITIES,
)
from ..pump.pump import Pump
from ..transport.buffered import BUFFER_SIZE, BufferedSocket
from ..transport.tls.context import init_context
from ..transport.tls.transport import Resumption, TLSTransport
from ..transport.tls.trust import certificate_covers
from .dial import dial, warn_if_recorded
from .movers import watch_of_dial
from .timeouts import checked_keepalive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..foundation.hosts import Port
    from ..protocol.flow.budget import Budget
    from ..protocol.flow.managers import WindowManager
    from ..proxies import Proxy
    from ..trace.watch import Watch
    from ..transport import Transport
    from ..transport.connect import Path, Resolve
    from ..transport.deadline import Deadline
    from .dial import Connector
    from .traced import Dialling

    #: of a certificate: (kind, name) pairs
    Names = tuple[tuple[str, str], ...]

#: Octets of a response that the server may send unasked: most responses are smaller, and 768
#: streams so begun are within UNREAD_LIMIT.
STREAM_WINDOW = 128 * 1024
#: Octets under way on the whole connection: all there can be, for streams' windows together
#: stay within UNREAD_LIMIT (flow/budget.py).
CONNECTION_WINDOW = MAX_WINDOW_SIZE
#: Octets of content that a connection may hold unread, or let the server send: enough that one
#: stream may have what a path of 2.5 Gbit/s has under way in a round trip of 200 ms, 64 MiB, beside
#: what is kept for others; and what a program can bear to lose to a server that sends it what it
#: does not read.
UNREAD_LIMIT = 96 * 1024 * 1024
#: Octets that are received at once: eight DATA frames of 8 KiB, or four of 16 KiB, as servers send
#: them. Without room for their headers, the last one would be moved and wait for the next read.
RECEIVE_BUFFER_SIZE = BUFFER_SIZE + 8 * FRAME_HEADER_SIZE
#: Pushed streams at once; nothing is lost by more, because each promise is checked on its own.
MAX_PUSHES = 100
#: hyper's own settings, unless the caller announces something else (6.5.2).
OWN_SETTINGS = {
    SETTINGS_MAX_CONCURRENT_STREAMS: MAX_PUSHES,
    SETTINGS_INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    SETTINGS_MAX_HEADER_LIST_SIZE: DEFAULT_LIST_SIZE,
    # hyper sends no priorities of RFC 7540, so that servers need not be ready for them, and those
    # of RFC 9218 count (RFC 9218, 2.1).
    SETTINGS_NO_RFC7540_PRIORITIES: 1,
}


def _connector_through(
    chosen: Proxy,
    host: str,
    port: int,
    source_address: tuple[str, int] | None,
    codec: str | None,
) -> Connector:
    """How ``dial`` gets to a server through a proxy."""

    def connector(deadline: Deadline, watcher: Dialling | None) -> Transport:
        from ..proxy.connect import open_tunnel

        transport = open_tunnel(chosen, host, port, deadline, source_address, codec, watcher)
        if watcher is not None:
            watcher.tunnelled(chosen)
        return transport

    return connector


class Route:
    """The address of a server, its trust, and the settings announced to it. Any thread may read it.

    host, port, secure, ssl_context, source_address, unix_socket, proxy, resolve: as
    HTTP20Connection takes them.
    settings: all that is announced, {identifier: value}.  window_manager: the class.
    unread_limit: octets, codec: of HPACK, and keepalive: as HTTP20Connection takes them.
    watch: told of connections, or None.
    """

    host: str
    port: int

    def __init__(
        self,
        host: str,
        port: Port | None,
        *,
        secure: bool | None,
        ssl_context: Any,
        source_address: tuple[str, int] | None,
        unix_socket: Path | None,
        proxy: str | Proxy | None,
        settings: dict[int, int],
        window_manager: WindowManager,
        unread_limit: int | None,
        codec: str | None,
        keepalive: float | None = None,
        resolve: Resolve | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch
        #: True if recorders see the requests before they come here, by an integration
        self.is_seen = False
        self._keepalive = checked_keepalive(keepalive)
        self.host, self.port = host_and_port(host, port, secure)
        self.secure: bool = self.port != DEFAULT_PORTS["http"] if secure is None else secure
        scheme = "https" if self.secure else "http"
        self.origin: Origin = Origin(scheme, authority_of(self.host, self.port, scheme))
        self._ssl_context = ssl_context
        self._resumption = Resumption()
        self._source_address = source_address
        if proxy is not None and unix_socket is not None:
            raise ValueError("there is no way through a proxy to a Unix socket: give one of them")
        self._unix_socket = unix_socket
        self._resolve = resolve
        self._through: Connector | None = None
        self._proxy: Proxy | None = None
        if proxy is not None:
            from ..proxies import Proxy  # not before: most have none

            chosen = self._proxy = Proxy(proxy) if isinstance(proxy, str) else proxy
            self._through = _connector_through(chosen, self.host, self.port, source_address, codec)
        self._settings = settings
        self._window_manager = window_manager
        self._codec = codec
        for kind in KINDS:
            codec_class(kind, codec)  # what cannot be had is told where it was asked for
        self._unread_limit = UNREAD_LIMIT if unread_limit is None else unread_limit
        #: of the connections made so far, as long as somebody holds something of them
        self._budgets: list[ref[Budget]] = []
        window = settings[SETTINGS_INITIAL_WINDOW_SIZE]
        if not window <= self._unread_limit:  # NaN is refused, too
            raise LocalProtocolError(
                f"unread_limit, {self._unread_limit} octets, is less than one stream's window,"
                f" SETTINGS_INITIAL_WINDOW_SIZE {window} (RFC 9113, 6.9.2)"
            )

    def dial(self, deadline: Deadline) -> Pump:
        """Return a new connection, until the deadline at the latest.

        Raises OSError, ssl.SSLError and NegotiationError, as ``transport.dial`` does, and
        LocalProtocolError where the window manager's class cannot be used.
        """
        if not self.is_seen:
            warn_if_recorded(self.host)
        watch = watch_of_dial(self._watch)
        if watch is None:
            return self._dial(deadline, None)
        from .traced import Dialling

        watcher = Dialling(watch)
        address = f"{bracketed(self.host)}:{self.port}"
        if self._unix_socket is not None:
            address = os.fsdecode(self._unix_socket)
        watcher.begin(self.origin.scheme, self.host, self.port, address, self._proxy)
        try:
            return self._dial(deadline, watcher)
        except BaseException as error:  # it is raised again
            watcher.failed(error)
            raise

    def _dial(self, deadline: Deadline, watcher: Dialling | None) -> Pump:
        context = None
        if self.secure:
            context = self._ssl_context
            if context is None:
                context = self._ssl_context = init_context()
        transport = dial(
            self.host,
            self.port,
            deadline=deadline,
            source_address=self._source_address,
            unix_socket=self._unix_socket,
            resolve=self._resolve,
            through=self._through,
            context=context,
            resumption=self._resumption,
            watcher=watcher,
        )
        names: Names = transport.names() if isinstance(transport, TLSTransport) else ()
        if watcher is not None and self._watch is not None:
            watcher.watch = self._watch  # an observer of the dial alone is told no more
        try:
            return self.begin(transport, names, watcher)
        except BaseException:  # the socket is nobody's yet
            transport.close()
            raise

    def alt_services(self, endpoint: Endpoint) -> list[tuple[str, str]]:
        """Return (origin, field value) pairs of ALTSVC frames, one an origin (RFC 7838, 4).

        They are of origins that the server may speak for: others "MUST be ignored".
        """
        return origins.alt_services(endpoint)

    def origin_set(self, endpoint: Endpoint) -> tuple[str, ...] | None:
        """The Origin Set (RFC 8336, 2.3), the initial origin first; None until a frame has come.

        In cleartext, ORIGIN "MUST be ignored" (2.2).
        """
        return origins.origin_set(endpoint, self.origin)

    def begin(self, transport: Transport, names: Names, watcher: Dialling | None = None) -> Pump:
        """HTTP/2 from its preface on, over a transport on which it has been agreed.

        names: of the server's verified certificate. watcher: told of the connection until now.
        """
        section_size = self._settings[SETTINGS_MAX_HEADER_LIST_SIZE]
        endpoint = Endpoint(
            self._settings,
            self._window_manager,
            CONNECTION_WINDOW,
            encoder=Encoder(codec=self._codec),
            # Its table has the initial size until the peer acknowledges another (4.3.1).
            decoder=Decoder(max_list_size=section_size, codec=self._codec),
            covers=self._coverage(names),
            unread_limit=self._unread_limit,
            now=time.monotonic,
            former=self._budgets,
            by_alpn=self.secure,
        )
        known = [budget for budget in self._budgets if budget() is not None]
        self._budgets = [*known, ref(endpoint.budget)]
        endpoint.round_trip = transport.round_trip or 0.0
        size = max(RECEIVE_BUFFER_SIZE, endpoint.max_frame_size + FRAME_HEADER_SIZE)
        if self._watch is not None:
            from .traced import Dialling, traced_pump

            told = watcher or Dialling(self._watch)
            return traced_pump(endpoint, transport, size, self._keepalive, told)
        return Pump(endpoint, BufferedSocket(transport, size), transport, self._keepalive)

    def _coverage(self, names: Names) -> Callable[[str, str], bool]:
        """The question whether a server with these names may speak for an origin (9.1.1, 10.1)."""
        scheme_of_own, secure, own_port = self.origin.scheme, self.secure, self.port
        own_host = tls_name(self.host).lower()

        def covers(scheme: str, authority: str) -> bool:
            if scheme != scheme_of_own:
                return False
            with contextlib.suppress(InvalidURL):  # from the peer: it may be anything
                host, port = host_and_port(authority, None, secure)
                if port != own_port:
                    return False
                return tls_name(host).lower() == own_host or certificate_covers(names, host)
            return False

        return covers
