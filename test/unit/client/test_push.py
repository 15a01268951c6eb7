"""HTTP20Push: the request that a server promised (RFC 9113, 8.4)."""

from __future__ import annotations

from hyper.client.exchange import Exchange
from hyper.client.push import HTTP20Push
from hyper.client.timeouts import Timeouts
from hyper.protocol import states
from hyper.protocol.messages import PromisedRequest, ResponseHead
from hyper.protocol.stream import Stream
from test.unit.client.fake_pump import FakePump


class TestPush:
    def test_the_request_that_was_made_up(self):
        """RFC 9113, 8.4."""
        stream = Stream(2, states.RESERVED_REMOTE, "GET")
        stream.promised_request = PromisedRequest(
            {
                b":method": b"GET",
                b":scheme": b"https",
                b":authority": b"example.org",
                b":path": b"/style.css?v=1",
            },
            ((b"accept", b"text/css"), (b"x-note", b"one"), (b"x-note", b"two")),
        )
        pump = FakePump(stream, ())
        push = HTTP20Push(Exchange(pump, stream, Timeouts(None)))
        assert (push.method, push.scheme) == ("GET", "https")
        assert (push.authority, push.path) == ("example.org", "/style.css?v=1")
        assert push.stream_id == 2
        assert push.request_headers["Accept"] == "text/css"
        assert push.getrequestheader("x-note") == "one, two"
        assert push.getrequestheader("absent", "none") == "none"
        assert push.getrequestheaders()[0] == ("accept", "text/css")
        stream.receive_head(ResponseHead(200, (), None))
        assert push.getresponse() is push.get_response()
        assert push.getresponse().stream_id == 2
        assert repr(push) == "<HTTP20Push GET /style.css?v=1, stream 2>"
        push.cancel()
        assert pump.endpoint.cancelled == [stream]
