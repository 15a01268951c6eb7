"""Certificates for the tests, made anew at each run by PyPI's trustme, so that none is kept and
none expires.

One authority issues them all. `Certificates(directory)` writes what servers read from files, and
makes the contexts that the standard library's ssl wants on either side.
"""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hyper.tls import init_context

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("localhost", "127.0.0.1", "::1")
IDNA_NAME = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)


class Pair(NamedTuple):
    """Paths of a certificate chain and of its private key, both PEM."""

    certificate: str
    key: str


class Certificates:
    """An authority and what it issued, as PEM files in `directory`.

    `authority` is the path to trust. `server` is for localhost, 127.0.0.1 and ::1, `wrong_name` for
    another host. `expired` was valid once. `client` names a client, for servers that ask for one.
    `stranger` has the right names from an authority that nobody trusts. `self_signed` is its own
    authority, and for localhost. `address` is for 127.0.0.1 alone, `idna` for IDNA_NAME. `nameless`
    is self-signed too, and has localhost as its common name only.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = trustme.CA()
        self.authority = str(directory / "authority.pem")
        authority.cert_pem.write_to_path(self.authority)
        self.server = self._write("server", authority.issue_cert(*NAMES))
        self.wrong_name = self._write("wrong_name", authority.issue_cert("wrong.invalid"))
        expired = authority.issue_cert(
            *NAMES, not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1)
        )
        self.expired = self._write("expired", expired)
        self.client = self._write("client", authority.issue_cert("client@localhost"))
        self.stranger = self._write("stranger", trustme.CA().issue_cert(*NAMES))
        self.address = self._write("address", authority.issue_cert("127.0.0.1"))
        self.idna = self._write("idna", authority.issue_cert(IDNA_NAME))
        self.self_signed = self._self_signed("self", "localhost")
        self.nameless = self._self_signed("nameless")

    def _write(self, name: str, certificate: trustme.LeafCert) -> Pair:
        pair = Pair(str(self.directory / f"{name}.pem"), str(self.directory / f"{name}.key"))
        certificate.private_key_pem.write_to_path(pair.key)
        for at, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(pair.certificate, append=at > 0)
        return pair

    def _self_signed(self, filename: str, *names: str) -> Pair:
        pair = Pair(
            str(self.directory / f"{filename}.pem"), str(self.directory / f"{filename}.key")
        )
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.timezone.utc)
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        if names:
            found = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            builder = builder.add_extension(found, critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        Path(pair.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        Path(pair.key).write_bytes(secret)
        return pair

    def server_context(
        self,
        pair: Pair | None = None,
        alpn: Sequence[str] = ("h2",),
        client_certificate: bool = False,
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None,
    ) -> ssl.SSLContext:
        """A server's context.

        `alpn` empty: no ALPN; `versions`: the lowest and the highest TLS spoken.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chosen = pair or self.server
        context.load_cert_chain(chosen.certificate, chosen.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client_certificate:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        if versions:
            context.minimum_version, context.maximum_version = versions
        return context

    def client_context(
        self, alpn: Sequence[str] = ("h2",), client_certificate: bool = False
    ) -> ssl.SSLContext:
        """A client's context that trusts `authority` alone. `alpn` empty: no ALPN."""
        context = ssl.create_default_context(cafile=self.authority)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if client_certificate:
            context.load_cert_chain(self.client.certificate, self.client.key)
        return context

    def hyper_context(self, client_certificate: bool = False, **options: Any) -> Any:
        """A context for hyper that trusts `authority` alone; HYPER_TLS names its backend."""
        pair = tuple(self.client) if client_certificate else None
        return init_context(self.authority, pair, **options)

    def own_context(self, backend: str, ciphers: str) -> Any:
        """A context of the backend as callers make their own, with these ciphers under TLS 1.2."""
        if backend == "ssl":
            context = self.client_context(())
            context.set_ciphers(ciphers)
            return context
        from OpenSSL import SSL

        own = SSL.Context(SSL.TLS_CLIENT_METHOD)
        own.load_verify_locations(self.authority)
        own.set_verify(SSL.VERIFY_PEER)
        own.set_cipher_list(ciphers.encode())
        return own
