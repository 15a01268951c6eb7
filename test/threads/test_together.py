"""Many threads at one pump, and real sockets.

The numbers are those of the docstring of ``hyper/pump/__init__.py``.
"""

from __future__ import annotations

import random
import socket
import threading

import pytest

from hyper.errors import TimedOut
from hyper.pump.pump import Pump
from hyper.transport.buffered import BufferedSocket
from hyper.transport.tcp import PlainTransport
from test.threads.fake_network import DEADLINE, FakeEndpoint, Stage, tiny_switch_interval

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("seed", range(4))
def test_many_threads_lose_no_wake_up(monkeypatch, seed):
    """3, 4, 7: each waits again and again, some of them hastily; news come in any order."""
    turns, threads = 40, 12
    chance = random.Random(seed)
    with tiny_switch_interval():
        stage = Stage(monkeypatch)
        endpoint, pump = stage.endpoint, stage.pump
        wanted: list[int] = []

        def act(number, hasty):
            for _ in range(turns):
                with stage.transport.change:
                    wanted.append(number)
                    stage.transport.change.notify_all()
                while True:
                    try:
                        pump.wait(endpoint.has(number), (number,), 0.002 if hasty else None)
                    except TimedOut:
                        continue
                    break
                endpoint.news[number] -= 1
                endpoint.outbound.append(b"x")
                pump.drain(None)

        for number in range(1, threads + 1):
            stage.start(lambda number=number: act(number, hasty=number % 3 == 0))
        for _ in range(turns * threads):
            stage.transport.until(lambda: bool(wanted))
            with stage.transport.change:
                batch = [wanted.pop(chance.randrange(len(wanted)))]
            stage.bring(*batch)
        assert [actor.end() for actor in stage.actors] == [None] * threads
        stage.strike()
    assert len(stage.transport.sent) == turns * threads


@pytest.mark.parametrize("others", [0, 1, 8, 32])
def test_a_peer_that_writes_before_it_reads_cannot_deadlock_us(others, switching):
    """5: 8 MiB each way over a real socket, and threads that wait meanwhile."""
    size = 8 * MEBIBYTE
    here, there = socket.socketpair()
    there.settimeout(DEADLINE)
    endpoint = FakeEndpoint()
    transport = PlainTransport(here)
    pump = Pump(endpoint, BufferedSocket(transport), transport)
    taken = []

    def serve():
        there.sendall(bytes(size))
        left = size
        while left:
            left -= len(there.recv(65536))
        taken.append(size)
        there.sendall(bytes(range(1, others + 1)))

    def upload():
        for _ in range(size // 65536):
            with pump.lock:
                endpoint.outbound.append(bytes(65536))
                pump.drain(DEADLINE)

    def wait(number):
        with pump.lock:
            pump.wait(endpoint.has(number), (number,), DEADLINE)

    def leave_at_once():
        for _ in range(50):
            with pump.lock:
                try:
                    pump.wait(endpoint.has(250), (250,), 0.001)
                except TimedOut:
                    continue

    acts = [serve, upload, leave_at_once] + [
        lambda number=number: wait(number) for number in range(1, others + 1)
    ]
    threads = [threading.Thread(target=act, daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * DEADLINE)
        assert not thread.is_alive(), "deadlock"
    assert taken == [size]
    with pump.lock:
        if not others:
            pump.look()
        pump.wait(lambda: endpoint.received == size + others, (), DEADLINE)
        pump.close()
    there.close()
    assert not pump._waiters


def test_close_from_another_thread_ends_a_wait_on_a_real_socket():
    here, there = socket.socketpair()
    endpoint = FakeEndpoint()
    transport = PlainTransport(here)
    pump = Pump(endpoint, BufferedSocket(transport), transport)
    is_in = threading.Event()
    failures = []

    def ready():
        is_in.set()
        return endpoint.failure is not None

    def wait():
        with pump.lock:
            pump.wait(ready, (1,), DEADLINE)
            failures.append(endpoint.failure)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert is_in.wait(DEADLINE)
    with pump.lock:
        endpoint.receive_eof()
        pump.flush()
        pump.close()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert failures == [endpoint.failure] * 3
    assert here.fileno() == -1
    there.close()
