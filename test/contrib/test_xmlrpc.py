"""xmlrpc.client over HTTP/2, and over HTTP/1.1 where the server knows no better."""

from __future__ import annotations

import contextlib
from socketserver import ThreadingMixIn
from xmlrpc.client import (
    Binary,
    DateTime,
    Fault,
    MultiCall,
    ProtocolError,
    ServerProxy,
    dumps,
)
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest

from hyper.contrib.xmlrpc import HTTP2Transport
from hyper.testing import wire
from test.contrib.conftest import running


@pytest.fixture
def proxy_to(certificates):
    """`proxy_to(url, **more)`: a ServerProxy on hyper's transport."""
    with contextlib.ExitStack() as opened:

        def make(url, headers=(), context=None, **options):
            context = context or certificates.client_context()
            transport = HTTP2Transport(headers=headers, context=context)
            return opened.enter_context(ServerProxy(url, transport=transport, **options))

        yield make


@pytest.fixture
def rpc(hypercorn, proxy_to):
    return proxy_to(hypercorn.url("/RPC2"), allow_none=True)


class OldHandler(SimpleXMLRPCRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802 - http.server's name
        self.server.seen.append((self.request_version, self.client_address[1]))
        super().do_POST()


class OldRPCServer(ThreadingMixIn, SimpleXMLRPCServer):
    """The standard library's own, over TLS."""

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), OldHandler, logRequests=False)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.seen = []
        self.register_function(lambda value: value, "echo")
        self.register_multicall_functions()


@pytest.fixture
def old_rpc_server(certificates):
    with running(OldRPCServer(certificates.server_context(alpn=("http/1.1",)))) as server:
        yield server


def test_calls_go_over_http_2(rpc):
    assert rpc.http_version() == "2"


@pytest.mark.parametrize(
    "value",
    [1, "ünïcode", None, True, 1.5, [1, [2]], {"a": {"b": []}}, "long" * 100_000],
    ids=["int", "text", "none", "bool", "float", "list", "struct", "long"],
)
def test_values_come_back(rpc, value):
    assert rpc.echo(value) == value


def test_octets_and_dates_come_back(rpc):
    octets = bytes(range(256)) * 1000
    assert rpc.echo(Binary(octets)).data == octets
    assert rpc.echo(DateTime("20260101T00:00:00")) == DateTime("20260101T00:00:00")


def test_the_connection_is_kept_from_call_to_call(rpc):
    transport = rpc("transport")
    rpc.echo(1)
    _, first = transport._connection
    sock = first.sock
    rpc.echo(2)
    assert transport._connection[1] is first
    assert first.sock is sock


def test_headers_and_the_name_in_the_url_are_sent(hypercorn, proxy_to):
    url = f"https://user:secret@localhost:{hypercorn.port}/RPC2"
    fields = proxy_to(url, headers=[("X-Test", "yes")]).fields()
    assert fields["x-test"] == "yes"
    assert fields["authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert fields["content-type"] == "text/xml"
    assert fields["user-agent"].startswith("Python-xmlrpc/")


def test_a_fault_is_raised_and_the_next_call_works(rpc):
    with pytest.raises(Fault, match="no_such_method"):
        rpc.no_such_method()
    assert rpc.echo(1) == 1


def test_an_error_of_http_is_raised_and_the_next_call_works(hypercorn, proxy_to):
    lost = proxy_to(hypercorn.url("/nowhere"))
    for _ in range(2):
        with pytest.raises(ProtocolError) as caught:
            lost.echo(1)
        assert (caught.value.errcode, caught.value.errmsg) == (404, "Not Found")


def test_a_server_that_ends_the_connection_after_each_call_is_called_again(server, proxy_to):
    """RFC 9113, 6.8: nginx says GOAWAY; each answer is the number of its connection."""
    answer = "<methodResponse><params><param><value><int>$connection</int></value></param></params>"
    location = f"default_type text/xml; return 200 '{answer}</methodResponse>';"
    running = server("nginx", keepalive_requests=1, directives=[f"location /RPC2 {{ {location} }}"])
    rpc = proxy_to(running.url("/RPC2"))
    assert len({rpc.connection() for _ in range(5)}) == 5


def test_http_1_1_is_spoken_where_the_server_knows_no_better(old_rpc_server, proxy_to):
    rpc = proxy_to(f"https://localhost:{old_rpc_server.server_address[1]}/")
    assert [rpc.echo(n) for n in range(3)] == [0, 1, 2]
    calls = MultiCall(rpc)
    calls.echo("a")
    calls.echo("b")
    assert list(calls()) == ["a", "b"]
    versions, ports = zip(*old_rpc_server.seen)
    assert set(versions) == {"HTTP/1.1"}
    assert len(set(ports)) == 1  # one connection for all


def test_a_call_gets_through_as_often_as_connections_end(scripted_peer, certificates, proxy_to):
    """RFC 9113, 6.8; 8.7."""

    def script(peer):
        for _ in range(20):
            peer.handshake()
            peer.want_request()
            peer.write(wire.goaway(0))
            peer.accept()
        peer.handshake()
        stream_id, _, _ = peer.want_request()
        answer = dumps((7,), methodresponse=True).encode()
        peer.write_response(stream_id, answer, [(":status", "200"), ("content-type", "text/xml")])

    peer = scripted_peer(script, certificates.server_context())
    assert proxy_to(f"https://localhost:{peer.port}/").seven() == 7
