"""Priorities (RFC 9218), as a caller gives and changes them."""

from __future__ import annotations

import pytest

import hyper
from hyper import Priority
from hyper.errors import LocalProtocolError
from hyper.testing import wire
from hyper.testing.wire import CANCEL, SETTINGS_NO_RFC7540_PRIORITIES
from test.scripted.steps import pong, want

OK = [(":status", "200")]


class TestPriorities:
    """RFC 9218."""

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            (Priority(), "u=3"),
            (Priority(urgency=0), "u=0"),
            (Priority(urgency=7, incremental=True), "u=7, i"),
            ("u=5, i", "u=5, i"),
            ("i", "i"),
        ],
    )
    def test_a_request_carries_one(self, connect, given, sent):
        def script(peer):
            peer.handshake()
            want(peer, ("priority", sent))
            peer.write_response(1)

        connection = connect(script)
        connection.request("GET", "/", priority=given)
        connection.getresponse()

    def test_given_twice_it_is_refused(self, connect):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        for method in (connection.request, connection.open_stream):
            with pytest.raises(LocalProtocolError, match="twice"):
                method("GET", "/", headers={"Priority": "u=5"}, priority="u=1")
        with pytest.raises(LocalProtocolError, match="twice"):
            connection.connect_stream("a:1", {"priority": "u=1"}, priority="u=1")

    @pytest.mark.parametrize("wrong", ["u=8", "u=-1", "u", "i=1", "U=1", "u=1;", "", "u=1,"])
    def test_what_no_server_would_understand_is_not_sent(self, connect, wrong):
        connection = connect(lambda peer: peer.want_preface())
        connection.connect()
        with pytest.raises(LocalProtocolError, match="9218, 4"):
            connection.request("GET", "/", priority=wrong)

    def test_it_is_changed_while_the_response_runs(self, connect):
        """RFC 9218, 7.1: by PRIORITY_UPDATE on stream 0."""

        def script(peer):
            assert peer.handshake({SETTINGS_NO_RFC7540_PRIORITIES: 1})[9] == 1
            section = peer.want_headers(1)
            stream_id = peer.want_headers(3) and 3
            for expected in ((1, "u=1"), (stream_id, "u=6, i")):
                assert peer.want_frame().octets() == wire.priority_update(*expected)
            pairs = [*section[1:3], (":method", "GET"), (":path", "/pushed")]
            peer.write_push(1, 2, pairs)
            peer.write_headers(1, OK)
            assert peer.want_frame().octets() == wire.priority_update(1, "u=2")
            assert peer.want_frame().octets() == wire.priority_update(1, "u=3")
            assert peer.want_frame().octets() == wire.priority_update(2, "u=7")
            peer.write_data(1, b"content", end_stream=True)
            pong(peer)
            peer.want_rst(3, CANCEL)
            peer.want_goaway()

        connection = connect(script)
        connection.connect()
        first = connection.request("GET", "/")
        stream = connection.open_stream("POST", "/")
        assert connection.reprioritize(first, Priority(1)) is True
        assert stream.reprioritize("u=6, i") is True
        response = connection.getresponse(first)
        assert response.reprioritize("u=2") is True
        assert connection.reprioritize(first, "u=3") is True
        (push,) = connection.getpushes(first)
        assert push.reprioritize(Priority(7)) is True
        assert response.read() == b"content"
        connection.ping()
        assert response.reprioritize("u=1") is False
        assert connection.reprioritize(first, "u=1") is False
        assert connection.reprioritize(99, "u=1") is False
        stream.close()
        connection.close()  # with it ends the push, which is not whole

    def test_servers_that_take_no_part_are_spared(self, connect):
        """RFC 9218, 2.1.1."""

        def script(peer):
            peer.handshake()
            pong(peer)
            peer.want_headers(1)
            peer.fence()
            peer.want_nothing()
            peer.write_response(1)

        connection = connect(script)
        connection.ping()
        stream_id = connection.request("GET", "/")
        assert connection.reprioritize(stream_id, "u=1") is False
        connection.getresponse()

    def test_a_connection_that_was_never_made_has_nothing_to_reprioritize(self):
        assert hyper.HTTP20Connection("localhost").reprioritize(1, "u=1") is False
