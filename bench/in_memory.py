"""A server in memory, for measures that must not waver: no kernel, no second process, no clock.

``InMemorySocket`` stands where a connected socket would. Its other end is an HTTP/2 server over
TLS, a hundred lines that know just enough: it answers each request with a prepared response, keeps
to the windows that it is given, and acts only inside a call of the client's. So the same program
does the same steps each time.
"""

from __future__ import annotations

import functools
import itertools
import socket
import ssl
import struct
import time

FRAME_HEADER = struct.Struct(">HBBBL")
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
#: Octets of content in the frames that most servers send.
FRAME_SIZE = 16_384
#: Octets that one ``recv`` finds, as on a loopback that is busy.
MOST_AT_ONCE = 256 * 1024
#: Fields that a server like nghttpd sends with each response, in literals (RFC 7541, 6.2.2).
FIELDS = {
    "server": "nghttpd nghttp2/1.61.0",
    "cache-control": "max-age=3600",
    "date": "Fri, 27 Nov 2026 02:00:00 GMT",
    "last-modified": "Fri, 27 Nov 2026 01:00:00 GMT",
}


def frame(frame_type, flags, stream_id, payload=b""):
    """One frame (RFC 9113, 4.1)."""
    size = len(payload)
    return FRAME_HEADER.pack(size >> 8, size & 0xFF, frame_type, flags, stream_id) + payload


def block(size):
    """The field block of a response with so many octets of content."""
    octets = b"\x88"  # :status 200, indexed
    for name, value in {**FIELDS, "content-length": str(size)}.items():
        octets += b"\x00" + bytes([len(name)]) + name.encode()
        octets += bytes([len(value)]) + value.encode()
    return octets


class Server:
    """HTTP/2 over TLS, from octets to octets. content: what each response carries."""

    def __init__(self, context, content):
        self.content = memoryview(content)
        self.head = block(len(content))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        # Its inner object is of C: the methods of the outer one would be counted as hyper's.
        self.tls = tls._sslobj  # noqa: SLF001 - see above
        self.has_agreed = False
        self.received = b""
        self.stream_window = 65_535
        #: {stream: [octets it may send, content that is left]}
        self.streams = {}

    def take(self, ciphertext):
        """Octets of the client's came."""
        self.incoming.write(ciphertext)
        try:
            if not self.has_agreed:
                self.tls.do_handshake()
                self.has_agreed = True
                settings = struct.pack(">HLHL", 3, 100, 4, 2**30)
                update = struct.pack(">L", 2**30)
                self.tls.write(frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, update))
            while octets := self.tls.read(2**20):
                self.received += octets
        except ssl.SSLWantReadError:
            pass
        self._cut()

    def _cut(self):
        octets, start = self.received, 0
        if octets.startswith(b"PRI"):
            start = 24
        answers = []
        while len(octets) - start >= 9:
            high, low, frame_type, flags, stream_id = FRAME_HEADER.unpack_from(octets, start)
            stop = start + 9 + (high << 8 | low)
            if stop > len(octets):
                break
            answers.append(
                self._answer(frame_type, flags, stream_id, octets[start + 9 : stop]) or b""
            )
            start = stop
        self.received = octets[start:]
        if any(answers):
            self.tls.write(b"".join(answers))

    def _answer(self, frame_type, flags, stream_id, payload):
        if frame_type == SETTINGS and not flags & ACK:
            for identifier, value in struct.iter_unpack(">HL", payload):
                if identifier == 4:
                    self.stream_window = value
            return frame(SETTINGS, ACK, 0)
        if frame_type == PING and not flags & ACK:
            return frame(PING, ACK, 0, payload)
        if frame_type == WINDOW_UPDATE and stream_id in self.streams:
            self.streams[stream_id][0] += struct.unpack(">L", payload)[0]
        if frame_type not in (DATA, HEADERS):
            return None
        if flags & END_STREAM:
            self.streams[stream_id] = [self.stream_window, self.content]
            return frame(HEADERS, END_HEADERS, stream_id, self.head)
        if frame_type == DATA:
            update = struct.pack(">L", len(payload))
            return frame(WINDOW_UPDATE, 0, 0, update) + frame(WINDOW_UPDATE, 0, stream_id, update)
        return None

    def give(self):
        """Ciphertext for the client, as much as windows and one read allow."""
        for stream_id in list(self.streams):
            while self.outgoing.pending < MOST_AT_ONCE and stream_id in self.streams:
                window, content = self.streams[stream_id]
                size = min(FRAME_SIZE, len(content), window)
                if not size and len(content):
                    break
                is_last = size == len(content)
                flags = END_STREAM if is_last else 0
                self.tls.write(frame(DATA, flags, stream_id, content[:size].tobytes()))
                self.streams[stream_id] = [window - size, content[size:]]
                if is_last:
                    del self.streams[stream_id]
        return self.outgoing.read(MOST_AT_ONCE)


class InMemorySocket:
    """A connected socket as ``PlainTransport`` uses one; always ready, so that no wait lasts.

    calls: how often it was asked to send and to receive, which stands for system calls.
    """

    family = socket.AF_INET

    def __init__(self, server):
        self.server = server
        # Something that poll can look at: an octet lies there, and there is room.
        self.ready, self.other = socket.socketpair()
        self.other.send(b"!")
        self.left = b""
        self.calls = 0

    def fileno(self):
        return self.ready.fileno()

    def setblocking(self, flag):
        pass

    def send(self, octets):
        self.calls += 1
        self.server.take(octets)
        return len(octets)

    def recv_into(self, view):
        self.calls += 1
        octets = self.left or self.server.give()
        if not octets:
            raise BlockingIOError
        size = min(len(octets), len(view))
        view[:size] = octets[:size]
        self.left = octets[size:]
        return size

    def shutdown(self, how):
        pass

    def close(self):
        self.ready.close()
        self.other.close()


def connected(certificates, content):
    """An HTTP20Connection to a server in memory, and its socket. The clock counts calls."""
    import importlib

    import hyper
    from hyper.tls import init_context

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server)
    context.set_alpn_protocols(["h2"])
    sock = InMemorySocket(Server(context, content))
    importlib.import_module("hyper.client.dial").connect = lambda *_: sock
    # A call of C, as the real one, and a microsecond: no look at the socket becomes due.
    time.monotonic = functools.partial(next, itertools.count(1000.0, 1e-6))
    conn = hyper.HTTP20Connection(
        "localhost", 443, ssl_context=init_context(certificates.authority), timeout=30
    )
    return conn, sock
