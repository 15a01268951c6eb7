"""A transport over a TLS socket that somebody else has opened (an ``ssl.SSLSocket``).

The socket is made non-blocking and used under the pump's lock alone, as OpenSSL demands.  A
reference of the kind that ``makefile`` makes is kept: other code may call the socket's ``close``,
as ``urllib.request`` does, and it is closed only when this transport is.
"""

from __future__ import annotations

import ssl

from ...foundation.interruptions import is_of_signal
from ..tcp import PlainTransport
from .filter import RECORD_SIZE, is_unexpected_eof
from .stdlib import LEAVES_ERRORS, forget_errors


class SSLSocketTransport(PlainTransport):
    """A handshaken ``SSLSocket`` as a transport. Lock held for every call but ``wait``."""

    socket: ssl.SSLSocket
    # The octets are offered again then, with more behind them, as OpenSSL demands.
    _no_room = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(sock)
        self._reference = sock.makefile("rb", buffering=0)
        #: why nothing more can be received: raised by the read after the octets that came before
        self._failure: OSError | None = None

    def recv_into(self, view: memoryview) -> int | None:
        """Fill the view with what is there; 0 at the end, None for nothing yet.

        HOT: once a read (bench/receive.py). OpenSSL gives one record a call. The reader does much
        else for each call that returns octets, so all records that are there come at once.
        """
        if self._failure is not None:
            raise self._failure
        if LEAVES_ERRORS:
            forget_errors()
        sock = self.socket
        filled, size = 0, len(view)
        try:
            while filled < size:
                received = sock.recv_into(view[filled:] if filled else view)
                filled += received
                # After less than a full record the kernel has probably no more, and OpenSSL keeps
                # no other record: pending tells whether it holds more of this one.
                if not received or (received < RECORD_SIZE and not sock.pending()):
                    self.read_would_block: bool = received > 0
                    return filled
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.read_would_block = True
            return filled or None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return filled  # and 0 the next time
        except OSError as error:
            if LEAVES_ERRORS:
                forget_errors()
            if is_unexpected_eof(error):
                return filled  # as above
            if not filled or is_of_signal(error):
                raise
            self._failure = error  # what came before it counts
        self.read_would_block = False
        return filled

    if LEAVES_ERRORS:

        def send(self, octets: bytes) -> bool:
            """Take octets; True if all of them are with the kernel now."""
            forget_errors()
            return super().send(octets)

    def close(self) -> None:
        """Close the socket, or leave that to its other user; nobody may be waiting."""
        super().close()
        self._reference.close()
