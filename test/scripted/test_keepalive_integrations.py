"""The option keepalive, by every public class and integration: it is taken, passed on and checked.

RFC 9113, 6.7: PING tells whether the peer is there. Each of them waits as HTTP20Connection does.
"""

from __future__ import annotations

import importlib
import math
import time
import urllib.request
import xmlrpc.client
from http.client import RemoteDisconnected
from typing import NamedTuple

import pytest

from hyper import HTTP20Connection, HTTPConnection, HTTPSConnection, Pool
from hyper.testing import wire
from test.origin import Origin

# Seconds: no wait here may end by its timeout.
DEADLINE, HANGING = 60.0, 30.0
INTERVAL = 0.05
# One within which a server in this process answers a PING, on a loaded machine, too.
LONG_INTERVAL = 0.3

# The answer to every request: xmlrpc.client reads nothing else.
ANSWER = xmlrpc.client.dumps(("answer",), methodresponse=True).encode()


class Place(NamedTuple):
    """Where a server is, and how it is trusted."""

    port: int
    certificates: object

    @property
    def url(self):
        return f"https://localhost:{self.port}/"

    @property
    def context(self):
        return self.certificates.client_context(alpn=())


def by_connection(place, **options):
    context = place.certificates.hyper_context()
    options.update(ssl_context=context, timeout=DEADLINE)
    with HTTP20Connection("localhost", place.port, **options) as connection:
        return connection.getresponse(connection.request("GET", "/")).read()


def by_pool(place, **options):
    context = place.certificates.hyper_context()
    with Pool(timeout=DEADLINE, ssl_context=context, **options) as pool:
        return pool.request("GET", place.url).read()


def by_dropin(place, **options):
    connection = HTTPSConnection(
        "localhost", place.port, context=place.context, timeout=DEADLINE, **options
    )
    with connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def by_dropin_in_cleartext(place, **options):
    connection = HTTPConnection("127.0.0.1", place.port, DEADLINE, http2="prior", **options)
    with connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def by_urllib(place, **options):
    from hyper.contrib.urllib import HTTP2Handler

    handler = HTTP2Handler(context=place.context, **options)
    opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))
    with opener.open(place.url, timeout=DEADLINE) as response:
        return response.read()


def by_xmlrpc(place, **options):
    from hyper.contrib.xmlrpc import HTTP2Transport

    transport = HTTP2Transport(context=place.context, **options)
    with xmlrpc.client.ServerProxy(place.url, transport=transport) as server:
        return ANSWER if server.ask() == "answer" else None


def by_urllib3(place, **options):
    pytest.importorskip("urllib3")
    module = importlib.import_module("hyper.contrib.urllib3")
    options.update(ssl_context=place.context, retries=False, timeout=DEADLINE)
    pool = module.HTTP20ConnectionPool("localhost", place.port, **options)
    try:
        return pool.urlopen("GET", "/").data
    finally:
        pool.close()


def by_requests(place, **options):
    requests = pytest.importorskip("requests")
    from hyper.contrib import HTTP20Adapter

    with requests.Session() as session:
        session.mount("https://", HTTP20Adapter(**options))
        session.trust_env, session.verify = False, place.certificates.authority
        return session.get(place.url, timeout=DEADLINE).content


def by_httpx(place, name="httpx", **options):
    library = pytest.importorskip(name)
    module = importlib.import_module(f"hyper.contrib.{name}")
    transport = module.HTTP20Transport(verify=place.certificates.client_context(), **options)
    with library.Client(transport=transport, timeout=DEADLINE) as client:
        return client.get(place.url).content


def by_httpx2(place, **options):
    return by_httpx(place, "httpx2", **options)


WAYS = {
    "HTTP20Connection": by_connection,
    "Pool": by_pool,
    "HTTPSConnection": by_dropin,
    "HTTPConnection": by_dropin_in_cleartext,
    "urllib": by_urllib,
    "xmlrpc": by_xmlrpc,
    "urllib3": by_urllib3,
    "requests": by_requests,
    "httpx": by_httpx,
    "httpx2": by_httpx2,
}


def thoughtful(pings):
    """Serve: the answer comes when so many PINGs were answered, or never for None."""

    def serve(peer):
        peer.handshake()
        asked = 0
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                stream_id = frame.stream_id
            if frame.type != wire.PING or frame.ack or pings is None:
                continue
            peer.write(wire.ping(frame.payload, ack=True))
            asked += frame.payload != b"measures"
            if asked == pings:
                peer.write_response(
                    stream_id, ANSWER, [(":status", "200"), ("content-type", "text/xml")]
                )

    return serve


def served(way, certificates, serve):
    context = None if way == "HTTPConnection" else certificates.server_context()
    return Origin(serve, context)


@pytest.mark.parametrize("way", WAYS)
def test_a_wait_goes_on_while_pings_are_answered(certificates, way):
    """6.7: without the option, no PING would be sent, and no answer come."""
    with served(way, certificates, thoughtful(pings=2)) as origin:
        assert WAYS[way](Place(origin.port, certificates), keepalive=LONG_INTERVAL) == ANSWER


@pytest.mark.parametrize("way", WAYS)
def test_a_wait_ends_when_pings_are_not_answered(certificates, way):
    """6.7; 9.1: long before the timeout, and with words that say why."""
    with served(way, certificates, thoughtful(pings=None)) as origin:
        begin = time.monotonic()
        with pytest.raises(Exception, match="keepalive"):
            WAYS[way](Place(origin.port, certificates), keepalive=INTERVAL)
        assert time.monotonic() - begin < HANGING


@pytest.mark.parametrize("seconds", [0, -1.0, math.nan])
@pytest.mark.parametrize("way", WAYS)
def test_an_interval_that_is_none_is_refused_before_anything_is_opened(certificates, way, seconds):
    """By a ValueError, as everywhere in hyper."""
    with served(way, certificates, thoughtful(pings=None)) as origin:
        with pytest.raises(ValueError, match="keepalive is a number of seconds above 0"):
            WAYS[way](Place(origin.port, certificates), keepalive=seconds)
        assert origin.connections == 0


def test_a_server_that_has_learned_http2_is_asked_by_the_options_of_the_pool(certificates):
    """3.2; 8.7: connections for HTTP/1.1 offer HTTP/2, too, with the replay and keepalive given."""
    context = certificates.server_context(alpn=("http/1.1",))
    pings = []

    def serve(peer):
        if peer.socket.selected_alpn_protocol() != "h2":
            if peer.socket.recv(65536):
                head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
                peer.socket.sendall(head)
                context.set_alpn_protocols(["h2"])
            return
        peer.handshake()
        for frame, _, _ in peer.arrivals():
            if frame.type == wire.PING and not frame.ack and frame.payload != b"measures":
                pings.append(frame)
                peer.write(wire.ping(frame.payload, ack=True))
                peer.write(wire.goaway(0))
                peer.end()
                return

    options = {"ssl_context": certificates.hyper_context(), "keepalive": INTERVAL, "replay": False}
    with Origin(serve, context) as origin, Pool(timeout=DEADLINE, **options) as pool:
        url = Place(origin.port, certificates).url
        assert pool.request("GET", url).read() == b"ok"
        with pytest.raises(RemoteDisconnected) as caught:
            pool.request("GET", url)
    assert len(pings) == 1
    assert caught.value.__cause__.attempts == 1
