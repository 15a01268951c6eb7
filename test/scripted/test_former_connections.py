"""Connections that the server ended while pushes of theirs are unclaimed (RFC 9113, 6.8, 8.4)."""

from __future__ import annotations

import os
import socket

from hyper.testing import wire

OK = [(":status", "200")]


PAGES = 12


def has_ended(sock, deadline):
    """True if the client has closed its end: what it wrote before is read away, TLS or not."""
    with socket.socket(fileno=os.dup(sock.fileno())) as raw:
        raw.settimeout(deadline)
        try:
            while raw.recv(65_536):
                pass
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        return True


def push_of(peer, path):
    scheme = "https" if peer.selected_alpn_protocol() else "http"
    authority = f"localhost:{peer.port}"
    return [(":method", "GET"), (":scheme", scheme), (":authority", authority), (":path", path)]


def test_pushes_that_nobody_asks_for_keep_no_connection_and_no_room(dial):
    """RFC 9113, 6.8, 8.4: a server ends each connection while a push is unclaimed."""

    def script(peer):
        sockets = []
        for page in range(PAGES):
            peer.accept()
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            if sockets:
                sockets[-1].shutdown(socket.SHUT_WR)
            sockets.append(peer.socket)
            peer.write_push(stream_id, 2, push_of(peer, f"/{page}"))
            peer.write_headers(2, OK)
            peer.write_data(2, bytes(2**16))
            peer.write(wire.goaway(stream_id))
            peer.write_response(stream_id, b"page")
        kept = [number for number, sock in enumerate(sockets[:-3]) if not has_ended(sock, 0.5)]
        assert not kept, f"the client keeps its end of the connections {kept} open"

    connection = dial(script, unread_limit=4 * 2**17)
    for _ in range(PAGES):
        stream_id = connection.request("GET", "/")
        assert connection.getresponse(stream_id).read() == b"page"
    assert [push.path for push in connection.getpushes(stream_id)] == [f"/{PAGES - 1}"]


def test_a_push_of_the_connection_before_can_still_be_had(dial):
    """RFC 9113, 6.8: a page's pushes are there after GOAWAY, as long as one asks soon."""

    def script(peer):
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_push(stream_id, 2, push_of(peer, "/style.css"))
        peer.write_response(2, b"style")
        peer.write(wire.goaway(stream_id))
        peer.write_response(stream_id, b"page")
        peer.accept()
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        peer.write_response(stream_id, b"next")

    connection = dial(script)
    first = connection.request("GET", "/")
    assert connection.getresponse(first).read() == b"page"
    second = connection.request("GET", "/")
    assert connection.getresponse(second).read() == b"next"
    (push,) = connection.getpushes(first)
    assert push.getresponse().read() == b"style"
