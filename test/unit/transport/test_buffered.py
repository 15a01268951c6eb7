"""transport/buffered.py by itself: over real sockets and over sources that dribble."""

from __future__ import annotations

import socket
import textwrap
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper.transport.buffered import BUFFER_SIZE, BufferedSocket


class Dribble:
    """A source that gives its pieces one a call, cut to the view; then the end, or None."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def recv_into(self, view):
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if piece is None or isinstance(piece, BaseException):
            if piece is None:
                return None
            raise piece
        size = min(len(piece), len(view))
        view[:size] = piece[:size]
        if piece[size:]:
            self.pieces.insert(0, piece[size:])
        return size


def octet_by_octet(octets):
    return Dribble(*(octets[at : at + 1] for at in range(len(octets))))


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_one_call_brings_all_that_is_there(pair):
    here, there = pair
    there.sendall(b"frame one, frame two")
    buffered = BufferedSocket(here)
    assert buffered.fill() == 20
    assert bytes(buffered.view) == b"frame one, frame two"
    buffered.advance(11)
    assert bytes(buffered.view) == b"frame two"
    assert len(buffered) == 9


def test_no_more_is_received_than_is_to_be_there(pair):
    here, there = pair
    there.sendall(b"frame one, frame two")
    buffered = BufferedSocket(here)
    assert buffered.fill(most=9) == 9
    assert buffered.fill(most=11) == 2
    buffered.advance(4)
    assert buffered.fill(most=7) == 9  # they are there already, so that it does not count
    assert bytes(buffered.view) == b"e one, frame two"


def test_octets_that_a_function_has_used_are_forgotten(pair):
    here, there = pair
    there.sendall(b"frame one, frame two")
    buffered = BufferedSocket(here)
    buffered.fill()
    shown = []
    buffered.give(lambda view: shown.append(bytes(view)) or 11)
    assert shown == [b"frame one, frame two"]
    assert bytes(buffered.view) == b"frame two"
    buffered.give(lambda _: 0)
    assert len(buffered) == 9


def test_nothing_yet_is_none_and_the_end_is_0(pair):
    here, there = pair
    here.setblocking(False)

    class NonBlocking:
        def recv_into(self, view):
            try:
                return here.recv_into(view)
            except BlockingIOError:
                return None

    buffered = BufferedSocket(NonBlocking())
    assert buffered.fill() is None
    there.sendall(b"x")
    assert buffered.fill() == 1
    there.close()
    assert buffered.fill() == 0
    assert bytes(buffered.view) == b"x"


def test_a_socket_without_octets_raises_as_it_does(pair):
    here, _ = pair
    here.setblocking(False)
    with pytest.raises(BlockingIOError):
        BufferedSocket(here).fill()


def test_it_holds_64_kib_and_no_more(pair):
    here, there = pair
    buffered = BufferedSocket(here)
    sender = threading.Thread(target=there.sendall, args=(bytes(BUFFER_SIZE + 1),), daemon=True)
    sender.start()
    while len(buffered) < BUFFER_SIZE:
        assert buffered.fill()
    with pytest.raises(BufferError, match="no room: 65536 octets"):
        buffered.fill()
    buffered.advance(1)
    assert buffered.fill() == 1
    sender.join(10)
    assert not sender.is_alive()


def test_what_is_left_moves_to_the_front_to_make_room():
    """A frame across the edge of the buffer stays whole."""
    buffered = BufferedSocket(Dribble(b"aaaaaabb", b"bbcc"), size=8)
    assert buffered.fill() == 8
    buffered.advance(6)
    assert buffered.fill() == 4
    assert bytes(buffered.view) == b"bbbbcc"


@pytest.mark.parametrize("size", [4, -1])
def test_no_more_can_be_used_up_than_is_there(size):
    buffered = BufferedSocket(Dribble(b"abc"))
    buffered.fill()
    with pytest.raises(ValueError, match=f"{size} octets cannot be used: 3 are there"):
        buffered.advance(size)
    assert bytes(buffered.view) == b"abc"


@pytest.mark.parametrize("cut", range(1, 12))
def test_the_example_of_its_docstring_cuts_messages_wherever_the_pieces_end(cut):
    example = BufferedSocket.__doc__.partition("::\n")[2].partition("For lines")[0]
    octets = b"\0\3one\0\0\0\2ab"
    messages = []
    source = Dribble(octets[:cut], octets[cut:])
    names = {"BufferedSocket": BufferedSocket, "sock": source, "receive": messages.append}
    exec(textwrap.dedent(example), names)
    assert messages == [b"one", b"", b"ab"]


def test_an_error_of_the_source_loses_nothing():
    buffered = BufferedSocket(Dribble(b"abcd", ConnectionResetError(), b"ef"))
    buffered.fill()
    buffered.advance(2)
    with pytest.raises(ConnectionResetError):
        buffered.fill()
    assert bytes(buffered.view) == b"cd"
    buffered.fill()
    assert bytes(buffered.view) == b"cdef"


def test_read_gives_what_is_there_then_receives_then_ends():
    buffered = BufferedSocket(Dribble(b"abcd", b"ef"))
    reads = [buffered.read(3) for _ in range(5)]
    assert reads == [b"abc", b"d", b"ef", b"", b""]


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"HTTP/1.1 200 OK\r\nvia: x\r\n\r\n", [b"HTTP/1.1 200 OK\r\n", b"via: x\r\n", b"\r\n"]),
        (b"\n\nlast", [b"\n", b"\n", b"last"]),
        (b"", []),
    ],
)
@pytest.mark.parametrize("source", [Dribble, octet_by_octet])
def test_readline_gives_lines_with_their_ends(octets, lines, source):
    buffered = BufferedSocket(source(octets))
    assert list(iter(buffered.readline, b"")) == lines


def test_a_line_must_fit_into_the_buffer():
    buffered = BufferedSocket(Dribble(b"0123456789\n"), size=8)
    with pytest.raises(BufferError):
        buffered.readline()


def test_lines_and_octets_may_be_mixed():
    buffered = BufferedSocket(octet_by_octet(b"5\r\nhello\r\n"))
    assert buffered.readline() == b"5\r\n"
    assert b"".join(buffered.read(5 - n) for n in range(5)) == b"hello"
    assert buffered.readline() == b"\r\n"


def test_over_an_ssl_socket(certificates):
    """It stands alone: an SSLSocket is a source like any other."""
    here, there = socket.socketpair()
    server_context, client_context = certificates.server_context(), certificates.client_context()

    def serve():
        with server_context.wrap_socket(there, server_side=True) as server:
            server.sendall(b"line one\n" + bytes(20_000))

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with client_context.wrap_socket(here, server_hostname="localhost") as client:
        buffered = BufferedSocket(client)
        assert buffered.readline() == b"line one\n"
        received = b""
        while len(received) < 20_000:
            received += buffered.read(20_000)
        assert received == bytes(20_000)
        server.join(10)
    assert not server.is_alive()


@given(
    st.binary(max_size=300),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_any_cutting_gives_the_same_octets(octets, arriving, taking):
    """Whatever the sizes of what arrives and of what is used up."""
    pieces, at = [], 0
    while at < len(octets):
        size = arriving[len(pieces) % len(arriving)]
        pieces.append(octets[at : at + size])
        at += size
    buffered = BufferedSocket(Dribble(*pieces), size=41)
    seen, turn = b"", 0
    while len(buffered) or buffered.fill():
        size = min(taking[turn % len(taking)], len(buffered))
        seen += bytes(buffered.view[:size])
        buffered.advance(size)
        turn += 1
        if turn % 3 == 0 and len(buffered) < 41:
            buffered.fill()
    assert seen == octets


@given(st.binary(max_size=200), st.integers(1, 30))
def test_any_cutting_gives_the_same_lines(octets, size):
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    buffered = BufferedSocket(Dribble(*pieces), size=256)
    assert (
        list(iter(buffered.readline, b"")) == octets.splitlines(keepends=True)
        if (b"\r" not in octets and not set(octets) & set(b"\x0b\x0c\x1c\x1d\x1e\x85"))
        else b"".join(iter(buffered.readline, b"")) == octets
    )
