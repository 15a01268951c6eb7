"""client/dial.py, transport/connect.py: one deadline for all, and errors that name what failed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import socket
import ssl
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from hyper.client.dial import dial
from hyper.errors import NegotiationError, TimedOut
from hyper.transport import connect
from hyper.transport.deadline import Deadline
from hyper.transport.tcp import PlainTransport
from hyper.transport.tls.transport import TLSTransport

DEADLINE = 10.0


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(DEADLINE)
        yield sock


@pytest.fixture
def black_hole():
    """A port where connecting neither succeeds nor fails: nobody accepts, and the queue is full."""
    with ExitStack() as stack:
        sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.05)
            try:
                filler.connect(sock.getsockname())
            except socket.timeout:
                break
        else:
            pytest.skip("this system's queue of connections has no end")
        yield sock.getsockname()[1]


@pytest.fixture(params=["poll", "select"])
def waiting(request, monkeypatch):
    """Both ways of waiting for attempts: Windows has no poll."""
    if request.param == "poll" and not hasattr(select, "poll"):
        pytest.skip("this system has no poll")
    way = {"poll": connect._by_poll, "select": connect._by_select}[request.param]
    monkeypatch.setattr(connect, "finished", way)


@pytest.fixture
def resolver(monkeypatch):
    """`resolver(address, ...)`: what getaddrinfo shall answer."""

    def answer(*addresses):
        found = [
            (socket.AF_INET6 if ":" in a[0] else socket.AF_INET, socket.SOCK_STREAM, 6, "", a)
            for a in addresses
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    return answer


@pytest.fixture
def closed_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_cleartext_gives_a_plain_transport_that_sends_at_once(listener):
    transport = dial("127.0.0.1", listener.getsockname()[1], deadline=Deadline(DEADLINE))
    assert type(transport) is PlainTransport
    sock = transport.socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.gettimeout() == 0
    assert transport.round_trip is None  # what answered may be but the next box on the way
    transport.close()


def test_the_source_address_is_used(listener):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    transport = dial(
        "127.0.0.1",
        listener.getsockname()[1],
        source_address=("127.0.0.1", free),
        deadline=Deadline(DEADLINE),
    )
    accepted, address = listener.accept()
    assert address == ("127.0.0.1", free)
    transport.close()
    accepted.close()


@pytest.mark.usefixtures("waiting")
def test_refused(closed_port):
    with pytest.raises(ConnectionRefusedError) as caught:
        dial("127.0.0.1", closed_port, deadline=Deadline(DEADLINE))
    assert caught.value.errno == errno.ECONNREFUSED
    words = f"no connection to 127.0.0.1, port {closed_port} .*refused.*: is the server running"
    assert re.search(words, str(caught.value))


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".example"])
def test_no_such_host(host):
    with pytest.raises(socket.gaierror, match=r"has no address .*: is the name right") as caught:
        dial(host, 443, deadline=Deadline(DEADLINE))
    assert host in str(caught.value)
    assert caught.value.errno


@pytest.mark.usefixtures("waiting")
def test_every_address_that_failed_is_told(resolver, closed_port):
    """The class and the number are those of the refusal: somebody was there."""
    resolver(("127.0.0.1", closed_port), ("127.0.0.2", closed_port), ("127.0.0.1", closed_port))
    with pytest.raises(ConnectionRefusedError) as caught:
        dial("two.example", closed_port, deadline=Deadline(DEADLINE))
    assert str(caught.value).count("127.0.0.1: ") == 1
    assert "127.0.0.2: " in str(caught.value)


def test_a_source_address_that_is_not_ours(listener):
    with pytest.raises(OSError, match="is the source address one of this machine's") as caught:
        dial(
            "127.0.0.1",
            listener.getsockname()[1],
            source_address=("192.0.2.1", 0),
            deadline=Deadline(1),
        )
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_a_source_address_of_the_other_family(resolver, listener):
    """The server's address of that family is not tried; the other is."""
    port = listener.getsockname()[1]
    resolver(("::1", port, 0, 0), ("127.0.0.1", port))
    transport = dial("x", port, source_address=("127.0.0.1", 0), deadline=Deadline(DEADLINE))
    assert transport.socket.family == socket.AF_INET
    transport.close()


