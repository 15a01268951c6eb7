"""proxy/stream_transport.py over a scripted base: what is waited for, who is called (8.5)."""

from __future__ import annotations

import socket

import pytest

from hyper.errors import ConnectionTerminated
from hyper.hpack import Decoder, Encoder
from hyper.protocol.endpoint import Endpoint
from hyper.protocol.flow.managers import FlowControlManager
from hyper.proxy.stream_transport import TunnelTransport
from hyper.testing import wire
from hyper.transport.deadline import NEVER

OK = wire.block([(":status", "200")])
SECTION = ((b":method", b"CONNECT"), (b":authority", b"far.example:443"))
WINDOW = 65_535


class Base:
    """A transport whose octets are in lists, and which refuses when it is told to."""

    round_trip = 0.5

    def __init__(self, *frames):
        self.socket = socket.socket()
        self.inbound = [b"".join(frames)]
        self.sent = b""
        self.unsent = b""
        self.is_full = False
        self.waits = []
        self.notifications = 0
        self.wakeup = self
        self.state = "open"

    read_would_block = True

    def recv_into(self, view):
        if not self.inbound:
            return None
        octets = self.inbound.pop(0)
        view[: len(octets)] = octets
        return len(octets)

    def send(self, octets):
        self.unsent += octets
        if not self.is_full:
            self.sent, self.unsent = self.sent + self.unsent, b""
        return not self.unsent

    def wait(self, *, read, write, timeout):
        self.waits.append((read, write, timeout))
        return True

    def notify(self):
        self.notifications += 1

    def shutdown(self):
        self.state = "shut down"

    def close(self):
        self.state = "closed"
        self.socket.close()


@pytest.fixture
def tunnel():
    """A tunnel that stands, and its base, with nothing unread or unsent."""
    base = Base(wire.settings(), wire.headers(1, OK))
    endpoint = Endpoint(
        {},
        FlowControlManager,
        WINDOW,
        encoder=Encoder(),
        decoder=Decoder(max_list_size=65_536),
        covers=lambda *_: False,
        unread_limit=WINDOW,
        now=lambda: 0.0,
    )
    tunnel = TunnelTransport(endpoint, base)
    assert tunnel.round_trip == 0.5
    tunnel.open(SECTION, NEVER)
    assert tunnel.round_trip != 0.5
    base.waits.clear()
    base.sent = b""
    yield tunnel, base
    tunnel.close()


def receive(tunnel, size=100):
    view = memoryview(bytearray(size))
    received = tunnel.recv_into(view)
    return received if received is None else bytes(view[:received])


def test_content_fills_the_view_piece_by_piece(tunnel):
    tunnel, base = tunnel
    base.inbound = [wire.data(1, b"0123456789") + wire.data(1, b"abc") + wire.data(1, b"de")]
    assert receive(tunnel, 4) == b"0123"
    assert not tunnel.read_would_block
    assert tunnel.wait(read=True, write=False, timeout=9)
    assert base.waits == []  # there is something: nobody need ask the socket
    assert receive(tunnel, 8) == b"456789ab"
    assert receive(tunnel, 8) == b"cde"
    assert tunnel.read_would_block
    assert receive(tunnel) is None


def test_room_of_the_socket(tunnel):
    tunnel, base = tunnel
    assert tunnel.wait(read=True, write=True, timeout=3)
    assert base.waits.pop() == (True, True, 3)
    base.is_full = True
    assert not tunnel.send(b"one")
    assert not tunnel.send(b"two")
    tunnel.wait(read=True, write=False, timeout=None)
    # Octets that are unsent may be what the proxy waits for: they are never forgotten.
    assert base.waits.pop() == (True, True, None)
    base.is_full = False
    assert tunnel.send(b"")
    assert base.sent == wire.data(1, b"one") + wire.data(1, b"two")
    assert base.notifications == 1


def test_room_of_the_window(tunnel):
    """It opens by a frame: the wait is for octets to read (6.9)."""
    tunnel, base = tunnel
    assert not tunnel.send(b"x" * (WINDOW + 10))
    assert tunnel.wait(read=False, write=True, timeout=3)
    assert base.waits.pop() == (True, False, 3)
    assert not tunnel.send(b"")
    assert base.notifications == 0
    base.inbound = [wire.window_update(0, 4) + wire.window_update(1, 4)]
    assert receive(tunnel) is None
    assert not tunnel.send(b"y")
    base.inbound = [wire.window_update(0, 100) + wire.window_update(1, 100)]
    assert receive(tunnel) is None
    assert tunnel.send(b"z")
    assert base.notifications == 1  # others may have waited for octets that will not come
    frames, _ = wire.read(base.sent)
    content = b"".join(frame.content for frame in frames if frame.type == wire.DATA)
    assert content == b"x" * (WINDOW + 10) + b"yz"
    assert tunnel.wait(read=False, write=True, timeout=3)
    assert base.waits.pop() == (False, True, 3)


def test_the_end(tunnel):
    tunnel, base = tunnel
    base.inbound = [wire.data(1, b"last", end_stream=True)]
    assert receive(tunnel) == b"last"
    assert tunnel.wait(read=True, write=False, timeout=9)
    assert receive(tunnel) == b""
    assert tunnel.send(b"our side is still open")  # 8.5
    base.inbound = [wire.rst_stream(1, 0xA)]
    tunnel._receive()
    with pytest.raises(BrokenPipeError):
        tunnel.send(b"no more")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (wire.rst_stream(1, 0xA), "CONNECT_ERROR"),
        (wire.goaway(0, 0x2), "GOAWAY with INTERNAL_ERROR"),
        (wire.headers(1, OK), "HEADERS within a tunnel"),
        (b"", "Remote end closed"),
    ],
)
def test_a_broken_tunnel(tunnel, octets, words):
    tunnel, base = tunnel
    base.inbound = [octets]
    with pytest.raises(ConnectionTerminated, match=f"tunnel through the proxy broke: .*{words}"):
        receive(tunnel)
    with pytest.raises(BrokenPipeError):
        tunnel.send(b"no more")


def test_the_end_from_our_side(tunnel):
    """8.5, 6.8: END_STREAM, then GOAWAY; the proxy's connection has no other use."""
    tunnel, base = tunnel
    tunnel.shutdown()
    frames, _ = wire.read(base.sent)
    assert [(frame.type, frame.stream_id) for frame in frames] == [(wire.DATA, 1), (wire.GOAWAY, 0)]
    assert frames[0].end_stream
    assert base.state == "shut down"
    tunnel.close()
    assert base.state == "closed"
    assert tunnel.socket.fileno() == -1


def test_a_proxy_that_asks_and_does_not_read_is_bounded(tunnel):
    """10.5: it is told to calm down, and the tunnel has broken."""
    tunnel, base = tunnel
    base.is_full = True

    def ask():
        for _ in range(5000):
            base.inbound = [wire.ping(b"question")]
            receive(tunnel)

    with pytest.raises(ConnectionTerminated, match="tunnel"):
        ask()
    assert len(base.unsent) < 100_000


def test_a_proxy_that_has_said_goaway_has_said_why_however_its_tcp_ends(tunnel):
    """6.8."""
    tunnel, base = tunnel

    def reset(_view):
        raise ConnectionResetError(104, "reset")

    base.inbound = [wire.goaway(1, wire.ENHANCE_YOUR_CALM, b"too_many_pings")]
    assert receive(tunnel) is None
    base.recv_into = reset
    with pytest.raises(ConnectionTerminated, match="too_many_pings"):
        receive(tunnel)
