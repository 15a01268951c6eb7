"""``resolve=``: the caller's own function gives addresses, however the connection is made."""

from __future__ import annotations

import socket

import pytest

import hyper
from hyper.testing import DEADLINE


def answer(peer):
    peer.handshake()
    stream_id, fields, _ = peer.want_request()
    assert dict(fields)[":authority"].startswith("no.such.name.invalid")
    peer.write_response(stream_id, b"found")


def by_connection(port, context, resolve):
    conn = hyper.HTTP20Connection(
        "no.such.name.invalid", port, ssl_context=context, resolve=resolve, timeout=DEADLINE
    )
    with conn:
        return conn.getresponse(conn.request("GET", "/")).read()


def by_dropin(port, context, resolve):
    conn = hyper.HTTPSConnection(
        "no.such.name.invalid", port, context=context, resolve=resolve, timeout=DEADLINE
    )
    conn.request("GET", "/")
    content = conn.getresponse().read()
    conn.close()
    return content


def by_pool(port, context, resolve):
    with hyper.Pool(ssl_context=context, resolve=resolve, timeout=DEADLINE) as pool:
        return pool.request("GET", f"https://no.such.name.invalid:{port}/").read()


@pytest.mark.parametrize("send", [by_connection, by_dropin, by_pool])
def test_the_function_is_asked_and_its_address_is_taken(send, scripted_peer, certificates):
    peer = scripted_peer(answer, certificates.server_context())
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return socket.getaddrinfo("127.0.0.1", port, 0, socket.SOCK_STREAM)

    context = certificates.hyper_context(verify=False, pin=bool)
    assert send(peer.port, context, resolve) == b"found"
    assert asked == [("no.such.name.invalid", peer.port)]


def test_what_the_function_raises_reaches_the_caller():
    def resolve(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "this name is for nobody")

    conn = hyper.HTTP20Connection("example.org", resolve=resolve)
    with pytest.raises(socket.gaierror, match="for nobody"):
        conn.connect()