@pytest.mark.parametrize(
    ("server", "source"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1")], ids=["IPv6", "IPv4"]
)
def test_a_source_address_of_none_of_its_families(resolver, server, source):
    if ":" in server + source and not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    resolver((server, 1))
    with pytest.raises(OSError, match=f"the source address {source} is of another family"):
        dial("x", 1, source_address=(source, 0), deadline=Deadline(DEADLINE))


def test_no_time_at_all(listener):
    with pytest.raises(TimedOut, match=r"within 0.0 s"):
        connect.connect("127.0.0.1", listener.getsockname()[1], Deadline(-1e-5))


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("timeout", [2.0**31, 1e300, float("inf")])
def test_more_time_than_poll_can_count(listener, timeout):
    transport = dial("127.0.0.1", listener.getsockname()[1], deadline=Deadline(timeout))
    assert transport.wait(read=False, write=True, timeout=timeout)
    transport.close()


def test_families_take_turns():
    """RFC 8305, 4; the resolver's order is that of RFC 6724."""

    def of(*names):
        return [
            (socket.AF_INET6 if ":" in n else socket.AF_INET, socket.SOCK_STREAM, 6, "", (n, 1))
            for n in names
        ]

    given = of("::1", "::2", "::1", "::3", "10.0.0.1", "10.0.0.2")
    turns = [address[4][0] for address in connect.taking_turns(given)]
    assert turns == ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]
    assert connect.taking_turns(of("10.0.0.1", "::1")) == of("10.0.0.1", "::1")


@pytest.mark.usefixtures("waiting")
def test_an_address_that_does_not_answer_costs_the_attempt_delay_alone(
    resolver, black_hole, listener
):
    """RFC 8305, 5: the next is tried beside it, and wins; the loser is closed."""
    resolver(("127.0.0.1", black_hole), listener.getsockname())
    begin = time.monotonic()
    transport = dial("two.example", 443, deadline=Deadline(DEADLINE))
    assert connect.ATTEMPT_DELAY <= time.monotonic() - begin < DEADLINE / 2
    assert transport.socket.getpeername() == listener.getsockname()
    transport.close()  # a loser left open would be a ResourceWarning, which is an error here


@pytest.mark.usefixtures("waiting")
def test_an_address_that_fails_costs_no_delay(resolver, closed_port, listener, monkeypatch):
    """RFC 8305, 5."""
    monkeypatch.setattr(connect, "ATTEMPT_DELAY", DEADLINE)
    resolver(("127.0.0.1", closed_port), ("127.0.0.2", closed_port), listener.getsockname())
    transport = dial("three.example", 443, deadline=Deadline(DEADLINE / 2))
    assert transport.socket.getpeername() == listener.getsockname()
    transport.close()


