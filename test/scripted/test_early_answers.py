"""Answers of failure before the request has ended (RFC 9113, 8.1; RFC 9110, 10.1.1)."""

from __future__ import annotations

import pytest

from hyper import HTTP20Connection, HTTPConnection
from hyper.testing import wire

BOTH = pytest.mark.parametrize("kind", [HTTP20Connection, HTTPConnection], ids=["own", "drop-in"])


@pytest.mark.parametrize("status", ["301", "413"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "content to come"])
@BOTH
def test_an_early_answer_of_failure_ends_an_upload_that_has_no_room(dial, kind, status, is_whole):
    """RFC 9110, 10.1.1; RFC 9113, 8.1: at once, whatever the timeout, without one too."""

    def script(peer):
        peer.deadline = 8.0  # far below ANSWERED_UPLOAD_TIMEOUT
        peer.handshake()
        peer.want_headers(1)
        peer.write_headers(1, [(":status", status)], end_stream=is_whole)
        if not is_whole:
            peer.write_data(1, b"too large")
            seen = 0
            while seen < 65_535:
                seen += len(peer.want_data(1))
            peer.fence()
            peer.write_data(1, b"", end_stream=True)
        while peer.want_frame().type != wire.RST_STREAM:
            pass
        assert peer.last.stream_id == 1
        assert peer.last.error_code in (wire.CANCEL, wire.NO_ERROR)

    connection = dial(script, kind, timeout=None)
    connection.request("POST", "/", bytes(2**20))
    response = connection.getresponse()
    assert response.status == int(status)
    assert response.read() == (b"" if is_whole else b"too large")


def test_an_early_answer_of_failure_ends_writing_to_a_stream(dial):
    """RFC 9113, 8.1: open_stream alike: what is written is dropped, the answer is read."""

    def script(peer):
        peer.deadline = 8.0  # far below ANSWERED_UPLOAD_TIMEOUT
        peer.handshake()
        peer.want_headers(1)
        peer.write_headers(1, [(":status", "413")], end_stream=True)
        while peer.want_frame().type != wire.RST_STREAM:
            pass

    connection = dial(script, timeout=None)
    stream = connection.open_stream("POST", "/")
    stream.write(bytes(2**20))
    assert stream.status == 413
