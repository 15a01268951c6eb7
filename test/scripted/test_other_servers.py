"""Servers that are not as one thinks, and settings of the caller's own (RFC 9113, 3.4, 6.5.2)."""

from __future__ import annotations

import pytest

from hyper import BaseFlowControlManager, NegotiationError
from hyper.testing import wire
from test.scripted.steps import want

OK = [(":status", "200")]


class Plain(BaseFlowControlManager):
    """A user's manager that gives back nothing on its own account."""

    def increase_window_size(self, frame_size):  # noqa: ARG002
        return 0


@pytest.mark.parametrize("manager", [None, Plain], ids=["default", "a user's"])
def test_a_window_of_0_is_opened_for_a_reader(connect, manager):
    """RFC 9113, 6.9.2: a caller may announce it; what is wanted is asked for."""

    def script(peer):
        settings = peer.handshake()
        assert settings[wire.SETTINGS_INITIAL_WINDOW_SIZE] == 0
        want(peer)
        peer.deadline = 3
        peer.write_headers(1, OK)
        left = 5000
        while left:
            size = min(peer.want_window_update(1), left)
            left -= size
            peer.write_data(1, bytes(size), end_stream=not left)

    connection = connect(
        script,
        settings={"SETTINGS_INITIAL_WINDOW_SIZE": 0},
        window_manager=manager,
        timeout=3,
    )
    assert len(connection.getresponse(connection.request("GET", "/")).read()) == 5000


@pytest.mark.parametrize("length", ["100000", None], ids=["content-length", "no length"])
def test_a_reader_gives_room_back_to_a_server_that_keeps_a_smaller_window(connect, length):
    """RFC 9113, 5.2.2, 6.9.2: some acknowledge our SETTINGS and go by 65,535 all the same."""

    def script(peer):
        peer.handshake()
        want(peer)
        peer.deadline = 5
        peer.write_headers(1, [*OK, *([("content-length", length)] if length else [])])
        peer.write_data(1, bytes(65_535))
        left = 100_000 - 65_535
        while left:
            size = min(peer.want_window_update(1), left)
            left -= size
            peer.write_data(1, bytes(size), end_stream=not left)

    connection = connect(script, timeout=6)
    assert len(connection.getresponse(connection.request("GET", "/")).read()) == 100_000


@pytest.mark.parametrize("size", [16_384, 2**23, 2**24 - 1])
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.0 505 X\r\n\r\n"])
def test_an_answer_in_http_1_is_told_at_once(connect, secure, size, answer):
    """RFC 9113, 3.4: whatever frames may be as large as; the type is not that of SETTINGS."""

    def script(peer):
        peer.want_preface()
        peer.want_settings()
        peer.write(answer)
        while peer.want_frame().type != wire.GOAWAY:
            pass

    connection = connect(script, settings={"SETTINGS_MAX_FRAME_SIZE": size}, timeout=3)
    with pytest.raises(NegotiationError) as caught:
        connection.getresponse(connection.request("GET", "/"))
    assert answer.decode().partition("\r")[0] in str(caught.value)
    assert ("ALPN" if secure else "prior knowledge") in str(caught.value)


@pytest.mark.parametrize("size", [16_384, 2**24 - 1])
def test_what_is_no_settings_frame_is_told_at_once(connect, size):
    """RFC 9113, 3.4: a server that speaks first, and of something else."""

    def script(peer):
        peer.want_preface()
        peer.want_settings()
        peer.write(b"220 mail.example ESMTP\r\n")
        while peer.want_frame().type != wire.GOAWAY:
            pass

    connection = connect(script, settings={"SETTINGS_MAX_FRAME_SIZE": size}, timeout=3)
    with pytest.raises(Exception, match="SETTINGS") as caught:
        connection.getresponse(connection.request("GET", "/"))
    assert not isinstance(caught.value, TimeoutError)


def test_the_words_of_a_wait_for_a_turn_name_the_missing_settings(connect):
    """RFC 9113, 3.4: a server that has said nothing allows no number of streams."""

    def script(peer):
        peer.want_preface()
        peer.want_settings()
        peer.want_headers(1)

    connection = connect(script)
    connection.request("GET", "/")
    connection.timeout = 0.3
    with pytest.raises(TimeoutError) as caught:
        connection.request("GET", "/")
    assert "SETTINGS" in str(caught.value)
    assert "3.4" in str(caught.value)
    assert "4294967295" not in str(caught.value)
    connection.close()


def test_the_words_of_a_wait_for_a_turn_name_how_many_are_allowed(connect):
    """RFC 9113, 5.1.2: once the server has said it."""

    def script(peer):
        peer.handshake({wire.SETTINGS_MAX_CONCURRENT_STREAMS: 1})
        want(peer)
        peer.fence()

    connection = connect(script, timeout=0.5)
    connection.request("GET", "/")
    with pytest.raises(TimeoutError, match=r"allows 1 stream.*5\.1\.2"):
        connection.request("GET", "/")
