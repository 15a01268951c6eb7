"""transport/tls/ssl_socket.py: a caller's TLS socket is read as much at a time as there is."""

import io
import ssl

import pytest

from hyper.transport.tls.ssl_socket import RECORD_SIZE, SSLSocketTransport


class Socket:
    """Gives records, or raises: one a call, as OpenSSL does."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.rest = b""

    def setblocking(self, flag):
        assert not flag

    def makefile(self, mode, buffering):
        assert (mode, buffering) == ("rb", 0)
        return io.BytesIO()

    def recv_into(self, view):
        if not self.rest:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            self.rest = step
        size = min(len(view), len(self.rest))
        view[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

    def pending(self):
        return len(self.rest)


def read(transport, size=65_536):
    view = memoryview(bytearray(size))
    received = transport.recv_into(view)
    return None if received is None else bytes(view[:received])


FULL = b"f" * RECORD_SIZE


def test_all_records_that_are_there_come_at_once():
    transport = SSLSocketTransport(Socket(FULL, FULL, b"short", b"later"))
    assert read(transport) == FULL + FULL + b"short"
    assert transport.read_would_block
    assert read(transport) == b"later"


def test_what_does_not_fit_comes_the_next_time():
    transport = SSLSocketTransport(Socket(FULL, b"end", ssl.SSLWantReadError()))
    assert read(transport, 10_000) == FULL[:10_000]
    assert not transport.read_would_block
    assert read(transport, 10_000) == FULL[10_000:]
    assert read(transport) == b"end"
    assert read(transport) is None
    assert transport.read_would_block


@pytest.mark.parametrize("wants", [ssl.SSLWantReadError, ssl.SSLWantWriteError])
def test_nothing_there(wants):
    transport = SSLSocketTransport(Socket(wants(), FULL, wants()))
    assert read(transport) is None
    assert read(transport) == FULL
    assert transport.read_would_block


def unexpected_eof():
    """OpenSSL 3.6 says so of a TCP reset, in CPython 3.14."""
    error = ssl.SSLError(5, "[SSL: UNEXPECTED_EOF_WHILE_READING] unexpected eof while reading")
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    return error


@pytest.mark.parametrize(
    "end", [b"", ssl.SSLZeroReturnError(), ssl.SSLEOFError(), unexpected_eof()]
)
def test_the_end_comes_after_what_came_before_it(end):
    transport = SSLSocketTransport(Socket(FULL, end, end))
    assert read(transport) == FULL
    assert read(transport) == b""


def test_so_does_a_failure():
    """RFC 9113, 5.4: a peer that hangs up may have said why before."""
    transport = SSLSocketTransport(Socket(FULL, ConnectionResetError("gone")))
    assert read(transport) == FULL
    with pytest.raises(ConnectionResetError, match="gone"):
        read(transport)
