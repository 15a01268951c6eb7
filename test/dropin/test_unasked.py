"""A 101 that nobody asked for changes nothing (RFC 9110, 7.8)."""

from __future__ import annotations

import http.client

import pytest

from hyper import HTTPSConnection
from hyper.errors import HTTPException
from hyper.testing import DEADLINE, wire


def outcome(connection, **options):
    """Return what a script sees: the response's own words, or the kind of the exception."""
    try:
        connection.request("GET", "/", **options)
        response = connection.getresponse()
        found = (response.status, response.version, response.getheader("upgrade"))
        response.close()
    except (HTTPException, OSError) as error:
        return type(error)
    else:
        return found


def answering(octets):
    def script(peer):
        peer.want_until()
        peer.write(octets)
        peer.close()

    return script


UNASKED = {
    "HTTP/1.1": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "close": b"HTTP/1.1 101 No\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "websocket": b"HTTP/1.1 101 No\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}
ASKS = {
    "nothing": {},
    "websocket": {"Connection": "Upgrade", "Upgrade": "websocket"},
}


@pytest.mark.parametrize("unasked", UNASKED)
@pytest.mark.parametrize("asks", ASKS)
def test_a_101_that_was_not_asked_for_changes_nothing(old_peer, scripted_peer, unasked, asks):
    """RFC 9110, 7.8: http.client says the same of it."""
    octets = UNASKED[unasked] + wire.settings()
    connection = old_peer(answering(octets), http2=None)
    peer = scripted_peer(answering(octets))
    plain = http.client.HTTPConnection(peer.host, peer.port, timeout=DEADLINE)
    assert outcome(connection, headers=ASKS[asks]) == outcome(plain, headers=ASKS[asks])
    plain.close()


@pytest.mark.parametrize("unasked", UNASKED)
def test_a_101_over_tls_changes_nothing(scripted_peer, certificates, unasked, opened):
    """RFC 9110, 7.8; RFC 9113, 3.1: h2c is never of TLS."""
    octets = UNASKED[unasked] + wire.settings()
    seen = []
    for kind in (HTTPSConnection, http.client.HTTPSConnection):
        peer = scripted_peer(answering(octets), certificates.server_context(alpn=("http/1.1",)))
        context = certificates.client_context(alpn=("http/1.1",))
        connection = kind("localhost", peer.port, context=context, timeout=DEADLINE)
        opened.callback(connection.close)
        seen.append(outcome(connection))
    assert seen[0] == seen[1]


def test_a_101_by_which_http_1_0_answers_an_upgrade_is_not_taken(old_peer):
    """RFC 9110, 7.8: HTTP/1.0 has no Upgrade."""
    connection = old_peer(answering(UNASKED["HTTP/1.0"] + wire.settings()), http2="upgrade")
    found = outcome(connection)
    assert isinstance(found, type) or found[1] == 10
