"""The servers that the pages of docs/ talk to, by the names that they use: all are this module's.

`World` is a network in which example.org, localhost:50051 and others are servers of the test's own,
and a directory with the files that pages open.
"""

from __future__ import annotations

import os
import socket
import weakref
from pathlib import Path
from urllib.parse import urlsplit

from hyper.testing import Authority, Server, requests, wire
from test.certificates import Certificates

HOSTS = ["example.org", "example.net", "api.push.example", "dns.example", "proxy.example"]
GRPC_PORT = 50051
LOCAL_PORT = 8443

BIG = bytes(range(256)) * 600
HTML = [(":status", "200"), ("content-type", "text/html"), ("etag", '"1"')]
METHODS = (
    b"<?xml version='1.0'?><methodResponse><params><param><value><array><data>"
    b"<value><string>system.listMethods</string></value>"
    b"</data></array></value></param></params></methodResponse>"
)
POD = b'{"type": "ADDED", "object": {"metadata": {"name": "pod"}}}\n'
TEXT = {
    "/events": b"data: one\n\ndata: two\n\n",
    "/api/v1/pods?watch=1": POD * 2,
    "/3/device/a1": b"",
    "/dns-query": b"\0\0\x81\x80",
    "/RPC2": METHODS,
}
FIELDS = {"/RPC2": [(":status", "200"), ("content-type", "text/xml")]}

# The paths on which a server sends back each piece of content as it comes.
ECHOES = {"/translate", "/dialogue", "/chat", "/greet.Greeter/Hello", "/greet.Greeter/Chat"}
# A dialogue's server has no more to say after so many answers.
ANSWERS = 3


class Page:
    """One connection's server: pages, and echoes that answer while the client still writes."""

    def __init__(self, world):
        self.world = world
        self.fields = {}  # of each stream that is an echo or a tunnel
        self.answers = {}  # how many pieces it has sent

    def __call__(self, peer):
        peer.handshake({wire.SETTINGS_ENABLE_CONNECT_PROTOCOL: 1})
        arrivals = peer.arrivals
        peer.arrivals = lambda: (each for each in arrivals() if not self.takes(peer, each))
        for request in requests(peer):
            self.answer(peer, request)

    def takes(self, peer, arrival):
        """True if a frame belongs to an echo or a tunnel, which is answered at once."""
        frame = arrival.frame
        if frame.type == wire.HEADERS and frame.stream_id not in self.fields:
            fields = dict(arrival.fields)
            if fields.get("expect") == "100-continue":
                peer.write_interim(frame.stream_id, 100)
            is_echo = urlsplit(fields.get(":path", "")).path in ECHOES
            if not is_echo and fields.get(":method") != "CONNECT":
                return False
            self.fields[frame.stream_id], self.answers[frame.stream_id] = fields, 0
            kind = [("content-type", fields["content-type"])] if "content-type" in fields else []
            peer.write_headers(frame.stream_id, [(":status", "200"), *kind])
        elif frame.stream_id not in self.fields:
            return False
        elif frame.type == wire.DATA:
            self.send_back(peer, frame)
        if frame.type in (wire.DATA, wire.HEADERS) and frame.end_stream:
            self.end(peer, frame.stream_id)
        return True

    def send_back(self, peer, frame):
        fields = self.fields[frame.stream_id]
        for stream_id in (0, frame.stream_id) if frame.payload else ():
            peer.write_window_update(stream_id, len(frame.payload))
        content = frame.content
        if fields[":method"] == "CONNECT" and ":protocol" not in fields:
            content = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
        if self.answers[frame.stream_id] is not None:
            peer.write_content(frame.stream_id, content, end_stream=False)
            self.answers[frame.stream_id] += 1
        if fields.get(":path") == "/dialogue" and self.answers[frame.stream_id] == ANSWERS:
            self.end(peer, frame.stream_id)

    def end(self, peer, stream_id):
        if self.answers[stream_id] is None:
            return
        self.answers[stream_id] = None
        if self.fields[stream_id].get("content-type") == "application/grpc":
            peer.write_trailers(stream_id, [("grpc-status", "0")])
        else:
            peer.write_data(stream_id, b"", end_stream=True)

    def answer(self, peer, request):
        """Answer with a page of HTML, and for some paths with their own content."""
        self.world.asked.append(request.path)
        fields = FIELDS.get(request.path, HTML)
        content = TEXT.get(request.path, b"<h1>%d</h1>" % len(request.content))
        if request.path == "/big.bin" and request.method == "GET":
            self.send_big(peer, request)
            return
        if request.path == "/3/device/b2":
            fields, content = [(":status", "400")], b'{"reason": "BadDeviceToken"}'
        if request.method == "HEAD":
            peer.write_headers(request.stream_id, fields, end_stream=True)
            return
        if request.path == "/" and peer.client_settings.get(wire.SETTINGS_ENABLE_PUSH, 1):
            self.push(peer, request)
        peer.write_headers(request.stream_id, fields)
        peer.write_content(request.stream_id, content, end_stream=False)
        peer.write_trailers(request.stream_id, [("content-digest", "sha-256=:dGVh:")])

    def push(self, peer, request):
        """Promise a style sheet, with a hint of it before."""
        peer.write_interim(request.stream_id, 103, [("link", "</style.css>; rel=preload")])
        promised = 2 * (request.stream_id + 1)
        peer.write_push(
            request.stream_id,
            promised,
            [
                (":method", "GET"),
                (":scheme", request.header(":scheme")),
                (":authority", request.authority),
                (":path", "/style.css"),
            ],
        )
        peer.write_headers(promised, [(":status", "200"), ("content-type", "text/css")])
        peer.write_content(promised, b"h1 { color: green }")

    def send_big(self, peer, request):
        """The first GET of it is cut short, and a range of it is what the next one asks for."""
        first, _ = (request.header("range") or "bytes=0-")[6:].split("-")
        content = BIG[int(first) :]
        status = (":status", "206" if int(first) else "200")
        peer.write_headers(request.stream_id, [status, *HTML[1:]])
        if self.world.asked.count("/big.bin") == 1:
            peer.write_content(request.stream_id, content[:50_000], end_stream=False)
            peer.write_rst(request.stream_id, wire.INTERNAL_ERROR)
            return
        peer.write_content(request.stream_id, content)


