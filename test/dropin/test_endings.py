"""The end of a response's content: what http.client's response does there, hyper's does too."""

from __future__ import annotations

import csv
import io
import threading

import pytest

from hyper.testing import DEADLINE, wire

LINES = b"one\ntwo\nthree\n"


@pytest.fixture
def end():
    """Set when a response that is split may end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def response(connect, end):
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
                end.wait(DEADLINE)
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


@pytest.mark.parametrize("is_split", [False, True], ids=["with the content", "later"])
class TestWhenTheEndIsFound:
    """RFC 9113, 8.1: END_STREAM may come with the last octet, or in a frame of its own."""

    def test_by_a_read_that_finds_nothing_more(self, response, end, is_split):
        given = response(is_split=is_split)
        assert given.read(len(LINES)) == LINES
        assert not given.isclosed()
        end.set()
        assert given.read(1) == b""
        assert given.isclosed()

    def test_by_the_read_of_the_last_octet_of_content_length(self, response, end, is_split):
        given = response(has_length=True, is_split=is_split)
        assert given.read(len(LINES) - 1) == LINES[:-1]
        assert not given.isclosed()
        assert given.read(1) == LINES[-1:]
        assert given.isclosed()
        end.set()

    def test_by_a_read_of_all(self, response, end, is_split):
        end.set()
        given = response(is_split=is_split)
        assert given.read() == LINES
        assert given.isclosed()

    def test_text_and_rows_are_whole(self, response, end, is_split):
        end.set()
        rows = list(csv.reader(io.TextIOWrapper(response(is_split=is_split))))
        assert rows == [["one"], ["two"], ["three"]]

    def test_fp_is_none_from_then_on(self, response, end, is_split):
        """CacheControl looks for it: a response without ``fp`` was never stored."""
        given = response(is_split=is_split)
        assert given.read(len(LINES)) == LINES
        assert given.fp is not None
        end.set()
        assert given.fp.read() == b""
        assert given.fp is None


def test_fp_of_a_closed_response_is_none(response):
    given = response()
    assert given.fp is not None
    given.close()
    assert given.fp is None
