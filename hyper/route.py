"""The route to one server: what is known before a connection, and how it becomes one.

A ``Route`` is fixed when an ``HTTP20Connection`` is made, and outlives every connection that is
made on it: where the server is, how it is trusted, what is announced to it.  ``dial`` follows it
and gives a ``Pump`` on which the preface is queued.
"""

from __future__ import annotations

import contextlib
import time

from .authority import DEFAULT_PORTS, authority_of, host_and_port
from .errors import InvalidURL, LocalProtocolError
from .hpack import Decoder, Encoder
from .protocol import settings as setting
from .protocol.endpoint import Endpoint
from .protocol.frames import FRAME_HEADER_SIZE
from .protocol.messages import Origin
from .protocol.windows import MAX_WINDOW_SIZE
from .transport.bufsocket import BUFFER_SIZE, BufferedSocket
from .transport.dial import dial
from .transport.pump import Pump
from .transport.tls import TLSTransport, certificate_covers, init_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Callable

    from .protocol.windows import WindowManager
    from .transport.plain import Transport

    #: of a certificate: (kind, name) pairs
    Names = tuple[tuple[str, str], ...]

#: Octets of a response that the server may send unasked: most responses are smaller, and 512
#: streams so begun are within UNREAD_LIMIT.
STREAM_WINDOW = 128 * 1024
#: Octets under way on the whole connection: all there can be, for streams' windows together
#: stay within UNREAD_LIMIT (windows.py).
CONNECTION_WINDOW = MAX_WINDOW_SIZE
#: Octets of content that a connection may hold unread, or let the server send: what a path of
#: 2.5 Gbit/s has under way in a round trip of 200 ms, and what a program can bear to lose to a
#: server that sends it what it does not read.
UNREAD_LIMIT = 64 * 1024 * 1024
#: Octets of a field section, as RFC 9113, 6.5.2 counts them; http.client takes 100 lines of
#: 64 KiB, no server sends a tenth of this.
MAX_FIELD_SECTION_SIZE = 64 * 1024
#: Pushed streams at once; nothing is lost by more, for each promise is checked on its own.
MAX_PUSHES = 100
#: What hyper announces, unless the caller announces something else (6.5.2).
OWN_SETTINGS = {
    setting.SETTINGS_MAX_CONCURRENT_STREAMS: MAX_PUSHES,
    setting.SETTINGS_INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    setting.SETTINGS_MAX_HEADER_LIST_SIZE: MAX_FIELD_SECTION_SIZE,
    # hyper sends no priorities of RFC 7540, so that servers need not be ready for them, and those
    # of RFC 9218 count (RFC 9218, 2.1).
    setting.SETTINGS_NO_RFC7540_PRIORITIES: 1,
}


class Route:
    """Where a server is, how it is trusted, and what is announced to it. Any thread.

    host, port, secure, ssl_context, source_address: as HTTP20Connection takes them.
    settings: all that is announced, {identifier: value}.  window_manager: the class.
    unread_limit: octets, as HTTP20Connection takes it.
    """

    def __init__(
        self,
        host: str,
        port: int | None,
        *,
        secure: bool | None,
        ssl_context: ssl.SSLContext | None,
        source_address: tuple[str, int] | None,
        settings: dict[int, int],
        window_manager: WindowManager,
        unread_limit: int | None = None,
    ) -> None:
        self.host, self.port = host_and_port(host, port, secure)
        self.secure = self.port != DEFAULT_PORTS["http"] if secure is None else secure
        scheme = "https" if self.secure else "http"
        self.origin = Origin(scheme, authority_of(self.host, self.port, scheme))
        self._ssl_context = ssl_context
        self._source_address = source_address
        self._settings = settings
        self._window_manager = window_manager
        self._unread_limit = UNREAD_LIMIT if unread_limit is None else unread_limit
        window = settings[setting.SETTINGS_INITIAL_WINDOW_SIZE]
        if window > self._unread_limit:
            raise LocalProtocolError(
                f"unread_limit, {self._unread_limit} octets, is less than one stream's window,"
                f" SETTINGS_INITIAL_WINDOW_SIZE {window} (RFC 9113, 6.9.2)"
            )

    def dial(self, timeout: float | None, first_stream_id: int) -> Pump:
        """A new connection; timeout: seconds for all of it, or None.

        Raises OSError, ssl.SSLError and NegotiationError, as ``transport.dial`` does.
        """
        context = None
        if self.secure:
            context = self._ssl_context
            if context is None:
                context = self._ssl_context = init_context()
        transport = dial(
            self.host,
            self.port,
            timeout=timeout,
            source_address=self._source_address,
            context=context,
        )
        names: Names = transport.filter.names() if isinstance(transport, TLSTransport) else ()
        return self.begin(transport, names, first_stream_id)

    def begin(self, transport: Transport, names: Names, first_stream_id: int) -> Pump:
        """HTTP/2 from its preface on, over a transport on which it has been agreed.

        names: of the server's verified certificate.
        """
        section_size = self._settings[setting.SETTINGS_MAX_HEADER_LIST_SIZE]
        endpoint = Endpoint(
            self._settings,
            self._window_manager,
            CONNECTION_WINDOW,
            encoder=Encoder(),
            # Its table has the initial size until the peer acknowledges another (4.3.1).
            decoder=Decoder(max_list_size=section_size),
            covers=self._coverage(names),
            unread_limit=self._unread_limit,
            now=time.monotonic,
            first_stream_id=first_stream_id,
        )
        endpoint.round_trip = getattr(transport, "round_trip", 0.0)
        size = max(BUFFER_SIZE, endpoint.max_frame_size + FRAME_HEADER_SIZE)
        return Pump(endpoint, BufferedSocket(transport, size), transport)

    def _coverage(self, names: Names) -> Callable[[str, str], bool]:
        """The question whether a server with these names may push for an origin (10.1)."""
        own, secure, own_port = self.origin, self.secure, self.port

        def covers(scheme: str, authority: str) -> bool:
            if scheme != own.scheme:
                return False
            if authority.lower() == own.authority.lower():
                return True
            with contextlib.suppress(InvalidURL):  # from the peer: it may be anything
                host, port = host_and_port(authority, None, secure)
                return port == own_port and certificate_covers(names, host)
            return False

        return covers
