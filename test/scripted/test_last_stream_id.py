"""The identifiers of a connection's streams come to an end, and the next one begins with 1.

"Stream identifiers cannot be reused. Long-lived connections can result in an endpoint exhausting
the available range ... A client ... can establish a new connection" (RFC 9113, 5.1.1).
"""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection
from hyper.testing import wire
from test.origin import Origin

LAST = 2**31 - 1


class Numbers(Origin):
    """Answers with the path of the request, and keeps (connection, stream identifier, path)."""

    def __init__(self):
        super().__init__(self._serve_one)
        self.seen = []

    def _serve_one(self, peer):
        peer.handshake()
        for frame, fields, _ in peer.arrivals():
            if frame.type == wire.HEADERS:
                path = dict(fields)[":path"]
                self.seen.append((peer.number, frame.stream_id, path))
            if frame.type in (wire.HEADERS, wire.DATA) and frame.end_stream:
                peer.write_response(frame.stream_id, path.encode())


def in_pieces(connection, path):
    stream_id = connection.putrequest("POST", path)
    connection.endheaders(b"content", final=True, stream_id=stream_id)
    return connection.getresponse(stream_id).read().decode()


def by_one_call(connection, path):
    return connection.getresponse(connection.request("GET", path)).read().decode()


def by_stream(connection, path):
    with connection.open_stream("POST", path) as stream:
        stream.close_write()
        return stream.read().decode()


@pytest.mark.parametrize("later", [in_pieces, by_one_call, by_stream])
@pytest.mark.parametrize("last", [in_pieces, by_one_call, by_stream])
def test_5_1_1_after_the_last_identifier_the_next_connection_begins_with_1(last, later):
    with Numbers() as server:
        with HTTP20Connection("127.0.0.1", server.port, secure=False, timeout=5) as connection:
            assert by_one_call(connection, "/a") == "/a"
            connection._pumps.current.endpoint.next_stream_id = LAST
            assert [last(connection, "/b"), later(connection, "/c")] == ["/b", "/c"]
            assert by_one_call(connection, "/d") == "/d"
        first, second = (1, 1, "/a"), (1, LAST, "/b")
        assert server.seen == [first, second, (2, 1, "/c"), (2, 3, "/d")]


def test_5_1_1_a_request_that_was_begun_before_the_last_identifier_goes_out_after_it():
    with Numbers() as server:
        with HTTP20Connection("127.0.0.1", server.port, secure=False, timeout=5) as connection:
            assert by_one_call(connection, "/a") == "/a"
            connection._pumps.current.endpoint.next_stream_id = LAST
            begun = connection.putrequest("GET", "/b")
            assert by_one_call(connection, "/c") == "/c"
            connection.endheaders(final=True, stream_id=begun)
            assert connection.getresponse(begun).read() == b"/b"
        assert server.seen == [(1, 1, "/a"), (1, LAST, "/c"), (2, begun, "/b")]
