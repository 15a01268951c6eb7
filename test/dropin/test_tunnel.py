"""CONNECT through a proxy, then ALPN inside (RFC 9110, 9.3.6)."""

from __future__ import annotations

import pytest

from hyper import HTTPConnection, HTTPSConnection
from hyper.testing import DEADLINE, wire


def test_http_2_inside_a_tunnel(proxy, node, certificates, opened):
    context = certificates.client_context()
    connection = HTTPSConnection("127.0.0.1", proxy.server_port, context=context, timeout=DEADLINE)
    opened.callback(connection.close)
    connection.set_tunnel("localhost", node.port, headers={"X-Proxy": "1"})
    for _ in range(2):  # the second time anew
        connection.request("GET", "/fields")
        response = connection.getresponse()
        assert response.version == 20
        assert f'"authority":"localhost:{node.port}"'.encode() in response.read()
        with pytest.raises(RuntimeError):
            connection.set_tunnel("localhost", node.port)
        connection.close()
    assert proxy.asked == [f"localhost:{node.port}"] * 2


def test_http_2_by_prior_knowledge_inside_a_tunnel(proxy, node_cleartext, opened):
    connection = HTTPConnection("127.0.0.1", proxy.server_port, http2="prior", timeout=DEADLINE)
    opened.callback(connection.close)
    connection.set_tunnel("127.0.0.1", node_cleartext.port)
    connection.request("GET", "/bytes/1")
    response = connection.getresponse()
    assert (response.version, response.read()) == (20, b"\0")


def test_a_proxy_that_refuses(old_peer):
    """As http.client says it: OSError; a later request may go well."""

    def script(peer):
        assert peer.want_until().startswith(b"CONNECT example.org:443 ")
        peer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    connection = old_peer(script, http2="prior")
    connection.set_tunnel("example.org", 443)
    with pytest.raises(OSError, match="Tunnel connection failed: 407 Proxy Auth"):
        connection.request("GET", "/")
    assert connection.sock is None


def test_a_server_that_speaks_at_once_behind_a_proxy(scripted_peer, opened):
    """RFC 9113, 3.4: its SETTINGS may come in the same read as the proxy's answer."""

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n" + wire.settings())
        peer.want_preface()
        peer.want_settings()
        peer.want_settings(ack=True)
        peer.write_settings(ack=True)
        peer.write_response(peer.want_request()[0], b"inside")

    peer = scripted_peer(script)
    connection = HTTPConnection(peer.host, peer.port, http2="prior", timeout=DEADLINE)
    opened.callback(connection.close)
    connection.set_tunnel("example.org", 80)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"inside"
