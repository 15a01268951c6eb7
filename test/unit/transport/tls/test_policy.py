"""transport/tls/: renegotiation and ciphers that HTTP/2 refuses (RFC 9113, 9.2)."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest

from hyper.tls import init_context
from hyper.transport.tls.context import make_filter
from hyper.transport.tls.policy import is_allowed
from test.unit.transport.tls.conftest import PYPY

# ------------------------------------------------------------------- RFC 9113, 9.2


@pytest.fixture
def renegotiate(certificates, openssl):
    """Have a server ask for another handshake under TLS 1.2, and `check` the client then."""

    def start(context, check, content=b""):
        server_context = openssl.Context(openssl.TLS_SERVER_METHOD)
        server_context.use_certificate_chain_file(certificates.server.certificate)
        server_context.use_privatekey_file(certificates.server.key)
        server_context.set_max_proto_version(openssl.TLS1_2_VERSION)
        server = openssl.Connection(server_context, None)
        server.set_accept_state()
        client = make_filter(context, "localhost", ["h2"])

        def pass_on():
            octets = client.take_ciphertext()
            if octets:
                server.bio_write(octets)
            with suppress(openssl.WantReadError):
                server.do_handshake()
            with suppress(openssl.WantReadError):
                client.feed(memoryview(server.bio_read(65536)))

        for _ in range(5):
            client.handshake()
            pass_on()
        assert client.take_ciphertext() == b""
        if content:
            server.send(content)
        server.renegotiate()
        with suppress(openssl.WantReadError):
            server.do_handshake()
        client.feed(memoryview(server.bio_read(65536)))
        check(client)
        server.bio_write(client.take_ciphertext())  # the alert, or a ClientHello
        return server

    return start


@pytest.mark.parametrize("content", [b"", b"content"])
def test_a_renegotiation_is_refused(certificates, backend, openssl, renegotiate, content):
    """RFC 9113, 9.2.1: an error of the connection, of which the peer is told by an alert."""

    def check(client):
        view = memoryview(bytearray(100))
        if content:  # what came before counts
            assert bytes(view[: client.decrypt_into(view)]) == content
            assert client.has_more
        for _ in range(2):
            with pytest.raises(ssl.SSLError, match="renegotiate TLS, which is forbidden"):
                client.decrypt_into(view)

    server = renegotiate(init_context(certificates.authority, backend=backend), check, content)
    with pytest.raises(openssl.Error, match="no renegotiation"):
        server.recv(1)


def test_a_renegotiation_that_a_callers_own_context_allows(
    certificates, backend, openssl, renegotiate, monkeypatch
):
    """RFC 9113, 9.2.1: the same."""
    monkeypatch.delattr(openssl.Connection, "set_options", raising=False)  # before pyOpenSSL 26

    def check(client):
        with pytest.raises(ssl.SSLError, match="renegotiate TLS, which is forbidden"):
            client.decrypt_into(memoryview(bytearray(100)))

    renegotiate(certificates.own_context(backend, "ECDHE+AESGCM"), check)


@pytest.mark.skipif(PYPY, reason="PyPy does not tell a cipher's kind")
def test_ciphers_are_judged_by_name_as_openssl_judges_them_by_kind():
    """RFC 9113, 9.2.2 and appendix A: of TLS 1.2, all but those both ephemeral and AEAD."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    verdicts = {}
    for cipher in context.get_ciphers():
        if cipher["protocol"] == "TLSv1.3":
            continue
        is_ephemeral = cipher["kea"] in ("kx-ecdhe", "kx-dhe", "kx-ecdhe-psk", "kx-dhe-psk")
        # Diffie and Hellman without a certificate stand in the list, too.
        expected = is_ephemeral and cipher["aead"] and cipher["auth"] != "auth-null"
        verdicts[cipher["name"]] = is_allowed(cipher["name"]) == expected
    assert len(verdicts) > 20
    assert [name for name, is_right in verdicts.items() if not is_right] == []
