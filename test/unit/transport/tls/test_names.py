"""The names in certificates: which hosts they cover, and how both backends show them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import sys

import pytest

from hyper.transport.tls.trust import certificate_covers

NAMES = (
    ("DNS", "Example.org"),
    ("DNS", "*.example.com"),
    ("IP Address", "192.0.2.1"),
    ("DNS", "*.net"),
    ("DNS", "127.0.0.1"),
    ("DNS", "trailing.example.net."),
    ("DNS", "*"),
    ("DNS", "*.*.example.edu"),
    ("IP Address", "name.example.edu"),
)


@pytest.mark.parametrize(
    ("host", "is_covered"),
    [
        ("example.org", True),
        ("EXAMPLE.ORG", True),
        ("example.org.", True),
        ("www.example.org", False),
        ("www.example.com", True),
        ("example.com", False),
        ("a.b.example.com", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("", False),
        ("example", False),
        ("example.org..", False),
        (".example.org", False),
        (".example.com", False),
        ("a..example.com", False),
        ("user@a.example.com", False),
        ("a_b.example.com", False),  # OpenSSL takes letters, digits and hyphens for *
        ("xn--fa-hia.example.com", True),
        ("example.net", False),
        ("trailing.example.net", False),  # OpenSSL keeps the dot of the certificate's name
        ("name.example.edu", False),
        ("a.b.example.edu", False),
        ("192.0.2.1.", False),
        ("127.0.0.1", False),
        ("\u212aa.example.com", False),
        ("*.example.com", True),  # no host is called so; the certificate names it all the same
    ],
)
def test_what_a_certificate_covers(host, is_covered):
    """RFC 9113, 10.1; RFC 6125, 6.4.3: a wildcard stands for one label."""
    assert certificate_covers(NAMES, host) == is_covered


def test_other_kinds_of_names_cover_nothing():
    assert not certificate_covers((("URI", "example.org"), ("email", "example.org")), "example.org")


@pytest.mark.parametrize(
    ("host", "is_covered"),
    [
        ("2001:db8::1", True),
        ("2001:DB8:0::0:1", True),
        ("2001:db8::2", False),
        ("::nonsense", False),
    ],
)
def test_one_address_is_written_in_many_ways(host, is_covered):
    """RFC 5952, 2; how ssl shows it, and how pyOpenSSL's backend does."""
    for name in ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"):
        assert certificate_covers((("IP Address", name),), host) == is_covered
    assert not certificate_covers((("DNS", host),), host)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("::ffff:127.0.0.1", "0:0:0:0:0:FFFF:7F00:1"),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1"),
        ("::", "0:0:0:0:0:0:0:0"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_pyopenssl_shows_an_address_as_ssl_does(tmp_path, address, shown):
    """RFC 5280, 4.2.1.6: an IPv4 address within an IPv6 one has 16 octets, as every IPv6 one."""
    x509 = pytest.importorskip("cryptography.x509")
    pyopenssl = pytest.importorskip("hyper.transport.tls.pyopenssl")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    begin = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - x509 takes it as UTC
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin.replace(2100))
        .add_extension(alternative, critical=True)
        .sign(key, hashes.SHA256())
    )
    assert pyopenssl._alternative_names(certificate) == (("IP Address", shown),)
    path = tmp_path / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    if sys.implementation.name == "cpython":  # PyPy's function returns None for this certificate
        from _ssl import _test_decode_cert

        assert _test_decode_cert(path)["subjectAltName"] == (("IP Address", shown),)
    assert certificate_covers((("IP Address", shown),), address)
