"""A server that has acknowledged our SETTINGS and sends no more than 65,535 octets unasked.

"The receiver of SETTINGS MUST ... process the values" (RFC 9113, 6.5.3); some do not, and wait for
a WINDOW_UPDATE that nothing calls for: most of the window that we announced is still unused.
"""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection
from hyper.testing import wire

FIRST = bytes(range(256)) * 255 + bytes(255)
REST = b"the rest" * 4000


def stingy(peer, head):
    """Answer as if the initial window were that of RFC 9113, 6.9.2, for the stream's life."""
    peer.handshake()
    peer.want_headers(1)
    peer.write(wire.window_update(0, 2**20))
    peer.write(wire.ping(b"received"))
    peer.want_ping(ack=True)  # what came with the request does not count
    peer.write_headers(1, head)
    peer.write_data(1, FIRST)
    peer.want_window_update(1)
    peer.write_data(1, REST, end_stream=True)


@pytest.mark.parametrize("announces", [True, False], ids=["content-length", "no content-length"])
@pytest.mark.parametrize("amt", [None, 4096], ids=["whole", "pieces"])
def test_6_9_a_reader_of_a_server_with_a_smaller_window_gets_the_rest(
    scripted_peer, announces, amt
):
    assert len(FIRST) == 65_535  # the initial window (6.9.2)
    length = len(FIRST) + len(REST)
    head = [(":status", "200")] + [("content-length", str(length))] * announces
    peer = scripted_peer(lambda peer: stingy(peer, head))
    with HTTP20Connection(peer.host, peer.port, secure=False, timeout=10) as connection:
        response = connection.getresponse(connection.request("GET", "/"))
        content = b"".join(iter(lambda: response.read(amt), b""))
    assert content == FIRST + REST
