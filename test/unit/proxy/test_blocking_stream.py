"""proxy/blocking_stream.py: a transport as the file that http.client reads."""

from __future__ import annotations

from http.client import HTTPException

import pytest

from hyper.proxy.blocking_stream import BlockingStream
from hyper.transport.deadline import NEVER


class Brings:
    """A transport that has octets without end."""

    def recv_into(self, view):
        view[:] = b"x" * len(view)
        return len(view)


def test_a_buffer_that_is_larger_than_the_room_is_filled_as_far_as_there_is_room():
    """The buffers of io have 128 KiB since Python 3.14."""
    stream = BlockingStream(Brings(), NEVER, room=100)
    assert stream.readinto(bytearray(128 * 1024)) == 100
    with pytest.raises(HTTPException, match="it goes on beyond"):
        stream.readinto(bytearray(1))
