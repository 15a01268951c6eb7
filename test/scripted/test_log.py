"""The logger ``hyper``, and ``stats``: what a program that runs can be asked."""

from __future__ import annotations

import logging

import pytest

from hyper import HTTPConnection, StreamResetError, trace
from hyper.testing import wire
from test.scripted.steps import want

OK = [(":status", "200")]


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "hyper")

    def read():
        return [record.getMessage() for record in caplog.records if record.name == "hyper"]

    return read


def answering(peer):
    peer.handshake()
    want(peer)
    peer.write_headers(1, OK)
    peer.write_data(1, b"abc", end_stream=True)


def get(connection):
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_a_connection_is_logged_from_its_opening_to_its_end(connect, lines, secure):
    connection = connect(answering)
    assert get(connection) == b"abc"
    connection.close()
    opened, goaway, closed = lines()
    assert f"to 127.0.0.1:{connection.port}: opened: HTTP/2, " in opened
    if secure:
        assert "TLSv1.3" in opened
        assert "ALPN h2" in opened
        assert "round trip" in opened
    else:
        assert "in cleartext" in opened
    assert "this side said GOAWAY with NO_ERROR" in goaway
    assert closed.endswith("closed: the connection was closed on this side")


def test_a_reset_a_retry_and_a_goaway_are_logged_with_their_reasons(connect, lines):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write(wire.rst_stream(1, wire.REFUSED_STREAM))
        want(peer)
        peer.write(wire.goaway(3, wire.NO_ERROR, b"be\x1bk"))
        peer.write(wire.rst_stream(3, wire.INTERNAL_ERROR))
        peer.close()

    connection = connect(script)
    with pytest.raises(StreamResetError):
        get(connection)
    text = "\n".join(lines())
    assert "the server reset stream 1 with REFUSED_STREAM" in text
    assert "GET / goes out again, attempt 2: " in text
    assert r"the server said GOAWAY with NO_ERROR, last stream 3 (be\x1bk)" in text
    assert "the server reset stream 3 with INTERNAL_ERROR" in text


def test_no_secret_is_logged(connect, lines):
    def script(peer):
        peer.handshake()
        want(peer)
        peer.write_headers(1, [*OK, ("set-cookie", "hush")], end_stream=True)

    connection = connect(script)
    connection.request("GET", "/", headers={"authorization": "hush"})
    connection.getresponse().read()
    connection.close()
    assert lines()
    assert "hush" not in "\n".join(lines())


def test_nothing_is_logged_below_debug(connect, caplog):
    caplog.set_level(logging.INFO, "hyper")
    connection = connect(answering)
    get(connection)
    connection.close()
    assert caplog.records == []


def test_the_drop_in_logs_too(dial, lines):
    connection = dial(answering, HTTPConnection)
    connection.request("GET", "/")
    connection.getresponse().read()
    assert "opened: HTTP/2" in lines()[0]


class TestStats:
    def test_are_there_before_the_first_connection(self, connect):
        found = connect(lambda _peer: None).stats()
        assert (found["connections"], found["streams_open"], found["is_open"]) == (0, 0, False)
        assert found["octets_sent"] is None

    def test_tell_of_streams_and_windows(self, connect):
        """RFC 9113, 5.1.2, 6.9."""

        def script(peer):
            peer.handshake()
            want(peer)
            peer.write_headers(1, OK)
            peer.write_data(1, b"abc", end_stream=True)
            want(peer)
            peer.write_headers(3, OK, end_stream=True)

        connection = connect(script)
        first = connection.request("GET", "/")
        assert connection.stats()["streams_open"] == 1
        connection.getresponse(first).read()
        get(connection)
        found = connection.stats()
        assert (found["connections"], found["requests"], found["streams_open"]) == (1, 2, 0)
        assert found["send_window"] == 65535
        assert found["receive_window"] > 2**30
        assert found["unread"] == 0
        assert found["reads"] >= 1
        assert found["is_open"]
        assert found["frames_sent"] is None

    def test_count_frames_and_octets_while_a_trace_is_on(self, connect):
        recorder = trace.Recorder()
        connection = connect(answering, trace=recorder)
        get(connection)
        found = connection.stats()
        sent = [event for event in recorder if isinstance(event, trace.FrameSent)]
        received = [event for event in recorder if isinstance(event, trace.FrameReceived)]
        assert (found["frames_sent"], found["frames_received"]) == (len(sent), len(received))
        assert found["octets_received"] == sum(event.length + 9 for event in received)
        preface = 24  # RFC 9113, 3.4
        assert found["octets_sent"] == sum(event.length + 9 for event in sent) + preface
        assert found["resets_sent"] == found["pings_received"] == 0
