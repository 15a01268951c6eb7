"""TLS with servers whose OpenSSL is not ours (RFC 9113, 9.2), over both backends."""

from __future__ import annotations

import ssl

import pytest

from hyper import HTTP20Connection, HTTPSConnection, NegotiationError
from hyper.errors import ErrorCode
from hyper.tls import init_context

PATIENCE = 30


@pytest.fixture
def connect(certificates, backend):
    """A connection to a server; the options are init_context's."""

    def start(server, cert=None, **options):
        context = init_context(certificates.authority, cert, backend=backend, **options)
        return HTTP20Connection(server.host, server.port, ssl_context=context, timeout=PATIENCE)

    return start


def get(connection, path="/hello"):
    response = connection.getresponse(connection.request("GET", path))
    response.read()
    return response


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_nginx_resumes(server, connect, version):
    """RFC 5077; RFC 8446, 2.2."""
    directives = [f"ssl_protocols {version};", "add_header x-reused $ssl_session_reused;"]
    connection = connect(server("nginx", directives=directives))
    seen = []
    for _ in range(3):
        seen.append(get(connection).getheader("x-reused"))
        assert connection.sock.version() == version
        connection.close()
    assert seen == [".", "r", "r"]


def test_nginx_that_ends_connections_resumes(server, connect):
    """After GOAWAY, too (RFC 9113, 6.8)."""
    directives = ["add_header x-reused $ssl_session_reused;"]
    with connect(server("nginx", directives=directives, keepalive_requests=2)) as connection:
        seen = [get(connection).getheader("x-reused") for _ in range(6)]
    assert seen[:2] == [".", "."]
    assert set(seen[2:]) == {"r"}


@pytest.mark.parametrize(
    "name", ["nghttpd", "node", "apache", "h2o", "caddy", "hypercorn", "haproxy"]
)
def test_others_are_reconnected_to(request, connect, name):
    """Whatever each of them thinks of our tickets."""
    connection = connect(request.getfixturevalue(name))
    for _ in range(3):
        assert get(connection, "/").status == 200
        connection.close()


def test_a_server_of_prohibited_ciphers(server, certificates, connect, backend):
    """RFC 9113, 9.2.2 and appendix A."""
    cipher = "ECDHE-ECDSA-AES128-SHA256"
    running = server("nginx", directives=["ssl_protocols TLSv1.2;", f"ssl_ciphers {cipher};"])
    with pytest.raises(ssl.SSLError):
        get(connect(running))
    context = certificates.own_context(backend, cipher)
    connection = HTTP20Connection(running.host, running.port, ssl_context=context, timeout=PATIENCE)
    with pytest.raises(NegotiationError, match=f"inadequate security: .*{cipher}") as caught:
        get(connection)
    assert caught.value.error_code == ErrorCode.INADEQUATE_SECURITY


def test_client_certificates(server, certificates, connect):
    """nginx answers 400 where one is missing."""
    directives = ["ssl_verify_client on;", f"ssl_client_certificate {certificates.authority};"]
    running = server("nginx", directives=directives)
    with connect(running, tuple(certificates.client)) as connection:
        assert get(connection).status == 200
    with connect(running) as connection:
        assert get(connection).status == 400


@pytest.mark.parametrize("pair", ["wrong_name", "expired", "stranger"])
def test_certificates_that_do_not_convince(server, certificates, connect, pair):
    running = server("nginx", pair=getattr(certificates, pair))
    with pytest.raises(ssl.SSLCertVerificationError):
        get(connect(running))


@pytest.mark.parametrize("http2", [True, False], ids=["HTTP/2", "HTTP/1.1"])
def test_the_drop_in_to_nginx_that_ends_connections(server, certificates, backend, http2):
    """After GOAWAY and close_notify (RFC 9113, 6.8; RFC 8446, 6.1) it goes on with the next."""
    running = server("nginx", keepalive_requests=2, http2=http2)
    context = init_context(certificates.authority, backend=backend)
    connection = HTTPSConnection(running.host, running.port, context=context, timeout=PATIENCE)
    for _ in range(5):
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.version == (20 if http2 else 11)
        assert response.read()
    connection.close()


@pytest.mark.parametrize("kind", [HTTP20Connection, HTTPSConnection])
def test_a_server_that_wants_a_certificate(server, certificates, backend, kind):
    """Under TLS 1.3 it says so after the handshake, by an alert (RFC 8446, 4.4.2.4): Apache."""
    directives = ["SSLVerifyClient require", f"SSLCACertificateFile {certificates.authority}"]
    running = server("apache", directives=directives)
    context = init_context(certificates.authority, backend=backend)
    option = "ssl_context" if kind is HTTP20Connection else "context"
    connection = kind(running.host, running.port, timeout=PATIENCE, **{option: context})

    def ask():
        connection.request("GET", "/")
        connection.getresponse()

    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
        ask()
    connection.close()
