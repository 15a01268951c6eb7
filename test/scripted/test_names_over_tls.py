"""Names over TLS: what is asked for, whom a certificate covers, and what a pin proves
(RFC 6066, 3; RFC 9110, 4.3.4; RFC 9113, 8.4, 9.1.1).
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import warnings

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hyper import HTTP20Connection, ProxyError
from hyper.errors import InvalidURL, LocalProtocolError
from hyper.proxies import Proxy
from hyper.testing import DEADLINE, wire
from hyper.tls import init_context
from test.certificates import Pair

OK = [(":status", "200")]


@pytest.fixture
def context(certificates, backend):
    """A context of each backend, trusting the tests' authority."""
    return certificates.hyper_context(backend=backend)


def noting(context):
    """Have a server's context note the names that clients ask for (SNI)."""
    seen = []

    def note(_sock, name, _context):
        seen.append(name)

    context.sni_callback = note
    return seen


# ---- the root's dot ----


@pytest.fixture(autouse=True)
def resolver(monkeypatch):
    """One that knows "localhost." as every DNS does; the system's need not."""
    ask = socket.getaddrinfo

    def answer(host, *rest, **more):
        return ask("localhost" if host == "localhost." else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_the_dot_of_the_root_is_no_part_of_the_name_in_tls(scripted_peer, certificates, context):
    """RFC 6066, 3: SNI goes "without a trailing dot"; and so do certificates."""
    server = certificates.server_context()
    seen = noting(server)

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write_response(1, b"content")

    peer = scripted_peer(script, server)
    with HTTP20Connection("localhost.", peer.port, ssl_context=context, timeout=DEADLINE) as made:
        assert made.getresponse(made.request("GET", "/")).read() == b"content"
    assert seen == ["localhost"]


def test_the_dot_of_the_root_is_no_part_of_an_https_proxys_name(
    scripted_peer, certificates, context
):
    """RFC 6066, 3: the proxy's certificate alike."""
    server = certificates.server_context(alpn=("http/1.1",))
    seen = noting(server)

    def script(peer):
        peer.want_until()
        peer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    peer = scripted_peer(script, server)
    proxy = Proxy(f"https://localhost.:{peer.port}", ssl_context=context)
    made = HTTP20Connection("example.org", 443, proxy=proxy, timeout=DEADLINE)
    with pytest.raises(ProxyError, match="403"):
        made.request("GET", "/")
    assert seen == ["localhost"]


# ---- promises ----


def promise(peer, path, authority):
    return [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", f"{authority}:{peer.port}"),
        (":path", path),
    ]


AUTHORITIES = {
    "user@a.example.org": False,
    "localhost#.example.org": False,
    "localhost/.example.org": False,
    "localhost?.example.org": False,
    "localhost\\.example.org": False,
    "[a.example.org]": False,
    ".example.org": False,
    "a..example.org": False,
    "a b.example.org": False,
    "a.b.example.org": False,
    "*.example.org": False,
    "\xe4" * 8_000 + ".example.org": False,
    "a.example.org": True,
    "A.Example.ORG": True,
    "localhost": True,
    "localhost.": True,
}


@pytest.mark.parametrize("authority", AUTHORITIES, ids=lambda name: name[:24])
def test_a_promise_is_taken_for_authorities_that_the_certificate_covers(
    scripted_peer, tmp_path, backend, authority
):
    """RFC 9113, 8.3.1, 8.4.2: what is no authority is malformed, whatever it ends in."""
    issuer = trustme.CA()
    leaf = issuer.issue_cert("localhost", "*.example.org")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server)
    server.set_alpn_protocols(["h2"])
    authorities = tmp_path / "authority.pem"
    issuer.cert_pem.write_to_path(str(authorities))

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write_push(1, 2, promise(peer, "/pushed", authority), stateless=True)
        if not AUTHORITIES[authority]:
            assert peer.want_rst(2) in (wire.PROTOCOL_ERROR, wire.REFUSED_STREAM)
        peer.write_response(1, b"page")

    peer = scripted_peer(script, server, 1.5)
    context = init_context(str(authorities), backend=backend)
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=3) as made:
        stream_id = made.request("GET", "/")
        assert made.getresponse(stream_id).read() == b"page"
        assert len(list(made.getpushes(stream_id))) == AUTHORITIES[authority]


# ---- origins that this connection is not for ----


