"""A response whose stream is filled by hand.

A fake pump stands for the network: each wait plays one act of what the server does next.
"""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from hyper.client.exchange import Exchange
from hyper.client.response import HTTP20Response
from hyper.client.timeouts import Timeouts
from hyper.errors import (
    Failure,
    RemoteDisconnected,
    StreamResetError,
    TimedOut,
)
from hyper.protocol import states
from hyper.protocol.messages import ResponseHead
from hyper.protocol.stream import Stream
from hyper.pump.lock import InterruptibleLock

END = object()  # the server's END_STREAM
SILENCE = object()  # nothing comes before the timeout
RESET = Failure(StreamResetError, "the peer reset stream 1", error_code=8, stream_id=1)
HANGUP = Failure(RemoteDisconnected, "Remote end closed connection without response")
FAULT = Failure.of_peer(1, "a fault (RFC 9113, 0)", 1)


class RecordingEndpoint:
    """Notes what readers credit and cancel."""

    outbound = ()

    def __init__(self):
        self.consumed = 0
        self.cancelled = []

    def consume(self, _stream, size):
        self.consumed += size

    def cancel(self, stream, _code):
        self.cancelled.append(stream)


class FakePump:
    """Plays the acts upon the stream, one a wait."""

    def __init__(self, stream, acts):
        self.lock = InterruptibleLock()
        self.endpoint = RecordingEndpoint()
        self.dropped = []
        self.drop_from_finalizer = self.dropped.append
        self.stream = stream
        self.acts = deque(acts)
        self.waits = 0
        self.released = 0

    def wait(self, ready, ids, _timeout):
        assert self.lock.is_held()
        assert ids == (self.stream.id,)
        self.waits += not ready()
        while not ready():
            self.play()

    def pull(self, _most):
        """Do nothing: what comes, comes while somebody waits."""

    def play(self):
        assert self.acts, "the reader waits for more than the server has to give"
        act = self.acts.popleft()
        if act is SILENCE:
            raise TimedOut("timed out")
        if act is END:
            self.stream.phase = states.DONE
        elif isinstance(act, Failure):
            self.stream.failure = act
        else:
            self.stream.content.append(act)
            self.stream.content_size += len(act)

    def release(self, size):
        assert not self.lock.is_held()
        self.released += size

    def flush(self):
        return True

    def fileno(self):
        return 17


def reply(*acts, status=200, fields=(), length=None, method="GET", decode=True, trailers=()):
    """A response whose content comes act by act."""
    stream = Stream(1, states.HALF_CLOSED_LOCAL, method)
    stream.window = SimpleNamespace(size=1, share=SimpleNamespace(unclaimed=0))
    stream.receive_head(ResponseHead(status, tuple(fields), length))
    stream.trailers = tuple(trailers)
    exchange = Exchange(FakePump(stream, acts), stream, Timeouts(1.0))
    return HTTP20Response(exchange, decode_content=decode)


def arrived(response):
    """The same, with everything there before it is read."""
    while response._exchange.pump.acts:
        response._exchange.pump.play()
    return response