class World:
    """The network as pages see it, and a directory in which they may write.

    Every name of HOSTS, and localhost:8443, lead to one server over TLS, and localhost:50051 to one
    in cleartext.
    """

    def __init__(self, monkeypatch, directory):
        self.asked = []
        self.authority = Authority([*HOSTS, "127.0.0.1", "localhost"])
        tls = self.authority.server_context(("h2", "http/1.1"))
        self.server = Server(self.page, tls=tls)
        self.cleartext = Server(self.page, tls=False)
        self._resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.resolved)
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, self.authority.path)
        monkeypatch.chdir(directory)
        self.write_files()
        self.sockets = weakref.WeakSet()
        self.note_sockets(monkeypatch)

    def page(self, peer):
        """The script of each connection, which has streams of its own."""
        Page(self)(peer)

    def resolved(self, host, port, *rest, **options):
        if host in HOSTS or (host, port) == ("localhost", LOCAL_PORT):
            port, host = self.server.port, "127.0.0.1"
        elif (host, port) == ("localhost", GRPC_PORT):
            port, host = self.cleartext.port, "127.0.0.1"
        else:
            return self._resolve(host, port, *rest, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    def note_sockets(self, monkeypatch):
        """Know each socket: a page need not close what it opens, and __exit__ does."""
        init = socket.socket.__init__

        def noting(made, *arguments, **options):
            init(made, *arguments, **options)
            if made.family == socket.AF_INET:  # not the pairs by which threads are woken
                self.sockets.add(made)

        monkeypatch.setattr(socket.socket, "__init__", noting)

    def write_files(self):
        for name in ("our-ca.pem", "ca.pem", "http_ca.crt"):
            Path(name).write_bytes(self.authority.pem)
        issued = Path("issued")
        issued.mkdir()
        client = Certificates(issued).client
        chain, key = Path(client.certificate).read_bytes(), Path(client.key).read_bytes()
        Path("me.pem").write_bytes(chain + key)
        Path("me.key").write_bytes(key)
        for name in ("big.bin", "large.tar", "p.jpg"):
            Path(name).write_bytes(BIG)

    def __enter__(self):
        self.server.start()
        self.cleartext.start()
        return self

    def __exit__(self, *error):
        for server in (self.server, self.cleartext):
            server.stop(abandon=True)  # clients of a page may be there still
        for each in list(self.sockets):
            descriptor = each.detach()  # also if a file of it is open
            if descriptor >= 0:
                os.close(descriptor)
        self.authority.close()

    @property
    def errors(self):
        """All that scripts have raised, but for the ends of connections."""
        found = [*self.server.errors, *self.cleartext.errors]
        return [error for error in found if not isinstance(error, OSError)]
