"""Certificates: each case of one list has one verdict by both backends, and ``certificate_covers``,
by which promises and other origins are judged, says what TLS says (RFC 9110, 4.3.4; RFC 9525, 6;
RFC 9113, 8.4, 9.1.1).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hyper.tls import init_context
from hyper.transport.tls.trust import certificate_covers
from test.certificates import Pair
from test.unit.transport.tls.conftest import shake_hands

NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)

# OpenSSL's numbers, which ssl.SSLCertVerificationError.verify_code has.
NOT_YET, EXPIRED = 9, 10
NO_AUTHORITY, NOT_FOR_SERVERS = 79, 26
TOO_LONG_A_PATH, NOT_PERMITTED = 25, 47
WRONG_NAME, WRONG_ADDRESS = 62, 64
NO_ISSUER = 20


# id-on-dnsSRV (RFC 4985, 2).
SERVICE = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")


def dns(*names):
    # The library checks what it writes; odd entries are written past its check.
    return [x509.DNSName._init_without_validation(name) for name in names]


def ip(*addresses):
    return [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]


class Case(NamedTuple):
    """Names of a certificate, the host that is asked for, and the number of the refusal, or 0.

    by_pyopenssl: what service_identity makes of it, where that is stricter (docs/tls.rst).
    """

    names: list[Any]
    host: str
    code: int = 0
    by_pyopenssl: int | None = None


NAMES = {
    "the name": Case(dns("a.example"), "a.example"),
    "in upper case": Case(dns("A.Example"), "a.EXAMPLE"),
    "one of many": Case(dns("b.example", "a.example"), "a.example"),
    "another": Case(dns("b.example"), "a.example", WRONG_NAME),
    "one above": Case(dns("example"), "a.example", WRONG_NAME),
    "one below": Case(dns("a.b.example"), "b.example", WRONG_NAME),
    "its end alone": Case(dns("a.example"), "xa.example", WRONG_NAME),
    "no names": Case([], "a.example", WRONG_NAME),
    "a wildcard": Case(dns("*.b.example"), "a.b.example"),
    "a wildcard for a hyphen": Case(dns("*.b.example"), "a-1.b.example"),
    "a wildcard in upper case": Case(dns("*.B.example"), "A.b.EXAMPLE"),
    "a wildcard for the parent": Case(dns("*.b.example"), "b.example", WRONG_NAME),
    "a wildcard for two labels": Case(dns("*.b.example"), "x.a.b.example", WRONG_NAME),
    "a wildcard of a top-level domain": Case(dns("*.example"), "a.example", WRONG_NAME),
    "a wildcard alone": Case(dns("*"), "localhost", WRONG_NAME),
    "a wildcard in the middle": Case(dns("a.*.example"), "a.b.example", WRONG_NAME),
    "two wildcards": Case(dns("*.*.example"), "a.b.example", WRONG_NAME),
    "a wildcard for an A-label": Case(
        dns("*.b.example"), "xn--fa-hia.b.example", by_pyopenssl=WRONG_NAME
    ),
    "a name with an underscore": Case(dns("a_b.example"), "a_b.example"),
    "a wildcard for an underscore": Case(dns("*.b.example"), "a_b.b.example", WRONG_NAME),
    "an A-label": Case(dns("xn--fa-hia.example"), "xn--fa-hia.example"),
    "an A-label of 2003": Case(dns("fass.example"), "xn--fa-hia.example", WRONG_NAME),
    "an address": Case(ip("192.0.2.1"), "192.0.2.1"),
    "another address": Case(ip("192.0.2.1"), "192.0.2.2", WRONG_ADDRESS),
    "an address as a name": Case(dns("192.0.2.1"), "192.0.2.1", WRONG_ADDRESS),
    "an address for a wildcard": Case(dns("*.0.2.1"), "192.0.2.1", WRONG_ADDRESS),
    "an IPv6 address": Case(ip("2001:db8::1"), "2001:db8::1"),
    "an IPv6 address, written out": Case(ip("2001:db8::1"), "2001:0DB8:0:0::0:1"),
    "a mapped address": Case(ip("::ffff:192.0.2.1"), "::ffff:192.0.2.1"),
    "a mapped address for the one in it": Case(ip("::ffff:192.0.2.1"), "192.0.2.1", WRONG_ADDRESS),
    "an address for the mapped one": Case(ip("192.0.2.1"), "::ffff:192.0.2.1", WRONG_ADDRESS),
    "a mapped address beside the name": Case(
        dns("localhost") + ip("::ffff:127.0.0.1"), "localhost"
    ),
    "a mapped address beside a name": Case(
        dns("localhost") + ip("::ffff:127.0.0.1"), "::ffff:127.0.0.1"
    ),
    "the address in a mapped one, beside a name": Case(
        dns("localhost") + ip("::ffff:127.0.0.1"), "127.0.0.1", WRONG_ADDRESS
    ),
    "another IPv6 address": Case(ip("2001:db8::1"), "2001:db8::2", WRONG_ADDRESS),
    "an IPv6 address as a name": Case(dns("2001:db8::1"), "2001:db8::1", WRONG_ADDRESS),
    "other kinds": Case(
        [x509.UniformResourceIdentifier("https://a.example"), x509.RFC822Name("x@a.example")],
        "a.example",
        WRONG_NAME,
    ),
    "other kinds beside the name": Case(
        [
            x509.UniformResourceIdentifier("https://b.example"),
            x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
            x509.OtherName(SERVICE, b"\x16\x10_https.b.example"),
            x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "b")])),
            *dns("a.example"),
        ],
        "a.example",
    ),
    "the name of the subject alone": Case(
        [x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")]))],
        "a.example",
        WRONG_NAME,
    ),
    "a malformed name of a service beside the name": Case(
        [x509.OtherName(SERVICE, b"\x16\x01x"), *dns("a.example")],
        "a.example",
        by_pyopenssl=WRONG_NAME,
    ),
    "a dot at the end of the certificate's": Case(dns("a.example."), "a.example", WRONG_NAME),
    "a NUL in the name": Case(dns("a.example\0.evil.example"), "a.example", WRONG_NAME),
    "an empty name": Case(dns(""), "a.example", WRONG_NAME),
    "an empty name beside the right one": Case(
        dns("", "a.example"), "a.example", by_pyopenssl=WRONG_NAME
    ),
    "a name with a space before it": Case(dns(" a.example"), "a.example", WRONG_NAME),
}


class Authority:
    """Issues certificates of any make."""

    def __init__(self, issuer=None, path_length=None, is_authority=True, permitted=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"authority {x509.random_serial_number()}")]
        )
        self.above = [] if issuer is None else [*issuer.above, self]
        builder = self.builder(self.name, self.key.public_key(), issuer or self)
        builder = builder.add_extension(
            x509.BasicConstraints(is_authority, path_length if is_authority else None), True
        )
        # From Python 3.13 on, ssl asks for it (VERIFY_X509_STRICT).
        builder = builder.add_extension(
            x509.KeyUsage(True, False, False, False, False, is_authority, False, False, False), True
        )
        if permitted:
            builder = builder.add_extension(x509.NameConstraints(permitted, None), True)
        self.certificate = builder.sign((issuer or self).key, hashes.SHA256())

    def builder(self, subject, public_key, issuer, begin=NOW - DAY, end=NOW + DAY):
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        return (
            x509.CertificateBuilder(
                issuer.name, subject, public_key, x509.random_serial_number(), begin, end
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
            .add_extension(identifier, False)
        )

    def issue(self, directory, names, begin=NOW - DAY, end=NOW + DAY, usage=None, common_name=""):
        """A server's context with a certificate for these names, and those above it."""
        key = ec.generate_private_key(ec.SECP256R1())
        # With an empty subject the alternative names would have to be critical (RFC 5280, 4.2.1.6).
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tests")]
        if common_name:
            subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        subject = x509.Name(subject)
        builder = self.builder(subject, key.public_key(), self, begin, end)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        leaf = builder.sign(self.key, hashes.SHA256())
        pair = Pair(str(directory / "leaf.pem"), str(directory / "leaf.key"))
        chain = [leaf, *[each.certificate for each in reversed(self.above)]]
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "leaf.pem").write_bytes(b"".join(pem(each) for each in chain))
        (directory / "leaf.key").write_bytes(secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        context.set_alpn_protocols(["h2"])
        return context


def pem(certificate):
    return certificate.public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def root():
    return Authority()


def judged(root, server, host, backend):
    """The number of the refusal, or 0."""
    try:
        shake_hands(server, init_context(pem(root.certificate), backend=backend), host)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


@pytest.mark.parametrize("names", [(), ("b.example",)])
def test_the_common_name_of_the_subject_names_no_server(root, tmp_path, backend, names):
    """ "A reference identity of type CN-ID MUST NOT be used by clients" (RFC 9110, 4.3.4)."""
    server = root.issue(tmp_path, dns(*names), common_name="a.example")
    assert judged(root, server, "a.example", backend) == WRONG_NAME


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_s_names_have_one_verdict_by_both_backends(root, tmp_path, backend, name):
    case = NAMES[name]
    code = case.code if backend == "ssl" or case.by_pyopenssl is None else case.by_pyopenssl
    assert judged(root, root.issue(tmp_path, case.names), case.host, backend) == code


@pytest.mark.parametrize("name", NAMES)
def test_a_promise_is_judged_as_tls_judges(name):
    """RFC 9113, 8.4.2: by the same names, which the handshake has verified."""
    case = NAMES[name]
    shown = [
        ("DNS" if isinstance(each, x509.DNSName) else "IP Address", str(each.value))
        for each in case.names
        if isinstance(each, (x509.DNSName, x509.IPAddress))
    ]
    assert certificate_covers(tuple(shown), case.host) == (case.code == 0)


CHAINS = {
    "by the authority": (lambda root: root, {}, 0),
    "by one between": (Authority, {}, 0),
    "by two between": (lambda root: Authority(Authority(root)), {}, 0),
    "by one that is no authority": (
        lambda root: Authority(root, is_authority=False),
        {},
        NO_AUTHORITY,
    ),
    "by one too far below": (
        lambda root: Authority(Authority(root, path_length=0)),
        {},
        TOO_LONG_A_PATH,
    ),
    "by a stranger": (lambda _: Authority(), {}, NO_ISSUER),
    "by one for other names": (
        lambda root: Authority(root, permitted=dns("b.example")),
        {},
        NOT_PERMITTED,
    ),
    "by one for these names": (lambda root: Authority(root, permitted=dns("example")), {}, 0),
    "not yet valid": (lambda root: root, {"begin": NOW + DAY, "end": NOW + 2 * DAY}, NOT_YET),
    "expired": (lambda root: root, {"begin": NOW - 2 * DAY, "end": NOW - DAY}, EXPIRED),
    "for servers": (lambda root: root, {"usage": ExtendedKeyUsageOID.SERVER_AUTH}, 0),
    "for any purpose": (
        lambda root: root,
        {"usage": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE},
        NOT_FOR_SERVERS,
    ),
    "for clients": (lambda root: root, {"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, NOT_FOR_SERVERS),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_has_one_verdict_by_both_backends(root, tmp_path, backend, name):
    """RFC 5280, 6: who has signed, since when, until when, and for what."""
    issuer, options, code = CHAINS[name]
    server = issuer(root).issue(tmp_path, dns("a.example"), **options)
    assert judged(root, server, "a.example", backend) == code


# The certificate that the pin knows, the signer of the server's, and whether that is verified and
# accepted.
PINS = {
    "the server's, verified": ("own", "between", True, True),
    "the server's, verified in vain": ("own", "stranger", True, False),
    "the server's alone": ("own", "stranger", False, True),
    "another": ("another", "between", True, False),
    "another alone": ("another", "between", False, False),
    # It is public: whoever has a key may send it behind a certificate of its own.
    "an authority's that is sent and not verified": ("authority", "between", False, False),
}


@pytest.mark.parametrize("name", PINS)
def test_a_pin_has_one_verdict_by_both_backends(root, tmp_path, backend, name):
    known, signer, verify, is_accepted = PINS[name]
    between = Authority(root) if signer == "between" else Authority(Authority())
    server = between.issue(tmp_path, dns("a.example"))
    leaf, end, _ = (tmp_path / "leaf.pem").read_text().partition("-----END CERTIFICATE-----")
    pinned = {
        "own": ssl.PEM_cert_to_DER_cert(leaf + end),
        "authority": between.certificate.public_bytes(Encoding.DER),
        "another": root.certificate.public_bytes(Encoding.DER)[::-1],
    }[known]
    authorities = pem(root.certificate) if verify else None
    context = init_context(
        authorities, verify=verify, pin=lambda chain: pinned in chain, backend=backend
    )
    if is_accepted:
        shake_hands(server, context, "a.example")
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(server, context, "a.example")


def test_a_pin_sees_what_was_verified(root, tmp_path, backend):
    """RFC 9110, 4.3.4: the chain that led to trust, its own certificate first."""
    between = Authority(root)
    server = between.issue(tmp_path, dns("a.example"))
    seen = []
    context = init_context(
        pem(root.certificate), pin=lambda c: seen.append(c) or 1, backend=backend
    )
    shake_hands(server, context, "a.example")
    chain = [each.public_bytes(Encoding.DER) for each in (between.certificate, root.certificate)]
    assert len(seen) == 1
    # Before Python 3.13, ssl has no way to give more than the first.
    assert seen[0][1:] in (chain, []) if backend == "ssl" else seen[0][1:] == chain
