"""transport/tcp.py: the verbs over a plain socket never block, but for wait."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from hyper.transport import tcp
from hyper.transport.tcp import PlainTransport

DEADLINE = 10.0


@pytest.fixture(params=[True, False], ids=["poll", "select"])
def pair(request, monkeypatch):
    """A transport and its peer, with both calls of the system that can wait."""
    if request.param and not tcp.HAS_POLL:
        pytest.skip("this system has no poll")
    monkeypatch.setattr(tcp, "HAS_POLL", request.param)
    here, there = socket.socketpair()
    there.settimeout(DEADLINE)
    transport = PlainTransport(here)
    with there:
        yield transport, there
    transport.close()


def receive(transport, size=100):
    view = memoryview(bytearray(size))
    received = transport.recv_into(view)
    return received if received is None else bytes(view[:received])


def test_octets_come_as_they_are_there(pair):
    transport, peer = pair
    assert receive(transport) is None
    peer.sendall(b"hello")
    assert transport.wait(read=True, write=False, timeout=DEADLINE)
    assert receive(transport) == b"hello"
    peer.close()
    assert transport.wait(read=True, write=False, timeout=DEADLINE)
    assert receive(transport) == b""


def test_a_read_that_does_not_fill_its_view_says_that_there_is_no_more(pair):
    """It spares a system call."""
    transport, peer = pair
    peer.sendall(b"0123456789")
    assert (receive(transport, 4), transport.read_would_block) == (b"0123", False)
    assert (receive(transport, 10), transport.read_would_block) == (b"456789", True)
    assert not transport.wait(read=True, write=False, timeout=0)
    assert transport.read_would_block
    peer.sendall(b"x")
    assert transport.wait(read=True, write=False, timeout=DEADLINE)
    assert not transport.read_would_block


def test_what_the_kernel_does_not_take_is_kept_in_order(pair):
    transport, peer = pair
    octets = bytes(range(256)) * 16_384  # 4 MiB: more than any socket buffer
    assert not transport.send(octets)
    assert not transport.send(b"the end")
    received = bytearray()
    while len(received) < len(octets) + 7:
        received += peer.recv(1 << 20)
        transport.send(b"")
    assert transport.send(b"")
    assert bytes(received) == octets + b"the end"


def test_sending_to_a_peer_that_is_gone_raises(pair):
    transport, peer = pair
    peer.close()
    with pytest.raises(ConnectionError):
        transport.send(b"x")


def test_wait_looks_for_what_it_is_told_to(pair):
    transport, peer = pair
    assert transport.wait(read=False, write=True, timeout=0)
    assert not transport.wait(read=True, write=False, timeout=0)
    while transport.send(bytes(65536)):
        pass
    assert not transport.wait(read=False, write=True, timeout=0)
    peer.sendall(b"x")
    assert transport.wait(read=True, write=True, timeout=DEADLINE)


@pytest.mark.parametrize("timeout", [0.0004, 0.02])
def test_a_wait_does_not_end_before_its_time(pair, timeout):
    """Else a deadline would turn into a busy loop."""
    transport, _ = pair
    begin = time.monotonic()
    assert not transport.wait(read=True, write=False, timeout=timeout)
    assert time.monotonic() - begin >= timeout


def test_shutdown_wakes_all_who_wait(pair):
    transport, _ = pair
    woken = []
    threads = [
        threading.Thread(
            target=lambda: woken.append(transport.wait(read=True, write=False, timeout=DEADLINE)),
            daemon=True,
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    transport.shutdown()
    for thread in threads:
        thread.join(DEADLINE)
    assert woken == [True] * 3
    assert receive(transport) == b""
    transport.shutdown()


def test_the_descriptor_is_the_sockets_and_gone_after_close(pair):
    transport, peer = pair
    assert transport.fileno() == transport.socket.fileno() >= 0
    transport.close()
    assert transport.fileno() == -1
    assert peer.recv(1) == b""
