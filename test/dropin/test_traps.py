"""Habits of http.client's users that its documentation does not mention."""

from __future__ import annotations

import functools
import gc
import http.client
import socket
import ssl
import urllib.request
from contextlib import closing

import pytest

from hyper import HTTPConnection, HTTPSConnection
from hyper.dropin.connection import HTTPResponse
from hyper.dropin.socket_view import SocketView
from hyper.testing import DEADLINE, wire
from test.live.server import pattern


@pytest.mark.parametrize("way", ["read", "read to the length", "close", "forget"])
def test_the_body_survives_its_socket(connect, way):
    """urllib.request closes and drops h.sock right after getresponse()."""

    def script(peer):
        peer.handshake()
        peer.want_request(1)
        peer.write_headers(1, [(":status", "200"), ("content-length", "6")])
        peer.write_data(1, b"one")
        if way.startswith("read"):
            peer.want_ping()
            peer.write_data(1, b"two", end_stream=True)
            peer.want_goaway(wire.NO_ERROR)
        peer.want_closed() if way.startswith("read") else None

    connection = connect(script)
    connection.request("GET", "/", headers={"Connection": "close"})
    response = connection.getresponse()
    session = connection._session
    connection.sock.close()
    connection.sock = None
    response.url = "https://example.org/"
    response.msg = response.reason
    assert (response.geturl(), response.msg) == ("https://example.org/", "OK")
    assert response.read(3) == b"one"
    if way.startswith("read"):
        session._pumps.current.endpoint.send_ping(b"12345678")
        assert (response.read() if way == "read" else response.read(3)) == b"two"
        assert response.isclosed()
        assert session._pumps.current.is_closed
    elif way == "close":
        response.close()
        assert session._pumps.current.is_closed
    else:
        del session, response
        gc.collect()


def test_urllib_itself(node, certificates):
    """AbstractHTTPHandler with hyper's class in place of http.client's."""

    class Handler(urllib.request.HTTPSHandler):
        def https_open(self, request):
            return self.do_open(HTTPSConnection, request, context=certificates.client_context())

    opener = urllib.request.build_opener(Handler)
    with opener.open(node.url("/bytes/300000"), timeout=DEADLINE) as response:
        assert response.version == 20
        assert response.read() == pattern(300_000)
    request = urllib.request.Request(node.url("/echo"), data=iter([b"one", b"two"]))
    with opener.open(request, timeout=DEADLINE) as response:
        assert response.read() == b"onetwo"
    with pytest.raises(urllib.request.HTTPError) as caught:
        opener.open(node.url("/nowhere"), timeout=DEADLINE)
    assert (caught.value.code, caught.value.msg) == (404, "Not Found")
    assert caught.value.read() == b"not found\n"
    caught.value.close()


def test_a_class_for_responses_of_its_own(old_server, https):
    """botocore swaps response_class, as a functools.partial, and overrides what sends."""

    class Response(http.client.HTTPResponse):
        def __init__(self, *arguments, **options):
            self.colour = options.pop("colour")
            super().__init__(*arguments, **options)

    sent = []

    class Connection(HTTPSConnection):
        def _send_output(self, message_body=None, *arguments, **options):
            sent.append(list(self._buffer))
            super()._send_output(message_body, *arguments, **options)

    connection = https(old_server)
    connection.__class__ = Connection
    connection.response_class = functools.partial(Response, colour="red")
    connection.request("POST", "/", b"echo")
    response = connection.getresponse()
    assert (response.colour, response.read()) == ("red", b"echo")
    assert sent[0][0] == b"POST / HTTP/1.1"


def test_a_subclass_that_connects_by_itself_in_cleartext(scripted_peer):
    """Unix sockets, tunnels of other makes."""

    def script(peer):
        peer.handshake()
        peer.write_response(peer.want_request()[0], b"found")

    peer = scripted_peer(script)

    class Connection(HTTPConnection):
        def connect(self):
            self.sock = socket.create_connection((peer.host, peer.port), self.timeout)

    connection = Connection("anywhere.invalid", http2="prior", timeout=DEADLINE)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"found"
    assert isinstance(connection.sock, SocketView)
    connection.close()


@pytest.mark.parametrize(("alpn", "version"), [(("h2",), 20), ((), 11)])
def test_a_subclass_that_connects_by_itself_over_tls(hypercorn, certificates, alpn, version):
    """A cleartext class with a TLS socket: what ALPN says is spoken (RFC 9113, 3.2)."""
    context = certificates.client_context(alpn)

    class Connection(HTTPConnection):
        def connect(self):
            sock = socket.create_connection(("127.0.0.1", hypercorn.port), self.timeout)
            self.sock = context.wrap_socket(sock, server_hostname="localhost")

    connection = Connection("localhost", timeout=DEADLINE)
    connection.request("GET", "/fields")
    response = connection.getresponse()
    assert response.version == version
    assert b'"scheme": "https"' in response.read()
    connection.close()


def test_a_server_that_takes_the_first_name(scripted_peer, certificates):
    """lighttpd honours the first ALPN name, and allows 8 streams (RFC 9113, 5.1.2)."""
    offered = []

    def script(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 8})
        ids = [peer.want_request()[0] for _ in range(8)]
        peer.fence()
        peer.want_nothing()
        peer.write_response(ids[0], b"%d" % ids[0])
        ids.append(peer.want_request()[0])
        for stream_id in ids[1:]:
            peer.write_response(stream_id, b"%d" % stream_id)

    class Recording(ssl.SSLContext):
        def set_alpn_protocols(self, alpn_protocols):
            offered.append(alpn_protocols)
            super().set_alpn_protocols(alpn_protocols)

    context = Recording(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.authority)
    peer = scripted_peer(script, certificates.server_context())
    connection = HTTPSConnection("localhost", peer.port, context=context, timeout=DEADLINE)
    for _ in range(9):
        connection.request("GET", "/")
    got = [connection.getresponse().read() for _ in range(9)]
    assert got == [b"%d" % stream_id for stream_id in range(1, 18, 2)]
    assert offered[-1] == ["h2", "http/1.1"]
    connection.close()


def test_raw_answers_can_be_parsed():
    """Many users give canned octets to HTTPResponse."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        response = HTTPResponse(here, method="GET")
        response.begin()
        assert response.read() == b"ok"
        assert response.trailers.items() == []


def test_too_many_trailers_are_called_so():
    """RFC 9112, 7.1.2: as http.client of newer Pythons says it."""
    here, there = socket.socketpair()
    with here, there:
        trailers = b"".join(b"x-%d: y\r\n" % number for number in range(101))
        there.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + trailers)
        with closing(HTTPResponse(here, method="GET")) as response:
            response.begin()
            with pytest.raises(http.client.HTTPException, match="more than 100 trailers"):
                response.read()


def test_connecting_twice_forgets_the_first(node, https):
    connection = https(node)
    connection.request("GET", "/bytes/300000")
    response = connection.getresponse()
    connection.connect()
    connection.request("GET", "/bytes/1")
    assert connection.getresponse().read() == b"\0"
    assert response.read() == pattern(300_000)
