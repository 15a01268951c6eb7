"""transport/tls/: a pin is asked whom to trust, on each handshake."""

from __future__ import annotations

import socket
import ssl
import threading
import types
from contextlib import suppress

import pytest

from hyper.tls import init_context
from test.unit.transport.tls.conftest import DEADLINE, read, shake_hands


class Pinned:
    """A pin that notes what it is asked, and agrees or not."""

    def __init__(self, verdict):
        self.verdict, self.chains = verdict, []

    def __call__(self, chain):
        self.chains.append(chain)
        return self.verdict


def wrap(context, server_context):
    """A socket of the context, its handshake done, as http.client and urllib3 make one."""
    here, there = socket.socketpair()
    here.settimeout(DEADLINE)

    def serve():
        with suppress(OSError), server_context.wrap_socket(there, server_side=True) as secure:
            secure.recv(1)
        there.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with here, context.wrap_socket(here, server_hostname="localhost"):
            pass
    finally:
        thread.join(DEADLINE)


def test_a_pin_is_asked_after_each_handshake_whoever_makes_it(certificates):
    """The context is given to http.client, urllib3, httpx, and they ask nobody."""
    for verdict in (True, False):
        pin = Pinned(verdict)
        context = init_context(verify=False, pin=pin, backend="ssl")
        if verdict:
            wrap(context, certificates.server_context(certificates.stranger))
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
                wrap(context, certificates.server_context(certificates.stranger))
        own = ssl.PEM_cert_to_DER_cert(read(certificates.stranger.certificate).decode())
        assert [chain[0] for chain in pin.chains] == [own]


@pytest.mark.parametrize("verb", ["send", "sendall", "write", "recv", "read"])
def test_a_pin_is_asked_before_octets_flow_where_nobody_shook_hands(certificates, verb):
    """OpenSSL does it by itself, then."""
    context = init_context(verify=False, pin=Pinned(False), backend="ssl")
    make = context.wrap_socket

    def wrap_and_use(sock, server_hostname):
        secure = make(sock, server_hostname=server_hostname, do_handshake_on_connect=False)
        with secure:
            getattr(secure, verb)(1 if verb in ("recv", "read") else b"secret")

    with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
        wrap(types.SimpleNamespace(wrap_socket=wrap_and_use), certificates.server_context())


@pytest.mark.parametrize("verdict", [True, False])
def test_a_pin_is_asked_before_octets_of_an_object_flow(certificates, verdict):
    context = init_context(verify=False, pin=Pinned(verdict), backend="ssl")
    incoming, outgoing, received = ssl.MemoryBIO(), ssl.MemoryBIO(), []
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context().wrap_bio(ours, theirs, server_side=True)

    def converse():
        for _ in range(5):
            with suppress(ssl.SSLWantReadError):
                client.write(b"secret")
            ours.write(outgoing.read())
            with suppress(ssl.SSLWantReadError):
                received.append(server.read(6))
            incoming.write(theirs.read())

    if verdict:
        converse()
        assert b"secret" in received
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
            converse()
        assert not received


def test_a_pin_of_a_context_of_truststore(certificates, monkeypatch):
    """Its classes, which judge, are kept."""
    truststore = pytest.importorskip("truststore")
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority)
    monkeypatch.setattr(
        "hyper.transport.tls.stdlib._system_context",
        lambda: truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    for verdict in (True, False):
        pin = Pinned(verdict)
        context = init_context(pin=pin, backend="ssl")
        judges = context._ctx.sslsocket_class, context._ctx.sslobject_class
        assert all("truststore" in str(judge.__mro__) for judge in judges)
        for meet in (wrap, lambda own, served: shake_hands(served, own)):
            if verdict:
                meet(context, certificates.server_context())
            else:
                with pytest.raises(ssl.SSLCertVerificationError, match="refused by the pin"):
                    meet(context, certificates.server_context())
        assert len(pin.chains) == 2


def test_a_pin_needs_no_warning(certificates, backend):
    """A server that a pin accepts is verified, by the pin."""
    init_context(verify=False, pin=len, backend=backend)  # a warning is an error here
