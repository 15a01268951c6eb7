"""TLS sessions from one connection to the next, and contexts that are shared (RFC 8446, 2.2)."""

from __future__ import annotations

import ssl
import threading

import pytest
import trustme

from hyper import HTTP20Connection, HTTPSConnection, NegotiationError
from hyper.errors import ErrorCode
from hyper.tls import init_context
from test.scripted.steps import want

DEADLINE = 10
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture
def start(scripted_peer, certificates):
    """A peer of so many connections that notes of each whether its session was resumed."""

    def begin(count, **options):
        def script(peer):
            for number in range(count):
                if number:
                    peer.accept()
                peer.handshake()
                resumed.append(peer.socket.session_reused)
                want(peer)
                peer.write_response(1 + 2 * number)
                peer.want_goaway()

        resumed = []
        peer = scripted_peer(script, certificates.server_context(**options))
        return peer, resumed

    return begin


def get(connection):
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.status == 200
    response.read()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_reconnect_resumes(start, certificates, backend, version):
    """RFC 5077; RFC 8446, 4.6.1: under TLS 1.3 the ticket comes after the handshake."""
    peer, resumed = start(4, versions=(VERSIONS[version], VERSIONS[version]))
    context = init_context(certificates.authority, backend=backend)
    connection = HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE)
    for _ in range(4):
        get(connection)
        assert connection.sock.getpeercert()["subjectAltName"]
        assert ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True))
        connection.close()
    peer.join()
    assert resumed == [False, True, True, True]


def test_another_connection_has_a_session_of_its_own(start, certificates, backend):
    """Nothing that one HTTP20Connection has seen is told by another that shares its context."""
    peer, resumed = start(2)
    context = init_context(certificates.authority, backend=backend)
    for stream_id in (1, 3):
        options = {"ssl_context": context, "timeout": DEADLINE}
        with HTTP20Connection("localhost", peer.port, **options) as connection:
            if stream_id == 1:
                get(connection)
            else:
                connection.connect()
                connection._pumps.current.endpoint.next_stream_id = 3
                get(connection)
    peer.join()
    assert resumed == [False, False]


def test_a_certificate_of_4400_names_does_not_make_close_raise(scripted_peer, backend):
    """A session has the server's certificate in it, and ssl copies none of 64 KiB or more."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    names = [f"n{number}.example" for number in range(4400)]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_alpn_protocols(["h2"])
    leaf = authority.issue_cert("localhost", *names, key_type=trustme.KeyType.ECDSA)
    leaf.configure_cert(server)

    def script(peer):
        for number in range(2):
            if number:
                peer.accept()
            peer.handshake()
            want(peer)
            peer.write_response(1 + 2 * number)
            peer.want_goaway()

    peer = scripted_peer(script, server)
    context = init_context(authority.cert_pem.bytes(), backend=backend)
    connection = HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE)
    for _ in range(2):
        get(connection)
        connection.close()
    peer.join()


def test_a_pin_is_asked_each_time(start, certificates, backend):
    """A resumed session has no chain that it could be asked about."""
    asked = []
    peer, resumed = start(2)
    context = init_context(
        certificates.authority,
        backend=backend,
        pin=lambda chain: asked.append(chain) or True,
    )
    connection = HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE)
    for _ in range(2):
        get(connection)
        assert connection.sock.getpeercert(True) == asked[-1][0]
        connection.close()
    peer.join()
    assert resumed == [False, False]
    assert len(asked) == 2


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384"])
def test_a_callers_own_context_may_agree_on_too_little(
    scripted_peer, certificates, backend, cipher
):
    """RFC 9113, 9.2.2: INADEQUATE_SECURITY."""
    versions = (VERSIONS["1.2"], VERSIONS["1.2"])
    server_context = certificates.server_context(versions=versions)
    server_context.set_ciphers(cipher)
    peer = scripted_peer(lambda peer: peer.want_refusal(), server_context)
    context = certificates.own_context(backend, cipher)
    connection = HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE)
    with pytest.raises(NegotiationError, match=f"inadequate security: .*{cipher}") as caught:
        connection.request("GET", "/")
    assert caught.value.error_code == ErrorCode.INADEQUATE_SECURITY
    assert connection.sock is None


def test_the_drop_in_does_not_go_http2_over_it_either(scripted_peer, certificates):
    """RFC 9113, 9.2.2."""
    server_context = certificates.server_context(versions=(VERSIONS["1.2"], VERSIONS["1.2"]))
    server_context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    peer = scripted_peer(lambda peer: peer.want_refusal(), server_context)
    context = certificates.own_context("ssl", "ECDHE-ECDSA-AES128-SHA256")
    connection = HTTPSConnection("localhost", peer.port, context=context, timeout=DEADLINE)
    with pytest.raises(NegotiationError, match="inadequate security"):
        connection.request("GET", "/")
    connection.close()


def test_connections_that_share_a_context_offer_what_each_wants(scripted_peer, certificates):
    """The context's list of protocols is one for all: it is set in the moment of its use."""
    context = certificates.client_context(())
    done = threading.Event()

    def old(peer):
        peer.accept()
        peer.want_until()
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert done.wait(DEADLINE)

    def new(peer):
        peer.handshake()
        want(peer)
        peer.write_response(1)
        peer.want_goaway()

    first = scripted_peer(old, certificates.server_context(alpn=["http/1.1"]))
    second = scripted_peer(new, certificates.server_context())
    dropin = HTTPSConnection("localhost", first.port, context=context, timeout=DEADLINE)
    connect = dropin._create_connection

    def connect_slowly(*arguments, **options):
        """Between the beginning of one connection and its handshake there is another."""
        options_of_other = {"ssl_context": context, "timeout": DEADLINE}
        with HTTP20Connection("localhost", second.port, **options_of_other) as other:
            get(other)
        return connect(*arguments, **options)

    dropin._create_connection = connect_slowly
    dropin.request("GET", "/")
    assert dropin.sock.selected_alpn_protocol() == "http/1.1"
    assert dropin.getresponse().version == 11
    done.set()
    dropin.close()
