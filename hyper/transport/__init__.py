"""Transports: octets to and from the operating system. Nothing here knows of HTTP.

A transport moves octets over a connection that is there. Its methods never block, except ``wait``,
so a pump can call them while it holds its lock; it calls ``wait`` without the lock. Read ``tcp.py``
first: the other transports have the same methods, and stand on it::

    Pump                          Pump                        Pump
      |                             |                           |
      |                             |                         TLSTransport      TLS to the server
      |                             |                           |
      |                           TLSTransport                TunnelTransport   proxy/: a stream
      |                             |                           |
    PlainTransport                PlainTransport              PlainTransport
      |                             |                           |
    socket                        socket                      socket

    http://                       https://                    https:// through an h2c:// proxy

A transport that stands on another one gives its ``wakeup`` and its ``fileno``, and closes it.
``SSLSocketTransport`` stands on nothing: it is a ``PlainTransport`` over an ``ssl.SSLSocket``.

================= ================================================================================
``tcp.py``        ``PlainTransport``: a non-blocking socket
``connect.py``    from a host and a port, or a path, to a connected socket (RFC 8305)
``buffered.py``   ``BufferedSocket``: received octets in one buffer
``wakeup.py``     ``Wakeup``: another thread ends a wait
``deadline.py``   ``Deadline``: one limit for several waits
``tls/``          TLS (RFC 9113, 9.2)
================= ================================================================================
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Protocol

    from .wakeup import Wakeup

    class Watcher(Protocol):
        """The methods by which connecting tells what happens, where somebody watches."""

        def resolved(self, host: str, addresses: list[Any]) -> None:
            """Note what the resolver has answered; addresses: getaddrinfo's."""

        def connecting(self, address: Any) -> None:
            """Note that an attempt begins; address: a socket's."""

        def connected(self, sock: socket.socket) -> None:
            """Note that a socket is connected."""

    class Transport(Protocol):
        """The methods that a pump needs. Lock held for every call but ``wait``.

        wakeup: ends waits from another thread; transports that stand on each other share one.

        round_trip: a first estimate of the time to the server and back, in seconds, from the TLS
        handshake or a proxy's answer. It is None where TCP alone was connected, because that may
        end at the next box on the way.
        """

        wakeup: Wakeup
        round_trip: float | None

        @property
        def socket(self) -> socket.socket:
            """The connected socket, to look at."""

        @property
        def read_would_block(self) -> bool:
            """True after a read that did not fill its view.

            The kernel has no more, so waiting is better than one more system call.
            """

        def recv_into(self, view: memoryview) -> int | None:
            """Receive into the view; return the octets, 0 at the end, None for none yet."""

        def send(self, octets: bytes) -> bool:
            """Take all octets, and hand the kernel what it accepts; the rest is kept.

            Return True if nothing is kept. ``send(b"")`` offers the rest again.
            """

        def wait(self, *, read: bool, write: bool, timeout: float | None) -> bool:
            """Wait, in the kernel, until the socket is ready; return False at the timeout.

            timeout: seconds, or None for no limit. Several threads may wait at once.
            """

        def fileno(self) -> int:
            """The socket's file descriptor, -1 when it is closed."""

        def shutdown(self) -> None:
            """End the connection both ways: every thread that waits wakes."""

        def close(self) -> None:
            """Give the socket back to the system; nobody may be waiting."""
