"""Dialling: one deadline for all of it, and an exception that names what failed."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import ExitStack

import pytest

from hyper.errors import NegotiationError, TimedOut
from hyper.transport.dial import dial
from hyper.transport.plain import PlainTransport
from hyper.transport.tls import TLSTransport

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


def test_cleartext_gives_a_plain_transport_that_sends_at_once(listener):
    transport = dial("127.0.0.1", listener.getsockname()[1], timeout=DEADLINE)
    assert type(transport) is PlainTransport
    sock = transport.socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.gettimeout() == 0
    transport.close()


def test_the_source_address_is_used(listener):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    transport = dial(
        "127.0.0.1", listener.getsockname()[1], source_address=("127.0.0.1", free), timeout=DEADLINE
    )
    accepted, address = listener.accept()
    assert address == ("127.0.0.1", free)
    transport.close()
    accepted.close()


def test_refused(listener):
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", port, timeout=DEADLINE)


def test_no_such_host():
    with pytest.raises(socket.gaierror):
        dial("nowhere.invalid", 443, timeout=DEADLINE)


def test_connecting_ends_with_the_timeout(black_hole):
    with pytest.raises(TimedOut, match=f"127.0.0.1, port {black_hole}, within 0.05 s"):
        dial("127.0.0.1", black_hole, timeout=0.05)


def test_one_deadline_covers_all_addresses(black_hole, monkeypatch):
    """A host of five addresses, none of which answers, takes no five timeouts."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", black_hole))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address] * 5)
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        dial("five.example", black_hole, timeout=0.3)
    assert time.monotonic() - begin < 0.9


def test_the_next_address_is_tried(listener, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
        for address in (dead, listener.getsockname())
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    transport = dial("two.example", 443, timeout=DEADLINE)
    assert transport.socket.getpeername() == listener.getsockname()
    transport.close()


def test_a_silent_peer_does_not_stretch_the_handshake(listener, certificates):
    """The deadline goes on from connecting to TLS, and the socket is given back."""
    with pytest.raises(TimedOut, match="handshake"):
        dial(
            "127.0.0.1",
            listener.getsockname()[1],
            timeout=0.05,
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
    transport = dial("localhost", listener.getsockname()[1], timeout=DEADLINE, context=context)
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
        dial("localhost", listener.getsockname()[1], timeout=DEADLINE, context=context)
    assert "localhost will not speak HTTP/2: 'h2' was offered" in str(caught.value)
    thread.join(DEADLINE)
    assert not thread.is_alive()  # it saw the end: the socket was given back


def test_a_certificate_for_another_name(listener, certificates):
    thread, _ = serve_tls(listener, certificates.server_context(certificates.wrong_name))
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(
            "localhost",
            listener.getsockname()[1],
            timeout=DEADLINE,
            context=certificates.client_context(),
        )
    thread.join(DEADLINE)
    assert not thread.is_alive()
