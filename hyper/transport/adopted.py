"""A transport over a TLS socket that somebody else has opened (an ``ssl.SSLSocket``).

The socket is made non-blocking and used under the pump's lock alone, as OpenSSL wants it.  A
reference of the kind that ``makefile`` makes is kept: whoever closes the socket behind our back,
as ``urllib.request`` does, closes it only when we let go of it.
"""

from __future__ import annotations

import ssl

from .plain import PlainTransport

#: A TLS record of full size: after less than that, the kernel has probably no more.
RECORD_SIZE = 16 * 1024


class AdoptedTransport(PlainTransport):
    """A handshaken ``SSLSocket`` with a transport's verbs. Lock held for all but ``wait``."""

    socket: ssl.SSLSocket

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(sock)
        self._reference = sock.makefile("rb", buffering=0)

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet. HOT."""
        sock = self.socket
        try:
            size = sock.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.drained = True
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0
        # OpenSSL reads one record a call and keeps no other: what it holds, pending tells.
        self.drained = size < RECORD_SIZE and not sock.pending()
        return size

    def _send(self, octets: bytes) -> int:
        """Offer octets to the socket; how many it took."""
        try:
            return self.socket.send(octets)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0  # offered again, with more behind it, as OpenSSL demands

    def close(self) -> None:
        """Let go of the socket; nobody may be waiting."""
        super().close()
        self._reference.close()
