"""The end of a response's content: what http.client's response does there, hyper's does too."""

from __future__ import annotations

import pytest

from test import wire

LINES = b"one\ntwo\nthree\n"


@pytest.fixture
def response(connect):
    """A response of three lines; its content-length where it is asked for."""

    def start(*, has_length=False, is_split=False):
        pairs = [(":status", "200")]
        if has_length:
            pairs.append(("content-length", str(len(LINES))))

        def script(peer):
            peer.handshake()
            stream_id, _, _ = peer.want_request()
            peer.write_headers(stream_id, pairs)
            peer.write_data(stream_id, LINES, end_stream=not is_split)
            if is_split:
                peer.fence()
                peer.write(wire.data(stream_id, b"", True))

        connection = connect(script)
        connection.request("GET", "/")
        return connection.getresponse()

    return start


class TestAClosedResponse:
    """A closed response of http.client's is one at its end."""

    def test_it_has_no_lines(self, response):
        closed = response()
        closed.close()
        assert list(closed) == []
        assert closed.readlines() == []
        assert closed.read() == closed.readline() == b""

    def test_lines_are_iterated_until_the_end(self, response):
        assert list(response()) == [b"one\n", b"two\n", b"three\n"]
        assert response().readlines() == [b"one\n", b"two\n", b"three\n"]
