"""A connection that a request has borrowed is given back, whatever ends the request."""

from __future__ import annotations

import contextlib
import threading

import pytest

import hyper
from hyper.pool.shared import SharedConnection
from hyper.testing import PeerError
from hyper.testing.scripts import requests as asked


class Halt(BaseException):
    """A signal handler's, or a program's own."""


@contextlib.contextmanager
def pool(certificates):
    with hyper.Pool(ssl_context=certificates.hyper_context(), max_idle=0, timeout=10) as pool:
        yield lambda url, body=None: pool.request("POST", url, body).read()


@contextlib.contextmanager
def httpx(certificates):
    library = pytest.importorskip("httpx")
    from hyper.contrib.httpx import HTTP20Transport

    transport = HTTP20Transport(verify=certificates.client_context(alpn=()), max_idle=0)
    with library.Client(transport=transport, timeout=10) as client:
        yield lambda url, body=None: client.post(url, content=body).content


@pytest.fixture
def server(scripted_peer, certificates):
    """Give a URL, and an event: the client has ended the connection."""

    def start():
        ended = threading.Event()

        def script(peer):
            with contextlib.suppress(OSError, PeerError):  # it may end at any moment
                peer.handshake()
                for request in asked(peer):
                    peer.write_response(request.stream_id, b"ok")
            ended.set()

        port = scripted_peer(script, certificates.server_context()).port
        return f"https://localhost:{port}/", ended

    return start


def pieces():
    yield b"some"
    raise Halt


def interrupted(given, *, after):
    """Give a method that is interrupted, before or after it has done its work."""

    def method(*arguments, **options):
        if after:
            given(*arguments, **options)
        raise Halt

    return method


@pytest.mark.parametrize("door", [pool, httpx])
@pytest.mark.parametrize("where", ["content", "connect", "request", "getresponse"])
def test_a_connection_is_closed_though_its_request_was_interrupted(
    door, where, server, certificates, monkeypatch
):
    """RFC 9113, 9.1: by a pool that keeps none that is idle."""
    (first, ended), *others = server(), server()[0], server()[0]
    with door(certificates) as ask:
        with monkeypatch.context() as patched:
            if where != "content":
                given = getattr(SharedConnection, where)
                method = interrupted(given, after=where == "connect")
                patched.setattr(SharedConnection, where, method)
            with pytest.raises(Halt):
                ask(first, pieces())
        for url in others:  # there is no room for the first one any more
            assert ask(url) == b"ok"
        assert ended.wait(30)