def test_interrupted_while_connecting(resolver, black_hole, monkeypatch):
    """Ctrl-C leaves no socket behind."""
    resolver(("127.0.0.1", black_hole), ("127.0.0.1", black_hole + 1))
    begun = []

    def interrupted(socks, timeout):
        begun.extend(socks)
        raise KeyboardInterrupt

    monkeypatch.setattr(connect, "finished", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dial("two.example", 443, deadline=Deadline(DEADLINE))
    assert [sock.fileno() for sock in begun] == [-1]


needs_ipv6 = pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")


@needs_ipv6
def test_ipv6_with_a_zone(certificates):
    """RFC 4007, 11: it chooses a link, and is no part of the name in the certificate."""
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        server.settimeout(DEADLINE)
        thread, seen = serve_tls(server, certificates.server_context())
        port, context = server.getsockname()[1], certificates.client_context()
        transport = dial("::1%1", port, deadline=Deadline(DEADLINE), context=context)
        transport.shutdown()
        transport.close()
        thread.join(DEADLINE)
    assert seen == ["h2"]


needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")


@needs_unix
class TestUnixSockets:
    @pytest.fixture
    def path(self, tmp_path_factory):
        # A path may have some hundred octets: the test's name is not in it.
        return tmp_path_factory.mktemp("unix") / "s"

    @pytest.mark.parametrize("kind", [str, os.fsencode, lambda path: path])
    def test_a_server_is_reached_by_its_path(self, path, kind):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()
            transport = dial("example.org", 80, unix_socket=kind(path), deadline=Deadline(DEADLINE))
            assert transport.socket.getpeername() == str(path)
            assert transport.socket.gettimeout() == 0
            assert transport.round_trip is None
            transport.close()

    def test_nobody_is_there(self, path):
        with pytest.raises(FileNotFoundError, match=f"Unix socket {path} .*is the server running"):
            dial("example.org", 80, unix_socket=path, deadline=Deadline(DEADLINE))
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
        with pytest.raises(ConnectionRefusedError, match="is the server running") as caught:
            dial("example.org", 80, unix_socket=path, deadline=Deadline(DEADLINE))
        assert caught.value.errno == errno.ECONNREFUSED

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue is a refusal")
    def test_a_full_queue_is_waited_for(self, path, monkeypatch):
        with socket.socket(socket.AF_UNIX) as server, ExitStack() as stack:
            server.bind(str(path))
            server.listen(0)
            with contextlib.suppress(BlockingIOError):
                for _ in range(8):
                    filler = stack.enter_context(socket.socket(socket.AF_UNIX))
                    filler.setblocking(False)
                    filler.connect(str(path))
            with pytest.raises(TimedOut, match="queue is full"):
                dial("example.org", 80, unix_socket=path, deadline=Deadline(0.03))
            paused = []

            def pause(seconds):
                paused.append(seconds)
                stack.enter_context(server.accept()[0])

            monkeypatch.setattr(connect.time, "sleep", pause)
            dial("example.org", 80, unix_socket=path, deadline=Deadline(DEADLINE)).close()
            assert paused

    def test_a_path_that_is_too_long(self):
        with pytest.raises(OSError, match="too long") as caught:
            dial("example.org", 80, unix_socket="/" + "x" * 200, deadline=Deadline(DEADLINE))
        assert caught.value.errno == errno.ENAMETOOLONG


def test_connecting_ends_with_the_timeout(black_hole):
    with pytest.raises(TimedOut, match=f"127.0.0.1, port {black_hole}, within 0.05 s"):
        dial("127.0.0.1", black_hole, deadline=Deadline(0.05))


@pytest.mark.usefixtures("waiting")
def test_one_deadline_covers_all_addresses(black_hole, resolver, monkeypatch):
    """A host of five addresses, none of which answers, takes no five timeouts."""
    monkeypatch.setattr(connect, "taking_turns", list)
    resolver(*[("127.0.0.1", black_hole)] * 5)
    # Each wait takes the time that it was given, by a clock that nothing else moves.
    now, waited, finished = [1000.0], [], connect.finished

    def wait(socks, timeout):
        waited.append(timeout)
        now[0] += timeout
        return finished(socks, 0)

    monkeypatch.setattr(connect, "finished", wait)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with pytest.raises(TimedOut, match=r"within 0.3 s \(127.0.0.1: no answer; 127.0.0.1: no ans"):
        dial("five.example", black_hole, deadline=Deadline(0.3))
    assert waited == pytest.approx([connect.ATTEMPT_DELAY, 0.3 - connect.ATTEMPT_DELAY])


def test_a_socket_that_has_just_connected_is_closed_if_a_signal_handler_raises(
    listener, monkeypatch
):
    """One that stays open would be a ResourceWarning, and held by the server for ever."""

    class Interruption(Exception):
        pass

    def interrupt(*_):
        raise Interruption

    monkeypatch.setattr(connect, "_limit_silence", interrupt)
    with pytest.raises(Interruption) as caught:
        dial("127.0.0.1", listener.getsockname()[1], deadline=Deadline(DEADLINE))
    accepted = listener.accept()[0]
    accepted.settimeout(DEADLINE)
    assert accepted.recv(1) == b"", f"{caught.value!r} keeps the frames, and the socket in them"
    accepted.close()


def test_a_silent_peer_does_not_stretch_the_handshake(listener, certificates):
    """The deadline goes on from connecting to TLS, and the socket is given back."""
    with pytest.raises(TimedOut, match="handshake"):
        dial(
            "127.0.0.1",
            listener.getsockname()[1],
            deadline=Deadline(0.05),
            context=certificates.client_context(),
        )
    accepted, _ = listener.accept()
    accepted.settimeout(DEADLINE)
    while accepted.recv(65536):
        pass
    accepted.close()


def serve_tls(listener, context):
    seen = []

    def serve():
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(DEADLINE)
            try:
                with context.wrap_socket(accepted, server_side=True) as secure:
                    seen.append(secure.selected_alpn_protocol())
                    secure.recv(1)
            except OSError as error:
                seen.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread, seen


def test_tls_that_agrees_on_h2(listener, certificates):
    """RFC 9113, 3.2."""
    thread, seen = serve_tls(listener, certificates.server_context(alpn=["http/1.1", "h2"]))
    context = certificates.client_context(alpn=["http/1.1"])  # dialling sets its own
    transport = dial(
        "localhost", listener.getsockname()[1], deadline=Deadline(DEADLINE), context=context
    )
    assert type(transport) is TLSTransport
    transport.shutdown()
    transport.close()
    thread.join(DEADLINE)
    assert seen[0] == "h2"


@pytest.mark.parametrize(
    ("alpn", "words"), [((), "the peer chose nothing"), (["http/1.1"], "the peer chose nothing")]
)
def test_tls_that_does_not_agree_on_h2(listener, certificates, alpn, words):
    """RFC 9113, 3.2. A server without common protocol may go on without ALPN, as OpenSSL's does."""
    thread, _ = serve_tls(listener, certificates.server_context(alpn=alpn))
    context = certificates.client_context()
    with pytest.raises(NegotiationError, match=words) as caught:
        dial("localhost", listener.getsockname()[1], deadline=Deadline(DEADLINE), context=context)
    assert "localhost will not speak HTTP/2: 'h2' was offered" in str(caught.value)
    thread.join(DEADLINE)
    assert not thread.is_alive()  # it saw the end: the socket was given back


def test_a_certificate_for_another_name(listener, certificates):
    thread, _ = serve_tls(listener, certificates.server_context(certificates.wrong_name))
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(
            "localhost",
            listener.getsockname()[1],
            deadline=Deadline(DEADLINE),
            context=certificates.client_context(),
        )
    thread.join(DEADLINE)
    assert not thread.is_alive()