def test_an_origin_that_the_certificate_does_not_cover_is_not_asked_for(
    scripted_peer, certificates, context
):
    """RFC 9113, 9.1.1: secrets would go to a server that was not proven to be that one."""

    def script(peer):
        peer.handshake()
        assert (":path", "/own") in peer.want_headers()
        peer.write_response(peer.last.stream_id, b"own")

    peer = scripted_peer(script, certificates.server_context())
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE) as made:
        for url in (
            f"https://other.example:{peer.port}/",
            f"https://localhost:{peer.port + 1}/",
            f"http://localhost:{peer.port}/",
        ):
            with pytest.raises((InvalidURL, LocalProtocolError), match=r"9\.1\.1"):
                made.request("GET", url, headers={"authorization": "Basic c2VjcmV0"})
        stream_id = made.request("GET", f"https://localhost:{peer.port}/own")
        assert made.getresponse(stream_id).read() == b"own"


@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}])
def test_an_https_origin_is_not_asked_for_in_cleartext(scripted_peer, headers):
    """RFC 9110, 4.2.2: "A client MUST ensure that its HTTP requests [...] are secured"."""

    def script(peer):
        peer.handshake()
        assert (":path", "/own") in peer.want_headers()
        peer.write_response(peer.last.stream_id, b"own")

    peer = scripted_peer(script)
    with HTTP20Connection(peer.host, peer.port, secure=False, timeout=DEADLINE) as made:
        for url in (f"https://{peer.host}:{peer.port}/", "https://other.example/"):
            with pytest.raises(InvalidURL, match=r"9\.1\.1"):
                made.request("GET", url, headers=headers)
        stream_id = made.request("GET", "/own", headers=headers)
        assert made.getresponse(stream_id).read() == b"own"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_origin_that_the_certificate_covers_may_be_asked_for(
    scripted_peer, certificates, context, host
):
    """RFC 9113, 9.1.1: the names of the certificate are enough."""

    def script(peer):
        peer.handshake()
        assert (":authority", f"{host}:{peer.port}") in peer.want_headers(1)
        peer.write_response(1, b"content")

    peer = scripted_peer(script, certificates.server_context())
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE) as made:
        stream_id = made.request("GET", f"https://{host}:{peer.port}/")
        assert made.getresponse(stream_id).read() == b"content"


def test_a_host_field_is_the_callers_word_for_another_authority(
    scripted_peer, certificates, context
):
    """RFC 9113, 8.3.1, 9.1.1: whoever tests a server by its address says so by Host."""

    def script(peer):
        peer.handshake()
        assert (":authority", "other.example") in peer.want_headers(1)
        peer.write_response(1, b"content")

    peer = scripted_peer(script, certificates.server_context())
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE) as made:
        stream_id = made.request("GET", "/", headers={"host": "other.example"})
        assert made.getresponse(stream_id).read() == b"content"


# ---- pins ----


def forged(certificates, directory):
    """A chain whose leaf names the tests' authority as its issuer, and was signed by nobody of it;
    the authority's public certificate stands behind it.
    """
    with open(certificates.authority, "rb") as public:  # noqa: PTH123
        authority = x509.load_pem_x509_certificate(public.read())
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.timezone.utc)
    leaf = (
        x509.CertificateBuilder(
            issuer_name=authority.subject,
            subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1),
            not_valid_after=now + dt.timedelta(days=1),
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(str(directory / "forged.pem"), str(directory / "forged.key"))
    pem = [each.public_bytes(Encoding.PEM) for each in (leaf, authority)]
    (directory / "forged.pem").write_bytes(b"".join(pem))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "forged.key").write_bytes(secret)
    return pair, leaf.public_bytes(Encoding.DER)


def test_a_pin_without_verification_sees_the_leaf_alone(
    scripted_peer, certificates, backend, tmp_path
):
    """RFC 9110, 4.3.4: nothing behind it was proven: anybody may send what others published."""
    pair, leaf = forged(certificates, tmp_path)
    seen = []

    def script(peer):
        peer.handshake()
        peer.want_headers(1)
        peer.write_response(1, b"content")

    peer = scripted_peer(script, certificates.server_context(pair))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = init_context(
            verify=False, pin=lambda chain: seen.append(chain) or True, backend=backend
        )
    with HTTP20Connection("localhost", peer.port, ssl_context=context, timeout=DEADLINE) as made:
        assert made.getresponse(made.request("GET", "/")).read() == b"content"
    assert seen == [[leaf]]
