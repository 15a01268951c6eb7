"""RFC 9113, 3.2 and 9.2: what a client says first, by both backends."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from hyper.tls import init_context
from hyper.transport.tls.context import make_filter

SERVER_NAME, ALPN, POST_HANDSHAKE_AUTH = 0, 16, 49  # numbers of extensions


class Hello(NamedTuple):
    """A ClientHello (RFC 8446, 4.1.2)."""

    compression: bytes
    extensions: dict[int, bytes]


def hello_of(context, host):
    """Begin a handshake in memory, and read what the client says first."""
    filter_ = make_filter(context, host, ["h2"], None)
    assert not filter_.handshake()
    octets = memoryview(filter_.take_ciphertext())[5 + 4 + 2 + 32 :]  # record, message, version
    rest = octets[1 + octets[0] :]  # the session's id
    rest = rest[2 + int.from_bytes(rest[:2], "big") :]  # suites
    compression, rest = bytes(rest[1 : 1 + rest[0]]), rest[1 + rest[0] + 2 :]
    extensions = {}
    while rest:
        kind, size = (int.from_bytes(rest[at : at + 2], "big") for at in (0, 2))
        extensions[kind], rest = bytes(rest[4 : 4 + size]), rest[4 + size :]
    return Hello(compression, extensions)


@pytest.fixture
def hello(backend):
    return hello_of(init_context(backend=backend), "example.org")


def test_3_2_alpn_offers_h2_and_never_h2c(hello):
    """ "The 'h2c' protocol identifier MUST NOT be sent by a client"."""
    assert hello.extensions[ALPN] == b"\x00\x03\x02h2"


def test_9_2_the_server_s_name_is_sent_in_sni(hello):
    """ "Clients MUST send the server_name TLS extension"."""
    assert hello.extensions[SERVER_NAME] == b"\x00\x0e\x00\x00\x0bexample.org"


def test_9_2_an_address_is_not_sent_in_sni(backend):
    """ "Literal IPv4 and IPv6 addresses are not permitted" (RFC 6066, 3)."""
    assert SERVER_NAME not in hello_of(init_context(backend=backend), "127.0.0.1").extensions


def test_9_2_1_tls_compresses_nothing(hello):
    """ "A deployment of HTTP/2 over TLS 1.2 MUST disable compression"."""
    assert hello.compression == b"\x00"


def test_9_2_3_no_certificate_is_offered_after_the_handshake(hello):
    """Without this extension, TLS takes a request for a certificate for an error."""
    assert POST_HANDSHAKE_AUTH not in hello.extensions
