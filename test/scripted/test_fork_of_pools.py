"""fork() and hyper.Pool: the child has connections of its own."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from test.scripted.test_fork import Program, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")


def test_a_pool_is_new_in_the_child_though_threads_were_inside_it():
    """9.1: its lock, its connections, and who was about to open a stream."""
    run(
        """
        pool = closed_at_the_end(
            hyper.Pool(http2="prior", timeout=5, max_connections_per_origin=1)
        )
        url = f"http://127.0.0.1:{PORT}"
        def right(path):
            assert pool.request("GET", url + path).read() == f"GET {path} - 0\\n".encode()
        right("/before")
        held, over = threading.Event(), threading.Event()
        def hold():
            with pool.connection("127.0.0.1", PORT, secure=False), pool.lock:
                held.set()
                over.wait(10)
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(10)
        def act():
            right("/child")
            assert len(pool) == 1
            pool.close_idle()
            assert len(pool) == 0, "a user of the parent's keeps it"
        ended(child(act))
        over.set()
        thread.join()
        right("/after")
        """
    )


def test_a_pools_http1_connections_are_the_parents_alone():
    """RFC 9112, 9.3: two processes on one connection would get each other's responses."""

    def serve(listener):
        for _ in range(2):
            accepted, _ = listener.accept()
            threading.Thread(target=answer, args=(accepted,), daemon=True).start()

    def answer(accepted):
        number = str(len(seen))
        seen.append(number)
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"
        with accepted:
            while accepted.recv(65536):
                accepted.sendall(head + number.encode())

    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        Program(
            """
            pool = closed_at_the_end(hyper.Pool(timeout=5))
            url = f"http://127.0.0.1:{PORT}/"
            def get():
                return pool.request("GET", url).read()
            assert get() == b"0"
            def act():
                assert get() == b"1"
            ended(child(act))
            assert get() == b"0"
            """,
            listener.getsockname()[1],
        ).end()
